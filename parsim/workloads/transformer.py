"""Transformer: training of a small decoder, for real: NumPy kernels on drawn tokens.

    tokens -> embedding -> block -> ... -> layernorm, matmul, cross entropy -> loss

    block   x --+-- layernorm, q k v, attention, matmul --(+)-- +-- layernorm, matmul, gelu, matmul --(+)-- y
                +------------------------------------------+    +--------------------------------------+

The embedding, each block, and the head are layers. Vaswani et al., Attention Is All You Need, NeurIPS 2017,
with the norm before each part (Xiong et al., ICML 2020), without biases outside the norms, and without positions; the
hidden width is four times the width.
"""

from __future__ import annotations

from typing import Annotated

from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import TaskGraph
from parsim.core.schema import Ask, Count, Whole
from parsim.entries.function import argument
from parsim.kernels import kernels
from parsim.scenario.schema import OneOf
from parsim.training.layer import INPUT, LABELS, OUTPUT, Layer
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan
from parsim.training.work import OPTIMIZER, op, training
from parsim.workloads import workloads


@workloads.add("transformer")
def transformer(
    cluster: Cluster,
    plan: TrainingPlan,
    vocabulary: Count,
    width: Count,
    sequence: Count,
    batch: Count,
    heads: Count = 1,
    blocks: Count = 1,
    iterations: Count = 1,
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] = OPTIMIZER,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train a transformer.

    Parameters
    ----------
    vocabulary : number of different tokens.
    width : numbers that stand for a token.
    sequence : tokens in a sequence.
    batch : sequences in a batch.
    heads : heads of attention, a divisor of width.
    blocks : number of blocks of attention and MLP.
    iterations : steps of training; each sees the same batch.
    optimizer : how weights are updated: sgd or adam, with its parameters.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    if width % heads:
        raise Invalid(
            [
                Complaint(
                    ("heads",), f"{heads} heads cannot split a width of {width} equally; write a divisor of {width}"
                )
            ]
        )
    embedding = Layer((op("embedding", (INPUT,), OUTPUT, ("table",)),), {"table": (vocabulary, width)})
    head = Layer(
        (
            op("layernorm", (INPUT,), "n", ("gain", "bias")),
            op("matmul", ("n",), "logits", ("w",)),
            op("cross_entropy", ("logits", LABELS), OUTPUT),
        ),
        {"gain": (width,), "bias": (width,), "w": (width, vocabulary)},
    )
    layers = (embedding, *(_block(width, heads) for _ in range(blocks)), head)
    model = Model(layers, (batch, sequence), (batch, sequence), vocabulary, seed or 0, tokens=True)
    return training(cluster, plan, model, optimizer, iterations)


def _block(width: int, heads: int) -> Layer:
    square, wide = (width, width), 4 * width
    ops = (
        op("layernorm", (INPUT,), "n1", ("gain1", "bias1")),
        op("matmul", ("n1",), "q", ("wq",)),
        op("matmul", ("n1",), "k", ("wk",)),
        op("matmul", ("n1",), "v", ("wv",)),
        op("attention", ("q", "k", "v"), "a", heads=heads),
        op("matmul", ("a",), "o", ("wo",)),
        op("reduce", (INPUT, "o"), "r"),
        op("layernorm", ("r",), "n2", ("gain2", "bias2")),
        op("matmul", ("n2",), "u", ("w1",)),
        op("gelu", ("u",), "g"),
        op("matmul", ("g",), "d", ("w2",)),
        op("reduce", ("r", "d"), OUTPUT),
    )
    weights = {"gain1": (width,), "bias1": (width,), "wq": square, "wk": square, "wv": square, "wo": square}
    return Layer(ops, weights | {"gain2": (width,), "bias2": (width,), "w1": (width, wide), "w2": (wide, width)})
