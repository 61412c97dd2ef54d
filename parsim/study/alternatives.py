"""Play the same work under every policy that needs no parameters, or a pipeline under every schedule."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from parsim.build import build
from parsim.core.errors import ParsimError
from parsim.core.job import Job
from parsim.core.orders import GIVEN, chunks_of
from parsim.core.schema import Ask
from parsim.core.tolerance import CLOSE, ranking
from parsim.entries.registry import Shelf
from parsim.policies import policies
from parsim.scenario.scenario import Scenario
from parsim.schedules import schedules
from parsim.sim.play import play
from parsim.study.case import Case
from parsim.study.change import Change, Refused, first_line, gain


@dataclass(frozen=True)
class Others:
    """The results of the other policies, or of the other schedules."""

    sort: str  # policy, schedule
    own: str  # the scenario's
    makespan_s: dict[str, float]  # by name, its own included
    failed: dict[str, str]  # name -> why it could not be played

    @property
    def best(self) -> str:
        """The name of the best policy or schedule; the scenario's own unless another is better."""
        names = sorted(self.makespan_s)
        best = names[ranking([self.makespan_s[name] for name in names], CLOSE)[0]]
        return best if gain(self.makespan_s[self.own], self.makespan_s[best]) else self.own


class Asked(NamedTuple):
    """The policies or schedules to try."""

    sort: str  # policy, schedule
    own: str  # the scenario's
    sections: dict[str, dict[str, Any]]  # name -> what the scenario says in place of its own


def asked(scenario: Scenario, job: Job) -> Asked:
    """Return what to try for *scenario* and its *job*. A pipeline keeps its ranks and microbatches."""
    if not len(job.graph):
        return Asked("policy", job.policy_name, {})
    if job.graph.orders:
        plan = dict(scenario.values["plan"])
        own = _kind(plan["schedule"])
        plan |= {"pipeline": len(job.graph.orders)} | _chunks(scenario)
        names = _without_parameters(schedules, set(GIVEN))
        sections = {name: {"plan": {**plan, "schedule": name}} for name in names if name != own}
        return Asked("schedule", own, sections)
    own = job.policy_name
    names = [name for name in _without_parameters(policies, set()) if name not in ("in_order", own)]
    return Asked("policy", own, {name: {"policy": name} for name in names})


def outcome(case: Case, section: dict[str, Any]) -> float | str:
    """Return the makespan of *case* with another *section*, or the reason why it cannot be played."""
    try:
        return play(build(replace(case.scenario, values={**case.scenario.values, **section}))).makespan_s
    except ParsimError as error:
        return first_line(error)


def others(sort: str, own: str, outcomes: Mapping[str, float | str]) -> Others:
    """Collect the *outcomes* by name."""
    failed = {name: found for name, found in outcomes.items() if isinstance(found, str)}
    makespans = {name: found for name, found in sorted(outcomes.items()) if not isinstance(found, str)}
    return Others(sort, own, makespans, failed)


def best(found: Others, job: Job) -> Change | Refused:
    """Return the change that the best of the others brings."""
    change, words = f"best_{found.sort}", f"best known {found.sort}"
    if not len(job.graph):
        return Refused(change, words, "there are no tasks to assign")
    name, own_s = found.best, found.makespan_s[found.own]
    told = f"{words}, {name}" + (" (its own)" if name == found.own else "")
    took = found.makespan_s[name]
    return Change(change, told, took, gain(own_s, took), name)


def _chunks(scenario: Scenario) -> dict[str, int | None]:
    """Return the chunks of a pipeline of stages, so that every schedule has the same stages, and the same work."""
    if _kind(scenario.values["workload"]) != "stages":
        return {}
    plan = scenario.values["plan"]
    own = _kind(plan["schedule"])
    return {"chunks": chunks_of(Ask(own, schedules[own]), plan.get("chunks"))}


def _kind(said: str | Mapping[str, Any]) -> str:
    return said if isinstance(said, str) else str(said["kind"])


def _without_parameters(shelf: Shelf, given: set[str]) -> list[str]:
    """Return the names of the entries that need no parameter except those *given*."""
    return [
        name
        for name, entry in shelf.entries().items()
        if all(
            parameter.default is not parameter.empty or parameter.name in given
            for parameter in inspect.signature(entry).parameters.values()
        )
    ]
