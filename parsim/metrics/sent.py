"""What travelled over the network, as one table: transfers of bytes, and what members of collectives received.

    spans    0F0>1F0    the graph's transfer    0F0 ran on w0, 1F0 on w1      10 MB from w0 to w1
             a0>a1      3 rounds of a ring      members on w0 and w1           6 MB from w0 to w1

Exchanges within layers that are priced, not played, have seconds and no bytes: they are not here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parsim.core.graph import Bools, Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline


class Sent(NamedTuple):
    """What travelled, a row each."""

    row: Ints  # of the timeline
    source: Ints  # place
    target: Ints  # place
    size: Floats  # B, of all rounds
    rounds: Ints  # each with the latency of its way
    limit: Floats  # B/s, infinite: none
    flows: Ints  # that travel side by side; of rounds that differ, the most

    def at(self, rows: Ints | Bools) -> Sent:
        """Return some of the rows."""
        row, source, target, size, rounds, limit, flows = self
        return Sent(row[rows], source[rows], target[rows], size[rows], rounds[rows], limit[rows], flows[rows])


def sent(job: Job, timeline: Timeline) -> Sent:
    """Return what travelled in a run of *job*; stated delays are no bytes."""
    table, device = job.graph.transfers, devices_of_tasks(job, timeline)
    source, target = table.ends(device, job.cluster.host)
    rows, met = np.flatnonzero(timeline.transfer >= 0), np.flatnonzero(timeline.sender >= 0)
    rows = rows[table.delay[timeline.transfer[rows]] == 0]
    transfer, sender = timeline.transfer[rows], timeline.sender[met]
    ones = np.ones(len(rows), np.int64)
    return Sent(
        np.concatenate([rows, met]),
        np.concatenate([source[transfer], device[sender]]),
        np.concatenate([target[transfer], device[timeline.number[met]]]),
        np.concatenate([table.size[transfer], timeline.size[met]]),
        np.concatenate([ones, timeline.rounds[met]]),
        np.concatenate([table.limit[transfer], np.full(len(met), np.inf)]),
        np.concatenate([ones, _flows(job)[sender]]),
    )


def devices_of_tasks(job: Job, timeline: Timeline) -> Ints:
    """Return the device that ran each task, (tasks,); the host where none did."""
    device = np.full(len(job.graph), job.cluster.host)
    runs = np.flatnonzero(timeline.of_tasks)
    device[timeline.number[runs]] = np.array(job.cluster.device_of_worker)[timeline.workers.code[runs]]
    return device


def _flows(job: Job) -> Ints:
    """Return the most flows side by side that each member of a collective sends to another, (tasks,)."""
    most = np.ones(len(job.graph), np.int64)
    for each in job.graph.collectives:
        members = np.array(each.members)
        for phase, _ in each.different():
            np.maximum.at(most, members[phase.source], phase.flows)
    return most
