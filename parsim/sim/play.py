"""Play a job on the simulated clock."""

from __future__ import annotations

import math

import numpy as np

from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.sim.carrier import Carrier
from parsim.sim.engine import Engine
from parsim.sim.record import Record
from parsim.sim.stall import stalled
from parsim.sim.write import write


def play(job: Job) -> Timeline:
    """Play *job* to its end; raises `Stalled` when nothing can move before that."""
    return write(job, _played(job))


def _played(job: Job) -> Record:
    engine = Carrier(job) if needs_carrier(job) else Engine(job)
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
