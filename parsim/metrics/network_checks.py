"""Check what travelled over the network: on its way, no faster than its links, and with its fair share of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster, Path
from parsim.core.graph import Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.link_checks import Crossing, overfull, slower


class Travelled(NamedTuple):
    """A span of what has travelled over the network."""

    row: int  # of the timeline
    size: float  # B
    source: int  # place
    target: int
    limit: float = math.inf  # B/s
    rounds: int = 1
    flows: tuple[int, int] = (1, 1)  # side by side, in the round with the fewest and in that with the most


def check_network(job: Job, timeline: Timeline, travelled: Sequence[Travelled], tolerance: float) -> Iterator[str]:
    """Yield a sentence for each rule that is broken."""
    yield from _ways(job.cluster, timeline, travelled, tolerance)
    on = _crossings(job.cluster, timeline, travelled)
    for link, crossings in on.items():
        for opened in overfull(crossings, job.cluster.links[link], tolerance):
            yield f"link {job.cluster.links[link].name} carried more than its capacity from {opened:g} s on"
    for row, late in slower(on, job.cluster.links).items():
        if late > tolerance:
            yield f"transfer {timeline.task[row]} took {late:g} s longer than its share of the links allows"


def _ways(cluster: Cluster, timeline: Timeline, travelled: Sequence[Travelled], tolerance: float) -> Iterator[str]:
    """No transfer is faster than it would be alone."""
    for row, size, source, target, limit, rounds, _ in travelled:
        path, name = cluster.path(source, target), timeline.task[row]
        if path is None:
            yield f"transfer {name} took a route that does not exist"
            continue
        fastest = min((cluster.links[link].most for link in path.links), default=math.inf)
        alone = [rounds * path.latency + size / min(rate, limit) for rate in (path.bandwidth, fastest)]
        if timeline.end_s[row] - timeline.start_s[row] < alone[1] - tolerance:
            yield f"transfer {name} took less time than its route allows"
        if not abs(timeline.nominal_s[row] - alone[0]) <= tolerance:
            nominal = timeline.nominal_s[row]
            yield f"transfer {name} takes {alone[0]:g} s alone, but has the nominal time {nominal:g} s"


def _crossings(cluster: Cluster, timeline: Timeline, travelled: Sequence[Travelled]) -> dict[int, list[Crossing]]:
    """Return what crossed each link."""
    on: dict[int, list[Crossing]] = {}
    for each in travelled:
        path = cluster.path(each.source, each.target)
        if path is not None:
            for link, crossing in _crossing(timeline, each, path):
                on.setdefault(link, []).append(crossing)
    return on


def _crossing(timeline: Timeline, each: Travelled, path: Path) -> Iterator[tuple[int, Crossing]]:
    """Yield the links of *path*, and what crosses them: a flow with the weight of those side by side.

    Of rounds with different numbers of flows the flow is one of the largest, so that it never seems late.
    """
    joined, end = float(timeline.start_s[each.row]) + path.latency, float(timeline.end_s[each.row])
    pauses, (fewest, most) = (each.rounds - 1) * path.latency, each.flows
    for link, weight in path.ways:
        if fewest == most:
            yield link, Crossing(each.row, joined, end, each.size / most, weight * most, each.limit, pauses)
        else:
            yield link, Crossing(each.row, joined, end, each.size / fewest, weight * fewest, each.limit, pauses)
            yield link, Crossing(each.row, joined, end, 0.0, weight * (most - fewest), each.limit, pauses)


def received(job: Job, timeline: Timeline, device: Ints) -> Iterator[Travelled]:
    """Yield what members of collectives have received; *device* is that of each task."""
    flows: dict[tuple[int, int], tuple[int, int]] = {}
    for each in job.graph.collectives:
        for (source, target, _, many), _ in each.different():
            for one, other, number in zip(source.tolist(), target.tolist(), many.tolist(), strict=True):
                pair = each.members[one], each.members[other]
                least, most = flows.get(pair, (number, number))
                flows[pair] = min(least, number), max(most, number)
    for row in np.flatnonzero(timeline.sender >= 0).tolist():
        sender, receiver = int(timeline.sender[row]), int(timeline.number[row])
        yield Travelled(
            row,
            float(timeline.size[row]),
            int(device[sender]),
            int(device[receiver]),
            rounds=int(timeline.rounds[row]),
            flows=flows.get((sender, receiver), (1, 1)),
        )
