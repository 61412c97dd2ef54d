"""Insertion: plan tasks one by one, each where it ends earliest, also in gaps between planned tasks.

    w0 |t0|........|t2|         t3 is planned into the gap of w0 if its inputs arrive in time
    w1 |...|t1...........|      and no worker ends it earlier; an exact fit is allowed

The run follows the orders of the plan, with its own times. This is the shared part of heft, cpop and peft: Topcuoglu,
Hariri, Wu, Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing, IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import NamedTuple

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.core.tolerance import least, tie


class Planned(NamedTuple):
    """The planned time of a task.

    Sorting by (start, end, turn) gives a valid order of a worker's tasks, even if some last 0 s: a child neither starts
    nor ends before its parent, and has a later `turn`.
    """

    start: float  # s
    end: float  # s
    turn: int  # number of tasks planned before it
    task: int


class Plan:
    """The plan of one worker: its tasks and its gaps, in order; the last gap has no end.

    >>> plan = Plan()
    >>> plan.add(Planned(start=2.0, end=5.0, turn=0, task=7))
    >>> plan.start(ready=0.0, seconds=2.0), plan.start(ready=0.0, seconds=3.0)
    (0.0, 5.0)
    """

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        self._begins = [0.0]  # of the gaps
        self._ends = [math.inf]

    def start(self, ready: float, seconds: float) -> float:
        """Return the earliest start of a task of *seconds* that is ready at *ready*."""
        if not seconds:
            return self._moment(ready)
        gap = bisect_right(self._ends, ready)
        begin = self._begins[gap]
        start = begin if ready < begin or tie(ready, begin) else ready
        while start + seconds > self._ends[gap] and not tie(start + seconds, self._ends[gap]):
            gap += 1
            start = self._begins[gap]
        return start

    def _moment(self, ready: float) -> float:
        """Return the first moment from *ready* on at which no task runs: a task of 0 s needs no gap."""
        planned = self.planned
        after = bisect_left(planned, (ready,))
        near = [one.start for one in planned[max(after - 1, 0) : after + 1] if tie(one.start, ready)]
        if near:  # equal except for rounding
            ready = near[0]
            after = bisect_left(planned, (ready,))
        end = planned[after - 1].end if after else 0.0
        return end if end > ready and not tie(end, ready) else ready

    def add(self, one: Planned) -> None:
        """Plan a task at a time from `start`."""
        insort(self.planned, one)
        gap = bisect_right(self._begins, one.start) - 1
        if gap < 0 or self._ends[gap] < one.start:
            return  # a task of 0 s between two others
        begin, end = self._begins[gap], self._ends[gap]
        left = [(a, b) for a, b in ((begin, one.start), (one.end, end)) if a < b and not tie(a, b)]
        self._begins[gap : gap + 1] = [a for a, _ in left]
        self._ends[gap : gap + 1] = [b for _, b in left]


class Planner:
    """Makes the plans of all workers; tasks are added one by one, parents first."""

    def __init__(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        self.plans = [Plan() for _ in estimate.compute]
        self._workers, self._place = workers, graph.place.tolist()
        self._estimate, self._room = estimate, estimate.room()
        self._lane = graph.lane.tolist() if graph.lanes else [0] * len(graph)
        self._lanes = [self.plans, *([Plan() for _ in estimate.compute] for _ in graph.lanes)]  # [lane][worker]
        self._edges, self._parent = graph.parents, graph.edges.parent.tolist()
        self._ended: dict[int, tuple[float, int]] = {}  # task -> (s, worker)

    def able(self, task: int) -> tuple[int, ...]:
        """Return the workers for *task*: those that could hold it, or all allowed ones if none could."""
        allowed = self._workers[self._place[task]]
        found = tuple(worker for worker in allowed if self._room.holds(task, worker))
        return found or self._estimate.able(task, allowed)

    def put(self, task: int, able: Sequence[int], further: Sequence[float]) -> None:
        """Plan *task* on the worker of *able* with the least end + *further*, seconds by worker."""
        compute, plans = self._estimate.compute, self._lanes[self._lane[task]]
        ready = self._ready(task, able)
        starts = [plans[worker].start(at, compute[worker][task]) for worker, at in zip(able, ready, strict=True)]
        ends = [start + compute[worker][task] for worker, start in zip(able, starts, strict=True)]
        scores = [end + further[worker] for worker, end in zip(able, ends, strict=True)]
        chosen = least(scores)
        worker = able[chosen]
        plans[worker].add(Planned(starts[chosen], ends[chosen], len(self._ended), task))
        self._ended[task] = (ends[chosen], worker)
        self._room.put(task, worker)

    def orders(self) -> list[list[int]]:
        """Return each worker's tasks in the order of its plan, without those of communication lanes."""
        return [[one.task for one in plan.planned] for plan in self.plans]

    def _ready(self, task: int, workers: Sequence[int]) -> list[float]:
        """Return when all inputs of *task* could have arrived at each of *workers*."""
        arrival, transfer = self._estimate.arrival, self._estimate.transfer
        ready = [arrival(task, worker) for worker in workers]
        for edge in self._edges.of(task):
            end, home = self._ended[self._parent[edge]]
            ready = [max(at, end + transfer(edge, home, w)) for at, w in zip(ready, workers, strict=True)]
        return ready
