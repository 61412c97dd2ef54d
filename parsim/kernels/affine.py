"""Affine: rows times a matrix of weights, plus a bias.

    x (..., i)   w (i, o)   b (o,)   ->   y (..., o)      y = x w + b              2 R i o + R o FLOP, R the rows of x
    dx = dy w^T                                                                    2 R i o
    dw = x^T dy       db = sum of dy over the rows                                 2 R i o + R o

Goodfellow, Bengio, Courville, Deep Learning, MIT Press 2016, section 6.5.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Product, Shape, fitting
from parsim.kernels import kernels
from parsim.kernels.matmul import products


@kernels.add("affine")
class Affine(Kernel):
    """Multiply the rows of x by the weights, and add the bias.

    >>> Affine().forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    """

    weights = 2

    def shape(self, *shapes: Shape) -> Shape:
        """Return (..., o)."""
        x, w, b = shapes
        good = len(x) > 0 and len(w) == 2 and x[-1] == w[0] and b == w[1:]
        fitting(good, f"rows {x} do not fit weights {w} and a bias {b}")
        return (*x[:-1], w[1])

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 2 R i o, and R o for the bias."""
        x, w, _ = shapes
        bias = 0.0 if part == "input_grad" else 1.0
        return math.prod(x[:-1]) * w[1] * (2.0 * w[0] + bias)

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the product, whose kernel also adds the bias, or sums its gradient."""
        x, w, _ = shapes
        return products(part, x, w)

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return x for the gradients of weights and bias."""
        return range(inputs if part == "weight_grad" else 0)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six rows, weights and bias."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal((4, 5)), draw.standard_normal(5)

    def forward(self, *arrays: Array) -> Array:
        """Return x w + b."""
        x, w, b = arrays
        y = np.asarray(x @ w)
        y += b
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy w^T."""
        return (np.asarray(grad @ arrays[1].T),)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return x^T dy and the sum of dy, over all rows."""
        x, w, _ = arrays
        rows = grad.reshape(-1, w.shape[1])
        return x.reshape(-1, w.shape[0]).T @ rows, rows.sum(axis=0)
