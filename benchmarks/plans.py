"""Plans of one model on one cluster, each built, played folded and measured: GPT-3 13B on 64 A100.

    python benchmarks/plans.py [--plans 60]

The plans are a fixed random sample of all that the cluster's devices allow. "a plan" is CPU seconds, the mean of the
sample, in one process; the rates are by the wall clock, and those of two processes leave out their start. The ratio is
how many events bare SimPy plays in the time of a plan, both in turn in this process.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise, product
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from yardstick import Row, bare_simpy, table

import parsim
from parsim.build import build
from parsim.metrics.figures import figures_of
from parsim.run import brief
from parsim.scenario.scenario import Scenario, changed, load

SCENARIO = Path(__file__).parent.parent / "scenarios" / "33_gpt3_13b_mixed.yaml"
DEVICES, SEED, EVENTS = 64, 1, 100_000
CHOICES: dict[str, tuple[Any, ...]] = {
    "tensor": (1, 2, 4, 8),
    "pipeline": (1, 2, 4, 8),
    "microbatch_size": (1, 2, 4),
    "schedule": ("1f1b", "interleaved-1f1b", "zb-h1"),
    "recompute": ("none", "selective", "full"),
    "sharding": ("none", "zero1", "zero3"),
}
Plan = dict[str, Any]


class Spent(NamedTuple):
    """CPU seconds of the steps of a plan."""

    build: float
    play: float
    figures: float


def sample(count: int) -> list[Plan]:
    """Return some of all plans, in a fixed random order; plans that do not divide are left out."""
    every = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    random.Random(SEED).shuffle(every)
    found = ({**plan, "data": DEVICES // plan["tensor"] // plan["pipeline"]} for plan in every)
    return [plan for _, plan in zip(range(count), filter(_divides, found), strict=False)]


def _divides(plan: Plan) -> bool:
    return 64 // plan["data"] % plan["microbatch_size"] == 0


def built(base: Scenario, plan: Plan) -> parsim.Job:
    """Build the job of a plan."""
    return build(changed(base, {f"plan.{name}": value for name, value in plan.items()}), "on")


def timed(base: Scenario, plan: Plan) -> Spent:
    """Build, play and measure a plan."""
    marks = [process_time()]
    job = built(base, plan)
    marks.append(process_time())
    found = brief(job)
    marks.append(process_time())
    figures_of(found)
    marks.append(process_time())
    return Spent(*(after - before for before, after in pairwise(marks)))


def played(plans: list[Plan]) -> int:
    """Build, play and measure plans; return how many."""
    base = load(str(SCENARIO))
    for plan in plans:
        figures_of(brief(built(base, plan)))
    return len(plans)


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many of *count* plans are done in a second."""
    started = perf_counter()
    work()
    return count / (perf_counter() - started)


def on_two(plans: list[Plan]) -> float:
    """Return the plans/s of two processes that share the plans."""
    halves = [plans[::2], plans[1::2]]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(played, [plans[:2]] * 4))  # both are there, and have imported all
        return rate(len(plans), lambda: list(pool.map(played, halves)))


def simpy_events() -> float:
    """Return the events of bare SimPy in a second of CPU."""

    def delays() -> Iterator[float]:
        draw = random.Random(SEED)
        return (draw.random() for _ in range(EVENTS))

    started = process_time()
    bare_simpy(delays(), EVENTS)
    return EVENTS / (process_time() - started)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=60)
    plans = sample(parser.parse_args().plans)
    base = load(str(SCENARIO))
    played(plans[:5])  # so that all is imported
    events, spent = [], []
    for plan in plans:
        spent.append(timed(base, plan))
        if len(spent) % 10 == 1:
            events.append(simpy_events())
    mean, yardstick = [sum(column) / len(plans) for column in zip(*spent, strict=True)], max(events)
    rows = [
        Row(f"a plan: {name}", f"{seconds * 1e3:.1f} ms", ratio=f"{seconds * yardstick:,.0f} events")
        for name, seconds in zip((*Spent._fields, "all"), (*mean, sum(mean)), strict=True)
    ]
    one, two = rate(len(plans), lambda: played(plans)), on_two(plans)
    rows.append(Row("plans/s, one process", f"{one:.1f}", f"{yardstick / 1e6:.2f} M events/s (SimPy)"))
    rows.append(Row("plans/s, two processes", f"{two:.1f}", f"{two / one:.2f} times one", goal="100 or more"))
    print(table(f"{len(plans)} plans", rows))


if __name__ == "__main__":
    main()
