"""Find cycles of a task graph: tasks that would wait for themselves.

t0 --> t1 --> t2 --> t3        t1 and t2 are a cycle; t3 is not part of it, though it could never run
        ^-----/
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsim.core.columns import NEVER
from parsim.core.graph import Edges, TaskGraph, no_floats, no_ints
from parsim.core.paths import depths


def cycles(edges: Edges, tasks: int) -> Iterator[set[int]]:
    """Yield the tasks of disjoint cycles; nothing if the graph has no cycle.

    >>> list(cycles(Edges(np.array([0, 1, 2, 2]), np.array([1, 2, 1, 3])), tasks=4))
    [{1, 2}]
    """
    graph = TaskGraph([""] * tasks, (), no_ints(), no_floats(), (), no_ints(), edges=edges)
    stuck = _stuck(graph, set(range(tasks)))
    while stuck:
        cycle = _on_cycle(graph, stuck)
        yield cycle
        stuck = _stuck(graph, stuck - cycle)


def _stuck(graph: TaskGraph, among: set[int]) -> set[int]:
    """Return the tasks in *among* that cannot run, considering only edges within *among*."""
    edges = graph.edges
    inside = np.zeros(len(graph), bool)
    inside[list(among)] = True
    both = inside[edges.parent] & inside[edges.child]
    depth = depths(edges.parent[both], edges.child[both], len(graph))
    return set(np.flatnonzero(inside & (depth == NEVER)).tolist())


def _on_cycle(graph: TaskGraph, stuck: set[int]) -> set[int]:
    """Return the tasks of one cycle: from the first stuck task, walk to stuck parents until one repeats."""
    parents, task, walked = graph.parents, min(stuck), dict[int, None]()
    while task not in walked:
        walked[task] = None
        task = next(parent for parent in map(int, graph.edges.parent[parents.of(task)]) if parent in stuck)
    return set(list(walked)[list(walked).index(task) :])
