"""The counters of a trace: running tasks, busy links, and the memory used on each device.

running tasks   |  1 |  3    | 2 |  1      |     of the whole cluster
busy links      |  0 | 2 | 1 |  0          |
memory          | 0  | 12 MB    | 4 MB     |     of each device
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import HOST
from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.memory import usage


class Counter(NamedTuple):
    """A quantity over time: *value* holds from *moment* until the next moment."""

    process: str  # a device, or the host for the whole cluster
    name: str
    unit: str
    moment: Floats  # (changes,) s
    value: Floats  # (changes,)


def counters_of(job: Job, timeline: Timeline) -> Iterator[Counter]:
    """Yield the counters of a run that change at least once."""
    runs = timeline.computes
    yield _counted("running", "tasks", timeline.start_s[runs], timeline.end_s[runs])
    yield _counted("busy", "links", *_busy(*_crossings(job, timeline)))
    for device, (moment, used) in zip(job.cluster.devices, usage(job, timeline), strict=True):
        there = moment <= timeline.makespan_s  # weights stay loaded
        yield Counter(device.name, "memory", "B", moment[there], used[there])


def _counted(name: str, unit: str, start: Floats, end: Floats) -> Counter:
    """Count the intervals that are open at each moment."""
    moment, where = np.unique(np.concatenate([start, end]), return_inverse=True)
    change = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
    return Counter(HOST, name, unit, moment, np.cumsum(np.bincount(where, change, len(moment))))


def _crossings(job: Job, timeline: Timeline) -> tuple[Ints, Floats, Floats]:
    """Return the link, start and end of each crossing of a link by a transfer."""
    cluster, graph = job.cluster, job.graph
    rows = np.flatnonzero(timeline.transfer >= 0)
    device = np.full(len(graph), cluster.host)
    runs = np.flatnonzero(timeline.of_tasks)
    device[timeline.number[runs]] = np.array(cluster.device_of_worker)[timeline.workers.code[runs]]
    source, target = graph.transfers.ends(device, cluster.host)
    rows = rows[graph.transfers.delay[timeline.transfer[rows]] == 0]
    transfer, places = timeline.transfer[rows], len(cluster.places)
    ways, way = np.unique(source[transfer] * places + target[transfer], return_inverse=True)
    paths = [cluster.path(*divmod(one, places)) for one in ways.tolist()]
    links = [np.unique(path.links) if path else np.empty(0, np.int64) for path in paths]
    hops = np.array([len(some) for some in links], np.int64)[way] if len(ways) else way
    crossed = [links[one] for one in way.tolist()]
    spans = np.repeat(rows, hops)
    return np.concatenate([np.empty(0, np.int64), *crossed]), timeline.start_s[spans], timeline.end_s[spans]


def _busy(link: Ints, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return the busy intervals of the links, link by link.

    >>> _busy(np.array([0, 0, 1]), np.array([0.0, 1.0, 5.0]), np.array([2.0, 3.0, 6.0]))
    (array([0., 5.]), array([3., 6.]))
    """
    change = np.repeat([1, -1], len(link))
    moment, links = np.concatenate([start, end]), np.concatenate([link, link])
    order = np.lexsort((-change, moment, links))  # a transfer that begins as another ends keeps the link busy
    on = np.cumsum(change[order])
    begins, ends = (on == 1) & (change[order] == 1), on == 0
    return moment[order][begins], moment[order][ends]
