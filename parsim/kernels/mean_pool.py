"""Mean pool: the mean of each channel of an image, as before the last layer of a convolutional network.

    x (b, c, h, w)   ->   y (b, c)       y = mean of x over h and w       h w + 1 FLOP an output
    dx = dy / (h w)                                                       1

Lin, Chen, Yan, Network In Network, arXiv:1312.4400, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels


@kernels.add("mean_pool")
class MeanPool(Kernel):
    """Take the mean of each channel.

    >>> MeanPool().forward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[2.5]])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, c)."""
        (x,) = shapes
        fitting(len(x) == 4 and 0 not in x, f"images {x} are not (batch, channels, height, width)")
        return x[:2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the additions and a division per output; for the gradient, the division alone."""
        (x,) = shapes
        return size(x[:2]) + (size(x) if part == "forward" else 0.0)

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y, or of dy and dx."""
        (x,) = shapes
        return BYTES[precision.activations] * size(x, x[:2])

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two images of three channels."""
        return (draw.standard_normal((2, 3, 4, 3)),)

    def forward(self, *arrays: Array) -> Array:
        """Return the means."""
        return np.asarray(arrays[0].mean(axis=(2, 3)))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy / (h w) at each place."""
        (x,) = arrays
        each = grad / (x.shape[2] * x.shape[3])
        return (np.broadcast_to(each[:, :, np.newaxis, np.newaxis], x.shape).copy(),)
