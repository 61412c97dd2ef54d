"""The version of parsim."""

__version__ = "0.2.0"
