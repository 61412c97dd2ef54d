"""A layer: a sequence of kernels on named arrays.

    y = relu(x w)       Op(matmul, inputs x, weights w, output h)
                        Op(relu,   inputs h,            output y)

Forward computes the names from `x` to `y`. Backward visits the ops in reverse, sums the gradients of each name over the
ops that read it, and returns those of `x` and of the weights. Its halves can also run separately: `input_grad` first,
and `weight_grad` at any later time, on values that `input_grad` saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from parsim.core.kernel import Array, Call, Part, Shape, Tell, Watched

INPUT, OUTPUT, LABELS, TOKENS = "x", "y", "labels", "tokens"
Arrays = dict[str, Array]


class Op(NamedTuple):
    """One kernel of a layer, with the names of its inputs, weights and output."""

    name: str  # of the kernel on the shelf
    arguments: tuple[tuple[str, Any], ...]  # the parameters of the kernel
    kernel: Any
    inputs: tuple[str, ...]
    weights: tuple[str, ...]
    output: str

    def call(self, part: Part, shapes: Mapping[str, Shape]) -> Call:
        """Return the call of a part of the kernel on arrays of these *shapes*."""
        return Call(self.name, self.arguments, part, tuple(shapes[name] for name in (*self.inputs, *self.weights)))


class Halfway(NamedTuple):
    """Values saved between the two halves of backward, for the ops that have weights."""

    inputs: Arrays
    grads: Arrays  # of the loss with respect to their outputs


@dataclass(frozen=True)
class Layer:
    """Ops in order, and the shapes of the weights by name."""

    ops: tuple[Op, ...]
    weights: Mapping[str, Shape] = field(default_factory=dict)
    passed: str = ""  # the array that it only passes on, which a stage keeps once, if there is any

    @property
    def labelled(self) -> bool:
        """Whether it reads the labels."""
        return any(LABELS in op.inputs for op in self.ops)

    def watched(self, tell: Tell) -> Layer:
        """Return a copy that calls *tell* before every kernel call."""
        ops = (op._replace(kernel=Watched(op.name, op.arguments, op.kernel, tell)) for op in self.ops)
        return replace(self, ops=tuple(ops))

    def shapes(self, given: Mapping[str, Shape]) -> dict[str, Shape]:
        """Return the shape of every name. Shapes that do not match raise `ValueError`."""
        shapes = {**given, **self.weights}
        for op in self.ops:
            shapes[op.output] = op.kernel.shape(*(shapes[name] for name in (*op.inputs, *op.weights)))
        return shapes

    def kept(self, shapes: Mapping[str, Shape]) -> list[Shape]:
        """Return the shapes of the values that forward saves for backward."""
        return [shapes[name] for name in dict.fromkeys(name for op in self.ops for name in op.inputs)]

    def left(self, shapes: Mapping[str, Shape]) -> list[Shape]:
        """Return the shapes of the values that `input_grad` saves for `weight_grad`."""
        inputs, outputs = self._between()
        return [shapes[name] for name in (*inputs, *outputs)]

    def calls(self, shapes: Mapping[str, Shape], parts: Sequence[Part], first: bool) -> list[Call]:
        """List the kernel calls of forward, or of *parts* of backward."""
        if "forward" in parts:
            return [op.call("forward", shapes) for op in self.ops]
        return [op.call(part, shapes) for op, part in self.backward_halves(first) if part in parts]

    def forward(self, given: Mapping[str, Array], weights: Sequence[Array]) -> tuple[Array, Arrays]:
        """Return the output, and the values that backward needs."""
        arrays = {**given, **dict(zip(self.weights, weights, strict=True))}
        for op in self.ops:
            read = [arrays[name] for name in (*op.inputs, *op.weights)]
            arrays[op.output] = op.kernel.forward(*read)
            wanted = op.kernel.shape(*(array.shape for array in read))
            if np.shape(arrays[op.output]) != wanted:
                made = np.shape(arrays[op.output])
                raise ValueError(
                    f"kernel {op.name} made an array of shape {made}, but its method shape returns {wanted}"
                )
        left = {name for op in self.ops for name in op.inputs}
        return arrays[OUTPUT], {name: arrays[name] for name in left}

    def backward(
        self, grad: Array, kept: Arrays, weights: Sequence[Array], first: bool
    ) -> tuple[Array | None, list[Array]]:
        """Return the gradients of the input and of the weights. The *first* layer omits the gradient of the input."""
        arrays = {**kept, **dict(zip(self.weights, weights, strict=True))}
        grads = _run(self.backward_halves(first), arrays, {OUTPUT: grad})
        return grads.get(INPUT), [grads[name] for name in self.weights]

    def input_grad(
        self, grad: Array, kept: Arrays, weights: Sequence[Array], first: bool
    ) -> tuple[Array | None, Halfway]:
        """Run the first half of `backward`: return the gradient of the input and the saved values."""
        arrays = {**kept, **dict(zip(self.weights, weights, strict=True))}
        halves = [half for half in self.backward_halves(first) if half[1] == "input_grad"]
        grads = _run(halves, arrays, {OUTPUT: grad})
        inputs, outputs = self._between()
        return grads.get(INPUT), Halfway({name: kept[name] for name in inputs}, {name: grads[name] for name in outputs})

    def weight_grad(self, halfway: Halfway, weights: Sequence[Array]) -> list[Array]:
        """Run the second half of `backward`: return the gradients of the weights."""
        arrays = {**halfway.inputs, **dict(zip(self.weights, weights, strict=True))}
        halves: list[tuple[Op, Part]] = [(op, "weight_grad") for op in reversed(self.ops) if op.weights]
        grads = _run(halves, arrays, halfway.grads)
        return [grads[name] for name in self.weights]

    def _between(self) -> tuple[list[str], list[str]]:
        """Return the names of the inputs and the outputs of the ops that have weights."""
        own = [op for op in self.ops if op.weights]
        return list(dict.fromkeys(name for op in own for name in op.inputs)), [op.output for op in own]

    def backward_halves(self, first: bool) -> list[tuple[Op, Part]]:
        """List the halves of backward in order, without those that only lead to the input of the *first* layer."""
        wanted = set() if first else {INPUT}
        for op in self.ops:  # a name needs a gradient if there are weights before it
            if op.weights or wanted & set(op.inputs):
                wanted.add(op.output)
        halves: list[tuple[Op, Part]] = []
        for op in reversed(self.ops):
            if wanted & set(op.inputs):
                halves.append((op, "input_grad"))
            if op.weights:
                halves.append((op, "weight_grad"))
        return halves


def _run(halves: Sequence[tuple[Op, Part]], arrays: Arrays, grads: Arrays) -> Arrays:
    """Run some halves of backward in order; return *grads* including their gradients."""
    found = dict(grads)
    for op, part in halves:
        read = [arrays[name] for name in (*op.inputs, *op.weights)]
        made = getattr(op.kernel, part)(found[op.output], *read)
        for name, one in zip(op.weights if part == "weight_grad" else op.inputs, made, strict=False):
            found[name] = found[name] + one if name in found else one
    return found
