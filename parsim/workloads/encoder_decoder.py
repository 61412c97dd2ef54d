"""Encoder and decoder: training of a model of translation, counted at any size, or for real if it is small.

    source -> embedding -> encoder blocks -> m
    target -> embedding -> decoder blocks, each of which reads m -> norm, matmul, cross entropy -> loss

    decoder block   y --+-- norm, self-attention --(+)-- +-- norm, attention to m --(+)-- +-- norm, MLP --(+)-- y
                        +--------------------------+     +--------------------------+     +--------------+

Both embeddings, each block, and the head are layers. A stage of the decoder hands m on with y. The decoder sees the
labels, shifted by one position. Vaswani et al., Attention Is All You Need, NeurIPS 2017; Raffel et al., JMLR 21, 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
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
from parsim.training.blocks import Activation, Attention, Biases, Dimensions, Norm
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan
from parsim.training.presets import ENCODER_DECODERS
from parsim.training.shards import Shards
from parsim.training.translation import Translation
from parsim.training.values import missing, refuse_shards
from parsim.training.work import Regime, training
from parsim.workloads import workloads

Preset = Annotated[str, Choice({name: str(preset) for name, preset in ENCODER_DECODERS.items()})]
DEFAULTS: dict[str, Any] = {
    "heads": 1,
    "blocks": 1,
    "activation": "relu",
    "norm": "layernorm",
    "norm_place": "before",
    "positions": "none",
    "biases": "none",
    "tied": False,
    "dropout": 0.0,
    "attention": "flash",
}
PUBLISHED: dict[str, Any] = {"tied": True, "attention": "plain"}  # of every preset
EXAMPLES = {"vocabulary": 32128, "width": 512, "sequence": 512, "batch": 32}  # of keys without a default


@workloads.add("encoder_decoder")
def encoder_decoder(
    cluster: Cluster,
    plan: TrainingPlan,
    cost: Cost | None,
    preset: Preset | None = None,
    vocabulary: Count | None = None,
    width: Count | None = None,
    sequence: Count | None = None,
    target_sequence: Count | None = None,
    batch: Count | None = None,
    heads: Count | None = None,
    head_width: Count | None = None,
    blocks: Count | None = None,
    hidden: Count | None = None,
    activation: Activation | None = None,
    norm: Norm | None = None,
    norm_place: Literal["before", "after"] | None = None,
    positions: Literal["none", "sinusoidal", "relative"] | None = None,
    biases: Biases | None = None,
    tied: bool | None = None,
    dropout: float | None = None,
    attention: Attention | None = None,
    iterations: Count = 1,
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] | None = None,
    precision: PrecisionForm | None = None,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train an encoder and a decoder.

    Parameters
    ----------
    preset : a published model, whose values hold where none is stated here.
    vocabulary : number of different tokens, of source and target.
    width : numbers that stand for a token.
    sequence : tokens in a sequence of the source.
    target_sequence : tokens in a sequence of the target; left out: as many as in the source.
    batch : pairs of sequences in a batch.
    heads : heads of attention; left out: 1.
    head_width : numbers of a head; left out: width / heads.
    blocks : number of blocks of the encoder, and of the decoder; left out: 1.
    hidden : width of the MLP between its products; left out: four times the width.
    activation : function in the MLP: relu, gelu, or a product of two parts, swiglu or geglu; left out: relu.
    norm : layernorm or rmsnorm; left out: layernorm.
    norm_place : where norms stand: before attention and MLP, or after the sums behind them; left out: before.
    positions : how tokens know their position: none; sinusoidal, numbers added to the embedding; relative, a table of
        32 numbers a head in the first block of each stack. Left out: none.
    biases : linear layers that have biases: none, mlp, or all; left out: none.
    tied : whether both embeddings and the head use one table; left out: false, and true with a preset.
    dropout : share of numbers that dropout sets to zero, in attention and before sums; left out: 0.
    attention : flash, one kernel that keeps no scores; or plain, products and a softmax with all scores in memory. The
        results are the same. Left out: flash, and plain with a preset.
    iterations : steps of training; each sees the same batch.
    optimizer : how weights are updated: sgd or adam, with its parameters. Left out: adam with a preset, else sgd.
    precision : number formats: a preset, or a mapping. Left out: bf16-mixed on accelerators, or fp16-mixed where there
        is no peak of bf16; fp64 where the peak is one quantity, and on the clocks live and replayed.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    batch = plan.samples(batch)
    said = {key: value for key, value in locals().items() if value is not None}
    values = DEFAULTS | (PUBLISHED | dict(ENCODER_DECODERS[preset].values) if preset else {}) | said
    _refuse_wrong(values)
    asked = optimizer or Ask("adam" if preset else "sgd")
    return training(cluster, plan, cost, partial(_model, values, seed or 0), Regime(asked, iterations, precision))


def _refuse_wrong(values: dict[str, Any]) -> None:
    """Raise `Invalid` with all that is missing, or does not fit together."""
    complaints = missing(values, EXAMPLES)
    heads, width = values["heads"], values.get("width", values["heads"])
    if "head_width" not in values and width % heads:
        why = f"{heads} heads cannot split a width of {width} equally; write a divisor of {width}, or a head_width"
        complaints.append(Complaint(("heads",), why))
    if not 0 <= values["dropout"] < 1:
        complaints.append(Complaint(("dropout",), f"{values['dropout']:g} must be at least 0 and below 1"))
    if complaints:
        raise Invalid(complaints)


def _model(values: dict[str, Any], seed: int, shards: Shards) -> Model:
    shards = shards._replace(sequence=False)  # source and target stand in one array
    refuse_shards(values, shards)
    if shards.context > 1:
        raise Invalid([Complaint(("plan", "context"), "applies to decoders; leave it out", "key")])
    width, heads, source = values["width"], values["heads"], values["sequence"]
    of = Dimensions(
        vocabulary=values["vocabulary"],
        width=width,
        heads=heads,
        key_value_heads=heads,
        head_width=values.get("head_width", width // heads),
        hidden=values.get("hidden", 4 * width),
        activation=values["activation"],
        norm=values["norm"],
        norm_first=values["norm_place"] == "before",
        positions="relative" if values["positions"] == "relative" else "none",
        context=source,
        causal=False,
        biases=values["biases"],
        tied=values["tied"],
        dropout=values["dropout"],
        attention=values["attention"],
        shards=shards,
    )
    target = values.get("target_sequence", source)
    made = Translation(of, values["blocks"], source, target)
    return Model(
        tuple(made.layers()),
        (values["batch"], source),
        (values["batch"], target),
        of.vocabulary,
        seed,
        tokens=True,
        beside=made.beside,
        tied=2 * of.tied,
        uncomputed=tuple(_uncomputed(values)),
    )


def _uncomputed(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if values["tied"]:
        yield "a table that embeddings and head share", "tied: false"
    if values["dropout"]:
        yield "dropout", "dropout: 0"
    if values["positions"] != "none":
        yield f"{values['positions']} positions", "positions: none"
