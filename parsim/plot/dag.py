"""The task graph in layers from left to right, with a thick critical path.

       +--[ b ]--+
[ a ]--+         +==[ d ]         boxes with names if there is room, else dots
       +==[ c ]==+                ==  on the critical path

A graph of more tasks than can be told apart is refused: its critical path is on the Gantt chart of `path`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from parsim.core.errors import RunError
from parsim.core.escape import printable
from parsim.core.graph import TaskGraph
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.layout import Layout, routed, straight
from parsim.plot.letters import legible, make_writable, wide, written
from parsim.plot.paper import Margins, Point, explain, headline, page, point, size

MOST = 300  # tasks that the eye can tell apart
NAMED = 100  # tasks up to which names are drawn
NAME = 12  # cells
WORD = 18  # cells of a legend's entry
MANY = 5_000  # edges from which the SVG contains pixels
WIDEST, HIGHEST = 12.0, 12.0  # inches of data, unless names need more space
MARGINS = Margins(left=0.3, right=1.9, top=0.6, bottom=0.55)
LETTER = 0.64  # width of a letter over its size
SMALLEST = 6.5  # points of a name, on its own sheet
SIDES = 4.0  # points of a box beside its name
TWO_LINES = 20.0  # points of height from which a box shows its group
BOX = 0.6  # of the distance between layers
FLAT = 0.68  # of the distance between rows
THICK = 2.2  # points, width of the path
DASHES = (0, (2.0, 1.2))
QUEUES = 40  # waits for a worker up to which the path is connected

Fills = Mapping[str, style.Look]


class Drawing(NamedTuple):
    """A graph with a layout; `groups` are the words that colour its tasks, `path` is the critical path."""

    names: list[str]
    groups: list[str]
    looks: dict[str, tuple[style.Look, str]]  # fill and mark of each group
    layout: Layout
    path: list[int]
    edges: int  # number of ways of the layout that are edges; further ways connect waits for a worker on the path
    waits: int  # waits for a worker on the path that are not connected, because there are very many

    @property
    def thick(self) -> list[bool]:
        """Return whether each edge is on the path."""
        joined = set(pairwise(self.path))
        return [(way[0], way[-1]) in joined for way in self.layout.ways[: self.edges]]

    @property
    def queues(self) -> list[list[int]]:
        """Return the ways on the path whose target waited for the source's worker, and not for its result."""
        return self.layout.ways[self.edges :]

    def has_room(self, width: float, height: float) -> bool:
        """Return whether every task fits as a box with a name into *width* x *height* points."""
        across, down = width / self.layout.width, height / (self.layout.height + 0.2)
        return len(self.names) <= NAMED and across >= 40.0 and down >= 14.0


def alone(graph: TaskGraph, path: Sequence[int], groups: Sequence[str], fills: Fills, title: str) -> Axes:
    """Draw *graph* on its own sheet of a fitting size; see `dag` for the other parameters."""
    drawing = _drawing(graph, path, groups, fills)
    axes = page(*_inches(drawing), MARGINS)
    headline(axes.figure, MARGINS.left, title)
    return _draw(drawing, axes)


def _inches(drawing: Drawing) -> tuple[float, float]:
    """Return a fitting size: boxes get room for their names, dots are as dense as necessary."""
    layers, rows = drawing.layout.width, drawing.layout.height
    if len(drawing.names) > NAMED:
        return min(max(layers * 0.45, 3.0), WIDEST), min(max(rows * 0.16, 2.0), HIGHEST)
    longest = max((wide(word) for task in range(len(drawing.names)) for word in _words(drawing, task)), default=1.0)
    narrow, low = (LETTER * SMALLEST * longest + SIDES) / BOX / 72, (TWO_LINES + 1.0) / FLAT / 72
    across, down = max(WIDEST / layers, narrow), max(HIGHEST / (rows + 0.2), low)
    return max(layers * min(across, 1.2), 3.0), max((rows + 0.2) * min(down, 0.5), 2.0)


def _words(drawing: Drawing, task: int) -> list[str]:
    """Return the text in the box of *task*: its name and its group."""
    return [short(written(word), NAME) for word in (drawing.names[task], drawing.groups[task]) if word]


def dag(graph: TaskGraph, path: Sequence[int], axes: Axes, groups: Sequence[str], fills: Fills) -> Axes:
    """Draw *graph* on *axes*.

    Parameters
    ----------
    path : the tasks of the critical path, in order; in a pair without an edge, the second waited for the worker.
    groups : a word for each task, such as its worker or its kind; a few words get their own colours.
    fills : the fills of words that have one in other pictures; others get one by their order.
    """
    return _draw(_drawing(graph, path, groups, fills), axes)


def _draw(drawing: Drawing, axes: Axes) -> Axes:
    layout, tasks = drawing.layout, len(drawing.names)
    low, high = (layout.y.min(), layout.y.max()) if tasks else (0.0, 0.0)
    axes.set_xlim(-0.5, max(layout.width - 0.5, 0.5))
    axes.set_ylim(high + 0.6, low - 0.6)
    axes.set_axis_off()
    named = drawing.has_room(*size(axes))
    (_boxes if named else _dots)(axes, drawing, point(axes))
    if notes := "\n".join(_notes(drawing)):
        axes.annotate(notes, (0.0, 0.0), xycoords="axes fraction", va="top", color=style.GREY, fontsize=8)
    _legend(axes, drawing, named)
    return axes


def _notes(drawing: Drawing) -> Iterator[str]:
    """Return notes on what the picture omits, and on what it may suggest wrongly."""
    if not drawing.names:
        yield "no tasks"
    if drawing.layout.columns > 1:
        yield f"one layer may take up to {drawing.layout.columns} columns"
    if drawing.waits > QUEUES:
        yield f"{drawing.waits} waits of the path for a worker are not drawn"


def _drawing(graph: TaskGraph, path: Sequence[int], groups: Sequence[str], fills: Fills) -> Drawing:
    tasks = len(graph)
    if tasks > MOST:
        raise RunError(f"a graph of {tasks} tasks has no room in a picture; the most are {MOST}; draw path instead")
    mine = list(map(printable, groups))
    words = list(dict.fromkeys(sorted(mine, key=_natural)))
    few = style.GROUPS if len(words) <= len(style.GROUPS) else ()
    looks = {word: (fills.get(word, fill), mark) for word, (fill, mark) in zip(words, few, strict=False)}
    names = [legible(str(name), task) for task, name in enumerate(graph.names)]
    parent, child = graph.edges.parent.tolist(), graph.edges.child.tolist()
    known, shown = set(zip(parent, child, strict=True)), list(path)
    waits = [pair for pair in pairwise(shown) if pair not in known]
    joined = waits if len(waits) <= QUEUES else []
    layout = (routed if tasks <= NAMED else straight)(parent, child, tasks, joined)
    return Drawing(names, mine, looks, layout, shown, len(parent), len(waits))


def _natural(word: str) -> tuple[int, str]:
    """Sort w2 before w10."""
    return len(word), word


def _boxes(axes: Axes, drawing: Drawing, one: Point) -> None:
    """Draw tasks as boxes with names, and edges as curves around them."""
    across, tall = min(BOX, 90.0 * one.x), min(FLAT, 34.0 * one.y)
    _curves(axes, drawing, across, one)
    marked = set(drawing.path)
    for task in range(len(drawing.names)):
        look, _ = drawing.looks.get(drawing.groups[task], style.PLAIN)
        x, y = drawing.layout.x[task], drawing.layout.y[task]
        border, width = (style.PATH, THICK) if task in marked else (style.EDGE, 0.8)
        axes.add_patch(
            Rectangle((x - across / 2, y - tall / 2), across, tall, fc=look.face, ec=border, linewidth=width, zorder=3)
        )
        words = _words(drawing, task)
        lines = words if tall / one.y >= TWO_LINES else [" ".join(words)]
        room = across / one.x - SIDES, tall / one.y
        fitting = room[0] / (LETTER * max(map(wide, lines), default=1)), room[1] / (1.35 * len(lines))
        text = axes.text(
            x,
            y,
            "\n".join(lines),
            fontsize=min(8.5, *fitting),
            color=look.ink,
            ha="center",
            va="center",
            linespacing=1.1,
            zorder=4,
        )
        make_writable(text)


def _curves(axes: Axes, drawing: Drawing, wide: float, one: Point) -> None:
    """Draw the edges as arrows, those of the path on top."""
    x, y = drawing.layout.x, drawing.layout.y
    ways = list(zip(drawing.layout.ways, drawing.thick, strict=False))
    sorts: tuple[tuple[list[list[int]], str, float, float, Any], ...] = (
        ([way for way, is_thick in ways if not is_thick], style.EDGE, 0.9, 1.0, "-"),
        ([way for way, is_thick in ways if is_thick], style.PATH, THICK, 1.2, "-"),
        (drawing.queues, style.PATH, THICK, 1.1, DASHES),
    )
    for mine, colour, width, height, dashes in sorts:
        curves = [_curve(x[way], y[way], wide) for way in mine]
        look: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": width, "zorder": height}
        axes.add_collection(PathCollection(curves, linestyles=[dashes], **look), autolim=False)
        for mark, back in ((">", False), ("<", True)):
            ends = [way[-1] for way in mine if (x[way[0]] > x[way[-1]]) == back]
            tips = x[ends] + (1 if back else -1) * (wide / 2 + 3.0 * one.x)
            axes.plot(tips, y[ends], mark, markersize=3.0 + width, color=colour, zorder=height)


def _curve(x: Any, y: Any, wide: float) -> Path:
    """Draw a way through its bends, horizontal at both ends; a way within a layer passes on its left."""
    if x[0] == x[-1]:
        left = x[0] - wide / 2
        bulge = left - (1.0 - wide) / 2
        corners = [(left, y[0]), (bulge, y[0]), (bulge, y[-1]), (left, y[-1])]
        return Path(corners, [Path.MOVETO] + [Path.CURVE4] * 3)
    half = wide / 2 if x[0] < x[-1] else -wide / 2
    vertices = [(x[0] + half, y[0])]
    codes = [Path.MOVETO]
    for i in range(1, len(x)):
        (begin, low), end = vertices[-1], x[i] - half
        middle = (begin + end) / 2
        vertices += [(middle, low), (middle, y[i]), (end, y[i])]
        codes += [Path.CURVE4] * 3
        if i < len(x) - 1:
            vertices.append((x[i] + half, y[i]))
            codes.append(Path.LINETO)
    return Path(vertices, codes)


def _dots(axes: Axes, drawing: Drawing, one: Point) -> None:
    """Draw tasks as marks, and edges as straight lines from bend to bend."""
    tasks, places = len(drawing.names), np.stack((drawing.layout.x, drawing.layout.y), axis=1)
    x, y = places[:tasks].T
    lines = [places[way] for way in drawing.layout.ways]
    edges, queues = lines[: drawing.edges], lines[drawing.edges :]
    many = len(edges) > MANY
    thick = [line for line, is_thick in zip(edges, drawing.thick, strict=True) if is_thick]
    sorts: tuple[tuple[Any, dict[str, Any]], ...] = (
        (edges, {"colors": style.LINE, "linewidths": 0.3 if many else 0.6, "zorder": 1, "rasterized": many}),
        (thick, {"colors": style.PATH, "linewidths": THICK, "zorder": 3.5}),
        (queues, {"colors": style.PATH, "linewidths": THICK, "zorder": 2.5, "linestyles": [DASHES]}),
    )
    for ends, how in sorts:
        axes.add_collection(LineCollection(ends, **how), autolim=False)
    across = min(max(0.8 * min(0.35 / one.x, 0.5 / one.y), 2.0), 9.0)
    group = np.array(drawing.groups, dtype=object)
    critical = np.isin(np.arange(tasks), drawing.path)
    borders = ((~critical, style.EDGE, 0.5, 3.0), (critical, style.PATH, 1.4, 4.0))
    for word in list(drawing.looks) or [""]:
        mine = group == word if drawing.looks else np.ones(tasks, bool)
        (face, _), marker = drawing.looks.get(word, style.PLAIN)
        for some, border, width, above in borders:
            here = mine & some
            look: dict[str, Any] = {"c": face, "marker": marker, "edgecolors": border, "linewidths": width}
            axes.scatter(x[here], y[here], s=across**2, zorder=above, **look)


def _legend(axes: Axes, drawing: Drawing, named: bool) -> None:
    handles = [
        Line2D([], [], linestyle="", marker="s" if named else marker, color=look.face, label=short(written(word), WORD))
        for word, (look, marker) in drawing.looks.items()
        if word
    ]
    if drawing.path:
        ring, line = ("" if named else "o"), ("-" if named or any(drawing.thick) else "")
        look: dict[str, Any] = {"linestyle": line, "marker": ring, "markerfacecolor": "none"}
        handles.append(Line2D([], [], color=style.PATH, linewidth=THICK, label="critical path", **look))
    if drawing.queues:
        handles.append(Line2D([], [], color=style.PATH, linewidth=THICK, linestyle=DASHES, label="path: worker busy"))
    if handles:
        explain(axes, handles, [str(handle.get_label()) for handle in handles])
