"""The values of a run, task by task: what each has received, what it made, what is left to the merge.

made   t0 [a b]   t1 [c]        t1 has received a, its output is kept until its last child has computed
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from parsim.core.errors import ParsimError, RunError
from parsim.core.graph import Program, TaskGraph

LONGEST = 14_000  # bits of a whole number that Python still writes in digits


class Values:
    """Computes the tasks of a graph in this process, in any order in which parents come first."""

    def __init__(self, graph: TaskGraph) -> None:
        assert graph.program is not None
        self.graph, self.program = graph, graph.program
        self._children, self._parents = graph.children, graph.parents
        self._edge_parent = graph.edges.parent.tolist()
        self._left = [end - first for first, end in zip(self._children.first, self._children.first[1:], strict=False)]
        self._made: dict[int, list[Any]] = {}
        self._gathered: dict[int, list[Any]] = {}

    def received(self, task: int) -> list[Any]:
        """Return what *task* computes on; all its parents have computed."""
        edges = self._parents.order[self._parents.first[task] : self._parents.first[task + 1]]
        values = [self._made[self._edge_parent[edge]][self.program.hands(edge)] for edge in edges]
        return [self.program.given[task], *values] if task in self.program.given else values

    def keep(self, task: int, outputs: list[Any]) -> None:
        """Note what *task* made, and let go of what nobody wants any more."""
        self._gathered[task] = outputs[self.program.gathers(task, last=not self._left[task])]
        if self._left[task]:
            self._made[task] = outputs
        for edge in self._parents.order[self._parents.first[task] : self._parents.first[task + 1]]:
            parent = self._edge_parent[edge]
            self._left[parent] -= 1
            if not self._left[parent]:
                del self._made[parent]

    def compute(self, task: int) -> None:
        """Compute *task*; whatever its kernels raise becomes a `RunError` that names it."""
        received = self.received(task)
        try:
            outputs = self.program.compute(task, received)
        except Exception as error:  # a kernel may raise anything
            raise RunError(f"task {self.graph.names[task]}: {told(error)}") from error
        self.keep(task, outputs)

    def merged(self) -> Any:
        """Merge what the tasks have left to the merge."""
        return merged(self.program, [value for task in sorted(self._gathered) for value in self._gathered[task]])


def merged(program: Program, values: list[Any]) -> Any:
    """Merge *values*; whatever the merge raises, and a result that cannot be written, becomes a `RunError`."""
    try:
        value = program.merge(values)
    except Exception as error:  # a merge may raise anything
        raise RunError(f"merge on host: {told(error)}") from error
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    endless = next((number for number in _numbers(plain(value)) if not math.isfinite(number)), None)
    if endless is not None:
        verb = "is" if isinstance(value, float) else "holds"
        raise RunError(f"merge on host: the result {verb} {endless}, no finite number")
    if isinstance(value, int) and value.bit_length() > LONGEST:
        bits = value.bit_length()
        raise RunError(f"merge on host: the result is a whole number of {bits} bits, too long to write")
    return value


def plain(value: Any) -> Any:
    """Write arrays and numbers of NumPy as JSON can: lists, and Python's own numbers."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _numbers(value: Any) -> Iterator[float]:
    """Yield the floats of a result."""
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, float):
        yield value


def told(error: BaseException) -> str:
    """Write an exception in one line."""
    if isinstance(error, ParsimError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
