"""The shelf of topologies: how are devices wired?"""

from parsim.entries.registry import Shelf

topologies = Shelf(__name__, "how are devices wired?")
