"""Does the schedule that is fastest in simulation train fastest in real processes?

    python benchmarks/winners.py

The MLP of scenario 16 with eight layers and the transformer of scenario 18 with six blocks, on two workers. Each
schedule is calibrated, predicted, and replayed. The rounds go through the schedules in turn, so that all meet the same
neighbours. Where the ranks differ, the ledger says by which terms: medians of measured - predicted.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import parsim
from parsim.core.quantities import seconds
from parsim.export.table import table

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
SCHEDULES = {"gpipe": 1, "1f1b": 1, "interleaved-1f1b": 2, "zb-h1": 1, "zb-v": 2}  # name: chunks
MODELS: dict[str, dict[str, Any]] = {
    "16_mlp_layers": {"workload.widths": [256, *8 * [704], 10], "plan.microbatches": 8},
    "18_transformer_layers": {"workload.blocks": 6, "plan.microbatches": 8},
}
ROUNDS = 5
CAUSES = ("overhead", "fill", "drain", "policy", "dependency", "steps")


def settings(name: str, schedule: str, folder: str) -> dict[str, Any]:
    """Calibrate a schedule, and return what sets it with its profile."""
    chosen = {**MODELS[name], "plan.schedule": schedule, "plan.chunks": SCHEDULES[schedule]}
    profile = os.path.join(folder, f"{name}.{schedule}.json")
    parsim.calibrate(FOLDER / f"{name}.yaml", chosen, 5).save(profile)
    wires = {"kind": "shared_memory", "profile": profile}
    return {**chosen, "cost": {"kind": "measured", "profile": profile}, "cluster.topology": wires}


def terms(run: dict[str, Any]) -> dict[str, float]:
    """Return the terms of a run's ledger, mean of the workers."""
    ledger = run["ledger"]
    return {"computing": sum(one["compute_s"] for one in run["devices"]) / 2} | {c: ledger["idle"][c] for c in CAUSES}


def rows(name: str) -> list[list[str]]:
    """Replay every schedule in turn, and return a row for each, the fastest in simulation first."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = {schedule: settings(name, schedule, folder) for schedule in SCHEDULES}
        found: dict[str, list[parsim.Replay]] = {schedule: [] for schedule in SCHEDULES}
        for _ in range(ROUNDS):
            for schedule, values in chosen.items():
                found[schedule].append(parsim.replay(FOLDER / f"{name}.yaml", values))
    lines = []
    for schedule, runs in found.items():
        foreseen = runs[0].predicted.to_dict()
        spans = sorted(run.measured.timeline.makespan_s for run in runs)
        more = {
            term: median(terms(run.measured.to_dict())[term] for run in runs) - value
            for term, value in terms(foreseen).items()
        }
        largest = sorted(more.items(), key=lambda item: -abs(item[1]))[:3]
        why = ", ".join(f"{term} {1e3 * value:+.0f} ms" for term, value in largest)
        lines.append((foreseen["makespan_s"], [schedule, *map(seconds, (spans[0], median(spans))), why]))
    return [[row[0], seconds(took), *row[1:]] for took, row in sorted(lines, key=lambda line: line[0])]


def main() -> None:
    """Print a table for each model."""
    head = ["", "predicted", "measured: least", "median", "measured - predicted, mean of the workers"]
    print(f"{ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
    for name in MODELS:
        print("\n".join(["", name, *table([head, *rows(name)], words=(0, 4))]), flush=True)


if __name__ == "__main__":
    main()
