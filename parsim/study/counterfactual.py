"""Copies of a job with one thing changed.

transfers       no time, or half of it, for all; no time on some links; flows without their limits
memory          without limit, or twice as much on some devices
workers         one more like the last; slow devices as fast as the others
tasks           other seconds
plan            another cut, depth or recomputation; more microbatches, each smaller
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parsim.build import build
from parsim.core.cluster import Cluster, Device, Route, each_pair
from parsim.core.graph import Floats, Ints, TaskGraph
from parsim.core.job import Job
from parsim.core.timeline import STEPS
from parsim.scenario.scenario import Scenario, changed
from parsim.study.change import NoDifference
from parsim.study.slow_devices import median, middle, slowness
from parsim.study.workers import with_workers
from parsim.training.layout import OPTIMIZER
from parsim.training.replicas import repriced
from parsim.training.sharded import ShardedTraining

FEW = 256  # places, between which every way is looked at


def without_transfers(job: Job) -> Job:
    """Let transfers and delays take no time. Inputs still take room at their receiver."""
    if not travels(job):
        raise NoDifference("nothing travels")
    unlimited = without_flow_limits(np.arange(len(job.graph.flows)), job)
    return _moving(unlimited, lambda route: (), 0.0)  # over no link, it takes no time


def travels(job: Job) -> bool:
    """Return whether any transfer or delay takes time."""
    graph = job.graph
    moving = (graph.edges.size, graph.edges.delay, graph.given, graph.result)
    if len(graph.flows) or graph.collectives or (graph.priced > 0).any():
        return True
    return any(len(column) and (column > 0).any() for column in moving)


def faster_transfers(job: Job) -> Job:
    """Double the bandwidth of links and halve their latency; halve stated delays.

    Flows keep their limits, which do not depend on links.
    """
    return _moving(job, lambda route: tuple(link.times(2.0, 0.5) for link in route), 0.5)


def bandwidth_times(factor: float, job: Job) -> Job:
    """Multiply the bandwidth of links by *factor*; latencies stay."""
    return _moving(job, lambda route: tuple(link.times(factor, 1.0) for link in route), 1.0)


def computing_times(factor: float, job: Job) -> Job:
    """Let devices compute *factor* times as fast."""
    return scaled(lambda graph: np.full(len(graph), 1.0 / factor), job)


def at_peak(job: Job) -> Job:
    """Let products of matrices reach the peaks of data sheets in place of the ceilings that were measured."""
    if not any(device.ceiling.known for device in job.cluster.devices):
        raise NoDifference("no device states a ceiling")
    devices = tuple(device._replace(ceiling=device.peak) for device in job.cluster.devices)
    return replace(job, cluster=replace(job.cluster, devices=devices))


def without_flow_limits(flows: Ints, job: Job) -> Job:
    """Remove the limits of some *flows*."""
    limit = job.graph.flows.limit.copy()
    limit[flows] = math.inf
    return replace(job, graph=replace(job.graph, flows=replace(job.graph.flows, limit=limit)))


def _moving(job: Job, other: Callable[[Route], Route], times: float) -> Job:
    """Replace the routes between devices, and multiply stated delays by *times*."""
    edges = replace(job.graph.edges, delay=job.graph.edges.delay * times)
    return _wired(replace(job, graph=replace(job.graph, edges=edges)), other)


def _wired(job: Job, other: Callable[[Route], Route]) -> Job:
    """Replace the routes between devices; exchanges that are priced are priced anew."""
    cluster, fold = _rerouted(job.cluster, other), job.graph.fold
    whole = cluster if fold is None or fold.whole is job.cluster else _rerouted(fold.whole, other)
    return replace(job, cluster=cluster, graph=repriced(job.graph, whole))


def _rerouted(cluster: Cluster, other: Callable[[Route], Route]) -> Cluster:
    ways = cluster.wiring.route

    def route(source: int, target: int) -> Route | None:
        links = ways(source, target)
        return None if links is None else other(links)

    return replace(cluster, wiring=cluster.wiring._replace(route=route))


def without_links(names: Sequence[str], job: Job) -> Job:
    """Let transfers spend no time on the links with these *names*."""
    if job.graph.fold is not None and job.graph.fold.cluster is not job.graph.fold.whole:
        raise NoDifference("a link of this fold stands for equal ones; --fold off, or fewer replicas, tells it alone")
    known = set(names)
    other = _wired(job, lambda route: tuple(link for link in route if link.name not in known))
    if len(job.cluster.places) > FEW:
        return other
    wiring = other.cluster.wiring._replace(alike=each_pair)  # in a large cluster some links do not move the mean
    return replace(other, cluster=Cluster(other.cluster.devices, wiring))


def without_limits(job: Job) -> Job:
    """Remove the limits of memory of all devices."""
    if not job.cluster.limited:
        raise NoDifference("no task waits for memory here" if job.memories else "no device has a limit")
    return more_memory(job.cluster.places, math.inf, job)


def more_memory(names: Sequence[str], times: float, job: Job) -> Job:
    """Multiply by *times* the memory of the devices with these *names*."""
    cluster, known = job.cluster, set(names)
    devices = (one._replace(memory=times * one.memory) if one.name in known else one for one in cluster.devices)
    return replace(job, cluster=Cluster(tuple(devices), cluster.wiring))


def one_more_worker(scenario: Scenario, job: Job) -> Job:
    """Add a copy of the last worker. A pipeline keeps its ranks."""
    if not len(job.graph):
        raise NoDifference("flows go between fixed places, so another worker changes nothing")
    if isinstance(job.graph.program, ShardedTraining):
        raise NoDifference("the degrees of parallelism say how many workers there are")
    if job.graph.orders:
        ranks = len(job.graph.orders)
        words = f"{ranks} rank{'s' * (ranks != 1)}"
        raise NoDifference(f"the pipeline keeps its {words}, so another worker would have nothing to do")
    return build(with_workers(scenario, job, len(job.cluster.workers) + 1))


def as_fast(names: Sequence[str], job: Job) -> Job:
    """Make the devices with these *names* as fast as the median device; stated seconds become the median ones."""
    times, graph, devices = slowness(job), job.graph, list(job.cluster.devices)
    like = devices[middle(times)]
    chosen = [place for place, device in enumerate(devices) if device.name in names and times[place] > 1.0]
    for place in chosen:
        devices[place] = devices[place]._replace(
            speed=like.speed, peak=like.peak, bandwidth=like.bandwidth, ceiling=like.ceiling
        )
    if graph.stated.ndim == 2:
        stated, usual = graph.stated.copy(), median(np.delete(graph.stated, chosen, axis=1))[:, np.newaxis]
        stated[:, chosen] = np.where(np.isnan(stated[:, chosen] + usual), stated[:, chosen], usual)
        graph = replace(graph, stated=stated)
    return replace(job, graph=graph, cluster=Cluster(tuple(devices), job.cluster.wiring))


def scaled(times: Callable[[TaskGraph], Floats], job: Job) -> Job:
    """Multiply the seconds of the tasks of a graph by its *times*, (tasks,); more iterations make another graph."""
    expected = job.cost.expected

    def other(graph: TaskGraph, index: int, device: Device) -> Floats:
        return expected(graph, index, device) * times(graph)

    return replace(job, cost=job.cost._replace(expected=other))


def of_ranks(factors: Sequence[float], graph: TaskGraph) -> Floats:
    """Return for each task of a pipeline the factor of its rank, (tasks,)."""
    times = np.ones(len(graph))
    for order, factor in zip(graph.orders, factors, strict=True):
        times[list(order)] = factor
    return times


def without_step(step: str, job: Job) -> Job:
    """Set the time of a step of the host to zero."""
    steps = zip(STEPS, job.steps, strict=True)
    return replace(job, steps=tuple(0.0 if name == step else took for name, took in steps))


def by_cost(scenario: Scenario, job: Job) -> Job:
    """Cut the layers of a model by cost."""
    other = build(changed(scenario, {"plan.stages": "cost"}))
    if other.graph.program.cut.stages == job.graph.program.cut.stages:  # type: ignore[union-attr]
        raise NoDifference("the stages are cut like that already")
    return other


def planned(scenario: Scenario, set: dict[str, Any], job: Job) -> Job:
    """Change the plan."""
    return build(changed(scenario, set))


def more_microbatches(scenario: Scenario, count: int, many: int, job: Job) -> Job:
    """Cut the same work into *many* microbatches in place of *count*; what is stated of each is shared."""
    other = build(changed(scenario, {"plan.microbatches": many}))
    kept = other.graph.activations
    if len(kept.size):
        shared = kept._replace(size=kept.size * count / many)
        other = replace(other, graph=replace(other.graph, activations=shared))
    cost = scenario.values.get("cost")
    stated = len(other.graph.stated) or (isinstance(cost, dict) and "compute" in cost)
    return scaled(lambda graph: np.where(graph.kind < OPTIMIZER, count / many, 1.0), other) if stated else other
