"""Kernels and merges that are functions: any of Python's callables, with parameters of any name, on every clock."""

import json
from pathlib import Path

import pytest

import parsim
from parsim.conformance import check_file
from parsim.core.kernel import Call, arguments_of
from parsim.entries.registry import SHELVES, shelf
from parsim.scenario_schema import scenario_schema

KERNELS = '''\
"""Kernels in every form that Python has for a function of one argument."""

import functools
import math
import operator
from dataclasses import dataclass

import numpy as np

from parsim.core.kernel import Kernel
from parsim.core.schema import Count
from parsim.kernels import kernels


@kernels.add("factory")
def factory():
    """Square."""
    return lambda x: x * x


@kernels.add("plain")
def plain(x): return x * x


@kernels.add("annotated")
def annotated(element: float) -> float: return element * element


@kernels.add("positional")
def positional(x, /): return x * x


@kernels.add("starred")
def starred(*xs): return xs[0] ** 2


@kernels.add("scale")
def scale(x, factor=2.0, tie=None): return factor * x


@kernels.add("whole_default")
def whole_default(x, factor=2, *, shift: float = 0.0): return factor * x + shift


@kernels.add("required")
def required(x, factor: Count): return factor * x


@kernels.add("value")
def of_value(x, value=3): return value * x


@kernels.add("listed")
def listed(x, weights: list[float], names: dict[str, float] = {}): return sum(w * x for w in weights)


@kernels.add("object")
class Scale:
    """Scale by a factor."""

    def __init__(self, factor=2.0): self.factor = factor

    def __call__(self, x): return self.factor * x


@kernels.add("record")
@dataclass
class Record:
    factor: float = 2.0

    def __call__(self, x): return self.factor * x


@dataclass(frozen=True)
class Parts:
    factors: list[float]  # has no hash, and so Parts has none

    def __call__(self, x): return sum(self.factors) * x


@kernels.add("kernel")
class Triple(Kernel):
    def __init__(self, by: float = 3.0): self.by = by

    def shape(self, *shapes):
        (x,) = shapes
        return x

    def sample(self, draw): return (draw.standard_normal((3, 4)),)

    def flops(self, part, *shapes): return 1.0

    def forward(self, x): return self.by * x


kernels.add("lambda")(lambda q: q * q)
kernels.add("partial")(functools.partial(operator.mul, 2))
kernels.add("partial_set")(functools.partial(scale, factor=5.0))
kernels.add("ufunc")(np.sqrt)
kernels.add("ufunc_made")(np.frompyfunc(lambda x: x + 1, 1, 1))
kernels.add("vectorized")(np.vectorize(lambda x: x + 1))
kernels.add("builtin")(math.sqrt)
kernels.add("class_of_numbers")(int)
kernels.add("cached")(functools.cache(lambda x: 3 * x))
kernels.add("instance")(Record(3))
kernels.add("frozen")(Parts([1, 2]))
kernels.add("method")(Scale(4).__call__)
'''
MERGES = '''\
"""Merges in every form."""

import operator
import statistics

import numpy as np

from parsim.core.schema import Count
from parsim.merges import merges


@merges.add("top")
def top(outputs, count=1): return sorted(outputs)[-count:]


@merges.add("object")
class Top:
    def __init__(self, count: Count = 1): self.count = count

    def __call__(self, outputs): return sorted(outputs)[-self.count:]


@merges.add("factory")
def factory(*, count: Count = 2): return lambda outputs: outputs[:count]


merges.add("lambda")(lambda v: sum(v))
merges.add("largest")(max)
merges.add("total")(sum)
merges.add("mean")(statistics.fmean)
merges.add("array")(np.mean)
merges.add("scalar")(np.max)
merges.add("first")(operator.itemgetter(0))
merges.add("list")(list)
'''
ROOTS = 1 + 2**0.5 + 3**0.5 + 2 + 5**0.5
# What the elements 1 to 5 add up to, by hand: 15, squared 55.
SUMS = {
    "factory": 55, "plain": 55, "annotated": 55, "positional": 55, "starred": 55, "scale": 30, "whole_default": 30,
    "value": 45, "object": 30, "record": 30, "kernel": 45, "lambda": 55, "partial": 30, "partial_set": 75,
    "ufunc": ROOTS, "ufunc_made": 20, "vectorized": 20, "builtin": ROOTS, "class_of_numbers": 15, "cached": 45,
    "instance": 45, "frozen": 45, "method": 60,
}  # fmt: skip
SET = [
    ({"kind": "scale", "factor": 3}, 45),
    ({"kind": "scale", "factor": 0.5}, 7.5),
    ({"kind": "whole_default", "factor": 1.5, "shift": 1}, 27.5),
    ({"kind": "required", "factor": 4}, 60),
    ({"kind": "value", "value": 2}, 30),
    ({"kind": "object", "factor": 10}, 150),
    ({"kind": "record", "factor": 10}, 150),
    ({"kind": "kernel", "by": 2}, 30),
    ({"kind": "partial_set", "factor": 1}, 15),
    ({"kind": "listed", "weights": [1, 2], "names": {"a": 1}}, 45),
]
# What is made of 2, 4, 6, 8, 10.
MERGED = {
    "top": [10], "object": [10], "factory": [2, 4], "lambda": 30, "largest": 10, "total": 30, "mean": 6, "array": 6,
    "scalar": 10, "first": 2, "list": [2, 4, 6, 8, 10],
}  # fmt: skip
ITEMS = {
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with both files, which are in use, and shelves that are afterwards as they were."""
    monkeypatch.chdir(tmp_path)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    for file, text in {"some_kernels.py": KERNELS, "some_merges.py": MERGES}.items():
        Path(file).write_text(text, encoding="utf-8")
        parsim.use(file)
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


def played(key, said, clock):
    return parsim.simulate(ITEMS, set={f"workload.{key}": said, "clock": clock}).to_dict()["result"]


@pytest.mark.parametrize("clock", ["simulated", "live"])
@pytest.mark.parametrize("name", SUMS)
def test_a_kernel_of_any_form_computes(name, clock):
    assert played("kernel", name, clock) == pytest.approx(SUMS[name])


@pytest.mark.parametrize("clock", ["simulated", "live"])
@pytest.mark.parametrize(("said", "value"), SET, ids=str)
def test_a_scenario_sets_all_parameters_but_the_first(said, value, clock):
    assert played("kernel", said, clock) == pytest.approx(value)


@pytest.mark.parametrize("clock", ["simulated", "live"])
@pytest.mark.parametrize("name", MERGED)
def test_a_merge_of_any_form_merges(name, clock):
    assert played("merge", name, clock) == MERGED[name]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"kind": "top", "count": 2}, [8, 10]),
        ({"kind": "object", "count": 3}, [6, 8, 10]),
        ({"kind": "factory", "count": 1}, [2]),
        ({"kind": "total", "start": 100}, 130),
    ],
)
def test_a_scenario_sets_the_parameters_of_a_merge(said, value):
    assert played("merge", said, "simulated") == value


@pytest.mark.parametrize(
    ("kernel", "merge"),
    [("factory", "object"), ("lambda", "lambda"), ("ufunc", "largest")],
)
def test_worker_processes_compute_with_them(kernel, merge):
    done = parsim.replay(ITEMS, set={"workload.kernel": kernel, "workload.merge": merge})
    assert done.result_matches_serial
    assert done.measured.value == done.predicted.value


def test_check_passes_every_one():
    for file, count in {"some_kernels.py": len(SUMS) + 2, "some_merges.py": len(MERGED)}.items():
        verdict = check_file(file)
        assert [one for one in verdict.findings if one.broken] == []
        assert len({one.entry for one in verdict.findings}) == count


def test_the_schema_has_what_may_be_set_and_nothing_else():
    text = json.dumps(scenario_schema())
    for name, properties in {"scale": {"kind", "factor"}, "plain": {"kind"}, "factory": {"kind", "count"}}.items():
        titles = [one for one in choices(json.loads(text)) if one.get("title") == name]
        assert properties in [set(one["properties"]) for one in titles]


def choices(node):
    """Yield every mapping of a schema."""
    if isinstance(node, dict):
        yield node
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from choices(one)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "scale", "x": 3}, "workload.kernel.x: unknown key 'x'"),
        ({"kind": "scale", "tie": 3}, "workload.kernel.tie: unknown key 'tie'"),
        ({"kind": "scale", "factor": "3"}, "workload.kernel.factor: wants a number, not the text '3'"),
        ("required", "workload.kernel.factor: is missing"),
    ],
)
def test_what_a_scenario_may_not_set(said, told):
    with pytest.raises(parsim.ScenarioError, match=told):
        played("kernel", said, "simulated")


@pytest.mark.parametrize(
    ("shelf_name", "body", "told"),
    [
        ("kernels", "def f(): return 5", "kernel mine returns an object of type int when called without"),
        (
            "kernels",
            "class F:\n    def forward(self, x): return x",
            "kernel mine returns an object",
        ),
        ("kernels", "def f(x, y): return x", "kernel mine does not say what its parameter 'y' is; annotate it, for"),
        ("kernels", "def f(*, x): return x", "kernel mine does not say what its parameter 'x' is; annotate it, for"),
        ("merges", "def f(): pass", "merge mine returns nothing when called without arguments; return a function"),
    ],
)
def test_what_is_no_function_of_one_argument_is_a_fault_at_its_decorator(here, shelf_name, body, told):
    text = f'from parsim.{shelf_name} import {shelf_name}\n@{shelf_name}.add("mine")\n{body}\n'
    (here / "mine.py").write_text(text, encoding="utf-8")
    parsim.use("mine.py")
    with pytest.raises(parsim.ScenarioError) as wrong:
        played(shelf_name.removesuffix("s"), "mine", "simulated")
    (fault,) = wrong.value.faults
    assert str(fault).startswith(f"mine.py:2:1: with: {told}")
    assert all(told in " ".join(one.broken) for one in check_file("mine.py").findings)


def test_parameters_of_any_type_may_be_part_of_a_key():
    arguments = arguments_of({"weights": [1.0, [2.0]], "names": {"a": [1]}, "by": 3})
    call = Call("listed", arguments, "forward", ((),))
    assert hash(call) == hash(Call("listed", arguments_of(json.loads(json.dumps(dict(arguments)))), "forward", ((),)))
    assert json.dumps(dict(arguments)) == '{"by": 3, "names": {"a": [1]}, "weights": [1.0, [2.0]]}'


def test_a_profile_knows_a_kernel_with_lists(here):
    kernel = {"kind": "listed", "weights": [1, 2], "names": {"a": 1}}
    parsim.calibrate(ITEMS | {"workload": {**ITEMS["workload"], "kernel": kernel}}, repeat=1).save("profile.json")
    cost = {"kind": "measured", "profile": "profile.json"}
    run = parsim.simulate(ITEMS, set={"workload.kernel": kernel, "cost": cost})
    assert run.to_dict()["result"] == 45
    assert run.timeline.makespan_s > 0
