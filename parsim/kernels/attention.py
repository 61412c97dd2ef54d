"""Attention: each position averages the values of the positions that it attends to.

    q (b, s, w)   k, v (b, t, u)   ->   y (b, s, w)       each head has its own d = w / heads columns
                                                          u = d key_value_heads: heads share keys and values
    p = softmax(q k^T / sqrt d)       y = p v
    dv = p^T dy       ds = p (dy v^T - sum p (dy v^T))    causal:  position 0 sees  #
    dq = ds k / sqrt d       dk = ds^T q / sqrt d                  position 1       # #
                                                                   position 2       # # #
FLOP, of b heads s t scores and b s w numbers in q:

    forward      4 b s t w  (q k^T, p v)   +  4 per score (max, -, exp, sum)  +  2 per number (scale q, divide y)
    input_grad  10 b s t w  (q k^T again)  +  9 per score (p again: 5)        +  2 per number (scale q, scale dq)

Forward divides after p v, which has fewer numbers. Masked scores are computed and counted.
Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.2; shared keys and values: Ainslie et al., GQA,
arXiv:2305.13245.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.kernel import Array, Kernel, Part, Product, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Count
from parsim.kernels import kernels
from parsim.kernels.dropout_add import checked_rate, uncomputed
from parsim.kernels.softmax import back, exponentials, shares


@kernels.add("attention")
class Attention(Kernel):
    """Average the values of each sequence by the softmax of scaled products of queries and keys.

    Parameters
    ----------
    heads : number of heads, a divisor of the width.
    mask : positions that a position attends to: causal, itself and earlier ones; none, all.
    key_value_heads : number of heads of keys and values, a divisor of heads; left out: heads.
    algorithm : how a library computes it: flash, one kernel that keeps no scores; or plain, products and a softmax with
        all scores in memory. The results are the same.
    dropout : probability to drop a score, from 0 to below 1; above 0, the kernel can be counted but not computed.
    positions : relative, numbers of a table are added to the scores, by distance and head; none, they are not. With
        relative, the kernel can be counted but not computed.
    parts : devices that share a sequence: q are the queries of one, of as much work as any other's, and k and v are
        whole. Above 1 the kernel can be counted but not computed.

    >>> q = k = np.zeros((1, 2, 1))
    >>> Attention().forward(q, k, np.array([[[1.0], [3.0]]])).tolist()  # the first sees itself, the second both
    [[[1.0], [2.0]]]
    """

    def __init__(
        self,
        heads: Count = 1,
        mask: Literal["causal", "none"] = "causal",
        key_value_heads: Count | None = None,
        algorithm: Literal["flash", "plain"] = "flash",
        dropout: float = 0.0,
        positions: Literal["none", "relative"] = "none",
        parts: Count = 1,
    ) -> None:
        groups = key_value_heads or heads
        if heads % groups:
            why = f"{groups} does not divide the {heads} heads; write a divisor of {heads}"
            raise Invalid([Complaint(("key_value_heads",), why)])
        self._heads, self._mask, self._groups = heads, mask, groups
        self._plain, self._dropout, self._parts = algorithm == "plain", checked_rate("dropout", dropout), parts
        self.selective, self._relative = self._plain, positions == "relative"

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of q."""
        q, k, v = shapes
        fitting(len(q) == len(k) == 3 and k == v, f"q {q}, k {k}, v {v} are not all (batch, sequence, width)")
        fitting(q[2] % self._heads == 0, f"a width of {q[2]} cannot be split into {self._heads} equal heads")
        width = q[2] // self._heads * self._groups
        fitting(q[0] == k[0] and k[2] == width, f"q {q} needs k and v of batch {q[0]} and width {width}, not {k}")
        if self._mask == "causal":
            same = "the same sequence length" if self._parts == 1 else f"{self._parts} times the sequence length"
            fitting(q[1] * self._parts == k[1], f"a causal mask needs {same} in q {q} and k {k}")
        fitting(k[1] > 0, f"k {k} has no position to attend to")
        return q

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return the FLOP of the products, the scores, and the scaling."""
        (batch, sequence, width), keys = shapes[0], shapes[1][1]
        square = size((batch, sequence, keys))
        products, a_score = (4.0, 4.0) if part == "forward" else (10.0, 9.0)
        return products * square * width + a_score * square * self._heads + 2.0 * size(shapes[0])

    def products(self, part: Part, *shapes: Shape) -> tuple[Product, ...]:
        """Return the products of each head: of flash, equal ones, and backward with that of forward again."""
        (batch, sequence, width), keys = shapes[0], shapes[1][1]
        scores = Product(batch * self._heads, sequence, keys, width // self._heads)
        values = scores._replace(n=scores.k, k=scores.n)  # p v, and also dq = ds k
        if self._plain:
            turned = values._replace(m=values.k, k=values.m)  # dv = p^T dy, dk = ds^T q
            return (scores, values) if part == "forward" else (turned, scores, values, turned)
        fused = scores._replace(fused=True, skipped=0.5 if self._mask == "causal" else 0.0)
        return (fused,) * 2 if part == "forward" else (fused._replace(again=True), *(fused,) * 4)

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of all arrays; for plain attention, also those of the kernels between the products."""
        q, k, v = shapes
        a_number = BYTES[precision.activations]
        arrays = size(q, k, v, q)
        if self._plain:
            return a_number * arrays + self._a_score(part, a_number) * self._scores_of(q, k)
        return a_number * (arrays if part == "forward" else 2.0 * arrays)  # backward also reads dy, writes dq, dk, dv

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return the kernels of flash; or the products, one that orders arrays by head, the softmax, the dropout."""
        if self._plain:
            return len(self.products(part, *shapes)) + (3 if self._dropout else 2) + self._relative
        return 1 if part == "forward" else 2  # backward: the sums of p dp first

    def saved(self, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of p, its mask, and what is left of it; flash keeps a sum of exponentials per row of p."""
        (batch, sequence, _), k = shapes[0], shapes[1]
        a_number = BYTES[precision.activations]
        if self._plain:
            return (2 * a_number + 1 if self._dropout else a_number) * self._scores_of(shapes[0], k)
        return max(BYTES["fp32"], a_number) * size((batch, sequence, self._heads))

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two sequences of four positions, with three columns per head."""
        q = draw.standard_normal((2, 4, 3 * self._heads))
        k, v = draw.standard_normal((2, 2, 4, 3 * self._groups))
        return q, k, v

    def forward(self, *arrays: Array) -> Array:
        """Return p v, head by head."""
        self._refuse_uncomputed()
        q, k, v = self._split(*arrays)
        e = exponentials(self._scores(self._scaled(q), k))
        y = np.empty(arrays[0].shape)
        (part,) = self._split(y)
        np.matmul(e, v, out=part)
        part /= e.sum(axis=-1, keepdims=True)
        return y

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return dq, dk and dv."""
        self._refuse_uncomputed()
        q, k, v = self._split(*arrays)
        (dy,) = self._split(grad)
        q = self._scaled(q)
        p = shares(self._scores(q, k))
        made = tuple(np.empty(array.shape) for array in arrays)
        dq, dk, dv = self._split(*made)
        np.matmul(_turned(p), _rows(dy), out=dv[:, :, 0])
        ds = back(p, dy @ v.swapaxes(-1, -2))
        np.matmul(ds, k, out=dq)
        dq /= math.sqrt(q.shape[-1])
        np.matmul(_turned(ds), _rows(q), out=dk[:, :, 0])  # q is scaled
        return made

    def _refuse_uncomputed(self) -> None:
        uncomputed(self._dropout)
        if self._relative:
            raise NotImplementedError("relative positions can be simulated, but not computed; use positions none")
        if self._parts > 1:
            raise NotImplementedError("a part of a sequence can be simulated, but not computed; use parts 1")

    def _scores_of(self, q: Shape, k: Shape) -> float:
        """Return the number of scores."""
        return size((q[0], self._heads, q[1], k[1]))

    def _a_score(self, part: Part, a_number: int) -> int:
        """Return the bytes that plain attention reads and writes for a score outside of its products.

        forward     softmax: the score, p; dropout: p, its mask (1 byte), what is left of p
        input_grad  dropout: dy, the mask, dp; softmax: p, dp, ds; and once more p or what is left of it, for dv

        Relative positions: forward reads the score and writes its sum, input_grad reads ds.
        """
        dropout = 2 * a_number + 1 if self._dropout else 0
        arrays = (2, 2) if part == "forward" else (4, 1)
        return dropout + a_number * (arrays[0] + arrays[1] * self._relative)

    def _split(self, *arrays: Array) -> list[Array]:
        """Return views of queries, keys and values by head: (b, groups, heads of a group, s, d).

        A group has one head of keys and of values.
        """
        views = []
        for array, heads in zip(arrays, (self._heads, self._groups, self._groups), strict=False):
            batch, sequence, width = array.shape
            view = array.reshape(batch, sequence, self._groups, heads // self._groups, width // heads)
            views.append(view.transpose(0, 2, 3, 1, 4))
        return views

    def _scaled(self, q: Array) -> Array:
        return np.asarray(q / math.sqrt(q.shape[-1]))

    def _scores(self, q: Array, k: Array) -> Array:
        """Return q k^T with -inf at masked positions: (b, groups, heads of a group, s, t)."""
        scores = np.asarray(q @ k.swapaxes(-1, -2))
        if self._mask == "causal":
            np.copyto(scores, -np.inf, where=np.tri(scores.shape[-1], k=-1, dtype=bool).T)
        return scores


def _rows(array: Array) -> Array:
    """Return the rows of all heads of a group below each other: (b, groups, heads s, ...)."""
    batch, groups, heads, rows, columns = array.shape
    return array.reshape(batch, groups, heads * rows, columns)


def _turned(array: Array) -> Array:
    return _rows(array).swapaxes(-1, -2)
