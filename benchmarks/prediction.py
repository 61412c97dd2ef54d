"""How far predictions are from replays, on this machine.

    python benchmarks/prediction.py

For scenarios 15, 16 and 41, two workers: a profile, then ten replays of the same. A replay's yardstick is what it was
predicted to take; T_s is the mean compute seconds of a task. What the errors are made of is told by the ledger, as the
mean of measured - predicted terms. It wants a machine that does nothing else: the load of the last minute is printed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

from yardstick import Row, table

import parsim

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
NAMES = ("15_mlp_data", "16_mlp_layers", "41_data_parallel_for_real")
RUNS = 10
MEDIAN, NINE, T_S = 0.05, 0.10, 0.05  # goals
TERMS = ("deviation_s", "idle_s", "contention_s", "hidden_s")


def replays(name: str, folder: str) -> parsim.Repeated:
    """Calibrate, and replay."""
    scenario, profile = FOLDER / f"{name}.yaml", os.path.join(folder, f"{name}.json")
    parsim.calibrate(scenario).save(profile)
    costs = {"kind": "measured", "profile": profile}
    wires = {"kind": "shared_memory", "profile": profile}
    return parsim.repeat(scenario, RUNS, set={"cost": costs, "cluster.topology": wires})


def t_s(run: dict[str, Any], handed: float = 0.0) -> float:
    """Return the mean compute seconds of a task, without its hand-over, which predictions hold as well."""
    return float(sum(device["compute_s"] for device in run["devices"])) / run["theory"]["n"] - handed


def rows(name: str, found: parsim.Repeated) -> list[Row]:
    """Hold what was measured against what was predicted."""
    pairs = [(run.predicted.to_dict(), run.measured.to_dict()) for run in found.runs]
    errors = sorted(map(abs, found.errors))
    predicted = pairs[0][0]["makespan_s"]
    spans = [measured["makespan_s"] for _, measured in pairs]
    handed = found.runs[0].handed_s
    off = [abs(t_s(one, handed) / t_s(other) - 1) for one, other in pairs]
    nine = errors[-(-9 * len(errors) // 10) - 1]
    lines = [
        Row(f"{name}, makespan", f"{1e3 * median(spans):.1f} ms", f"{1e3 * predicted:.1f} ms"),
        Row("    median error", f"{median(errors):.1%}", goal=f"{MEDIAN:.0%} or less"),
        Row("    error in nine of ten", f"{nine:.1%}", goal=f"{NINE:.0%} or less"),
        Row("    error of T_s, median", f"{median(off):.1%}", goal=f"{T_S:.0%} or less"),
    ]
    for term in TERMS:
        more = mean(measured["ledger"][term] - one["ledger"][term] for one, measured in pairs)
        lines.append(Row(f"    {term.removesuffix('_s')}, more than predicted", f"{1e3 * more:+.2f} ms"))
    over = mean(measured["ledger"]["idle"]["overhead"] for _, measured in pairs)
    return [*lines, Row("        idle for overhead", f"{1e3 * over:.2f} ms")]


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [row for name in NAMES for row in rows(name, replays(name, folder))]
    print(table(f"{RUNS} replays, load {os.getloadavg()[0]:.1f} (the prediction is the yardstick)", lines))


if __name__ == "__main__":
    main()
