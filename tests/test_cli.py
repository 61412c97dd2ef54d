"""The command line: what run, replay and validate print, write and return. Figures are those of the contract.

Wrong input is in test_bad_input.py. Most tests call the command in this process; a few start a real one.
"""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest
import yaml
from commands import FILES, FIRST, ROOT, SCENARIOS, SIXTH, assert_same, process
from played import played

import parsim
from parsim.core.timeline import COLUMNS
from parsim.metrics.closed_forms import Form

HEADER = "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for"

# --- run ---

SECTION_2 = {
    "schema": 1,
    "parsim": parsim.__version__,
    "scenario": "01_five_tasks_data",
    "scenario_sha256": hashlib.sha256(FIRST.read_bytes()).hexdigest(),
    "clock": "simulated",
    "engine": "simpy",
    "seed": 0,
    "makespan_s": 3.3,
    "workers": 2,
    "fold": None,
    "tasks": 2,
    "theory": {"n": 5, "p": 2, "t_s": 1.0, "t_c": 0.1, "t_total_s": 2.75},
    "ledger": {
        "t_total_s": 2.75,
        "deviation_s": 0.0,
        "idle_s": 0.55,
        "contention_s": 0.0,
        "hidden_s": 0.0,
        "idle": {"steps": 0, "memory": 0, "overhead": 0, "policy": 0, "fill": 0, "drain": 0.55, "dependency": 0},
    },
    "communication": {
        **{name: {"exposed_s": 0.0, "hidden_s": 0.0} for name in ("data", "tensor", "pipeline", "context", "expert")},
        "host": {"exposed_s": 0.25, "hidden_s": 0.0},
    },
    "links": [
        {"name": "w0.down", "stands_for": 1, "bytes": 3e6, "busy_s": 0.3, "load": 3e6 / (3.3 * 1e7)},
        {"name": "w1.down", "stands_for": 1, "bytes": 2e6, "busy_s": 0.2, "load": 2e6 / (3.3 * 1e7)},
    ],
    "slowed_s": 0.0,
    "pipeline": None,
    "result": 30,
    "devices": [
        {"name": "w0", "stands_for": 1, "compute_s": 3.0, "transfer_s": 0.3, "idle_s": 0.0,
         "utilisation": 3 / 3.3, "peak_memory_bytes": 13000000, "memory": None},
        {"name": "w1", "stands_for": 1, "compute_s": 2.0, "transfer_s": 0.2, "idle_s": 1.1,
         "utilisation": 2 / 3.3, "peak_memory_bytes": 12000000, "memory": None},
    ],
    "training": None,
    "model": None,
    "collective": None,
    "fit_first": "",
    "assert": [],
}  # fmt: skip


def test_json_is_the_object_of_section_2(command):
    code, out, err = command("run", FIRST, "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert out.endswith("}\n")
    assert_same(json.loads(out), SECTION_2)


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda path: path.stem)
def test_json_of_every_scenario_is_one_object_that_adds_up(command, monkeypatch, file):
    """That the command plays the scenario itself, the tests of the first one tell."""
    run = played(file.stem)
    monkeypatch.setattr("parsim.study.single.simulate", lambda scenario, values, engine, fold: run)
    code, out, err = command("run", file, "--json")
    found = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not valid JSON"))
    lacking = [device for device in found["devices"] if device["memory"] and not device["memory"]["fits"]]
    assert (code, bool(err)) == (0, bool(lacking))  # a run that does not fit warns
    assert list(found) == list(SECTION_2)
    terms, pipeline = found["ledger"], found["pipeline"]
    if pipeline:
        spent = [value for name, value in pipeline.items() if name.endswith("_s")]
        assert sum(spent) == pytest.approx(found["makespan_s"], rel=1e-9)
    total = terms["t_total_s"] + terms["deviation_s"] + terms["idle_s"] + terms["contention_s"] - terms["hidden_s"]
    assert total == pytest.approx(found["makespan_s"], rel=1e-9)
    assert sum(terms["idle"].values()) == pytest.approx(terms["idle_s"], rel=1e-9, abs=1e-12)


def test_without_options_it_is_told_to_people(command):
    code, out, err = command("run", FIRST)
    assert (code, err) == (0, "")
    for piece in ("01_five_tasks_data", "w0", "T_total", "2.75", "drain", "90.9 %", "6 merge", "30"):
        assert piece in out


@pytest.mark.usefixtures("sketches")
def test_quiet_prints_nothing_but_writes(command, tmp_path):
    assert command("run", FIRST, "--quiet") == (0, "", "")
    assert command("run", FIRST, "--quiet", "--json", "--out", tmp_path / "out") == (0, "", "")
    assert sorted(os.listdir(tmp_path / "out")) == FILES


def test_out_and_json_together(command, tmp_path):
    code, out, _ = command("run", FIRST, "--json", "--out", tmp_path / "deep" / "out")
    assert code == 0
    folder = tmp_path / "deep" / "out"
    assert sorted(os.listdir(folder)) == FILES
    assert json.loads((folder / "result.json").read_text()) == json.loads(out)
    assert (folder / "timeline.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "timeline.svg").read_text()
    assert json.loads((folder / "trace.json").read_text())


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda path: path.stem)
def test_the_timeline_has_the_columns_and_the_order_of_the_contract(file):
    run = played(file.stem)
    written = run.files()  # what --out writes, without the pictures
    lines = "".join(written["timeline.csv"]()).splitlines()
    more = ",rounds,bytes" if run.job.graph.collectives else ""
    folds = any(device["stands_for"] > 1 for device in run.devices)
    assert lines[0] == HEADER + more + ",stands_for" * folds
    assert ",".join(COLUMNS) == HEADER
    rows = list(csv.DictReader(lines))
    keys = [(float(row["start_s"]), int(row["number"]), row["lane"], row["task"]) for row in rows]
    assert keys == sorted(keys)
    result = json.loads(written["result.json"]())
    computes = [row for row in rows if row["lane"] == "compute"]
    assert len(computes) == result["tasks"]
    assert max(float(row["end_s"]) for row in rows) == result["makespan_s"]


def test_the_timeline_of_the_first_scenario(command, tmp_path):
    # By hand: 3 MB and 2 MB at 10 MB/s, then 3 s and 2 s of computing.
    assert command("run", FIRST, "--quiet", "--out", tmp_path)[0] == 0
    assert (tmp_path / "timeline.csv").read_text() == (
        f"{HEADER}\n"
        "0,host>part0,transfer,w0,host>w0,0.0,0.0,0.3,0.3,\n"
        "1,host>part1,transfer,w1,host>w1,0.0,0.0,0.2,0.2,\n"
        "1,part1,compute,w1,compute,0.0,0.2,2.2,2.0,host>part1\n"
        "0,part0,compute,w0,compute,0.0,0.3,3.3,3.0,host>part0\n"
    )


def test_two_runs_give_the_same_bytes(tmp_path):
    options = ("--set", "cost={kind: noisy, spread: 0.5, compute: 1 s}", "--seed", "7")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, salt in zip(folders, ("1", "2"), strict=True):
        done = process("run", FIRST, "--out", folder, "--json", *options, env={**os.environ, "PYTHONHASHSEED": salt})
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout)
    for name in [*FILES, "printed"]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_seed_is_that_of_the_option(command):
    noisy = ("--set", "cost={kind: noisy, spread: 0.5, compute: 1 s}", "--json")
    runs = [json.loads(command("run", FIRST, *noisy, *more)[1]) for more in ((), ("--seed", "0"), ("--seed", "7"))]
    assert [run["seed"] for run in runs] == [0, 0, 7]
    assert runs[0] == runs[1]
    assert runs[0]["makespan_s"] != runs[2]["makespan_s"]
    assert json.loads(command("run", FIRST, "--set", "seed=3", "--json")[1])["seed"] == 3


@pytest.mark.parametrize(
    ("settings", "makespan"),
    [
        # By hand. 01: the larger subset's input at 10 MB/s, then a second an item.
        (["cluster.devices=5"], 1.1),
        (["cluster.topology.bandwidth=1 MB/s"], 6.0),
        (["cluster.topology.bandwidth='1 MB/s'"], 6.0),
        (['cluster.topology.bandwidth="1 MB/s"'], 6.0),
        (["cluster.topology={kind: full, bandwidth: 1 MB/s}"], 6.0),
        (["plan.steps.merge=500 ms"], 3.8),
        (["workload.data=[1, 2]"], 1.1),
        (["workload.data[0]=7"], 3.3),
        (["cluster.devices=[a, {name: b, speed: 2}]"], 3.3),
        (["cluster.devices=1", "cluster.device.slots=5"], 1.5),  # five inputs of 1 MB share one link of 10 MB/s
        (["cost.compute=2 s", "cost.compute=3 s"], 9.3),  # the last one counts
    ],
)
def test_set(command, settings, makespan):
    options = [word for setting in settings for word in ("--set", setting)]
    code, out, err = command("run", FIRST, "--json", *options)
    assert (code, err) == (0, "")
    assert json.loads(out)["makespan_s"] == pytest.approx(makespan, rel=1e-9)


def test_set_leaves_the_file_and_its_hash(command):
    before = FIRST.read_bytes()
    found = json.loads(command("run", FIRST, "--json", "--set", "cluster.devices=5")[1])
    assert FIRST.read_bytes() == before
    assert found["scenario_sha256"] == SECTION_2["scenario_sha256"]


def test_names_that_need_quotes_are_quoted_in_the_timeline(command, tmp_path):
    scenario = {
        "cluster": {"devices": ["a, b", 'say "hi"']},
        "workload": {"kind": "tasks", "tasks": [{"name": 'é, "x"', "compute": "1 s"}, {"name": "☃", "compute": "1 s"}]},
    }
    (tmp_path / "odd, name.yaml").write_text(yaml.safe_dump(scenario, allow_unicode=True), encoding="utf-8")
    code, out, _ = command("run", tmp_path / "odd, name.yaml", "--out", tmp_path / "out")
    assert code == 0
    assert "☃" in out or "say" in out
    rows = list(csv.DictReader((tmp_path / "out" / "timeline.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["task"], row["worker"]) for row in rows] == [('é, "x"', "a, b"), ("☃", 'say "hi"')]
    assert json.loads((tmp_path / "out" / "result.json").read_text())["scenario"] == "odd, name"


# --- failing runs ---


def test_a_stall_is_exit_code_1(command, tmp_path):
    # b needs 5 B beside the 6 B that a leaves behind until b has ended; the device holds 10 B.
    (tmp_path / "stall.yaml").write_text(
        "cluster: {devices: 1, device: {memory: 10 B}}\n"
        "workload: {kind: tasks, tasks: [{name: a, compute: 1 s, output: 6 B},"
        " {name: b, compute: 1 s, memory: 5 B, after: [a]}]}\n"
    )
    code, out, err = command("run", tmp_path / "stall.yaml", "--json", "--out", tmp_path / "out")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "parsim: stalled at 1 s: 1 of 2 tasks cannot end"
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_kernel_that_fails_is_exit_code_1(command, monkeypatch):
    from parsim.kernels import kernels

    def broken(value):
        """Fail."""
        raise ZeroDivisionError("division by zero")

    kernels.entries()
    monkeypatch.setitem(kernels._entries, "broken", broken)
    code, out, err = command("run", FIRST, "--set", "workload.kernel=broken")
    assert (code, out) == (1, "")
    assert err == "parsim: task part1: ZeroDivisionError: division by zero\n"


@pytest.mark.parametrize(("data", "depth"), [("[1e308, 1e308]", 40), (f"[{10**299}, 1.5]", 40), ("[2]", 20_000)])
def test_a_result_that_cannot_be_written_is_exit_code_1(command, data, depth):
    code, out, err = command(
        "run", FIRST, "--json", "--set", f"workload.data={data}", "--set", f"plan={{split: chain, depth: {depth}}}"
    )
    assert (code, out) == (1, "")
    assert err.startswith("parsim: merge on host: ")


def test_a_reader_that_leaves_is_no_traceback(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "parsim", "run", FIRST], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


# --- validate ---


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda path: path.stem)
def test_validate_agrees_with_every_scenario(command, monkeypatch, file):
    """That it plays the scenario itself, the next test tells."""
    run = played(file.stem)
    monkeypatch.setattr("parsim.validate.run", lambda job: run)
    code, out, err = command("validate", file)
    assert (code, err) == (0, "")
    assert "Closed forms" in out
    assert "Lower bound" in out
    assert "every rule holds" in out
    assert "T_total" in out
    assert out.splitlines()[-1].startswith("Verdict: ")


@pytest.mark.usefixtures("sketches")
def test_validate_as_json(command, tmp_path):
    code, out, _ = command("validate", SIXTH, "--json", "--out", tmp_path)
    assert code == 0
    found = json.loads(out)
    assert found["agrees"] is True
    assert found["checker"] == []
    assert found["run"]["makespan_s"] == pytest.approx(0.033)  # (m + p - 1)(F + B) = 11 x 3 ms
    assert [form["makespan_s"] for form in found["closed_forms"]] == pytest.approx([0.033] * len(found["closed_forms"]))
    assert found["closed_forms"]
    pictures = ["validation.png", "validation.svg"]
    assert sorted(os.listdir(tmp_path)) == [*FILES, "validation.json", *pictures]
    assert json.loads((tmp_path / "validation.json").read_text()) == found
    assert command("validate", SIXTH, "--quiet") == (0, "", "")


def test_validate_fails_where_a_closed_form_differs(command, monkeypatch):
    monkeypatch.setattr("parsim.validate.forms", lambda job: [Form("wrong", "1 + 1", 3.0)])
    code, out, err = command("validate", FIRST)
    assert code == 1
    assert "3 s differs from simulated 3.3 s" in out
    assert err == "parsim: 01_five_tasks_data: the simulation differs from a closed form\n"
    code, out, _ = command("validate", FIRST, "--json")
    assert code == 1
    found = json.loads(out)
    assert found["agrees"] is False
    assert found["closed_forms"][0]["difference_s"] == pytest.approx(0.3)


def test_validate_fails_where_the_lower_bound_or_the_checker_object(command, monkeypatch):
    monkeypatch.setattr("parsim.validate.lower_bound", lambda job: 4.0)
    assert command("validate", FIRST, "--quiet")[::2] == (
        1, "parsim: 01_five_tasks_data: the makespan is less than the lower bound\n"
    )  # fmt: skip
    monkeypatch.setattr("parsim.validate.check", lambda job, timeline: ["w0 runs two tasks at once"])
    code, out, err = command("validate", FIRST)
    assert code == 1
    assert "w0 runs two tasks at once" in out
    assert "breaks 1 rule" in err


# --- replay ---


def test_replay_prints_prediction_and_measurement(command, tmp_path):
    code, out, err = command("replay", FIRST, "--json", "--out", tmp_path / "out", "--set", "cost.compute=1 ms")
    assert code == 0, err
    found = json.loads(out)
    assert list(found) == ["predicted", "measured", "result_matches_serial", "clocks"]
    assert found["result_matches_serial"] is True
    assert list(found["measured"]) == list(found["predicted"]) == list(SECTION_2)
    assert (found["measured"]["clock"], found["measured"]["result"]) == ("replayed", 30)
    assert (tmp_path / "out" / "result.json").exists()


def test_what_only_counts_cannot_be_replayed(command):
    code, out, err = command("replay", ROOT / "scenarios/04_quantisation.yaml")
    assert (code, out) == (2, "")
    assert re.fullmatch(r".*04_quantisation.yaml:\d+:\d+: workload: .*parsim run.*\n", err)


# --- help ---


def test_help_and_version():
    done = process("--help")
    assert done.returncode == 0
    for name in ("run", "replay", "validate", "compare", "explain", "scaling", "splits", "plot",
                 "check", "init", "list", "schema", "schedule", "ledger"):  # fmt: skip
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
    done = process("--version")
    assert (done.returncode, done.stdout) == (0, f"{parsim.__version__}\n")


def test_help_waits_for_nothing_heavy():
    code = "import sys; sys.argv = ['parsim', '--help']; import parsim.cli; parsim.cli._main(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "simpy", "matplotlib", "yaml"} & set(done.stdout.split())


def test_a_run_without_pictures_does_not_wait_for_them():
    code = (
        f"import sys; sys.argv = ['parsim', 'run', {str(FIRST)!r}, '--json']; import parsim.cli;"
        " parsim.cli._main(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "matplotlib" not in done.stdout.split()


@pytest.mark.parametrize("key", ["policy", "cost", "seed", "plan.subsets", "cluster.topology", "workload.count"])
def test_nothing_is_no_value(command, key):
    """Whoever wants a default leaves the key out."""
    code, out, err = command("run", FIRST, "--set", f"{key}=")
    assert (code, out) == (2, "")
    assert f"{key}: wants" in err
    assert "not nothing" in err


def test_a_path_of_set_has_an_end(command):
    code, out, err = command("run", FIRST, "--set", "a." * 600 + "b=1")
    assert (code, out) == (2, "")
    assert err == "--set:0:0: a.a.a: has 601 levels; at most 40 are allowed\n"


def test_a_folder_where_a_file_has_to_go_is_found_before_the_clock(command, tmp_path):
    (tmp_path / "timeline.csv").mkdir()
    code, out, err = command("run", FIRST, "--out", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith("--out:0:0: out: ")
    assert "it is a folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["timeline.csv"]


@pytest.fixture
def in_a_minute():
    """Let a test fail that waits for something that does not come."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waited for a minute"))
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.usefixtures("in_a_minute")
@pytest.mark.parametrize(
    "arguments",
    [["run", "PIPE"], ["run", FIRST, "--with", "PIPE"], ["check", "PIPE"], ["ledger", "PIPE"], ["plot", "FOLDER"]],
)
def test_a_named_pipe_is_refused_and_not_waited_for(command, tmp_path, arguments):
    names = {"PIPE": tmp_path / "pipe", "FOLDER": tmp_path / "folder"}
    names["FOLDER"].mkdir()
    for pipe in (names["PIPE"], names["FOLDER"] / "result.json"):
        os.mkfifo(pipe)
    code, out, err = command(*(names.get(one, one) for one in arguments))
    assert (code, out) == (2, "")
    assert "it is a pipe or a device; name a regular file" in err
    assert len(err.splitlines()) == 1
