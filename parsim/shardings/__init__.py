"""The shelf of shardings: what do data ranks share of the state of training?"""

from parsim.entries.registry import Shelf

shardings = Shelf(__name__, "what do data ranks share of the state of training?")
