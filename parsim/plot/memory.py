"""Memory over time, with a lane per device: its use, its peak, and its capacity.

    - - - - - - - - - - - 16 MB                         the capacity, dashed
w0      v######                   13 MB / 16 MB         the first moment of the peak is marked
    ###############       0       at 0.2 s              bytes used; every lane has the same scale
    - - - - - - - - - - - 16 MB
w1  v#########                    12 MB / 16 MB
    ###############       0       at 0 s
    +-----+-----+-----+
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from parsim.core.graph import Floats
from parsim.core.quantities import seconds, size
from parsim.plot import style
from parsim.plot.bars import MOST
from parsim.plot.paper import Margins, headline, lane_axis, page, time_axis
from parsim.plot.paper import size as points
from parsim.plot.under import RIGHT

FAR = 4.0  # times the fullest device: a higher limit is written and not drawn, since it would flatten the curves
LANE = 0.84  # of the distance between lanes
WIDE = 7.0  # inches of data
SCALE, BESIDE = 4.0, 42.0  # points between the data and its scale, and between the data and the peak
ROOM = 24.0  # points of a lane with two lines beside it
FINE = 6.5  # points of the letters of the scale
NOTHING = "Nothing in this workload takes memory; state for example memory: of tasks, or activation: of stages."

Usage = tuple[Floats, Floats]  # the moments of change, and the bytes from then on


class Lane(NamedTuple):
    """The position of a device, its memory as steps over time, and its limit (infinite: none)."""

    foot: float
    moments: Floats
    used: Floats
    limit: float
    made_of: str = ""  # the largest part of the peak

    @property
    def peak(self) -> float:
        """Return the peak in bytes."""
        return float(self.used.max(initial=0.0))

    @property
    def peak_s(self) -> float:
        """Return the first moment of the peak; there is one where memory is used."""
        return float(self.moments[self.used.argmax()])


def sheet(devices: int, title: str) -> Axes:
    """Return empty axes of a fitting size for a number of *devices*."""
    lanes = min(devices, MOST)
    margins = Margins(right=RIGHT, top=0.75)
    data = max(lanes * (0.8 if lanes <= 4 else 0.5 if lanes <= 16 else 0.25), 1.6)
    axes = page(WIDE, data, margins)
    headline(axes.figure, margins.left, title)
    return axes


def memory(
    usage: Sequence[Usage], names: Sequence[str], limits: Sequence[float], makespan_s: float, axes: Axes
) -> Axes:
    """Draw the memory used on each device on *axes*.

    Parameters
    ----------
    usage : for each device the increasing moments of change (s), and the bytes used from then on.
    names, limits : the name of each device, and its memory in bytes (infinite: no limit).
    makespan_s : where the axis ends.
    """
    peaks = [float(used.max(initial=0.0)) for _, used in usage]
    shown = fullest_of(peaks, MOST) if any(peaks) else []
    lanes = [Lane(place + LANE / 2, *usage[i], limits[i]) for place, i in enumerate(shown)]
    fullest = max((lane.peak for lane in lanes), default=0.0)
    seen = [lane.limit for lane in lanes if lane.limit <= FAR * fullest]
    scale = max([fullest, *seen]) or 1.0
    lane_axis(axes, [names[i] for i in shown], "device")
    time_axis(axes, makespan_s or 1.0, hidden(len(names) - len(lanes)) if lanes else "")
    areas = [_area(lane, makespan_s, scale) for lane in lanes]
    axes.add_collection(PolyCollection(areas, facecolors=style.USED.face, edgecolors="none"), autolim=False)
    tops = [lane.foot - LANE * lane.limit / scale for lane in lanes if lane.limit <= scale]
    ends = axes.get_xlim()[1]
    axes.hlines([lane.foot for lane in lanes], 0.0, ends, colors=style.LINE, linewidths=0.6)
    axes.add_collection(
        LineCollection(
            [[(0.0, top), (ends, top)] for top in tops], colors=style.LIMIT, linewidths=1.0, linestyles="--"
        ),
        autolim=False,
    )
    told(axes, lanes, scale)
    limits_told = [lane.limit for lane in lanes if math.isfinite(lane.limit)]
    words = "capacity" if len(tops) == len(limits_told) else "capacity; those far above are not drawn"
    _legend(axes, "bytes used" if fullest else "bytes used: none", words if tops else "")
    if not fullest:
        nothing(axes)
    return axes


def nothing(axes: Axes) -> None:
    """Say on empty *axes* that nothing takes memory, and what to state."""
    axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", va="center", color=style.GREY, fontsize=8)


def fullest_of(peaks: Sequence[float], most: int) -> list[int]:
    """Return the devices to draw, in order; if there are more than *most*, those with the highest peaks."""
    fullest_first = sorted(range(len(peaks)), key=lambda i: -peaks[i])
    return sorted(fullest_first[:most])


def hidden(devices: int) -> str:
    """Say how many devices are not drawn, to be added to the label of the axis of time."""
    return (
        f"; {devices} more device{'s are' if devices > 1 else ' is'} not shown, none of them fuller" if devices else ""
    )


def _area(lane: Lane, makespan_s: float, scale: float) -> Any:
    """Return the corners of the steps as a polygon closed along the bottom of the lane, (corners, 2)."""
    until = np.clip(lane.moments, 0.0, makespan_s)
    x = np.concatenate([np.repeat(until, 2), [makespan_s, makespan_s]])
    y = np.concatenate([[0.0], np.repeat(lane.used, 2), [0.0]])
    return np.stack((x, lane.foot - LANE * y / scale), axis=1)


def told(axes: Axes, lanes: Sequence[Lane], scale: float) -> None:
    """Mark the peak of each lane, and write its scale, its peak and its capacity on its right where there is room."""
    full = [lane for lane in lanes if lane.peak]
    tops = [lane.foot - LANE * lane.peak / scale for lane in full]
    axes.plot([lane.peak_s for lane in full], tops, "v", color=style.PATH, markersize=3.5, zorder=4, clip_on=False)
    thick = points(axes)[1] / (len(lanes) + 0.2) if lanes else 1.0
    letters = 8.5 if thick >= 12.0 else 7.0
    for lane in lanes[:: max(math.ceil((letters + 1.0) / thick), 1)]:
        beside(axes, lane.foot - LANE / 2, BESIDE, "\n".join(_words(lane, thick)), "center", letters)
        if LANE * thick >= 2 * FINE and lane.peak:
            beside(axes, lane.foot, SCALE, "0", "baseline", FINE)
            beside(axes, lane.foot - LANE, SCALE, size(scale), "top", FINE)
    if lanes:
        head(axes, "peak / capacity" if any(math.isfinite(lane.limit) for lane in lanes) else "peak")


def _words(lane: Lane, thick: float) -> Iterator[str]:
    """Yield the peak and the capacity, then its moment and largest part if a lane is *thick* enough."""
    yield size(lane.peak) + (f" / {size(lane.limit)}" if math.isfinite(lane.limit) else "")
    if lane.peak and thick >= ROOM:
        yield f"at {seconds(lane.peak_s, 4)}" + (f": {lane.made_of}" if lane.made_of else "")


def beside(axes: Axes, height: float, away: float, words: str, alignment: str, letters: float) -> None:
    """Write *words* on the right of the data, *away* points from it."""
    axes.annotate(
        words,
        (1.0, height),
        xycoords=axes.get_yaxis_transform(),
        xytext=(away, 0),
        textcoords="offset points",
        va=alignment,
        fontsize=letters,
        color=style.GREY if letters == FINE else style.BLACK,
        annotation_clip=False,
    )


def _legend(axes: Axes, words: str, limit: str) -> None:
    handles: list[Any] = [Patch(facecolor=style.USED.face, label=words)]
    if limit:
        handles.append(Line2D([], [], color=style.LIMIT, linewidth=1.0, linestyle="--", label=limit))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, borderaxespad=0.1)


def head(axes: Axes, words: str) -> None:
    """Write the head of the column on the right of the lanes."""
    axes.annotate(
        words,
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(BESIDE, 4),
        textcoords="offset points",
        color=style.GREY,
        fontsize=8,
        annotation_clip=False,
    )
