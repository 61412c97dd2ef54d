"""Choose the span that each cell of a row of text shows.

spans    |--0--| |------1------|2||3|
cells    |    |    |    |    |    |
shown       0    1    1    2    3        2 takes one of the cells of 1, so that every task is visible
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parsim.core.graph import Floats, Ints
from parsim.core.timeline import Timeline

Cells = npt.NDArray[np.bool_]
# (timeline, a worker's tasks, edges of cells, cells filled by computing) -> the span that each cell shows; -1: none
Brush = Callable[[Timeline, Ints, Floats, Cells], Ints]


class _Intervals(NamedTuple):
    """Disjoint intervals in order. Where spans overlap, the earlier one keeps the time."""

    start: Floats
    end: Floats

    def share(self, edges: Floats) -> Floats:
        """Return the share of each cell between *edges* that is covered."""
        if not len(self.start):
            return np.zeros(len(edges) - 1)
        places = np.stack((self.start, self.end), axis=1).ravel()
        covered = np.cumsum(self.end - self.start)
        sums = np.stack((np.concatenate(([0.0], covered[:-1])), covered), axis=1).ravel()
        return np.asarray(np.diff(np.interp(edges, places, sums)) / np.diff(edges))


def disjoint(start: Floats, end: Floats) -> _Intervals:
    """Remove overlaps; *start* is sorted."""
    reached = np.maximum.accumulate(np.concatenate(([0.0], end)))[:-1] if len(end) else end
    begin = np.maximum(start, reached)
    return _Intervals(begin, np.maximum(begin, end))


def touched(timeline: Timeline, span: int, edges: Floats) -> tuple[int, int]:
    """Return the first and the last cell that a span touches."""
    first = min(int(np.searchsorted(edges, timeline.start_s[span], "right")) - 1, len(edges) - 2)
    return first, max(int(np.searchsorted(edges, timeline.end_s[span], "left")) - 1, first)


def singles(timeline: Timeline, tasks: Ints, edges: Floats, computing: Cells) -> Ints:
    """Show the task in the middle of each cell, or the next one, so that every task is visible."""
    busy = disjoint(timeline.start_s[tasks], timeline.end_s[tasks])
    middle = (edges[1:] + edges[:-1]) / 2
    at = np.clip(np.searchsorted(busy.start, middle, "right") - 1, 0, len(tasks) - 1)
    after = np.minimum(at + 1, len(tasks) - 1)
    behind = (busy.end[at] <= middle) & (busy.start[after] < edges[1:])
    shown = np.where(computing, tasks[np.where(behind, after, at)], -1)
    for span in np.setdiff1d(tasks, shown).tolist():  # in the order of their starts
        first, last = touched(timeline, span, edges)
        beside = last + 1 if shown[last] < span else first - 1  # at most one cell off, and never out of order
        for cell in (*range(first, last + 1), *({beside} & set(range(len(shown))))):
            if shown[cell] < 0 or (cell != beside and np.count_nonzero(shown == shown[cell]) > 1):
                shown[cell] = span
                break
    return shown


def crowds(timeline: Timeline, tasks: Ints, edges: Floats, computing: Cells) -> Ints:
    """Show a task of the kind that fills most of each cell, for more tasks than cells."""
    first = np.minimum(np.searchsorted(edges, timeline.start_s[tasks], "right") - 1, len(edges) - 2)
    last = np.maximum(np.searchsorted(edges, timeline.end_s[tasks], "left") - 1, first)
    seen = np.concatenate(([0], np.cumsum(computing)))
    drawn = computing.copy()
    drawn[first[seen[last + 1] == seen[first]]] = True
    kind = timeline.kinds.code[tasks]
    _, examples = np.unique(kind, return_index=True)
    shares = []
    for code in kind[examples].tolist():
        spans = tasks[kind == code]
        shares.append(disjoint(timeline.start_s[spans], timeline.end_s[spans]).share(edges))
    return np.where(drawn, tasks[examples][np.argmax(np.round(shares, 9), axis=0)], -1)
