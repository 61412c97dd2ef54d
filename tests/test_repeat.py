"""Replays repeated: the distribution of how far the prediction is off, by hand, and what is printed and written."""

import csv
import json
import re
from dataclasses import replace
from functools import cache

import pytest

import parsim
from parsim import predict
from parsim.predict import Replay
from parsim.study.repeat import Repeated, repeat

TIMES = 3
SCENARIO = {
    "cluster": {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
    "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum", "item": "8 B"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 ms"},
}


HEARD = []


@cache
def repeated():
    return repeat(SCENARIO, TIMES, heard=lambda done, total: HEARD.append((done, total)))


@pytest.fixture
def off(monkeypatch):
    """Make replays whose predictions are off by so much."""

    def make(*errors):
        runs = tuple(replace(repeated().runs[0]) for _ in errors)
        known = {id(run): error for run, error in zip(runs, errors, strict=True)}
        monkeypatch.setattr(Replay, "error", property(lambda run: known[id(run)]))
        return Repeated(runs)

    return make


def test_each_run_is_measured_anew_and_predicted_alike():
    runs = repeated().runs
    assert len(runs) == TIMES
    assert len({run.measured.timeline.makespan_s for run in runs}) == TIMES
    assert len({run.predicted.timeline.makespan_s for run in runs}) == 1
    assert all(run.result_matches_serial for run in runs)
    assert [run.measured.value for run in runs] == [30] * TIMES


def test_an_error_is_a_share_of_what_was_measured():
    for run, error in zip(repeated().runs, repeated().errors, strict=True):
        predicted, measured = run.predicted.timeline.makespan_s, run.measured.timeline.makespan_s
        assert error == pytest.approx((predicted - measured) / measured)


def test_the_distribution_by_hand(off):
    ten = off(*[0.01 * sign * (n + 1) for n, sign in zip(range(10), [1, -1] * 5, strict=True)])
    told = ten.to_dict()["absolute_error"]
    # Of 1 to 10 %: half of the runs are within 5 %, nine of ten within 9 %.
    assert told == pytest.approx({"least": 0.01, "median": 0.05, "nine_of_ten": 0.09, "largest": 0.10})
    assert ten.to_dict()["makespan_error"][:2] == pytest.approx([0.01, -0.02])
    report = ten.report()
    assert "off by 5.0% in the median, 9.0% or less in nine of ten runs" in report
    assert "1.0% at best, 10.0% at worst" in report
    assert re.search(r"^ +1 .* -2.0% ", report, re.MULTILINE)


def test_of_few_runs_nine_in_ten_are_all(off):
    told = off(-0.3, 0.2, 0.1).to_dict()["absolute_error"]
    assert told == pytest.approx({"least": 0.1, "median": 0.2, "nine_of_ten": 0.3, "largest": 0.3})
    assert off(0.25).to_dict()["absolute_error"] == dict.fromkeys(told, 0.25)


def test_a_wrong_result_is_shown():
    runs = repeated().runs
    wrong = Repeated((runs[0], replace(runs[1], result_matches_serial=False)))
    rows = [line.split() for line in wrong.report().splitlines() if re.match(r" +\d ", line)]
    assert [row[-1] for row in rows] == ["yes", "NO"]


def test_progress_is_told():
    repeated()
    assert HEARD[-1] == (TIMES, TIMES)
    assert sorted(HEARD) == HEARD


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "five.yaml"
    made.write_text(json.dumps(SCENARIO))
    return made


@pytest.mark.usefixtures("sketches")
def test_json_and_out(file, tmp_path, command):
    code, out, err = command("replay", file, "--repeat", TIMES, "--json", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert list(told) == ["schema", "parsim", "scenario", "makespan_error", "absolute_error", "runs"]
    assert told == json.loads((tmp_path / "out" / "result.json").read_text())
    assert (told["scenario"], len(told["runs"])) == ("five", TIMES)
    for index, (run, error) in enumerate(zip(told["runs"], told["makespan_error"], strict=True)):
        folder = tmp_path / "out" / f"run{index}"
        assert run == json.loads((folder / "result.json").read_text())
        measured = run["measured"]["makespan_s"]
        assert error == pytest.approx(run["predicted"]["makespan_s"] / measured - 1)
        with (folder / "measured" / "timeline.csv").open(newline="") as lines:
            assert max(float(row["end_s"]) for row in csv.DictReader(lines)) == measured
    errors = sorted(map(abs, told["makespan_error"]))
    assert list(told["absolute_error"].values()) == [errors[0], errors[1], errors[2], errors[2]]


def test_the_report_has_a_row_for_each_run(file, command):
    code, out, err = command("replay", file, "--repeat", 2)
    assert (code, err) == (0, "")
    assert out.startswith("five: 2 replays, predicted 3 ms\n")  # three items of 1 ms
    assert [line.split()[0] for line in out.splitlines() if line.endswith(" yes")] == ["0", "1"]


def test_once_is_a_replay_as_ever(file, command):
    code, out, _ = command("replay", file, "--repeat", "1", "--json")
    assert code == 0
    assert list(json.loads(out)) == ["predicted", "measured", "result_matches_serial", "clocks"]


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "10001", "1.5"])
def test_a_count_that_is_none(wrong, file, command):
    code, out, err = command("replay", file, "--repeat", wrong)
    assert (code, out) == (2, "")
    assert err.startswith("--repeat:0:0: repeat: ")
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("sketches")
def test_a_failure_in_a_later_run_is_told_and_what_it_had_done_is_kept(file, tmp_path, command, monkeypatch):
    plain, calls = predict.replay_job, []

    def second_fails(job, timeout_s, launch):
        calls.append(job)
        if len(calls) == 2:
            raise parsim.Unfinished("worker w1 was killed", repeated().runs[0].measured.timeline)
        return plain(job, timeout_s, launch)

    monkeypatch.setattr(predict, "replay_job", second_fails)
    monkeypatch.setattr("parsim.study.repeat.replay_job", second_fails)
    code, out, err = command("replay", file, "--repeat", "3", "--out", tmp_path / "out")
    said = "parsim: worker w1 was killed (in replay 1; those before it have ended)\n"
    assert (code, out, err) == (1, "", said)
    assert (tmp_path / "out" / "measured" / "timeline.csv").exists()
    assert len(json.loads((tmp_path / "out" / "result.json").read_text())["runs"]) == 1
    assert (tmp_path / "out" / "run0" / "measured" / "timeline.csv").exists()
