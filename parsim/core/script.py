"""A script: what a rank does in each round of a collective, and which numbers of its buffer a piece is.

    all-gather of two by a ring      rank 0                        rank 1
    round 0                          sends piece 0, takes piece 1  sends piece 1, takes piece 0
    a buffer of 6 numbers            piece 0: 0 to 2, piece 1: 3 to 5

The rounds are those of the shelf. `perform` plays them in one process; workers play them with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Floats
from parsim.core.rounds import OWNED, Round, pieces_of


class Send(NamedTuple):
    """The pieces that a rank sends to another in a round."""

    target: int
    pieces: tuple[int, ...]


class Take(NamedTuple):
    """The pieces that a rank receives from another in a round, and whether it adds each to its own."""

    source: int
    pieces: tuple[int, ...]
    add: tuple[bool, ...]


class Step(NamedTuple):
    """What a rank does in a round in which it does something."""

    sends: tuple[Send, ...]
    takes: tuple[Take, ...]

    @property
    def changes(self) -> bool:
        """Whether pieces that it sends change in the same round."""
        sent = {piece for send in self.sends for piece in send.pieces}
        return any(piece in sent for take in self.takes for piece in take.pieces)


class Script:
    """The rounds of an operation, rank by rank.

    Parameters
    ----------
    operation : all-reduce, all-gather or reduce-scatter; others have other buffers.
    ranks : how many there are.
    rounds : who sends which piece to whom.

    >>> swap = Round(np.array([0, 1]), np.array([1, 0]), np.array([0, 1]), add=False)
    >>> script = Script("all-gather", 2, [swap])
    >>> script.steps[0]
    (Step(sends=(Send(target=1, pieces=(0,)),), takes=(Take(source=1, pieces=(1,), add=(False,)),)),)
    >>> script.part(1, 6)
    slice(3, 6, None)
    """

    def __init__(self, operation: str, ranks: int, rounds: Sequence[Round]) -> None:
        self.ranks = ranks
        self.pieces = pieces_of(operation, ranks, rounds)
        self.shares = ranks if operation in OWNED else 1  # equal shares of the buffer, of as many pieces each
        self.rounds = rounds

    @cached_property
    def steps(self) -> tuple[tuple[Step, ...], ...]:
        """What each rank does, without the rounds in which it does nothing, (ranks, steps of the rank)."""
        made: list[list[Step]] = [[] for _ in range(self.ranks)]
        for each in self.rounds:
            for rank, step in self._of(each).items():
                made[rank].append(step)
        return tuple(map(tuple, made))

    def _of(self, each: Round) -> dict[int, Step]:
        adds = np.broadcast_to(each.add, len(each.source)).tolist()
        ways: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        for source, target, piece, add in zip(
            each.source.tolist(), each.target.tolist(), each.piece.tolist(), adds, strict=True
        ):
            ways.setdefault((source, target), []).append((piece, add))
        steps: dict[int, Step] = {}
        for (source, target), rows in ways.items():
            pieces, adding = zip(*rows, strict=True)
            one, other = (steps.get(rank, Step((), ())) for rank in (source, target))
            steps[source] = one._replace(sends=(*one.sends, Send(target, pieces)))
            steps[target] = other._replace(takes=(*other.takes, Take(source, pieces, adding)))
        return steps

    def part(self, piece: int, numbers: int) -> slice:
        """Return where a piece lies in a buffer of so many *numbers*, which the shares divide."""
        share, each = numbers // self.shares, self.pieces // self.shares
        first, within = piece // each * share, piece % each
        return slice(first + share * within // each, first + share * (within + 1) // each)


def take_in(own: Floats, come: Floats, add: bool) -> None:
    """Add numbers that came to one's own, or take them in place of one's own."""
    if add:
        np.add(own, come, out=own)
    else:
        own[:] = come


def apply(script: Script, take: Take, own: Floats, other: Floats) -> None:
    """Take pieces of the buffer of another rank into one's own."""
    for piece, add in zip(take.pieces, take.add, strict=True):
        part = script.part(piece, len(own))
        take_in(own[part], other[part], add)


def perform(script: Script, buffers: Sequence[Floats]) -> None:
    """Play a script on the buffers of all ranks, which then hold its result.

    >>> rounds = [Round(np.array([0, 1]), np.array([1, 0]), np.array([0, 0]), add=True)]
    >>> buffers = [np.array([1.0, 2.0]), np.array([10.0, 20.0])]
    >>> perform(Script("all-reduce", 2, rounds), buffers)
    >>> buffers
    [array([11., 22.]), array([11., 22.])]
    """
    for each in script.rounds:
        sent = [
            buffers[source][script.part(piece, len(buffers[source]))].copy()
            for source, piece in zip(each.source.tolist(), each.piece.tolist(), strict=True)
        ]
        adds = np.broadcast_to(each.add, len(sent)).tolist()
        for target, piece, add, come in zip(each.target.tolist(), each.piece.tolist(), adds, sent, strict=True):
            take_in(buffers[target][script.part(piece, len(buffers[target]))], come, add)
