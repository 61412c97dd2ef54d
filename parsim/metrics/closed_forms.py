"""Closed forms of the makespan, with which `parsim validate` compares the simulation.

A form is computed from the job alone. It is None where its conditions do not hold.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Path
from parsim.core.graph import Floats, TaskGraph
from parsim.core.job import Job
from parsim.core.paths import longest_paths
from parsim.core.quantities import number
from parsim.metrics.collective import alpha_beta
from parsim.metrics.form import Form, after, form_of
from parsim.metrics.pipeline_forms import flow_shop, scheduled


def forms(job: Job) -> list[Form]:
    """Return the closed forms whose conditions *job* meets."""
    found = [form for ask in FORMS if (form := ask(job)) is not None]
    found = [] if job.cluster.profiles else found  # no form knows of links that change
    return list({form.name: form for form in reversed(found)}.values())[::-1]  # of one name, the more special form


def rounds(job: Job) -> Form | None:
    """Equal independent tasks on equal workers without shared links: ceil(n/P) rounds of input and compute.

    Where P divides n this is T_total (Amdahl's ideal); otherwise the last round is not full.
    """
    graph, alike = job.graph, _alike(job)
    if alike is None or len(graph.edges) or np.any(graph.result > 0) or job.prefetch or job.policy_name != "fifo":
        return None
    seconds = alike.compute + alike.given
    if not len(graph) or np.ptp(seconds) > 0:
        return None
    tasks, workers, each = len(graph), len(job.cluster.workers), float(seconds[0])
    name = "T_total" if tasks % workers == 0 else "quantised"
    return form_of(job, name, f"ceil({tasks}/{workers}) x {number(each)} s", math.ceil(tasks / workers) * each)


def chains(job: Job) -> Form | None:
    """Equal chains of equal tasks, where P divides their number k and nothing moves: k/P x length x compute.

    First in, first out takes the k first links before any second one, and so on: k/P full rounds for each link.
    """
    graph, alike, workers = job.graph, _alike(job), len(job.cluster.workers)
    if alike is None or not len(graph.edges) or job.prefetch or job.policy_name != "fifo":
        return None
    count = len(graph) - len(graph.edges)
    moving = any(np.any(column > 0) for column in (alike.given, alike.result, graph.edges.size, graph.edges.delay))
    if moving or np.ptp(alike.compute) > 0 or count < 1 or count % workers:
        return None
    length = len(graph) // count
    if sorted(_chain_lengths(graph)) != [length] * count:
        return None
    each = float(alike.compute[0])
    return form_of(job, "chains", f"{count}/{workers} x {length} x {number(each)} s", count // workers * length * each)


def one_round(job: Job) -> Form | None:
    """At most as many independent tasks as equal workers, without shared links: the longest task."""
    graph, alike = job.graph, _alike(job)
    if alike is None or len(graph.edges) or not 0 < len(graph) <= len(job.cluster.workers) or job.policy_name != "fifo":
        return None
    seconds = alike.given + alike.compute + alike.result
    longest = int(seconds.argmax())
    parts = " + ".join(f"{name} {number(column[longest])} s" for name, column in zip(PARTS, alike, strict=True))
    return form_of(job, "one round", f"longest of {len(graph)}: {parts}", float(seconds.max()))


def one_worker(job: Job) -> Form | None:
    """One worker does everything in sequence."""
    graph, alike = job.graph, _alike(job)
    if alike is None or len(job.cluster.workers) > 1 or np.any(graph.result > 0) or job.prefetch:
        return None
    if not len(graph) or (job.policy_name != "fifo" and np.any(alike.given > 0)):
        return None
    given, compute = float(alike.given.sum()), float(alike.compute.sum())
    return form_of(
        job, "one worker", f"all {len(graph)}: input {number(given)} s + compute {number(compute)} s", given + compute
    )


def one_way(job: Job) -> Form | None:
    """K flows that start together on one route without limits: latency + all bytes / bandwidth."""
    flows = job.graph.flows
    paths = {job.cluster.path(a, b) for a, b in zip(flows.source.tolist(), flows.target.tolist(), strict=True)}
    path = next(iter(paths), None)
    if path is None or len(paths) > 1 or np.ptp(flows.start) > 0 or flows.limit.min() < path.bandwidth or _shared(path):
        return None
    total = float(flows.size.sum())
    numbers = f"{number(path.latency)} s + {number(total)} B / {number(path.bandwidth)} B/s"
    formula = f"latency + sum of {len(flows)} sizes / bandwidth = {numbers}"
    return Form("one link", formula, float(flows.start[0]) + path.seconds(total))


FORMS: tuple[Callable[[Job], Form | None], ...] = (
    rounds,
    chains,
    one_round,
    one_worker,
    scheduled,
    flow_shop,
    one_way,
    alpha_beta,
)


def lower_bound(job: Job) -> float:
    """Return max(critical path, work / P), a lower bound for every policy and every network.

    Each task counts with its expected seconds on its fastest worker, and transfers do not count. For flows, the bound
    is the latest end of a flow that is alone, or the time of the busiest link for all its bytes.
    """
    return max(_bound_of_tasks(job), _bound_of_flows(job))


def bound_formula(job: Job) -> str:
    """Return the formula of `lower_bound`."""
    return (
        "max(longest flow alone, bytes / bandwidth of a link)"
        if len(job.graph.flows)
        else "max(critical path, work / P)"
    )


def _bound_of_flows(job: Job) -> float:
    flows, busy, longest = job.graph.flows, defaultdict[int, float](float), 0.0
    columns = (column.tolist() for column in (flows.source, flows.target, flows.size, flows.limit, flows.start))
    for source, target, size, limit, start in zip(*columns, strict=True):
        path = job.cluster.path(source, target)
        assert path is not None, "refused before"
        fastest = path._replace(bandwidth=min((job.cluster.links[link].most for link in path.links), default=math.inf))
        longest = max(longest, start + fastest.seconds(size, limit))
        for link, weight in path.ways:
            busy[link] += weight * size / job.cluster.links[link].most
    return max(longest, *busy.values(), 0.0)


def _bound_of_tasks(job: Job) -> float:
    graph = job.graph
    if not len(graph):
        return 0.0
    fastest, least = np.full((2, len(graph)), np.inf)  # seconds of a task; of all that it stands for
    device = job.cluster.device_of_worker
    for place, allowed in enumerate(graph.places):
        mine = graph.place == place
        for index in {device[worker] for worker in allowed}:
            seconds = job.cost.expected(graph, index, job.cluster.devices[index])
            fastest[mine] = np.minimum(fastest[mine], seconds[mine])
            least[mine] = np.minimum(least[mine], job.cluster.devices[index].stands_for * seconds[mine])
    luck = job.cost.luck(job.seed, len(graph))
    longest, work = _critical_path(job, fastest * luck), float((least * luck)[graph.computes].sum())
    return job.begun_s + max(longest, work / job.cluster.p) + after(job)


def _critical_path(job: Job, seconds: Floats) -> float:
    edges = job.graph.edges
    begins = longest_paths(edges.parent, edges.child, np.zeros(len(edges)), seconds, np.zeros(len(seconds)))
    return float((begins + seconds).max())


def _chain_lengths(graph: TaskGraph) -> list[int]:
    """Return the length of each chain; empty where a task has two parents or two children."""
    parent, child = graph.edges.parent.tolist(), graph.edges.child.tolist()
    following = dict(zip(parent, child, strict=True))
    if len(following) < len(parent) or len(set(child)) < len(child):
        return []
    lengths = []
    for task in sorted(set(range(len(graph))).difference(child)):
        length = 1
        while task in following:
            task, length = following[task], length + 1
        lengths.append(length)
    return lengths


class _Alike(NamedTuple):
    """Seconds that are the same on every worker, (tasks,) each."""

    given: Floats
    compute: Floats
    result: Floats


PARTS = ("input", "compute", "result")  # of an _Alike, in words


def _alike(job: Job) -> _Alike | None:
    """Return the seconds of tasks where workers are equal and share no link, memory is unlimited and luck is 1."""
    graph, cluster, tasks = job.graph, job.cluster, len(job.graph)
    devices = cluster.devices
    if graph.lanes or graph.flows.names or cluster.limited or len(graph.places) != 1:
        return None
    if len({(d.speed, d.slots) for d in devices}) > 1 or len(graph.places[0]) < len(cluster.workers):
        return None
    moving = np.any(graph.edges.size > 0) or np.any(graph.edges.delay > 0)
    if np.any(job.cost.luck(job.seed, tasks) != 1) or (moving and len(devices) > 1):
        return None
    columns = (job.cost.expected(graph, index, device) for index, device in enumerate(devices))
    compute = next(columns)
    if any(not np.array_equal(compute, column) for column in columns):
        return None
    inward, outward = ((cluster.host, d) for d in range(len(devices))), ((d, cluster.host) for d in range(len(devices)))
    ways = [
        _paths(job, pairs if np.any(column > 0) else ())
        for pairs, column in ((inward, graph.given), (outward, graph.result))
    ]
    if (any(ways) and devices[0].slots > 1) or _share(ways):
        return None
    given, result = _common(ways[0]), _common(ways[1])
    if given is None or result is None:
        return None
    return _Alike(_seconds(given, graph.given, tasks), compute, _seconds(result, graph.result, tasks))


FREE = Path((), 0.0, math.inf)


def _paths(job: Job, pairs: Iterable[tuple[int, int]]) -> list[Path]:
    return [path for pair in pairs if (path := job.cluster.path(*pair)) is not None]


def _share(ways: Iterable[Sequence[Path]]) -> bool:
    """Return whether two devices use one link; *ways* lists the paths of each device, inward and outward."""
    ways = [*ways]
    if any(_shared(path) for paths in ways for path in paths):
        return True
    used = [set().union(*(path.links for path in paths)) for paths in zip_longest(*ways, fillvalue=FREE)]
    return sum(map(len, used)) > len(set().union(*used))


def _shared(path: Path) -> bool:
    """Return whether a transfer stands for several that cross one link."""
    return any(weight != 1 for _, weight in path.ways)


def _common(paths: Sequence[Path]) -> Path | None:
    """Return the common path if all paths take equally long, else None; `FREE` if nothing travels."""
    alike = len({(path.latency, path.bandwidth) for path in paths}) <= 1
    return [*paths, FREE][0] if alike else None


def _seconds(path: Path, size: Floats, tasks: int) -> Floats:
    return np.where(size > 0, path.latency + size / path.bandwidth, 0.0) if len(size) else np.zeros(tasks)
