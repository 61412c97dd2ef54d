"""Accumulate: add the gradient of a microbatch to the sum of those before it.

    a, b   ->   a + b       1 FLOP a number
    da = db = dy            0 FLOP

Huang et al., GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism, arXiv:1811.06965,
section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels


@kernels.add("accumulate")
class Accumulate(Kernel):
    """Add a gradient to a sum of gradients.

    >>> Accumulate().forward(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([4., 6.])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the common shape."""
        total, one = shapes
        fitting(total == one, f"a gradient {one} does not fit a sum {total}")
        return total

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 1 per number for forward, and 0 for the gradients."""
        return size(shapes[0]) if part == "forward" else 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of a gradient as products make it, and of the sum, read and written."""
        return (BYTES[precision.activations] + 2.0 * BYTES[precision.gradients]) * size(shapes[0])

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 0: the product that makes the gradient also adds it."""
        return 0

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two arrays."""
        total, one = draw.standard_normal((2, 3, 4))
        return total, one

    def forward(self, *arrays: Array) -> Array:
        """Return a + b."""
        total, one = arrays
        return np.asarray(total + one)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy for both."""
        return grad, grad
