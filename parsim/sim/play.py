"""Play a job on the simulated clock, or on the live one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from simpy import Environment

from parsim.core.columns import NEVER
from parsim.core.errors import Fault, ScenarioError
from parsim.core.evaluation import Values, evaluate
from parsim.core.garbage import uncollected
from parsim.core.job import Job
from parsim.core.progress import under_way
from parsim.core.threads import one_thread
from parsim.core.timeline import Timeline
from parsim.entries.external import staying
from parsim.entries.patience import at
from parsim.sim.alone import members_alone
from parsim.sim.cut import cut
from parsim.sim.engine import Engine, assembled
from parsim.sim.live import rows
from parsim.sim.longest_path import LongestPath, Undecided, refusal
from parsim.sim.network import Network
from parsim.sim.prepared import Prepared, prepared
from parsim.sim.record import Record
from parsim.sim.write import Alone, ended_s, makespan_s, write

T = TypeVar("T")
LARGE = 2_000  # tasks, from which on the longest path is tried


@staying()
@uncollected()
def play(job: Job, alone: Alone = members_alone) -> Timeline:
    """Play *job* to its end; raises `Stalled` when nothing can move before that.

    *alone* returns the nominal seconds of members of collectives.
    """
    return valued(job)[0] if job.clock == "live" else write(job, _simulated(prepared(job)), alone)


@staying()
@uncollected()
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
            _play(job, engine)
            record = engine.record()
        except KeyboardInterrupt:
            raise cut(engine, took) from None
        return write(job, record), values.merged()


@staying()
@uncollected()
def makespan(job: Job) -> float:
    """Return how long *job* takes on the simulated clock; raises `Stalled` as `play` does."""
    ready = prepared(job)
    begun_s, done_s = _either(ready, LongestPath.bounds_s, _bounds_s)
    return makespan_s(job, begun_s, done_s)


def _bounds_s(engine: Engine) -> tuple[float, float]:
    """Return when tasks may begin, and when the last has ended: no member of a collective receives later."""
    record = engine.of_tasks()
    return record.begun_s, ended_s(record)


def _simulated(ready: Prepared) -> Record:
    return _either(ready, LongestPath.play, Engine.record)


def _either(ready: Prepared, by_path: Callable[[LongestPath], T], of_engine: Callable[[Engine], T]) -> T:
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
    engine = engine_of(ready)
    _play(job, engine)
    return of_engine(engine)


def _refused(reason: str) -> ScenarioError:
    return ScenarioError(
        [Fault("--engine", 0, 0, "engine", f"the engine path cannot play this scenario: {reason}; leave --engine out")]
    )


def engine_of(ready: Prepared) -> Engine:
    """Return an engine with a clock and a network of its own."""
    cluster = ready.job.cluster
    return assembled(ready, Environment(0), Network(cluster.capacities, ready.ticks, cluster.profiles))


def _play(job: Job, engine: Engine) -> None:
    """Play *job* to its end; raises `Stalled` when nothing can move before that."""
    tasks = len(job.graph)
    with at(engine.now_s), under_way("tasks", tasks, lambda: tasks - engine.spans.starts.count(NEVER)):
        engine.play()
    if engine.unstarted() or engine.unfinished() or engine.on_the_way():
        raise engine.stall().told(engine.now_s())
