"""Matmul: rows times a matrix of weights.

    x (..., i)   w (i, o)   ->   y (..., o)          y = x w       2 R i o FLOP, R the rows of x
    dx = dy w^T         dw = x^T dy                  2 R i o FLOP each

Goodfellow, Bengio, Courville, Deep Learning, MIT Press 2016, section 6.5.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Product, Shape, fitting
from parsim.kernels import kernels


@kernels.add("matmul")
class Matmul(Kernel):
    """Multiply the rows of x by the weights.

    >>> Matmul().forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """

    weights = 1

    def shape(self, *shapes: Shape) -> Shape:
        """Return (..., o)."""
        x, w = shapes
        fitting(len(x) > 0 and len(w) == 2 and x[-1] == w[0], f"rows {x} do not fit weights {w}")
        return (*x[:-1], w[1])

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 2 R i o for every part."""
        x, w = shapes
        return 2.0 * math.prod(x) * w[1]

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the product itself."""
        return products(part, *shapes)

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return x for the gradient of the weights."""
        return range(inputs if part == "weight_grad" else 0)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six rows and weights."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal((4, 5))

    def forward(self, *arrays: Array) -> Array:
        """Return x w."""
        x, w = arrays
        return np.asarray(x @ w)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy w^T."""
        return (np.asarray(grad @ arrays[1].T),)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return x^T dy, summed over all rows."""
        x, w = arrays
        return (x.reshape(-1, w.shape[0]).T @ grad.reshape(-1, w.shape[1]),)


def products(part: Part, x: Shape, w: Shape) -> tuple[Product, ...]:
    """Return the product of rows x (..., i) with weights (i, o), or that of one of its gradients.

    >>> products("input_grad", (2, 3, 4), (4, 5))[0][:4]
    (1, 6, 4, 5)
    """
    rows, (i, o) = math.prod(x[:-1]), w
    return {
        "forward": (Product(1, rows, o, i),),
        "input_grad": (Product(1, rows, i, o),),
        "weight_grad": (Product(1, i, o, rows),),
    }[part]
