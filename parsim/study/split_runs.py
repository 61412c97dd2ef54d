"""Runs of one scenario under both splits, with one value of it changed; each is played once.

(data, 'workload.item', 2e7)   ->  Figures          (layers, 'workload.item', 2e7)   ->  Figures
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from parsim.build import build
from parsim.core.errors import RunError, ScenarioError
from parsim.core.job import Job
from parsim.core.scenario import Scenario, changed
from parsim.core.units import BYTES, BYTES_PER_SECOND, SECONDS, Dimension, write
from parsim.export.report import seconds, size
from parsim.export.text import number
from parsim.metrics.ledger import Ledger
from parsim.metrics.ledger import seconds as per_worker
from parsim.metrics.memory import peaks
from parsim.run import run
from parsim.sim.theory import theory
from parsim.study.boundless import boundless
from parsim.study.change import first_line

SPLITS = ("data", "layers")


class Variable(NamedTuple):
    """What is varied: where it stands in a scenario, what it is called, in which dimension (None: it is counted)."""

    path: str
    words: str
    dimension: Dimension | None
    say: Callable[[float], str]

    def written(self, value: float) -> int | str:
        """Write *value* as a scenario has it."""
        return int(value) if self.dimension is None else write(value, self.dimension)


def _time(value: float) -> str:
    return seconds(value, 3)


VARIABLES = {
    variable.path: variable
    for variable in (
        Variable("workload.count", "items N", None, number),
        Variable("cluster.devices", "devices P", None, number),
        Variable("workload.item", "item size", BYTES, size),
        Variable("workload.weights", "weights", BYTES, size),
        Variable("cluster.topology.bandwidth", "bandwidth", BYTES_PER_SECOND, lambda value: f"{size(value)}/s"),
        Variable("cluster.topology.latency", "latency", SECONDS, _time),
    )
}


class Figures(NamedTuple):
    """What a split costs. Waiting is all the time in which a worker does not compute, mean of the workers."""

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
        """Seconds of a worker in which it does not compute."""
        return self.transfer_s + self.idle_s

    def to_dict(self) -> dict[str, float]:
        """Return the figures as plain values."""
        return {**{key: value for key, value in self._asdict().items() if key != "ledger"}, "waiting_s": self.waiting_s}


class Refused(NamedTuple):
    """Why a split cannot be played."""

    why: str


class Runs:
    """The runs of a scenario; what was played or foreseen before is remembered."""

    def __init__(self, scenario: Scenario) -> None:
        if scenario.values.get("clock") == "live":  # items that are varied in number are only counted
            scenario = changed(scenario, {"clock": "simulated"})
        self._scenario = scenario
        self._boundless = changed(scenario, {"cluster": boundless(scenario.values["cluster"])})
        self.figures = cache(self._figures)
        self.t_total = cache(self._t_total)

    def job(self, split: str, path: str, value: int | str) -> Job:
        """Build the scenario with *value* at *path*."""
        return build(changed(self._scenario, {"plan.split": split, path: value}))

    def makespan(self, split: str, path: str, value: int | str) -> float:
        """Return the simulated seconds; infinite where the split cannot be played."""
        figures = self.figures(split, path, value)
        return math.inf if isinstance(figures, Refused) else figures.makespan_s

    def _t_total(self, split: str, path: str, value: int | str) -> float:
        """Return T_total, which knows no memory; infinite where there is nothing to compute it from."""
        try:
            return theory(build(changed(self._boundless, {"plan.split": split, path: value}))).t_total_s
        except ScenarioError:
            return math.inf

    def _figures(self, split: str, path: str, value: int | str) -> Figures | Refused:
        try:
            return measured(self.job(split, path, value))
        except ScenarioError as wrong:
            return Refused(wrong.faults[0].message)
        except RunError as failed:
            return Refused(first_line(failed))


def measured(job: Job) -> Figures:
    """Play *job* and measure what its split costs."""
    result = run(job)
    timeline, ledger, workers = result.timeline, result.ledger, result.theory.p
    moved = timeline.thing[timeline.thing >= 0]
    return Figures(
        makespan_s=timeline.makespan_s,
        t_total_s=result.theory.t_total_s,
        tasks=len(job.graph),
        peak_memory_bytes=float(peaks(job, timeline).max()),
        moved_bytes=float(job.graph.sizes[moved].sum()),
        transfers=len(moved),
        transfer_s=math.fsum(per_worker(timeline, workers).shown.tolist()) / workers,
        idle_s=ledger.idle_s,
        ledger=ledger,
    )
