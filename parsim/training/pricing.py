"""What exchanges within layers take: all groups of a kind at once, on a network that carries nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.columns import Floats, Ints
from parsim.core.op import KINDS
from parsim.core.precision import Precision
from parsim.training.degrees import Degrees
from parsim.training.exchange import NAME, Exchanged, exchanged
from parsim.training.meetings import Meetings
from parsim.training.sharded import Prices
from parsim.training.stage import Stages


def prices(stages: Stages, rows: int, degrees: Degrees, cluster: Cluster, meetings: Meetings) -> Prices:
    """Return the seconds of every exchange of a model for microbatches of *rows*, on each device."""
    return priced(dict.fromkeys(_exchanges(stages, rows, stages.precision)), degrees, cluster, meetings)


def priced(wanted: Iterable[Exchanged], degrees: Degrees, cluster: Cluster, meetings: Meetings) -> Prices:
    """Return the seconds of exchanges on the network of a cluster, on each device."""
    return {one: _seconds(one, degrees.groups(one.communicator), cluster, meetings) for one in wanted}


def _exchanges(stages: Stages, rows: int, precision: Precision) -> Iterator[Exchanged]:
    every = range(len(stages.model.layers))
    for kind in range(len(KINDS)):
        for call in dict.fromkeys(call for call in stages.calls(every, rows, kind) if call.kernel == NAME):
            sent = exchanged(call, precision)
            if sent is not None:
                yield sent


def _seconds(one: Exchanged, groups: Ints, cluster: Cluster, meetings: Meetings) -> Floats:
    found = np.zeros(len(cluster.devices))
    for devices in groups:
        found[devices] = meetings.of(one.operation, one.size, devices.tolist()).alone(cluster, devices)
    return found
