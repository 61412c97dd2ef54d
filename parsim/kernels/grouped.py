"""Grouped: the rows of each expert times the matrix of the expert.

    x (b, s top, i)   logits (b, s, experts)   w (experts, i, o)   ->   y (b, s top, o)     y = x w[expert of the row]
    dx = dy w[expert]^T       dw[expert] = x^T dy, over the rows of the expert

FLOP of n rows: 2 n i o for every part, and top experts b s to find the experts (see dispatch, also for a capacity).
Prices assume that experts have equal numbers of rows, or one of them `imbalance` times the mean. Gale et al.,
MegaBlocks, MLSys 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from parsim.core.kernel import Array, Part, Product, Shape, fitting, size
from parsim.core.routing import Routing
from parsim.core.schema import Count, Imbalance, Positive, Whole
from parsim.kernels import kernels
from parsim.kernels.dispatch import Routed


@kernels.add("grouped")
class Grouped(Routed):
    """Multiply the rows of each expert by its weights.

    Parameters
    ----------
    top : experts of each token.
    capacity : rows that an expert takes, as a multiple of its equal share; left out: all.
    devices : devices that share the experts; x are the rows of those of one of them. Above 1 the kernel can be counted
        but not computed.
    imbalance : rows of the busiest expert, as a multiple of the mean; above 1 likewise.
    rank : which of the devices; rank 0 has the busiest expert.

    >>> logits = np.array([[[0.0, 1.0], [1.0, 0.0]]])  # expert 0 has the second token
    >>> Grouped(top=1).forward(np.array([[[7.0], [5.0]]]), logits, np.array([[[1.0]], [[10.0]]])).tolist()
    [[[7.0], [50.0]]]
    """

    weights = 1

    def __init__(
        self,
        top: Count = 2,
        capacity: Positive | None = None,
        devices: Count = 1,
        imbalance: Imbalance = 1.0,
        rank: Whole = 0,
    ) -> None:
        super().__init__(top, capacity)
        self._devices, self._imbalance, self._rank = devices, imbalance, rank

    def rows(self, logits: Shape) -> Shape:
        """Return the shape of the rows of a device, without their width."""
        batch, sent = super().rows(logits)
        return batch, Routing(self._imbalance, logits[2], self._devices).rows(sent, self._rank)

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, rows of the device, o)."""
        x, logits, w = shapes
        rows = self.rows(logits)
        fitting(x[:-1] == rows, f"rows {x} are not {rows}, as logits {logits} have them")
        good = len(w) == 3 and (logits[2], x[2]) == (w[0] * self._devices, w[1])
        fitting(good, f"rows {x} and logits {logits} do not fit the weights {w} of experts")
        return *rows, w[2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 2 n i o, and the FLOP of finding the experts."""
        x, logits, w = shapes
        return 2.0 * size(x) * w[2] + self.routing(logits)

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the products of the busiest expert, of those with one row more, and of those with one less."""
        (batch, each, _), logits, (experts, i, o) = shapes
        left, busy = batch * each, 0
        if self._imbalance > 1 and not self._rank:
            mean = math.prod(super().rows(logits)) / experts
            busy = left if experts == 1 else min(left, math.ceil(round(self._imbalance * mean, 6)))
        others = experts - (busy > 0)
        rows, more = divmod(left - busy, others) if others else (0, 0)
        found = []
        for many, m in ((1, busy), (more, rows + 1), (others - more, rows)):
            by_part = {
                "forward": Product(many, m, o, i),
                "input_grad": Product(many, m, i, o),
                "weight_grad": Product(many, i, o, m),
            }
            found += [by_part[part]] if many and m else []
        return tuple(found)

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 1 for every part: all experts together."""
        return 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return x for the gradient of the weights, and the logits, which tell the experts."""
        return range(inputs) if part == "weight_grad" else (1,)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw the rows of six tokens, logits of one expert more than a token has, and weights."""
        experts = self._top + 1
        logits, weights = draw.standard_normal((2, 3, experts)), draw.standard_normal((experts, 4, 5))
        return draw.standard_normal((2, 3 * self._top, 4)), logits, weights

    def forward(self, *arrays: Array) -> Array:
        """Return the product of each expert."""
        x, logits, w = arrays
        y, given = np.empty((*x.shape[:2], w.shape[2])), _rows(x)
        for rows, own in self._experts(logits, w):
            _rows(y)[rows] = given[rows] @ own
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dy times the weights of each expert; 0 for the logits."""
        x, logits, w = arrays
        dx, dy = np.empty(x.shape), _rows(grad)
        for rows, own in self._experts(logits, w):
            _rows(dx)[rows] = dy[rows] @ own.T
        return dx, np.zeros(logits.shape)

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return x^T dy of each expert."""
        x, logits, w = arrays
        dw, given, dy = np.empty(w.shape), _rows(x), _rows(grad)
        for rows, own in self._experts(logits, dw):
            own[:] = given[rows].T @ dy[rows]
        return (dw,)

    def _experts(self, logits: Array, w: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the rows of each expert, and its part of an array."""
        if self._devices > 1:
            raise NotImplementedError("experts of several devices can be simulated, but not computed; use devices 1")
        if self._imbalance > 1:
            raise NotImplementedError("an imbalance of experts can be simulated, but not computed; leave it out")
        start = 0
        for end, own in zip(self.routes(logits).ends.tolist(), w, strict=True):
            yield slice(start, end), own
            start = end


def _rows(array: Array) -> Array:
    """Return a view of all rows, below each other."""
    return array.reshape(-1, array.shape[2])
