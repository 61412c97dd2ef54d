"""What tensor ranks exchange within a layer, as buffers: parts of arrays, one rank after the other.

all-gather along axis 1, of rank 0's part (2, 1, 4) and rank 1's     |part 0|part 1|    ->  (2, 2, 4)
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import Floats
from parsim.core.kernel import Array, Shape
from parsim.training.pieces import Swap


def parts_of(whole: Array, shape: Shape, rank: int) -> Array:
    """Return the part of a weight that a tensor rank has, whose shape says which axis is divided.

    >>> parts_of(np.arange(6.0).reshape(2, 3), (1, 3), 1)
    array([[3., 4., 5.]])
    """
    for axis, (all_, own) in enumerate(zip(whole.shape, shape, strict=True)):
        if all_ != own:
            return np.ascontiguousarray(whole.take(range(rank * own, (rank + 1) * own), axis))
    return whole


def numbers(swap: Swap, operation: str, ranks: int) -> int:
    """Return the numbers of the buffer of an exchange."""
    return swap.array.size * ranks if operation == "all-gather" else swap.array.size


def swapped(swap: Swap, operation: str, ranks: int, rank: int, buffer: Floats) -> None:
    """Write what a rank has into the buffer of an exchange."""
    if operation == "all-gather":
        buffer.reshape(ranks, -1)[rank] = swap.array.ravel()
    elif operation == "reduce-scatter":
        buffer[:] = np.stack(np.split(swap.array, ranks, swap.op.kernel.along.axis)).ravel()
    else:
        buffer[:] = swap.array.ravel()


def brought_by(swap: Swap, operation: str, ranks: int, rank: int, buffer: Floats) -> Array:
    """Return what a rank has after an exchange: the sum, the parts of all ranks, or its part of the sum."""
    shape, axis = swap.array.shape, swap.op.kernel.along.axis
    if operation == "all-gather":
        return np.concatenate(list(buffer.reshape(ranks, *shape)), axis)
    if operation == "reduce-scatter":
        own: Array = buffer.reshape(ranks, -1)[rank]
        divided = list(shape)
        divided[axis] //= ranks
        return own.reshape(divided).copy()
    return buffer.reshape(shape).copy()
