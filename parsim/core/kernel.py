"""What a kernel is: one step of arithmetic on arrays, with its price in FLOP and bytes.

    forward       inputs, weights         ->  output
    input_grad    grad, inputs, weights   ->  a gradient for each input        grad: of the loss by the output
    weight_grad   grad, inputs, weights   ->  a gradient for each weight

The halves of backward stand apart, for schedules that play them apart. A kernel keeps nothing from its forward run: it
computes again what it needs of it, and counts that in its FLOP. So any part may run in any process.

FLOP are counted by one rule: each +, -, x, /, comparison, exp, log, tanh and square root of a number is 1. A sum or a
maximum along an axis of n numbers is n, its start included, so that rows times a matrix are the usual 2 R i o. Copies,
masks, indices and changes of sign are 0, and so is what is made once for a whole call, such as 1 / sqrt(d).

An entry that is a function of one element (`parsim.entries.function`) has a forward part only, and no price.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Part = Literal["forward", "input_grad", "weight_grad"]
PARTS: tuple[Part, ...] = get_args(Part)
ITEM = 8  # B of a number: float64 and int64


class Kernel:
    """One step of arithmetic. The arrays that it gets are its inputs, then its weights, of which it has `weights`.

    What is not overridden is refused: a kernel without a backward half cannot be trained through.
    """

    weights = 0  # how many of its arrays, the last ones, are weights

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the output; shapes that do not fit raise `ValueError`."""
        raise NotImplementedError(f"{_name(self)} has no method shape(*shapes)")

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of a part on arrays of these *shapes*."""
        raise NotImplementedError(f"{_name(self)} has no method flops(part, *shapes)")

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw small arrays that fit, for tests and for `parsim check`."""
        raise NotImplementedError(f"{_name(self)} has no method sample(draw)")

    def forward(self, *arrays: Any) -> Any:
        """Compute the output."""
        raise NotImplementedError(f"{_name(self)} has no method forward(*arrays)")

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the gradient of each input that has one, in order."""
        raise NotImplementedError(f"{_name(self)} has no gradient for its inputs")

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the gradient of each weight, in order."""
        return ()

    def bytes(self, part: Part, *shapes: Shape) -> float:
        """Return the bytes that a part reads and writes, each array once.

        Forward reads all arrays and writes the output. A half of backward reads them and the output's gradient, and
        writes as much as it makes gradients for: the inputs, or the weights.
        """
        inputs, weights = _split(self, shapes)
        read = size(*shapes) + size(self.shape(*shapes))
        written = {"forward": (), "input_grad": inputs, "weight_grad": weights}[part]
        return ITEM * (read + size(*written))


Tell = Callable[["Call"], None]


Arguments = tuple[tuple[str, Any], ...]


class Call(NamedTuple):
    """A part of a kernel at given shapes: what a task does once, and what is measured and priced."""

    kernel: str  # as on the shelf
    arguments: Arguments  # the parameters of the kernel, as `arguments_of` writes them
    part: Part
    shapes: tuple[Shape, ...]


class Fixed(dict[str, Any]):
    """A mapping that nobody changes, so that it may be part of a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def arguments_of(said: Mapping[str, Any]) -> Arguments:
    """Write the parameters of a kernel so that they may be part of a key: sorted by name, no lists.

    >>> arguments_of({"weights": [1.0, 2.0], "by": 3})
    (('by', 3), ('weights', (1.0, 2.0)))
    """
    return tuple((name, _fixed(said[name])) for name in sorted(said))


def _fixed(value: Any) -> Any:
    if isinstance(value, dict):
        return Fixed({key: _fixed(one) for key, one in value.items()})
    return tuple(map(_fixed, value)) if type(value) in (list, tuple) else value


class Watched:
    """A kernel that tells of every part before it runs it."""

    def __init__(self, name: str, arguments: Arguments, kernel: Any, tell: Tell) -> None:
        self._named, self._kernel, self._tell = (name, arguments), kernel, tell

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kernel, name)
        if name not in PARTS:
            return found

        def told(*arrays: Any) -> Any:
            own = arrays if name == "forward" else arrays[1:]
            self._tell(Call(*self._named, name, tuple(np.shape(array) for array in own)))
            return found(*arrays)

        return told


def size(*shapes: Shape) -> float:
    """Count the numbers that arrays of these *shapes* hold together.

    >>> size((2, 3), (4,))
    10.0
    """
    return float(sum(math.prod(shape) for shape in shapes))


def fitting(good: object, why: str) -> None:
    """Raise `ValueError` with *why*, unless *good*."""
    if not good:
        raise ValueError(why)


def run(kernel: Kernel, part: Part, arrays: Sequence[Any]) -> Any:
    """Run a part of a kernel; *arrays* begin with the output's gradient in a half of backward."""
    return getattr(kernel, part)(*arrays)


def is_class(entry: Callable[..., Any]) -> bool:
    """Say whether an entry of the shelf is a class of kernels, and no plain function; also one from outside."""
    entry = inspect.unwrap(entry)
    return isinstance(entry, type) and issubclass(entry, Kernel)


def _split(kernel: Kernel, shapes: tuple[Shape, ...]) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    inputs = len(shapes) - kernel.weights
    return shapes[:inputs], shapes[inputs:]


def _name(kernel: Kernel) -> str:
    return type(kernel).__name__
