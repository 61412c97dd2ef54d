"""Dropout and residual: add to x what dropout leaves of o.

    y = x + o m       m = 0 with probability rate, else 1 / (1 - rate), drawn for each number
    dx = dy       do = dy m

    FLOP a number      rate 0: 1, 0       rate > 0: 2, 1       forward, input_grad

Only rate 0, which adds, can be computed: the results of a run must not depend on where it runs. A model with dropout
can be counted. Srivastava et al., Dropout, JMLR 15, 2014; He et al., Deep Residual Learning, arXiv:1512.03385.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels


@kernels.add("dropout_add")
class DropoutAdd(Kernel):
    """Add an array of which a part of the numbers is dropped.

    Parameters
    ----------
    rate : probability to drop a number, from 0 to below 1; above 0, the kernel can be counted but not computed.

    >>> DropoutAdd().forward(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([4., 6.])
    """

    def __init__(self, rate: float = 0.0) -> None:
        self._rate = checked_rate("rate", rate)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the common shape."""
        x, o = shapes
        fitting(x == o, f"arrays {x} and {o} are not of one shape")
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of the sum, and of the product with the mask."""
        adds = 1.0 if part == "forward" else 0.0
        return size(shapes[0]) * (adds + (1.0 if self._rate else 0.0))

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x, o, y and the mask; backward: of the mask, dy, do, and of adding dy to another dx."""
        a_number = BYTES[precision.activations]
        dropped = 0 if not self._rate else 1 if part == "forward" else 2 * a_number + 1
        return (3.0 * a_number + dropped) * size(shapes[0])

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 1, and for backward 1 more where numbers are dropped."""
        return 2 if part == "input_grad" and self._rate else 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def saved(self, precision: Precision, *shapes: Shape) -> float:
        """Return a byte for each number of the mask."""
        return size(shapes[0]) if self._rate else 0.0

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two arrays."""
        x, o = draw.standard_normal((2, 3, 4))
        return x, o

    def forward(self, *arrays: Array) -> Array:
        """Return x + o."""
        uncomputed(self._rate)
        x, o = arrays
        return np.asarray(x + o)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy for both."""
        uncomputed(self._rate)
        return grad, grad


def checked_rate(name: str, rate: float) -> float:
    """Return the rate of a dropout. A rate below 0, or 1 and more, raises `Invalid`."""
    if not 0 <= rate < 1:
        raise Invalid([Complaint((name,), f"{rate:g} must be at least 0 and below 1")])
    return rate


def uncomputed(rate: float) -> None:
    """Raise `NotImplementedError` unless the rate of a dropout is 0."""
    if rate:
        raise NotImplementedError(
            f"a dropout of rate {rate:g} can be simulated, but not computed; use rate 0 to compute"
        )
