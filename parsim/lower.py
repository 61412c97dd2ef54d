"""Checks of the whole job: bytes without a route, tasks that fit on no device, times that overflow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice, product

import numpy as np

from parsim.core.annotations import HUGE
from parsim.core.cluster import each_pair
from parsim.core.collective import Collective
from parsim.core.errors import Complaint, Path
from parsim.core.graph import TaskGraph
from parsim.core.job import Job
from parsim.core.quantities import unlike
from parsim.sim.estimate import mean_compute
from parsim.sim.memory import limit
from parsim.sim.memory_bounds import devices_of, least_needs
from parsim.sim.theory import theory

SHOWN = 20  # complaints of one sort, since a million tasks may share a fault
MOST_PAIRS = 10_000_000  # pairs of places whose routes are checked one by one


def complaints_about(job: Job) -> list[Complaint]:
    """Return complaints about bytes without a route and tasks without room in *job*."""
    crowd = _too_many_pairs(job)
    if crowd:
        return crowd
    sorts = (
        _edges_without_route(job),
        _host_without_route(job),
        _flows_without_route(job),
        _collectives_without_route(job),
        _tasks_without_room(job),
    )
    found = dict.fromkeys(complaint for sort in sorts for complaint in islice(sort, SHOWN))
    return [complaint.below("workload") for complaint in found]


def _too_many_pairs(job: Job) -> list[Complaint]:
    """Return a complaint if there are too many pairs of places, and the topology has no `alike`."""
    if job.cluster.wiring.alike is not each_pair:
        return []
    devices = devices_of(job)
    pairs = max((len(devices[a]) * len(devices[b]) for a, b in job.graph.ways.tolist()), default=0)
    if pairs <= MOST_PAIRS:
        return []
    why = f"bytes may travel between {pairs} pairs of places, and the topology does not group equal pairs"
    return [Complaint(("cluster", "topology"), f"{why}; use fewer devices, or return Wiring(route, alike)")]


def _missing(job: Job, sources: tuple[int, ...], targets: tuple[int, ...]) -> str:
    """Return a message on a pair of places without a route, or an empty text."""
    wiring, places, path = job.cluster.wiring, job.cluster.places, job.cluster.path
    wanted = len(sources) * len(targets) - len(set(sources).intersection(targets))
    if sum(pairs for a, b, pairs in wiring.alike(sources, targets) if path(a, b) is not None) == wanted:
        return ""
    a, b = next((a, b) for a, b in product(sources, targets) if a != b and path(a, b) is None)
    return f"bytes may travel from {places[a]} to {places[b]}, but the topology has no route there"


def _edges_without_route(job: Job) -> Iterator[Complaint]:
    graph, devices = job.graph, devices_of(job)
    both = [(devices[parent], devices[child]) for parent, child in graph.ways.tolist()]
    single = [(a, b) for (a, *more), (b, *others) in both if not more and not others and a != b]
    job.cluster.paths(*np.array(single, np.int64).reshape(-1, 2).T)  # all at once
    why = [_missing(job, devices[parent], devices[child]) for parent, child in graph.ways.tolist()]
    if any(why):
        carrying = np.flatnonzero(graph.edges.size > 0)
        for edge, way in zip(carrying.tolist(), graph.ways_of(carrying).tolist(), strict=True):
            if why[way]:
                yield Complaint(graph.where("edge", edge), why[way], code="unreachable")


def _host_without_route(job: Job) -> Iterator[Complaint]:
    graph, devices, host = job.graph, devices_of(job), (job.cluster.host,)
    for index, allowed in enumerate(devices):
        for what, column, message in (
            ("given", graph.given, _missing(job, host, allowed)),
            ("result", graph.result, _missing(job, allowed, host)),
        ):
            if message and len(column):
                for task in np.flatnonzero((graph.place == index) & (column > 0)).tolist():
                    yield Complaint(graph.where(what, task), message, code="unreachable")


def _flows_without_route(job: Job) -> Iterator[Complaint]:
    flows = job.graph.flows
    for flow, ends in enumerate(zip(flows.source.tolist(), flows.target.tolist(), strict=True)):
        if job.cluster.path(*ends) is None:
            source, target = (job.cluster.places[place] for place in ends)
            why = f"the topology has no route from {source} to {target}"
            yield Complaint(job.graph.where("flow", flow), why, code="unreachable")


def _collectives_without_route(job: Job) -> Iterator[Complaint]:
    graph, places = job.graph, job.cluster.places
    if not graph.collectives:
        return
    device = np.array([allowed[0] for allowed in devices_of(job)])[graph.place]
    ends = np.array([pair for each in _unlike(job) for pair in each.pairs()], np.int64).reshape(-1, 2)
    ends = ends[job.cluster.travels(device[ends[:, 0]], device[ends[:, 1]])]
    sources, targets = device[ends].T
    paths = job.cluster.paths(sources, targets)
    rows = zip(ends[:, 0].tolist(), sources.tolist(), targets.tolist(), paths, strict=True)
    for task, source, target, path in rows:
        if path is None:
            why = f"the topology has no route from {places[source]} to {places[target]}"
            yield Complaint(graph.where("task", task), why, code="unreachable")


def _unlike(job: Job) -> Iterable[Collective]:
    """Return the first collective of those that send alike between the same devices."""
    place, found = job.graph.place.tolist(), dict[tuple[int, ...], Collective]()
    for each in job.graph.collectives:
        found.setdefault((id(each.phases), *[place[task] for task in each.members]), each)
    return found.values()


def _tasks_without_room(job: Job) -> Iterator[Complaint]:
    """Yield complaints about tasks that fit on none of their devices, even if empty."""
    graph, cluster, devices = job.graph, job.cluster, devices_of(job)
    needs = least_needs(job)
    if not needs or not len(graph):
        return
    fits = np.array([any(device not in needs for device in allowed) for allowed in devices])[graph.place]
    kinds = {(id(need), limit(cluster.devices[device])): need for device, need in needs.items()}
    for (_, most), need in kinds.items():
        fits |= need <= most
    least = np.min(list({id(need): need for need in needs.values()}.values()), axis=0)
    places: dict[Path, list[int]] = {}
    for task in np.flatnonzero(~fits).tolist():
        from_host = len(graph.given) and graph.given[task] > least[task] / 2
        places.setdefault(graph.where("given" if from_host else "task", task), []).append(task)
    for path, (task, *others) in places.items():
        room = max(cluster.devices[device].memory for device in devices[int(graph.place[task])])
        needed, held = unlike(float(least[task]), room)
        more = f", and {len(others)} more {'task is' if len(others) == 1 else 'tasks are'} too large" if others else ""
        why = f"task {graph.names[task]} needs {needed} on its device, but the largest has {held}{more}"
        yield Complaint(path, why, code="memory")


def too_long(job: Job) -> Iterator[Complaint]:
    """Yield a complaint if the sum of times may overflow."""
    try:
        with np.errstate(over="ignore"):
            seconds = 0.0 if _at_most(job) < HUGE else _seconds(job)
    except OverflowError:
        seconds = math.inf
    if not seconds < HUGE:
        yield Complaint(("workload",), f"its times add up to more than {HUGE:g} s; write smaller ones")


def _at_most(job: Job) -> float:
    """Return no less than `_seconds`: as if all that travels did so one by one, over all links, at the least rate.

    The routes of *job* have been looked at, so that its cluster knows its links.
    """
    graph, cluster = job.graph, job.cluster
    rates = np.array([*cluster.capacities, *graph.flows.limit.tolist(), np.inf])
    latency = math.fsum(link.latency for link in cluster.links)
    computing = {id(column): float(column.sum()) for column in job.expected_s}
    stated = [*computing.values(), float(graph.edges.delay.sum()), float(graph.flows.start.sum()), *job.steps]
    columns = (graph.edges.size, graph.given, graph.result, graph.flows.size)
    sent = [(float(np.count_nonzero(column)), float(column.sum())) for column in columns]
    for sends, size in (*sent, *_in_collectives(graph)):
        stated.append(sends * latency + size / float(rates.min()))
    return 2 * cluster.p**2 * math.fsum(stated)


def _in_collectives(graph: TaskGraph) -> Iterator[tuple[float, float]]:
    """Yield for each collective the sends that its members may wait for, all together, and their bytes."""
    known: dict[int, tuple[float, float]] = {}
    for each in graph.collectives:
        whole = each.unfolded.phases if each.unfolded else each.phases
        if id(whole) not in known:
            phases = each._replace(phases=whole).different()
            sends = sum(float(len(phase.source)) * times for phase, times in phases)
            known[id(whole)] = sends, sum(float(phase.size.sum()) * times for phase, times in phases)
        sends, size = known[id(whole)]
        yield len(each.members) * sends, len(each.members) * size


def _seconds(job: Job) -> float:
    """Return an upper bound of the seconds of any run of *job*."""
    foreseen = theory(job)
    return math.fsum(
        [foreseen.n * (foreseen.t_s + foreseen.t_c), float(mean_compute(job).sum()), *job.graph.flows.start, *job.steps]
    )
