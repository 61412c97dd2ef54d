"""Kernels: steps of arithmetic on arrays, with their price in FLOP and bytes.

    forward       inputs, weights         ->  output
    input_grad    grad, inputs, weights   ->  a gradient for each input        grad: of the loss by the output
    weight_grad   grad, inputs, weights   ->  a gradient for each weight

The halves of backward are separate, for schedules that separate them. A kernel stores nothing from forward: it
recomputes what it needs, and counts that in its FLOP. So any part may run in any process.

FLOP are counted by one rule: each +, -, x, /, comparison, exp, log, tanh and square root of a number is 1. A sum or
maximum of n numbers along an axis is n, so that R rows times an (i, o) matrix are the usual 2 R i o. Copies, masks,
indices and changes of sign are 0, and so are numbers computed once per call, such as 1 / sqrt(d).

An entry that is a function of one element (`parsim.entries.function`) has a forward part only, and no price.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from parsim.core.precision import BYTES, Precision

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Part = Literal["forward", "input_grad", "weight_grad"]
PARTS: tuple[Part, ...] = get_args(Part)
ITEM = 8  # B of a number: float64 and int64


class Product(NamedTuple):
    """Equal products of matrices, (m, k) times (k, n), as the matrix units of an accelerator compute them.

    >>> product = Product(1, m=2, n=3, k=4, skipped=0.5)
    >>> product.flop, product.computed, product.numbers
    (48.0, 24.0, 26.0)
    """

    many: int
    m: int
    n: int
    k: int
    fused: bool = False  # part of a fused kernel such as flash attention, whose factors stay on the chip
    skipped: float = 0.0  # share of the FLOP that is not computed, since a mask hides the result
    again: bool = False  # computed in forward already, and again in backward: no FLOP of the model
    shared: float = 0.0  # numbers of the matrices that memory does not hold, as where windows of an image overlap

    @property
    def flop(self) -> float:
        """The FLOP of all of them, with those that a mask saves."""
        return 2.0 * self.many * self.m * self.n * self.k

    @property
    def computed(self) -> float:
        """The FLOP that are really computed."""
        return self.flop * (1.0 - self.skipped)

    @property
    def numbers(self) -> float:
        """The numbers that they read from memory and write to it, each once."""
        if self.fused:
            return 0.0
        return float(self.many * (self.m * self.k + self.k * self.n + self.m * self.n)) - self.shared


class Kernel:
    """One step of arithmetic. Its arrays are its inputs, followed by its weights; `weights` is the number of weights.

    A method that is not overridden raises an error: a kernel without a half of backward cannot be used in training.
    """

    weights = 0  # how many of its last arrays are weights
    selective = False  # whether selective recomputation runs its forward again in place of keeping what it saves

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the output. Shapes that do not match raise `ValueError`."""
        raise NotImplementedError(f"{_name(self)} has no method shape(*shapes)")

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of a part on arrays of these *shapes*."""
        raise NotImplementedError(f"{_name(self)} has no method flops(part, *shapes)")

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw small matching arrays, for tests and for `parsim check`."""
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
        writes the gradients of the inputs or of the weights.
        """
        inputs, weights = _split(self, shapes)
        read = size(*shapes) + size(self.shape(*shapes))
        written = {"forward": (), "input_grad": inputs, "weight_grad": weights}[part]
        return ITEM * (read + size(*written))

    # -- how a library of an accelerator computes the same, for models that are only counted

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the products of matrices of a part. They alone count as FLOP of the model."""
        return ()

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes that a part reads and writes outside of its products, each array once."""
        if self.products(part, *shapes):
            return 0.0
        return self.bytes(part, *shapes) / ITEM * BYTES[precision.activations]

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return how many kernels of a library a part is."""
        return len(self.products(part, *shapes)) or 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return the positions of those of its *inputs* that a half of backward reads."""
        return range(inputs)

    def saved(self, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes that forward keeps for backward beside its inputs, such as masks."""
        return 0.0


Tell = Callable[["Call"], None]


Arguments = tuple[tuple[str, Any], ...]


class Call(NamedTuple):
    """A part of a kernel at given shapes: the unit that is run, measured and priced."""

    kernel: str  # the kernel's name on the shelf
    arguments: Arguments  # the kernel's parameters in the form of `arguments_of`
    part: Part
    shapes: tuple[Shape, ...]


class Fixed(dict[str, Any]):
    """A mapping that must not change, so that it can be part of a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def arguments_of(said: Mapping[str, Any]) -> Arguments:
    """Return the parameters of a kernel as part of a key: sorted by name, with tuples in place of lists.

    >>> arguments_of({"weights": [1.0, 2.0], "by": 3})
    (('by', 3), ('weights', (1.0, 2.0)))
    """
    return tuple((name, _fixed(said[name])) for name in sorted(said))


def _fixed(value: Any) -> Any:
    if isinstance(value, dict):
        return Fixed({key: _fixed(one) for key, one in value.items()})
    return tuple(map(_fixed, value)) if type(value) in (list, tuple) else value


class Watched:
    """A kernel that calls *tell* before each part it runs."""

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
    """Return the total number of elements in arrays of these *shapes*.

    >>> size((2, 3), (4,))
    10.0
    """
    return float(sum(math.prod(shape) for shape in shapes))


def fitting(good: object, why: str) -> None:
    """Raise `ValueError` with *why* unless *good*."""
    if not good:
        raise ValueError(why)


def run(kernel: Kernel, part: Part, arrays: Sequence[Any]) -> Any:
    """Run a part of a kernel. In a half of backward, *arrays* begin with the output's gradient."""
    return getattr(kernel, part)(*arrays)


def is_class(entry: Callable[..., Any]) -> bool:
    """Return whether an entry of the shelf is a class of kernels and not a plain function, also from outside."""
    entry = inspect.unwrap(entry)
    return isinstance(entry, type) and issubclass(entry, Kernel)


def _split(kernel: Kernel, shapes: tuple[Shape, ...]) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    inputs = len(shapes) - kernel.weights
    return shapes[:inputs], shapes[inputs:]


def _name(kernel: Kernel) -> str:
    return type(kernel).__name__
