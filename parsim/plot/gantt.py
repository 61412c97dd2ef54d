r"""The Gantt chart of a timeline.

          T_total   makespan
             :        |
host  ##     :      ##|
w0    ==[ 0F0 ][ 0F1 ]|        computing
        --- --        |          the worker's transfers below it
w1    //////[ 1F0 ]\\\\\\|        light and hatched: idle time by cause
      +---------+-----+

On its axes, x is in seconds and y is in lanes, so that callers can draw more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.text import Annotation

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.op import brief
from parsim.core.quantities import seconds
from parsim.core.timeline import Timeline, shared_name
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.bars import (
    Bars,
    bands,
    bars_of,
    blank,
    boxes,
    count_lanes,
    exchanges,
    lanes_of,
    left_out,
    parts,
    places,
)
from parsim.plot.letters import legible, make_writable, wide, written
from parsim.plot.paper import NAME, Margins, explain, files, headline, lane_axis, ours, page, point, size, time_axis

FAR = 3.0  # times the makespan, beyond which T_total is noted at the edge
MANY = 20_000  # spans from which the SVG contains pixels
THINNEST = 0.24  # points, half a pixel of the PNG: every span is visible
BORDERED = 2.5  # points of width and height from which a bar has a border
AT_ONCE = 200  # rectangles per shape: matplotlib snaps shapes of up to 1,024 corners to pixels
NARROW = 1 / 200  # of the time: if there are many bars, shorter ones have no hatch
SMALLEST = 5.0  # points of a name
SLIM = 8.0  # points of a bar on the path, below which it shares its outline with its neighbours
EDGES = 3.0  # points around a name that the outline of a path needs
NAMED = 2_000  # spans up to which bars may be named
WORD = 18  # cells of a legend's entry
WIDE = 8.0  # inches of data
PART = 0.09  # inches more for each communicator, in charts of few lanes
TINY = 6.0  # points of a communicator's name beside its part of a lane, and of the thinnest part with a name
ENTRY = 0.19  # inches of a legend's entry


def pictures(timeline: Timeline, theory_s: float, title: str) -> dict[str, bytes]:
    """Draw `timeline.png` and `timeline.svg`; the same timeline gives the same bytes."""
    with ours():
        axes = sheet(timeline, title)
        gantt(timeline, axes, theory_s)
        return files("timeline", axes.figure)


def sheet(timeline: Timeline, title: str) -> Axes:
    """Return empty axes of a fitting size for *timeline*."""
    axes = page(WIDE, height(timeline), Margins())
    headline(axes.figure, Margins().left, title)
    return axes


def height(timeline: Timeline) -> float:
    """Return the height of the lanes of *timeline* and their legend in inches."""
    lanes, talks = count_lanes(timeline), exchanges(timeline)[0]
    legend = ENTRY * (len(np.unique(timeline.idle.cause)) + len(np.unique(timeline.kinds.code)) + 3 + len(talks))
    tall = 0.55 if lanes <= 8 else 0.4 if lanes <= 20 else 0.22
    if lanes <= 20 and talks != ["transfer"]:
        tall += PART * len(talks)  # with room for the names of communicators
    return max(lanes * tall, legend, 2.6)


def gantt(timeline: Timeline, axes: Axes, theory_s: float, until_s: float = 0.0) -> Axes:
    """Draw *timeline* and the theory's T_total on *axes*; the axis of time ends at *until_s* or later."""
    handles = lanes(timeline, axes, max(last(timeline, theory_s), until_s))
    _labelled(axes, mark(axes, "makespan", timeline.makespan_s), mark(axes, "T_total", theory_s))
    explain(axes, handles, [_said(timeline, str(handle.get_label())) for handle in handles])
    return axes


def _said(timeline: Timeline, label: str) -> str:
    """Say of what a lane shows below its tasks that it is there."""
    if not (timeline.computes.any() and timeline.transfers.any()):
        return label
    known = {name: f"{name}, below" for name in exchanges(timeline)[0]}
    return ({"no transfer": "no transfer below"} | known).get(label, label)


def last(timeline: Timeline, theory_s: float) -> float:
    """Return the end of the axis: after both marks, unless T_total is so large that it would squeeze the spans."""
    makespan = timeline.makespan_s
    return makespan if theory_s > FAR * makespan > 0 else max(makespan, theory_s) or 1.0


def lanes(timeline: Timeline, axes: Axes, last_s: float) -> list[Patch]:
    """Draw the lanes without marks, and return the entries of their legend."""
    shown = lanes_of(timeline)
    more = left_out(timeline, shown)
    _named(axes, timeline, shown)
    time_axis(axes, last_s, f"; {more}" if more else "")
    handles = [_draw(axes, bars, len(timeline)) for bars in bars_of(timeline, shown)]
    if words := blank(timeline):
        handles.append(Patch(facecolor=style.WHITE, edgecolor=style.LINE, label=words))
    _names(axes, timeline, shown)
    return handles


def _named(axes: Axes, timeline: Timeline, shown: Mapping[int, int]) -> None:
    """Name the lanes, and beside their parts the communicators if there is room."""
    names, (computing, _) = exchanges(timeline)[0], bands(timeline)
    each = parts(timeline)
    thick = min((part.bottom - part.top for part in each), default=0.0) * size(axes)[1] / (len(shown) + 0.2)
    roomy = names not in ([], ["transfer"]) and thick >= TINY
    middle = (computing.top + computing.bottom) / 2 if roomy else 0.0
    words = [shared_name(timeline.workers.table[code] or HOST, more) for code, more in shown.items()]
    lane_axis(axes, words, "worker", middle)
    if roomy:
        lanes = [lane for lane, code in enumerate(shown) if timeline.workers.table[code]]
        places = [lane + (part.top + part.bottom) / 2 for lane in lanes for part in each]
        words = [short(written(name), NAME) for name in names] * len(lanes)
        axes.set_yticks(places, words, minor=True, fontsize=TINY, color=style.GREY, parse_math=False)
        axes.tick_params(axis="y", which="minor", length=0)


def _draw(axes: Axes, bars: Bars, spans: int) -> Patch:
    """Draw all bars with one look, and return their entry of the legend."""
    is_idle = bars.label.startswith("idle")
    one = point(axes)
    left, right = bars.start, bars.end if is_idle else np.maximum(bars.end, bars.start + THINNEST * one.x)
    border = style.LINE if is_idle else style.WHITE
    look: dict[str, Any] = {"facecolors": bars.look.face, "zorder": 1 if is_idle else 2, "rasterized": spans > MANY}
    hatch = bars.look.hatch or None
    bordered = np.minimum((right - left) / one.x, (bars.bottom - bars.top) / one.y) >= BORDERED
    bordered &= not is_idle
    hatched = (right - left >= NARROW * axes.get_xlim()[1]) | (spans <= MANY)
    # Narrow bars: snapping to pixels would make their spacing irregular, and a border would cover them.
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
            found = left[rows], right[rows], bars.top[rows], bars.bottom[rows]
            shapes = rectangles(*(_joined(*found, 2 * THINNEST * one.x) if more is plain else found))
            axes.add_collection(PathCollection(shapes, **look, **more), autolim=False)
    return Patch(facecolor=bars.look.face, edgecolor=border, hatch=hatch, label=short(written(bars.label), WORD))


def mark_path(timeline: Timeline, rows: Sequence[int], axes: Axes) -> Axes:
    """Outline the bars of *rows* in order, and connect each to the next; *axes* contain the chart."""
    path = np.asarray(rows, np.int64)
    top, bottom = boxes(timeline, path)
    seen = ~np.isnan(top)
    path, top, bottom = path[seen], top[seen], bottom[seen]
    start, end = timeline.start_s[path], timeline.end_s[path]
    first, after = _runs(start, end, top, SLIM * point(axes).x)
    start, end, top, bottom = start[first], end[after - 1], top[first], bottom[first]
    middle = (top + bottom) / 2
    outlines = rectangles(start, np.maximum(end, start + THINNEST * point(axes).x), top, bottom)
    joins: Any = np.stack((end[:-1], middle[:-1], start[1:], middle[1:]), axis=1).reshape(-1, 2, 2)
    for colour, width, height, behind in ((style.CASING, 3.6, 2.5, 1.5), (style.PATH, 1.7, 3.2, 1.6)):
        bars: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": width, "zorder": height}
        axes.add_collection(PathCollection(outlines, **bars), autolim=False)
        ways: dict[str, Any] = {"colors": colour, "capstyle": "butt", "linewidths": width, "zorder": behind}
        axes.add_collection(LineCollection(joins, **ways), autolim=False)  # behind other bars and their names
    legend = axes.get_legend()
    if legend is not None:
        outline = Patch(facecolor="none", edgecolor=style.PATH, linewidth=1.7)
        words = [text.get_text() for text in legend.get_texts()]
        explain(axes, [*legend.legend_handles, outline], [*words, "critical path"])
    return axes


def _joined(left: Floats, right: Floats, top: Floats, bottom: Floats, slim: float) -> tuple[Floats, ...]:
    """Merge bars that touch in a lane and are narrower than a pixel, *slim*; the picture is the same."""
    order = np.lexsort((left, top))
    left, right, top, bottom = left[order], right[order], top[order], bottom[order]
    first, _ = _runs(left, right, top, slim)
    return left[first], np.maximum.reduceat(right, first), top[first], bottom[first]


def _runs(start: Floats, end: Floats, top: Floats, slim: float) -> tuple[Ints, Ints]:
    """Return where runs of touching slim bars begin and end; any other bar is its own run."""
    thin = end - start < slim
    touching = (top[1:] == top[:-1]) & (start[1:] - end[:-1] < slim / 10) & thin[1:] & thin[:-1]
    first = np.flatnonzero(np.concatenate([np.ones(min(len(start), 1), bool), ~touching]))
    return first, np.append(first[1:], len(start)).astype(np.int64)[: len(first)]


def rectangles(left: Floats, right: Floats, top: Floats, bottom: Floats) -> list[Path]:
    """Return rectangles in groups, one shape per group: a hatch costs a millisecond per shape of any size."""
    corners = np.stack((left, top, right, top, right, bottom, left, bottom, left, top), axis=1).reshape(-1, 5, 2)
    codes = np.array([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], np.uint8)
    parts = (corners[first : first + AT_ONCE] for first in range(0, len(corners), AT_ONCE))
    return [Path(part.reshape(-1, 2), np.tile(codes, len(part))) for part in parts]


def _names(axes: Axes, timeline: Timeline, shown: Mapping[int, int]) -> None:
    """Write names into the bars that have room for them."""
    if len(timeline) > NAMED or not shown:
        return
    place, (computing, _) = places(timeline, shown), bands(timeline)
    one = point(axes)
    letters = min(8.0, 0.75 * ((computing.bottom - computing.top) or 1.0) / one.y)
    named = ~timeline.transfers & ~timeline.members & ~np.isnan(place[timeline.workers.code])
    for span in np.flatnonzero(named).tolist():
        left, right = timeline.start_s[span], timeline.end_s[span]
        name = legible(brief(str(timeline.task[span])), int(timeline.number[span]))
        fitting = min(letters, ((right - left) / one.x - EDGES) / (0.66 * wide(name)))
        if fitting >= SMALLEST:
            middle = (computing.top + computing.bottom) / 2 if timeline.owned[span] else 0.0
            look = style.KINDS.get(str(timeline.kind[span]), style.OTHER)
            text = axes.text(
                (left + right) / 2,
                place[timeline.workers.code[span]] + middle,
                name,
                fontsize=fitting,
                color=look.ink,
                ha="center",
                va="center_baseline",
                zorder=4,
                bbox={"facecolor": look.face, "edgecolor": "none", "pad": 0.6},  # above hatches and marks
            )
            make_writable(text)


class Mark(NamedTuple):
    """A time to mark; *value_s* may be beyond the end of the axis."""

    word: str
    value_s: float
    colour: str


def mark(axes: Axes, word: str, value_s: float) -> Mark:
    """Draw a line at the makespan, or a dashed one at T_total, if it is on the axis."""
    colour, dashes = (style.MAKESPAN, "-") if word == "makespan" else (style.THEORY, "--")
    if value_s <= axes.get_xlim()[1]:
        axes.axvline(value_s, color=colour, linestyle=dashes, linewidth=1.2, zorder=3, clip_on=False)
    return Mark(word, value_s, colour)


def _labelled(axes: Axes, *marks: Mark) -> None:
    """Write each mark's time above the data, and above the previous one where the two would overlap."""
    written: list[Annotation] = []
    for one in marks:
        label = _label(axes, one)
        if any(label.get_window_extent().padded(4).overlaps(other.get_window_extent()) for other in written):
            label.xyann = (0, 13)
        written.append(label)


def _label(axes: Axes, one: Mark) -> Annotation:
    right, value, words = axes.get_xlim()[1], one.value_s, f"{one.word} {seconds(one.value_s, 4)}"
    if value > right:
        words, value = f"{words} \N{RIGHTWARDS ARROW}", right
    return axes.annotate(
        words,
        (value, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        ha="left" if value < 0.15 * right else "right" if value > 0.85 * right else "center",
        color=one.colour,
        fontsize=8,
        annotation_clip=False,
    )
