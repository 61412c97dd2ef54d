"""What the run computed: the kernels played in the timeline's own order, and merged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.errors import RunError
from parsim.core.graph import Program, TaskGraph
from parsim.core.timeline import Timeline

LONGEST = 14_000  # bits of a whole number that Python still writes in digits


def evaluate(graph: TaskGraph, timeline: Timeline) -> Any:
    """Return what the merge makes of the kernels' outputs; None where the workload only counts.

    Tasks compute in the order in which they ended, each on what it really has by then: a timeline in which a task ran
    before its input fails here.
    """
    return merge(graph.program, gathered(graph, outputs(graph, timeline))) if graph.program else None


def outputs(graph: TaskGraph, timeline: Timeline) -> dict[int, list[Any]]:
    """Return what each task computed."""
    program, made = graph.program, dict[int, list[Any]]()
    assert program is not None
    parent = dict(zip(graph.edges.child.tolist(), graph.edges.parent.tolist(), strict=True))
    rows = np.flatnonzero(timeline.computes)
    for task in timeline.number[rows[np.lexsort((timeline.number[rows], timeline.end_s[rows]))]].tolist():
        received = program.given[task] if task in program.given else made[parent[task]]
        try:
            made[task] = program.compute(task, received)
        except Exception as error:  # a kernel may raise anything
            raise RunError(f"task {graph.names[task]}: {_told(error)}") from error
    return made


def merge(program: Program, values: list[Any]) -> Any:
    """Merge the gathered *values*."""
    try:
        value = program.merge(values)
    except Exception as error:  # a merge may raise anything
        raise RunError(f"merge on host: {_told(error)}") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise RunError(f"merge on host: the result is {value}, no finite number")
    if isinstance(value, int) and value.bit_length() > LONGEST:
        raise RunError(f"merge on host: the result is a whole number of {value.bit_length()} bits, too long to write")
    return value


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"


def gathered(graph: TaskGraph, made: dict[int, list[Any]]) -> list[Any]:
    """Put together the outputs of the tasks that hand theirs to nobody, in the order of tasks."""
    handing_on = set(graph.edges.parent.tolist())
    return [value for task in sorted(made) if task not in handing_on for value in made[task]]


def alike(one: Any, other: Any) -> bool:
    """Say whether two results are the same: exactly, floats to 1e-9 relative.

    >>> alike(30, 30), alike(0.1 + 0.2, 0.3), alike([1, 2.0], [1, 2.5])
    (True, True, False)
    """
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape:
        return False
    if {first.dtype.kind, second.dtype.kind} & {"f", "c"}:
        return bool(np.allclose(first, second, rtol=1e-9, atol=0.0, equal_nan=True))
    return bool(np.array_equal(first, second))
