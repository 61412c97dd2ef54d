"""Studies on all cores of this machine, beside the same studies on one of them.

    python benchmarks/studies.py

Each is played by turns in this process, once allowed to use a single core and once all. The last row is a study that
is too small for processes: there both take as long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter

from yardstick import Row, table

import parsim

ROUNDS = 3
SECONDS = {"forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"}
STAR = {"kind": "star", "bandwidth": "1 GB/s", "latency": "10 us"}
PIPELINE = {
    "cluster": {"devices": 16},
    "workload": {"kind": "stages", **SECONDS, "send": "100 us"},
    "plan": {"pipeline": 16, "microbatches": 256, "schedule": "1f1b"},
    "cost": {"kind": "noisy", "spread": 0.2},
}
LAYERED = {"cluster": {"devices": 16}, "workload": {"kind": "layered", "tasks": 8000, "compute": "1 ms"}}
ITEMS = {
    "cluster": {"devices": 8, "topology": STAR},
    "workload": {"kind": "items", "count": 640, "item": "1 MB", "weights": "20 MB", "weights_at": "host"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 ms"},
}
STUDIES: dict[str, Callable[[], object]] = {
    "compare, 2 schedules, 12 seeds": lambda: parsim.compare(
        PIPELINE, set={"plan.schedule": ["1f1b", "gpipe"]}, seeds=12
    ).to_dict(),
    "compare, 4 policies, 1 seed": lambda: parsim.compare(
        LAYERED, set={"policy": ["fifo", "lpt", "heft", "peft"]}
    ).to_dict(),
    "explain": lambda: parsim.explain(LAYERED).to_dict(),
    "scaling": lambda: parsim.scaling({**LAYERED, "policy": "heft"}).to_dict(),
    "splits": lambda: parsim.splits(ITEMS).to_dict(),
    "compare, small": lambda: parsim.compare(ITEMS, set={"plan.split": ["data", "layers"]}).to_dict(),
}


def timed(study: Callable[[], object], cores: set[int]) -> tuple[float, str]:
    """Return how long *study* takes on some *cores*, and its answer."""
    os.sched_setaffinity(0, cores)
    started = perf_counter()
    answer = study()
    return perf_counter() - started, json.dumps(answer)


def main() -> None:
    """Print one table."""
    every = os.sched_getaffinity(0)
    rows = []
    for name, study in STUDIES.items():
        taken = []
        for _ in range(ROUNDS):
            (one_s, one), (all_s, other) = timed(study, {min(every)}), timed(study, every)
            if one != other:
                raise SystemExit(f"{name}: not the same on one core and on all")
            taken.append((one_s, all_s, one_s / all_s))
        one_s, all_s, ratio = (median(column) for column in zip(*taken, strict=True))
        rows.append(Row(name, f"{all_s:.2f} s", f"{one_s:.2f} s (one core)", f"{ratio:.2f}"))
    print(table(f"{len(every)} cores", rows))


if __name__ == "__main__":
    main()
