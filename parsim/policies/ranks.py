"""Ranks: the longest ways through a graph, in mean seconds, and the order that they give.

    upward rank   = mean compute + max over children of (mean transfer + upward rank)
    downward rank = max over parents of (downward rank + mean compute + mean transfer)

    t0 2 s --1 s-- t1 3 s        upward 6, 3; downward 0, 3; their sum is the longest way through a task, 6 and 6

Topcuoglu, Hariri, Wu, Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing, IEEE TPDS
13(3), 2002. What critical_path, heft, cpop and peft share.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from parsim.core.graph import Floats, Ints, Successors, TaskGraph
from parsim.core.job import Estimate
from parsim.core.ties import classes


def upward_ranks(graph: TaskGraph, estimate: Estimate) -> Floats:
    """Return each task's longest way to the end, its own compute included, (tasks,) s.

    >>> from parsim.core.graph import Edges
    >>> edge = Edges(np.array([0]), np.array([1]), np.zeros(1), np.ones(1))
    >>> two = TaskGraph(["t0", "t1"], (), np.zeros(2, int), np.ones(2), ((0,),), np.zeros(2, int), edges=edge)
    >>> means = Estimate((), lambda *_: 0.0, lambda *_: 0.0, lambda: np.array([2.0, 3.0]), lambda: np.ones(1))
    >>> upward_ranks(two, means).tolist(), downward_ranks(two, means).tolist()
    ([6.0, 3.0], [0.0, 3.0])
    """
    mean = estimate.mean_compute()
    if not len(graph.edges):
        return mean
    return mean + _ways(graph.children, graph.parents, graph.edges.parent, estimate)


def downward_ranks(graph: TaskGraph, estimate: Estimate) -> Floats:
    """Return each task's longest way from the start, its own compute left out, (tasks,) s."""
    return _ways(graph.parents, graph.children, graph.edges.child, estimate)


def _ways(behind: Successors, ahead: Successors, other: Ints, estimate: Estimate) -> Floats:
    """Return the longest way behind each task; edge e leads ahead to task `other[e]`."""
    first, order = ahead
    targets, transfer = other.tolist(), estimate.mean_transfer().tolist()
    mean = estimate.mean_compute().tolist()
    way = [0.0] * len(mean)  # the longest heard of so far
    for task in in_turn(behind, ahead, other):
        length = way[task] + mean[task]
        for edge in order[first[task] : first[task + 1]]:
            target = targets[edge]
            way[target] = max(way[target], transfer[edge] + length)
    return np.array(way)


def in_turn(behind: Successors, ahead: Successors, other: Ints) -> list[int]:
    """Return tasks, each after all that are *behind* it; edge e leads ahead to task `other[e]`.

    Tasks with nothing behind and nothing ahead are left out.
    """
    first, order = ahead
    targets, number = other.tolist(), np.diff(np.array(behind.first))
    waits = number.tolist()
    done: list[int] = np.flatnonzero((number == 0) & (np.diff(np.array(first)) > 0)).tolist()
    for task in done:  # grows while it is read
        for edge in order[first[task] : first[task + 1]]:
            target = targets[edge]
            waits[target] -= 1
            if not waits[target]:
                done.append(target)
    return done


def by_urgency(graph: TaskGraph, urgency: Sequence[float] | Floats) -> Iterator[int]:
    """Yield tasks by decreasing urgency, ties by lower number, but none before its parents."""
    first, order = graph.children
    children, key = graph.edges.child.tolist(), (-classes(urgency)).tolist()
    waits = [b - a for a, b in pairwise(graph.parents.first)]
    heap = [(key[task], task) for task, parents in enumerate(waits) if not parents]
    heapq.heapify(heap)
    while heap:
        _, task = heapq.heappop(heap)
        yield task
        for edge in order[first[task] : first[task + 1]]:
            child = children[edge]
            waits[child] -= 1
            if not waits[child]:
                heapq.heappush(heap, (key[child], child))
