"""The live clock: real kernels on a virtual clock. Seconds are those of kernels that sleep, as orders of magnitude."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

import parsim
from parsim.build import build
from parsim.core.threads import one_thread, threads
from parsim.metrics.checker import check
from parsim.metrics.ledger import ledger
from parsim.scenario.scenario import load
from parsim.sim.play import valued

NAP, MOST = 0.02, 0.2  # s: a kernel naps the first, and surely takes less than the second
NAPS = '''
"""A kernel that naps."""

import time

from parsim.kernels import kernels


@kernels.add("naps")
def naps(value):
    time.sleep(0.02)
    return 2 * value


@kernels.add("naps_by_value")
def naps_by_value(value):
    time.sleep(value * 0.02)
    return 2 * value
'''


@pytest.fixture
def naps(tmp_path):
    file = tmp_path / "naps.py"
    file.write_text(NAPS)
    parsim.use(file)
    yield file
    from parsim.kernels import kernels

    kernels.remove("naps")
    kernels.remove("naps_by_value")


def scenario(devices=2, kernel="double", data=(1, 2, 3, 4, 5), split="data", **more):
    return {
        "cluster": {"devices": devices, "topology": {"kind": "star", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "items", "data": list(data), "kernel": kernel, "merge": "sum",
                     "item": "1 kB", "result": "1 kB"},
        "plan": {"split": split},
        "cost": {"kind": "constant", "compute": "1 s"},
        "clock": "live",
    } | more  # fmt: skip


def took(run):
    """Return the seconds of each task."""
    rows = np.flatnonzero(run.timeline.computes)
    seconds = (run.timeline.end_s - run.timeline.start_s)[rows]
    return dict(zip(run.timeline.task[rows].tolist(), seconds.tolist(), strict=True))


VARIANTS = {
    "data": scenario(),
    "layers": scenario(split="layers"),
    "chain": scenario(plan={"split": "chain", "depth": 2}),
    "heft": scenario(plan={"split": "chain", "depth": 2}, policy="heft"),
    "stealing": scenario(split="layers", policy="work_stealing"),
    "prefetch": scenario(plan={"split": "layers", "prefetch": 2}),
    "slots": scenario(cluster={**scenario()["cluster"], "device": {"slots": 2, "memory": "20 kB"}}),
    "no network": scenario(
        cluster={"devices": 2}, workload={"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"}
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_results_are_real_and_the_timeline_holds(name):
    run = parsim.simulate(VARIANTS[name])
    assert run.value == (60 if name in ("chain", "heft") else 30)
    assert (run.job.clock, run.to_dict()["clock"]) == ("live", "live")
    assert check(run.job, run.timeline) == []
    measured = ledger(run.timeline, run.job.cluster.stands_for, run.theory.t_total_s)
    assert abs(measured.difference_s()) <= 1e-9 * max(measured.makespan_s, run.theory.t_total_s, measured.idle_s)
    assert 0 < run.timeline.makespan_s < MOST  # and no second, as the cost expects of each item
    json.dumps(run.to_dict(), allow_nan=False)


@pytest.mark.usefixtures("naps")
def test_a_task_takes_what_its_kernel_took():
    seconds = took(parsim.simulate(scenario(kernel="naps")))
    assert seconds.keys() == {"part0", "part1"}
    assert 3 * NAP <= seconds["part0"] < 3 * MOST  # of 1, 2, 3
    assert 2 * NAP <= seconds["part1"] < 2 * MOST


@pytest.mark.usefixtures("naps")
def test_the_clock_is_virtual():
    """Eight workers nap at the same time, though one process naps for them all, one after the other."""
    begun = time.perf_counter()
    run = parsim.simulate(scenario(8, "naps", range(8), "layers"))
    passed = time.perf_counter() - begun
    assert NAP <= run.timeline.makespan_s < MOST
    assert passed >= 8 * NAP
    assert run.value == 2 * sum(range(8))


@pytest.mark.usefixtures("naps")
def test_speed_divides_what_was_measured():
    cluster = scenario()["cluster"] | {"devices": ["w0", {"name": "w1", "speed": 0.01}]}
    seconds = took(parsim.simulate(scenario(kernel="naps", cluster=cluster, data=[1, 2])))
    assert NAP <= seconds["part0"] < MOST
    assert 100 * NAP <= seconds["part1"] < 100 * MOST


@pytest.mark.usefixtures("naps")
def test_policies_see_what_is_expected_and_never_what_was_measured():
    """All are expected to take 1 s, so `lpt` keeps to their order; the last naps longest, and is taken last."""
    run = parsim.simulate(scenario(1, "naps_by_value", [0, 1, 2, 9], "layers", policy="lpt"))
    assert list(took(run)) == [f"element{i}" for i in range(4)]
    assert run.theory.t_s == 1
    fast = {"name": "w1", "speed": 1.5}  # heft plans by the cost alone: three of five for the faster
    cluster = scenario()["cluster"] | {"devices": ["w0", fast]}
    live, planned = (
        parsim.simulate(scenario(cluster=cluster, split="layers", policy="heft", clock=clock))
        for clock in ("live", "simulated")
    )
    worker = [dict(zip(run.timeline.task.tolist(), run.timeline.worker.tolist(), strict=True))
              for run in (live, planned)]  # fmt: skip
    assert [worker[0][f"element{i}"] for i in range(5)] == [worker[1][f"element{i}"] for i in range(5)]


def test_sixty_four_devices_on_one_core():
    workload = {"kind": "mlp", "widths": [8, 8, 4], "batch": 64, "iterations": 2}
    raw = scenario(64, workload=workload)
    run = parsim.simulate(raw)
    assert len({*run.timeline.worker.tolist()} - {""}) == 64
    assert run.value["loss"] == pytest.approx(run.job.graph.program.serial()["loss"], rel=1e-9)
    assert check(run.job, run.timeline) == []


def test_what_only_counts_is_refused_at_the_clock(tmp_path, command):
    file = tmp_path / "count.yaml"
    file.write_text("cluster: 2\n")
    raw = scenario(workload={"kind": "items", "count": 4})
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(raw)
    (fault,) = refused.value.faults
    assert fault.path == "clock"
    assert fault.message.startswith("needs kernels, but the workload only counts")
    text = json.dumps({key: value for key, value in raw.items() if key != "clock"})[:-1]
    file.write_text(f'{text},\n"clock": live}}\n')
    code, out, err = command("run", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"{file}:2:10: clock: needs kernels")


def test_an_unknown_clock():
    with pytest.raises(parsim.ScenarioError, match=r"clock: .*'simulated' or 'live'"):
        parsim.simulate(scenario(clock="wall"))


def test_a_kernel_that_raises_names_its_task():
    job = build(load(scenario()))

    def refuse(value):
        if value == 4:
            raise ValueError("four is too much")
        return value

    program = replace(job.graph.program, kernel=refuse)
    with pytest.raises(parsim.RunError, match=r"^task part1: ValueError: four is too much$"):
        valued(replace(job, graph=replace(job.graph, program=program)))


def test_kernels_run_on_one_thread_and_things_are_put_back():
    before, seen = threads(), []
    if before is None:
        pytest.skip("NumPy's library does not say its threads")
    job = build(load(scenario()))
    program = replace(job.graph.program, kernel=lambda value: seen.append(threads()) or value)
    valued(replace(job, graph=replace(job.graph, program=program)))
    assert seen == [1] * 5
    assert threads() == before
    with one_thread():
        assert threads() == 1
    assert threads() == before


def test_live_in_words():
    run = parsim.simulate(scenario())
    assert run.report().startswith("scenario: ")
    assert run.report().splitlines()[0].endswith(" live")
    assert "30" in run.report()


def test_what_holds_runs_against_theory_does_so_on_the_simulated_clock(tmp_path, command):
    """What kernels take is foreseen by no closed form: 3 x 1 s, of the slower half; its transfers besides."""
    (tmp_path / "live.json").write_text(json.dumps(scenario()))
    code, out, err = command("validate", tmp_path / "live.json", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["run"]["clock"] == "simulated"
    code, out, err = command("splits", tmp_path / "live.json", "--over", "count", "--json")
    assert (code, err) == (0, "")
    here = json.loads(out)
    assert "cannot be played" not in json.dumps(here)
    code, _, err = command("compare", tmp_path / "live.json", "--set", "policy=fifo,lpt")
    assert (code, err) == (0, "")
