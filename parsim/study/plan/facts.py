"""Facts that a prediction rests on, and plans under other facts.

bandwidth     of all links
efficiency    how fast devices compute
ceiling       what products of matrices reach: as measured, or the peak of the data sheet
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from parsim.core.errors import ParsimError
from parsim.core.job import Job
from parsim.sim.play import play
from parsim.study.change import NoDifference, took_of
from parsim.study.counterfactual import at_peak, bandwidth_times, computing_times, travels
from parsim.study.row import job_of
from parsim.study.space import Space

Name = Literal["bandwidth", "efficiency", "ceiling"]
BY = 0.2  # what each fact is varied by


class Fact(NamedTuple):
    """A fact, and how many times what the scenario says it is."""

    name: Name
    factor: float

    def __str__(self) -> str:
        """Name it.

        >>> print(Fact("bandwidth", 0.8))
        bandwidth -20 %
        """
        return "peak of data sheet" if self.name == "ceiling" else f"{self.name} {100 * (self.factor - 1):+.0f} %"


VARIED = (
    Fact("bandwidth", 1 - BY),
    Fact("bandwidth", 1 + BY),
    Fact("efficiency", 1 - BY),
    Fact("efficiency", 1 + BY),
    Fact("ceiling", 1.0),
)


def other(fact: Fact, job: Job) -> Job:
    """Return *job* on a cluster of which a fact is another one; raise `NoDifference` where it is not stated."""
    if fact.name == "ceiling":
        return at_peak(job)
    if fact.name == "bandwidth" and not travels(job):
        raise NoDifference("nothing travels")
    return {"bandwidth": bandwidth_times, "efficiency": computing_times}[fact.name](fact.factor, job)


def seconds_under(space: Space, row: int, facts: Sequence[Fact]) -> list[float | None]:
    """Return the seconds of a plan under each of the *facts*; None: the cluster does not state the fact."""
    job = job_of(space.scenario_of(row))
    return [seconds_of(fact, job) for fact in facts]


def seconds_of(fact: Fact, job: Job) -> float | None:
    """Return the seconds of a plan's *job* under a fact; None: the cluster does not state it."""
    try:
        changed = other(fact, job)
        return took_of(changed, play(changed)).compared_s
    except (NoDifference, ParsimError):
        return None
