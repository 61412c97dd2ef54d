"""MLP: training of a multilayer perceptron, for real: NumPy kernels on a batch of drawn data.

    x (batch, w0) -> matmul, relu -> (batch, w1) -> ... -> matmul, cross entropy -> loss

A layer is a matrix of weights and the activation or loss after it. With `split: data` each worker has all layers, and
one worker sums the gradients; with `split: layers` each worker has some layers, as a pipeline. Every split has the same
loss as one worker with the whole batch, except for rounding. Rumelhart, Hinton, Williams, Nature 323, 1986.
"""

from __future__ import annotations

from itertools import pairwise
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
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer, Op
from parsim.training.model import Model
from parsim.training.ops import op
from parsim.training.plan import TrainingPlan
from parsim.training.work import OPTIMIZER, Regime, training, whole
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
    last = len(widths) - 2
    layers = tuple(
        Layer((_matmul(), _loss() if number == last else op(activation, ("h",), OUTPUT)), {"w": (wide, next_)})
        for number, (wide, next_) in enumerate(pairwise(widths))
    )
    model = Model(layers, (batch, widths[0]), (batch,), widths[-1], seed or 0)
    return training(cluster, plan, cost, whole(model), Regime(optimizer, iterations, precision))


def _matmul() -> Op:
    return op("matmul", (INPUT,), "h", ("w",))


def _loss() -> Op:
    return op("cross_entropy", ("h", LABELS), OUTPUT)
