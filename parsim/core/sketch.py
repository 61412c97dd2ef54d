"""How a topology is drawn: where its parts stand, and which links join them.

spots   w0 at (0, 0), w1 at (1, 0), the switch at (0.5, 2)       one unit is the room of one device
wires   w0 - switch: links w0.up and w0.down                     both directions are one wire
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

Sort = Literal["device", "switch", "card"]


class Spot(NamedTuple):
    """A place, a switch or a network card."""

    name: str
    x: float
    y: float
    sort: Sort = "device"


class Wire(NamedTuple):
    """The links between two spots, by their numbers, and the tier that they belong to.

    A wire without links joins a device and its card. With a `bow` it is a curve towards a point so many units to the
    right of its middle, and reaches half as far.
    """

    links: tuple[int, ...]
    source: int
    target: int
    tier: str
    bow: float = 0.0


class Sketch(NamedTuple):
    """The parts of a drawing."""

    spots: tuple[Spot, ...] = ()
    wires: tuple[Wire, ...] = ()


def circle(names: Sequence[str]) -> list[Spot]:
    """Return spots on a circle, clockwise from the top.

    >>> [(spot.name, round(spot.x, 1), round(spot.y, 1)) for spot in circle(["a", "b", "c", "d"])]
    [('a', 0.0, 1.5), ('b', 1.5, 0.0), ('c', 0.0, -1.5), ('d', -1.5, -0.0)]
    """
    radius = max(1.5, 1.15 * len(names) / (2 * math.pi))
    angles = [2 * math.pi * index / max(len(names), 1) for index in range(len(names))]
    return [
        Spot(name, radius * math.sin(angle), radius * math.cos(angle))
        for name, angle in zip(names, angles, strict=True)
    ]


def row(names: Sequence[str], start: float, end: float, height: float, sort: Sort) -> list[Spot]:
    """Return spots spread evenly from *start* to *end*, the centre of each in the middle of its share.

    >>> [(spot.name, spot.x) for spot in row(["a", "b"], 0.0, 4.0, 1.0, "switch")]
    [('a', 1.0), ('b', 3.0)]
    """
    each = (end - start) / max(len(names), 1)
    return [Spot(name, start + (index + 0.5) * each, height, sort) for index, name in enumerate(names)]
