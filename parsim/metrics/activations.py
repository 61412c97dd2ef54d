"""How many activations the ranks of a pipeline hold, by the order of their tasks."""

from __future__ import annotations

import numpy as np

from parsim.core.graph import TaskGraph

ADDS = ("forward", "overlap")
FREES = ("backward", "weight_grad", "overlap")  # the last that need an activation; an overlap holds both


def live_activations(graph: TaskGraph) -> list[int]:
    """Return the most activations (of one stage and microbatch) that each rank holds at once; empty without ranks."""
    adds, frees = (np.array([kind in names for kind in graph.kinds]) for names in (ADDS, FREES))
    added, freed = (column.astype(np.int64)[graph.kind] for column in (adds, frees))
    found = []
    for order in graph.orders:
        tasks = np.asarray(order)
        held = np.cumsum(added[tasks]) - np.cumsum(freed[tasks]) + freed[tasks]  # while each task runs
        found.append(int(held.max(initial=0)))
    return found
