"""The cluster: devices, their workers, links and routes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Ints
from parsim.core.rates import Rates

HOST = "host"


class Device(NamedTuple):
    """A device of the cluster. `memory` is in bytes (infinite: no limit); each slot is one worker.

    `peak` (FLOP/s), the `bandwidth` of its memory (B/s), and the `ceiling` that matrix products reach (FLOP/s) are
    those of one worker; NaN: unknown. A device may stand for several equal devices; `stands_for` is their number.
    """

    name: str
    speed: float = 1.0
    memory: float = math.inf
    slots: int = 1
    peak: Rates = Rates()
    bandwidth: float = math.nan
    ceiling: Rates = Rates()
    stands_for: int = 1

    @property
    def limited(self) -> bool:
        """Whether the device has a limit of memory."""
        return self.memory < math.inf


class Worker(NamedTuple):
    """One compute slot; `device` is the device's index."""

    name: str
    device: int


class Link(NamedTuple):
    """One shared resource of the network: B/s and seconds."""

    name: str
    bandwidth: float
    latency: float = 0.0


Route = tuple[Link, ...]  # in travel order
Places = tuple[int, ...]
Pairs = Iterator[tuple[int, int, int]]  # source, target, and how many pairs the pair stands for
Ways = tuple[tuple[int, float], ...]  # the numbers of links, and the weight of a transfer on each


def each_pair(sources: Places, targets: Places) -> Pairs:
    """Yield every pair of distinct places; each stands for itself."""
    return ((a, b, 1) for a in sources for b in targets if a != b)


def unit_weight(source: int, target: int, link: str) -> float:
    """Return 1: a transfer stands only for itself."""
    return 1.0


class Wiring(NamedTuple):
    """The answer of a topology: `route` returns the links on the way from one place to another.

    Places are device indices; the host is the index after the last device. `route` returns None if there is no way.
    Links are made on request; links with the same name are the same link.

    `alike` is for large clusters. It yields one pair of *sources* and *targets* for all connected pairs whose ways take
    equally long. Without it, a mean over all pairs asks for each route.

    `weight` returns the weight of a transfer on a link of its route, given the link's name. A transfer that stands for
    eight equal ones has weight 8 on a link that all eight cross, and 1 if each of them has its own link.
    """

    route: Callable[[int, int], Route | None]
    alike: Callable[[Places, Places], Pairs] = each_pair
    weight: Callable[[int, int, str], float] = unit_weight


def one_for_all(host: int) -> Callable[[Places, Places], Pairs]:
    """Return the `alike` of a wiring in which all devices are equivalent.

    >>> list(one_for_all(host=3)((0, 1, 2), (1, 2))), list(one_for_all(host=3)((3,), (0, 1, 2)))
    ([(0, 1, 4)], [(3, 0, 3)])
    """

    def alike(sources: Places, targets: Places) -> Pairs:
        for some, others in product(_apart(sources, host), _apart(targets, host)):
            pairs = len(some) * len(others) - len(set(some).intersection(others))
            if pairs:
                yield next((a, b, pairs) for a in some for b in others if a != b)

    return alike


def _apart(places: Places, host: int) -> tuple[Places, Places]:
    """Return the devices among *places*, and the host."""
    return tuple(place for place in places if place != host), (host,) if host in places else ()


def no_way(source: int, target: int) -> Route | None:
    """Return None: a cluster without a topology has no routes."""
    return None


UNWIRED = Wiring(no_way, lambda sources, targets: iter(()))


class Path(NamedTuple):
    """A route, with the latency and bandwidth of a transfer that is alone on it.

    Weights do not count here: if eight transfers share a link, each of them would be faster alone.
    """

    ways: Ways  # over `Cluster.links`, in travel order
    latency: float  # s
    bandwidth: float  # B/s, the least bandwidth of its links

    @property
    def links(self) -> tuple[int, ...]:
        """The numbers of the links."""
        return tuple(link for link, _ in self.ways)

    def seconds(self, size: float, limit: float = math.inf) -> float:
        """Return the nominal seconds of *size* bytes: latency + size / min(bandwidth, limit)."""
        return self.latency + size / min(self.bandwidth, limit)


@dataclass(frozen=True)
class Cluster:
    """Devices and their wiring.

    A cluster of equal devices may contain one device that stands for all. A task, a transfer or a span then counts as
    often as its worker.
    """

    devices: tuple[Device, ...]
    wiring: Wiring = UNWIRED

    @cached_property
    def workers(self) -> tuple[Worker, ...]:
        """All compute slots, in the order of devices."""
        return tuple(
            Worker(device.name if device.slots == 1 else f"{device.name}.{slot}", index)
            for index, device in enumerate(self.devices)
            for slot in range(device.slots)
        )

    @cached_property
    def device_of_worker(self) -> tuple[int, ...]:
        """The index of each worker's device."""
        return tuple(worker.device for worker in self.workers)

    @cached_property
    def stands_for(self) -> Ints:
        """How many workers each worker stands for, itself included, (workers,)."""
        return np.array([self.devices[device].stands_for for device in self.device_of_worker])

    @cached_property
    def p(self) -> int:
        """P of the theory: the number of workers that all workers stand for."""
        return int(self.stands_for.sum())

    def without_limits(self) -> Cluster:
        """Return the same cluster with endless memory."""
        return replace(self, devices=tuple(device._replace(memory=math.inf) for device in self.devices))

    @cached_property
    def limited(self) -> tuple[int, ...]:
        """The indices of the devices that have a limit of memory."""
        return tuple(index for index, device in enumerate(self.devices) if device.limited)

    @property
    def host(self) -> int:
        """The place of the host."""
        return len(self.devices)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The names of all places: the devices, then the host."""
        return (*(device.name for device in self.devices), HOST)

    @cached_property
    def links(self) -> list[Link]:
        """The links used so far: `path` numbers a link when a way first takes it."""
        return []

    @cached_property
    def capacities(self) -> list[float]:
        """The bandwidths of `links` in B/s; the list grows with them."""
        return []

    @cached_property
    def _number(self) -> dict[str, int]:
        return {}

    @cached_property
    def _paths(self) -> dict[tuple[int, int], Path | None]:
        return {}

    def path(self, source: int, target: int) -> Path | None:
        """Return the path between two distinct places, or None if there is none."""
        key = (source, target)
        if key not in self._paths:
            self._paths[key] = self._path(source, target)
        return self._paths[key]

    def _path(self, source: int, target: int) -> Path | None:
        route = self.wiring.route(source, target)
        if route is None:
            return None
        weight = self.wiring.weight
        ways = tuple((self._numbered(link), weight(source, target, link.name)) for link in route)
        return Path(ways, *alone(route))

    def _numbered(self, link: Link) -> int:
        number = self._number.setdefault(link.name, len(self.links))
        if number == len(self.links):
            self.links.append(link)
            self.capacities.append(link.bandwidth)
        return number


def alone(route: Route) -> tuple[float, float]:
    """Return the latency and the bandwidth of a transfer that is alone on its route."""
    return math.fsum(link.latency for link in route), min((link.bandwidth for link in route), default=math.inf)
