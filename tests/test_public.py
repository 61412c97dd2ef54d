"""The Python face: what `import parsim` offers; and no scenario, however wrong, raises anything but ParsimError."""

import copy
import hashlib
import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import SCENARIOS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from played import played as once

import parsim
from parsim.core.timeline import COLUMNS
from parsim.metrics.checker import check
from parsim.scenario import document

ROOT = Path(__file__).parents[1]
FIRST = ROOT / "scenarios/01_five_tasks_data.yaml"


def values(file):
    return document.read(file.read_bytes(), str(file)).values


# --- the face ---


def test_the_face_is_complete_and_sorted():
    assert parsim.__all__ == sorted(parsim.__all__)
    assert all(getattr(parsim, name) is not None for name in parsim.__all__)
    assert set(parsim.__all__) <= set(dir(parsim))
    assert {"simulate", "replay", "ScenarioError", "RunError", "Stalled", "ParsimError"} <= set(parsim.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = parsim.nothing


def test_the_errors_are_drawn_as_the_contract_says():
    assert issubclass(parsim.Stalled, parsim.RunError)
    assert issubclass(parsim.RunError, parsim.ParsimError)
    assert issubclass(parsim.ScenarioError, parsim.ParsimError)
    assert not issubclass(parsim.ScenarioError, parsim.RunError)


def test_importing_is_light():
    code = "import sys, parsim; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "simpy", "pydantic", "yaml", "matplotlib", "click"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "source", [str(FIRST), FIRST, os.fspath(FIRST), values(FIRST)], ids=["str", "Path", "fs", "map"]
)
def test_a_source_is_a_path_or_a_mapping(source):
    run = parsim.simulate(source)
    assert (run.timeline.makespan_s, run.value) == (3.3, 30)


def test_a_result_has_what_the_contract_names(tmp_path):
    run = parsim.simulate(FIRST, set={"cluster.devices": 5, "cost.compute": "2 s"})
    found = run.to_dict()
    assert found["makespan_s"] == pytest.approx(2.1)  # by hand: 1 MB at 10 MB/s, then 2 s
    assert json.loads(json.dumps(found)) == found
    assert found["ledger"] == run.ledger.to_dict()
    assert run.ledger.t_total_s == found["theory"]["t_total_s"]
    assert run.metrics["devices"] == found["devices"]
    for name in COLUMNS:
        column = getattr(run.timeline, name)
        assert len(column) == 10, name
        assert isinstance(column, np.ndarray), name
    run.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == found
    assert "timeline.csv" in os.listdir(tmp_path / "out")


def test_the_columns_are_those_of_the_file(tmp_path):
    run = parsim.simulate(FIRST)
    run.save(str(tmp_path))
    header, *rows = (tmp_path / "timeline.csv").read_text().splitlines()
    cells = list(zip(*(row.split(",") for row in rows), strict=True))
    for name, column in zip(header.split(","), cells, strict=True):
        assert [str(value) for value in getattr(run.timeline, name).tolist()] == list(column), name


def test_a_mapping_is_named_and_hashed_by_its_json():
    scenario = values(FIRST)
    found = parsim.simulate(scenario).to_dict()
    assert found["scenario"] == "scenario"
    assert found["scenario_sha256"] == hashlib.sha256(json.dumps(scenario, sort_keys=True).encode()).hexdigest()
    backwards = dict(reversed(scenario.items()))
    assert parsim.simulate(backwards).to_dict() == found


def test_a_mapping_gives_what_its_file_gives(monkeypatch):
    monkeypatch.chdir(FIRST.parent)  # a mapping has no folder of its own for the files that it names
    for file in SCENARIOS:
        of_file = once(file.stem)
        if len(of_file.timeline) > 3000:  # large ones are read no other way
            continue
        of_file, of_mapping = of_file.to_dict(), parsim.simulate(values(file)).to_dict()
        for key in ("scenario", "scenario_sha256"):
            del of_file[key], of_mapping[key]
        assert of_file == of_mapping


def test_neither_source_nor_set_is_changed():
    scenario, put = values(FIRST), {"cluster.devices": [{"name": "a"}], "plan.steps": {"merge": "1 s"}}
    before = copy.deepcopy((scenario, put))
    parsim.simulate(scenario, set=put)
    assert (scenario, put) == before


def test_set_may_make_what_is_not_there():
    run = parsim.simulate(values(FIRST), set={"cluster.device.slots": 2, "seed": 5})
    assert (run.to_dict()["workers"], run.to_dict()["seed"]) == (4, 5)


def test_faults_are_tuples_of_five():
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate(FIRST, set={"policy": "fifi"})
    assert caught.value.faults == (("--set", 0, 0, "policy", "unknown name 'fifi'. Did you mean 'fifo'?"),)
    assert str(caught.value) == "--set:0:0: policy: unknown name 'fifi'. Did you mean 'fifo'?"
    assert isinstance(caught.value.faults[0], parsim.Fault)
    again = pickle.loads(pickle.dumps(caught.value))  # as a pool of processes hands it over
    assert (type(again), again.faults, str(again)) == (parsim.ScenarioError, caught.value.faults, str(caught.value))


def test_a_stall_is_raised_as_such():
    scenario = {
        "cluster": {"devices": 1, "device": {"memory": "10 B"}},
        "workload": {
            "kind": "tasks",
            "tasks": [
                {"name": "a", "compute": "1 s", "output": "6 B"},
                {"name": "b", "compute": "1 s", "memory": "5 B", "after": ["a"]},
            ],
        },
    }
    with pytest.raises(parsim.Stalled, match="w0 waits for b"):
        parsim.simulate(scenario)


def test_a_folder_that_cannot_be_is_a_parsim_error(tmp_path):
    (tmp_path / "file").write_text("")
    run = parsim.simulate(FIRST)
    for folder in (tmp_path / "file", tmp_path / "file" / "x", "", "a\0b"):
        with pytest.raises(parsim.ParsimError):
            run.save(folder)


def test_what_cannot_be_replayed_is_a_fault():
    with pytest.raises(parsim.ScenarioError):
        parsim.replay(ROOT / "scenarios/06_pipeline_1f1b.yaml")
    with pytest.raises(parsim.ScenarioError):
        parsim.replay({"policy": "fifi"})


# --- whatever is asked ---

BASES = [values(file) for file in SCENARIOS] + [
    {
        "cluster": {
            "devices": ["p1", {"name": "p2", "slots": 2, "speed": 2.0, "memory": "4 GB"}, "p3"],
            "topology": {"kind": "full", "bandwidth": "1 GB/s"},
        },
        "workload": {
            "kind": "tasks",
            "tasks": [
                {"name": "t1", "compute": {"p1": "1 s", "p2": "2 s"}, "output": "10 MB"},
                {"name": "t2", "compute": "5 s", "after": {"t1": "3 MB"}},
                {"name": "t3", "compute": "5 s", "after": ["t1"], "memory": "1 GB"},
            ],
        },
        "plan": {"prefetch": 1},
        "cost": {"kind": "noisy", "spread": 0.5},
        "policy": "heft",
        "seed": 3,
        "clock": "simulated",
    },
    {
        "cluster": {
            "devices": 3,
            "device": {"speed": 2, "memory": "1 GB", "slots": 2},
            "topology": {"kind": "star", "bandwidth": "1 GB/s", "latency": "1 us"},
        },
        "workload": {"kind": "items", "count": 20, "item": "1 MB", "result": "1 kB", "weights": "3 MB"},
        "plan": {
            "split": "data",
            "subsets": 7,
            "prefetch": 2,
            "steps": dict.fromkeys(("split", "create", "allocate", "gather", "merge"), "1 s"),
        },
        "cost": {"kind": "noisy", "spread": 0.5, "compute": "1 ms"},
    },
]
ODD = [
    None, "", -1, 0, 1, 2, 7, 100, 1.5, 1e400, -1e400, math.nan, 10**400, -(10**30), 2**63, 1e300, 1e-300, True, False,
    [], {}, [[]], [{}], [None], {"kind": None}, {"a": {"b": [1]}}, (1, 2), {1: 2}, b"x", object(), "\ud800", "é\n\x00",
    "5", "5 s", "0 s", "-5 s", "5 parsec", "1e99 s", "1e308 s", "1e-99 s", "5 MB", "0 B", "1e99 B", "1e-99 B/s",
    "1e99 B/s", "5 GB/s", "0 B/s", "1 Gb/s", "☃ s", "\u0661 s", "nan s", "inf s", "w0", "host", "t1", "p1", "L1", "a",
    "fifo", "heft", "in_order", "star", "full", "custom", "items", "tasks", "stages", "transfers", "data", "chain",
    "layers", "noisy", "gpipe", "1f1b", ["t1"], ["p1", "p1"], ["L1", "L1"], {"t1": "5 s"}, {"p1": "0 s"},
    {"kind": "star", "bandwidth": "1 B/s"}, {"kind": "noisy", "spread": 0.999999999}, {"kind": "custom"},
]  # fmt: skip
KEYS = [
    "devices", "device", "topology", "kind", "kernel", "merge", "count", "data", "memory", "slots", "speed", "subsets",
    "depth", "split", "prefetch", "steps", "compute", "after", "output", "name", "from", "to", "over", "size", "limit",
    "start", "send", "pipeline", "chunks", "schedule", "microbatches", "seed", "clock", "policy", "cost", "plan",
    "spread", "latency", "bandwidth", "item", "result", "weights", "x", "", 3, None,
]  # fmt: skip


def places(held, way=()):
    """Return the way to every part of *held*."""
    inner = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    return [way, *(place for step, part in inner for place in places(part, (*way, step)))]


@st.composite
def mutants(draw):
    """Take a scenario, and replace, delete, add and rename parts of it."""
    scenario = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 4))):
        ways = places(scenario)[1:]
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        held = scenario
        for step in way:
            held = held[step]
        new = copy.deepcopy(draw(st.sampled_from(ODD)))  # later actions change parts of it
        action = draw(st.sampled_from(["replace", "replace", "replace", "delete", "add", "rename", "double"]))
        if action == "delete":
            del held[last]
        elif action == "add" and isinstance(held, dict):
            held[draw(st.sampled_from(KEYS))] = new
        elif action == "rename" and isinstance(held, dict):
            held[draw(st.sampled_from(KEYS))] = held.pop(last)
        elif action == "double" and isinstance(held, list):
            held.append(copy.deepcopy(held[last]))
        else:
            held[last] = new
    return scenario


def played(source, put=None):
    try:
        return parsim.simulate(source, set=put)
    except parsim.ParsimError as error:
        return error


def assert_played_or_refused(scenario, put=None):
    """Play it; what can be played must add up and prove right, all else must be a ParsimError."""
    run = played(scenario, put)
    if isinstance(run, parsim.ScenarioError):
        assert run.faults
        assert all(len(str(fault).splitlines()) == 1 for fault in run.faults)
    if isinstance(run, parsim.ParsimError):
        assert str(run)
        return
    json.dumps(run.to_dict(), allow_nan=False)
    terms = run.ledger
    largest = max(map(abs, (terms.makespan_s, terms.t_total_s, terms.deviation_s, terms.idle_s, terms.contention_s)))
    assert abs(terms.difference_s()) <= 1e-9 * largest
    assert check(run.job, run.timeline) == []


FUZZ = settings(
    max_examples=4 * settings.default.max_examples,
    deadline=10_000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@FUZZ
@given(mutants())
def test_whatever_is_asked_is_played_or_refused(scenario):
    assert_played_or_refused(scenario)


@FUZZ
@given(st.sampled_from(BASES), st.data())
def test_whatever_is_set_is_played_or_refused(scenario, data):
    ways = [
        "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way) for way in places(scenario)[1:]
    ]
    path = data.draw(st.sampled_from([way.removeprefix(".") for way in ways]) | st.text() | st.sampled_from(KEYS))
    assert_played_or_refused(scenario, {path: data.draw(st.sampled_from(ODD))})


ANYTHING = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=5) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)


@FUZZ
@given(ANYTHING, ANYTHING)
def test_anything_at_all_is_refused(source, put):
    if isinstance(source, dict):
        assert_played_or_refused(source, put)
    elif not isinstance(source, str | bytes):
        with pytest.raises(parsim.ScenarioError):
            parsim.simulate(source, put)


@FUZZ
@given(st.sampled_from(SCENARIOS), st.data())
def test_any_slip_of_the_pen_in_a_file_is_told_with_a_place(tmp_path_factory, file, data):
    text = file.read_text()
    text = text[text.index("\ncluster") :]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 3))
        text = (
            text[:place]
            + data.draw(st.text("{}[]:,-#&*!|>'\"%@` \n\t0123.abB/sé\0", max_size=3))
            + text[place + length :]
        )
    path = tmp_path_factory.getbasetemp() / "slip.yaml"
    path.write_text(text)
    run = played(path)
    rows = text.count("\n") + 2
    for fault in run.faults if isinstance(run, parsim.ScenarioError) else ():
        assert fault.file == str(path)
        assert 1 <= fault.line <= rows
        assert fault.column >= 1
