"""A closed form of the makespan, with its numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

from parsim.core.job import Job
from parsim.core.quantities import number


class Form(NamedTuple):
    """A closed form with numbers: its name, the formula, and the makespan that it predicts."""

    name: str
    formula: str
    makespan_s: float


def form_of(job: Job, name: str, formula: str, seconds: float) -> Form:
    """Add the steps of the host before and after the tasks."""
    steps = math.fsum(job.steps)
    return Form(name, formula + (f" + steps {number(steps)} s" if steps else ""), job.begun_s + seconds + after(job))


def after(job: Job) -> float:
    """Return the seconds of the host's steps after the tasks."""
    return float(sum(job.steps[3:]))
