"""The shelf of policies: which ready task does an idle worker take?"""

from parsim.core.registry import Shelf

policies = Shelf(__name__, "which ready task does an idle worker take?")
