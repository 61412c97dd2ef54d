"""Shared parts of the workloads that train: ops of named kernels, and the tasks of a model."""

from __future__ import annotations

import inspect
from typing import Any

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid, checked_below
from parsim.core.graph import TaskGraph
from parsim.core.kernel import arguments_of, size
from parsim.core.precision import Precision, default_of
from parsim.core.schema import Ask
from parsim.kernels import kernels
from parsim.training.graph import graph_of
from parsim.training.layer import Op
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan, cut
from parsim.training.program import Update

OPTIMIZER = Ask("sgd")
MOST_TASKS = 100_000
MOST_WEIGHTS = 1e8  # weights of a model that is really trained


def op(name: str, inputs: tuple[str, ...], output: str, weights: tuple[str, ...] = (), **arguments: Any) -> Op:
    """Make an op of a kernel of the shelf."""
    return Op(name, tuple(arguments.items()), kernels[name](**arguments), inputs, weights, output)


def training(cluster: Cluster, plan: TrainingPlan, model: Model, optimizer: Ask, iterations: int) -> TaskGraph:
    """Make the tasks that train *model*."""
    entry = optimizer.entry if optimizer is not OPTIMIZER else kernels[optimizer.name]
    complaints = []
    if not hasattr(inspect.unwrap(entry), "rows"):  # also for a class from outside
        why = f"the kernel {optimizer.name} does not update weights; use sgd or adam"
        complaints.append(Complaint(("optimizer",), why))
    weights = size(*(shape for layer in model.layers for shape in layer.weights.values()))
    if weights > MOST_WEIGHTS:
        why = f"makes a model of {weights:.0f} weights, but at most {MOST_WEIGHTS:.0f} are allowed; write smaller sizes"
        complaints.append(Complaint((), why))
    parts = cut(plan, cluster, len(model.layers), model.rows)
    tasks = iterations * (sum(map(len, parts.orders)) + len(parts.stages))
    if tasks > MOST_TASKS:
        complaints.append(
            Complaint(
                ("iterations",), f"makes {tasks} tasks, but at most {MOST_TASKS} are allowed; write fewer iterations"
            )
        )
    if complaints:
        raise Invalid(complaints)
    arguments = dict(optimizer.arguments)
    with checked_below("optimizer"):
        update = Update(optimizer.name, arguments_of(arguments), entry(**arguments))
    adding = Update("reduce", (), kernels["reduce"]())
    return graph_of(model, parts, update, adding, iterations, precision_on(cluster))


def precision_on(cluster: Cluster) -> Precision:
    """Return the precision by which a model is priced: the default on the devices of *cluster*."""
    return default_of(device.peak for device in cluster.devices)
