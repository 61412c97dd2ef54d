"""ZeRO stage 2: each data rank holds 1/d of the gradients and of the optimizer state.

    rank 0  |F B B B F B B B|                              the gradients of every microbatch are scattered, and each
            |  scatter  scatter  |U|  all-gather  |F ...   rank adds up its part

Memory of mixed precision with Adam: (2 + 14/d) bytes a parameter. Rajbhandari et al., ZeRO, SC 2020, section 5.
"""

from __future__ import annotations

from parsim.core.sharding import Sharding
from parsim.shardings import shardings


@shardings.add("zero2")
def zero2() -> Sharding:
    """Share gradients and optimizer state.

    >>> zero2().gradients
    True
    """
    return Sharding(optimizer=True, gradients=True)
