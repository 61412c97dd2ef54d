"""Published training steps by data, tensor and pipeline parallelism against their prediction, with nothing fitted.

    python benchmarks/accuracy.py [--markdown]     prints them, too

    korthikanti   Korthikanti et al., Reducing Activation Recomputation, MLSys 2023, table 5: 22B on 8 A100
    sc21          Narayanan et al., SC 2021, table 1: the four rows without a pipeline, on 32 to 256 A100
    vtrain        Bang et al., vTrain, MICRO 2024: 3.6B on 64 and 18.4B on 256 A100
    bloom         BigScience, BLOOM chronicles-prequel, 2022: 181B on 384 A100

A device sends at what NCCL itself counts on for an A100, 12 NVLinks of 20 GB/s, and a round of a ring takes 3.4 us
within a node and 14 us between nodes (src/graph/topo.h and tuning.cc of NCCL, protocol Simple). Cards run at their data
sheet's rate, those of BLOOM's nodes at what the same team measured beforehand. Optimizers step in several passes, as
Megatron-LM's does. Megatron-LM of SC 2021 adds gradients up while backward runs; Megatron-DeepSpeed does so after it.
BLOOM ran with CUDA_LAUNCH_BLOCKING: a rank waits for what it sends, and 30 us pass from one kernel to the next, which
are 0.5 ms for the 17 kernels of a layer's forward.

A step of many microbatches is played with 2 and with 3, since each further one takes as long as the third. Where
gradients are added up after backward, a pipeline is played with the replicas that share a node, and what the others add
is the difference that they make to a step of one microbatch.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import parsim

FILE = Path(__file__).with_name("published") / "megatron.csv"
FAMILIES = ("korthikanti", "sc21", "vtrain", "bloom")
BOUNDS = {"korthikanti": 0.05, "sc21": 0.08, "vtrain": 0.12, "bloom": 0.09}
AFTER_BACKWARD = {"bucket": "1 TB"}
PLANS: dict[str, dict[str, Any]] = {
    "vtrain": AFTER_BACKWARD,
    "bloom": AFTER_BACKWARD | {"sharding": "zero1", "sends": "blocking"},
}
NETWORKS: dict[str, dict[str, Any]] = {"vtrain": {"nics": 4}, "bloom": {"node": "jean-zay-a100"}}
NETWORK = {"kind": "islands", "node": "dgx-a100", "bandwidth": "240 GB/s", "latency": "1.7 us", "nic_latency": "7 us"}
LAUNCHES = {"bloom": "30 us"}
PER_NODE = 8
FAR = 0.2  # an error that is explained


class Row(NamedTuple):
    """A published step and its prediction."""

    family: str
    name: str
    published_s: float
    predicted_s: float
    terms: dict[str, float]  # s of the prediction

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.predicted_s / self.published_s - 1

    @property
    def told(self) -> str:
        """The terms of the prediction, where it is far off."""
        if abs(self.error) <= FAR:
            return ""
        return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.terms.items())


class Plan(NamedTuple):
    """What tells rows apart, but for the number of microbatches and replicas."""

    family: str
    tensor: int
    pipeline: int
    blocks: int
    width: int
    heads: int
    vocabulary: int
    microbatch: int
    recompute: str
    sequence_parallel: bool


def published() -> list[dict[str, str]]:
    """Read the published rows."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scenario(of: Plan, data: int, microbatches: int) -> dict[str, Any]:
    """Return the scenario of a plan on so many replicas."""
    model: dict[str, Any] = {
        "vocabulary": of.vocabulary,
        "width": of.width,
        "heads": of.heads,
        "blocks": of.blocks,
        "sequence": 2048,
    }
    parts = {"positions": "learned", "biases": True, "tied": True, "dropout": 0.1, "attention": "plain"}
    plan: dict[str, Any] = {
        "data": data,
        "tensor": of.tensor,
        "pipeline": of.pipeline,
        "microbatch_size": of.microbatch,
    }
    plan |= {"microbatches": microbatches, "recompute": of.recompute, "sequence_parallel": of.sequence_parallel}
    plan |= PLANS.get(of.family, {}) | ({"schedule": "1f1b", "stages": "count"} if of.pipeline > 1 else {})
    nodes = {"nodes": max(1, of.tensor * of.pipeline * data // PER_NODE)}
    return {
        "cluster": {"topology": NETWORK | nodes | NETWORKS.get(of.family, {})},
        "workload": {"kind": "transformer", **model, **parts}
        | {"optimizer": {"kind": "adam", "passes": "several"}, "precision": "fp16-mixed"},
        "plan": plan,
        "cost": {"kind": "kernels", "launch": LAUNCHES.get(of.family, "4 us")},
    }


@cache
def terms(of: Plan, data: int, microbatches: int) -> dict[str, float]:
    """Return the seconds of a step, and those of a device's part: the mean of all devices."""
    run = parsim.simulate(scenario(of, data, microbatches))
    compute = mean(device["compute_s"] for device in run.metrics["devices"])
    exchanged = run.to_dict()["communication"]
    exposed = {name: exchanged[name]["exposed_s"] for name in ("tensor", "data", "pipeline")}
    return {"step": run.metrics["training"]["iteration_s"], "compute": compute} | exposed


def predicted(row: dict[str, str]) -> Row:
    """Play a row."""
    count = {key: int(row[key]) for key in ("tensor", "pipeline", "blocks", "width", "heads", "vocabulary")}
    of = Plan(
        row["family"],
        **count,
        microbatch=int(row["microbatch"]),
        recompute=row["recompute"],
        sequence_parallel=row["sequence_parallel"] == "true",
    )
    data = int(row["data"])
    microbatches = int(row["batch"]) // data // of.microbatch
    found = (_piped if of.pipeline > 1 else _lengthened)(of, data, microbatches)
    step = found.pop("step")
    found["idle"] = max(step - sum(found.values()), 0.0)
    return Row(of.family, row["row"], float(row["step_s"]), step, found)


def _piped(of: Plan, data: int, microbatches: int) -> dict[str, float]:
    near = min(data, max(1, PER_NODE // of.tensor))  # replicas that share a node
    found = _lengthened(of, near, microbatches)
    if data > near:
        all_, some = terms(of, data, 1), terms(of, near, 1)
        found = {name: found.get(name, 0.0) + all_[name] - some.get(name, 0.0) for name in all_}
    return found


def _lengthened(of: Plan, data: int, microbatches: int) -> dict[str, float]:
    """Return the terms of so many microbatches, of which at most three are played."""
    if microbatches <= 3:
        return dict(terms(of, data, microbatches))
    two, three = terms(of, data, 2), terms(of, data, 3)
    return {name: two[name] + (microbatches - 2) * (three[name] - two[name]) for name in two}


def summary(rows: list[Row]) -> list[tuple[str, int, float, float]]:
    """Return for each family: how many rows, mean absolute error, mean error."""
    found = []
    for family in dict.fromkeys(row.family for row in rows):
        errors = [row.error for row in rows if row.family == family]
        found.append((family, len(errors), mean(map(abs, errors)), mean(errors)))
    return found
