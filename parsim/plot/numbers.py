"""Numbers beside points, each where it covers neither another one nor a point.

 1         the first free place of eight around the point, else farther away, at the end of a line
o   2
  o
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from parsim.core.columns import Floats
from parsim.plot import style
from parsim.plot.letters import width

LETTERS = 8.0  # points
AROUND, NEAR, STEP, STEPS = 8, 8.0, 7.0, 12  # directions; points from a point, of a step away, and how many
MARK = 3.0  # points: half a mark


class Box(NamedTuple):
    """A rectangle in points: its middle and half its size."""

    x: float
    y: float
    wide: float
    tall: float

    def meets(self, other: Box) -> bool:
        """Return whether both share more than an edge."""
        return abs(self.x - other.x) < self.wide + other.wide and abs(self.y - other.y) < self.tall + other.tall


def numbers(axes: Axes, points: Floats, words: Mapping[int, str]) -> None:
    """Write *words* beside those of *points* (points, 2), whose axes have their limits."""
    dots = axes.figure.dpi / 72
    places = (axes.transData.transform(points) / dots).tolist()
    left, bottom, right, top = (edge / dots for edge in axes.bbox.extents)
    taken = [Box(x, y, MARK, MARK) for x, y in places]
    for point, word in words.items():
        at_x, at_y = places[point]
        half = width(word, LETTERS) / 2 + 1.0, LETTERS / 2 + 1.0
        free = (
            (away, place)
            for away, place in _places(at_x, at_y, *half)
            if left <= place.x - half[0] and place.x + half[0] <= right
            if bottom <= place.y - half[1] and place.y + half[1] <= top
            if not any(place.meets(other) for other in taken)
        )
        away, place = next(free, (NEAR, Box(at_x, at_y + NEAR, *half)))
        taken.append(place)
        _write(axes, word, (at_x, at_y), place, away)


def _places(x: float, y: float, wide: float, tall: float) -> Iterator[tuple[float, Box]]:
    """Yield places around a point, from above, clockwise, then farther away."""
    for step in range(STEPS):
        away = NEAR + STEP * step
        for direction in range(AROUND):
            angle = 2 * pi * (direction + 0.5 * (step % 2)) / AROUND
            yield away, Box(x + (away + wide) * sin(angle), y + away * cos(angle), wide, tall)


def _write(axes: Axes, word: str, at: tuple[float, float], place: Box, away: float) -> None:
    dots = axes.figure.dpi / 72
    (x, end), (y, other) = axes.transData.inverted().transform(np.multiply([at, place[:2]], dots)).T.tolist()
    if away > NEAR:
        axes.plot([x, end], [y, other], color=style.GREY, linewidth=0.6, zorder=3, scalex=False, scaley=False)
    axes.annotate(
        word,
        (x, y),
        xytext=(place.x - at[0], place.y - at[1]),
        textcoords="offset points",
        ha="center",
        va="center_baseline",
        fontsize=LETTERS,
        annotation_clip=False,
        zorder=6,
        bbox={"facecolor": style.WHITE, "edgecolor": "none", "pad": 0.3, "alpha": 0.7},  # above lines of others
    )
