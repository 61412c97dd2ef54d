"""Check what travelled over the network: on its way, no faster than its links, and with its fair share of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.columns import Bools, Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.link_checks import Crossings, overfull, slower


class Travelled(NamedTuple):
    """Spans of what has travelled over the network, (spans,) each."""

    row: Ints  # of the timeline
    size: Floats  # B
    source: Ints  # place
    target: Ints
    limit: Floats  # B/s
    rounds: Ints
    fewest: Ints  # flows side by side, in the round with the fewest
    most: Ints  # and in that with the most

    def at(self, rows: Ints | Bools) -> Travelled:
        """Return the spans at *rows*."""
        columns: Iterator[Any] = (column[rows] for column in self)
        return Travelled(*columns)


class _Ways(NamedTuple):
    """The ways of pairs of places, (pairs,) each."""

    there: Bools  # whether there is one
    latency: Floats  # s
    bandwidth: Floats  # B/s
    fastest: Floats  # B/s, the most that it ever carries
    links: list[list[tuple[int, float]]]  # with the weight on each


def check_network(job: Job, timeline: Timeline, travelled: Travelled, tolerance: float) -> Iterator[str]:
    """Yield a sentence for each rule that is broken."""
    cluster = job.cluster
    pairs, pair = np.unique(travelled.source * len(cluster.places) + travelled.target, return_inverse=True)
    ways = _ways(cluster, pairs)
    yield from _about_ways(timeline, travelled, ways, pair, tolerance)
    on = _crossings(timeline, travelled, ways, pair)
    for link, crossings in on.items():
        for opened in overfull(crossings, cluster.links[link], tolerance):
            yield f"link {cluster.links[link].name} carried more than its capacity from {opened:g} s on"
    for row, late in slower(on, cluster.links).items():
        if late > tolerance:
            yield f"transfer {timeline.task[row]} took {late:g} s longer than its share of the links allows"


def _ways(cluster: Cluster, pairs: Ints) -> _Ways:
    """Return the ways of *pairs*, each source x places + target."""
    paths = cluster.paths(*np.divmod(pairs, len(cluster.places)))
    most = [[cluster.links[link].most for link in path.links] if path else [] for path in paths]
    return _Ways(
        np.array([path is not None for path in paths], dtype=bool),
        np.array([path.latency if path else 0.0 for path in paths]),
        np.array([path.bandwidth if path else np.inf for path in paths]),
        np.array([min(rates, default=np.inf) for rates in most]),
        [list(path.ways) if path else [] for path in paths],
    )


def _about_ways(timeline: Timeline, travelled: Travelled, ways: _Ways, pair: Ints, tolerance: float) -> Iterator[str]:
    """No transfer is faster than it would be alone."""
    nominal, took = timeline.nominal_s[travelled.row], (timeline.end_s - timeline.start_s)[travelled.row]
    latency, there = travelled.rounds * ways.latency[pair], ways.there[pair]
    alone, least = (
        latency + travelled.size / np.minimum(rate[pair], travelled.limit) for rate in (ways.bandwidth, ways.fastest)
    )
    fast, other = took < least - tolerance, ~(np.abs(nominal - alone) <= tolerance)
    for span in np.flatnonzero(~there | fast | other).tolist():
        name = timeline.task[travelled.row[span]]
        if not there[span]:
            yield f"transfer {name} took a route that does not exist"
            continue
        if fast[span]:
            yield f"transfer {name} took less time than its route allows"
        if other[span]:
            yield f"transfer {name} takes {alone[span]:g} s alone, but has the nominal time {nominal[span]:g} s"


def _crossings(timeline: Timeline, travelled: Travelled, ways: _Ways, pair: Ints) -> dict[int, Crossings]:
    """Return what crossed each link: a flow with the weight of those side by side.

    Of rounds with different numbers of flows the flow is one of the largest, so that it never seems late.
    """
    hops = np.array([len(links) for links in ways.links], np.int64)
    flat = np.array(list(chain.from_iterable(ways.links)), np.float64).reshape(-1, 2)
    span = np.repeat(np.arange(len(pair)), hops[pair])
    first = np.cumsum(hops[pair]) - hops[pair]
    link, weight = flat[(np.cumsum(hops) - hops)[pair][span] + np.arange(len(span)) - first[span]].T
    here, latency = travelled.at(span), ways.latency[pair[span]]
    found = Crossings(
        here.row,
        timeline.start_s[here.row] + latency,
        timeline.end_s[here.row],
        here.size / here.fewest,
        weight * here.fewest,
        here.limit,
        (here.rounds - 1) * latency,
    )
    more = np.flatnonzero(here.most > here.fewest)
    others = found.at(more)._replace(size=np.zeros(len(more)), weight=(weight * (here.most - here.fewest))[more])
    both: Iterator[Any] = map(np.concatenate, zip(found, others, strict=True))
    every = Crossings(*both)
    link = np.concatenate([link, link[more]]).astype(np.int64)
    order = np.argsort(link, kind="stable")
    bounds = np.flatnonzero(np.diff(link[order], prepend=-1, append=-1)).tolist()
    return {int(link[order[one]]): every.at(order[one:other]) for one, other in pairwise(bounds)}


def received(job: Job, timeline: Timeline, device: Ints) -> Travelled:
    """Return what members of collectives have received; *device* is that of each task."""
    tasks, row = len(job.graph), np.flatnonzero(timeline.sender >= 0)
    parts = [
        (np.array(each.members)[phase.source] * tasks + np.array(each.members)[phase.target], phase.flows)
        for each in job.graph.collectives
        for phase, _ in each.different()
    ]
    pair, flows = map(np.concatenate, zip(*parts, strict=True)) if parts else (row[:0], row[:0])
    pairs, place = np.unique(pair, return_inverse=True)
    fewest, most = np.full(len(pairs), np.iinfo(np.int64).max), np.ones(len(pairs), np.int64)
    np.minimum.at(fewest, place, flows)
    np.maximum.at(most, place, flows)
    sender, receiver = timeline.sender[row], timeline.number[row]
    own = sender * tasks + receiver
    at = np.minimum(np.searchsorted(pairs, own), max(len(pairs) - 1, 0))
    known = pairs[at] == own if len(pairs) else np.zeros(len(row), dtype=bool)
    sides = (np.where(known, column[at], 1) if len(pairs) else np.ones(len(row), np.int64) for column in (fewest, most))
    return Travelled(
        row,
        timeline.size[row],
        np.asarray(device)[sender],
        np.asarray(device)[receiver],
        np.full(len(row), np.inf),
        timeline.rounds[row],
        *sides,
    )
