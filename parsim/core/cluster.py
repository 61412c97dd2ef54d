"""The cluster: devices, their workers, and the paths between them."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from parsim.core.columns import Bools, Ints
from parsim.core.rates import Rates
from parsim.core.wiring import UNWIRED as UNWIRED
from parsim.core.wiring import Link as Link
from parsim.core.wiring import Pairs as Pairs
from parsim.core.wiring import Places as Places
from parsim.core.wiring import Route as Route
from parsim.core.wiring import Routes as Routes
from parsim.core.wiring import Wiring as Wiring
from parsim.core.wiring import alone as alone
from parsim.core.wiring import each_pair as each_pair
from parsim.core.wiring import unit_weight as unit_weight

HOST = "host"


class Device(NamedTuple):
    """A device of the cluster. `memory` is in bytes (infinite: no limit); each slot is one worker.

    `peak` (FLOP/s), the `bandwidth` of its memory (B/s), and the `ceiling` that matrix products reach (FLOP/s) are
    those of one worker, `price` (USD an hour) and `power` (W) those of the device; NaN: unknown. While a worker
    communicates, it computes slower by the factor `overlap_slowdown`. A device may stand for several equal devices;
    `stands_for` is their number.
    """

    name: str
    speed: float = 1.0
    memory: float = math.inf
    slots: int = 1
    peak: Rates = Rates()
    bandwidth: float = math.nan
    ceiling: Rates = Rates()
    price: float = math.nan
    power: float = math.nan
    overlap_slowdown: float = 1.0
    stands_for: int = 1

    @property
    def limited(self) -> bool:
        """Whether the device has a limit of memory."""
        return self.memory < math.inf


class Worker(NamedTuple):
    """One compute slot; `device` is the device's index."""

    name: str
    device: int


Folding = Literal["auto", "on", "off"]
FOLDINGS: tuple[Folding, ...] = get_args(Folding)
Profile = tuple[tuple[float, float], ...]  # s from which on a link carries so many B/s, ascending
Ways = tuple[tuple[int, float], ...]  # the numbers of links, and the weight of a transfer on each


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


class Beyond(NamedTuple):
    """The cluster of which another one is a part."""

    wiring: Wiring
    numbers: Ints  # of the part's devices in it, (devices of the part,)


@dataclass(frozen=True)
class Cluster:
    """Devices and their wiring.

    A cluster of equal devices may contain one device that stands for all. A task, a transfer or a span then counts as
    often as its worker.
    """

    devices: tuple[Device, ...]
    wiring: Wiring = UNWIRED
    fold: Folding = "off"  # whether a workload may play devices that are alike once
    times: int = 1  # how many parts like this one the real cluster has, one beside the other along its data ranks
    beyond: Beyond | None = None  # the real cluster, if this is a part of it
    outlined: bool = False  # whether a workload that trains returns its program alone, without tasks

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
    def slows(self) -> bool:
        """Whether some device computes slower while it communicates."""
        return any(device.overlap_slowdown > 1.0 for device in self.devices)

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
    def prices(self) -> dict[Hashable, Any]:
        """What collectives take alone, as far as that has been asked for."""
        return {}

    @cached_property
    def sends(self) -> dict[Hashable, Any]:
        """The sends of phases of collectives on their links, as far as they have been asked for."""
        return {}

    @cached_property
    def profiles(self) -> dict[int, Profile]:
        """The profiles of those of `links` whose bandwidth changes; grows with them."""
        return {}

    @cached_property
    def _number(self) -> dict[str, int]:
        return {}

    @cached_property
    def _paths(self) -> dict[tuple[int, int], Path | None]:
        return {}

    def alike(self, sources: Places, targets: Places) -> Pairs:
        """Yield pairs of distinct places that stand for all from *sources* to *targets*; see `Wiring.alike`."""
        if len(sources) == len(targets) == 1:
            return iter([(*sources, *targets, 1)] if sources != targets else [])
        return self.wiring.alike(sources, targets)

    def travels(self, sources: Ints, targets: Ints) -> Bools:
        """Return whether what members of a collective on *sources* send to those on *targets* uses links, (pairs,).

        A device that stands for several sends to another of these where it seems to send to itself.
        """
        found: Bools = (sources != targets) | self._several[sources]
        return found

    @cached_property
    def _several(self) -> Bools:
        """Whether each device stands for several, (devices,)."""
        return np.array([device.stands_for > 1 for device in self.devices], dtype=bool)

    def path(self, source: int, target: int) -> Path | None:
        """Return the path between two distinct places, or None if there is none."""
        key = (source, target)
        if key not in self._paths:
            self._paths[key] = self._path(source, target, self.wiring.route(source, target))
        return self._paths[key]

    def paths(self, sources: Ints, targets: Ints) -> list[Path | None]:
        """Return the paths between pairs of distinct places; many are made in less time than one by one."""
        pairs = list(zip(sources.tolist(), targets.tolist(), strict=True))
        route = self.wiring.route
        if isinstance(route, Routes):
            new = [pair for pair in dict.fromkeys(pairs) if pair not in self._paths]
            ends = np.array(new, np.int64).reshape(-1, 2).T
            for pair, links in zip(new, route.many(*ends), strict=True):
                self._paths[pair] = self._path(*pair, links)
        return [self.path(*pair) for pair in pairs]

    def quickest(self, path: Path, size: float) -> float:
        """Return the seconds of *size* bytes on a path if its links carry all the time the most that they ever do."""
        return path.latency + size / min((self.links[link].most for link in path.links), default=math.inf)

    def _path(self, source: int, target: int, route: Route | None) -> Path | None:
        if route is None:
            return None
        weight = self.wiring.weight
        ways = {self._numbered(link): weight(source, target, link.name) for link in route}
        return Path(tuple(ways.items()), *alone(route))

    def _numbered(self, link: Link) -> int:
        number = self._number.setdefault(link.name, len(self.links))
        if number == len(self.links):
            self.links.append(link)
            self.capacities.append(link.bandwidth)
            if link.profile:
                self.profiles[number] = link.profile
        return number
