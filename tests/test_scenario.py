"""Scenarios and the places of their faults; positions counted by hand, hashes by hashlib and sha256sum."""

import hashlib
import json
import math
import os
import pathlib
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.core.errors import Complaint, ScenarioError
from parsim.scenario import scenario as module
from parsim.scenario.scenario import load, settings

TEXT = """\
cluster: {devices: 2, topology: star}
workload:
  kind: tasks
  tasks:
    - {name: t1, compute: 3 s}
    - {name: t2, compute: 3 s}
plan:
policy: fifo
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("a.b.yaml").write_text(TEXT)
    return "a.b.yaml"


def faults(source, **more):
    with pytest.raises(ScenarioError) as caught:
        load(source, **more)
    return [str(fault) for fault in caught.value.faults]


def told(scenario, *complaints):
    return [str(fault) for fault in scenario.error(complaints).faults]


def test_a_file(file):
    found = load(file)
    assert (found.file, found.name) == (file, "a.b")
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found.values["workload"]["tasks"][1] == {"name": "t2", "compute": "3 s"}
    assert found.values["plan"] is None
    assert load(pathlib.Path(file)).file == file


def test_a_mapping():
    source = {"b": [1, (2, 3)], "a": {"x": None}}
    found = load(types.MappingProxyType(source))
    assert (found.file, found.name) == ("scenario", "scenario")
    assert found.values == {"b": [1, [2, 3]], "a": {"x": None}}
    # printf '{"a": {"x": null}, "b": [1, [2, 3]]}' | sha256sum
    assert found.sha256 == hashlib.sha256(b'{"a": {"x": null}, "b": [1, [2, 3]]}').hexdigest()
    assert found.sha256 == hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()


def test_a_mapping_is_left_as_it_was():
    source = {"tasks": [{"name": "a"}] * 2}
    found = load(source, set={"tasks[0].name": "b", "seed": 1})
    assert found.values == {"tasks": [{"name": "b"}, {"name": "a"}], "seed": 1}
    assert source == {"tasks": [{"name": "a"}] * 2}


@pytest.mark.parametrize(
    ("path", "at", "place"),
    [
        (("cluster", "devices"), "value", "a.b.yaml:1:20: cluster.devices"),
        (("cluster", "devices"), "key", "a.b.yaml:1:11: cluster.devices"),
        (("cluster", "device"), "value", "a.b.yaml:1:10: cluster.device"),
        (("cluster", "topology", "bandwidth"), "value", "a.b.yaml:1:33: cluster.topology.bandwidth"),
        (("workload", "tasks", 1, "name"), "value", "a.b.yaml:6:14: workload.tasks[1].name"),
        (("workload", "merge"), "value", "a.b.yaml:3:3: workload.merge"),
        (("cost",), "value", "a.b.yaml:1:1: cost"),
        (("plan",), "key", "a.b.yaml:7:1: plan"),
    ],
)
def test_places(file, path, at, place):
    assert told(load(file), Complaint(path, "is wrong", at)) == [f"{place}: is wrong"]


def test_faults_are_sorted_and_told_once(file):
    some = [Complaint(("policy",), "b"), Complaint(("cluster", "x"), "a"), Complaint(("policy",), "b"),
            Complaint(("cluster", "a"), "a")]  # fmt: skip
    assert told(load(file), *some) == [
        "a.b.yaml:1:10: cluster.a: a",
        "a.b.yaml:1:10: cluster.x: a",
        "a.b.yaml:8:9: policy: b",
    ]


def test_faults_of_a_mapping_have_no_line():
    assert told(load({"a": 1}), Complaint(("a",), "is wrong")) == ["scenario:0:0: a: is wrong"]


def test_faults_of_reading_are_told_with_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("a.yaml").write_text("a: 010\nb: 2\nb: 3\nc: 4\n")
    found = load("a.yaml")
    assert len(found.faults) == 2
    assert told(found, Complaint(("c",), "is wrong"), Complaint(("a",), "wants a number, not the text '010'")) == [
        "a.yaml:1:4: a: 010 starts with a zero; leave the zero out, or write it in quotes if it is text",
        "a.yaml:3:1: b: the key 'b' is already in line 2; write it once",
        "a.yaml:4:4: c: is wrong",
    ]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seed", 7, {"seed": 7}),
        ("plan.steps.split", "1 s", {"plan": {"steps": {"split": "1 s"}}}),
        ("cluster.devices", [1], {"cluster": {"devices": [1], "topology": "star"}}),
        ("cluster.topology.bandwidth", "1 B/s", {
            "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 B/s"}}}),
        ("policy.kind", "heft", {"policy": {"kind": "heft"}}),
        ("workload.tasks[1].compute", {"p": "2 s"}, {
            "workload": {"kind": "tasks", "tasks": [
                {"name": "t1", "compute": "3 s"}, {"name": "t2", "compute": {"p": "2 s"}}]}}),
    ],
)  # fmt: skip
def test_set(file, path, value, expected):
    assert load(file, set={path: value}).values == load(file).values | expected


def test_what_was_set_stands_on_the_command_line(file):
    found = load(file, set={"plan.steps.split": 3, "policy.window": 0, "cluster.devices": {"a": 1}})
    assert not found.faults
    assert told(
        found,
        Complaint(("plan", "steps", "split"), "1"),
        Complaint(("plan", "pipeline"), "2"),  # the mapping that lacks it was made by --set
        Complaint(("policy", "window"), "3"),
        Complaint(("policy", "window"), "3", "key"),
        Complaint(("policy", "kind"), "4"),  # stands in the file
        Complaint(("cluster", "devices", "a"), "5"),
        Complaint(("cluster", "topology"), "6"),
    ) == [
        "--set:0:0: cluster.devices.a: 5",
        "--set:0:0: plan.pipeline: 2",
        "--set:0:0: plan.steps.split: 1",
        "--set:0:0: policy.window: 3",
        "a.b.yaml:1:33: cluster.topology: 6",
        "a.b.yaml:8:9: policy.kind: 4",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        *[(p, f"{p or 'yaml'}: is not a path; write for example workload.tasks[2].compute")
          for p in ("", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "[0]", "a]b", "a[0]b")],
        ("workload.tasks[2].name", "workload.tasks[2].name: workload.tasks has 2 elements; the first is number 0"),
        ("workload[0]", "workload[0]: workload is not a list"),
        ("workload.tasks.name", "workload.tasks.name: workload.tasks is a list, not a mapping"),
        ("cluster.devices.x", "cluster.devices.x: cluster.devices is 2, not a mapping"),
        ("plan[0]", "plan[0]: plan is not a list"),
        (3, "3: a path is text, for example cluster.devices"),
    ],
)  # fmt: skip
def test_a_path_that_cannot_be_set(file, path, message):
    assert told(load(file, set={path: 1})) == [f"--set:0:0: {message}"]


def test_set_must_be_a_mapping(file):
    assert faults(file, set=[1]) == ["--set:0:0: yaml: wants a mapping of paths, not a list"]


def test_set_takes_what_yaml_could_say(file):
    assert told(load(file, set={"seed": {"a": [np.int64(3)]}})) == [
        "--set:0:0: seed.a[0]: YAML cannot express a numpy.int64; give text, a number, a list or a mapping"
    ]


def test_settings_of_the_command_line():
    assert settings(["a.b=4", "c=[1, 5 us]", "d=x=y", "e="]) == {"a.b": 4, "c": [1, "5 us"], "d": "x=y", "e": None}
    with pytest.raises(ScenarioError) as caught:
        settings(["a", "b=[1", "c=3", "d=010"])
    assert [(fault.file, fault.path) for fault in caught.value.faults] == [
        ("--set", "a"),
        ("--set", "b"),
        ("--set", "d"),
    ]


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("folder").mkdir()
    assert faults("none.yaml") == ["none.yaml:0:0: SCENARIO: no such file"]
    assert faults("folder") == ["folder:0:0: SCENARIO: is a folder; name a file"]
    pathlib.Path("folder/scenario.json").write_text("{}")
    assert faults("folder") == ["folder:0:0: SCENARIO: is a folder; name a file, such as its scenario.json"]
    assert faults("") == [":0:0: SCENARIO: no such file"]
    assert "SCENARIO: " in faults("a\0b")[0]
    assert "embedded null" in faults("a\0b")[0]
    assert "cannot be read" in faults("x" * 5000)[0]
    assert faults(3) == ["scenario:0:0: SCENARIO: wants a path or a mapping, not 3"]
    assert faults(None) == ["scenario:0:0: SCENARIO: wants a path or a mapping, not nothing"]


def test_a_file_that_is_too_big_is_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("big.yaml", "wb") as big:
        big.truncate(2**40)  # a hole of 1 TiB: reading it would end in no memory
    assert faults("big.yaml") == ["big.yaml:0:0: SCENARIO: is larger than 16 MiB"]
    told = "it is a pipe or a device; name a regular file"
    if os.path.exists("/dev/zero"):
        assert faults("/dev/zero") == [f"/dev/zero:0:0: SCENARIO: cannot be read: {told}"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: yaml: is empty"),
        ("null", "1:1: yaml: is empty"),
        ("\n  - 1", "2:3: yaml: a scenario is a mapping of key: value, not a list"),
        ("text", "1:1: yaml: a scenario is a mapping of key: value, not the text 'text'"),
    ],
)
def test_the_root_is_a_mapping(tmp_path, monkeypatch, text, line):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("a.yaml").write_text(text)
    assert faults("a.yaml") == [f"a.yaml:{line}"]


class Strange:
    """Nothing that YAML could say."""


CYCLE: dict = {}
CYCLE["a"] = CYCLE["b"] = [CYCLE]
SHARED: list = [1]
for _ in range(38):
    SHARED = [SHARED, SHARED]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ({1: 2}, ["yaml: the key 1 is not text"]),
        ({"a": {None: 2}}, ["a: the key nothing is not text"]),
        ({"a": math.nan}, ["a: nan is not a finite number"]),
        ({"a": [-math.inf]}, ["a[0]: -inf is not a finite number"]),
        ({"a": 10**5000}, ["a: a whole number of 16610 bits has too many digits"]),
        (
            {"a": Strange()},
            ["a: YAML cannot express a test_scenario.Strange; give text, a number, a list or a mapping"],
        ),
        ({"a": {1}}, ["a: YAML cannot express a set; give text, a number, a list or a mapping"]),
        ({"a": b"x"}, ["a: YAML cannot express a bytes; give text, a number, a list or a mapping"]),
        ({"a": np.float64(1)}, ["a: YAML cannot express a numpy.float64; give text, a number, a list or a mapping"]),
        ({"a": np.zeros(2)}, ["a: YAML cannot express a numpy.ndarray; give text, a number, a list or a mapping"]),
        (CYCLE, ["a[0]: is nested deeper than 40 levels", "b[0]: is nested deeper than 40 levels"]),
    ],
    ids=range(11),
)
def test_a_mapping_that_yaml_could_not_say(source, lines):
    assert faults(source) == [f"scenario:0:0: {line}" for line in lines]


def test_shared_parts_do_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 1000)
    assert faults({"a": SHARED}) == ["scenario:0:0: a: contains more than 1000 values"]


@pytest.mark.parametrize("depth", [10, 100, 100_000])
def test_deep_mappings(depth):
    source: list = []
    for _ in range(depth):
        source = [source]
    if depth < 40:
        assert load({"a": source}).values == {"a": source}
    else:
        assert faults({"a": source})[0].endswith("is nested deeper than 40 levels")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


def outcome(source, put):
    try:
        return load(source, set=put).error([Complaint(("a", 0, "b"), "is wrong")]).faults
    except ScenarioError as error:
        return error.faults


@given(ANY | st.dictionaries(st.text(), ANY), st.dictionaries(st.text(alphabet="ab.[]0"), ANY))
def test_any_source_gives_a_scenario_or_faults(source, put):
    if isinstance(source, str):
        return  # a path
    assert all(len(str(fault).splitlines()) == 1 for fault in outcome(source, put))
