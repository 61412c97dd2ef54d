"""Concatenate: one sequence behind the other, as where one array carries two.

    a (b, s, w)   c (b, t, w)   ->   y (b, s + t, w)       0 FLOP: only copied
    da = dy[:, :s]       dc = dy[:, s:]                    0 FLOP

A library passes both arrays on, so that a counted model moves no bytes for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting
from parsim.core.precision import Precision
from parsim.kernels import kernels


@kernels.add("concatenate")
class Concatenate(Kernel):
    """Put each sequence of the second array behind that of the first.

    >>> Concatenate().forward(np.array([[[1.0], [2.0]]]), np.array([[[3.0]]])).tolist()
    [[[1.0], [2.0], [3.0]]]
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, s + t, w)."""
        a, c = shapes
        good = len(a) == len(c) == 3 and (a[0], a[2]) == (c[0], c[2])
        fitting(good, f"arrays {a} and {c} are not (batch, sequence, width) of one batch and width")
        return a[0], a[1] + c[1], a[2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 0: numbers are only copied."""
        return 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return 0: a library passes both arrays on."""
        return 0.0

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 0."""
        return 0

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two arrays of sequences of unequal length."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal((2, 2, 4))

    def forward(self, *arrays: Array) -> Array:
        """Return both, one behind the other."""
        return np.concatenate(arrays, axis=1)

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the two parts of dy."""
        length = arrays[0].shape[1]
        return grad[:, :length].copy(), grad[:, length:].copy()
