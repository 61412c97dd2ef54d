"""Decide whether a job is folded, and on which part of a cluster; refuse a fold that is not possible.

off    every device is played
auto   more than 64 devices are folded where that is exact; what cannot be folded is played whole, and a note says why
on     as auto, for any number of devices; where nothing can be folded, that is an error

Where a topology says after how many devices its wiring repeats, a part with four repetitions tells of all: the devices
of the other parts do the same. So the time to build a job does not depend on the number of data ranks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parsim.core.cluster import HOST, UNWIRED, Beyond, Cluster, Device, Folding
from parsim.core.columns import Numbered
from parsim.core.errors import Fault, ScenarioError
from parsim.core.graph import TaskGraph
from parsim.core.job import Cost, no_luck, properties
from parsim.hardware import ClusterForm, claimed
from parsim.training.fold import MOST_UNFOLDED
from parsim.training.plan import TrainingPlan

COUNTS = ("nodes", "leaves")  # parameters of topologies that say how many devices there are
BY_DEGREES = "only training by degrees of parallelism, such as plan: {data: 8}, is folded"


def about_fold(said: dict[str, Any], computed: bool) -> str:
    """Return why valid sections of a scenario cannot be folded; empty: they may be."""
    policy = said.get("policy")
    if computed:
        return "kernels really run, on every device"
    if policy is not None and policy.name != "in_order":
        return f"the policy {policy.name} chooses between equal workers"
    return ""


def part_of(said: dict[str, Any], cost: Cost | None, fold: Folding) -> tuple[ClusterForm, int]:
    """Return the form of a part that tells of the whole cluster, and how many parts there are; 1: the whole."""
    form, plan = said["cluster"], said.get("plan")
    if fold == "off" or not isinstance(plan, TrainingPlan) or plan.split:
        return form, 1
    whole, period = plan.degrees, _period(form, cost)
    if period is None or _counts(form) - {whole.devices} or list(whole.complaints(whole.devices)):
        return form, 1
    times = whole.parts(period)
    if times == 1 or (fold == "auto" and whole.devices <= MOST_UNFOLDED):
        return form, 1
    arguments = {key: value for key, value in form.topology.arguments.items() if key not in COUNTS}
    topology = form.topology._replace(arguments=arguments)
    return replace(form, devices=whole.part(times).devices, topology=topology), times


def _period(form: ClusterForm, cost: Cost | None) -> int | None:
    """Return after how many devices a cluster repeats; None: not at all, as far as is known."""
    plain = cost is None or (cost.alike is properties and cost.luck is no_luck)
    if not plain or isinstance(form.devices, list) or form.topology is None or form.topology.arguments.get("changes"):
        return None
    period: int | None = claimed(form.topology, "period")
    return period


def _counts(form: ClusterForm) -> set[int]:
    """Return the numbers of devices that the cluster and its topology state."""
    return {count for count in (form.devices, claimed(form.topology, "devices")) if isinstance(count, int)}


def named(devices: tuple[Device, ...], plan: TrainingPlan, times: int) -> tuple[Device, ...]:
    """Return the devices of a part with the names that they have in the whole cluster."""
    numbers = plan.degrees.numbers_of_part(times).tolist()
    return tuple(device._replace(name=f"w{number}") for device, number in zip(devices, numbers, strict=True))


def foldable(cluster: Cluster, fold: Folding, said: dict[str, Any], times: int) -> Cluster:
    """Let the workload fold its tasks on a cluster, which is one of so many equal parts."""
    if times == 1 or cluster.wiring is UNWIRED:
        return Cluster(cluster.devices, cluster.wiring, fold)
    degrees = said["plan"].degrees
    places = Numbered(lambda place: f"w{place}" if place < degrees.devices else HOST, degrees.devices + 1)
    wiring = said["cluster"].topology.make(places=places)
    return Cluster(cluster.devices, cluster.wiring, fold, times, Beyond(wiring, degrees.numbers_of_part(times)))


def played_on(graph: TaskGraph, cluster: Cluster, fold: Folding, why: str) -> tuple[TaskGraph, Cluster]:
    """Return *graph*, which says why it is not folded, and the cluster on which it is played.

    A fold that must be and is not is refused; *why* says why the scenario cannot be folded, empty: it may be.
    """
    found = graph.fold
    if fold == "on" and (found is None or found.why or why):
        told = BY_DEGREES if found is None else why or found.why
        raise ScenarioError(
            [Fault("--fold", 0, 0, "fold", f"this scenario cannot be folded: {told}; leave --fold out")]
        )
    if found is None:
        return graph, cluster
    if why and fold == "auto" and found.devices > MOST_UNFOLDED:
        graph = replace(graph, fold=replace(found, why=why))
    return graph, found.cluster
