"""Shared parts of the workloads that train: ops of named kernels, and the tasks of a model."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.columns import Floats
from parsim.core.errors import Complaint, Invalid, checked_below
from parsim.core.graph import Numbered, TaskGraph
from parsim.core.job import Cost
from parsim.core.kernel import Call, arguments_of, size
from parsim.core.orders import StageTimes
from parsim.core.precision import Precision, PrecisionForm, precision_of
from parsim.core.schema import Ask
from parsim.kernels import kernels
from parsim.training.graph import graph_of
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, WEIGHT_GRAD
from parsim.training.model import Model
from parsim.training.partition import Ranges
from parsim.training.plan import Known, TrainingPlan, cut
from parsim.training.program import Training, Update
from parsim.training.stage import Recompute, Stages

OPTIMIZER = Ask("sgd")
MOST_TASKS = 10_000_000
MOST_COMPUTED = 100_000  # tasks that are really computed
MOST_WEIGHTS = 1e8  # weights of a model that is really trained


def training(
    cluster: Cluster,
    plan: TrainingPlan,
    model: Model,
    optimizer: Ask,  # with or without its entry
    iterations: int,
    precision: PrecisionForm | None,
    cost: Cost | None,
) -> TaskGraph:
    """Make the tasks that train *model*."""
    entry = kernels[optimizer.name]
    complaints = []
    if not hasattr(inspect.unwrap(entry), "rows"):  # also for a class from outside
        why = f"the kernel {optimizer.name} does not update weights; use sgd or adam"
        complaints.append(Complaint(("optimizer",), why))
    formats = precision_of(precision, [device.peak for device in cluster.devices])
    parts = cut(plan, cluster, model, known(cluster, plan, model, formats, cost))
    tasks = iterations * (sum(map(len, parts.orders)) + len(parts.stages))
    if tasks > MOST_TASKS:
        complaints.append(Complaint(("iterations",), f"makes {tasks} tasks, but at most {MOST_TASKS} are allowed"))
    if complaints:
        raise Invalid(complaints)
    arguments = dict(optimizer.arguments)
    with checked_below("optimizer"):
        update = Update(optimizer.name, arguments_of(arguments), entry(**arguments))
    adding = Update("reduce", (), kernels["reduce"]())
    return graph_of(Training(model, parts, update, adding, iterations, formats))


def not_computed(training: Training) -> list[Complaint]:
    """Return why a training cannot be really computed, on the clocks live and replayed."""
    complaints = [
        Complaint(("workload",), f"{what} is counted and not computed; use clock: simulated, or {instead}")
        for what, instead in training.model.uncomputed
    ]
    weights = sum(size(*shapes) for shapes in training.weights)
    if weights > MOST_WEIGHTS:
        why = f"makes a model of {weights:.0f} weights, but at most {MOST_WEIGHTS:.0f} are really trained"
        complaints.append(Complaint(("workload",), f"{why}; write smaller sizes, or use clock: simulated"))
    tasks = len(training.layout.iteration)
    if tasks > MOST_COMPUTED:
        why = f"makes {tasks} tasks, but at most {MOST_COMPUTED} are really computed; write fewer iterations"
        complaints.append(Complaint(("workload", "iterations"), why))
    return complaints


def known(cluster: Cluster, plan: TrainingPlan, model: Model, precision: Precision, cost: Cost | None) -> Known:
    """Return what a plan may ask about the model on a cluster."""
    seconds = partial(_seconds, cluster, precision, cost)
    recompute = plan.recomputed(model)
    return Known(
        layers=partial(_layers, seconds, model, precision, recompute, -(-model.rows // (plan.microbatches or 1))),
        stages=partial(_stages, seconds, cluster, model, precision, recompute),
    )


def _seconds(
    cluster: Cluster, precision: Precision, cost: Cost | None, recipes: Sequence[tuple[Call, ...]], device: int
) -> Floats | None:
    """Return the seconds of sequences of kernel calls on a device, or None where the cost does not know them."""
    rows = np.arange(len(recipes))
    graph = TaskGraph(
        names=Numbered("layer{}".format, len(recipes)),
        kinds=("layer",),
        kind=np.zeros(len(recipes), np.int64),
        units=np.ones(len(recipes)),
        places=((0,),),
        place=np.zeros(len(recipes), np.int64),
        recipes=tuple(recipes),
        recipe=rows,
        precision=precision,
    )
    if cost is None or cost.remarks(graph, cluster).complaints:
        return None
    seconds = cost.expected(graph, device, cluster.devices[device])
    return seconds if np.isfinite(seconds).all() and seconds.sum() > 0 else None


def _layers(
    seconds: Any, model: Model, precision: Precision, recompute: Sequence[Recompute], rows: int, device: int
) -> Floats | None:
    every = [range(number, number + 1) for number in range(len(model.layers))]
    stages = Stages(model, every, precision, recompute)
    calls = [stages.price(number, rows).calls for number in range(len(every))]
    found: Floats | None = seconds([(*one[FORWARD], *one[BACKWARD]) for one in calls], device)
    return found


def _stages(
    seconds: Any,
    cluster: Cluster,
    model: Model,
    precision: Precision,
    recompute: Sequence[Recompute],
    ranges: Ranges,
    devices: Sequence[int],
    rows: int,
) -> StageTimes:
    stages = Stages(model, ranges, precision, recompute)
    priced = [stages.price(number, rows) for number in range(len(ranges))]
    found = [
        seconds([one.calls[kind] for kind in (FORWARD, INPUT_GRAD, WEIGHT_GRAD)], device)
        for one, device in zip(priced, devices, strict=True)
    ]
    times = [(1.0, 1.0, 1.0) if one is None else tuple(one.tolist()) for one in found]
    forward, input_grad, weight_grad = zip(*times, strict=True)
    return StageTimes(forward, input_grad, weight_grad, _send(cluster, devices, priced[0].sent))


def _send(cluster: Cluster, devices: Sequence[int], size: float) -> float:
    """Return the seconds of a send of so many bytes between the first two stages on different devices."""
    pair = next(((a, b) for a, b in pairwise(devices) if a != b), None)
    path = cluster.path(*pair) if pair else None
    return path.latency + size / path.bandwidth if path else 0.0
