"""Rotary: turn pairs of columns of queries and keys by an angle that grows with the position.

    x (b, s, w)   ->   y (b, s, w)       each head has its own d = w / heads columns

    y1 = x1 cos - x2 sin       x1, x2: column i of the first and of the second half of a head
    y2 = x2 cos + x1 sin       angle: position / base^(2 i / d)

The product of a query and a key then depends on the distance of their positions alone. 3 FLOP a number; cosines and
sines depend on the shape alone, and count 0. The gradient is the rotation back.
Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv:2104.09864, section 3.2; the pairs are
those of GPT-NeoX and Llama.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Count, Positive
from parsim.kernels import kernels


@kernels.add("rotary")
class Rotary(Kernel):
    """Turn the columns of each head by angles that grow with the position.

    Parameters
    ----------
    heads : number of heads, a divisor of the width; each has an even number of columns.
    base : how much slower each pair of columns turns than the one before: by base^(2 / d).

    >>> Rotary().forward(np.array([[[1.0, 0.0], [1.0, 0.0]]])).round(4)[0].tolist()  # by 0 and by 1 radian
    [[1.0, 0.0], [0.5403, 0.8415]]
    """

    def __init__(self, heads: Count = 1, base: Positive = 10000.0) -> None:
        self._heads, self._base = heads, base

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        (x,) = shapes
        fitting(len(x) == 3, f"x {x} is not (batch, sequence, width)")
        why = f"a width of {x[2]} cannot be split into {self._heads} equal heads of an even number of columns"
        fitting(x[2] % (2 * self._heads) == 0, why)
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 3 per number."""
        return 3.0 * size(*shapes)

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y, or of dy and dx."""
        return 2.0 * BYTES[precision.activations] * size(*shapes)

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two sequences of three positions, with four columns per head."""
        return (draw.standard_normal((2, 3, 4 * self._heads)),)

    def forward(self, *arrays: Array) -> Array:
        """Return x, turned."""
        return self._turned(arrays[0], 1.0)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy, turned back."""
        return (self._turned(grad, -1.0),)

    def _turned(self, x: Array, sense: float) -> Array:
        batch, sequence, width = x.shape
        pairs = width // self._heads // 2
        angle = np.arange(sequence)[:, np.newaxis] / self._base ** (np.arange(pairs) / pairs)
        cos, sin = np.cos(angle)[:, np.newaxis], sense * np.sin(angle)[:, np.newaxis]  # (s, 1, pairs)
        halves = x.reshape(batch, sequence, self._heads, 2, pairs)
        y = np.empty(halves.shape)
        first, second = halves[..., 0, :], halves[..., 1, :]
        y[..., 0, :] = first * cos - second * sin
        y[..., 1, :] = second * cos + first * sin
        return y.reshape(x.shape)
