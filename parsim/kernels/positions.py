"""Positions: add a learned row to each position of a sequence.

    x (b, s, w)   table (positions, w)   ->   y (b, s, w)       y = x + table[:s]       1 FLOP a number
    dx = dy                                                                             0
    dtable[:s] = sum of dy over the batch, and 0 from row s on                          1 FLOP a number

Gehring et al., Convolutional Sequence to Sequence Learning, arXiv:1705.03122, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels


@kernels.add("positions")
class Positions(Kernel):
    """Add a row of the table to each position.

    >>> Positions().forward(np.zeros((1, 2, 1)), np.array([[1.0], [2.0], [3.0]])).tolist()
    [[[1.0], [2.0]]]
    """

    weights = 1

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        x, table = shapes
        good = len(x) == 3 and len(table) == 2 and x[2] == table[1]
        fitting(good, f"x {x} is not (batch, sequence, width), or does not fit a table {table}")
        fitting(x[1] <= table[0], f"a sequence of {x[1]} is longer than a table of {table[0]} positions")
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 1 per number for forward and the gradient of the table."""
        return 0.0 if part == "input_grad" else size(shapes[0])

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y for forward, of dy and dtable for the table; dx is dy."""
        x, table = shapes
        one, sums = BYTES[precision.activations] * size(x), BYTES[precision.gradients] * size(table)
        return {"forward": 2.0 * one, "input_grad": 0.0, "weight_grad": one + sums}[part]

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 1 for forward and for the table."""
        return 0 if part == "input_grad" else 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two sequences of three positions, and a table of five."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal((5, 4))

    def forward(self, *arrays: Array) -> Array:
        """Return x + table[:s]."""
        x, table = arrays
        return np.asarray(x + table[: x.shape[1]])

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy."""
        return (grad,)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the sum of dy over the batch; rows that no position reads get 0."""
        made = np.zeros(arrays[1].shape)
        np.sum(grad, axis=0, out=made[: grad.shape[1]])
        return (made,)
