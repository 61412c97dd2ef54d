"""The whole command `parsim run` on a 1F1B of 64 ranks and 256 microbatches, less its start-up.

The last cases are a counted model of 128 layers, whose activations and gradients travel over links. The report of
training plays two iterations more, to find the steady one; --quiet leaves the report out.

    python benchmarks/command.py

Reading, checking, building, playing, measuring and printing, in a process of its own; the start-up is what the same
command takes on a pipeline of two tasks a rank and one rank.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from yardstick import Row, bare_simpy, table

RANKS, MICROBATCHES = 64, 256
TASKS = 2 * RANKS * MICROBATCHES
ROUNDS = 15
COMMAND = [sys.executable, "-c", "from parsim.cli import main; main()"]
SCENARIO = """\
cluster: {{devices: {ranks}}}
workload: {{kind: stages, forward: 1 ms, input_grad: 1 ms, weight_grad: 1 ms, send: {send}}}
plan: {{pipeline: {ranks}, schedule: 1f1b, microbatches: {microbatches}}}
"""


MODEL = """\
cluster: {{devices: {ranks}, device: h100-80g, topology: {{kind: full, bandwidth: 50 GB/s, latency: 5 us}}}}
workload: {{kind: transformer, preset: llama2-70b, blocks: 126, batch: {microbatches}}}
plan: {{split: layers, pipeline: {ranks}, microbatches: {microbatches}, stages: framework}}
"""
CASES = (  # what, scenario, options, tasks/s
    ("send 0 s", SCENARIO.replace("{send}", "0 s"), (), 150_000),
    ("send 0 s", SCENARIO.replace("{send}", "0 s"), ("--json",), 150_000),
    ("send 100 us", SCENARIO.replace("{send}", "100 us"), (), 130_000),
    ("a model", MODEL, ("--quiet",), 180_000),
    ("a model", MODEL, (), 180_000),
)


def seconds(*arguments: str | Path) -> float:
    """Run parsim with *arguments* and return how long it took."""
    started = perf_counter()
    subprocess.run([*COMMAND, *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return perf_counter() - started


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large.yaml"), Path(folder, "small.yaml")
        rows = []
        for what, scenario, options, goal in CASES:
            large.write_text(scenario.format(ranks=RANKS, microbatches=MICROBATCHES))
            small.write_text(scenario.format(ranks=1, microbatches=1))
            taken = [(seconds("run", large, *options), seconds("run", small, *options)) for _ in range(ROUNDS)]
            whole, start_up = (median(column) for column in zip(*taken, strict=True))
            work = median(long - short for long, short in taken)  # in turn: both meet the same neighbours
            rate, yardstick = TASKS / work, bare_simpy(np.ones(TASKS).tolist(), TASKS)
            rows += [
                Row(
                    " ".join(("parsim run", *options, f"({what})")),
                    f"{whole:.3f} s",
                    f"{start_up:.3f} s (start-up)",
                ),
                Row(
                    "    less start-up",
                    f"{rate:,.0f} tasks/s",
                    f"{yardstick:,.0f} events/s",
                    f"{rate / yardstick:.2f}",
                    f"{goal:,} tasks/s or more",
                ),
            ]
    print(table(f"{TASKS:,} tasks", rows))


if __name__ == "__main__":
    main()
