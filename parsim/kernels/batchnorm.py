"""Batchnorm: normalise each channel of n numbers to mean 0 and variance 1 over the batch, then scale and shift it.

    z = (x - mean x) r       r = 1 / sqrt(mean (x - mean x)^2 + eps)       a channel: 5 n + 5 FLOP
    y = z gain + bias                                                                 7 n + 5
    dx = r (g - mean g - z mean(g z))       g = dy gain                              13 n + 7, z computed again
    dgain = sum z dy       dbias = sum dy                                             8 n + 5, z computed again

x (b, c, ...), gain (c,), bias (c,); a channel is all numbers x[:, c]. These are the statistics of training; the
running ones, which only inference reads, are not kept.
Ioffe, Szegedy, Batch Normalization, arXiv:1502.03167, algorithm 1.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive
from parsim.kernels import kernels
from parsim.kernels.layernorm import A_NUMBER, A_ROW, LAUNCHES, back, normal

ARRAYS: dict[Part, int] = {"forward": 3, "input_grad": 5, "weight_grad": 0}  # a channel is too long to stay on the chip


@kernels.add("batchnorm")
class Batchnorm(Kernel):
    """Normalise each channel to mean 0 and variance 1 over the batch, scale it by its gain, and shift it by its bias.

    Parameters
    ----------
    eps : added to the variance of a channel, to avoid division by zero.

    >>> Batchnorm().forward(np.array([[1.0, 5.0], [3.0, 5.0]]), np.ones(2), np.array([0.0, 10.0])).round(4)
    array([[-1., 10.],
           [ 1., 10.]])
    """

    weights = 2

    def __init__(self, eps: Positive = 1e-5) -> None:
        self._eps = eps

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        x, gain, bias = shapes
        fitting(len(x) > 1 and x[1:2] == gain == bias, f"channels {x} do not fit a gain {gain} and a bias {bias}")
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP per number and per channel."""
        x = shapes[0]
        return A_NUMBER[part] * size(x) + A_ROW[part] * x[1]

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x twice and y; or of x and dy twice and dx, which also makes the gradients of weights."""
        return ARRAYS[part] * BYTES[precision.activations] * size(shapes[0])

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 1 for forward, and 2 for backward: dx, and a sum over each channel for the weights."""
        return LAUNCHES[part]

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two images of three channels, gain and bias."""
        return draw.standard_normal((2, 3, 2, 2)), draw.standard_normal(3), draw.standard_normal(3)

    def forward(self, *arrays: Array) -> Array:
        """Return z gain + bias."""
        x, gain, bias = arrays
        y, _ = normal(_rows(x), self._eps)
        y *= gain[:, np.newaxis]
        y += bias[:, np.newaxis]
        return _images(y, x.shape)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return r (g - mean g - z mean(g z))."""
        x, gain, _ = arrays
        dx = back(*normal(_rows(x), self._eps), _rows(grad) * gain[:, np.newaxis])
        return (_images(dx, x.shape),)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return sum z dy and sum dy, of each channel."""
        z, _ = normal(_rows(arrays[0]), self._eps)
        dy = _rows(grad)
        return np.einsum("ci,ci->c", z, dy), dy.sum(axis=1)


def _rows(x: Array) -> Array:
    """Return a row for each channel."""
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)


def _images(rows: Array, shape: Shape) -> Array:
    """Return rows of channels as an array of *shape*."""
    batch, channels, *places = shape
    return np.ascontiguousarray(rows.reshape(channels, batch, *places).swapaxes(0, 1))
