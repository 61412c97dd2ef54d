"""Double: twice an element, which is a number or an array.

    3 -> 6        1 FLOP a number

The kernel of the five-task example: the doubles of 1 to 5 add up to 30.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parsim.core.kernel import Array, Kernel, Part, Shape, size
from parsim.kernels import kernels


@kernels.add("double")
class Double(Kernel):
    """Double an element; integers stay integers.

    >>> Double().forward(21)
    42
    """

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of x."""
        (x,) = shapes
        return x

    def flops(self, part: Part, *shapes: Shape) -> float:
        """Return 1 per number."""
        return size(*shapes)

    def sample(self, draw: np.random.Generator) -> tuple[Array, ...]:
        """Draw twelve numbers."""
        return (draw.standard_normal((3, 4)),)

    def forward(self, *arrays: Any) -> Any:
        """Return 2 x."""
        return 2 * arrays[0]
