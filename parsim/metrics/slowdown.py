"""What computing loses to communication of the same worker, measured on the spans.

w0  compute  |########|        slowdown 2: of the 4 s in which the worker also communicates,
w0  dp          |----|         half are lost, so the task takes 2 s longer than its cost
"""

from __future__ import annotations

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.sim.idleness import Intervals


def lost(job: Job, timeline: Timeline) -> Floats:
    """Return the seconds by which each task takes longer as its worker communicates, (tasks,)."""
    cluster, seconds = job.cluster, np.zeros(len(job.graph))
    if not cluster.slows or job.clock == "replayed":  # real processes lose what they lose
        return seconds
    rows = np.flatnonzero(timeline.of_tasks & timeline.computes)
    tasks, workers = timeline.number[rows], timeline.workers.code[rows]
    owner, start, end = communication(job, timeline)
    for worker, device in enumerate(cluster.device_of_worker):
        factor, mine, its = cluster.devices[device].overlap_slowdown, workers == worker, owner == worker
        if factor > 1.0:
            under_way = Intervals.union(start[its], end[its])
            beside = _before(under_way, timeline.end_s[rows[mine]]) - _before(under_way, timeline.start_s[rows[mine]])
            seconds[tasks[mine]] = (1.0 - 1.0 / factor) * beside
    return seconds


def slowed_s(job: Job, timeline: Timeline) -> float:
    """Return the mean over the workers of the seconds that computing takes longer beside communication."""
    cluster = job.cluster
    if not cluster.slows:
        return 0.0
    found = lost(job, timeline)
    tasks = np.flatnonzero(found)
    worker = np.zeros(len(found), np.int64)
    rows = np.flatnonzero(timeline.of_tasks)
    worker[timeline.number[rows]] = timeline.workers.code[rows]
    return float((found[tasks] * cluster.stands_for[worker[tasks]]).sum()) / cluster.p


def communication(job: Job, timeline: Timeline) -> tuple[Ints, Floats, Floats]:
    """Return worker, start and end of transfers along edges and of the stretches in which a communication lane is busy.

    A lane is busy from the start of its task until all that the task hands on has arrived. What a member of a
    collective receives before it starts does not count.
    """
    table = job.graph.transfers
    tasks = np.flatnonzero(timeline.of_tasks & ~timeline.computes)
    until = np.zeros(len(job.graph))
    until[timeline.number[tasks]] = timeline.end_s[tasks]
    moved = np.flatnonzero((timeline.transfer >= 0) & timeline.owned)
    sent = moved[table.lane[timeline.transfer[moved]] > 0]
    np.maximum.at(until, table.parent[timeline.transfer[sent]], timeline.end_s[sent])
    rows = np.concatenate([moved, tasks])
    ends = np.concatenate([timeline.end_s[moved], until[timeline.number[tasks]]])
    return timeline.workers.code[rows], timeline.start_s[rows], ends


def _before(intervals: Intervals, moments: Floats) -> Floats:
    """Return how much of the *intervals* lies before each moment, (moments,)."""
    if not len(intervals.start):
        return np.zeros(len(moments))
    whole = np.concatenate([[0.0], np.cumsum(intervals.end - intervals.start)])
    index = np.searchsorted(intervals.start, moments, side="left")
    last = np.maximum(index - 1, 0)
    found: Floats = whole[index] - np.where(index > 0, np.maximum(intervals.end[last] - moments, 0.0), 0.0)
    return found
