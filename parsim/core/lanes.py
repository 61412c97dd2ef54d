"""Check tasks of communication lanes: they take no slot, so no policy places them, and they use no memory.

b1 -- order only --> send1 (lane dp of w0) -- 100 MB, or a delay --> update (on w1 alone)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from parsim.core.graph import TaskGraph

RESERVED = ("compute", "host", "delay")  # names of lanes that every timeline may have
ONE_WORKER = "give a time for one device of one slot"


class Wrong(NamedTuple):
    """A fault: the column of a task, or an edge; the number of the row; and the reason."""

    what: str
    number: int
    why: str


def about_lanes(graph: TaskGraph) -> Iterator[Wrong]:
    """Yield the faults of the communication lanes of *graph*."""
    if not graph.lanes:
        return
    names, lane, edges = graph.names, graph.lane, graph.edges
    alone = np.array([len(allowed) == 1 for allowed in graph.places], bool)[graph.place]
    sends = np.flatnonzero(lane > 0)
    for task in sends.tolist():
        name = graph.lanes[lane[task] - 1]
        if name in RESERVED or ">" in name:
            yield Wrong("lane", task, f"'{name}' is reserved for every timeline; choose another name")
    if graph.program is not None:
        yield Wrong("lane", int(sends[0]), "a graph that computes values cannot have communication lanes")
    members = [task for each in graph.collectives for task in each.members]
    for task in sorted(set(members)):
        if not lane[task] or members.count(task) > 1:
            yield Wrong("lane", task, f"{names[task]} is in a collective; it needs a lane and only one collective")
    for task in sends[~alone[sends]].tolist():
        yield Wrong("place", task, f"a task of a communication lane needs exactly one worker; {ONE_WORKER}")
    for what in ("memory", "output", "given", "result"):
        column = getattr(graph, what)
        for task in sends[column[sends] > 0].tolist() if len(column) else ():
            yield Wrong(what, task, f"{names[task]} is on a communication lane, which only sends its parents' outputs")
    sent = lane[edges.parent] > 0
    for edge in np.flatnonzero(sent & ~alone[edges.child]).tolist():
        parent, child = names[int(edges.parent[edge])], names[int(edges.child[edge])]
        yield Wrong(
            "edge", edge, f"{parent} sends as soon as it can, so {child} needs exactly one worker; {ONE_WORKER}"
        )
    carries = (edges.size > 0) | (edges.delay > 0)
    for edge in np.flatnonzero(~sent & (lane[edges.child] > 0) & carries).tolist():
        child = names[int(edges.child[edge])]
        yield Wrong("edge", edge, f"{child} is on a communication lane; an edge to it carries no bytes or delay")
