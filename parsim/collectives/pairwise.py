"""Pairwise: in round k each rank sends to the one k places further, and receives from the one k places before.

    round 1   0 -> 1   1 -> 2   2 -> 3   3 -> 0
    round 2   0 -> 2   1 -> 3   2 -> 0   3 -> 1        all-to-all of four: one peer a round
    round 3   0 -> 3   1 -> 0   2 -> 1   3 -> 2

    all-to-all, all-gather, reduce-scatter        (p-1) (alpha + S/p beta)

Thakur, Rabenseifner, Gropp, Optimization of collective communication operations in MPICH, Int. J. High Perform.
Comput. Appl. 19(1), 2005: long messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from parsim.collectives import collectives
from parsim.core.rounds import Price, Round, Term


def price(ranks: int) -> Price:
    """Return the closed form.

    >>> price(4).inside
    Term(rounds=3, share=0.75)
    """
    return Price("(p-1)(alpha + S/p beta)", Term(ranks - 1, (ranks - 1) / ranks))


@collectives.add("pairwise", price=price)
def pairwise(operation: Literal["all-to-all", "all-gather", "reduce-scatter"], ranks: int) -> Iterator[Round]:
    """Yield a round for each distance between two ranks.

    >>> for round in pairwise("all-to-all", 3): print(round.source, round.target, round.piece)
    [0 1 2] [1 2 0] [1 5 6]
    [0 1 2] [2 0 1] [2 3 7]
    """
    rank = np.arange(ranks)
    for distance in range(1, ranks):
        target = (rank + distance) % ranks
        piece = {"all-to-all": rank * ranks + target, "all-gather": rank, "reduce-scatter": target}[operation]
        yield Round(rank, target, piece, add=operation == "reduce-scatter")
