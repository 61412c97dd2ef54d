"""What students hand in cannot end, stall or cheat the grading; and the command line of exercises."""

import csv
import io
import json
import os
import shlex
import time
from pathlib import Path

import pytest
import solutions
import yaml

from parsim.core.progress import parts
from parsim.exercises import EXERCISES, grades
from parsim.exercises.begin import files
from parsim.exercises.grades import _code, grade
from parsim.exercises.outcome import Outcome
from parsim.exercises.sealed import Limits, Unanswered, sealed

HEAD = EXERCISES["beat_fifo"].form.start.replace('MAKESPAN = ""', 'MAKESPAN = "30 s"')
SMALL = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s"}]}}
ENDLESS = HEAD.replace("return np.arange(len(graph))", "while True: pass")


def played(tmp_path, code, time_s=5.0, memory=2**31):
    """Play a small scenario with code, in a process of its own."""
    file = tmp_path / "beat_fifo.py"
    file.write_text(code, encoding="utf-8")
    asked = {"scenario": SMALL, "file": str(file), "shelf": "policies", "key": "policy"}
    return sealed("play", asked, Limits(time_s, memory))["spans"]


def test_code_is_played_in_a_process_of_its_own(tmp_path):
    ((number, task, kind, worker, *_),) = played(tmp_path, HEAD)
    assert (number, task, kind, worker) == (0, "a", "compute", "w0")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("raise ValueError('no idea')", "policy mine (beat_fifo.py:15) raised ValueError in prepare: no idea"),
        ("import os; os._exit(3)", "it ended by itself without an answer (exit code 3)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the system ended it by SIGSEGV"),
        ("return [[0] * 10**10]", "raised MemoryError in prepare"),
        ("while True: pass", "it computed for more than 1 s, and was stopped. Is there an endless loop?"),
        ("return [0] * 7", "returned 7 numbers for 1 tasks"),
    ],
)
def test_broken_code_is_told(line, words, tmp_path):
    with pytest.raises(Unanswered) as told:
        played(tmp_path, HEAD.replace("return np.arange(len(graph))", line), time_s=1.0 if "while" in line else 2.0)
    assert words in str(told.value).replace(f"{tmp_path}/", "")


def test_code_that_waits_for_ever_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("parsim.exercises.sealed.START_S", 0.0)
    began = time.monotonic()
    with pytest.raises(Unanswered, match="it had not ended after 2 s, and was stopped"):
        played(tmp_path, HEAD.replace("return np.arange(len(graph))", "import time; time.sleep(60)"), time_s=2.0)
    assert time.monotonic() - began < 30


def test_what_code_prints_or_answers_itself_counts_for_nothing(tmp_path):
    """It prints without end, writes the answer of the process itself, and ends: what it says is no run."""
    cheat = """
        import os, sys
        print("right " * 10**6)
        with open(sys.argv[2], "w") as answer:
            answer.write('{"answer": {"spans": [[0, "a", "compute", "w0", "compute", 0, 0, 0.5, 0.5, ""]]}}')
        os._exit(0)
"""
    spans = played(tmp_path, HEAD.replace("        return np.arange(len(graph))\n", cheat.lstrip("\n")))
    from parsim.exercises.by_code import broken_rule
    from parsim.export.csv import from_rows

    assert "0.5 s" in broken_rule(SMALL, from_rows(map(tuple, spans), ["w0", "w1"]))


def test_processes_that_code_starts_end_with_it(tmp_path):
    note = tmp_path / "number"
    line = "import subprocess; p = subprocess.Popen(['sleep', '50']); open('NOTE', 'w').write(str(p.pid)); return [0]"
    line = line.replace("NOTE", str(note))
    played(tmp_path, HEAD.replace("return np.arange(len(graph))", line))
    number = int(note.read_text())
    for _ in range(50):
        state = Path(f"/proc/{number}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


def hand_in(folder, student, **answers):
    """Write hand-ins of a student: values, text, or bytes."""
    place = folder / student
    place.mkdir(parents=True, exist_ok=True)
    for name, answer in answers.items():
        text = answer if isinstance(answer, str) else yaml.safe_dump(answer)
        (place / EXERCISES[name].file).write_text(text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade a course, whose hand-ins are right, wrong and broken in many ways."""
    folder = tmp_path_factory.mktemp("course")
    right = {name: solutions.answer(EXERCISES[name], "ada") for name in ("first_run", "beat_fifo")}
    hand_in(folder, "ada", **right)
    hand_in(folder, "copy", **right)
    mine = solutions.answer(EXERCISES["beat_fifo"], "dora") + "\n# all my own work\n"
    hand_in(folder, "dora", beat_fifo=mine)
    eve = hand_in(folder, "eve", first_run="t_total: [1 s\n", beat_fifo=ENDLESS, own_schedule=HEAD)
    os.mkfifo(eve / "crossing.yaml")
    (eve / "plan_13b.yaml").symlink_to(folder / "ada" / "first_run.yaml")
    (eve / "false_sentence.yaml").mkdir()
    (eve / "deciding_link.yaml").write_bytes(b"\xff\x00" * 900_000)
    (folder / "=cmd|'C calc'!A0").mkdir()
    for name in ("nobody", ".git", "__MACOSX", "slides"):
        (folder / name).mkdir()
    (folder / "slides" / "first.pdf").write_text("not a student")
    hand_in(folder, "fay", beat_fifo=files(EXERCISES["beat_fifo"], "fay")["beat_fifo.py"], first_run="drain:\n")
    (folder / "notes.txt").write_text("not a student")
    return grade(str(folder), 2.0)


@pytest.mark.dear
def test_grades_of_a_course(graded):
    rows = {row.student: row for row in graded.rows}
    assert list(rows) == ["=cmd|'C calc'!A0", "ada", "copy", "dora", "eve", "fay", "nobody"]
    assert {student: row.points for student, row in rows.items() if row.points} == {"ada": 2, "dora": 1}
    assert rows["nobody"].outcomes.keys() == EXERCISES.keys()
    assert {each.kind for each in rows["nobody"].outcomes.values()} == {"missing"}
    assert [each.kind for each in rows["copy"].outcomes.values()].count("not yet") == 2
    assert rows["ada"].outcomes["beat_fifo"].same_as == ("dora",)


@pytest.mark.dear
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("first_run", "first_run.yaml:2:1: yaml: "),
        ("beat_fifo", "for more than 2 s, and was stopped. Is there an endless loop?"),
        ("own_schedule", "the file must add one entry to the shelf schedules, not 0"),
        ("crossing", "it is no regular file"),
        ("plan_13b", "it is no regular file"),
        ("false_sentence", "it is no regular file"),
        ("deciding_link", "it is larger than 1 MiB"),
        ("ring_or_tree", "it was not handed in"),
    ],
)
def test_what_is_broken_is_told(name, words, graded):
    (eve,) = [row for row in graded.rows if row.student == "eve"]
    assert words in eve.outcomes[name].words
    assert eve.outcomes[name].kind == ("missing" if name == "ring_or_tree" else "broken")


@pytest.mark.dear
def test_the_table_of_the_teacher(graded):
    rows = list(csv.DictReader(io.StringIO(graded.csv())))
    assert list(rows[0]) == ["student", "points", *EXERCISES, "remarks"]
    found = {row["student"]: row for row in rows}
    assert "\\x3dcmd|'C calc'!A0" in found  # no formula
    assert [found["ada"][key] for key in ("points", "first_run", "crossing")] == ["2", "1", ""]
    assert [found["eve"][key] for key in ("points", "first_run", "ring_or_tree")] == ["0", "0", ""]
    assert "beat_fifo: the same code as of ada" in found["dora"]["remarks"]
    assert "Not yet" in found["copy"]["remarks"]
    assert found["fay"] | {"remarks": ""} == found["nobody"] | {"student": "fay", "remarks": ""}
    assert found["fay"]["remarks"] == "untouched: first_run, beat_fifo"
    assert found["nobody"]["remarks"] == "nothing was handed in"
    told = graded.report()
    assert "eve: crossing: it is no regular file" in told
    assert json.loads(json.dumps(graded.to_dict()))["students"][1]["points"] == 2


def test_one_endless_hand_in_holds_up_no_other(tmp_path, monkeypatch):
    (tmp_path / "ada").mkdir()
    last = []

    def one(folder, student, name, code_s):
        until = time.monotonic() + 20
        while name == "first_run" and not last and time.monotonic() < until:
            time.sleep(0.01)
            last.extend(part for part in parts() if part.done() == len(EXERCISES) - 1)
        return Outcome("missing", "")

    monkeypatch.setattr(grades, "cores", lambda: 2)
    monkeypatch.setattr(grades, "_one", one)
    grade(str(tmp_path))
    assert last, "all others are done, and counted, before it"


def test_code_that_cannot_be_compared_is_like_no_other(tmp_path):
    (tmp_path / "odd.py").write_bytes(b"x = '\xff")
    assert _code(str(tmp_path / "nowhere.py")) == _code(str(tmp_path / "odd.py")) == ""
    (tmp_path / "code.py").write_text('"""Text."""\nx = f(1)  # why\n')
    assert _code(str(tmp_path / "code.py")) == "x = f ( 1 )"


# --- the command line ---


def test_list(command):
    code, out, err = command("exercise", "list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(EXERCISES)
    assert len(EXERCISES) == 12
    found = json.loads(command("exercise", "list", "--json")[1])
    assert found[2] == {
        "name": "beat_fifo",
        "title": "which policy beats fifo here?",
        "lesson": "02",
        "file": "beat_fifo.py",
    }


def test_start_and_check(command, tmp_path):
    code, out, err = command("exercise", "start", "first_run", "--student", "ada", "--out", tmp_path)
    file = tmp_path / "ada" / "first_run.yaml"
    assert (code, err) == (0, "")
    assert out.startswith("first_run: where does the time go?\n\n11 items of 3 MB lie at the host.")
    assert f"parsim exercise check {file}" in out
    assert "# 11 items of 3 MB lie at the host." in file.read_text()
    code, out, err = command("exercise", "check", file)
    assert (code, err) == (1, f"parsim: {file}: not yet, with the numbers of ada\n")
    assert out == "Not yet. t_total, makespan and drain are still empty.\n"
    file.write_text(yaml.safe_dump(solutions.answer(EXERCISES["first_run"], "ada")))
    assert command("exercise", "check", file) == (
        0, "Right: T_total 7.15 s + drain 2.6 s = makespan 9.75 s.\n", "",
    )  # fmt: skip
    command("exercise", "start", "first_run", "--student", "ada", "--out", tmp_path)
    assert "9.75" in file.read_text(), "what is there stays"
    code, out, _ = command("exercise", "check", file, "--student", "bob", "--json")
    assert code == 1
    assert json.loads(out)["right"] is False


def test_the_check_is_told_as_a_shell_takes_it(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = "parsim exercise check 'Ada Lovelace/first_run.yaml'"
    assert command("exercise", "start", "first_run", "--student", "Ada Lovelace")[1].endswith(f"check it: {told}\n")
    assert f"folder above this one: {told}\n" in Path("Ada Lovelace", "first_run.yaml").read_text()
    assert command("exercise", *shlex.split(told)[2:])[0] == 1


def test_a_check_says_where_the_file_is(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hand_in(tmp_path, "ada", first_run="drain: 1 s")
    wanted = "write ada/first_run.yaml\n"
    assert command("exercise", "check", "first_run.yaml")[2].endswith(f"no such file; {wanted}")
    assert command("exercise", "check", "ada")[2].endswith(f"such as {wanted[6:]}")
    hand_in(tmp_path, "bob", first_run="drain: 1 s")
    assert "--student NAME writes it" in command("exercise", "check", "first_run.yaml")[2]
    monkeypatch.chdir(tmp_path / "ada")
    assert command("exercise", "check", "ada/first_run.yaml")[2].endswith("no such file; write first_run.yaml\n")


def test_start_all(command, tmp_path):
    assert command("exercise", "start", "all", "--student", "bob", "--out", tmp_path)[0] == 0
    found = {path.name for path in (tmp_path / "bob").iterdir()}
    assert {each.file for each in EXERCISES.values()} <= found
    assert found - {each.file for each in EXERCISES.values()} == {
        each.scenario_file for each in EXERCISES.values() if each.scenario
    }


@pytest.mark.parametrize("name", [name for name, each in EXERCISES.items() if each.scenario])
def test_the_scenario_beside_an_exercise_runs(name, command, tmp_path):
    command("exercise", "start", name, "--student", "ada", "--out", tmp_path)
    code, _, err = command("run", tmp_path / "ada" / f"{name}.scenario.yaml", "--quiet")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("start", "frist_run", "--student", "ada"),
            "NAME:0:0: NAME: unknown name 'frist_run'. Did you mean 'first_run'?",
        ),
        (("start", "first_run"), "--student:0:0: student: is missing; write for example --student ada"),
        (("start", "first_run", "--student", ".."), "--student:0:0: student: '..' names nobody"),
        (("start", "first_run", "--student", "a/b"), "'a/b' cannot name a folder"),
        (("start", "first_run", "--student", "a\x1bb"), "letters that nobody sees"),
        (("start", "first_run", "--student", "a" * 200), "more than 100 characters"),
        (("check", "nowhere/first_run.yaml"), "no such file; parsim exercise start first_run --student NAME writes it"),
        (
            ("check", "scenarios"),
            "scenarios:0:0: FILE: is a folder; name a file in it, such as scenarios/first_run.yaml",
        ),
        (("check", "mine.yaml"), "FILE:0:0: FILE: unknown"),
        (("check", "nowhere/first_run.yaml", "--timeout", "0 s"), "--timeout:0:0: timeout: "),
        (("grade", "nowhere"), "nowhere:0:0: FOLDER: cannot be read: No such file"),
        (("grade", "scenarios"), "holds no folder of a student, such as ada/ with first_run.yaml in it"),
    ],
)
def test_wrong_input(arguments, words, command):
    code, out, err = command("exercise", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.dear
def test_grade_writes_the_table(command, tmp_path):
    hand_in(tmp_path / "in", "ada", first_run=solutions.answer(EXERCISES["first_run"], "ada"))
    code, out, err = command("exercise", "grade", tmp_path / "in", "--out", tmp_path / "grades.csv")
    assert (code, err) == (0, "")
    assert out == f"student   points\nada      1 of 12\n\nwritten to {tmp_path / 'grades.csv'}\n"
    assert (tmp_path / "grades.csv").read_text().splitlines()[1] == "ada,1,1,,,,,,,,,,,,"
    code, out, err = command("exercise", "grade", tmp_path / "in", "--out", tmp_path / "in" / "ada")
    assert code == 2
    assert "cannot be written" in err
