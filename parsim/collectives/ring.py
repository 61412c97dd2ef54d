"""Ring: each rank sends to the next one only, the last one to the first.

    0 --> 1 --> 2 --> 3        all-reduce of four: in rounds 0 to 2 each rank adds what it gets to its own piece and
    ^                 |        hands it on, so that each has one piece complete; in rounds 3 to 5 the complete pieces
    +-----------------+        go round

    all-reduce                   2(p-1) (alpha + S/p beta)
    all-gather, reduce-scatter    (p-1) (alpha + S/p beta)
    broadcast                   (p+k-2) (alpha + S/k beta)       k chunks follow each other through the chain 0, 1, ...

Patarasuk and Yuan, J. Parallel Distrib. Comput. 69(2), 2009; Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput.
Appl. 19(1), 2005. A ring visits one node after the other; every round waits for the way between nodes, if there are
several. Chunks of a piece travel side by side, except in a broadcast.

One ring leaves each node once, through one network card. Several rings share the buffer, and each leaves from another
rank of the node, as NCCL's channels do; a ring that leaves a node by its third rank enters the next one by its third:

    ring 0   0 - 1 - 2 - 3  ==>  7 - 6 - 5 - 4  ==> 0        ring 1   1 - 2 - 3 - 0  ==>  4 - 7 - 6 - 5  ==> 1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from parsim.collectives import collectives
from parsim.core.columns import Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import Group, Price, Round, Term, nodes_of, side_by_side
from parsim.core.schema import Count

Part = Literal["all-reduce", "all-gather", "reduce-scatter", "broadcast"]


def price(operation: str, ranks: int, chunks: int, group: Group, rings: int = 1) -> Price | None:
    """Return the closed form; of several rings none is known.

    >>> price("all-reduce", 4, 1, Group((0, 0, 0, 0)))
    Price(formula='2(p-1)(alpha + S/p beta)', inside=Term(rounds=6, share=1.5), across=Term(rounds=0, share=0.0))
    """
    formula, term = form(operation, ranks, chunks)
    if rings > 1:
        return None
    return Price(formula, term) if len(set(group.node)) == 1 else Price(formula, Term(), term)


def form(operation: str, ranks: int, chunks: int) -> tuple[str, Term]:
    """Return the closed form of one ring of equal ways."""
    if operation == "broadcast":
        rounds = ranks + chunks - 2
        return "(p+k-2)(alpha + S/k beta)", Term(rounds, rounds / chunks)
    rounds = (2 if operation == "all-reduce" else 1) * (ranks - 1)
    return f"{'2' * (operation == 'all-reduce')}(p-1)(alpha + S/p beta)", Term(rounds, rounds / ranks)


@collectives.add("ring", price=price)
def ring(operation: Part, ranks: int, chunks: int, group: Group, rings: Count = 1) -> Iterator[Round]:
    """Yield the rounds of a ring, in a broadcast those of a chain.

    Parameters
    ----------
    rings : rings that share the buffer; each leaves a node from another of its ranks.

    >>> for round in ring("all-gather", 3, 1, Group((0, 0, 0))): print(round.source, round.target, round.piece)
    [0 1 2] [1 2 0] [0 1 2]
    [0 1 2] [1 2 0] [2 0 1]
    """
    orders = _orders(group, rings)  # (rings, ranks)
    one = one_ring(operation, ranks, chunks)
    if operation == "broadcast":
        orders = np.stack([np.roll(order, -int(np.flatnonzero(order == 0)[0])) for order in orders])
        pieces = np.arange(rings * chunks).reshape(rings, chunks, 1)
    else:
        pieces = (orders * rings + np.arange(rings)[:, None])[:, :, None]  # each ring has a piece of every rank
    yield from side_by_side(one, orders, pieces)


def one_ring(operation: Part, ranks: int, chunks: int) -> Iterator[Round]:
    """Yield the rounds of one ring of ranks in order."""
    rank = np.arange(ranks)
    following = (rank + 1) % ranks
    if operation == "broadcast":
        for turn in range(ranks + chunks - 2):
            source = rank[max(turn - chunks + 1, 0) : min(turn + 1, ranks - 1)]
            yield Round(source, source + 1, turn - source, add=False)
        return
    if operation != "all-gather":
        for turn in range(1, ranks):  # rank r ends with piece r
            yield Round(rank, following, (rank - turn) % ranks, add=True, flows=chunks)
    if operation != "reduce-scatter":
        for turn in range(ranks - 1):
            yield Round(rank, following, (rank - turn) % ranks, add=False, flows=chunks)


def _orders(group: Group, rings: int) -> Ints:
    """Return the ranks of each ring in its order."""
    if rings == 1:
        return np.argsort(group.node, kind="stable")[None]
    nodes = nodes_of(group)  # (nodes, each)
    each = nodes.shape[1]
    if rings > each:
        why = f"{rings} rings need as many ranks on each node to leave it from, not {each}"
        raise Invalid([Complaint(("rings",), why)])
    return np.stack([_order(nodes, np.roll(np.arange(each), -first)) for first in range(rings)])


def _order(nodes: Ints, places: Ints) -> Ints:
    """Visit the *places* of the first node in order, those of the next one backwards, and so on."""
    ways = (places, places[::-1])
    return np.concatenate([node[ways[number % 2]] for number, node in enumerate(nodes)])
