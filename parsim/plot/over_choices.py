"""The time of rows over each choice of a space: a panel for each, on one axis of time.

iteration time (s)        tensor            schedule
   |  . :                    .  .              .     .        a point for each row
   |  :  :  .                :  :   .          :     :
   |  o--:--:--o          - -o- : - :         _:_   _:_       the best of each value: a line where values are amounts,
                                                              dotted where bounds cut rows that may be faster
   |     O-----            O---o                              a ring: the fastest row
   +--1--2--4--8--        --1--2--4--8--    --1f1b--zb-h1--
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from parsim.core.columns import Floats
from parsim.core.errors import RunError
from parsim.plot import style
from parsim.plot.area import EDGE, on, own
from parsim.plot.letters import fitted, make_writable, width
from parsim.plot.paper import point
from parsim.plot.scales import scale
from parsim.plot.space import MANY, Choice, Rows, scattered, unit
from parsim.plot.value_axis import LETTERS, LINE, across, below, upright, values

ACROSS = 3  # panels in a line
WIDE, TALL = 3.6, 1.9  # inches of a panel
LEFT, RIGHT, GAP = 0.85, 0.25, 0.3  # inches beside and between panels
LEGEND, ABOVE = 0.24, 0.42  # inches of a line of the legend, and of a panel's title
LEAST = 7.5  # inches of the whole width
SPACE = 12.0  # points between the titles of a panel
SHARE, REACH = 0.2, 0.6  # of the distance between two values: what the points of one take, and a dash


def over_choices(rows: Rows, title: str, axes: Axes | None = None) -> Axes:
    """Draw a panel for each choice that has several values, or for all if none has."""
    choices = rows.varied or rows.choices
    if not choices:
        raise RunError("there is no choice over which to draw rows")
    lines = [choices[first : first + ACROSS] for first in range(0, len(choices), ACROSS)]
    feet = [max(below(values(choice), _stand(choice)) for choice in line) for line in lines]
    most = min(len(choices), ACROSS)
    wide = max(LEFT + most * WIDE + (most - 1) * GAP + RIGHT, LEAST)
    legend = _legend(rows, choices)
    tall = LEGEND * len(legend) + sum(ABOVE + TALL + foot for foot in feet)
    area = (
        own(wide, tall, f"{title}: {rows.time} over each choice", rows.counted)
        if axes is None
        else on(axes, wide, tall)
    )
    bottom, panels = tall - LEGEND * len(legend), []
    for line, foot in zip(lines, feet, strict=True):
        bottom -= ABOVE + TALL + foot
        for place, choice in enumerate(line):
            made = area.axes(LEFT + place * (WIDE + GAP), bottom + foot, WIDE, TALL)
            _panel(made, rows, choice)
            made.set_ylabel("" if place else f"{rows.time} ({_unit(rows)[0]})")
            made.tick_params(axis="y", labelleft=not place)
            panels.append(made)
    for place, known in enumerate(legend):
        area.line(EDGE, area.tall - 0.14 - LEGEND * place, list(known.values()), list(known))
    return panels[0] if axes is None else axes


def _unit(rows: Rows) -> tuple[str, float]:
    return unit(rows.time_s[rows.played], "s")


def _panel(axes: Axes, rows: Rows, choice: Choice) -> None:
    size = _unit(rows)[1]
    played = rows.played
    time, value = rows.time_s[played] / size, choice.value[played]
    x = np.empty(len(played))
    best: dict[int, float] = {}  # by value, the least time
    for each in np.unique(value).tolist():
        mine = np.flatnonzero(value == each)
        x[mine] = choice.place[each] + SHARE * choice.gap * scattered(len(mine))
        best[each] = time[mine[0]]
    small = 2.2 if len(played) > MANY else 3.2
    axes.plot(
        x, time, "o", color=style.SKY, markersize=small, markeredgewidth=0.0, alpha=0.45, rasterized=len(played) > MANY
    )
    _values(axes, choice, best)
    _best(axes, choice, best, rows.unproven(choice.value))
    if len(played):
        axes.plot(choice.place[value[0]], time[0], **_RING)
    _times(axes, time)
    room = 72 * WIDE - SPACE
    name = fitted(choice.name, room / 2 if len(played) else room, 10.0, "bold")
    make_writable(axes.set_title(name, loc="left", fontsize=10, fontweight="bold", pad=6))
    if len(played):
        note = fitted(f"best with {choice.words[value[0]]}", room - width(name, 10.0, "bold"), 8.0)
        make_writable(axes.set_title(note, loc="right", fontsize=8, color=style.GREY, pad=6))


_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 10.0,
    "markerfacecolor": "none",
    "markeredgecolor": style.BLACK,
    "linestyle": "",
    "zorder": 5,
}
_BEST: dict[str, Any] = {"color": style.BLUE, "linewidth": 1.8, "zorder": 4}
_UNPROVEN: dict[str, Any] = {**_BEST, "linestyle": ":"}
_HOLLOW: dict[str, Any] = {
    "marker": "o",
    "linestyle": "",
    "color": style.BLUE,
    "markerfacecolor": style.WHITE,
    "zorder": 4.5,
}
_CROSS: dict[str, Any] = {"marker": "x", "markersize": 6.0, "color": style.VERMILLION, "linestyle": "", "zorder": 4}


def _best(axes: Axes, choice: Choice, best: dict[int, float], unproven: set[int]) -> None:
    """Draw the least time of each value: as a line of amounts, as a dash of each text; dotted where it is unproven."""
    if choice.grows:
        fine = min(max(choice.gap / point(axes).x / 3, 1.5), 4.0)
        place, time = choice.place[list(best)], np.array(list(best.values()))
        is_open = np.array([value in unproven for value in best], bool)
        axes.plot(place, time, **(_UNPROVEN if is_open.any() else _BEST), marker="o", markersize=fine)
        if is_open.any():
            axes.plot(place[is_open], time[is_open], **_HOLLOW, markersize=fine)
        return
    for value, least in best.items():
        ends = choice.place[value] + np.array([-REACH / 2, REACH / 2]) * choice.gap
        axes.plot(ends, [least, least], **(_UNPROVEN if value in unproven else _BEST))


def _values(axes: Axes, choice: Choice, best: dict[int, float]) -> None:
    """Write the values below the axis, with a cross at those of which no row counts."""
    words, stand = values(choice), _stand(choice)
    outer = LETTERS * LINE if stand else max(width(words[0], LETTERS), width(words[-1], LETTERS))
    first, last = choice.place[0], choice.place[-1]
    edge = max(0.6 * choice.gap, outer / 2 * (last - first) / (72 * WIDE - outer))  # names stay within the panel
    axes.set_xlim(first - edge, last + edge)
    across(axes, choice.place, words, stand)
    missing = [place for each, place in enumerate(choice.place.tolist()) if each not in best]
    axes.plot(missing, [0.06] * len(missing), transform=axes.get_xaxis_transform(), **_CROSS)


def _stand(choice: Choice) -> bool:
    return not choice.grows and upright(values(choice), WIDE)


def _times(axes: Axes, time: Floats) -> None:
    """Make y the axis of time."""
    scale(axes, "y", time)
    axes.margins(y=0.12)
    if not len(time):
        axes.set_yticks([])
    axes.grid(axis="y", color=style.PALE, linewidth=0.8)
    axes.set_axisbelow(True)


def _legend(rows: Rows, choices: list[Choice]) -> list[dict[str, Line2D]]:
    """Return the lines of the legend: handles by their words."""
    marks = {
        "a row, near its value": Line2D([], [], color=style.SKY, markersize=4.0, marker="o", linestyle=""),
        "the best of each value": Line2D([], [], **_BEST),
        "the fastest row": Line2D([], [], **_RING),
    }
    more = {}
    if any(rows.unproven(choice.value) & set(choice.value[rows.played].tolist()) for choice in choices):
        more["the best that was played; bounds cut rows that may be faster"] = Line2D(
            [], [], **_UNPROVEN, marker="o", markersize=4.0, markerfacecolor=style.WHITE
        )
    missing = _missing(rows, choices)
    if missing:
        more[f"all rows of the value: {' or '.join(missing)}"] = Line2D([], [], **_CROSS)
    return [line for line in (marks if len(rows.played) else {}, more) if line]


def _missing(rows: Rows, choices: list[Choice]) -> list[str]:
    """Return the statuses of the rows of those values of which none counts."""
    found: dict[str, None] = {}
    for choice in choices:
        without = ~np.isin(choice.value, choice.value[rows.played])
        found |= dict.fromkeys(str(rows.rows[row].get("status")) for row in np.flatnonzero(without).tolist())
    return ["without time" if status in ("done", "None") else status for status in found]
