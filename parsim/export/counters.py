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
from parsim.core.graph import Floats
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.link_loads import busy, crossings
from parsim.metrics.memory import usage
from parsim.metrics.sent import sent


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
    yield _counted("busy", "links", *_busy(job, timeline))
    for device, (moment, used) in zip(job.cluster.devices, usage(job, timeline), strict=True):
        there = moment <= timeline.makespan_s  # weights stay loaded
        yield Counter(device.name, "memory", "B", moment[there], used[there])


def _counted(name: str, unit: str, start: Floats, end: Floats) -> Counter:
    """Count the intervals that are open at each moment."""
    moment, where = np.unique(np.concatenate([start, end]), return_inverse=True)
    change = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
    return Counter(HOST, name, unit, moment, np.cumsum(np.bincount(where, change, len(moment))))


def _busy(job: Job, timeline: Timeline) -> tuple[Floats, Floats]:
    """Return when links are busy: a transfer is under way that crosses them."""
    table = sent(job, timeline)
    on = crossings(job.cluster, table)
    row = table.row[on.sent]
    return busy(on.link, timeline.start_s[row], timeline.end_s[row])[1:]
