"""The command line: plot, from folders that --out wrote and from scenarios; and what is wrong with either."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from commands import FIRST, ROOT, SIXTH

import parsim
from parsim.cli.pictures import KINDS, LYING, OF_ROWS
from parsim.export.folder import read_folder
from parsim.plot import kinds, space_kinds
from parsim.plot.gantt import pictures

FIFTH = ROOT / "scenarios/05_heft_ten_tasks.yaml"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a folder that --out wrote; whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("kept") / "out"
    parsim.simulate(FIFTH).save(folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "out")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    parsim.replay(FIRST, set={"cost.compute": "1 ms"}).save(folder)
    return folder


def written(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith((".png", ".svg")))


# --- what is drawn ---


def test_the_kinds_are_those_of_a_run_and_scaling():
    assert {*KINDS} == {*kinds.KINDS, "scaling"}
    assert [*OF_ROWS] == [*space_kinds.KINDS]


def test_without_kind_it_is_the_gantt_chart_beside_the_result(command, folder):
    code, out, err = command("plot", folder)
    assert (code, err) == (0, "")
    assert out.splitlines() == [str(folder / "gantt.png"), str(folder / "gantt.svg")]
    # The chart of the folder is that of the run, to the byte.
    assert (folder / "gantt.png").read_bytes() == (folder / "timeline.png").read_bytes()
    assert (folder / "gantt.svg").read_bytes() == (folder / "timeline.svg").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_of_a_folder_and_of_a_scenario_alike(command, folder, tmp_path, kind):
    assert command("plot", folder, "--kind", kind, "--quiet") == (0, "", "")
    code, out, _ = command("plot", FIFTH, "--kind", kind, "--out", tmp_path / "of scenario")
    assert (code, out.splitlines()) == (
        0,
        [str(tmp_path / "of scenario" / f"{kind}.{form}") for form in ("png", "svg")],
    )
    assert written(tmp_path / "of scenario") == [f"{kind}.png", f"{kind}.svg"]
    for form in ("png", "svg"):
        one, other = (place / f"{kind}.{form}" for place in (folder, tmp_path / "of scenario"))
        assert one.read_bytes() == other.read_bytes()
    assert (folder / f"{kind}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("options", [("--kind", "ledger,memory"), ("--kind", "ledger", "--kind", "memory, ledger")])
def test_several_kinds_are_drawn_once_each(command, folder, options):
    code, out, _ = command("plot", folder / "result.json", *options)
    names = ["ledger.png", "ledger.svg", "memory.png", "memory.svg"]
    assert (code, out.splitlines()) == (0, [str(folder / name) for name in names])


@pytest.mark.usefixtures("sketches")
def test_out_is_where_they_go(command, folder, tmp_path):
    before = written(folder)
    assert command("plot", folder, "--out", tmp_path / "deep" / "pictures", "--quiet") == (0, "", "")
    assert written(tmp_path / "deep" / "pictures") == ["gantt.png", "gantt.svg"]
    assert written(folder) == before


def test_a_measured_run_is_drawn_from_what_lies_there(command, replayed, tmp_path):
    code, _, err = command("plot", replayed / "measured", "--kind", ",".join(LYING), "--out", tmp_path)
    assert (code, err) == (0, "")
    assert (tmp_path / "gantt.png").read_bytes() == (replayed / "measured" / "timeline.png").read_bytes()
    assert "01_five_tasks_data, replayed" in (tmp_path / "ledger.svg").read_text()


@pytest.mark.usefixtures("sketches")
def test_the_prediction_beside_it_is_played_again(command, replayed, tmp_path):
    assert command("plot", replayed / "predicted", "--kind", "memory", "--out", tmp_path)[0] == 0
    assert written(tmp_path) == ["memory.png", "memory.svg"]


def test_a_folder_is_drawn_under_its_own_name(command, folder, tmp_path):
    for kind in ("memory", "scaling"):
        assert command("plot", folder, "--kind", kind, "--out", tmp_path)[0] == 0
        assert "05_heft_ten_tasks" in (tmp_path / f"{kind}.svg").read_text()


def test_workers_stand_in_the_clusters_order(tmp_path):
    # b before a, and one that never has anything to do; a has two slots.
    devices = ["b", {"name": "a", "slots": 2}, "idle"]
    tasks = [{"name": f"t{i}", "compute": {"b": "1 s", "a": "1 s"}} for i in range(3)]
    run = parsim.simulate({"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": tasks}})
    run.save(tmp_path)
    read = read_folder(tmp_path)
    assert list(read.timeline.workers.table) == ["b", "a.0", "a.1", "idle", ""]
    assert read.timeline.rows() == run.timeline.rows()
    for column, other in zip(read.timeline.idle, run.timeline.idle, strict=True):
        assert column.tolist() == other.tolist()
    assert read.ledger.to_dict() == run.ledger.to_dict()


def test_nothing_that_takes_time_is_drawn_with_its_lanes(tmp_path):
    tasks = {"kind": "tasks", "tasks": [{"name": "a", "compute": "0 s"}]}
    run = parsim.simulate({"cluster": {"devices": 2}, "workload": tasks})
    run.save(tmp_path)
    read = read_folder(tmp_path)
    assert list(read.timeline.workers.table) == ["w0", "w1", ""]
    assert pictures(read.timeline, read.ledger.t_total_s, "x") == pictures(run.timeline, run.theory.t_total_s, "x")


# --- the scenario that lies in a folder ---


def test_the_scenario_of_a_folder_is_what_was_asked_for(tmp_path):
    run = parsim.simulate(FIRST, set={"cluster.devices": 5, "seed": 7, "policy": "heft"})
    run.save(tmp_path)
    values = json.loads((tmp_path / "scenario.json").read_text())
    assert (values["cluster"]["devices"], values["seed"], values["policy"]) == (5, 7, "heft")
    assert values["workload"]["item"] == "1 MB"
    assert parsim.simulate(values).timeline.rows() == run.timeline.rows()
    assert parsim.simulate(tmp_path / "scenario.json").timeline.rows() == run.timeline.rows()  # JSON is YAML


def test_files_are_named_for_every_folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    graph = "2\n0 1 0\n1 2 1 0\n"
    (tmp_path / "here" / "two.stg").write_text(graph)
    scenario = "cluster: {devices: 1}\nworkload: {kind: stg, file: two.stg}\n"
    (tmp_path / "here" / "two.yaml").write_text(scenario)
    monkeypatch.chdir(tmp_path)
    parsim.simulate("here/two.yaml").save("of file")
    parsim.simulate("here/two.yaml", set={"workload.file": "here/two.stg"}).save("of set")
    for folder in ("of file", "of set"):
        values = json.loads((tmp_path / folder / "scenario.json").read_text())
        assert values["workload"] == {"kind": "stg", "file": str(tmp_path / "here" / "two.stg")}


# --- what is wrong ---


def faults(err):
    assert "Traceback" not in err
    found = [re.fullmatch(r"(.+?):(\d+):(\d+): (\S+?): (.+)", line) for line in err.splitlines()]
    assert all(found), err
    return [(m[1], int(m[2]), int(m[3]), m[4], m[5]) for m in found]


def refused(command, *arguments):
    code, out, err = command("plot", *arguments)
    assert (code, out) == (2, "")
    return faults(err)


def test_all_that_is_wrong_is_told_at_once(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text(FIRST.read_text().replace("policy: fifo", "policy: fifi"))
    found = refused(command, "wrong.yaml", "--kind", "gant,memory")
    assert [fault[:4] for fault in found] == [
        ("--kind", 0, 0, "kind"),
        ("--out", 0, 0, "out"),
        ("wrong.yaml", 12, 9, "policy"),
    ]
    assert found[0][4] == "unknown name 'gant'. Did you mean 'gantt'?"
    assert "--out out" in found[1][4]
    # What a file that cannot be used would have added is unknown: no word of the scenario.
    found = refused(command, "wrong.yaml", "--kind", "gant", "--with", "nowhere.py")
    assert [fault[0] for fault in found] == ["nowhere.py", "--kind", "--out"]
    assert os.listdir(tmp_path) == ["wrong.yaml"]


def test_a_name_that_is_nothing_and_no_folder_is_one_fault(command, tmp_path):
    ((*_, path, _),) = refused(command, "nowhere")
    assert path == "RESULT"


@pytest.mark.parametrize("kind", ["gantt", "graph", "path", "memory", "ledger"])
def test_names_in_any_script_are_drawn(command, tmp_path, kind):
    path = tmp_path / "甲.yaml"
    tasks = "[{name: 加载, compute: 1 s, memory: 1 B}, {name: 训练, compute: 2 s, after: [加载]}]"
    path.write_text(f"cluster: {{devices: [工人]}}\nworkload: {{kind: tasks, tasks: {tasks}}}\n", encoding="utf-8")
    code, out, err = command("plot", path, "--kind", kind, "--out", tmp_path, "--quiet")
    assert (code, out) == (0, "")
    assert not err or re.fullmatch("parsim: no installed font has [^\n]*\n", err)


def test_a_name_that_is_nothing(command, tmp_path):
    for name in ("nowhere", "nowhere.yaml", "a\0b"):
        ((*_, path, message),) = refused(command, name, "--out", tmp_path)
        assert path == "RESULT"
        assert "no such folder, result.json or scenario" in message


def test_a_folder_without_a_result(command, tmp_path):
    (found,) = refused(command, tmp_path)
    assert found[:4] == (str(tmp_path / "result.json"), 0, 0, "RESULT")
    assert "name a folder that --out wrote" in found[4]


def test_the_folder_of_a_replay_has_its_runs_beside(command, replayed):
    (found,) = refused(command, replayed)
    assert found[0] == str(replayed / "result.json")
    assert "name its folder predicted or measured" in found[4]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in LYING])
def test_a_measured_run_has_no_plan(command, replayed, tmp_path, kind):
    (found,) = refused(command, replayed / "measured", "--kind", kind, "--out", tmp_path / "out")
    assert found[:4] == ("--kind", 0, 0, "kind")
    assert found[4] == f"{kind} needs the plan of a simulated run, and this run is measured; use gantt, ledger, path"
    assert not (tmp_path / "out").exists()


def drawn_in_part(command, *arguments):
    """Return what was drawn, and what is said of the rest in a line."""
    code, out, err = command("plot", *arguments)
    assert code == 1
    (line,) = err.splitlines()
    return [Path(name).name for name in out.splitlines()], line.removeprefix("parsim: ")


@pytest.mark.usefixtures("sketches")
def test_a_kind_that_cannot_be_drawn_keeps_no_other_from_it(command, folder, replayed, tmp_path):
    files, said = drawn_in_part(
        command, replayed / "measured", "--kind", "memory,gantt,graph,ledger", "--out", tmp_path
    )
    assert files == ["gantt.png", "gantt.svg", "ledger.png", "ledger.svg"]
    assert [part.partition(" needs")[0] for part in said.split("; ") if "drawn:" in part] == [
        "memory is not drawn: memory",
        "graph is not drawn: graph",
    ]
    assert written(tmp_path) == files
    files, said = drawn_in_part(command, SIXTH, "--kind", "scaling,graph", "--out", tmp_path / "sixth")
    assert (files, said.partition(": is a pipeline")[0]) == (
        ["graph.png", "graph.svg"],
        "scaling is not drawn: workload",
    )
    (folder / "scenario.json").write_text("{}")
    files, said = drawn_in_part(command, folder, "--kind", "path,memory,scaling,gantt")
    assert files == ["path.png", "path.svg", "gantt.png", "gantt.svg"]
    assert "memory is not drawn" in said
    assert "scaling is not drawn" in said


def test_where_no_kind_can_be_drawn_every_fault_is_told_once(command, replayed, tmp_path):
    found = refused(command, replayed / "measured", "--kind", "memory,graph", "--out", tmp_path / "out")
    assert [fault[4].split()[0] for fault in found] == ["memory", "graph"]
    assert not (tmp_path / "out").exists()


def test_a_scenario_that_stalls_is_played_once_for_all_kinds(command, tmp_path, monkeypatch):
    tasks = "[{name: b, compute: 1 s, output: 2 MB}, {name: c, compute: 1 s, memory: 1 MB, after: [b]}]"
    (tmp_path / "s.yaml").write_text(
        f"cluster: {{devices: [{{name: a, memory: 2 MB}}]}}\nworkload: {{kind: tasks, tasks: {tasks}}}\n"
    )
    played = []
    monkeypatch.setattr("parsim.run.run", lambda job, run=parsim.run.run: played.append(1) or run(job))
    code, out, err = command("plot", tmp_path / "s.yaml", "--kind", "gantt,memory,graph", "--out", tmp_path / "out")
    assert (code, out, len(played)) == (1, "", 1)
    assert err.startswith("parsim: stalled")


DAMAGED = [
    ("result.json", lambda text: text[:40], 4, "json", "delimiter|Unterminated|Expecting"),
    ("result.json", lambda text: "[]", 1, "json", "is not a JSON object"),
    ("result.json", lambda text: text.replace("80.0,", '"80",', 1), 9, "makespan_s", "not a number"),
    ("result.json", lambda text: text.replace('"drain"', '"drian"'), None, "ledger.idle.drain", "is missing"),
    ("result.json", lambda text: text.replace("80.0,", "81.0,", 1), 0, "end_s", "holds files of two runs"),
    ("timeline.csv", lambda text: text.replace("0.0,9.0", "0.0,9.O", 1), 2, "[0].end_s", "not a number of seconds"),
    ("timeline.csv", lambda text: text.replace("number,", ""), 1, "number", "the column is missing"),
    ("idle.csv", lambda text: text.replace("fill", "fil"), 2, "[0].cause", "Did you mean 'fill'"),
    ("idle.csv", lambda text: text.replace("start_s", "begin_s"), 1, "start_s", "the column is missing"),
    ("idle.csv", lambda text: text.replace("p3", "w0"), 0, "worker", "'w0' is not a worker of "
     "result.json; the folder holds files of two runs"),
    ("idle.csv", lambda text: text.replace("p3,49.0,80.0", "p3,49.0,81.0"), 0, "end_s", "is later than "
     "80.0 s, the makes"),
    ("idle.csv", lambda text: text.replace("p3,49.0", "p3,48.0"), 0, "start_s", "p3 is marked idle at 48 s, but"),
    ("idle.csv", lambda text: text.replace("p3,49.0", "p3,50.0"), 0, "cause", "drain adds up to .* the "
     "folder holds files of two runs"),
    ("idle.csv", lambda text: text.replace("p1,0.0,9.0,fill", "p1,0.0,9.0,policy"), 0, "cause", "files of two runs"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage", "line", "path", "piece"), DAMAGED, ids=[f"{d[0]} {d[3]}" for d in DAMAGED])
def test_damaged_files_are_told_with_their_place(command, folder, name, damage, line, path, piece):
    text = (folder / name).read_text()
    (folder / name).write_text(damage(text))
    assert (folder / name).read_text() != text
    before = written(folder)
    found = refused(command, folder)
    where = folder / ("timeline.csv" if (name, path) == ("result.json", "end_s") else name)
    (told,) = [fault for fault in found if fault[3] == path]
    assert told[0] == str(where)
    assert line is None or told[1] == line
    assert re.search(piece, told[4])
    assert written(folder) == before


def test_every_damaged_file_is_told(command, folder):
    (folder / "idle.csv").write_text("worker,start_s,end_s,cause\np1,2,1,fill\n")
    (folder / "timeline.csv").unlink()
    assert [(fault[0], fault[1], fault[3]) for fault in refused(command, folder)] == [
        (str(folder / "timeline.csv"), 0, "RESULT"),
    ]
    (folder / "timeline.csv").write_text("number\n1\n")
    found = refused(command, folder)
    assert {fault[0] for fault in found} == {str(folder / "timeline.csv"), str(folder / "idle.csv")}
    assert found[-1][1:4] == (2, 6, "[0].end_s")


def test_what_cannot_be_played_again_as_it_was(command, folder):
    values = json.loads((folder / "scenario.json").read_text())
    (folder / "scenario.json").write_text(json.dumps(values | {"policy": "fifo"}))
    (found,) = refused(command, folder, "--kind", "memory")
    assert found[:4] == (str(folder / "scenario.json"), 0, 0, "makespan_s")
    assert "80.0 s when the folder was written" in found[4]
    assert command("plot", folder, "--quiet") == (0, "", "")  # what lies there can still be drawn
    (folder / "scenario.json").write_text(json.dumps(values | {"policy": "fifi"}))
    (found,) = refused(command, folder, "--kind", "memory")
    assert found[:4] == (str(folder / "scenario.json"), 0, 0, "policy")
    (folder / "scenario.json").write_text(json.dumps(values | {"seed": float("nan")}))
    (found,) = refused(command, folder, "--kind", "memory")
    assert found[:4] == (str(folder / "scenario.json"), 0, 0, "seed")
    (folder / "scenario.json").unlink()
    (found,) = refused(command, folder, "--kind", "memory")
    assert found[:4] == (str(folder / "scenario.json"), 0, 0, "RESULT")


def test_what_does_not_scale_is_told_of_its_file(command, tmp_path):
    parsim.simulate(SIXTH).save(tmp_path)
    (found,) = refused(command, tmp_path, "--kind", "scaling")
    assert found[:4] == (str(tmp_path / "scenario.json"), 0, 0, "workload")
    (found,) = refused(command, SIXTH, "--kind", "scaling", "--out", tmp_path)
    assert (found[0], found[3]) == (str(SIXTH), "workload")


def test_a_folder_where_a_picture_has_to_go(command, folder):
    (folder / "gantt.svg").mkdir()
    (found,) = refused(command, folder)
    assert found[:4] == ("--out", 0, 0, "out")
    assert "it is a folder" in found[4]
    assert not (folder / "gantt.png").exists()


# --- rows of a sweep ---


@pytest.fixture
def swept(tmp_path):
    """Return a folder with the rows of a sweep."""
    times = {(1, "1f1b"): 3.0, (2, "1f1b"): 1.5, (2, "zb-h1"): 1.25}
    values = [(tensor, schedule) for tensor in (1, 2, 4) for schedule in ("1f1b", "zb-h1")]
    rows = [{"row": n, "set": {"plan.tensor": t, "plan.schedule": s}} for n, (t, s) in enumerate(values)]
    for row, own in zip(rows, values, strict=True):
        time = times.get(own)
        figures = {"iteration_s": time, "makespan_s": time, "peak_memory_bytes": 8e9 / own[0], "cost": None}
        row |= figures | ({"status": "done", "code": ""} if time else {"status": "refused", "code": "memory"})
    (tmp_path / "swept").mkdir()
    (tmp_path / "swept" / "sweep.json").write_text(json.dumps({"scenario": "a space", "rows": rows}))
    return tmp_path / "swept"


def test_rows_are_drawn_by_default_over_each_choice(command, swept):
    code, out, err = command("plot", swept)
    assert (code, err) == (0, "")
    assert out.splitlines() == [str(swept / "choices.png"), str(swept / "choices.svg")]
    assert "a space: iteration time over each choice" in (swept / "choices.svg").read_text()


@pytest.mark.usefixtures("sketches")
def test_every_kind_of_rows_is_drawn_of_a_folder_and_of_a_file(command, swept, tmp_path):
    names = sorted(f"{kind}.{form}" for kind in OF_ROWS for form in ("png", "svg"))
    assert command("plot", swept, "--kind", ",".join(OF_ROWS), "--quiet") == (0, "", "")
    assert written(swept) == names
    file = (swept / "sweep.json").rename(tmp_path / "mine.json")
    assert command("plot", file, "--kind", ",".join(OF_ROWS), "--out", tmp_path / "two", "--quiet") == (0, "", "")
    assert written(tmp_path / "two") == names


def test_a_heat_map_is_over_the_choices_asked_for(command, swept):
    assert command("plot", swept, "--over", "tensor, plan.schedule", "--quiet") == (0, "", "")
    assert written(swept) == ["heat.png", "heat.svg"]
    (found,) = refused(command, swept, "--over", "tensor,schedul")
    assert found[:4] == ("--over", 0, 0, "over")
    assert found[4] == "unknown name 'schedul'. Did you mean 'schedule'?"
    (found,) = refused(command, swept, "--over", "tensor")
    assert "over two choices" in found[4]
    (found,) = refused(command, swept, "--kind", "pareto", "--over", "tensor,schedule")
    assert found[:5] == ("--over", 0, 0, "over", "is of a heat map; add --kind heat, or leave it out")


def test_kinds_of_runs_and_of_rows_are_told_apart(command, swept, folder):
    (found,) = refused(command, swept, "--kind", "gantt")
    assert found[4] == "gantt is of a run, and RESULT has rows; use choices, heat, pareto, parallel"
    (found,) = refused(command, folder, "--kind", "heat")
    assert found[4].startswith("heat needs the rows of a sweep; use gantt")
    (found,) = refused(command, folder, "--kind", "gantt", "--over", "a,b")
    assert found[:5] == ("--over", 0, 0, "over", "is of a heat map; add --kind heat, or leave it out")
    (found,) = refused(command, folder, "--over", "a,b")
    assert found[4].startswith("heat needs the rows of a sweep; use gantt")


@pytest.mark.usefixtures("sketches")
def test_rows_that_do_not_suffice_for_a_kind_keep_no_other_from_it(command, swept):
    held = json.loads((swept / "sweep.json").read_text())
    held["rows"] = [row | {"set": {"plan.tensor": row["row"]}} for row in held["rows"]]
    (swept / "sweep.json").write_text(json.dumps(held))
    files, said = drawn_in_part(command, swept, "--kind", "heat,choices")
    assert files == ["choices.png", "choices.svg"]
    assert said == "heat is not drawn: a heat map needs two choices with several values, and there is 1"


def test_wrong_rows_are_told_with_their_places(command, swept):
    good = {"row": 0, "set": {"a": 1}, "status": "done", "iteration_s": 1.0}
    rows = [good, good | {"iteration_s": "1 s", "cost": True}, 7, good | {"set": None}, good | {"row": "1"}]
    (swept / "sweep.json").write_text(json.dumps({"rows": rows}, indent=1))
    found = refused(command, swept)
    assert [(fault[0], fault[3]) for fault in found] == [
        (str(swept / "sweep.json"), path)
        for path in ("rows[1].iteration_s", "rows[1].cost", "rows[2]", "rows[3]", "rows[4].row")
    ]
    assert [fault[1] for fault in found] == [17, 18, 20, 21, 28]
    assert "the text '1 s', not a number or null" in found[0][4]
    (swept / "sweep.json").write_text("{}")
    (found,) = refused(command, swept)
    assert (found[3], found[4]) == ("rows", "is missing or is not a list; name what parsim sweep wrote")
    (swept / "sweep.json").write_text("[")
    (found,) = refused(command, swept)
    assert found[:2] == (str(swept / "sweep.json"), 1)
    assert written(swept) == []
