"""Shift: the tokens that a decoder sees where it is taught the labels: token 0 first, the last label left out.

    labels (b, t)   ->   tokens (b, t)       5 7 2  ->  0 5 7       0 FLOP: only copied

Tokens have no gradient. Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting
from parsim.core.precision import Precision
from parsim.kernels import kernels


@kernels.add("shift")
class Shift(Kernel):
    """Shift each row by one place, with 0 at its start.

    >>> Shift().forward(np.array([[5, 7, 2]])).tolist()
    [[0, 5, 7]]
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the labels."""
        (labels,) = shapes
        fitting(len(labels) == 2, f"labels {labels} are not (batch, sequence)")
        return labels

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 0: numbers are only copied."""
        return 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return 0: the host shifts the tokens."""
        return 0.0

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 0."""
        return 0

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: there is no backward."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two rows of labels."""
        return (draw.integers(0, 5, (2, 4)),)

    def forward(self, *arrays: Array) -> Array:
        """Return the shifted rows."""
        made = np.zeros_like(arrays[0])
        made[:, 1:] = arrays[0][:, :-1]
        return made

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return nothing: tokens have no gradient."""
        return ()
