"""The shelf of policies: which ready task does an idle worker take?"""

from parsim.entries.registry import Shelf

policies = Shelf(__name__, "which ready task does an idle worker take?")
