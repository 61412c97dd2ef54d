"""Rules for merges: accept any outputs, do not change them, and return the same JSON value in every call."""

from __future__ import annotations

from functools import partial
from typing import Any

from parsim.conformance.case import Case, Found, asked, found
from parsim.core.evaluation import alike
from parsim.core.json_values import plain
from parsim.entries.function import argument, made
from parsim.merges import merges
from parsim.scenario.schema import check as read
from parsim.study.single import simulate

OUTPUTS: dict[str, list[Any]] = {"one output": [2], "whole numbers": [2, 4, 6, 8, 10], "fractions": [1.0, 5.0, 0.25]}
PLANS = ({"split": "data"}, {"split": "data", "subsets": 4}, {"split": "layers"}, {"split": "chain", "depth": 1})


def cases(entry: str) -> list[Case]:
    """Return the cases of a merge."""
    lists = [Case(f"{name}, twice", partial(again, entry, outputs)) for name, outputs in OUTPUTS.items()]
    return [*lists, *(Case(f"items split as {plan}", partial(split, entry, plan)) for plan in PLANS)]


def merging(entry: str) -> Any:
    """Return the merge with its parameters."""
    one = merges[entry]
    given = argument(one)
    return made(one, read(one, asked(one, given, {}), given))


def again(entry: str, outputs: list[Any]) -> Found:
    """Merge the same list twice."""
    given = list(outputs)
    merge = merging(entry)
    first, second = (plain(merge(given)) for _ in range(2))
    broken = [] if given == outputs else [f"changes the list of outputs to {given!r}; work on a copy"]
    if not alike(first, second):
        broken.append(f"returns {first!r} for {outputs}, but the second time {second!r}")
    return found(broken)


def split(entry: str, plan: dict[str, Any]) -> Found:
    """Play items, and compare the result with the merge of all outputs."""
    merge = {"kind": entry, **asked(merges[entry], argument(merges[entry]), {})}
    work = {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": merge}
    cost = {"kind": "constant", "compute": "1 s"}
    value = simulate({"cluster": {"devices": 2}, "workload": work, "plan": plan, "cost": cost}).value
    alone = merging(entry)([2, 4, 6, 8, 10])
    return found(
        [] if alike(value, alone) else [f"the result of the split work is {value!r}; that of one worker is {alone!r}"]
    )
