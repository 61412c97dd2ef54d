"""Check the bytes on links: no link exceeds its capacity, and no transfer gets less than its fair share.

link, 1 B/s     transfer 0  |======== 4 B ========|           4 B + 4 B within 8 s: full
                transfer 1  |======== 4 B ========|           two at once at most: each gets 1/2 B/s at least
                            0                     8
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import Link
from parsim.core.columns import Floats, Ints
from parsim.core.tolerance import CLOSE

WINDOWS = 60  # transfers on a link beyond which only windows of whole busy periods and of single transfers are tried


class Crossings(NamedTuple):
    """Transfers on one of their links, (crossings,) each."""

    row: Ints  # of the timeline
    joined: Floats  # s, the latency paid
    end: Floats  # s
    size: Floats  # B
    weight: Floats  # how often it counts
    limit: Floats  # B/s, infinite: none
    pauses: Floats  # s of further latencies, of what travels in several rounds

    def at(self, rows: Ints) -> Crossings:
        """Return the crossings at *rows*."""
        columns: Iterator[Any] = (column[rows] for column in self)
        return Crossings(*columns)


def carried(link: Link, moments: Floats) -> Floats:
    """Return the most bytes that *link* can have carried from 0 to each moment.

    >>> carried(Link("down for a second", 2.0, profile=((1.0, 0.0), (2.0, 3.0))), np.array([1.0, 2.0, 4.0])).tolist()
    [2.0, 2.0, 8.0]
    """
    start = np.array([0.0, *(at for at, _ in link.profile)])
    rate = np.array([link.bandwidth, *(rate for _, rate in link.profile)])
    before = np.concatenate(([0.0], np.cumsum(np.diff(start) * rate[:-1])))
    place = np.maximum(np.searchsorted(start, moments, side="right") - 1, 0)
    found: Floats = before[place] + (moments - start[place]) * rate[place]
    return found


def overfull(crossings: Crossings, link: Link, tolerance: float) -> Iterator[float]:
    """Yield the start of the first window in which *link* carried more than its capacity, if there is one.

    The bytes of transfers that lie wholly within a window must fit capacity x window.
    """
    _, joined, end, size, weight, *_ = crossings
    order = np.argsort(end, kind="stable")
    joined, bytes_, closed = joined[order], (size * weight)[order], carried(link, end[order])
    few = len(joined) <= WINDOWS
    starts = np.unique(joined) if few else _busy_starts(joined, end[order])
    spare = link.most * tolerance - carried(link, starts)
    if not few:  # all that began before a busy period has ended before it
        before = np.searchsorted(end[order], starts)
        moved = np.cumsum(bytes_)
        most = np.maximum.accumulate((moved - closed * (1 + CLOSE))[::-1])[::-1]  # from each end on
        wrong = most[before] > (np.append(0.0, moved)[before] + spare * (1 + CLOSE))
        yield from starts[wrong][:1].tolist()
        return
    for opened, more in zip(starts.tolist(), spare.tolist(), strict=True):
        inside = joined >= opened
        if (np.cumsum(bytes_[inside]) > (closed[inside] + more) * (1 + CLOSE)).any():
            yield opened
            return


def slower(on: Mapping[int, Crossings], links: Sequence[Link]) -> dict[int, float]:
    """Return by row how much longer each transfer took than with its smallest fair share; *on* lists crossings by link.

    A max-min fair rate is at least the limit, or the even share of some link among all transfers on it. Their largest
    number in a busy period counts.

    >>> joined, none = np.zeros(1), np.full(1, np.inf)
    >>> for end in (4.0, 6.0):  # 4 B alone on a link of 1 B/s
    ...     alone = Crossings(np.array([0]), joined, np.array([end]), np.array([4.0]), np.ones(1), none, np.zeros(1))
    ...     slower({0: alone}, [Link("L", 1.0)])
    {0: 0.0}
    {0: 2.0}
    """
    least: dict[int, float] = {}
    for number, (row, joined, end, size, weight, limit, pauses) in on.items():
        link, most = links[number], _most(joined, end, weight)
        needed = np.maximum(size / limit, size * most / link.bandwidth)
        if link.profile:  # for as long as its share, or its limit
            free = (carried(link, end) - carried(link, joined) - size * most) / link.most
            needed = end - joined - (free - size / limit)
        late = end - joined - pauses - needed
        for one, seconds in zip(row.tolist(), late.tolist(), strict=True):
            least[one] = min(least.get(one, math.inf), seconds)
    return least


def _most(joined: Floats, end: Floats, weight: Floats) -> Floats:
    """Return for each crossing the largest weight on its link at one moment of the same busy period."""
    starts = _busy_starts(joined, end)
    moment, change = np.concatenate([joined, end]), np.concatenate([weight, -weight])
    order = np.lexsort((change, moment))  # at equal times, ends come before joins
    most = np.maximum.reduceat(np.cumsum(change[order]), np.searchsorted(moment[order], starts))
    found: Floats = np.maximum(most[np.searchsorted(starts, joined, side="right") - 1], weight)
    return found


def _busy_starts(joined: Floats, end: Floats) -> Floats:
    """Return when each busy period of a link began."""
    order = np.argsort(joined, kind="stable")
    reach = np.concatenate(([-np.inf], np.maximum.accumulate(end[order])[:-1]))
    starts: Floats = joined[order][joined[order] > reach]
    return starts
