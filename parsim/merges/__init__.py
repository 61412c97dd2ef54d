"""The shelf of merges: what is made of all outputs?"""

from parsim.core.registry import Shelf

merges = Shelf(__name__, "what is made of all outputs?")
