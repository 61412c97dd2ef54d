"""Replays in real processes. Results: the README's example and the contract's (30, 30, and 60 with depth 2)."""

import json
import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from worker_kernels import NAP, fall, hold_a_lock, leave, nap, refuse, twice

import parsim
from parsim.build import build
from parsim.core.errors import Invalid
from parsim.core.evaluation import alike
from parsim.metrics.checker import check
from parsim.metrics.ledger import ledger
from parsim.real import processes
from parsim.scenario import document
from parsim.scenario.scenario import load


def scenario(split="data", **plan):
    return {
        "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "10 MB/s"}},
        "workload": {
            "kind": "items",
            "data": [1, 2, 3, 4, 5],
            "kernel": "double",
            "merge": "sum",
            "item": "1 MB",
            "result": "1 MB",
            "weights": "10 MB",
        },
        "plan": {"split": split, **plan},
        "cost": {"kind": "constant", "compute": "1 s"},
    }


def job_of(raw, kernel=None):
    job = build(load(raw))
    if kernel is None:
        return job
    return replace(job, graph=replace(job.graph, program=replace(job.graph.program, kernel=kernel)))


def assert_adds_up(job, timeline):
    """The ledger's identity; idleness is stamped in the workers, not what the spans leave."""
    measured = ledger(timeline, job.cluster.stands_for, 0.0)
    assert abs(measured.difference_s()) <= 1e-9 * max(measured.makespan_s, measured.busy_nominal_s, measured.idle_s)


def spans(timeline):
    """Return {task: (worker, start, end)}, transfers under their names."""
    rows = zip(timeline.task.tolist(), timeline.worker.tolist(), timeline.start_s.tolist(), timeline.end_s, strict=True)
    return {task: (worker, start, end) for task, worker, start, end in rows}


@pytest.fixture(autouse=True)
def _nobody_is_left():
    yield
    assert multiprocessing.active_children() == []


VARIANTS = {
    "data": (scenario(), 30),
    "more subsets than workers": (scenario(subsets=5), 30),
    "layers": (scenario("layers"), 30),
    "chain": (scenario("chain", depth=2), 60),
    "prefetch": (scenario("layers", prefetch=2), 30),
    "homes": (scenario("chain", depth=2) | {"policy": "heft"}, 60),
    "slots": (scenario("chain", depth=2) | {"cluster": {**scenario()["cluster"], "device": {"slots": 2}}}, 60),
    "little memory": (
        scenario("layers", prefetch=3) | {"cluster": {**scenario()["cluster"], "device": {"memory": "20 MB"}}},
        30,
    ),
}


@cache
def replayed_as(name):
    return parsim.replay(VARIANTS[name][0])


@pytest.fixture(params=VARIANTS)
def replayed(request):
    return replayed_as(request.param)


@pytest.mark.parametrize("name", VARIANTS)
def test_real_processes_compute_what_one_worker_alone_would(name):
    told = replayed_as(name).to_dict()
    assert told["predicted"]["result"] == told["measured"]["result"] == VARIANTS[name][1]
    assert told["result_matches_serial"] is True
    assert (told["predicted"]["clock"], told["measured"]["clock"]) == ("simulated", "replayed")
    json.dumps(told, allow_nan=False)


def test_the_ledger_adds_up(replayed):
    run = replayed.measured
    assert_adds_up(run.job, run.timeline)
    assert run.ledger.contention_s == 0  # no profile: nominal = actual
    assert run.ledger.idle["overhead"] > 0
    assert run.theory == replayed.predicted.theory


def test_every_task_runs_once_and_after_what_it_needs(replayed):
    graph, timeline = replayed.measured.job.graph, replayed.measured.timeline
    when = spans(timeline)
    assert sorted(timeline.number[timeline.computes].tolist()) == list(range(len(graph)))
    assert len(when) == len(timeline)
    for parent, child in zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True):
        assert when[graph.names[parent]][2] <= when[graph.names[child]][1]
    for name, (worker, start, end) in when.items():
        source, _, target = name.partition(">")
        if target and source != "host":
            assert when[source][2] <= start < end
        if target and target != "host":
            assert (when[target][0], when[target][1] >= end) == (worker, True)
        if target == "host":
            assert when[source][::2] == (worker, start)


def test_the_checker_proves_what_was_measured(replayed):
    """All but stated seconds and bandwidths, which do not bind a wall clock."""
    assert replayed.measured.job.clock == "replayed"
    assert check(replayed.measured.job, replayed.measured.timeline) == []


def test_a_worker_computes_one_task_at_a_time(replayed):
    timeline = replayed.measured.timeline  # sorted by start
    for worker in {*timeline.worker.tolist()} - {""}:
        mine = timeline.computes & (timeline.worker == worker)
        assert (timeline.end_s[mine][:-1] <= timeline.start_s[mine][1:]).all()


def test_the_same_transfers_travel_as_in_the_prediction_where_the_placement_is_the_same():
    run = replayed_as("layers")
    named = [sorted(one.timeline.task[one.timeline.transfers].tolist()) for one in (run.predicted, run.measured)]
    assert (
        named[0] == named[1] == sorted([f"host>element{i}" for i in range(5)] + [f"element{i}>host" for i in range(5)])
    )


@pytest.mark.parametrize("name", ["chain", "slots"])
def test_an_edge_is_a_transfer_between_devices_only(name):
    run = replayed_as(name).measured
    when, device = spans(run.timeline), {worker.name: worker.device for worker in run.job.cluster.workers}
    for item in range(5):
        apart = device[when[f"item{item}.0"][0]] != device[when[f"item{item}.1"][0]]
        assert (f"item{item}.0>item{item}.1" in when) == apart


def test_steps_are_measured_on_the_host(replayed):
    timeline = replayed.measured.timeline
    when, tasks = spans(timeline), timeline.owned
    bounds = [when[step][1:] for step in ("split", "create", "allocate", "gather", "merge")]
    assert bounds[0][0] == 0
    assert all(before[1] <= after[0] for before, after in pairwise(bounds))
    assert bounds[2][1] <= timeline.start_s[tasks].min()
    assert timeline.end_s[tasks].max() <= bounds[3][0]
    assert bounds[4][1] == timeline.makespan_s


def test_nothing_travels_where_nothing_has_a_size():
    raw = scenario("chain", depth=2)
    raw["workload"] |= {"item": "0 B", "result": "0 B"}
    run = parsim.replay(raw)
    assert run.measured.value == 60
    assert not run.measured.timeline.transfers.any()
    assert_adds_up(run.measured.job, run.measured.timeline)


def test_memory_holds_in_the_replay_too():
    run = replayed_as("little memory").measured
    assert all(device["peak_memory_bytes"] <= 20e6 for device in run.metrics["devices"])


def test_what_a_task_waited_for():
    raw = scenario("chain", depth=2)
    raw["cluster"]["devices"] = 1
    timeline = parsim.replay(raw).measured.timeline
    waits = dict(zip(timeline.task.tolist(), timeline.waited_for.tolist(), strict=True))
    assert waits["host>item0.0"] == "allocate"  # the last step
    assert waits["item0.0"] == "host>item0.0"  # its input
    assert waits["host>item1.0"] == "item0.0"  # its worker
    assert waits["item0.1"] == "item4.0"  # fifo takes all roots first, then the item's second layer
    assert waits["item0.1>host"] == "item0.1"


def test_a_slow_kernel_is_found_on_its_own_worker_and_no_other():
    job = job_of(scenario(), nap)
    timeline, value = processes.play(job)
    took = {task: end - start for task, (_, start, end) in spans(timeline).items()}
    assert value == 30
    assert took["part1"] >= NAP  # 4 is in the second subset
    assert [task for task, seconds in took.items() if seconds >= NAP] == ["part1"]
    assert_adds_up(job, timeline)


def test_inputs_are_handed_over_while_a_worker_computes():
    job = job_of(scenario("layers", prefetch=4) | {"cluster": {**scenario()["cluster"], "devices": 1}}, nap)
    timeline, value = processes.play(job)
    when = spans(timeline)
    assert value == 30
    assert when["host>element4"][2] < when["element3"][2]  # it came before the nap was over
    assert_adds_up(job, timeline)


def test_large_values_do_not_lock_host_and_worker():
    job = job_of(scenario("chain", depth=2, prefetch=3), twice)
    program = job.graph.program
    large = {task: [np.full(500_000, values[0])] for task, values in program.given.items()}  # 4 MB, pipes hold 64 KiB
    job = replace(job, graph=replace(job.graph, program=replace(program, given=large)))
    timeline, value = processes.play(job)
    assert value == [60] * 500_000
    assert_adds_up(job, timeline)


def test_floats_match_to_rounding():
    raw = scenario()
    raw["workload"]["data"] = [0.1, 0.2, 0.3]
    assert parsim.replay(raw).result_matches_serial


def test_alike():
    assert alike(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-12]))
    assert alike(2**80, 2**80)
    assert alike(math.nan, math.nan)
    assert not alike(2**80, 2**80 + 1)
    assert not alike(30, [30])
    assert not alike([1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (refuse, "task part1 on worker w1: ValueError: four is too much"),
        (hold_a_lock, "task part1 on worker w1: its output cannot be sent: RuntimeError: Lock objects"),
        (leave, "worker w1 ended with exit code 3 while it had task part1"),
        (fall, "worker w1 was killed by SIGKILL while it had task part1"),
        (lambda value: value, "the kernel cannot be sent to a worker process; define it in a module"),
    ],
)
def test_a_failure_names_worker_and_task(kernel, message):
    with pytest.raises(parsim.RunError, match=f"^{message}"):
        processes.play(job_of(scenario(), kernel))
    assert multiprocessing.active_children() == []


def test_a_merge_that_fails():
    job = job_of(scenario())
    program = replace(job.graph.program, merge=lambda values: values[99])
    with pytest.raises(parsim.RunError, match=r"^merge on host: IndexError"):
        processes.play(replace(job, graph=replace(job.graph, program=program)))


def test_what_only_counts_is_refused_before_any_process_starts(monkeypatch):
    monkeypatch.setattr(processes, "started", None)
    raw = scenario()
    raw["workload"] = {"kind": "items", "count": 5}
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.replay(raw)
    assert [(fault.path, fault.message.split(",")[0]) for fault in refused.value.faults] == [
        ("workload", "only counts")
    ]
    with pytest.raises(Invalid):
        processes.play(build(load(raw)))


def test_too_many_processes_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "started", None)
    with pytest.raises(parsim.ScenarioError, match="1000 workers"):
        parsim.replay(scenario(), set={"cluster.devices": 1000})


def test_the_report_says_what_was_predicted_and_that_there_is_no_profile():
    report = replayed_as("data").report()
    assert re.search(
        r"makespan +3.6 s +\S+ [mu]?s +\+[\d.]+%$", report, re.MULTILINE
    )  # 3 x (0.1 + 1 + 0.1) s, no link shared
    assert "The result is the same as that of one worker" in report
    assert "Without a profile of this machine" in report
    assert "its seconds come from the scenario" in report
    assert "the largest error is in one term" not in report


def test_the_way_that_a_report_shows_leads_to_a_prediction(tmp_path, monkeypatch):
    """The commands as they stand in the report, on the scenario that it is about."""
    monkeypatch.chdir(tmp_path)
    first = replayed_as("data").report()
    settings = re.findall(r"--set (\S+)='(.*)'", first)
    assert "parsim calibrate SCENARIO --out profile.json" in first
    parsim.calibrate(scenario(), repeat=2).save("profile.json")
    run = parsim.replay(scenario(), set={path: document.parse_value(value) for path, value in settings})
    assert run.profiled
    assert "its seconds are" not in run.report()
    assert "the largest error is in one term" in run.report()


@pytest.mark.usefixtures("sketches")
def test_saved_beside_each_other(tmp_path):
    run = replayed_as("data")
    run.save(tmp_path / "out")
    assert json.loads((tmp_path / "out/result.json").read_text()) == run.to_dict()
    for name in ("predicted", "measured"):
        assert json.loads((tmp_path / f"out/{name}/result.json").read_text()) == run.to_dict()[name]
        assert (tmp_path / f"out/{name}/timeline.csv").exists()


def python(tmp_path, script):
    """Start a script that has no `if __name__ == "__main__"`."""
    file = tmp_path / "script.py"
    file.write_text(script)
    here = Path(__file__).parent
    paths = {"PYTHONPATH": os.pathsep.join([str(here.parent), str(here)]), "PARSIM_TEST_PIDS": str(tmp_path / "pids")}
    (tmp_path / "pids").mkdir()
    return subprocess.Popen(
        [sys.executable, file], env=os.environ | paths, stdout=-1, stderr=-1, start_new_session=True
    )


def test_a_script_needs_no_guard_and_kernels_do_not_print_into_its_output(tmp_path):
    work = "print(__name__, processes.play(job_of(scenario(), chatter))[1])"
    script = f"from test_replay import *; from worker_kernels import chatter; {work}"
    out, err = python(tmp_path, script).communicate(timeout=60)
    assert out == b"__main__ 15\n"
    assert err.count(b"a kernel says") == 5


def test_no_process_outlives_the_host(tmp_path):
    work = "processes.play(job_of(scenario(), sleep_long))"
    host = python(tmp_path, f"from test_replay import *; from worker_kernels import sleep_long; {work}")
    wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    workers = [int(file.name) for file in (tmp_path / "pids").iterdir()]
    assert all(map(lives, workers))
    os.killpg(host.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    _, err = host.communicate(timeout=60)
    wait_until(lambda: not any(map(lives, workers)))
    assert err.count(b"Traceback") == 1  # the host's; workers end in silence


def lives(pid):
    """Say whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(happened):
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)
