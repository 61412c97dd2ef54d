"""What a stage of a model takes for a microbatch: bytes that come, go and stay, and the kernel calls of each action.

    F    runs forward, and keeps what backward reads
    B    runs both halves of backward, and frees all that F kept
    I    runs the first half; what only it reads is freed, and it keeps the gradients that W reads
    W    runs the second half, and frees the rest

Beside that, backward holds the gradient of the layer's largest array, and what it computes again.

A layer may be recomputed. `full` keeps the layer's input alone, and runs its forward again in B or I; `selective` keeps
all but what attention computes inside (scores, softmax, dropout), and runs attention's forward again. Korthikanti et
al., Reducing Activation Recomputation in Large Transformer Models, 2022.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, NamedTuple, get_args

from parsim.core.kernel import ITEM, Call, Part, Shape, size
from parsim.core.op import KINDS
from parsim.core.precision import BYTES, Precision
from parsim.training.exchange import Exchange
from parsim.training.layer import INPUT, LABELS, OUTPUT, TOKENS, Layer, Op
from parsim.training.model import Model

Recompute = Literal["none", "selective", "full"]  # the less is kept, the later
MOST_COUNTED = 100  # layers that a model keeps: of some sizes of microbatches and ways to recompute
RECOMPUTE: tuple[Recompute, ...] = get_args(Recompute)


class Layered(NamedTuple):
    """A layer for a number of rows."""

    output: Shape
    kept: float  # B, from F until B or I
    halfway: float  # B, from I until W
    passed: float  # B of both, which it shares with other layers of its stage
    workspace: float  # B, during B or I
    calls: tuple[tuple[Call, ...], ...]  # by kind of action, in the order of KINDS


class Priced(NamedTuple):
    """A stage for a number of rows."""

    came: float  # B, its input, and the gradient that it sends back
    sent: float  # B, its output; 0 for the last stage
    kept: float  # B, from F until B or I
    halfway: float  # B, from I until W
    workspace: float  # B, during B or I
    calls: tuple[tuple[Call, ...], ...]  # by kind of action, in the order of KINDS


class Stages:
    """The stages of a model, priced when asked; equal layers are priced once, and equal stages share a price."""

    def __init__(
        self, model: Model, stages: Sequence[range], precision: Precision, recompute: Sequence[Recompute]
    ) -> None:
        self.model, self.stages, self.precision, self.recompute = model, stages, precision, recompute
        self._given: dict[int, list[Shape]] = {}  # the shapes of the inputs of the first layers, by rows
        self._layered: dict[int, list[Layered]] = {}  # these layers
        self._priced: dict[tuple[int, int], Priced] = {}
        self._alike: dict[Hashable, Priced] = {}

    def price(self, stage: int, rows: int) -> Priced:
        """Return what *stage* takes for *rows* rows of the batch."""
        key = stage, rows
        if key not in self._priced:
            self._priced[key] = self._price(*key)
        return self._priced[key]

    def _price(self, stage: int, rows: int) -> Priced:
        layers, last = self.stages[stage], stage == len(self.stages) - 1
        given, found = self.given(layers.stop, rows), self.layered(layers, rows)
        came = self._bytes(given[layers.start], whole=stage == 0 and self.model.tokens)
        sent = 0.0 if last else self._bytes(given[layers.stop], whole=False)
        key = tuple(map(id, found)), came, sent
        if key not in self._alike:
            self._alike[key] = self._sum(found, came, sent)
        return self._alike[key]

    def _sum(self, found: Sequence[Layered], came: float, sent: float) -> Priced:
        """Return what a stage of some layers takes."""
        shared = math.fsum(one.passed for one in found) - max(one.passed for one in found)
        return Priced(
            came=came,
            sent=sent,
            kept=math.fsum(one.kept for one in found) - shared,
            halfway=math.fsum(one.halfway for one in found) - shared,
            workspace=max(one.workspace for one in found),
            calls=tuple(_calls(found, kind) for kind in range(len(KINDS))),
        )

    def calls(self, layers: range, rows: int, kind: int) -> tuple[Call, ...]:
        """Return the calls of an action of neighbouring *layers*, in order."""
        return _calls(self.layered(layers, rows), kind)

    def layered(self, layers: range, rows: int) -> list[Layered]:
        """Return what each of some *layers* takes; equal ones are one object."""
        self.given(layers.stop, rows)
        return self._layered[rows][layers.start : layers.stop]

    def given(self, layers: int, rows: int) -> list[Shape]:
        """Return the shapes of the inputs of at least the first *layers* layers, and of what they hand on."""
        if rows not in self._given:
            self._given[rows], self._layered[rows] = [(rows, *self.model.batch[1:])], []
        given, layered = self._given[rows], self._layered[rows]
        for number in range(len(layered), layers):
            layered.append(self.layer(number, given[number]))
            given.append(layered[number].output)
        return given

    def _bytes(self, shape: Shape, whole: bool) -> float:
        """Return the bytes of an array of activations, or of whole numbers."""
        return size(shape) * (ITEM if whole else BYTES[self.precision.activations])

    def layer(self, number: int, given: Shape) -> Layered:
        """Return what a layer takes for an input of this shape; the model keeps it for other stages of its layers."""
        layer, first, known = self.model.layers[number], number == 0, self.model.counted
        key = id(layer), given, first, self.recompute[number], self.precision
        if key not in known:
            if len(known) == MOST_COUNTED:
                known.clear()
            labels = (given[0], *self.model.labels[1:])
            shapes = layer.shapes({INPUT: given, LABELS: labels})
            whole = {LABELS, TOKENS, INPUT} if first and self.model.tokens else {LABELS, TOKENS}
            known[key] = Counted(layer, shapes, first, whole, self.precision).layered(self.recompute[number])
        found: Layered = known[key]
        return found


def _calls(layers: Sequence[Layered], kind: int) -> tuple[Call, ...]:
    """Return the calls of an action of neighbouring layers; backward runs the last one first."""
    ordered = layers if KINDS[kind].letter == "F" else layers[::-1]
    return tuple(chain.from_iterable([one.calls[kind] for one in ordered]))


@dataclass(frozen=True)
class Counted:
    """A layer with the shapes of its arrays, to be counted."""

    layer: Layer
    shapes: Mapping[str, Shape]
    first: bool  # whether no gradient of its input is wanted
    whole: set[str]  # the names of arrays of whole numbers
    precision: Precision

    @cached_property
    def _origins(self) -> dict[str, str]:
        """What a device keeps in place of an array that it has gathered: its own part. Backward gathers again."""
        ops = (op for op in self.layer.ops if isinstance(op.kernel, Exchange))
        return {op.output: op.inputs[0] for op in ops if op.kernel.repeated}

    def layered(self, recompute: Recompute) -> Layered:
        """Count the layer."""
        again = self._again(recompute)
        all_, some = self._kept([]), self._kept(again)
        kept = self._size({INPUT}) if recompute == "full" else some
        largest = max((self._size({op.output}) for op in self.layer.ops), default=0.0)
        return Layered(
            output=self.shapes[OUTPUT],
            kept=kept,
            halfway=self._halfway(),
            passed=self._size({self.layer.passed} - {""}),
            workspace=largest + max(all_ - kept, 0.0),  # a gradient, and what is computed again
            calls=tuple(tuple(self._calls(kind.parts, again)) for kind in KINDS),
        )

    def _again(self, recompute: Recompute) -> list[Op]:
        """Return the ops whose forward is run again in backward."""
        ops = self.layer.ops
        return [] if recompute == "none" else [op for op in ops if recompute == "full" or op.kernel.selective]

    def _calls(self, parts: Sequence[Part], again: Sequence[Op]) -> Iterator[Call]:
        if "input_grad" in parts:
            yield from (op.call("forward", self.shapes) for op in again)
        yield from self.layer.calls(self.shapes, parts, self.first)

    def _kept(self, again: Sequence[Op]) -> float:
        halves = self.layer.backward_halves(self.first)
        inputs = self._size({name for op, part in halves for name in self._read(op, part)})
        saving = dict.fromkeys(op for op, _ in halves if op not in again)
        return inputs + math.fsum(op.kernel.saved(self.precision, *self._arrays(op)) for op in saving)

    def _halfway(self) -> float:
        own = [op for op in self.layer.ops if op.weights]
        read = {name for op in own for name in self._read(op, "weight_grad")}
        return self._size(read) + self._size({op.output for op in own})

    def _read(self, op: Op, part: Part) -> list[str]:
        names = [op.inputs[place] for place in op.kernel.reads(part, len(op.inputs))]
        return [self._origins.get(name, name) for name in names]

    def _arrays(self, op: Op) -> tuple[Shape, ...]:
        return tuple(self.shapes[name] for name in (*op.inputs, *op.weights))

    def _size(self, names: set[str]) -> float:
        activation = BYTES[self.precision.activations]
        return math.fsum(size(self.shapes[name]) * (ITEM if name in self.whole else activation) for name in names)
