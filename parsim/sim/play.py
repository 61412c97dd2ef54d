"""Play a job on the simulated clock, or on the live one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from simpy import Environment

from parsim.core.columns import NEVER
from parsim.core.errors import Fault, ScenarioError
from parsim.core.evaluation import Values, evaluate
from parsim.core.job import Job
from parsim.core.progress import under_way
from parsim.core.threads import one_thread
from parsim.core.timeline import Timeline
from parsim.entries.external import staying
from parsim.entries.patience import at
from parsim.sim.cut import cut
from parsim.sim.engine import Engine, assembled
from parsim.sim.live import rows
from parsim.sim.longest_path import LongestPath, Undecided, refusal
from parsim.sim.network import Network
from parsim.sim.prepared import Prepared, prepared
from parsim.sim.record import Record
from parsim.sim.write import ended_s, makespan_s, write

T = TypeVar("T")
LARGE = 2_000  # tasks, from which on the longest path is tried


@staying()
def play(job: Job) -> Timeline:
    """Play *job* to its end; raises `Stalled` when nothing can move before that."""
    return valued(job)[0] if job.clock == "live" else write(job, _simulated(prepared(job)))


@staying()
def valued(job: Job) -> tuple[Timeline, Any]:
    """Play *job* to its end; return what happened, and the result of its kernels (None: nothing is computed).

    Raises `Cut` where somebody interrupts the live clock.
    """
    if job.clock != "live":
        timeline = play(job)
        return timeline, evaluate(job.graph, timeline)
    values, ready = Values(job.graph), prepared(job)
    if job.engine == "path":
        raise _refused(refusal(ready))
    took: dict[int, int] = {}
    engine = engine_of(replace(ready, lasts=rows(job, values, ready.ticks, took)))
    with one_thread():
        values.program.prepare(range(len(job.graph)))
        try:
            record = _played(job, engine)
        except KeyboardInterrupt:
            raise cut(engine, took) from None
        return write(job, record), values.merged()


@staying()
def makespan(job: Job) -> float:
    """Return how long *job* takes on the simulated clock; raises `Stalled` as `play` does."""
    ready = prepared(job)
    begun_s, done_s = _either(ready, LongestPath.bounds_s, lambda record: (record.begun_s, ended_s(record)))
    return makespan_s(job, begun_s, done_s)


def _simulated(ready: Prepared) -> Record:
    return _either(ready, LongestPath.play, lambda record: record)


def _either(ready: Prepared, by_path: Callable[[LongestPath], T], of_record: Callable[[Record], T]) -> T:
    """Play on SimPy, or by the longest path if the job asks for it, or if that is possible and the job is large."""
    job = ready.job
    if job.engine == "path" or (job.engine == "auto" and len(job.graph) > LARGE):
        reason = refusal(ready)
        try:
            if not reason:
                return by_path(LongestPath(ready))
        except Undecided as undecided:
            reason = str(undecided)
        if job.engine == "path":
            raise _refused(reason)
    return of_record(_played(job, engine_of(ready)))


def _refused(reason: str) -> ScenarioError:
    return ScenarioError(
        [Fault("--engine", 0, 0, "engine", f"the engine path cannot play this scenario: {reason}; leave --engine out")]
    )


def engine_of(ready: Prepared) -> Engine:
    """Return an engine with a clock and a network of its own."""
    cluster = ready.job.cluster
    return assembled(ready, Environment(0), Network(cluster.capacities, ready.ticks, cluster.profiles))


def _played(job: Job, engine: Engine) -> Record:
    tasks = len(job.graph)
    with at(engine.now_s), under_way("tasks", tasks, lambda: tasks - engine.spans.starts.count(NEVER)):
        record = engine.play()
    if np.isnan(record.end_s).any() or engine.on_the_way():
        raise engine.stall().told(engine.now_s())
    return record
