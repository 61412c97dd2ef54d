"""Rules for workloads: a valid graph, the same in every call, that plays on every cluster that it does not refuse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from parsim.build import build
from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.conformance.games import DELAYED, ITEMS, STAGES
from parsim.core.errors import ScenarioError
from parsim.core.graph import TaskGraph
from parsim.core.job import Job
from parsim.entries.checks import graph as checked
from parsim.metrics.checker import check
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.sections import plan_class
from parsim.workloads import workloads

GIVEN = ("cluster", "plan", "cost")
FLOWS = [
    {"name": "f0", "from": "w0", "to": "host", "size": "1 MB"},
    {"name": "f1", "from": "host", "to": "w0", "size": "2 MB"},
]
SAMPLES: dict[str, dict[str, Any]] = {  # arguments that examples cannot provide
    "items": ITEMS,
    "stages": STAGES,
    "tasks": {"kind": "tasks", "tasks": [{**row, "compute": "1 s"} for row in DELAYED]},
    "mlp": {"widths": [4, 8, 3], "batch": 8, "iterations": 2},
    "transformer": {"vocabulary": 8, "width": 4, "sequence": 3, "batch": 8, "iterations": 2},
    "cnn": {"image": 6, "classes": 3, "channels": [2, 3], "batch": 8, "iterations": 2},
    "encoder_decoder": {"vocabulary": 8, "width": 4, "sequence": 3, "target_sequence": 2, "batch": 8, "iterations": 2},
    "mixture": {"vocabulary": 8, "width": 4, "sequence": 3, "experts": 3, "batch": 8, "iterations": 2},
    "transfers": {"kind": "transfers", "flows": FLOWS},
    "collective": {"operation": "all-reduce", "size": "1 MB"},
}
PLANS: dict[str, dict[str, Any]] = {
    "items": {"split": "layers"},
    "stages": {"schedule": "1f1b", "microbatches": 3},
    "mlp": {"split": "layers", "pipeline": 1, "microbatches": 3},
    "transformer": {"split": "data"},
    "encoder_decoder": {"split": "layers", "pipeline": 1, "microbatches": 3},
    "mixture": {"split": "data"},
    "cnn": {"split": "layers", "pipeline": 1, "microbatches": 3},
}
CLUSTERS: dict[str, Any] = {
    "one device": 1,
    "three devices": 3,
    "two devices with two slots": [{"name": f"w{index}", "slots": 2} for index in range(2)],
}


def cases(entry: str, said: Mapping[str, Any] | None = None) -> list[Case]:
    """Return the cases of a workload; *said* are arguments that examples cannot provide."""
    clusters = {"two devices": 2, **CLUSTERS} if entry == "collective" else CLUSTERS  # which is no work for one
    alone = ("one device",) if entry == "collective" else ()
    return [Case(name, partial(play, entry, clusters[name], said or {})) for name in clusters if name not in alone]


def play(entry: str, devices: Any, said: Mapping[str, Any]) -> Found:
    """Make the graph twice, and play it."""
    made = workloads[entry]
    scenario: dict[str, Any] = {
        "cluster": {"devices": devices, "topology": {"kind": "star", "bandwidth": "10 MB/s"}},
        "workload": {"kind": entry, **asked(made, GIVEN, {**SAMPLES.get(entry, {}), **said})},
        "plan": asked(plan_class(made), (), PLANS.get(entry, {})),
    }
    job, other = _built(scenario), _built(scenario)
    checked(who_of("workloads", entry, "workload"), {"cluster": job.cluster}, job.graph)
    broken = check(job, run(job).timeline)
    if not _same(job.graph, other.graph):
        broken.append("makes another graph when called again; draw random numbers from a seed parameter")
    return found(broken, f"{len(job.graph)} tasks, {len(job.graph.edges)} edges")


def _built(scenario: dict[str, Any]) -> Job:
    try:
        return build(load(scenario))
    except ScenarioError as error:
        if all(fault.path not in ("cost.compute", "cost.kind") for fault in error.faults):
            raise
    return build(load({**scenario, "cost": {"kind": "constant", "compute": "1 s"}}))  # it does not state seconds


def _same(one: TaskGraph, other: TaskGraph) -> bool:
    columns = [
        (one.names, other.names),
        (one.stated, other.stated),
        (one.units, other.units),
        *((getattr(one.edges, name), getattr(other.edges, name)) for name in ("parent", "child", "size", "delay")),
    ]
    return all(
        np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype.kind == "f") for a, b in columns
    )
