"""What is wrong with the orders of a schedule, with rank and action, and the table that marks it.

twice      rank 0 runs 0B0 twice
never      rank 1 never runs 1B3, nor 1I3 and 1W3
deadlock   rank 0 stops before 0B0, which needs 1B0, and rank 1 before 1F1, which needs 0F1

rank 0 | 0F0 [0B0] 0F1 0B1
rank 1 | 1F0 [1F1] 1B0 1B1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NEVER
from parsim.core.errors import RunError
from parsim.core.op import Action, Op, Overlap, columns, needs, ops_of
from parsim.core.paths import depths

SHOWN = 5  # things that are wrong
RANKS = 8  # rows of a table
BEFORE, AFTER = 4, 6  # actions shown of a row, besides the marked one
Orders = Sequence[Sequence[Action]]


class Wrong(NamedTuple):
    """One thing that is wrong: at which place of which rank's order (its length: it is missing), and the sentence."""

    rank: int
    at: int
    action: str
    message: str


class WrongOrders(RunError):
    """The orders of a schedule are wrong; `found` says where, and `drawn` is their table."""

    def __init__(self, message: str, found: Sequence[Wrong], drawn: str) -> None:
        self.found, self.drawn = found, drawn
        super().__init__(message)


def shape_words(ranks: int, microbatches: int, chunks: int) -> list[str]:
    """Name the numbers of a shape.

    >>> shape_words(1, 4, 2)
    ['1 rank', '4 microbatches', '2 chunks']
    """
    words = ("rank", "ranks"), ("microbatch", "microbatches"), ("chunk", "chunks")
    counts = zip((ranks, microbatches, chunks), words, strict=True)
    return [f"{count} {many if count != 1 else one}" for count, (one, many) in counts]


def wrong(orders: Orders, stages: int, microbatches: int) -> list[Wrong]:
    """Return what is wrong, or nothing where the orders can be played; the first few of it.

    Orders without any backward are those of forward passes alone.

    >>> orders = [[Op(0, "F", 0), Op(0, "B", 0)], [Op(1, "B", 0), Op(1, "F", 0)]]
    >>> [one.message for one in wrong(orders, 2, 1)]
    ['deadlock: rank 1 stops before 1B0, which needs 1F0']
    """
    ways = "FB" if any(op.kind != "F" for order in orders for op in ops_of(order)) else "F"
    return miscounted(orders, stages, microbatches, ways) or stuck(orders)[:SHOWN]


def miscounted(orders: Orders, stages: int, microbatches: int, ways: str = "FB") -> list[Wrong]:
    """Return the actions that run twice, or never, or beyond the last stage or microbatch; *ways* must be there."""
    beyond = _beyond(orders, stages, microbatches)
    found = list(islice(beyond, SHOWN)) or list(islice(_twice(orders), SHOWN))
    return found or list(islice(_never(orders, stages, microbatches, ways), SHOWN))


def _placed(orders: Orders) -> Iterator[tuple[int, int, Op]]:
    for rank, order in enumerate(orders):
        for at, action in enumerate(order):
            for op in action if isinstance(action, Overlap) else (action,):
                yield rank, at, op


def _beyond(orders: Orders, stages: int, microbatches: int) -> Iterator[Wrong]:
    for rank, at, op in _placed(orders):
        if not (op.stage in range(stages) and op.microbatch in range(microbatches)):
            counted = f"{stages} stage{'s' * (stages != 1)} and {microbatches} microbatch{'es' * (microbatches != 1)}"
            there = f"there are {counted}, counted from 0"
            yield Wrong(rank, at, str(op), f"rank {rank} runs {op}; {there}")


def _twice(orders: Orders) -> Iterator[Wrong]:
    first: dict[Op, int] = {}  # the rank that runs it first
    for rank, at, op in _placed(orders):
        if op in first:
            again = " twice" if first[op] == rank else f", which rank {first[op]} runs, too"
            yield Wrong(rank, at, str(op), f"rank {rank} runs {op}{again}")
            continue
        first[op] = rank
        parts = [op._replace(kind=kind) for kind in {"B": "IW", "I": "B", "W": "B", "F": ""}[op.kind]]
        for other in [part for part in parts if part in first][:1]:
            yield Wrong(rank, at, str(op), f"rank {rank} runs {op} beside {other}; B is I and W in one")


def _never(orders: Orders, stages: int, microbatches: int, ways: str) -> Iterator[Wrong]:
    ops = set(ops_of(chain.from_iterable(orders)))
    homes: dict[object, int] = {}  # the rank of each stage, and of each stage and microbatch
    for rank, _, op in _placed(orders):
        homes[op.stage] = homes[op.stage, op.microbatch] = rank
    for stage, i in ((stage, i) for stage in range(stages) for i in range(microbatches)):  # there may be very many
        for lacking, more in _lacking(ops, stage, i, ways):
            rank = homes.get((stage, i), homes.get(stage, -1))
            who = f"rank {rank} never runs" if rank >= 0 else f"no rank runs stage {stage}: nobody runs"
            yield Wrong(max(rank, 0), len(orders[max(rank, 0)]), str(lacking), f"{who} {lacking}{more}")


def _lacking(ops: set[Op], stage: int, microbatch: int, ways: str) -> Iterator[tuple[Op, str]]:
    """Yield the missing actions of a stage on a microbatch, and what would do in place of each."""
    f, b, i, w = (Op(stage, kind, microbatch) for kind in "FBIW")
    if f not in ops:
        yield f, ""
    if "B" not in ways:
        return
    if b not in ops and not {i, w} & ops:
        yield b, f", nor its halves {i} and {w}"
    elif b not in ops:
        yield from ((half, "") for half in (i, w) if half not in ops)


def stuck(orders: Orders) -> list[Wrong]:
    """Return where the ranks stop that wait for each other, in a deadlock. The orders hold each action once."""
    ops = columns(orders)
    found, actions = needs(ops), list(chain.from_iterable(orders))
    rank_of = np.repeat(np.arange(len(orders)), np.diff(ops.first))
    inner = np.flatnonzero(rank_of[:-1] == rank_of[1:])  # tasks with a next one on their rank
    parent, child = np.concatenate([found.parent, inner]), np.concatenate([found.child, inner + 1])
    waits = depths(parent, child, len(actions)) == NEVER
    held = np.flatnonzero(waits)
    stops = {int(rank_of[task]): int(task) for task in held[::-1]}  # the first of each rank
    lacks = {rank: next(a for a in found.parent[found.child == task] if waits[a]) for rank, task in stops.items()}
    told = []
    for rank in _cycle({rank: int(rank_of[need]) for rank, need in lacks.items()}):
        action, at = actions[stops[rank]], stops[rank] - int(ops.first[rank])
        words = f"deadlock: rank {rank} stops before {action}, which needs {actions[lacks[rank]]}"
        told.append(Wrong(rank, at, str(action), words))
    return told


def _cycle(waits_for: Mapping[int, int]) -> list[int]:
    """Return ranks that wait for each other in a circle, sorted; nothing where none waits.

    >>> _cycle({0: 1, 1: 2, 2: 1})
    [1, 2]
    """
    walked: list[int] = []
    rank = min(waits_for, default=-1)
    while rank in waits_for and rank not in walked:
        walked.append(rank)
        rank = waits_for[rank]
    return sorted(walked[walked.index(rank) :]) if walked else []


def drawn(orders: Sequence[Sequence[object]], found: Iterable[Wrong]) -> str:
    """Draw a table of the orders around what was *found*, in brackets."""
    marks = {(one.rank, one.at): one.action for one in found}
    first = min((rank for rank, _ in marks), default=0)
    shown = range(max(0, min(first - 1, len(orders) - RANKS)), len(orders))[:RANKS]
    centre = min((at for _, at in marks), default=0)
    lines = [f"rank {rank} | {_row(orders[rank], rank, marks, centre)}" for rank in shown]
    hidden = len(orders) - len(shown)
    return "\n".join([*lines, f"and {hidden} more ranks"] if hidden else lines)


def _row(order: Sequence[object], rank: int, marks: dict[tuple[int, int], str], centre: int) -> str:
    centre = min((at for place, at in marks if place == rank), default=centre)
    begin, end = max(0, centre - BEFORE), min(len(order), centre + AFTER + 1)
    cells = [f"[{order[at]}]" if (rank, at) in marks else str(order[at]) for at in range(begin, end)]
    missing = [f"[{marks[rank, len(order)]} is missing]"] if (rank, len(order)) in marks else []
    return " ".join([*["..."] * (begin > 0), *cells, *missing, *["..."] * (end < len(order))])
