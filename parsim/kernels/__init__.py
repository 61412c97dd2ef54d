"""The shelf of kernels: what does a task compute, and how many FLOP and bytes does a call take?"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from parsim.core.kernel import Call, Kernel, Product, is_class
from parsim.entries.registry import Shelf

kernels = Shelf(__name__, "what does a task really compute?")


@cache
def price(call: Call) -> tuple[float, float]:
    """Return the FLOP and the bytes of a call; NaN if its kernel does not state them.

    >>> price(Call("matmul", (), "forward", ((2, 3), (3, 4))))
    (48.0, 208.0)
    """
    entry = kernels.entries().get(call.kernel)
    if entry is None or not is_class(entry):
        return math.nan, math.nan
    kernel = entry(**dict(call.arguments))
    try:
        return float(kernel.flops(call.part, *call.shapes)), float(kernel.bytes(call.part, *call.shapes))
    except NotImplementedError:
        return math.nan, math.nan


@cache
def kernel_of(call: Call) -> Any:
    """Return the kernel of a call: an object, or a plain function."""
    entry = kernels[call.kernel]
    return entry(**dict(call.arguments)) if is_class(entry) else entry


def products_of(call: Call) -> tuple[Product, ...]:
    """Return the products of matrices in a call."""
    kernel = kernel_of(call)
    return kernel.products(call.part, *call.shapes) if isinstance(kernel, Kernel) else ()
