"""Collectives member by member, in floats, with all rates anew at every event: slow, and easy to believe.

A case has capacities, collectives, flows (start, ways, size, limit) and changes (time, link, capacity), as in
`plain_filling`. A collective is `Case`: when each member posts, the phases as lists of (source, target, size, flows),
and the links and the latency from each member to each other.
"""

import math
from typing import NamedTuple

import plain_filling

SAME = 1e-14  # relative: ends so near are one end


class Case(NamedTuple):
    """A collective, and when its members post."""

    posts: list
    phases: list
    ways: dict  # (source, target) -> links; None: both are one device
    latency: dict  # (source, target) -> s


def ends(capacities, collectives, flows=(), changes=()):
    """Return the ends of the members of each collective, and those of *flows*; infinite if they never end."""
    run = Run(list(capacities), collectives)
    for number, (start, ways, size, limit) in enumerate(flows):
        run.events.append((start, "flow", (("flow", number), ways, size, limit)))
    run.events += [(time, "change", (link, capacity)) for time, link, capacity in changes]
    for number, each in enumerate(collectives):
        run.events += [(post, "post", (number, member)) for member, post in enumerate(each.posts)]
    run.play()
    members = [
        [run.ends.get(("member", number, member), math.inf) for member in range(len(each.posts))]
        for number, each in enumerate(collectives)
    ]
    return members, [run.ends.get(("flow", number), math.inf) for number in range(len(flows))]


class Run:
    """All that is under way."""

    def __init__(self, capacities, collectives):
        self.capacities, self.collectives = capacities, collectives
        self.now, self.events, self.flows, self.ends = 0.0, [], {}, {}
        self.phase = [[-1] * len(each.posts) for each in collectives]
        self.arrived = set()  # (collective, phase, row)

    def play(self):
        while self.events or self.flows:
            rates = plain_filling.rates_of(
                self.capacities, [(0, ways, left, limit) for ways, left, limit in self.flows.values()]
            )
            lasts = [
                left / rate if rate else math.inf for (_, left, _), rate in zip(self.flows.values(), rates, strict=True)
            ]
            soonest = self.now + min(lasts, default=math.inf)
            self.events.sort(key=lambda event: event[0])
            upcoming = self.events[0][0] if self.events else math.inf
            then = min(soonest, upcoming)
            if then == math.inf:
                return
            done = []
            for (flow, row), rate, last in zip(self.flows.items(), rates, lasts, strict=True):
                row[1] -= rate * (then - self.now)
                if self.now + last <= then * (1 + SAME):
                    done.append(flow)
            self.now = then
            for flow in done:
                del self.flows[flow]
            for flow in done:
                self.over(flow)
            while self.events and self.events[0][0] <= self.now * (1 + SAME):
                _, what, rest = self.events.pop(0)
                getattr(self, what)(*rest)

    def flow(self, name, ways, size, limit):
        if size:
            self.flows[name] = [ways, size, limit]
        else:
            self.over(name)

    def change(self, link, capacity):
        self.capacities[link] = capacity

    def post(self, number, member):
        self.phase[number][member] = 0
        self.begin(number, member)
        self.go_on(number)

    def over(self, name):
        if name[0] == "flow":
            self.ends[name] = self.now
        else:
            self.arrived.add(name)
            self.go_on(name[0])

    def begin(self, number, member):
        each, phase = self.collectives[number], self.phase[number][member]
        if phase == len(each.phases):
            self.ends["member", number, member] = self.now
            return
        for row, (source, target, size, flows) in enumerate(each.phases[phase]):
            if source == member:
                links = each.ways[source, target]
                if not size or links is None:
                    self.arrived.add((number, phase, row))
                    continue
                ways = tuple((link, flows) for link in links)
                joined = self.now + each.latency[source, target]
                self.events.append((joined, "flow", ((number, phase, row), ways, size / flows, math.inf)))
                self.events.sort(key=lambda event: event[0])

    def go_on(self, number):
        each, moved = self.collectives[number], True
        while moved:
            moved = False
            for member, phase in enumerate(self.phase[number]):
                if not 0 <= phase < len(each.phases):
                    continue
                mine = [row for row, send in enumerate(each.phases[phase]) if member in send[:2]]
                if all((number, phase, row) in self.arrived for row in mine):
                    self.phase[number][member] += 1
                    self.begin(number, member)
                    moved = True
