"""The search for the best plans of scenario 50, and its regret on smaller spaces, against playing everything.

    python benchmarks/search.py [--cores 2] [--small]

"ten best" is seconds by the wall clock on so many cores, from reading the file to the proven answer; the ratio is how
many events bare SimPy plays in this time. The regret is by how much the first plan of the search takes longer than the
first of all plans played; it must be 0, and the rows of the best ten must be the same.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from yardstick import Row, bare_simpy, table

from parsim.study.plan.search import Search, exhausted, searched
from parsim.study.runner import Runner
from parsim.study.space import Space, space_of

SCENARIO = Path(__file__).parent.parent / "scenarios" / "50_gpt3_13b_64_a100.yaml"
EVENTS = 100_000
BEST = 10


def spaces() -> Iterator[tuple[str, Space]]:
    """Yield smaller spaces, each of at most 2,000 plans: other networks, batches and devices, some schedules."""
    few: dict[str, Any] = {
        "plan.tensor": {"in": [1, 4]},
        "plan.microbatch_size": {"in": [1, 2]},
        "plan.chunks": {"in": [1, 2]},
        "plan.schedule": {"in": ["1f1b", "interleaved-1f1b", "zb-h1"]},
    }
    yield "as it is", space_of(SCENARIO, few)
    yield "half the network", space_of(SCENARIO, few | {"cluster.link_speed": 0.5})
    yield "a tenth of it", space_of(SCENARIO, few | {"cluster.link_speed": 0.1})
    yield "two cards a node", space_of(SCENARIO, few | {"cluster.topology.nics": 2})
    yield "batch 256, half the nodes", space_of(SCENARIO, few | {"workload.batch": 256, "cluster.topology.nodes": 4})


def found_in(space: Space) -> tuple[Search, float]:
    """Return the answer of a search, and the seconds that it took."""
    begin = perf_counter()
    with Runner() as runner:
        runner.expect(space.size, 2_000, ())
        return searched(space, runner, BEST), perf_counter() - begin


def regret(space: Space) -> tuple[float, int, int]:
    """Return how much longer the plan found takes than the best one, and how many plans both searches play."""
    found, _ = found_in(space)
    with Runner() as runner:
        runner.expect(space.size, 2_000, ())
        every = exhausted(space, runner, BEST)
    if [one.row for one in found.plans] != [one.row for one in every.plans]:
        raise SystemExit("the search and playing everything answer with different plans")
    return found.plans[0].took_s / every.plans[0].took_s - 1, found.played, every.played


def simpy_events() -> float:
    """Return the events/s of bare SimPy."""
    draw = random.Random(0)
    return bare_simpy((draw.random() for _ in range(EVENTS)), EVENTS)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="the regret alone")
    asked = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    rows = []
    if not asked.small:
        yardstick, (found, took) = simpy_events(), found_in(space_of(SCENARIO))
        told = f"ten best of {found.left:,} plans, {found.played} played"
        rows.append(Row(told, f"{took:.1f} s", ratio=f"{took * yardstick / 1e6:.1f} M events", goal="60 s"))
    for name, space in spaces():
        lost, played, every = regret(space)
        rows.append(Row(f"regret, {name}: {played} of {every} played", f"{100 * lost:.2f} %", goal="0"))
    print(table(f"search on {asked.cores} cores", rows))


if __name__ == "__main__":
    main()
