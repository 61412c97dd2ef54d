"""The replay: the same graph under the same policy, in real processes, on the wall clock.

    host    |split|create|allocate|   order  ...                             |gather|merge|
    w0                                  |=input=|####kernel####|=outputs=|

The clock starts when every worker is ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from parsim.core.errors import Complaint, Invalid
from parsim.core.graph import Program, TaskGraph
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.values import gathered, merge
from parsim.real.crew import crew
from parsim.real.player import Player
from parsim.real.worker import NONE, Order
from parsim.sim.rooms import column
from parsim.sim.write import BEFORE, compose

MOST_PROCESSES = 128  # on this machine, at once


def complaints_about(job: Job) -> list[Complaint]:
    """Return why *job* cannot be replayed; nothing: it can."""
    found = []
    if job.graph.program is None:
        only = (
            "only counts, so that nothing can really run; replay items with data, kernel and merge, or use parsim run"
        )
        found.append(Complaint(("workload",), only))
    workers = len(job.cluster.workers)
    if workers > MOST_PROCESSES:
        many = f"{workers} workers would be as many processes on this machine; at most {MOST_PROCESSES} are replayed"
        found.append(Complaint(("cluster", "devices"), many))
    return found


def play(job: Job) -> tuple[Timeline, Any]:
    """Play *job* in real processes; return what happened, and what the merge made of the workers' outputs."""
    graph, program = job.graph, job.graph.program
    if program is None or complaints_about(job):
        raise Invalid(complaints_about(job))
    with crew([worker.name for worker in job.cluster.workers], graph.names, program.kernel) as members:
        marks = [0.0]
        given: dict[int, Sequence[Any]] = {task: list(values) for task, values in program.given.items()}
        marks.append(members.now())
        orders = _orders(graph, program)
        marks.append(members.now())
        player = Player(job, members, orders, given)
        marks.append(members.now())
        player.execute(replace(job, steps=_lengths(marks)).begun_s)
        marks.append(members.now())
        values = gathered(graph, player.made)
        marks.append(members.now())
        result = merge(program, values)
        marks.append(members.now())
    before, after = marks[: BEFORE + 1], marks[BEFORE + 1 :]
    steps = [(step, *span) for step, span in enumerate([*pairwise(before), *pairwise(after)])]
    measured = replace(job, steps=(*_lengths(before), *_lengths(after)))
    record, instants = player.record()
    return compose(measured, record, steps, instants), result


def _lengths(marks: list[float]) -> tuple[float, ...]:
    return tuple(end - start for start, end in pairwise(marks))


def _orders(graph: TaskGraph, program: Program) -> list[Order]:
    """Write every task's order, as far as it is known before somebody takes it."""
    result, parents = column(graph.result, len(graph)), set(graph.edges.parent.tolist())
    return [
        Order(task, program.own[task], NONE, travels=False, returns=result[task] > 0, keep=task in parents)
        for task in range(len(graph))
    ]
