"""The shelf of merges: what is made of all outputs?"""

from parsim.entries.registry import Shelf

merges = Shelf(__name__, "what is made of all outputs?")
