"""Dispatch: each token goes to the experts with the largest logits, sorted by expert.

    x (b, s, w)   logits (b, s, experts)   ->   y (b, s top, w)       all rows of expert 0 first, then those of 1, ...
    dx = sum of dy over the rows of a token

FLOP, of b s tokens with n = b s top rows: top experts b s (top maxima), and for dx n w more (sums).
With a capacity c each expert takes c n / experts rows, rounded up, of which some may be empty, and what is beyond it is
lost: y (1, experts times that, w). Such a model can be counted, but not computed, since what is lost depends on how the
batch is cut. Without one, prices assume that experts get equal numbers of rows.
Shazeer et al., Outrageously Large Neural Networks, ICLR 2017; capacity: Lepikhin et al., GShard, ICLR 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Ints
from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Count, Positive
from parsim.kernels import kernels


class Routes(NamedTuple):
    """The rows of tokens at their experts, sorted by expert."""

    token: Ints  # of each row, (n,)
    ends: Ints  # of the rows of each expert, (experts,)
    expert: Ints  # of each choice of a token, the largest logit first, (tokens, top)
    row: Ints  # of each choice of a token, (tokens, top)


def routes(logits: Array, top: int) -> Routes:
    """Send each token to the experts with the *top* largest logits; of equals, to the first.

    >>> routes(np.array([[[0.0, 2.0, 1.0], [5.0, 0.0, 1.0]]]), top=2).token.tolist()  # expert 0, 1, 2, 2
    [1, 0, 0, 1]
    """
    rows = logits.reshape(-1, logits.shape[-1])
    expert = np.argsort(-rows, axis=1, kind="stable")[:, :top]
    order = np.argsort(expert, axis=None, kind="stable")
    row = np.empty(expert.size, np.int64)
    row[order] = np.arange(len(order))
    ends = np.cumsum(np.bincount(expert.ravel(), minlength=rows.shape[1]))
    return Routes(order // top, ends, expert, row.reshape(expert.shape))


class Routed(Kernel):
    """A kernel whose rows stand for tokens at their experts."""

    def __init__(self, top: Count = 2, capacity: Positive | None = None) -> None:
        self._top, self._capacity = top, capacity

    def rows(self, logits: Shape) -> Shape:
        """Return the shape of the rows, without their width."""
        fitting(len(logits) == 3, f"logits {logits} are not (batch, sequence, experts)")
        batch, sequence, experts = logits
        fitting(self._top <= experts, f"a token cannot go to {self._top} of {experts} experts")
        if self._capacity is None:
            return batch, sequence * self._top
        return 1, experts * math.ceil(self._capacity * batch * sequence * self._top / experts)

    def routing(self, logits: Shape) -> float:
        """Return the FLOP of finding the largest logits of each token."""
        return self._top * size(logits)

    def routes(self, logits: Array) -> Routes:
        """Return the rows of each token; with a capacity, raise `NotImplementedError`."""
        if self._capacity is not None:
            raise NotImplementedError("experts of limited capacity can be simulated, but not computed; leave it out")
        return routes(logits, self._top)


@kernels.add("dispatch")
class Dispatch(Routed):
    """Copy each token to the rows of its experts.

    Parameters
    ----------
    top : experts of each token.
    capacity : rows that an expert takes, as a multiple of its equal share; left out: all. With it, the kernel can be
        counted but not computed.

    >>> Dispatch(top=1).forward(np.array([[[5.0], [7.0]]]), np.array([[[0.0, 1.0], [1.0, 0.0]]])).tolist()
    [[[7.0], [5.0]]]
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the rows, (b, s top, w)."""
        x, logits = shapes
        rows = self.rows(logits)
        fitting(len(x) == 3 and x[:2] == logits[:2], f"x {x} and logits {logits} are not of the same tokens")
        return *rows, x[2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of the maxima, and for the gradient those of the sums."""
        return self.routing(shapes[1]) + (0.0 if part == "forward" else size(self.shape(*shapes)))

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y, or of dy and dx, and forward those of the logits."""
        logits = size(shapes[1]) if part == "forward" else 0.0
        return BYTES[precision.activations] * (size(shapes[0], self.shape(*shapes)) + logits)

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 3 for forward: maxima, their order, and the copy; 1 for backward."""
        return 3 if part == "forward" else 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return the logits, which tell the rows."""
        return (1,)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six tokens, and logits of one expert more than a token has."""
        return draw.standard_normal((2, 3, 4)), draw.standard_normal((2, 3, self._top + 1))

    def forward(self, *arrays: Array) -> Array:
        """Return the rows of tokens."""
        x, logits = arrays
        rows = x.reshape(-1, x.shape[2])[self.routes(logits).token]
        return np.asarray(rows.reshape(self.shape(x.shape, logits.shape)))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the sums of dy of each token; 0 for the logits, which only choose."""
        x, logits = arrays
        rows = grad.reshape(-1, grad.shape[2])[self.routes(logits).row]
        return rows.sum(axis=1).reshape(x.shape), np.zeros(logits.shape)
