"""RMSnorm: divide each row of n numbers by the root of the mean of its squares, then scale it.

    z = x r       r = 1 / sqrt(mean x^2 + eps)           a row: 3 n + 4 FLOP
    y = z gain                                                  4 n + 4
    dx = r (g - z mean(g z))       g = dy gain                  9 n + 5, z computed again
    dgain = sum z dy                                            5 n + 4, z computed again

x (..., n), gain (n,). Zhang, Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467, section 3.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive
from parsim.kernels import kernels
from parsim.kernels.layernorm import ARRAYS, LAUNCHES, mean_of_product

A_NUMBER: dict[Part, int] = {"forward": 4, "input_grad": 9, "weight_grad": 5}
A_ROW: dict[Part, int] = {"forward": 4, "input_grad": 5, "weight_grad": 4}


@kernels.add("rmsnorm")
class Rmsnorm(Kernel):
    """Divide each row by its root mean square, and scale it by the gain.

    Parameters
    ----------
    eps : added to the mean square of a row, to avoid division by zero.

    >>> Rmsnorm().forward(np.array([[3.0, 4.0]]), np.array([1.0, 10.0])).round(2)  # the mean square is 12.5
    array([[ 0.85, 11.31]])
    """

    weights = 1

    def __init__(self, eps: Positive = 1e-5) -> None:
        self._eps = eps

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        x, gain = shapes
        fitting(len(x) > 0 and x[-1:] == gain, f"rows {x} do not fit a gain {gain}")
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
        """Draw six rows and a gain."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal(4)

    def forward(self, *arrays: Array) -> Array:
        """Return z gain."""
        x, gain = arrays
        y, _ = self._scaled(x)
        y *= gain
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return r (g - z mean(g z))."""
        x, gain = arrays
        z, r = self._scaled(x)
        dx = grad * gain
        z *= mean_of_product(dx, z)
        dx -= z
        dx *= r
        return (dx,)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return sum z dy, over all rows."""
        z, _ = self._scaled(arrays[0])
        rows = grad.reshape(-1, grad.shape[-1])
        return (np.einsum("ri,ri->i", z.reshape(rows.shape), rows),)

    def _scaled(self, x: Array) -> tuple[Array, Array]:
        """Return z and r."""
        r = 1.0 / np.sqrt(mean_of_product(x, x) + self._eps)  # (..., 1)
        return x * r, r
