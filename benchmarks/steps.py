"""A training step by degrees of parallelism: the whole command `parsim run` less its start-up.

    python benchmarks/steps.py

The start-up is what the same command takes for a step of the smallest such model on one device; both run in turn, each
in a process of its own. The ratio is that of the rest to the start-up. Every device is played.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from yardstick import Row, table

COMMAND = [sys.executable, "-c", "from parsim.cli import main; main()"]
FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
ROUNDS = 5
ON_512 = """\
cluster: {topology: {kind: islands, node: dgx-a100}}
workload: {kind: transformer, preset: gpt3-175b, batch: 256}
plan: {data: 8, tensor: 8, pipeline: 8, schedule: 1f1b, microbatch_size: 1, sharding: zero1, recompute: selective}
"""
SMALL = """\
cluster: {device: a100-80g}
workload: {kind: transformer, preset: gpt2-124m, blocks: 1, batch: 1}
plan: {data: 1}
"""
CASES = (  # what, scenario, settings, seconds at most
    ("13B on 64 by data", "31_gpt3_13b_data", (), 0.3),
    ("... fully sharded", "31_gpt3_13b_data", ("plan.sharding=zero3",), 0.3),
    ("13B on 64 by layers", "32_gpt3_13b_layers", (), 0.3),
    ("13B on 64, mixed", "33_gpt3_13b_mixed", (), 0.3),
    ("Mixtral with experts", "35_mixtral_experts", (), 0.3),
    ("175B on 512, mixed", ON_512, (), 10.0),
)


def seconds(scenario: Path, settings: tuple[str, ...] = ()) -> float:
    """Run a scenario and return how long it took."""
    options = [word for one in settings for word in ("--set", one)]
    started = perf_counter()
    subprocess.run([*COMMAND, "run", str(scenario), *options], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def main() -> None:
    """Print one table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        small, own = Path(folder, "small.yaml"), Path(folder, "own.yaml")
        small.write_text(SMALL)
        own.write_text(ON_512)
        for what, scenario, settings, goal in CASES:
            path = own if "\n" in scenario else FOLDER / f"{scenario}.yaml"
            taken = [(seconds(path, settings), seconds(small)) for _ in range(ROUNDS)]
            start_up = median(short for _, short in taken)
            rest = median(whole - short for whole, short in taken)
            ratio = f"{rest / start_up:.2f}"
            rows.append(Row(what, f"{rest:.2f} s", f"{start_up:.2f} s (start-up)", ratio, f"{goal} s or less"))
    print(table("a step", rows))


if __name__ == "__main__":
    main()
