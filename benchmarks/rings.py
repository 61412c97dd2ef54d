"""A real all-reduce between two processes, by the rounds of the ring, beside a memcpy in one of them.

    python benchmarks/rings.py

Each process has 4 MiB in its buffer, as the lane of a worker has in a replay, and both end with the sum. A ring of two
sends as many bytes each way as the buffer has, so its bandwidth is size / seconds (nccl-tests: bus bandwidth). The
median of many, after a few that do not count; memcpy copies as many bytes in the same process, before and after.
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

from parsim.collectives import collectives
from parsim.core.algorithm import Question, rounds_of
from parsim.core.rounds import Group
from parsim.core.schema import Ask
from parsim.core.script import Script
from parsim.real.transport import Way
from parsim.real.ways import Network, Ways

SIZES = {"64 KiB": 64 << 10, "4 MiB": 4 << 20, "64 MiB": 64 << 20}  # B
RANKS, LANE, ITEM = 2, 1, 8
WARM_UP, ROUNDS = 5, 40
SHARE = {"4 MiB": "0.25 or more"}  # goal


def script(size: int) -> Script:
    """Return the rounds of a ring all-reduce."""
    question = Question("all-reduce", float(size), 1, Group((0,) * RANKS))
    return Script("all-reduce", RANKS, rounds_of(Ask("ring", collectives["ring"]), question))


def timed(work: Callable[[], object]) -> float:
    """Return the median seconds of *work*."""
    taken = []
    for turn in range(WARM_UP + ROUNDS):
        started = perf_counter()
        work()
        taken += [perf_counter() - started] if turn >= WARM_UP else []
    return median(taken)


def play(pipe: Connection[Any, Any], ways: Ways, size: int) -> None:
    """Tell the seconds of an all-reduce with the other process, and those of a memcpy."""
    ways.open()
    rounds, buffer = script(size).steps[ways.own], ways.buffer(LANE, size // ITEM)
    of, members = script(size), range(RANKS)
    buffer[:] = ways.own + 1.0

    def reduced() -> None:
        for step in rounds:
            ways.step(LANE, members, of, step, buffer)

    reduced()
    assert (buffer == 3.0).all()
    source, target = np.ones(size // ITEM), np.empty(size // ITEM)
    before = timed(lambda: np.copyto(target, source))
    ring = timed(reduced)
    pipe.send((ring, min(before, timed(lambda: np.copyto(target, source)))))


def measured(size: int) -> tuple[float, float]:
    """Return the seconds of an all-reduce and of a memcpy of *size* bytes."""
    context = multiprocessing.get_context("spawn")
    pairs = [Way(rank, 1 - rank, LANE) for rank in range(RANKS)]
    network = Network(RANKS, pairs, {(rank, LANE): size // ITEM for rank in range(RANKS)})
    pipes = [context.Pipe() for _ in range(RANKS)]
    processes = [
        context.Process(target=play, args=(theirs, network.of[rank], size), daemon=True)
        for rank, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    network.handed_over()
    found = [ours.recv() for ours, _ in pipes]
    for process in processes:
        process.join()
    network.end()
    return max(ring for ring, _ in found), min(memcpy for _, memcpy in found)


def main() -> None:
    """Print a table."""
    rows = []
    for name, size in SIZES.items():
        ring, memcpy = measured(size)
        rates = size / ring, size / memcpy
        told = [f"{rate / 1e9:.2f} GB/s" for rate in rates]
        rows.append(Row(f"ring of 2, {name}", *told, f"{rates[0] / rates[1]:.2f}", SHARE.get(name, "")))
    print(table(f"all-reduce, load {os.getloadavg()[0]:.1f} (beside memcpy)", rows))


if __name__ == "__main__":
    main()
