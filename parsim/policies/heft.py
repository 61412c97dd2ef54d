"""HEFT, heterogeneous earliest finish time: plan the most urgent task first, where it ends earliest, using gaps.

    upward rank of a task = mean compute + max over its children of (mean transfer + upward rank)

    ranks   t0 9   t2 7   t1 4   t3 2         planned in this order, each on the worker where it ends first

No guarantee is known: a choice is final, and ignores children. On most graphs it is hard to beat, and it costs only
O(edges x workers). Topcuoglu, Hariri, Wu, Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous
Computing, IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

from parsim.core.graph import TaskGraph
from parsim.core.job import Estimate
from parsim.policies import policies
from parsim.policies.in_order import InOrder
from parsim.policies.insertion import Planner
from parsim.policies.ranks import by_urgency, upward_ranks


@policies.add("heft")
class Heft(InOrder):
    """Plan tasks by decreasing urgency, each where it ends earliest.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> heft = Heft()
    >>> seconds = [2.0, 3.0, 1.0]
    >>> free, mean = lambda *_: 0.0, lambda: np.array(seconds)
    >>> heft.prepare(three, ((0, 1),), Estimate((seconds, seconds), free, free, mean, lambda: np.empty(0)))
    >>> [heft.home(task) for task in range(3)]
    [1, 0, 1]
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Make a plan, and follow it."""
        self.follow(plan(graph, workers, estimate).orders(), len(graph))


def plan(graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> Planner:
    """Plan the most urgent task first, where it ends earliest."""
    planner, nothing = Planner(graph, workers, estimate), [0.0] * len(estimate.compute)
    for task in by_urgency(graph, upward_ranks(graph, estimate)):
        planner.put(task, planner.able(task), nothing)
    return planner
