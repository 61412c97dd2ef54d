"""Several Gantt charts, one above the other, on one axis of time.

name, seed 0
fifo    makespan 8 s
w0  ####----|  :            each chart has its makespan and its T_total
w1  ##----##|  :
lpt *   makespan 6 s           the best of a comparison is marked
w0  ######| :
w1  ######| :
    +---+---+---+
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from parsim.core.quantities import seconds
from parsim.core.timeline import CAUSES, Timeline
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.bars import blank, count_lanes, exchanges
from parsim.plot.gantt import ENTRY, WIDE, lanes, last, mark
from parsim.plot.letters import make_writable, written
from parsim.plot.paper import Margins, figure, headline, ours

LABEL = 56  # cells
LEAST, MOST = 0.7, 2.6  # inches of a chart
MARGINS = Margins(top=0.4, bottom=0.5)  # the gap above the first chart has room for its titles
GAP = 0.5  # inches between two charts


class Chart(NamedTuple):
    """A timeline with its label, its T_total, and its mark."""

    label: str
    timeline: Timeline
    theory_s: float
    mark: str = ""


def stacked(title: str, charts: Sequence[Chart]) -> Figure:
    """Draw *charts* from top to bottom."""
    with ours():
        return _stacked(title, charts)


def _stacked(title: str, charts: Sequence[Chart]) -> Figure:
    until = max((last(chart.timeline, chart.theory_s) for chart in charts), default=1.0)
    tall = [_height(count_lanes(chart.timeline), len(charts)) for chart in charts]
    left, right, top, bottom = MARGINS
    legend = ENTRY * (2 + len(set[str]().union(*(_looks(chart.timeline) for chart in charts))))
    width, height = left + WIDE + right, top + max(sum(tall) + GAP * len(tall), GAP + legend) + bottom
    sheet = figure(width, height)
    headline(sheet, left, title)
    entries: dict[str, Patch] = {}
    foot = height - top
    for index, chart in enumerate(charts):
        foot -= GAP + tall[index]
        axes = sheet.add_axes((left / width, foot / height, WIDE / width, tall[index] / height))
        entries |= {str(handle.get_label()): handle for handle in lanes(chart.timeline, axes, until)}
        mark(axes, "makespan", chart.timeline.makespan_s)
        mark(axes, "T_total", chart.theory_s)
        _titles(axes, chart)
        if index < len(charts) - 1:
            axes.set_xlabel(axes.get_xlabel().partition("; ")[2])
            axes.tick_params(axis="x", labelbottom=False)
    lines = [
        Line2D([], [], color=style.MAKESPAN, linewidth=1.2, label="makespan"),
        Line2D([], [], color=style.THEORY, linewidth=1.2, linestyle="--", label="T_total"),
    ]
    sheet.legend(
        handles=[*sorted(entries.values(), key=_idle_first), *lines],
        loc="upper left",
        bbox_to_anchor=((left + WIDE + 0.1) / width, (height - top - GAP) / height),
        frameon=False,
        borderaxespad=0.0,
    )
    return sheet


def _height(lanes: int, charts: int) -> float:
    """Return the height of a chart in inches: enough for names if there are few lanes, else for a pattern."""
    return max(min(lanes * (0.3 if charts <= 4 else 0.22), MOST), LEAST)


def _looks(timeline: Timeline) -> set[str]:
    """Return the looks that the legend of *timeline* explains."""
    kinds = {timeline.kinds.table[code] for code in np.unique(timeline.kinds.code).tolist()}
    more = {"transfers alone", blank(timeline), *exchanges(timeline)[0]}
    return kinds | more | {f"idle: {CAUSES[code]}" for code in np.unique(timeline.idle.cause).tolist()}


def _titles(axes: Axes, chart: Chart) -> None:
    marked = f"  {chart.mark}" if chart.mark else ""
    label = short(written(chart.label, "bold"), LABEL - len(marked))
    make_writable(axes.set_title(f"{label}{marked}", loc="left", fontsize=10, fontweight="bold"))
    words = f"makespan {seconds(chart.timeline.makespan_s, 4)}, T_total {seconds(chart.theory_s, 4)}"
    axes.set_title(words, loc="right", fontsize=8.5)


def _idle_first(entry: Patch) -> bool:
    return not str(entry.get_label()).startswith("idle")
