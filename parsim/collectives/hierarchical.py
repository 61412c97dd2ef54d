"""Hierarchical: within each node, then between the ranks of one place in all nodes, then within each node again.

    node 0   0 - 1       all-reduce of two nodes of two: reduce-scatter within the nodes (0, 1) and (2, 3),
             |   |       all-reduce of each half between the nodes, (0, 2) and (1, 3),
    node 1   2 - 3       all-gather within the nodes

With rings, g ranks a node, m nodes, a and b the ways within a node, A and B those between nodes:

    all-reduce                   2(g-1) (a + S/g b) + 2(m-1) (A + S/(gm) B)
    all-gather, reduce-scatter    (g-1) (a + S/g b) +  (m-1) (A + S/(gm) B)
    all-to-all                    a + (g-1)/g S b + A + (m-1)/m S B           each message by the rank of its node that
                                                                              has its target's place

Cho et al., BlueConnect, MLSys 2019. Each rank sends to other nodes on its own, so nodes of one network card share it.
Chunks travel side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from parsim.collectives import collectives, direct, halving_doubling, ring
from parsim.core.columns import Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import Group, Operation, Price, Round, side_by_side

Stage = Literal["ring", "direct", "halving-doubling"]
Part = Literal["all-reduce", "all-gather", "reduce-scatter"]


def price(operation: Operation, group: Group, inside: Stage = "ring", across: Stage = "ring") -> Price:
    r"""Return the closed form.

    >>> print(*price("all-reduce", Group((0, 0, 1, 1))), sep="\n")
    2(p-1)(alpha + S/p beta) within 2 nodes of 2, that of S/2 between
    Term(rounds=2, share=1.0)
    Term(rounds=2, share=0.5)
    """
    nodes, each = _nodes(group).shape
    if operation == "all-to-all":
        within, between = _price("direct", operation, each), _price("direct", operation, nodes)
        return Price(f"{within.formula}, with p = {each} and {nodes}", within.inside, between.inside)
    within, between = _price(inside, operation, each), _price(across, operation, nodes)
    formula = f"{within.formula} within {nodes} nodes of {each}, that of S/{each} between"
    return Price(formula, within.inside, between.inside._replace(share=between.inside.share / each))


@collectives.add("hierarchical", price=price)
def hierarchical(
    operation: Literal["all-reduce", "all-gather", "reduce-scatter", "all-to-all"],
    group: Group,
    inside: Stage = "ring",
    across: Stage = "ring",
) -> Iterator[Round]:
    """Yield the rounds within nodes and between them.

    Parameters
    ----------
    inside : algorithm within a node.
    across : algorithm between nodes.

    >>> for round in hierarchical("all-gather", Group((0, 0, 1, 1))): print(round.source, round.target, round.piece)
    [0 2 1 3] [2 0 3 1] [0 2 1 3]
    [0 0 1 1 2 2 3 3] [1 1 0 0 3 3 2 2] [0 2 1 3 0 2 1 3]
    """
    ranks = _nodes(group)  # (nodes, each)
    if operation == "all-to-all":
        yield from _exchange(ranks)
        return
    within = np.broadcast_to(ranks.T, (len(ranks), *ranks.T.shape))  # in a node, its place k stands for all of place k
    between = ranks.T[:, :, None]
    if operation != "all-gather":
        yield from side_by_side(_rounds(inside, "reduce-scatter", ranks.shape[1]), ranks, within)
    yield from side_by_side(_rounds(across, operation, ranks.shape[0]), ranks.T, between)
    if operation != "reduce-scatter":
        yield from side_by_side(_rounds(inside, "all-gather", ranks.shape[1]), ranks, within)


def _nodes(group: Group) -> Ints:
    """Return the ranks of each node, (nodes, each); nodes that differ in size are refused."""
    node = np.array(group.node)
    _, sizes = np.unique(node, return_counts=True)
    if len(set(sizes.tolist())) > 1:
        why = f"hierarchical needs as many ranks on each node, not {min(sizes)} here and {max(sizes)} there; use ring"
        raise Invalid([Complaint((), why)])
    return np.argsort(node, kind="stable").reshape(len(sizes), -1)


def _rounds(stage: Stage, operation: Part, ranks: int) -> Iterator[Round]:
    if stage == "ring" or ranks == 1:
        return ring.ring(operation, ranks, 1)
    return (direct.direct if stage == "direct" else halving_doubling.halving_doubling)(operation, ranks)


def _price(stage: Stage, operation: Operation, ranks: int) -> Price:
    if stage == "ring" or ranks == 1:
        return ring.price(operation, ranks, 1)
    return (direct.price if stage == "direct" else halving_doubling.price)(operation, ranks)


def _exchange(ranks: Ints) -> Iterator[Round]:
    """Yield the rounds of an all-to-all: to the rank of the node at the target's place, then to the target."""
    nodes, each = ranks.shape
    all_ranks = ranks.size
    home, here, there, other = (column.ravel() for column in np.indices((nodes, each, nodes, each)))
    piece = ranks[home, here] * all_ranks + ranks[there, other]
    inner, outer = here != other, home != there
    yield Round(ranks[home, here][inner], ranks[home, other][inner], piece[inner], add=False)
    yield Round(ranks[home, other][outer], ranks[there, other][outer], piece[outer], add=False)
