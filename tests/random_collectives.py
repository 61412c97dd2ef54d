"""Let random collectives and flows share random links, and compare every end with `plain_collectives`.

python tests/random_collectives.py --count 1000 --seed 0
python tests/random_collectives.py --count 1 --start 231          number 231 alone
"""

import argparse
import math
import random

import numpy as np
import plain_collectives

from parsim.core.cluster import Cluster, Device, Link, Wiring
from parsim.core.collective import Collective, phase
from parsim.core.columns import NEVER
from parsim.sim.network import Network
from parsim.sim.placed import Placed
from parsim.sim.player import player
from parsim.sim.received import Log
from parsim.sim.ticks import Ticks

TICKS = Ticks(unit=63, digits=14)
NEAR = 1e-12  # of an end


def ring(draw, n, size):
    one = [(a, (a + 1) % n, size / n, 1) for a in range(n)]
    return [one] * (2 * (n - 1))


def chunked(draw, n, size):
    flows = draw.choice([2, 4])
    return [[(a, (a + 1) % n, size / n, flows) for a in range(n)]] * (2 * (n - 1))


def halving(draw, n, size):
    steps = [1 << k for k in range(n.bit_length() - 1)]
    members = 1 << len(steps)
    parts = [[(a, a ^ step, size * step / members, 1) for a in range(members)] for step in steps]
    return [*parts[::-1], *parts]


def tree(draw, n, size):
    down = [[(a, a + step, size, 1) for a in range(step) if a + step < n] for step in [1, 2, 4] if step < n]
    up = [[(b, a, s, f) for a, b, s, f in each] for each in down[::-1]]
    return [*up, *down]


def direct(draw, n, size):
    return [[(a, b, size / n, 1) for a in range(n) for b in range(n) if a != b]] * draw.choice([1, 2])


def shifted(draw, n, size):
    return [[(a, (a + step) % n, size / n, 1) for a in range(n)] for step in range(1, n)]


def wild(draw, n, size):
    kinds = []
    for _ in range(draw.randrange(1, 4)):
        pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
        rows = draw.sample(pairs, draw.randrange(1, min(len(pairs), 6) + 1))
        kinds.append([(a, b, size * draw.choice([0, 0.5, 1, 1]), draw.choice([1, 1, 2])) for a, b in rows])
    return [draw.choice(kinds) for _ in range(draw.randrange(1, 7))]


def waiting_tree(draw, n, size):
    """Return a tree in which members wait, in phases of no bytes, for those to which they send."""
    found = []
    for each in tree(draw, n, size):
        found += [[(b, a, 0.0, 1) for a, b, _, _ in each], each]
    return found


def two_ways(draw, n, size):
    """Return rounds in which each member sends near and far: on nodes, members share cards and wait for them."""
    far = draw.choice([2, 3])
    near = [(a, (a + 1) % n, size / n, 1) for a in range(n)]
    return [[*near, *[(a, (a + far) % n, size, 1) for a in range(n) if far % n not in (0, 1)]]] * draw.randrange(1, 7)


PATTERNS = (waiting_tree, ring, ring, two_ways, two_ways, chunked, halving, tree, direct, shifted, wild)


def wires(draw, n, number):
    """Return for each pair of places its links, and how many links there are; several wirings."""
    kind = draw.choice(["star", "star", "full", "nodes", "wild"])
    if kind == "star":
        return {(a, b): (2 * a, 2 * b + 1) for a in range(n) for b in range(n)}, 2 * n
    if kind == "full":
        return {(a, b): (a * n + b,) for a in range(n) for b in range(n)}, n * n
    if kind == "nodes":
        size = draw.choice([2, 3])

        def way(a, b):
            near = (2 * a, 2 * b + 1)
            return near if a // size == b // size else (2 * n + 2 * (a // size), 2 * n + 2 * (b // size) + 1)

        return {(a, b): way(a, b) for a in range(n) for b in range(n)}, 2 * n + 2 * -(-n // size)
    links = draw.randrange(2, 8)
    return {(a, b): tuple(draw.sample(range(links), draw.randrange(1, 3))) for a in range(n) for b in range(n)}, links


def case(seed, number):
    """Return capacities, collectives, their devices, flows and changes; one number, one case."""
    draw = random.Random(f"{seed} {number}")
    places = draw.randrange(2, 9)
    ways, links = wires(draw, places, number)
    even = draw.random() < 0.5
    amounts = draw.choice([(1.0,), (1.0, 2.0), (1.0, 2.0, 3.0)])
    capacities = [draw.choice(amounts) for _ in range(links)]
    steps = draw.choice([(0.0,), (0.25,), (0.0, 0.25, 0.5)])
    latency = {link: draw.choice(steps) for link in range(links)}
    collectives, devices = [], []
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3])):
        n = draw.randrange(2, places + 1)
        there = draw.sample(range(places), n) if draw.random() < 0.9 else draw.choices(range(places), k=n)
        phases = draw.choice(PATTERNS)(draw, n, draw.choice([1.0, 3.0, 4.0, 8.0]))
        late = draw.choice([0, 0, 0, 1, n])
        start = float(draw.choice([0, 0, 1, 2]))
        posts = [start + (moment(draw, even, 6) if place < late else 0.0) for place in range(n)]
        pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
        here = {(a, b): None if there[a] == there[b] else ways[there[a], there[b]] for a, b in pairs}
        waits = {(a, b): math.fsum(latency[link] for link in here[a, b] or ()) for a, b in pairs}
        collectives.append(plain_collectives.Case(posts, phases, here, waits))
        devices.append(tuple(there))
    flows = []
    for _ in range(draw.choice([0, 0, 1, 1, 2, 5])):
        way = tuple((link, draw.choice([1.0, 1.0, 2.0])) for link in draw.sample(range(links), min(links, 2)))
        limit = draw.choice([math.inf, math.inf, 0.4])
        flows.append((moment(draw, even, 12), way, draw.choice([0.5, 1.0, 3.0]), limit))
    changes = []
    for _ in range(draw.choice([0, 0, 0, 1, 3])):
        changes.append((moment(draw, even, 12), draw.randrange(links), draw.choice([0.0, 0.5, 1.0, 2.0])))
    return capacities, latency, ways, collectives, devices, flows, changes


def moment(draw, even, most):
    return draw.randrange(4 * most) / 4 if even else draw.uniform(0, most)


class Stage:
    """A network and a clock on which collectives and flows meet."""

    def __init__(self, capacities):
        self.network, self.log = Network(capacities, TICKS), Log(TICKS)
        self.asked, self.joining, self.ends = {}, {}, {}

    def at(self, played, tick):
        self.asked.setdefault(tick, {})[played] = None

    def send(self, played, going, ways, now):
        if going.join > now:
            self.joining.setdefault(going.join, []).append((played, going, ways))
        else:
            self.network.join((played, going), ways, going.left, math.inf, now, played)

    def through(self, played, member, now):
        self.ends[played, member] = now

    def end_s(self, what):
        return TICKS.seconds(self.ends[what]) if what in self.ends else math.inf

    def play(self, posts, flows, changes):
        first = 0
        while posts or flows or changes or self.asked or self.joining or first != NEVER:
            coming = [*posts, *flows, *changes, *self.asked, *self.joining, *([first] if first != NEVER else [])]
            now = min(coming)
            stirred = {}
            for flow in self.network.finished(now):
                if isinstance(flow, tuple):
                    flow[0].arrived(flow[1], now)
                    stirred[flow[0]] = None
                else:
                    self.ends[flow] = now
            for played in self.asked.pop(now, ()):
                played.due(now)
                stirred[played] = None
            for played, member in posts.pop(now, ()):
                played.post(member, now)
                stirred[played] = None
            for played in stirred:
                played.begin(now)
            for number, ways, size, limit in flows.pop(now, ()):
                self.network.join(number, ways, size, limit, now)
            for played, going, ways in self.joining.pop(now, ()):
                self.network.join((played, going), ways, going.left, math.inf, now, played)
            for link, capacity in changes.pop(now, ()):
                self.network.set_capacity(link, capacity, now)
            first = self.network.settle(now)


def by_time(rows):
    found = {}
    for time, row in rows:
        found.setdefault(TICKS.of(time), []).append(row)
    return found


def ours(capacities, latency, ways, collectives, devices, flows, changes):
    """Play a case; return the ends of members and flows, and what members have received."""
    links = [Link(str(number), capacity, latency[number]) for number, capacity in enumerate(capacities)]
    places = 1 + max(max(pair) for pair in ways)
    wiring = Wiring(lambda a, b: tuple(links[link] for link in ways[a, b]))
    cluster = Cluster(tuple(Device(str(place)) for place in range(places)), wiring)
    for link in links:
        cluster._numbered(link)
    stage = Stage(capacities)
    posts, made = [], []
    for number, (each, there) in enumerate(zip(collectives, devices, strict=True)):
        kinds = {id(rows): of(rows) for rows in each.phases}
        placed = Placed(
            Collective(tuple(range(len(there))), [kinds[id(rows)] for rows in each.phases]),
            cluster,
            there,
            stage.network,
            TICKS,
        )
        played = player(placed, 100 * number + np.arange(len(there)), stage)
        made.append(played)
        posts += [(post, (played, member)) for member, post in enumerate(each.posts)]
    stage.play(
        by_time(posts),
        by_time([(start, (number, way, size, limit)) for number, (start, way, size, limit) in enumerate(flows)]),
        by_time([(time, (link, capacity)) for time, link, capacity in changes]),
    )
    members = [
        [stage.end_s((played, member)) for member in range(len(each.posts))]
        for played, each in zip(made, collectives, strict=True)
    ]
    return members, [stage.end_s(number) for number in range(len(flows))], stage.log.columns()


def of(rows):
    source, target, size, flows = zip(*rows, strict=True)
    return phase(source, target, np.array(size))._replace(flows=np.array(flows))


def differences(seed, number):
    """Yield what differs in one case."""
    given = case(seed, number)
    capacities, _, _, collectives, _, flows, changes = given
    members, ends, _ = ours(*given)
    wanted = plain_collectives.ends(capacities, collectives, flows, changes)
    for place, (mine, theirs) in enumerate(zip([*members, ends], [*wanted[0], wanted[1]], strict=True)):
        for row, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            if one != other and not abs(one - other) <= NEAR * max(1.0, other):
                yield f"case {number}, {place}, {row}: {one!r}, but {other!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    asked = parser.parse_args()
    for number in range(asked.start, asked.start + asked.count):
        for line in differences(asked.seed, number):
            print(line)


if __name__ == "__main__":
    main()
