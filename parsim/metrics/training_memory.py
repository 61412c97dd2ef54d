"""The memory that training takes on each device over time, by kind.

weights      |####################|   of each stage on the devices that run it, during the whole run
gradients    |####################|   their sum over microbatches, as long
optimizer    |####################|   master copy and moments, where the stage is updated
activations  |   ####    ##       |   from a forward's start until its backward ends; where backward runs in halves,
             |                    |   until input_grad ends, and what weight_grad reads until that ends
workspace    |        ##    ##    |   during backward or input_grad: a gradient, and what is computed again
buffers      |  #   #             |   what travels: at the sender until it has left, at the receiver until it is read
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints
from parsim.core.job import Job
from parsim.core.precision import BYTES
from parsim.core.timeline import Timeline
from parsim.training.graph import Graph
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD
from parsim.training.program import GRADS, SENT, Training

KINDS = ("weights", "gradients", "optimizer", "activations", "workspace", "buffers")
WEIGHTS, GRADIENTS, STATE, ACTIVATIONS, WORKSPACE, BUFFERS = range(len(KINDS))


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


def uses(job: Job, timeline: Timeline) -> list[Use]:
    """Return what each device holds; the job is one whose tasks never wait for memory."""
    program, devices = job.graph.program, len(job.cluster.devices)
    run = _Run(job, timeline)
    always = run.always(program) if isinstance(program, Training) else np.zeros((devices, len(KINDS)))
    parts = [*(run.training(program) if isinstance(program, Training) else ()), run.activations()]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    held = Held(*columns).at(np.argsort(columns[0], kind="stable"))
    first = np.searchsorted(held.device, np.arange(devices + 1)).tolist()
    return [Use(one, held.at(slice(a, b))) for one, (a, b) in zip(always, pairwise(first), strict=True)]


def least(job: Job) -> Floats:
    """Return what each device holds at least, whatever the times are, in bytes, (devices,).

    Where each rank is alone on its device, its order says what it holds at once, but for what travels.
    """
    program, run = job.graph.program, _Ordered(job)
    always = run.always(program) if isinstance(program, Training) else np.zeros((len(job.memories), len(KINDS)))
    if not job.graph.orders or len(job.cluster.workers) > len(job.cluster.devices):
        return np.asarray(always.sum(axis=1), dtype=np.float64)
    parts = [*(run.computing(program) if isinstance(program, Training) else ()), run.activations()]
    held = Held(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    uses = (Use(one, held.at(held.device == device)) for device, one in enumerate(always))
    return np.array([use.steps()[1].max() for use in uses])


class _Run:
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

    def rows(self, kind: int, device: Ints, start: Floats, end: Floats, size: Floats) -> Held:
        """Return rows of one kind without those that take nothing."""
        some = size > 0
        kinds = np.broadcast_to(np.int64(kind), (int(some.sum()),))
        return Held(device[some], kinds, start[some], end[some], size[some])

    def activations(self) -> Held:
        """Return the activations that the graph states."""
        first, last, size = self.graph.activations
        return self.rows(ACTIVATIONS, self.device[first], self.start[first], self.end[last], size)

    # -- of a training

    def always(self, training: Training) -> Floats:
        """Return what devices hold during the whole run, (devices, kinds)."""
        layout, precision = training.layout, training.precision
        numbers = np.array([training.numbers(stage) for stage in range(layout.stages)])
        found = np.zeros((len(self.job.cluster.devices), len(KINDS)))
        device, stage = self.of_rank[layout.places.rank], layout.places.stage
        pairs = np.unique(stage * len(found) + device)  # slots of a device share the weights
        np.add.at(found[:, WEIGHTS], pairs % len(found), numbers[pairs // len(found)] * BYTES[precision.weights])
        np.add.at(found[:, GRADIENTS], device, numbers[stage] * BYTES[precision.gradients])
        kernel = training.update.kernel
        moments = getattr(kernel, "moments", kernel.rows - 1)
        each = BYTES[precision.master] + moments * BYTES[precision.optimizer]
        np.add.at(found[:, STATE], self.of_rank[layout.home], numbers * each)
        return found

    def training(self, training: Training) -> Iterator[Held]:
        """Yield what devices hold for a time."""
        yield from self.computing(training)
        yield from self.buffers(training)

    def computing(self, training: Training) -> Iterator[Held]:
        """Yield what devices hold for a time, but for what travels."""
        layout, graph = training.layout, Graph(training)
        ops, (parent, child, crosses) = layout.ops, layout.needs
        kept, halfway, workspace = (graph.by_op(graph.priced(what)) for what in ("kept", "halfway", "workspace"))
        within = crosses == 0
        before, after = parent[within], child[within]
        forward, backward = ops.kind[before] == FORWARD, np.isin(ops.kind, (BACKWARD, INPUT_GRAD))
        size, device = np.where(forward, kept[before], halfway[before]), self.of_rank[layout.rank]
        for iteration in range(layout.iterations):
            task = layout.of(iteration).op + layout.first(iteration)
            start, end = self.start[task], self.end[task]
            since = np.where(forward, start[before], end[before])
            yield self.rows(ACTIVATIONS, device[before], since, end[after], size)
            yield self.rows(WORKSPACE, device[backward], start[backward], end[backward], workspace[backward])

    def buffers(self, training: Training) -> Iterator[Held]:
        """Yield what travels. Weights that arrive take the place of those that were there."""
        edges, hands = self.graph.edges, training.hand
        forward = self.graph.kind == FORWARD
        sent = np.flatnonzero(hands == SENT)
        parent, child = edges.parent[sent], edges.child[sent]
        left, arrives = self.moved(sent, child)
        read = np.where(forward[child], self.start[child], self.end[child])  # what F reads counts as activation
        yield self.rows(BUFFERS, self.device[parent], self.start[parent], left, edges.size[sent])
        yield self.rows(BUFFERS, self.device[child], arrives, read, edges.size[sent])
        summed = np.flatnonzero(hands == GRADS)
        child = edges.child[summed]
        arrives = self.moved(summed, child)[1]
        yield self.rows(BUFFERS, self.device[child], arrives, self.end[child], edges.size[summed])
        table = self.graph.transfers
        given = np.flatnonzero(table.given)
        child = table.child[given]
        arrives = self.moved(given, child)[1]
        yield self.rows(BUFFERS, self.device[child], arrives, self.start[child], table.size[given])

    def moved(self, transfers: Ints, child: Ints) -> tuple[Floats, Floats]:
        """Return when transfers have left, and when they begin to arrive: as *child* starts where nothing travels."""
        span, start = self.span[transfers], self.start[child]
        travels = span >= 0
        left, arrives = start.copy(), start.copy()
        left[travels] = self.timeline.end_s[span[travels]]
        arrives[travels] = self.timeline.start_s[span[travels]]
        return left, arrives


class _Ordered(_Run):
    """The places of tasks in the orders of their ranks, in place of times."""

    def __init__(self, job: Job) -> None:
        self.job, self.graph, self.of_rank = job, job.graph, np.array(job.cluster.device_of_worker)
        self.start, self.device = np.zeros(len(job.graph)), np.zeros(len(job.graph), np.int64)
        for rank, order in enumerate(job.graph.orders):
            self.start[list(order)] = np.arange(len(order))
            self.device[list(order)] = self.of_rank[rank]
        self.end = self.start + 1


def verdicts(job: Job, timeline: Timeline) -> list[dict[str, Any]]:
    """Return a mapping for each device, as in section 2 of the contract."""
    found = []
    for use, capacity in zip(uses(job, timeline), job.memories, strict=True):
        at_s, bytes_ = use.peak()
        peak = float(bytes_.sum())
        found.append(
            {
                "fits": peak <= capacity,
                "peak_bytes": whole(peak),
                "capacity_bytes": None if np.isinf(capacity) else whole(capacity),
                "at_s": at_s,
                "by_kind": dict(zip(KINDS, map(whole, bytes_.tolist()), strict=True)),
            }
        )
    return found


def whole(bytes_: float) -> float:
    """Return whole bytes as an integer."""
    return int(bytes_) if float(bytes_).is_integer() else bytes_
