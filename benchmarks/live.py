"""The live clock beside the sum of its kernels' times and the plain simulation.

    python benchmarks/live.py

A live run computes each task once and simulates the rest, so it should take as long as both: what its tasks were
charged (their kernels as they ran, in that very run) and a run of the same scenario on the simulated clock.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from time import perf_counter

from yardstick import Row, table

from parsim.build import build
from parsim.run import run
from parsim.scenario.scenario import load

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
NAMES = ("15_mlp_data", "16_mlp_layers", "17_transformer_data", "18_transformer_layers")
ROUNDS = 5
GOAL = 1.05


def played(name: str, clock: str) -> tuple[float, float]:
    """Return how long building and playing take, and the seconds that the tasks were charged."""
    scenario = load(FOLDER / f"{name}.yaml", {"clock": clock})
    started = perf_counter()
    found = run(build(scenario))
    taken = perf_counter() - started
    line = found.timeline
    return taken, float((line.end_s - line.start_s)[line.computes].sum())


def row(name: str) -> Row:
    """Take both clocks in turn, and the median of their ratios."""
    played(name, "live")  # the first time is the slowest
    found = []
    for _ in range(ROUNDS):
        live, kernels = played(name, "live")
        plain, _ = played(name, "simulated")
        found.append((live, kernels + plain))
    ratio = median(ours / theirs for ours, theirs in found)
    ours, theirs = (median(column) for column in zip(*found, strict=True))
    return Row(name, f"{ours:.3f} s", f"{theirs:.3f} s", f"{ratio:.3f}", f"{GOAL} or less")


def main() -> None:
    """Print one table."""
    title = f"live, load {os.getloadavg()[0]:.1f} (beside kernels + simulation)"
    print(table(title, map(row, NAMES)))


if __name__ == "__main__":
    main()
