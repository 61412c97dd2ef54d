"""How many activations the ranks of a pipeline hold: each from its F to the last action that needs it, B or W.

0F0 0F1 0I0 0W0 0I1 0W1
  1   2   2   2   1   1        while each task runs; an overlap holds what its F adds and what its B frees
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Ints, TaskGraph

ADDS = ("forward", "overlap")
FREES = ("backward", "weight_grad", "overlap")


def held(graph: TaskGraph) -> list[Ints]:
    """Return the activations (of one stage and microbatch) that each rank holds during each task of its order."""
    adds, frees = (np.array([kind in names for kind in graph.kinds], np.int64) for names in (ADDS, FREES))
    orders = [graph.kind[np.asarray(order)] for order in graph.orders]
    return [np.cumsum(adds[kinds]) - np.cumsum(frees[kinds]) + frees[kinds] for kinds in orders]


def live_activations(graph: TaskGraph) -> list[int]:
    """Return the most activations that each rank holds at once; empty where there are no ranks."""
    return [int(row.max(initial=0)) for row in held(graph)]
