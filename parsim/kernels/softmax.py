"""Softmax: the numbers of the last axis become positive shares with sum 1.

    y = e / sum e       e = exp(x - max x)       5 FLOP a number: max, -, exp, sum, /
    dx = y (dy - sum y dy)                       9 FLOP a number: y again, and 4 more

Without the maximum, exp overflows from 710 on.
Goodfellow, Bengio, Courville, Deep Learning, MIT Press 2016, section 4.1.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.kernels import kernels


@kernels.add("softmax")
class Softmax(Kernel):
    """Turn each row into shares of 1.

    >>> Softmax().forward(np.array([[0.0, np.log(3.0)], [1000.0, 1000.0]]))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x, which has at least one axis."""
        (x,) = shapes
        fitting(len(x) > 0, "a single number has no rows; give an array with at least one axis")
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 5 per number for forward, 9 for the gradient."""
        return (5.0 if part == "forward" else 9.0) * size(*shapes)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six rows."""
        return (draw.standard_normal((2, 3, 4)),)

    def forward(self, *arrays: Array) -> Array:
        """Return exp(x) / sum exp(x)."""
        return shares(np.array(arrays[0], dtype=float))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return y (dy - sum y dy)."""
        return (back(self.forward(*arrays), np.array(grad, dtype=float)),)


def exponentials(x: Array) -> Array:
    """Return exp(x - max x), computed in place in *x*."""
    x -= x.max(axis=-1, keepdims=True)
    return np.exp(x, out=x)


def shares(x: Array) -> Array:
    """Return the softmax, computed in place in *x*."""
    x = exponentials(x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


def back(y: Array, grad: Array) -> Array:
    """Return y (dy - sum y dy), computed in place in *grad*."""
    grad -= np.einsum("...i,...i->...", y, grad)[..., np.newaxis]
    grad *= y
    return grad
