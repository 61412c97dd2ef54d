"""The host of workers whose order is fixed: it lets all begin, and writes down what they tell.

    host  begin -->  w0  |0F0|0B0|  ->  ended: 0F0 from 0.1 to 0.4, ...
                     w1  |0F0|0B0|      each exchanges with the other, and the host has no part in it

Times are stamps of the workers. What a span waited for is read off them: the last that ended before it began, of what
it had to wait for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from parsim.core.columns import NONE, Floats, Ints
from parsim.core.job import Job
from parsim.core.progress import under_way
from parsim.real.rank import Ended, Receipt
from parsim.real.transport import Way
from parsim.real.worker_pool import WorkerPool
from parsim.sim.idleness import Intervals
from parsim.sim.received import Received
from parsim.sim.record import Interval, Record, Transfers, intervals
from parsim.sim.write import by_worker
from parsim.training.computed import ComputedTraining
from parsim.training.course import Course


def courses(training: ComputedTraining) -> list[Course]:
    """Return the course of every device."""
    return [Course(training, number) for number in range(training.parallelism.degrees.devices)]


def ways_of(courses: Sequence[Course]) -> list[Way]:
    """Return the ways on which devices send to others."""
    return [Way(own, *way) for own, course in enumerate(courses) for way in sorted(course.ways)]


def numbers_of(courses: Sequence[Course]) -> dict[tuple[int, int], int]:
    """Return the most numbers in the buffer of each lane, by device and lane."""
    return {(own, lane): most for own, course in enumerate(courses) for lane, most in course.numbers.items()}


class Ranks:
    """Lets workers do their tasks, and notes what they tell."""

    def __init__(self, job: Job, pool: WorkerPool, courses: Sequence[Course]) -> None:
        self.job, self.graph, self.pool, self.courses = job, job.graph, pool, courses
        self.begun_s = 0.0
        self._ended: dict[int, Ended] = {}
        self._worker = np.full(len(job.graph), NONE)
        self._came: list[tuple[int, Receipt]] = []  # the worker that got it

    def execute(self, begun: float) -> None:
        """Let the workers do every task."""
        self.begun_s = begun
        for worker, course in enumerate(self.courses):
            self.pool.begin(worker, [*course.lane])
        with under_way("tasks", len(self.graph), lambda: len(self._ended)):
            while len(self._ended) < len(self.graph):
                for worker, ended, came in self.pool.messages():
                    self._note(worker, [Ended(*one) for one in ended], [Receipt(*one) for one in came])

    def _note(self, worker: int, ended: list[Ended], came: list[Receipt]) -> None:
        for one in ended:
            self.pool.ended(worker, one.task)
            self._ended[one.task], self._worker[one.task] = one, worker
        self._came += [(worker, Receipt(*receipt)) for one in ended for receipt in one.receipts]
        self._came += [(worker, one) for one in came]

    def gathered(self) -> dict[int, Any]:
        """Return what each task left to the merge."""
        return {task: one.value for task, one in self._ended.items() if one.value is not None}

    # -- what happened

    def record(self) -> tuple[Record, Record]:
        """Return the record by the stamps, and one in which what waited for each other has equal times."""
        start, end = np.full((2, len(self.graph)), math.nan)
        for task, one in self._ended.items():
            start[task], end[task] = (self.pool.seconds(int(self._worker[task]), at) for at in (one.start, one.end))
        start = np.maximum(start, self.begun_s)
        transfers = self._transfers()
        ready, free = self._ready(end, transfers), self._free(start, end, transfers)
        due = np.fmin(np.fmax(ready, free), start)
        overhead = [*self._copying(), *self._late(due, start)]
        record = Record(
            engine=self.pool.engine,
            begun_s=self.begun_s,
            worker=self._worker,
            ready_s=ready,
            taken_s=ready,
            start_s=start,
            end_s=end,
            transfers=transfers,
            idle=np.empty((0, 3)),
            idle_from=[0.0] * len(self.courses),
            starved=intervals([]),
            overhead=intervals(overhead),
            received=self._received(),
        )
        idle, since = self._idle(record)
        record = record._replace(idle=idle, idle_from=since)
        sent = end[self.graph.transfers.parent[transfers.transfer]]
        return record, record._replace(start_s=due, transfers=transfers._replace(start_s=sent))

    def _transfers(self) -> Transfers:
        """Return what stages sent to each other."""
        edges = self.graph.edges
        number = {int(edges.parent[edge]): edge for edge in np.flatnonzero(edges.size > 0).tolist()}
        rows = [(number[one.sender], worker, one) for worker, one in self._came if one.receiver == NONE]
        transfer = np.array([edge for edge, _, _ in rows], dtype=np.int64)
        worker = np.array([to for _, to, _ in rows], dtype=np.int64)
        start, end = (
            np.array([self.pool.seconds(to, getattr(one, name)) for _, to, one in rows], dtype=np.float64)
            for name in ("start", "end")
        )
        nominal = self._nominal(edges.size[transfer], end - start)
        return Transfers(transfer, worker, start, end, nominal)

    def _received(self) -> Received:
        """Return what members of collectives received, a row for each round."""
        rows = [
            (one.sender, one.receiver, *(self.pool.seconds(to, at) for at in (one.start, one.end)), one.size)
            for to, one in self._came
            if one.receiver != NONE
        ]
        if not rows:
            return Received()
        sender, receiver, start, end, size = np.array(sorted(rows), dtype=np.float64).T
        nominal = self._nominal(size, end - start)
        ones = np.ones(len(size), np.int64)
        return Received(sender.astype(np.int64), receiver.astype(np.int64), start, end, ones, size, nominal)

    def _nominal(self, size: Floats, took: Floats) -> Floats:
        """Return the nominal seconds of so many bytes from the profile; without one, the measured seconds."""
        known = self.job.cost.travel(size)
        return np.where(np.isnan(known), took, known)

    def _ready(self, end: Floats, transfers: Transfers) -> Floats:
        """Return when the last that each task waits for had ended, or had come, (tasks,)."""
        edges = self.graph.edges
        ready = np.full(len(end), self.begun_s)
        np.fmax.at(ready, edges.child, end[edges.parent])
        np.fmax.at(ready, edges.child[transfers.transfer], transfers.end_s)
        return ready

    def _free(self, start: Floats, end: Floats, transfers: Transfers) -> Floats:
        """Return when what stood before each task on its lane was over, (tasks,)."""
        until = end.copy()
        np.fmax.at(until, self.graph.edges.parent[transfers.transfer], transfers.end_s)
        free = np.full(len(end), self.begun_s)
        lanes = self._worker + len(self.courses) * self.graph.lane
        order = np.lexsort((start, lanes))
        same = lanes[order[1:]] == lanes[order[:-1]]
        free[order[1:][same]] = until[order[:-1][same]]
        return free

    def _copying(self) -> list[Interval]:
        """Return when lanes copied into their buffers, or from there."""
        return [
            (worker, self.pool.seconds(worker, start), self.pool.seconds(worker, end))
            for task, one in self._ended.items()
            for start, end in one.beside
            for worker in [int(self._worker[task])]
        ]

    def _late(self, due: Floats, start: Floats) -> list[Interval]:
        """Return when workers had what they needed, and had not yet begun."""
        late = np.flatnonzero((due < start) & self.graph.computes)
        return list(zip(self._worker[late].tolist(), due[late].tolist(), start[late].tolist(), strict=True))

    def _idle(self, record: Record) -> tuple[Floats, list[float]]:
        """Return when workers had no span of their own, and when the last span of each ended."""
        mine: Ints = np.flatnonzero(np.isfinite(record.end_s))
        mine = np.setdiff1d(mine, [task for one in self.graph.collectives for task in one.members])
        moved = record.transfers
        rows = np.concatenate(
            [
                np.column_stack([record.worker[mine], record.start_s[mine], record.end_s[mine]]),
                np.column_stack([moved.worker, moved.start_s, moved.end_s]),
            ]
        )
        idle: list[Interval] = []
        since = []
        for worker, busy in enumerate(by_worker(rows, len(self.courses))):
            last = float(busy.end.max(initial=0.0))
            since.append(last)
            free = Intervals(np.array([0.0]), np.array([last])).without(busy)
            idle += [(worker, a, b) for a, b in zip(free.start.tolist(), free.end.tolist(), strict=True)]
        return intervals(idle), since
