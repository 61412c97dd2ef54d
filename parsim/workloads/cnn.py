"""CNN: training of a convolutional network, counted at any size, or for real with NumPy kernels if it is small.

    images -> [stem] -> block -> ... -> mean pool, affine, cross entropy -> loss

    plain        x -- conv, norm, relu -- y                             behind the last block of a stage, a max pool
    bottleneck   x --+-- conv 1 x 1, conv, conv 1 x 1 --(+)-- relu -- y     a norm behind each conv, and relu between
                     +------- conv 1 x 1 or nothing ----+

Each block is a layer, so are the stem (bottlenecks alone have one) and the head. Without a preset it is a small net of
plain blocks without norms: {image: 8, classes: 10, channels: [16, 32], batch: 32}. He et al., Deep Residual Learning,
CVPR 2016; LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86(11), 1998.
"""

from __future__ import annotations

from typing import Annotated, Any

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
from parsim.training.images import Block, Network, Norm
from parsim.training.model import Model
from parsim.training.plan import TrainingPlan
from parsim.training.values import missing
from parsim.training.work import OPTIMIZER, Regime, training, whole
from parsim.workloads import workloads

PRESETS: dict[str, dict[str, Any]] = {
    # He et al., CVPR 2016, table 1; with the stride in the 3 x 3 conv, as torchvision's checkpoint has it
    "resnet50": {
        "image": 224,
        "classes": 1000,
        "channels": [64, 128, 256, 512],
        "blocks": [3, 4, 6, 3],
        "block": "bottleneck",
        "norm": "batchnorm",
    },
}
SOURCES = {"resnet50": "16 bottlenecks, 224 x 224. He et al., Deep Residual Learning, CVPR 2016, table 1; torchvision."}
Preset = Annotated[str, Choice(SOURCES)]
DEFAULTS: dict[str, Any] = {"colours": 3, "block": "plain", "kernel": 3, "norm": "none"}
EXAMPLES: dict[str, Any] = {"image": 32, "classes": 10, "channels": [16, 32], "batch": 64}  # of keys without a default


@workloads.add("cnn")
def cnn(
    cluster: Cluster,
    plan: TrainingPlan,
    cost: Cost | None,
    preset: Preset | None = None,
    image: Count | None = None,
    colours: Count | None = None,
    classes: Count | None = None,
    channels: list[Count] | None = None,
    batch: Count | None = None,
    blocks: list[Count] | None = None,
    block: Block | None = None,
    kernel: Count | None = None,
    padding: Whole | None = None,
    norm: Norm | None = None,
    iterations: Count = 1,
    optimizer: Annotated[Ask, OneOf(kernels, given=argument)] = OPTIMIZER,
    precision: PrecisionForm | None = None,
    seed: Whole | None = None,
) -> TaskGraph:
    """Make the tasks that train a convolutional network.

    Parameters
    ----------
    preset : a published model, whose values hold where none is stated here.
    image : height and width of an image.
    colours : channels of an image; left out: 3.
    classes : number of different labels.
    channels : channels of each stage, of a bottleneck those in its middle; after a stage, height and width are halved.
    batch : images in a batch.
    blocks : number of blocks of each stage; left out: 1 each.
    block : plain, a convolution; or bottleneck, three of them with a sum around them, behind a stem. Left out: plain.
    kernel : rows and columns of the window of a convolution, in a bottleneck of the one in the middle; left out: 3.
    padding : rows and columns of zeros on each side of its images; left out: half the window, floored.
    norm : what follows each convolution: none or batchnorm; left out: none.
    iterations : steps of training; each sees the same batch.
    optimizer : how weights are updated: sgd or adam, with its parameters.
    precision : number formats: a preset, or a mapping. Left out: bf16-mixed on accelerators, or fp16-mixed where there
        is no peak of bf16; fp64 where the peak is one quantity, and on the clocks live and replayed.
    seed : seed of the drawn data and weights; left out: the scenario's seed.
    """
    batch = plan.samples(batch)
    said = {key: value for key, value in locals().items() if value is not None}
    values = DEFAULTS | (PRESETS[preset] if preset else {}) | said
    _refuse_wrong(values)
    model = _model(values, seed or 0)
    return training(cluster, plan, cost, whole(model), Regime(optimizer, iterations, precision))


def _refuse_wrong(values: dict[str, Any]) -> None:
    """Raise `Invalid` with all that is missing, or does not fit together."""
    complaints = missing(values, EXAMPLES)
    stages = values.get("channels", values.get("blocks", [1]))
    if not stages:
        complaints.append(Complaint(("channels",), "has no stages; give the channels of one at least"))
    elif len(values.get("blocks", stages)) != len(stages):
        why = f"has {len(values['blocks'])} entries, and channels has {len(stages)}; give the blocks of each stage"
        complaints.append(Complaint(("blocks",), why))
    if complaints:
        raise Invalid(complaints)


def _model(values: dict[str, Any], seed: int) -> Model:
    stages, kernel = len(values["channels"]), values["kernel"]
    network = Network(
        image=values["image"],
        colours=values["colours"],
        classes=values["classes"],
        channels=tuple(values["channels"]),
        blocks=tuple(values.get("blocks", [1] * stages)),
        block=values["block"],
        kernel=kernel,
        padding=values.get("padding", kernel // 2),
        norm=values["norm"],
    )
    layers, batch, side = network.layers(), values["batch"], values["image"]
    stem = (0,) if network.block == "bottleneck" else ()
    cut = (("batchnorm", "norm: none"),) if network.norm == "batchnorm" else ()
    return Model(
        layers,
        (batch, network.colours, side, side),
        (batch,),
        network.classes,
        seed,
        beside=(*stem, len(layers) - 1),
        by_part=cut,
    )
