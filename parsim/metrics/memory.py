"""The memory used on each device, computed from the timeline and the sizes in the graph.

weights   |      ####################|   from the first task that uses them to the end
inputs    |  ########                |   from the transfer's start to the task's end, or until its lane has sent them on
memory    |      ####                |   from the task's start to its end
output    |      ###########         |   from the task's start until its last consumer has ended or received it

Where no task waits for memory, `training_memory` says what is held.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.training_memory import uses

Holds = tuple[Ints, Floats, Floats, Floats]  # device, from, to, bytes: a row for all that takes room


def peaks(job: Job, timeline: Timeline) -> Floats:
    """Return the peak of memory of each device in bytes, (devices,)."""
    return np.array([used.max(initial=0.0) for _, used in usage(job, timeline)])


def usage(job: Job, timeline: Timeline) -> list[tuple[Floats, Floats]]:
    """Return, for each device, the moments at which its use changes, and the bytes used from then on."""
    if job.memories:
        return [use.steps() for use in uses(job, timeline)]
    device, start, end, size = _holds(job, timeline)
    order = np.argsort(device, kind="stable")
    start, end, size = start[order], end[order], size[order]
    first = np.searchsorted(device[order], np.arange(len(job.cluster.devices) + 1)).tolist()
    unused = np.empty(0), np.empty(0)
    return [_steps(start[a:b], end[a:b], size[a:b]) if a < b else unused for a, b in pairwise(first)]


def _steps(start: Floats, end: Floats, size: Floats) -> tuple[Floats, Floats]:
    moments, where = np.unique(np.concatenate([start, end]), return_inverse=True)
    change = np.bincount(where, weights=np.concatenate([size, -size]), minlength=len(moments))
    return moments, np.cumsum(change)


def _holds(job: Job, timeline: Timeline) -> Holds:
    graph, tasks = job.graph, len(job.graph)
    if not tasks:
        return np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0)
    rows = np.flatnonzero(timeline.of_tasks)
    row = np.empty(tasks, np.int64)
    row[timeline.number[rows]] = rows
    start, end = timeline.start_s[row], timeline.end_s[row]
    device = np.array(job.cluster.device_of_worker)[timeline.workers.code[row]]
    done = _done(job, timeline, end)
    parts = [_inputs(job, timeline, device, done), _weights(job, timeline, device, start)]
    if len(graph.memory):
        parts.append((device, start, end, graph.memory))
    if len(graph.output):
        parts.append((device, start, _output_ends(job, timeline, row, device, done), graph.output))
    held = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return held[0], held[1], held[2], held[3]


def _done(job: Job, timeline: Timeline, end: Floats) -> Floats:
    """Return when each task needs nothing more: at its end, or once all has arrived that its lane sends, (tasks,)."""
    if not job.graph.lanes:
        return end
    table, moved = job.graph.transfers, np.flatnonzero(timeline.transfer >= 0)
    moved = moved[table.lane[timeline.transfer[moved]] > 0]
    done = end.copy()
    np.maximum.at(done, table.parent[timeline.transfer[moved]], timeline.end_s[moved])
    return done


def _inputs(job: Job, timeline: Timeline, device: Ints, done: Floats) -> Holds:
    moved = np.flatnonzero(timeline.transfer >= 0)
    child = job.graph.transfers.child[timeline.transfer[moved]]
    inward = child >= 0
    rows, child = moved[inward], child[inward]
    return device[child], timeline.start_s[rows], done[child], job.graph.transfers.size[timeline.transfer[rows]]


def _weights(job: Job, timeline: Timeline, device: Ints, start: Floats) -> Holds:
    graph, devices = job.graph, len(job.cluster.devices)
    used = graph.group >= 0
    key = graph.group[used] * devices + device[: len(graph.group)][used]
    pairs, where = np.unique(key, return_inverse=True)
    first = np.full(len(pairs), np.inf)
    np.minimum.at(first, where, start[: len(graph.group)][used])
    return pairs % devices, first, np.full(len(pairs), np.inf), graph.group_size[pairs // devices]


def _output_ends(job: Job, timeline: Timeline, row: Ints, device: Ints, done: Floats) -> Floats:
    """Return when the last consumer of each task's output had ended or received it, (tasks,); task i is at row[i]."""
    graph, edges = job.graph, job.graph.edges
    start, end = timeline.start_s[row], timeline.end_s[row]
    until = end.copy()
    apart = device[edges.child] != device[edges.parent]
    released = np.where(apart, start[edges.child], done[edges.child])  # elsewhere: at the start, where nothing travels
    moved = np.flatnonzero(timeline.transfer >= 0)
    transfer, table = timeline.transfer[moved], graph.transfers
    across, results = table.edges[transfer], table.results[transfer]
    across[across] = apart[transfer[across]]  # edges are the first rows of the table
    released[transfer[across]] = timeline.end_s[moved[across]]
    np.maximum.at(until, edges.parent, released)
    np.maximum.at(until, table.parent[transfer[results]], timeline.end_s[moved[results]])
    return until
