"""Comparing eight policies on a graph of 1,000 tasks, picture included.

    python benchmarks/compare.py

First the whole command in a process of its own, beside one that only starts; then its parts in this process, beside the
events that bare SimPy fires in the same time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from yardstick import Row, bare_simpy, table

from parsim.build import build
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.study.compare import compare

TASKS = 1_000
NEAR = 60  # tasks before a task, among which it finds its parents
POLICIES = ("fifo", "list_order", "spt", "lpt", "critical_path", "work_stealing", "heft", "peft")
GOAL = "5 s or less"
ROUNDS = 5
COMMAND = [sys.executable, "-c", "from parsim.cli import main; main()"]


def scenario() -> str:
    """Write a random graph for eight devices, its edges carrying bytes."""
    draw = np.random.default_rng(1)
    lines = [
        "cluster: {devices: 8, topology: {kind: star, bandwidth: 1 GB/s}}",
        "workload:",
        "  kind: tasks",
        "  tasks:",
    ]
    for task in range(TASKS):
        near = np.arange(max(0, task - NEAR), task)
        parents = draw.choice(near, min(len(near), int(draw.integers(0, 4))), replace=False).tolist()
        after = ", ".join(f"t{parent}: {draw.integers(1, 51)} MB" for parent in sorted(parents))
        lines.append(f"    - {{name: t{task}, compute: {draw.integers(20, 201)} ms, after: {{{after}}}}}")
    return "\n".join(lines) + "\n"


def seconds(work: Callable[[], object]) -> float:
    """Return the median of how long *work* takes."""
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return median(times)


def command(*arguments: str) -> Callable[[], object]:
    """Return what runs parsim with *arguments*."""
    whole = [*COMMAND, *arguments]
    return lambda: subprocess.run(whole, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        file, out = str(Path(folder, "graph.yaml")), str(Path(folder, "out"))
        Path(file).write_text(scenario(), encoding="utf-8")
        chosen = ("--set", f"policy={','.join(POLICIES)}", "--out", out)
        whole, start_up = seconds(command("compare", file, *chosen)), seconds(command("--help"))
        name = f"compare, {len(POLICIES)} policies, {TASKS:,} tasks"
        print(table("whole command", [Row(name, f"{whole:.2f} s", f"{start_up:.2f} s (start-up)", "", GOAL)]), "\n")
        read, comparison = load(file), compare(file, {"policy": POLICIES})
        job = build(read)
        parts = {
            "read the file, once": lambda: load(file),
            "build one variant": lambda: build(read),
            "play one variant (fifo)": lambda: run(job),
            "play and measure all": lambda: compare(file, {"policy": POLICIES}),
            "table and sentence": comparison.report,
            "JSON, PNG and SVG": lambda: comparison.save(out),
        }
        rows = []
        for what, work in parts.items():
            rate, taken = bare_simpy(np.ones(100_000).tolist(), 100_000), seconds(work)
            rows.append(Row(what, f"{taken:.4f} s", f"{rate:,.0f} events/s", f"{taken * rate:,.0f} events"))
    print(table("its parts", rows))


if __name__ == "__main__":
    main()
