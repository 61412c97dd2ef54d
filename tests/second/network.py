"""Flows on shared links (contract, section 3, "Transfers"): latency first, then max-min fair rates, all of it exact."""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(eq=False)
class Moving:
    """One transfer under way."""

    what: object  # whoever sent it knows what it is
    links: tuple
    limit: Fraction | float
    left: Fraction  # bytes
    start: Fraction
    drains_from: Fraction  # the start and all latencies of the route, one after the other
    rate: Fraction = Fraction(0)


class Network:
    def __init__(self, links, routes):
        self.links, self.routes = links, routes
        self.now = Fraction(0)
        self.under_way = []  # in the order of joining
        self.rates = set()  # every rate that a flow ever had

    def latency(self, route):
        return sum((self.links[name].latency for name in route), Fraction(0))

    def nominal(self, way, size):
        """Return the seconds of a transfer that is alone."""
        return self.latency(self.routes[way]) + size / min(self.links[name].bandwidth for name in self.routes[way])

    def start(self, what, way, size, limit=math.inf):
        route = self.routes[way]
        moving = Moving(what, route, limit, size, self.now, self.now + self.latency(route))
        self.under_way.append(moving)
        self.share()
        return moving

    def draining(self):
        return [moving for moving in self.under_way if moving.left > 0 and moving.drains_from <= self.now]

    def next_change(self):
        """Return the next instant at which a flow begins to drain, or ends."""
        begins = [moving.drains_from for moving in self.under_way if moving.drains_from > self.now]
        ends = [self.now + moving.left / moving.rate for moving in self.draining()]
        return min(begins + ends, default=math.inf)

    def advance(self, instant):
        for moving in self.draining():
            moving.left -= moving.rate * (instant - self.now)
        self.now = instant
        self.share()

    def has_arrived(self):
        return any(moving.left == 0 and moving.drains_from <= self.now for moving in self.under_way)

    def arrived(self):
        """Take out what has arrived, in the order of joining."""
        done = [moving for moving in self.under_way if moving.left == 0 and moving.drains_from <= self.now]
        self.under_way = [moving for moving in self.under_way if moving not in done]
        self.share()
        return done

    def share(self):
        flows = self.draining()
        for moving, rate in zip(flows, self.fair([(flow.links, flow.limit) for flow in flows]), strict=True):
            moving.rate = rate
            self.rates.add(rate)

    def fair(self, flows):
        """Progressive filling: raise all rates alike; whoever meets its limit or a full link keeps its rate."""
        rates = [None] * len(flows)
        names = {name for links, _ in flows for name in links}
        while None in rates:
            rising = [i for i, rate in enumerate(rates) if rate is None]
            level = min(min(flows[i][1] for i in rising), *(self.level(name, flows, rates) for name in names))
            full = {name for name in names if self.level(name, flows, rates) == level}
            for i in rising:
                links, limit = flows[i]
                if limit == level or full & set(links):
                    rates[i] = level
        return rates

    def level(self, name, flows, rates):
        """Return the rate at which this link is full, its rising flows all having the same; infinity without any."""
        crossing = [rate for (links, _), rate in zip(flows, rates, strict=True) if name in links]
        rising = crossing.count(None)
        fixed = sum((rate for rate in crossing if rate is not None), Fraction(0))
        return (self.links[name].bandwidth - fixed) / rising if rising else math.inf
