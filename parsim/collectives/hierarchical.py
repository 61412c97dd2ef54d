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

from parsim.collectives import collectives, direct, double_binary_tree, halving_doubling, ring
from parsim.core.columns import Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import Group, Operation, Price, Round, Term, nodes_of, pieces_of, side_by_side

Stage = Literal["ring", "direct", "halving-doubling"]
Between = Literal["ring", "direct", "halving-doubling", "double-binary-tree"]
Part = Literal["all-reduce", "all-gather", "reduce-scatter"]


def price(operation: Operation, chunks: int, group: Group, inside: Stage = "ring", across: Between = "ring") -> Price:
    r"""Return the closed form.

    >>> print(*price("all-reduce", 1, Group((0, 0, 1, 1))), sep="\n")
    2(p-1)(alpha + S/p beta) within 2 nodes of 2, that of S/2 between
    Term(rounds=2, share=1.0)
    Term(rounds=2, share=0.5)
    """
    nodes, each = nodes_of(group).shape
    if operation == "all-to-all":
        (formula, within), (_, between) = (_form("direct", operation, count, 1) for count in (each, nodes))
        return Price(f"{formula}, with p = {each} and {nodes}", within, between)
    formula, within = _form(inside, operation, each, chunks)
    other, between = _form(across, operation, nodes, chunks)
    formula = f"{formula} within {nodes} nodes of {each}, {'that' if other == formula else other} of S/{each} between"
    return Price(formula, within, between._replace(share=between.share / each))


@collectives.add("hierarchical", price=price)
def hierarchical(
    operation: Literal["all-reduce", "all-gather", "reduce-scatter", "all-to-all"],
    chunks: int,
    group: Group,
    inside: Stage = "ring",
    across: Between = "ring",
) -> Iterator[Round]:
    """Yield the rounds within nodes and between them.

    Parameters
    ----------
    inside : algorithm within a node.
    across : algorithm between nodes; double-binary-tree for an all-reduce alone.

    >>> for round in hierarchical("all-gather", 1, Group((0, 0, 1, 1))): print(round.source, round.target, round.piece)
    [0 2 1 3] [2 0 3 1] [0 2 1 3]
    [0 0 1 1 2 2 3 3] [1 1 0 0 3 3 2 2] [0 2 1 3 0 2 1 3]
    """
    ranks = nodes_of(group)  # (nodes, each)
    nodes, each = ranks.shape
    if operation == "all-to-all":
        yield from _exchange(ranks, chunks)
        return
    middle = list(_rounds(across, operation, nodes, chunks))
    pieces = pieces_of(operation, nodes, middle) if operation == "all-reduce" else nodes
    parts = pieces if pieces != nodes else 1  # into which the piece of a rank is cut, for what is no piece of a node
    owned = ranks.T[:, :, None] * parts + np.arange(parts)  # (each, nodes, parts): the pieces of the ranks of a place
    within = np.broadcast_to(owned.reshape(each, -1), (nodes, each, nodes * parts))
    between = owned.swapaxes(1, 2) if parts > 1 else owned
    if operation != "all-gather":
        yield from side_by_side(_rounds(inside, "reduce-scatter", each, chunks), ranks, within)
    yield from side_by_side(middle, ranks.T, between)
    if operation != "reduce-scatter":
        yield from side_by_side(_rounds(inside, "all-gather", each, chunks), ranks, within)


def _rounds(stage: Between, operation: Part, ranks: int, chunks: int) -> Iterator[Round]:
    """Return the rounds of a stage."""
    if stage == "double-binary-tree":
        if operation != "all-reduce":
            why = f"double-binary-tree has no {operation}; use ring"
            raise Invalid([Complaint(("across",), why)])
        return double_binary_tree.double_binary_tree(operation, ranks, chunks)
    if stage == "ring" or ranks == 1:
        return ring.one_ring(operation, ranks, chunks)
    found = (direct.direct if stage == "direct" else halving_doubling.halving_doubling)(operation, ranks)
    return (one._replace(flows=chunks) for one in found)


def _form(stage: Between, operation: Operation, ranks: int, chunks: int) -> tuple[str, Term]:
    """Return the closed form of a stage, on its ways alone."""
    if stage == "ring" or ranks == 1:
        return ring.form(operation, ranks, chunks)
    if stage == "double-binary-tree":
        return double_binary_tree.price(operation, ranks, chunks)[:2]
    return (direct.price if stage == "direct" else halving_doubling.price)(operation, ranks)[:2]


def _exchange(ranks: Ints, chunks: int) -> Iterator[Round]:
    """Yield the rounds of an all-to-all: to the rank of the node at the target's place, then to the target."""
    nodes, each = ranks.shape
    all_ranks = ranks.size
    home, here, there, other = (column.ravel() for column in np.indices((nodes, each, nodes, each)))
    piece = ranks[home, here] * all_ranks + ranks[there, other]
    inner, outer = here != other, home != there
    yield Round(ranks[home, here][inner], ranks[home, other][inner], piece[inner], False, chunks)
    yield Round(ranks[home, other][outer], ranks[there, other][outer], piece[outer], False, chunks)
