"""What one device computes of a training by degrees of parallelism, and what it gives to exchanges and takes from them.

    tasks of the device     0F0     0F0 tensor         0F0.1 ...   0B0     0B0 data          0U
    here                    compute fill buffer, take  compute     compute fill buffer, take compute

A device draws the weights that it holds, and the rows of its replica. Tasks run in the order of the graph, those of
lanes beside those that compute: all that is between them passes through the fields of this class.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.columns import Floats
from parsim.core.kernel import Array, Part, Shape
from parsim.core.op import KINDS
from parsim.core.sharding import Sharding
from parsim.kernels.embedding import ELSEWHERE
from parsim.training.actions import Action, Actions
from parsim.training.flat import Flat
from parsim.training.layer import INPUT, LABELS, Arrays
from parsim.training.layout import FORWARD, INPUT_GRAD, WEIGHT_GRAD
from parsim.training.pieces import Running, Saved, Swap, backward, forward
from parsim.training.sharded import ShardedTraining
from parsim.training.tasks import Duty
from parsim.training.within import brought_by, numbers, parts_of, swapped

Handed = tuple[int, int, int]  # FORWARD or INPUT_GRAD, and the stage and microbatch that made it


class Device:
    """One device of a training.

    Parameters
    ----------
    training : all of it.
    number : of the device.
    """

    def __init__(self, training: ShardedTraining, number: int) -> None:
        degrees = training.parallelism.degrees
        self.training, self.model, self.stages = training, training.own, training.cut.stages
        self.data, self.tensor, self.pipeline = (
            int(degrees.coordinate(name)[number]) for name in ("data", "tensor", "pipeline")
        )
        self.sharding = training.parallelism.sharding if degrees.data > 1 else Sharding()
        self._ranks, self._of_tensor = degrees.data, degrees.tensor
        self.full: dict[int, list[Array]] = {}  # [layer] its weights
        self._gathered: dict[tuple[Action, int], list[Array]] = {}  # of a layer, for one action
        self._shares: dict[range, Floats] = {}  # [layers] the own share of their weights
        self._states: dict[int, list[Array]] = {}  # [stage]
        self._made: dict[tuple[int, int], list[Array]] = {}  # [layer, microbatch] gradients to be added up
        self._sums: dict[int, list[Array]] = {}  # [layer] gradients, added up over microbatches
        self._scattered: dict[range, Floats] = {}  # [layers] the own share of their gradients
        self.handed: dict[Handed, Array] = {}
        self._saved: dict[tuple[int, int], dict[int, Saved]] = {}  # [stage, microbatch][layer]
        self._between: dict[Action, Array] = {}  # what a piece hands to the next one
        self._running: dict[Action, tuple[range, Running, list[Saved]]] = {}
        self._swaps: dict[Action, Swap] = {}  # what a piece has stopped for
        self._brought: dict[Action, Array] = {}

    # -- before the clock starts

    def prepare(self) -> None:
        """Draw weights and data, and make the optimizer's state."""
        ranks = self.training.layout.places
        for stage in ranks.stage[ranks.rank == self.pipeline].tolist():
            layers, kernel = self.stages[stage], self.training.update.kernel
            drawn = {number: self._draw(number) for number in layers}
            if not self.sharding.weights:
                self.full |= drawn
            if not self.sharding.optimizer:
                self._states[stage] = [kernel.start(one) for number in layers for one in drawn[number]]
                continue
            groups = self._groups(stage)
            for some in groups:
                flat, buffer = self._flat(some), np.zeros(self._flat(some).share * self._ranks)
                flat.write([one for number in some for one in drawn[number]], buffer)
                self._shares[some] = buffer[flat.own(self.data)].copy()
            self._states[stage] = [kernel.start(np.concatenate([self._shares[some] for some in groups]))]
        inputs, labels = self.training.model.data()
        rows = len(inputs) // self._ranks
        self._inputs, self._labels = (one[self.data * rows : (self.data + 1) * rows] for one in (inputs, labels))
        if self.training.model.tokens and self._of_tensor > 1:
            own, _ = next(iter(self.model.layers[0].weights.values()))  # rows of the table
            local = self._inputs - self.tensor * own
            self._inputs = np.where((local >= 0) & (local < own), local, ELSEWHERE)

    def _draw(self, number: int) -> list[Array]:
        """Draw the weights of a layer, and keep the parts that this tensor rank has."""
        whole = self.training.model.weights(range(number, number + 1))
        own = self.model.layers[number].weights.values()
        return [parts_of(one, shape, self.tensor) for one, shape in zip(whole, own, strict=True)]

    def _groups(self, stage: int) -> list[range]:
        """Return the layers of which weights or gradients are shared together."""
        layers = self.stages[stage]
        if self.sharding.weights:
            return [range(number, number + 1) for number in layers]
        return [*Actions(self.training).buckets(layers)]

    def _shapes(self, layers: range) -> list[Shape]:
        return [shape for number in layers for shape in self.model.layers[number].weights.values()]

    def _flat(self, layers: range) -> Flat:
        return Flat(tuple(self._shapes(layers)), self._ranks)

    # -- what it computes

    def compute(self, duty: Duty) -> Any:
        """Compute a task; return what it leaves to the merge: a loss, the squares of gradients, or None."""
        if duty.verb == "update":
            return self._update(duty.action.stage, duty.layers)
        if duty.action not in self._running:
            self._running[duty.action] = (duty.layers, *self._begun(duty.action, duty.layers))
        return self._go_on(duty.action)

    def _go_on(self, action: Action) -> float | None:
        """Run a piece until devices exchange something, or to its end."""
        layers, running, saved = self._running[action]
        brought = self._brought.pop(action) if action in self._brought else None
        try:
            self._swaps[action] = running.send(brought) if brought is not None else next(running)
        except StopIteration as end:
            del self._running[action]
            return self._ended(action, layers, end.value, saved)
        return None

    def _begun(self, action: Action, layers: range) -> tuple[Running, list[Saved]]:
        stage, microbatch = action.stage, action.microbatch
        own = [self.model.layers[number] for number in layers]
        weights = [self._weights(action, number) for number in layers]
        if action.kind == FORWARD:
            saved: list[Saved] = []
            return forward(own, weights, self._given(action, layers), saved), saved
        parts: tuple[Part, ...] = KINDS[action.kind].parts
        saved = [self._saved[stage, microbatch][number] for number in layers]
        halves = [
            [half for half in layer.backward_halves(number == 0) if half[1] in parts]
            for number, layer in zip(layers, own, strict=True)
        ]
        grad = None
        if "input_grad" in parts:
            last = layers.stop == self.stages[stage].stop
            grad = self.handed.pop((INPUT_GRAD, stage + 1, microbatch)) if last else self._between.pop(action)
        return backward(own, weights, grad, saved, halves, self.tensor), saved

    def _given(self, action: Action, layers: range) -> Arrays:
        """Return the input of the first of some layers, and the labels where one reads them."""
        stage, microbatch = action.stage, action.microbatch
        rows = self.training.cut.parts[microbatch]
        given: Arrays = {LABELS: self._labels[rows]} if self.model.labelled(layers) else {}
        if layers.start > self.stages[stage].start:
            return given | {INPUT: self._between.pop(action)}
        return given | {INPUT: self._inputs[rows] if not stage else self.handed.pop((FORWARD, stage - 1, microbatch))}

    def _weights(self, action: Action, number: int) -> list[Array]:
        if number in self.full:
            return self.full[number]
        if action.kind == INPUT_GRAD:
            return self._gathered[action, number]  # which the second half needs, too
        of = action._replace(kind=INPUT_GRAD) if action.kind == WEIGHT_GRAD else action
        return self._gathered.pop((of, number))

    def _ended(self, action: Action, layers: range, found: Array | None, saved: list[Saved]) -> float | None:
        """Note what a piece has made; return the loss, if it is that of the last stage's forward."""
        stage, microbatch, of = action.stage, action.microbatch, self.stages[action.stage]
        kept = self._saved.setdefault((stage, microbatch), {})
        kept.update(zip(layers, saved, strict=True))
        parts = KINDS[action.kind].parts
        if "weight_grad" in parts:
            for number in layers:
                grads = kept.pop(number).grads
                self._add(number, microbatch, [grads[name] for name in self.model.layers[number].weights])
        if found is None:
            return None
        ends = layers.stop == of.stop if action.kind == FORWARD else layers.start == of.start
        if not ends:
            self._between[action] = found
        elif action.kind == FORWARD:
            return self._passed_on(stage, microbatch, found)
        else:
            self.handed[INPUT_GRAD, stage, microbatch] = found
        return None

    def _passed_on(self, stage: int, microbatch: int, output: Array) -> float | None:
        if stage + 1 < len(self.stages):
            self.handed[FORWARD, stage, microbatch] = output
            return None
        loss = float(output.sum()) / self.training.model.losses
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}; try a lower learning rate")
        self.handed[INPUT_GRAD, stage + 1, microbatch] = self.training.model.grad_of_losses(output)
        return loss if not self.tensor else None

    def _add(self, number: int, microbatch: int, grads: list[Array]) -> None:
        """Keep the gradients of a layer: for the exchange that adds them up, or added to those so far."""
        if self.sharding.gradients:
            self._made[number, microbatch] = grads
        elif number in self._sums:
            add = self.training.adding.kernel.forward
            self._sums[number] = [add(sum_, own) for sum_, own in zip(self._sums[number], grads, strict=True)]
        else:
            self._sums[number] = grads

    def _update(self, stage: int, layers: range) -> list[float]:
        """Step; return the sum of the squares of this device's part of each gradient."""
        groups, kernel = self._groups(stage), self.training.update.kernel
        if not self.sharding.optimizer:
            grads = [one for number in layers for one in self._sums.pop(number)]
            squares = [float(np.vdot(one, one)) for one in grads]
        else:
            mine = {some: self._scattered.pop(some) for some in groups}
            within = {some: [*self._flat(some).within(self.data, mine[some])] for some in groups}
            ordered = [one for some in sorted(groups, key=lambda some: some.start) for one in within[some]]
            squares = [float(np.vdot(one, one)) for one in ordered]
            grads = [np.concatenate([mine[some] for some in groups])]
        if not all(map(math.isfinite, squares)):
            raise FloatingPointError(f"the gradient has the norm {max(squares)}; try a lower learning rate")
        self._states[stage] = [kernel.forward(*pair) for pair in zip(self._states[stage], grads, strict=True)]
        self._renew(stage, layers, groups)
        return squares

    def _renew(self, stage: int, layers: range, groups: list[range]) -> None:
        """Take the new weights from the optimizer's state."""
        states = self._states[stage]
        if self.sharding.optimizer:
            end = 0
            for some in groups:
                share = self._flat(some).share
                self._shares[some], end = states[0][0][end : end + share], end + share
            return
        new = iter(state[0] for state in states)
        self.full |= {number: [next(new) for _ in self.model.layers[number].weights] for number in layers}

    # -- what it exchanges

    def numbers(self, duty: Duty, operation: str) -> int:
        """Return the numbers of the buffer of an exchange."""
        if duty.verb == "exchange":
            return numbers(self._swaps[duty.action], operation, self._of_tensor)
        if operation == "all-reduce":
            return self._flat(duty.layers).numbers
        return self._ranks * sum(self._flat(some).share for some in self._within(duty))

    def _within(self, duty: Duty) -> list[range]:
        """Return the layers of which weights or gradients are shared together, among those of a duty."""
        own = duty.layers
        return [some for some in self._groups(duty.action.stage) if own.start <= some.start and some.stop <= own.stop]

    def fill(self, duty: Duty, operation: str, buffer: Floats) -> None:
        """Write what this device has into the buffer of an exchange."""
        if duty.verb == "exchange":
            swapped(self._swaps[duty.action], operation, self._of_tensor, self.tensor, buffer)
            return
        if duty.verb == "gather":
            buffer[self._flat(duty.layers).own(self.data)] = self._shares[duty.layers]
        elif operation == "all-reduce":
            self._flat(duty.layers).write([one for number in duty.layers for one in self._sums[number]], buffer)
        else:
            self._scatter(duty, buffer.reshape(self._ranks, -1))

    def _scatter(self, duty: Duty, rows: Floats) -> None:
        """Write gradients into a buffer with a row for each rank: its shares, one after the other."""
        end, microbatch = 0, duty.action.microbatch
        for some in self._within(duty):
            flat = self._flat(some)
            made = [
                self._made.pop((number, microbatch)) if self.sharding.gradients else self._sums.pop(number)
                for number in some
            ]
            whole = np.empty(flat.share * self._ranks)
            flat.write([one for grads in made for one in grads], whole)
            rows[:, end : end + flat.share] = whole.reshape(self._ranks, -1)
            end += flat.share

    def take(self, duty: Duty, operation: str, buffer: Floats) -> None:
        """Take the result of an exchange from its buffer."""
        if duty.verb == "exchange":
            self._take_swapped(duty.action, operation, buffer)
        elif duty.verb == "gather":
            self._take_weights(duty, buffer)
        elif operation == "all-reduce":
            self._flat(duty.layers).read(buffer, [one for number in duty.layers for one in self._sums[number]])
        else:
            self._take_gradients(duty, buffer.reshape(self._ranks, -1)[self.data])

    def _take_gradients(self, duty: Duty, mine: Floats) -> None:
        """Add this device's shares of gradients to those of earlier microbatches."""
        end, add = 0, self.training.adding.kernel.forward
        for some in self._within(duty):
            share, known = mine[end : end + self._flat(some).share], self._scattered.get(some)
            self._scattered[some] = share.copy() if known is None else add(known, share)
            end += len(share)

    def _take_swapped(self, action: Action, operation: str, buffer: Floats) -> None:
        """Take what tensor ranks have exchanged; a piece that ends with it is at its end."""
        swap = self._swaps.pop(action)
        self._brought[action] = brought_by(swap, operation, self._of_tensor, self.tensor, buffer)
        if swap.last:
            self._go_on(action)

    def _take_weights(self, duty: Duty, buffer: Floats) -> None:
        flat, layers, action = self._flat(duty.layers), duty.layers, duty.action
        if layers.start in self.full:
            flat.read(buffer, [one for number in layers for one in self.full[number]])
            return
        left = iter(flat.arrays(buffer))
        for number in layers:
            some = [next(left) for _ in self.model.layers[number].weights]
            if self.sharding.keeps:
                self.full[number] = some
            else:
                self._gathered[action, number] = some

    def sent(self, duty: Duty) -> Array:
        """Return what this device hands on to the next stage, or back to the one before."""
        kind = FORWARD if duty.action.kind == FORWARD else INPUT_GRAD
        return self.handed.pop((kind, duty.action.stage, duty.action.microbatch))

    def came(self, duty: Duty, array: Array) -> None:
        """Take what another device has handed on."""
        kind = FORWARD if duty.action.kind == FORWARD else INPUT_GRAD
        self.handed[kind, duty.action.stage, duty.action.microbatch] = array
