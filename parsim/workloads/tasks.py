"""Tasks: any task graph, as a list of tasks.

- {name: t1, compute: {p1: 14 s, p2: 16 s}}              seconds on each device; others may not run it
- {name: t2, compute: 5 s, after: {t1: 18 s}}            one time at speed 1; a delay between distinct workers
- {name: t3, compute: 5 s, after: {t1: 10 MB}}           bytes travel over the links
- {name: t4, compute: 5 s, after: [t2, t3], memory: 1 GB, output: 10 MB}
- {name: s1, compute: {p1: 0 s}, lane: dp, after: [t1]}  a send: it takes no slot, and starts as soon as possible
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np

from parsim.core.cluster import HOST, Cluster
from parsim.core.cycles import cycles
from parsim.core.errors import Complaint, Invalid, Path, about_doubles
from parsim.core.graph import Edges, Floats, Ints, TaskGraph, no_ints
from parsim.core.lanes import about_lanes
from parsim.core.names import about_shared, transfers, words
from parsim.core.plan import Plan
from parsim.core.schema import Name
from parsim.core.suggestions import Known
from parsim.core.units import Bytes, Seconds, Travel
from parsim.workloads import workloads

SHOWN = 20  # cycles that are reported; a graph may have very many


@dataclass(frozen=True)
class TaskRow:
    """One task of the list.

    Parameters
    ----------
    name : unique name of the task.
    compute : seconds of the task: one time at speed 1, or a time for each device that may run it, such as {p1: 14 s,
        p2: 16 s}; other devices may not.
    after : tasks that must end first: a list of names, or a mapping from each name to what it sends: bytes over the
        links, or a delay between different workers. Left out: none.
    memory : bytes that the task uses while it runs.
    output : bytes of the task's output, which takes room on its device until all consumers have received it.
    lane : communication lane on which the task runs, on its one worker, in place of a compute slot. What it hands on
        leaves as it ends, at once, and those that wait for it are ready when it has arrived. Left out: it computes.
    """

    name: Name
    compute: Seconds | dict[Name, Seconds]
    after: list[Name] | dict[Name, Travel] = ()  # type: ignore[assignment]
    memory: Bytes = 0.0
    output: Bytes = 0.0
    lane: Name | None = None


Parents = Mapping[str, Travel]


@workloads.add("tasks")
def tasks(cluster: Cluster, plan: Plan, tasks: list[TaskRow]) -> TaskGraph:
    """Make the graph of the listed tasks, in the file's order.

    Parameters
    ----------
    tasks : the tasks, in the order of their numbers.
    """
    names = [row.name for row in tasks]
    number = {name: index for index, name in enumerate(names)}
    parents = [_parents(row.after) for row in tasks]
    edges = _edges(parents, number)
    wrong_names = about_doubles("tasks", names)
    complaints = [
        *wrong_names,
        *_about_devices(tasks, cluster),
        *_about_parents(tasks, parents, number),
        *(() if wrong_names else islice(_about_cycles(edges, len(tasks)), SHOWN)),
        *(() if wrong_names else _about_shared(names, edges, cluster, plan)),
        *_about_lanes(tasks, cluster),
    ]
    if not tasks:
        complaints = [Complaint(("tasks",), "is empty; at least one task is needed")]
    elif all(row.lane for row in tasks):
        complaints += [
            Complaint(("tasks",), "contains only tasks of communication lanes; at least one task must compute")
        ]
    if complaints:
        raise Invalid(complaints)
    graph = _graph(tasks, names, edges, cluster)
    complaints = [Complaint(_path(graph, what, index), why) for what, index, why in islice(about_lanes(graph), SHOWN)]
    if complaints:
        raise Invalid(complaints)
    return graph


def _graph(tasks: Sequence[TaskRow], names: Sequence[str], edges: Edges, cluster: Cluster) -> TaskGraph:
    places, place = _places(tasks, cluster)
    lanes = tuple(dict.fromkeys(row.lane for row in tasks if row.lane))
    number = {name: lane for lane, name in enumerate(lanes, start=1)}
    return TaskGraph(
        names=names,
        kinds=("compute",),
        kind=np.zeros(len(tasks), np.int64),
        units=np.array([0.0 if row.lane else 1.0 for row in tasks]),
        places=places,
        place=place,
        stated=_seconds(tasks, cluster),
        edges=edges,
        memory=np.array([row.memory for row in tasks]),
        output=np.array([row.output for row in tasks]),
        lanes=lanes,
        lane=np.array([number[row.lane] if row.lane else 0 for row in tasks]) if lanes else no_ints(),
        where=partial(_where, names, edges, [_largest(row) for row in tasks]),
    )


def _largest(row: TaskRow) -> str:
    """Return the key that says how much memory a task needs; of one that only receives, that of its inputs."""
    largest = max(row.memory, row.output)
    return "after" if not largest else "memory" if row.memory == largest else "output"


def _where(names: Sequence[str], edges: Edges, largest: Sequence[str], what: str, index: int) -> Path:
    """Return the path of the value that determines the bytes of an edge, or the *largest* need of a task."""
    if what == "edge":
        return ("tasks", int(edges.child[index]), "after", names[int(edges.parent[index])])
    return ("tasks", index, largest[index])


def _path(graph: TaskGraph, what: str, index: int) -> Path:
    """Return the path of a fault of a communication lane in the scenario."""
    return graph.where("edge", index) if what == "edge" else ("tasks", index, "compute" if what == "place" else what)


def _about_shared(names: Sequence[str], edges: Edges, cluster: Cluster, plan: Plan) -> Iterator[Complaint]:
    for task, why in about_shared(names, transfers(names, edges, len(cluster.workers)), words(cluster, plan)):
        yield Complaint(("tasks", task, "name"), why)


def _edges(parents: Sequence[Parents], number: Mapping[str, int]) -> Edges:
    """Return the edges between known tasks, child by child."""
    rows = [
        (number[parent], child, travel.size, travel.delay)
        for child, row in enumerate(parents)
        for parent, travel in row.items()
        if parent in number
    ]
    parent, child, size, delay = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Edges(np.array(parent, np.int64), np.array(child, np.int64), np.array(size, float), np.array(delay, float))


def _parents(after: Sequence[str] | Parents) -> Parents:
    return after if isinstance(after, Mapping) else dict.fromkeys(after, Travel())


def _about_devices(tasks: Sequence[TaskRow], cluster: Cluster) -> list[Complaint]:
    names = {device.name for device in cluster.devices}
    known = Known(names)
    complaints = []
    for index, row in enumerate(tasks):
        if not isinstance(row.compute, Mapping):
            continue
        if not row.compute:
            complaints.append(
                Complaint(("tasks", index, "compute"), "names no device of the cluster, so no worker can run the task")
            )
        complaints += [
            Complaint(("tasks", index, "compute", name), known.did_you_mean(name), "key")
            for name in row.compute
            if name not in names
        ]
    return complaints


def _about_lanes(tasks: Sequence[TaskRow], cluster: Cluster) -> Iterator[Complaint]:
    """Complain of lanes that are called as a device or a worker is: pictures and traces show both side by side."""
    taken = {*cluster.places, *(worker.name for worker in cluster.workers)} - {HOST}
    for index, row in enumerate(tasks):
        if row.lane in taken:
            yield Complaint(("tasks", index, "lane"), f"'{row.lane}' is the name of a device; choose another name")


def _about_parents(tasks: Sequence[TaskRow], parents: Sequence[Parents], number: Mapping[str, int]) -> list[Complaint]:
    complaints, known = [], Known(number)
    for index, row in enumerate(tasks):
        listed, before = not isinstance(row.after, Mapping), set[str]()
        for position, parent in enumerate(row.after):
            path: Path = ("tasks", index, "after", position if listed else parent)
            if parent not in number:
                complaints.append(Complaint(path, known.did_you_mean(parent), "key"))
            elif parent in before:
                complaints.append(Complaint(path, f"'{parent}' is listed twice"))
            before.add(parent)
    return complaints


def _about_cycles(edges: Edges, count: int) -> Iterator[Complaint]:
    """Yield a complaint at the `after` of the first task of each cycle, which waits for itself."""
    for cycle in cycles(edges, count):
        yield Complaint(
            ("tasks", min(cycle), "after"),
            "is part of a cycle, so the task would wait for itself",
        )


def _seconds(tasks: Sequence[TaskRow], cluster: Cluster) -> Floats:
    """Return the stated seconds: (tasks,) if each task has one quantity, else (tasks, devices)."""
    if not any(isinstance(row.compute, Mapping) for row in tasks):
        return np.array([row.compute for row in tasks], dtype=np.float64)
    return np.array(
        [
            [
                row.compute.get(device.name, np.nan) if isinstance(row.compute, Mapping) else row.compute / device.speed
                for device in cluster.devices
            ]
            for row in tasks
        ],
        dtype=np.float64,
    )


def _places(tasks: Sequence[TaskRow], cluster: Cluster) -> tuple[tuple[tuple[int, ...], ...], Ints]:
    """Return the distinct sets of workers that may run tasks, and the index of each task's set."""
    number, everybody = (
        {device.name: d for d, device in enumerate(cluster.devices)},
        frozenset(range(len(cluster.devices))),
    )
    slots: list[list[int]] = [[] for _ in cluster.devices]
    for worker, device in enumerate(cluster.device_of_worker):
        slots[device].append(worker)
    sets = [
        frozenset(number[name] for name in row.compute) if isinstance(row.compute, Mapping) else everybody
        for row in tasks
    ]
    index = {allowed: position for position, allowed in enumerate(dict.fromkeys(sets))}
    places = tuple(tuple(chain.from_iterable(slots[device] for device in sorted(allowed))) for allowed in index)
    return places, np.array([index[allowed] for allowed in sets])
