"""Decide whether a job is folded, and refuse a fold that is asked for and not possible.

off    every device is played
auto   more than 64 devices are folded where that is exact; what cannot be folded is played whole, and a note says why
on     as auto, for any number of devices; where nothing can be folded, that is an error
"""

from __future__ import annotations

from typing import Any

from parsim.core.cluster import Cluster, Folding
from parsim.core.errors import Fault, ScenarioError
from parsim.core.graph import TaskGraph

BY_DEGREES = "only training by degrees of parallelism, such as plan: {data: 8}, is folded"


def about_fold(said: dict[str, Any], computed: bool) -> str:
    """Return why valid sections of a scenario cannot be folded; empty: they may be."""
    policy = said.get("policy")
    if computed:
        return "kernels really run, on every device"
    if policy is not None and policy.name != "in_order":
        return f"the policy {policy.name} chooses between equal workers; leave policy out"
    return ""


def foldable(cluster: Cluster, fold: Folding, why: str) -> Cluster:
    """Let the workload fold its tasks on a cluster, unless it says *why* not."""
    return Cluster(cluster.devices, cluster.wiring, "off" if why else fold)


def played_on(graph: TaskGraph | None, cluster: Cluster, fold: Folding, why: str) -> tuple[Cluster, list[str]]:
    """Return the cluster on which *graph* is played, and notes on its fold; refuses one that must be and is not."""
    found = graph.fold if graph is not None else None
    if graph is not None and fold == "on" and (found is None or found.why or why):
        told = why or (found.why if found is not None else BY_DEGREES)
        raise ScenarioError(
            [Fault("--fold", 0, 0, "fold", f"this scenario cannot be folded: {told}; leave --fold out")]
        )
    if found is None:
        return cluster, []
    return found.cluster, found.notes
