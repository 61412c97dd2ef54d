"""Runs of one scenario under both splits, with one value of it changed; each is played once.

Place("data", "workload.item", 2e7)   ->  Figures          Place("layers", "workload.item", 2e7)   ->  Figures
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from parsim.build import build
from parsim.core.errors import RunError, ScenarioError
from parsim.core.job import Job
from parsim.metrics.ledger import Ledger, outside_compute
from parsim.metrics.memory import peaks
from parsim.run import run
from parsim.scenario.scenario import Scenario, changed
from parsim.sim.theory import theory
from parsim.study.case import Case
from parsim.study.change import first_line
from parsim.study.unlimited_memory import boundless


class Place(NamedTuple):
    """One run: a split, and the new value of one path of the scenario."""

    split: str
    path: str
    value: int | str

    def scenario(self, case: Case) -> Scenario:
        """Return the scenario of *case* at this place."""
        return changed(case.scenario, {"plan.split": self.split, self.path: self.value})


class Figures(NamedTuple):
    """The costs of a split. Waiting is the time in which a worker does not compute, as the mean of the workers."""

    makespan_s: float
    t_total_s: float
    tasks: int
    peak_memory_bytes: float  # of the fullest device
    moved_bytes: float
    transfers: int
    transfer_s: float  # of a worker's transfers, outside its computing
    idle_s: float
    ledger: Ledger

    @property
    def waiting_s(self) -> float:
        """The seconds in which a worker does not compute."""
        return self.transfer_s + self.idle_s

    def to_dict(self) -> dict[str, float]:
        """Return the figures as plain values."""
        return {**{key: value for key, value in self._asdict().items() if key != "ledger"}, "waiting_s": self.waiting_s}


class Refused(NamedTuple):
    """A split that cannot be played, and why."""

    why: str

    def to_dict(self) -> dict[str, str]:
        """Return it as plain values."""
        return {"refused": self.why}


class Runs:
    """The runs of *case*. A run that is *known* or has been played or predicted here is not repeated."""

    def __init__(self, case: Case, known: Mapping[Place, Figures | Refused]) -> None:
        self._case, self._known = case, dict(known)
        self.t_total = cache(self._t_total)

    def figures(self, place: Place) -> Figures | Refused:
        """Return the figures of a run."""
        if place not in self._known:
            self._known[place] = played(self._case, place)
        return self._known[place]

    def makespan(self, place: Place) -> float:
        """Return the simulated seconds; infinite where the split cannot be played."""
        figures = self.figures(place)
        return math.inf if isinstance(figures, Refused) else figures.makespan_s

    def _t_total(self, place: Place) -> float:
        """Return T_total, which ignores memory; infinite where it cannot be computed."""
        figures = self._known.get(place)
        if isinstance(figures, Figures):
            return figures.t_total_s
        scenario = place.scenario(self._case)
        try:
            return theory(build(changed(scenario, {"cluster": boundless(scenario.values["cluster"])}))).t_total_s
        except ScenarioError:
            return math.inf


def played(case: Case, place: Place) -> Figures | Refused:
    """Play *case* at *place*, or return why it cannot be played."""
    try:
        return measured(build(place.scenario(case)))
    except ScenarioError as wrong:
        return Refused(wrong.faults[0].message)
    except RunError as failed:
        return Refused(first_line(failed))


def measured(job: Job) -> Figures:
    """Play *job* and measure the costs of its split."""
    result = run(job)
    timeline, ledger, stands_for = result.timeline, result.ledger, job.cluster.stands_for
    rows = np.flatnonzero(timeline.transfer >= 0)
    size, copies = job.graph.transfers.size[timeline.transfer[rows]], stands_for[timeline.workers.code[rows]]
    shown = outside_compute(timeline, len(stands_for)) * stands_for
    return Figures(
        makespan_s=timeline.makespan_s,
        t_total_s=result.theory.t_total_s,
        tasks=len(job.graph),
        peak_memory_bytes=float(peaks(job, timeline).max()),
        moved_bytes=float((size * copies).sum()),
        transfers=int(copies.sum()),
        transfer_s=math.fsum(shown.tolist()) / job.cluster.p,
        idle_s=ledger.idle_s,
        ledger=ledger,
    )
