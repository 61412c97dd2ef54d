"""What the run computed: the kernels played in the timeline's own order, and merged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.evaluation import Values
from parsim.core.graph import TaskGraph
from parsim.core.ties import CLOSE
from parsim.core.timeline import Timeline


def evaluate(graph: TaskGraph, timeline: Timeline) -> Any:
    """Return what the merge makes of the kernels' outputs; None where the workload only counts, or takes its time.

    Tasks compute in the order in which they ended, each on what it really has by then: a timeline in which a task ran
    before its input fails here.
    """
    if graph.program is None or not graph.program.light:
        return None
    values = Values(graph)
    rows = np.flatnonzero(timeline.computes)
    for task in timeline.number[rows[np.lexsort((timeline.number[rows], timeline.end_s[rows]))]].tolist():
        values.compute(task)
    return values.merged()


def alike(one: Any, other: Any) -> bool:
    """Say whether two results are the same: exactly, floats to 1e-9 relative.

    >>> alike(30, 30), alike(0.1 + 0.2, 0.3), alike([1, 2.0], [1, 2.5])
    (True, True, False)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=CLOSE) or (math.isnan(one) and math.isnan(other))
    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape:
        return False
    if {first.dtype.kind, second.dtype.kind} & {"f", "c"}:
        return bool(np.allclose(first, second, rtol=CLOSE, atol=0.0, equal_nan=True))
    return bool(np.array_equal(first, second))
