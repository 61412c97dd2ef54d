"""HEFT: plan the most urgent task first, where it ends earliest, gaps included.

    upward rank of a task = mean compute + max over its children of (mean transfer + upward rank)

    w0 |t0|........|t2|         t3 is planned into the gap of w0 when its inputs can be there in time
    w1 |...|t1...........|      and no worker ends it earlier; an exact fit counts

The plan is followed as it stands; only the times are the run's own. Topcuoglu, Hariri, Wu, Performance-Effective and
Low-Complexity Task Scheduling for Heterogeneous Computing, IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.in_order import InOrder


def rounded(seconds: float) -> float:
    """Round to 12 significant digits, so that sums in another order still tie.

    >>> rounded(0.1 + 0.2) == rounded(0.3)
    True
    """
    return float(f"{seconds:.12g}")


class Planned(NamedTuple):
    """When a task is to run.

    Sorted, a worker's tasks stand in a sound order even where some last 0 s: a child starts no earlier than its
    parent, ends no earlier, and comes later in `turn`.
    """

    start: float  # s
    end: float  # s
    turn: int  # how many tasks were planned before it
    task: int


class Plan:
    """What one worker is to do, and its gaps, first to last; the last gap has no end."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        self._begins = [0.0]  # of the gaps
        self._ends = [math.inf]

    def start(self, ready: float, seconds: float) -> float:
        """Return when a task of *seconds* could start that is ready at *ready*."""
        if not seconds:
            return self._moment(ready)
        gap = bisect_right(self._ends, ready)
        start = max(ready, self._begins[gap])
        while start + seconds > self._ends[gap] and rounded(start + seconds) > rounded(self._ends[gap]):
            gap += 1
            start = self._begins[gap]
        return start

    def _moment(self, ready: float) -> float:
        # No gap is needed, only a moment that lies within no task.
        before = bisect_left(self.planned, (ready,))
        return max(ready, self.planned[before - 1].end) if before else ready

    def add(self, one: Planned) -> None:
        """Plan a task at a start that `start` has returned."""
        insort(self.planned, one)
        gap = bisect_right(self._begins, one.start) - 1
        if gap < 0 or self._ends[gap] < one.start:
            return  # a task of 0 s between two others
        begin, end = self._begins[gap], self._ends[gap]
        left = [(a, b) for a, b in ((begin, one.start), (one.end, end)) if rounded(a) < rounded(b)]
        self._begins[gap : gap + 1] = [a for a, _ in left]
        self._ends[gap : gap + 1] = [b for _, b in left]


@policies.add("heft")
class Heft(InOrder):
    """Plan every task before the clock starts, then follow the plan.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> heft = Heft()
    >>> seconds = [2.0, 3.0, 1.0]
    >>> free, mean = lambda *_: 0.0, lambda: np.array(seconds)
    >>> heft.prepare(three, ((0, 1),), Estimate((seconds, seconds), free, free, mean, lambda: np.empty(0)))
    >>> [heft.home(task) for task in range(3)]
    [1, 0, 1]
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Plan: the most urgent task first, where it ends earliest."""
        self.plans = [Plan() for _ in estimate.compute]
        place, inputs = graph.place.tolist(), Inputs(graph, estimate)
        for turn, task in enumerate(by_urgency(graph, upward_ranks(graph, estimate))):
            best: tuple[float, float] = (math.inf, math.inf)
            start, worker = 0.0, 0
            able = workers[place[task]]
            for candidate, ready in zip(able, inputs.ready(task, able), strict=True):
                seconds = estimate.compute[candidate][task]
                begin = self.plans[candidate].start(ready, seconds)
                key = (rounded(begin + seconds), candidate)
                if key < best:
                    best, start, worker = key, begin, candidate
            end = start + estimate.compute[worker][task]
            self.plans[worker].add(Planned(start, end, turn, task))
            inputs.ended[task] = (end, worker)
        self.follow([[one.task for one in plan.planned] for plan in self.plans], len(graph))


class Inputs:
    """When the inputs of a task could be where, given where and when its parents end."""

    def __init__(self, graph: TaskGraph, estimate: Estimate) -> None:
        self._edges, self._parent, self._estimate = graph.parents, graph.edges.parent.tolist(), estimate
        self.ended: dict[int, tuple[float, int]] = {}  # task -> (s, worker)

    def ready(self, task: int, workers: tuple[int, ...]) -> list[float]:
        """Return when all inputs of *task* could be on each of the *workers*."""
        first, order = self._edges
        ready = [self._estimate.arrival(task, worker) for worker in workers]
        for edge in order[first[task] : first[task + 1]]:
            end, home = self.ended[self._parent[edge]]
            there = (end + self._estimate.transfer(edge, home, worker) for worker in workers)
            ready = list(map(max, ready, there))
        return ready


def upward_ranks(graph: TaskGraph, estimate: Estimate) -> list[float]:
    """Return each task's longest way to the end: mean compute and mean transfers, its own compute included."""
    first, order = graph.parents
    parents, transfer = graph.edges.parent.tolist(), estimate.mean_transfer().tolist()
    mean = estimate.mean_compute().tolist()
    below = [0.0] * len(graph)  # the longest way among the children heard of so far
    waits = [b - a for a, b in pairwise(graph.children.first)]
    done = [task for task, children in enumerate(waits) if not children]
    for task in done:  # grows while it is read: from the leaves up
        below[task] += mean[task]
        for edge in order[first[task] : first[task + 1]]:
            parent = parents[edge]
            below[parent] = max(below[parent], transfer[edge] + below[task])
            waits[parent] -= 1
            if not waits[parent]:
                done.append(parent)
    return below


def by_urgency(graph: TaskGraph, urgency: list[float]) -> Iterator[int]:
    """Yield tasks by decreasing urgency, ties by lower number, but none before its parents."""
    first, order = graph.children
    children = graph.edges.child.tolist()
    waits = [b - a for a, b in pairwise(graph.parents.first)]
    heap = [(-rounded(urgency[task]), task) for task, parents in enumerate(waits) if not parents]
    heapq.heapify(heap)
    while heap:
        _, task = heapq.heappop(heap)
        yield task
        for edge in order[first[task] : first[task + 1]]:
            child = children[edge]
            waits[child] -= 1
            if not waits[child]:
                heapq.heappush(heap, (-rounded(urgency[child]), child))
