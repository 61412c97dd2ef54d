"""How good the policies are, and what they cost.

    python benchmarks/policies.py

Good: the makespan over the proven optimum, on the cases of tests/data/scheduling_cases.json that have one. Those with
equal workers and no transfers are one table, those with different workers and transfers another; work is counted in
whole runs. Cost: the run time of `play` beside that of fifo, taken in turn in one process; and the seconds of policies
that plan, on a layered graph.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
from yardstick import PENDING, Row, table

from parsim.build import build
from parsim.core.job import Job
from parsim.policies import policies
from parsim.scenario.scenario import load
from parsim.sim.play import play

CASES = json.loads((Path(__file__).parents[1] / "tests/data/scheduling_cases.json").read_text(encoding="utf-8"))[
    "cases"
]
SHELF = [name for name in policies.entries() if name != "in_order"]
TASKS = 100_000
ROUNDS = 5
GOALS = dict.fromkeys(("spt", "lpt", "critical_path", "work_stealing"), "1.3 or less")
PLANNED = 10_000
LAYER = 100  # tasks in a layer of the graph that is planned
PARENTS = 3
PLANNING_S = 10


def job_of(devices: Any, tasks: list[dict[str, Any]], policy: str) -> Job:
    """Return the job of a task graph."""
    return build(
        load({"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": policy})
    )


# -- how good


def ratio(case: dict[str, Any], policy: str) -> float:
    """Return how many times the optimum the policy takes."""

    def stated(seconds: float | dict[str, float]) -> str | dict[str, str]:
        return {w: f"{s} s" for w, s in seconds.items()} if isinstance(seconds, dict) else f"{seconds} s"

    tasks = [
        {"name": one["name"], "compute": stated(one["seconds"]), "after": stated(one.get("after", {}))}
        for one in case["tasks"]
    ]
    optimum: float = case["expect"]["optimal"]
    return play(job_of(case["workers"], tasks, policy)).makespan_s / optimum


def goodness(title: str, kinds: Iterable[str]) -> str:
    """Write a table of all policies over the cases of some kinds, the best mean first."""
    cases = [case for case in CASES if case["kind"] in kinds and "optimal" in case["expect"]]
    rows = []
    for policy in SHELF:
        found = {case["name"]: ratio(case, policy) for case in cases}
        worst = max(found, key=lambda name: found[name])
        met = sum(value < 1 + 1e-9 for value in found.values())
        rows.append((mean(found.values()), policy, found[worst], f"{met} of {len(cases)}", worst))
    lines = [("policy", "mean", "worst", "optimal", "worst on")]
    lines += [
        (policy, f"{average:.3f}", f"{worst:.3f}", met, name) for average, policy, worst, met, name in sorted(rows)
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = ("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join([f"makespan / optimum: {title}", *(line.rstrip() for line in written)])


# -- at what cost


def seconds_of(job: Job) -> float:
    """Return how long playing takes."""
    gc.collect()
    started = perf_counter()
    play(job)
    return perf_counter() - started


def cost() -> list[Row]:
    """Measure every policy on independent tasks of different lengths, beside fifo."""
    lengths = np.random.default_rng(0).uniform(1, 10, TASKS).round(6).tolist()
    tasks = [{"name": f"t{i}", "compute": f"{s} s"} for i, s in enumerate(lengths)]
    jobs = {name: job_of(PENDING, tasks, name) for name in SHELF if name not in ("heft", "cpop", "peft")}
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            taken[name].append(seconds_of(job))
    rows = []
    for name, found in taken.items():
        times = median(own / fifo for own, fifo in zip(found, taken["fifo"], strict=True))
        rows.append(
            Row(name, f"{median(found):.3f} s", f"{median(taken['fifo']):.3f} s", f"{times:.2f}", GOALS.get(name, ""))
        )
    return rows


def layered(policy: str) -> Job:
    """Return the job of a random layered graph on devices of different speeds, edges in seconds."""
    draw = np.random.default_rng(1)
    tasks: list[dict[str, Any]] = []
    for number in range(PLANNED):
        above = (number // LAYER - 1) * LAYER
        parents = above + draw.choice(LAYER, PARENTS, replace=False) if above >= 0 else ()
        after = {f"t{parent}": f"{draw.uniform(0.1, 2):.3f} s" for parent in parents}
        tasks.append({"name": f"t{number}", "compute": f"{draw.uniform(1, 10):.3f} s", "after": after})
    devices = [{"name": f"d{i}", "speed": round(float(draw.uniform(0.5, 2)), 2)} for i in range(PENDING)]
    return job_of(devices, tasks, policy)


def main() -> None:
    """Print the tables."""
    print(goodness("equal workers, no transfers", ("independent", "dag")), "\n")
    print(goodness("different workers, transfers", ("dag_hetero_comm",)), "\n")
    print(table(f"{TASKS:,} independent tasks, {PENDING} workers (beside fifo)", cost()), "\n")
    planned = {name: seconds_of(layered(name)) for name in ("heft", "cpop", "peft")}
    rows = [
        Row(name, f"{s:.1f} s", goal=f"{PLANNING_S} s or less" if name == "heft" else "") for name, s in planned.items()
    ]
    print(table(f"{PLANNED:,} tasks in layers, {PARENTS} parents each, {PENDING} workers", rows))


if __name__ == "__main__":
    main()
