"""The orders of every schedule, p = 64 and m = 512, against bare SimPy in the same process.

    python benchmarks/schedules.py

An action of a rank counts as one event of the yardstick, a timeout with a callback. Seconds are of CPU, the least of
some rounds taken in turn. The columns and dependencies that `stages` derives from the orders come next, and last
Llama 3 405B on 16 ranks of 8 stages each with 16 microbatches, built and played.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import process_time

import numpy as np
from yardstick import Row, bare_simpy, table

from parsim.build import build
from parsim.core.op import columns, needs
from parsim.core.orders import orders_of
from parsim.core.schema import Ask
from parsim.reading import load
from parsim.schedules import schedules
from parsim.sim.play import play

LINKS = {"kind": "full", "bandwidth": "50 GB/s", "latency": "5 us"}
SHAPE = {"pipeline": 16, "chunks": 8, "schedule": "interleaved-1f1b", "microbatches": 16, "stages": "framework"}
MODEL = {
    "cluster": {"devices": 16, "device": "h100-80g", "topology": LINKS},
    "workload": {"kind": "transformer", "preset": "llama3-405b", "batch": 16},
    "plan": {"split": "layers", **SHAPE},
}
RANKS, MICROBATCHES = 64, 512
ROUNDS = 3
EVENTS = 100_000
GOAL_S = {"zb-auto": 2.0}
LIMIT_S = 0.2


def cpu_s(work: Callable[[], object]) -> float:
    """Return the seconds of CPU that *work* takes."""
    began = process_time()
    work()
    return process_time() - began


def rows() -> Iterator[Row]:
    """Yield a row for each schedule, and for what is derived from the orders of the last."""
    yardstick = bare_simpy(np.ones(EVENTS).tolist(), EVENTS)
    for name in (name for name in schedules.entries() if name != "custom"):
        call = partial(orders_of, Ask(name, schedules[name]), RANKS, MICROBATCHES)
        least, actions = min(cpu_s(call) for _ in range(ROUNDS)), sum(map(len, call()))
        yield _row(name, least, actions, yardstick, GOAL_S.get(name, LIMIT_S))
    ops = columns(call())
    derived = min(cpu_s(lambda: needs(columns(call()))) - cpu_s(call) for _ in range(ROUNDS))
    yield _row(f"columns and dependencies of {name}", derived, len(ops.stage), yardstick, LIMIT_S)
    tasks, least = len(build(load(MODEL)).graph), min(cpu_s(lambda: play(build(load(MODEL)))) for _ in range(ROUNDS))
    yield _row("llama3-405b, 16 x 8 stages, built and played", least, tasks, yardstick, 1.0)


def _row(name: str, seconds: float, actions: int, yardstick: float, goal_s: float) -> Row:
    rate = actions / seconds
    figure = f"{seconds:.3f} s, {rate / 1e6:.2f} M actions/s"
    return Row(name, figure, f"{yardstick / 1e6:.2f} M events/s", f"{rate / yardstick:.2f}", f"{goal_s:g} s")


if __name__ == "__main__":
    print(table(f"p = {RANKS}, m = {MICROBATCHES}", rows()))
