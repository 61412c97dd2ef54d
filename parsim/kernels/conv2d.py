"""Convolution: each output is a product of the weights with a window of all channels.

    x (b, c, h, w)   weights (o, c, k, l)   ->   y (b, o, h', w')        h' = (h + 2 padding - k) / stride + 1, floored

    + + . .        windows, each c k l numbers, are the rows of a matrix; with R = b h' w' of them
    + + . .
    . . . .        y = rows weights^T        2 R o c k l FLOP; so have both gradients

Zeros of the padding are counted. LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE
86(11), 1998; as a product of matrices: Chetlur et al., cuDNN, arXiv:1410.0759, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Product, Shape, fitting, size
from parsim.core.schema import Count, Whole
from parsim.kernels import kernels


@kernels.add("conv2d")
class Conv2d(Kernel):
    """Convolve images of several channels.

    Parameters
    ----------
    stride : step from window to window.
    padding : rows and columns of zeros on each side.

    >>> image = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    >>> Conv2d().forward(image, np.ones((1, 1, 2, 2)))
    array([[[[12., 16.]]]])
    """

    weights = 1

    def __init__(self, stride: Count = 1, padding: Whole = 0) -> None:
        self._stride, self._padding = stride, padding

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, o, h', w')."""
        x, w = shapes
        fitting(len(x) == 4, f"images {x} are not (batch, channels, height, width)")
        fitting(len(w) == 4 and x[1] == w[1], f"images {x} do not fit weights {w}")
        return x[0], w[0], *steps(x, (w[2], w[3]), self._stride, self._padding)

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 2 R o c k l for every part."""
        return 2.0 * math.prod(self.shape(*shapes)) * math.prod(shapes[1][1:])

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the product of the windows, of which memory holds only the images that they are cut from."""
        x, w = shapes
        batch, out, height, width = self.shape(*shapes)
        rows, inside = batch * height * width, math.prod(w[1:])
        shared = max(0.0, rows * inside - size(x))
        return {
            "forward": (Product(1, rows, out, inside, shared=shared),),
            "input_grad": (Product(1, rows, inside, out, shared=shared),),
            "weight_grad": (Product(1, inside, out, rows, shared=shared),),
        }[part]

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return x for the gradient of the weights."""
        return range(inputs if part == "weight_grad" else 0)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two images of two channels, and weights for three."""
        return draw.standard_normal((2, 2, 4, 3)), draw.standard_normal((3, 2, 3, 2))

    def forward(self, *arrays: Array) -> Array:
        """Return the product of the windows with the weights."""
        x, w = arrays
        y = self._rows(x, w) @ w.reshape(len(w), -1).T  # (R, o)
        batch, out, height, width = self.shape(x.shape, w.shape)
        return np.ascontiguousarray(y.reshape(batch, height, width, out).transpose(0, 3, 1, 2))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy times the weights, added up where windows overlap."""
        x, w = arrays
        dx = padded(np.zeros(x.shape), self._padding, 0.0)
        rows = grad.transpose(0, 2, 3, 1)  # (b, h', w', o)
        for at, window in windows(dx, (w.shape[2], w.shape[3]), self._stride):
            window += (rows @ w[:, :, *at]).transpose(0, 3, 1, 2)
        return (inner(dx, self._padding),)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy^T times the windows."""
        x, w = arrays
        rows = grad.transpose(1, 0, 2, 3).reshape(len(w), -1)  # (o, R)
        return ((rows @ self._rows(x, w)).reshape(w.shape),)

    def _rows(self, x: Array, w: Array) -> Array:
        """Return the windows as rows, (R, c k l)."""
        window = w.shape[2], w.shape[3]
        views = np.lib.stride_tricks.sliding_window_view(padded(x, self._padding, 0.0), window, axis=(2, 3))
        views = views[:, :, :: self._stride, :: self._stride]  # (b, c, h', w', k, l)
        return views.transpose(0, 2, 3, 1, 4, 5).reshape(-1, math.prod(w.shape[1:]))


def steps(x: Shape, window: tuple[int, int], stride: int, padding: int) -> tuple[int, int]:
    """Return how many windows fit into the rows and the columns of images *x*, with the padding."""
    whole = [side + 2 * padding for side in x[2:]]
    fits = all(0 < one <= side for one, side in zip(window, whole, strict=True))
    fitting(fits, f"a window {window} does not fit images {x} with a padding of {padding}")
    height, width = ((side - one) // stride + 1 for one, side in zip(window, whole, strict=True))
    return height, width


def padded(x: Array, padding: int, value: float) -> Array:
    """Return images with *padding* rows and columns of *value* on each side."""
    sides = (0, 0), (0, 0), (padding, padding), (padding, padding)
    return np.pad(x, sides, constant_values=value) if padding else x


def inner(x: Array, padding: int) -> Array:
    """Return images without the padding."""
    return np.ascontiguousarray(x[:, :, padding : x.shape[2] - padding, padding : x.shape[3] - padding])


def windows(x: Array, window: tuple[int, int], stride: int) -> Iterator[tuple[tuple[int, int], Array]]:
    """Yield each place in a window, with a view of the numbers that stand there, (b, c, h', w')."""
    height, width = steps(x.shape, window, stride, padding=0)
    for row, column in np.ndindex(*window):
        yield (
            (row, column),
            x[:, :, row : row + stride * height : stride, column : column + stride * width : stride],
        )
