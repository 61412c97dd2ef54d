"""Custom: rounds that the scenario lists.

    algorithm:
      kind: custom
      rounds:                                        # an all-reduce of two
        - [{from: 0, to: 1, piece: 0, add: true}, {from: 1, to: 0, piece: 1, add: true}]
        - [{from: 1, to: 0, piece: 0}, {from: 0, to: 1, piece: 1}]

Rounds that do not do what the operation promises are refused, with rank, piece and round. Chunks travel side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parsim.collectives import collectives
from parsim.core.columns import NONE
from parsim.core.errors import Complaint, Invalid
from parsim.core.promises import broken
from parsim.core.rounds import Operation, Round
from parsim.core.schema import Whole


@dataclass(frozen=True)
class Send:
    """One piece that a rank sends to another.

    Parameters
    ----------
    from_ : rank that sends.
    to : rank that receives.
    piece : number of the piece.
    add : true, the receiver adds the piece to its own; false, it takes it in place of its own.
    """

    from_: Whole
    to: Whole
    piece: Whole = 0
    add: bool = False


@collectives.add("custom")
def custom(operation: Operation, ranks: int, rounds: tuple[tuple[Send, ...], ...]) -> Iterator[Round]:
    """Yield the listed rounds, if they do what *operation* promises.

    Parameters
    ----------
    rounds : the rounds in order, each with its sends.

    >>> for round in custom("broadcast", 2, ((Send(0, 1),),)): print(round.source, round.target, round.piece)
    [0] [1] [0]
    """
    read = [_round(sends) for sends in rounds]
    found = broken(operation, ranks, read)
    if found:
        raise Invalid(Complaint(("rounds", *(() if one.round == NONE else one[:2])), one.message) for one in found)
    yield from read


def _round(sends: tuple[Send, ...]) -> Round:
    rows = np.array([(one.from_, one.to, one.piece, one.add) for one in sends], np.int64).reshape(-1, 4)
    source, target, piece, add = rows.T
    return Round(source, target, piece, add == 1)
