"""The simulated clock: SimPy's environment, which counts whole ticks (see `ticks`), and what a tick of a job is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
from simpy import Environment, Event

from parsim.core.cluster import Link
from parsim.core.columns import Floats, distinct
from parsim.core.graph import TaskGraph
from parsim.core.job import Job
from parsim.sim.memory_bounds import devices_of
from parsim.sim.ticks import SHARED, Ticks, finest, fitting, unit_of

LIVE = Ticks(unit=1, digits=12)  # nobody knows beforehand how long the kernels will take

Callbacks = tuple[Callable[[Event], None], ...]


class Instants(Event):
    """One event for all instants of a run. Unlike other events of SimPy it may be scheduled many times."""

    def __init__(self, clock: Environment) -> None:
        self.env = clock
        self._callbacks: Callbacks = ()
        self._ok, self._value = True, None

    def call(self, callback: Callable[[Event], None]) -> Instants:
        """Let *callback* be called at every instant."""
        self._callbacks = (callback,)
        return self

    def at(self, ticks: int) -> None:
        """Let an instant happen when the clock shows *ticks*; whole numbers make SimPy's `now + delay` exact."""
        self.env.schedule(self, delay=ticks - self.env.now)

    @property  # type: ignore[override]
    def callbacks(self) -> Callbacks:
        """Return the callbacks. SimPy removes them from an event that has happened; this event keeps them."""
        return self._callbacks

    @callbacks.setter
    def callbacks(self, taken: Any) -> None:
        pass


def clock_unit(job: Job, compute: list[Floats]) -> Ticks:
    """Return the ticks for a run whose tasks take the seconds *compute* on the devices."""
    if job.clock == "live":
        return LIVE
    graph, devices = job.graph, job.cluster.devices
    speeds, slowdowns = [device.speed for device in devices], [device.overlap_slowdown for device in devices]
    distinct = [np.nan_to_num(column) for column in {id(column): column for column in compute}.values()]
    others = [graph.edges.delay, graph.flows.start, np.array(job.steps)]
    times, longest, slowest = [*distinct, *others], reduce(np.maximum, distinct), max(slowdowns)
    total = math.fsum([slowest * float(longest.sum()), *(float(column.sum()) for column in others)])
    links = set(_links(job))
    if not links and slowest == 1.0:
        return fitting(times, total, unit_of(speeds))
    if not links:  # what is slowed down ends between the ticks of what is stated
        shortest = min(float(column[column > 0].min(initial=math.inf)) for column in times)
        return finest(total, shortest, unit_of([*speeds, *slowdowns]))
    changes = [change for link in links for change in link.profile]
    bandwidths = [*(link.bandwidth for link in links), *(rate for _, rate in changes if rate)]
    when = [at for at, _ in changes]
    times, total = [*times, np.array(when)], total + max(when, default=0.0)
    sizes, (together, smallest, phases) = graph.transfers.size, _collected(graph)
    heaviest = int(job.cluster.stands_for.max())  # no transfer weighs more on a link
    total += heaviest * (float(sizes.sum()) + together) / min(bandwidths)
    total += float((graph.flows.size / graph.flows.limit).sum())
    total += math.fsum(link.latency for link in links) * (len(sizes) + phases)
    least = [float(column[column > 0].min(initial=math.inf)) for column in (*times, sizes / max(bandwidths))]
    shortest = smallest / max(bandwidths) + min(link.latency for link in links)  # of a send of a collective
    return finest(total, min(*least, shortest), unit_of([*speeds, *slowdowns, *bandwidths], SHARED))


def _collected(graph: TaskGraph) -> tuple[float, float, int]:
    """Return the bytes of all that collectives send, those of the smallest flow, and the number of phases."""
    together, smallest, phases = 0.0, math.inf, 0
    alike = Counter(id(each.phases) for each in graph.collectives)
    for key, each in {id(each.phases): each for each in graph.collectives}.items():
        phases += alike[key] * len(each.phases)
        for (_, _, size, flows), times in each.different():
            together += alike[key] * times * float(size.sum())
            smallest = min(smallest, float((size / flows)[size > 0].min(initial=math.inf)))
    return together, smallest, phases


def _between_members(graph: TaskGraph, devices: list[tuple[int, ...]]) -> dict[tuple[int, int], None]:
    """Return the pairs of devices between which collectives send, given the devices of place sets."""
    place, found = graph.place.tolist(), dict[tuple[int, int], None]()
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for each in graph.collectives:
        where = tuple(devices[place[task]][0] for task in each.members)
        if (id(each.phases), where) not in seen:
            seen.add((id(each.phases), where))
            found.update(((devices[place[a]][0], devices[place[b]][0]), None) for a, b in each.pairs())
    return found


def _links(job: Job) -> Iterator[Link]:
    """Yield the links that transfers may cross, those of one route for all that are alike."""
    graph, host = job.graph, (job.cluster.host,)
    devices = devices_of(job)
    pairs = [(devices[parent], devices[child]) for parent, child in graph.ways.tolist()]
    for size, way in ((graph.given, lambda there: (host, there)), (graph.result, lambda there: (there, host))):
        pairs += [way(devices[place]) for place in (distinct(graph.place[size > 0]).tolist() if len(size) else ())]
    pairs += [((source,), (target,)) for source, target in zip(graph.flows.source, graph.flows.target, strict=True)]
    apart = [way[:2] for ends in dict.fromkeys(pairs) for way in job.cluster.alike(*ends)]
    ends = np.array([*_between_members(graph, devices)], np.int64).reshape(-1, 2)
    ends = ends[job.cluster.travels(*ends.T)]
    sources, targets = np.concatenate([np.array(apart, np.int64).reshape(-1, 2), ends]).T
    for path in job.cluster.paths(sources, targets):
        yield from (job.cluster.links[link] for link in (path.links if path else ()))
