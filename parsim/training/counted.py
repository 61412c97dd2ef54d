"""What of a training by degrees of parallelism is only counted, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

from parsim.core.errors import Complaint
from parsim.training.exchange import NAME
from parsim.training.sharded import ShardedTraining

SIMULATED = "or use clock: simulated"


def about_degrees(training: ShardedTraining) -> Iterator[Complaint]:
    """Yield why a training by degrees of parallelism cannot be computed."""
    own, recompute = training.parallelism, training.cut.recompute
    for name in ("context", "expert"):
        if getattr(own.degrees, name) > 1:
            why = f"ranks of {name} are counted and not computed; leave {name} out, {SIMULATED}"
            yield Complaint(("plan", name), why)
    if own.degrees.tensor > 1 and not own.one_by_one:
        why = "exchanges within layers are priced as one; write detail: layers, which plays them"
        yield Complaint(("plan", "detail"), f"{why}, {SIMULATED}")
    yield from _about_tensor(training)
    if set(recompute) != {"none"}:
        why = "recomputation is counted and not computed under degrees of parallelism; leave recompute out"
        yield Complaint(("plan", "recompute"), f"{why}, {SIMULATED}")


def _about_tensor(training: ShardedTraining) -> Iterator[Complaint]:
    """Yield why tensor ranks cannot compute."""
    tensor, layers = training.parallelism.degrees.tensor, training.own.layers
    if tensor == 1:
        return
    parts = {"grouped": "experts", "passed": "what a decoder reads of the encoder"}
    found = {op.name for layer in layers for op in layer.ops} | {"passed" for layer in layers if layer.passed}
    for name in sorted(parts.keys() & found):
        why = f"{parts[name]} would need further sums between tensor ranks, so it is counted and not computed"
        yield Complaint(("plan", "tensor"), f"{why}; leave tensor out, {SIMULATED}")
    every = [op for layer in layers for op in layer.ops if op.name == NAME]
    exchanges = [op for op in every if op.kernel.communicator == "tensor"]
    if any(op.kernel.along.divided and op.kernel.along.axis == 1 for op in exchanges):
        why = f"ranks that divide rows are counted and not computed; write sequence_parallel: false, {SIMULATED}"
        yield Complaint(("plan", "sequence_parallel"), why)
    added = {op.output for layer in layers for op in layer.ops if op.name == "affine"}
    if any(op.inputs[0] in added and op.kernel.operation("forward") == "all-reduce" for op in exchanges):
        why = "added to products that tensor ranks add up are counted and not computed; write biases: false"
        yield Complaint(("workload", "biases"), f"{why}, {SIMULATED}")
    for whole, own in zip(training.model.layers, layers, strict=True):
        for one, other in zip(whole.weights.values(), own.weights.values(), strict=True):
            if one != other and sum(a != b for a, b in zip(one, other, strict=True)) == 1:
                (uneven,) = [a for a, b in zip(one, other, strict=True) if a != b]
                if tensor * min(b for a, b in zip(one, other, strict=True) if a != b) != uneven:
                    why = f"tensor {tensor} does not divide a weight of {uneven} columns or rows, which computing needs"
                    yield Complaint(("plan", "tensor"), f"{why}; write a divisor, {SIMULATED}")
                    return
