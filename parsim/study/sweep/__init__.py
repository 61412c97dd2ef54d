"""Sweeps: all rows of a space are played, by many workers, and kept in a store that survives anything."""
