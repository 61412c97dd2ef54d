"""Max-min fair rates by plain progressive filling, all anew at every change: slow, and easy to believe.

A flow is (start, ways, size, limit), ways are (link, weight); a change is (time, link, capacity).
"""

import math
from heapq import heapify, heappop, heappush

TIE = 1e-12  # levels this near (relative) are one level


def fair_rates(capacities, ways):
    """Return the max-min fair rate of each flow: raise all together; where a link is full, its flows stop.

    A link's level is what each flow still open on it gets if they split its rest. The lowest level of all is final;
    taking its flows out can only raise the levels of the others, which is why old levels may wait in a heap.
    """
    rest = dict(capacities)
    users = {link: [] for link in capacities}
    for flow, way in enumerate(ways):
        for link, weight in way:
            users[link].append((flow, weight))
    open_weight = {link: sum(weight for _, weight in flows) for link, flows in users.items()}
    open_flows = {link: len(flows) for link, flows in users.items()}
    levels = [(rest[link] / open_weight[link], link) for link, flows in users.items() if flows]
    heapify(levels)
    rates = {}
    while levels:
        level, full = lowest(levels, rest, open_weight, open_flows)
        stopped = []
        for link in full:
            for flow, _ in users[link]:
                if flow not in rates:
                    rates[flow] = level
                    stopped += ways[flow]
        for link, weight in stopped:
            rest[link] -= weight * level
            open_weight[link] -= weight
            open_flows[link] -= 1
    return [rates[flow] for flow in range(len(ways))]


def lowest(levels, rest, open_weight, open_flows):
    """Take the lowest level and all links at it off the heap; links without open flows go too."""
    least, full = math.inf, []
    while levels and levels[0][0] <= least * (1 + TIE):
        old, link = heappop(levels)
        if not open_flows[link]:
            continue
        level = rest[link] / open_weight[link]
        if level > old:
            heappush(levels, (level, link))
        else:
            least = min(least, level)
            full.append(link)
    return least, full


def ends(capacities, flows, changes=()):
    """Play *flows* in seconds; return each one's end, infinite if it never ends."""
    capacities = list(capacities)
    events = sorted(
        [(flow[0], 1, number) for number, flow in enumerate(flows)]
        + [(time, 0, number) for number, (time, _, _) in enumerate(changes)],
        reverse=True,
    )
    left, found, now = {}, {}, 0.0
    while left or events:
        rates = rates_of(capacities, [flows[number] for number in left])
        lasts = {number: left[number] / rate if rate else math.inf for number, rate in zip(left, rates, strict=True)}
        soonest = min(lasts.values(), default=math.inf)
        if soonest == math.inf and not events:
            return found | dict.fromkeys(left, math.inf)
        step = min(soonest, events[-1][0] - now if events else math.inf)
        done = [number for number, last in lasts.items() if last <= step * (1 + TIE)]
        for number, rate in zip(left, rates, strict=True):
            left[number] -= rate * step
        now = events[-1][0] if events and step < soonest else now + step
        for number in done:
            found[number] = now
            del left[number]
        while events and events[-1][0] <= now * (1 + 1e-15):
            _, joins, number = events.pop()
            if not joins:
                capacities[changes[number][1]] = changes[number][2]
            elif flows[number][2] and (flows[number][1] or flows[number][3] < math.inf):
                left[number] = flows[number][2]
            else:
                found[number] = now
    return found


def rates_of(capacities, flows):
    """Return the rates of flows with limits: a limit is a link that a flow has for itself."""
    limits = {-1 - number: limit for number, (_, _, _, limit) in enumerate(flows) if limit < math.inf}
    ways = [
        [*dict(ways).items(), *([(-1 - number, 1)] if limit < math.inf else [])]
        for number, (_, ways, _, limit) in enumerate(flows)
    ]
    return fair_rates(dict(enumerate(capacities)) | limits, ways)
