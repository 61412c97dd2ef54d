"""Max pool: each output is the maximum of a window of a channel.

    x (b, c, h, w)   ->   y (b, c, h', w')       h' = (h + 2 padding - window) / stride + 1, floored

    1 2 | 3 0
    5 4 | 1 2    ->    5 3        window^2 comparisons an output, of which some may be with the padding

The gradient goes to the first maximum of each window, which is found again: window^2 + 1 FLOP an output.
Boureau, Ponce, LeCun, A Theoretical Analysis of Feature Pooling in Visual Recognition, ICML 2010.
"""

from __future__ import annotations

import math

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.schema import Count, Whole
from parsim.kernels import kernels
from parsim.kernels.conv2d import inner, padded, steps, windows


@kernels.add("max_pool")
class MaxPool(Kernel):
    """Take the maximum of each window of each channel.

    Parameters
    ----------
    window : rows and columns of a window.
    stride : step from window to window.
    padding : rows and columns on each side that no maximum takes, at most half a window.

    >>> MaxPool().forward(np.array([[[[1.0, 2.0, 3.0, 0.0], [5.0, 4.0, 1.0, 2.0]]]]))
    array([[[[5., 3.]]]])
    """

    def __init__(self, window: Count = 2, stride: Count = 2, padding: Whole = 0) -> None:
        if 2 * padding > window:
            raise Invalid(
                [
                    Complaint(
                        ("padding",), f"{padding} is more than half the window of {window}; write at most {window // 2}"
                    )
                ]
            )
        self._window, self._stride, self._padding = window, stride, padding

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, c, h', w')."""
        (x,) = shapes
        fitting(len(x) == 4, f"images {x} are not (batch, channels, height, width)")
        return *x[:2], *steps(x, (self._window, self._window), self._stride, self._padding)

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return window^2 per output, and 1 more for the gradient."""
        return (self._window**2 + (0.0 if part == "forward" else 1.0)) * size(self.shape(*shapes))

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two images of two channels, twice as large as a window and more."""
        height, width = 2 * self._window, 2 * self._window + 1
        return (draw.permuted(np.arange(4.0 * height * width)).reshape(2, 2, height, width),)

    def forward(self, *arrays: Array) -> Array:
        """Return the maxima."""
        return self._found(arrays[0])[0]

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy at the first maximum of each window, added up where windows overlap."""
        (x,) = arrays
        _, first = self._found(x)
        dx = padded(np.zeros(x.shape), self._padding, 0.0)
        for number, (_, window) in enumerate(windows(dx, (self._window, self._window), self._stride)):
            window += grad * (first == number)
        return (inner(dx, self._padding),)

    def _found(self, x: Array) -> tuple[Array, Array]:
        """Return the maxima, and the number of the place of each in its window."""
        best = np.full(self.shape(x.shape), -math.inf)
        first = np.zeros(best.shape, dtype=int)
        views = windows(padded(x, self._padding, -math.inf), (self._window, self._window), self._stride)
        for number, (_, window) in enumerate(views):
            larger = window > best
            best[larger], first[larger] = window[larger], number
        return best, first
