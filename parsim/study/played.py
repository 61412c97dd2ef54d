"""What was played of a variant: the figures of each seed, and the whole run of one.

figures(case, seed)      a few numbers
whole(case, seed)        the same, and the timeline: a run of a million tasks is large, so of one seed alone
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.job import Theory
from parsim.core.ties import close
from parsim.core.timeline import CAUSES, Timeline, Words
from parsim.run import Result, run
from parsim.sim.record import SpanNames
from parsim.study.case import Case
from parsim.study.noise import Sample, sample
from parsim.study.work import NOTHING, Work, work_done

TERMS = ("t_total", "deviation", *CAUSES, "contention", "hidden")  # hidden is subtracted; causes add up to idle


class Figures(NamedTuple):
    """One run in numbers: `terms` are those of the ledger by name, `computing_s` the mean of the workers."""

    makespan_s: float
    terms: dict[str, float]
    computing_s: float
    utilisation: float
    peak_memory_bytes: float  # of the fullest device
    work: Work = NOTHING

    def over(self, amount: float) -> Figures:
        """Return the same with all seconds divided by an *amount* of work."""
        return self._replace(
            makespan_s=self.makespan_s / amount,
            terms={term: seconds / amount for term, seconds in self.terms.items()},
            computing_s=self.computing_s / amount,
        )


def figures(case: Case, seed: int) -> Figures:
    """Play *case* with *seed*, and take the figures."""
    return _figures(run(case.job(seed)), case)


def _figures(run: Result, case: Case) -> Figures:
    ledger, devices, workers = run.ledger, run.devices, run.theory.p
    makespan = run.timeline.makespan_s
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
    )


class Run(NamedTuple):
    """All of a run but its job, which is built again where it is needed, and the names, which are the job's."""

    seed: int
    theory: Theory
    timeline: Timeline  # without names
    value: Any
    facts: dict[str, Any]  # as in section 2 of the contract
    draws: bool  # times are drawn
    computes: bool  # kernels do

    def result(self, case: Case) -> Result:
        """Return the whole, a run of *case*."""
        job = case.job(self.seed)
        names, timeline = SpanNames(job.graph), self.timeline
        tasks, waits = (words._replace(table=names) for words in (timeline.tasks, timeline.waits))
        return Result(job, self.theory, replace(timeline, tasks=tasks, waits=waits), self.value)


def whole(case: Case, seed: int) -> tuple[Figures, Run]:
    """Play *case* with *seed*; return the figures, and the run itself."""
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
    """A variant after the clock: `runs` by seed, and why it failed with others."""

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
        """The whole run of the first seed that ended; None: none did."""
        return self.run.result(self.case) if self.run else None

    @property
    def makespans(self) -> list[float]:
        """The makespan with each seed that ended."""
        return [run.makespan_s for run in self.runs.values()]

    @property
    def makespan(self) -> Sample:
        """Their mean and its interval."""
        return sample(self.makespans)

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
        """The most that a device held with any seed."""
        return max(run.peak_memory_bytes for run in self.runs.values())


class Pair(NamedTuple):
    """One variant held against another, seed by seed: seconds that it took more, and how often it was shorter."""

    difference: Sample
    shorter: int
    equal: int
    longer: int


def pair(one: Played, other: Played) -> Pair:
    """Hold *one* against *other*, which met the same luck."""
    both = list(zip(one.makespans, other.makespans, strict=True))
    differences = [0.0 if close(a, b) else a - b for a, b in both]
    shorter, longer = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    return Pair(sample(differences), shorter, len(both) - shorter - longer, longer)


def alike(known: Sequence[Played]) -> list[Played]:
    """Return those that several seeds do not tell from the fastest: the interval of the differences holds zero."""
    best = fastest(known)
    others = [one for one in known if one not in best and len(one.runs) > 1]
    return [one for one in others if not pair(one, best[0]).difference.excludes_zero]


def winners(known: Sequence[Played]) -> list[Played]:
    """Return those to mark as the fastest: nobody, where there is no other, or where luck may decide."""
    return [] if len(known) < 2 or alike(known) else fastest(known)


def ended(played: Sequence[Played]) -> list[Played]:
    """Return the variants that failed with no seed: only these met the same luck."""
    return [one for one in played if not one.failures]


def fastest(played: Sequence[Played]) -> list[Played]:
    """Return those of the least mean makespan; several where they tie."""
    least = min((one.makespan.mean for one in played), default=0.0)
    return [one for one in played if close(one.makespan.mean, least)]
