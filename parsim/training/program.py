"""The computation of the tasks of training: forward, backward or its two halves, and the update of a stage.

    task          receives                                      makes
    forward       weights (or draws them), inputs, labels       output, saved values, loss
    backward      saved values of forward, grad, sum so far     grad of the input, sum of the weight gradients
    input_grad    saved values of forward, grad                 grad of the input, saved values
    weight_grad   saved values of input_grad, sum so far        sum of the weight gradients
    optimizer     state (or draws it), sums of gradients        state, norms of the gradients
    receive       weights                                       the same weights, for the tasks of its worker

Forward and backward of a microbatch run on the same worker, so that saved values are not sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.kernel import Array, Tell, Watched
from parsim.core.op import NAMES
from parsim.kernels import kernels
from parsim.training.layer import INPUT, OUTPUT, Arrays
from parsim.training.model import Model, norm, serial
from parsim.training.plan import Cut

KINDS = (*NAMES, "optimizer", "receive")  # of tasks, those of ops first
FORWARD, BACKWARD, INPUT_GRAD, WEIGHT_GRAD, OPTIMIZER, RECEIVE = range(len(KINDS))
SENT, LEFT, LOSS = slice(0, 1), slice(1, 2), slice(2, 3)  # of the outputs of forward and input_grad
GRADS = slice(1, None)  # slice of the outputs of backward and weight_grad, after the gradient of the input
NOTHING = slice(0)


class Work(NamedTuple):
    """The work of a task of training."""

    kind: int  # FORWARD, BACKWARD, ...
    stage: int
    rows: slice  # of the batch; the whole batch for optimizer and receive
    iteration: int


class Update(NamedTuple):
    """A kernel that sums gradients or updates weights, with its name on the shelf."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    kernel: Any  # an updating one has `start`, and `rows` rows of state, of which row 0 is the weights

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the entry of the shelf; the other process finds or loads it, and makes the kernel again."""
        return _update, (*self[:2], kernels[self.name])

    def watched(self, tell: Tell) -> Update:
        """Return a copy that calls *tell* before every call."""
        return self._replace(kernel=Watched(*self, tell))


def _update(name: str, arguments: tuple[tuple[str, Any], ...], entry: Callable[..., Any]) -> Update:
    return Update(name, arguments, entry(**dict(arguments)))


@dataclass(frozen=True)
class Training:
    """The program of training; `hand` has the outputs of the parent that each edge carries."""

    model: Model
    cut: Cut
    works: tuple[Work, ...]  # (tasks,)
    hand: tuple[slice, ...]  # (edges,)
    update: Update
    adding: Update
    iterations: int
    light = False

    @property
    def stages(self) -> tuple[range, ...]:
        """The layers of each stage."""
        return self.cut.stages

    def __getstate__(self) -> dict[str, Any]:
        """Pickle no data: worker processes receive it through shared memory, and draw the weights themselves."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the fields."""
        self.__dict__.update(state)

    @cached_property
    def given(self) -> Mapping[int, Sequence[Any]]:
        """The inputs of the first stage's forwards, and the labels of the last stage's forwards."""
        inputs, labels = self.model.data()
        found: dict[int, list[Any]] = {}
        for task, (kind, stage, rows, _) in enumerate(self.works):
            if kind == FORWARD:
                ends = [inputs[rows]] * (stage == 0) + [labels[rows]] * (self._is_last(stage))
                if ends:
                    found[task] = ends
        return found

    def watched(self, tell: Tell) -> Training:
        """Return a copy that calls *tell* before every kernel call."""
        layers = tuple(layer.watched(tell) for layer in self.model.layers)
        model = replace(self.model, layers=layers)
        return replace(self, model=model, update=self.update.watched(tell), adding=self.adding.watched(tell))

    def hands(self, edge: int) -> slice:
        """Return the outputs of the parent that *edge* carries."""
        return self.hand[edge]

    def gathers(self, task: int, last: bool) -> slice:
        """Return the loss of a last stage's forward, and the norms of an update's gradients."""
        kind, stage, *_ = self.works[task]
        if kind == OPTIMIZER:
            return slice(-1, None)
        return LOSS if kind == FORWARD and self._is_last(stage) else NOTHING

    def prepare(self, tasks: Sequence[int]) -> None:
        """Draw the weights of the stages of *tasks*, and compute each stage once, since the first call is slow."""
        for stage in sorted({self.works[task].stage for task in tasks}):
            layers, weights = self.stages[stage], self._start(stage)
            rows = next(work.rows for work in self.works if work.stage == stage and work.kind == FORWARD)
            inputs = self._blank(stage, rows.stop - rows.start)
            labels = np.zeros((len(inputs), *self.model.labels[1:]), np.int64) if self._is_last(stage) else None
            output, kept = self.model.forward(layers, inputs, labels, weights)
            _, grads = self.model.backward(layers, np.zeros_like(output), kept, weights)
            for weight, grad in zip(weights, grads, strict=True):
                self.update.kernel.forward(self.update.kernel.start(weight), grad)

    def _blank(self, stage: int, rows: int) -> Array:
        """Return blank inputs of a stage."""
        batch = (rows, *self.model.batch[1:])
        if not stage:
            return np.zeros(batch, np.int64 if self.model.tokens else np.float64)
        before = range(self.stages[stage].start)
        return np.zeros(self.model.shapes(before, {INPUT: batch})[-1][OUTPUT])

    def _is_last(self, stage: int) -> bool:
        return stage == len(self.stages) - 1

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Compute a task."""
        kind, stage, *_ = self.works[task]
        values = [one for some in received for one in some]
        parts = (
            self._forward,
            self._backward,
            self._input_grad,
            self._weight_grad,
            self._update,
            self._receive,
        )  # in the order of KINDS
        with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinite losses are reported below
            return parts[kind](stage, values)

    def _forward(self, stage: int, values: list[Any]) -> list[Any]:
        ends = (stage == 0) + (self._is_last(stage))
        given, values = values[:ends], values[ends:]
        labels = given.pop() if self._is_last(stage) else None
        inputs = given.pop() if stage == 0 else values.pop()
        weights = values or self._start(stage)
        output, kept = self.model.forward(self.stages[stage], inputs, labels, weights)
        if labels is None:
            return [output, (kept, weights, None)]
        loss = float(output.sum()) / self.model.losses
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}; try a lower learning rate")
        return [None, (kept, weights, self.model.grad_of_losses(output)), loss]

    def _backward(self, stage: int, values: list[Any]) -> list[Any]:
        grad, kept, weights, sums = self._left(values)
        passed, grads = self.model.backward(self.stages[stage], grad, kept, weights)
        return [passed, *self._added(sums, grads)]

    def _input_grad(self, stage: int, values: list[Any]) -> list[Any]:
        grad, kept, weights, _ = self._left(values)
        passed, halfway = self.model.input_grad(self.stages[stage], grad, kept, weights)
        return [passed, (halfway, weights)]

    def _left(self, values: list[Any]) -> tuple[Array, list[Arrays], Sequence[Array], list[Array]]:
        """Return the gradient of the output, the saved values of forward, its weights, and the sums so far."""
        kept, weights, grad = next(value for value in values if isinstance(value, tuple))
        others = [value for value in values if not isinstance(value, tuple)]
        if grad is None:
            grad = others.pop()  # from the next stage, whose tasks have higher numbers
        return grad, kept, weights, others

    def _weight_grad(self, stage: int, values: list[Any]) -> list[Any]:
        halfway, weights = next(value for value in values if isinstance(value, tuple))
        sums = [value for value in values if not isinstance(value, tuple)]
        return [None, *self._added(sums, self.model.weight_grad(self.stages[stage], halfway, weights))]

    def _added(self, sums: list[Array], grads: list[Array]) -> list[Array]:
        """Add gradients to the sums so far, if any."""
        if not sums:
            return grads
        return [self.adding.kernel.forward(sum_, own) for sum_, own in zip(sums, grads, strict=True)]

    def _receive(self, stage: int, values: list[Any]) -> list[Any]:
        return values

    def _update(self, stage: int, values: list[Any]) -> list[Any]:
        count = len(self._start(stage))
        states, sums = self._states(stage, values)
        parts = [sums[first : first + count] for first in range(0, len(sums), count)]
        grads = (
            parts[0] if len(parts) == 1 else [self.adding.kernel.forward(*some) for some in zip(*parts, strict=True)]
        )
        made, norms = [], []
        for state, grad in zip(states, grads, strict=True):
            made.append(self._stepped(state, grad))
            norms.append(norm(grad))
        if not all(map(math.isfinite, norms)):
            raise FloatingPointError(f"the gradient has the norm {max(norms)}; try a lower learning rate")
        return [*(state[0] for state in made), made, norms]

    def _stepped(self, state: Array, grad: Array) -> Array:
        made: Array = self.update.kernel.forward(state, grad)
        if np.shape(made) != state.shape:
            raise ValueError(
                f"the kernel {self.update.name} changed the shape of a state from {state.shape} to {np.shape(made)}"
            )
        return made

    def _states(self, stage: int, values: list[Any]) -> tuple[list[Array], list[Array]]:
        """Separate states and gradients; in the first iteration, the states are drawn."""
        if values and isinstance(values[0], list):
            return values[0], values[1:]
        return [self.update.kernel.start(one) for one in self._start(stage)], values

    def _start(self, stage: int) -> list[Array]:
        """Return the weights of a stage before the first iteration."""
        if stage not in self._drawn:
            self._drawn[stage] = self.model.weights(self.stages[stage])
        return self._drawn[stage]

    @cached_property
    def _drawn(self) -> dict[int, list[Array]]:
        return {}

    def merge(self, values: list[Any]) -> dict[str, Any]:
        """Collect the loss and the norms of gradients of each iteration, in the order of layers."""
        loss = [0.0] * self.iterations
        norms: list[list[float]] = [[] for _ in loss]
        left = (work for task, work in enumerate(self.works) if self.gathers(task, last=False) != NOTHING)
        for work, value in zip(left, values, strict=True):
            if work.kind == OPTIMIZER:
                norms[work.iteration] += value
            else:
                loss[work.iteration] += value
        return {"loss": loss, "gradient_norm": norms}

    def serial(self) -> Any:
        """Return the result of one worker without any split."""
        return serial(self.model, self.update.kernel, self.iterations)
