"""Sweeps: every row is played once and kept, whatever happens to the process that plays it."""

import csv
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from commands import ROOT
from sweeping import SMALL, ended, started, stored, text, times, until

import parsim
from parsim.plot import space_kinds
from parsim.study.finalists import finalists
from parsim.study.plan.search import exhausted
from parsim.study.row import Outcome, played
from parsim.study.runner import Runner
from parsim.study.space import space_of
from parsim.study.sweep.identity import identity_of, read
from parsim.study.sweep.store import LEASE_S, Played, Store
from parsim.study.sweep.sweeping import Shown

MAKESPANS = [-(-count // devices) for devices in (1, 2) for count in range(1, 6)]  # s, the items of the busiest


@pytest.fixture
def slow(tmp_path, marks):
    """A space of 40 rows that take 10 ms each."""
    file = tmp_path / "slow.yaml"
    file.write_text(text(40, seconds=0.01))
    return file


# rows


def test_every_row_is_played():
    found = parsim.sweep(SMALL)
    rows = list(found.rows())
    assert [row["row"] for row in rows] == list(range(10))
    assert [row["makespan_s"] for row in rows] == MAKESPANS
    assert [tuple(row["set"].values()) for row in rows] == [(d, c) for d in (1, 2) for c in range(1, 6)]
    assert {row["status"] for row in rows} == {"done"}


def test_conditions_leave_rows_out_and_refuse_what_was_played():
    require = ["devices == 2", "makespan < 3 s"]
    found = parsim.sweep({**SMALL, "require": require})
    assert found.refused == {"devices == 2": 5}
    assert [(record.row, record.status, record.code) for record in found.records] == [
        *((row, "done", "") for row in (5, 6, 7, 8)),
        (9, "refused", "require"),
    ]
    assert found.to_dict()["refused"] == {"require": 6}
    assert found.to_dict()["rows"][4]["makespan_s"] == 3
    assert "5: devices == 2" in found.report()


def test_rows_that_are_all_refused_after_they_were_played_are_counted_by_code_and_condition():
    """Two rows take four seconds or more, and none less than one."""
    found = parsim.sweep({**SMALL, "require": ["makespan < 4 s", "makespan < 1 s"]})
    lines = [line.strip() for line in found.report().splitlines()]
    assert "No row is done: 10 require." in lines
    assert {"8: makespan < 1 s", "2: makespan < 4 s"} <= {*lines}
    alone = parsim.sweep({**SMALL, "cluster": {"devices": 1}, "workload": {"kind": "items", "count": 2}})
    assert alone.report().startswith("scenario: 1 row of the space, 1 after its conditions\n")
    assert repr(alone) == "Sweep(scenario, 1 row: 1 done)"


def test_a_space_with_no_legal_row_says_which_condition_refuses_how_many():
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.sweep({**SMALL, "require": ["devices > 1", "devices < 2", "devices < 9"]})
    assert [fault[3:] for fault in wrong.value.faults] == [
        ("require[0]", "refuses 5 of 10 rows, and no row is left"),
        ("require[1]", "refuses 5 of 10 rows, and no row is left"),
    ]


def test_the_best_come_first_and_ties_by_the_text_of_their_values():
    found = parsim.sweep(SMALL)
    assert [record.row for record in found.best][:4] == [0, 5, 6, 1]
    lines = found.report().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("row  makespan"))
    assert [line.split()[0] for line in lines[head + 1 : head + 5]] == ["0", "5", "6", "1"]


def test_a_sweep_and_a_plan_order_rows_by_one_rule():
    """Four of the rows that can be counted by hand take 114 ms, and two of them hold equal memory."""
    file = ROOT / "scenarios/53_bubbles_by_hand.yaml"
    with Runner() as runner:
        plans = exhausted(space_of(file), runner, 11).plans
    rows = [record.row for record in parsim.sweep(file).best]
    assert rows == [plan.row for plan in plans]
    assert rows != sorted(rows, key=lambda row: next((plan.took_s, row) for plan in plans if plan.row == row))


def test_a_training_is_told_by_its_iteration():
    full = {"kind": "full", "bandwidth": "1 GB/s"}
    whole = {
        "cluster": {"devices": 2, "device": "a100-80g", "topology": full},
        "workload": {"kind": "mlp", "widths": [16, 16], "batch": 8},
        "plan": {"split": "data"},
    }
    found = parsim.sweep({**whole, "seed": {"in": [0, 1]}})
    assert "iteration" in found.report()
    alone = parsim.simulate(whole)
    assert found.records[0].figures["iteration_s"] == alone.metrics["training"]["iteration_s"]


def test_a_scenario_without_choices_is_a_space_of_one_row():
    found = parsim.sweep({**SMALL, "cluster": {"devices": 2}, "workload": {"kind": "items", "count": 5}})
    assert [(row["set"], row["makespan_s"]) for row in found.rows()] == [({}, 3)]
    assert "<img" not in found._repr_html_()  # there is nothing over which to draw
    assert "<img" in parsim.sweep(SMALL)._repr_html_()


@pytest.mark.parametrize("clock", ["simulated", "live"])
def test_an_executor_plays_the_rows_but_not_those_that_measure_this_machine(clock):
    from test_runner import Sent

    sent = Sent()
    whole = {
        "cluster": {"devices": {"in": [1, 2]}, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "items", "data": [1, 2, 3], "kernel": "double", "merge": "sum"},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    found = parsim.sweep(whole, {"clock": clock}, executor=sent)
    assert found.counts == {"done": 2}
    assert bool(sent.calls) == (clock == "simulated")


def test_the_progress_tells_the_speed_and_the_best(monkeypatch):
    clock = iter([0.0, 0.0, 4.0])
    monkeypatch.setattr("parsim.study.sweep.shown.monotonic", lambda: next(clock))
    shown = Shown(10)
    with shown.under_way():
        for took in (3.0, 2.0):
            shown.take(Played(0, Outcome("done", figures={"iteration_s": took, "makespan_s": 9.0}), 0.0, 1.0))
        shown.take(Played(1, Outcome("refused", "memory", "too large"), 0.0, 1.0))
        [part] = parsim.core.progress.parts()
        assert (part.done(), part.total, part.more()) == (3, 10, "0.75 rows/s, best 2 s")


def test_a_notebook_shows_the_best_rows():
    shown = parsim.sweep(SMALL)._repr_html_()
    assert "10 rows of the space" in shown
    assert shown.count("<tr>") == 2 * (1 + 10)


# the store


def test_what_is_done_is_not_played_again(tmp_path, command, monkeypatch):
    scenarios, file = [], tmp_path / "space.yaml"
    file.write_text(json.dumps(SMALL))

    def counted(scenario):
        scenarios.append(scenario)
        return played(scenario)

    monkeypatch.setattr("parsim.study.sweep.batch.played", counted)
    asked = ("sweep", file, "--store", tmp_path / "a.db", "--json")
    first, again = command(*asked), command(*asked)
    assert first == again
    assert first[0] == 0
    assert len(scenarios) == 10
    assert command(*asked, "--anew")[1] == first[1]
    assert len(scenarios) == 20


def test_the_default_store_is_named_after_the_scenario(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/mine.yaml").write_text(json.dumps(SMALL))
    code, out, _ = command("sweep", "deep/mine.yaml")
    assert code == 0
    assert (tmp_path / "mine.sweep.db").exists()
    assert "All rows are in mine.sweep.db." in out


def test_the_table_has_the_columns_of_the_contract(tmp_path):
    began = time.time()
    parsim.sweep({**SMALL, "require": ["makespan < 5 s"]}, store=tmp_path / "a.db")
    base = sqlite3.connect(tmp_path / "a.db")
    base.row_factory = sqlite3.Row
    rows = [dict(row) for row in base.execute("SELECT * FROM runs ORDER BY row")]
    assert [row["row"] for row in rows] == list(range(10))
    assert {"row", "digest", "status", "code", "changes", "figures", "message", "started", "ended"} <= rows[0].keys()
    assert json.loads(rows[9]["changes"]) == {"cluster.devices": 2, "workload.count": 5}
    assert json.loads(rows[9]["figures"])["makespan_s"] == 3
    assert (rows[4]["status"], rows[4]["code"]) == ("refused", "require")
    assert all(began - 1 <= row["started"] <= row["ended"] <= time.time() for row in rows)
    assert len({row["digest"] for row in rows}) == 1


def test_rows_of_a_process_that_died_are_played_by_the_next(tmp_path):
    space = space_of(SMALL)
    own, file = identity_of(space), str(tmp_path / "a.db")
    dead = Store(file, own)
    assert dead.claim((row, {}) for row in range(4)) == [0, 1, 2, 3]
    with sqlite3.connect(file) as base:  # the process of the other store is gone
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        base.execute("UPDATE players SET pid = ?", (gone.pid,))
    other = Store(file, own)
    assert other.left_by_others()
    assert other.claim((row, {}) for row in range(3)) == [0, 1, 2]
    other.close()
    assert len(players_in(file)) == 1  # row 3 is still claimed by it
    last = Store(file, own)
    assert last.claim((row, {}) for row in range(6)) == [0, 1, 2, 3, 4, 5]
    assert not last.left_by_others()
    last.close()
    assert players_in(file) == []


def players_in(file):
    with closing(sqlite3.connect(file)) as base:
        return base.execute("SELECT id, until FROM players").fetchall()


def test_a_lease_is_renewed_while_one_row_plays(tmp_path, monkeypatch):
    monkeypatch.setattr("parsim.study.sweep.lease.OFTEN_S", 0.005)
    own, file = identity_of(space_of(SMALL)), str(tmp_path / "a.db")
    with closing(Store(file, own)) as one, closing(Store(file, own)) as other:
        assert one.claim([(0, {})]) == [0]
        now = time.time()
        monkeypatch.setattr("parsim.study.sweep.store.time", lambda: now + LEASE_S + 1)
        until(lambda: all(ends > now + LEASE_S + 1 for _, ends in players_in(file)))
        assert other.claim([(0, {})]) == []


def test_what_a_living_process_has_claimed_is_its_own_until_its_lease_has_passed(tmp_path, monkeypatch):
    own, file = identity_of(space_of(SMALL)), str(tmp_path / "a.db")
    one, other = Store(file, own), Store(file, own)
    assert one.claim([(0, {}), (1, {})]) == [0, 1]
    assert other.claim([(0, {}), (1, {}), (2, {})]) == [2]
    one.write([Played(0, Outcome("done", figures={}), 1.0, 2.0)])
    now = time.time()
    monkeypatch.setattr("parsim.study.sweep.store.time", lambda: now + LEASE_S + 1)
    assert other.claim([(0, {}), (1, {}), (2, {})]) == [1]
    one.close()
    assert other.statuses() == {0: "done", 1: "running", 2: "running"}
    other.close()
    last = Store(file, own)
    assert last.statuses() == {0: "done"}


def test_another_base_is_not_mixed_in_and_told(tmp_path, command):
    file, store = tmp_path / "space.yaml", tmp_path / "a.db"
    file.write_text(json.dumps(SMALL))
    asked = ("sweep", file, "--store", store, "--json")
    first = command(*asked)
    assert first[::2] == (0, "")
    code, out, err = command(*asked, "--set", "cost.compute=2 s", "--seed", 3)
    assert code == 0
    assert [row["makespan_s"] for row in json.loads(out)["rows"]] == [2 * took for took in MAKESPANS]
    assert err == (
        f"parsim: {store} holds another sweep, whose rows stay apart: cost.compute was 1 s and is 2 s, seed is new\n"
    )
    assert len(stored(store)) == 10
    code, out, err = command(*asked)
    assert out == first[1]
    assert "cost.compute was 2 s and is 1 s, seed is left out" in err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cluster": {"devices": {"in": [1, 2, 3]}}}, 'cluster.devices was {"in": [1, 2]} and is {"in": [1, 2, 3]}'),
        ({"require": ["devices < 9"]}, "require is new"),
        ({"assert": ["makespan < 9 s"]}, ""),
        ({"seed": 1, "clock": "simulated", "policy": "fifo", "require": []},
         "seed is new, clock is new, policy is new, and 1 more"),
    ],
)  # fmt: skip
def test_differences_of_identities(change, told):
    before, now = identity_of(space_of(SMALL)), identity_of(space_of({**SMALL, **change}))
    assert now.differs(before) == told
    assert (now.digest == before.digest) == (not told)
    assert read(now.text) == now


def test_the_order_of_keys_numbers_the_rows_so_it_counts():
    one, other = identity_of(space_of(SMALL)), identity_of(space_of(dict(reversed(SMALL.items()))))
    assert one.digest != other.digest
    assert one.differs(other) == "the order of keys, which numbers the rows"


def test_files_and_the_version_count(tmp_path, monkeypatch):
    robot = (ROOT / "scenarios/robot.stg").read_bytes()
    scenario = tmp_path / "space.yaml"
    scenario.write_text("cluster: {devices: 2}\nworkload: {kind: stg, file: {in: [a.stg, b.stg]}, unit: 1 s}\n")
    for name in ("a.stg", "b.stg"):
        (tmp_path / name).write_bytes(robot)
    before = identity_of(space_of(scenario))
    assert list(before.files) == ["a.stg", "b.stg"]
    (tmp_path / "b.stg").write_bytes(robot + b"\n")
    assert identity_of(space_of(scenario)).differs(before) == "file b.stg has changed"
    (tmp_path / "b.stg").write_bytes(robot)
    assert identity_of(space_of(scenario)) == before
    monkeypatch.setattr("parsim.study.sweep.identity.__version__", "99.0")
    assert identity_of(space_of(scenario)).differs(before) == f"parsim was {parsim.__version__} and is 99.0"


@pytest.fixture
def two(tmp_path):
    """A folder with two files of one name, and a space that names both."""
    folder, robot = tmp_path / "two", (ROOT / "scenarios/robot.stg").read_bytes()
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "r.stg").write_bytes(robot)
    files = "{in: [a/r.stg, ./b/r.stg]}"
    (folder / "s.yaml").write_text(f"cluster: {{devices: 2}}\nworkload: {{kind: stg, file: {files}, unit: 1 s}}\n")
    return folder


def test_files_of_one_name_in_different_folders_are_told_apart(two):
    """A graph of tasks that all take three times as long takes three times as long."""
    file, store = two / "a/r.stg", two / "s.db"
    before = [row["makespan_s"] for row in parsim.sweep(two / "s.yaml", store=store).rows()]
    lines = [line.split() for line in file.read_text().splitlines()]
    tasks = [[name, str(3 * int(seconds)), *more] for name, seconds, *more in lines[1:] if name != "#"]
    file.write_text("\n".join(map(" ".join, [lines[0], *tasks])))
    after = parsim.sweep(two / "s.yaml", store=store)
    assert [row["makespan_s"] for row in after.rows()] == [3 * before[0], before[1]]
    assert after.notes[0].endswith("whose rows stay apart: file a/r.stg has changed")


def test_a_folder_that_moves_keeps_its_rows(two, monkeypatch):
    before = identity_of(space_of(two / "s.yaml"))
    assert list(before.files) == ["a/r.stg", "b/r.stg"]
    moved = two.rename(two.with_name("moved"))
    assert identity_of(space_of(moved / "s.yaml")) == before
    monkeypatch.chdir(moved)
    assert identity_of(space_of("s.yaml")) == before


def test_a_file_from_set_is_another_than_one_beside_the_scenario(two, monkeypatch):
    monkeypatch.chdir(two / "a")
    (two / "r.stg").write_bytes(b"another")
    beside = identity_of(space_of(two / "s.yaml", {"cost": {"kind": "measured", "profile": "r.stg"}}))
    assert sorted(beside.files) == ["./r.stg", "a/r.stg", "b/r.stg"]
    assert beside.files["./r.stg"] == beside.files["a/r.stg"]


def test_files_that_only_a_combination_of_choices_names_count(tmp_path):
    """Of four rows only stages with the custom schedule take a file."""
    (tmp_path / "s.yaml").write_text(
        "cluster: {devices: 2}\n"
        "workload: {in: [{kind: items, count: 4}, {kind: stages, forward: 1 s, input_grad: 1 s, weight_grad: 1 s}]}\n"
        "plan: {schedule: {kind: {in: [gpipe, custom]}, orders: orders.txt}, microbatches: 2}\n"
    )
    before = identity_of(space_of(tmp_path / "s.yaml"))
    assert before.files == {"orders.txt": "no such file"}
    (tmp_path / "orders.txt").write_text("F0 F1")
    assert identity_of(space_of(tmp_path / "s.yaml")).differs(before) == "file orders.txt has changed"


def test_files_that_are_added_count_by_name_and_in_their_order(tmp_path, monkeypatch):
    added = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for file in added:
        file.parent.mkdir()
        file.write_text(f"# {file.parent.name}")
    monkeypatch.setattr("parsim.study.sweep.identity.files_in_use", lambda: tuple(map(str, added)))
    before = identity_of(space_of(SMALL))
    assert list(before.files) == ["--with mine.py"]
    added[0].write_text("# changed")
    assert identity_of(space_of(SMALL)).differs(before) == "file --with mine.py has changed"


def test_failed_rows_are_played_again_when_asked(tmp_path, command, monkeypatch):
    file = tmp_path / "space.yaml"
    file.write_text(json.dumps(SMALL))
    asked = ("sweep", file, "--store", tmp_path / "a.db")

    def fails(job):
        raise parsim.RunError("the disk burns")

    with monkeypatch.context() as patch:
        patch.setattr("parsim.study.row.brief", fails)
        code, out, err = command(*asked)
    assert code == 1
    assert "0 done, 0 refused, 10 failed" in out
    assert err == "parsim: row 0 failed: the disk burns; 9 more failed; play failed rows again with --retry failed\n"
    assert command(*asked)[0] == 1
    code, out, _ = command(*asked, "--retry", "failed")
    assert code == 0
    assert "10 done, 0 refused, 0 failed" in out


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda file: file.write_text("nothing\n" * 100), "is no store of parsim; name another file"),
        (lambda file: file.mkdir(), "is a folder; name a file"),
        (lambda file: other_database(file, 0, 0), "is a database, but no store of parsim; name another file"),
        (lambda file: other_database(file, 0x70617273, 99), "is a store of version 99, and this parsim has 1"),
        (lambda file: file.symlink_to("/nowhere/a.db"), "cannot be used: "),
    ],
)
def test_what_is_no_store_is_refused_and_kept(tmp_path, command, made, message):
    store, file = tmp_path / "a.db", tmp_path / "space.yaml"
    file.write_text(json.dumps(SMALL))
    made(store)
    before = store.read_bytes() if store.is_file() else None
    code, out, err = command("sweep", file, "--store", store)
    assert (code, out) == (2, "")
    assert err.startswith(f"--store:0:0: store: '{store}' {message}")
    assert before is None or store.read_bytes() == before


def other_database(file, application, version):
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE things (name TEXT)")
    base.execute(f"PRAGMA application_id = {application}")
    base.execute(f"PRAGMA user_version = {version}")
    base.commit()
    base.close()


def test_a_full_disk_ends_the_sweep_and_keeps_what_is_done(tmp_path, marks):
    file, store = tmp_path / "space.yaml", tmp_path / "space.sweep.db"
    file.write_text(text(80))
    most = 250_000

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    code, out, err = ended(started(file, preexec_fn=limit))
    assert (code, out) == (1, "")
    assert err.startswith("parsim: space.sweep.db: cannot be written: ")
    assert err.count("\n") == 1
    kept, begun = stored(store), times(marks)
    assert 10 < len(kept) < 80
    code, out, _ = ended(started(file))
    assert code == 0
    assert len(json.loads(out)["rows"]) == 80
    assert all(times(marks)[row] == begun[row] for row in kept)


# tables


def test_rows_as_csv_and_parquet(tmp_path, command):
    from pyarrow import parquet

    plan = {"in": [{"split": "data"}, {"split": "layers", "subsets": 1}]}
    file = tmp_path / "space.yaml"
    file.write_text(json.dumps({**SMALL, "plan": plan, "require": ["makespan < 4 s"]}))
    tables = [tmp_path / f"rows.{form}" for form in ("csv", "parquet")]
    code, out, _ = command(
        "sweep", file, "--store", tmp_path / "a.db", "--csv", tables[0], "--parquet", tables[1], "--json"
    )
    assert code == 0
    rows = json.loads(out)["rows"]
    with tables[0].open(newline="") as lines:
        written = list(csv.DictReader(lines))
    kept = parquet.read_table(tables[1]).to_pylist()
    assert len(rows) == len(written) == len(kept) == 20
    assert list(written[0]) == list(kept[0])
    for row, line, one in zip(rows, written, kept, strict=True):
        assert (int(line["row"]), one["row"]) == (row["row"], row["row"])
        assert json.loads(line["plan"]) == json.loads(one["plan"]) == row["set"]["plan"]
        assert (line["status"], one["status"]) == (row["status"], row["status"])
        assert one.get("makespan_s") == row.get("makespan_s")
        assert (float(line["makespan_s"]) if line["makespan_s"] else None) == row.get("makespan_s")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--csv", "rows.txt"), "--csv:0:0: csv: 'rows.txt' does not end in .csv; write for example --csv rows.csv"),
        (("--csv", "none/rows.csv"), "--csv:0:0: csv: 'none/rows.csv' cannot be written; name a file in a folder"),
        (("--parquet", "rows"), "--parquet:0:0: parquet: 'rows' does not end in .parquet"),
        (("--retry", "done", "--retry", "all"), "--retry:0:0: retry: unknown name 'all'; known are: done, failed"),
        (("--engine", "process"), "--engine:0:0: engine: unknown name 'process'. Did you mean 'processes'?"),
        (("--set", "workload.count={in: []}"), "--set:0:0: workload.count.in: is empty; write at least one value"),
        (("--store", ""), "--store:0:0: store: '' is empty; name a file"),
    ],
)
def test_wrong_options_are_told_at_once_and_nothing_is_written(tmp_path, command, monkeypatch, options, fault):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text(json.dumps(SMALL))
    code, out, err = command("sweep", "space.yaml", *options)
    assert (code, out) == (2, "")
    assert err.startswith(fault)
    assert os.listdir() == ["space.yaml"]


def test_missing_extras_are_named(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text(json.dumps(SMALL))
    for place in ("parsim.study.sweep.table.find_spec", "parsim.study.engines.named.find_spec"):
        monkeypatch.setattr(place, lambda name: None)
    told = command("sweep", "space.yaml", "--parquet", "rows.parquet", "--engine", "dask")[2]
    assert told == (
        "--engine:0:0: engine: 'dask' needs distributed, which is not installed; write pip install 'parsim[cluster]'\n"
        "--parquet:0:0: parquet: needs pyarrow, which is not installed; write pip install 'parsim[table]'\n"
    )


@pytest.mark.usefixtures("sketches")
def test_out_writes_the_sweep_its_rows_and_pictures(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text(json.dumps(SMALL))
    code, out, _ = command("sweep", "space.yaml", "--json", "--out", "out")
    assert code == 0
    kinds = ("choices", "comparison", "heat", "parallel")  # items hold no memory and have no price: no front
    pictures = [f"{kind}.{form}" for kind in kinds for form in ("png", "svg")]
    assert sorted(os.listdir("out")) == sorted([*pictures, "rows.csv", "sweep.json"])
    assert json.loads(Path("out/sweep.json").read_text()) == json.loads(out)
    assert Path("out/rows.csv").read_text().count("\n") == 11


@pytest.mark.usefixtures("sketches")
def test_a_sweep_is_drawn_from_its_answer_its_folder_and_its_store(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text(json.dumps(SMALL))
    drawn = []
    monkeypatch.setattr(
        "parsim.plot.space_kinds.drawn",
        lambda rows, name, *given, real=space_kinds.drawn, **more: (
            drawn.append((list(rows), name)) or real(*drawn[-1], *given, **more)
        ),
    )
    found = parsim.sweep("space.yaml", store="mine.sweep.db")
    assert found.plot().get_title(loc="left") == "devices"
    assert found.plot("heat", over=("workload.count", "devices")).get_xlabel() == "count"
    found.save("out")
    for result in ("out", "mine.sweep.db"):
        assert command("plot", result, "--quiet", "--out", result[:4]) == (0, "", "")
    assert {name for _, name in drawn} == {"space", "mine"}
    assert all(rows == list(found.rows()) for rows, _ in drawn)
    (tmp_path / "mine.sweep.db").unlink()
    Path("mine.sweep.db").write_text("no database")
    code, _, err = command("plot", "mine.sweep.db", "--out", "out")
    assert (code, err) == (2, "mine.sweep.db:0:0: RESULT: 'mine.sweep.db' is no store of parsim; name another file\n")


def test_the_best_rows_are_played_again_whole_and_compared():
    found = parsim.sweep(SMALL)
    with Runner() as runner:
        best = finalists(found.space, [record.row for record in found.best], runner)
    assert [one.label for one in best.variants] == ["devices=1, count=1", "devices=2, count=1", "devices=2, count=2"]
    assert [one.makespan.mean for one in best.variants] == [1.0, 1.0, 1.0]


# what may happen to a process


@pytest.mark.dear
def test_what_is_killed_goes_on_and_nothing_done_is_lost_or_done_again(slow, marks):
    """Two processes are killed while they play. What is done by then is begun no more times than it was."""
    store, known = slow.with_name("slow.sweep.db"), {}
    for done in (5, 20):
        process = started(slow)
        until(lambda done=done: len(stored(store)) >= done)
        process.kill()
        process.wait()
        kept, begun = stored(store), times(marks)
        assert len(kept) >= done
        known |= {row: begun[row] for row in kept - known.keys()}
    code, out, err = ended(started(slow))
    assert (code, err) == (0, "")
    rows = json.loads(out)["rows"]
    assert [(row["row"], row["makespan_s"]) for row in rows] == [(number, 3) for number in range(40)]
    assert len(known) >= 20
    assert known.items() <= times(marks).items()


@pytest.mark.dear
def test_two_processes_share_a_store(slow, marks):
    one, other = started(slow), started(slow)
    found = [ended(process) for process in (one, other)]
    assert [(code, err) for code, _, err in found] == [(0, ""), (0, "")]
    assert found[0][1] == found[1][1]
    assert times(marks) == dict.fromkeys(range(40), 1)


@pytest.mark.dear
def test_ctrl_c_keeps_what_is_done(slow, marks):
    store = slow.with_name("slow.sweep.db")
    process = started(slow)
    until(lambda: len(stored(store)) >= 5)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert (code, out) == (1, "")
    assert err == ("parsim: interrupted; what is done is in slow.sweep.db, and the same command goes on with it\n")
    assert not stored(store, "running")
    kept, begun = stored(store), times(marks)
    assert 5 <= len(kept) < 40
    assert ended(started(slow))[0] == 0
    assert all(times(marks)[row] == begun[row] for row in kept)
