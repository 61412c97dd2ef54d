"""What exchanges within layers take: all groups of a kind at once, on a network that carries nothing else.

    4 tensor groups of 2 on two nodes with one card each       every round, each card carries the sends of 4 groups

Groups are in step, and so are the members of a group: a round lasts as long as the last of its sends, and a send as
long as the most loaded link on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.collective import Phase
from parsim.core.columns import NONE, Floats, Ints
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
    layered = stages.layered(range(len(stages.model.layers)), rows)
    for number, kind in enumerate(KINDS):
        alike = {id(one): one for one in (layered if kind.letter == "F" else layered[::-1])}.values()
        for call in dict.fromkeys(call for one in alike for call in one.calls[number] if call.kernel == NAME):
            sent = exchanged(call, precision)
            if sent is not None:
                yield sent


def _seconds(one: Exchanged, groups: Ints, cluster: Cluster, communicators: Communicators) -> Floats:
    """Return the seconds of an exchange of all groups at once, (devices,)."""
    places = groups.tolist()
    communicators.groups(places)
    some = [communicators.of(one.operation, one.size, devices, one.shares) for devices in places]
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
    group, source, target, size = _sends(phases, groups)
    ways = cluster.wiring.crossed(source, target)
    for send in np.flatnonzero(ways.missing)[:1].tolist():
        here, there = (cluster.places[ends[send]] for ends in (source, target))
        raise Invalid([Complaint((), f"the topology has no route from {here} to {there}", code="unreachable")])
    row, hop = np.nonzero(ways.rows != NONE)
    link = ways.rows[row, hop]
    weight = cluster.wiring.weights(source[row], target[row], [ways.links[one].name for one in link.tolist()])
    load = np.bincount(link, weight * size[row], len(ways.links))  # B on each link
    drained = load / np.array([one.bandwidth for one in ways.links])
    longest = np.zeros(len(source))
    np.maximum.at(longest, row, drained[link])
    found = np.zeros(len(groups))
    np.maximum.at(found, group, ways.latency + longest)
    return found


def _sends(phases: Sequence[Phase | None], groups: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    """Return the group, the devices and the bytes of each send that carries any, (sends,) each."""
    known = {id(phase): phase for phase in phases if phase}
    parts = []
    for number, phase in known.items():
        here = np.array([group for group, one in enumerate(phases) if id(one) == number])
        some = np.flatnonzero(phase.size > 0)
        ends = groups[here][:, phase.source[some]], groups[here][:, phase.target[some]]
        rows = np.repeat(here, len(some)), ends[0].ravel(), ends[1].ravel(), np.tile(phase.size[some], len(here))
        parts.append(rows)
    group, source, target, size = map(np.concatenate, zip(*parts, strict=True))
    return group, source, target, size
