"""The shelf of merges: how are the outputs combined?"""

from parsim.entries.registry import Shelf

merges = Shelf(__name__, "what is made of all outputs?")
