"""An interrupted run on the live clock keeps all that has ended.

w0  |##t0##|##t2##|##t4     kernels of t4 run when Ctrl-C comes: t0, t2 and t1 have ended, t3 and t4 have not
w1  |####t1####|####t3##
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from parsim.core.columns import NEVER
from parsim.core.graph import Floats, Ints
from parsim.core.job import BEFORE
from parsim.core.timeline import Timeline
from parsim.sim.engine import Engine
from parsim.sim.idleness import Intervals
from parsim.sim.record import Interval, Record, Transfers, intervals, ready_times
from parsim.sim.write import compose


class Cut(KeyboardInterrupt):
    """Raised when the user interrupts a run; `timeline` holds all that has ended."""

    def __init__(self, message: str, timeline: Timeline) -> None:
        self.timeline = timeline
        super().__init__(message)


def cut(engine: Engine, took: Mapping[int, int]) -> Cut:
    """Return what had ended when *engine* was interrupted; *took* are the ticks of the tasks that were computed."""
    ended, tasks = _ended(engine, took), len(engine.graph)
    record = _record(engine, ended, engine.ticks.seconds(engine.begun))
    steps, end = [], 0.0
    for step, lasts in enumerate(engine.job.steps[:BEFORE]):
        start, end = end, end + lasts
        if lasts and end <= engine.now_s():
            steps.append((step, start, end))
    said = f"interrupted {_under_way(engine, took)}; {int((ended >= 0).sum())} of {tasks} tasks had ended"
    return Cut(said, compose(engine.job, record, steps, record))


def _under_way(engine: Engine, took: Mapping[int, int]) -> str:
    started = (task for task, start in enumerate(engine.spans.starts) if start != NEVER and task not in took)
    task = next(started, None)
    if task is None:
        return "between two tasks"
    worker = engine.job.cluster.workers[engine.state.worker[task]]
    return f"while {worker.name} had task {engine.graph.names[task]}"


def _ended(engine: Engine, took: Mapping[int, int]) -> Ints:
    """Return the ticks at which tasks have ended, NEVER of all others."""
    ends = [engine.spans.end_of(task) if task in took else NEVER for task in range(len(engine.graph))]
    now = int(engine.clock.now)
    return engine.ticks.whole([end if end <= now else NEVER for end in ends])


def _record(engine: Engine, ended: Ints, begun_s: float) -> Record:
    times, starts = engine.ticks.times, engine.ticks.whole(engine.spans.starts)
    start_s, end_s = times(np.where(ended < 0, NEVER, starts)), times(ended)
    moved = _arrived(engine)
    worker = np.array(engine.state.worker, dtype=np.int64)
    spans = worker, start_s, end_s
    idle, since = _idle(len(engine.spans.idle_from), *_there(spans, moved))
    return Record(
        engine="simpy",
        begun_s=begun_s,
        worker=worker,
        ready_s=ready_times(engine.graph, end_s, begun_s, moved),
        taken_s=engine.when_taken(times(starts)),
        start_s=start_s,
        end_s=end_s,
        transfers=moved,
        idle=intervals(idle),
        idle_from=since,
        starved=engine.starved(),
        overhead=intervals([]),
    )


def _arrived(engine: Engine) -> Transfers:
    """Return the transfers that have arrived; one under way has no length yet."""
    moved = engine.moved()
    there = (moved.start_s < moved.end_s) & (moved.end_s <= engine.now_s())
    return Transfers._make(column[there] for column in moved)


def _there(spans: tuple[Ints, Floats, Floats], moved: Transfers) -> tuple[Ints, Floats, Floats]:
    """Put the spans of tasks that have ended and of transfers together."""
    ended = np.isfinite(spans[2])
    worker, start, end = (column[ended] for column in spans)
    return (
        np.concatenate([worker, moved.worker]),
        np.concatenate([start, moved.start_s]),
        np.concatenate([end, moved.end_s]),
    )


def _idle(workers: int, owner: Ints, start: Floats, end: Floats) -> tuple[list[Interval], list[float]]:
    """Return the intervals between the spans of each worker, and when the last of them ended."""
    idle: list[Interval] = []
    since = [0.0] * workers
    for worker in range(workers):
        mine = owner == worker
        for first, last in _rows(Intervals.union(start[mine], end[mine])):
            idle += [(worker, since[worker], first)] if since[worker] < first else []
            since[worker] = last
    return idle, since


def _rows(found: Intervals) -> Iterator[tuple[float, float]]:
    return zip(found.start.tolist(), found.end.tolist(), strict=True)
