"""ZeRO stage 3, or fully sharded data parallel: each data rank holds 1/d of weights, gradients and optimizer state.

    rank 0  |gather 0|gather 1|gather 2|...     the weights of a layer are gathered before it runs, and dropped after it
                     |F layer 0|F layer 1|...   with `prefetch: 1`, the next layer is gathered meanwhile

A parameter moves three times (d - 1) / d of its bytes for each microbatch: gathered for forward and for backward, and
its gradient scattered; without `reshard`, twice and once for each step. Memory of mixed precision with Adam: 16/d
bytes a parameter. Rajbhandari et al., ZeRO, SC 2020, section 5; Zhao et al., PyTorch FSDP, VLDB 2023.
"""

from __future__ import annotations

from parsim.core.schema import Whole
from parsim.core.sharding import Sharding
from parsim.shardings import shardings


@shardings.add("zero3")
def zero3(prefetch: Whole = 1, reshard: bool = True) -> Sharding:
    """Share weights, gradients and optimizer state.

    Parameters
    ----------
    prefetch : layers whose weights are gathered while an earlier one runs.
    reshard : whether weights are dropped after forward and gathered again for backward; false: they are kept until the
        last backward of a step.

    >>> zero3(prefetch=2).prefetch
    2
    """
    return Sharding(optimizer=True, gradients=True, weights=True, prefetch=prefetch, keeps=not reshard)
