"""List order: take the ready task of lowest number (Graham's list scheduling).

    list       t0 t1 t2 t3
    ready      t3 t1             w0 takes t1, although t3 was ready first

The list is the order of the tasks in the file. On P equal workers without transfers the makespan is within 2 - 1/P of
the optimum, and this bound is tight. A shorter task, an additional worker or a removed dependency may make the run
longer (Graham's anomalies).
Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969.
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Ints, TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.by_rank import ByRank


@policies.add("list_order")
class ListOrder(ByRank):
    """Take the ready task of lowest number.

    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> ListOrder().rank(three, Estimate((), lambda *_: 0.0, lambda *_: 0.0, list, list))
    array([0, 1, 2])
    """

    def rank(self, graph: TaskGraph, estimate: Estimate) -> Ints:
        """Return the numbers of the tasks."""
        return np.arange(len(graph))
