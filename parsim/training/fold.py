"""Fold a training: find the devices that play the same part, so that one of each class is played.

    worker   pipeline rank, device, price of its exchanges       is refined by whom it receives from, and sends to
    route    a send between ranks, or of a phase of a collective               its ends, and the links on its way
    link     bandwidth and latency                                             the routes over it

Classes that send to each other in several ways are cut further, since a transfer is known by its ends (`class_ways`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from parsim.core.class_ways import unambiguous
from parsim.core.classes import Network, broken, firsts, numbered
from parsim.core.cluster import Cluster
from parsim.core.collective import Phase
from parsim.core.columns import NONE, Bools, Ints, distinct
from parsim.core.fold import Fold, every_device, folded
from parsim.core.job import Cost, no_luck
from parsim.core.rounds import Group
from parsim.core.wiring import Crossed, Link, Routes
from parsim.training.sharded import Parallelism, ShardedTraining
from parsim.training.tasks import Tasks
from parsim.training.template import template_of

ALL_DIFFER = "no two devices play the same part"
SEVERAL_WAYS = "devices that play the same part send to each other over links of several kinds"
NO_ROUTE = "the topology has no route between two of them"
MOST_UNFOLDED = 64  # devices, as many as a chart has lanes; more are folded without being asked


class Sent(NamedTuple):
    """What devices send each other, a row for each pair of devices and purpose."""

    source: Ints  # (rows,) the device that sends
    target: Ints  # (rows,)
    purpose: Ints  # (rows,) equal for sends of one kind
    travels: Bools  # (rows,) whether there are bytes


def fold_of(training: ShardedTraining, cluster: Cluster, cost: Cost | None) -> Fold:
    """Return the fold of a training on a cluster; it plays every device where no other fold is wanted, or exact."""
    if cluster.fold == "off" or (cluster.fold == "auto" and len(cluster.devices) * cluster.times <= MOST_UNFOLDED):
        return every_device(cluster)
    if cost is not None and cost.luck is not no_luck:
        return every_device(cluster, "the cost draws the seconds of every task")
    return _folded(training, cluster, cost)


def _folded(training: ShardedTraining, cluster: Cluster, cost: Cost | None) -> Fold:
    sent = _sent(training)
    rows = np.flatnonzero(sent.travels)
    ways = cluster.wiring.crossed(sent.source[rows], sent.target[rows])
    if ways.missing.any():
        return every_device(cluster, NO_ROUTE)
    links = np.full((len(sent.source), ways.rows.shape[1]), NONE)
    links[rows] = ways.rows
    network = Network(
        worker=_colours(training, cluster, cost),
        route=sent.purpose,
        source=sent.source,
        target=sent.target,
        links=links,
        link=numbered_rows([(link.bandwidth, link.latency, link.profile) for link in ways.links]),
    )
    sends = unambiguous(network, sent.travels)
    if sends is None:
        return every_device(cluster, SEVERAL_WAYS)
    classes = sends.classes
    first = firsts(classes.worker)
    if len(first) == len(cluster.devices) and cluster.times == 1:
        return every_device(cluster, ALL_DIFFER + _odd(cluster, ways.links))
    if wrong := broken(network, classes):
        return every_device(cluster, f"the classes found do not agree in {wrong}")
    cluster, every = _named(cluster, sent.source[rows], sent.target[rows], ways)
    return folded(cluster, classes.worker, first, sends.ways(every))


def _odd(cluster: Cluster, links: Sequence[Link]) -> str:
    """Name the only device, or the only link, that is not like the others; empty: there is none."""
    devices: list[object] = [device._replace(name="") for device in cluster.devices]
    kinds: list[object] = [(link.bandwidth, link.latency, link.profile) for link in links]
    for things, names in ((devices, cluster.devices), (kinds, links)):
        single = [one for one, count in Counter(things).items() if count == 1]
        if len(single) == 1 and len(things) > 2:
            return f": {names[things.index(single[0])].name} is unlike all others"
    return ""


def _named(cluster: Cluster, source: Ints, target: Ints, ways: Crossed) -> tuple[Cluster, list[Link]]:
    """Return the cluster and the links of *ways*; those of a part of a cluster have their names in the whole."""
    route = cluster.wiring.route
    if cluster.beyond is None or not isinstance(route, Routes):
        return cluster, ways.links
    wiring, numbers = cluster.beyond
    there, links = wiring.crossed(numbers[source], numbers[target]), list(ways.links)
    both = (ways.rows != NONE) & (there.rows != NONE)
    own, first = np.unique(ways.rows[both], return_index=True)
    for link, other in zip(own.tolist(), there.rows[both][first].tolist(), strict=True):
        links[link] = links[link]._replace(name=there.links[other].name)
    names = {before.name: after for before, after in zip(ways.links, links, strict=True)}

    def link_of(number: int) -> Link:
        own = route.link(number)
        return names.get(own.name, own)

    return replace(cluster, wiring=cluster.wiring._replace(route=replace(route, link=link_of))), links


def numbered_rows(rows: Sequence[object]) -> Ints:
    """Number equal rows alike, in order of appearance."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(row, len(known)) for row in rows], np.int64)


# -- what devices are


def _colours(training: ShardedTraining, cluster: Cluster, cost: Cost | None) -> Ints:
    """Return equal numbers for devices of which nothing but their place in the network may differ, (devices,)."""
    own = training.parallelism
    degrees, devices = own.part, cluster.devices
    kinds = numbered_rows(
        [
            (device._replace(name=""), cost.alike(index, device) if cost else None)
            for index, device in enumerate(devices)
        ]
    )
    columns = [degrees.coordinate("pipeline"), np.minimum(degrees.expert_rank, len(training.others)), kinds]
    columns += [numbered(prices.view(np.int64)) for prices in own.prices.values()]
    for communicator in sorted({one.communicator for one in _tasks(training).exchanges}):
        column, groups = np.empty(len(devices), np.int64), degrees.groups(communicator)
        column[groups] = numbered_rows(own.communicators.groups(groups.tolist()))[:, None]
        columns.append(column)
    return numbered_rows(list(zip(*(column.tolist() for column in columns), strict=True)))


# -- what devices send


def _tasks(training: ShardedTraining) -> Tasks:
    return template_of(training).tasks


def _sent(training: ShardedTraining) -> Sent:
    """Return all that devices send each other."""
    rows = [*_between_ranks(training), *_in_collectives(training)]
    if not rows:
        none = np.empty(0, np.int64)
        return Sent(none, none, none, none.astype(bool))
    purposes = numbered_rows([purpose for *_, purpose in rows])
    counts = [len(source) for source, *_ in rows]
    source, target, travels = (np.concatenate(column) for column in list(zip(*rows, strict=True))[:3])
    return Sent(source, target, np.repeat(purposes, counts), travels)


Row = tuple[Ints, Ints, Bools, object]  # source, target, whether there are bytes, and the purpose


def _between_ranks(training: ShardedTraining) -> Iterator[Row]:
    """Yield what ranks of a pipeline send, and for whom they wait."""
    degrees, tasks = training.parallelism.part, _tasks(training)
    rank, devices = tasks.columns["rank"], degrees.by_rank
    parent, child, size = tasks.ends
    later, sooner = np.array(template_of(training).between, np.int64).reshape(-1, 2).T
    before, after = np.concatenate([rank[parent], rank[later]]), np.concatenate([rank[child], rank[sooner]])
    carries = np.concatenate([size > 0, np.zeros(len(later), bool)])
    kinds = (before * degrees.pipeline + after) * 2 + carries
    for kind in distinct(kinds[before != after]).tolist():
        pair, moves = divmod(kind, 2)
        source, target = divmod(pair, degrees.pipeline)
        yield (
            devices[source],
            devices[target],
            np.full(len(devices[source]), bool(moves)),
            ("pipeline", source, target, moves),
        )


def _in_collectives(training: ShardedTraining) -> Iterator[Row]:
    """Yield what members of collectives send each other in phases that differ by more than their bytes."""
    own, tasks = training.parallelism, _tasks(training)
    rank, of_task = own.part.coordinate("pipeline"), tasks.columns["rank"].tolist()
    wanted = dict.fromkeys((of_task[task], one) for task, one in zip(tasks.members, tasks.exchanges, strict=True))
    groups = {communicator: _alike(own, communicator, rank) for communicator in {one.communicator for _, one in wanted}}
    patterns: dict[int, list[tuple[Phase, Ints, tuple[bytes, ...]]]] = {}  # a phase, and what rows of it are for
    seen: set[object] = set()
    for number, (communicator, operation, size, _, shares) in wanted:
        for place, devices in enumerate(groups[communicator].get(number, [])):
            one = own.collective(operation, size, communicator, devices[0], shares)
            if id(one.phases) not in patterns:
                patterns[id(one.phases)] = [(phase, *_pattern(phase)) for phase, _ in one.different()]
            for phase, kinds, pattern in patterns[id(one.phases)]:
                if (communicator, number, place, pattern) in seen:
                    continue
                seen.add((communicator, number, place, pattern))
                for kind in range(int(kinds.max(initial=-1)) + 1):
                    some = np.flatnonzero(kinds == kind)
                    yield (
                        devices[:, phase.source[some]].ravel(),
                        devices[:, phase.target[some]].ravel(),
                        np.tile(phase.size[some] > 0, len(devices)),
                        (communicator, pattern, kind),
                    )


def _alike(own: Parallelism, communicator: str, rank: Ints) -> dict[int, list[Ints]]:
    """Return the groups of each rank of the pipeline, those together that communicate alike, (groups, ranks) each."""
    found: dict[tuple[int, Group], list[int]] = {}
    groups = own.part.groups(communicator)
    kinds = own.communicators.groups(groups.tolist())
    for place, key in enumerate(zip(rank[groups[:, 0]].tolist(), kinds, strict=True)):
        found.setdefault(key, []).append(place)
    of_rank: dict[int, list[Ints]] = {}
    for (number, _), places in found.items():
        of_rank.setdefault(number, []).append(groups[places])
    return of_rank


def _pattern(phase: Phase) -> tuple[Ints, tuple[bytes, ...]]:
    """Return numbers for the sends of a phase by flows and share of the bytes, (sends,), and the pattern as bytes."""
    share = phase.size / max(phase.size.max(initial=0.0), np.finfo(float).tiny)
    kinds = numbered_rows(list(zip(share.tolist(), phase.flows.tolist(), strict=True)))
    return kinds, tuple(column.tobytes() for column in (phase.source, phase.target, share, phase.flows))
