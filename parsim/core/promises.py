"""The proof of a collective: play its rounds on sets of ranks, and look whether each ends with what it is promised.

    all-reduce of three     piece 0 of rank 0    piece 0 of rank 1    piece 0 of rank 2
    before round 0          {0}                  {1}                  {2}
    0 -> 1, add             {0}                  {0, 1}               {2}                    a sum of the parts 0 and 1
    1 -> 2, add             {0}                  {0, 1}               {0, 1, 2}              complete
    2 -> 0, not added       {0, 1, 2}            {0, 1}               {0, 1, 2}

A rank that adds a part that its sum already has, or that sends or adds to what it does not have, breaks the proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parsim.core.columns import NONE, Bools, Ints
from parsim.core.errors import Invalid, RunError
from parsim.core.rounds import Round, pieces_of

Sums = npt.NDArray[np.uint64]  # (ranks, pieces, words) a bit for each part of a sum
ADDED = ("all-reduce", "reduce-scatter")
SHOWN = 3  # faults that are told, and rounds of a table
SENDS = 8  # sends that a table shows of a round


class Broken(NamedTuple):
    """What is wrong, and where: a round and a row of it, or NONE where the last round leaves something out."""

    round: int
    row: int
    message: str


class WrongRounds(RunError):
    """Rounds do not do what their operation promises; `drawn` is their table."""

    def __init__(self, message: str, drawn: str) -> None:
        self.drawn = drawn
        super().__init__(message)


def drawn_rounds(rounds: Sequence[Round], wrong: Broken) -> str:
    """Write the rounds up to the wrong one, or the last ones, and mark the wrong row.

    >>> lost = Round(np.array([0, 1]), np.array([1, 1]), np.array([0, 2]), add=True)
    >>> print(drawn_rounds([lost], Broken(0, 1, "")))
    round 0 | 0>1 +0  [1>1 +2]
    """
    last = wrong.round if wrong.round != NONE else len(rounds) - 1
    lines = []
    for number in range(max(last - SHOWN + 1, 0), last + 1):
        one = rounds[number]
        sign = np.where(np.broadcast_to(one.add, one.source.shape), "+", "=")
        rows = range(len(one.source))
        cells = [f"{one.source[row]}>{one.target[row]} {sign[row]}{one.piece[row]}" for row in rows]
        if number == wrong.round:
            cells[wrong.row] = f"[{cells[wrong.row]}]"
            cells = cells[max(wrong.row - SENDS // 2, 0) :]
        lines.append(f"round {number} | {'  '.join(cells[:SENDS])}{'  ...' * (len(cells) > SENDS)}")
    return "\n".join(lines)


def broken(operation: str, ranks: int, rounds: Sequence[Round]) -> list[Broken]:
    """Return the first faults of *rounds*; none if they do what the operation promises.

    >>> lost = Round(np.array([0]), np.array([1]), np.array([0]), add=True)
    >>> broken("all-reduce", 2, [lost])[0].message
    'rank 0 ends with piece 0 without the part of rank 1'
    """
    found = [*_first(_about_rows(ranks, rounds))]
    if found:
        return found
    try:
        pieces = pieces_of(operation, ranks, rounds)
    except Invalid as invalid:
        return [Broken(NONE, NONE, invalid.complaints[0].message)]
    if operation != "all-to-all" and pieces > ranks + sum(len(one.piece) for one in rounds):
        return [Broken(NONE, NONE, _unsent(rounds))]
    parts = _parts(operation, ranks)
    sums = _start(operation, ranks, pieces, parts)
    for number, one in enumerate(rounds):
        found = [*_first(_play(number, one, sums, parts))]
        if found:
            return found
    return [*_first(_about_end(operation, sums, parts))]


def _first(found: Iterator[Broken]) -> Iterator[Broken]:
    return (one for one, _ in zip(found, range(SHOWN), strict=False))


def _about_rows(ranks: int, rounds: Sequence[Round]) -> Iterator[Broken]:
    """Say which rows are no sends between two of the ranks."""
    for number, one in enumerate(rounds):
        for row in np.flatnonzero((one.source == one.target) | (one.piece < 0)).tolist():
            what = "sends to itself" if one.piece[row] >= 0 else f"sends piece {one.piece[row]}; pieces count from 0"
            yield Broken(number, row, f"in round {number}, rank {one.source[row]} {what}")
        for rank in (one.source, one.target):
            for row in np.flatnonzero((rank < 0) | (rank >= ranks)).tolist():
                yield Broken(
                    number, row, f"in round {number}, there is no rank {rank[row]}; ranks are 0 to {ranks - 1}"
                )


def _unsent(rounds: Sequence[Round]) -> str:
    """Name the first piece that nobody sends, where there are too many to play them."""
    sent = np.unique(np.concatenate([one.piece for one in rounds]))
    return f"nobody sends piece {np.flatnonzero(sent != np.arange(len(sent)))[0]}"


def owner(ranks: int, pieces: int) -> Ints:
    """Return the rank that owns each of k x *ranks* pieces, (pieces,).

    >>> owner(2, 4).tolist()
    [0, 0, 1, 1]
    """
    return np.arange(pieces) // (pieces // ranks)


def _parts(operation: str, ranks: int) -> Sums:
    """Return the bit of each rank's part, (ranks, words); one bit for all where nothing is added."""
    if operation not in ADDED:
        return np.ones((ranks, 1), np.uint64)
    rank, parts = np.arange(ranks), np.zeros((ranks, -(-ranks // 64)), np.uint64)
    parts[rank, rank // 64] = np.uint64(1) << (rank % 64).astype(np.uint64)
    return parts


def _start(operation: str, ranks: int, pieces: int, parts: Sums) -> Sums:
    """Return what each rank has of each piece at first."""
    has = np.ones((ranks, pieces), bool) if operation in ADDED else _has(operation, ranks, pieces)
    return np.where(has[:, :, None], parts[:, None], np.uint64(0))


def _has(operation: str, ranks: int, pieces: int) -> Bools:
    """Return which rank has which piece at first, (ranks, pieces)."""
    rank = np.arange(ranks)[:, None]
    if operation == "broadcast":
        return np.broadcast_to(rank == 0, (ranks, pieces))
    return np.asarray(owner(ranks, pieces) == rank)


def _gets(operation: str, ranks: int, pieces: int) -> Bools:
    """Return which rank is promised which piece, (ranks, pieces)."""
    rank = np.arange(ranks)[:, None]
    if operation == "all-to-all":
        return np.asarray(np.arange(pieces) % ranks == rank)
    if operation in ("reduce-scatter", "send"):
        return np.asarray((owner(ranks, pieces) + (operation == "send")) % ranks == rank)
    return np.ones((ranks, pieces), bool)


def _play(number: int, one: Round, sums: Sums, parts: Sums) -> Iterator[Broken]:
    """Play a round on *sums*, and say which rows are wrong."""
    here, sent, add = f"in round {number}, ", sums[one.source, one.piece], np.broadcast_to(one.add, one.source.shape)
    for row in np.flatnonzero(~sent.any(axis=1)).tolist():
        yield Broken(number, row, f"{here}rank {one.source[row]} sends piece {one.piece[row]}, which it does not have")
    place = one.target * sums.shape[1] + one.piece
    order = np.argsort(place, kind="stable")
    fresh = np.diff(place[order], prepend=NONE) != 0
    turn = np.arange(len(order)) - np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    alone = np.bincount(np.cumsum(fresh) - 1)[np.cumsum(fresh) - 1] == 1  # the only row of its target and piece
    for row in order[~alone & ~add[order]].tolist():
        what = f"rank {one.target[row]} receives piece {one.piece[row]} several times, and does not add all of them"
        yield Broken(number, row, here + what)
    for rows in (order[turn == now] for now in range(int(turn.max(initial=NONE)) + 1)):
        target, piece, adds = one.target[rows], one.piece[rows], add[rows]
        twice = np.where(adds[:, None], sums[target, piece] & sent[rows], np.uint64(0))
        for row in rows[adds & ~sums[target, piece].any(axis=1)].tolist():
            what = f"rank {one.target[row]} adds piece {one.piece[row]} to its own, which it does not have"
            yield Broken(number, row, here + what)
        for at in np.flatnonzero(twice.any(axis=1)).tolist():
            what = f"rank {target[at]} adds piece {piece[at]} of rank {one.source[rows[at]]}, but its own already has "
            yield Broken(number, int(rows[at]), here + what + _told(twice[at], parts))
        sums[target, piece] = sent[rows] | np.where(adds[:, None], sums[target, piece], np.uint64(0))


def _about_end(operation: str, sums: Sums, parts: Sums) -> Iterator[Broken]:
    """Say who ends without what."""
    whole = np.bitwise_or.reduce(parts, axis=0)
    lacks = np.where(_gets(operation, *sums.shape[:2])[:, :, None], whole & ~sums, np.uint64(0))
    for rank, piece in np.argwhere(lacks.any(axis=2)).tolist():
        what = f" without {_told(lacks[rank, piece], parts)}" if operation in ADDED else ""
        end = f"ends with piece {piece}{what}" if what else f"ends without piece {piece}"
        yield Broken(NONE, NONE, f"rank {rank} {end}")


def _told(bits: Sums, parts: Sums) -> str:
    """Name the ranks of the parts in *bits*."""
    if len(parts) == 1 or (parts == 1).all():
        return "it"
    ranks = np.flatnonzero((parts & bits).any(axis=1)).tolist()
    named = ", ".join(map(str, ranks[:4])) + (f" and {len(ranks) - 4} more" if len(ranks) > 4 else "")
    return f"the part{'s' * (len(ranks) > 1)} of rank{'s' * (len(ranks) > 1)} {named}"
