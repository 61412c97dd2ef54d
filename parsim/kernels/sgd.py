"""SGD: a step down the gradient.

    state (1, *w): the weights       grad (*w)       w - rate grad       2 FLOP a weight

Robbins, Monro, A Stochastic Approximation Method, Ann. Math. Statist. 22(3), 1951.
"""

from __future__ import annotations

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.core.precision import BYTES, Precision
from parsim.core.schema import Positive
from parsim.kernels import kernels


@kernels.add("sgd")
class Sgd(Kernel):
    """Make the next state by a step down the gradient; row 0 of the state is the weights.

    Parameters
    ----------
    rate : learning rate: how far a step goes.

    >>> step = Sgd(rate=0.5)
    >>> step.forward(step.start(np.array([1.0, 2.0])), np.array([2.0, 0.0]))
    array([[0., 2.]])
    """

    rows = 1  # of the state: the weights
    moments = 0  # that a library's kernel keeps for each weight

    def __init__(self, rate: Positive = 0.01) -> None:
        self._rate = rate

    def start(self, weights: Array) -> Array:
        """Return the state before the first step."""
        return np.array([weights], dtype=float)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the state."""
        state, grad = shapes
        fitting(state == (self.rows, *grad), f"a state {state} does not fit a gradient {grad}")
        return state

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 2 per weight."""
        return 2.0 * size(shapes[1])

    def moved(self, part: Part, precision: Precision, *shapes: Shape) -> float:
        """Return the bytes of the gradient, and of all that is kept of a weight."""
        return step_bytes(precision, self.moments) * size(shapes[1])

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw weights and a gradient."""
        return self.start(draw.standard_normal((3, 4))), draw.standard_normal((3, 4))

    def forward(self, *arrays: Array) -> Array:
        """Return the next state."""
        state, grad = arrays
        after = np.multiply(grad, -self._rate, out=np.empty(grad.shape))
        after += state[0]
        return after[np.newaxis]


def step_bytes(precision: Precision, moments: int) -> float:
    """Return the bytes that a step reads and writes for a weight with so many *moments*.

    Read: the gradient. Read and written: the moments, and the master copy or, without one, the weight. Written: the
    weight that is made of a master copy.

    >>> from parsim.core.precision import PRESETS
    >>> step_bytes(PRESETS["bf16-mixed"], moments=2), step_bytes(PRESETS["fp32"], moments=0)
    (28.0, 12.0)
    """
    master, weight = BYTES[precision.master], BYTES[precision.weights]
    kept = 2 * master + weight if master else 2 * weight
    return float(BYTES[precision.gradients] + kept + 2 * moments * BYTES[precision.optimizer])
