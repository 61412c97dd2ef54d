"""The values of a run: inputs and outputs of each task, and the outputs that go to the merge.

made   t0 [a b]   t1 [c]        t1 has received a; an output is kept until its last child has computed
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from parsim.core.errors import ParsimError, RunError, told
from parsim.core.escape import printable
from parsim.core.graph import Program, TaskGraph
from parsim.core.items import Elements
from parsim.core.json_values import Unwritable, plain
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE


class Values:
    """Computes the tasks of a graph in this process, in any topological order."""

    def __init__(self, graph: TaskGraph) -> None:
        assert graph.program is not None
        self.graph, self.program = graph, graph.program
        self._children, self._parents = graph.children, graph.parents
        self._edge_parent = graph.edges.parent.tolist()
        self._left = [end - first for first, end in zip(self._children.first, self._children.first[1:], strict=False)]
        self._made: dict[int, list[Any]] = {}
        self._gathered: dict[int, list[Any]] = {}

    def received(self, task: int) -> list[Any]:
        """Return the inputs of *task*, whose parents have all computed."""
        edges = self._parents.of(task)
        values = [self._made[self._edge_parent[edge]][self.program.hands(edge)] for edge in edges]
        return [self.program.given[task], *values] if task in self.program.given else values

    def keep(self, task: int, outputs: list[Any]) -> None:
        """Store the outputs of *task*, and drop outputs that are no longer needed."""
        self._gathered[task] = outputs[self.program.gathers(task, last=not self._left[task])]
        if self._left[task]:
            self._made[task] = outputs
        for edge in self._parents.of(task):
            parent = self._edge_parent[edge]
            self._left[parent] -= 1
            if not self._left[parent]:
                del self._made[parent]

    def compute(self, task: int) -> None:
        """Compute *task*. An exception of its kernels becomes a `RunError` that names the task."""
        received = self.received(task)
        try:
            outputs = self.program.compute(task, received)
        except Exception as error:  # a kernel may raise anything
            raise RunError(printable(f"task {self.graph.names[task]}: {told(error)}")) from error
        self.keep(task, outputs)

    def merged(self) -> Any:
        """Merge the outputs that go to the merge."""
        return merged(self.program, [value for task in sorted(self._gathered) for value in self._gathered[task]])


def merged(program: Program, values: list[Any]) -> Any:
    """Merge *values* into a result that JSON can hold. Any exception becomes a `RunError`."""
    return made_of("merge on host", lambda: program.merge(values), _who(program))


def alone(program: Program) -> Any:
    """Return the result of one worker without any split. Any exception becomes a `RunError`."""
    return made_of("one worker alone", program.serial, _who(program))


def _who(program: Program) -> str:
    return f" ({program.made_by})" if isinstance(program, Elements) else ""


def made_of(where: str, make: Callable[[], Any], names: str = "") -> Any:
    """Make a result that JSON can hold. Any exception becomes a `RunError`, which tells *where*, and whose it is."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity are reported below
            return plain(make())
    except Unwritable as wrong:
        raise RunError(printable(f"{where}: {wrong}{names}")) from wrong
    except ParsimError as error:
        raise RunError(f"{where}: {error}") from error
    except Exception as error:  # a kernel or a merge may raise anything
        raise RunError(f"{where}: {told(error)}{names}") from error


def evaluate(graph: TaskGraph, timeline: Timeline) -> Any:
    """Return the merged result of the kernels; None if the workload only counts, or its kernels are slow.

    Tasks compute in the order of their ends, each on the inputs that exist by then, so that a timeline in which a task
    ran before its input fails.
    """
    if graph.program is None or not graph.program.light:
        return None
    values = Values(graph)
    rows = np.flatnonzero(timeline.computes)
    for task in timeline.number[rows[np.lexsort((timeline.number[rows], timeline.end_s[rows]))]].tolist():
        values.compute(task)
    return values.merged()


def alike(one: Any, other: Any) -> bool:
    """Return whether two results are equal: exactly, or to 1e-9 relative for floats.

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
