"""The task graph, layers from left to right, the critical path thick.

       +--[ b ]--+
[ a ]--+         +==[ d ]         named while there is the room, dots where there are many
       +==[ c ]==+                ==  on the critical path
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from parsim.core.graph import TaskGraph
from parsim.export.text import short
from parsim.plot import style
from parsim.plot.layout import Layout, layered, routed
from parsim.plot.paper import Margins, Point, headline, page, point

MOST = 2_000  # tasks
NAMED = 100  # tasks that may have names
NAME = 12  # letters
WORD = 18  # letters of a legend's entry
MANY = 5_000  # edges from which on the SVG holds pixels
WIDEST, HIGHEST = 12.0, 12.0  # inches of data
TWO_LINES = 20.0  # points of height from which on a box tells its group too
BOX = 0.6  # of the way from layer to layer
FLAT = 0.68  # of the way from row to row
THICK = 2.2  # points of the path
DASHES = (0, (2.0, 1.2))
QUEUES = 40  # waits for a worker, up to which the path is joined


class Drawing(NamedTuple):
    """A graph, placed; `groups` are the words that colour its tasks, `path` the tasks that decide the makespan."""

    names: list[str]
    groups: list[str]
    looks: dict[str, tuple[style.Look, str]]  # of groups: how it is filled, and its mark
    layout: Layout
    path: list[int]

    @property
    def thick(self) -> list[bool]:
        """Say of each edge whether it is on the path."""
        joined = set(pairwise(self.path))
        return [(way[0], way[-1]) in joined for way in self.layout.ways]

    @property
    def queues(self) -> list[tuple[int, int]]:
        """Return the pairs on the path of which one waited for the other's worker, not for its result."""
        known = {(way[0], way[-1]) for way in self.layout.ways}
        return [pair for pair in pairwise(self.path) if pair not in known]


def sheet(graph: TaskGraph, title: str) -> Axes:
    """Return empty axes of a size that fits *graph*."""
    layout = _layout(graph)
    named = min(len(graph), MOST) <= NAMED
    across, down = (1.2, 0.5) if named else (0.45, 0.16)
    margins = Margins(left=0.3, right=1.9, top=0.6, bottom=0.3)
    width, height = min(max(layout.width * across, 3.0), WIDEST), min(max(layout.height * down, 2.0), HIGHEST)
    axes = page(width, height, margins)
    headline(axes.figure, margins.left, title)
    return axes


def dag(graph: TaskGraph, path: Sequence[int], axes: Axes, groups: Sequence[str]) -> Axes:
    """Draw *graph* on *axes*.

    Parameters
    ----------
    path : the tasks of the critical path, in their order; a pair without an edge waited for each other's worker.
    groups : a word for each task, such as its worker or its kind; a few of them get colours of their own.
    """
    drawing = _drawing(graph, path, groups)
    layout, tasks = drawing.layout, len(drawing.names)
    low, high = (layout.y.min(), layout.y.max()) if tasks else (0.0, 0.0)
    axes.set_xlim(-0.5, max(layout.width - 0.5, 0.5))
    axes.set_ylim(high + 0.6, low - 0.6)
    axes.set_axis_off()
    one = point(axes)
    named = tasks <= NAMED and 1.0 / one.x >= 40.0 and 1.0 / one.y >= 14.0
    (_boxes if named else _dots)(axes, drawing, one)
    hidden = len(graph) - tasks
    if hidden or not tasks:
        words = f"{hidden} more task{'s are' if hidden > 1 else ' is'} not shown" if hidden else "no tasks"
        axes.annotate(words, (0.5, 0.0), xycoords="axes fraction", ha="center", va="top", color=style.GREY)
    _legend(axes, drawing, named)
    return axes


def _layout(graph: TaskGraph) -> Layout:
    tasks = min(len(graph), MOST)
    kept = (graph.edges.parent < tasks) & (graph.edges.child < tasks)
    parent, child = graph.edges.parent[kept].tolist(), graph.edges.child[kept].tolist()
    return (routed if tasks <= NAMED else layered)(parent, child, tasks)


def _drawing(graph: TaskGraph, path: Sequence[int], groups: Sequence[str]) -> Drawing:
    tasks = min(len(graph), MOST)
    mine = list(groups[:tasks])
    words = list(dict.fromkeys(sorted(mine, key=_natural)))
    looks = dict(zip(words, style.GROUPS, strict=False)) if len(words) <= len(style.GROUPS) else {}
    names = [str(name) for name in graph.names[:tasks]]
    return Drawing(names, mine, looks, _layout(graph), [task for task in path if task < tasks])


def _natural(word: str) -> tuple[int, str]:
    """Sort w2 before w10."""
    return len(word), word


def _boxes(axes: Axes, drawing: Drawing, one: Point) -> None:
    """Draw tasks as boxes with names, edges as curves around them."""
    wide, tall = min(BOX, 90.0 * one.x), min(FLAT, 34.0 * one.y)
    _curves(axes, drawing, wide, one)
    _queued(axes, drawing)
    marked = set(drawing.path)
    for task, name in enumerate(drawing.names):
        look, _ = drawing.looks.get(drawing.groups[task], style.PLAIN)
        x, y = drawing.layout.x[task], drawing.layout.y[task]
        border, width = (style.PATH, THICK) if task in marked else (style.EDGE, 0.8)
        axes.add_patch(
            Rectangle((x - wide / 2, y - tall / 2), wide, tall, fc=look.face, ec=border, linewidth=width, zorder=3)
        )
        group = drawing.groups[task] if tall / one.y >= TWO_LINES else ""
        lines = [short(line, NAME) for line in (name, group) if line]
        fitting = (wide / one.x - 4.0) / (0.64 * max(map(len, lines), default=1)), tall / one.y / (1.35 * len(lines))
        axes.text(
            x,
            y,
            "\n".join(lines),
            fontsize=min(8.5, *fitting),
            color=look.ink,
            ha="center",
            va="center",
            linespacing=1.1,
            zorder=4,
            parse_math=False,
        )


def _curves(axes: Axes, drawing: Drawing, wide: float, one: Point) -> None:
    """Draw the edges, those of the path on top, each with the head of an arrow."""
    x, y = drawing.layout.x, drawing.layout.y
    ways = list(zip(drawing.layout.ways, drawing.thick, strict=True))
    for is_thick, colour, width, height in ((False, style.EDGE, 0.9, 1.0), (True, style.PATH, THICK, 1.2)):
        mine = [way for way, it_is in ways if it_is == is_thick]
        curves = [_curve(x[way], y[way], wide) for way in mine]
        look: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": width, "zorder": height}
        axes.add_collection(PathCollection(curves, **look), autolim=False)
        ends = [way[-1] for way in mine]
        tips = x[ends] - wide / 2 - 3.0 * one.x
        axes.plot(tips, y[ends], ">", markersize=3.0 + width, color=colour, zorder=height)


def _curve(x: Any, y: Any, wide: float) -> Path:
    """Lead an edge through its bends, level where it leaves and where it arrives."""
    vertices = [(x[0] + wide / 2, y[0])]
    codes = [Path.MOVETO]
    for i in range(1, len(x)):
        (left, low), right = vertices[-1], x[i] - wide / 2
        middle = (left + right) / 2
        vertices += [(middle, low), (middle, y[i]), (right, y[i])]
        codes += [Path.CURVE4] * 3
        if i < len(x) - 1:
            vertices.append((x[i] + wide / 2, y[i]))
            codes.append(Path.LINETO)
    return Path(vertices, codes)


def _dots(axes: Axes, drawing: Drawing, one: Point) -> None:
    """Draw tasks as marks, edges as straight lines."""
    x, y = drawing.layout.x, drawing.layout.y
    ends = np.array(drawing.layout.ways, np.int64).reshape(-1, 2)
    lines: Any = np.stack((x[ends], y[ends]), axis=-1)  # (edges, 2 ends, x and y)
    many = len(ends) > MANY
    axes.add_collection(
        LineCollection(lines, colors=style.LINE, linewidths=0.3 if many else 0.6, zorder=1, rasterized=many),
        autolim=False,
    )
    thick = np.array(drawing.thick, bool)
    axes.add_collection(LineCollection(lines[thick], colors=style.PATH, linewidths=THICK, zorder=3.5), autolim=False)
    _queued(axes, drawing)
    across = min(max(0.8 * min(0.35 / one.x, 0.5 / one.y), 2.0), 9.0)
    group = np.array(drawing.groups, dtype=np.str_)
    told = list(drawing.looks) or [""]
    for word in told:
        mine = group == word if drawing.looks else np.ones(len(x), bool)
        look, marker = drawing.looks.get(word, style.PLAIN)
        axes.scatter(x[mine], y[mine], s=across**2, c=look.face, marker=marker, linewidths=0.0, zorder=3)
    axes.scatter(
        x[drawing.path],
        y[drawing.path],
        s=across**2,
        facecolors="none",
        edgecolors=style.PATH,
        linewidths=1.0,
        zorder=4,
    )


def _queued(axes: Axes, drawing: Drawing) -> None:
    """Join the tasks of the path where one waited for the other's worker; of very many only the tasks are marked."""
    queues = drawing.queues
    if len(queues) <= QUEUES:
        places = np.stack((drawing.layout.x, drawing.layout.y), axis=1)
        lines = [places[[one, other]] for one, other in queues]
        axes.add_collection(
            LineCollection(lines, colors=style.PATH, linewidths=THICK, linestyles=DASHES, zorder=2.5), autolim=False
        )


def _legend(axes: Axes, drawing: Drawing, named: bool) -> None:
    handles = [
        Line2D([], [], linestyle="", marker="s" if named else marker, color=look.face, label=short(word, WORD))
        for word, (look, marker) in drawing.looks.items()
        if word
    ]
    if drawing.path:
        ring = "" if named else "o"
        handles.append(
            Line2D(
                [], [], color=style.PATH, linewidth=THICK, marker=ring, markerfacecolor="none", label="critical path"
            )
        )
    if 0 < len(drawing.queues) <= QUEUES:
        handles.append(Line2D([], [], color=style.PATH, linewidth=THICK, linestyle=DASHES, label="path: worker busy"))
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)
