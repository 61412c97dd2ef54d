"""A scenario that a study plays. It is pickled once for all processes, and built once in each.

Case  --pickled once-->  a worker process  --figures, or a whole run-->  the study
  |                        |
  +-- job, built once      +-- job, built once
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache

from parsim.build import build
from parsim.core.job import Job
from parsim.scenario.scenario import Scenario

KEPT = 8  # cases that a worker process keeps with their jobs


class Case:
    """A scenario, and the first job that is built from it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._jobs: dict[int, Job] = {}  # by seed; one at most

    @cached_property
    def own(self) -> Job:
        """The job with the scenario's own seed."""
        job = build(self.scenario)
        self._jobs = self._jobs or {job.seed: job}
        return job

    def job(self, seed: int) -> Job:
        """Return the job with *seed*. The job of the first seed is cached."""
        if seed in self._jobs:
            return self._jobs[seed]
        job = build(self.seeded(seed))
        self._jobs = self._jobs or {seed: job}
        return job

    def seeded(self, seed: int) -> Scenario:
        """Return the scenario with another *seed*."""
        return replace(self.scenario, values={**self.scenario.values, "seed": seed})

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(self.scenario)

    def __reduce__(self) -> tuple[Callable[[bytes], Case], tuple[bytes]]:
        """Pickle the scenario without its job."""
        return _unpacked, (self._packed,)


@lru_cache(maxsize=KEPT)
def _unpacked(packed: bytes) -> Case:
    return Case(pickle.loads(packed))
