"""Who gets how much of the network: flows that share links drain at max-min fair rates.

    flow 0  ======== L1 ======== L2 =====>      L1 carries 1 B/s, L2 carries 2 B/s.
    flow 1  ======== L1 ===>                    Flows 0 and 1 split L1: 0.5 B/s each.
    flow 2                 ===== L2 =====>      Flow 2 takes what flow 0 leaves of L2: 1.5 B/s.

Rates are max-min fair when each flow is at its own limit or crosses a full link on which nobody is faster.
Progressive filling finds them: raise all flows together; where a link is full, its flows stop; the others go on
(Bertsekas and Gallager, Data Networks, 1992, section 6.5.2).

A flow alone on all of its links needs no filling, and a change is felt only by flows that are linked to it,
directly or through others; so only those are filled again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from parsim.sim.ticks import NEVER, Ticks

Route = tuple[int, ...]  # the links' numbers

TIE = 1e-12  # levels this near (relative) are one level: rounding must not tear apart flows that are equal
WINDOW = (2, 10**14)  # ends this near (a fraction of the time: a few ulps) are one instant


@dataclass(slots=True, eq=False)
class _Flow:
    """A flow under way: what is `left` was true at `since`, and shrinks by `rate` from then on."""

    id: int
    order: int  # of joining
    links: Route  # a limit is a link that the flow has for itself, numbered from -1 downwards
    left: float  # B
    joined: int  # ticks
    since: int  # ticks
    rate: float = 0.0  # B/s
    end: int = NEVER  # ticks


class Network:
    """Links that flows share; times are whole ticks.

    Within an instant: take the flows that have `finished`, let others `join`, then `settle` once.

    Parameters
    ----------
    capacities : B/s of each link.
    ticks : what a tick is.

    >>> network = Network([1.0, 2.0], Ticks(unit=1, digits=1))
    >>> for flow, (links, size) in enumerate([((0, 1), 4.0), ((0,), 5.0), ((1,), 12.0)]):
    ...     network.join(flow, links, size, limit=math.inf, now=0)
    >>> network.settle(0), network.rates()
    (80, {0: 0.5, 1: 0.5, 2: 1.5})
    >>> network.finished(80), network.settle(80)
    ([0, 2], 90)
    """

    def __init__(self, capacities: Sequence[float], ticks: Ticks) -> None:
        self._capacities, self._ticks = capacities, ticks
        self._limits: dict[int, float] = {}  # B/s of links that one flow has for itself
        self._flows: dict[int, _Flow] = {}
        self._routes: dict[int, Route] = {}  # of each flow
        self._on: defaultdict[int, dict[int, _Flow]] = defaultdict(dict)  # the flows on each link
        self._touched: dict[int, None] = {}  # links whose flows must share anew; a dict, for its order
        self._ends: list[tuple[int, int, _Flow]] = []  # a heap; an entry whose time is not its flow's end is stale
        self._joined = 0

    def join(self, flow: int, links: Route, size: float, limit: float, now: int) -> None:
        """Let *size* bytes flow over *links* from *now* on, at most at *limit* B/s; its latency has passed."""
        if size <= 0:
            links, limit = (), math.inf  # nothing to carry takes nobody's share
        elif len(links) > 1:
            links = tuple(dict.fromkeys(links))  # a link passed twice counts once
        if limit < math.inf:
            own = -1 - self._joined
            links, self._limits[own] = (*links, own), limit
        new = self._flows[flow] = _Flow(flow, self._joined, links, size, now, now)
        self._routes[flow] = links
        self._joined += 1
        alone, rate = True, limit
        for link in links:
            users = self._on[link]
            if users:
                self._touched[link] = None
                alone = False
            users[flow] = new
            if link >= 0 and self._capacities[link] < rate:
                rate = self._capacities[link]
        if alone:
            self._run(new, rate, now)

    def settle(self, now: int) -> int:
        """Share anew what joins and leaves have touched; return when the next flow ends, or NEVER."""
        if self._touched:
            flows, links = self._linked(self._touched)
            self._touched = {}
            limits, capacities = self._limits, self._capacities
            rest = {link: capacities[link] if link >= 0 else limits[link] for link in links}
            rates = _filled(rest, self._on, self._routes)
            for number, flow in flows.items():
                if rates[number] != flow.rate:
                    self._run(flow, rates[number], now)
            self._sweep()
        ends = self._ends
        while ends and ends[0][0] != ends[0][2].end:
            heappop(ends)
        return ends[0][0] if ends else NEVER

    def finished(self, now: int) -> list[int]:
        """Remove the flows that end *now* and return them in the order in which they joined."""
        few, many = WINDOW
        horizon = now + now * few // many
        done = []
        while self._ends and self._ends[0][0] <= horizon:
            end, _, flow = heappop(self._ends)
            if end == flow.end:
                flow.end = NEVER  # whatever else the heap holds of it is stale
                self._leave(flow)
                done.append(flow)
        return [flow.id for flow in sorted(done, key=lambda flow: flow.order)]

    def rates(self) -> dict[int, float]:
        """Return the B/s of each flow under way, as last settled."""
        return {flow.id: flow.rate for flow in self._flows.values()}

    def _leave(self, flow: _Flow) -> None:
        del self._flows[flow.id], self._routes[flow.id]
        for link in flow.links:
            users = self._on[link]
            del users[flow.id]
            if users:
                self._touched[link] = None
            elif link < 0:
                del self._on[link], self._limits[link]

    def _run(self, flow: _Flow, rate: float, now: int) -> None:
        """Let *flow* go on at *rate*: bring what is left forward and foresee the end."""
        ticks = self._ticks
        flow.rate, before = rate, flow.rate
        if now == flow.joined:
            flow.end = now + ticks.of(flow.left / rate)
        else:
            flow.left = max(0.0, flow.left - before * ticks.seconds(now - flow.since))
            flow.end = flow.joined + ticks.rounded(now - flow.joined + ticks.near(flow.left / rate))
        flow.since = now
        heappush(self._ends, (flow.end, flow.order, flow))

    def _linked(self, links: Mapping[int, None]) -> tuple[dict[int, _Flow], list[int]]:
        """Return the flows on *links*, the flows that share a link with these, and so on; and all their links."""
        reached = list(links)
        known = dict(links)
        flows: dict[int, _Flow] = {}
        for link in reached:  # grows while we walk
            for number, flow in self._on[link].items():
                if number not in flows:
                    flows[number] = flow
                    for other in flow.links:
                        if other not in known:
                            known[other] = None
                            reached.append(other)
        return flows, reached

    def _sweep(self) -> None:
        """Throw stale ends away before they outnumber the flows by far."""
        if len(self._ends) > 64 + 4 * len(self._flows):
            self._ends = [(flow.end, flow.order, flow) for flow in self._flows.values()]
            heapify(self._ends)


def fair_rates(capacities: Mapping[int, float], routes: Sequence[Route]) -> list[float]:
    """Return the max-min fair rate of each route by progressive filling.

    >>> fair_rates({1: 1.0, 2: 2.0}, [(1, 2), (1,), (2,)])
    [0.5, 0.5, 1.5]
    """
    users: dict[int, list[int]] = {link: [] for link in capacities}
    for flow, route in enumerate(routes):
        for link in route:
            users[link].append(flow)
    rates = _filled(dict(capacities), users, routes)
    return [rates[flow] for flow in range(len(routes))]


def _filled(
    rest: dict[int, float], users: Mapping[int, Collection[int]], routes: Mapping[int, Route] | Sequence[Route]
) -> dict[int, float]:
    """Return the rate of each flow on the links of *rest*, which is what is left of them, and is used up.

    A link's level is what each flow still open on it gets if they split its rest. The lowest level of all is final;
    taking its flows out can only raise the levels of the others, which is why old levels may wait in a heap.
    """
    open_flows = {link: len(users[link]) for link in rest}
    levels = [(rest[link] / count, link) for link, count in open_flows.items() if count]
    heapify(levels)
    rates: dict[int, float] = {}
    while levels:
        level, full = _lowest(levels, rest, open_flows)
        stopped: dict[int, int] = {}  # link -> flows
        for link in full:
            for flow in users[link]:
                if flow not in rates:
                    rates[flow] = level
                    for other in routes[flow]:
                        stopped[other] = stopped.get(other, 0) + 1
        # All at once: links that are alike lose the same in the same rounding, so equal flows stay equal to the bit.
        for link, count in stopped.items():
            rest[link] -= count * level
            open_flows[link] -= count
    return rates


def _lowest(
    levels: list[tuple[float, int]], rest: Mapping[int, float], open_flows: Mapping[int, int]
) -> tuple[float, list[int]]:
    """Take the lowest level and all links at it off the heap; links without open flows go too."""
    lowest = math.inf
    full: list[int] = []
    while levels and levels[0][0] <= lowest * (1 + TIE):
        old, link = heappop(levels)
        if not open_flows[link]:
            continue
        level = rest[link] / open_flows[link]
        if level > old:
            heappush(levels, (level, link))
        else:
            lowest = min(lowest, level)
            full.append(link)
    return lowest, full
