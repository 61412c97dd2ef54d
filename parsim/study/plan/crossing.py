r"""What it would take for the second plan to win: by how much a fact must differ until both take as long.

seconds   first   \                       at 1.4 times the bandwidth the second is as fast;
          second -----X-----               above, it is faster
                  \     bandwidth
          1      1.4     2       4
"""

from __future__ import annotations

import math
from typing import NamedTuple

from parsim.core.job import Job
from parsim.study.plan.facts import Fact, Name, seconds_of
from parsim.study.row import job_of
from parsim.study.space import Space

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # between which a crossing is looked for, the nearest to 1 first
HALVINGS = 7  # of an interval of a factor of 2: to 0.5 %


class Crossing(NamedTuple):
    """The factor of a fact at which two plans take as long; None: there is none from 1/4 to 4."""

    name: Name
    factor: float | None


def crossing(space: Space, first: int, second: int, name: Name) -> Crossing:
    """Return where the plan of row *second* becomes as fast as that of row *first*, nearest to the fact as it is."""
    jobs = job_of(space.scenario_of(first)), job_of(space.scenario_of(second))
    gaps = [_gap(jobs, Fact(name, factor)) for factor in FACTORS]
    middle = FACTORS.index(1.0)
    for distance in range(1, middle + 1):
        for near, far in ((middle + distance - 1, middle + distance), (middle - distance + 1, middle - distance)):
            if gaps[near] > 0 >= gaps[far]:
                return Crossing(name, _narrowed(jobs, name, (FACTORS[near], FACTORS[far])))
    return Crossing(name, None)


def _narrowed(jobs: tuple[Job, Job], name: Name, between: tuple[float, float]) -> float:
    """Halve the interval in which the gap changes its sign."""
    slower, faster = between
    for _ in range(HALVINGS):
        middle = math.sqrt(slower * faster)
        if _gap(jobs, Fact(name, middle)) > 0:
            slower = middle
        else:
            faster = middle
    return faster


def _gap(jobs: tuple[Job, Job], fact: Fact) -> float:
    """Return by how many seconds the second plan is slower; infinite where one is not known."""
    first, second = (seconds_of(fact, job) for job in jobs)
    return math.inf if first is None or second is None else second - first
