"""Direct: each rank sends to all others at once.

    0 ---> 1, 2, 3        all-gather of four, one round: each piece to everyone who needs it
    1 ---> 0, 2, 3        all-reduce: a reduce-scatter, then an all-gather
    ...

    all-reduce                              2 alpha + 2(p-1)/p S beta
    all-gather, reduce-scatter, all-to-all    alpha +  (p-1)/p S beta
    broadcast                                 alpha +    (p-1) S beta
    send                                      alpha +          S beta        each rank to the next one

The sends of one rank share its way, so these are the least bytes in the fewest rounds that a network of two ways for
each rank, out and in, allows (Chan et al., Concurrency Computat. 19, 2007). Where each pair of ranks has a link of its
own, they take less.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsim.collectives import collectives
from parsim.core.columns import Ints
from parsim.core.rounds import Operation, Price, Round, Term


def price(operation: Operation, ranks: int) -> Price:
    """Return the closed form.

    >>> price("all-to-all", 4).inside
    Term(rounds=1, share=0.75)
    """
    share = (ranks - 1) / ranks
    return {
        "all-reduce": Price("2 alpha + 2(p-1)/p S beta", Term(2, 2 * share)),
        "broadcast": Price("alpha + (p-1) S beta", Term(1, ranks - 1)),
        "send": Price("alpha + S beta", Term(1, 1.0)),
    }.get(operation, Price("alpha + (p-1)/p S beta", Term(1, share)))


@collectives.add("direct", price=price)
def direct(operation: Operation, ranks: int) -> Iterator[Round]:
    """Yield one round, two for an all-reduce.

    >>> for round in direct("broadcast", 3): print(round.source, round.target, round.piece)
    [0 0] [1 2] [0 0]
    """
    if operation == "broadcast":
        others = np.arange(1, ranks)
        yield Round(np.zeros_like(others), others, np.zeros_like(others), add=False)
    elif operation == "send":
        rank = np.arange(ranks)
        yield Round(rank, (rank + 1) % ranks, rank, add=False)
    elif operation == "all-to-all":
        source, target = _pairs(ranks)
        yield Round(source, target, source * ranks + target, add=False)
    else:
        source, target = _pairs(ranks)
        if operation != "all-gather":
            yield Round(source, target, target, add=True)
        if operation != "reduce-scatter":
            yield Round(source, target, source, add=False)


def _pairs(ranks: int) -> tuple[Ints, Ints]:
    """Return all ordered pairs of ranks."""
    source, shift = np.divmod(np.arange(ranks * (ranks - 1)), ranks - 1)
    return source, (source + shift + 1) % ranks
