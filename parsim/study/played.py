"""The runs of a variant: the figures of each seed, and the whole run of one seed.

figures(case, seed)      a few numbers
whole(case, seed)        the same and the timeline, for one seed only: a run of a million tasks is large
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.job import Theory
from parsim.core.timeline import CAUSES, Timeline, Words
from parsim.core.tolerance import close
from parsim.metrics.activations import live_activations
from parsim.run import Result, run
from parsim.sim.received import Received
from parsim.sim.record import SpanNames
from parsim.study.case import Case
from parsim.study.change import lacking
from parsim.study.noise import Sample, sample
from parsim.study.work import NOTHING, Work, work_done
from parsim.training.program import Training

TERMS = ("t_total", "deviation", *CAUSES, "contention", "hidden")  # hidden is subtracted; causes add up to idle


class Figures(NamedTuple):
    """One run in numbers: `terms` are the ledger's by name, `computing_s` is the mean of the workers."""

    makespan_s: float
    terms: dict[str, float]
    computing_s: float
    utilisation: float
    peak_memory_bytes: float  # of the fullest device
    work: Work = NOTHING
    busy: float = 0.0  # the share of the makespan in which a worker with a rank computes, the mean of these
    live_activations: int = 0  # of the rank of a pipeline that holds the most; 0: it is no pipeline
    iteration_s: float | None = None  # of a training, in the steady state
    iterations: int = 1
    lacks: str = ""  # which device has too little memory, where tasks never wait for it; empty: none

    @property
    def compared_s(self) -> float:
        """The seconds by which a run is compared: of a training an iteration, else the makespan."""
        return self.makespan_s if self.iteration_s is None else self.iteration_s

    def over(self, amount: float) -> Figures:
        """Return the figures with all seconds divided by an *amount* of work."""
        return self._replace(
            makespan_s=self.makespan_s / amount,
            terms={term: seconds / amount for term, seconds in self.terms.items()},
            computing_s=self.computing_s / amount,
            iteration_s=None if self.iteration_s is None else self.iteration_s * self.iterations / amount,
            iterations=1,
        )


def figures(case: Case, seed: int) -> Figures:
    """Play *case* with *seed* and return the figures."""
    return _figures(run(case.job(seed)), case)


def _figures(run: Result, case: Case) -> Figures:
    ledger, devices, workers = run.ledger, run.devices, run.theory.p
    makespan = run.timeline.makespan_s
    program, trained = run.job.graph.program, run.metrics["training"]
    computing = sum(device["stands_for"] * device["compute_s"] for device in devices) / workers
    return Figures(
        makespan_s=makespan,
        terms={
            "t_total": ledger.t_total_s,
            "deviation": ledger.deviation_s,
            **ledger.idle,
            "contention": ledger.contention_s,
            "hidden": ledger.hidden_s,
        },
        computing_s=computing,
        utilisation=computing / makespan if makespan else 0.0,
        peak_memory_bytes=max(device["peak_memory_bytes"] for device in devices),
        work=work_done(case.seeded(run.job.seed), run.job),
        busy=computing * workers / (run.job.ranks * makespan) if makespan else 0.0,
        live_activations=max(live_activations(run.job.graph), default=0),
        iteration_s=trained["iteration_s"] if trained else None,
        iterations=program.iterations if isinstance(program, Training) else 1,
        lacks=lacking(run.job, run.timeline),
    )


class Run(NamedTuple):
    """A run without its job and its names. The job is built again where it is needed, and it has the names."""

    seed: int
    theory: Theory
    timeline: Timeline  # without names
    value: Any
    facts: dict[str, Any]  # as in section 2 of the contract
    draws: bool  # times are drawn
    computes: bool  # kernels do

    def result(self, case: Case) -> Result:
        """Return the result of the run, which was a run of *case*."""
        job = case.job(self.seed)
        timeline, met = self.timeline, self.timeline.sender >= 0
        names = SpanNames(job.graph, Received(timeline.sender[met], timeline.number[met]))
        tasks, waits = (words._replace(table=names) for words in (timeline.tasks, timeline.waits))
        return Result(job, replace(timeline, tasks=tasks, waits=waits), self.theory, self.value)


def whole(case: Case, seed: int) -> tuple[Figures, Run]:
    """Play *case* with *seed*; return the figures and the run."""
    result = run(case.job(seed))
    job, timeline = result.job, result.timeline
    tasks, waits = (Words(words.code, ()) for words in (timeline.tasks, timeline.waits))
    return _figures(result, case), Run(
        seed=seed,
        theory=result.theory,
        timeline=replace(timeline, tasks=tasks, waits=waits),
        value=result.value,
        facts=result.to_dict(),
        draws=bool(np.ptp(job.cost.luck(seed, 2))),
        computes=job.graph.program is not None,
    )


@dataclass(frozen=True)
class Played:
    """A variant after its runs: `runs` by seed, and the reasons why other seeds failed."""

    label: str
    case: Case
    settings: dict[str, Any]
    runs: dict[int, Figures]
    failures: dict[int, str]
    run: Run | None  # whole, of the first seed that ended; None: none did
    draws_graph: bool  # another one with another seed

    @property
    def seed(self) -> int:
        """The first seed that ended."""
        return next(iter(self.runs))

    @cached_property
    def result(self) -> Result | None:
        """The whole run of the first seed that ended; None if no seed ended."""
        return self.run.result(self.case) if self.run else None

    @property
    def makespans(self) -> list[float]:
        """The makespan of each seed that ended."""
        return [run.makespan_s for run in self.runs.values()]

    @property
    def makespan(self) -> Sample:
        """The mean makespan and its interval."""
        return sample(self.makespans)

    @property
    def compared(self) -> Sample:
        """The mean and the interval of the seconds by which variants are compared."""
        return sample([run.compared_s for run in self.runs.values()])

    @property
    def trains(self) -> bool:
        """Whether the runs are trainings, which are compared by their iteration."""
        return all(run.iteration_s is not None for run in self.runs.values())

    @property
    def live_activations(self) -> int:
        """The most activations that a rank of the pipeline holds; 0 if it is no pipeline."""
        return max(run.live_activations for run in self.runs.values())

    @property
    def bubbles(self) -> tuple[float, float]:
        """The mean idle time of the ranks, as a share of the time in which none is idle, and of the whole."""
        busy = self.mean(lambda run: run.busy)
        return (1 / busy - 1 if busy else 0.0), 1 - busy

    @property
    def mfu(self) -> float | None:
        """The model FLOP utilisation of the first seed that ended; None: it trains nothing, or no peak is known."""
        figures = self.run.facts["training"] if self.run else None
        return figures["mfu"] if figures else None

    def mean(self, figure: Callable[[Figures], float]) -> float:
        """Return the mean of a figure over the seeds."""
        return sample([figure(run) for run in self.runs.values()]).mean

    def terms(self) -> dict[str, float]:
        """Return the mean terms of the ledger, in the order of `TERMS`."""
        return {term: self.mean(lambda run, term=term: run.terms[term]) for term in TERMS}  # type: ignore[misc]

    @property
    def work(self) -> Work:
        """The mean amounts of work over the seeds, and the details of the first."""
        first, *_ = works = [run.work for run in self.runs.values()]
        means = {name: sample([work.amounts[name] for work in works]).mean for name in first.amounts}
        return Work(means, first.details)

    @property
    def peak_memory_bytes(self) -> float:
        """The largest peak of memory of a device over all seeds."""
        return max(run.peak_memory_bytes for run in self.runs.values())

    @property
    def lacks(self) -> str:
        """Which device has too little memory, with the first seed that lacks some; empty: none."""
        return next((run.lacks for run in self.runs.values() if run.lacks), "")


class Pair(NamedTuple):
    """One variant compared with another seed by seed: how much longer it took, and how often it was shorter."""

    difference: Sample
    shorter: int
    equal: int
    longer: int


def pair(one: Played, other: Played) -> Pair:
    """Compare *one* with *other*, which had the same luck."""
    both = list(zip(one.runs.values(), other.runs.values(), strict=True))
    compared = [(mine.compared_s, theirs.compared_s) for mine, theirs in both]
    differences = [0.0 if close(a, b) else a - b for a, b in compared]
    shorter, longer = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    return Pair(sample(differences), shorter, len(both) - shorter - longer, longer)


def alike(known: Sequence[Played]) -> list[Played]:
    """Return the variants that are not significantly slower than the fastest: the interval contains zero."""
    best = fastest(known)
    others = [one for one in known if one not in best and len(one.runs) > 1]
    return [one for one in others if not pair(one, best[0]).difference.excludes_zero]


def winners(known: Sequence[Played]) -> list[Played]:
    """Return the variants to mark as fastest: none where only one ended, where none fits, or where luck may decide."""
    fit = fitting(known)
    return [] if len(known) < 2 or not fit or alike(fit) else fastest(fit)


def fitting(known: Sequence[Played]) -> list[Played]:
    """Return the variants that fit into the memory of their devices."""
    return [one for one in known if not one.lacks]


def ended(played: Sequence[Played]) -> list[Played]:
    """Return the variants that ended with every seed: only these had the same luck."""
    return [one for one in played if not one.failures]


def fastest(played: Sequence[Played]) -> list[Played]:
    """Return the variants with the least mean makespan, of trainings the least mean iteration; several if they tie."""
    least = min((one.compared.mean for one in played), default=0.0)
    return [one for one in played if close(one.compared.mean, least)]
