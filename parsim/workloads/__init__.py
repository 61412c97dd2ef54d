"""The shelf of workloads: what is there to do?"""

from parsim.entries.registry import Shelf

workloads = Shelf(__name__, "what is there to do?")
