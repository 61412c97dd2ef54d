"""The version of parsim."""

__version__ = "0.2.0"
VERSIONS = {"schema": 1, "parsim": __version__}  # of every JSON object
