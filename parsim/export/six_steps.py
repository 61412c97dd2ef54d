"""Tell how a run went, in the six steps of parallel work."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from parsim.core.job import Job
from parsim.core.timeline import STEPS, Timeline
from parsim.export.report import seconds

SHOWN = 4  # of any list


def six_steps(job: Job, timeline: Timeline, value: Any) -> list[str]:
    """Return a line for each of split, create, allocate, execute, gather, merge."""
    lines = {
        "split": _split(job),
        "create": _create(job),
        "allocate": _allocate(job, timeline),
        "execute": _execute(job, timeline),
        "gather": _gather(job),
        "merge": "nothing is computed, only counted" if value is None else f"the outputs make {_short(value)}",
    }
    took = dict(zip(STEPS, job.steps, strict=True))
    return [
        f"{number} {step:<9}{text}" + (f" ({seconds(took[step])})" if took.get(step) else "")
        for number, (step, text) in enumerate(lines.items(), 1)
    ]


def _some(words: Iterable[str], count: int) -> str:
    shown = [word for word, _ in zip(words, range(SHOWN), strict=False)]
    return ", ".join(shown) + (f", and {count - SHOWN} more" if count > SHOWN else "")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 30 else text[:27] + "..."


def _split(job: Job) -> str:
    graph = job.graph
    if graph.program:
        program = graph.program
        given = (f"{graph.names[task]} {_short(list(values))}" for task, values in program.given.items())
        return f"{_short(list(program.data))} into {_some(given, len(program.given))}"
    if len(graph.flows):
        return f"{len(graph.flows)} flows, as they are"
    return f"{graph.n:g} units of work into {len(graph)} tasks"


def _create(job: Job) -> str:
    graph = job.graph
    if len(graph.flows):
        return _some(graph.flows.names, len(graph.flows))
    edges = f", {len(graph.edges)} dependencies" if len(graph.edges) else ""
    return f"{len(graph)} task{'s' * (len(graph) != 1)}{edges}: {_some(graph.names, len(graph))}"


def _allocate(job: Job, timeline: Timeline) -> str:
    rows = timeline.computes
    if not rows.any():
        return "flows go where they are sent"
    numbers, codes = timeline.number[rows], timeline.workers.code[rows]
    parts = []
    for worker in range(min(SHOWN, len(job.cluster.workers))):
        mine = numbers[codes == worker].tolist()
        parts.append(
            f"{job.cluster.workers[worker].name}: {_some((job.graph.names[t] for t in mine), len(mine)) or '-'}"
        )
    more = len(job.cluster.workers) - SHOWN
    return f"{job.policy_name} gives " + "; ".join(parts) + (f"; and {more} more workers" if more > 0 else "")


def _execute(job: Job, timeline: Timeline) -> str:
    computes, moves = timeline.computes, timeline.transfers
    spent = float((timeline.end_s - timeline.start_s)[computes].sum())
    moved = f", {int(moves.sum())} transfers" if moves.any() else ""
    return f"{seconds(spent)} of computing in {seconds(timeline.makespan_s)}{moved}"


def _gather(job: Job) -> str:
    results = int((job.graph.result > 0).sum())
    return f"{results} results come back to host" if results else "outputs are small enough to weigh nothing"
