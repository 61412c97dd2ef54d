"""Who gets how much of the network: flows that share links drain at max-min fair rates.

    flow 0  ======== L1 ======== L2 =====>      L1 carries 1 B/s, L2 carries 2 B/s.
    flow 1  ======== L1 ===>                    Flows 0 and 1 split L1: 0.5 B/s each.
    flow 2                 ===== L2 =====>      Flow 2 takes what flow 0 leaves of L2: 1.5 B/s.

All flows with one bottleneck drain at one rate. So each link has a meter that counts the bytes that such a flow has
drained; a flow ends when the meter of its bottleneck has counted its bytes. A change of rate does not touch the flows:
only the first end on each meter is computed.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from types import MappingProxyType
from typing import Any, Protocol

from parsim.core.cluster import Profile, Ways
from parsim.core.columns import NEVER
from parsim.sim.fair_rates import FairRates
from parsim.sim.links import PARTS, Flow, Link
from parsim.sim.ticks import Ticks

WINDOW = (2, 10**14)  # ends this near (a fraction of the time: a few ulps) are one instant
NEAR = 1e-12  # of the time: flows of one meter whose ends are farther apart end at two instants for sure


class User(Protocol):
    """Knows when its own flows end, as long as nobody else passes their links and no capacity changes."""

    def disturbed(self, link: int, now: int) -> None:
        """Let the flows that are on *link* join the network: from *now* on the link is shared, or another."""


class Network:
    """Links that flows share; times are whole ticks.

    Within an instant: take the flows that have `finished`, let any number of others `join`, then `settle` once.

    Parameters
    ----------
    capacities : B/s of each link.
    ticks : what a tick is.
    profiles : by link, from when on (s) it carries how many B/s; left out: all carry the same for ever.

    >>> network = Network([1.0, 2.0], Ticks(unit=1, digits=1))
    >>> first, second = (0, 1.0), (1, 1.0)  # a link, and the weight on it
    >>> for flow, (ways, size) in enumerate([((first, second), 4.0), ((first,), 5.0), ((second,), 12.0)]):
    ...     network.join(flow, ways, size, limit=math.inf, now=0)
    >>> network.settle(0), network.rates()
    (80, {0: 0.5, 1: 0.5, 2: 1.5})
    >>> network.finished(80), network.settle(80)
    ([0, 2], 90)
    """

    def __init__(
        self, capacities: Sequence[float], ticks: Ticks, profiles: Mapping[int, Profile] = MappingProxyType({})
    ) -> None:
        self._capacities, self._ticks, self._profiles = capacities, ticks, profiles
        self._links: dict[int, Link] = {}  # those that a flow has passed
        self._flows: dict[Hashable, Flow] = {}
        self._fair = FairRates()
        self._stirred: dict[Link, None] = {}  # those whose first end may be another; a dict, for its order
        self._ends: list[tuple[int, int, Link]] = []  # a heap; an entry whose time is not its link's end is stale
        self._joined = self._foreseen = 0
        self._unlimited = Link(math.inf)  # of flows that pass no link: they end at once
        self._users: dict[int, list[User]] = {}  # of each link that somebody uses
        self._changes: list[tuple[int, int, float]] = []  # a heap of instant, link, B/s
        self._now = 0  # when last settled
        self.version = 0  # of the capacities

    def join(self, flow: Hashable, ways: Ways, size: float, limit: float, now: int, user: User | None = None) -> None:
        """Let *size* bytes flow over the links of *ways* from *now* on, at most at *limit* B/s.

        A flow of weight w on a link takes w times its rate from it. Each link stands once in *ways*. The latency of the
        flow has passed. The flow disturbs the users of its links, but for its own *user*, if it has one.
        """
        if size <= 0:
            ways, limit = (), math.inf  # a flow without bytes takes no bandwidth
        if self._users:
            self._disturb((link for link, _ in ways), now, user)
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
        if new.binding:
            self._stirred[link] = None
        else:  # alone on its links: nothing to share
            link.rate = link.share
            self._foresee(link)

    def withdraw(self, flow: Hashable, now: int) -> float:
        """Remove *flow* before it has ended; return the bytes that it has left."""
        gone = self._flows.pop(flow)
        link = gone.metered
        link.advance(now, self._ticks)
        left = link.remove(gone)
        self._stirred[link] = None
        self._fair.moved.pop(gone, None)
        self._fair.leave(gone)
        return left / PARTS

    def set_capacity(self, link: int, capacity: float, now: int) -> None:
        """Let *link* carry *capacity* B/s from *now* on; settle at *now*."""
        self._disturb((link,), now)
        self._fair.set_capacity(self._link(link), capacity)
        self.version += 1

    def capacity(self, link: int) -> float:
        """Return the B/s that *link* carries now."""
        return self._link(link).capacity

    # -- those who know when their flows end

    def enter(self, user: User, links: Sequence[int], now: int) -> bool:
        """Let *user* send over *links* from *now* on, and tell those who do so already; return whether nobody does."""
        known, alone = self._users, True
        for link in links:
            if link in known:
                self._disturb((link,), now)  # somebody may quit
                alone = False
            known.setdefault(link, []).append(user)
        return alone and not (self._links and any(self._links[link].flows for link in links if link in self._links))

    def quit(self, user: User, links: Iterable[int]) -> None:
        """Note that *user* sends over *links* no longer."""
        known = self._users
        for link in links:
            if len(known[link]) > 1:
                known[link].remove(user)
            else:
                del known[link]

    def stopped(self) -> list[int]:
        """Return the links that carry nothing, though something is on them."""
        return [one for one, link in self._links.items() if not link.capacity and (link.flows or one in self._users)]

    def clear(self, link: int) -> bool:
        """Return whether no flow is on *link*, and at most one user sends over it."""
        return len(self._users.get(link, ())) <= 1 and not (link in self._links and self._links[link].flows)

    def _disturb(self, links: Iterable[int], now: int, but: User | None = None) -> None:
        for link in links:
            for user in tuple(self._users.get(link, ())):  # it may quit
                if user is not but:
                    user.disturbed(link, now)

    # -- one instant

    def settle(self, now: int) -> int:
        """Update the rates after joins and leaves; return when the next flow ends or capacity changes, or NEVER."""
        self._now = now
        while self._changes and self._changes[0][0] <= now:
            _, link, capacity = heappop(self._changes)
            self.set_capacity(link, capacity, now)
        fair = self._fair
        if fair.queue:
            fair.solve()
        if self._stirred or fair.changed or fair.moved:
            self._hand_over(now)
            self._sweep()
        ends = self._ends
        while ends and ends[0][0] != ends[0][2].end:
            heappop(ends)
        end = ends[0][0] if ends else NEVER
        if self._changes and (self._flows or self._users):
            change = self._changes[0][0]
            return change if end == NEVER else min(change, end)
        return end

    def finished(self, now: int) -> list[Any]:
        """Remove the flows that end *now* and return them in the order in which they joined."""
        few, many = WINDOW
        horizon = now + now * few // many
        if not self._ends or self._ends[0][0] > horizon:
            return []
        done: list[Flow] = []
        while self._ends and self._ends[0][0] <= horizon:
            end, _, link = heappop(self._ends)
            if end == link.end:
                link.end = NEVER  # whatever else the heap holds of it is stale
                done += self._ended(link, horizon)
        if len(done) > 1:
            done.sort(key=lambda flow: flow.order)
        for flow in done:
            del self._flows[flow.id]
            self._fair.leave(flow)
        return [flow.id for flow in done]

    def rates(self) -> dict[Hashable, float]:
        """Return the B/s of each flow under way, as last settled."""
        return {flow.id: flow.bottleneck.share for flow in self._flows.values()}

    def _ended(self, link: Link, horizon: int) -> list[Flow]:
        """Take the first flow off the meter of *link*, and those that end with it, until *horizon*."""
        draining = link.draining
        target, _, first = draining.pop(0)
        ended = [first]
        # Flows end together only if their targets differ by at most this (NaN at time 0: excludes none).
        far = NEAR * self._ticks.seconds(horizon) * link.rate * PARTS
        while draining and not draining[0][0] - target > far and link.first_end(self._ticks) <= horizon:
            ended.append(draining.pop(0)[2])
        if draining:
            self._stirred[link] = None
        return ended

    def _link(self, number: int) -> Link:
        if number not in self._links:
            capacity = self._capacities[number]
            for second, later in self._profiles.get(number, ()):
                tick = self._ticks.of(second)
                if tick <= self._now:
                    capacity = later
                else:
                    heappush(self._changes, (tick, number, later))
            self._links[number] = Link(capacity)
        return self._links[number]

    def _hand_over(self, now: int) -> None:
        """Move flows to the meters of their new bottlenecks; compute the first end on each changed link."""
        fair, stirred = self._fair, self._stirred
        moved = [flow for flow in fair.moved if flow.bottleneck is not flow.metered]
        for flow in moved:
            stirred[flow.metered] = stirred[flow.bottleneck] = None
        stirred.update(fair.changed)
        for link in stirred:
            link.advance(now, self._ticks)
            link.rate = link.share
        for flow in moved:
            flow.bottleneck.add(flow, flow.metered.remove(flow))
        for link in stirred:
            self._foresee(link)
        for noted in (stirred, fair.changed, fair.moved):
            noted.clear()

    def _foresee(self, link: Link) -> None:
        """Note when the first flow ends that drains by the meter of *link*."""
        end = link.first_end(self._ticks)
        if end != link.end:
            link.end = end
            if end != NEVER:
                self._foreseen += 1
                heappush(self._ends, (end, self._foreseen, link))

    def _sweep(self) -> None:
        """Throw stale ends away before they outnumber the flows by far."""
        if len(self._ends) > 64 + 4 * len(self._flows):
            self._ends = [entry for entry in self._ends if entry[0] == entry[2].end]
            heapify(self._ends)
