"""What grows when a scenario is scaled: its workers, or one degree of parallelism while the others stay.

over plan.data       data 1, 2, 4, ...   tensor 4, pipeline 2     P = 8, 16, 32, ...     the batch stays (strong)
    weak                                                          or that of a replica   (weak)
over plan.pipeline   pipeline 1, 2, 4    data 2, tensor 4         P = 8, 16, 32
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from parsim.build import build
from parsim.core.errors import Complaint, Fault, ParsimError, ScenarioError
from parsim.core.job import Job
from parsim.core.suggestions import did_you_mean
from parsim.hardware import MOST_WORKERS
from parsim.metrics.collective import lone
from parsim.scenario.scenario import Scenario, changed
from parsim.study.mixtures import batched, microbatch_size
from parsim.study.workers import with_workers
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining

WORKERS = "cluster.devices"
DEGREES = ("plan.data", "plan.tensor", "plan.pipeline", "plan.context")
LEAST = 8  # workers up to which a small scenario is followed


class Growth(NamedTuple):
    """What grows: a path of the scenario, its own value there, the workers for each unit, and the least value."""

    over: str
    own: int
    each: int
    weak: bool
    least: int = 1

    @property
    def counts(self) -> set[int]:
        """The numbers of workers to play: powers of two of what grows, up to twice the scenario's, and its own.

        >>> sorted(Growth("plan.data", 3, 4, weak=False).counts)
        [4, 8, 12, 16]
        """
        if self.over == WORKERS:
            return {count for count in _counts(self.own) if count >= self.least}
        most = min(2 * self.own, MOST_WORKERS // self.each)
        values = {self.least << power for power in range(most.bit_length()) if self.least << power <= most}
        return {self.each * value for value in values | {self.own}}

    @property
    def step(self) -> int:
        """What numbers of workers are multiples of.

        >>> Growth("plan.data", 3, 4, weak=False, least=2).step, Growth(WORKERS, 8, 1, weak=False, least=2).step
        (8, 1)
        """
        return 1 if self.over == WORKERS else self.each * self.least

    def scenario(self, scenario: Scenario, job: Job, workers: int) -> Scenario:
        """Return the scenario on so many workers; *job* was built from it."""
        program, value = job.graph.program, workers // self.each
        wider = with_workers(scenario, job, workers)
        if isinstance(program, ShardedTraining):
            rows, size = program.model.rows, microbatch_size(program)
            data = value if self.over == "plan.data" else program.parallelism.degrees.data
            rows = rows // self.own * value if self.weak else rows
            return changed(wider, {**batched(rows, data, size), self.over: value})
        return changed(wider, {self.over: value}) if self.over != WORKERS else wider


def growth(scenario: Scenario, job: Job, over: str, weak: bool) -> Growth:
    """Return what grows; *over* is empty where nobody chose it. What cannot grow raises `ScenarioError`."""
    graph, own = job.graph, job.cluster.p
    if isinstance(graph.program, ShardedTraining):
        over = _chosen(over or DEGREES[0], DEGREES)
        if weak and over != DEGREES[0]:
            why = f"keeps the batch of a replica while replicas are added, and {over} adds none; use plan.data"
            raise ScenarioError([Fault("--weak", 0, 0, "weak", why)])
        degrees = graph.program.parallelism.degrees
        value = getattr(degrees, over.partition(".")[2])
        others = degrees.data * degrees.context // value if over in ("plan.data", "plan.context") else degrees.expert
        return Growth(over, value, own // value, weak, degrees.expert // math.gcd(degrees.expert, others))
    if weak:
        why = "needs training by degrees of parallelism, whose replicas have a batch each; leave it out"
        raise ScenarioError([Fault("--weak", 0, 0, "weak", why)])
    if graph.orders and isinstance(graph.program, Training):
        return Growth(_chosen(over or "plan.pipeline", ("plan.pipeline",)), len(graph.orders), 1, weak=False)
    _refuse(scenario, job)
    return Growth(_chosen(over or WORKERS, (WORKERS,)), own, 1, weak=False, least=_fewest(scenario, job))


def _chosen(over: str, known: tuple[str, ...]) -> str:
    if over not in known:
        raise ScenarioError([Fault("--over", 0, 0, "over", did_you_mean(over, known))])
    return over


def _counts(own: int) -> Iterator[int]:
    """Yield 1, 2, 3, 4, 6, 8, ... up to twice the scenario's own number of workers, which is included.

    >>> sorted(set(_counts(5)))
    [1, 2, 3, 4, 5, 6, 8]
    """
    most = min(max(2 * own, LEAST), MOST_WORKERS)
    yield own
    power = 1
    while power <= most:
        yield from (p for p in (power, power + power // 2) if p <= most)
        power *= 2


def _fewest(scenario: Scenario, job: Job) -> int:
    """Return the fewest workers to begin with: of a collective the first that its algorithm takes, else 1."""
    if lone(job) is None:
        return 1
    own = job.cluster.p
    for count in sorted(set(_counts(own))):
        if 1 < count < own:
            with suppress(ParsimError):
                build(with_workers(scenario, job, count))
                return count
    return own


def _refuse(scenario: Scenario, job: Job) -> None:
    """Refuse work that is tied to its workers."""
    why = ""
    if job.graph.orders:
        why = "is a pipeline, whose ranks are part of the work; compare plan.pipeline and cluster.devices instead"
    elif not len(job.graph):
        why = "moves bytes between fixed places, so more workers have nothing to share; use a workload with tasks"
    if why:
        raise scenario.error([Complaint(("workload",), why)])
