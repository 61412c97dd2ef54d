"""Segment: some neighbouring positions of each sequence, as where one array carries two sequences.

    x (b, s, w)   ->   y (b, length, w)       y = x[:, start : start + length]       0 FLOP: only copied
    dx = dy there, and 0 elsewhere                                                   0 FLOP

A library reads them where they are, so that a counted model moves no bytes for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting
from parsim.core.precision import Precision
from parsim.core.schema import Count, Whole
from parsim.kernels import kernels


@kernels.add("segment")
class Segment(Kernel):
    """Take some neighbouring positions of each sequence.

    Parameters
    ----------
    start : first position.
    length : number of positions.

    >>> Segment(start=1, length=2).forward(np.array([[[1.0], [2.0], [3.0]]])).tolist()
    [[[2.0], [3.0]]]
    """

    def __init__(self, start: Whole = 0, length: Count = 1) -> None:
        self._start, self._stop = start, start + length

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, length, w)."""
        (x,) = shapes
        fitting(len(x) == 3, f"x {x} is not (batch, sequence, width)")
        fitting(self._stop <= x[1], f"x {x} ends before position {self._stop - 1}")
        return x[0], self._stop - self._start, x[2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 0: numbers are only copied."""
        return 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return 0: a library reads the positions where they are."""
        return 0.0

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 0."""
        return 0

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing: backward reads dy alone."""
        return ()

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two sequences that are two positions longer than is asked for."""
        return (draw.standard_normal((2, self._stop + 2, 3)),)

    def forward(self, *arrays: Array) -> Array:
        """Return a copy of the positions."""
        return arrays[0][:, self._start : self._stop].copy()

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy at the positions, and 0 elsewhere."""
        dx = np.zeros(arrays[0].shape)
        dx[:, self._start : self._stop] = grad
        return (dx,)
