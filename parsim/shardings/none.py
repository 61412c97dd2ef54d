"""None: every data rank holds all weights, gradients and optimizer state of its layers.

    rank 0  |F B B B|             gradients of a bucket of layers are added up while the layers below run backward
            |  all-reduce  |U|
    rank 1  |F B B B|
            |  all-reduce  |U|    each rank updates all weights

A parameter moves 2 (d - 1) / d times its gradient's bytes, with a ring. Li et al., PyTorch Distributed, VLDB 2020.
"""

from __future__ import annotations

from parsim.core.sharding import Sharding
from parsim.shardings import shardings


@shardings.add("none")
def none() -> Sharding:
    """Share nothing.

    >>> none().reduces
    'all-reduce'
    """
    return Sharding()
