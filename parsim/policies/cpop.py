"""CPOP, critical path on a processor: the critical path runs on one worker, other tasks where they end first.

    priority of a task = upward rank + downward rank        the longest path through it; greatest on the critical path

    t0 ====== t2 ====== t5        == the critical path, on the worker that computes it fastest
    t0 ------ t1 ------ t5        t1 goes where it ends earliest; both use gaps

The ready task of highest priority is planned next. No guarantee is known; in the paper's experiments HEFT is better
on average. Topcuoglu, Hariri, Wu, Performance-Effective and Low-Complexity Task
Scheduling for Heterogeneous Computing, IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

import math
from itertools import pairwise

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.core.tolerance import least
from parsim.policies import policies
from parsim.policies.in_order import InOrder
from parsim.policies.insertion import Planner
from parsim.policies.ranks import by_urgency, downward_ranks, upward_ranks


@policies.add("cpop")
class Cpop(InOrder):
    """Plan the critical path on one worker, and other tasks where they end earliest.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> cpop = Cpop()
    >>> seconds = [2.0, 3.0, 1.0]
    >>> free, mean = lambda *_: 0.0, lambda: np.array(seconds)
    >>> cpop.prepare(three, ((0, 1),), Estimate((seconds, seconds), free, free, mean, lambda: np.empty(0)))
    >>> [cpop.home(task) for task in range(3)]
    [1, 0, 1]
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Make a plan, and follow it."""
        self.follow(plan(graph, workers, estimate).orders(), len(graph))


def plan(graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> Planner:
    """Plan tasks by decreasing priority, with the critical path on its worker."""
    planner, nothing = Planner(graph, workers, estimate), [0.0] * len(estimate.compute)
    upward = upward_ranks(graph, estimate)
    path = set(critical_path(graph, upward, estimate))
    able = {task: planner.able(task) for task in path}
    own = fastest(able, estimate)
    for task in by_urgency(graph, upward + downward_ranks(graph, estimate)):
        able_now = planner.able(task)
        planner.put(task, (own,) if task in path and own in able_now else able_now, nothing)
    return planner


def critical_path(graph: TaskGraph, upward: Floats, estimate: Estimate) -> list[int]:
    """Return the tasks of the longest path through the graph, in order; ties go to the lower number."""
    children, transfer, rank = graph.edges.child.tolist(), estimate.mean_transfer().tolist(), upward.tolist()
    roots = [task for task, (a, b) in enumerate(pairwise(graph.parents.first)) if a == b]
    path: list[int] = []
    further = [(task, rank[task]) for task in roots]
    while further:
        further.sort()  # by number: the first of several tied paths counts
        task, _ = further[least([-length for _, length in further])]
        path.append(task)
        edges = graph.children.of(task)
        further = [(children[edge], transfer[edge] + rank[children[edge]]) for edge in edges]
    return path


def fastest(able: dict[int, tuple[int, ...]], estimate: Estimate) -> int:
    """Return the worker that computes the tasks in the least time, among those that may run most of them."""
    runs = [[task for task, workers in able.items() if worker in workers] for worker in range(len(estimate.compute))]
    most = max(map(len, runs))
    able_most = [worker for worker, own in enumerate(runs) if len(own) == most]
    return able_most[
        least([math.fsum(estimate.compute[worker][task] for task in runs[worker]) for worker in able_most])
    ]
