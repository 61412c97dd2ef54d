"""Attention: each position averages the values of the positions that it attends to.

    q, k, v (b, s, w)   ->   y (b, s, w)       each head has its own d = w / heads columns

    p = softmax(q k^T / sqrt d)       y = p v           causal:  position 0 sees  #
                                                                 position 1       # #
    dv = p^T dy       ds = p (dy v^T - sum p (dy v^T))           position 2       # # #
    dq = ds k / sqrt d       dk = ds^T q / sqrt d

FLOP, of b heads s^2 scores and b s w numbers in q:

    forward      4 b s^2 w  (q k^T, p v)   +  4 per score (max, -, exp, sum)  +  2 per number (scale q, divide y)
    input_grad  10 b s^2 w  (q k^T again)  +  9 per score (p again: 5)        +  2 per number (scale q, scale dq)

Forward divides after p v, which has fewer numbers. Masked scores are computed and counted.
Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.2.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.schema import Count
from parsim.kernels import kernels
from parsim.kernels.softmax import back, exponentials, shares


@kernels.add("attention")
class Attention(Kernel):
    """Average the values of each sequence by the softmax of scaled products of queries and keys.

    Parameters
    ----------
    heads : number of heads, a divisor of the width.
    mask : positions that a position attends to: causal, itself and earlier ones; none, all.

    >>> q = k = np.zeros((1, 2, 1))
    >>> Attention().forward(q, k, np.array([[[1.0], [3.0]]])).tolist()  # the first sees itself, the second both
    [[[1.0], [2.0]]]
    """

    def __init__(self, heads: Count = 1, mask: Literal["causal", "none"] = "causal") -> None:
        self._heads, self._mask = heads, mask

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of q, which is also that of k and v."""
        q, k, v = shapes
        fitting(len(q) == 3 and q == k == v, f"q {q}, k {k}, v {v} are not all (batch, sequence, width)")
        fitting(q[2] % self._heads == 0, f"a width of {q[2]} cannot be split into {self._heads} equal heads")
        return q

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of the products, the scores, and the scaling."""
        batch, sequence, width = shapes[0]
        square = size((batch, sequence, sequence))
        products, a_score = (4.0, 4.0) if part == "forward" else (10.0, 9.0)
        return products * square * width + a_score * square * self._heads + 2.0 * size(shapes[0])

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two sequences of four positions, with three columns per head."""
        q, k, v = draw.standard_normal((3, 2, 4, 3 * self._heads))
        return q, k, v

    def forward(self, *arrays: Array) -> Array:
        """Return p v, head by head."""
        q, k, v = map(self._split, arrays)
        e = exponentials(self._scores(self._scaled(q), k))
        y, (part,) = self._empty(arrays[0].shape, 1)
        np.matmul(e, v, out=part)
        part /= e.sum(axis=-1, keepdims=True)
        return y[0]

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dq, dk and dv."""
        q, k, v, dy = map(self._split, (*arrays, grad))
        q = self._scaled(q)
        p = shares(self._scores(q, k))
        whole, (dq, dk, dv) = self._empty(grad.shape, 3)
        np.matmul(p.swapaxes(-1, -2), dy, out=dv)
        ds = back(p, dy @ v.swapaxes(-1, -2))
        np.matmul(ds, k, out=dq)
        dq /= math.sqrt(q.shape[-1])
        np.matmul(ds.swapaxes(-1, -2), q, out=dk)  # q is scaled
        return tuple(whole)

    def _split(self, array: Array) -> Array:
        """Return a view by head: (b, heads, s, d)."""
        batch, sequence, width = array.shape
        return array.reshape(batch, sequence, self._heads, width // self._heads).transpose(0, 2, 1, 3)

    def _empty(self, shape: Shape, number: int) -> tuple[list[Array], list[Array]]:
        """Return an empty array for results, and its view by head."""
        whole = [np.empty(shape) for _ in range(number)]
        return whole, [self._split(array) for array in whole]

    def _scaled(self, q: Array) -> Array:
        return np.asarray(q / math.sqrt(q.shape[-1]))

    def _scores(self, q: Array, k: Array) -> Array:
        """Return q k^T with -inf at masked positions: (b, heads, s, s)."""
        scores = np.asarray(q @ k.swapaxes(-1, -2))
        if self._mask == "causal":
            np.copyto(scores, -np.inf, where=np.tri(scores.shape[-1], k=-1, dtype=bool).T)
        return scores
