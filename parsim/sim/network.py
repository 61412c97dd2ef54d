"""Who gets how much of the network: flows that share links drain at max-min fair rates.

    flow 0  ======== L1 ======== L2 =====>      L1 carries 1 B/s, L2 carries 2 B/s.
    flow 1  ======== L1 ===>                    Flows 0 and 1 split L1: 0.5 B/s each.
    flow 2                 ===== L2 =====>      Flow 2 takes what flow 0 leaves of L2: 1.5 B/s.

All flows with one bottleneck drain at one rate. So each link has a meter that counts the bytes that such a flow has
drained; a flow ends when the meter of its bottleneck has counted its bytes. When the rate changes, nothing changes in
the flows: of each meter, only the first flow to end is foreseen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush

from parsim.sim.fair_rates import FairRates
from parsim.sim.links import PARTS, Flow, Link
from parsim.sim.ticks import NEVER, Ticks

Ways = tuple[tuple[int, float], ...]  # the links' numbers, and how much a flow weighs on each

WINDOW = (2, 10**14)  # ends this near (a fraction of the time: a few ulps) are one instant


@lru_cache(maxsize=1 << 12)
def ways(links: tuple[int, ...]) -> Ways:
    """Return *links* as a flow passes them that weighs 1 on each; a link passed twice counts once.

    >>> ways((3, 5, 3))
    ((3, 1.0), (5, 1.0))
    """
    return tuple((link, 1.0) for link in dict.fromkeys(links))


class Network:
    """Links that flows share; times are whole ticks.

    Within an instant: take the flows that have `finished`, let any number of others `join`, then `settle` once.

    Parameters
    ----------
    capacities : B/s of each link.
    ticks : what a tick is.

    >>> network = Network([1.0, 2.0], Ticks(unit=1, digits=1))
    >>> for flow, (links, size) in enumerate([((0, 1), 4.0), ((0,), 5.0), ((1,), 12.0)]):
    ...     network.join(flow, ways(links), size, limit=math.inf, now=0)
    >>> network.settle(0), network.rates()
    (80, {0: 0.5, 1: 0.5, 2: 1.5})
    >>> network.finished(80), network.settle(80)
    ([0, 2], 90)
    """

    def __init__(self, capacities: Sequence[float], ticks: Ticks) -> None:
        self._capacities, self._ticks = capacities, ticks
        self._links: dict[int, Link] = {}  # those that a flow has passed
        self._flows: dict[int, Flow] = {}
        self._fair = FairRates()
        self._stirred: dict[Link, None] = {}  # those whose first end may be another; a dict, for its order
        self._ends: list[tuple[int, int, Link]] = []  # a heap; an entry whose time is not its link's end is stale
        self._joined = self._foreseen = 0
        self._unlimited = Link(math.inf)  # of flows that pass no link: they end at once

    def join(self, flow: int, ways: Ways, size: float, limit: float, now: int) -> None:
        """Let *size* bytes flow over the links of *ways* from *now* on, at most at *limit* B/s.

        A flow of weight w on a link takes w times its rate from it. Its latency has passed.
        """
        if size <= 0:
            ways, limit = (), math.inf  # nothing to carry takes nobody's share
        known = self._links
        links = [(known.get(number) or self._link(number), weight) for number, weight in ways]
        if limit < math.inf:
            links.append((Link(limit), 1.0))  # a limit is a link that the flow has for itself
        new = self._flows[flow] = Flow(flow, self._joined, now)
        self._joined += 1
        self._fair.join(new, links or [(self._unlimited, 1.0)])
        link = new.bottleneck
        link.advance(now, self._ticks)
        link.add(new, int(size * PARTS))
        self._stirred[link] = None

    def set_capacity(self, link: int, capacity: float, now: int) -> None:
        """Let *link* carry *capacity* B/s from *now* on."""
        self._fair.set_capacity(self._link(link), capacity)

    def settle(self, now: int) -> int:
        """Share anew what joins and leaves have touched; return when the next flow ends, or NEVER."""
        fair = self._fair
        fair.solve()
        if self._stirred or fair.changed or fair.moved:
            self._foresee(now)
        return self._next_end()

    def finished(self, now: int) -> list[int]:
        """Remove the flows that end *now* and return them in the order in which they joined."""
        few, many = WINDOW
        horizon = now + now * few // many
        done = []
        while self._ends and self._ends[0][0] <= horizon:
            end, _, link = heappop(self._ends)
            if end != link.end:
                continue
            link.end = NEVER  # whatever else the heap holds of it is stale
            draining = link.draining
            while NEVER < end <= horizon:
                done.append(draining.pop(0)[2])
                end = link.first_end(self._ticks) if draining else NEVER
            if draining:
                self._stirred[link] = None
        done.sort(key=lambda flow: flow.order)
        for flow in done:
            del self._flows[flow.id]
            self._fair.leave(flow)
        return [flow.id for flow in done]

    def rates(self) -> dict[int, float]:
        """Return the B/s of each flow under way, as last settled."""
        return {flow.id: flow.bottleneck.share for flow in self._flows.values()}

    def _link(self, number: int) -> Link:
        if number not in self._links:
            self._links[number] = Link(self._capacities[number])
        return self._links[number]

    def _foresee(self, now: int) -> None:
        """Hand flows over to the meters of their new bottlenecks, and note when the first flow of each meter ends."""
        fair, ticks, stirred = self._fair, self._ticks, self._stirred
        moved = [flow for flow in fair.moved if flow.bottleneck is not flow.metered]
        for flow in moved:
            stirred[flow.metered] = stirred[flow.bottleneck] = None
        stirred.update(fair.changed)
        for link in stirred:
            link.advance(now, ticks)
            link.rate = link.share
        for flow in moved:
            flow.bottleneck.add(flow, flow.metered.remove(flow))
        for link in stirred:
            end = link.first_end(ticks)
            if end != link.end:
                link.end = end
                if end != NEVER:
                    self._foreseen += 1
                    heappush(self._ends, (end, self._foreseen, link))
        for noted in (stirred, fair.changed, fair.moved):
            noted.clear()

    def _next_end(self) -> int:
        """Return when the next flow ends, or NEVER; throw stale ends away before they outnumber the flows by far."""
        ends = self._ends
        if len(ends) > 64 + 4 * len(self._flows):
            ends = self._ends = [entry for entry in ends if entry[0] == entry[2].end]
            heapify(ends)
        while ends and ends[0][0] != ends[0][2].end:
            heappop(ends)
        return ends[0][0] if ends else NEVER
