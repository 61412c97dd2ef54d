"""The causes of idle time: cuts the idle intervals of each worker where the cause changes.

idle of w0   |------------------|        |-----|
steps        |####|                                    the first cause that applies
policy            |#########|
dependency                  |###|
drain                                    |#####|
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parsim.core.graph import Floats, Ints
from parsim.core.timeline import CAUSES, Idle

Bools = npt.NDArray[np.bool_]
FILL, DRAIN, REST = CAUSES.index("fill"), CAUSES.index("drain"), CAUSES.index("dependency")


class Intervals(NamedTuple):
    """Disjoint intervals in ascending order."""

    start: Floats
    end: Floats

    @classmethod
    def union(cls, start: Floats, end: Floats) -> Intervals:
        """Merge intervals that touch or overlap; empty ones are dropped.

        >>> Intervals.union(np.array([3.0, 0.0, 1.0]), np.array([4.0, 2.0, 2.5]))
        Intervals(start=array([0., 3.]), end=array([2.5, 4. ]))
        """
        if len(start) < 2:
            return cls(start[start < end], end[start < end])
        there = start < end
        start, end = start[there], end[there]
        order = np.argsort(start, kind="stable")
        start, reach = start[order], np.maximum.accumulate(end[order])
        first = np.ones(len(start) + 1, dtype=bool)
        first[1:-1] = start[1:] > reach[:-1]
        return cls(start[first[:-1]], reach[first[1:]])

    @classmethod
    def both(cls, parts: Sequence[Intervals]) -> Intervals:
        """Unite several sets of intervals."""
        if len(parts) == 1:
            return parts[0]
        empty = np.empty(0)
        return cls.union(
            np.concatenate([part.start for part in parts] or [empty]),
            np.concatenate([part.end for part in parts] or [empty]),
        )

    def without(self, other: Intervals) -> Intervals:
        """Return what is left of these intervals outside *other*.

        >>> Intervals(np.array([0.0]), np.array([9.0])).without(Intervals(np.array([2.0]), np.array([3.0])))
        Intervals(start=array([0., 3.]), end=array([2., 9.]))
        """
        cuts = np.sort(np.concatenate([*self, *other]))
        start, end = cuts[:-1], cuts[1:]
        left = (start < end) & self.hold(start) & ~other.hold(start)
        return Intervals.union(start[left], end[left])

    def hold(self, moments: Floats) -> Bools:
        """Say for each moment whether it lies in one of the intervals, ends excluded."""
        if not len(self.start):
            return np.zeros(len(moments), dtype=bool)
        index = np.searchsorted(self.start, moments, side="right") - 1
        return (index >= 0) & (moments < self.end[index])


def causes(idle: Intervals, reasons: dict[int, Intervals], first: float, last: float) -> tuple[Floats, Floats, Ints]:
    """Return start, end and cause of the pieces of one worker's *idle* intervals.

    Parameters
    ----------
    reasons : the intervals in which each cause (index into CAUSES) applies; the lowest index wins.
    first, last : start of the worker's first span and end of its last; last < first: it has no span.
    """
    applying = {cause: reason for cause, reason in reasons.items() if len(reason.start)}
    start, end = idle
    # A first or last span of no length does not interrupt an idle interval, so the interval must be cut there.
    amid = ((start < first) & (first < end)) | ((start < last) & (last < end))
    if applying or amid.any():
        start, end = _cut(idle, [*applying.values(), Intervals(np.array([first]), np.array([last]))])
    cause = np.full(len(start), REST)
    cause[(start >= last) | (last < first)] = DRAIN
    cause[(start < first) & (last >= first)] = FILL
    for reason in sorted(applying, reverse=True):
        cause[applying[reason].hold(start)] = reason
    return _joined(start, end, cause)


def _cut(idle: Intervals, reasons: Sequence[Intervals]) -> tuple[Floats, Floats]:
    """Cut *idle* wherever a reason begins or ends."""
    cuts = np.sort(np.concatenate([bound for part in (idle, *reasons) for bound in part]))
    start, end = cuts[:-1], cuts[1:]
    inside = idle.hold(start) & (start < end)
    return start[inside], end[inside]


def _joined(start: Floats, end: Floats, cause: Ints) -> tuple[Floats, Floats, Ints]:
    """Join neighbouring pieces of one cause."""
    first = np.ones(len(start) + 1, dtype=bool)
    first[1:-1] = (cause[1:] != cause[:-1]) | (start[1:] != end[:-1])
    return start[first[:-1]], end[first[1:]], cause[first[:-1]]


def gather(pieces: Sequence[tuple[Floats, Floats, Ints]]) -> Idle:
    """Put the pieces of all workers, in their order, into one table."""
    worker = np.repeat(np.arange(len(pieces)), [len(start) for start, _, _ in pieces])
    start, end, cause = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return Idle(worker, start, end, cause)
