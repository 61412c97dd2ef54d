"""What the server of `parsim play` answers: the real run behind the sliders, and bounded whatever is asked."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the server needs the extra page")

from served import Served

import parsim
from parsim.build import build
from parsim.core.errors import ScenarioError
from parsim.page import player
from parsim.page.answer import answer
from parsim.page.warm import SCHEMA
from parsim.reading import read_text

ROOT = Path(__file__).parents[1]
FILE = ROOT / "scenarios" / "06_pipeline_1f1b.yaml"
TEXT = FILE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server():
    with Served(FILE) as server:
        yield server


@pytest.fixture
def play(server):
    def play(values=None, text=TEXT, slow=None, page="a"):
        answer = server.play({"page": page, "text": text, "values": values or {}, "slow": slow})
        assert answer.status == 200, answer.text
        return json.loads(answer.body)

    return play


def test_the_run_is_that_of_the_command(play):
    facts = parsim.simulate(FILE, set={"plan.microbatches": 16}).to_dict()
    shown = play({"plan.microbatches": 16})
    assert shown["sets"] == " --set plan.microbatches=16"
    differ = {"scenario_sha256"}  # of another text
    assert {key: shown["data"]["facts"][key] for key in facts if key not in differ} == {
        key: json.loads(json.dumps(value)) for key, value in facts.items() if key not in differ
    }


def test_a_slider_changes_the_text_where_the_value_stands_and_leaves_its_comments(play):
    shown = play({"plan.microbatches": 16, "plan.schedule": "gpipe"})
    before, after = TEXT.splitlines(), shown["text"].splitlines()
    assert before[:-1] == after[:-1]
    assert after[-1] == "plan: {pipeline: 4, schedule: gpipe, microbatches: 16}"


def test_the_closed_form_is_that_of_a_book(play):
    """(m + p - 1)(F + B) = 11 x 3 ms; with sends that cost time, this form stops being true."""
    (form,) = play()["forms"]
    assert form["name"] == "1F1B"
    assert form["makespan_s"] == pytest.approx(0.033, rel=1e-12)
    assert form["limits"] == "schedule"
    assert play({"workload.forward": "[1 ms, 1 ms, 2 ms, 1 ms]"})["faults"]  # a list is no quantity
    assert play({"workload.forward": ["1 ms", "1 ms", "2 ms", "1 ms"]})["forms"] == []


def test_a_slow_device_is_one_of_the_list(play):
    shown = play(slow={"device": 1, "speed": 0.5})
    assert "cluster: {devices: [w0, {name: w1, speed: 0.5}, w2, w3]}" in shown["text"]
    w1 = shown["data"]["facts"]["devices"][1]
    assert w1["compute_s"] == pytest.approx(2 * 0.024)
    assert any(one["path"] == "plan.pipeline" for one in shown["controls"])
    assert play(slow={"device": 9, "speed": 0.5})["faults"][0]["path"] == "cluster.devices"
    (fault,) = play(slow={"device": 1, "speed": 1e308})["faults"]
    assert (fault["path"], fault["line"]) == ("cluster.devices[1].speed", 8)
    assert fault["message"] == "1e+308 is too large; it must be at most 1e+100"


def test_a_slow_device_of_a_cluster_whose_topology_counts_its_devices(play):
    text = (ROOT / "scenarios" / "34_fsdp.yaml").read_text(encoding="utf-8")
    plain, slowed = play(text=text), play(text=text, slow={"device": 7, "speed": 0.5})
    assert slowed["data"]["facts"]["makespan_s"] > 1.5 * plain["data"]["facts"]["makespan_s"]
    assert slowed["devices"] == plain["devices"]


def test_a_wrong_value_is_told_with_its_line_in_the_text_that_is_shown(play):
    shown = play({"plan.schedule": "gpip"})
    (fault,) = shown["faults"]
    assert (fault["path"], fault["line"]) == ("plan.schedule", len(TEXT.splitlines()))
    assert shown["text"].splitlines()[fault["line"] - 1][fault["column"] - 1 :].startswith("gpip")
    assert "Did you mean 'gpipe'?" in fault["message"]
    assert shown["controls"], "the sliders stay"
    assert "data" not in shown


@pytest.mark.parametrize(
    ("text", "line"),
    [("cluster: {devices: 2}\nworkload: [\n", 3), ("", 1), ("a: &b 1", 1), ("- 1", 1), ("plan:\n\tdata: 1", 2)],
)
def test_text_that_is_no_scenario_is_told_with_its_line(play, text, line):
    faults = play(text=text)["faults"]
    assert faults[0]["line"] == line


@pytest.mark.parametrize(
    "value",
    [
        "5 parsecs",
        "-1 s",
        "1e400 s",
        "-1",
        "1.5",
        ".inf",
        ".nan",
        "1e300",
        "[]",
        "{}",
        "{a: 1}",
        "null",
        "''",
        "[[]]",
        "{kind: []}",
    ],
)
def test_a_wrong_value_is_a_fault_wherever_it_stands(play, value):
    plan = "plan: {pipeline: 4, schedule: 1f1b, microbatches: 8}"
    for old, new in {
        "{devices: 4}": f"{{devices: {value}}}",
        "{kind: stages,": f"{{kind: {value},",
        "forward: 1 ms": f"forward: {value}",
        "microbatches: 8": f"microbatches: {value}",
        "schedule: 1f1b": f"schedule: {value}",
        plan: f"plan: {value}",
        "cluster: {devices: 4}": f"cluster: {{devices: 4, device: {{speed: {value}}}}}",
    }.items():
        assert old in TEXT
        shown = play(text=TEXT.replace(old, new))
        assert "failed" not in shown, (new, shown["failed"])
        assert "data" in shown or shown["faults"]


def test_a_path_that_is_none_is_told(play):
    assert "is not a path" in play({"plan..x": 1})["faults"][0]["message"]
    assert play({"workload.send[3]": 1})["faults"]


def test_files_outside_the_scenarios_folder_are_not_read(play):
    text = (ROOT / "scenarios" / "12_standard_task_graph.yaml").read_text(encoding="utf-8")
    assert "robot.stg" in text
    assert play(text=text)["data"]["facts"]["tasks"] > 0
    for file in ("/etc/passwd", f"..{os.sep}pyproject.toml", f"x{os.sep}..{os.sep}..{os.sep}pyproject.toml"):
        (fault,) = play({"workload.file": file}, text=text)["faults"]
        assert (fault["path"], fault["line"] > 0) == ("workload.file", True)
        assert "is outside the folder of the scenario" in fault["message"]


def test_neither_are_they_read_to_count_devices(play):
    text = (ROOT / "scenarios" / "12_standard_task_graph.yaml").read_text(encoding="utf-8")
    (fault,) = play(
        {"cluster.devices": None, "workload.file": "/etc/passwd"}, text=text, slow={"device": 0, "speed": 0.5}
    )["faults"]
    assert "is outside the folder of the scenario" in fault["message"]


def test_what_a_file_adds_can_be_chosen_and_played(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from parsim.schedules import schedules\nfrom parsim.core.op import Op\n\n\n"
        '@schedules.add("mine")\ndef mine(ranks: int, microbatches: int) -> list[list[Op]]:\n'
        '    """Order each rank: every F, then every B."""\n'
        '    return [[Op(rank, kind, m) for kind in "FB" for m in range(microbatches)] for rank in range(ranks)]\n'
    )
    one = player.Player(str(FILE), (str(file),))
    shown = json.loads(one.ask(player.Request("a", TEXT, {"plan.schedule": "mine"})))
    one.close()
    assert "mine" in next(held for held in shown["controls"] if held["path"] == "plan.schedule")["stops"]
    assert shown["data"]["facts"]["makespan_s"] == pytest.approx(0.033)  # (8 + 4 - 1) 3 ms


def test_a_fault_of_parsim_is_called_one():
    one = player.Player("/nowhere/scenario.yaml")
    asked = player.Request("a", TEXT, {"seed": 1}, slow="no device")  # which no request that is read can hold
    assert json.loads(one.ask(asked))["failed"].startswith("parsim itself has failed: AttributeError")
    one.close()


def test_huge_work_ends_in_time_and_the_next_request_is_answered(play, monkeypatch):
    monkeypatch.setattr(player, "LONGEST_S", 0.5)
    start = time.perf_counter()
    assert play({"plan.microbatches": 1_000_000}, page="huge")["failed"].startswith("the run takes longer than")
    assert time.perf_counter() - start < 5
    monkeypatch.undo()
    assert play(page="huge")["data"]["facts"]["makespan_s"] == pytest.approx(0.033)


def test_too_many_bars_are_refused(play):
    shown = play({"plan.microbatches": 40_000})
    assert "bars, and a page shows" in shown["failed"]


def test_a_newer_request_of_a_page_stops_the_one_before(server):
    slow = {"page": "b", "text": TEXT, "values": {"plan.microbatches": 1_000_000}}
    found = []
    asking = threading.Thread(target=lambda: found.append(json.loads(server.play(slow).body)))
    asking.start()
    time.sleep(0.5)
    start = time.perf_counter()
    newer = server.play({"page": "b", "text": TEXT})
    assert time.perf_counter() - start < 4
    asking.join()
    assert b'"data"' in newer.body
    assert found == [{"superseded": True}]


def test_pages_do_not_stop_each_other_and_more_of_them_share_players(play):
    for page in "abcdefg":
        assert play(page=page)["data"]["facts"]["makespan_s"] == pytest.approx(0.033)


def test_a_process_that_dies_is_replaced():
    one = player.Player(str(FILE))
    request = player.Request("a", TEXT)
    assert b'"data"' in one.ask(request)
    os.kill(one._process.pid, signal.SIGKILL)  # as a system does that runs out of memory
    assert "GiB of memory" in json.loads(one.ask(request))["failed"]
    assert b'"data"' in one.ask(request)
    one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_memory_is_limited():
    code = "from parsim.page.bounds import limit_memory as l; l(2**25); bytes(2**24); print('small'); bytes(2**27)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "small\n"
    assert "MemoryError" in done.stderr


def test_a_slider_answers_at_once(play):
    """64 lanes x 2,000 tasks, the size of a class: well below the 200 ms that a picture may take in all."""
    values = {"plan.pipeline": 64, "cluster.devices": 64, "plan.microbatches": 16}
    play(values)
    times = []
    for send in ("0 s", "200 us", "100 us", "300 us", "0 s"):
        start = time.perf_counter()
        shown = play({**values, "workload.send": send})
        times.append(time.perf_counter() - start)
        assert shown["data"]["facts"]["tasks"] == 2048
    assert min(times) < 0.5, times  # this machine may be busy; benchmarks/page.py prints the figures


NUMBERS = re.compile(r"(?<=: )[\d.]+( [A-Za-z/]+)?(?=[,}\n])")
AMOUNTS = ("-3 ms", "-1 us", "-1 GB/s", "0 GB/s", "1e400 s", "1e308 s", "1e300 GB/s", "1e-320 s", "-3", ".inf", "1e400")


@pytest.mark.parametrize("name", ["03", "06", "14", "34"])
def test_what_a_run_refuses_is_refused_with_the_same_places(name):
    """Every wrong amount in place of every number of a scenario, and as the spread of a noisy cost."""
    (file,) = (ROOT / "scenarios").glob(f"{name}_*.yaml")
    text = file.read_text(encoding="utf-8")
    texts = [text[: one.start()] + wrong + text[one.end() :] for one in NUMBERS.finditer(text) for wrong in AMOUNTS]
    texts += [f"{text}\ncost: {{kind: noisy, spread: {wrong}}}\n" for wrong in AMOUNTS]
    refused = 0
    for wrong in texts:
        try:
            build(read_text(wrong, str(file)))
        except ScenarioError as error:
            places = [(one.line, one.column, one.path, one.message) for one in error.faults]
            told = answer(player.Request("a", wrong), str(file), SCHEMA)["faults"]
            assert [(one["line"], one["column"], one["path"], one["message"]) for one in told] == places
            refused += 1
    assert refused > len(texts) / 2
