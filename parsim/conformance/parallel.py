"""Rules for splits of items: a valid graph, all weights, and the result of one worker."""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

from parsim.build import build
from parsim.conformance.case import Case, Found, asked, found, who_of
from parsim.core.evaluation import alike
from parsim.core.items import Elements
from parsim.core.tolerance import CLOSE
from parsim.entries.checks import graph as checked
from parsim.metrics.checker import check
from parsim.parallel import parallel
from parsim.run import run
from parsim.scenario.scenario import load

GIVEN = ("items", "workers", "subsets", "depth")
OPTIONS: tuple[dict[str, int], ...] = ({}, {"subsets": 3}, {"depth": 2}, {"depth": 3})
SHAPES = ((1, 1), (5, 2), (7, 3), (3, 5))  # items, devices
WEIGHTS = 12e6  # B


def cases(entry: str) -> list[Case]:
    """Return the cases of a split: items counted and with values, with each option of the split."""
    known = inspect.signature(parallel[entry]).parameters
    made = []
    for items, devices in SHAPES:
        for options in OPTIONS:
            if options.keys() <= known.keys() and options.get("subsets", 1) <= items:
                with_options = "".join(f", {key} {value}" for key, value in options.items())
                name = f"{items} items on {devices} devices{with_options}"
                made.append(Case(name, partial(play, entry, items, devices, options)))
    return made


def play(entry: str, items: int, devices: int, options: dict[str, int]) -> Found:
    """Play counted items, and items with values."""
    kind = {"kind": entry, **asked(parallel[entry], GIVEN, {})}
    sizes = {"kind": "items", "item": "1 MB", "result": "500 kB", "weights": f"{WEIGHTS:g} B"}
    values: dict[str, Any] = {"data": list(range(1, items + 1)), "kernel": "double", "merge": "sum"}
    scenario: dict[str, Any] = {
        "cluster": {"devices": devices, "topology": {"kind": "star", "bandwidth": "10 MB/s"}},
        "plan": {"split": kind, **options},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    broken: list[str] = []
    for work in ({"count": items}, values):
        job = build(load({**scenario, "workload": {**sizes, **work}}))
        checked(who_of("parallel", entry, "split"), {"cluster": job.cluster}, job.graph)
        result = run(job)
        broken += check(job, result.timeline)
        held = float(job.graph.group_size.sum())
        if not math.isclose(held, WEIGHTS, rel_tol=CLOSE):
            broken.append(f"its tasks own {held:g} B of weights in all, but the model has {WEIGHTS:g} B")
    program = job.graph.program
    if not isinstance(program, Elements):
        return found([*broken, "drops the values of the items; pass Items.program to the graph"])
    alone = 2**program.depth * sum(values["data"])
    if not alike(result.value, alone) or not alike(program.serial(), alone):
        broken.append(f"computes {result.value!r} from items 1 to {items}, but one worker computes {alone!r}")
    return found(broken, f"{len(job.graph)} tasks")
