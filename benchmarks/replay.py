"""What a tiny task takes in a replay: its worker known beforehand, or not.

    python benchmarks/replay.py

4,000 tasks that double a number, on two workers; beside `Pool.map` of the same kernel on as many, a task at a time, in
turn in one process. Wall time from the first task's start to the last one's end; medians of several rounds.
"""

from __future__ import annotations

import multiprocessing
import os
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

from yardstick import Row, table

import parsim
from parsim.kernels import kernels

KERNEL = kernels["double"]()
TASKS, WORKERS, ROUNDS = 4_000, 2, 7
GOALS = {"heft": 90 / 79, "round_robin": 90 / 79}  # the others ask only when a worker is free
POLICIES = ("heft", "round_robin", "fifo")


def scenario(policy: str) -> dict[str, Any]:
    """Return the scenario of tasks that double a number each."""
    return {
        "cluster": {"devices": WORKERS},
        "workload": {"kind": "items", "data": [1] * TASKS, "kernel": "double", "merge": "sum"},
        "plan": {"split": "data", "subsets": TASKS},
        "cost": {"kind": "constant", "compute": "1 us"},
        "policy": policy,
    }


def replayed(policy: str) -> float:
    """Return the seconds of a task in a replay."""
    timeline = parsim.replay(scenario(policy)).measured.timeline
    tasks = timeline.computes
    return float(timeline.end_s[tasks].max() - timeline.start_s[tasks].min()) / TASKS


def double(value: int) -> Any:
    """Call the kernel."""
    return KERNEL.forward(value)


def mapped() -> float:
    """Return the seconds of a task under `Pool.map`."""
    with multiprocessing.get_context("forkserver").Pool(WORKERS) as pool:
        pool.map(double, range(WORKERS), chunksize=1)  # all have started
        started = perf_counter()
        pool.map(double, [1] * TASKS, chunksize=1)
        return (perf_counter() - started) / TASKS


def main() -> None:
    """Print one table."""
    work = {"Pool.map": mapped} | {policy: partial(replayed, policy) for policy in POLICIES}
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, measure in work.items():
            times[name].append(measure())
    beside = median(times["Pool.map"])
    rows = []
    for policy in POLICIES:
        ratio = median(own / other for own, other in zip(times[policy], times["Pool.map"], strict=True))
        goal = f"{GOALS[policy]:.2f} or less" if policy in GOALS else ""
        took = f"{1e6 * median(times[policy]):.0f} us"
        rows.append(Row(policy, took, f"{1e6 * beside:.0f} us", f"{ratio:.2f}", goal))
    print(table(f"a task, load {os.getloadavg()[0]:.1f} (beside Pool.map)", rows))


if __name__ == "__main__":
    main()
