"""Every schedule, or every policy, in place of the word `all`.

plan.schedule=all    1f1b  gpipe ..  interleaved-1f1b, 2 chunks  ..  zb-v, 2 chunks     those that need no parameters
policy=all           cpop  critical_path  fifo  heft ..                                 the same, but in_order

A schedule brings the chunks that it needs, also one of a list where nobody states chunks. The model stays the same:
stages of equal times are cut finer.

1 chunk     stage 0: 2 ms                   2 chunks    stage 0: 1 ms, stage 2: 1 ms
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from parsim.core.errors import Invalid, ParsimError, ScenarioError
from parsim.core.op import ops_of
from parsim.core.orders import GIVEN, chunks_of, orders_of
from parsim.core.schema import Ask, kind_of
from parsim.entries.registry import Shelf
from parsim.policies import policies
from parsim.scenario.scenario import Scenario, changed
from parsim.schedules import schedules
from parsim.sections import sections
from parsim.study.limited import limited

ALL = "all"
SCHEDULE, CHUNKS = "plan.schedule", "plan.chunks"
UNITS = {"forward": "s", "input_grad": "s", "weight_grad": "s", "activation": "B"}  # of stages
RANKS, MICROBATCHES = 2, 4  # a shape that every schedule accepts


def every(path: str, value: Any, scenario: Scenario) -> Any:
    """Return the names on a shelf where the *value* for a *path* is the word `all`; the scenario's own is the first.

    Of a schedule that does not fit into memory, but does with a limit, return its section with the limit.
    """
    shelves = {SCHEDULE: every_schedule, "policy": every_policy}
    if path not in shelves or not is_all(value):
        return value
    section = scenario.values.get("plan") if path == SCHEDULE else scenario.values
    kind = kind_of(section.get(path.rpartition(".")[2])) if isinstance(section, dict) else None
    names = sorted(shelves[path](), key=lambda name: name != kind)
    if path == "policy":
        return names
    return [
        (name != kind and limited(changed(scenario, brought(scenario, {path: name})), name)) or name for name in names
    ]


def is_all(value: Any) -> bool:
    """Say whether a value is the word `all`.

    >>> is_all("all"), is_all(["all"]), is_all(["fifo", "all"])
    (True, True, False)
    """
    return bool((value[0] if isinstance(value, list) and len(value) == 1 else value) == ALL)


def brings(scenarios: Sequence[Scenario], chosen: Mapping[str, Any]) -> bool:
    """Say whether the schedules of a comparison bring their chunks: for `all`, and where nobody states chunks."""
    if CHUNKS in chosen or SCHEDULE not in chosen:
        return False
    plans = [scenario.values.get("plan") for scenario in scenarios]
    stated = any(isinstance(plan, dict) and plan.get("chunks") is not None for plan in plans)
    several = isinstance(chosen[SCHEDULE], list) and len(chosen[SCHEDULE]) > 1
    return is_all(chosen[SCHEDULE]) or (several and not stated)


def brought(scenario: Scenario, set: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that the schedule of *set* brings: its chunks, and times for stages that are cut finer."""
    name = kind_of(set[SCHEDULE])
    if name not in every_schedule():  # one with parameters, or a name that is wrong, which the variant tells
        return {}
    try:
        said, _ = sections(changed(scenario, {path: value for path, value in set.items() if path != SCHEDULE}).values)
    except ScenarioError:  # the variant tells it
        return {}
    plan, work = said.get("plan"), said.get("workload")
    own, schedule = getattr(plan, "chunks", None), getattr(plan, "schedule", None)
    chunks = chunks_for(name, own)
    if work is None or work.name != "stages" or schedule is None:
        return {CHUNKS: chunks}
    before, after = chunks_of(schedule, own) or 1, chunks or 1
    finer = {f"workload.{key}": _cut(work.arguments.get(key), before, after, unit) for key, unit in UNITS.items()}
    return {CHUNKS: chunks, **(finer if after != before and all(finer.values()) else {})}


def _cut(each: Any, before: int, after: int, unit: str) -> Any:
    """Share what *before* chunks have out among *after* chunks: one value for all stages, or a list in model order.

    >>> _cut(2.0, 1, 2, "s"), _cut([2.0, 4.0], 1, 2, "s"), _cut([1.0, 3.0], 2, 1, "s")
    ('1.0 s', ['1.0 s', '1.0 s', '2.0 s', '2.0 s'], ['4.0 s'])
    """
    if not isinstance(each, list):
        return f"{each * before / after!r} {unit}"
    if len(each) * after % before:
        return each
    parts = [part / after for part in each for _ in range(after)]
    return [f"{sum(parts[a : a + before])!r} {unit}" for a in range(0, len(parts), before)]


def every_schedule() -> list[str]:
    """Return the names of the schedules that need no parameters."""
    return without_parameters(schedules, set(GIVEN))


def every_policy() -> list[str]:
    """Return the names of the policies that need no parameters; in_order is for pipelines alone."""
    return [name for name in without_parameters(policies, set()) if name != "in_order"]


def without_parameters(shelf: Shelf, given: set[str]) -> list[str]:
    """Return the names of the entries that need no parameter except those *given*."""
    return [
        name
        for name, entry in shelf.entries().items()
        if all(
            parameter.default is not parameter.empty or parameter.name in given
            for parameter in inspect.signature(entry).parameters.values()
        )
    ]


def chunks_for(name: str, said: int | None) -> int | None:
    """Return the chunks that a schedule needs: those *said*, at least 2, if it takes as many, else its own default.

    >>> [chunks_for(name, said=None) for name in ("1f1b", "interleaved-1f1b", "zb-v")]
    [1, 2, 2]
    >>> [chunks_for(name, said=4) for name in ("1f1b", "interleaved-1f1b", "zb-v")]
    [1, 4, 2]
    """
    schedule, several = Ask(name, schedules[name]), max(2, said or 1)
    return several if _takes(schedule, several) else chunks_of(schedule, None)


def _takes(schedule: Ask, chunks: int) -> bool:
    """Return whether a schedule gives each rank as many stages."""
    try:
        orders = orders_of(schedule, RANKS, MICROBATCHES, chunks)
    except (Invalid, ParsimError):
        return False
    return len({op.stage for order in orders for op in ops_of(order)}) == RANKS * chunks
