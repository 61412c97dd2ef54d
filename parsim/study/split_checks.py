"""What is wrong with a scenario whose two splits are to be held against each other, and what it has to vary.

workload: tasks            only items can be split
cluster.devices: [a, b]    a list has no number to vary
topology: custom           it has no bandwidth of its own
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parsim.build import build
from parsim.core.errors import Complaint, ScenarioError
from parsim.core.scenario import Scenario, changed
from parsim.core.units import parse
from parsim.study.split_runs import SPLITS, Variable
from parsim.topologies import topologies


def see_that_it_plays(scenario: Scenario, variables: Sequence[Variable]) -> None:
    """Tell all that is wrong at once; a scenario that can be played under one of the splits is right."""
    values = scenario.values
    complaints, played = list(_about_kind(values)), [scenario]
    if not complaints:
        complaints = [*_about_plan(values), *(told for variable in variables for told in _about(values, variable))]
        played = [changed(scenario, {"plan.split": split}) for split in SPLITS]
    ours = list(scenario.error(complaints).faults)
    wrong: list[ScenarioError] = []
    for one in played:
        try:
            build(one)
        except ScenarioError as error:
            wrong.append(error)
    if len(wrong) == len(played):
        told = {fault.path for fault in ours}
        ours += (fault for fault in wrong[0].faults if fault.path not in told)
    if ours:
        raise ScenarioError(ours)


def _about_kind(values: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of work that cannot be split by data and by layers."""
    workload = values.get("workload")
    kind = workload.get("kind") if isinstance(workload, dict) else workload
    if kind != "items":
        path = ("workload", "kind") if isinstance(workload, dict) and "kind" in workload else ("workload",)
        yield Complaint(
            path, "only items can be split by data and by layers; write for example {kind: items, count: 8}"
        )


def _about_plan(values: Mapping[str, Any]) -> Iterator[Complaint]:
    plan = values.get("plan")
    for key in ("subsets", "depth"):
        if isinstance(plan, dict) and key in plan:
            yield Complaint(("plan", key), "belongs to one split alone; leave it out where both are compared", "key")


def _about(values: Mapping[str, Any], variable: Variable) -> Iterator[Complaint]:
    """Complain where *variable* has no value in the scenario from which it could be varied."""
    leave = f"or leave {variable.path} out of what is varied (over)"
    cluster = values.get("cluster")
    cluster = cluster if isinstance(cluster, dict) else {}
    if variable.path == "cluster.devices" and isinstance(cluster.get("devices"), list):
        yield Complaint(
            ("cluster", "devices"), f"is a list, and lists have no number to vary; write devices: 4, {leave}"
        )
    if variable.path.startswith("cluster.topology"):
        key = variable.path.rpartition(".")[2]
        topology = cluster.get("topology")
        if topology is None:
            example = "write for example topology: {kind: star, bandwidth: 1 GB/s, latency: 10 us}"
            yield Complaint(("cluster",), f"has no topology, so no {key}; {example}, {leave}", "key")
            return
        kind = topology.get("kind") if isinstance(topology, dict) else topology
        if str(kind) in topologies.entries() and key not in inspect.signature(topologies[str(kind)]).parameters:
            yield Complaint(("cluster", "topology"), f"{kind} has no {key} of its own; use star or full, {leave}")
            return
    if variable.dimension is not None and own(values, variable) == 0:
        example = variable.dimension.example
        yield Complaint(
            tuple(variable.path.split(".")), f"is zero, and so is each multiple; write for example '{example}', {leave}"
        )


def own(values: Mapping[str, Any], variable: Variable) -> float | None:
    """Return the scenario's own value, None where it has none that can be read; a quantity left out is zero."""
    *path, key = variable.path.split(".")
    held: Any = values
    for step in path:
        held = held.get(step) if isinstance(held, dict) else None
    if not isinstance(held, dict):
        return None
    if variable.dimension is None:
        return held[key] if type(held.get(key)) is int else None
    try:
        return parse(held.get(key, f"0 {variable.dimension.base}"), variable.dimension)
    except ValueError:
        return None


def counted(values: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario with its data counted: what the values are costs no time."""
    workload = dict(values["workload"])
    data = workload.pop("data", None)
    if data is not None:
        workload["count"] = len(data)
    return {**values, "workload": {key: held for key, held in workload.items() if key not in ("kernel", "merge")}}
