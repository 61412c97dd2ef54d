"""Rules for costs: finite and non-negative seconds and factors, and luck that depends only on (seed, task)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parsim.build import build
from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.conformance.games import ITEMS, game, task
from parsim.conformance.profiles import profile
from parsim.core.errors import ScenarioError
from parsim.core.job import Cost
from parsim.costs import costs
from parsim.entries.checks import cost as checked
from parsim.metrics.checker import check
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.scenario.schema import check as read
from parsim.scenario.schema import parameters

SEEDS = (0, 1, 7, 2**63 - 1)
FAST = {"cluster": {"devices": ["w0", {"name": "w1", "speed": 4}]}}
STATED = [task(f"t{index}", f"{index} s") for index in range(6)]
WORK: dict[str, dict[str, Any]] = {
    "items on devices of two speeds": {
        **FAST,
        "workload": {**ITEMS, "item": "0 B"},
        "plan": {"split": "data", "subsets": 4},
    },
    "tasks with times of their own": {**game(0, STATED), **FAST},
    "tasks with a time for each device": {
        **game(0, [task("t0", {"w0": "1 s", "w1": "2 s"}), task("t1", {"w1": "3 s"})]),
        **FAST,
    },
    "items on devices with peak and bandwidth": {
        "cluster": {"devices": 2, "device": {"peak": "1 GFLOP/s", "bandwidth": "1 GB/s"}},
        "workload": {**ITEMS, "item": "0 B"},
        "plan": {"split": "layers"},
    },
    "a pipeline": {
        "cluster": {"devices": 2},
        "workload": {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"},
        "plan": {"schedule": "1f1b", "microbatches": 3},
    },
}


def cases(entry: str) -> list[Case]:
    """Return the cases of a cost."""
    return [
        *(Case(f"luck of seed {seed}", partial(luck, entry, seed)) for seed in SEEDS),
        *(Case(name, partial(play, entry, scenario)) for name, scenario in WORK.items()),
    ]


def said(entry: str, states_seconds: bool) -> dict[str, Any]:
    """Return the cost's values for a scenario; `compute` is given only if the work states no seconds."""
    known = parameters(costs[entry])
    compute = {} if states_seconds or "compute" not in known else {"compute": "1 s"}
    return asked(costs[entry], (), compute | ({"profile": profile()} if "profile" in known else {}))


def made(entry: str) -> Cost:
    """Return the cost with checked answers."""
    entry_made = costs[entry]
    answer = entry_made(**read(entry_made, said(entry, states_seconds=False)))
    return checked(who_of("costs", entry, "cost"), {}, answer)


def luck(entry: str, seed: int) -> Found:
    """Draw twice, and for fewer tasks."""
    draw = made(entry).luck
    factors = draw(seed, 1000)
    broken = [] if np.array_equal(draw(seed, 1000), factors) else ["returns other factors when called again"]
    for fewer in (0, 1, 10):
        if not np.array_equal(draw(seed, fewer), factors[:fewer]):
            broken.append(
                f"returns other factors for {fewer} tasks than for the first {fewer} of 1000; "
                "a factor may depend only on (seed, task)"
            )
    if not factors.mean() > 0:
        broken.append("returns factors of mean 0, so no task takes any time")
    return found(broken, f"mean factor {factors.mean():.3g}")


def play(entry: str, scenario: dict[str, Any]) -> Found:
    """Play work twice, and get the seconds on every device."""
    cost = {"kind": entry, **said(entry, states_seconds=scenario["workload"]["kind"] != "items")}
    try:
        job = build(load({**scenario, "cost": cost, "seed": 3}))
    except ScenarioError as refused:  # for example, a cost may refuse work without kernels
        if any(fault.path != "cost.kind" for fault in refused.faults):
            raise
        return found([], refused.faults[0].message)
    asking = checked(who_of("costs", entry, "cost"), {}, job.cost)
    for index, device in enumerate(job.cluster.devices):
        asking.expected(job.graph, index, device)
    first, second = run(job).timeline, run(replace(job)).timeline  # a copy asks the cost again
    changed = [] if first.rows() == second.rows() else ["tasks take other seconds when played again"]
    return found([*check(job, first), *changed])
