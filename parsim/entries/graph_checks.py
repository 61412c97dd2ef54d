"""Check that the columns of a task graph are consistent. A graph from outside the package is checked first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.cycles import cycles
from parsim.core.graph import Program, TaskGraph
from parsim.core.items import Elements
from parsim.core.lanes import about_lanes
from parsim.core.names import about_shared, transfers

WORDS = {"i": "whole numbers", "f": "numbers"}


def about_graph(graph: TaskGraph, workers: float, places: int) -> Iterator[str]:
    """Return what is wrong with *graph*, given the numbers of *workers* and of *places* that flows may name.

    Sentences after the first may be consequences of it.
    """
    yield from _about_columns(graph)
    yield from _about_tasks(graph, workers)
    yield from _about_edges(graph)
    yield from _about_flows(graph, places)
    yield from (f"{what} {index}: {why}" for what, index, why in about_lanes(graph))
    yield from (
        f"{graph.names[task]}: {why}" for task, why in about_shared(graph.names, _transfers(graph, workers), {})
    )
    if graph.program is not None:
        yield from _about_program(graph, graph.program)


def _transfers(graph: TaskGraph, workers: float) -> Iterator[tuple[str, str]]:
    yield from transfers(graph.names, graph.edges, workers)
    yield from ((HOST, graph.names[task]) for task in np.flatnonzero(graph.given > 0).tolist())
    yield from ((graph.names[task], HOST) for task in np.flatnonzero(graph.result > 0).tolist())


def _about_columns(graph: TaskGraph) -> Iterator[str]:
    tasks, edges, flows = len(graph), len(graph.edges), len(graph.flows)
    if len(set(graph.names)) != tasks or not all(isinstance(name, str) for name in graph.names):
        yield "names are not texts, or one occurs twice"
    for name in ("kind", "place"):
        yield from _about(name, getattr(graph, name), tasks, "i")
    yield from _about("units", graph.units, tasks, "f")
    for name, sort in (("given", "f"), ("result", "f"), ("memory", "f"), ("output", "f"), ("group", "i")):
        column = getattr(graph, name)
        yield from _about(name, column, tasks if np.size(column) else 0, sort)
    yield from _about("group_size", graph.group_size, np.size(graph.group_size), "f")
    yield from _about("lane", graph.lane, tasks if graph.lanes or np.size(graph.lane) else 0, "i")
    for name, sort in (("parent", "i"), ("child", "i"), ("size", "f"), ("delay", "f")):
        yield from _about(f"edges.{name}", getattr(graph.edges, name), edges, sort)
    for name, sort in (("source", "i"), ("target", "i"), ("size", "f"), ("start", "f")):
        yield from _about(f"flows.{name}", getattr(graph.flows, name), flows, sort)
    stated = graph.stated
    if not isinstance(stated, np.ndarray) or (stated.size and stated.shape[0] != tasks) or stated.ndim > 2:
        yield f"stated is not an array of {tasks} times, or of {tasks} rows of one time for each device"
    elif np.any(stated < 0) or np.any(np.isinf(stated)):
        yield "stated has a time that is negative or infinite"


def _about(name: str, column: Any, rows: int, sort: str) -> Iterator[str]:
    kinds = "iu" if sort == "i" else "fiu"
    if not isinstance(column, np.ndarray) or column.shape != (rows,) or (rows and column.dtype.kind not in kinds):
        yield f"{name} is not an array of {rows} {WORDS[sort]}"
    elif sort == "f" and not np.all((column >= 0) & (column < np.inf)):
        yield f"{name} has a number that is negative or not finite"


def _about_tasks(graph: TaskGraph, workers: float) -> Iterator[str]:
    yield from _about_range("kind", graph.kind, 0, len(graph.kinds))
    yield from _about_range("place", graph.place, 0, len(graph.places))
    if graph.lanes:
        yield from _about_range("lane", graph.lane, 0, len(graph.lanes) + 1)
    if graph.group.size:
        yield from _about_range("group", graph.group, -1, len(graph.group_size))
    for allowed in graph.places:
        if not allowed or not all(isinstance(worker, int) and 0 <= worker < workers for worker in allowed):
            yield f"places holds {allowed}; each entry needs one or more worker numbers below {workers}"
    tasks = sorted(task for order in graph.orders for task in order)
    if graph.orders and tasks != np.flatnonzero(graph.computes).tolist():
        yield "orders do not hold each task that computes once"


def _about_range(name: str, column: Any, least: int, end: int) -> Iterator[str]:
    wrong = column[(column < least) | (column >= end)]
    if len(wrong):
        yield f"{name} holds {wrong[0]}, but the largest valid number is {end - 1}"


def _about_edges(graph: TaskGraph) -> Iterator[str]:
    edges, tasks = graph.edges, len(graph)
    yield from _about_range("edges.parent", edges.parent, 0, tasks)
    yield from _about_range("edges.child", edges.child, 0, tasks)
    if np.any((edges.size > 0) & (edges.delay > 0)):
        yield "an edge has both bytes and a delay; give it only one"
    for cycle in cycles(edges, tasks):
        yield f"task {graph.names[min(cycle)]} would wait for itself: it is part of a cycle of edges"


def _about_flows(graph: TaskGraph, places: int) -> Iterator[str]:
    flows = graph.flows
    yield from _about_range("flows.source", flows.source, 0, places)
    yield from _about_range("flows.target", flows.target, 0, places)
    if np.any(flows.source == flows.target):
        yield "a flow goes from a place to itself"
    if not isinstance(flows.limit, np.ndarray) or len(flows.limit) != len(flows) or not np.all(flows.limit > 0):
        yield f"flows.limit is not an array of {len(flows)} numbers above 0"


def _about_program(graph: TaskGraph, program: Program) -> Iterator[str]:
    if isinstance(program, Elements) and len(program.own) != len(graph):
        yield f"program.own holds {len(program.own)} slices for {len(graph)} tasks"
    for task, (first, end) in enumerate(pairwise(graph.parents.first)):
        if task not in program.given and end == first:
            yield f"task {graph.names[task]} needs an input: what the host gives it, or the output of a parent"
