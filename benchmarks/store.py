"""What the store costs a sweep, and how soon a large one goes on.

    python benchmarks/store.py

The first row is the part of a sweep's seconds in which no row is played; its yardstick is the part without a file. The
second resumes a sweep that is done, with its whole answer; its yardstick is bare SQLite, which reads the same rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from yardstick import Row, table

import parsim
from parsim.study.row import Outcome
from parsim.study.runner import SameProcess
from parsim.study.sweep import batch
from parsim.study.sweep.store import Played

ROUNDS = 3
SPACE = Path(__file__).parent.parent / "scenarios" / "50_gpt3_13b_64_a100.yaml"
SOME: dict[str, Any] = {
    "plan.chunks": 1,
    "plan.schedule": {"in": ["1f1b", "zb-h1"]},
    "plan.microbatch_size": 2,
    "plan.sharding": {"in": ["none", "zero1", "zero3"]},
    "require": ["tensor * pipeline * data == devices", "pipeline > 1"],
}
MANY = {
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "count": {"from": 1, "to": 10_000, "step": 1}},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


def timed(work: Callable[[], object]) -> float:
    """Return the seconds of *work*."""
    began = perf_counter()
    work()
    return perf_counter() - began


def overhead(file: str | None) -> tuple[float, int]:
    """Return the part of a sweep's seconds in which no row is played, and its rows."""
    spent: list[float] = []
    play = batch.play

    def watched(space: Any, row: int) -> Played:
        found = play(space, row)
        spent.append(found.ended - found.started)
        return found

    batch.play = watched
    try:
        took = timed(lambda: parsim.sweep(SPACE, SOME, store=file, executor=SameProcess()))
    finally:
        batch.play = play
    return 1 - sum(spent) / took, len(spent)


def resumed(file: str) -> tuple[float, float]:
    """Return the seconds of resuming a sweep of 10,000 rows, and those of bare SQLite reading them."""
    again = timed(lambda: parsim.sweep(MANY, store=file).to_dict())
    return again, timed(lambda: read(file))


def read(file: str) -> list[Any]:
    """Read all rows without parsim."""
    base = sqlite3.connect(file)
    rows = base.execute("SELECT row, status, code, message, changes, figures FROM runs").fetchall()
    base.close()
    return [(*row[:4], json.loads(row[4]), json.loads(row[5])) for row in rows]


def fill(file: str) -> None:
    """Fill a store with rows that are not played, but have the figures of one that was."""
    [one] = parsim.sweep({**MANY, "workload": {"kind": "items", "count": 5}}).records
    play = batch.play
    batch.play = lambda space, row: Played(row, Outcome("done", figures=one.figures), 0.0, 0.001)
    try:
        parsim.sweep(MANY, store=file, executor=SameProcess())
    finally:
        batch.play = play


def main() -> None:
    """Print one table."""
    with TemporaryDirectory() as folder:
        found = [(overhead(f"{folder}/{number}.db"), overhead(None)) for number in range(ROUNDS)]
        kept, bare = (median(column) for column in zip(*((one[0], two[0]) for one, two in found), strict=True))
        rows = [Row(f"share of {found[0][0][1]} rows", f"{kept:.2%}", f"{bare:.2%} (no file)", goal="below 2 %")]
        fill(f"{folder}/many.db")
        again, alone = (
            median(column) for column in zip(*(resumed(f"{folder}/many.db") for _ in range(ROUNDS)), strict=True)
        )
        ratio = f"{again / alone:.1f}"
        rows.append(Row("10,000 rows resumed", f"{again:.2f} s", f"{alone:.2f} s (SQLite)", ratio, "below 2 s"))
    print(table("store", rows))


if __name__ == "__main__":
    main()
