"""The shelf of parallel: how are items cut into tasks?"""

from parsim.entries.registry import Shelf

parallel = Shelf(__name__, "how are items cut into tasks?")
