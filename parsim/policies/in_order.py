"""In order: every worker follows its own list, and waits if the next task is not ready.

    order of w0   0F0 0F1 0B0 0B1        a pipeline schedule, or a plan made beforehand
    ready             0F1     0B1        w0 takes 0F1, then waits for 0B0 although 0B1 is ready

The worker of each task is known beforehand, so inputs travel as soon as a parent has ended. Every task starts as early
as its order allows: without shared links and limits of memory, the makespan is the longest path through the graph and
the orders, which is the least possible for these orders. There is no guarantee for the orders themselves. This is
called the semi-active schedule: Roy, Sussmann, Les problemes d'ordonnancement avec contraintes disjonctives, SEMA, D.S.
9, 1964.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies


@policies.add("in_order")
class InOrder:
    """Play the orders of the graph: rank r is worker r.

    >>> plan = InOrder()
    >>> plan.follow([[1, 0], [2]], tasks=3)
    >>> plan.home(0), plan.home(2)
    (0, 1)
    >>> plan.ready(0, None)
    >>> print(plan.take(0, lambda task: True))
    None
    >>> plan.ready(1, None)
    >>> plan.take(0, lambda task: True), plan.take(0, lambda task: True)
    (1, 0)
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Follow the orders of the graph."""
        self.follow(graph.orders, len(graph))

    def follow(self, orders: Sequence[Sequence[int]], tasks: int) -> None:
        """Let worker w run `orders[w]` in order; together the orders contain each of the *tasks* once."""
        self._orders = orders
        self._done = tasks  # a sentinel after the last task, which is never ready
        self._rest = [iter(order) for order in orders]
        self._next = [next(rest, self._done) for rest in self._rest]  # [worker] index of the next task of its order
        self._ready = bytearray(tasks + 1)
        self._home = [0] * tasks
        for worker, order in enumerate(orders):
            for task in order:
                self._home[task] = worker

    def order_of(self, worker: int) -> Sequence[int]:
        """Return the order of *worker*."""
        return self._orders[worker] if worker < len(self._orders) else ()

    def home(self, task: int) -> int | None:
        """Return the worker whose order contains *task*."""
        return self._home[task]

    def ready(self, task: int, by: int | None) -> None:
        """Mark *task* as ready."""
        self._ready[task] = 1

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Return the next task of the order if it is ready."""
        if worker >= len(self._next):
            return None
        task = self._next[worker]
        if not self._ready[task] or not fits(task):
            return None
        self._next[worker] = next(self._rest[worker], self._done)
        return task
