"""What the makespan would be if one thing were otherwise: each thing changed alone, and played.

    no transfer delay    every route takes no time, stated delays are 0 s, flows have no limit
    infinite memory      devices without limit
    one more worker      one more like the last
    best known policy    every policy on the shelf that needs no parameters; of a pipeline, every schedule

The same seed and the same scenario for all: what differs is what was changed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from parsim.build import build
from parsim.core.cluster import Cluster, Route
from parsim.core.errors import ParsimError, ScenarioError
from parsim.core.job import Job
from parsim.core.registry import Shelf
from parsim.core.scenario import Scenario
from parsim.core.ties import CLOSE
from parsim.policies import policies
from parsim.schedules import schedules
from parsim.sim.play import play
from parsim.study.workers import with_workers


class Change(NamedTuple):
    """One thing changed, and what came of it."""

    change: str  # its name in JSON
    words: str
    makespan_s: float
    gain_s: float  # by how much the run ends sooner; negative: later


class Refused(NamedTuple):
    """One thing that could not be changed, or makes no difference."""

    change: str
    words: str
    why: str


@dataclass(frozen=True)
class Others:
    """The same work under every policy, or schedule, of the shelf."""

    sort: str  # policy, schedule
    own: str  # the scenario's
    makespan_s: dict[str, float]  # by name, its own included
    failed: dict[str, str]  # name -> why it could not be played

    @property
    def best(self) -> str:
        """The name of the best; the scenario's own where no other is better."""
        best = min(self.makespan_s, key=lambda name: (float(f"{self.makespan_s[name]:.12g}"), name))
        return best if gain(self.makespan_s[self.own], self.makespan_s[best]) else self.own


def changes(scenario: Scenario, job: Job, makespan_s: float) -> Iterator[Change | Refused]:
    """Yield what comes of each change but the policy; *job* was built of *scenario* and took *makespan_s*."""
    asked: tuple[tuple[str, str, Callable[[], Job]], ...] = (
        ("no_transfer_delay", "no transfer delay", lambda: without_transfers(job)),
        ("infinite_memory", "infinite memory", lambda: without_limits(job)),
        ("one_more_worker", "one more worker", lambda: one_more_worker(scenario, job)),
    )
    for change, words, make in asked:
        try:
            took = _makespan(make())
        except ParsimError as error:
            yield Refused(change, words, first_line(error))
        except NoDifference as same:
            yield Refused(change, words, str(same))
        else:
            yield Change(change, words, took, gain(makespan_s, took))


def gain(makespan_s: float, changed_s: float) -> float:
    """Return how much sooner the changed run ends; nothing where only rounding differs.

    >>> gain(3.0, 2.5), gain(0.3, 0.1 + 0.2)
    (0.5, 0.0)
    """
    difference = makespan_s - changed_s
    return difference if abs(difference) > CLOSE * max(makespan_s, changed_s) else 0.0


def first_line(error: Exception) -> str:
    """Say in a line why a run could not be made."""
    if isinstance(error, ScenarioError):
        more = len(error.faults) - 1
        return error.faults[0].message + (f" (and {more} more)" if more else "")
    return str(error).partition("\n")[0]


class NoDifference(Exception):
    """The change would change nothing."""


def without_transfers(job: Job) -> Job:
    """Let everything travel at once; what travels still takes room at its receiver."""
    graph, wiring = job.graph, job.cluster.wiring
    moving = (graph.edges.size, graph.edges.delay, graph.given, graph.result)
    if not any(len(column) and (column > 0).any() for column in moving) and not len(graph.flows):
        raise NoDifference("nothing travels")

    def route(source: int, target: int) -> Route | None:
        return None if wiring.route(source, target) is None else ()  # over no link, it takes no time

    edges = replace(graph.edges, delay=np.zeros(len(graph.edges)))
    flows = replace(graph.flows, limit=np.full(len(graph.flows), math.inf))
    return replace(
        job,
        cluster=Cluster(job.cluster.devices, wiring._replace(route=route)),
        graph=replace(graph, edges=edges, flows=flows),
    )


def without_limits(job: Job) -> Job:
    """Let every device hold whatever comes."""
    cluster = job.cluster
    if all(device.memory == math.inf for device in cluster.devices):
        raise NoDifference("no device has a limit")
    devices = tuple(device._replace(memory=math.inf) for device in cluster.devices)
    return replace(job, cluster=Cluster(devices, cluster.wiring))


def one_more_worker(scenario: Scenario, job: Job) -> Job:
    """Add a worker like the last; a pipeline keeps its ranks."""
    if not len(job.graph):
        raise NoDifference("flows go between the places that they name")
    if job.graph.orders:
        ranks = len(job.graph.orders)
        words = f"{ranks} rank{'s' * (ranks != 1)}"
        raise NoDifference(f"the pipeline keeps its {words}, and gives another worker nothing to do")
    return build(with_workers(scenario, job, len(job.cluster.workers) + 1))


def others(scenario: Scenario, job: Job, makespan_s: float) -> Others:
    """Play every policy that needs no parameters; of a pipeline every schedule, its ranks and microbatches the same."""
    if not len(job.graph):
        return Others("policy", job.policy_name, {job.policy_name: makespan_s}, {})
    if job.graph.orders:
        plan = scenario.values["plan"]
        own, sort = _kind(plan["schedule"]), "schedule"
        given = {"ranks", "microbatches", "chunks"}
        ranks = len(job.graph.orders)
        asked: dict[str, dict[str, Any]] = {
            name: {"plan": {**plan, "pipeline": ranks, "schedule": name}}
            for name in _without_parameters(schedules, given)
        }
    else:
        own, sort = job.policy_name, "policy"
        asked = {name: {"policy": name} for name in _without_parameters(policies, set()) if name != "in_order"}
    found, failed = {own: makespan_s}, {}
    for name, values in asked.items():
        if name != own:
            try:
                found[name] = _makespan(build(replace(scenario, values={**scenario.values, **values})))
            except ParsimError as error:
                failed[name] = first_line(error)
    return Others(sort, own, dict(sorted(found.items())), failed)


def _kind(asked: str | Mapping[str, Any]) -> str:
    return asked if isinstance(asked, str) else str(asked["kind"])


def _without_parameters(shelf: Shelf, given: set[str]) -> list[str]:
    """Name the entries that need nothing beyond what they are *given*."""
    return [
        name
        for name, entry in shelf.entries().items()
        if all(
            parameter.default is not parameter.empty or parameter.name in given
            for parameter in inspect.signature(entry).parameters.values()
        )
    ]


def _makespan(job: Job) -> float:
    return play(job).makespan_s
