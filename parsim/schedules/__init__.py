"""The shelf of schedules: in which order does a stage run F, B, W?"""

from parsim.entries.registry import Shelf

schedules = Shelf(__name__, "in which order does a stage run F, B, W?")
