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
from collections.abc import Iterator
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import CAUSES, Timeline
from parsim.export.report import seconds
from parsim.export.text import short, ticks, unit_of
from parsim.export.trace import layers
from parsim.plot import style

MOST = 128  # lanes
TITLE = 90  # letters
NAME = 12  # letters of a worker's name
FAR = 3.0  # times the makespan, from where on T_total is noted at the edge
MANY = 20_000  # spans from which on the SVG holds pixels
BORDERED = 2.5  # points of width and height from which on a bar has a border
NARROW = 1 / 200  # of the time; of many bars those below it have no hatch
SMALLEST = 5.0  # points of a name
NAMED = 2_000  # spans up to which bars may be named
LEFT, RIGHT, TOP, BOTTOM = 1.3, 1.75, 0.8, 0.55  # inches around the data
WIDE = 8.0  # inches of data


class _Band(NamedTuple):
    """The part of a lane, from -0.5 (its top) to 0.5, that bars of one sort take."""

    top: float
    bottom: float


class _Point(NamedTuple):
    """A point of the paper in units of the data."""

    x: float
    y: float


class _Bars(NamedTuple):
    """Bars of one look."""

    label: str
    look: style.Look
    start: Floats
    end: Floats
    top: Floats
    bottom: Floats


def pictures(timeline: Timeline, theory_s: float, title: str) -> dict[str, bytes]:
    """Draw `timeline.png` and `timeline.svg`, always the same bytes for the same timeline."""
    with matplotlib.rc_context(_settings()):
        lanes = len(_lanes(timeline))
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
    lanes = _lanes(timeline)
    last = _last(timeline.makespan_s, theory_s)
    unit = unit_of(last)
    _axes(axes, timeline, lanes, last)
    handles = [_draw(axes, bars, unit.seconds, len(timeline)) for bars in _bars(timeline, lanes)]
    _names(axes, timeline, lanes, unit.seconds)
    _mark(axes, "T_total", theory_s, unit.seconds, style.THEORY, "--", 2)
    _mark(axes, "makespan", timeline.makespan_s, unit.seconds, style.MAKESPAN, "-", 13)
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


def _lanes(timeline: Timeline) -> list[int]:
    """Return the worker codes that have a lane, from the top; the host's first, where it has steps."""
    table = timeline.workers.table
    host = [code for code, name in enumerate(table) if not name and not timeline.owned.all()]
    return [*host, *(code for code, name in enumerate(table) if name)][:MOST]


def _places(timeline: Timeline, lanes: list[int]) -> Floats:
    """Return the lane's place of each worker code; NaN: not drawn."""
    place = np.full(len(timeline.workers.table), np.nan)
    place[lanes] = np.arange(len(lanes))
    return place


def _bands(timeline: Timeline) -> tuple[_Band, _Band]:
    """Return the bands of computing and of transfers: all the lane where only one of them is there."""
    if not timeline.transfers.any():
        return _Band(-0.4, 0.4), _Band(0.0, 0.0)
    if timeline.transfers.all():
        return _Band(0.0, 0.0), _Band(-0.4, 0.4)
    return _Band(-0.42, 0.16), _Band(0.18, 0.42)


def _bars(timeline: Timeline, lanes: list[int]) -> Iterator[_Bars]:
    """Yield all bars: idleness behind, then every kind in the order of the table of styles."""
    place = _places(timeline, lanes)
    idle = timeline.idle
    for cause, name in enumerate(CAUSES):
        rows = np.flatnonzero((idle.cause == cause) & ~np.isnan(place[idle.worker]))
        if len(rows):
            lane = place[idle.worker[rows]]
            yield _Bars(
                f"idle: {name}", style.CAUSES[name], idle.start_s[rows], idle.end_s[rows], lane - 0.42, lane + 0.42
            )
    drawn = ~np.isnan(place[timeline.workers.code])
    for name in _known_first(timeline):
        code = [number for number, kind in enumerate(timeline.kinds.table) if kind == name]
        rows = np.flatnonzero(np.isin(timeline.kinds.code, code) & drawn)
        if len(rows):
            top, bottom = _heights(timeline, rows, place)
            look = style.KINDS.get(name, style.OTHER)
            yield _Bars(name, look, timeline.start_s[rows], timeline.end_s[rows], top, bottom)


def _known_first(timeline: Timeline) -> list[str]:
    there = {timeline.kinds.table[code] for code in np.unique(timeline.kinds.code).tolist()}
    return [*(kind for kind in style.KINDS if kind in there), *sorted(there - set(style.KINDS))]


def _heights(timeline: Timeline, rows: Ints, place: Floats) -> tuple[Floats, Floats]:
    """Return where the bars of *rows* begin and end in height; transfers at once share their band."""
    worker = timeline.workers.code[rows]
    lane = place[worker]
    computing, sending = _bands(timeline)
    if not timeline.transfers[rows[0]]:
        band = _Band(-0.4, 0.4) if not timeline.owned[rows].any() else computing
        return lane + band.top, lane + band.bottom
    top, bottom = np.empty(len(rows)), np.empty(len(rows))
    for one in np.unique(worker).tolist():
        mine = np.flatnonzero(worker == one)
        layer = layers(timeline.start_s[rows[mine]], timeline.end_s[rows[mine]])
        thin = (sending.bottom - sending.top) / (layer.max() + 1)
        top[mine] = lane[mine] + sending.top + layer * thin
        bottom[mine] = top[mine] + thin
    return top, bottom


def _draw(axes: Axes, bars: _Bars, unit_s: float, spans: int) -> Patch:
    """Draw bars of one look at once, and return their entry of the legend."""
    left, right = bars.start / unit_s, bars.end / unit_s
    corners: Any = np.stack((left, bars.top, right, bars.top, right, bars.bottom, left, bars.bottom), axis=1).reshape(
        -1, 4, 2
    )  # (bars, 4 corners, x and y)
    is_idle = bars.label.startswith("idle")
    border = style.LINE if is_idle else style.WHITE
    look: dict[str, Any] = {"facecolors": bars.look.face, "zorder": 1 if is_idle else 2, "rasterized": spans > MANY}
    hatch = bars.look.hatch or None
    point = _point(axes)
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
    places = ticks(last, 10) / unit.seconds
    axes.set_xticks(places, [f"{place:.6g}" for place in places])
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
    place, (computing, _) = _places(timeline, lanes), _bands(timeline)
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


def _mark(axes: Axes, word: str, value_s: float, unit_s: float, colour: str, dashes: str, height: int) -> None:
    """Mark a time, its label *height* points above the data; one behind the axis' end is noted at the edge."""
    right, value = axes.get_xlim()[1], value_s / unit_s
    label = f"{word} {seconds(value_s, 4)}"
    if value > right:
        label, value = f"{label} \N{RIGHTWARDS ARROW}", right
    else:
        axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.2, zorder=3, clip_on=False)
    axes.annotate(
        label,
        (value, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, height),
        textcoords="offset points",
        ha="left" if value < 0.15 * right else "right" if value > 0.85 * right else "center",
        color=colour,
        fontsize=8,
        annotation_clip=False,
    )
