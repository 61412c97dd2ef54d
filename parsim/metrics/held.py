"""What devices hold over time, by kind, and the times of a run by which it is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Bools, Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline

KINDS = ("weights", "gradients", "optimizer", "activations", "workspace", "buffers")
WEIGHTS, GRADIENTS, OPTIMIZER, ACTIVATIONS, WORKSPACE, BUFFERS = range(len(KINDS))


class Held(NamedTuple):
    """What takes room for a time, a row each."""

    device: Ints
    kind: Ints  # index into KINDS
    start_s: Floats
    end_s: Floats
    size: Floats  # B

    def at(self, rows: Any) -> Held:
        """Return the rows in a slice or with the given numbers."""
        return Held(self.device[rows], self.kind[rows], self.start_s[rows], self.end_s[rows], self.size[rows])


class Use(NamedTuple):
    """What a device holds: all the time, and for a time."""

    always: Floats  # B, (kinds,)
    held: Held

    def steps(self) -> tuple[Floats, Floats]:
        """Return the moments at which the use changes, and the bytes used from then on, (moments,)."""
        moments, where = self._moments()
        return moments, self.always.sum() + self._from_then(where, self.held.size, len(moments))

    def by_kind(self) -> tuple[Floats, Floats]:
        """Return the moments at which the use changes, and the bytes of each kind from then on, (kinds, moments)."""
        moments, where = self._moments()
        mine = (np.where(self.held.kind == kind, self.held.size, 0.0) for kind in range(len(KINDS)))
        return moments, np.array(
            [
                always + self._from_then(where, size, len(moments))
                for always, size in zip(self.always, mine, strict=True)
            ]
        )

    def peak(self) -> tuple[float, Floats]:
        """Return the first moment at which most is held, and the bytes of each kind there, (kinds,)."""
        moments, used = self.steps()
        at_s = float(moments[used.argmax()])
        there = (self.held.start_s <= at_s) & (at_s < self.held.end_s)
        sums = np.bincount(self.held.kind[there], weights=self.held.size[there], minlength=len(KINDS))
        return at_s, self.always + sums

    def _moments(self) -> tuple[Floats, Ints]:
        """Return the moments of change, from 0 s on, and which of them is the start and which the end of each row."""
        moments = np.concatenate([[0.0], self.held.start_s, self.held.end_s])
        found, where = np.unique(moments, return_inverse=True)
        return found, where[1:]

    def _from_then(self, where: Ints, size: Floats, moments: int) -> Floats:
        change = np.bincount(where, weights=np.concatenate([size, -size]), minlength=moments)
        return np.cumsum(change)


class Spans:
    """The times of a run, by task."""

    def __init__(self, job: Job, timeline: Timeline) -> None:
        self.job, self.graph, self.timeline = job, job.graph, timeline
        rows = np.flatnonzero(timeline.of_tasks)
        row = np.empty(len(job.graph), np.int64)
        row[timeline.number[rows]] = rows
        self.start, self.end = timeline.start_s[row], timeline.end_s[row]
        self.of_rank = np.array(job.cluster.device_of_worker)  # ranks are workers
        self.device = self.of_rank[timeline.workers.code[row]]
        moved = np.flatnonzero(timeline.transfer >= 0)
        self.span = np.full(len(job.graph.transfers), -1)
        self.span[timeline.transfer[moved]] = moved

    def rows(self, kind: int | Ints, device: Ints, start: Floats, end: Floats, size: Floats) -> Held:
        """Return rows without those that take nothing; *kind* is one, or one for each."""
        some = size > 0
        kinds = np.broadcast_to(np.asarray(kind, np.int64), size.shape)
        return Held(device[some], kinds[some], start[some], end[some], size[some])

    def moved(self, transfers: Ints, child: Ints) -> tuple[Floats, Floats]:
        """Return when transfers have left, and when they begin to arrive: as *child* starts where nothing travels."""
        span, start = self.span[transfers], self.start[child]
        travels = span >= 0
        left, arrives = start.copy(), start.copy()
        left[travels] = self.timeline.end_s[span[travels]]
        arrives[travels] = self.timeline.start_s[span[travels]]
        return left, arrives

    def sent(self, edges: Ints, forward: Bools) -> Iterator[Held]:
        """Yield what travels along *edges*: at the sender until it has arrived, at the receiver until it is read.

        What a *forward* task reads counts as activation as soon as the task starts.
        """
        table = self.graph.edges
        parent, child, size = table.parent[edges], table.child[edges], table.size[edges]
        left, arrives = self.moved(edges, child)
        read = np.where(forward[child], self.start[child], self.end[child])
        yield self.rows(BUFFERS, self.device[parent], self.start[parent], left, size)
        yield self.rows(BUFFERS, self.device[child], arrives, read, size)
