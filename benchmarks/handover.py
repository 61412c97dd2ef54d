"""What it costs to hand a task over to a worker process, and an array.

    python benchmarks/handover.py

A task: as `parsim calibrate` measures one that computes nothing, and in a replay of tasks of a microsecond, one after
the other on one worker; beside a byte that goes to and fro through a pipe between two processes. An array of 4 MiB: put
into shared memory and got from there; beside a memcpy of the same in this process.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from yardstick import Row, table

import parsim
from parsim.real.arena import Arena

TINY = 2_000  # tasks
TRIPS = 5_000
SIZE = 4 << 20  # B
ROUNDS = 50
TASK_S, SHARE = 50e-6, 0.25  # goals


def echo(pipe: Connection[Any, Any]) -> None:
    """Send back what comes, until nothing does."""
    while message := pipe.recv_bytes():
        pipe.send_bytes(message)


def round_trip() -> float:
    """Return the seconds of a byte there and back."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=echo, args=(theirs,), daemon=True)
    process.start()
    ours.send_bytes(b"x")
    ours.recv_bytes()
    taken = []
    for _ in range(TRIPS):
        started = perf_counter()
        ours.send_bytes(b"x")
        ours.recv_bytes()
        taken.append(perf_counter() - started)
    ours.send_bytes(b"")
    process.join()
    return median(taken)


def tiny(tasks: int, workers: int = 1) -> dict[str, Any]:
    """Return the scenario of tasks that double a number each."""
    return {
        "cluster": {"devices": workers},
        "workload": {"kind": "items", "data": [1] * tasks, "kernel": "double", "merge": "sum"},
        "plan": {"split": "data", "subsets": tasks},
        "cost": {"kind": "constant", "compute": "1 us"},
    }


def replayed() -> tuple[float, float]:
    """Return the mean seconds of a task's overhead, and of all of a tiny task."""
    run = parsim.replay(tiny(TINY)).measured.to_dict()
    return run["ledger"]["idle"]["overhead"] / TINY, run["makespan_s"] / TINY


def copied(work: Callable[[], object]) -> float:
    """Return the B/s of what *work* does with so many bytes."""
    taken = []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        taken.append(perf_counter() - started)
    return SIZE / median(taken)


def handed() -> tuple[float, float]:
    """Return the B/s of put and get, and of memcpy."""
    arena, array, target = Arena.new(0), np.ones(SIZE // 8), np.empty(SIZE // 8)

    def there_and_here() -> None:
        ref = arena.put(array)
        arena.get(ref)
        arena.free(ref)

    there_and_here()
    target[:] = array
    rates = copied(there_and_here), copied(lambda: np.copyto(target, array))
    arena.close()
    return rates


def main() -> None:
    """Print two tables."""
    trip = round_trip()
    calibrated = parsim.calibrate(tiny(4, workers=2)).profile.overhead_s
    overhead, whole = replayed()
    rows = [
        Row(name, f"{1e6 * taken:.1f} us", f"{1e6 * trip:.1f} us", f"{taken / trip:.1f}", goal)
        for name, taken, goal in (
            ("as calibrated", calibrated, f"{1e6 * TASK_S:.0f} us or less"),
            ("replayed: its overhead", overhead, f"{1e6 * TASK_S:.0f} us or less"),
            ("replayed: all of a tiny task", whole, ""),
        )
    ]
    print(table(f"a task, load {os.getloadavg()[0]:.1f} (beside a round trip)", rows), "\n")
    ours, memcpy = handed()
    row = Row("put and get", f"{ours / 1e9:.2f} GB/s", f"{memcpy / 1e9:.2f} GB/s", f"{ours / memcpy:.2f}")
    print(table("4 MiB (beside memcpy)", [row._replace(goal=f"{SHARE} or more")]))


if __name__ == "__main__":
    main()
