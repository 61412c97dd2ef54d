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
from typing import Any, NamedTuple

from parsim.core.kernel import Call, Kernel, Part, Shape, size
from parsim.core.precision import BYTES, Precision

NAME = "exchange"  # of its calls; no kernel of the shelf


class Exchanged(NamedTuple):
    """What a group of devices exchanges."""

    communicator: str
    operation: str
    size: float  # B of the whole buffer
    overlapped: bool = False  # whether the kernels that read the result compute while it arrives


class Exchange(Kernel):
    """An exchange of one array along its rows.

    Parameters
    ----------
    communicator : which devices take part.
    forward : the operation in forward; empty: none.
    backward : the operation in backward; empty: none.
    gathers : the rows that a device has afterwards, as a multiple of those before: (4, 1) or (1, 4).
    overlapped : whether the kernels that read the result compute while it arrives.
    """

    def __init__(
        self,
        communicator: str,
        forward: str = "",
        backward: str = "",
        gathers: tuple[int, int] = (1, 1),
        overlapped: bool = False,
    ) -> None:
        self.communicator, self.gathers, self._overlapped = communicator, gathers, overlapped
        self._operations = {"forward": forward, "input_grad": backward, "weight_grad": ""}

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape, with more rows or fewer."""
        (given,) = shapes
        times, over = self.gathers
        return (given[0], -(-given[1] * times // over), *given[2:])

    def reads(self, part: Part, inputs: int) -> Sequence[int]:
        """Return nothing."""
        return ()

    def exchanged(self, part: Part, precision: Precision, given: Shape) -> Exchanged | None:
        """Return what travels in a part, or None where nothing does."""
        operation = self._operations[part]
        if not operation:
            return None
        whole = max(size(given), size(self.shape(given))) * BYTES[precision.activations]
        return Exchanged(self.communicator, operation, whole, self._overlapped)


def exchanged(call: Call, precision: Precision) -> Exchanged | None:
    """Return what a call of an exchange sends; None where it sends nothing."""
    arguments: dict[str, Any] = dict(call.arguments)
    return Exchange(**arguments).exchanged(call.part, precision, call.shapes[0])
