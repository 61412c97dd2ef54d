"""Several Gantt charts above each other, on one axis of time.

name, seed 0
fifo    makespan 8 s
w0  ####----|  :            every chart with its makespan and its T_total
w1  ##----##|  :
lpt     makespan 6 s
w0  ######| :
w1  ######| :
    +---+---+---+
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from parsim.core.timeline import CAUSES, Timeline
from parsim.export.report import seconds
from parsim.export.text import short
from parsim.plot import style
from parsim.plot.bars import lanes_of
from parsim.plot.gantt import ENTRY, WIDE, lanes, last, mark
from parsim.plot.paper import Margins, figure, headline, ours

LABEL = 46  # letters
LEAST, MOST = 0.7, 2.6  # inches of a chart
MARGINS = Margins(top=0.4, bottom=0.5)  # the gap above the first chart is room enough for its titles
GAP = 0.5  # inches between two charts


def stacked(title: str, labels: Sequence[str], timelines: Sequence[Timeline], theories: Sequence[float]) -> Figure:
    """Draw a chart for each of *timelines*, its label and its T_total (s) at the same place of the other columns."""
    with ours():
        return _stacked(title, labels, timelines, theories)


def _stacked(title: str, labels: Sequence[str], timelines: Sequence[Timeline], theories: Sequence[float]) -> Figure:
    until = max(map(last, timelines, theories), default=1.0)
    tall = [_height(len(lanes_of(timeline)), len(timelines)) for timeline in timelines]
    left, right, top, bottom = MARGINS
    legend = ENTRY * (2 + len(set[str]().union(*map(_looks, timelines))))
    width, height = left + WIDE + right, top + max(sum(tall) + GAP * len(tall), GAP + legend) + bottom
    sheet = figure(width, height)
    headline(sheet, left, title)
    entries: dict[str, Patch] = {}
    foot = height - top
    for index, (timeline, theory_s) in enumerate(zip(timelines, theories, strict=True)):
        foot -= GAP + tall[index]
        axes = sheet.add_axes((left / width, foot / height, WIDE / width, tall[index] / height))
        entries |= {str(handle.get_label()): handle for handle in lanes(timeline, axes, until)}
        mark(axes, "makespan", timeline.makespan_s)
        mark(axes, "T_total", theory_s)
        _titles(axes, labels[index], f"makespan {seconds(timeline.makespan_s, 4)}, T_total {seconds(theory_s, 4)}")
        if index < len(timelines) - 1:
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
    """Return the inches of a chart: enough for names where there are few lanes, for a pattern where there are many."""
    return max(min(lanes * (0.3 if charts <= 4 else 0.22), MOST), LEAST)


def _looks(timeline: Timeline) -> set[str]:
    """Name what the legend of *timeline* has to explain."""
    kinds = {timeline.kinds.table[code] for code in np.unique(timeline.kinds.code).tolist()}
    return kinds | {f"idle: {CAUSES[code]}" for code in np.unique(timeline.idle.cause).tolist()}


def _titles(axes: Axes, label: str, words: str) -> None:
    axes.set_title(short(label, LABEL), loc="left", fontsize=10, fontweight="bold", parse_math=False)
    axes.set_title(words, loc="right", fontsize=8.5)


def _idle_first(entry: Patch) -> bool:
    return not str(entry.get_label()).startswith("idle")
