"""MLP: training of a multilayer perceptron, for real: NumPy kernels on a batch of drawn data.

    x (batch, w0) -> matmul, relu -> (batch, w1) -> ... -> matmul, cross entropy -> loss

A layer is a matrix of weights and the activation or loss after it. With `split: data` each worker has all layers, and
one worker sums the gradients; with `split: layers` each worker has some layers, as a pipeline. Tensor ranks share pairs
of layers: each rank has columns of the first and rows of the second, after which all add up; a last layer without a
second is whole on every rank. Every split has the same loss as one worker with the whole batch, except for rounding.
Rumelhart, Hinton, Williams, Nature 323, 1986.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import TaskGraph
from parsim.core.job import Cost
from parsim.core.precision import PrecisionForm
from parsim.core.schema import Ask, Count, Whole
from parsim.entries.function import argument
from parsim.kernels import kernels
from parsim.scenario.schema import OneOf
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer
from parsim.training.model import Model
from parsim.training.ops import Builder
from parsim.training.plan import TrainingPlan
from parsim.training.shards import Shards
from parsim.training.work import OPTIMIZER, Regime, refuse_degrees, training
from parsim.workloads import workloads


@workloads.add("mlp")
def mlp(
    cluster: Cluster,
    plan: TrainingPlan,
    cost: Cost | None,
    widths: list[Count],
    batch: Count,
    iterations: Count = 1,
    activation: Literal["relu", "gelu"] = "relu",
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] = OPTIMIZER,
    precision: PrecisionForm | None = None,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train an MLP.

    Parameters
    ----------
    widths : width of the input, of each hidden layer, and of the output (the number of classes); at least two.
    batch : rows in a batch.
    iterations : steps of training; each sees the same batch.
    activation : function after each layer except the last.
    optimizer : how weights are updated: sgd or adam, with its parameters.
    precision : number formats: a preset, or a mapping. Left out: bf16-mixed on accelerators, or fp16-mixed where there
        is no peak of bf16; fp64 where the peak is one quantity, and on the clocks live and replayed.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    if len(widths) < 2:
        raise Invalid([Complaint(("widths",), "needs at least two sizes: the input and the number of classes")])
    make = partial(_model, widths, batch, activation, seed or 0)
    return training(cluster, plan, cost, make, Regime(optimizer, iterations, precision))


def _model(widths: list[int], batch: int, activation: str, seed: int, shards: Shards) -> Model:
    refuse_degrees(shards, ("context", "expert"))
    _refuse_uneven(widths, shards.tensor)
    last = len(widths) - 2
    layers = tuple(_layer(widths, number, activation, shards.tensor) for number in range(last + 1))
    return Model(layers, (batch, widths[0]), (batch,), widths[-1], seed)


def _refuse_uneven(widths: list[int], tensor: int) -> None:
    """Raise `Invalid` unless tensor ranks have equal parts of the widths between two layers that they share."""
    uneven = [wide for wide in widths[1:-1:2] if wide % tensor]
    if uneven:
        why = f"tensor {tensor} does not divide a width of {uneven[0]}; write a divisor of {uneven[0]}"
        raise Invalid([Complaint(("plan", "tensor"), why, code="not_divisible")])


def _layer(widths: list[int], number: int, activation: str, tensor: int) -> Layer:
    """Return a layer: of two that tensor ranks share, the first has columns of its matrix, and the second has rows."""
    made, (wide, next_) = Builder(), widths[number : number + 2]
    last, second = number == len(widths) - 2, number % 2 == 1
    shares, given = tensor > 1 and (second or not last), INPUT
    if shares and not second:
        given, next_ = made.exchange(given, "", communicator="tensor", backward="all-reduce"), next_ // tensor
    elif shares:
        wide //= tensor
    found = made.weighted("matmul", (given,), {"w": (wide, next_)})
    if shares and second:
        found = made.exchange(found, "", communicator="tensor", forward="all-reduce")
    if last:
        made.add("cross_entropy", (found, LABELS), OUTPUT)
    else:
        made.add(activation, (found,), OUTPUT)
    return made.layer()
