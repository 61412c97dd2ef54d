"""The longest path writes the record of SimPy to the bit, or says why it cannot."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from commands import ROOT, SCENARIOS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_scenarios import items, pipelines, task_graphs

import parsim
from parsim.build import build
from parsim.core.columns import in_chunks
from parsim.core.timeline import COLUMNS
from parsim.reading import load
from parsim.sim.longest_path import LongestPath, Undecided, gaps, refusal
from parsim.sim.play import LARGE, play
from parsim.sim.prepared import prepared

ORDERED = ("heft", "cpop", "peft")
STRATEGIES = {"tasks": task_graphs(memory=False), "items": items(memory=False), "pipelines": pipelines()}
PIPELINE = {
    "cluster": {"devices": 4},
    "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms", "send": "100 us"},
    "plan": {"pipeline": 4, "schedule": "1f1b", "microbatches": 8},
}
LIMITED = [{"name": f"w{rank}", "memory": "1 GB"} for rank in range(4)]


def reason_against(job):
    """Return why the longest path cannot play a job; nothing: it can."""
    ready = prepared(job)
    reason = refusal(ready)
    try:
        if not reason:
            LongestPath(ready).play()
    except Undecided as undecided:
        return str(undecided)
    return reason


def assert_same(job):
    """Play both ways, and compare all that is known of the two runs."""
    path, simpy = (play(replace(job, engine=engine)) for engine in ("path", "simpy"))
    assert (path.engine, simpy.engine) == ("path", "simpy")
    for name in (*COLUMNS, "transfer"):
        assert np.array_equal(getattr(path, name), getattr(simpy, name)), name
    for mine, other in zip(path.idle, simpy.idle, strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_any_scenario(strategy):
    seen = Counter()

    @settings(suppress_health_check=list(HealthCheck), derandomize=True)
    @given(strategy, st.sampled_from(ORDERED))
    def plays(scenario, policy):
        if scenario["workload"]["kind"] != "stages":
            scenario["policy"] = policy
        try:
            job = build(load(scenario))
        except parsim.ScenarioError:
            return
        reason = reason_against(job)
        seen[reason.split()[0] if reason else "same"] += 1
        if not reason:
            assert_same(job)

    plays()
    assert seen["same"] > seen.total() / 2, seen


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_any_scenario_of_the_collection(path):
    job = build(load(path))
    if not reason_against(job):
        assert_same(job)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy": "fifo"}, "the policy fifo decides during the run"),
        (
            {
                "cluster.devices": [{"name": "w0", "memory": "1 GB"}, "w1"],
                "workload": {"kind": "chains", "count": 2, "length": 3, "compute": "1 s"},
                "plan": {},
                "policy": "heft",
            },
            "device w0 has limited memory",
        ),
        ({"workload.send": "0 s"}, ""),
        ({}, ""),
    ],
)
def test_what_keeps_it_from_playing(changes, reason):
    assert reason_against(build(load(PIPELINE, changes))) == reason


@pytest.mark.parametrize(("start", "reason"), [("1 s", ""), ("2 s", ""), ("500 ms", "transfers share link w0>w1")])
def test_transfers_that_share_a_link_are_left_to_simpy(start, reason):
    """The first is under way from 0 s to 1 s: one that leaves before 1 s shares the link, one at 1 s does not."""
    one = {"name": "a", "from": "w0", "to": "w1", "size": "1 MB"}
    flows = [one, {**one, "name": "b", "start": start}]
    cluster = {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 MB/s"}}
    job = build(load({"cluster": cluster, "workload": {"kind": "transfers", "flows": flows}}))
    assert reason_against(job) == reason
    if not reason:
        assert_same(job)


def test_orders_that_wait_for_each_other_are_left_to_simpy():
    job = build(load(PIPELINE))
    backwards = tuple(order[::-1] for order in job.graph.orders)
    stuck = replace(job, graph=replace(job.graph, orders=backwards))
    assert reason_against(stuck) == "the workers' orders wait for each other"
    with pytest.raises(parsim.Stalled, match="w0 waits for"):
        play(stuck)


def test_the_command_says_which_engine_played(command):
    file = ROOT / "scenarios/06_pipeline_1f1b.yaml"
    told = {}
    for engine in ("auto", "simpy", "path"):
        code, out, _ = command("run", file, "--json", "--engine", engine)
        assert code == 0
        told[engine] = json.loads(out)
    assert [facts.pop("engine") for facts in told.values()] == ["simpy", "simpy", "path"]
    assert told["auto"] == told["simpy"] == told["path"]
    assert "longest path" in command("run", file, "--engine", "path")[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "pth"), "--engine:0:0: engine: unknown name 'pth'. Did you mean 'path'?"),
        (
            ("--engine", "path", "--set", "policy=fifo"),
            "--engine:0:0: engine: the engine path cannot play this scenario: the policy fifo decides "
            "during the run; leave --engine out",
        ),
    ],
)
def test_what_cannot_be_played_is_refused(command, options, message):
    code, out, err = command("run", ROOT / "scenarios/05_heft_ten_tasks.yaml", *options)
    assert (code, out, err.strip()) == (2, "", message)


def test_large_runs_try_it_first():
    plan = {"pipeline": 4, "schedule": "1f1b", "microbatches": LARGE // 8 + 1}
    assert parsim.simulate(PIPELINE, {"plan": plan}).timeline.engine == "path"
    assert parsim.simulate(PIPELINE, {"plan": plan}, engine="simpy").timeline.engine == "simpy"


def test_an_unknown_engine():
    with pytest.raises(ValueError, match=r"engine: unknown name 'simpi'. Did you mean 'simpy'\?"):
        parsim.simulate(PIPELINE, engine="simpi")


def test_gaps_and_chunks_do_not_depend_on_how_many_rows_are_looked_at_together(monkeypatch):
    draw = np.random.default_rng(5)
    owner, start = draw.integers(0, 9, 200), draw.integers(0, 10**6, 200)
    end = start + draw.integers(0, 10**4, 200)
    whole = [column.tolist() for column in gaps(9, owner, start, end)]
    monkeypatch.setattr("parsim.core.columns.CHUNK", 7)
    assert len(list(in_chunks(owner))) > 1
    assert [column.tolist() for column in gaps(9, owner, start, end)] == whole
