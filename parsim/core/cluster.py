"""What there is to compute on: devices, their workers, links and routes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

HOST = "host"


class Device(NamedTuple):
    """A machine of the cluster. `memory` is in bytes (infinite: no limit); each slot is one worker.

    `peak` FLOP/s and `bandwidth` B/s of its memory are those of one worker; NaN: not known.
    """

    name: str
    speed: float = 1.0
    memory: float = math.inf
    slots: int = 1
    peak: float = math.nan
    bandwidth: float = math.nan


class Worker(NamedTuple):
    """One compute slot; `device` is the device's index."""

    name: str
    device: int


class Link(NamedTuple):
    """One shared resource of the network: B/s and seconds."""

    name: str
    bandwidth: float
    latency: float = 0.0


Route = tuple[int, ...]  # the links' indices, in the order of travel


class Wiring(NamedTuple):
    """What a topology answers: its links, and the way from one place to another.

    Places are device indices; the host is the index after the last device. `route` returns None where no way leads.
    """

    links: tuple[Link, ...]
    route: Callable[[int, int], Route | None]


def no_way(source: int, target: int) -> Route | None:
    """Wire nothing: the cluster without a topology."""
    return None


UNWIRED = Wiring((), no_way)


class Path(NamedTuple):
    """A route as one transfer alone on it sees it."""

    links: Route
    latency: float  # s
    bandwidth: float  # B/s, the least of its links

    def seconds(self, size: float, limit: float = math.inf) -> float:
        """Return the nominal seconds of *size* bytes: latency + size / min(bandwidth, limit)."""
        return self.latency + size / min(self.bandwidth, limit)


@dataclass(frozen=True)
class Cluster:
    """Devices and their wiring."""

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

    @property
    def host(self) -> int:
        """The place of the coordinator."""
        return len(self.devices)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The name of every place: the devices', then the host's."""
        return (*(device.name for device in self.devices), HOST)

    @cached_property
    def _paths(self) -> dict[tuple[int, int], Path | None]:
        return {}

    def path(self, source: int, target: int) -> Path | None:
        """Return the way between two distinct places, or None where there is none."""
        key = (source, target)
        if key not in self._paths:
            links = self.wiring.route(source, target)
            self._paths[key] = None if links is None else self._path(links)
        return self._paths[key]

    def _path(self, links: Route) -> Path:
        used = [self.wiring.links[link] for link in links]
        return Path(
            links, math.fsum(link.latency for link in used), min((link.bandwidth for link in used), default=math.inf)
        )
