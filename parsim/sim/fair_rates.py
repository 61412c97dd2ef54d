"""Max-min fair rates of flows that share links, updated where flows join and leave.

    link A, 1 B/s   flows 0 and 1    share 0.5 B/s    A is the bottleneck of both
    link B, 2 B/s   flows 0 and 2    share 1.5 B/s    B is the bottleneck of flow 2, which gets what flow 0 leaves

A link's share is the rate of the flows whose bottleneck it is; it is infinite where the link is nobody's bottleneck.
Rates are max-min fair (Bertsekas and Gallager, Data Networks, 1992, section 6.5.2) if and only if every link agrees:

    rate(flow)  = the least share of its links
    share(link) = what fills the link, if no flow takes more than its other links give it; infinite if nothing does

A link that flows join or leave recomputes its share. If the share changes, the other links of its flows recompute
theirs, until all agree. In sparse traffic about four links are touched, however large the network (compare incremental
shortest paths: Ramalingam and Reps, J. Algorithms 21(2), 1996). If many flows are reached, all rates that depend on
each other are computed from scratch.

Two sorts of links are skipped. A flow alone on its links gets the bandwidth of the narrowest. And a link cannot be a
bottleneck if its flows, limited by their narrowest links, cannot fill it: with a thousand senders to one receiver, only
the receiver's link counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from parsim.sim.links import Flow, Link

TIE = 1e-12  # relative: shares so near are one share
SAME = 1e-13  # relative: a share that changes by less has not changed
NEARLY_FULL = 1e-9  # of the capacity: a link with less rest may have become a bottleneck
ALONE: dict[Link, float] = {}  # the binding links of a flow that is alone; never written to
FEW = 1_000  # flows on the links that are looked at one by one, before all are filled anew


class FairRates:
    """Keeps every flow's bottleneck and every link's share."""

    def __init__(self) -> None:
        self.changed: dict[Link, None] = {}  # links with another share, until the caller clears this; ordered
        self.moved: dict[Flow, None] = {}  # flows with another bottleneck, likewise
        self.queue: list[Link] = []  # links whose share must be computed anew

    def join(self, flow: Flow, links: Sequence[tuple[Link, float]]) -> None:
        """Let *flow* pass *links*, of which there is at least one."""
        narrow, own = links[0]
        width, alone = narrow.capacity / own, not narrow.flows
        for link, weight in links[1:]:
            room = link.capacity / weight
            if room < width or (room == width and len(link.flows) > len(narrow.flows)):
                narrow, width = link, room
            alone = alone and not link.flows
        flow.links, flow.binding, flow.bottleneck, flow.narrowest = links, ALONE, narrow, width
        if alone:
            for link, weight in links:
                link.flows[flow] = weight
            narrow.share = width
            return
        for link, _ in links:
            if len(link.flows) == 1:
                (other,) = link.flows
                if not other.binding:
                    self._enter(other)
        self._enter(flow)

    def leave(self, flow: Flow) -> None:
        """Let *flow* pass its links no longer."""
        if not flow.binding:
            for link, _ in flow.links:
                link.flows.clear()
            flow.bottleneck.share = math.inf
            return
        rate, shares = flow.bottleneck.share, len(flow.binding) > 1
        for link, weight in flow.links:
            del link.flows[flow]
            link.most = link.most - weight * flow.narrowest if link.flows else 0.0
            if not link.binding:
                continue
            if not link.flows:
                link.clear()
                continue
            if shares:
                del link.sharing[flow]
            else:
                link.lose_alone(weight)
            if link.share < math.inf:
                self._enqueue(link)
            else:
                link.rest += weight * rate

    def set_capacity(self, link: Link, capacity: float) -> None:
        """Let *link* carry *capacity* B/s: its flows leave, and join again."""
        flows = list(link.flows)
        for flow in flows:
            self.leave(flow)
        link.capacity = capacity
        for flow in flows:
            self.join(flow, flow.links)
            self.moved[flow] = self.changed[flow.bottleneck] = None

    def solve(self) -> None:
        """Make the shares of all links agree."""
        queue, looked_at = self.queue, 0
        for place, link in enumerate(queue):  # grows while we walk
            if looked_at > FEW:
                self._fill(queue[place:])
                break
            link.queued = False
            if not link.binding:
                continue
            looked_at += len(link.sharing)
            share = fair_share(link)
            if share != link.share and not abs(share - link.share) <= SAME * min(share, link.share):
                self._set(link, share)
        self.queue = []

    def _enter(self, flow: Flow) -> None:
        """Let *flow*, which is no longer alone, share links with others."""
        narrow = flow.bottleneck
        for link, weight in flow.links:
            link.flows[flow] = weight
            link.most += weight * flow.narrowest
        flow.binding = {narrow: narrow.flows[flow]}
        narrow.alone += narrow.flows[flow]
        if not narrow.binding:
            self._bind(narrow)
        if len(narrow.flows) > 1:
            self._enqueue(narrow)
        else:
            narrow.share = flow.narrowest
            self.changed[narrow] = None
        for link, _ in flow.links:
            if link.binding:
                if link is not narrow:
                    self._share(flow, link)
            elif link.most > link.capacity:
                self._bind(link)

    def _bind(self, link: Link) -> None:
        """Treat *link* as a possible bottleneck from now on."""
        link.binding = True
        for flow in link.flows:
            if link not in flow.binding:
                self._share(flow, link)

    def _enqueue(self, link: Link) -> None:
        if not link.queued:
            link.queued = True
            self.queue.append(link)

    def _share(self, flow: Flow, link: Link) -> None:
        """Add *link* to the binding links of *flow*."""
        if len(flow.binding) == 1:
            ((narrow, weight),) = flow.binding.items()
            narrow.sharing[flow] = weight
            narrow.lose_alone(weight)
        flow.binding[link] = link.sharing[flow] = link.flows[flow]
        self._enqueue(link)
        if link.share < flow.bottleneck.share:
            flow.bottleneck = link
            self.moved[flow] = None

    def _set(self, link: Link, share: float) -> None:
        """Set the share of *link* and the bottlenecks of its flows, and queue the other links of these flows."""
        old, link.share = link.share, share
        self.changed[link] = None
        for flow in link.sharing:
            bottleneck = flow.bottleneck
            before = old if bottleneck is link else bottleneck.share
            if share < before:
                flow.bottleneck = link
            elif bottleneck is not link:
                continue
            else:
                for other in flow.binding:
                    if other.share < flow.bottleneck.share:
                        flow.bottleneck = other
            if flow.bottleneck is not bottleneck:
                self.moved[flow] = None
            more = flow.bottleneck.share - (before if before < math.inf else 0.0)
            for other, weight in flow.binding.items():
                if other is link or other.queued:
                    continue
                if other.share == math.inf:
                    other.rest -= weight * more
                    if other.rest >= NEARLY_FULL * other.capacity:
                        continue
                other.queued = True
                self.queue.append(other)

    def _fill(self, queue: Sequence[Link]) -> None:
        """Compute all shares anew on the links of *queue* and those that flows connect with them."""
        for link in queue:
            link.queued = False
        links = connected([link for link in queue if link.binding])
        rests, shares, bottlenecks = filled(links)
        for link in links:
            link.rest, share = rests[link], shares.get(link, math.inf)
            if share != link.share:
                link.share = share
                self.changed[link] = None
        for flow, bottleneck in bottlenecks.items():
            if bottleneck is not flow.bottleneck:
                flow.bottleneck = bottleneck
                self.moved[flow] = None


def connected(links: Sequence[Link]) -> list[Link]:
    """Return *links*, those that a flow connects with them, and so on."""
    reached = list(links)
    known = set(links)
    for link in reached:  # grows while we walk
        for flow in link.sharing:
            for other in flow.binding:
                if other not in known:
                    known.add(other)
                    reached.append(other)
    return reached


def filled(links: Sequence[Link]) -> tuple[dict[Link, float], dict[Link, float], dict[Flow, Link]]:
    """Fill *links* progressively; return the rest of each link, the shares, and the bottlenecks.

    The level of a link is what its flows get if they split its rest evenly. The lowest level is final. Removing the
    flows of that link can only raise other levels, so outdated levels may stay in the heap.
    """
    left = {link: [link.capacity, link.alone + sum(link.sharing.values()), len(link.flows)] for link in links}
    levels = [(rest / weight, place) for place, (rest, weight, flows) in enumerate(left.values()) if flows]
    heapify(levels)
    shares: dict[Link, float] = {}
    bottlenecks: dict[Flow, Link] = {}
    while levels:
        old, place = heappop(levels)
        link = links[place]
        rest, weight, flows = left[link]
        if not flows:
            continue
        level = rest / weight
        if level > old:
            heappush(levels, (level, place))
            continue
        shares[link] = level
        for flow in link.sharing:
            if flow not in bottlenecks:
                bottlenecks[flow] = link
                for other, own in flow.binding.items():
                    state = left[other]
                    state[0] -= own * level
                    state[1] -= own
                    state[2] -= 1
    return {link: rest for link, (rest, _, _) in left.items()}, shares, bottlenecks


def fair_share(link: Link) -> float:
    """Return the share that fills *link* if its other links limit the flows; infinite if no share does.

    A flow with an equal share on another link has its bottleneck there.
    """
    rest, total = link.capacity, link.alone
    share, link.share = link.share, math.inf  # so that it limits no flow
    held = []  # the rate that other links give a flow, and its weight, if they limit it
    for flow, weight in link.sharing.items():
        total += weight
        limit = flow.bottleneck.share
        if limit == math.inf:
            for other in flow.binding:
                if other.share < limit:
                    limit = other.share
            if limit == math.inf:
                continue
        held.append((limit, weight))
    link.share = share
    held.sort()
    for limit, weight in held:
        if limit * total > rest * (1 + TIE):
            return rest / total
        rest -= limit * weight
        total -= weight
    if len(held) < len(link.flows):
        return rest / total
    link.rest = rest
    return math.inf
