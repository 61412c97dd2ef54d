"""Double binary tree: two trees over the same ranks, each of which carries half of the buffer.

    broadcast of eight       tree 0     0 --> 4 --> 2 --> 1, 3        tree 1     0 --> 5 --> 3 --> 2, 4
                                         `--------> 6 --> 5, 7                    `--------> 7 --> 6, 1

A rank that hands on in one tree only receives in the other. Each edge is used in every second round, so that no rank
sends to two others in a round, or receives from two. Each half is cut into k chunks that follow each other.

    broadcast     (d + 2k) (alpha + S/(2k) beta)        d = 2 ceil(lg p) - 2, or one less; p a power of two: this
    all-reduce   2(d + 2k) (alpha + S/(2k) beta)        up the trees to rank 0, and down again

Sanders, Speck, Traeff, Two-tree algorithms for full bandwidth broadcast, reduction and scan, Parallel Computing 35(12),
2009. NCCL builds such trees since its version 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from parsim.collectives import collectives
from parsim.core.columns import Ints
from parsim.core.rounds import Price, Round, Term

ROOT = 0


class Edges(NamedTuple):
    """The edges of both trees, away from the root."""

    source: Ints  # (edges,)
    target: Ints  # (edges,)
    tree: Ints  # (edges,) 0 or 1
    first: Ints  # (edges,) the round in which it carries the first chunk


def price(operation: str, ranks: int, chunks: int) -> Price:
    """Return the closed form.

    >>> price("broadcast", 8, 4).inside, price("all-reduce", 8, 4).inside
    (Term(rounds=12, share=1.5), Term(rounds=24, share=3.0))
    """
    twice = 2 if operation == "all-reduce" else 1
    deep = int(_edges(ranks).first.max()) - 1
    rounds = twice * (deep + 2 * chunks)
    formula = f"{'2' * (twice == 2)}(d + 2k)(alpha + S/(2k) beta), d = {deep}"
    return Price(formula, Term(rounds, rounds / (2 * chunks)))


@collectives.add("double-binary-tree", price=price)
def double_binary_tree(operation: Literal["all-reduce", "broadcast"], ranks: int, chunks: int) -> Iterator[Round]:
    """Yield the rounds: up for the sum, down to hand it out.

    >>> for round in double_binary_tree("broadcast", 3, 1): print(round.source, round.target, round.piece)
    [0] [2] [0]
    [0] [1] [1]
    [2] [1] [0]
    [1] [2] [1]
    """
    down = list(_down(ranks, chunks))
    if operation == "all-reduce":
        for one in reversed(down):
            yield Round(one.target, one.source, one.piece, add=True)
    yield from down


def _down(ranks: int, chunks: int) -> Iterator[Round]:
    """Yield the rounds of a broadcast; piece t k + c is chunk c of tree t."""
    edges = _edges(ranks)
    for turn in range(int(edges.first.max()) + 2 * chunks - 1):
        chunk, odd = np.divmod(turn - edges.first, 2)
        busy = (odd == 0) & (chunk >= 0) & (chunk < chunks)
        piece = edges.tree[busy] * chunks + chunk[busy]
        yield Round(edges.source[busy], edges.target[busy], piece, add=False)


@cache
def _edges(ranks: int) -> Edges:
    """Build both trees, and give each edge its rounds."""
    trees = (list(range(ranks)), _names(ranks))
    rows = [
        (names[_above(place, ranks - 1)], names[place], tree)
        for tree, names in enumerate(trees)
        for place in range(1, ranks)
    ]
    first = _firsts(rows)
    source, target, tree = np.array(rows).T
    return Edges(source, target, tree, np.array(first))


def _names(ranks: int) -> list[int]:
    """Return the rank at each place of tree 1: those that hand on in tree 0 are leaves here."""
    last = ranks - 1
    others = range(1, ranks)
    return [ROOT, *(ranks - place if last % 2 == 0 else place % last + 1 for place in others)]


def _above(place: int, last: int) -> int:
    """Return the place above *place* in the binary search tree of places 1 to *last*; 0 above the root.

    >>> [_above(place, 7) for place in range(1, 8)]
    [2, 4, 2, 0, 6, 4, 6]
    """
    bit = place & -place
    above = (place ^ bit) | bit << 1
    return above if above <= last else place ^ bit


def _firsts(rows: list[tuple[int, int, int]]) -> list[int]:
    """Return the first round of each edge: the next one of its parity after its source has received the chunk."""
    parity, into = _parities(rows), {(target, tree): edge for edge, (_, target, tree) in enumerate(rows)}
    first: dict[int, int] = {}

    def of(edge: int) -> int:
        source, _, tree = rows[edge]
        if edge not in first:
            before = into.get((source, tree))
            first[edge] = parity[edge] if before is None else of(before) + 1 + (parity[before] == parity[edge])
        return first[edge]

    return [*map(of, range(len(rows)))]


def _parities(rows: list[tuple[int, int, int]]) -> list[int]:
    """Return 0 or 1 for each edge, so that the two that leave a rank differ, and the two that enter it.

    An edge has at most one neighbour at its source and one at its target, so the neighbours form paths and circles of
    even length (Koenig, 1916).
    """
    ends: dict[tuple[str, int], list[int]] = {}
    for edge, (source, target, _) in enumerate(rows):
        ends.setdefault(("out", source), []).append(edge)
        ends.setdefault(("in", target), []).append(edge)
    beside: list[list[int]] = [[] for _ in rows]
    for pair in ends.values():
        for one in pair:
            beside[one] += [other for other in pair if other != one]
    parity: dict[int, int] = {}
    for start in range(len(rows)):
        parity.setdefault(start, 0)
        left = [start]
        while left:
            edge = left.pop()
            fresh = [other for other in beside[edge] if other not in parity]
            parity |= dict.fromkeys(fresh, 1 - parity[edge])
            left += fresh
    return [parity[edge] for edge in range(len(rows))]
