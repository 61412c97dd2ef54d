"""Limit the activations that a schedule holds to as many as fit into the memory of the devices.

zb-auto    limit    fullest device
             64      86 GB of 80       no limit is stated; 6 GB too many are 5 activations of 1.3 GB
             59      81 GB of 80       what travels takes room, too
             58      79 GB of 80       fits, the most

A schedule that searches an order within a limit takes it as a parameter; left out it holds what it likes.
"""

from __future__ import annotations

import inspect
from itertools import count
from typing import Any

import numpy as np

from parsim.build import build
from parsim.core.errors import ParsimError
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.activations import live_activations
from parsim.metrics.held import ACTIVATIONS
from parsim.metrics.training_memory import uses
from parsim.scenario.scenario import Scenario, changed
from parsim.schedules import schedules
from parsim.sim.play import play
from parsim.study.change import lacking

SCHEDULE, LIMIT = "plan.schedule", "limit"


def limited(scenario: Scenario, name: str) -> dict[str, Any] | None:
    """Return the section of schedule *name* with the most activations that fit; None: it takes or needs no limit.

    None also if none makes it fit.
    """
    if LIMIT not in inspect.signature(schedules[name]).parameters:
        return None
    try:
        most = _most(scenario, name)
    except ParsimError:  # it cannot be played, limited or not
        return None
    return {"kind": name, LIMIT: most} if most else None


def _most(scenario: Scenario, name: str) -> int:
    """Return the most activations that fit; 0: all fit, or none."""
    job, timeline = _played(scenario, name)
    if not lacking(job, timeline):
        return 0
    near = max(1, _estimated(job, timeline))
    if not _fits(scenario, near, name):
        return next((fewer for fewer in range(near - 1, 0, -1) if _fits(scenario, fewer, name)), 0)
    return next(more for more in count(near) if not _fits(scenario, more + 1, name))


def _fits(scenario: Scenario, limit: int, name: str) -> bool:
    return not lacking(*_played(scenario, {"kind": name, LIMIT: limit}))


def _played(scenario: Scenario, schedule: Any) -> tuple[Job, Timeline]:
    job = build(changed(scenario, {SCHEDULE: schedule}))
    return job, play(job)


def _estimated(job: Job, timeline: Timeline) -> int:
    """Return how many activations may fit: those of the fullest device, less as many as take what is too much."""
    ranks = len(job.graph.orders)
    live = np.bincount(job.cluster.device_of_worker[:ranks], live_activations(job.graph), len(job.memories))
    peaks = np.array([use.peak()[1] for use in uses(job, timeline)])  # (devices, kinds)
    over = peaks.sum(axis=1) - job.memories
    full = over > 0
    live, held, over = live[full], peaks[full, ACTIVATIONS], over[full]
    return int((live - np.ceil(over * live / held)).min()) if held.all() else 0
