"""Rules for kernels: the same result in every call, in every process, and for every split of items.

a plain function                       numbers, and items under every split
a class whose forward takes a number   both, and the rules for classes
any other class                        the rules for classes: `parsim.conformance.arrays`
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import partial
from typing import Any

from parsim.build import build
from parsim.conformance import arrays
from parsim.conformance.case import Case, Found, asked, found
from parsim.core.evaluation import alike
from parsim.core.items import Elements
from parsim.core.kernel import is_class
from parsim.entries.function import argument, made
from parsim.kernels import kernels
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.scenario.schema import check as read

NUMBERS: dict[str, list[Any]] = {"whole numbers": [1, 2, 3, 4, 5], "fractions": [0.5, 2.5, 10.0]}
PLANS = ({"split": "data"}, {"split": "data", "subsets": 3}, {"split": "layers"}, {"split": "chain", "depth": 2})


def cases(entry: str) -> list[Case]:
    """Return the cases of a kernel."""
    if not is_class(kernels[entry]):
        return numbers_of(entry)
    return [*arrays.cases(entry), *(numbers_of(entry) if arrays.takes_numbers(entry) else [])]


def numbers_of(entry: str) -> list[Case]:
    """Return the cases with numbers and items."""
    each = [
        case
        for name, numbers in NUMBERS.items()
        for case in (
            Case(f"{name}, twice", partial(again, entry, numbers)),
            Case(f"{name}, in a pickled copy", partial(sent, entry, numbers)),
        )
    ]
    splits = [Case(f"items split as {plan}", partial(split, entry, plan)) for plan in PLANS]
    return [*each, *splits]


def computing(entry: str) -> Any:
    """Return the kernel with its parameters."""
    one = kernels[entry]
    given = argument(one)
    return made(one, read(one, asked(one, given, {}), given))


def again(entry: str, numbers: list[Any]) -> Found:
    """Compute the same numbers twice."""
    kernel = computing(entry)
    first, second = ([kernel(number) for number in numbers] for _ in range(2))
    return found(_unlike(numbers, first, second, "but the second time"))


def sent(entry: str, numbers: list[Any]) -> Found:
    """Compute with a pickled copy, as in a worker process."""
    kernel = computing(entry)
    copy = pickle.loads(pickle.dumps(kernel))
    return found(
        _unlike(
            numbers, [kernel(number) for number in numbers], [copy(number) for number in numbers], "but after pickling"
        )
    )


def _unlike(numbers: list[Any], first: list[Any], second: list[Any], when: str) -> list[str]:
    return [
        f"returns {one!r} for {number}, {when} {other!r}"
        for number, one, other in zip(numbers, first, second, strict=True)
        if not alike(one, other)
    ]


def split(entry: str, plan: dict[str, Any]) -> Found:
    """Play items, and compare their outputs with those of one worker."""
    kernel = {"kind": entry, **asked(kernels[entry], argument(kernels[entry]), {})}
    work = {"kind": "items", "data": NUMBERS["whole numbers"], "kernel": kernel, "merge": "sum"}
    scenario = {
        "cluster": {"devices": 2},
        "workload": work,
        "plan": plan,
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    job = build(load(scenario))
    program = job.graph.program
    assert isinstance(program, Elements)
    program = replace(program, merge=list)  # not all outputs can be added
    value = run(replace(job, graph=replace(job.graph, program=program))).value
    alone = program.serial()
    return found(
        []
        if alike(value, alone)
        else [f"the outputs of the split work are {value!r}; those of one worker are {alone!r}"]
    )
