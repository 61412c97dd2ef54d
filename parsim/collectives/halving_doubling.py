"""Recursive halving and doubling: each round exchanges with a partner, of half the buffer, of a quarter, ...

    reduce-scatter of four       round 0: 0 <-> 2, 1 <-> 3, a half          round 1: 0 <-> 1, 2 <-> 3, a quarter
    all-gather, backwards        round 0: 0 <-> 1, 2 <-> 3, a quarter       round 1: 0 <-> 2, 1 <-> 3, a half

    all-reduce, p a power of two    2 lg p alpha + 2(p-1)/p S beta
    all-gather, reduce-scatter        lg p alpha +  (p-1)/p S beta
    all-reduce of other p           the same of the q ranks of the next lower power of two, and 2 (alpha + S beta)

Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl. 19(1), 2005. Of p ranks, p - q are folded: rank 2i adds
its whole buffer to that of rank 2i + 1 before, and gets the result from it afterwards. An all-gather and a
reduce-scatter need a power of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from parsim.collectives import collectives
from parsim.core.columns import Ints
from parsim.core.errors import Complaint, Invalid
from parsim.core.rounds import Price, Round, Term


def price(operation: str, ranks: int) -> Price:
    """Return the closed form.

    >>> price("all-reduce", 8).inside, price("all-reduce", 6).inside
    (Term(rounds=6, share=1.75), Term(rounds=6, share=3.5))
    """
    core = 1 << ranks.bit_length() - 1
    twice = 2 if operation == "all-reduce" else 1
    rounds, share = twice * (core.bit_length() - 1), twice * (core - 1) / core
    formula = f"{'2 ' * (twice == 2)}lg q alpha + {'2' * (twice == 2)}(q-1)/q S beta"
    if core == ranks:
        return Price(formula.replace("q", "p"), Term(rounds, share))
    return Price(f"{formula} + 2(alpha + S beta), q = {core}", Term(rounds + 2, share + 2))


@collectives.add("halving-doubling", price=price)
def halving_doubling(operation: Literal["all-reduce", "all-gather", "reduce-scatter"], ranks: int) -> Iterator[Round]:
    """Yield the rounds: halving for the sum, doubling to hand it out.

    >>> for round in halving_doubling("all-reduce", 2): print(round.source, round.target, round.piece, round.add)
    [0 1] [1 0] [1 0] True
    [0 1] [1 0] [0 1] False
    """
    core = 1 << ranks.bit_length() - 1
    if core != ranks and operation != "all-reduce":
        why = f"halving-doubling of {operation} needs a power of two ranks, not {ranks}; use ring"
        raise Invalid([Complaint((), why)])
    folded = ranks - core
    real = np.where(np.arange(core) < folded, 2 * np.arange(core) + 1, np.arange(core) + folded)  # (core,)
    source, piece = (column.ravel() for column in np.meshgrid(2 * np.arange(folded), np.arange(core), indexing="ij"))
    if folded:
        yield Round(source, source + 1, piece, add=True)
    distances = [1 << bit for bit in range(core.bit_length() - 1)]
    for distance in reversed(distances if operation != "all-gather" else []):
        yield _exchange(real, distance, keeps=False)
    for distance in distances if operation != "reduce-scatter" else []:
        yield _exchange(real, distance, keeps=True)
    if folded:
        yield Round(source + 1, source, piece, add=False)


def _exchange(real: Ints, distance: int, keeps: bool) -> Round:
    """Exchange with the rank at *distance*: what it is to have of the sum, or what the sender has of it."""
    rank, low = (column.ravel() for column in np.meshgrid(np.arange(len(real)), np.arange(distance), indexing="ij"))
    partner = rank ^ distance
    piece = ((rank if keeps else partner) & ~(distance - 1)) | low
    return Round(real[rank], real[partner], piece, add=not keeps)
