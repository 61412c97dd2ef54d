r"""Fat-tree: levels of switches, with as many links up as the traffic below wants, or fewer.

k: 4            (c0) (c1) (c2) (c3)                core: k^2 / 4 switches, each with a link to every pod
                  \    |    |    /
            +--(a)  (a)--+  +--(a)  (a)--+  ...    k pods of k / 2 aggregation and k / 2 edge switches
            |  (e)  (e)  |  |  (e)  (e)  |
            +--||----||--+  +--||----||--+
               w0 w1 w2 w3     w4 w5 w6 w7         k / 2 devices an edge switch, k^3 / 4 in all

levels: [{down: 8, up: 4}, {down: 4}]              any tree: a switch of the lowest level has 8 devices and 4 links up,
                                                   which lead to 4 switches with 4 links down each: 32 devices

Links up carry what the devices below send, divided by `oversubscription`: bandwidth of a link up = down links *
bandwidth of each / (up links * oversubscription). Names: `w0.up`, `edge0.up1` (way 1 out of edge switch 0), `pod0.up3`
(way 3 out of pod 0), for `levels` `level1.0.up1`. `routing` picks the way at each level (see `hashing`); by default
the target's number modulo the ways, D-mod-k. The host is at the top, and has no link of its own. Leiserson,
Fat-Trees, IEEE Trans. Computers C-34, 1985; Al-Fares, Loukissas, Vahdat, A Scalable, Commodity Data Center Network
Architecture, SIGCOMM 2008.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsim.core.errors import Complaint, Invalid
from parsim.core.schema import Count, Positive
from parsim.core.units import BytesPerSecond, Seconds
from parsim.core.wiring import Wiring
from parsim.topologies import topologies
from parsim.topologies.changes import Changes, changed
from parsim.topologies.hashing import Routing
from parsim.topologies.tree import Stage, tree


@dataclass(frozen=True)
class Level:
    """The switches of one level.

    Parameters
    ----------
    down : links down of each switch, to devices or to switches of the level below.
    up : links up of each switch, each to another switch of the level above; left out: as many as down. None at the top.
    oversubscription : bytes a second of its links down over those of its links up; left out: 1. None at the top.
    bandwidth : bytes a second of each link up, in place of oversubscription. None at the top.
    latency : seconds of each link up; left out: that of the devices' links.
    """

    down: Count
    up: Count | None = None
    oversubscription: Positive | None = None
    bandwidth: BytesPerSecond | None = None
    latency: Seconds | None = None


def devices_of(k: int | None, levels: list[Level] | None) -> int | None:
    """Return how many devices the tree has."""
    return math.prod(level.down for level in levels) if levels else k and k**3 // 4


@topologies.add("fat_tree", devices=devices_of)
def fat_tree(
    places: tuple[str, ...],
    bandwidth: BytesPerSecond,
    latency: Seconds = 0.0,
    k: Count | None = None,
    levels: list[Level] | None = None,
    oversubscription: Positive | list[Positive] | None = None,
    up: BytesPerSecond | None = None,
    routing: Routing = "ecmp-target",
    changes: Changes = None,
) -> Wiring:
    """Wire devices by a tree of switches.

    Parameters
    ----------
    places : the devices' names, then the host's.
    bandwidth : bytes a second of each link of a device.
    latency : seconds of each link.
    k : ports of every switch of a tree with three levels; even.
    levels : the switches of each level from the devices upwards, in place of k.
    oversubscription : of the links above the edge switches, and of those above the pods, where k is given: one number
        for both, or a list of two; left out: 1.
    up : bytes a second of each link from a device to its switch; left out: bandwidth.
    routing : which of several ways a transfer takes: ecmp-target, the target's number modulo the ways; ecmp-pair, a
        hash of source and target modulo the ways; single, the first.
    changes : links that differ from the others.

    >>> places = (*(f"w{index}" for index in range(16)), "host")
    >>> wiring = fat_tree(places, bandwidth=1e9, k=4, oversubscription=[1.0, 2.0])
    >>> for link in wiring.route(0, 15): print(link.name, link.bandwidth / 1e9)
    w0.up 1.0
    edge0.up1 1.0
    pod0.up3 0.5
    pod3.down3 0.5
    edge7.down1 1.0
    w15.down 1.0
    """
    complaints = list(_about(len(places) - 1, k, levels, oversubscription))
    if complaints:
        raise Invalid(complaints)
    rows = levels if levels is not None else _of_ports(k or 0, oversubscription)
    names = [f"level{number}." for number in range(1, len(rows))] if levels is not None else ["edge", "pod"]
    stages = [Stage("", 1, 1, bandwidth if up is None else up, bandwidth, latency)]
    size = 1
    for name, row in zip(names, rows, strict=False):
        size, links = size * row.down, row.up or row.down
        each = row.down * stages[-1].down / (links * (row.oversubscription or 1.0))
        each = each if row.bandwidth is None else row.bandwidth
        far = latency if row.latency is None else row.latency
        stages.append(Stage(name, size, links * stages[-1].ways, each, each, far))
    return changed(tree(places, stages, routing), len(places), changes)


def _of_ports(k: int, oversubscription: float | list[float] | None) -> list[Level]:
    """Return the levels of a tree of switches with *k* ports."""
    edge, pod = oversubscription if isinstance(oversubscription, list) else (oversubscription, oversubscription)
    return [Level(k // 2, k // 2, edge), Level(k // 2, k // 2, pod), Level(k)]


def _about(
    devices: int, k: int | None, levels: Sequence[Level] | None, oversubscription: object
) -> Iterator[Complaint]:
    if (k is None) == (levels is None):
        yield Complaint((), "wants k, or levels, for example k: 4", "key")
    elif levels is not None:
        yield from _about_levels(devices, levels)
        if oversubscription is not None:
            yield Complaint(("oversubscription",), "belongs to k; write it in the rows of levels", "key")
    elif k is not None:
        if k % 2:
            yield Complaint(("k",), f"{k} ports are odd; half of them lead down: write an even number")
        elif k**3 // 4 != devices:
            words = f"a tree of {k}-port switches has {k**3 // 4} devices, but the cluster has {devices}"
            yield Complaint(("k",), f"{words}; write devices: {k**3 // 4}, or leave devices out")
        if isinstance(oversubscription, list) and len(oversubscription) != 2:
            words = f"has {len(oversubscription)} numbers for 2 levels of links up, above the edges and above the pods"
            yield Complaint(("oversubscription",), f"{words}; write for example [1, 2]")


def _about_levels(devices: int, levels: Sequence[Level]) -> Iterator[Complaint]:
    if not levels:
        yield Complaint(("levels",), "is empty; write for example [{down: 8, up: 4}, {down: 4}]")
        return
    for number, row in enumerate(levels):
        if row.oversubscription is not None and row.bandwidth is not None:
            words = "oversubscription follows from bandwidth; keep one of the two"
            yield Complaint(("levels", number, "oversubscription"), words, "key")
    for key in ("up", "oversubscription", "bandwidth", "latency"):
        if getattr(levels[-1], key) is not None:
            words = f"is about links up, but no level is above level {len(levels)}"
            words = f"{words}; add the missing level, or leave {key} out"
            yield Complaint(("levels", len(levels) - 1, key), words, "key")
    held = math.prod(level.down for level in levels)
    if held != devices:
        words = f"{' x '.join(str(level.down) for level in levels)} = {held} devices, but the cluster has {devices}"
        yield Complaint(("levels",), f"join {words}; add the missing level, or change down or devices")
