"""Transformer: training of a decoder or an encoder, counted at any size, or for real with NumPy kernels if it is small.

    tokens -> embedding -> block -> ... -> norm, matmul, cross entropy -> loss

    block   x --+-- norm, q k v, attention, matmul --(+)-- +-- norm, matmul, activation, matmul --(+)-- y
                +-------------------------------------+    +---------------------------------------+

The embedding, each block, and the head are layers. Without a preset it is a small decoder without biases and
positions, whose hidden width is four times its width. Vaswani et al., Attention Is All You Need, NeurIPS 2017; with the
norm before each part, Xiong et al., ICML 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Annotated, Any, Literal

from parsim.core.choice import Choice
from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import TaskGraph
from parsim.core.job import Cost
from parsim.core.precision import PrecisionForm
from parsim.core.schema import Ask, Count, Whole
from parsim.entries.function import argument
from parsim.kernels import kernels
from parsim.scenario.schema import OneOf
from parsim.training import blocks as layers_of
from parsim.training.blocks import Activation, Attention, Dimensions, Norm, Positions
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan
from parsim.training.presets import PRESETS
from parsim.training.shards import Shards
from parsim.training.values import about_groups, missing, refuse_shards
from parsim.training.work import Regime, training
from parsim.workloads import workloads

Preset = Annotated[str, Choice({name: str(preset) for name, preset in PRESETS.items()})]
DEFAULTS: dict[str, Any] = {
    "heads": 1,
    "blocks": 1,
    "activation": "gelu",
    "norm": "layernorm",
    "norm_place": "before",
    "positions": "none",
    "causal": True,
    "biases": False,
    "tied": False,
    "dropout": 0.0,
    "attention": "flash",
    "head": "tokens",
}
OF_TRAINING = ("cluster", "plan", "cost", "preset", "iterations", "optimizer", "precision", "seed")  # not of the model
EXAMPLES = {"vocabulary": 50257, "width": 768, "sequence": 1024, "batch": 32}  # of keys without a default


@workloads.add("transformer")
def transformer(
    cluster: Cluster,
    plan: TrainingPlan,
    cost: Cost | None,
    preset: Preset | None = None,
    vocabulary: Count | None = None,
    width: Count | None = None,
    sequence: Count | None = None,
    batch: Count | None = None,
    heads: Count | None = None,
    blocks: Count | None = None,
    key_value_heads: Count | None = None,
    head_width: Count | None = None,
    hidden: Count | None = None,
    activation: Activation | None = None,
    norm: Norm | None = None,
    norm_place: Literal["before", "after"] | None = None,
    positions: Positions | None = None,
    context: Count | None = None,
    causal: bool | None = None,
    biases: bool | None = None,
    tied: bool | None = None,
    dropout: float | None = None,
    attention: Attention | None = None,
    head: Literal["tokens", "bert"] | None = None,
    iterations: Count = 1,
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] | None = None,
    precision: PrecisionForm | None = None,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train a transformer.

    Parameters
    ----------
    preset : a published model, whose values hold where none is stated here.
    vocabulary : number of different tokens.
    width : numbers that stand for a token.
    sequence : tokens in a sequence; left out: as many as the preset's model takes at most.
    batch : sequences in a batch.
    heads : heads of attention, a divisor of width unless head_width is stated; left out: 1.
    blocks : number of blocks of attention and MLP; left out: 1.
    key_value_heads : heads of keys and values, each shared by several heads of queries; left out: as many as heads.
    head_width : numbers of a head; left out: width / heads.
    hidden : width of the MLP between its products; left out: four times the width.
    activation : function in the MLP: gelu, relu, or a product of two parts, swiglu or geglu; left out: gelu.
    norm : layernorm or rmsnorm; left out: layernorm.
    norm_place : where norms stand: before attention and MLP, or after the sums behind them; left out: before.
    positions : how tokens know their position: none; learned, a table; rotary, by rotating queries and keys. Left out:
        none.
    context : positions of the learned table; left out: as many as the sequence has.
    causal : whether a token attends only to itself and earlier ones; left out: true.
    biases : whether linear layers have biases; left out: false.
    tied : whether the head multiplies by the embedding's table; left out: false.
    dropout : share of numbers that dropout sets to zero, in attention and before sums; left out: 0.
    attention : flash, one kernel that keeps no scores; or plain, products and a softmax with all scores in memory. The
        results are the same. Left out: flash.
    head : tokens, a norm and a matrix; bert, the transform, bias, and classifier of BERT. Left out: tokens.
    iterations : steps of training; each sees the same batch.
    optimizer : how weights are updated: sgd or adam, with its parameters. Left out: adam with a preset, else sgd.
    precision : number formats: a preset, or a mapping. Left out: bf16-mixed on accelerators, or fp16-mixed where there
        is no peak of bf16; fp64 where the peak is one quantity, and on the clocks live and replayed.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    batch = plan.samples(batch)
    said = {key: value for key, value in locals().items() if value is not None and key not in OF_TRAINING}
    values = DEFAULTS | (dict(PRESETS[preset].values) if preset else {}) | said
    _refuse_wrong(values)
    asked = optimizer or Ask("adam" if preset else "sgd")
    make = partial(_model, tuple(values.items()), seed or 0)
    return training(cluster, plan, cost, make, Regime(asked, iterations, precision))


def _refuse_wrong(values: dict[str, Any]) -> None:
    """Raise `Invalid` with all that is missing, or does not fit together."""
    complaints = missing(values, EXAMPLES)
    heads = values["heads"]
    width, sequence = values.get("width", heads), values.get("sequence", 1)
    stated = values.get("head_width")
    if not stated and width % heads:
        why = f"{heads} heads cannot split a width of {width} equally; write a divisor of {width}, or a head_width"
        complaints.append(Complaint(("heads",), why))
    elif values["positions"] == "rotary" and (stated or width // heads) % 2:
        of = str(stated) if stated else f"{width} / {heads}"
        why = f"rotary positions rotate pairs of numbers, and a head of {of} has an odd number of them"
        complaints.append(Complaint(("head_width" if stated else "heads",), why))
    complaints += about_groups(values)
    if values.get("context", sequence) < sequence:
        why = f"a sequence of {sequence} tokens is longer than the {values['context']} positions of the table"
        complaints.append(Complaint(("sequence",), f"{why}; use at most {values['context']}, or a larger context"))
    if not 0 <= values["dropout"] < 1:
        complaints.append(Complaint(("dropout",), f"{values['dropout']:g} must lie between 0 and 1"))
    if complaints:
        raise Invalid(complaints)


@lru_cache(16)  # plans of one workload share their models
def _model(said: tuple[tuple[str, Any], ...], seed: int, shards: Shards) -> Model:
    values = dict(said)
    refuse_shards(values, shards)
    width, heads, blocks = values["width"], values["heads"], values["blocks"]
    of = Dimensions(
        vocabulary=values["vocabulary"],
        width=width,
        heads=heads,
        key_value_heads=values.get("key_value_heads", heads),
        head_width=values.get("head_width", width // heads),
        hidden=values.get("hidden", 4 * width),
        activation=values["activation"],
        norm=values["norm"],
        norm_first=values["norm_place"] == "before",
        positions=values["positions"],
        context=values.get("context", values["sequence"]),
        causal=values["causal"],
        biases="all" if values["biases"] else "none",
        tied=values["tied"],
        dropout=values["dropout"],
        attention=values["attention"],
        shards=shards,
    )
    last = layers_of.bert_head(of) if values["head"] == "bert" else layers_of.head(of)
    layers = (layers_of.embedding(of, types=2 * (values["head"] == "bert")), *(layers_of.block(of),) * blocks, last)
    batch = (values["batch"], values["sequence"] // shards.context)
    return Model(
        layers,
        batch,
        batch,
        of.vocabulary,
        seed,
        tokens=True,
        beside=(0, blocks + 1),
        tied=of.tied,
        uncomputed=tuple(_uncomputed(values)),
    )


def _uncomputed(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if values["tied"]:
        yield "an embedding that is tied to the head", "tied: false"
    if values["dropout"]:
        yield "dropout", "dropout: 0"
    if values["head"] == "bert":
        yield "the head of BERT", "head: tokens"
