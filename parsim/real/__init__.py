"""The wall clock: the same graph in real worker processes."""
