"""The registry of shelf entries, entries from outside the package, and the checks of their answers."""
