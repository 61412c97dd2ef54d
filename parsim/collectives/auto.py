"""Auto: the algorithm that NCCL would choose for a size.

    all-reduce, nodes of one rank        ring, or double-binary-tree where that is faster
    all-reduce, nodes of several ranks   as many rings, or hierarchical with double-binary-tree between nodes
    all-gather, reduce-scatter           ring, as many as a node has ranks
    broadcast                            the same
    all-to-all, send                     direct

An all-reduce takes trees where they are faster by the closed forms of this shelf, and also by NCCL's own model, seconds
= latency + size / bandwidth, of its protocols LL, LL128 and Simple, for p ranks on m nodes of g, and bus = g x the
bandwidth of a rank's way:

    latency      rings  base + 2(p-m) hops within nodes + 2(m-1) between      trees  base + 2(g-1) + 2 lg m
    bandwidth    rings  share x bus x p / (2(p-1))                            trees  share x 0.92 x bus / 2

NCCL cuts what goes through trees finely; here it is cut into the key `chunks`, so that rings win from smaller sizes on.
Constants are those of `ncclTopoTuneModel` in src/graph/tuning.cc of NCCL, as of 2025, for NVLink within nodes. Its
bounds for single channels, and algorithms that add in switches (NVLS, CollNet), are left out.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from parsim.collectives import collectives, double_binary_tree, hierarchical
from parsim.collectives.ring import form
from parsim.core.rounds import Group, Operation
from parsim.core.schema import Ask


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
def auto(operation: Operation, size: float, chunks: int, group: Group) -> Ask:
    """Return the algorithm.

    >>> from parsim.core.rounds import Way
    >>> nodes = Group((0,) * 8 + (1,) * 8, Way(2e-6, 1 / 300e9), Way(5e-6, 1 / 25e9))
    >>> for size in (1e3, 1e9): print(auto("all-reduce", size, 1, nodes)[::2])
    ('hierarchical', {'across': 'double-binary-tree'})
    ('ring', {'rings': 8})
    """
    if operation in ("all-to-all", "send"):
        return _ask("direct")
    sizes = list(Counter(group.node).values())
    nodes, each = len(sizes), sizes[0] if len(set(sizes)) == 1 else 1  # unequal nodes: one ring
    rings = _ask("ring", rings=each) if min(nodes, each) > 1 else _ask("ring")
    if operation != "all-reduce" or nodes == 1:
        return rings
    ranks, way, (_, ring) = len(group.node), group.across, form(operation, len(group.node), chunks)
    if each > 1:
        trees = _ask("hierarchical", across="double-binary-tree")
        seconds = hierarchical.price(operation, chunks, group, across="double-binary-tree").seconds(size, group)
    else:
        trees = _ask("double-binary-tree")
        seconds = double_binary_tree.price(operation, ranks, chunks).inside.seconds(size, way)
    sent = size * way.beta / each
    here = seconds < ring.seconds(size / each, way)  # each ring leaves nodes by a way of its own
    return trees if here and _tree(ranks, nodes, sent) < _ring(ranks, nodes, sent) else rings


def _ask(name: str, **arguments: object) -> Ask:
    return Ask(name, collectives[name], arguments)


def _ring(ranks: int, nodes: int, sent: float) -> float:
    """Return the seconds of rings, given those in which the bus carries the buffer once."""
    within, between = 2 * (ranks - nodes), 2 * (nodes - 1)
    return min(
        one.base + within * one.inside + between * one.across + sent * 2 * (ranks - 1) / ranks / one.share
        for one in RING
    )


def _tree(ranks: int, nodes: int, sent: float) -> float:
    """Return the seconds of trees."""
    within, between = 2 * (ranks // nodes - 1), 2 * math.floor(math.log2(nodes))
    return min(one.base + within * one.inside + between * one.across + 2 * sent / one.share for one in TREE)
