"""Mixture of experts: training of a decoder whose MLPs are experts, counted at any size, or for real if it is small.

    tokens -> embedding -> block -> ... -> norm, matmul, cross entropy -> loss

    block   x --+-- norm, q k v, attention, matmul --(+)-- +-- norm, router, experts --(+)-- y
                +-------------------------------------+    +---------------------------+
    experts     each token goes to the few with the largest logits of the router; each is a SwiGLU MLP;
                their results are added up, weighted by the softmax of these logits

Every device of a stage holds all experts of its blocks, unless `plan.expert` shares them. FLOP are those of the experts
that tokens go to; prices assume that all get equal numbers, or with an `imbalance` the first one more than the others.
Losses that balance experts are not computed. Jiang et al., Mixtral of Experts,
arXiv:2401.04088, 2024: RMSNorm, rotary positions, shared keys and values; Shazeer et al., ICLR 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from parsim.core.choice import Choice
from parsim.core.cluster import Cluster
from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import TaskGraph
from parsim.core.job import Cost
from parsim.core.precision import PrecisionForm
from parsim.core.schema import Ask, Count, Imbalance, Positive, Whole
from parsim.entries.function import argument
from parsim.kernels import kernels
from parsim.scenario.schema import OneOf
from parsim.training import blocks as layers_of
from parsim.training.blocks import Dimensions, Experts
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan
from parsim.training.presets import MIXTURES
from parsim.training.shards import Shards
from parsim.training.values import about_groups, missing, refuse_shards
from parsim.training.work import Regime, training
from parsim.workloads import workloads

Preset = Annotated[str, Choice({name: str(preset) for name, preset in MIXTURES.items()})]
DEFAULTS: dict[str, Any] = {"heads": 1, "blocks": 1, "experts": 8, "top": 2, "imbalance": 1.0}
EXAMPLES = {"vocabulary": 32000, "width": 4096, "sequence": 4096, "batch": 32}  # of keys without a default


@workloads.add("mixture")
def mixture(
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
    experts: Count | None = None,
    top: Count | None = None,
    capacity: Positive | None = None,
    imbalance: Imbalance | None = None,
    iterations: Count = 1,
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] | None = None,
    precision: PrecisionForm | None = None,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train a mixture of experts.

    Parameters
    ----------
    preset : a published model, whose values hold where none is stated here.
    vocabulary : number of different tokens.
    width : numbers that stand for a token.
    sequence : tokens in a sequence; left out: as many as the preset's model takes at most.
    batch : sequences in a batch.
    heads : heads of attention, a divisor of width unless head_width is stated; left out: 1.
    blocks : number of blocks of attention and experts; left out: 1.
    key_value_heads : heads of keys and values, each shared by several heads of queries; left out: as many as heads.
    head_width : numbers of a head; left out: width / heads.
    hidden : width of an expert between its products; left out: four times the width.
    experts : experts of a block; left out: 8.
    top : experts that each token goes to; left out: 2.
    capacity : rows that an expert takes, as a multiple of its equal share of the tokens of a microbatch; it computes as
        many, and drops what is beyond. Left out: as many as come.
    imbalance : tokens of the busiest expert of each block, as a multiple of the mean of its experts; none are dropped,
        the others get equal shares of the rest. Among devices that share experts, those with the busiest one receive
        and compute more, and the others wait. At most experts / top; not beside capacity. Left out: 1, all get equal
        numbers.
    iterations : steps of training; each sees the same batch.
    optimizer : how weights are updated: sgd or adam, with its parameters. Left out: adam with a preset, else sgd.
    precision : number formats: a preset, or a mapping. Left out: bf16-mixed on accelerators, or fp16-mixed where there
        is no peak of bf16; fp64 where the peak is one quantity, and on the clocks live and replayed.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    batch = plan.samples(batch)
    said = {key: value for key, value in locals().items() if value is not None}
    values = DEFAULTS | (dict(MIXTURES[preset].values) if preset else {}) | said
    _refuse_wrong(values)
    asked = optimizer or Ask("adam" if preset else "sgd")
    return training(cluster, plan, cost, partial(_model, values, seed or 0), Regime(asked, iterations, precision))


def _refuse_wrong(values: dict[str, Any]) -> None:
    """Raise `Invalid` with all that is missing, or does not fit together."""
    complaints = missing(values, EXAMPLES)
    heads = values["heads"]
    width = values.get("width", 2 * heads)
    stated = values.get("head_width")
    if stated and stated % 2:
        why = f"positions rotate pairs of numbers, and a head of {stated} has an odd number of them"
        complaints.append(Complaint(("head_width",), why))
    elif not stated and width % (2 * heads):
        why = f"{heads} heads do not split a width of {width} into equal even numbers, whose pairs positions rotate"
        complaints.append(Complaint(("heads",), why))
    complaints += about_groups(values)
    if values["top"] > values["experts"]:
        why = f"a token cannot go to {values['top']} of {values['experts']} experts; write at most {values['experts']}"
        complaints.append(Complaint(("top",), why))
    complaints += _about_imbalance(values)
    if complaints:
        raise Invalid(complaints)


def _about_imbalance(values: dict[str, Any]) -> Iterator[Complaint]:
    """Yield a complaint unless an expert can get so many tokens."""
    imbalance, experts, top = values["imbalance"], values["experts"], values["top"]
    if imbalance == 1:
        return
    if "capacity" in values:
        why = "has no effect beside capacity, with which all experts compute equally many rows; leave one of them out"
        yield Complaint(("imbalance",), why, "key")
    elif imbalance * top > experts:
        why = f"a token goes to {top} of {experts} experts, so none gets more than {experts / top:g} times the mean"
        yield Complaint(("imbalance",), f"{imbalance:g} is too many: {why}")


def _model(values: dict[str, Any], seed: int, shards: Shards) -> Model:
    refuse_shards(values, shards)
    width, heads, blocks = values["width"], values["heads"], values["blocks"]
    of = Dimensions(
        vocabulary=values["vocabulary"],
        width=width,
        heads=heads,
        key_value_heads=values.get("key_value_heads", heads),
        head_width=values.get("head_width", width // heads),
        hidden=values.get("hidden", 4 * width),
        activation="swiglu",
        norm="rmsnorm",
        norm_first=True,
        positions="rotary",
        context=values["sequence"],
        causal=True,
        biases="none",
        tied=False,
        dropout=0.0,
        attention="flash",
        experts=Experts(
            values["experts"],
            values["top"],
            values.get("capacity"),
            values["imbalance"],
            values["sequence"] // shards.context,
        ),
        shards=shards,
    )
    batch = (values["batch"], values["sequence"] // shards.context)
    limited = (("a capacity of experts", "no capacity"),) if "capacity" in values else ()
    unequal = (("an imbalance of experts", "no imbalance"),) if values["imbalance"] > 1 else ()
    return Model(
        (layers_of.embedding(of), *(layers_of.block(of),) * blocks, layers_of.head(of)),
        batch,
        batch,
        of.vocabulary,
        seed,
        tokens=True,
        beside=(0, blocks + 1),
        uncomputed=limited + unequal,
        unequal=bool(unequal) and shards.expert > 1,
    )
