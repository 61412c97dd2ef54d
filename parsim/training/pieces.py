"""Runs neighbouring layers forward or backward on one device, and stops wherever devices exchange something.

    forward of a block under tensor parallelism      norm q k v attention out | sum norm up gelu down | sum
                                                                              ^ yields what all add up  ^

A run is a generator of `Swap`s; whoever runs it exchanges what each holds and sends the result in. Without exchanges it
yields nothing. Layers are those of `parsim.training.layer`, with the same kernels in the same order.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

from parsim.core.kernel import Array, Part
from parsim.training.exchange import NAME
from parsim.training.layer import INPUT, OUTPUT, Arrays, Layer, Op


class Swap(NamedTuple):
    """An array that devices exchange, and how."""

    op: Op
    part: Part
    array: Array
    last: bool  # nothing of the piece follows


class Saved(NamedTuple):
    """What forward leaves to backward, and the first half of backward to the second."""

    inputs: Arrays  # that ops read
    grads: Arrays  # of the loss with respect to outputs, after the first half


Running = Generator[Swap, Array, Array | None]  # sent: what an exchange brings; returned: the output, or its gradient


def forward(layers: Sequence[Layer], weights: Sequence[Sequence[Array]], given: Arrays, saved: list[Saved]) -> Running:
    """Run layers forward; return the output, and append what each leaves to backward to *saved*.

    *given* are the input, and the labels where a layer reads them.
    """
    left = sum(bool(_swaps(op, "forward")) for layer in layers for op in layer.ops)
    for layer, own in zip(layers, weights, strict=True):
        arrays = {**given, **dict(zip(layer.weights, own, strict=True))}
        for op in layer.ops:
            read = [arrays[name] for name in (*op.inputs, *op.weights)]
            if op.name != NAME:
                arrays[op.output] = op.kernel.forward(*read)
            else:
                arrays[op.output] = read[0]
            left -= _swaps(op, "forward") != ""
            if _swaps(op, "forward") == "exchange":
                arrays[op.output] = yield Swap(op, "forward", read[0], not left)
        saved.append(Saved({name: arrays[name] for op in layer.ops for name in op.inputs}, {}))
        given = {**given, INPUT: arrays[OUTPUT]}
    return given[INPUT]


def backward(
    layers: Sequence[Layer],
    weights: Sequence[Sequence[Array]],
    grad: Array | None,
    saved: list[Saved],
    halves: Sequence[Sequence[tuple[Op, Part]]],
    rank: int = 0,
) -> Running:
    """Run some halves of backward through layers, the last one first; return the gradient of the input.

    Parameters
    ----------
    grad : of the output; None: the first half has run.
    saved : what forward left, of each layer; the gradients found are added to it.
    halves : of each layer, in order.
    rank : of this device among those that share the layers.
    """
    left = sum(bool(_swaps(op, part)) for some in halves for op, part in some)
    for place in reversed(range(len(layers))):
        layer, (inputs, found) = layers[place], saved[place]
        arrays = {**inputs, **dict(zip(layer.weights, weights[place], strict=True))}
        found = found if grad is None else {OUTPUT: grad}
        for op, part in halves[place]:
            made: Sequence[Array] = (found[op.output],)
            if op.name != NAME:
                read = [arrays[name] for name in (*op.inputs, *op.weights)]
                made = getattr(op.kernel, part)(found[op.output], *read)
            left -= _swaps(op, part) != ""
            if _swaps(op, part) == "exchange":
                made = ((yield Swap(op, part, found[op.output], not left)),)
            elif op.name == NAME and op.kernel.along.divided:
                made = (op.kernel.own(found[op.output], rank),)
            for name, one in zip(op.weights if part == "weight_grad" else op.inputs, made, strict=False):
                found[name] = found[name] + one if name in found else one
        saved[place] = Saved(inputs, found)
        grad = None if grad is None else found.get(INPUT)
    return grad


def _swaps(op: Op, part: Part) -> str:
    """Return what an op does in a part: kernel, exchange, or nothing."""
    if op.name != NAME:
        return "kernel"
    return "exchange" if op.kernel.operation(part) else ""
