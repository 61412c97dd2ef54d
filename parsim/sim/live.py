"""The live clock: the kernels of a task run for real when it starts, and their measured time is its length.

    simulated   start --> end = start + expected seconds x luck
    live        start --> run the kernels, now        --> end = start + the seconds that they took / speed

Everything else is simulated: transfers, memory, scheduling. So one core plays 64 devices, the values are real, and a
policy sees expected seconds, never the measured ones.
"""

from __future__ import annotations

from time import perf_counter

from parsim.core.evaluation import Values
from parsim.core.job import Job
from parsim.sim.ticks import Ticks


class Took:
    """The ticks of tasks on a worker; the first look-up of a task runs it."""

    def __init__(self, values: Values, took: dict[int, int], speed: float, ticks: Ticks) -> None:
        self._values, self._took, self._speed, self._ticks = values, took, speed, ticks

    def __getitem__(self, task: int) -> int:
        if task not in self._took:
            begun = perf_counter()
            self._values.compute(task)
            self._took[task] = self._ticks.of((perf_counter() - begun) / self._speed)
        return self._took[task]


def rows(job: Job, values: Values, ticks: Ticks, took: dict[int, int]) -> tuple[Took, ...]:
    """Return the ticks of tasks on every worker, as they will turn out; *took* gets those of each that is computed."""
    speeds = [job.cluster.devices[worker.device].speed for worker in job.cluster.workers]
    return tuple(Took(values, took, speed, ticks) for speed in speeds)
