"""Lanes under the Gantt chart of a run, on the same axis of time.

w0  [0F0][0F1]    [0B0][0B1]        the Gantt chart, at most so tall that lanes can be read
w1       [1F0][1B0][1F1][1B1]
legend of the lanes
w0       ######                     the lanes: memory of devices, load of links
    ################
    +-----+-----+-----+
"""

from __future__ import annotations

from matplotlib.axes import Axes

from parsim.core.timeline import Timeline
from parsim.plot.gantt import WIDE, gantt, height
from parsim.plot.paper import Margins, figure, headline

TALLEST = 8.0  # inches of the Gantt chart
GAP = 0.55  # inches between chart and lanes, with their legend
RIGHT = 2.9  # inches beside the data


def under_gantt(timeline: Timeline, theory_s: float, tall: float, title: str) -> Axes:
    """Draw the Gantt chart on a sheet of its own, and return empty axes of *tall* inches under it."""
    left, right, top, bottom = Margins(right=RIGHT)
    upper_tall = min(height(timeline), TALLEST)
    all_wide, all_tall = left + WIDE + right, top + upper_tall + GAP + tall + bottom
    sheet = figure(all_wide, all_tall)
    headline(sheet, left, title)
    place = left / all_wide, (bottom + tall + GAP) / all_tall, WIDE / all_wide, upper_tall / all_tall
    upper = sheet.add_axes(place)
    gantt(timeline, upper, theory_s)
    upper.set_xlabel(upper.get_xlabel().partition("; ")[2])
    upper.tick_params(axis="x", labelbottom=False)
    return sheet.add_axes((left / all_wide, bottom / all_tall, WIDE / all_wide, tall / all_tall))
