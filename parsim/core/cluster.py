"""What there is to compute on: devices, their workers, links and routes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Ints

HOST = "host"


class Device(NamedTuple):
    """A machine of the cluster. `memory` is in bytes (infinite: no limit); each slot is one worker.

    `peak` FLOP/s and `bandwidth` B/s of its memory are those of one worker; NaN: not known. A device that is played
    for several equal ones `stands_for` so many.
    """

    name: str
    speed: float = 1.0
    memory: float = math.inf
    slots: int = 1
    peak: float = math.nan
    bandwidth: float = math.nan
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


Route = tuple[Link, ...]  # in the order of travel
Places = tuple[int, ...]
Pairs = Iterator[tuple[int, int, int]]  # source, target, and for how many pairs the two stand
Ways = tuple[tuple[int, float], ...]  # the numbers of links, and how much a transfer weighs on each


def each_pair(sources: Places, targets: Places) -> Pairs:
    """Yield every pair of distinct places, each for itself."""
    return ((a, b, 1) for a in sources for b in targets if a != b)


def unit_weight(source: int, target: int, link: str) -> float:
    """Return 1: a transfer stands for itself alone."""
    return 1.0


class Wiring(NamedTuple):
    """What a topology answers: `route`, the links on the way from one place to another.

    Places are device indices; the host is the index after the last device. `route` returns None where no way leads.
    Links are made when they are asked for; links of one name are one link.

    `alike` is for large clusters: of the pairs of *sources* and *targets* between which a way leads, it yields one for
    all whose ways take equally long. Without it, each pair is asked for its route where a mean over all is wanted.

    `weight` is how much a transfer weighs on a link of its route, given the link's name. A transfer that is played for
    eight equal ones weighs 8 on a link that all eight cross, and 1 where each has a link for itself.
    """

    route: Callable[[int, int], Route | None]
    alike: Callable[[Places, Places], Pairs] = each_pair
    weight: Callable[[int, int, str], float] = unit_weight


def one_for_all(host: int) -> Callable[[Places, Places], Pairs]:
    """Return `alike` of a wiring that tells no device from another.

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
    """Wire nothing: the cluster without a topology."""
    return None


UNWIRED = Wiring(no_way, lambda sources, targets: iter(()))


class Path(NamedTuple):
    """A route as one transfer alone on it sees it.

    Weights do not count for that: where eight share a link, each of them would be faster alone.
    """

    ways: Ways  # over `Cluster.links`, in the order of travel
    latency: float  # s
    bandwidth: float  # B/s, the least of its links

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

    A cluster of equal devices may hold one that stands for all. A task, a transfer or a span then counts as often as
    the worker that it belongs to.
    """

    devices: tuple[Device, ...]
    wiring: Wiring = UNWIRED

    @cached_property
    def workers(self) -> tuple[Worker, ...]:
        """Every compute slot, in order of devices."""
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
        """P of the theory: all workers, each as often as it stands for others."""
        return int(self.stands_for.sum())

    @cached_property
    def limited(self) -> tuple[int, ...]:
        """The indices of the devices that have a limit of memory."""
        return tuple(index for index, device in enumerate(self.devices) if device.limited)

    @property
    def host(self) -> int:
        """The place of the coordinator."""
        return len(self.devices)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The name of every place: the devices', then the host's."""
        return (*(device.name for device in self.devices), HOST)

    @cached_property
    def links(self) -> list[Link]:
        """The links met so far: `path` numbers each when a way takes it for the first time."""
        return []

    @cached_property
    def capacities(self) -> list[float]:
        """The B/s of `links`; it grows with them."""
        return []

    @cached_property
    def _number(self) -> dict[str, int]:
        return {}

    @cached_property
    def _paths(self) -> dict[tuple[int, int], Path | None]:
        return {}

    def path(self, source: int, target: int) -> Path | None:
        """Return the way between two distinct places, or None where there is none."""
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
    """Return latency and B/s of a transfer that is alone on its route."""
    return math.fsum(link.latency for link in route), min((link.bandwidth for link in route), default=math.inf)
