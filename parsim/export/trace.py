"""Chrome trace events: opens in https://ui.perfetto.dev and chrome://tracing.

    process w0      thread w0             |  0F0 |  0F1 |      | 0B0 |
                    thread host>w0        |---|---|
                    thread host>w0 (2)      |---|        two at once on one way

A device is a process, a worker a thread, a way of transfers a thread (or as many as travel at once: events of one
thread must not overlap). Complete events ('X'), microseconds, as in the "Trace Event Format" of the Chrome project.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import Timeline

NANOSECONDS = 1e9


def write_trace(timeline: Timeline, devices: Mapping[str, str] = {}) -> str:
    """Write *timeline* as JSON, an event a line; *devices* names each worker's device where the two differ."""
    of = {name: devices.get(name, name) for name in timeline.workers.table if name} | {"": HOST}
    events = ",\n".join(map(json.dumps, (*_processes(of), *_events(timeline, of))))
    return f'{{"displayTimeUnit": "ms", "traceEvents": [\n{events}\n]}}\n'


def layers(start_s: Floats, end_s: Floats) -> Ints:
    """Give each interval the lowest layer in which it overlaps no other.

    >>> layers(np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 4.0])).tolist()
    [0, 1, 0]
    """
    if np.all(start_s[1:] >= end_s[:-1]):
        return np.zeros(len(start_s), np.int64)
    layer = np.empty(len(start_s), np.int64)
    busy: list[tuple[float, int]] = []  # (end, layer)
    free: list[int] = []
    fresh = count()
    for span in np.argsort(start_s, kind="stable").tolist():
        while busy and busy[0][0] <= start_s[span]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        layer[span] = heapq.heappop(free) if free else next(fresh)
        heapq.heappush(busy, (float(end_s[span]), int(layer[span])))
    return layer


def _places(devices: Mapping[str, str]) -> dict[str, int]:
    """Number the processes: the host is 0, devices follow in their order."""
    return {device: place for place, device in enumerate(dict.fromkeys((HOST, *devices.values())))}


def _processes(devices: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for device, pid in _places(devices).items():
        yield {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": device}}
        yield {"name": "process_sort_index", "ph": "M", "pid": pid, "tid": 0, "args": {"sort_index": pid}}


def _events(timeline: Timeline, devices: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Write the spans of each (worker, lane) on threads of their own, computing above transfers."""
    pids, tids = _places(devices), count(1)
    rows = timeline.rows()
    key = np.stack((timeline.workers.code, timeline.transfers, timeline.lanes.code))
    groups, group = np.unique(key, axis=1, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    bounds = np.searchsorted(group.ravel()[order], np.arange(groups.shape[1] + 1))
    for index, (worker, is_transfer, lane) in enumerate(groups.T.tolist()):
        spans = order[bounds[index] : bounds[index + 1]]
        owner = timeline.workers.table[worker]
        way = timeline.lanes.table[lane]
        name = (way if devices[owner] == owner else f"{way} of {owner}") if is_transfer else owner or HOST
        layer = layers(timeline.start_s[spans], timeline.end_s[spans])
        pid, tid = pids[devices[owner]], [next(tids) for _ in range(int(layer.max()) + 1)]
        for depth, thread in enumerate(tid):
            title = f"{name} ({depth + 1})" if depth else name
            yield {"name": "thread_name", "ph": "M", "pid": pid, "tid": thread, "args": {"name": title}}
            yield {"name": "thread_sort_index", "ph": "M", "pid": pid, "tid": thread, "args": {"sort_index": thread}}
        for span, depth in zip(spans.tolist(), layer.tolist(), strict=True):
            yield _event(rows[span], pid, tid[depth])


def _event(row: tuple[Any, ...], pid: int, tid: int) -> dict[str, Any]:
    number, task, kind, _, _, ready, start, end, nominal, waited_for = row
    # Both ends are rounded to the viewer's nanoseconds alike, so that neighbours touch and do not overlap.
    begin, finish = round(start * NANOSECONDS), round(end * NANOSECONDS)
    return {
        "name": task,
        "cat": kind,
        "ph": "X",
        "ts": begin / 1e3,
        "dur": (finish - begin) / 1e3,
        "pid": pid,
        "tid": tid,
        "args": {"number": number, "ready_s": ready, "nominal_s": nominal, "waited_for": waited_for},
    }
