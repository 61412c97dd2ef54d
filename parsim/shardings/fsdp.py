"""Fully sharded data parallel: `zero3` under the name that PyTorch gives it.

    rank 0  |gather 0|gather 1|gather 2|...     full shard: each rank holds 1/d of weights, gradients and state
                     |F layer 0|F layer 1|...   the next layer is gathered while this one runs

Zhao et al., PyTorch FSDP, VLDB 2023: `prefetch` as in its section 3.3.2, `reshard: false` as its reshard_after_forward.
"""

from __future__ import annotations

from parsim.core.schema import Whole
from parsim.core.sharding import Sharding
from parsim.shardings import shardings
from parsim.shardings.zero3 import zero3


@shardings.add("fsdp")
def fsdp(prefetch: Whole = 1, reshard: bool = True) -> Sharding:
    """Share weights, gradients and optimizer state, as `zero3` does.

    Parameters
    ----------
    prefetch : layers whose weights are gathered while an earlier one runs.
    reshard : whether weights are dropped after forward and gathered again for backward; false: they are kept until the
        last backward of a step.

    >>> fsdp() == zero3()
    True
    """
    return zero3(prefetch, reshard)
