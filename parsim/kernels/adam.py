"""Adam: a step along the mean of the gradients, divided by the root of the mean of their squares.

    state (4, *w):   weights w | first moment m | second moment v | t, the steps so far, in every cell
    grad (*w)

    m <- b1 m + (1 - b1) g       v <- b2 v + (1 - b2) g^2       t <- t + 1
    w <- w - rate mm / (sqrt vv + eps)       mm = m / (1 - b1^t), vv = v / (1 - b2^t)

13 FLOP per weight: 3 for m, 4 for v, 6 for w, since 1 - b^t is one number for all weights, and the step is
(rate / (1 - b1^t)) m over (1 / sqrt(1 - b2^t)) sqrt v + eps. Every cell stores t, so that a part of the state is a
state.

Kingma, Ba, Adam: A Method for Stochastic Optimization, arXiv:1412.6980, algorithm 1.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from parsim.core.errors import Complaint, Invalid
from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive
from parsim.kernels import kernels
from parsim.kernels.sgd import step_bytes


@kernels.add("adam")
class Adam(Kernel):
    """Make the next state by the moments of the gradient; row 0 of the state is the weights.

    Parameters
    ----------
    rate : learning rate: how far a step goes.
    beta1 : weight of the past in the mean of the gradients, between 0 and 1.
    beta2 : weight of the past in the mean of their squares, between 0 and 1.
    eps : added to the root of that mean, to avoid division by zero.
    passes : how a library steps: one, a single kernel; several, in mixed precision, kernels that convert the gradients
        to the format of the master copy, unscale them, take their norm, clip them, step, and copy the weights, each
        through memory, as Megatron-LM's Float16OptimizerWithFloat16Params does. The results are the same.

    >>> step = Adam(rate=0.5)
    >>> step.forward(step.start(np.array([1.0, 2.0])), np.array([3.0, -0.1]))[0].round(4)  # the first steps are +-rate
    array([0.5, 2.5])
    """

    rows = 4  # of the state: weights, first moment, second moment, steps so far
    moments = 2  # that a library's kernel keeps for each weight

    def __init__(
        self,
        rate: Positive = 0.001,
        beta1: Positive = 0.9,
        beta2: Positive = 0.999,
        eps: Positive = 1e-8,
        passes: Literal["one", "several"] = "one",
    ) -> None:
        wrong = [
            Complaint(
                (name,), f"{beta:g} must be at least 0 and below 1; it is the weight of the past in a moving mean"
            )
            for name, beta in (("beta1", beta1), ("beta2", beta2))
            if not 0 < beta < 1
        ]
        if wrong:
            raise Invalid(wrong)
        self._rate, self._beta1, self._beta2, self._eps = rate, beta1, beta2, eps
        self._several = passes == "several"

    def start(self, weights: Array) -> Array:
        """Return the state before the first step."""
        state = np.zeros((self.rows, *weights.shape))
        state[0] = weights
        return state

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the state."""
        state, grad = shapes
        fitting(state == (self.rows, *grad), f"a state {state} does not fit a gradient {grad}")
        return state

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 13 per weight."""
        return 13.0 * size(shapes[1])

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of the gradient, and of all that is kept of a weight; of all passes, if they are several."""
        own, master = step_bytes(precision, self.moments), BYTES[precision.master]
        if self._several and master:
            own += _between(precision)
        return own * size(shapes[1])

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw weights after one step, and a gradient."""
        state, first, second = draw.standard_normal((3, 3, 4))
        return self.forward(self.start(state), first), second

    def forward(self, *arrays: Array) -> Array:
        """Return the next state."""
        state, grad = arrays
        steps = float(state[3].flat[0]) + 1.0
        after = np.empty(state.shape)
        w, m, v, t = (after[row, ...] for row in range(self.rows))
        t[...] = steps
        np.multiply(grad, 1.0 - self._beta1, out=w)  # w is scratch space until m and v are computed
        np.multiply(state[1], self._beta1, out=m)
        m += w
        np.multiply(grad, grad, out=w)
        w *= 1.0 - self._beta2
        np.multiply(state[2], self._beta2, out=v)
        v += w
        np.sqrt(v, out=w)
        w *= 1.0 / math.sqrt(1.0 - self._beta2**steps)
        w += self._eps
        np.divide(m, w, out=w)
        w *= -self._rate / (1.0 - self._beta1**steps)
        w += state[0]
        return after


def _between(precision: Precision) -> float:
    """Return the bytes of a weight that several passes read and write beyond those of one.

    Converted: a gradient read and written, and read by the step in the format of the master copy. Unscaled and clipped:
    read and written. Norm: read. Copied: the master copy read.

    >>> from parsim.core.precision import PRESETS
    >>> _between(PRESETS["fp16-mixed"])  # 28 of one pass, 60 of several
    32.0
    """
    gradient, master = BYTES[precision.gradients], BYTES[precision.master]
    converted = 2 * master if gradient < master else 0
    return float(converted + 2 * 2 * master + master + master)
