"""GELU: x times the normal distribution function of x, in the tanh approximation.

    y  = x/2 (1 + t)       t = tanh((a + b x^2) x)       a = sqrt(2/pi), b = 0.044715 a         8 FLOP a number
    dx = dy/2 (1 + t) (1 + x (1 - t) (a + 3 b x^2))                                            15 FLOP a number

The gradient uses t' = (1 + t)(1 - t) (a + 3 b x^2); it computes t and x^2 again, with 5 FLOP.
Hendrycks, Gimpel, Gaussian Error Linear Units, arXiv:1606.08415, section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, size
from parsim.kernels import kernels

A = math.sqrt(2.0 / math.pi)
B = 0.044715 * A


@kernels.add("gelu")
class Gelu(Kernel):
    """Pass large numbers, and damp negative ones smoothly.

    >>> Gelu().forward(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1588,  0.    ,  0.8412])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        (x,) = shapes
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 8 per number for forward, 15 for the gradient."""
        return (8.0 if part == "forward" else 15.0) * size(*shapes)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw twelve numbers."""
        return (draw.standard_normal((3, 4)),)

    def forward(self, *arrays: Any) -> Any:
        """Return x/2 (1 + t)."""
        x = np.asarray(arrays[0], dtype=float)
        y = _tanh(x, np.multiply(x, x, out=np.empty(x.shape)))
        y += 1.0
        y *= x
        y *= 0.5
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy/2 (1 + t) (1 + x (1 - t) (a + 3 b x^2))."""
        (x,) = arrays
        dx = np.multiply(x, x, out=np.empty(x.shape))
        t = _tanh(x, dx.copy())
        dx *= 3.0 * B
        dx += A
        dx *= x
        dx *= 1.0 - t
        dx += 1.0
        t += 1.0
        dx *= t
        dx *= 0.5
        dx *= grad
        return (dx,)


def _tanh(x: Array, square: Array) -> Array:
    """Return t, computed in place in *square*, which holds x^2."""
    square *= B
    square += A
    square *= x
    return np.tanh(square, out=square)
