r"""Parallel coordinates: an axis for each choice and each figure, and a line for each row.

tensor    schedule    time (s)   memory (GB)
  8 |       | zb-h1      |          | 60         a line is coloured by its time, as the axis of time shows
    |\     /|            |          |
  4 | \   / |            /|__________|40          the fastest are bold
    |  \ /  |           / |          |
  2 |   X   | 1f1b ___/  |          | 20         lines of one value have a place each, the fastest lowest
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from parsim.core.columns import Floats, Ints
from parsim.core.errors import RunError
from parsim.core.quantities import number
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.area import EDGE, Area, on, own
from parsim.plot.letters import make_writable, width, written
from parsim.plot.paper import log_ticks
from parsim.plot.scales import colours
from parsim.plot.space import BESIDES_TIME, Choice, Rows, far, unit
from parsim.plot.value_axis import LETTERS, LINE, apart, values

TALL = 3.8  # inches of an axis
LEGEND, ABOVE, BELOW = 0.4, 0.5, 0.25  # inches of the legend, of names above the axes, and below them
LEFT, GAP, LEAST = 0.5, 0.85, 7.5  # inches before the first axis, least between two, and least of all
NAME = 18  # cells of a name
BEST, PART = 10, 4  # bold lines: at most so many, and one of so many
MOST, FEW = 1_500, 500  # rows that are drawn, and up to which an SVG draws them as lines
BAND = 0.5  # of the distance between two values: what the lines of one take
STRIP = 0.08  # inches of the colours on the axis of time


class Scale(NamedTuple):
    """An axis from 0 to 1: its name, its unit, where the rows are, and its ticks."""

    name: str
    unit: str
    rows: Floats  # (played,)
    places: Floats  # (ticks,)
    words: Sequence[str]  # of ticks


def coordinates(rows: Rows, title: str, axes: Axes | None = None) -> Axes:
    """Draw a line for each row that was played, over its choices and figures."""
    if not len(rows.played) or not rows.choices:
        raise RunError(f"there are no lines to draw: {'no row was played' if rows.choices else 'there is no choice'}")
    scales, time = _scales(rows)
    time_s = rows.time_s[rows.played]
    of, some = colours(time_s), _some(len(time_s))
    rooms = np.array([_room(scale) for scale in scales])
    rooms *= max((LEAST - LEFT) / rooms.sum(), 1.0)
    x = np.append(0.0, np.cumsum(rooms[:-1]))
    whole = LEFT + rooms.sum(), LEGEND + ABOVE + TALL + BELOW
    told = "; ".join([rows.counted, *_left_out(len(some), len(time_s)), *_unknown(rows)])
    area = own(*whole, f"{title}: choices and figures of each row", told) if axes is None else on(axes, *whole)
    made = area.axes(LEFT, BELOW, x[-1], TALL)
    made.set_xlim(0.0, x[-1])
    made.set_ylim(-0.03, 1.03)
    made.set_axis_off()
    _lines(made, x, np.stack([scale.rows for scale in scales], axis=1)[some], of.to_rgba(time_s[some]))
    for place, scale in zip(x.tolist(), scales, strict=True):
        _axis(made, place, scale)
    if time_s.min() < time_s.max():
        _strip(made, float(x[time]), of)
    _legend(area, rows, of)
    return made if axes is None else axes


def _scales(rows: Rows) -> tuple[list[Scale], int]:
    """Return the axes, and which of them is that of time."""
    time = _figure(rows.time, "s", rows.time_s[rows.played])
    choices = [_choice(choice, rows) for choice in rows.varied or rows.choices]
    figures = [
        _figure(name, base, mine)
        for key, (name, base) in BESIDES_TIME.items()
        if len(np.unique((mine := rows.figure(key)[rows.played])[np.isfinite(mine)])) > 1
    ]
    return [*choices, time, *figures], len(choices)


def _choice(choice: Choice, rows: Rows) -> Scale:
    """Return the axis of a choice, with its values at equal distances; the lines of one value are side by side."""
    count = len(choice.words)
    places = (np.arange(count) + 0.5) / count
    value = choice.value[rows.played]
    order = np.argsort(value, kind="stable")
    many = np.bincount(value, minlength=count)
    rank = np.empty(len(value))
    rank[order] = np.arange(len(value)) - np.repeat(np.cumsum(many) - many, many)
    across = (rank + 0.5) / many[value] - 0.5  # the fastest lowest
    return Scale(choice.name, "", places[value] + BAND / count * across * (many[value] > 1), places, values(choice))


def _figure(name: str, base: str, mine: Floats) -> Scale:
    known = mine[np.isfinite(mine)]
    word, size = unit(known, base)
    low, high = known.min(), known.max()
    locator = log_ticks(low, high) if far(known) else MaxNLocator(6)
    ticks = np.array([tick for tick in locator.tick_values(low / size, high / size) if low <= tick * size <= high])
    if high <= low:
        return Scale(name, word, np.where(np.isfinite(mine), 0.5, np.nan), np.array([0.5]), [number(low / size, 4)])
    return Scale(
        name,
        word,
        _share(mine, low, high),
        _share(ticks * size, low, high),
        [number(tick, 4) for tick in ticks.tolist()],
    )


def _share(amounts: Floats, low: float, high: float) -> Floats:
    """Return how far amounts stand from *low* to *high*, by their logarithms where these are far apart."""
    if far(np.array([low, high])):
        amounts, low, high = np.log(amounts), math.log(low), math.log(high)
    return (amounts - low) / (high - low)


def _room(scale: Scale) -> float:
    """Return the inches from an axis to the next one."""
    name = width(short(written(scale.name, "bold"), NAME), LETTERS + 1, "bold")
    return max(name, *(width(word, LETTERS) + 6 for word in scale.words), 72 * GAP - 14) / 72 + 0.2


def _some(count: int) -> Ints:
    """Return which rows to draw, by their rank in time: those that may be bold, and others at equal distances."""
    if count <= MOST:
        return np.arange(count)
    return np.append(np.arange(BEST), np.linspace(BEST, count - 1, MOST - BEST).astype(np.int64))


def _left_out(drawn: int, count: int) -> list[str]:
    return [f"lines for {MOST:,} rows, evenly by time"] if drawn < count else []


def _unknown(rows: Rows) -> list[str]:
    """Say why some lines end."""
    known = {name: np.isfinite(rows.figure(key)[rows.played]) for key, (name, _) in BESIDES_TIME.items()}
    return [f"a line has a gap where {name} is not known" for name, at in known.items() if at.any() and not at.all()]


def _bold(count: int) -> int:
    """Return how many lines of *count* are bold.

    >>> _bold(3), _bold(8), _bold(400)
    (1, 2, 10)
    """
    return min(max(count // PART, 1), BEST)


def _lines(axes: Axes, x: Floats, y: Floats, faces: Floats) -> None:
    """Draw the rows, the fastest last; the best are bold, on a casing."""
    bold = _bold(len(y))
    points = np.stack((np.broadcast_to(x, y.shape), y), axis=2)[::-1]  # (rows, axes, 2)
    faces = faces[::-1]
    thin: dict[str, Any] = {"linewidths": 0.8, "alpha": min(max(300 / len(y), 0.15), 0.7), "rasterized": len(y) > FEW}
    axes.add_collection(LineCollection(list(points), colors=faces, zorder=1, **thin))
    for each, colour in zip(points[-bold:], faces[-bold:], strict=True):
        for look, thick in ((style.CASING, 3.4), (colour, 2.2)):
            axes.plot(*each.T, color=look, linewidth=thick, zorder=2, clip_on=False)


def _axis(axes: Axes, x: float, scale: Scale) -> None:
    """Draw an axis with its ticks on the right, and its name above."""
    axes.plot([x, x], [0.0, 1.0], color=style.BLACK, linewidth=0.8, zorder=3, clip_on=False)
    shown = apart(scale.places * 72 * TALL, [LETTERS * LINE] * len(scale.words)) if scale.words else []
    box = {"facecolor": style.WHITE, "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    for each in shown:
        at = (x, float(scale.places[each]))
        axes.plot([x], [at[1]], "_", color=style.BLACK, markersize=6.0, zorder=3, clip_on=False)
        beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": LETTERS, "zorder": 4}
        make_writable(axes.annotate(scale.words[each], at, xytext=(5, 0), bbox=box, **beside))
    name = short(written(scale.name, "bold"), NAME)
    above: dict[str, Any] = {"textcoords": "offset points", "va": "bottom", "fontsize": LETTERS + 1}
    make_writable(axes.annotate(name, (x, 1.0), xytext=(-4, 18), fontweight="bold", **above))
    axes.annotate(f"({scale.unit})" * bool(scale.unit), (x, 1.0), xytext=(-4, 7), color=style.GREY, **above)


def _strip(axes: Axes, x: float, of: ScalarMappable) -> None:
    """Show the colours on the axis of time."""
    box = (x - STRIP / 2, x + STRIP / 2, 0.0, 1.0)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(np.linspace(0, 1, 256)[:, None], extent=box, origin="lower", aspect="auto", cmap=of.cmap, zorder=3)
    axes.set(xlim=limits[0], ylim=limits[1])


def _legend(area: Area, rows: Rows, of: ScalarMappable) -> None:
    bold = _bold(len(rows.played))
    known = {
        f"a row, coloured by its {rows.time}": Line2D([], [], color=of.cmap(0.5), linewidth=0.9),
        f"the {bold} fastest" if bold > 1 else "the fastest": Line2D([], [], color=of.cmap(0.0), linewidth=2.2),
    }
    area.line(EDGE, area.tall - 0.14, list(known.values()), list(known))
