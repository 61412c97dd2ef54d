r"""Trees of switches: the routes of a leaf-spine and of fat-trees.

    level 2         (spine 0)  (spine 1)        a group of level i has the devices below one switch of level i, and all
                     |     \  /      |          ways out of it: here two
    level 1         (leaf 0)  (leaf 1)
                     |    |    |    |           way of a transfer at each level = hash modulo the ways there
    level 0          w0   w1   w2   w3

With the hash of the target it is the D-mod-k routing of InfiniBand: Zahavi, Fat-Tree Routing and Node Ordering,
J. Parallel Distrib. Comput. 72, 2012. The trees are the extended generalised fat trees of Oehring et al., On
Generalized Fat Trees, IPPS 1995. The host is at the top, and has no link of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from parsim.core.alike import nested
from parsim.core.columns import NONE, Ints
from parsim.core.sketch import Sketch, Wire, row
from parsim.core.wiring import Link, Routes, Tier, Wiring
from parsim.topologies.hashing import Routing, hashed


class Stage(NamedTuple):
    """The links between two levels: each group below has `ways` up and as many down."""

    name: str  # of a group below; empty: of a device
    size: int  # devices of a group
    ways: int
    up: float  # B/s of each link
    down: float
    latency: float


def tree(places: tuple[str, ...], stages: Sequence[Stage], routing: Routing, top: str = "top") -> Wiring:
    """Wire devices by the stages of a tree, from the devices upwards; drawings call the highest switches *top*.

    >>> stages = [Stage("", 1, 1, 1e9, 1e9, 0.0), Stage("leaf", 2, 2, 5e8, 5e8, 0.0)]
    >>> [link.name for link in tree(("w0", "w1", "w2", "w3", "host"), stages, "ecmp-target").route(1, 2)]
    ['w1.up', 'leaf0.up0', 'leaf1.down0', 'w2.down']
    """
    host = len(places) - 1
    groups = [-(-host // stage.size) for stage in stages]
    first = [0, *accumulate(count * stage.ways for count, stage in zip(groups, stages, strict=True))]

    def numbers(sources: Ints, targets: Ints) -> Ints:
        code, most = hashed(routing, sources, targets), len(stages)
        meet = np.full(len(sources), most)
        for level in range(most - 1, 0, -1):
            meet[sources // stages[level].size == targets // stages[level].size] = level
        meet[(sources == host) | (targets == host)] = most
        rows = np.full((len(sources), 2 * most), NONE)
        for level, stage in enumerate(stages):
            for column, ends, way in ((level, sources, 0), (2 * most - 1 - level, targets, 1)):
                here = (level < meet) & (ends != host)
                link = first[level] + ends // stage.size * stage.ways + code % stage.ways
                rows[here, column] = 2 * link[here] + way
        return rows

    def link(number: int) -> Link:
        at, down = divmod(number, 2)
        level = next(level for level in range(len(stages)) if at < first[level + 1])
        stage = stages[level]
        group, way = divmod(at - first[level], stage.ways)
        name = f"{stage.name}{group}.{WAYS[down]}{way}" if stage.name else f"{places[group]}.{WAYS[down]}"
        return Link(name, stage.down if down else stage.up, stage.latency)

    sizes = tuple(stage.size for stage in stages[1:])
    tiers = tuple(Tier(stage.name, stage.size) for stage in stages[1:])
    routes = Routes(numbers, link, 2 * first[-1])
    return Wiring(routes, nested(host, sizes), tiers=tiers, sketch=lambda: _sketch(places[:-1], stages, first, top))


def _sketch(names: Sequence[str], stages: Sequence[Stage], first: Sequence[int], top: str) -> Sketch:
    """Return the drawing: devices in a row, and above them a row for each level of switches."""
    devices, gap = len(names), max(2.5, len(names) / 14)
    spots, below, wires = row(names, 0, devices, 0.0, "device"), [0], list[Wire]()
    for level, stage in enumerate(stages):
        last = level + 1 == len(stages)
        size = devices if last else stages[level + 1].size
        start = [len(spots) + group * stage.ways for group in range(-(-devices // size))]
        for group in range(len(start)):
            mine = [f"{top}{way}" for way in range(stage.ways)]
            called = mine if last else _called(stages[level + 1].name, group, stage.ways)
            spots += row(called, group * size, min((group + 1) * size, devices), gap * (level + 1), "switch")
        inner = stages[level - 1].ways if level else 1  # switches of a group below
        for group in range(-(-devices // stage.size)):
            for way in range(stage.ways):
                number = 2 * (first[level] + group * stage.ways + way)
                source = below[group] + way % inner if level else group
                target = start[group * stage.size // size] + way
                wires.append(Wire((number, number + 1), source, target, stage.name.strip(".") or "devices"))
        below = start
    return Sketch(tuple(spots), tuple(wires))


def _called(name: str, group: int, ways: int) -> list[str]:
    """Return the names of the switches of a group."""
    return [f"{name}{group}.{way}" for way in range(ways)] if ways > 1 else [f"{name}{group}"]


WAYS = ("up", "down")
