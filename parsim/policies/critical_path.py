"""Critical path: take the ready task with the longest path to the end.

    upward rank of a task = mean compute + max over its children of (mean transfer + upward rank)

    t0 1 -- t2 4      upward ranks  t0 5, t1 2, t2 4, t3 2
    t1 2              w0 takes t0, w1 takes t1; then t2 goes before t3
    t3 2

The ranks are those of HEFT, but any idle worker takes a task: there is no plan. Guarantee: 2 - 1/P, as for any list.
For equal tasks in an in-tree it is optimal (Hu, Parallel Sequencing and Assembly Line Problems, Operations Research
9(6), 1961). Among list policies it is closest to the optimum in most cases: Kohler, A Preliminary Evaluation of the
Critical Path Method for Scheduling Tasks on Multiprocessor Systems, IEEE Trans. Computers 24(12), 1975.
"""

from __future__ import annotations

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.by_rank import ByRank
from parsim.policies.ranks import upward_ranks


@policies.add("critical_path")
class CriticalPath(ByRank):
    """Take the ready task of largest upward rank.

    >>> import numpy as np
    >>> from parsim.core.graph import Edges
    >>> edge = Edges(np.array([0]), np.array([2]), np.zeros(1), np.zeros(1))
    >>> chain = TaskGraph(list("abcd"), (), np.zeros(4, int), np.ones(4), ((0,),), np.zeros(4, int), edges=edge)
    >>> seconds, nothing = (lambda: np.array([1.0, 2.0, 4.0, 2.0])), (lambda: np.zeros(1))
    >>> (-CriticalPath().rank(chain, Estimate((), lambda *_: 0.0, lambda *_: 0.0, seconds, nothing))).tolist()
    [5.0, 2.0, 4.0, 2.0]
    """

    def rank(self, graph: TaskGraph, estimate: Estimate) -> Floats:
        """Return the negative upward ranks, so that the largest comes first."""
        return -upward_ranks(graph, estimate)
