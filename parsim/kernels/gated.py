"""Gated: a product of two arrays, of which an activation function damps the first, as in SwiGLU and GEGLU.

    y = f(a) b                      f = silu, gelu or relu
    da = dy b f'(a)       db = dy f(a)

    silu   f = h + h t          h = a/2, t = tanh h         4 FLOP a number
           f' = (1 + t)/2 (1 + h (1 - t))                   9, with the product by a gradient

FLOP a number, with those of f: forward 1 + f, input_grad 2 + f + f'. GELU and ReLU are the kernels of these names.
Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202; SiLU: Elfwing, Uchibe, Doya, Neural Networks 107, 2018.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, fitting, size
from parsim.kernels import kernels
from parsim.kernels.gelu import Gelu
from parsim.kernels.relu import Relu


class Silu:
    """a times the logistic function of a, which is (1 + tanh a/2) / 2."""

    def forward(self, a: Array) -> Array:
        """Return h + h t."""
        h = a * 0.5
        t = np.tanh(h)
        t *= h
        t += h
        return np.asarray(t)

    def input_grad(self, grad: Array, a: Array) -> tuple[Array, ...]:
        """Return dy (1 + t)/2 (1 + h (1 - t))."""
        h = a * 0.5
        t = np.tanh(h)
        h *= 1.0 - t
        h += 1.0
        t += 1.0
        t *= 0.5
        h *= t
        h *= grad
        return (np.asarray(h),)


class Function(Protocol):
    """An activation function, and its gradient."""

    def forward(self, a: Array, /) -> Array:
        """Return f(a)."""

    def input_grad(self, grad: Array, a: Array, /) -> tuple[Array, ...]:
        """Return the gradient of a, alone in a tuple."""


class Activation(NamedTuple):
    """An activation function with its FLOP a number."""

    function: Function
    forward: float
    input_grad: float


ACTIVATIONS = {
    "silu": Activation(Silu(), 4.0, 9.0),
    "gelu": Activation(Gelu(), 8.0, 15.0),
    "relu": Activation(Relu(), 1.0, 2.0),
}


@kernels.add("gated")
class Gated(Kernel):
    """Multiply b by an activation function of a.

    Parameters
    ----------
    activation : function of a: silu makes SwiGLU, gelu GEGLU, and relu ReGLU.

    >>> Gated().forward(np.array([-1.0, 0.0, 2.0]), np.array([1.0, 1.0, 10.0])).round(4)
    array([-0.2689,  0.    , 17.6159])
    """

    def __init__(self, activation: Literal["silu", "gelu", "relu"] = "silu") -> None:
        self._activation = ACTIVATIONS[activation]

    def shape(self, *shapes: Shape) -> Shape:
        """Return the common shape."""
        a, b = shapes
        fitting(a == b, f"arrays {a} and {b} are not of one shape")
        return a

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 1 + f per number for forward, 2 + f + f' for the gradients."""
        _, forward, gradient = self._activation
        return size(shapes[0]) * (1.0 + forward if part == "forward" else 2.0 + forward + gradient)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw two arrays, the first without numbers close to 0, where ReLU has its kink."""
        a, b = draw.standard_normal((2, 2, 3, 4))
        return a + np.copysign(0.1, a), b

    def forward(self, *arrays: Array) -> Array:
        """Return f(a) b."""
        a, b = arrays
        return self._activation.function.forward(a) * b

    def input_grad(self, grad: Array, *arrays: Array) -> tuple[Array, ...]:
        """Return da and db."""
        a, b = arrays
        function = self._activation.function
        (da,) = function.input_grad(grad * b, a)
        return da, function.forward(a) * grad
