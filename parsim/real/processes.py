"""The replay: the same graph under the same policy, in real processes, on the wall clock.

    host    |split|create|allocate|   order  ...                             |gather|merge|
    w0                                  |=input=|####kernel####|=outputs=|

The clock starts when every worker is ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np

from parsim.core.columns import Floats, filled
from parsim.core.errors import Complaint, Invalid, RunError, Unfinished
from parsim.core.escape import printable
from parsim.core.evaluation import made_of, merged
from parsim.core.graph import Program, TaskGraph
from parsim.core.job import BEFORE, Job
from parsim.core.machine import memory
from parsim.core.quantities import size
from parsim.core.timeline import Timeline
from parsim.metrics.memory import peaks
from parsim.real.arena import put
from parsim.real.dispatcher import Dispatcher
from parsim.real.pipes import Processes
from parsim.real.ranks import Ranks, courses, numbers_of, ways_of
from parsim.real.transport import Crew, Launch, Place, Store
from parsim.real.worker import Order, part_of
from parsim.real.worker_pool import started
from parsim.sim.play import play as simulate
from parsim.sim.write import compose
from parsim.training.computed import ComputedTraining

MOST_EXPECTED = 1e9  # B, of the memory that a worker gets before the clock starts
BESIDE = 64e6  # B, of it, for what kernels need on the way


def complaints_about(job: Job) -> list[Complaint]:
    """Return why *job* cannot be replayed; nothing: it can."""
    found = []
    if job.graph.program is None:
        only = "only counts, so there is no kernel to replay; use items with data, kernel and merge, or parsim run"
        found.append(Complaint(("workload",), only))
    return found


def about_memory(job: Job) -> list[Complaint]:
    """Return a complaint where all devices together hold more than this machine has, as predicted."""
    if not isinstance(job.graph.program, ComputedTraining):
        return []
    held, there = _peaks(job).sum(), memory()
    why = f"its devices together hold {size(held)}, and this machine has {size(there)}"
    what = "write smaller sizes, fewer devices, or clock: simulated"
    return [Complaint(("plan",), f"{why}; {what}")] if held > there else []


def play(job: Job, timeout_s: float = inf, launch: Launch | None = None) -> tuple[Timeline, Any]:
    """Play *job* on real workers; return what happened, and what the merge made of the workers' outputs.

    Raises `Unfinished` where it fails or is interrupted after the clock has started; it fails, too, where no task ends
    for *timeout_s*.
    """
    graph, program, workers = job.graph, job.graph.program, job.cluster.workers
    if program is None or complaints_about(job):
        raise Invalid(complaints_about(job))
    launch = launch or Processes()
    if isinstance(program, ComputedTraining):
        return _play_ranks(job, program, timeout_s, launch)
    program.given  # noqa: B018 - what is drawn is drawn before the clock starts
    able = [np.flatnonzero(np.isin(graph.place, places)).tolist() for places in _sets(job)]
    names, shared = [worker.name for worker in workers], [*_shared(graph, able), float(graph.given.sum())]
    crew = Crew(names, graph.names, _places_of(job, able), shared)
    with started(launch, crew, program, timeout_s) as members:
        marks = [0.0]
        given = _given(graph, program, members.arenas[-1])
        marks.append(members.now())
        orders = _orders(graph, program)
        marks.append(members.now())
        dispatcher = Dispatcher(job, members, orders, given)
        marks.append(members.now())
        with _unfinished(job, dispatcher, marks):
            dispatcher.execute(replace(job, steps=_lengths(marks)).begun_s)
        marks.append(members.now())
        values = dispatcher.gathered()
        marks.append(members.now())
        result = merged(program, values)
        marks.append(members.now())
    return _timeline(job, dispatcher, marks), result


def _play_ranks(job: Job, program: ComputedTraining, timeout_s: float, launch: Launch) -> tuple[Timeline, Any]:
    """Play a training by degrees of parallelism, whose workers exchange with each other."""
    every = courses(program)
    places = _places_of(job, [list(course.lane) for course in every])
    names = [worker.name for worker in job.cluster.workers]
    crew = Crew(names, job.graph.names, places, (), ways_of(every), numbers_of(every))
    with started(launch, crew, program, timeout_s) as members:
        marks = [0.0, *(members.now() for _ in range(BEFORE))]
        ranks = Ranks(job, members, every)
        with _unfinished(job, ranks, marks):
            ranks.execute(replace(job, steps=_lengths(marks)).begun_s)
        marks.append(members.now())
        values = ranks.gathered()
        marks.append(members.now())
        result = made_of("merge on host", lambda: program.collected(values))
        marks.append(members.now())
    return _timeline(job, ranks, marks), result


def _sets(job: Job) -> list[list[int]]:
    """Return for each worker the place sets that hold it."""
    sets = list(enumerate(job.graph.places))
    return [[index for index, some in sets if worker in some] for worker in range(len(job.cluster.workers))]


def _places_of(job: Job, able: Sequence[Sequence[int]]) -> list[Place]:
    """Return the tasks of each worker and the memory to reserve: twice the peak of the simulated run, plus `BESIDE`."""
    peak, devices = _peaks(job).tolist(), job.cluster.devices
    expected = [2 * size / device.slots + BESIDE for size, device in zip(peak, devices, strict=True)]
    return [
        Place(own, tasks, job.prefetch, min(expected[worker.device], MOST_EXPECTED))
        for own, (tasks, worker) in enumerate(zip(able, job.cluster.workers, strict=True))
    ]


def _peaks(job: Job) -> Floats:
    """Return the peak of memory of each device in the simulated run, (devices,) B."""
    simulated = replace(job, clock="simulated")
    return peaks(simulated, simulate(simulated))


def _shared(graph: TaskGraph, able: Sequence[Sequence[int]]) -> list[float]:
    """Return the bytes that each worker may share: what its tasks send, if it runs its part of them."""
    workers = np.array([len(graph.places[place]) for place in graph.place.tolist()])
    sent = np.bincount(graph.edges.parent, weights=graph.edges.size, minlength=len(graph)) / np.maximum(workers, 1)
    return [min(float(sent[tasks].sum()), MOST_EXPECTED) for tasks in able]


def _given(graph: TaskGraph, program: Program, arena: Store) -> dict[int, Sequence[Any]]:
    """Put what the host sends into shared memory: a value that several tasks get, once."""
    where: dict[int, Any] = {}
    found: dict[int, Sequence[Any]] = {}
    for task, values in program.given.items():
        try:
            found[task] = [where[id(value)] if id(value) in where else put(arena, [value])[0] for value in values]
        except OSError as error:
            why = f"shared memory has no room for the input of task {graph.names[task]}: {error.strerror or error}"
            raise RunError(printable(why)) from None
        where.update(zip(map(id, values), found[task], strict=True))
    return found


def _timeline(job: Job, dispatcher: Dispatcher | Ranks, marks: list[float]) -> Timeline:
    """Return the timeline of all that has ended; *marks* are the bounds of the steps so far."""
    before, after = marks[: BEFORE + 1], marks[BEFORE + 1 :]
    steps = [(step, *span) for step, span in enumerate([*pairwise(before), *pairwise(after)])]
    measured = replace(job, steps=(*_lengths(before), *(_lengths(after) or (0.0, 0.0))))
    record, instants = dispatcher.record()
    return compose(measured, record, steps, instants)


@contextmanager
def _unfinished(job: Job, dispatcher: Dispatcher | Ranks, marks: list[float]) -> Iterator[None]:
    """Turn a failure into `Unfinished`, which holds the timeline until then."""
    try:
        yield
    except RunError as error:
        raise Unfinished(str(error), _timeline(job, dispatcher, marks)) from error
    except KeyboardInterrupt:
        raise Unfinished(f"interrupted while {dispatcher.pool.story()}", _timeline(job, dispatcher, marks)) from None


def _lengths(marks: list[float]) -> tuple[float, ...]:
    return tuple(end - start for start, end in pairwise(marks))


def _orders(graph: TaskGraph, program: Program) -> list[Order]:
    """Return the order of every task, as far as it is known before the task is taken."""
    result, place = filled(graph.result, len(graph)).tolist(), graph.place.tolist()
    edge_child = graph.edges.child.tolist()
    orders = []
    for task in range(len(graph)):
        edges = graph.children.of(task)
        alone = [_alone(graph, place[task], place[edge_child[edge]]) for edge in edges]
        parts = [program.hands(edge) for edge, one in zip(edges, alone, strict=True) if not one]
        parts.append(program.gathers(task, last=not edges))
        shared = tuple(dict.fromkeys(map(part_of, parts)))
        orders.append(Order(task, (), shared, bool(edges), result[task] > 0, ()))
    return orders


def _alone(graph: TaskGraph, place: int, other: int) -> bool:
    """Return whether tasks of two place sets always run on the same worker."""
    return len(graph.places[place]) == 1 and graph.places[place] == graph.places[other]
