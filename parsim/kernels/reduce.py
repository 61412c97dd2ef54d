"""Reduce: the elementwise sum of k arrays of n numbers, such as gradients.

    y = a + b + ...       (k - 1) n FLOP
    da = db = ... = dy    0 FLOP: each is dy

Chan et al., Collective communication: theory, practice, and experience, CCPE 19(13), 2007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels


@kernels.add("reduce")
class Reduce(Kernel):
    """Add up arrays of equal shape in order.

    >>> Reduce().forward(np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]))
    array([ 9., 12.])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the common shape."""
        fitting(shapes, "there are no arrays to add; give at least one")
        fitting(len(set(shapes)) == 1, f"arrays of different shapes cannot be added: {', '.join(map(str, shapes))}")
        return shapes[0]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return (k - 1) n for forward, and 0 for the gradients."""
        return size(*shapes[1:]) if part == "forward" else 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of all arrays and the sum; in backward, of adding dy to another gradient of each array.

        One of the gradients needs no addition.
        """
        arrays = len(shapes) + 1 if part == "forward" else 3 * (len(shapes) - 1)
        return BYTES[precision.activations] * arrays * size(shapes[0])

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw three arrays."""
        a, b, c = draw.standard_normal((3, 2, 4))
        return a, b, c

    def forward(self, *arrays: Array) -> Array:
        """Return a + b + ..., as a new array."""
        first, *others = arrays
        total = np.array(first)
        for other in others:
            total += other
        return total

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy for each."""
        return (grad,) * len(arrays)
