"""How long each link was busy, and which device owns it.

busy seconds    the sum over its transfers of latency + size / bandwidth, each as if alone on it, times its weight;
                each round of a collective is a transfer
whose           the device that every transfer over it goes from or to, or would
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Path
from parsim.core.graph import Bools
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.sent import sent

PROBES = 8  # other places, the host among them


class Moved(NamedTuple):
    """The transfers between one pair of places."""

    ends: tuple[int, int]  # places
    path: Path
    times: int
    size: float  # B, of all


def moved(job: Job, timeline: Timeline, chosen: Bools) -> list[Moved]:
    """Return the ways that the *chosen* spans of *timeline* took over the network."""
    table = sent(job, timeline)
    table, places = table.at(chosen[table.row]), len(job.cluster.places)
    pairs, where = np.unique(table.source * places + table.target, return_inverse=True)
    carried, times = np.bincount(where, weights=table.size), np.bincount(where, weights=table.rounds).astype(np.int64)
    found = []
    for pair, count, bytes_ in zip(pairs.tolist(), times.tolist(), carried.tolist(), strict=True):
        ends = divmod(int(pair), places)
        path = job.cluster.path(*ends)
        if path is not None:
            found.append(Moved(ends, path, count, bytes_))
    return found


def busy(job: Job, ways: list[Moved]) -> dict[str, float]:
    """Return the busy seconds of each link that *ways* took, by its name."""
    seconds: dict[str, float] = defaultdict(float)
    for way in ways:
        for number, weight in way.path.ways:
            link = job.cluster.links[number]
            seconds[link.name] += weight * (way.times * link.latency + way.size / link.bandwidth)
    return seconds


def owners(job: Job, ways: list[Moved]) -> dict[str, str]:
    """Return the owner of each link that *ways* took. A link that several devices share has no owner."""
    ends: dict[str, set[int]] = {}
    for way in ways:
        for number in way.path.links:
            name = job.cluster.links[number].name
            ends[name] = ends.get(name, {*way.ends}) & {*way.ends}
    for way in ways:
        for name in {job.cluster.links[number].name for number in way.path.links}:
            if len(ends[name]) == 2:
                ends[name] = set(_owner(job, name, *way.ends))
    places = job.cluster.places
    alone = {name: next(iter(found)) for name, found in ends.items() if len(found) == 1}
    return {name: places[place] for name, place in alone.items() if place != job.cluster.host}


def _owner(job: Job, link: str, source: int, target: int) -> Iterator[int]:
    """Yield the end of the way whose routes to or from other places also take the link from *source* to *target*."""
    route = job.cluster.wiring.route
    others = [place for place in range(len(job.cluster.places)) if place not in (source, target)][-PROBES:]
    leaving = any(link in (one.name for one in route(source, place) or ()) for place in others)
    coming = any(link in (one.name for one in route(place, target) or ()) for place in others)
    if leaving != coming:
        yield source if leaving else target
