"""The engine with all its records on, against bare SimPy in the same process.

    python benchmarks/engine.py

A task counts as one event of the yardstick, a timeout with a callback. What is timed is `play`: the policy's
preparation, the run, and the timeline with its names, causes and idle intervals. Noisy times have no coinciding ends,
so each task is an instant of its own; with constant times many end together.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from yardstick import PENDING, Row, bare_simpy, rate, table

from parsim.build import build
from parsim.core.job import Job
from parsim.scenario.scenario import load
from parsim.sim.play import play

BYTES = 300  # per task, beyond the graph, where nothing travels
PER_TASK, PER_EDGE = 100, 40  # B of a graph
ROUNDS = 5
TASKS = 100_000
FOLDER = Path(__file__).parent
MICROBATCHES = 256


def independent(tasks: int, **cost: Any) -> Job:
    """Return the job of equal tasks on 64 devices."""
    return build(
        load(
            {
                "cluster": {"devices": PENDING},
                "workload": {"kind": "items", "count": tasks},
                "plan": {"split": "data", "subsets": tasks},
                "cost": {"compute": "1 s", **cost},
                "policy": "fifo",
            }
        )
    )


def pipeline(engine: str, send: str = "0 s", **cost: Any) -> Job:
    """Return the job of 1F1B, 64 ranks and 256 microbatches."""
    job = build(
        load(
            {
                "cluster": {"devices": PENDING},
                "workload": {
                    "kind": "stages",
                    "forward": "1 ms",
                    "input_grad": "1 ms",
                    "weight_grad": "1 ms",
                    "send": send,
                },
                "plan": {"pipeline": PENDING, "schedule": "1f1b", "microbatches": MICROBATCHES},
                "cost": cost,
                "policy": "in_order",
            }
        )
    )
    return replace(job, engine=engine)


def layered(**edges: Any) -> Job:
    """Return the job of 10,000 tasks in layers under fifo on 16 devices."""
    return build(
        load(
            {
                "cluster": {"devices": 16, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
                "workload": {"kind": "layered", "tasks": 10_000, "compute": "1 ms", **edges},
                "cost": {"kind": "constant"},
                "policy": "fifo",
            }
        )
    )


class Case(NamedTuple):
    """A job, and what part of the yardstick it is to reach."""

    job: Callable[[], Job]
    goal: float


CASES = {
    "independent, equal times": Case(lambda: independent(TASKS, kind="constant"), 0.6),
    "independent, noisy": Case(lambda: independent(TASKS, kind="noisy", spread=0.5), 0.35),
    "1F1B 64 x 256 by the path": Case(lambda: pipeline("path", kind="constant"), 0.6),
    "1F1B by the path, noisy": Case(lambda: pipeline("path", kind="noisy", spread=0.5), 0.45),
    "1F1B with send by the path": Case(lambda: pipeline("path", "100 us", kind="constant"), 0.35),
    "1F1B with send on SimPy": Case(lambda: pipeline("simpy", "100 us", kind="constant"), 0.08),
    "layered, delays, fifo": Case(lambda: layered(ccr=0.5), 0.05),
    "layered, bytes over full, fifo": Case(lambda: layered(send="500 kB"), 0.015),
}


BUILT = ("independent, equal times", "1F1B with send by the path", "layered, delays, fifo")


def speed(name: str, job: Job, goal: str) -> Row:
    """Take the rate of `play` and that of the yardstick in turn, and the median of their ratios."""
    tasks, delays = len(job.graph), np.random.default_rng(0).uniform(0.5, 1.5, TASKS).tolist()
    taken = []
    for _ in range(ROUNDS):
        gc.collect()
        yardstick = bare_simpy(delays, TASKS)
        taken.append((rate(lambda: play(job), tasks), yardstick))
    ratio = median(ours / theirs for ours, theirs in taken)
    ours, theirs = (median(column) for column in zip(*taken, strict=True))
    return Row(name, f"{ours:,.0f} tasks/s", f"{theirs:,.0f} events/s", f"{ratio:.2f}", goal)


def memory(name: str, job: Job) -> Row:
    """Measure the peak of what playing allocates, per task; the graph is there before."""
    play(job)  # what is made once (columns of edges by task) belongs to the graph
    gc.collect()
    tracemalloc.start()
    play(job)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Row(name, f"{peak / len(job.graph):.0f} B/task", goal=f"{BYTES} or less")


def graph(name: str, make: Callable[[], Job]) -> Row:
    """Measure what a built job holds, its edges by task included, over what its goal allows."""
    make()  # what is made once for all jobs
    gc.collect()
    tracemalloc.start()
    built = make().graph
    built.children, built.parents, built.transfers  # noqa: B018 - made when asked for
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    each, allowed = held / len(built), PER_TASK + PER_EDGE * len(built.edges) / len(built)
    return Row(name, f"{each:.0f} B/task", f"{allowed:.0f}", f"{each / allowed:.2f}", "1 or less")


def largest() -> Row:
    """Build and play ten million independent tasks in a process of its own; return the most memory that it had."""
    lines = "import engine; engine.play(engine.independent(10**7, kind='constant'))"
    told = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    made = subprocess.run([sys.executable, "-c", f"{lines}; {told}"], cwd=FOLDER, check=True, capture_output=True)
    return Row("10,000,000 independent tasks", f"{int(made.stdout) * 1024 / 1e9:.2f} GB", goal="2 GB or less")


def growth() -> list[Row]:
    """Measure the cost per task from a thousand tasks to a million."""
    costs = {}
    for tasks in (1_000, 10_000, 100_000, 1_000_000):
        job = independent(tasks, kind="noisy", spread=0.5)
        gc.collect()
        repeats = max(1, min(ROUNDS, 300_000 // tasks))
        costs[tasks] = min(1 / rate(lambda job=job: play(job), tasks) for _ in range(repeats))
    least = min(costs.values())
    return [
        Row(f"{tasks:,} tasks", f"{1e6 * cost:.2f} us/task", f"{1e6 * least:.2f}", f"{cost / least:.2f}", "flat")
        for tasks, cost in costs.items()
    ]


def main() -> None:
    """Print the tables."""
    jobs = {name: case.job() for name, case in CASES.items()}
    whole = [speed(name, job, f"{CASES[name].goal:g} or more") for name, job in jobs.items()]
    print(table("speed, from job to timeline", whole), "\n")
    print(
        table("memory, peak", [memory(name, job) for name, job in jobs.items() if not np.any(job.graph.edges.delay)]),
        "\n",
    )
    print(table("graph (the goal is the yardstick)", [graph(name, CASES[name].job) for name in BUILT]), "\n")
    print(table("cost (the least is the yardstick)", growth()))


if __name__ == "__main__":
    main()
