"""What exchanges within layers take: all groups of a kind at once, on a network that carries nothing else.

    4 tensor groups of 2 on two nodes with one card each       every round, each card carries the sends of 4 groups

Groups are in step, and so are the members of a group: a round lasts as long as the last of its sends, and a send as
long as the most loaded link on its way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.collective import Phase
from parsim.core.columns import Floats, Ints
from parsim.core.errors import Complaint, Invalid, checked_below
from parsim.core.op import KINDS
from parsim.core.precision import Precision
from parsim.training.communicators import Communicators
from parsim.training.degrees import Degrees
from parsim.training.exchange import NAME, Exchanged, exchanged
from parsim.training.sharded import Prices
from parsim.training.stage import Stages


def prices(stages: Stages, rows: int, degrees: Degrees, cluster: Cluster, communicators: Communicators) -> Prices:
    """Return the seconds of every exchange of a model for microbatches of *rows*, on each device."""
    return priced(dict.fromkeys(_exchanges(stages, rows, stages.precision)), degrees, cluster, communicators)


def priced(wanted: Iterable[Exchanged], degrees: Degrees, cluster: Cluster, communicators: Communicators) -> Prices:
    """Return the seconds of exchanges on the network of a cluster, on each device."""
    return {one: _seconds(one, degrees.groups(one.communicator), cluster, communicators) for one in wanted}


def _exchanges(stages: Stages, rows: int, precision: Precision) -> Iterator[Exchanged]:
    every = range(len(stages.model.layers))
    for kind in range(len(KINDS)):
        for call in dict.fromkeys(call for call in stages.calls(every, rows, kind) if call.kernel == NAME):
            sent = exchanged(call, precision)
            if sent is not None:
                yield sent


def _seconds(one: Exchanged, groups: Ints, cluster: Cluster, communicators: Communicators) -> Floats:
    """Return the seconds of an exchange of all groups at once, (devices,)."""
    some = [communicators.of(one.operation, one.size, devices.tolist(), one.shares) for devices in groups]
    rounds = list(zip_longest(*(each.phases for each in some)))
    known = {_key(phases): phases for phases in rounds}
    with checked_below("plan", one.communicator):
        took = {key: _round(phases, groups, cluster) for key, phases in known.items()}
    found = np.zeros(len(cluster.devices))
    found[groups] = np.sum([took[_key(phases)] for phases in rounds], axis=0)[:, None]
    return found


def _key(phases: Sequence[Phase | None]) -> tuple[int, ...]:
    return tuple(map(id, phases))


def _round(phases: Sequence[Phase | None], groups: Ints, cluster: Cluster) -> Floats:
    """Return the seconds of a phase of each group, None where it has none left, (groups,)."""
    sends = []
    load: dict[int, float] = defaultdict(float)  # B on each link
    for number, (phase, devices) in enumerate(zip(phases, groups.tolist(), strict=True)):
        columns = (phase.source.tolist(), phase.target.tolist(), phase.size.tolist()) if phase else ((), (), ())
        for source, target, size in zip(*columns, strict=True):
            if not size:
                continue
            ends = devices[source], devices[target]
            path = cluster.path(*ends)
            if path is None:
                here, there = (cluster.places[place] for place in ends)
                raise Invalid([Complaint((), f"the topology has no route from {here} to {there}")])
            sends.append((number, path))
            for link, weight in path.ways:
                load[link] += weight * size
    found = np.zeros(len(groups))
    for number, path in sends:
        drained = max((load[link] / cluster.capacities[link] for link in path.links), default=0.0)
        found[number] = max(found[number], path.latency + drained)
    return found
