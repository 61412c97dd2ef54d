r"""The Gantt chart of a timeline.

          T_total   makespan
             :        |
host  ##     :      ##|
w0    ==[ 0F0 ][ 0F1 ]|        computing
        --- --        |          and below it the worker's transfers
w1    //////[ 1F0 ]\\\\\\|        light and hatched: idle, by cause
      +---------+-----+
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from parsim.core.cluster import HOST
from parsim.core.timeline import Timeline
from parsim.export.report import seconds
from parsim.export.text import short, ticks, unit_of
from parsim.plot import style
from parsim.plot.bars import Bars, bands, bars_of, lanes_of, places

TITLE = 90  # letters
NAME = 12  # letters of a worker's name
FAR = 3.0  # times the makespan, from where on T_total is noted at the edge
MANY = 20_000  # spans from which on the SVG holds pixels
THINNEST = 0.24  # points, half a pixel of the PNG: a span as short as you like is seen
BORDERED = 2.5  # points of width and height from which on a bar has a border
NARROW = 1 / 200  # of the time; of many bars those below it have no hatch
SMALLEST = 5.0  # points of a name
NAMED = 2_000  # spans up to which bars may be named
LEFT, RIGHT, TOP, BOTTOM = 1.3, 1.75, 0.8, 0.55  # inches around the data
WIDE = 8.0  # inches of data


class _Point(NamedTuple):
    """A point of the paper in units of the data."""

    x: float
    y: float


def pictures(timeline: Timeline, theory_s: float, title: str) -> dict[str, bytes]:
    """Draw `timeline.png` and `timeline.svg`, always the same bytes for the same timeline."""
    with matplotlib.rc_context(_settings()):
        lanes = len(lanes_of(timeline))
        data = max(lanes * (0.55 if lanes <= 8 else 0.4 if lanes <= 20 else 0.22), 2.6)
        width, height = LEFT + WIDE + RIGHT, TOP + data + BOTTOM
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((LEFT / width, BOTTOM / height, WIDE / width, data / height))
        gantt(timeline, axes, theory_s)
        figure.text(LEFT / width, 1 - 0.28 / height, short(title, TITLE), fontsize=11, fontweight="bold", va="center")
        return {f"timeline.{form}": _bytes(figure, form) for form in ("png", "svg")}


def gantt(timeline: Timeline, axes: Axes, theory_s: float) -> Axes:
    """Draw *timeline* on *axes* with the theory's T_total beside it."""
    lanes = lanes_of(timeline)
    last = _last(timeline.makespan_s, theory_s)
    unit = unit_of(last)
    _axes(axes, timeline, lanes, last)
    handles = [_draw(axes, bars, unit.seconds, len(timeline)) for bars in bars_of(timeline, lanes)]
    _names(axes, timeline, lanes, unit.seconds)
    _mark(axes, Mark("T_total", theory_s, style.THEORY, "--", 2), unit.seconds)
    _mark(axes, Mark("makespan", timeline.makespan_s, style.MAKESPAN, "-", 13), unit.seconds)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)
    return axes


def _last(makespan_s: float, theory_s: float) -> float:
    """Return where the axis ends: behind both marks, but a T_total far outside must not squeeze the spans."""
    return makespan_s if theory_s > FAR * makespan_s > 0 else max(makespan_s, theory_s) or 1.0


def _settings() -> dict[Any, Any]:
    """Return matplotlib's own settings under ours, so that nobody's private file changes a picture."""
    own = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    return own | style.PICTURE


def _bytes(figure: Figure, form: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": "parsim"})
    return buffer.getvalue()


def _draw(axes: Axes, bars: Bars, unit_s: float, spans: int) -> Patch:
    """Draw bars of one look at once, and return their entry of the legend."""
    is_idle = bars.label.startswith("idle")
    point = _point(axes)
    left, right = bars.start / unit_s, bars.end / unit_s
    right = right if is_idle else np.maximum(right, left + THINNEST * point.x)
    corners: Any = np.stack((left, bars.top, right, bars.top, right, bars.bottom, left, bars.bottom), axis=1).reshape(
        -1, 4, 2
    )  # (bars, 4 corners, x and y)
    border = style.LINE if is_idle else style.WHITE
    look: dict[str, Any] = {"facecolors": bars.look.face, "zorder": 1 if is_idle else 2, "rasterized": spans > MANY}
    hatch = bars.look.hatch or None
    bordered = np.minimum((right - left) / point.x, (bars.bottom - bars.top) / point.y) >= BORDERED
    bordered &= not is_idle
    hatched = (right - left >= NARROW * axes.get_xlim()[1]) | (spans <= MANY)
    # Bars of few pixels: moved to whole pixels, a regular rhythm would become irregular; a border would cover them.
    plain = {"edgecolors": "none", "snap": False}
    narrow = {"edgecolors": border, "linewidths": 0.0, "hatch": hatch, "snap": False}
    wide = {"edgecolors": border, "linewidths": 0.5, "hatch": hatch}
    sorts: list[tuple[Any, dict[str, Any]]] = [
        (~bordered & ~hatched, plain),
        (~bordered & hatched, narrow),
        (bordered, wide),
    ]
    for rows, more in sorts:
        if rows.any():
            axes.add_collection(PolyCollection(corners[rows], **look, **more), autolim=False)
    return Patch(facecolor=bars.look.face, edgecolor=border, hatch=hatch, label=bars.label)


def _point(axes: Axes) -> _Point:
    """Return how much of the data one point (1/72 inch) is."""
    inches = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return _Point((right - left) / inches[0] / 72, abs(top - bottom) / inches[1] / 72)


def _axes(axes: Axes, timeline: Timeline, lanes: list[int], last: float) -> None:
    names = [short(timeline.workers.table[code] or HOST, NAME) for code in lanes]
    small = 9 if len(lanes) <= 20 else 7
    unit = unit_of(last)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_yticks(range(len(lanes)), names, fontsize=small, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel("worker")
    axes.set_xlim(0.0, last / unit.seconds * 1.01)
    marks = ticks(last, 10) / unit.seconds
    axes.set_xticks(marks, [f"{mark:.6g}" for mark in marks])
    workers = sum(bool(name) for name in timeline.workers.table)
    hidden = workers - sum(bool(timeline.workers.table[code]) for code in lanes)
    axes.set_xlabel(
        f"time ({unit.name})"
        + (f"; {hidden} more {'workers are' if hidden > 1 else 'worker is'} not shown" if hidden else "")
    )


def _names(axes: Axes, timeline: Timeline, lanes: list[int], unit_s: float) -> None:
    """Write names into the bars that have the room."""
    if len(timeline) > NAMED or not lanes:
        return
    place, (computing, _) = places(timeline, lanes), bands(timeline)
    point = _point(axes)
    size = min(8.0, 0.75 * ((computing.bottom - computing.top) or 1.0) / point.y)
    for span in np.flatnonzero(~timeline.transfers & ~np.isnan(place[timeline.workers.code])).tolist():
        left, right = timeline.start_s[span] / unit_s, timeline.end_s[span] / unit_s
        name = str(timeline.task[span])
        fitting = min(size, (right - left) / point.x / (0.7 * len(name) + 0.3))
        if fitting >= SMALLEST:
            owned = bool(timeline.owned[span])
            middle = (computing.top + computing.bottom) / 2 if owned else 0.0
            look = style.KINDS.get(str(timeline.kind[span]), style.OTHER)
            axes.text(
                (left + right) / 2,
                place[timeline.workers.code[span]] + middle,
                name,
                fontsize=fitting,
                color=look.ink,
                ha="center",
                va="center_baseline",
                zorder=4,
                parse_math=False,
                bbox={"facecolor": look.face, "edgecolor": "none", "pad": 0.6},  # over hatches and marks
            )


class Mark(NamedTuple):
    """A time to mark, its label *height* points above the data."""

    word: str
    value_s: float
    colour: str
    dashes: str
    height: int


def _mark(axes: Axes, mark: Mark, unit_s: float) -> None:
    """Mark a time; one behind the axis' end is noted at the edge."""
    right, value = axes.get_xlim()[1], mark.value_s / unit_s
    label = f"{mark.word} {seconds(mark.value_s, 4)}"
    if value > right:
        label, value = f"{label} \N{RIGHTWARDS ARROW}", right
    else:
        axes.axvline(value, color=mark.colour, linestyle=mark.dashes, linewidth=1.2, zorder=3, clip_on=False)
    axes.annotate(
        label,
        (value, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, mark.height),
        textcoords="offset points",
        ha="left" if value < 0.15 * right else "right" if value > 0.85 * right else "center",
        color=mark.colour,
        fontsize=8,
        annotation_clip=False,
    )
