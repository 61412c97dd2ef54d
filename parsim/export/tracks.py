"""The tracks of a trace: assign slices to tracks so that no two slices on one track overlap.

    process w0      track w0              |  0F0 |  0F1 | idle | 0B0 |
                    track host>w0         |---|---|
                    track host>w0 (2)       |---|          two at once on one route
                    track w0, 0 s         '      '         slices of no length have their own track

A device is a process. A worker is a track, and so is each route of its transfers, or several if transfers overlap.
Both ends of a slice are rounded to ticks of the viewer, so that neighbours touch and do not overlap.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import count
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import Timeline
from parsim.export.columns import Texts, number_texts

NANO, MICRO, THOUSAND = 1e9, 1e6, 1e3
DEEP = 250  # depth of nested slices; the viewer's limit is 512
MOST = 4e15  # ticks: a float of microseconds still distinguishes neighbours


class Ticks(NamedTuple):
    """The times of a trace: whole ticks, written as microseconds. `shrunk` seconds are shown as one second."""

    per_second: float
    per_microsecond: float
    shrunk: float = 1.0

    def of(self, seconds: Floats) -> Ints:
        """Round seconds to ticks."""
        return np.rint(seconds * self.per_second).astype(np.int64)

    def written(self, *columns: Ints) -> list[Texts]:
        """Write columns of ticks as microseconds."""
        if self.per_microsecond == 1:
            return number_texts(repr, *columns)
        return number_texts(repr, *(column / self.per_microsecond for column in columns))


def ticks_for(makespan_s: float) -> Ticks:
    """Choose the ticks of a run: nanoseconds, or microseconds for 46 days and more.

    The viewer can show 292 years; longer runs are shown at a thousandth of their time, or a millionth, and so on.

    >>> ticks_for(3600.0).per_second, ticks_for(1e7).per_second, ticks_for(1e11).shrunk
    (1000000000.0, 1000000.0, 1000.0)
    """
    if makespan_s * NANO <= MOST:
        return Ticks(NANO, THOUSAND)
    shrunk = 1.0
    while makespan_s / shrunk * MICRO > MOST:
        shrunk *= THOUSAND
    return Ticks(MICRO / shrunk, 1.0, shrunk)


class Tracks(NamedTuple):
    """The tracks of slices: first of the spans of a timeline, then of its idle intervals of at least one tick."""

    processes: tuple[str, ...]  # the host, then the devices
    process: list[int]  # (tracks,)
    title: list[str]  # (tracks,)
    track: Ints  # (slices,)
    begin: Ints  # (slices,) ticks
    finish: Ints  # (slices,) ticks
    idle: Ints  # (slices - spans,) the rows of the idle intervals

    @property
    def first(self) -> int:
        """The thread number of the first track. A thread with the number of its process would be its main thread."""
        return len(self.processes)

    def at(self, track: int) -> str:
        """Write the process and the thread of the slices of a track."""
        return f',"pid":{self.process[track]},"tid":{self.first + track}'


def lay(timeline: Timeline, devices: Mapping[str, str], ticks: Ticks) -> Tracks:
    """Assign the spans and idle intervals of *timeline* to tracks; *devices* gives the device of each worker."""
    idle = np.flatnonzero(ticks.of(timeline.idle.start_s) < ticks.of(timeline.idle.end_s))
    begin = ticks.of(np.concatenate([timeline.start_s, timeline.idle.start_s[idle]]))
    finish = ticks.of(np.concatenate([timeline.end_s, timeline.idle.end_s[idle]]))
    lanes = len(timeline.lanes.table) + 1  # of a worker: its own, then a lane for each route
    worker = np.concatenate([timeline.workers.code, timeline.idle.worker[idle]]).astype(np.int64)
    lane = np.zeros(len(worker), np.int64)
    lane[: len(timeline)] = np.where(timeline.transfers | timeline.members, timeline.lanes.code + 1, 0)
    groups, group = np.unique((worker * lanes + lane) * 2 + (begin == finish), return_inverse=True)
    order = np.lexsort((begin, group))
    bounds = np.searchsorted(group[order], np.arange(len(groups) + 1)).tolist()
    processes = {name: number for number, name in enumerate(dict.fromkeys((HOST, *devices.values())))}
    found = Tracks(tuple(processes), [], [], np.empty(len(begin), np.int64), begin, finish, idle)
    for index, one in enumerate(groups.tolist()):
        slices = order[bounds[index] : bounds[index + 1]]
        layer = _heaps(begin[slices]) if one % 2 else layers(begin[slices], finish[slices])
        found.track[slices] = len(found.title) + layer
        owner, way = timeline.workers.table[one // 2 // lanes], one // 2 % lanes
        name = _way(timeline.lanes.table[way - 1], owner, devices) if way else owner or HOST
        name += ", 0 s" * (one % 2)
        for depth in range(int(layer.max()) + 1):
            found.process.append(processes[devices.get(owner, HOST)])
            found.title.append(f"{name} ({depth + 1})" if depth else name)
    return found


def _way(way: str, owner: str, devices: Mapping[str, str]) -> str:
    return way if devices.get(owner, owner) == owner else f"{way} of {owner}"


def _heaps(begin: Ints) -> Ints:
    """Give slices of no length, in ascending order, a layer: the viewer nests only a limited number in one tick.

    >>> _heaps(np.repeat([3, 4], [2, 600])).tolist() == [0, 0] + [0] * 250 + [1] * 250 + [2] * 100
    True
    """
    return (np.arange(len(begin)) - np.searchsorted(begin, begin)) // DEEP


def layers(start: Floats | Ints, end: Floats | Ints) -> Ints:
    """Give each interval the lowest layer in which it overlaps no other interval.

    >>> layers(np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 4.0])).tolist()
    [0, 1, 0]
    """
    if np.all(start[1:] >= end[:-1]):
        return np.zeros(len(start), np.int64)
    layer = np.empty(len(start), np.int64)
    busy: list[tuple[float, int]] = []  # (end, layer)
    free: list[int] = []
    fresh = count()
    starts, ends = start.tolist(), end.tolist()
    for interval in np.argsort(start, kind="stable").tolist():
        while busy and busy[0][0] <= starts[interval]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        mine = heapq.heappop(free) if free else next(fresh)
        layer[interval] = mine
        heapq.heappush(busy, (ends[interval], mine))
    return layer
