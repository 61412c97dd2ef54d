"""First in, first out: take the task that has been ready longest.

    ready      t2 t0 t3          w1 takes t2, the first that it may run and has room for
               t2 t0 t3          if w1 had no room for t2, it would take t0

Among tasks that became ready at the same instant, the lower number comes first. Like any rule that leaves no worker
idle while a task is ready, it ends within work/P + (1 - 1/P) span on identical workers without transfers.
Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from heapq import merge

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies


@policies.add("fifo")
class Fifo:
    """Take tasks in the order in which they became ready.

    >>> import numpy as np
    >>> anywhere = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> fifo = Fifo()
    >>> free, turn = lambda *_: 0.0, iter(range(9)).__next__
    >>> fifo.prepare(anywhere, ((0, 1),), Estimate(([],) * 2, free, free, list, list, instant=turn))
    >>> fifo.ready(1, None), fifo.ready(0, None)
    (None, None)
    >>> fifo.take(0, lambda task: True), fifo.take(1, lambda task: True), fifo.take(0, lambda task: True)
    (1, 0, None)
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Make a queue for each place set, and a list of its queues for each worker."""
        self._place = graph.place.tolist()
        self._instant = estimate.instant
        self._since = [0.0] * len(graph)  # the instant at which a task became ready
        self._queues: list[deque[int]] = [deque() for _ in workers]
        self._of: list[list[deque[int]]] = [[] for _ in estimate.compute]  # [worker] queues
        for queue, some in zip(self._queues, workers, strict=True):
            for worker in some:
                self._of[worker].append(queue)

    def home(self, task: int) -> int | None:
        """Return None: any idle worker may take the task."""
        return None

    def ready(self, task: int, by: int | None) -> None:
        """Add *task* to its queue, after those that became ready earlier, or now with a lower number."""
        self._since[task] = self._instant()
        queue = self._queues[self._place[task]]
        if queue and queue[-1] > task:
            join(queue, task, self._since)
        else:
            queue.append(task)

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return the first ready task that may run on *worker* and fits."""
        queues = self._of[worker]
        first = queues[0] if len(queues) == 1 else self._earliest(queues)
        if not first:
            return None
        if fits(first[0]):
            return first.popleft()
        return self._further(queues, fits)

    def _earliest(self, queues: list[deque[int]]) -> deque[int]:
        return min((q for q in queues if q), key=lambda q: (self._since[q[0]], q[0]), default=deque())

    def _further(self, queues: list[deque[int]], fits: Callable[[int], bool]) -> int | None:
        for task in merge(*queues, key=lambda task: (self._since[task], task)):
            if fits(task):
                self._queues[self._place[task]].remove(task)
                return task
        return None


def join(queue: deque[int], task: int, since: Sequence[float]) -> None:
    """Insert *task* into a queue sorted by `since[task]`, then by number; no task in it is later.

    >>> queue = deque([3, 1, 4])
    >>> join(queue, 2, since=[0.0, 5.0, 5.0, 0.0, 5.0])
    >>> queue
    deque([3, 1, 2, 4])
    """
    behind = []
    while queue and queue[-1] > task and since[queue[-1]] == since[task]:
        behind.append(queue.pop())
    queue.append(task)
    queue.extend(reversed(behind))
