"""Find the smallest change with which a run fits into the memory of its devices.

    changes         bytes held at least     seconds at least    played
    zb-h1                61 GB of 80             2.2              2.3 s    fits, the smallest
    recompute: full      24 GB of 80             2.9                       cannot be shorter
    gpipe                86 GB of 80                                       cannot fit

The changes are those that an explanation tries. A lower precision changes the model's numbers, so it comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from parsim.core.errors import ParsimError
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.metrics.training_memory import least
from parsim.scenario.scenario import Scenario
from parsim.sim.estimate import drawn
from parsim.study.case import Case
from parsim.study.causes import trials
from parsim.study.change import Change, NoDifference, Took, Trial, lacking, took_of, tried
from parsim.study.fitting import FITTING, LOWER, smallest, told
from parsim.training.program import Training

MANY = 20_000  # tasks, played or stood for: in a larger run a search takes too long to come unasked


class Bound(NamedTuple):
    """A change that may fit, and what it takes at least."""

    last: bool
    least_s: float
    trial: Trial


def fit_first(scenario: Scenario, job: Job, timeline: Timeline) -> str:
    """Say what does not fit and what would make it fit; empty where all fits."""
    lacks = lacking(job, timeline)
    if not lacks:
        return ""
    if job.copies.sum() > MANY:
        return f"Does not fit: {lacks}. parsim explain finds the smallest change that fits."
    possible = [*_possible(scenario, job, timeline)]
    own = took_of(job, timeline)
    least = _smallest(Case(scenario), job.seed, own, possible)
    return told(lacks, least, [trial.words for trial, _ in possible], own.compared_s)


def _smallest(case: Case, seed: int, own: Took, possible: Sequence[tuple[Trial, Job]]) -> Change | None:
    """Play the changes that may fit, the shortest first, until no other can be shorter."""
    best = None
    for bound in sorted(_bounds(possible), key=lambda bound: bound[:2]):
        if best is not None and bound[:2] >= ((best.change == LOWER), best.compared_s):
            break
        found = tried(case, seed, bound.trial, own)
        if isinstance(found, Change):
            best = smallest([one for one in (best, found) if one is not None])
    return best


def _possible(scenario: Scenario, job: Job, timeline: Timeline) -> Iterator[tuple[Trial, Job]]:
    """Yield the changes that may make it fit, each with its job."""
    for trial in trials(scenario, job, timeline):
        if trial.change in FITTING:
            with suppress(ParsimError, NoDifference):
                yield trial, trial.make(job)


def _bounds(possible: Sequence[tuple[Trial, Job]]) -> Iterator[Bound]:
    for trial, other in possible:
        if (least(other) <= other.memories).all():
            yield Bound(trial.change == LOWER, _seconds(other), trial)


def _seconds(job: Job) -> float:
    """Return the seconds that the busiest rank of a pipeline computes, in an iteration; 0 where it is no pipeline."""
    found, program = drawn(job), job.graph.program
    iterations = program.iterations if isinstance(program, Training) else 1
    ranks = enumerate(list(order) for order in job.graph.orders)
    devices = job.cluster.device_of_worker
    return max((float(found[devices[rank]][order].sum()) for rank, order in ranks), default=0.0) / iterations
