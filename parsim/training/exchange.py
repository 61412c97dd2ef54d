"""Exchanges: what the devices that share a layer send each other between its kernels.

    tensor                  forward            backward
      before products       -                  all-reduce of the gradient
      after products        all-reduce         -
    tensor and sequence
      before products       all-gather         reduce-scatter
      after products        reduce-scatter     all-gather
    context, keys, values   all-gather         all-gather, and reduce-scatter of their gradients: as an all-reduce
    experts, rows           all-to-all         all-to-all

An exchange stands in a layer as an op. It computes nothing, so costs do not see it; the network says what it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from parsim.core.kernel import Array, Call, Kernel, Part, Shape, size
from parsim.core.precision import BYTES, Precision
from parsim.core.rounds import EQUAL, Shares

NAME = "exchange"  # of its calls; no kernel of the shelf


class Exchanged(NamedTuple):
    """What a group of devices exchanges."""

    communicator: str
    operation: str
    size: float  # B of the whole buffer
    overlapped: bool = False  # whether the kernels that read the result compute while it arrives
    shares: Shares = EQUAL  # of the first device of the group


class Along(NamedTuple):
    """How many times as long an axis is after an exchange: times / over."""

    times: int
    over: int
    axis: int = 1

    @property
    def divided(self) -> bool:
        """Whether devices have parts of the array."""
        return self.times != self.over


class Exchange(Kernel):
    """An exchange of one array along its rows, or along another axis.

    Parameters
    ----------
    communicator : which devices take part.
    forward : the operation in forward; empty: none.
    backward : the operation in backward; empty: none.
    gathers : the rows that a device has afterwards, as a multiple of those before: (4, 1) or (1, 4); of another axis
        than the rows with its number, (4, 1, -1). Without an operation in backward, devices have the whole
        gradient, and keep their own part.
    overlapped : whether the kernels that read the result compute while it arrives.
    shares : what the first device of a group receives and sends in forward, as multiples of the mean.
    """

    def __init__(
        self,
        communicator: str,
        forward: str = "",
        backward: str = "",
        gathers: tuple[int, int] | tuple[int, int, int] = (1, 1),
        overlapped: bool = False,
        shares: Shares = EQUAL,
    ) -> None:
        self.communicator, self.along, self._overlapped, self._shares = (
            communicator,
            Along(*gathers),
            overlapped,
            shares,
        )
        self._operations = {"forward": forward, "input_grad": backward, "weight_grad": ""}

    @property
    def repeated(self) -> bool:
        """Whether devices gather what others keep, and so gather it again in backward."""
        return self._operations["forward"] == "all-gather"

    def operation(self, part: Part) -> str:
        """Return what devices do in a part; empty: nothing."""
        return self._operations[part]

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape, with more rows or fewer."""
        (given,) = shapes
        times, over, axis = self.along
        along = axis % len(given)
        return tuple(-(-count * times // over) if place == along else count for place, count in enumerate(given))

    def own(self, grad: Array, rank: int) -> Array:
        """Return what a rank keeps of a gradient that is the same everywhere."""
        return np.ascontiguousarray(np.split(grad, self.along.times, self.along.axis)[rank])

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return no positions: backward reads none of its inputs."""
        return ()

    def exchanged(self, part: Part, precision: Precision, given: Shape) -> Exchanged | None:
        """Return what travels in a part, or None where nothing does."""
        operation = self._operations[part]
        if not operation:
            return None
        whole = self._whole(given) * BYTES[precision.activations]
        shares = self._shares if part == "forward" else self._shares.reversed
        return Exchanged(self.communicator, operation, whole, self._overlapped, shares)

    def _whole(self, given: Shape) -> float:
        """Return the numbers of the whole buffer; of unequal shares, those of the device's own tokens."""
        before, after = size(given), size(self.shape(given))
        if self._shares == EQUAL:
            return max(before, after)
        return before if self._shares.received > 1 else after


@lru_cache(1_000)
def exchanged(call: Call, precision: Precision) -> Exchanged | None:
    """Return what a call of an exchange sends; None where it sends nothing."""
    arguments: dict[str, Any] = dict(call.arguments)
    return Exchange(**arguments).exchanged(call.part, precision, call.shapes[0])
