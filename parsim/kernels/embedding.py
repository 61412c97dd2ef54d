"""Embedding: a row of the table for each token.

    tokens (...)   table (vocabulary, width)   ->   y (..., width)       y = table[tokens]       0 FLOP: only copied
    dtable[t] = sum of dy where the token is t                           R width FLOP, R the number of tokens

Tokens have no gradient. Forward reads R rows of the table, and its bytes count only these. A device that has a part of
the table sees -1 for tokens of other parts: their rows are zeros, and have no gradient.
Bengio et al., A Neural Probabilistic Language Model, JMLR 3, 2003, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import ITEM, Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels

ELSEWHERE = -1  # in place of a token whose row is in another part of the table


@kernels.add("embedding")
class Embedding(Kernel):
    """Look up a row of the table for each token.

    >>> Embedding().forward(np.array([1, 1, 0]), np.array([[0.0, 0.5], [1.0, 1.5]]))
    array([[1. , 1.5],
           [1. , 1.5],
           [0. , 0.5]])
    """

    weights = 1

    def shape(self, *shapes: Shape) -> Shape:
        """Return (..., width)."""
        tokens, table = shapes
        fitting(len(table) == 2, f"a table {table} is not (vocabulary, width)")
        return (*tokens, table[1])

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return R width for the gradient of the table, else 0."""
        return size(self.shape(*shapes)) if part == "weight_grad" else 0.0

    def bytes(self, part: Part, *shapes: Shape) -> float:
        """Return the bytes of tokens, rows and output; for the gradient, of tokens, dy and the whole table."""
        rows = size(self.shape(*shapes))
        touched = {"forward": 2 * rows, "input_grad": 0.0, "weight_grad": rows + size(shapes[1])}[part]
        return ITEM * (size(shapes[0]) + touched) if touched else 0.0

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of rows and output; for the gradient, of dy, its sums, and the table, once set to 0."""
        rows = 2.0 * BYTES[precision.activations] * size(self.shape(*shapes))
        table = BYTES[precision.gradients] * size(shapes[1])
        return {"forward": rows, "input_grad": 0.0, "weight_grad": rows + table}[part]

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return the tokens, for the gradient of the table."""
        return range(inputs if part == "weight_grad" else 0)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six tokens, some equal, and a table of five rows."""
        return draw.integers(0, 4, (2, 3)), draw.standard_normal((5, 4))

    def forward(self, *arrays: Array) -> Array:
        """Return table[tokens]."""
        tokens, table = arrays
        rows = np.asarray(table[tokens])
        if tokens.min(initial=0) == ELSEWHERE:
            rows[tokens == ELSEWHERE] = 0.0
        return rows

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return nothing: tokens have no gradient."""
        return ()

    def weight_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return the sum of dy for each row of the table."""
        tokens, table = arrays
        width = table.shape[1]
        if tokens.min(initial=0) == ELSEWHERE:
            tokens, grad = tokens[tokens != ELSEWHERE], grad[tokens != ELSEWHERE]
        cells = tokens.reshape(-1, 1) * width + np.arange(width)  # one bincount over all cells is faster than np.add.at
        return (np.bincount(cells.ravel(), grad.ravel(), table.size).reshape(table.shape),)
