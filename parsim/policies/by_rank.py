"""By rank: take the ready task of lowest rank, for any rank.

    rank       t0 3   t1 1   t2 2
    ready      t0 t2             w1 takes t2, the lowest rank that it may run and has room for
               t0 t2             if w1 had no room for t2, it would take t0

A subclass defines `rank`, which returns a number for every task before the clock starts. No worker idles while a ready
task exists that it may run and has room for. So on P equal workers without transfers, the makespan for any rank is at
most work/P + (1 - 1/P) span, and within 2 - 1/P of the optimum (Graham, Bounds on Multiprocessing Timing Anomalies,
SIAM J. Appl. Math. 17(2), 1969). A good rank improves on this bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

import numpy as np

from parsim.core.graph import Floats, Ints, TaskGraph
from parsim.core.job import Estimate
from parsim.core.tolerance import ranking

MANY = 1000  # numbers from which numpy sorts faster than Python, including the conversion


class ByRank:
    """Take the ready task of lowest rank; ties go to the lower task number.

    >>> class Last(ByRank):
    ...     def rank(self, graph, estimate):
    ...         return -np.arange(len(graph))
    >>> last, three = Last(), TaskGraph(list("abc"), (), np.zeros(3, int), np.ones(3), ((0,),), np.zeros(3, int))
    >>> last.prepare(three, three.places, Estimate(([],), lambda *_: 0.0, lambda *_: 0.0, list, list))
    >>> last.ready(0, None), last.ready(1, None)
    (None, None)
    >>> last.take(0, lambda task: True), last.take(0, lambda task: True), last.take(0, lambda task: True)
    (1, 0, None)
    """

    def rank(self, graph: TaskGraph, estimate: Estimate) -> Sequence[float] | Floats | Ints:
        """Return the rank of every task, (tasks,); the lowest rank comes first."""
        raise NotImplementedError(f"{type(self).__name__} has no method rank(graph, estimate)")

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Rank all tasks, and make a heap for each place set."""
        ranks = self.rank(graph, estimate)
        if len(ranks) != len(graph):
            raise ValueError(
                f"{type(self).__name__}.rank returned {len(ranks)} numbers for {len(graph)} tasks; return one for each"
            )
        unknown = np.flatnonzero(np.isnan(np.asarray(ranks, np.float64)))
        if len(unknown):
            first = graph.names[int(unknown[0])]
            raise ValueError(
                f"{type(self).__name__}.rank returned NaN for task {first}; return a number that can be ordered"
            )
        order = ranking(ranks)
        turn = np.empty_like(order)
        turn[order] = np.arange(len(order))
        self._task: list[int] = order.tolist()  # [turn]
        self._turn: list[int] = turn.tolist()  # [task] its position by rank, since integers compare fast
        self._place: list[int] = graph.place.tolist()
        self._lines = [Line() for _ in workers]
        self._of: list[list[Line]] = [[] for _ in estimate.compute]  # [worker] lines
        for line, some in zip(self._lines, workers, strict=True):
            for worker in some:
                self._of[worker].append(line)

    def home(self, task: int) -> int | None:
        """Return None: any idle worker may take the task."""
        return None

    def ready(self, task: int, by: int | None) -> None:
        """Add *task* to the ready tasks."""
        self._lines[self._place[task]].fresh.append(self._turn[task])

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return the ready task of lowest rank that may run on *worker* and fits."""
        lines = self._of[worker]
        if len(lines) == 1:
            line = lines[0]
            if line.run and not line.fresh and not line.heap:  # a shortcut for many tasks that became ready together
                task = self._task[line.run[-1]]
                if fits(task):
                    line.run.pop()
                    return task
        return self._first(lines, fits)

    def _first(self, lines: list[Line], fits: Callable[[int], bool]) -> int | None:
        """Take the lowest turn of the *lines* that fits, and leave the lower ones."""
        passed, found = [], None
        while found is None and (chosen := _lowest(lines)):
            turn, line = chosen
            line.pop()
            if fits(self._task[turn]):
                found = self._task[turn]
            else:
                passed.append(chosen)
        for turn, line in passed:
            line.fresh.append(turn)
        return found


class Line:
    """Ready turns: a sorted run of those that came together, a heap of later ones, and fresh ones.

    >>> line = Line()
    >>> line.fresh += [5, 1, 3]
    >>> line.head(), line.pop(), line.pop()
    (1, None, None)
    >>> line.fresh.append(4)
    >>> line.head()
    4
    """

    __slots__ = ("fresh", "heap", "run")

    def __init__(self) -> None:
        self.fresh: list[int] = []
        self.run: list[int] = []  # sorted, with the lowest last
        self.heap: list[int] = []

    def head(self) -> int:
        """Return the lowest turn, or -1 if there is none."""
        if self.fresh:
            self._settle()
        run, heap = self.run, self.heap
        if heap and not (run and run[-1] < heap[0]):
            return heap[0]
        return run[-1] if run else -1

    def pop(self) -> None:
        """Remove the lowest turn, which `head` has returned."""
        run, heap = self.run, self.heap
        if heap and not (run and run[-1] < heap[0]):
            heappop(heap)
        else:
            run.pop()

    def _settle(self) -> None:
        """Sort the fresh turns in; a few fresh turns go to the heap."""
        run, heap, fresh = self.run, self.heap, self.fresh
        if len(fresh) * 8 < len(run) + len(heap):
            for turn in fresh:
                heappush(heap, turn)
        else:
            run += heap
            run += fresh
            run[:] = np.sort(run)[::-1].tolist() if len(run) > MANY else sorted(run, reverse=True)
            heap.clear()
        fresh.clear()


def _lowest(lines: list[Line]) -> tuple[int, Line] | None:
    """Return the lowest ready turn and its line."""
    if len(lines) == 1:
        turn = lines[0].head()
        return (turn, lines[0]) if turn >= 0 else None
    heads = [(line.head(), number) for number, line in enumerate(lines)]
    turn, number = min((head for head in heads if head[0] >= 0), default=(-1, 0))
    return (turn, lines[number]) if turn >= 0 else None
