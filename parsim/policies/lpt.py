"""LPT, longest processing time first: take the ready task with the largest mean compute over its workers.

    ready      t0 3 s   t1 1 s   t2 2 s         w0 takes t0, w1 takes t2

Short tasks come last and fill the gaps. For independent tasks on P equal workers the makespan is within 4/3 - 1/(3P) of
the optimum, and this bound is tight: 5 5 4 4 3 3 3 on three workers take 11 s instead of 9. With dependencies, the
bound is 2 - 1/P, as for any list. Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969.
"""

from __future__ import annotations

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.by_rank import ByRank


@policies.add("lpt")
class LongestFirst(ByRank):
    """Take the ready task with the largest mean compute.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> free = lambda *_: 0.0
    >>> lpt = LongestFirst()
    >>> lpt.prepare(three, ((0, 1),), Estimate(([],) * 2, free, free, lambda: np.array([3, 1, 2]), list))
    >>> [lpt.ready(task, None) for task in range(3)]
    [None, None, None]
    >>> [lpt.take(worker, lambda task: True) for worker in (0, 1, 0)]
    [0, 2, 1]
    """

    def rank(self, graph: TaskGraph, estimate: Estimate) -> Floats:
        """Return the negative mean seconds of the tasks, so that the longest comes first."""
        return -estimate.mean_compute()
