"""An exercise on kernels: how long does one take?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from parsim.core.kernel import ITEM, Call
from parsim.core.quantities import seconds
from parsim.core.units import SECONDS
from parsim.hardware import known_device
from parsim.kernels import price
from parsim.lessons.marked import NEAR, Marked, close, hint, overlooked, quantity

FORMAT = "fp64"  # in which kernels compute


def roofline(answer: object, kernel: str, shapes: Sequence[tuple[int, ...]], device: str) -> Marked:
    """Mark the time that the forward part of a kernel takes by the roofline.

    Parameters
    ----------
    answer : a time with its unit, as in a scenario; right is what is off by 1 % at the most.
    kernel, shapes : of the call; a kernel of the shelf, without parameters.
    device : a known kind.

    >>> roofline("1 ms", "matmul", [(100, 100), (100, 100)], "calibrated-core")
    Not yet. 1 ms is too long. Each row, input and output cost a multiplication and an addition.
    """
    question = "FLOP / (FLOP/s) and bytes / (B/s): which one takes longer?"
    told = quantity(answer, SECONDS, question)
    if isinstance(told, Marked):
        return told
    flops, moved = price(Call(kernel, (), "forward", tuple(shapes)))
    known = known_device(device)
    computing, moving = flops / known.peak.of(FORMAT), moved / known.bandwidth
    if math.isnan(computing):
        return hint(f"{device} has no peak for {FORMAT}, the format of the kernels; choose another device.")
    found, limit = max((computing, "arithmetic"), (moving, "memory"))
    if close(told, found, NEAR):
        return Marked(True, f"Right: {seconds(found)}, and {limit} is the limit; the other takes less.")
    return hint(f"{seconds(told)} {_misread(told, computing, moving, moved / ITEM / known.bandwidth)}")


def _misread(told: float, computing: float, moving: float, as_numbers: float) -> str:
    """Return the hint for a wrong time by the roofline."""
    mistakes = (
        (computing, "is the time of arithmetic, but memory takes longer."),
        (moving, "is the time of memory, but arithmetic takes longer."),
        (computing + moving, "is the sum of both, but they happen at the same time."),
        (computing / 2, "counts a multiplication and its addition as one FLOP; they are two."),
        (as_numbers, "counts numbers, but each has 8 bytes."),
    )
    advice = "Each row, input and output cost a multiplication and an addition."
    return overlooked(told, max(computing, moving), mistakes, NEAR, advice)
