"""What is expected: seconds per worker and task, transfers by route, room. Policies and the theory read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import TypeVar

import numpy as np

from parsim.core.cluster import Cluster, Pairs, Places, each_pair
from parsim.core.columns import Floats, Ints, distinct
from parsim.core.job import Estimate, Job
from parsim.sim.memory_bounds import Holding, devices_of

T = TypeVar("T")
Rows = tuple[list[float], ...]  # [worker][task] s; equal devices share a list


def expected(job: Job) -> Rows:
    """Return the expected seconds on every worker."""
    return by_worker(job, job.expected_s, lambda column: column.tolist())


def by_worker(job: Job, found: list[Floats], make: Callable[[Floats], T]) -> tuple[T, ...]:
    """Make something of the column of each device, once for those that share one; return it for every worker."""
    distinct = {id(column): column for column in found}
    made = {key: make(column) for key, column in distinct.items()}
    return tuple(made[id(found[device])] for device in job.cluster.device_of_worker)


def where_run(columns: list[Floats], device: Ints) -> Floats:
    """Return what the columns of devices say of each task on the *device* that runs it, (tasks,)."""
    made = {id(column): column for column in columns}
    if len(made) == 1:
        return columns[0]
    key = np.array([id(column) for column in columns])[device]
    found = np.empty(len(device))
    for one, column in made.items():
        found[key == one] = column[key == one]
    return found


def drawn(job: Job) -> list[Floats]:
    """Return the seconds that tasks will take on every device, luck included, (tasks,) each; alike devices share."""
    luck, found = job.cost.luck(job.seed, len(job.graph)), job.expected_s
    if np.all(luck == 1.0):
        return found
    distinct = {id(column): column for column in found}
    made = {key: column * luck for key, column in distinct.items()}
    return [made[id(column)] for column in found]


def mean_compute(job: Job) -> Floats:
    """Return the mean of each task's seconds over all workers that may run it, (tasks,)."""
    by_device = job.expected_s
    if len({id(column) for column in by_device}) == 1:
        return by_device[0].copy()
    device, weights = job.cluster.device_of_worker, job.cluster.stands_for.tolist()
    mean = np.zeros(len(job.graph))
    for index, allowed in enumerate(job.graph.places):
        chosen = job.graph.place == index
        found = [(weights[worker], by_device[device[worker]]) for worker in allowed]
        if len({id(column) for _, column in found}) == 1:
            mean[chosen] = found[0][1][chosen]
        else:
            total = sum(weight * column[chosen] for weight, column in found)
            mean[chosen] = total / sum(weight for weight, _ in found)
    return mean


class MeanRoute:
    """Latency and seconds per byte, averaged over the routes between two sets of places."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.between = cache(self._between)

    def _between(self, sources: tuple[int, ...], targets: tuple[int, ...]) -> tuple[float, float]:
        """Return (s, s/B) over distinct pairs; zeros where there is none. A missing route counts as none."""
        found = [
            (pairs, path.latency, path.bandwidth)
            for source, target, pairs in self._pairs(sources, targets)
            if (path := self._cluster.path(source, target)) is not None
        ]
        count = sum(pairs for pairs, _, _ in found) or 1
        return (
            math.fsum(pairs * latency for pairs, latency, _ in found) / count,
            math.fsum(pairs / bandwidth for pairs, _, bandwidth in found) / count,
        )

    def _pairs(self, sources: Places, targets: Places) -> Pairs:
        """Yield pairs of places, and how many pairs of all devices each stands for."""
        weights = [device.stands_for for device in self._cluster.devices]
        if len(set(weights)) == 1:
            return self._cluster.alike(sources, targets)
        weights.append(1)  # the host
        return ((a, b, weights[a] * weights[b]) for a, b, _ in each_pair(sources, targets))


def mean_transfer(job: Job) -> Floats:
    """Return the mean nominal seconds of every edge as if parent and child were on distinct workers, (edges,)."""
    graph, mean, devices = job.graph, MeanRoute(job.cluster), devices_of(job)
    edges = graph.edges
    seconds = edges.delay.copy()
    carrying = np.flatnonzero(edges.size > 0)
    if len(carrying):
        found = [mean.between(devices[parent], devices[child]) for parent, child in graph.ways.tolist()]
        latency, per_byte = np.array(found)[graph.ways_of(carrying)].T
        seconds[carrying] = latency + edges.size[carrying] * per_byte
    return seconds


def mean_given(job: Job) -> Floats:
    """Return the mean nominal seconds of what the host gives each task, (tasks,) or empty."""
    mean, host = MeanRoute(job.cluster), (job.cluster.host,)
    return _by_place(job, job.graph.given, lambda allowed: mean.between(host, allowed))


def mean_result(job: Job) -> Floats:
    """Return the mean nominal seconds of what each task sends to the host, (tasks,) or empty."""
    mean, host = MeanRoute(job.cluster), (job.cluster.host,)
    return _by_place(job, job.graph.result, lambda allowed: mean.between(allowed, host))


def _by_place(job: Job, size: Floats, way: Callable[[tuple[int, ...]], tuple[float, float]]) -> Floats:
    """Return the seconds of *size* bytes per task, the *way* (s, s/B) depending on the devices that may run it."""
    seconds = np.zeros(len(size))
    here = np.flatnonzero(size > 0)
    if len(here):
        devices, place = devices_of(job), job.graph.place[here]
        latency, per_byte = np.zeros((2, len(devices)))
        for index in distinct(place).tolist():
            latency[index], per_byte[index] = way(devices[index])
        seconds[here] = latency[place] + size[here] * per_byte[place]
    return seconds


def estimate(job: Job, rows: Rows) -> Estimate:
    """Return what a policy may know before the run."""
    graph, cluster = job.graph, job.cluster
    device = cluster.device_of_worker

    @cache  # most policies never ask for a transfer
    def of_edges() -> tuple[list[float], list[float]]:
        return graph.edges.size.tolist(), graph.edges.delay.tolist()

    @cache
    def given() -> list[float]:
        return list(graph.given.tolist())

    def transfer(edge: int, source: int, target: int) -> float:
        if source == target:
            return 0.0
        size, delay = of_edges()
        path = cluster.path(device[source], device[target]) if size[edge] and device[source] != device[target] else None
        return delay[edge] if path is None else path.seconds(size[edge])

    def arrival(task: int, worker: int) -> float:
        size = given()
        path = cluster.path(cluster.host, device[worker]) if size and size[task] else None
        return 0.0 if path is None else path.seconds(size[task])

    means = partial(mean_compute, job), partial(mean_transfer, job)
    if not cluster.limited:
        return Estimate(rows, transfer, arrival, *means)
    empty = cache(partial(Holding, job))  # made when first asked: most policies never plan
    return Estimate(
        rows, transfer, arrival, *means, lambda task, worker: empty().holds(task, worker), partial(Holding, job)
    )
