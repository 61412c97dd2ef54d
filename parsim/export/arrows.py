"""The arrows of a trace: from a task to the task that waits for it, through the transfer between them.

w0       | t0 |---+                         dependency: t0 to t1, without a transfer
w1            +-> | t1 |--+                 transfer: t1 to the transfer, and from there to t2
w1>w2                     +-> |--|--+
w2                                  +-> | t2 |
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parsim.core.graph import Bools, Ints, TaskGraph, no_ints
from parsim.core.paths import depths
from parsim.core.timeline import Timeline


class Arrows(NamedTuple):
    """Arrows between spans, by their rows in the timeline."""

    source: Ints  # (arrows,)
    target: Ints  # (arrows,)
    travels: Bools  # (arrows,) to or from a transfer

    @classmethod
    def none(cls) -> Arrows:
        """Return no arrows."""
        return cls(no_ints(), no_ints(), np.empty(0, bool))


class Ends(NamedTuple):
    """One end of each arrow, in the order in which spans are written."""

    place: Ints  # (arrows,) of the span in that order
    arrow: Ints  # (arrows,)

    @classmethod
    def sort(cls, place: Ints) -> Ends:
        """Sort the ends of arrows by the *place* of their spans.

        >>> Ends.sort(np.array([7, 2])).within(slice(0, 5))
        Ends(place=array([2]), arrow=array([1]))
        """
        arrow = np.argsort(place, kind="stable")
        return cls(place[arrow], arrow)

    def within(self, places: slice) -> Ends:
        """Return the ends at some of the spans."""
        found = slice(*np.searchsorted(self.place, (places.start, places.stop)))
        return Ends(self.place[found], self.arrow[found])


def arrows_of(graph: TaskGraph, timeline: Timeline) -> Arrows:
    """Return the arrows between the spans of a run of *graph*."""
    rows = np.flatnonzero(timeline.of_tasks)
    row = np.full(len(graph) + 1, -1)  # of each task, then of no task; -1: it did not run
    row[timeline.number[rows]] = rows
    table = graph.transfers
    moved = np.flatnonzero(timeline.transfer >= 0)
    transfer = timeline.transfer[moved]
    still = table.edges.copy()
    still[transfer] = False
    parent, child = row[table.parent], row[table.child]
    source = np.concatenate([parent[transfer], moved, parent[still]])
    target = np.concatenate([moved, child[transfer], child[still]])
    travels = np.arange(len(source)) < 2 * len(moved)
    there = (source >= 0) & (target >= 0)
    return Arrows(source[there], target[there], travels[there])


def ranks(arrows: Arrows, begin: Ints) -> Ints:
    """Rank spans that begin at the same instant: the source of an arrow ranks below its target.

    >>> ranks(Arrows(np.array([2, 0]), np.array([0, 1]), np.zeros(2, bool)), np.array([5, 5, 5])).tolist()
    [1, 2, 0]
    """
    same = begin[arrows.source] == begin[arrows.target]
    return depths(arrows.source[same], arrows.target[same], len(begin))
