"""SPT, shortest processing time first: take the ready task with the least mean compute over its workers.

    ready      t0 3 s   t1 1 s   t2 2 s         w0 takes t1, w1 takes t2

For independent tasks on P equal workers, this order has the least sum of completion times. The longest tasks come last,
so its makespan tends to be poor. Guarantee for the makespan: 2 - 1/P, as for any list. Conway, Maxwell, Miller, Theory
of Scheduling, Addison-Wesley 1967.
"""

from __future__ import annotations

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.by_rank import ByRank


@policies.add("spt")
class ShortestFirst(ByRank):
    """Take the ready task with the least mean compute.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> free = lambda *_: 0.0
    >>> spt = ShortestFirst()
    >>> spt.prepare(three, ((0, 1),), Estimate(([],) * 2, free, free, lambda: np.array([3, 1, 2]), list))
    >>> [spt.ready(task, None) for task in range(3)]
    [None, None, None]
    >>> [spt.take(worker, lambda task: True) for worker in (0, 1, 0)]
    [1, 2, 0]
    """

    def rank(self, graph: TaskGraph, estimate: Estimate) -> Floats:
        """Return the mean seconds of the tasks."""
        return estimate.mean_compute()
