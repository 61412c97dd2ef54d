"""The memory of training over time: a lane per device with a stacked area for each kind, under the Gantt chart.

w0  [0F0][0F1]    [0B0][0B1]        the Gantt chart, on the same axis of time
w1       [1F0][1B0][1F1][1B1]
weights # activations % capacity - -
    - - - - -v- - - - - - - 80 GB                   every lane has the same scale
w0         %%%%%%                   95 GB / 80 GB
    ################        0       at 0.2 s: activations 60 GB        the first moment of the peak
    +-----+-----+-----+

Devices that hold the same share a lane: w0 +15.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from parsim.core.graph import Floats
from parsim.core.quantities import size
from parsim.core.timeline import Timeline, shared_name
from parsim.metrics.held import KINDS
from parsim.plot import style
from parsim.plot.gantt import last as last_of
from parsim.plot.memory import FAR, LANE, Lane, fullest_of, hidden, nothing, told
from parsim.plot.paper import lane_axis, time_axis
from parsim.plot.under import under_gantt

MOST = 32  # lanes
FINE = 2_000  # steps of a lane that the eye can tell apart


class Kinds(NamedTuple):
    """What a device holds over time: moments of change, and the bytes of each kind from then on."""

    name: str
    moments: Floats  # (moments,) s
    bytes: Floats  # (kinds, moments)
    limit: float  # B, infinite: none
    more: int = 0  # other devices that hold the same

    @property
    def label(self) -> str:
        """Return the name, with the number of devices that share the lane."""
        return shared_name(self.name, self.more)


def with_gantt(timeline: Timeline, theory_s: float, devices: Sequence[Kinds], title: str) -> Axes:
    """Draw the Gantt chart and the memory of *devices* on a sheet of their own; return the axes of memory."""
    lanes = min(len(_shared(devices)), MOST)
    tall = max(lanes * (0.8 if lanes <= 4 else 0.5 if lanes <= 16 else 0.3), 1.6)
    axes = under_gantt(timeline, theory_s, tall, title)
    return stacks(devices, axes, timeline.makespan_s, last_of(timeline, theory_s))


def stacks(devices: Sequence[Kinds], axes: Axes, makespan_s: float, last_s: float) -> Axes:
    """Draw the memory of *devices* on *axes*, whose axis of time ends at *last_s*."""
    shares = _shared(devices)
    peaks = [float(one.bytes.sum(axis=0).max(initial=0.0)) for one in shares]
    shown = [shares[i] for i in fullest_of(peaks, MOST)]
    lanes = [_lane(one, place + LANE / 2) for place, one in enumerate(shown)]
    fullest = max(peaks, default=0.0)
    scale = max([fullest, *(lane.limit for lane in lanes if lane.limit <= FAR * fullest)]) or 1.0
    lane_axis(axes, [one.label for one in shown], "device")
    drawn = sum(1 + one.more for one in shown)
    time_axis(axes, last_s or 1.0, hidden(sum(1 + one.more for one in devices) - drawn) if shown else "")
    there = {name: kind for kind, name in enumerate(KINDS) if any(one.bytes[kind].any() for one in shown)}
    for name, kind in there.items():
        areas = [_area(one, lane, kind, makespan_s, scale) for one, lane in zip(shown, lanes, strict=True)]
        face = style.MEMORY[name].face
        axes.add_collection(PolyCollection(areas, facecolors=face, edgecolors="none"), autolim=False)
    axes.hlines([lane.foot for lane in lanes], 0.0, axes.get_xlim()[1], colors=style.LINE, linewidths=0.6)
    limited = _limits(axes, lanes, scale)
    told(axes, lanes, scale)
    handles: list[Any] = [Patch(facecolor=style.MEMORY[name].face, label=name) for name in there]
    if limited:
        handles.append(Line2D([], [], color=style.LIMIT, linewidth=1.2, linestyle="--", label="capacity"))
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.1}
    if handles:
        axes.legend(handles=handles, ncols=len(handles), frameon=False, columnspacing=1.0, handlelength=1.3, **where)
    if not fullest:
        nothing(axes)
    return axes


def _shared(devices: Sequence[Kinds]) -> list[Kinds]:
    """Return one device for all that hold the same at all times; none if none holds any."""
    if not any(one.bytes.any() for one in devices):
        return []
    found: dict[tuple[bytes, bytes, float], list[Kinds]] = {}
    for one in devices:
        found.setdefault((one.moments.tobytes(), one.bytes.tobytes(), one.limit), []).append(one)
    return [same[0]._replace(more=sum(1 + one.more for one in same) - 1) for same in found.values()]


def _lane(device: Kinds, foot: float) -> Lane:
    """Return the lane of *device*, with the largest part of its peak."""
    used = device.bytes.sum(axis=0)
    parts = device.bytes[:, used.argmax()]
    kind = int(parts.argmax())
    return Lane(foot, device.moments, used, device.limit, f"{KINDS[kind]} {size(float(parts[kind]))}")


def _limits(axes: Axes, lanes: Sequence[Lane], scale: float) -> bool:
    """Draw a dashed line at the limit of each lane, and return whether there is any; far ones are only written."""
    ends = axes.get_xlim()[1]
    tops = [lane.foot - LANE * lane.limit / scale for lane in lanes if lane.limit <= scale]
    lines: Any = [[(0.0, top), (ends, top)] for top in tops]
    axes.add_collection(LineCollection(lines, colors=style.CASING, linewidths=2.4), autolim=False)
    axes.add_collection(LineCollection(lines, colors=style.LIMIT, linewidths=1.2, linestyles="--"), autolim=False)
    return bool(tops)


def _area(device: Kinds, lane: Lane, kind: int, makespan_s: float, scale: float) -> Any:
    """Return the corners of the area of a kind, above those of the kinds before it, (corners, 2)."""
    moments, bytes_ = thinned(device.moments, device.bytes, makespan_s)
    x = np.append(np.repeat(moments, 2)[1:], makespan_s)  # each step from its moment to the next one
    low, high = (np.repeat(bytes_[:upto].sum(axis=0), 2) for upto in (kind, kind + 1))
    y = lane.foot - LANE * np.concatenate([low, high[::-1]]) / scale
    return np.stack((np.concatenate([x, x[::-1]]), y), axis=1)


def thinned(moments: Floats, bytes_: Floats, makespan_s: float) -> tuple[Floats, Floats]:
    """Return the steps, or where there are more than the eye can tell apart, the fullest moment of each short time."""
    inside = moments <= makespan_s
    moments, bytes_ = moments[inside], bytes_[:, inside]
    if len(moments) <= FINE:
        return moments, bytes_
    bins = np.floor(moments / makespan_s * FINE)
    order = np.lexsort((bytes_.sum(axis=0), bins))
    fullest = order[np.flatnonzero(np.diff(bins[order], append=-1.0) != 0)]
    return moments[fullest], bytes_[:, fullest]
