"""Flat buffers of the weights of neighbouring layers, of which each data rank owns an equal share.

layer 3   w (2, 3)   bias (3,)      |w w w w w w b b b .|     9 numbers, a share of 5 for each of two ranks
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Floats
from parsim.core.kernel import Array, Shape


class Flat(NamedTuple):
    """Some weights, one after the other.

    >>> flat = Flat(((2, 3), (3,)), ranks=2)
    >>> flat.numbers, flat.share, flat.own(1)
    (9, 5, slice(5, 10, None))
    >>> [array.shape for array in flat.arrays(np.zeros(10))]
    [(2, 3), (3,)]
    """

    shapes: tuple[Shape, ...]
    ranks: int

    @property
    def numbers(self) -> int:
        """How many there are."""
        return sum(map(math.prod, self.shapes))

    @property
    def share(self) -> int:
        """The numbers of a rank's share; a rest pads the last."""
        return -(-self.numbers // self.ranks)

    def own(self, rank: int) -> slice:
        """Return where the share of a rank lies."""
        return slice(rank * self.share, (rank + 1) * self.share)

    def write(self, arrays: Sequence[Array], buffer: Floats) -> None:
        """Write *arrays* into a buffer, and zeros behind them."""
        for (first, end), array in zip(self._bounds(), arrays, strict=True):
            buffer[first:end] = array.ravel()
        buffer[self.numbers :] = 0.0

    def arrays(self, buffer: Floats) -> list[Array]:
        """Return copies of the arrays in a buffer."""
        every = zip(self._bounds(), self.shapes, strict=True)
        return [buffer[first:end].reshape(shape).copy() for (first, end), shape in every]

    def read(self, buffer: Floats, arrays: Sequence[Array]) -> None:
        """Write what is in a buffer over *arrays*, whose memory is there already."""
        for (first, end), array in zip(self._bounds(), arrays, strict=True):
            array[...] = buffer[first:end].reshape(array.shape)

    def within(self, rank: int, share: Floats) -> Iterator[Floats]:
        """Yield of each array the numbers that lie in a rank's *share*."""
        begin = rank * self.share
        for first, end in self._bounds():
            yield share[np.clip(first - begin, 0, self.share) : np.clip(end - begin, 0, self.share)]

    def _bounds(self) -> Iterator[tuple[int, int]]:
        return pairwise(accumulate(map(math.prod, self.shapes), initial=0))
