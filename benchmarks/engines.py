"""How many rows a second the workers of Dask play, beside worker processes.

    python benchmarks/engines.py [--rows 200]

Both engines have a worker for each core of this machine, and play the same rows of scenario 50 by turns. Their start is
left out: it is told in a row of its own.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from time import perf_counter

from yardstick import Row, table

from parsim.core.machine import cores
from parsim.study.engines.engine import Engine
from parsim.study.engines.named import DASK, PROCESSES, started
from parsim.study.runner import Setting
from parsim.study.space import Space, space_of
from parsim.study.sweep.identity import identity_of
from parsim.study.sweep.playing import Player
from parsim.study.sweep.store import IN_MEMORY, Store

ROUNDS = 3
SPACE = Path(__file__).parent.parent / "scenarios" / "50_gpt3_13b_64_a100.yaml"
GOAL = 0.85


class Kept:
    """An engine that has been started, as a context manager that leaves it running."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __enter__(self) -> Engine:
        return self.engine

    def __exit__(self, *_: object) -> None:
        pass


def rate(space: Space, rows: list[int], engine: Engine) -> float:
    """Return how many rows an engine plays in a second."""
    with (
        closing(Store(IN_MEMORY, identity_of(space))) as store,
        Player(space, store, Setting(str(Path.cwd()), ()), lambda: Kept(engine), 0.0) as player,
    ):
        began = perf_counter()
        count = sum(1 for _ in player.played(rows))
        return count / (perf_counter() - began)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200)
    count = parser.parse_args().rows
    space = space_of(SPACE)
    every = space.early().rows.tolist()
    rows = every[:: max(len(every) // count, 1)][:count]
    engines, starts = {}, {}
    with ExitStack() as stack:
        for name in (PROCESSES, DASK):
            began = perf_counter()
            engines[name] = stack.enter_context(started(name, cores()))
            rate(space, rows[: 4 * cores()], engines[name])
            starts[name] = perf_counter() - began
        rates = [[rate(space, rows, engine) for engine in engines.values()] for _ in range(ROUNDS)]
    pool, dask = (median(column) for column in zip(*rates, strict=True))
    ratio = median(other / one for one, other in rates)
    told = [
        Row("rows/s of Dask", f"{dask:.1f}", f"{pool:.1f} (processes)", f"{ratio:.2f}", f"at least {GOAL}"),
        Row("start", f"{starts[DASK]:.1f} s", f"{starts[PROCESSES]:.1f} s (processes)"),
    ]
    print(table(f"{len(rows)} rows, {cores()} workers", told))


if __name__ == "__main__":
    main()
