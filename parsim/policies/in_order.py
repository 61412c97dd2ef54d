"""In order: every worker follows its own list, and waits where the next task is not ready.

    order of w0   0F0 0F1 0B0 0B1        a pipeline schedule, or a plan made beforehand
    ready             0F1     0B1        w0 takes 0F1, then waits for 0B0 although 0B1 is ready

The worker of each task is known beforehand, so inputs travel as soon as a parent has ended. Given the orders, nothing
starts earlier: where no link is shared and memory suffices, the makespan is the longest path through the graph and the
orders, and no other way to play the same orders ends sooner. How good the orders are is not bounded. It is known as the
semi-active schedule: Roy, Sussmann, Les problemes d'ordonnancement avec contraintes disjonctives, SEMA, D.S. 9, 1964.
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
        """Follow the graph's own orders."""
        self.follow(graph.orders, len(graph))

    def follow(self, orders: Sequence[Sequence[int]], tasks: int) -> None:
        """Let worker w run `orders[w]`, in that order; together they hold each of the *tasks* once."""
        self._orders = orders
        self._done = tasks  # stands for the task after the last: it is never ready
        self._rest = [iter(order) for order in orders]
        self._next = [next(rest, self._done) for rest in self._rest]  # [worker] the next task of its order
        self._ready = bytearray(tasks + 1)
        self._home = [0] * tasks
        for worker, order in enumerate(orders):
            for task in order:
                self._home[task] = worker

    def order_of(self, worker: int) -> Sequence[int]:
        """Return the tasks of *worker* in the order in which it takes them."""
        return self._orders[worker] if worker < len(self._orders) else ()

    def home(self, task: int) -> int | None:
        """Name the worker whose order holds *task*."""
        return self._home[task]

    def ready(self, task: int, by: int | None) -> None:
        """Note that *task* may start."""
        self._ready[task] = 1

    def take(self, worker: int, fits: Callable[[int], bool]) -> int | None:
        """Take the next task of the order, or wait for it."""
        if worker >= len(self._next):
            return None
        task = self._next[worker]
        if not self._ready[task] or not fits(task):
            return None
        self._next[worker] = next(self._rest[worker], self._done)
        return task
