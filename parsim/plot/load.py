"""The load of links over time, as a share of their bandwidth, under the Gantt chart of the run.

w0          [0F0][0F1]    [0B0][0B1]        the Gantt chart, on the same axis of time
w0>w1            ##   ##                100 %     mean 12 %       up to 16 links have a lane each
                 ##   ##                0         25 GB/s
within nodes  ...##...##..              100 %     mean 3 %        more: a lane for each tier, with the mean of its links
             ::::##:::##::              0         busiest 26 %: n0.nic0.out      and the fullest link of each moment

Only links that carry anything count. Exchanges within layers that are priced, not played, load no link; a sentence
above the lanes says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from parsim.core.graph import Floats
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE
from parsim.plot import style
from parsim.plot.gantt import last as last_of
from parsim.plot.load_rows import STEPS, Row
from parsim.plot.memory import BESIDE, FINE, LANE, ROOM, SCALE, beside, head
from parsim.plot.paper import lane_axis, time_axis
from parsim.plot.paper import size as points
from parsim.plot.under import under_gantt

LINE = 13.0  # points of a sentence above the lanes
NOTHING = "Nothing travels over a link in this run."


def with_gantt(timeline: Timeline, theory_s: float, rows: Sequence[Row], title: str) -> Axes:
    """Draw the Gantt chart and *rows* on a sheet of their own; return the axes of the load."""
    lanes = len(rows)
    axes = under_gantt(timeline, theory_s, max(lanes * (0.8 if lanes <= 4 else 0.4), 1.0), title)
    return load(rows, axes, timeline, last_of(timeline, theory_s))


def load(rows: Sequence[Row], axes: Axes, timeline: Timeline, last_s: float) -> Axes:
    """Draw *rows* on *axes*, whose axis of time ends at *last_s*."""
    lane_axis(axes, [row.name for row in rows], "link")
    time_axis(axes, last_s or 1.0)
    feet = [place + LANE / 2 for place in range(len(rows))]
    times = np.linspace(0.0, timeline.makespan_s, STEPS + 1)
    handles = []
    several = any((row.most > row.mean + CLOSE).any() for row in rows)
    looks = [(style.LINE, "the fullest link of each moment", [row.most for row in rows])] if several else []
    words = "mean of the links that carry anything" if several else "share of the bandwidth"
    looks.append((style.USED.face, words, [row.mean for row in rows]))
    for face, words, shares in looks:
        areas = [_area(times, share, foot) for share, foot in zip(shares, feet, strict=True)]
        axes.add_collection(PolyCollection(areas, facecolors=face, edgecolors="none"), autolim=False)
        handles.append(Patch(facecolor=face, label=words))
    axes.hlines(feet, 0.0, axes.get_xlim()[1], colors=style.LINE, linewidths=0.6)
    above = 1.0 + tell_uncounted(axes, timeline) / points(axes)[1]
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, above), "borderaxespad": 0.1}
    if rows:
        _tell(axes, rows, feet)
        axes.legend(handles=handles[::-1], ncols=2, frameon=False, columnspacing=1.0, handlelength=1.3, **where)
    else:
        axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", va="center", color=style.GREY, fontsize=8)
    return axes


def tell_uncounted(axes: Axes, timeline: Timeline) -> float:
    """Write above *axes* which exchanges load no link; return the points of height that this takes."""
    rows = timeline.transfers & timeline.of_tasks & (timeline.end_s > timeline.start_s)
    names = [timeline.lanes.table[code] for code in np.unique(timeline.lanes.code[rows]).tolist()]
    if not names:
        return 0.0
    words = f"Exchanges on lane {', '.join(names)} load no link: they are priced, not played."
    where: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 3), "textcoords": "offset points"}
    axes.annotate(words, (0.0, 1.0), fontsize=8.5, annotation_clip=False, **where)
    return LINE


def _area(times: Floats, share: Floats, foot: float) -> Any:
    """Return the corners of steps as a polygon closed along the bottom of the lane, (corners, 2)."""
    x = np.repeat(times, 2)
    y = np.concatenate([[0.0], np.repeat(share, 2), [0.0]])
    return np.stack((x, foot - LANE * y), axis=1)


def _tell(axes: Axes, rows: Sequence[Row], feet: Sequence[float]) -> None:
    """Write the scale and the figures of each lane on its right."""
    thick = points(axes)[1] / (len(rows) + 0.2)
    for row, foot in zip(rows, feet, strict=True):
        words = row.words if thick >= ROOM else row.words[:1]
        beside(axes, foot - LANE / 2, BESIDE, "\n".join(words), "center", 8.5 if thick >= 12.0 else 7.0)
        if LANE * thick >= 2 * FINE:
            beside(axes, foot, SCALE, "0", "baseline", FINE)
            beside(axes, foot - LANE, SCALE, "100 %", "top", FINE)
    head(axes, "load over the run")
