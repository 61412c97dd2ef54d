"""Let random flows share random links, and compare every end with plain progressive filling.

python tests/random_flows.py --count 1000 --seed 0          a minute
python tests/random_flows.py --count 1 --start 231          number 231 alone
"""

import argparse
import math
import random
import sys

import plain_filling

from parsim.core.columns import NEVER
from parsim.sim import fair_rates
from parsim.sim.network import Network
from parsim.sim.ticks import Ticks

TICKS = Ticks(unit=63, digits=14)
NEAR = 1e-9  # of an end


def case(seed, number):
    """Return capacities, flows and changes of capacity; one number, one case."""
    draw = random.Random(f"{seed} {number}")
    links = draw.randrange(1, 14)
    amounts = draw.choice([(1.0,), (1.0, 2.0, 3.0), (0.1, 0.7, 3.9, 4.1)])
    even = draw.random() < 0.5  # few values, so that much happens at once
    capacities = [amount(draw, amounts, even) for _ in range(links)]
    weights = draw.choice([(1.0,), (1.0, 2.0, 3.0), (0.5, 1.0, 1.7)])
    longest = draw.choice([1, 2, 2, 2, 4, 8])
    spread = draw.choice([0, 2, 9])
    flows = []
    for _ in range(draw.choice([3, 10, 30, 60])):
        ways = tuple((draw.randrange(links), draw.choice(weights)) for _ in range(draw.randrange(longest) + 1))
        ways = tuple(dict(ways).items())
        limit = amount(draw, amounts, even) / 2 if draw.random() < 0.2 else math.inf
        size = 0.0 if draw.random() < 0.05 else 5 * amount(draw, amounts, even)
        start = float(draw.randrange(spread + 1)) if even else draw.uniform(0, spread)
        flows.append((start, () if draw.random() < 0.02 else ways, size, limit))
    changes = []
    for _ in range(draw.choice([0, 0, 1, 5])):
        time, link = draw.uniform(0, 9), draw.randrange(links)
        time = float(round(time)) if even else time
        changes.append((time, link, 0.0 if draw.random() < 0.3 else amount(draw, amounts, even)))
    return capacities, flows, changes


def amount(draw, amounts, even):
    return draw.choice(amounts) * (1.0 if even else draw.uniform(0.5, 2.0))


def ends(capacities, flows, changes, Network=Network):
    """Play the case; return each flow's end, infinite if it never ends."""
    network = Network(capacities, TICKS)
    events = sorted(
        [(TICKS.of(time), 0, number) for number, (time, _, _) in enumerate(changes)]
        + [(TICKS.of(flow[0]), 1, number) for number, flow in enumerate(flows)],
        reverse=True,
    )
    found, first = dict.fromkeys(range(len(flows)), math.inf), NEVER
    instants, most = 0, 4 * len(events)
    while events or first != NEVER:
        instants += 1
        assert instants <= most, "time stands still"
        now = min(time for time in (first, events[-1][0] if events else NEVER) if time != NEVER)
        done = network.finished(now)
        assert done == sorted(done, key=lambda flow: (TICKS.of(flows[flow][0]), flow)), "ends come in order of joining"
        found |= dict.fromkeys(done, TICKS.seconds(now))
        while events and events[-1][0] <= now:
            _, joins, number = events.pop()
            if joins:
                network.join(number, *flows[number][1:], now)
            else:
                network.set_capacity(changes[number][1], changes[number][2], now)
        first = network.settle(now)
    return found


def differences(seed, number, Network=Network):
    """Yield a sentence for each flow that ends at another time."""
    some = case(seed, number)
    wanted, found = plain_filling.ends(*some), ends(*some, Network)
    for flow, end in found.items():
        if end != wanted[flow] and not abs(end - wanted[flow]) <= NEAR * wanted[flow]:
            yield f"seed {seed}, number {number}: flow {flow} ends at {end!r}, by plain filling at {wanted[flow]!r}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="the number of the first")
    asked = parser.parse_args(arguments)
    wrong = 0
    for few in (fair_rates.FEW, 0):  # link by link, and all anew by arrays
        fair_rates.FEW = few
        for number in range(asked.start, asked.start + asked.count):
            found = list(differences(asked.seed, number))
            wrong += bool(found)
            print("\n".join(found[:3]), end="\n" if found else "")
    print(f"{wrong} of {2 * asked.count} differ")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
