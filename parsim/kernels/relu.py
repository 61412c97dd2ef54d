"""ReLU: negative numbers become 0.

    y = max(x, 0)       ____/       1 FLOP a number, a comparison
    dx = dy [x > 0]                 2 FLOP a number; the slope at 0 is 0

Nair, Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, ICML 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, size
from parsim.kernels import kernels


@kernels.add("relu")
class Relu(Kernel):
    """Replace negative numbers by 0.

    Parameters
    ----------
    keeps : what a library keeps for backward: input; or output, in place of the input, if the next kernel keeps it.

    >>> Relu().forward(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __init__(self, keeps: Literal["input", "output"] = "input") -> None:
        self._keeps = keeps

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        (x,) = shapes
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 1 per number for forward, 2 for the gradient."""
        return (1.0 if part == "forward" else 2.0) * size(*shapes)

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return x, unless y tells the signs."""
        return range(inputs if self._keeps == "input" else 0)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw numbers of both signs, none close to the kink at 0."""
        x = draw.standard_normal((3, 4))
        return (x + np.copysign(0.1, x),)

    def forward(self, *arrays: Any) -> Any:
        """Return max(x, 0)."""
        return np.maximum(arrays[0], 0)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy [x > 0]."""
        return (np.asarray(grad * (arrays[0] > 0)),)  # five times as fast as np.where
