"""Ranks: the longest paths through a graph, in mean seconds, and the order by ranks.

    upward rank   = mean compute + max over children of (mean transfer + upward rank)
    downward rank = max over parents of (downward rank + mean compute + mean transfer)

    t0 2 s --1 s-- t1 3 s        upward 6, 3; downward 0, 3; their sum is the longest path through a task, 6 and 6

Topcuoglu, Hariri, Wu, Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing, IEEE TPDS
13(3), 2002. Shared by critical_path, heft, cpop and peft.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Estimate
from parsim.core.paths import longest_paths
from parsim.core.tolerance import classes


def upward_ranks(graph: TaskGraph, estimate: Estimate) -> Floats:
    """Return each task's longest path to the end, including its own compute, (tasks,) s.

    >>> from parsim.core.graph import Edges
    >>> edge = Edges(np.array([0]), np.array([1]), np.zeros(1), np.ones(1))
    >>> two = TaskGraph(["t0", "t1"], (), np.zeros(2, int), np.ones(2), ((0,),), np.zeros(2, int), edges=edge)
    >>> means = Estimate((), lambda *_: 0.0, lambda *_: 0.0, lambda: np.array([2.0, 3.0]), lambda: np.ones(1))
    >>> upward_ranks(two, means).tolist(), downward_ranks(two, means).tolist()
    ([6.0, 3.0], [0.0, 3.0])
    """
    mean, edges = estimate.mean_compute(), graph.edges
    return mean + longest_paths(edges.child, edges.parent, estimate.mean_transfer(), mean, np.zeros(len(mean)))


def downward_ranks(graph: TaskGraph, estimate: Estimate) -> Floats:
    """Return each task's longest path from the start, excluding its own compute, (tasks,) s."""
    mean, edges = estimate.mean_compute(), graph.edges
    return longest_paths(edges.parent, edges.child, estimate.mean_transfer(), mean, np.zeros(len(mean)))


def by_urgency(graph: TaskGraph, urgency: Sequence[float] | Floats) -> Iterator[int]:
    """Yield tasks by decreasing urgency, ties by lower number, but parents before children."""
    children, key = graph.edges.child.tolist(), (-classes(urgency)).tolist()
    waits = [b - a for a, b in pairwise(graph.parents.first)]
    heap = [(key[task], task) for task, parents in enumerate(waits) if not parents]
    heapq.heapify(heap)
    while heap:
        _, task = heapq.heappop(heap)
        yield task
        for edge in graph.children.of(task):
            child = children[edge]
            waits[child] -= 1
            if not waits[child]:
                heapq.heappush(heap, (key[child], child))
