"""PEFT, predict earliest finish time: like HEFT, but each choice considers the children.

    OCT(task, worker) = max over children of min over workers w of (OCT(child, w) + compute(child, w) + transfer)

where the transfer is the mean one, and 0 if w is the worker itself; OCT is 0 for tasks without children. The optimistic
cost table (OCT) is the least time of the rest if the task runs there. Tasks are planned by mean OCT, each on the worker
with the least end + OCT, using gaps: a later end is accepted if children can continue sooner. No guarantee is known;
the cost is O(edges x workers), as for HEFT. Arabnejad, Barbosa, List Scheduling Algorithm for Heterogeneous Systems by
an Optimistic Cost Table, IEEE TPDS 25(3), 2014.
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.core.paths import depths
from parsim.policies import policies
from parsim.policies.in_order import InOrder
from parsim.policies.insertion import Planner
from parsim.policies.ranks import by_urgency


@policies.add("peft")
class Peft(InOrder):
    """Plan like HEFT, but where both a task and its children can end early.

    >>> import numpy as np
    >>> three = TaskGraph(["a", "b", "c"], ("compute",), np.zeros(3, int), np.ones(3), ((0, 1),), np.zeros(3, int))
    >>> peft = Peft()
    >>> seconds = [2.0, 3.0, 1.0]
    >>> free, mean = lambda *_: 0.0, lambda: np.array(seconds)
    >>> peft.prepare(three, ((0, 1),), Estimate((seconds, seconds), free, free, mean, lambda: np.empty(0)))
    >>> [peft.home(task) for task in range(3)]  # without children there is nothing to foresee
    [0, 1, 0]
    """

    def prepare(self, graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> None:
        """Make a plan, and follow it."""
        self.follow(plan(graph, workers, estimate).orders(), len(graph))


def plan(graph: TaskGraph, workers: tuple[tuple[int, ...], ...], estimate: Estimate) -> Planner:
    """Plan tasks by decreasing mean OCT, each where its end + OCT is least."""
    planner = Planner(graph, workers, estimate)
    seconds = np.array(estimate.compute).T  # (tasks, workers), NaN: may not run
    table = optimistic_costs(graph, seconds, estimate.mean_transfer())
    mean = np.nanmean(np.where(np.isnan(seconds), np.nan, table), axis=1)
    for task in by_urgency(graph, mean):
        planner.put(task, planner.able(task), table[task].tolist())
    return planner


def optimistic_costs(graph: TaskGraph, seconds: Floats, transfer: Floats) -> Floats:
    """Return OCT, (tasks, workers) s; *seconds* are (tasks, workers), *transfer* (edges,)."""
    compute = np.where(np.isnan(seconds), np.inf, seconds)
    table = np.zeros(compute.shape)
    parents, mean = graph.edges.parent.tolist(), transfer.tolist()
    for task in np.argsort(depths(graph.edges.child, graph.edges.parent, len(graph)), kind="stable").tolist():
        there = table[task] + compute[task]
        elsewhere = there.min() if len(there) else 0.0
        for edge in graph.parents.of(task):
            row = table[parents[edge]]
            np.maximum(row, np.minimum(there, elsewhere + mean[edge]), out=row)
    return table
