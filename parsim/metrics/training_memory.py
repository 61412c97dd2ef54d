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
from typing import Any

import numpy as np

from parsim.core.columns import Floats
from parsim.core.job import Job
from parsim.core.precision import BYTES
from parsim.core.timeline import Timeline
from parsim.metrics import sharded_memory
from parsim.metrics.held import ACTIVATIONS, BUFFERS, GRADIENTS, KINDS, OPTIMIZER, WEIGHTS, WORKSPACE, Held, Spans, Use
from parsim.training.graph import Graph
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD
from parsim.training.program import GRADS, SENT, Training
from parsim.training.sharded import ShardedTraining


def uses(job: Job, timeline: Timeline) -> list[Use]:
    """Return what each device holds; the job is one whose tasks never wait for memory."""
    program, devices = job.graph.program, len(job.cluster.devices)
    run = _Run(job, timeline)
    always, parts = np.zeros((devices, len(KINDS))), [run.activations()]
    if isinstance(program, ShardedTraining):
        always, parts = sharded_memory.always(program), [*sharded_memory.held(program, run)]
    elif isinstance(program, Training):
        always, parts = run.always(program), [*run.training(program)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    held = Held(*columns).at(np.argsort(columns[0], kind="stable"))
    first = np.searchsorted(held.device, np.arange(devices + 1)).tolist()
    return [Use(one, held.at(slice(a, b))) for one, (a, b) in zip(always, pairwise(first), strict=True)]


def least(job: Job) -> Floats:
    """Return what each device holds at least, whatever the times are, in bytes, (devices,).

    Where each rank is alone on its device, its order says what it holds at once, but for what travels.
    """
    program = job.graph.program
    if isinstance(program, ShardedTraining):  # what its lanes do depends on the network
        return np.asarray(sharded_memory.always(program).sum(axis=1), dtype=np.float64)
    run = _Ordered(job)
    always = run.always(program) if isinstance(program, Training) else np.zeros((len(job.memories), len(KINDS)))
    if not job.graph.orders or len(job.cluster.workers) > len(job.cluster.devices):
        return np.asarray(always.sum(axis=1), dtype=np.float64)
    parts = [*(run.computing(program) if isinstance(program, Training) else ()), run.activations()]
    held = Held(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    uses = (Use(one, held.at(held.device == device)) for device, one in enumerate(always))
    return np.array([use.steps()[1].max() for use in uses])


class _Run(Spans):
    """What a run of stages, or of a training by a split, holds."""

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
        np.add.at(found[:, OPTIMIZER], self.of_rank[layout.home], numbers * training.optimizer_bytes)
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
        yield from self.sent(np.flatnonzero(hands == SENT), self.graph.kind == FORWARD)
        summed = np.flatnonzero(hands == GRADS)
        child = edges.child[summed]
        arrives = self.moved(summed, child)[1]
        yield self.rows(BUFFERS, self.device[child], arrives, self.end[child], edges.size[summed])
        table = self.graph.transfers
        given = np.flatnonzero(table.given)
        child = table.child[given]
        arrives = self.moved(given, child)[1]
        yield self.rows(BUFFERS, self.device[child], arrives, self.start[child], table.size[given])


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
