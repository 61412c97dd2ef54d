"""The memory of training by degrees of parallelism: what a device holds of the model, and of others for a while.

Weights, gradients and optimizer state are those of a device's shares. What it gathers of others' weights counts from
the start of the gathering until the layer has run; what is left of a gradient after it was scattered is its share.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsim.core.columns import Floats
from parsim.core.precision import BYTES
from parsim.metrics.held import GRADIENTS, KINDS, OPTIMIZER, WEIGHTS, Held, Spans
from parsim.training.layout import FORWARD
from parsim.training.replicas import Replicas
from parsim.training.sharded import ShardedTraining


def always(training: ShardedTraining) -> Floats:
    """Return what devices hold during the whole run, (devices, kinds)."""
    degrees, precision, sharding = training.parallelism.part, training.precision, training.parallelism.sharding
    copies = training.parallelism.copies
    parts = (
        (WEIGHTS, sharding.weights, BYTES[precision.weights]),
        (GRADIENTS, sharding.gradients, BYTES[precision.gradients]),
        (OPTIMIZER, sharding.optimizer, training.optimizer_bytes),
    )
    found = np.zeros((degrees.pipeline, len(KINDS)))
    for stage, rank in zip(
        *np.unique(np.stack([training.layout.places.stage, training.layout.places.rank]), axis=1), strict=True
    ):
        numbers = training.held(training.cut.stages[stage])
        for kind, shared, a_number in parts:
            shares = copies if shared else (1, 1)
            found[rank, kind] += a_number * sum(number / among for number, among in zip(numbers, shares, strict=True))
    return found[degrees.coordinate("pipeline")[training.fold.first]]


def held(training: ShardedTraining, spans: Spans) -> Iterator[Held]:
    """Yield what devices hold for a time."""
    replicas = Replicas(training)
    sorts = [tasks.holds for tasks in replicas.sorts]
    holds = sorts[0]
    first, last = (np.array(tasks, np.int64) for tasks in (replicas.tasks.since, replicas.tasks.until))
    kind = np.array([KINDS.index(one.kind) for one in holds], np.int64)
    size, since_end = (
        np.array([[one.size for one in some] for some in sorts]),
        np.array([one.from_end for one in holds]),
    )
    for iteration in range(training.iterations):
        count = iteration * len(replicas.source)
        begins, ends = replicas.task[:, first] + count, replicas.task[:, last] + count  # (replicas, holds)
        since = np.where(since_end, spans.end[begins], spans.start[begins])
        device, kinds = spans.device[begins], np.broadcast_to(kind, begins.shape).ravel()
        sizes = size[replicas.sort[device], np.arange(len(holds))].ravel()
        yield spans.rows(kinds, device.ravel(), since.ravel(), spans.end[ends].ravel(), sizes)
    edges = spans.graph.edges
    yield from spans.sent(np.flatnonzero(edges.size > 0), spans.graph.kind == FORWARD)
