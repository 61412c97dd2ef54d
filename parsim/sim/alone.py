"""What a collective takes alone on an idle network, where all its members begin at once: its price.

Where all sends of each phase begin and arrive together, the price is a sum over the phases; else they are played once.
"""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heappop, heappush
from itertools import count

import numpy as np

from parsim.core.cluster import Cluster, Ways
from parsim.core.collective import Collective
from parsim.core.columns import NEVER, Floats
from parsim.core.job import Job
from parsim.sim.in_step import Going
from parsim.sim.memory_bounds import devices_of
from parsim.sim.network import Network
from parsim.sim.outside import Played
from parsim.sim.placed import Placed
from parsim.sim.player import player
from parsim.sim.received import Log
from parsim.sim.ticks import SHARED, Ticks, finest, unit_of


def alone(collective: Collective, cluster: Cluster, devices: tuple[int, ...]) -> Floats:
    """Return the seconds of each member on *devices*, alone on an idle network, (members,).

    A member that stands for several takes the mean of theirs; only those of one group are on the network.
    """
    if collective.unfolded:
        phases, whole, every, member = collective.unfolded
        each = alone(collective._replace(phases=phases, members=every, unfolded=None), whole, every)
        return np.bincount(member, each) / np.bincount(member)
    number, prices = id(collective.phases), cluster.prices
    if (number, devices) not in prices:
        ticks = _ticks(collective, cluster, devices)
        placed = Placed(collective, cluster, devices, Network(cluster.capacities, ticks), ticks)
        pattern = number, placed.pattern
        if pattern not in prices:
            prices[pattern] = collective.phases, _price(placed)  # the phases are kept, so that their id is their own
        prices[number, devices] = prices[pattern]
    found: Floats = prices[number, devices][1]
    return found


def members_alone(job: Job) -> Floats:
    """Return the seconds of members of collectives alone on an idle network, 0 for all other tasks, (tasks,)."""
    graph, devices = job.graph, [there[0] for there in devices_of(job)]
    found, place = np.zeros(len(graph)), graph.place.tolist()
    like: dict[Hashable, tuple[Collective, tuple[int, ...], list[int]]] = {}  # collectives of one price, and members
    for each in graph.collectives:
        where = tuple(devices[place[task]] for task in each.members)
        whole = each.unfolded
        key = id(each.phases), where, whole and (id(whole.phases), id(whole.cluster), whole.devices)
        like.setdefault(key, (each, where, []))[2].extend(each.members)
    for each, where, members in like.values():
        found[members] = np.tile(alone(each, job.cluster, where), len(members) // len(where))
    return found


def _price(placed: Placed) -> Floats:
    network, ticks = placed.network, placed.ticks
    prefix = placed.prefix()
    if prefix is not None:
        return ticks.times(prefix[placed.last])
    return ticks.times(Rehearsal(network, ticks).play(placed))


def _ticks(collective: Collective, cluster: Cluster, devices: tuple[int, ...]) -> Ticks:
    """Return ticks that are fine enough for the shortest send, and few enough for all of them in turn."""
    total, shortest, rates, device = 0.0, np.inf, {1.0}, np.array(devices)
    for (source, target, size, flows), times in collective.different():
        there = (size > 0) & cluster.travels(device[source], device[target])
        ends = device[source[there]], device[target[there]]
        for path, bytes_, many in zip(cluster.paths(*ends), size[there].tolist(), flows[there].tolist(), strict=True):
            if path:
                total += times * path.seconds(bytes_) * max((weight for _, weight in path.ways), default=1.0)
            if path and path.bandwidth < np.inf:
                shortest = min(shortest, bytes_ / many / path.bandwidth)
                rates.add(path.bandwidth)
    return finest(total, shortest, unit_of(rates, SHARED))


class Rehearsal:
    """Plays one collective on a network and a clock of its own.

    Parameters
    ----------
    network : the links.
    ticks : what a tick is.
    """

    def __init__(self, network: Network, ticks: Ticks) -> None:
        self.network, self.log = network, Log(ticks)
        self._instants: list[int] = []  # a heap
        self._joining: list[tuple[int, int, Ways, Played, Going]] = []  # a heap, by instant
        self._number = count()
        self._ends: dict[int, int] = {}  # member -> when it is through

    def play(self, placed: Placed) -> list[int]:
        """Return when each member is through; all begin at 0."""
        played = player(placed, range(placed.members), self)
        for member in range(placed.members):
            played.post(member, 0)
        now = 0
        while now != NEVER:
            for going in self.network.finished(now):
                played.arrived(going, now)
            played.due(now)
            played.begin(now)
            now = self._settle(now)
        return [self._ends[member] for member in range(placed.members)]

    def _settle(self, now: int) -> int:
        """Let those join whose latency has passed; return the next instant, or NEVER."""
        while self._joining and self._joining[0][0] <= now:
            _, _, ways, played, going = heappop(self._joining)
            self.network.join(going, ways, going.left, np.inf, now, played)
        while self._instants and self._instants[0] <= now:
            heappop(self._instants)
        coming = [self.network.settle(now), *self._instants[:1], *(join for join, *_ in self._joining[:1])]
        return min((tick for tick in coming if tick != NEVER), default=NEVER)

    # -- what the collective asks for

    def at(self, played: Played, tick: int) -> None:
        """Let an instant take place."""
        heappush(self._instants, tick)

    def send(self, played: Played, going: Going, ways: Ways, now: int) -> None:
        """Let the network carry what is left of a send, once its latency has passed."""
        heappush(self._joining, (max(going.join, now), next(self._number), ways, played, going))

    def through(self, played: Played, member: int, now: int) -> None:
        """Hear that a member has completed all phases."""
        self._ends[member] = now
