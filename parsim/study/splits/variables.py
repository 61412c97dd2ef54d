"""The variables of the two splits, and the checks of a scenario in which they are varied.

workload: tasks            only items can be split
cluster.devices: [a, b]    a list has no number to vary
topology: custom           it has no bandwidth of its own
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parsim.build import build
from parsim.core import quantities
from parsim.core.errors import Complaint, Fault, ScenarioError
from parsim.core.quantities import number
from parsim.core.schema import kind_of
from parsim.core.suggestions import did_you_mean
from parsim.core.units import BYTES, BYTES_PER_SECOND, SECONDS, Dimension, parse, write
from parsim.scenario.scenario import Scenario, changed
from parsim.study.runner import size
from parsim.topologies import topologies

SPLITS = ("data", "layers")


class Variable(NamedTuple):
    """A variable: its path in a scenario, its name, and its dimension (None: a count)."""

    path: str
    words: str
    dimension: Dimension | None
    say: Callable[[float], str]

    def written(self, value: float) -> int | str:
        """Write *value* as a scenario has it."""
        return int(value) if self.dimension is None else write(value, self.dimension)


def _time(value: float) -> str:
    return quantities.seconds(value, 3)


def _rate(value: float) -> str:
    return f"{quantities.size(value)}/s"


VARIABLES = {
    variable.path: variable
    for variable in (
        Variable("workload.count", "items N", None, number),
        Variable("cluster.devices", "devices P", None, number),
        Variable("workload.item", "item size", BYTES, quantities.size),
        Variable("workload.weights", "weights", BYTES, quantities.size),
        Variable("cluster.topology.bandwidth", "bandwidth", BYTES_PER_SECOND, _rate),
        Variable("cluster.topology.latency", "latency", SECONDS, _time),
    )
}


def own(values: Mapping[str, Any], variable: Variable) -> float | None:
    """Return the scenario's own value, or None if it has none that can be read. A quantity left out is zero."""
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


def unstated(values: Mapping[str, Any], variable: Variable) -> bool:
    """Return whether the cluster leaves the value out, and the topology says it in another way."""
    cluster, key = values.get("cluster"), variable.path.rpartition(".")[2]
    held = cluster.get("topology") if isinstance(cluster, dict) and "topology." in variable.path else cluster
    if not variable.path.startswith("cluster.") or not isinstance(held, dict) or key in held:
        return False
    return own(values, variable) is None and (held is cluster or _takes(held.get("kind"), key))


def _takes(topology: object, key: str) -> bool:
    """Return whether a kind of topology has this key."""
    known = topologies.entries().get(str(topology))
    return known is not None and key in inspect.signature(known).parameters


def chosen(over: Sequence[str] | None) -> list[Variable]:
    """Return the variables that *over* names, or all of them; an unknown name raises `ScenarioError`."""
    if isinstance(over, str):
        over = [over]
    unknown = [did_you_mean(str(path), VARIABLES) for path in over or () if path not in VARIABLES]
    if unknown or (over is not None and not len(over)):
        told = unknown or [f"names nothing to vary; known are: {', '.join(VARIABLES)}"]
        raise ScenarioError(Fault("--over", 0, 0, "over", message) for message in told)
    return [variable for path, variable in VARIABLES.items() if over is None or path in over]


def checked(scenario: Scenario, variables: Sequence[Variable]) -> int:
    """Return how much there is to play (see `runner.size`) under the split that makes most of it.

    All faults are raised at once. A scenario that can be played under one of the splits is valid.
    """
    values = scenario.values
    complaints, played = list(_about_kind(values)), [scenario]
    if not complaints:
        complaints = [*_about_plan(values), *(told for variable in variables for told in _about(values, variable))]
        played = [changed(scenario, {"plan.split": split}) for split in SPLITS]
    ours = list(scenario.error(complaints).faults)
    wrong: list[ScenarioError] = []
    sizes = []
    for one in played:
        try:
            sizes.append(size(build(one).graph))
        except ScenarioError as error:
            wrong.append(error)
    if len(wrong) == len(played):
        told = {fault.path for fault in ours}
        ours += (fault for fault in wrong[0].faults if fault.path not in told)
    if ours:
        raise ScenarioError(ours)
    return max(sizes)


def _about_kind(values: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of work that cannot be split by data and by layers."""
    workload = values.get("workload")
    if kind_of(workload) != "items":
        path = ("workload", "kind") if isinstance(workload, dict) and "kind" in workload else ("workload",)
        yield Complaint(
            path, "only items can be split by data and by layers; write for example {kind: items, count: 8}"
        )


def _about_plan(values: Mapping[str, Any]) -> Iterator[Complaint]:
    plan = values.get("plan")
    for key in ("subsets", "depth"):
        if isinstance(plan, dict) and key in plan:
            yield Complaint(("plan", key), "works with only one split; leave it out when both are compared", "key")


def _about(values: Mapping[str, Any], variable: Variable) -> Iterator[Complaint]:
    """Complain where *variable* has no value in the scenario from which it could be varied."""
    leave = f"or leave {variable.path} out of --over"
    cluster = values.get("cluster")
    cluster = cluster if isinstance(cluster, dict) else {}
    if variable.path == "cluster.devices" and isinstance(cluster.get("devices"), list):
        yield Complaint(("cluster", "devices"), f"is a list, so it has no number to vary; write devices: 4, {leave}")
    if variable.path.startswith("cluster.topology"):
        key = variable.path.rpartition(".")[2]
        topology = cluster.get("topology")
        if topology is None:
            example = "write for example topology: {kind: star, bandwidth: 1 GB/s, latency: 10 us}"
            yield Complaint(("cluster",), f"has no topology, so it has no {key}; {example}, {leave}", "key")
            return
        kind = kind_of(topology)
        if str(kind) in topologies.entries() and not _takes(kind, key):
            yield Complaint(("cluster", "topology"), f"{kind} has no {key} of its own; use star or full, {leave}")
            return
    if unstated(values, variable):
        *path, key = variable.path.split(".")
        example = "4" if variable.dimension is None else variable.dimension.example
        yield Complaint(tuple(path), f"states no {key} to vary; write for example '{key}: {example}', {leave}", "key")
    if variable.dimension is not None and own(values, variable) == 0:
        example = variable.dimension.example
        yield Complaint(
            tuple(variable.path.split(".")),
            f"is zero, so its multiples are zero; write for example '{example}', {leave}",
        )


def counted(values: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario with its data counted. Values cost no time, so no kernel needs to run."""
    workload = dict(values["workload"])
    data = workload.pop("data", None)
    if data is not None:
        workload["count"] = len(data)
    rest = {key: held for key, held in values.items() if key != "clock"}
    return {**rest, "workload": {key: held for key, held in workload.items() if key not in ("kernel", "merge")}}
