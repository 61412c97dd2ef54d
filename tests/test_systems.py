"""Windows, by hiding what it lacks: every command works but two, and these say so."""

import csv
import json
import os
import subprocess
import sys

import pytest
from commands import FIRST, ROOT, SIXTH

import parsim
from parsim import cli
from parsim.core.machine import machine, require_processes

WIDE = "任务"  # two letters that a Western European code page does not have
FIFTEENTH, SPLITS = ROOT / "scenarios" / "15_mlp_data.yaml", ROOT / "scenarios" / "14_two_splits.yaml"
OWN = '''"""The widest first."""

from parsim.policies import policies
from parsim.policies.by_rank import ByRank


@policies.add("last")
class Last(ByRank):
    """Takes the last task."""

    def rank(self, graph, estimate):
        return [-task for task in range(len(graph))]
'''
LINES = {
    "check": ["own.py"],
    "compare": ["wide.yaml", "--set", "policy=fifo,lpt", "--out", "compared"],
    "examples": ["copied"],
    "exercise": ["start", "first_run", "--student", WIDE],
    "explain": ["wide.yaml"],
    "init": ["mine.yaml"],
    "ledger": ["out/timeline.csv"],
    "lesson": ["00", "--html", "lesson.html"],
    "list": ["policies"],
    "plan": ["space.yaml", "--out", "planned"],
    "plot": ["out", "--kind", "gantt,memory"],
    "report": ["out", "--html", "page.html"],
    "run": ["wide.yaml", "--out", "out"],
    "scaling": ["wide.yaml", "--workers", "1,2"],
    "schedule": ["1f1b", "--ranks", "2", "--microbatches", "3"],
    "schema": [],
    "splits": [str(SPLITS), "--over", "item"],
    "sweep": ["space.yaml", "--out", "swept"],
    "validate": [str(SIXTH), "--json"],
}
FURTHER = [
    ["run", str(FIRST), "--with", "own.py", "--set", "policy=last", "--json"],
    ["run", str(FIFTEENTH), "--set", "clock=live", "--set", "workload.batch=8", "--quiet"],
    ["run", "mine.yaml", "--quiet"],
    ["run", "out", "--quiet"],
]
REFUSED = [
    ["replay", str(FIRST), "--out", "replayed"],
    ["replay", str(FIRST), "--repeat", "3", "--out", "replayed"],
    ["calibrate", str(FIRST), "--out", "profile.json"],
]
SERVING = ["play"]  # until somebody ends them
NEITHER = "needs worker processes that share memory, which only Linux and macOS have"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Run every command in one process; return the folder, and exit code, output and errors by command."""
    folder = tmp_path_factory.mktemp("windows")
    tasks = [{"name": WIDE, "compute": "1 s"}, {"name": "b", "compute": "1 s", "after": [WIDE]}]
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}}
    (folder / "wide.yaml").write_text(json.dumps(scenario, ensure_ascii=False), encoding="utf-8", newline="\r\n")
    space = scenario | {"cluster": {"devices": {"in": [1, 2]}}}
    (folder / "space.yaml").write_text(json.dumps(space), encoding="utf-8")
    (folder / "own.py").write_text(OWN, encoding="utf-8", newline="\r\n")
    first = ("init", "run", "plot")  # others read what these write
    lines = [[name, *LINES[name]] for name in (*first, *(name for name in LINES if name not in first))]
    lines += [*FURTHER, *REFUSED]
    arguments = [sys.executable, "-X", "warn_default_encoding", ROOT / "tests" / "as_windows.py"]
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, cwd=folder, input=json.dumps(lines), capture_output=True, text=True, env=found)
    assert done.returncode == 0, done.stderr
    return folder, dict(zip(map(" ".join, lines), json.loads(done.stdout), strict=True))


def test_every_command_is_tried():
    assert sorted({*LINES, *SERVING, *(line[0] for line in REFUSED)}) == sorted(cli.parsim.commands)


@pytest.mark.parametrize("line", [[name, *more] for name, more in LINES.items()] + FURTHER[:3], ids=" ".join)
def test_a_command_works_on_windows(told, line):
    code, out, err = told[1][" ".join(line)]
    told_of = [note for note in err.splitlines() if not note.startswith("parsim: no installed font has ")]
    assert (code, told_of) == (0, [])
    assert out or "--quiet" in line


@pytest.mark.parametrize("line", REFUSED, ids=" ".join)
def test_what_needs_worker_processes_says_so(told, line):
    code, out, err = told[1][" ".join(line)]
    assert (code, out) == (1, "")
    assert err.startswith(f"parsim: {line[0]} {NEITHER}")
    assert len(err.splitlines()) == 1
    assert not (told[0] / "replayed").exists()
    assert not (told[0] / "profile.json").exists()


def test_letters_that_the_output_does_not_have_are_numbers(told):
    folder, answers = told
    assert WIDE.encode("ascii", "backslashreplace").decode() in answers["explain wide.yaml"][1]
    with (folder / "out" / "timeline.csv").open(encoding="utf-8", newline="") as lines:
        assert [row["task"] for row in csv.DictReader(lines)] == [WIDE, "b"]


def test_files_end_their_lines_alike_everywhere(told):
    folder, _ = told
    for name in ("mine.yaml", "out/timeline.csv", "out/idle.csv", "out/result.json", "out/timeline.svg"):
        assert b"\r" not in (folder / name).read_bytes(), name


def test_a_folder_is_told_as_one(told):
    code, _, err = told[1]["run out --quiet"]
    assert code == 2
    assert "is a folder" in err


@pytest.mark.parametrize("function", [parsim.replay, parsim.calibrate, lambda source: parsim.repeat(source, 2)])
def test_python_says_so_too(function, monkeypatch):
    monkeypatch.delattr("os.fork")
    with pytest.raises(parsim.RunError, match=NEITHER):
        function(str(FIRST))


def test_this_system_has_what_is_needed():
    require_processes("replay")


def test_cores_are_counted_where_the_system_does_not_say_which_are_ours(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert machine()["cores"] == os.cpu_count()
