"""The shelf of topologies: how are devices wired?

A topology may claim, with functions of its own parameters:

devices   how many devices it wires, where that follows from its parameters; None: any number
device    the name of the known device that it wires; None: any
"""

from parsim.entries.registry import Shelf

topologies = Shelf(__name__, "how are devices wired?", claims=("devices", "device", "period"))
