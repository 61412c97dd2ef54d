"""Play a job on the simulated clock, or on the live one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parsim.core.job import Job
from parsim.core.outside import staying
from parsim.core.patience import at
from parsim.core.progress import under_way
from parsim.core.threads import one_thread
from parsim.core.timeline import Timeline
from parsim.core.values import Values
from parsim.metrics.values import evaluate
from parsim.sim.carrier import Carrier
from parsim.sim.cut import cut
from parsim.sim.engine import Engine
from parsim.sim.live import rows
from parsim.sim.record import Record
from parsim.sim.stall import stalled
from parsim.sim.ticks import NEVER
from parsim.sim.write import write


@staying()
def play(job: Job) -> Timeline:
    """Play *job* to its end; raises `Stalled` when nothing can move before that."""
    return valued(job)[0] if job.clock == "live" else write(job, _played(job, _engine(job)))


@staying()
def valued(job: Job) -> tuple[Timeline, Any]:
    """Play *job* to its end; return what happened, and the result of its kernels (None: nothing is computed).

    Raises `Cut` where somebody interrupts the live clock.
    """
    if job.clock != "live":
        timeline = play(job)
        return timeline, evaluate(job.graph, timeline)
    values, engine = Values(job.graph), _engine(job)
    took: dict[int, int] = {}
    engine.lasts = rows(job, values, engine.ticks, took)
    with one_thread():
        values.program.prepare(range(len(job.graph)))
        try:
            record = _played(job, engine)
        except KeyboardInterrupt:
            raise cut(engine, took) from None
        return write(job, record), values.merged()


def _engine(job: Job) -> Engine:
    return Carrier(job) if needs_carrier(job) else Engine(job)


def _played(job: Job, engine: Engine) -> Record:
    tasks = len(job.graph)
    with at(engine.now_s), under_way("tasks", tasks, lambda: tasks - engine.starts.count(NEVER)):
        record = engine.play()
    if np.isnan(record.end_s).any():
        raise stalled(engine)
    return record


def needs_carrier(job: Job) -> bool:
    """Say whether anything travels, or any device has a limit."""
    graph = job.graph
    moves = (graph.edges.size, graph.edges.delay, graph.given, graph.result)
    limited = any(device.memory < math.inf for device in job.cluster.devices)
    return limited or len(graph.flows) > 0 or any(bool(np.any(column > 0)) for column in moves)
