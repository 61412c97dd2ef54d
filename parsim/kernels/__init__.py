"""The shelf of kernels: what does a task really compute?"""

from parsim.core.registry import Shelf

kernels = Shelf(__name__, "what does a task really compute?")
