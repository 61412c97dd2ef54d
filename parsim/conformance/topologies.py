"""Rules for topologies: routes do not change, `alike` gives the same means as all routes, and flows use the routes.

A claimed `period` holds: of so many devices, five times tell of ten times.

Links with one name are one link, and no link is twice on a route.

a flow alone on its route lasts      sum of latencies + size / least bandwidth
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations, product, repeat
from typing import Any

import numpy as np

from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.conformance.profiles import profile
from parsim.core.cluster import HOST, Cluster, Device, Pairs, each_pair
from parsim.core.columns import NONE
from parsim.core.schema import Ask
from parsim.core.wiring import Link, Routes
from parsim.entries.checks import wiring
from parsim.hardware import claimed
from parsim.metrics.checker import check
from parsim.scenario.schema import check as read
from parsim.study.single import simulate
from parsim.topologies import topologies

GIVEN = ("places",)
SIZES = (1, 2, 3, 5)  # devices
SIZE = 3e6  # B, of a flow
NODE = {"bandwidth": "8 MB/s", "latency": "1 ms", "nics": 1, "nic": "2 MB/s", "nic_latency": "3 ms"}
SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {  # arguments that suit a number of devices
    "torus": lambda devices: {"sides": [devices]},
    "fat_tree": lambda devices: {"levels": [{"down": devices, "up": 2, "oversubscription": 2}, {"down": 1}]},
    "leaf_spine": lambda devices: {"per_leaf": 2, "spines": 2, "oversubscription": 2},
    "islands": lambda devices: {"per_node": 2, **NODE},
    "rail": lambda devices: {"per_node": 2 - devices % 2, "nodes_per_leaf": 2, "spines": 2, **NODE},
}


def cases(entry: str) -> list[Case]:
    """Return the cases of a topology."""
    claim = [Case("the claimed period", partial(repeats, entry))] if "period" in topologies.claims(entry) else []
    return [
        case
        for devices in SIZES
        for case in (
            Case(f"routes between {devices} devices and the host", partial(routes, entry, devices)),
            Case(f"flows between {devices} devices and the host", partial(flows, entry, devices)),
        )
    ] + claim


def wired(entry: str, devices: int) -> Cluster:
    """Wire a number of devices, with checked routes."""
    made, bare = topologies[entry], Cluster(tuple(Device(f"w{index}") for index in range(devices)))
    answer = made(**read(made, asked(made, GIVEN, samples(entry, devices)), GIVEN), places=bare.places)
    return Cluster(bare.devices, wiring(who_of("topologies", entry, "topology"), {"places": bare.places}, answer))


def samples(entry: str, devices: int) -> dict[str, Any]:
    """Return arguments for topologies that read a file or name the devices; empty for others."""
    if entry == "shared_memory":
        return {"profile": profile()}
    if entry in SHAPES:
        return SHAPES[entry](devices)
    if entry != "custom":
        return {}
    ends = list(permutations([*(f"w{index}" for index in range(devices)), HOST], 2))
    links = [{"name": f"L{index}", "bandwidth": f"{index + 1} MB/s", "latency": "1 ms"} for index in range(3)]
    over = [["L0"], ["L1", "L2"], ["L2"]]
    return {"links": links, "routes": [{"from": a, "to": b, "over": over[i % 3]} for i, (a, b) in enumerate(ends)]}


def routes(entry: str, devices: int) -> Found:
    """Get every route twice."""
    cluster = wired(entry, devices)
    ways = {ends: cluster.wiring.route(*ends) for ends in permutations(range(devices + 1), 2)}
    changed = [ends for ends, way in ways.items() if cluster.wiring.route(*ends) != way]
    names = [f"{cluster.places[a]} to {cluster.places[b]}" for a, b in changed]
    known = sum(way is not None for way in ways.values())
    broken = [f"the route from {name} differs when asked for again" for name in names]
    broken += [] if known else ["has no route between any two places"]
    if not broken:
        broken += arrays_differ(cluster, list(ways))
    if not broken and not means_agree(cluster):
        broken.append("alike yields pairs or counts that do not cover all routes")
    return found(broken, f"{known} of {len(ways)} routes")


def repeats(entry: str) -> Found:
    """Compare five claimed periods of devices with ten: each link of the five stands for two equal ones of the ten.

    Only routes to the next period count: longer ones may differ.
    """
    arguments = read(topologies[entry], asked(topologies[entry], GIVEN, samples(entry, 4)), GIVEN)
    period = claimed(Ask(entry, topologies[entry], arguments), "period")
    if period is None:
        return found([], "no period with these arguments")
    few, many = 5 * period, 10 * period
    small, large, stands_for, broken = wired(entry, few), wired(entry, many), dict[Link, Link](), list[str]()
    for source, apart in product(range(many), range(-period, period + 1)):
        target = (source + apart) % many
        if not apart or source % few == target % few:
            continue
        way, one = large.wiring.route(source, target) or (), small.wiring.route(source % few, target % few) or ()
        if len(way) != len(one):
            broken.append(f"the route from w{source} to w{target} of {many} has another number of links than in {few}")
        for link, model in zip(way, one, strict=False):
            if stands_for.setdefault(link, model) != model or link != model._replace(name=link.name):
                broken.append(f"link {link.name} of {many} devices is not like {model.name} of {few}")
    if not broken and set(Counter(stands_for.values()).values()) - {2}:
        broken.append(f"some links of {few} devices do not stand for two of {many}, as a link that all share")
    return found(list(dict.fromkeys(broken)), f"{period} devices, {len(stands_for)} links")


def arrays_differ(cluster: Cluster, ends: list[tuple[int, int]]) -> list[str]:
    """Say how routes of many pairs at once differ from those of each."""
    route = cluster.wiring.route
    if not isinstance(route, Routes) or not ends:
        return []
    numbers = route.numbers(*np.array(ends).T)
    used = [number for number in np.unique(numbers).tolist() if number != NONE]
    if not 0 <= min(used) <= max(used) < route.count:
        return [f"numbers links from {min(used)} to {max(used)}, but there are {route.count}"]
    if len({route.link(number).name for number in used}) < len(used):
        return ["two links have one name"]
    many = dict(zip(ends, route.many(*np.array(ends).T), strict=True))
    return [f"the route {pair} differs when asked for with others" for pair in ends if many[pair] != route(*pair)]


def means_agree(cluster: Cluster) -> bool:
    """Check that `alike` agrees with all routes between devices, and from and to the host."""
    devices, host = tuple(range(cluster.host)), (cluster.host,)
    sides = [devices, devices[:1], devices[1:], host]
    return all(
        Counter(_sorts(cluster, cluster.wiring.alike(some, others)))
        == Counter(_sorts(cluster, each_pair(some, others)))
        for some, others in product(sides, sides)
    )


def _sorts(cluster: Cluster, pairs: Pairs) -> Iterator[tuple[float, float]]:
    """Yield latency and bandwidth of each of *pairs* that has a route."""
    for source, target, count in pairs:
        path = cluster.path(source, target)
        if path is not None:
            yield from repeat((path.latency, path.bandwidth), count)


def flows(entry: str, devices: int) -> Found:
    """Send a flow along every route: first in sequence, then all together."""
    cluster = wired(entry, devices)
    ends = [pair for pair in permutations(range(devices + 1), 2) if cluster.path(*pair) is not None]
    alone = [path.seconds(SIZE) for pair in ends if (path := cluster.path(*pair))]
    apart = 2 * math.fsum(alone)
    topology = {"kind": entry, **asked(topologies[entry], GIVEN, samples(entry, devices))}
    broken: list[str] = []
    for pause in (apart, 0.0):
        rows = [
            {
                "name": f"{cluster.places[a]}-{cluster.places[b]}",
                "from": cluster.places[a],
                "to": cluster.places[b],
                "size": f"{SIZE:g} B",
                "start": f"{index * pause!r} s",
            }
            for index, (a, b) in enumerate(ends)
        ]
        work = {"kind": "transfers", "flows": rows}
        played = simulate({"cluster": {"devices": devices, "topology": topology}, "workload": work})
        broken += check(played.job, played.timeline)
        lasted = played.timeline.end_s - played.timeline.start_s
        for number, name, seconds in zip(played.timeline.number, played.timeline.task, lasted, strict=True):
            if pause and not math.isclose(seconds, alone[number], rel_tol=1e-6):
                broken.append(f"flow {name} takes {seconds:g} s alone, not {alone[number]:g} s")
    return found(broken)
