"""Standard Task Graphs. Oracles: published files, their comments, makespans from elsewhere (tests/data/README.md)."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.errors import Complaint, Invalid
from parsim.core.read_file import BIGGEST
from parsim.core.schema import File
from parsim.metrics.checker import check as proven
from parsim.scenario.json_schema import json_schema
from parsim.scenario.schema import check
from parsim.workloads.stg import Row, read

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
CASES = {case["name"]: case for case in json.loads((DATA / "scheduling_cases.json").read_text())["cases"]}
PUBLISHED = {
    "robot.stg": CASES["stg_robot_p8"],
    "rand0015_50.stg": CASES["stg_50_rand0015_p2"],
    "rand0082_100.stg": CASES["stg_100_rand0082_p2"],
}
POLICIES = ("fifo", "list_order", "spt", "lpt", "critical_path")


def played(file, devices=2, policy="fifo", **keys):
    workload = {"kind": "stg", "file": str(file), **keys}
    return parsim.simulate({"cluster": {"devices": devices}, "workload": workload, "policy": policy})


# -- published files


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("file", PUBLISHED)
def test_makespans_of_published_files(file, policy):
    case = PUBLISHED[file]
    run = played(DATA / file, case["workers"], policy)
    assert run.timeline.makespan_s == case["expect"][policy]
    assert run.theory.t_total_s == pytest.approx(case["bounds"]["work"] / case["workers"])
    assert proven(run.job, run.timeline) == []


@pytest.mark.parametrize("file", PUBLISHED)
def test_tasks_of_published_files(file):
    graph = played(DATA / file).job.graph
    after = {name: {} for name in graph.names}
    for parent, child in zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True):
        after[graph.names[child]][graph.names[parent]] = 0
    found = [
        {"name": name, "seconds": seconds, "after": after[name]}
        for name, seconds in zip(graph.names, graph.stated.tolist(), strict=True)
    ]
    assert found == PUBLISHED[file]["tasks"]


@pytest.mark.parametrize("file", ["rand0015_50.stg", "rand0082_100.stg"])
def test_the_comments_of_published_files_agree(file):
    text = (DATA / file).read_text()
    graph = played(DATA / file, devices=1).job.graph
    assert len(graph) == int(re.search(r"Tasks +: (\d+)", text)[1])
    assert len(graph.edges) == int(re.search(r"Edges +: (\d+)", text)[1])
    many = played(DATA / file, devices=len(graph))  # whoever is ready has a worker: the critical path
    assert many.timeline.makespan_s == int(re.search(r"CP Length +: (\d+)", text)[1])


def test_the_file_beside_the_scenarios_is_the_published_one():
    ours, published = ((folder / "robot.stg").read_bytes() for folder in (ROOT / "scenarios", DATA))
    assert ours.startswith(published)
    assert read(ours, "ours") == read(published, "published")


def test_units_and_what_is_sent():
    second, minute = played(DATA / "robot.stg", 8), played(DATA / "robot.stg", 8, unit="1 min")
    assert minute.timeline.makespan_s == 60 * second.timeline.makespan_s
    delayed = played(DATA / "robot.stg", 8, send="2 s")
    assert delayed.theory.t_c == pytest.approx(2 * len(delayed.job.graph.edges) / 88)
    speedy = parsim.simulate(
        {
            "cluster": {"devices": 8, "device": {"speed": 4}},
            "workload": {"kind": "stg", "file": str(DATA / "robot.stg")},
        }
    )
    assert speedy.timeline.makespan_s == second.timeline.makespan_s / 4


# -- the format

SMALL = "3\n0 0 0\n1 5 1 0\n2 2.5 1 1\n3 1 2 1 2\n4 0 1 3\n"
ROWS = [Row(1, 5.0, []), Row(2, 2.5, [1]), Row(3, 1.0, [1, 2])]


@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        SMALL.replace("3\n0", "5\n0", 1),  # entry and exit are counted, as in robot.stg
        SMALL.replace("0 0 0\n", "").replace("1 5 1 0", "1 5 0").replace("4 0 1 3\n", ""),  # there are none
        "# a comment\n\n" + SMALL.replace("\n", "   # more\n") + "# CP Length : 9",
        SMALL.replace("\n", "\r\n").replace(" ", "\t  "),
        "\ufeff" + SMALL.rstrip("\n"),
        "  " + SMALL.replace("1 5 1 0", "001 5.0 01 0"),
    ],
)
def test_the_same_graph_in_other_words(text):
    assert read(text.encode(), "a.stg") == ROWS


def test_comments_may_be_in_any_encoding():
    assert read(SMALL.encode() + "# ロボット\n".encode("shift-jis"), "a.stg") == ROWS


def test_a_file_need_not_list_parents_first(tmp_path):
    path = tmp_path / "a.stg"
    path.write_text("2\n7 2 1 3\n3 4 0\n")
    run = played(path)
    assert list(run.job.graph.names) == ["t7", "t3"]
    assert run.timeline.makespan_s == 6.0


def test_only_ends_that_take_no_time_are_dropped():
    assert [row.number for row in read(b"3\n0 1 0\n1 0 1 0\n2 1 1 1\n", "a.stg")] == [0, 1, 2]
    assert [row.number for row in read(b"3\n0 0 0\n1 0 1 0\n2 0 1 0\n", "a.stg")] == [1]


@st.composite
def graphs(draw):
    """Draw tasks in order, and write them down between an entry and an exit."""
    count = draw(st.integers(1, 8))
    numbers = draw(st.permutations(range(1, 100)))[:count]
    gap = st.sampled_from([" ", "   ", "\t"])
    rows = []
    for place, number in enumerate(numbers):
        earlier = draw(st.lists(st.sampled_from(numbers[:place]), unique=True)) if place else []
        rows.append(Row(number, float(draw(st.integers(1, 50))), earlier))
    lines = [[0, 0, 0]]
    lines += [[row.number, int(row.time), len(row.after) or 1, *(row.after or [0])] for row in rows]
    lines += [[100, 0, count, *numbers]]
    return rows, "\n".join([str(count), *(draw(gap).join(map(str, line)) for line in lines)])


@given(graphs())
def test_what_is_written_is_read(drawn):
    rows, text = drawn
    assert read(text.encode(), "a.stg") == rows


@given(graphs(), st.data())
def test_whatever_is_written_there_are_tasks_or_faults(drawn, data):
    text = drawn[1].encode()
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.binary(max_size=4)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        rows = read(text, "a.stg")
    except parsim.ScenarioError as error:
        found = error.faults
    else:
        assert rows
        return
    assert found
    for fault in found:
        assert fault.file == "a.stg"
        assert 1 <= fault.column <= len(text.split(b"\n")[fault.line - 1]) + 1


# -- what can be wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1: tasks: is empty; the first line must state the number of tasks"]),
        ("# nothing\n\n", ["1:1: tasks: is empty; the first line must state the number of tasks"]),
        ("\x00\x01\x02", ["1:1: tasks: '\\x00\\x01\\x02': the first line of a Standard Task Graph"]),
        ("cluster: {devices: 2}", ["1:1: tasks: 'cluster: {devices: 2}': the first line of a Standard Task Graph"]),
        ("\n 0 0 0\n", ["2:2: tasks: '0 0 0': the first line of a Standard Task Graph"]),
        ("-3\n0 0 0\n", ["1:1: tasks: '-3': the first line of a Standard Task Graph"]),
        ("4\n", ["1:1: tasks: 4 tasks are stated, but 0 are listed; write 0"]),
        ("0\n", ["1:1: tasks: there are only entry and exit"]),
        ("0\n0 0 0\n1 0 1 0", ["1:1: tasks: there are only entry and exit"]),
        ("1\n1 nan 0\n", ["2:3: t1.time: 'nan' is not a number"]),
        ("1\n0 0 0\n1 x 1 0\n", ["1:1: tasks: 1 task is stated", "3:3: t1.time: 'x' is not a number"]),
        ("3" * 16 + "\n0 0 0\n", [f"1:1: tasks: '{'3' * 16}' is too long; a number has at most 15 characters"]),
        (" 4" + SMALL[1:], ["1:2: tasks: 4 tasks are stated, but 5 are listed; write 5"]),
        (SMALL.replace("4 0 1 3", "4 1 1 3"), ["1:1: tasks: 3 tasks are stated, but 5 are listed; write 5"]),
        (SMALL.replace("2 2.5 1 1", "2  x 1 1"), ["4:4: t2.time: 'x' is not a number"]),
        (SMALL.replace("2 2.5 1 1", "2 -2.5 1 1"), ["4:3: t2.time: -2.5 is negative; write 0 or more"]),
        (SMALL.replace("2 2.5 1 1", "2 nan 1 1"), ["4:3: t2.time: 'nan' is not a number"]),
        (SMALL.replace("2 2.5 1 1", "2 1e3 1 1"), ["4:3: t2.time: '1e3' is not a number"]),
        (SMALL.replace("2.5", "9" * 40), ["4:3: t2.time: '999999999999999999999999999999...' is too long"]),
        (SMALL.replace("2 2.5 1 1", "-2 2.5 1 1"), ["4:1: tasks[2].number: -2 is negative; write 0 or more"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 1 1.5"), ["4:9: t2.after[0]: 1.5 is not a whole number"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 1 ¹"), ["4:9: t2.after[0]: 'Â¹' is not a number"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 1 1_0"), ["4:9: t2.after[0]: '1_0' is not a number"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 2 1"), ["4:7: t2.after: 2 predecessors are stated, but 1 is listed"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 0 1"), ["4:7: t2.after: 0 predecessors are stated, but 1 is listed"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5"), ["4:1: t2: a task has a number, a processing time, a number of"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 1 9"), ["4:9: t2.after[0]: the file has no task 9"]),
        (SMALL.replace("3 1 2 1 2", "3 1 2 1 1"), ["5:9: t3.after[1]: task 1 is listed twice"]),
        (SMALL.replace("2 2.5 1 1", "1 2.5 1 1"),
         ["4:1: t1: line 3 already describes task 1; number each task once", "5:9: t3.after[1]: the "
          "file has no task 2"]),
        (SMALL.replace("1 5 1 0", "1 5 1 3"), ["3:7: t1.after: is part of a cycle, so the task would wait for itself"]),
        (SMALL.replace("2 2.5 1 1", "2 2.5 1 2"), ["4:9: t2.after: is part of a cycle"]),
        (SMALL.replace("2.5 1 1", "x 2 1").replace("1 5 1 0", "1 5 1 -1"),
         ["3:7: t1.after[0]: -1 is negative", "4:3: t2.time: 'x' is not a number",
          "4:5: t2.after: 2 predecessors are stated"]),
    ],
)  # fmt: skip
def test_a_malformed_file(text, expected):
    with pytest.raises(parsim.ScenarioError) as caught:
        read(text.encode(), "a.stg")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(expected), lines
    for line, words in zip(lines, expected, strict=True):
        assert line.startswith(f"a.stg:{words}"), line


def test_a_file_that_is_all_wrong_is_told_of_shortly():
    with pytest.raises(parsim.ScenarioError) as caught:
        read(b"9\n" + b"x y z\n" * 1000, "a.stg")
    assert len(caught.value.faults) == 20


def scenario(folder, file, more=""):
    path = folder / "a.yaml"
    path.write_text(f"cluster: {{devices: 2}}\nworkload: {{kind: stg, file: {file}}}\n{more}")
    return path


def faults(source, **sets):
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate(source, **sets)
    return [tuple(fault) for fault in caught.value.faults]


def test_all_that_is_wrong_is_told_at_once_the_scenarios_faults_first(tmp_path):
    (tmp_path / "b.stg").write_text("1\n1 x 0\n1 2 1 5\n")
    path = scenario(tmp_path, "b.stg", "policy: fif\nsede: 3\n")
    found = faults(path)
    assert [fault[:4] for fault in found] == [
        (str(path), 3, 9, "policy"),
        (str(path), 4, 1, "sede"),
        (str(tmp_path / "b.stg"), 1, 1, "tasks"),
        (str(tmp_path / "b.stg"), 2, 3, "t1.time"),
    ]


def test_a_file_that_cannot_be_read_is_blamed_where_it_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "big.stg").write_bytes(b"#" * (BIGGEST + 1))
    for file, message in {
        "nowhere.stg": "no such file",
        "folder": "is a folder; name a file",
        "big.stg": "is larger than 16 MiB",
        '"a\\0b"': "embedded null byte",
    }.items():
        path = scenario(tmp_path, file)
        ((*place, told),) = faults(path)
        assert place == [str(path), 2, 29, "workload.file"]
        assert told.endswith(message)
    ((*place, told),) = faults(scenario(tmp_path, '""'))
    assert (place[1:], told) == ([2, 29, "workload.file"], "must not be empty")
    ((*place, told),) = faults({"cluster": {"devices": 2}, "workload": "stg"})
    assert (place, told) == (["scenario", 0, 0, "workload.file"], "is missing; write for example 'file: graph.stg'")


def test_the_command_line_names_the_file_and_exits_with_2(tmp_path, command):
    (tmp_path / "b.stg").write_text("1\n1 2 1 5\n")
    told = f"{tmp_path / 'b.stg'}:2:7: t1.after[0]: the file has no task 5\n"
    assert command("run", scenario(tmp_path, "b.stg"), "--out", tmp_path / "out") == (2, "", told)
    assert not (tmp_path / "out").exists()


# -- where a file is sought


def test_a_scenario_speaks_of_its_own_folder(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "g.stg").write_text("1\n1 10 0\n")
    (there / "g.stg").write_text("1\n1 20 0\n")
    scenario(there, "g.stg")
    mapping = {"cluster": {"devices": 1}, "workload": {"kind": "stg", "file": "g.stg"}}
    monkeypatch.chdir(here)

    def makespan(source, **sets):
        return parsim.simulate(source, **sets).timeline.makespan_s

    far = os.path.join(os.pardir, "there", "a.yaml")
    assert makespan(far) == 20
    assert makespan(there / "a.yaml") == 20
    assert makespan(scenario(there, here / "g.stg")) == 10
    assert makespan(scenario(there, os.path.join(os.pardir, "here", "g.stg"))) == 10
    assert makespan(mapping) == 10
    scenario(there, "nowhere.stg")
    for sets in ({"workload.file": "g.stg"}, {"workload": {"kind": "stg", "file": "g.stg"}}):
        assert makespan(far, set=sets) == 10
    assert makespan(far, set={"workload.file": os.path.join(os.pardir, "there", "g.stg")}) == 20
    shutil.copy(there / "a.yaml", here)
    ((*place, told),) = faults("a.yaml", set={"workload.file": "no.stg"})
    assert (place, told) == (["--set", 0, 0, "workload.file"], "'no.stg': no such file")


def test_a_file_is_text_to_whoever_checks():
    def take(file: File, also: File | None = None, other: Annotated[str, "any"] = "") -> None: ...

    assert check(take, {"file": "a/b.stg"}) == {"file": "a/b.stg", "also": None, "other": ""}
    assert json_schema(take)["properties"]["file"] == {"minLength": 1, "type": "string"}
    with pytest.raises(Invalid) as caught:
        check(take, {"file": 3, "also": ""})
    assert set(caught.value.complaints) == {
        Complaint(("file",), "wants text, not 3"),
        Complaint(("also",), "must not be empty"),
    }


def test_a_large_file_is_read_in_a_moment(tmp_path):
    """20,000 tasks, three predecessors each."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(np.maximum(np.arange(-47, 19_950), 0), np.arange(3, 20_000), (3, 19_997))
    before = [sorted({*row}) for row in drawn.T.tolist()]  # of the 50 tasks before
    lines = [f"{task} 1 0" for task in range(3)]
    lines += [f"{task} 1 {len(row)} {' '.join(map(str, row))}" for task, row in enumerate(before, 3)]
    rows = read("\n".join(["20000", *lines]).encode(), "large.stg")
    assert len(rows) == 20_000
    assert rows[-1].after == before[-1]
