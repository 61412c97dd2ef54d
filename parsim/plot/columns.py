"""A table of words in a picture, as wide as its columns, with names shortened until all columns have room.

   iteration time   tensor   schedule
1           0.9 s        4   zb-auto(limit=6)
2           1.1 s        2   1f1b
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from parsim.export.table import short
from parsim.plot import style
from parsim.plot.area import Area
from parsim.plot.letters import width, written

LETTERS = 8.0  # points
LINE = 0.19  # inches of a line
SPACE = 0.2  # inches between columns
MOST, LEAST = 24, 10  # cells of a column
COUNT = 0.7  # inches of the words that count columns without room


def height(lines: int) -> float:
    """Return the inches of so many lines, with the head."""
    return LINE * lines


def columns(area: Area, left: float, top: float, table: Sequence[Sequence[str]], right: Collection[int]) -> None:
    """Write the columns of *table*, of which the first line is bold; those that have no room are counted.

    The columns *right* are aligned to the right and not shortened; all others are aligned to the left.
    """
    words = fitting(table, area.wide - 2 * left, right)
    for number, column in enumerate(words):
        side, at = ("right", left + _wide(column)) if number in right else ("left", left)
        for line, word in enumerate(column):
            weight = "normal" if line else "bold"
            area.write(at, top - LINE * (line + 0.5), word, fontsize=LETTERS, fontweight=weight, ha=side)
        left += _wide(column) + SPACE
    if len(words) < len(table):
        area.write(left, top - LINE / 2, f"and {len(table) - len(words)} more", fontsize=LETTERS, color=style.GREY)


def fitting(table: Sequence[Sequence[str]], room: float, whole: Collection[int] = ()) -> list[list[str]]:
    """Return the columns, with words shortened until all fit into *room* inches; else as many columns as fit.

    The columns *whole* are not shortened.

    >>> fitting([["schedule", "interleaved-1f1b"], ["sharding", "none"]], 1.6)
    [['schedule', 'interle..d-1f1b'], ['sharding', 'none']]
    """
    for most in range(MOST, LEAST - 1, -1):
        found = [
            [written(word) if number in whole else short(written(word), most) for word in column]
            for number, column in enumerate(table)
        ]
        if sum(map(_wide, found)) + SPACE * (len(found) - 1) <= room:
            return found
    while found and sum(map(_wide, found)) + SPACE * len(found) > room - COUNT:
        found.pop()
    return found


def _wide(column: Sequence[str]) -> float:
    return max(width(word, LETTERS, "normal" if line else "bold") for line, word in enumerate(column)) / 72
