"""Links and the flows that pass them: what is known of each between two instants.

link, 1 B/s    two flows, so its share is 0.5 B/s; its meter stands at 4 B
flow           3 B left; the link is its bottleneck; it ends when the meter stands at 7 B
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Hashable, Sequence

from parsim.core.columns import NEVER
from parsim.sim.ticks import Ticks

PARTS = 2.0**80  # of a byte: meters count whole parts, and lose nothing however long they run


class Link:
    """A resource that flows share. Its meter counts the bytes drained by each flow whose bottleneck it is."""

    __slots__ = (
        *("capacity", "flows", "sharing", "alone", "most", "binding", "share", "rest", "queued"),
        *("draining", "meter", "since", "rate", "end"),
    )

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity  # B/s
        self.flows: dict[Flow, float] = {}  # all that pass, with their weights
        self.sharing: dict[Flow, float] = {}  # those that have another binding link, too
        self.queued = False  # its share must be computed anew
        self.draining: list[tuple[int, int, Flow]] = []  # target, order, flow; sorted
        self.meter = 0  # parts at `since`
        self.since = 0  # ticks
        self.rate = 0.0  # B/s from then on
        self.end = NEVER  # ticks, of the first flow that is draining
        self.clear()

    def clear(self) -> None:
        """Forget all flows."""
        self.sharing.clear()
        self.alone = 0.0  # weight of the flows that have no other binding link
        self.most = 0.0  # B/s that the flows can take at most
        self.binding = False  # it may be a bottleneck
        self.share = math.inf  # B/s
        self.rest = self.capacity  # B/s that are left at least, while the share is infinite

    def lose_alone(self, weight: float) -> None:
        """Note that a flow of this weight has left, or has got another binding link."""
        self.alone = self.alone - weight if len(self.flows) > len(self.sharing) else 0.0  # no rounding stays

    def advance(self, now: int, ticks: Ticks) -> None:
        """Bring the meter forward."""
        if self.draining and self.since < now:
            self.meter += int(self.rate * ticks.seconds(now - self.since) * PARTS)
        self.since = now

    def add(self, flow: Flow, left: int) -> None:
        """Let this meter measure *flow*, which has *left* parts to drain."""
        flow.metered, flow.target = self, self.meter + left
        insort(self.draining, (flow.target, flow.order, flow))

    def remove(self, flow: Flow) -> int:
        """Stop measuring *flow*; return how many parts it has left."""
        del self.draining[bisect_left(self.draining, (flow.target, flow.order))]
        return max(0, flow.target - self.meter)

    def first_end(self, ticks: Ticks) -> int:
        """Return when the first flow ends, or NEVER."""
        if not self.draining or not self.rate:
            return NEVER
        target, _, flow = self.draining[0]
        seconds = max(0, target - self.meter) / PARTS / self.rate
        if self.since == flow.joined:
            return flow.joined + ticks.of(seconds)
        return flow.joined + ticks.rounded(self.since - flow.joined + ticks.near(seconds))


class Flow:
    """What passes links; `binding` are those that may be its bottleneck."""

    __slots__ = ("binding", "bottleneck", "id", "joined", "links", "metered", "narrowest", "order", "target")

    links: Sequence[tuple[Link, float]]  # with its weights: it takes weight x rate from a link
    narrowest: float  # B/s that its narrowest link lets through
    binding: dict[Link, float]
    bottleneck: Link
    metered: Link  # by whose meter it drains; its bottleneck when last settled
    target: int  # parts; it ends when the meter stands there

    def __init__(self, id: Hashable, order: int, joined: int) -> None:
        self.id = id
        self.order = order  # of joining
        self.joined = joined  # ticks
