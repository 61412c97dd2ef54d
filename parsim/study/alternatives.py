"""Play the same work under every policy that needs no parameters, or a pipeline under every schedule.

A schedule may need more than the scenario's own: another trainer, or more memory. Then it is told, but is no change.

1f1b (own)   0F0 0F1 .. 0B0 ...         holds 2 activations
zb-h1        0F0 0F1 .. 0I0 0W0 ...     runs the halves of backward apart
gpipe        0F0 0F1 0F2 0F3 ... 0B0    holds 8 activations a rank instead of 2
dualpipe                                holds each stage on 2 ranks instead of 1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from parsim.build import build
from parsim.core.errors import ParsimError
from parsim.core.graph import TaskGraph
from parsim.core.job import Job
from parsim.core.op import TASKS, action, ops_of
from parsim.core.orders import chunks_of
from parsim.core.schema import Ask, kind_of
from parsim.core.tolerance import CLOSE, ranking
from parsim.metrics.activations import live_activations
from parsim.scenario.scenario import Scenario
from parsim.scenario.scenario import changed as changed_by
from parsim.schedules import schedules
from parsim.sim.play import play
from parsim.study.case import Case
from parsim.study.change import Change, Refused, Took, changed, first_line, gain, lacking, took_of
from parsim.study.every import chunks_for, every_policy, every_schedule
from parsim.study.limited import LIMIT, limited
from parsim.training.plan import SCHEDULE
from parsim.training.program import Training
from parsim.training.sharded import ShardedTraining


@dataclass(frozen=True)
class Others:
    """The results of the other policies, or of the other schedules."""

    sort: str  # policy, schedule
    own: str  # the scenario's
    makespan_s: dict[str, float]  # by name, its own included
    needs: dict[str, str]  # name -> what it needs more than the scenario's own
    failed: dict[str, str]  # name -> why it could not be played
    lacks: dict[str, str]  # name -> which device has too little memory for it, where the scenario's own does not fit
    iteration_s: dict[str, float]  # by name, of a training; else empty
    limit: dict[str, int]  # name -> the most activations with which it fits into memory, where it does not without

    def took(self, name: str) -> Took:
        """Return how long the run takes under one of them."""
        return Took(self.makespan_s[name], self.iteration_s.get(name))

    @property
    def compared_s(self) -> dict[str, float]:
        """The seconds by which they are compared, by name: of a training an iteration, else the makespan."""
        return self.iteration_s or self.makespan_s

    @property
    def best(self) -> str:
        """The name of the best policy or schedule; the scenario's own unless another is better."""
        return self._best(sorted(self.makespan_s))

    @property
    def best_alike(self) -> str:
        """The best of those that need no more than the scenario's own."""
        return self._best(sorted(name for name in self.makespan_s if name not in self.needs))

    @property
    def best_that_fits(self) -> str:
        """The best of those that fit into memory; of all where none does."""
        return self._best(sorted(self.makespan_s.keys() - self.lacks.keys()) or sorted(self.makespan_s))

    def _best(self, names: Sequence[str]) -> str:
        took = self.compared_s
        best = names[ranking([took[name] for name in names], CLOSE)[0]]
        own = self.own in names and not gain(took[self.own], took[best])
        return self.own if own else best


class Asked(NamedTuple):
    """The policies or schedules to try."""

    sort: str  # policy, schedule
    own: str  # the scenario's
    sections: dict[str, dict[str, Any]]  # name -> what the scenario says in place of its own


def asked(scenario: Scenario, job: Job) -> Asked:
    """Return what to try for *scenario* and its *job*. A pipeline keeps its ranks and microbatches."""
    if job.graph.orders:
        plan = dict(scenario.values.get("plan") or {})
        own = kind_of(plan.get("schedule") or SCHEDULE.name)
        if no_choice(job):
            return Asked("schedule", own, {})
        chunks = chunks_of(Ask(own, schedules[own]), plan.get("chunks"))  # the same stages for every schedule
        plan |= {"pipeline": ranks_of(job.graph), "chunks": chunks}
        sections = {name: {"plan": {**plan, "schedule": name}} for name in every_schedule() if name != own}
        if isinstance(job.graph.program, Training):  # its layers are cut anew, so that the work is the same
            for name, section in sections.items():
                section["plan"]["chunks"] = chunks_for(name, chunks)
        return Asked("schedule", own, sections)
    own = job.policy_name
    names = () if no_choice(job) else every_policy()
    return Asked("policy", own, {name: {"policy": name} for name in names if name != own})


def no_choice(job: Job) -> str:
    """Say why no policy or schedule has anything to choose; empty where one has."""
    if job.graph.orders:
        return "there is no pipeline: one rank has all stages" if ranks_of(job.graph) == 1 else ""
    return "" if job.graph.computes.any() else "there are no tasks to assign"


class Outcome(NamedTuple):
    """A run with another policy or schedule."""

    took: Took
    needs: str = ""  # what it needs more than the scenario's own; empty: nothing
    lacks: str = ""  # which device has too little memory for it
    limit: int = 0  # of activations, with which it fits; 0: none


def outcome(case: Case, section: dict[str, Any], fits: bool) -> Outcome | str:
    """Return what becomes of *case* with another *section*, or the reason why it cannot be played.

    Where the case itself *fits* into the memory of its devices, one that does not is no alternative.
    """
    scenario, limit = replace(case.scenario, values={**case.scenario.values, **section}), 0
    try:
        if "plan" in section and (fitting := limited(scenario, section["plan"]["schedule"])):
            scenario, limit = changed_by(scenario, {"plan.schedule": fitting}), fitting[LIMIT]
        job = build(scenario)
        line = play(job)
    except ParsimError as error:
        return first_line(error)
    lacks = lacking(job, line)
    if lacks and fits:
        return f"does not fit: {lacks}"
    return Outcome(took_of(job, line), _needs(case.own.graph, job.graph), lacks, limit)


def _needs(own: TaskGraph, other: TaskGraph) -> str:
    """Return what the schedule of *other* needs more than that of *own*, in words."""
    if not own.orders:
        return ""
    words = []
    if _halves(other) and not _halves(own):
        words.append("runs the halves of backward apart")
    before, after = _copies(own), _copies(other)
    if after > before:
        words.append(f"holds each stage on {after} ranks instead of {before}")
    few, many = _chunks(own), _chunks(other)
    if many > few:
        words.append(f"has {many} stages a rank instead of {few}")
    before, after = (max(live_activations(graph)) for graph in (own, other))
    if after * few > before * many:  # of two chunks an activation is half as large
        words.append(f"holds {after} activations a rank instead of {before}")
    return ", ".join(words)


def _chunks(graph: TaskGraph) -> int:
    """Return the stages of each rank of a training; 1 for other pipelines, whose stages an explanation keeps."""
    return graph.program.layout.stages // ranks_of(graph) if isinstance(graph.program, Training) else 1


def ranks_of(graph: TaskGraph) -> int:
    """Return the ranks of a pipeline; with degrees of parallelism, those of one replica."""
    return len(graph.program.cut.orders) if isinstance(graph.program, Training) else len(graph.orders)


def _halves(graph: TaskGraph) -> bool:
    """Return whether a pipeline runs the gradient of inputs apart from that of weights."""
    return bool(np.isin(graph.kind, [code for code, name in enumerate(graph.kinds) if name == "weight_grad"]).any())


def _copies(graph: TaskGraph) -> int:
    """Return on how many ranks a pipeline holds each stage: the most."""
    if isinstance(graph.program, ShardedTraining):
        return 1
    acts = np.isin(graph.kind, [code for code, name in enumerate(graph.kinds) if name in TASKS])
    places = {
        (op.stage, rank)
        for rank, order in enumerate(graph.orders)
        for task in order
        if acts[task]
        for op in ops_of([action(str(graph.names[task]).partition("@")[0])])
    }
    return max(Counter(stage for stage, _ in places).values())


def others(sort: str, own: str, outcomes: Mapping[str, Outcome | str]) -> Others:
    """Collect the *outcomes* by name."""
    failed = {name: found for name, found in outcomes.items() if isinstance(found, str)}
    played = {name: found for name, found in sorted(outcomes.items()) if not isinstance(found, str)}
    needs = {name: found.needs for name, found in played.items() if found.needs}
    lacks = {name: found.lacks for name, found in played.items() if found.lacks}
    makespans = {name: found.took.makespan_s for name, found in played.items()}
    iterations = {name: each for name, found in played.items() if (each := found.took.iteration_s) is not None}
    limits = {name: found.limit for name, found in played.items() if found.limit}
    return Others(sort, own, makespans, needs, failed, lacks, iterations, limits)


def best(found: Others, job: Job) -> Change | Refused:
    """Return the change that the best of the others brings.

    Of a training, whose memory is known, all that can be played count; else those that need no more than the
    scenario's own.
    """
    change, words = f"best_{found.sort}", f"best known {found.sort}"
    if why := no_choice(job):
        return Refused(change, words, why)
    trains = isinstance(job.graph.program, Training) and bool(job.memories)
    name = found.best_that_fits if trains else found.best_alike
    own = " (its own)" if name == found.own else f" with limit: {found.limit[name]}" if name in found.limit else ""
    needs = f", which {found.needs[name]}" if name in found.needs else ""
    own_s, took = found.took(found.own), found.took(name)
    return changed(change, f"{words}, {name}{own}{needs}", own_s, took, name, found.lacks.get(name, ""))
