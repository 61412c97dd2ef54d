"""Describe a run in the six steps of parallel work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parsim.core.graph import TaskGraph
from parsim.core.items import Elements
from parsim.core.job import Job
from parsim.core.json_values import plain
from parsim.core.quantities import seconds
from parsim.core.timeline import STEPS, Timeline

SHOWN = 4  # items shown of a list


def six_steps(job: Job, timeline: Timeline, value: Any) -> list[str]:
    """Return a line for each of split, create, allocate, execute, gather, merge."""
    host = _host(timeline)
    lines = {
        "split": _split(job),
        "create": _create(job),
        "allocate": _allocate(job, timeline),
        "execute": _execute(job, timeline, host),
        "gather": _gather(job),
        "merge": _merge(job, value),
    }
    return [
        f"{number} {step:<9}{text}" + (f" ({seconds(host[step][1] - host[step][0])})" if step in host else "")
        for number, (step, text) in enumerate(lines.items(), 1)
    ]


def _merge(job: Job, value: Any) -> str:
    if value is not None and job.graph.program is not None:
        return f"the result is {_short(value)}"
    return (
        "no values, since the workload has no kernels"
        if job.graph.program is None
        else "no values, since no kernel ran"
    )


def _host(timeline: Timeline) -> dict[str, tuple[float, float]]:
    """Return start and end of each step of the host that took time."""
    kinds, code = timeline.kinds.table, timeline.kinds.code
    steps = np.array([kind in STEPS for kind in kinds], dtype=bool)[code]
    rows = np.flatnonzero(steps & (timeline.end_s > timeline.start_s)).tolist()
    return {kinds[int(code[row])]: (float(timeline.start_s[row]), float(timeline.end_s[row])) for row in rows}


def _count(number: float, one: str, more: str = "") -> str:
    """Write a count with its noun in singular or plural.

    >>> _count(1, "task"), _count(1e6, "dependency", "dependencies")
    ('1 task', '1000000 dependencies')
    """
    return f"{number:.0f} {one if number == 1 else more or one + 's'}"


def _some(words: Iterable[str], count: int) -> str:
    shown = [word for word, _ in zip(words, range(SHOWN), strict=False)]
    return ", ".join(shown) + (f", and {count - SHOWN} more" if count > SHOWN else "")


def _short(value: Any) -> str:
    text = json.dumps(plain(value))
    return text if len(text) <= 30 else text[:27] + "..."


def _split(job: Job) -> str:
    graph = job.graph
    if isinstance(graph.program, Elements):
        program = graph.program
        given = (f"{graph.names[task]} {_short(list(values))}" for task, values in program.given.items())
        return f"{_short(list(program.data))} into {_some(given, len(program.given))}"
    if len(graph.flows):
        return f"{_count(len(graph.flows), 'flow')}, nothing to split"
    if not graph.computes.any():
        return f"{_count(len(graph), 'rank')}, nothing to split"
    return f"{_count(job.n, 'unit')} of work into {_tasks(graph)}"


def _tasks(graph: TaskGraph) -> str:
    """Count the tasks that compute, and beside them those of communication lanes."""
    sends = int((~graph.computes).sum())
    return _count(len(graph) - sends, "task") + (f" and {_count(sends, 'send')}" if sends else "")


def _create(job: Job) -> str:
    graph = job.graph
    if len(graph.flows):
        return _some(graph.flows.names, len(graph.flows))
    if not graph.computes.any():
        return _some(graph.names, len(graph))
    edges = f", {_count(len(graph.edges), 'dependency', 'dependencies')}" if len(graph.edges) else ""
    return f"{_tasks(graph)}{edges}: {_some(graph.names, len(graph))}"


def _allocate(job: Job, timeline: Timeline) -> str:
    rows = timeline.computes
    if not rows.any():
        return "no tasks to allocate"
    numbers, codes = timeline.number[rows], timeline.workers.code[rows]
    parts = []
    for worker, count in enumerate(job.cluster.stands_for[:SHOWN].tolist()):
        mine = numbers[codes == worker].tolist()
        name = job.cluster.workers[worker].name + (f" (stands for {count})" if count > 1 else "")
        parts.append(f"{name}: {_some((job.graph.names[t] for t in mine), len(mine)) or '-'}")
    more = int(job.cluster.stands_for[SHOWN:].sum())
    return f"{job.policy_name} gives " + "; ".join(parts) + (f"; and {_count(more, 'more worker')}" if more > 0 else "")


def _execute(job: Job, timeline: Timeline, host: Mapping[str, tuple[float, float]]) -> str:
    begun = max((host[step][1] for step in STEPS[:3] if step in host), default=0.0)
    ended = min((host[step][0] for step in STEPS[3:] if step in host), default=timeline.makespan_s)
    computes, moves = timeline.computes, timeline.transfers & ~timeline.of_tasks
    each = np.append(job.cluster.stands_for, 1)[timeline.workers.code]  # 1: of the host
    spent = float(((timeline.end_s - timeline.start_s) * each)[computes].sum())
    moved = _count(int(each[moves].sum()), "transfer") if moves.any() else ""
    if not computes.any():
        return f"{moved or 'nothing'} in {seconds(ended - begun)}"
    return f"{seconds(spent)} of computing in {seconds(ended - begun)}" + (f", {moved}" if moved else "")


def _gather(job: Job) -> str:
    result = job.graph.result
    results = int(job.copies[: len(result)][result > 0].sum())
    if results:
        return f"{_count(results, 'result')} {'returns' if results == 1 else 'return'} to the host"
    if job.graph.program:
        return "outputs have no size, so nothing is transferred"
    return "flows end at their targets" if len(job.graph.flows) else "nothing returns to the host"
