"""What a device computes to renew its weights: gradients are added up over microbatches, and the optimizer steps.

zero1   adding   |all gradients of a layer|        zero2   |1/d of them|, what is left after they were scattered
        update   |1/d of the weights|                      |1/d|
"""

from __future__ import annotations

from parsim.core.kernel import Call, Shape
from parsim.training.sharded import Numbers, ShardedTraining

ALONE = Numbers(1.0, 1.0)


def adding(training: ShardedTraining, layers: range) -> tuple[Call, ...]:
    """Return the calls that add the gradients of *layers* to those of earlier microbatches."""
    shapes = _shapes(training, layers, training.parallelism.sharding.gradients)
    made = {shape: Call(*training.adding[:2], "forward", (shape, shape)) for shape in dict.fromkeys(shapes)}
    return tuple([made[shape] for shape in shapes])


def updating(training: ShardedTraining, layers: range) -> tuple[Call, ...]:
    """Return the calls that update the weights of *layers*."""
    update, shapes = training.update, _shapes(training, layers, training.parallelism.sharding.optimizer)
    rows = update.kernel.rows
    made = {shape: Call(*update[:2], "forward", ((rows, *shape), shape)) for shape in dict.fromkeys(shapes)}
    return tuple([made[shape] for shape in shapes])


def _shapes(training: ShardedTraining, layers: range, shared: bool) -> list[Shape]:
    """Return the shapes of the weights of *layers*; where data ranks share them, of flat shares."""
    shares = training.parallelism.copies if shared else ALONE
    if shares == ALONE:
        return [shape for number in layers for shape in training.weights_of(number).values()]
    counts = zip(training.held(layers), shares, strict=True)
    return [(int(-(-count // among)),) for count, among in counts if count]
