"""The record of a run, as an engine returns it, and the names of its rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints, Table, look_up, no_floats, no_ints
from parsim.core.graph import TaskGraph
from parsim.core.timeline import CAUSES, STEPS
from parsim.sim.received import Received

Interval = tuple[int, float, float]  # worker, from, to


class Transfers(NamedTuple):
    """Transfers that took place, a row each; `transfer` is the row in the graph's table."""

    transfer: Ints
    worker: Ints
    start_s: Floats
    end_s: Floats
    nominal_s: Floats

    @classmethod
    def none(cls) -> Transfers:
        """Return no rows."""
        return cls(no_ints(), no_ints(), no_floats(), no_floats(), no_floats())

    def at(self, rows: Ints) -> Transfers:
        """Return the rows with the given numbers."""
        return Transfers(
            self.transfer[rows], self.worker[rows], self.start_s[rows], self.end_s[rows], self.nominal_s[rows]
        )


class Record(NamedTuple):
    """Columns of tasks, (tasks,) each; transfers; and intervals of workers.

    `idle` are the intervals without a span of the worker's own, but for the last, which began at `idle_from`;
    `starved` those in which it waited for room, `overhead` those of hand-over. What members of collectives receive is
    taken off `idle` later.
    """

    engine: str  # what wrote it: simpy, path (the longest path), or processes
    begun_s: float  # when split, create and allocate were over
    worker: Ints
    ready_s: Floats
    taken_s: Floats
    start_s: Floats
    end_s: Floats
    transfers: Transfers
    idle: Floats
    idle_from: list[float]
    starved: Floats
    overhead: Floats
    received: Received = Received()


def ready_times(graph: TaskGraph, end_s: Floats, begun_s: float, moved: Transfers) -> Floats:
    """Return when each task became ready, (tasks,): when its last parent had ended, and what lanes sent had arrived.

    Roots are ready when the steps are over.
    """
    ready = np.full(len(graph), begun_s)
    with np.errstate(invalid="ignore"):  # in a run that stalled some ends are NaN
        np.maximum.at(ready, graph.edges.child, end_s[graph.edges.parent])
        sent = graph.transfers.lane[moved.transfer] > 0
        np.maximum.at(ready, graph.transfers.child[moved.transfer[sent]], moved.end_s[sent])
    return ready


def intervals(rows: Iterable[float] | Iterable[Interval]) -> Floats:
    """Return rows of (worker, from, to), or their numbers one after the other, as a table (intervals, 3)."""
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


class SpanNames(Table):
    """The table of words for spans: tasks, transfers, what members receive, steps, causes, and nothing."""

    def __init__(self, graph: TaskGraph, received: Received) -> None:
        self._graph = graph
        self._transfers = len(graph)  # the first code of a transfer
        self._received = self._transfers + len(graph.transfers)  # the first code of what a member receives
        self._pairs, self.received = distinct_pairs(received, self._received)
        self._fixed = self._received + len(self._pairs)  # the first code of a fixed word
        self._words = (*STEPS, *CAUSES, "")

    def __len__(self) -> int:
        return self._fixed + len(self._words)

    def __getitem__(self, code: Any) -> Any:
        if code < self._transfers:
            return self._graph.names[code]
        if code < self._received:
            return self._graph.transfers.name(code - self._transfers, self._graph.names)
        if code < self._fixed:
            sender, receiver = self._pairs[code - self._received]
            return f"{self._graph.names[sender]}>{self._graph.names[receiver]}"
        return self._words[code - self._fixed]

    def many(self, codes: Sequence[int]) -> list[str]:
        """Return the words of *codes*, which ascend."""
        tasks = bisect_left(codes, self._transfers)
        return [*look_up(self._graph.names, codes[:tasks]), *super().many(codes[tasks:])]

    def transfer(self, transfer: Ints) -> Ints:
        """Return the codes of transfers."""
        return transfer + self._transfers

    def word(self, word: str) -> int:
        """Return the code of a step, a cause, or the empty word."""
        return self._fixed + self._words.index(word)


def distinct_pairs(received: Received, first: int) -> tuple[list[tuple[int, int]], Ints]:
    """Return the different pairs of sender and receiver, and the code of the pair of each row, from *first* on."""
    sender, receiver = received.sender, received.receiver  # sorted
    new = np.ones(len(sender), dtype=bool)
    new[1:] = (sender[1:] != sender[:-1]) | (receiver[1:] != receiver[:-1])
    pairs = zip(sender[new].tolist(), receiver[new].tolist(), strict=True)
    return list(pairs), first - 1 + np.cumsum(new)
