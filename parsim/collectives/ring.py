"""Ring: each rank sends to the next one only, the last one to the first.

    0 --> 1 --> 2 --> 3        all-reduce of four: in rounds 0 to 2 each rank adds what it gets to its own piece and
    ^                 |        hands it on, so that rank 3 has piece 0 complete, rank 0 piece 1, ...; in rounds 3 to 5
    +-----------------+        the complete pieces go round

    all-reduce                   2(p-1) (alpha + S/p beta)
    all-gather, reduce-scatter    (p-1) (alpha + S/p beta)
    broadcast                   (p+k-2) (alpha + S/k beta)       k chunks follow each other through the chain 0, 1, ...

Patarasuk and Yuan, J. Parallel Distrib. Comput. 69(2), 2009; Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput.
Appl. 19(1), 2005. Chunks of a piece travel side by side, except in a broadcast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from parsim.collectives import collectives
from parsim.core.rounds import Price, Round, Term


def price(operation: str, ranks: int, chunks: int) -> Price:
    """Return the closed form.

    >>> price("all-reduce", 4, 1)
    Price(formula='2(p-1)(alpha + S/p beta)', inside=Term(rounds=6, share=1.5), across=Term(rounds=0, share=0.0))
    """
    if operation == "broadcast":
        rounds = ranks + chunks - 2
        return Price("(p+k-2)(alpha + S/k beta)", Term(rounds, rounds / chunks))
    twice = 2 if operation == "all-reduce" else 1
    rounds = twice * (ranks - 1)
    return Price(f"{'2' * (twice == 2)}(p-1)(alpha + S/p beta)", Term(rounds, rounds / ranks))


@collectives.add("ring", price=price)
def ring(
    operation: Literal["all-reduce", "all-gather", "reduce-scatter", "broadcast"], ranks: int, chunks: int
) -> Iterator[Round]:
    """Yield the rounds of a ring, in a broadcast those of a chain.

    >>> for round in ring("all-gather", 3, 1): print(round.source, round.target, round.piece)
    [0 1 2] [1 2 0] [0 1 2]
    [0 1 2] [1 2 0] [2 0 1]
    """
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
