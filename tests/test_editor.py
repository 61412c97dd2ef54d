"""What editors show: each key of a scenario and each entry of a shelf is described, and names are completed."""

import functools
import inspect
import operator
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml
from commands import SCENARIOS
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.build import build
from parsim.core.units import Seconds
from parsim.entries.registry import SHELVES, shelf
from parsim.hardware import kinds
from parsim.scenario.docstrings import meanings, purpose
from parsim.scenario.json_schema import json_schema
from parsim.scenario.scenario import load
from parsim.scenario_schema import scenario_schema

ROOT = Path(__file__).parents[1]
ENTRIES = [(name, entry) for name in SHELVES for entry in shelf(name).entries()]


@pytest.fixture(scope="module")
def schema():
    return scenario_schema()


def properties(node, path=()):
    """Yield the path and the schema of every property, wherever it stands."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from properties(item, (*path, index))
    elif isinstance(node, dict):
        held = node.get("properties", {})
        yield from ((".".join(map(str, (*path, key))), one) for key, one in held.items())
        for key, value in node.items():
            yield from properties(value, (*path, key))


def undescribed(schema):
    """Return the paths of the properties that say nothing of themselves."""
    return [path for path, one in properties(schema) if not one.get("description")]


def test_every_property_is_described(schema):
    assert len(list(properties(schema))) > 150
    assert undescribed(schema) == []


def test_a_parameter_without_a_description_is_found():
    def wait(time: Seconds, often: int = 1) -> None:
        """Wait.

        Parameters
        ----------
        time : seconds of one time.
        """

    found = json_schema(wait)
    assert undescribed(found) == ["often"]
    assert found["properties"]["time"]["description"] == "Seconds of one time."


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_every_entry_of_a_shelf_says_what_it_does(name, entry):
    assert purpose(shelf(name)[entry]).endswith(".")


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_what_is_described_is_a_parameter(name, entry):
    found = shelf(name)[entry]
    assert meanings(found).keys() <= inspect.signature(found).parameters.keys()


def test_defaults_are_told(schema):
    star = next(one for one in schema["$defs"]["topologies-places"]["anyOf"] if one.get("title") == "star")
    assert star["properties"]["latency"]["description"].endswith(" Default: 0 s.")
    assert "Default" not in star["properties"]["bandwidth"]["description"]
    assert schema["properties"]["seed"]["description"].endswith(" Default: 0.")


def test_devices_are_named(schema):
    for form, key in (("ClusterForm", "device"), ("NamedDevice", "device"), ("DeviceForm", "kind")):
        found = schema["$defs"][form]["properties"][key]
        names = found.get("anyOf", [found])[0]
        assert names["enum"] == list(kinds())
        assert "NVIDIA A100" in names["enumDescriptions"][names["enum"].index("a100-80g")]


@pytest.mark.parametrize("name", SHELVES)
def test_entries_are_named_and_told_apart(schema, name):
    (found,) = (one for key, one in schema["$defs"].items() if key.partition("-")[0] == name)
    (kind,) = (one["properties"]["kind"] for one in found["allOf"])
    entries = shelf(name).entries()
    assert kind["enum"] == list(entries)
    assert kind["enumDescriptions"] == [purpose(entry) for entry in entries.values()]
    mappings = {one["title"]: one for one in found["anyOf"] if "title" in one}
    assert list(mappings) == list(entries)
    for entry, mapping in mappings.items():
        assert mapping["properties"]["kind"] == {"const": entry, "description": purpose(entries[entry])}


# --- docstrings ---


def told(text):
    def function(x, y=1): ...

    function.__doc__ = text
    return meanings(function)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("Do.", {}),
        ("Do.\n\n    Parameters\n    ----------\n    x : a.\n    ", {"x": "A."}),
        ("Do.\n\n    Parameters\n    ----------\n    x, y : a.\n    ", {"x": "A.", "y": "A."}),
        ("Do.\n\nParameters\n----------\nx : a, b\n    and c.\ny: d.\n", {"x": "A, b and c.", "y": "D."}),
        ("Do.\n\nParameters\n----------\nx : float, optional\n    The a.\n\n    And b.\n", {"x": "The a. And b."}),
        ("Do.\n\nParameters\n----------\nx\n    The a.\n\nReturns\n-------\ny : int\n    It.\n", {"x": "The a."}),
        ("Do.\n\nParameters\n----------\nx : a.\n\n>>> y : 3\n", {"x": "A."}),
        ("Do.\n\nParameters\n----------\nx :\ny : b.\n", {"y": "B."}),
        ("Parameters\n----------\nx : a: b: c.\n", {"x": "A: b: c."}),
        ("Do.\n\nArgs:\n    x: a.\n", {}),
    ],
)
def test_meanings(text, expected):
    assert told(text) == expected


def test_a_class_inherits_meanings_and_no_purpose():
    class Above:
        """Stand.

        Parameters
        ----------
        x : a.
        y : b.
        """

    class Below(Above):
        def __init__(self, x, y):
            """Fall.

            Parameters
            ----------
            y : c.
            """

    assert (purpose(Below), meanings(Below)) == ("", {"x": "A.", "y": "C."})


def test_what_python_writes_itself_is_no_purpose(tmp_path):
    """Of a dataclass, a partial function, a function written in C, one without words."""
    from dataclasses import dataclass

    @dataclass
    class Row:
        x: int

    assert purpose(Row) == ""
    assert purpose(functools.partial(told, 3)) == ""
    assert (
        purpose(functools.partial(undescribed)) == "Return the paths of the properties that say nothing of themselves."
    )
    assert purpose(lambda x: x) == ""
    assert purpose(max).startswith("With a single iterable argument,")


def test_a_file_without_descriptions_works(tmp_path):
    """A student's entries are completed, with what they say of themselves and nothing else."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import functools\n"
        "from parsim.kernels import kernels\n"
        "from parsim.policies import policies\n"
        "from parsim.policies.by_rank import ByRank\n"
        "@kernels.add('scaled')\n"
        "def scaled(x, factor=2.0): return factor * x\n"
        "kernels.add('tripled')(functools.partial(scaled, factor=3.0))\n"
        "kernels.add('same')(lambda x: x)\n"
        "@policies.add('last')\n"
        "class Last(ByRank):\n"
        "    def rank(self, graph, estimate): return [-task for task in range(len(graph))]\n",
        encoding="utf-8",
    )
    stocks = {name: shelf(name).stock() for name in ("kernels", "policies")}
    try:
        parsim.use(mine)
        found = scenario_schema()
    finally:
        for name, stock in stocks.items():
            shelf(name).restock(stock)
    assert all(path.endswith((".kind", ".factor")) for path in undescribed(found))
    kernels = {one["title"]: one for one in found["$defs"]["kernels"]["anyOf"] if "title" in one}
    assert kernels["scaled"]["properties"]["factor"]["default"] == 2.0
    for name, entry in (("kernels", "same"), ("policies", "last")):
        kind = found["$defs"][name]["allOf"][0]["properties"]["kind"]
        assert kind["enumDescriptions"][kind["enum"].index(entry)] == ""


def test_the_folder_of_devices_is_what_is_named():
    assert [path.stem for path in sorted((Path(parsim.__file__).parent / "devices").glob("*.yaml"))] == list(kinds())


# --- what the schema refuses, parsim refuses ---

VALUES = st.sampled_from([None, True, 0, -1, 2, 2.5, "", "x", "fifo", "5 s", "1 MB", "1 GB/s", "a100-80g", [], [1], {}])
KEYS = st.sampled_from(["kind", "devices", "device", "split", "compute", "send", "after", "seed", "rate", "x"])
GIVEN = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SCENARIOS]


def places(node, path=()):
    """Yield the path of every value."""
    for key, held in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(held, dict | list):
            yield from places(held, (*path, key))


@given(st.sampled_from(GIVEN), st.data())
@settings(max_examples=150)
def test_what_the_schema_refuses_parsim_refuses(schema, scenario, data):
    """A value of a scenario is changed, or a key added, at any place."""
    changed = deepcopy(scenario)
    *way, last = data.draw(st.sampled_from(sorted(places(scenario), key=str)))
    holder = functools.reduce(operator.getitem, way, changed)
    if isinstance(holder, dict) and data.draw(st.booleans()):
        last = data.draw(KEYS)
    holder[last] = data.draw(VALUES)
    if not jsonschema.Draft202012Validator(schema).is_valid(changed):
        with pytest.raises(parsim.ScenarioError):
            build(load(changed))
