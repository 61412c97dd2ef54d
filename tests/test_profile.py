"""Profiles: what calibrate measures and writes, what `measured`, `roofline` and `shared_memory` make of it, by hand."""

import json
import os
import re
import statistics
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from worker_kernels import on_how_many_threads

import parsim
from parsim.build import build
from parsim.core.kernel import PARTS, Call
from parsim.core.machine import machine
from parsim.core.profile import Timing, read
from parsim.costs.measured import Lookup
from parsim.real import processes
from parsim.real.links import SIZES, line
from parsim.real.microbenchmark import timing
from parsim.scenario.scenario import load
from parsim.topologies.shared_memory import shared_memory

MLP = {"kind": "mlp", "widths": [2, 3], "batch": 4}  # on one worker F, B and U, of one layer
REPEAT = 3


def scenario(devices=1, workload=MLP, cost=None, device=None, split="data"):
    cluster = {"devices": devices, "topology": {"kind": "full", "bandwidth": "1 GB/s"}}
    if device is not None:
        cluster["device"] = device
    return {
        "cluster": cluster,
        "workload": workload,
        "plan": {"split": split},
        "cost": cost or {"kind": "constant", "compute": "1 ms"},
    }


FIVE = {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"}


# -- a profile by hand: seconds alone, ten times as many busy

CALLS = {
    ("matmul", "forward", ((4, 2), (2, 3))): (48.0, 8 * (8 + 6 + 12), 1e-3),
    ("cross_entropy", "forward", ((4, 3), (4,))): (56.0, 8 * (12 + 4 + 4), 2e-3),
    ("cross_entropy", "input_grad", ((4, 3), (4,))): (76.0, 8 * (12 + 4 + 4 + 12), 3e-3),
    ("matmul", "weight_grad", ((4, 2), (2, 3))): (48.0, 8 * (8 + 6 + 12 + 6), 4e-3),
    ("sgd", "forward", ((1, 2, 3), (2, 3))): (12.0, 8 * (6 + 6 + 6), 5e-3),
    ("reduce", "forward", ((2, 3), (2, 3))): (6.0, 8 * (6 + 6 + 6), 6e-3),  # where there are several subsets
}


def row(kernel, part, shapes, flops, size, seconds):
    def told(median):
        return {"median_s": median, "spread_s": 0.0, "runs": 9, "outliers": 0}

    arguments, shapes = {"rate": 0.01} if kernel == "sgd" else {}, [list(shape) for shape in shapes]
    return {"kernel": kernel, "arguments": arguments, "part": part, "shapes": shapes, "flops": flops, "bytes": size,
            "alone": told(seconds), "busy": told(10 * seconds)}  # fmt: skip


def profile(calls=CALLS, **changes):
    rows = [row(*call, *known) for call, known in calls.items()]
    moved = {"alpha_s": 2e-6, "beta_s_per_byte": 1e-9, "points": []}
    told = {"schema": 1, "machine": machine(), "made": {}, "transfers": moved, "overhead_s": 0.0, "kernels": rows}
    return told | changes


@pytest.fixture
def written(tmp_path):
    """Write a profile, and return a cost that reads it."""

    def write(told, **parameters):
        file = tmp_path / "profile.json"
        file.write_text(told if isinstance(told, str) else json.dumps(told))
        return {"kind": "measured", "profile": str(file), **parameters}

    return write


def computing(run):
    """Return the seconds of each task."""
    timeline = run.timeline
    rows = np.flatnonzero(timeline.computes)
    took = (timeline.end_s - timeline.start_s)[rows]
    return dict(zip(timeline.task[rows].tolist(), took.tolist(), strict=True))


def faults(raw):
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(raw)
    return refused.value.faults


# -- measured


def test_a_task_takes_what_its_kernels_took(written):
    took = computing(parsim.simulate(scenario(cost=written(profile()))))
    assert took == pytest.approx({"0F0": 3e-3, "0B0": 7e-3, "0U": 5e-3})


def test_a_task_is_handed_over_once_at_any_speed(written):
    plain = computing(parsim.simulate(scenario(cost=written(profile()), device={"speed": 2.0})))
    cost = written(profile(overhead_s=0.25))
    handed = computing(parsim.simulate(scenario(cost=cost, device={"speed": 2.0})))
    assert handed == {task: pytest.approx(seconds + 0.25) for task, seconds in plain.items()}


def test_speed_divides(written):
    took = computing(parsim.simulate(scenario(cost=written(profile()), device={"speed": 2.0})))
    assert took == pytest.approx({"0F0": 1.5e-3, "0B0": 3.5e-3, "0U": 2.5e-3})


def test_another_rate_takes_no_other_time(written):
    workload = MLP | {"optimizer": {"kind": "sgd", "rate": 0.5}}
    took = computing(parsim.simulate(scenario(workload=workload, cost=written(profile()))))
    assert took["0U"] == pytest.approx(5e-3)


def test_neighbours(written):
    def forward(devices, **parameters):
        plan = {"split": "data", "subsets": 1}
        raw = scenario(devices, cost=written(profile(), **parameters)) | {"plan": plan}
        return computing(parsim.simulate(raw))["0F0"]

    assert forward(1) == pytest.approx(3e-3)  # auto: nobody else computes
    assert forward(2) == pytest.approx(3e-2)
    assert forward(1, neighbours="busy") == pytest.approx(3e-2)
    assert forward(2, neighbours="alone") == pytest.approx(3e-3)


def with_matmuls(*rows):
    """Put other shapes of matmul's forward into the profile: (rows, s), of (rows, 2) times (2, 3)."""
    calls = {call: known for call, known in CALLS.items() if call[:2] != ("matmul", "forward")}
    return calls | {
        ("matmul", "forward", ((n, 2), (2, 3))): (12.0 * n, 8.0 * (2 * n + 6 + 3 * n), seconds) for n, seconds in rows
    }


def test_between_two_shapes_the_slower_line_counts(written):
    run = parsim.simulate(scenario(cost=written(profile(with_matmuls((2, 1e-3), (8, 5e-3))))))
    # 4 rows lie a third of the way from 2 to 8, by FLOP (24, 48, 96) and by bytes (128, 208, 368) alike.
    assert computing(run)["0F0"] == pytest.approx(1e-3 + 4e-3 / 3 + 2e-3)
    assert not any("extrapolates" in note for note in run.notes)


def test_flop_and_bytes_may_differ(written):
    # With (1, 12) times (12, 3): 72 FLOP as before, but 408 B; (2, 2) times (2, 3): 24 FLOP, 128 B.
    calls = with_matmuls((2, 1e-3)) | {("matmul", "forward", ((1, 12), (12, 3))): (72.0, 8.0 * (12 + 36 + 3), 5e-3)}
    by_flop, by_bytes = 1e-3 + 4e-3 * (48 - 24) / (72 - 24), 1e-3 + 4e-3 * (208 - 128) / (408 - 128)
    run = parsim.simulate(scenario(cost=written(profile(calls))))
    assert computing(run)["0F0"] == pytest.approx(max(by_flop, by_bytes) + 2e-3)


def test_beyond_what_was_measured_it_grows_in_proportion_and_says_so(written):
    run = parsim.simulate(scenario(cost=written(profile(with_matmuls((1, 1e-3), (2, 2e-3))))))
    by_bytes, by_flop = 2e-3 * 208 / 128, 2e-3 * 2
    assert computing(run)["0F0"] == pytest.approx(max(by_bytes, by_flop) + 2e-3)
    assert "extrapolates matmul forward beyond the shapes in the profile" in run.notes
    assert "extrapolates matmul forward" in " ".join(run.report().split())


LACKING = {call: known for call, known in CALLS.items() if call[0] != "cross_entropy"}


def test_a_kernel_that_was_not_measured_is_refused(written):
    (fault,) = faults(scenario(cost=written(profile(LACKING))))
    assert fault.path == "cost.profile"
    assert fault.message.startswith("lacks cross_entropy forward, cross_entropy input_grad; calibrate this scenario")
    assert "lacking: flop" in fault.message


def test_or_estimated_by_flop_where_that_is_asked_for(written):
    run = parsim.simulate(scenario(cost=written(profile(LACKING), lacking="flop")))
    rate = (1e-3 + 4e-3 + 5e-3 + 6e-3) / (48 + 48 + 12 + 6)
    assert computing(run)["0F0"] == pytest.approx(1e-3 + 56 * rate)
    assert computing(run)["0B0"] == pytest.approx(76 * rate + 4e-3)
    assert "the profile lacks cross_entropy forward, cross_entropy input_grad; estimated from FLOP" in run.notes


def test_without_any_flop_there_is_nothing_to_estimate_by(written):
    (fault,) = faults(scenario(workload=FIVE, cost=written(profile({}), lacking="flop")))
    assert (fault.path, fault.message.partition(";")[0]) == (
        "cost.profile", "lacks double forward, and its kernel states no FLOP to estimate from",
    )  # fmt: skip


def test_another_machine(written):
    other = profile(machine=machine() | {"name": "elsewhere", "cores": 4096})
    (fault,) = faults(scenario(cost=written(other)))
    assert fault.path == "cost.profile"
    assert re.search(r"was made on another machine \(name elsewhere, not .*; cores 4096, not \d+\)", fault.message)
    assert "machine: any" in fault.message
    run = parsim.simulate(scenario(cost=written(other, machine="any")))
    assert computing(run)["0F0"] == pytest.approx(3e-3)
    assert [note for note in run.notes if note.startswith("the profile was made on another machine (name elsewhere")]


def test_what_has_no_kernels_cannot_be_measured(written):
    for kind in (written(profile()), {"kind": "roofline"}):
        (fault,) = faults(scenario(workload={"kind": "items", "count": 4}, cost=kind))
        assert fault.path == "cost.kind"
        assert "the workload has no kernels" in fault.message


def broken(change):
    told = profile()
    change(told)
    return json.dumps(told).replace('"HUGE"', "1e999")


DAMAGED = {
    "empty": ("", 1, 1, "is not valid JSON: Expecting value"),
    "cut off": ('{"schema": 1,\n "machine": {', 2, 14, "is not valid JSON"),
    "a list": ("[]", 1, 1, "is not a profile of schema 1"),
    "another schema": ('{"schema": 2}', 1, 1, "is not a profile of schema 1"),
    "nothing in it": ('{"schema": 1}', 1, 1, "is a damaged profile (KeyError: 'transfers')"),
    "a strange part": (broken(lambda told: told["kernels"][0].update(part="sideways")), 1, 1, "part 'sideways'"),
    "negative": (
        broken(lambda told: told["kernels"][0]["busy"].update(median_s=-1)),
        1,
        1,
        "-1 is not a number of 0 or more",
    ),
    "text": (
        broken(lambda told: told["transfers"].update(alpha_s="1 us")),
        1,
        1,
        "'1 us' is not a number of 0 or more",
    ),
    "endless": (broken(lambda told: told["kernels"][0]["alone"].update(runs="HUGE")), 1, 1, "OverflowError"),
    "no row": (broken(lambda told: told["kernels"].append(5)), 1, 1, "is a damaged profile"),
    "no numbers": (broken(lambda told: told["kernels"][0].update(shapes=[["x"]])), 1, 1, "is a damaged profile"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_profile_is_told_with_its_place(name, written, tmp_path, command):
    text, at, column, message = DAMAGED[name]
    cost = written(text)
    raw = scenario(cost=cost)
    raw["cluster"]["topology"] = {"kind": "shared_memory", "profile": cost["profile"]}
    (tmp_path / "run.json").write_text(json.dumps(raw))
    code, out, err = command("run", tmp_path / "run.json")
    assert (code, out) == (2, "")
    assert err.startswith(f"{cost['profile']}:{at}:{column}: profile: ")
    assert message in err
    assert len(err.splitlines()) == 1  # once, though cost and topology both read it


@pytest.mark.parametrize(("name", "message"), [("none.json", "no such file; make it with"), ("", "is a folder")])
def test_a_profile_that_is_not_there(name, message, tmp_path, command):
    cost = {"kind": "measured", "profile": str(tmp_path / name)}
    (tmp_path / "run.json").write_text(json.dumps(scenario(cost=cost)))
    code, out, err = command("run", tmp_path / "run.json")
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_scenario_speaks_of_its_own_folder(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "p.json").write_text(json.dumps(profile()))
    cost = {"kind": "measured", "profile": "p.json"}
    (tmp_path / "there" / "run.json").write_text(json.dumps(scenario(cost=cost)))
    monkeypatch.chdir(tmp_path)
    assert computing(parsim.simulate("there/run.json"))["0U"] == pytest.approx(5e-3)


# -- shared memory


def test_transfers_take_what_hand_overs_took(written):
    cost = written(profile())
    raw = scenario(2, cost=cost)
    raw["cluster"]["topology"] = {"kind": "shared_memory", "profile": cost["profile"]}
    timeline = parsim.simulate(raw).timeline
    took = dict(zip(timeline.task.tolist(), (timeline.end_s - timeline.start_s).tolist(), strict=True))
    assert took["0B1>0U"] == pytest.approx(2e-6 + 8 * 6 * 1e-9)
    assert took["host>0F0"] == pytest.approx(2e-6 + 8 * 2 * (2 + 1) * 1e-9)  # two rows and their labels


def test_a_replay_holds_its_transfers_against_the_profile(written):
    timeline = parsim.replay(scenario(2, cost=written(profile()))).measured.timeline
    nominal = dict(zip(timeline.task.tolist(), timeline.nominal_s.tolist(), strict=True))
    assert nominal["0B1>0U"] == pytest.approx(2e-6 + 8 * 6 * 1e-9)


def test_a_memory_too_fast_to_measure(written):
    told = profile()
    told["transfers"] = {"alpha_s": 0.0, "beta_s_per_byte": 0.0, "points": []}
    cost = written(told)
    raw = scenario(2, cost=cost)
    raw["cluster"]["topology"] = {"kind": "shared_memory", "profile": cost["profile"]}
    assert parsim.simulate(raw).timeline.makespan_s > 0


# -- roofline


def test_roofline_by_hand():
    """On an A100, 312 TFLOP/s and 2039 GB/s: all of these small kernels wait for memory, 2 bytes a number."""
    took = computing(parsim.simulate(scenario(cost={"kind": "roofline"}, device="a100-80g")))
    size = {call[:2]: known[1] for call, known in CALLS.items()}
    memory = 4 * 2039e9
    assert took["0F0"] == pytest.approx((size["matmul", "forward"] + size["cross_entropy", "forward"]) / memory)
    assert took["0U"] == pytest.approx(size["sgd", "forward"] / memory)


def test_whichever_is_slower_counts_call_by_call():
    device = {"peak": "48 FLOP/s", "bandwidth": "208 B/s", "speed": 2.0}
    cost = {"kind": "roofline", "efficiency": 0.5, "memory_efficiency": 0.25, "overhead": "1 s"}
    took = computing(parsim.simulate(scenario(cost=cost, device=device)))
    matmul = 1 + max(48 / (48 * 0.5), 208 / (208 * 0.25))
    loss = 1 + max(56 / (48 * 0.5), 160 / (208 * 0.25))
    assert took["0F0"] == pytest.approx((matmul + loss) / 2)
    fast = computing(parsim.simulate(scenario(cost={"kind": "roofline"}, device=device | {"bandwidth": "1 TB/s"})))
    assert fast["0F0"] == pytest.approx((48 + 56) / 48 / 2)  # now arithmetic is the limit


def test_a_device_without_a_peak_is_refused():
    for device in (None, {"peak": "1 TFLOP/s"}, {"bandwidth": "1 TB/s"}):
        (fault,) = faults(scenario(cost={"kind": "roofline"}, device=device))
        assert fault.path == "cost.kind"
        assert fault.message.startswith("device w0 has no peak or bandwidth; write for example 'device: a100-80g'")


def test_a_kernel_of_arrays_computes_on_no_item():
    for cost in ({"kind": "roofline"}, {"kind": "constant", "compute": "1 s"}):
        workload = FIVE | {"kernel": "layernorm"}
        (fault,) = faults(scenario(workload=workload, cost=cost, device="a100-80g"))
        assert (fault.path, fault.message.partition(",")[0]) == ("workload.kernel", "layernorm computes on arrays")


# -- calibrate


@cache
def calibrated(devices=2):
    return parsim.calibrate(scenario(devices), repeat=REPEAT)


def test_a_profile_says_where_when_and_with_what():
    told = calibrated().to_dict()
    assert told["machine"] == machine()
    made = told["made"]
    age = datetime.now(UTC) - datetime.fromisoformat(made["date"])
    assert 0 <= age.total_seconds() < 600
    assert (made["numpy"], made["parsim"]) == (np.__version__, parsim.__version__)
    assert (made["blas_threads"], made["workers"], made["runs"]) == (1, 2, REPEAT)
    assert made["oversubscribed"] == (machine()["cores"] < 2)
    json.dumps(told, allow_nan=False)


def test_every_call_is_measured_alone_and_busy():
    found = calibrated()
    halves = {("matmul", "forward", ((2, 2), (2, 3))), ("matmul", "weight_grad", ((2, 2), (2, 3))),
              ("cross_entropy", "forward", ((2, 3), (2,))), ("cross_entropy", "input_grad", ((2, 3), (2,))),
              ("sgd", "forward", ((1, 2, 3), (2, 3))), ("reduce", "forward", ((2, 3), (2, 3)))}  # fmt: skip
    assert {(call.kernel, call.part, call.shapes) for call in found.profile.kernels} == halves
    for call, known in found.profile.kernels.items():
        often = 1 if call.kernel in ("sgd", "reduce") else 2  # of two subsets; one update
        assert known.timing["alone"].runs == often * REPEAT
        assert known.timing["busy"].runs == 2 * often * REPEAT
        assert all(0 < one.median_s < 0.1 for one in known.timing.values())
    assert {part for _, part, _ in halves} <= {*PARTS}


def test_transfers_are_measured_on_the_path_that_hands_over():
    found = calibrated().profile
    assert [size for size, _ in found.points] == list(SIZES)
    assert all(0 < seconds < 0.1 for _, seconds in found.points)
    assert 0 <= found.alpha_s < 0.01
    assert 1e6 < 1 / found.beta_s_per_byte < 1e13  # B/s
    assert 0 < found.overhead_s < 0.1


def test_a_profile_is_read_as_it_was_written(tmp_path):
    found = calibrated()
    found.save(tmp_path / "new" / "p.json")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["p.json"]
    assert read(str(tmp_path / "new" / "p.json")).to_dict() == found.to_dict()
    text = found.report()
    assert f"{machine()['processor']}, 2 workers, {REPEAT} rounds each way" in text
    assert "matmul weight_grad" in text


def test_what_was_calibrated_can_be_asked_for(tmp_path):
    calibrated().save(tmp_path / "p.json")
    run = parsim.simulate(scenario(2, cost={"kind": "measured", "profile": str(tmp_path / "p.json")}))
    lookup = Lookup(read(str(tmp_path / "p.json")), "refuse")
    shapes = ((2, 2), (2, 3)), ((2, 3), (2,))
    calls = [Call("matmul", (), "forward", shapes[0]), Call("cross_entropy", (), "forward", shapes[1])]
    kernels = sum(lookup.seconds(call, "busy") for call in calls)
    assert computing(run)["0F0"] == pytest.approx(kernels + lookup.profile.overhead_s)
    assert len(run.notes) == 1  # that the simulated clock runs no kernels


NAPS = '''
"""A kernel that naps, and every ninth time sleeps."""

import time

from parsim.kernels import kernels

calls = iter(range(10**9))


@kernels.add("naps")
def naps(value):
    time.sleep(0.1 if next(calls) % 9 == 8 else 0.005)
    return value
'''


@pytest.fixture
def naps(tmp_path):
    file = tmp_path / "naps.py"
    file.write_text(NAPS)
    (tmp_path / "run.json").write_text(json.dumps(scenario(workload=FIVE | {"kernel": "naps"})))
    yield file
    from parsim.kernels import kernels

    kernels.remove("naps")


def test_a_kernel_of_ones_own_with_outliers(naps, tmp_path, command):
    out = tmp_path / "p.json"
    code, said, err = command("calibrate", tmp_path / "run.json", "--with", naps, "--repeat", "4", "--out", out)
    assert (code, err) == (0, "")
    assert said.endswith(f"written to {out}\n")
    (known,) = json.loads(out.read_text())["kernels"]
    assert (known["kernel"], known["shapes"], known["flops"]) == ("naps", [[]], None)
    for one in (known["alone"], known["busy"]):  # five items a round, of which two rounds warm up: calls 10 to 29
        assert one["runs"] == 20
        assert 0.005 <= one["median_s"] < 0.05
    assert known["alone"]["outliers"] >= 2  # calls 17 and 26
    assert re.search(r"naps forward +nan", said)


def test_repeat_out_and_json(tmp_path, command):
    (tmp_path / "run.json").write_text(json.dumps(scenario()))
    arguments = ("calibrate", tmp_path / "run.json", "--repeat", "1", "--json", "--out", tmp_path / "p.json")
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told == json.loads((tmp_path / "p.json").read_text())
    assert {known["alone"]["runs"] for known in told["kernels"]} == {1}
    for wrong in ("0", "x", "100000"):
        code, out, err = command("calibrate", tmp_path / "run.json", "--repeat", wrong)
        assert (code, out) == (2, "")
        assert err.startswith("--repeat:0:0: repeat: ")


def test_the_file_that_the_cost_names_need_not_exist(tmp_path, monkeypatch, command):
    cost = {"kind": "measured", "profile": "profiles/mine.json"}
    raw = scenario(cost=cost)
    raw["cluster"]["topology"] = {"kind": "shared_memory", "profile": "profiles/mine.json"}
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "run.json").write_text(json.dumps(raw))
    monkeypatch.chdir(tmp_path)
    code, _, err = command("run", "there/run.json")
    assert code == 2
    assert "parsim calibrate" in err
    assert command("calibrate", "there/run.json", "--repeat", "1", "--quiet") == (0, "", "")
    assert (tmp_path / "there" / "profiles" / "mine.json").exists()
    assert command("run", "there/run.json", "--quiet") == (0, "", "")
    assert command("calibrate", "there/run.json", "--repeat", "1", "--quiet", "--set", "cost.profile=b.json")[0] == 0
    assert (tmp_path / "b.json").exists()
    both = ("--set", "cost={kind: measured, profile: c.json}", "--set", "cost.lacking=flop")
    assert command("calibrate", "there/run.json", "--repeat", "1", "--quiet", *both) == (0, "", "")
    assert (tmp_path / "c.json").exists()


def test_a_calibration_that_fails_leaves_the_old_profile(tmp_path, command):
    out = tmp_path / "p.json"
    out.write_text("as it was")
    workload = MLP | {"widths": [2, 3, 3], "iterations": 3, "optimizer": {"kind": "sgd", "rate": 1e300}}
    (tmp_path / "run.json").write_text(json.dumps(scenario(workload=workload)))
    code, said, err = command("calibrate", tmp_path / "run.json", "--out", out)
    assert (code, said) == (1, "")
    assert "FloatingPointError: the loss is nan" in err
    assert len(err.splitlines()) == 1
    assert out.read_text() == "as it was"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p.json", "run.json"]


def test_what_cannot_be_calibrated_is_refused_before_anything_is_measured(tmp_path, command, monkeypatch):
    monkeypatch.setattr("parsim.real.microbenchmark.measure", None)
    (tmp_path / "run.json").write_text(json.dumps(scenario(workload={"kind": "items", "count": 4})))
    code, _, err = command("calibrate", tmp_path / "run.json")
    assert code == 2
    assert "workload: has no kernels to measure" in err
    (tmp_path / "file").touch()
    cost = {"kind": "measured", "profile": str(tmp_path / "file" / "p.json")}
    (tmp_path / "run.json").write_text(json.dumps(scenario(cost=cost)))
    code, _, err = command("calibrate", tmp_path / "run.json")
    assert code == 2
    assert "cannot be written to" in err


# -- the arithmetic of measuring


def test_timing_by_hand():
    # Quartiles of 0, 1, ..., 8 lie at 2, 4 and 6; beyond -10 and 18 lies nothing.
    assert timing([8.0, 0.0, *range(1, 8)]) == Timing(4.0, 4.0, 9, 0)
    # Of 1 to 9 and 100: positions 2.25, 4.5 and 6.75, so 3.25, 5.5 and 7.75; beyond 7.75 + 3 x 4.5 lies 100.
    assert timing([100.0, *range(1, 10)]) == Timing(5.5, 4.5, 10, 1)
    draws = np.random.default_rng(1).exponential(size=101).tolist()
    low, median, high = statistics.quantiles(draws, n=4, method="inclusive")
    found = timing(draws)
    assert (found.median_s, found.spread_s) == pytest.approx((median, high - low))


def test_a_line_through_points():
    assert line([(0.0, 2.0), (10.0, 4.0), (20.0, 6.0)]) == pytest.approx((2.0, 0.2))
    # Relative errors: (1 - a) and (4 - a - 2 b) / 4 and (2 - a - b) / 2 are least for the normal equations' solution.
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0])
    weights = 1 / y**2
    normal = np.array([[weights.sum(), (weights * x).sum()], [(weights * x).sum(), (weights * x * x).sum()]])
    expected = np.linalg.solve(normal, [(weights * y).sum(), (weights * x * y).sum()])
    assert line(list(zip(x, y, strict=True))) == pytest.approx(tuple(expected))
    assert line([(1.0, 2.0), (2.0, 1.0)])[1] == 0.0  # no memory gives bytes back time


def test_workers_compute_on_one_thread():
    raw = scenario(2, workload=FIVE)
    job = build(load(raw))
    job = replace(job, graph=replace(job.graph, program=replace(job.graph.program, kernel=on_how_many_threads)))
    before = dict(os.environ)
    assert processes.play(job)[1] == 5  # five items, each on one thread
    assert dict(os.environ) == before  # and this process is as it was


# -- links


def test_links_of_this_machine_make_a_topology(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command("calibrate", "--links", "--repeat", "2", "--json")
    assert code == 0
    told = json.loads(Path("links.json").read_text())
    assert json.loads(out) == told
    assert (told["kernels"], told["made"]["links"], told["made"]["workers"]) == ([], "processes", 2)
    for sort in ("transfers", "host"):
        assert [point["size"] for point in told[sort]["points"]] == list(SIZES)
        assert all(0 < point["median_s"] < 1 for point in told[sort]["points"])
        alpha, beta = line([(point["size"], point["median_s"]) for point in told[sort]["points"]])
        assert (told[sort]["alpha_s"], told[sort]["beta_s_per_byte"]) == (alpha, beta)
    wiring = shared_memory(("w0", "w1", "host"), "links.json")
    for sort, pairs in (("transfers", [(0, 1), (1, 0)]), ("host", [(0, 2), (2, 0), (1, 2), (2, 1)])):
        for pair in pairs:
            (link,) = wiring.route(*pair)
            assert link.latency == told[sort]["alpha_s"]
            assert 1 / link.bandwidth == pytest.approx(told[sort]["beta_s_per_byte"], abs=1e-15)
    assert read("links.json").to_dict() == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mlp.yaml", "--links"], "--links:0:0: links: measures no scenario; leave out SCENARIO, or --links\n"),
        ([], "SCENARIO:0:0: SCENARIO: Missing argument 'SCENARIO'.\n"),
    ],
)
def test_either_a_scenario_or_its_links(arguments, told, command):
    assert command("calibrate", *arguments) == (2, "", told)
