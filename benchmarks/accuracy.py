"""Published training steps against their prediction, with nothing fitted.

    python benchmarks/accuracy.py [--markdown]

The rows are those of Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, tables 4, 6, 7 and 11: GPT models on 8
and 16 A100 with 80 GB, one stage a device, no recomputation. `step_s` follows from the printed samples a second. Stages
hold (blocks + 2) / ranks layers, embedding and head counting as one each; ZB-1p and ZB-2p are the authors' search with
the memory of p and 2p microbatches. Further rows, by data, tensor and pipeline parallelism: see mixtures.py.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import mixtures

import parsim

FILE = Path(__file__).with_name("published") / "zero_bubble.csv"
SCHEDULES: dict[str, dict[str, Any]] = {
    "1F1B": {"kind": "1f1b"},
    "1F1B-I": {"kind": "interleaved-1f1b"},
    "ZB-1p": {"kind": "zb-auto"},
    "ZB-2p": {"kind": "zb-auto"},
    "ZB-V": {"kind": "zb-v"},
}
LIMIT = {"ZB-1p": 1, "ZB-2p": 2}  # activations held, in ranks
VOCABULARY = 50257


class Row(NamedTuple):
    """A published step and its prediction."""

    name: str
    schedule: str
    published_s: float
    predicted_s: float
    published_gb: float  # NaN: not printed
    predicted_gb: float

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.predicted_s / self.published_s - 1

    @property
    def memory_error(self) -> float:
        """The same of the peak of memory."""
        return self.predicted_gb / self.published_gb - 1


def published() -> list[dict[str, str]]:
    """Read the published rows."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scenario(row: dict[str, str]) -> dict[str, Any]:
    """Return the scenario of a row."""
    ranks, blocks, b, m = (int(row[key]) for key in ("ranks", "blocks", "microbatch", "microbatches"))
    name = row["schedule"]
    limit = {"limit": LIMIT[name] * ranks} if name in LIMIT else {}
    plan = {"split": "layers", "pipeline": ranks, "microbatches": m, "stages": "framework"}
    chunks = {"chunks": (blocks + 2) // ranks} if name == "1F1B-I" else {}
    return {
        "cluster": {
            "devices": ranks,
            "device": "a100-80g",
            "topology": {"kind": "full", "bandwidth": "25 GB/s", "latency": "5 us"},
        },
        "workload": {
            "kind": "transformer",
            "vocabulary": VOCABULARY,
            **{key: int(row[key]) for key in ("width", "heads", "blocks", "sequence")},
            "batch": b * m,
            "positions": "learned",
            "biases": True,
            "dropout": 0.1,
            "attention": "plain",
            "optimizer": "adam",
            "precision": {"preset": "fp16-mixed", "gradients": "fp32"},
        },
        "plan": {**plan, **chunks, "schedule": SCHEDULES[name] | limit},
    }


def predicted(row: dict[str, str]) -> Row:
    """Play a row."""
    run = parsim.simulate(scenario(row))
    peak = max(device["peak_memory_bytes"] for device in run.metrics["devices"]) / 1e9
    name = f"{row['model']} on {row['ranks']}, {row['microbatches']} x {row['microbatch']}"
    printed = float(row["peak_gb"] or "nan")
    step_s = run.metrics["training"]["iteration_s"]
    return Row(name, row["schedule"], float(row["step_s"]), step_s, printed, peak)


def summary(rows: Sequence[Row]) -> list[tuple[str, int, float, float, float]]:
    """Return for each schedule, and for all: how many, mean error, mean absolute error, and that of memory."""
    found = []
    for name in [*SCHEDULES, "all"]:
        some = [row for row in rows if name in (row.schedule, "all")]
        memory = [abs(row.memory_error) for row in some if row.published_gb > 0]
        errors = [row.error for row in some]
        share = mean(memory) if memory else float("nan")
        found.append((name, len(some), mean(errors), mean(map(abs, errors)), share))
    return found


def main() -> None:
    """Print a row for each step, and the errors by schedule."""
    rows = [predicted(row) for row in published()]
    line = "| {} | {} | {} | {} | {} | {} |" if "--markdown" in sys.argv else "{:26} {:8} {:>9} {:>9} {:>8} {:>15}"
    print(line.format("model, ranks, microbatches", "schedule", "published", "predicted", "error", "peak memory"))
    if "--markdown" in sys.argv:
        print("|---|---|---|---|---|---|")
    for row in rows:
        memory = f"{row.predicted_gb:.0f} of {row.published_gb:.0f} GB" if row.published_gb > 0 else ""
        seconds = f"{row.published_s:.3f} s", f"{row.predicted_s:.3f} s"
        print(line.format(row.name, row.schedule, *seconds, f"{row.error:+.1%}", memory))
    print()
    for name, count, bias, error, memory_error in summary(rows):
        memory = "" if memory_error != memory_error else f", memory {memory_error:.1%}"
        print(f"{name}: {count} rows, mean absolute error {error:.1%} (mean {bias:+.1%}){memory}")
    print()
    mixed("--markdown" in sys.argv)


def mixed(markdown: bool) -> None:
    """Print a row for each step by degrees of parallelism, and the errors by family."""
    rows = [mixtures.predicted(row) for row in mixtures.published()]
    line = "| {} | {} | {} | {} | {} |" if markdown else "{:46} {:>9} {:>9} {:>7}  {}"
    print(line.format("row", "published", "predicted", "error", "terms, where far off"))
    if markdown:
        print("|---|---|---|---|---|")
    for row in rows:
        seconds = f"{row.published_s:.2f} s", f"{row.predicted_s:.2f} s"
        print(line.format(row.name, *seconds, f"{row.error:+.1%}", row.told))
    print()
    for family, count, error, bias in mixtures.summary(rows):
        print(f"{family}: {count} rows, mean absolute error {error:.1%} (mean {bias:+.1%})")


if __name__ == "__main__":
    main()
