"""Cross entropy: the negative log-probability of the right class of each row, in nats.

    logits (..., c)   labels (...)   ->   loss (...)

    loss = log sum e - (x[label] - max x)       e = exp(x - max x)       a row: 4 c + 2 FLOP
    dx = (e / sum e - [label]) dloss                                            6 c + 1, softmax computed again

Labels have no gradient. A library computes the loss in fp32 at least: forward and backward each read or write a logit
twice in the format of activations and twice in fp32. In sum these are the 24 bytes of an unfused loss on the last stage
of a pipeline, between 20 of a fused one and 100 of one wholly in fp32.

Goodfellow, Bengio, Courville, Deep Learning, MIT Press 2016, section 6.2.2.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.kernel import ITEM, Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.kernels import kernels
from parsim.kernels.softmax import shares


@kernels.add("cross_entropy")
class CrossEntropy(Kernel):
    """Compute the loss of each row of logits against its label.

    >>> CrossEntropy().forward(np.zeros((2, 4)), np.array([0, 3])).round(4)  # of 4 classes, none preferred: log 4
    array([1.3863, 1.3863])
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return (...): one loss per row."""
        logits, labels = shapes
        fitting(len(logits) > 0 and logits[:-1] == labels, f"logits {logits} do not fit labels {labels}")
        return labels

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 4 per logit and 2 per row for forward, 6 and 1 for the gradient."""
        logits, labels = map(size, shapes)
        return 4.0 * logits + 2.0 * labels if part == "forward" else 6.0 * logits + labels

    def bytes(self, part: Part, *shapes: Shape) -> float:
        """Return the bytes of any kernel, without a gradient of the labels."""
        unmade = size(shapes[1]) if part == "input_grad" else 0.0
        return super().bytes(part, *shapes) - ITEM * unmade

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return 24 bytes a logit for both halves together, where logits have 2 bytes, as measured; see above."""
        return 2.0 * (BYTES[precision.activations] + wide(precision)) * size(shapes[0])

    def launches(self, part: Part, *shapes: Shape) -> int:
        """Return 2 for forward, one of which converts the logits, and 1 for backward."""
        return 2 if part == "forward" else 1

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return the labels: instead of the logits, `saved` are kept."""
        return (1,)

    def saved(self, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of the probabilities, at least 4 a number."""
        return wide(precision) * size(shapes[0])

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw six rows of logits and their labels."""
        return draw.standard_normal((2, 3, 5)), draw.integers(0, 5, (2, 3))

    def forward(self, *arrays: Array) -> Array:
        """Return -log softmax(x)[label]."""
        e, labels = self._rows(*arrays)
        e -= e.max(axis=1, keepdims=True)
        right = e[np.arange(len(e)), labels]
        loss = np.log(np.exp(e, out=e).sum(axis=1))
        loss -= right
        return np.asarray(loss.reshape(arrays[1].shape))

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return (softmax(x) - [label]) dloss; nothing for the labels."""
        x, labels = self._rows(*arrays)
        dx = shares(x)
        dx[np.arange(len(dx)), labels] -= 1.0
        dx *= grad.reshape(-1, 1)
        return (dx.reshape(arrays[0].shape),)

    def _rows(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """Return a copy of the logits, (rows, c), and the labels, (rows,)."""
        return np.array(logits, dtype=float).reshape(-1, logits.shape[-1]), labels.reshape(-1)


def wide(precision: Precision) -> int:
    """Return the bytes of a number in fp32, or in the format of activations where that has more."""
    return max(BYTES["fp32"], BYTES[precision.activations])
