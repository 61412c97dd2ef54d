"""Round robin: assign tasks to workers in turn, by number.

    t0 -> w0   t1 -> w1   t2 -> w2   t3 -> w0   t4 -> w1 ...        home = able[number modulo len(able)]

`able` are the workers that may run the task and whose device could hold it. A worker takes its tasks in the order in
which they become ready; no other worker takes them. Inputs travel early, since the worker is known. There is no
guarantee: the makespan may be P times the optimum, if every P-th task is long and the others are short.
Wang, Morris, Load Sharing in Distributed Systems, IEEE Trans. Computers C-34(3), 1985 (cyclic splitting).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.fifo import join


@policies.add("round_robin")
class RoundRobin:
    """Assign a worker to every task by its number.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> dealt = RoundRobin()
    >>> free, turn = lambda *_: 0.0, iter(range(9)).__next__
    >>> dealt.prepare(three, ((0, 1),), Estimate(([1.0] * 3,) * 2, free, free, list, list, instant=turn))
    >>> [dealt.home(task) for task in range(3)]
    [0, 1, 0]
    >>> dealt.ready(2, None), dealt.ready(0, None)
    (None, None)
    >>> dealt.take(0, lambda task: True), dealt.take(0, lambda task: True), dealt.take(1, lambda task: True)
    (2, 0, None)
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Assign the tasks."""
        self._home = []
        for task, place in enumerate(graph.place.tolist()):
            able = estimate.able(task, workers[place])
            self._home.append(able[task % len(able)])
        self.queues: list[deque[int]] = [deque() for _ in estimate.compute]
        self._instant = estimate.instant
        self._since = [0.0] * len(graph)  # the instant at which a task became ready

    def home(self, task: int) -> int | None:
        """Return the worker of *task*."""
        return self._home[task]

    def ready(self, task: int, by: int | None) -> None:
        """Add *task* to the queue of its worker."""
        self._since[task] = self._instant()
        join(self.queues[self._home[task]], task, self._since)

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return the first task of the worker's queue, or None until there is room for it."""
        queue = self.queues[worker]
        return queue.popleft() if queue and fits(queue[0]) else None
