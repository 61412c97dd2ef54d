"""Auto: the algorithm that NCCL would choose for a size.

    all-reduce of 16 ranks on 2 nodes       small: double-binary-tree        large: ring
    all-gather, reduce-scatter, broadcast   ring
    all-to-all, send                        direct

An all-reduce takes whichever is faster by NCCL's own model, seconds = latency + size / bandwidth, of the protocols LL,
LL128 and Simple of both algorithms:

    latency      ring  base + 2(p-1) hops             tree  base + 2(g-1 hops within a node + lg m between nodes)
    bandwidth    ring  share x bus x p / (2(p-1))     tree  share x 0.92 x bus / 2        bus: that of a rank's way

Constants are those of `ncclTopoTuneModel` in src/graph/tuning.cc of NCCL, as of 2025, for NVLink within nodes. Its
bounds for single channels, and algorithms that add in switches (NVLS, CollNet), are left out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from parsim.collectives import collectives
from parsim.core.rounds import Group, Operation


class Protocol(NamedTuple):
    """How NCCL sends: s of start and hops, share of the bandwidth."""

    base: float
    inside: float
    across: float
    share: float  # of a ring's bandwidth, or of a tree's


RING = (
    Protocol(6.6e-6, 0.6e-6, 2.7e-6, 0.5),  # LL
    Protocol(14e-6, 1.9e-6, 4.0e-6, 0.92),  # LL128
    Protocol(8.4e-6, 3.4e-6, 14e-6, 1.0),  # Simple
)
TREE = (
    Protocol(6.8e-6, 0.6e-6, 5.0e-6, 0.92 / 3.8),
    Protocol(14e-6, 1.25e-6, 8.5e-6, 0.92 * 120 / 128),
    Protocol(8.4e-6, 4.0e-6, 14e-6, 0.92),
)


@collectives.add("auto")
def auto(operation: Operation, ranks: int, size: float, group: Group) -> str:
    """Return the name of the algorithm.

    >>> from parsim.core.rounds import Way
    >>> nodes = Group((0,) * 8 + (1,) * 8, Way(2e-6, 1 / 300e9), Way(5e-6, 1 / 25e9))
    >>> [auto("all-reduce", 16, size, nodes) for size in (1e3, 1e9)]
    ['double-binary-tree', 'ring']
    """
    if operation in ("all-to-all", "send"):
        return "direct"
    if operation != "all-reduce":
        return "ring"
    nodes = len(set(group.node))
    beta = group.across.beta if nodes > 1 else group.inside.beta
    rounds, between = 2 * (ranks - 1), 2 * (nodes - 1)
    ring = min(
        one.base + (rounds - between) * one.inside + between * one.across + size * beta * rounds / ranks / one.share
        for one in RING
    )
    levels = math.floor(math.log2(nodes))
    tree = min(
        one.base + 2 * ((ranks // nodes - 1) * one.inside + levels * one.across) + 2 * size * beta / one.share
        for one in TREE
    )
    return "ring" if ring <= tree else "double-binary-tree"
