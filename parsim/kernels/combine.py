"""Combine: each token gets the rows of its experts, weighted by the softmax of their logits.

    x (b, s top, w)   logits (b, s, experts)   ->   y (b, s, w)       p = softmax of the top logits       y = sum of p x
    dx = p dy       dlogit = p (dp - sum p dp)       dp = dy x       and 0 for the others

FLOP of n rows, beside top experts b s to find them (see dispatch, also for a capacity):
    forward      5 n (max, -, exp, sum, /)  +  2 n w
    input_grad   5 n  +  3 n w (p dy, dy x)  +  4 n
Jiang et al., Mixtral of Experts, arXiv:2401.04088, section 2.1.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels
from parsim.kernels.dispatch import Routed, Routes
from parsim.kernels.softmax import back, shares


@kernels.add("combine")
class Combine(Routed):
    """Add up the rows of each token, weighted by the softmax of the logits of its experts.

    Parameters
    ----------
    top : experts of each token.
    capacity : rows that an expert takes, as a multiple of its equal share; left out: all.

    >>> logits = np.array([[[0.0, 0.0, -9.0]]])  # one token, of experts 0 and 1
    >>> Combine().forward(np.array([[[2.0], [4.0]]]), logits).tolist()
    [[[3.0]]]
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return (b, s, w)."""
        x, logits = shapes
        rows = self.rows(logits)
        fitting(x[:-1] == rows, f"rows {x} are not {rows}, as logits {logits} have them")
        return *logits[:2], x[2]

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of finding the rows, of the softmax, and of the sums."""
        x, logits = shapes
        a_row = 5.0 + 2.0 * x[2] if part == "forward" else 9.0 + 3.0 * x[2]
        return self.routing(logits) + a_row * size(x[:2])

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of x and y; or of x, dx and dy. Logits are few."""
        rows = size(shapes[0]) * (1 if part == "forward" else 2)
        return BYTES[precision.activations] * (rows + size(self.shape(*shapes)))

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 2: the softmax, and the sums or their gradients."""
        return 2

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw the rows of six tokens, and logits of one expert more than a token has."""
        return draw.standard_normal((2, 3 * self._top, 4)), draw.standard_normal((2, 3, self._top + 1))

    def forward(self, *arrays: Array) -> Array:
        """Return the sums."""
        x, logits = arrays
        found = self.routes(logits)
        rows = x.reshape(-1, x.shape[2])[found.row]  # (tokens, top, w)
        y = np.einsum("rk,rkw->rw", _shares(logits, found), rows)
        return np.asarray(y.reshape(self.shape(x.shape, logits.shape)))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return p dy, and the gradients of the logits."""
        x, logits = arrays
        found = self.routes(logits)
        p, dy, rows = _shares(logits, found), grad.reshape(-1, grad.shape[2]), x.reshape(-1, x.shape[2])
        dx = np.empty(rows.shape)
        dx[found.row] = p[:, :, np.newaxis] * dy[:, np.newaxis]
        dp = np.einsum("rw,rkw->rk", dy, rows[found.row])
        made = np.zeros((len(dy), logits.shape[2]))
        np.put_along_axis(made, found.expert, back(p, dp), axis=1)
        return dx.reshape(x.shape), made.reshape(logits.shape)


def _shares(logits: Array, found: Routes) -> Array:
    """Return the softmax of the logits of each token's experts, (tokens, top)."""
    return shares(np.take_along_axis(logits.reshape(-1, logits.shape[2]), found.expert, axis=1))
