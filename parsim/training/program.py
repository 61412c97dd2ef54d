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
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import NONE, Ints, no_ints, packed
from parsim.core.kernel import Array, Shape, Tell, Watched, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels
from parsim.training.layer import INPUT, OUTPUT, Arrays
from parsim.training.layout import BACKWARD, FORWARD, INPUT_GRAD, OPTIMIZER, RECEIVE, WEIGHT_GRAD, Layout
from parsim.training.model import Model, norm, serial
from parsim.training.plan import Cut
from parsim.training.stage import Stages

# parts of outputs
HANDS = (slice(0, 1), slice(1, 2), slice(1, None), slice(0, -2), slice(-2, -1), slice(None), slice(0))
SENT, LEFT, GRADS, WEIGHTS, STATE, ALL, ORDER = range(len(HANDS))
LOSS, NORMS, NOTHING = slice(2, 3), slice(-1, None), slice(0)


class Works(NamedTuple):
    """What each task works on, as columns that Python reads one by one."""

    kind: array[int]  # (tasks,) FORWARD, BACKWARD, ...
    stage: array[int]  # (tasks,)
    microbatch: array[int]  # (tasks,) NONE for optimizer and receive: the whole batch


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
    """The training of a model under a plan, and the program that computes it.

    Parameters
    ----------
    hand : what the parent hands on along each edge of its graph, an index into HANDS, (edges,).
    """

    model: Model
    cut: Cut
    update: Update
    adding: Update  # of microbatches, on a worker
    summing: Update  # of workers
    iterations: int
    precision: Precision
    hand: Ints = field(default_factory=no_ints)
    light = False

    @cached_property
    def layout(self) -> Layout:
        """The tasks as columns."""
        return Layout(self.cut.ops, self.iterations)

    @cached_property
    def stages(self) -> Stages:
        """What the stages take."""
        return Stages(self.model, self.cut.stages, self.precision, self.cut.recompute)

    @cached_property
    def weights(self) -> list[list[Shape]]:
        """The shapes of the weights of each stage."""
        layers = self.model.layers
        return [[shape for n in stage for shape in layers[n].weights.values()] for stage in self.cut.stages]

    @property
    def optimizer_bytes(self) -> float:
        """The bytes of master copy and moments of a weight."""
        kernel = self.update.kernel
        moments = getattr(kernel, "moments", kernel.rows - 1)
        return float(BYTES[self.precision.master] + moments * BYTES[self.precision.optimizer])

    def numbers(self, stage: int) -> float:
        """Return how many weights a stage has; a table that its embedding and its head share counts once."""
        layers, model = self.cut.stages[stage], self.model
        whole = model.tied and layers == range(len(model.layers))
        return model.parameters if whole else size(*self.weights[stage])

    def __getstate__(self) -> dict[str, Any]:
        """Pickle no data: worker processes receive it through shared memory, and draw the weights themselves."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the fields."""
        self.__dict__.update(state)

    @cached_property
    def works(self) -> Works:
        """The work of each task."""
        layout = self.layout
        return Works(*(packed(layout.column(name)) for name in ("kind", "stage", "microbatch")))

    @cached_property
    def given(self) -> Mapping[int, Sequence[Any]]:
        """The inputs of the first stage's forwards, and the labels of the forwards of stages that read them."""
        inputs, labels = self.model.data()
        found: dict[int, list[Any]] = {}
        for task, (kind, stage, microbatch) in enumerate(zip(*self.works, strict=True)):
            if kind == FORWARD:
                rows = self.cut.parts[microbatch]
                ends = [inputs[rows]] * (stage == 0) + [labels[rows]] * self._labelled(stage)
                if ends:
                    found[task] = ends
        return found

    def watched(self, tell: Tell) -> Training:
        """Return a copy that calls *tell* before every kernel call."""
        layers = tuple(layer.watched(tell) for layer in self.model.layers)
        model = replace(self.model, layers=layers)
        update, adding, summing = (one.watched(tell) for one in (self.update, self.adding, self.summing))
        return replace(self, model=model, update=update, adding=adding, summing=summing)

    def hands(self, edge: int) -> slice:
        """Return the outputs of the parent that *edge* carries."""
        return HANDS[self.hand[edge]]

    def gathers(self, task: int, last: bool) -> slice:
        """Return the loss of a last stage's forward, and the norms of an update's gradients."""
        kind, stage = self.works.kind[task], self.works.stage[task]
        if kind == OPTIMIZER:
            return NORMS
        return LOSS if kind == FORWARD and self._is_last(stage) else NOTHING

    def prepare(self, tasks: Sequence[int]) -> None:
        """Draw the weights of the stages of *tasks*, and compute each stage once, since the first call is slow."""
        for stage in sorted({self.works.stage[task] for task in tasks}):
            layers, weights = self.cut.stages[stage], self._start(stage)
            rows = self.cut.parts[0]
            inputs = self._blank(stage, rows.stop - rows.start)
            labels = np.zeros((len(inputs), *self.model.labels[1:]), np.int64) if self._labelled(stage) else None
            output, kept = self.model.forward(layers, inputs, labels, weights)
            _, grads = self.model.backward(layers, np.zeros_like(output), kept, weights)
            for weight, grad in zip(weights, grads, strict=True):
                self.update.kernel.forward(self.update.kernel.start(weight), grad)

    def _blank(self, stage: int, rows: int) -> Array:
        """Return blank inputs of a stage."""
        batch = (rows, *self.model.batch[1:])
        if not stage:
            return np.zeros(batch, np.int64 if self.model.tokens else np.float64)
        before = range(self.cut.stages[stage].start)
        return np.zeros(self.model.shapes(before, {INPUT: batch})[-1][OUTPUT])

    def _labelled(self, stage: int) -> bool:
        return self.model.labelled(self.cut.stages[stage])

    def _is_last(self, stage: int) -> bool:
        return stage == len(self.cut.stages) - 1

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Compute a task."""
        kind, stage = self.works.kind[task], self.works.stage[task]
        received = self._sorted(task, received)
        values = [one for some in received for one in some]
        parts = {
            FORWARD: self._forward,
            BACKWARD: self._backward,
            INPUT_GRAD: self._input_grad,
            WEIGHT_GRAD: self._weight_grad,
            OPTIMIZER: self._update,
            RECEIVE: self._receive,
        }
        with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinite losses are reported below
            return parts[kind](stage, values)

    def _sorted(self, task: int, received: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Put what the next stage handed on last; *received* is in the order of the numbers of parents."""
        place = self._of_next[task] if self.works.kind[task] in (BACKWARD, INPUT_GRAD) else NONE
        return received if place == NONE else [*received[:place], *received[place + 1 :], received[place]]

    @cached_property
    def _of_next(self) -> Sequence[int]:
        """Which of the parents of each task is the next stage's, in the order of their numbers; NONE: no parent is."""
        return packed(self.layout.of_next)

    def _forward(self, stage: int, values: list[Any]) -> list[Any]:
        ends = (stage == 0) + self._labelled(stage)
        given, values = values[:ends], values[ends:]
        labels = given.pop() if self._labelled(stage) else None
        inputs = given.pop() if stage == 0 else values.pop()
        weights = values or self._start(stage)
        output, kept = self.model.forward(self.cut.stages[stage], inputs, labels, weights)
        if not self._is_last(stage):
            return [output, (kept, weights, None)]
        loss = float(output.sum()) / self.model.losses
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}; try a lower learning rate")
        return [None, (kept, weights, self.model.grad_of_losses(output)), loss]

    def _backward(self, stage: int, values: list[Any]) -> list[Any]:
        grad, kept, weights, sums = self._left(values)
        passed, grads = self.model.backward(self.cut.stages[stage], grad, kept, weights)
        return [passed, *self._added(sums, grads)]

    def _input_grad(self, stage: int, values: list[Any]) -> list[Any]:
        grad, kept, weights, _ = self._left(values)
        passed, halfway = self.model.input_grad(self.cut.stages[stage], grad, kept, weights)
        return [passed, (halfway, weights)]

    def _left(self, values: list[Any]) -> tuple[Array, list[Arrays], Sequence[Array], list[Array]]:
        """Return the gradient of the output, the saved values of forward, its weights, and the sums so far."""
        kept, weights, grad = next(value for value in values if isinstance(value, tuple))
        others = [value for value in values if not isinstance(value, tuple)]
        if grad is None:
            grad = others.pop()  # from the next stage
        return grad, kept, weights, others

    def _weight_grad(self, stage: int, values: list[Any]) -> list[Any]:
        halfway, weights = next(value for value in values if isinstance(value, tuple))
        sums = [value for value in values if not isinstance(value, tuple)]
        return [None, *self._added(sums, self.model.weight_grad(self.cut.stages[stage], halfway, weights))]

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
            parts[0] if len(parts) == 1 else [self.summing.kernel.forward(*some) for some in zip(*parts, strict=True)]
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
            self._drawn[stage] = self.model.weights(self.cut.stages[stage])
        return self._drawn[stage]

    @cached_property
    def _drawn(self) -> dict[int, list[Array]]:
        return {}

    def merge(self, values: list[Any]) -> dict[str, Any]:
        """Collect the loss and the norms of gradients of each iteration, in the order of layers."""
        loss = [0.0] * self.iterations
        norms: list[dict[int, list[float]]] = [{} for _ in loss]
        left = (task for task in range(len(self.works.kind)) if self.gathers(task, last=False) != NOTHING)
        for task, value in zip(left, values, strict=True):
            iteration = int(self.layout.iteration[task])
            if self.works.kind[task] == OPTIMIZER:
                norms[iteration][self.works.stage[task]] = value
            else:
                loss[iteration] += value
        return {
            "loss": loss,
            "gradient_norm": [[one for stage in sorted(each) for one in each[stage]] for each in norms],
        }

    def serial(self) -> Any:
        """Return the result of one worker without any split."""
        return serial(self.model, self.update.kernel, self.iterations)
