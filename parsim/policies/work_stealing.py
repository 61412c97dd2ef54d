"""Work stealing: a worker takes tasks that it released itself; an idle worker steals from the longest deque.

    w0 | t1 t4 t7      w0 takes t7, its newest task, whose inputs are on w0
    w1 | t2 t5         w1 takes t5
    w2 |               w2 steals t1, the oldest task of the longest deque: near the root, it may release many

A task joins the deque of the worker that released it; tasks without parents are distributed in turn. If this worker may
not run the task, it joins the deque of the first worker that may.

Guarantee: with random victims, fully strict work of T1 seconds with a critical path of Tinf takes an expected time of
T1/P + O(Tinf) on P workers (Blumofe, Leiserson, Scheduling Multithreaded Computations by Work Stealing, J. ACM 46(5),
1999). Here the victim is the longest deque, and stealing takes no time: no worker idles while a task is ready, so on
equal workers without transfers the makespan is at most T1/P + (1 - 1/P) Tinf.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies


@policies.add("work_stealing")
class WorkStealing:
    """Take the newest task of the own deque, else the oldest of the longest deque.

    >>> import numpy as np
    >>> four = TaskGraph(list("abcd"), ("compute",), np.zeros(4, int), np.ones(4), ((0, 1),), np.zeros(4, int))
    >>> stealing = WorkStealing()
    >>> stealing.prepare(four, ((0, 1),), Estimate(([1.0] * 4,) * 2, lambda *_: 0.0, lambda *_: 0.0, list, list))
    >>> [stealing.ready(task, 0) for task in range(4)]
    [None, None, None, None]
    >>> [stealing.take(worker, lambda task: True) for worker in (0, 1, 0, 1, 0)]
    [3, 0, 2, 1, None]
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Make a deque for each worker."""
        self._deques: list[deque[int]] = [deque() for _ in estimate.compute]
        self._place = graph.place.tolist()
        self._first = [some[0] for some in workers]  # [place set]
        self._able = [set(some) for some in workers]
        self._roots = 0

    def home(self, task: int) -> int | None:
        """Return None: any idle worker may take the task."""
        return None

    def ready(self, task: int, by: int | None) -> None:
        """Add *task* to a deque."""
        if by is None:
            by = self._roots % len(self._deques)
            self._roots += 1
        place = self._place[task]
        self._deques[by if by in self._able[place] else self._first[place]].append(task)

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return the newest own task, else the oldest of the longest deque, that may run and fits."""
        own = self._deques[worker]
        if own and fits(own[-1]):
            return own.pop()
        if not own:
            longest = max(self._deques, key=len)  # the first of several
            if not longest:
                return None
            if worker in self._able[self._place[longest[0]]] and fits(longest[0]):
                return longest.popleft()
        return self._further(worker, fits)

    def _further(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Search all deques: the own deque from the newest task, then the others, the longest first."""
        own = self._deques[worker]
        others = sorted((some for some in self._deques if some is not own), key=len, reverse=True)
        searches: list[tuple[deque[int], Iterable[int]]] = [(own, reversed(own)), *((some, some) for some in others)]
        for some, tasks in searches:
            for task in tasks:
                if worker in self._able[self._place[task]] and fits(task):
                    some.remove(task)
                    return task
        return None
