"""What every link carries over time, from the timeline of a run.

A, 4 B/s    transfer 0  |== 2 B/s ==|=== 4 B/s ===|        its bytes lie on its span as its fair share of the links does
            transfer 1  |== 2 B/s ==|
    load                |-- 4 B/s ----------------|        bytes = the integral of the load over time

That is exact for transfers. What a member of a collective receives in several rounds is one span, with latencies
between its rounds: its bytes are spread over it in proportion to its fair share, so that they add up. Where a link
would then carry more than it can, for a moment, bytes move to other moments of their spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import Cluster, Link, Path
from parsim.core.errors import RunError
from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE
from parsim.metrics.fair_shares import fair_rates
from parsim.metrics.link_checks import carried
from parsim.metrics.sent import Sent, sent

PASSES = 100  # in which collectives of several rounds make room on full links
MOST = 10_000_000  # pairs of a transfer and a moment of its span


class Crossings(NamedTuple):
    """The links that each transfer crosses, a row for each link of each transfer."""

    sent: Ints  # the row of what was sent
    link: Ints  # its number in `Cluster.links`
    weight: Floats  # how often the transfer counts on the link


class Load(NamedTuple):
    """What a link carries: *rates* hold from *moments* until the next moment; the last one is 0."""

    link: Link
    moments: Floats  # (changes,) s
    rates: Floats  # (changes,) B/s
    stands_for: int = 1  # links that carry the same, itself included

    def bytes_until(self, times: Floats) -> Floats:
        """Return the bytes carried from 0 to each time."""
        sums = np.concatenate(([0.0], np.cumsum(np.diff(self.moments) * self.rates[:-1])))
        found: Floats = np.interp(times, self.moments, sums)
        return found

    def shares(self, times: Floats) -> Floats:
        """Return which share of its capacity the link carries between each time and the next, (times - 1,).

        >>> link = Link("down for a second", 2.0, profile=((1.0, 0.0), (2.0, 4.0)))
        >>> load = Load(link, np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 4.0, 0.0]))
        >>> load.shares(np.array([0.0, 1.0, 2.0, 4.0])).tolist()
        [0.5, 0.0, 0.5]
        """
        room = np.diff(carried(self.link, times))
        moved = np.diff(self.bytes_until(times))
        return np.divide(moved, room, out=np.zeros(len(room)), where=room > 0)


def crossings(cluster: Cluster, table: Sent) -> Crossings:
    """Return the links that each row of *table* crosses, each once."""
    places = len(cluster.places)
    ways, way = np.unique(table.source * places + table.target, return_inverse=True)
    paths = cluster.paths(*np.divmod(ways, places))
    taken = [_once(path) for path in paths]
    hops = np.array([len(each) for each in taken], np.int64)
    flat = np.array([pair for each in taken for pair in each], np.float64).reshape(-1, 2)
    rows, place = _spread(hops[way])
    at = (np.cumsum(hops) - hops)[way[rows]] + place
    return Crossings(rows, flat[at, 0].astype(np.int64), flat[at, 1])


def _once(path: Path | None) -> list[tuple[int, float]]:
    """Return the links of a path with their weights."""
    return [*dict(path.ways).items()] if path else []


def loads(job: Job, timeline: Timeline) -> list[Load]:
    """Return what each link carried that carried anything, in the order in which links were first used."""
    table = sent(job, timeline)
    table = table.at(table.size > 0)
    on = crossings(job.cluster, table)
    pieces = _pieces(job.cluster, timeline, table, on)
    if not len(pieces.link):
        return []
    order = np.lexsort((pieces.start, pieces.link))
    bounds = np.flatnonzero(np.diff(pieces.link[order], prepend=-1, append=-1)).tolist()
    parts = [order[one:other] for one, other in pairwise(bounds)]
    found = [(job.cluster.links[pieces.link[part[0]]], part) for part in parts]
    counts = links_for(job)
    return [
        Load(link, *_steps(pieces.start[part], pieces.end[part], pieces.rate[part]), counts.get(link.name, 1))
        for link, part in found
    ]


class _Pieces(NamedTuple):
    """Intervals in which a link carries one rate; those of a link do not overlap."""

    link: Ints
    start: Floats
    end: Floats
    rate: Floats


def _pieces(cluster: Cluster, timeline: Timeline, table: Sent, on: Crossings) -> _Pieces:
    """Return the load of each link between each two moments at which anything changes."""
    start, end = timeline.start_s[table.row], timeline.end_s[table.row]
    latency = np.bincount(on.sent, np.array([link.latency for link in cluster.links])[on.link], len(start))
    joined = np.where(start + latency < end, start + latency, start)
    changes = [at for number in np.unique(on.link).tolist() for at, _ in cluster.links[number].profile]
    moments = np.unique(np.concatenate([joined, end, changes]))
    first = np.searchsorted(moments, joined)
    count = np.searchsorted(moments, end) - first
    if count.sum() > MOST:
        raise RunError(f"{len(count)} transfers change the load of links too often to be drawn; play fewer tasks")
    owner, interval = _spread(count)  # a stretch: a transfer, in an interval of its span
    interval += first[owner]
    hops = np.bincount(on.sent, minlength=len(count))
    stretch, place = _spread(hops[owner])
    crossing = (np.cumsum(hops) - hops)[owner[stretch]] + place
    key, cell = np.unique(interval[stretch] * len(cluster.links) + on.link[crossing], return_inverse=True)
    at, link = np.divmod(key, len(cluster.links))
    weight, flows = on.weight[crossing], table.flows[owner]
    capacity = _capacities(cluster, link, moments[at])
    rate = flows * fair_rates(stretch, cell, weight * flows[stretch], capacity, table.limit[owner])
    lasts = (moments[1:] - moments[:-1])[interval]
    for _ in range(PASSES):
        rate = _adding_up(rate, owner, lasts, table.size)
        total = np.bincount(cell, weight * rate[stretch], len(key)).astype(np.float64)
        if (total <= capacity * (1 + CLOSE)).all():
            break
        room = np.ones(len(owner))
        np.minimum.at(room, stretch, (capacity / np.maximum(total, capacity))[cell])
        rate = rate * room
    return _Pieces(link, moments[at], moments[at + 1], total)


def _adding_up(rate: Floats, owner: Ints, lasts: Floats, size: Floats) -> Floats:
    """Return the rates of stretches in their proportion, so that those of each owner add up to its bytes.

    >>> _adding_up(np.array([1.0, 3.0]), np.array([0, 0]), np.array([2.0, 1.0]), np.array([10.0])).tolist()
    [2.0, 6.0]
    """
    drained = np.bincount(owner, rate * lasts, len(size))
    found: Floats = rate * np.divide(size, drained, out=np.zeros(len(size)), where=drained > 0)[owner]
    return found


def _spread(count: Ints) -> tuple[Ints, Ints]:
    """Return the numbers of rows, each as often as it counts, and its place among them.

    >>> [column.tolist() for column in _spread(np.array([2, 0, 1]))]
    [[0, 0, 2], [0, 1, 0]]
    """
    rows = np.repeat(np.arange(len(count)), count)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)


def _capacities(cluster: Cluster, link: Ints, moment: Floats) -> Floats:
    """Return the B/s of each link at a moment."""
    found = np.array(cluster.capacities)[link]
    for number, profile in cluster.profiles.items():
        mine = np.flatnonzero(link == number)
        starts, rates = np.array(profile).T
        place = np.searchsorted(starts, moment[mine], side="right") - 1
        found[mine] = np.where(place >= 0, rates[np.maximum(place, 0)], found[mine])
    return found


def _steps(start: Floats, end: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Return the moments of change and the rates from then on, 0 in gaps and at the end."""
    gap = np.append(start[1:] > end[:-1], True)
    moments = np.concatenate([start, end[gap]])
    order = np.argsort(moments, kind="stable")
    return moments[order], np.concatenate([rate, np.zeros(gap.sum())])[order]


def links_for(job: Job) -> Mapping[str, int]:
    """Return how many links each link stands for, by its name; one that is not named stands for itself."""
    return job.graph.fold.link_stands_for if job.graph.fold else {}


def links(job: Job, timeline: Timeline) -> list[dict[str, Any]]:
    """Return the figures of each link that carried anything, as in section 2 of the contract, the busiest first."""
    table, cluster = sent(job, timeline), job.cluster
    table = table.at(table.size > 0)
    on = crossings(cluster, table)
    carried_bytes = np.bincount(on.link, on.weight * table.size[on.sent], len(cluster.links))
    link, start, end = busy(on.link, timeline.start_s[table.row][on.sent], timeline.end_s[table.row][on.sent])
    busy_s = np.bincount(link, end - start, len(cluster.links))
    until, counts = np.array([timeline.makespan_s]), links_for(job)
    found = [
        {
            "name": cluster.links[number].name,
            "stands_for": counts.get(cluster.links[number].name, 1),
            "bytes": carried_bytes[number].item(),
            "busy_s": busy_s[number].item(),
            "load": _share(carried_bytes[number].item(), carried(cluster.links[number], until).item()),
        }
        for number in np.flatnonzero(carried_bytes).tolist()
    ]
    return sorted(found, key=lambda one: -one["load"])


def _share(bytes_: float, room: float) -> float:
    return bytes_ / room if room > 0 else 0.0


def busy(link: Ints, start: Floats, end: Floats) -> tuple[Ints, Floats, Floats]:
    """Return the links' busy intervals, link by link; each row is a transfer that crosses a link.

    >>> [column.tolist() for column in busy(np.array([0, 0, 1]), np.array([0.0, 1.0, 5.0]), np.array([2.0, 3.0, 6.0]))]
    [[0, 1], [0.0, 5.0], [3.0, 6.0]]
    """
    if not len(link):
        return link, start, end
    order = np.lexsort((start, link))
    link, start, end = link[order], start[order], end[order]
    first = np.flatnonzero(np.append(True, np.diff(link)))
    until = np.concatenate([np.maximum.accumulate(some) for some in np.split(end, first[1:])])  # the latest end so far
    opens = np.append(True, start[1:] > until[:-1])  # one that begins as another ends keeps the link busy
    opens[first] = True
    closes = np.append(np.flatnonzero(opens)[1:], len(link)) - 1
    return link[opens], start[opens], until[closes]
