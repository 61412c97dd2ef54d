"""How places are wired: links, and the routes over them.

    w0 ==w0.up==> (switch) ==w1.down==> w1       route (0, 1): links w0.up, w1.down

A topology answers with a `Wiring`. Links and routes are made when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from parsim.core.columns import NONE, Bools, Floats, Ints
from parsim.core.sketch import Sketch

Places = tuple[int, ...]
Pairs = Iterator[tuple[int, int, int]]  # source, target, and how many pairs the pair stands for
Place = TypeVar("Place", int, Ints)


class Link(NamedTuple):
    """One shared resource of the network.

    `bandwidth` (B/s) counts from 0 s on, and for nominal seconds. Each row of `profile` is a time (s, ascending) and
    the bandwidth from then on, which may be 0 for a while.
    """

    name: str
    bandwidth: float
    latency: float = 0.0
    profile: tuple[tuple[float, float], ...] = ()

    def __repr__(self) -> str:
        """Write the profile only where there is one."""
        profile = f", profile={self.profile}" if self.profile else ""
        return f"Link(name={self.name!r}, bandwidth={self.bandwidth}, latency={self.latency}{profile})"

    @property
    def most(self) -> float:
        """The most B/s that it ever carries."""
        return max([self.bandwidth, *(rate for _, rate in self.profile)])

    def times(self, bandwidth: float, latency: float) -> Link:
        """Return the link with its bandwidth and its latency multiplied."""
        profile = tuple((start, bandwidth * rate) for start, rate in self.profile)
        return Link(self.name, bandwidth * self.bandwidth, latency * self.latency, profile)


Route = tuple[Link, ...]  # in travel order


def alone(route: Route) -> tuple[float, float]:
    """Return the latency and the bandwidth of a transfer that is alone on its route."""
    return math.fsum(link.latency for link in route), min((link.bandwidth for link in route), default=math.inf)


@dataclass(frozen=True)
class Routes:
    """Routes as arrays. The links of a topology are numbered; called with two places, it returns one route.

    Parameters
    ----------
    numbers : the numbers of the links from *sources* to *targets*, (pairs, hops), in travel order; NONE: no link.
    link : the link with a number.
    count : how many links there are.

    >>> hub = Routes(lambda sources, targets: np.stack([2 * sources, 2 * targets + 1], axis=1),
    ...              lambda number: Link(f"w{number // 2}.{('up', 'down')[number % 2]}", 1e9), 8)
    >>> hub.numbers(np.array([0, 3]), np.array([1, 1])).tolist(), [link.name for link in hub(0, 1)]
    ([[0, 3], [6, 3]], ['w0.up', 'w1.down'])
    """

    numbers: Callable[[Ints, Ints], Ints]
    link: Callable[[int], Link]
    count: int

    def __call__(self, source: int, target: int) -> Route | None:
        """Return the links from one place to another, or None if there is no way."""
        return self.many(np.array([source]), np.array([target]))[0]

    def many(self, sources: Ints, targets: Ints) -> list[Route | None]:
        """Return the route of each pair; each link is made once."""
        rows = self.numbers(sources, targets).tolist()
        made = {number: self.link(number) for number in {number for row in rows for number in row} - {NONE}}
        return [tuple([made[number] for number in row if number != NONE]) or None for row in rows]


class Crossed(NamedTuple):
    """The links that transfers between pairs of places cross."""

    rows: Ints  # (pairs, hops) places in `links`, in travel order; NONE: no link
    links: list[Link]
    missing: Bools  # (pairs,) whether there is no way

    @property
    def latency(self) -> Floats:
        """The s before a transfer moves, (pairs,); as `alone`, to the bit."""
        each = np.array([*(link.latency for link in self.links), 0.0])
        rows = [*map(tuple, each[self.rows].tolist())]
        known = {row: math.fsum(row) for row in dict.fromkeys(rows)}
        return np.array([known[row] for row in rows], np.float64)


class Tier(NamedTuple):
    """A tier of a topology: groups of neighbouring devices that are nearer to each other than to others.

    Group k has the devices from k x size on, `size` of them; the last one may have fewer.
    """

    name: str  # node, pod, row
    size: int


def each_pair(sources: Places, targets: Places) -> Pairs:
    """Yield every pair of distinct places; each stands for itself."""
    return ((a, b, 1) for a in sources for b in targets if a != b)


def unit_weight(source: int, target: int, link: str) -> float:
    """Return 1: a transfer stands only for itself."""
    return 1.0


class Wiring(NamedTuple):
    """The answer of a topology: `route` returns the links on the way from one place to another.

    Places are device indices; the host is the index after the last device. `route` returns None if there is no way.
    Links are made on request; links with the same name are the same link. The topologies of the package give `Routes`,
    which answer for arrays of places, too.

    `alike` is for large clusters. It yields one pair of places for all connected pairs of *sources* and *targets* whose
    ways take equally long. Without it, a mean over all pairs asks for each route.

    `weight` returns the weight of a transfer on a link of its route, given the link's name. A transfer that stands for
    eight equal ones has weight 8 on a link that all eight cross, and 1 if each of them has its own link.

    `tiers` are the topology's groups of devices, innermost first; the first tier is the node. `sketch` says how it is
    drawn.
    """

    route: Callable[[int, int], Route | None]
    alike: Callable[[Places, Places], Pairs] = each_pair
    weight: Callable[[int, int, str], float] = unit_weight
    tiers: tuple[Tier, ...] = ()
    sketch: Callable[[], Sketch] = Sketch

    def crossed(self, sources: Ints, targets: Ints) -> Crossed:
        """Return the links between pairs of distinct places; without a Path for each, many cost little.

        >>> one = Link("wire", 1e9)
        >>> up = Wiring(lambda source, target: (one,) if source < target else None)
        >>> ways = up.crossed(np.array([0, 1]), np.array([1, 0]))
        >>> ways.rows.tolist(), [link.name for link in ways.links], ways.missing.tolist()
        ([[0], [-1]], ['wire'], [False, True])
        """
        if isinstance(self.route, Routes):
            numbers = self.route.numbers(sources, targets)
            known, rows = np.unique(numbers, return_inverse=True)
            links = [self.route.link(number) for number in known[known != NONE].tolist()]
            return Crossed(rows.reshape(numbers.shape) - int(NONE in known[:1]), links, (numbers == NONE).all(axis=1))
        found = [self.route(*pair) for pair in zip(sources.tolist(), targets.tolist(), strict=True)]
        ways = [way or () for way in found]
        links = list({link.name: link for way in ways for link in way}.values())
        number = {link.name: place for place, link in enumerate(links)}
        rows = np.full((len(ways), max(map(len, ways), default=0)), NONE)
        for row, way in enumerate(ways):
            rows[row, : len(way)] = [number[link.name] for link in way]
        return Crossed(rows, links, np.array([way is None for way in found], dtype=bool))

    def times(self, bandwidth: float) -> Wiring:
        """Return the same wiring with the bandwidths of all links multiplied."""
        route = self.route
        if isinstance(route, Routes):
            return self._replace(route=replace(route, link=lambda number: route.link(number).times(bandwidth, 1.0)))

        def other(source: int, target: int) -> Route | None:
            links = route(source, target)
            return None if links is None else tuple(link.times(bandwidth, 1.0) for link in links)

        return self._replace(route=other)

    def weights(self, sources: Ints, targets: Ints, links: list[str]) -> Floats:
        """Return the weight of transfers on links, given by name, of their routes, (crossings,)."""
        if self.weight is unit_weight:
            return np.ones(len(sources))
        return np.array(list(map(self.weight, sources.tolist(), targets.tolist(), links)))

    def group(self, place: Place, tier: int = 0) -> Place:
        """Return the group of a device, or of an array of them, at a tier; without tiers a device is its own group.

        >>> Wiring(no_way, tiers=(Tier("node", 8),)).group(17), UNWIRED.group(17)
        (2, 17)
        """
        return place // self.tiers[tier].size if self.tiers else place


def no_way(source: int, target: int) -> Route | None:
    """Return None: a cluster without a topology has no routes."""
    return None


def no_pairs(sources: Places, targets: Places) -> Pairs:
    """Yield nothing: no two places are connected."""
    return iter(())


UNWIRED = Wiring(no_way, no_pairs)
