"""The amount of work of a variant: what its user wants done, independent of how it is cut and where it runs.

    items        items, seconds of computing at speed 1, bytes of items, results and weights
    tasks        tasks, seconds of computing at speed 1, bytes and seconds of delay between them
    stages       seconds of computing at speed 1
    transfers    flows, bytes
    training     samples, model FLOP

A task counts as often as it stands for others. The bytes and tasks that a split adds, and what is computed twice,
are not work. Details complete the amounts: two graphs with equal numbers of tasks and seconds are the same work
only if their tasks take the same seconds each.
"""

from __future__ import annotations

import json
import math
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from parsim.build import work_of
from parsim.core.cluster import Device
from parsim.core.graph import Floats
from parsim.core.job import Job
from parsim.core.plan import Plan
from parsim.core.schema import Ask
from parsim.core.tolerance import CLOSE
from parsim.entries.external import Outside
from parsim.metrics.training import model_flop
from parsim.scenario.scenario import Scenario
from parsim.sections import plan_class
from parsim.training.program import Training

DIGITS = 12  # of a number in a detail
LARGEST = 290  # power of ten by which a number is multiplied to be rounded
DETAILS = {"compute_s": "seconds of tasks", "bytes": "bytes between tasks", "delay_s": "delays between tasks"}


class Work(NamedTuple):
    """Amounts of work by name, and details by name. Details are equal exactly if their texts are."""

    amounts: dict[str, float]
    details: dict[str, str]

    def differs(self, other: Work) -> list[str]:
        """Return the names of the amounts, then of the details, that both have and in which *other* differs."""
        amounts = [name for name in self.amounts if not close(self.amounts[name], other.amounts.get(name, math.nan))]
        details = [name for name, text in self.details.items() if other.details.get(name, text) != text]
        return [*amounts, *details]


NOTHING = Work({}, {})


def close(one: float, other: float) -> bool:
    """Return whether two amounts are equal except for rounding, or one of them is not known (NaN).

    >>> close(0.1 + 0.2, 0.3), close(1.0, 2.0), close(1.0, float("nan"))
    (True, False, True)
    """
    return not abs(one - other) > CLOSE * max(abs(one), abs(other))


def work_done(scenario: Scenario, job: Job) -> Work:
    """Return the work of *job*, which was built of *scenario*."""
    graph, program, asked = job.graph, job.graph.program, work_of(scenario)
    if isinstance(program, Training):
        samples = float(program.model.rows * program.iterations)
        return Work(
            {"samples": samples, "model_flop": program.iterations * model_flop(program.model)}, {"kind": "training"}
        )
    if asked.name == "items":
        return _items(scenario, job, asked.arguments)
    if graph.orders:
        return Work({"compute_s": float((graph.stated * job.copies).sum())}, {"kind": "stages"})
    tasks, flows = _tasks(scenario, job, asked), _flows(job)
    return Work(tasks.amounts | flows.amounts, tasks.details | flows.details | {"kind": "tasks and flows"})


def _items(scenario: Scenario, job: Job, said: Any) -> Work:
    """Return the work of items. A chain of depth L applies the kernel L times to each item."""
    items, seconds = float(said["count"] or len(said["data"])), _seconds(scenario, job)
    what, column = ("compute_s", seconds) if len(seconds) else ("kernel_runs", job.graph.units)
    spent = {what: float((column * job.copies).sum())}
    item, result, weights = (float(said[size]) for size in ("item", "result", "weights"))
    kinds = {part: said[part] for part in ("kernel", "merge") if said[part] is not None}
    details = {part: repr((ask.name, dict(ask.arguments))) for part, ask in kinds.items()}
    return Work(
        {"items": items, **spent, "bytes": items * (item + result) + weights},
        {"kind": "items", **details, "sizes of items": repr((item, result, weights))},
    )


def _tasks(scenario: Scenario, job: Job, asked: Ask) -> Work:
    graph, edges = job.graph, job.graph.edges
    if not len(graph):
        return NOTHING
    copies, across = job.copies, job.copies[edges.child]
    ends = (across, copies[: len(graph.given)], copies[: len(graph.result)])
    columns = {
        "bytes": (np.concatenate([edges.size, graph.given, graph.result]), np.concatenate(ends)),
        "delay_s": (edges.delay, across),
    }
    told = {}
    if graph.stated.ndim == 1 or asked.name == "tasks":
        seconds = _seconds(scenario, job)
        columns = {"compute_s": (seconds, copies[: len(seconds)]), **columns}
    elif _apart(asked):  # drawn for each device: other devices change the draws, and not the work
        told = {"tasks": json.dumps(asked.arguments, default=str)}
    sums = {name: float((column * many).sum()) for name, (column, many) in columns.items()}
    sizes = {DETAILS[name]: column for name, column in columns.items()}
    sizes |= {name: (held, copies[: len(held)]) for name, held in (("memory", graph.memory), ("output", graph.output))}
    return Work(
        {"tasks": float(copies.sum()), **sums}, told | {name: digest(*column) for name, column in sizes.items()}
    )


def _apart(asked: Ask) -> bool:
    """Return whether a workload is independent of the plan and the cluster."""
    return plan_class(asked.entry) is Plan and not isinstance(asked.entry, Outside)


def _seconds(scenario: Scenario, job: Job) -> Floats:
    """Return the stated seconds of each task at speed 1, or nothing; the mean over devices if they differ."""
    graph, cost = job.graph, scenario.values.get("cost")
    if graph.stated.size:
        return np.nanmean(graph.stated, axis=1) if graph.stated.ndim == 2 else graph.stated
    stated = isinstance(cost, dict) and cost.get("compute") is not None
    return job.cost.expected(graph, 0, Device("at speed 1")) if stated else np.empty(0)


def _flows(job: Job) -> Work:
    flows, copies = job.graph.flows, job.flow_copies
    if not len(flows):
        return NOTHING
    amounts = {"flows": float(copies.sum()), "bytes": float((flows.size * copies).sum())}
    starts = digest(flows.start, copies)
    return Work(amounts, {"sizes of flows": digest(flows.size, copies), "starts of flows": starts})


def digest(column: Floats, copies: Floats) -> str:
    """Write a column as a short text that depends only on its positive numbers, to 12 digits, and their counts.

    >>> one, other = np.array([0.1 + 0.2, 1.0]), np.array([1.0, 0.0, 0.3])
    >>> digest(one, np.ones(2)) == digest(other, np.ones(3)), digest(one, np.ones(2)) == digest(one, np.array([1.0, 2]))
    (True, False)
    """
    numbers = column[column > 0]
    digits = 10.0 ** np.minimum(DIGITS - 1 - np.floor(np.log10(numbers)), LARGEST)
    found, where = np.unique(np.round(numbers * digits) / digits, return_inverse=True)
    times = np.bincount(where, weights=copies[column > 0], minlength=len(found))
    return sha256(found.tobytes() + times.tobytes()).hexdigest()
