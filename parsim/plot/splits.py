"""Two splits of the same work: their makespans over each variable, and their costs.

items N            predicted 11, found 9
T_total  [layers ########|data ..........]      the faster split, by theory
run      [layers #####|data .............]      and by simulation
       |          o--o                          solid with marks: simulation
  s    |   o--o--/- - -                         dashed: T_total
       +------^--------------  N                ^ the scenario's own value
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from parsim.core.quantities import number, unit_of
from parsim.plot import style
from parsim.plot.letters import make_writable
from parsim.plot.paper import figure, log_ticks, ours

WIDE, ACROSS = 12.6, 3  # inches; panels in a row
LEFT, RIGHT, GAP = 0.85, 0.25, 0.95  # inches beside and between panels
HEAD, ABOVE, TALL, BELOW = 1.1, 0.62, 1.75, 0.6  # inches: header; a panel's titles, data, axis
FOOT = 1.8  # inches below all panels
STRIPS = {"T_total": (1.125, 0.085), "run": (1.025, 0.085)}  # bottom and height, as parts of the panel's height
NOTE = 30  # letters of a panel's note, beyond which it is written smaller
NAMED = 0.13  # of the width, from which a strip has room for a name


class Line(NamedTuple):
    """One split over a variable, in seconds; NaN where it cannot be played."""

    simulated: Sequence[float]
    theory: Sequence[float]


class Panel(NamedTuple):
    """Both splits over one variable, with values in the unit of its axis."""

    title: str
    note: str
    axis: str
    counted: bool
    here: float
    values: Sequence[float]
    lines: Mapping[str, Line]  # by split
    winners: Mapping[str, Sequence[tuple[float, str]]]  # by T_total and by run: start and winner of each stretch


class Costs(NamedTuple):
    """One figure of both splits as bars; the parts of a bar (split -> parts) are stacked."""

    title: str
    parts: Mapping[str, Sequence[float]]
    words: Mapping[str, str]  # by split


def splits(title: str, notes: Sequence[str], panels: Sequence[Panel], costs: Sequence[Costs]) -> Figure:
    """Draw all *panels* and *costs* on one sheet; *notes* are a line under the title and one at the bottom."""
    with ours():
        rows = math.ceil(len(panels) / ACROSS)
        each = ABOVE + TALL + BELOW
        tall = HEAD + rows * each + FOOT
        sheet = figure(WIDE, tall)
        width = (WIDE - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
        for number, one in enumerate(panels):
            row, column = divmod(number, ACROSS)
            bottom = tall - HEAD - row * each - ABOVE - TALL
            panel(one, _axes(sheet, LEFT + column * (width + GAP), bottom, width, TALL))
        wide = (WIDE - LEFT - RIGHT - (len(costs) - 1) * GAP) / len(costs)
        for number, cost in enumerate(costs):
            bars(cost, _axes(sheet, LEFT + number * (wide + GAP), FOOT - 1.12, wide, 0.5))
        for height, words, look in (
            (tall - 0.3, title, {"fontsize": 13, "fontweight": "bold"}),
            (tall - 0.56, notes[0], {"color": style.GREY}),
            (FOOT - 0.2, "At the scenario's own values" if panels else "", {"color": style.GREY}),
            (0.3, notes[1], {"fontsize": 9.5}),
        ):
            make_writable(sheet.text((LEFT - 0.5) / WIDE, height / tall, words, va="center", **look))
        if panels:
            _legend(sheet)
    return sheet


def panel(given: Panel, axes: Axes) -> Axes:
    """Draw the makespan of both splits over one variable, and strips with the faster split above."""
    axes.set_yscale("log")
    if not given.counted:
        axes.set_xscale("log")
    unit = unit_of(
        max((s for line in given.lines.values() for column in line for s in column if math.isfinite(s)), default=1.0)
    )
    for split, line in given.lines.items():
        (face, _), mark = style.SPLITS[split]
        simulated, theory = ([s / unit.seconds for s in column] for column in line)
        axes.plot(given.values, simulated, color=face, linewidth=3.0, alpha=0.4, solid_capstyle="round")
        axes.plot(given.values, simulated, mark, color=face, markersize=3.6, markeredgewidth=0.0, zorder=3)
        axes.plot(given.values, theory, color=face, linewidth=1.2, dashes=(3.5, 1.8), zorder=4)
    _limits(given, axes)
    axes.axvline(given.here, color=style.GREY, linewidth=0.8, linestyle=":", zorder=1)
    axes.plot([given.here], [0.0], "^", color=style.GREY, transform=axes.get_xaxis_transform(), clip_on=False, zorder=5)
    for name, stretches in given.winners.items():
        _strip(axes, given, name, stretches)
    axes.text(0.0, 1.27, given.title, transform=axes.transAxes, fontsize=10.5, fontweight="bold", va="bottom")
    small = min(9.0, 9.0 * NOTE / max(len(given.note), 1))
    axes.text(1.0, 1.27, given.note, transform=axes.transAxes, ha="right", va="bottom", fontsize=small)
    axes.set_xlabel(given.axis)
    axes.set_ylabel(f"makespan, T_total ({unit.name})")
    axes.spines["left"].set_visible(True)
    return axes


def _limits(given: Panel, axes: Axes) -> None:
    first, last = given.values[0], given.values[-1]
    around = (first - 0.5, last + 0.5) if given.counted else (first / 1.15, last * 1.15)
    axes.set_xlim(*around)
    if given.counted:
        axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    else:
        marks = given.values[1::2] if len(given.values) > 7 else given.values
        axes.xaxis.set_major_locator(FixedLocator(list(marks)))
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 4))
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(log_ticks(low, high))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=style.PALE, linewidth=0.8)
    axes.set_axisbelow(True)


def _strip(axes: Axes, given: Panel, name: str, stretches: Sequence[tuple[float, str]]) -> None:
    """Colour a strip above the data by the faster split, blank for neither, with a vertical line at each change."""
    bottom, height = STRIPS[name]
    left, right = axes.get_xlim()
    place = axes.get_xaxis_transform()
    axes.text(-0.015, bottom + height / 2, name, transform=axes.transAxes, ha="right", va="center", fontsize=7)
    shift = 0.5 if given.counted else 0.0  # a whole number is in the middle of its stretch
    starts = [start - shift for start, _ in stretches]
    starts[:1] = [left] if starts and starts[0] <= given.values[0] else starts[:1]
    for (start, end), (_, split) in zip(pairwise([*starts, right]), stretches, strict=True):
        face, ink = (style.SPLITS[split][0].face, style.WHITE) if split in style.SPLITS else (style.WHITE, style.GREY)
        border = style.LINE if face == style.WHITE else face
        box: dict[str, Any] = {"fc": face, "ec": border, "linewidth": 0.5, "transform": place, "clip_on": False}
        axes.add_patch(Rectangle((start, bottom), end - start, height, **box))
        ends = [axes.transAxes.inverted().transform(axes.transData.transform((x, 1.0)))[0] for x in (start, end)]
        if ends[1] - ends[0] >= NAMED:
            middle = (sum(ends) / 2, bottom + height / 2)
            axes.text(
                *middle,
                split,
                transform=axes.transAxes,
                color=ink,
                fontsize=7,
                ha="center",
                va="center_baseline",
            )
    for start in starts[1:]:
        axes.plot([start, start], [0.0, bottom], transform=place, clip_on=False, zorder=2, **style.CROSSINGS[name])


def bars(given: Costs, axes: Axes) -> Axes:
    """Draw one figure of both splits as two bars."""
    most = max((sum(parts) for parts in given.parts.values()), default=0.0) or 1.0
    for row, (split, parts) in enumerate(given.parts.items()):
        begin = 0.0
        for part, hatch in zip(parts, ("", "////"), strict=False):
            face = style.SPLITS[split][0].face if split in style.SPLITS else style.GREY
            axes.barh(
                row,
                part,
                left=begin,
                height=0.72,
                color=style.PALE if hatch else face,
                edgecolor=face,
                hatch=hatch,
                linewidth=0.6,
            )
            begin += part
        axes.text(begin + 0.02 * most, row, given.words[split], va="center", fontsize=8.5)
    axes.set_yticks(range(len(given.parts)), list(given.parts))
    axes.set_ylim(len(given.parts) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.45 * most)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(True)
    axes.set_title(given.title, loc="left", fontsize=9.5, fontweight="bold", pad=5)
    return axes


def _axes(sheet: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    wide, tall = sheet.get_size_inches()
    return sheet.add_axes((left / wide, bottom / tall, width / wide, height / tall))


def _legend(sheet: Figure) -> None:
    handles: list[Any] = [
        Patch(color=look.face, label=f"split by {split}") for split, (look, _) in style.SPLITS.items()
    ]
    handles += [
        Line2D([], [], color=style.GREY, linewidth=3.0, alpha=0.5, marker="o", markersize=3.6, label="simulated"),
        Line2D([], [], color=style.GREY, linewidth=1.2, dashes=(3.5, 1.8), label="T_total"),
        Line2D([], [], label="crossing by runs", **style.CROSSINGS["run"]),
        Line2D([], [], label="crossing by T_total", **style.CROSSINGS["T_total"]),
        Line2D([], [], color=style.GREY, linewidth=0, marker="^", label="own value"),
    ]
    tall = sheet.get_size_inches()[1]
    sheet.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=((LEFT - 0.6) / WIDE, 1 - 0.82 / tall),
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
    )
