"""Layernorm: normalise each row of n numbers to mean 0 and variance 1, then scale and shift it.

    z = (x - mean x) r       r = 1 / sqrt(mean (x - mean x)^2 + eps)       a row: 5 n + 5 FLOP
    y = z gain + bias                                                             7 n + 5
    dx = r (g - mean g - z mean(g z))       g = dy gain                          13 n + 7, z computed again
    dgain = sum z dy       dbias = sum dy                                         8 n + 5, z computed again

x (..., n), gain (n,), bias (n,). Ba, Kiros, Hinton, Layer Normalization, arXiv:1607.06450, section 3.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive
from parsim.kernels import kernels

A_NUMBER: dict[Part, int] = {"forward": 7, "input_grad": 13, "weight_grad": 8}
A_ROW: dict[Part, int] = {"forward": 5, "input_grad": 7, "weight_grad": 5}
ARRAYS: dict[Part, int] = {"forward": 2, "input_grad": 3, "weight_grad": 0}  # that a library's kernel reads and writes
LAUNCHES: dict[Part, int] = {"forward": 1, "input_grad": 2, "weight_grad": 0}


@kernels.add("layernorm")
class Layernorm(Kernel):
    """Normalise each row to mean 0 and variance 1, scale it by the gain, and shift it by the bias.

    Parameters
    ----------
    eps : added to the variance of a row, to avoid division by zero.

    >>> Layernorm().forward(np.array([[1.0, 3.0]]), np.ones(2), np.array([0.0, 10.0])).round(4)
    array([[-1., 11.]])
    """

    weights = 2

    def __init__(self, eps: Positive = 1e-5) -> None:
        self._eps = eps

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        x, gain, bias = shapes
        fitting(len(x) > 0 and x[-1:] == gain == bias, f"rows {x} do not fit a gain {gain} and a bias {bias}")
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP per number and per row."""
        x = shapes[0]
        return A_NUMBER[part] * size(x) + A_ROW[part] * size(x[:-1])

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y, or of x, dy and dx; the gradients of the weights come with dx."""
        return ARRAYS[part] * BYTES[precision.activations] * size(shapes[0])

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 1 for forward, and 2 for backward: dx, and a sum over the rows for the weights."""
        return LAUNCHES[part]

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six rows, gain and bias."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal(4), draw.standard_normal(4)

    def forward(self, *arrays: Array) -> Array:
        """Return z gain + bias."""
        x, gain, bias = arrays
        y, _ = normal(x, self._eps)
        y *= gain
        y += bias
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return r (g - mean g - z mean(g z))."""
        x, gain, _ = arrays
        return (back(*normal(x, self._eps), grad * gain),)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return sum z dy and sum dy, over all rows."""
        z, _ = normal(arrays[0], self._eps)
        rows = grad.reshape(-1, grad.shape[-1])
        return np.einsum("ri,ri->i", z.reshape(rows.shape), rows), rows.sum(axis=0)


def normal(x: Array, eps: float) -> tuple[Array, Array]:
    """Return z and r."""
    z = x - x.mean(axis=-1, keepdims=True)
    r = 1.0 / np.sqrt(mean_of_product(z, z) + eps)  # (..., 1)
    z *= r
    return z, r


def back(z: Array, r: Array, g: Array) -> Array:
    """Return r (g - mean g - z mean(g z)), computed in place in *g*; *z* changes, too."""
    along = mean_of_product(g, z)
    g -= g.mean(axis=-1, keepdims=True)
    z *= along
    g -= z
    g *= r
    return g


def mean_of_product(a: Array, b: Array) -> Array:
    """Return mean(a b) of each row."""
    return np.asarray(np.einsum("...i,...i->...", a, b)[..., np.newaxis] / a.shape[-1])
