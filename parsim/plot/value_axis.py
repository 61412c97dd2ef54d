"""The values of a choice below an axis: side by side, upright where texts are too wide, and only those that fit.

|                      |
+--1--2--4--8--16--32--+      f  1  z
                              u  f  b
                              l  1  -
                              l  b  h
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from parsim.core.columns import Floats
from parsim.export.table import short
from parsim.export.values import numbered
from parsim.plot.letters import families, width, written
from parsim.plot.paper import point
from parsim.plot.space import Choice

VALUE = 20  # cells of a value
LETTERS = 8.0  # points of its letters
LINE = 1.3  # times its letters: the height of a line
SPACE = 4.0  # points between two values


def values(choice: Choice) -> list[str]:
    """Return the values, shortened; those that are equal then have numbers."""
    return numbered([short(written(word), VALUE) for word in choice.words])


def longest(words: Sequence[str]) -> float:
    """Return the inches of the longest of *words*."""
    return max((width(word, LETTERS) for word in words), default=0.0) / 72


def upright(words: Sequence[str], inches: float) -> bool:
    """Return whether *words* are too wide to stand side by side, evenly spaced, on an axis of so many inches."""
    return longest(words) + SPACE / 72 > inches / max(len(words), 1)


def below(words: Sequence[str], stand: bool) -> float:
    """Return the inches of values below an axis, which *stand* or lie."""
    return 0.2 + (longest(words) if stand else 0.14)


def across(axes: Axes, places: Floats, words: Sequence[str], stand: bool) -> None:
    """Write *words*, which *stand* or lie, below *axes* at those of *places* that leave room."""
    sizes = [LETTERS * LINE if stand else width(word, LETTERS) + SPACE for word in words]
    shown = apart(places / point(axes).x, sizes)
    names = [words[each] for each in shown]
    axes.set_xticks(places[shown], names, rotation=90 if stand else 0, **_look(words))


def up(axes: Axes, places: Floats, words: Sequence[str]) -> None:
    """Write *words* on the left of *axes* at those of *places* that leave room."""
    shown = apart(places / point(axes).y, [LETTERS * LINE] * len(words))
    axes.set_yticks(places[shown], [words[each] for each in shown], **_look(words))


def _look(words: Sequence[str]) -> dict[str, Any]:
    return {"fontsize": LETTERS, "fontfamily": families("".join(words)), "parse_math": False}


def apart(places: Floats, sizes: Sequence[float]) -> list[int]:
    """Return which of some labels to show so that none meets another: the first, the last, and what fits between.

    >>> import numpy as np
    >>> apart(np.array([0.0, 10.0, 14.0, 30.0]), [8.0] * 4)
    [0, 1, 3]
    """
    last = len(sizes) - 1
    shown = [0]
    for each in range(1, last):
        if all(abs(places[each] - places[other]) >= (sizes[each] + sizes[other]) / 2 for other in (shown[-1], last)):
            shown.append(each)
    if last and abs(places[last] - places[0]) >= (sizes[0] + sizes[last]) / 2:
        shown.append(last)
    return shown
