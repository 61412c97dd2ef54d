"""A model: a sequence of layers, the last of which computes a loss for each row.

    x, labels  ->  layer 0  ->  layer 1  ->  ...  ->  losses of the rows     loss = their mean over the whole batch

A stage is a range of neighbouring layers, and a microbatch is a part of the batch. A task of training computes forward
or backward of a stage on a microbatch. `serial` computes the same without stages and microbatches.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parsim.core.kernel import Array, Shape
from parsim.training.layer import INPUT, LABELS, OUTPUT, Arrays, Halfway, Layer


@dataclass(frozen=True)
class Model:
    """Layers, the shapes of the batch, and the distribution of its numbers.

    `labels` have the shape of the losses. `classes` is the number of different labels, and of different integer inputs.
    Row i of the batch belongs to item i of `rows` items.
    """

    layers: tuple[Layer, ...]
    batch: Shape
    labels: Shape
    classes: int
    seed: int = 0
    tokens: bool = False
    beside: tuple[int, ...] = ()  # layers beside the blocks, such as embedding and head
    tied: int = 0  # layers that also use the table of the first one, such as the head
    uncomputed: tuple[
        tuple[str, str], ...
    ] = ()  # keys of the workload that are only counted, and what to write instead
    unequal: bool = False  # whether devices that share the experts get unequal numbers of rows
    by_part: tuple[tuple[str, str], ...] = ()  # keys whose results depend on how the batch is cut, likewise
    counted: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)  # see `Stages`

    def __getstate__(self) -> dict[str, Any]:
        """Pickle no layers that have been counted."""
        return vars(self) | {"counted": {}}

    @property
    def rows(self) -> int:
        """Return the number of items in the batch."""
        return self.batch[0]

    @property
    def made_of(self) -> str:
        """The layers in words: 40 blocks, embedding and head."""
        blocks = len(self.layers) - len(self.beside)
        if not self.beside:
            return f"{blocks} layer{'s' * (blocks != 1)}"
        words, before = f"{blocks} block{'s' * (blocks != 1)}", len(self.beside) - 1
        first = "embedding" if self.tokens else "stem"
        return f"{words}{f', {before} {first}s' if before > 1 else f', {first}' * before} and head"

    @property
    def parameters(self) -> int:
        """The number of weights; a table that embedding and head share counts once."""
        every = sum(math.prod(shape) for layer in self.layers for shape in layer.weights.values())
        return every - self.tied * math.prod(next(iter(self.layers[0].weights.values())))

    def labelled(self, layers: range) -> bool:
        """Return whether some layers read the labels."""
        return any(self.layers[number].labelled for number in layers)

    @property
    def losses(self) -> int:
        """The number of losses of which the loss is the mean."""
        return int(np.prod(self.labels))

    def data(self) -> tuple[Array, Array]:
        """Draw the batch: inputs and labels that can be learnt."""
        draw = np.random.default_rng([self.seed, 0])
        if self.tokens:
            tokens = draw.integers(self.classes, size=self.batch)
            labels = draw.permutation(self.classes)[tokens]
            return tokens, labels[:, np.arange(self.labels[1]) % tokens.shape[1]]
        inputs = draw.standard_normal(self.batch)
        rows = inputs.reshape(self.rows, -1)
        return inputs, np.argmax(rows @ draw.standard_normal((rows.shape[1], self.classes)), axis=-1)

    def weights(self, layers: range) -> list[Array]:
        """Draw the weights of some layers. They depend only on the seed and the layer's place in the model."""
        found = []
        for number in layers:
            for place, (name, shape) in enumerate(self.layers[number].weights.items()):
                draw = np.random.default_rng([self.seed, 1, number, place])
                found.append(start(name, shape, draw))
        return found

    def shapes(self, layers: range, given: dict[str, Shape]) -> list[dict[str, Shape]]:
        """Return the shapes in each of *layers*; *given* are those of the first one's input."""
        found = []
        for number in layers:
            known = self.layers[number].shapes({**given, LABELS: (given[INPUT][0], *self.labels[1:])})
            found.append(known)
            given = {INPUT: known[OUTPUT]}
        return found

    def forward(
        self, layers: range, given: Array, labels: Array | None, weights: Sequence[Array]
    ) -> tuple[Array, list[Arrays]]:
        """Run forward through some layers; return the output, and the values that backward needs."""
        kept: list[Arrays] = []
        for number, own in zip(layers, self._shared(layers, weights), strict=True):
            arrays = {INPUT: given} if labels is None else {INPUT: given, LABELS: labels}
            given, saved = self.layers[number].forward(arrays, own)
            kept.append(saved)
        return given, kept

    def backward(
        self, layers: range, grad: Array, kept: Sequence[Arrays], weights: Sequence[Array]
    ) -> tuple[Array | None, list[Array]]:
        """Run backward; return the gradients of the input, and of the weights in the order of `weights`."""
        found: list[list[Array]] = []
        passed: Array | None = grad
        for number, saved, own in reversed([*zip(layers, kept, self._shared(layers, weights), strict=True)]):
            assert passed is not None
            passed, some = self.layers[number].backward(passed, saved, own, first=number == 0)
            found.insert(0, some)
        return passed, [one for some in found for one in some]

    def input_grad(
        self, layers: range, grad: Array, kept: Sequence[Arrays], weights: Sequence[Array]
    ) -> tuple[Array | None, list[Halfway]]:
        """Run the first half of backward; return the gradient of the input, and the values that `weight_grad` needs."""
        found: list[Halfway] = []
        passed: Array | None = grad
        for number, saved, own in reversed([*zip(layers, kept, self._shared(layers, weights), strict=True)]):
            assert passed is not None
            passed, halfway = self.layers[number].input_grad(passed, saved, own, first=number == 0)
            found.insert(0, halfway)
        return passed, found

    def weight_grad(self, layers: range, halfway: Sequence[Halfway], weights: Sequence[Array]) -> list[Array]:
        """Run the second half of backward; return the gradients of the weights in the order of `weights`."""
        each = zip(layers, halfway, self._shared(layers, weights), strict=True)
        return [grad for number, half, own in each for grad in self.layers[number].weight_grad(half, own)]

    def _shared(self, layers: range, weights: Sequence[Array]) -> list[Sequence[Array]]:
        """Assign *weights* to the layers."""
        found, used = [], 0
        for number in layers:
            count = len(self.layers[number].weights)
            found.append(weights[used : used + count])
            used += count
        return found

    def grad_of_losses(self, losses: Array) -> Array:
        """Return the gradient of the loss, which is the mean over the whole batch, with respect to some *losses*."""
        return np.full(losses.shape, 1 / self.losses)


def start(name: str, shape: Shape, draw: np.random.Generator) -> Array:
    """Draw initial weights: matrices and windows by He et al. (ICCV 2015); a gain is one, a bias is zero."""
    if len(shape) == 1:
        return np.full(shape, float(name.startswith("gain")))
    added = math.prod(shape[1:]) if len(shape) == 4 else shape[-2]  # numbers that a sum has
    return np.asarray(draw.standard_normal(shape) * np.sqrt(2 / added))


def norm(grad: Array) -> float:
    """Return the norm of a gradient."""
    return float(np.sqrt(np.vdot(grad, grad)))


def serial(model: Model, optimizer: Any, iterations: int) -> dict[str, Any]:
    """Train on one worker with the whole model and the whole batch; return the same result as any split."""
    every = range(len(model.layers))
    inputs, labels = model.data()
    states = [optimizer.start(one) for one in model.weights(every)]
    found: dict[str, Any] = {"loss": [], "gradient_norm": []}
    for _ in range(iterations):
        weights = [state[0] for state in states]
        losses, kept = model.forward(every, inputs, labels, weights)
        _, grads = model.backward(every, model.grad_of_losses(losses), kept, weights)
        states = [optimizer.forward(state, grad) for state, grad in zip(states, grads, strict=True)]
        found["loss"].append(float(losses.sum()) / model.losses)
        found["gradient_norm"].append([norm(grad) for grad in grads])
    return found
