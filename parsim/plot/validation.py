r"""A run and its theory: the closed forms and bounds, and below them the Gantt chart on the same axis.

name: the simulation agrees with theory
simulated    ############     3.3 s
quantised    ############     3.3 s, agrees           with its formula in small letters
lower bound  ########         2.75 s, holds
w0  ####--------|
w1  ############|
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parsim.core.quantities import seconds
from parsim.core.timeline import Timeline
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.gantt import WIDE, gantt, height
from parsim.plot.letters import make_writable
from parsim.plot.paper import Margins, figure, headline, ours, time_axis

MARGINS = Margins(left=1.5, top=0.8, bottom=0.75)
GAP = 0.55  # inches between the rows and the chart, with its marks
TALL = 0.46  # inches of a row
FORMULA, SENTENCE = 120, 130  # cells
LINE = 0.2  # inches of a line at the bottom


class Row(NamedTuple):
    """A time to compare the run with: its name, its formula, and the verdict."""

    name: str
    formula: str
    time_s: float
    said: str
    good: bool


def validation(title: str, timeline: Timeline, theory_s: float, rows: Sequence[Row], foot: Sequence[str]) -> Figure:
    """Draw *timeline* with *rows* above it; *foot* are the lines at the bottom."""
    with ours():
        left, right, top, bottom = MARGINS
        chart, bars, below = height(timeline), TALL * (len(rows) + 1), bottom + LINE * len(foot)
        wide, tall = left + WIDE + right, top + chart + GAP + bars + below
        sheet = figure(wide, tall)
        headline(sheet, left, title)
        lower = sheet.add_axes((left / wide, below / tall, WIDE / wide, chart / tall))
        until = max([timeline.makespan_s, *(row.time_s for row in rows)])
        gantt(timeline, lower, theory_s, until)
        upper = sheet.add_axes((left / wide, (below + chart + GAP) / tall, WIDE / wide, bars / tall))
        _rows(upper, [Row("simulated", "", timeline.makespan_s, "", True), *rows], lower.get_xlim()[1])
        for line, words in enumerate(foot):
            place = (left / wide, (below - bottom - LINE * (line - 0.5)) / tall)
            make_writable(sheet.text(*place, short(words, SENTENCE), color=style.GREY, fontsize=8, va="center"))
    return sheet


def _rows(axes: Axes, rows: Sequence[Row], until_s: float) -> None:
    """Draw a bar for each row, with its name on the left, its time on the right, and its formula below."""
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes, until_s)
    axes.set_xlim(0.0, until_s)
    axes.set_xlabel("")
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_yticks(range(len(rows)), [row.name for row in rows], parse_math=False)
    axes.tick_params(axis="y", length=0)
    for place, row in enumerate(rows):
        look = style.SIMULATED if not place else style.FORESEEN if row.good else style.OTHER
        axes.barh(place, row.time_s, height=0.4, facecolor=look.face, hatch=look.hatch or None, edgecolor=style.WHITE)
        words = ", ".join(filter(None, (seconds(row.time_s, 4), row.said)))
        axes.annotate(
            words,
            (1.0, place),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            color=style.BLACK if row.good else style.VERMILLION,
            fontsize=8.5,
        )
        formula = axes.text(0.0, place + 0.36, short(row.formula, FORMULA), color=style.GREY, fontsize=6.5, va="center")
        make_writable(formula)
