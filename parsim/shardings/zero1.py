"""ZeRO stage 1: each data rank holds and updates 1/d of the optimizer state.

    rank 0  |F B B B|
            |  reduce-scatter  |U|  all-gather  |F ...     U updates 1/d of the weights, which all ranks then gather

Bytes are those of an all-reduce, but the second half comes after the update. Memory of mixed precision with Adam:
(4 + 12/d) bytes a parameter. Rajbhandari et al., ZeRO, SC 2020, section 5.
"""

from __future__ import annotations

from parsim.core.sharding import Sharding
from parsim.shardings import shardings


@shardings.add("zero1")
def zero1() -> Sharding:
    """Share the optimizer state.

    >>> zero1().reduces
    'reduce-scatter'
    """
    return Sharding(optimizer=True)
