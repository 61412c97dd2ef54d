"""How long an iteration of training takes: by how much one more iteration lengthens the run.

    iterations: 1    |start|-- iteration --|
    iterations: 2    |start|-- iteration --|-- iteration --|
    iterations: 3    |start|-- iteration --|-- iteration --|-- iteration --|

Both lengths are found by playing one and two iterations at the expected seconds, also for a run of one iteration. If
nothing of a second iteration could begin before the first has ended, or the first tells when the second ends
(`next_iteration`), the second is not played. With early inputs (`plan.prefetch: n`) iterations may alternate in length,
so 1 + n and 2 (1 + n) iterations are played. The effect of noise and real clocks is divided evenly among the
iterations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from parsim.core.errors import Stalled
from parsim.core.job import Job, no_luck
from parsim.core.timeline import STEPS, Timeline
from parsim.sim.next_iteration import second_end_s
from parsim.sim.play import makespan as makespan_of
from parsim.sim.write import makespan_s
from parsim.training.program import Training
from parsim.training.replicas import Replicas, tasks_of
from parsim.training.sharded import ShardedTraining


class Pace(NamedTuple):
    """Seconds of a run of training: makespan = start_s + iterations x iteration_s."""

    start_s: float
    iteration_s: float


def pace(job: Job, timeline: Timeline, program: Training) -> Pace:
    """Return the pace of the run of *job* that *timeline* shows."""
    iterations, makespan = program.iterations, timeline.makespan_s
    expected = job.clock == "simulated" and bool(np.all(job.cost.luck(job.seed, len(job.graph)) == 1.0))
    known = {iterations: makespan} if expected else {}
    if expected and iterations == 1 and isinstance(program, ShardedTraining):
        replicas = Replicas(program)
        if not job.prefetch and _each_waits_for_all(job, timeline, replicas):
            return Pace(sum(job.steps), makespan - sum(job.steps))
        second_s = second_end_s(job, timeline, *replicas.between)
        known |= {} if second_s is None else {2: makespan_s(job, job.begun_s, second_s)}
    try:
        few = 1 + job.prefetch
        for count in {few, 2 * few, iterations} - known.keys():
            known[count] = makespan_of(_lasting(job, program, count))
    except Stalled:  # at the expected seconds, though not at those of this run
        return Pace(0.0, makespan / iterations)
    steady = iterations * (known[2 * few] - known[few]) / few
    start = known[iterations] - steady - sum(job.steps) + _steps(timeline)
    start = min(max(start, 0.0), makespan)
    return Pace(start, (makespan - start) / iterations)


def _each_waits_for_all(job: Job, timeline: Timeline, replicas: Replicas) -> bool:
    """Return whether all that begins an iteration would wait for the very end of the one that *timeline* shows.

    The next one takes as long if links carry as much at any time, and nothing else.
    """
    if job.cluster.profiles or len(job.graph.flows):
        return False
    rows = np.flatnonzero(timeline.of_tasks)
    ends_s = np.zeros(len(job.graph))
    np.maximum.at(ends_s, timeline.number[rows], timeline.end_s[rows])
    over_s = timeline.end_s[timeline.owned].max()
    return bool((replicas.released_s(ends_s) == over_s).all())


def _lasting(job: Job, program: Training, iterations: int) -> Job:
    """Return the same job with so many *iterations*, on the simulated clock, at the expected seconds."""
    graph = tasks_of(replace(program, iterations=iterations))
    return replace(job, graph=graph, clock="simulated", cost=job.cost._replace(luck=no_luck))


def _steps(timeline: Timeline) -> float:
    """Return the seconds that the host's steps took."""
    of_host = np.array([kind in STEPS for kind in timeline.kinds.table], dtype=bool)[timeline.kinds.code]
    return float((timeline.end_s - timeline.start_s)[of_host].sum())
