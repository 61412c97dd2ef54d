"""What `--out` writes: all files or none, an earlier run whole until then, and a reader can tell."""

import errno
import itertools
import json
import os
import resource
import signal
from functools import cache, partial
from pathlib import Path

import pytest
from commands import FILES, FIRST, ROOT, process
from hypothesis import assume, given, settings
from random_scenarios import scenarios

import parsim
from parsim.export import columns, files
from parsim.export.folder import read_folder
from parsim.validate import validate

ANSWERS = {  # of two scenarios each
    "run": lambda size: parsim.simulate(FIRST, set=size),
    "validate": lambda size: validate(FIRST, size),
    "compare": lambda size: parsim.compare([FIRST], set={**size, "policy": ["fifo", "lpt"]}),
    "explain": lambda size: parsim.explain(FIRST, set=size),
    "scaling": lambda size: parsim.scaling(FIRST, set=size, workers=[2]),
    "splits": lambda size: parsim.splits(SPLITS, set={**size, **FEW}, over=["workload.count"]),
    "replay": lambda size: parsim.replay(FIRST, set=size),
    "repeat": lambda size: parsim.repeat(FIRST, 2, set=size),
}
SPLITS, FEW = ROOT / "scenarios/14_two_splits.yaml", {"workload.count": 2, "cluster.devices": 2}


@cache
def answer(name, size):
    return ANSWERS[name]({"workload.item": size})


def content(folder):
    """Return what lies in a folder and below it."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def full_after(monkeypatch, count):
    """Let the disk be full in the middle of a file, when so many are written."""
    calls, plain = itertools.count(), files._put

    def put(path, data):
        if next(calls) < count:
            return plain(path, data)
        whole = b"".join(files.parts(data))
        plain(path, whole[: len(whole) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_put", put)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_full_disk_leaves_an_earlier_run_as_it_was(sketches, monkeypatch, tmp_path, name):
    answer(name, "1 MB").save(tmp_path)
    before = content(tmp_path)
    for count in (1, len(before) - 1):
        with monkeypatch.context() as patched:
            full_after(patched, count)
            with pytest.raises(parsim.RunError, match=r"cannot be written: No space left"):
                answer(name, "2 MB").save(tmp_path)
        assert content(tmp_path) == before
    answer(name, "2 MB").save(tmp_path)
    after = content(tmp_path)
    assert after.keys() == before.keys()
    assert all(after[file] != before[file] for file in after if Path(file).name in (*files.ANSWERS, "timeline.csv"))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_there_only_while_all_files_are_of_one_run(sketches, monkeypatch, tmp_path, name):
    """After each step of the exchange, as if it ended there: no answer of the old run stands beside new files."""
    answer(name, "1 MB").save(tmp_path)
    old, plain, put = content(tmp_path), os.replace, []

    def replace(source, target):
        plain(source, target)
        put.append(Path(target).relative_to(tmp_path).as_posix())
        there = {file for file in content(tmp_path) if Path(file).name in files.ANSWERS}
        assert there <= set(put)

    monkeypatch.setattr(os, "replace", replace)
    answer(name, "2 MB").save(tmp_path)
    assert sorted(put) == sorted(old)
    answers = [file for file in put if Path(file).name in files.ANSWERS]
    assert put[-len(answers) :] == answers
    assert "/" not in answers[-1]  # the answer of the whole


def test_a_folder_that_was_not_there_is_not_there_after_a_failure(tmp_path):
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1000, 1000))
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # which would break off, too, and stay broken
    for asked in (["run", FIRST], ["replay", FIRST]):
        done = process(*asked, "--out", tmp_path / "new" / "out", preexec_fn=full, env=env)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("cannot be written: File too large\n")
        assert done.stderr.count("\n") == 1
        assert os.listdir(tmp_path) == []


def test_a_reader_can_tell(tmp_path):
    """Of a folder whose exchange was cut short, nothing is drawn."""
    parsim.simulate(FIRST).save(tmp_path)
    (tmp_path / "result.json").unlink()
    done = process("plot", tmp_path)
    assert done.returncode == 2
    assert "result.json" in done.stderr
    with pytest.raises(parsim.ScenarioError):
        read_folder(tmp_path)


def test_interrupted_while_it_writes(tmp_path, monkeypatch):
    run = parsim.simulate(FIRST)
    run.save(tmp_path / "out")
    before = content(tmp_path / "out")
    monkeypatch.setattr(files, "_put", lambda path, data: (path.touch(), signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        parsim.simulate(FIRST, set={"cluster.devices": 3}).save(tmp_path / "out")
    assert content(tmp_path / "out") == before
    assert sorted(before) == FILES
    assert json.loads(before["result.json"])["workers"] == 2


def test_a_file_that_breaks_off_leaves_an_earlier_run_as_it_was(tmp_path):
    def broken():
        yield "half of it"
        raise ZeroDivisionError

    files.write(tmp_path, files.ready({"timeline.csv": "old", "result.json": "old"}))
    with pytest.raises(ZeroDivisionError):
        files.write(tmp_path, {"timeline.csv": broken, "result.json": lambda: "new"})
    assert content(tmp_path) == {"timeline.csv": b"old", "result.json": b"old"}


STREAMED = ("timeline.csv", "idle.csv", "trace.json")


@settings(max_examples=20, deadline=None)
@given(scenarios())
def test_files_in_many_parts_are_the_same_as_in_one(scenario):
    try:
        made = parsim.simulate(scenario).files()
    except parsim.ParsimError:
        assume(False)
    whole = {name: [*made[name]()] for name in STREAMED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "ROWS", 3)
        for name, parts in whole.items():
            cut = [*made[name]()]
            assert "".join(cut) == "".join(parts)
            assert name == "trace.json" or all(part.count("\n") <= 3 for part in cut)
            assert len(cut) >= len(parts)
