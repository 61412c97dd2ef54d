"""The drawing of a ring and of a torus.

    w2 - w3
    |    |        one side: a circle       two: a grid       three: planes behind each other
    w0 - w1

Links that close a row are bowed. Those of the host are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import mul

from parsim.core.sketch import Sketch, Spot, Wire, circle

BEHIND = 1.1  # how far a plane stands behind the one before


def grid_of(names: Sequence[str], sides: Sequence[int]) -> Sketch:
    """Return the drawing of devices in a grid.

    >>> sketch = grid_of(["w0", "w1", "w2"], [3])
    >>> [(wire.links, wire.source, wire.target) for wire in sketch.wires]
    [((0, 3), 0, 1), ((2, 5), 1, 2), ((4, 1), 2, 0)]
    """
    flat = len([side for side in sides if side > 1]) < 2
    spots = circle(names) if flat else [_at(name, device, sides) for device, name in enumerate(names)]
    return Sketch(tuple(spots), tuple(_wires(len(names), sides, 0.0 if flat else 1.0)))


def _at(name: str, device: int, sides: Sequence[int]) -> Spot:
    """Return the spot of a device: further sides than three stand beside each other."""
    x, y, z, *more = [*_places(device, sides), 0, 0]
    deep = sides[2] if len(sides) > 2 else 1
    apart = 1.6 + BEHIND * (deep - 1)
    beside = sum(more) * (sides[0] * apart + 2)
    return Spot(name, x * apart + z * BEHIND + beside, y * apart + z * BEHIND)


def _places(device: int, sides: Sequence[int]) -> list[int]:
    return [device // step % side for side, step in zip(sides, accumulate(sides, mul, initial=1), strict=False)]


def _wires(devices: int, sides: Sequence[int], bow: float) -> Iterator[Wire]:
    """Yield the wires of each side: a link from a device to the next, and the link back."""
    ways, steps = 2 * len(sides), list(accumulate(sides, mul, initial=1))
    for side, (length, step) in enumerate(zip(sides, steps, strict=False)):
        tier = f"side {side + 1}" if len(sides) > 1 else "ring"
        for device in range(devices):
            at = device // step % length
            other = device + ((at + 1) % length - at) * step
            closing = at == length - 1
            back = ways * other + 2 * side + (length > 2)  # with two devices, both links lead to rising numbers
            if length > 2 or (length == 2 and not closing):
                yield Wire((ways * device + 2 * side, back), device, other, tier, bow * closing * math.sqrt(length) / 2)
