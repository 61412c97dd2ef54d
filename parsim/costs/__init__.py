"""The shelf of costs: how many seconds does a task take here?"""

from parsim.entries.registry import Shelf

costs = Shelf(__name__, "how many seconds does a task take here?")
