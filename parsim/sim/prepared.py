"""What is fixed before the clock starts: the unit of time, the ticks of every task, the policy and what it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from parsim.core.graph import TaskGraph
from parsim.core.job import Job, Ordered, Policy
from parsim.sim.clock import clock_unit
from parsim.sim.estimate import by_worker, drawn, estimate, expected
from parsim.sim.ticks import Ticks


class Taking(Protocol):
    """The ticks that tasks take on a worker."""

    def __getitem__(self, task: int, /) -> int:
        """Return the ticks of *task*, which starts now or has started."""


@dataclass
class Prepared:
    """A job with all that is known before the clock starts."""

    job: Job
    ticks: Ticks
    lasts: Sequence[Taking]  # [worker][task]; alike devices share an array
    policy: Policy
    homes: list[int] = field(default_factory=list)  # [task] its worker, where the policy names all; else empty
    orders: Sequence[Sequence[int]] = ()  # [worker] its tasks in order, where the policy fixes it; else empty
    now: Any = 0  # the instant that is played: whole ticks, or seconds of the wall clock


def prepared(job: Job) -> Prepared:
    """Draw the times of *job*, choose the unit of its clock, and prepare its policy."""
    compute = drawn(job)
    ticks = clock_unit(job, compute)
    ready = Prepared(job, ticks, by_worker(job, compute, ticks.row), job.policy())
    foreseen = estimate(job, expected(job))._replace(instant=lambda: ready.now)
    ready.policy.prepare(job.graph, job.graph.places, foreseen)
    ready.homes = _homes(ready.policy, job.graph)
    if ready.homes and isinstance(ready.policy, Ordered):
        ready.orders = [ready.policy.order_of(worker) for worker in range(len(job.cluster.workers))]
    return ready


def _homes(policy: Policy, graph: TaskGraph) -> list[int]:
    """Return the worker of each task, where the policy names all that compute."""
    homes = list(map(policy.home, range(len(graph))))
    for task in np.flatnonzero(~graph.computes).tolist():
        homes[task] = graph.places[graph.place[task]][0]
    return [] if None in homes or not graph.computes.any() else homes  # type: ignore[return-value]
