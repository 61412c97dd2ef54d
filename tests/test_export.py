"""What is written down: CSV and back, traces, text, files. Expected values are counted by hand."""

import csv
import io
import itertools
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

import parsim
from parsim.core.errors import RunError, ScenarioError
from parsim.core.quantities import seconds, size, unit_of
from parsim.core.timeline import CAUSES, COLUMNS, Idle
from parsim.export import files
from parsim.export.csv import from_rows, read_csv, write_csv
from parsim.export.prediction import MEASURE, STATED, overhead, side_by_side, verdict
from parsim.export.report import devices, ledger, report
from parsim.export.text import gantt, golden, short, ticks
from parsim.export.trace import layers, write_trace

# Scenario 01 of the contract: 1 MB an item over 10 MB/s, 1 s an item; subsets of 3 and of 2 items.
FIVE = [
    (0, "host>part0", "transfer", "w0", "host>w0", 0.0, 0.0, 0.3, 0.3, "start"),
    (1, "host>part1", "transfer", "w1", "host>w1", 0.0, 0.0, 0.2, 0.2, "start"),
    (1, "part1", "compute", "w1", "compute", 0.0, 0.2, 2.2, 2.0, "host>part1"),
    (0, "part0", "compute", "w0", "compute", 0.0, 0.3, 3.3, 3.0, "host>part0"),
]
HEADER = "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for"


@pytest.fixture
def five():
    return from_rows(FIVE, ["w0", "w1"])


def sheet(folder, *lines, header=HEADER):
    path = folder / "trace.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def faults(path, workers=0):
    with pytest.raises(ScenarioError) as caught:
        read_csv(path, workers)
    return [str(fault).replace(str(path), "F") for fault in caught.value.faults]


# --- csv ---


def test_csv_is_the_contracts_header_and_a_line_a_span(five):
    assert "".join(write_csv(five)).splitlines() == [
        HEADER,
        "0,host>part0,transfer,w0,host>w0,0.0,0.0,0.3,0.3,start",
        "1,host>part1,transfer,w1,host>w1,0.0,0.0,0.2,0.2,start",
        "1,part1,compute,w1,compute,0.0,0.2,2.2,2.0,host>part1",
        "0,part0,compute,w0,compute,0.0,0.3,3.3,3.0,host>part0",
    ]
    assert "".join(write_csv(five)).endswith("\n")
    assert "\r" not in "".join(write_csv(five))


def test_csv_holds_floats_unrounded_and_names_of_any_kind():
    third, name = 1 / 3, 'a,"b"'
    made = from_rows([(0, name, "compute", "w0", "compute", 0.0, third, 1e-300 + third, 5e-324, "")], ["w0"])
    (row,) = list(csv.reader(io.StringIO("".join(write_csv(made)))))[1:]
    assert row[1] == name
    assert float(row[6]) == third
    assert float(row[8]) == 5e-324


def test_csv_read_back_is_the_same(five, tmp_path):
    (tmp_path / "t.csv").write_text("".join(write_csv(five)))
    again = read_csv(tmp_path / "t.csv")
    assert again.rows() == five.rows()
    assert again.workers.table == ["w0", "w1", ""]
    assert again.makespan_s == 3.3


def test_rows_in_any_order_with_other_columns_and_line_ends_are_read(five, tmp_path):
    lines = ["colour," + HEADER, *(f"red,{line}" for line in reversed("".join(write_csv(five)).splitlines()[1:])), ""]
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert read_csv(tmp_path / "t.csv").rows() == five.rows()


def test_idleness_of_a_read_trace_is_fill_dependency_and_drain(tmp_path):
    path = sheet(
        tmp_path,
        "0,a,compute,w10,compute,0,1,2,1,",
        "1,b,compute,w10,compute,0,5,6,1,",
        "2,x>b,transfer,w10,x>w10,0,2,4,2,",
        "3,c,compute,w2,compute,0,0,8,8,",
    )
    made = read_csv(path, 3)
    assert made.workers.table == ["w2", "w10", "(no name 0)", ""]
    idle = [(w, s, e, CAUSES[c]) for w, s, e, c in zip(*(column.tolist() for column in made.idle), strict=True)]
    assert idle == [
        (1, 0.0, 1.0, "fill"),
        (1, 4.0, 5.0, "dependency"),
        (1, 6.0, 8.0, "drain"),
        (2, 0.0, 8.0, "drain"),
    ]


def test_idleness_covers_what_spans_do_not(five):
    busy = {"w0": 3.3, "w1": 2.2}
    for code, name in enumerate(("w0", "w1")):
        mine = five.idle.worker == code
        assert (five.idle.end_s - five.idle.start_s)[mine].sum() == pytest.approx(3.3 - busy[name])


def test_every_fault_of_a_trace_is_named_with_its_place(tmp_path):
    path = sheet(
        tmp_path,
        "0,a,compute,w0,compute,0,0,1,1,",
        "x,b,compute,w0,compute,0,nan,1,1,",
        '2,"c,d",,w0,compute,,2,3,-1,',
        "3,e,compute,w0,compute,0,1_0,inf,one,",
        "99999999999999999999,f,compute,w0,compute,0,0,1,1,",
        "5,g,compute,w0,compute,0,2,1,1,",
    )
    assert faults(path) == [
        "F:3:1: [1].number: 'x' is not a whole number of 0 or more",
        "F:3:26: [1].start_s: 'nan' is not a number of seconds, 0 or more",
        "F:4:9: [2].kind: is empty",
        "F:4:21: [2].ready_s: is empty",
        "F:4:26: [2].nominal_s: '-1' is not a number of seconds, 0 or more",
        "F:5:26: [3].start_s: '1_0' is not a number of seconds, 0 or more",
        "F:5:30: [3].end_s: 'inf' is not a number of seconds, 0 or more",
        "F:5:34: [3].nominal_s: 'one' is not a number of seconds, 0 or more",
        "F:6:1: [4].number: '99999999999999999999' is not a whole number of 0 or more",
        "F:7:28: [5].end_s: 1.0 is before its start, 2.0",
    ]


def test_a_span_that_ends_before_it_starts_is_a_fault(tmp_path):
    path = sheet(tmp_path, "0,a,compute,w0,compute,0,2,1,1,")
    assert faults(path) == ["F:2:28: [0].end_s: 1.0 is before its start, 2.0"]


def test_missing_and_doubled_columns_and_short_lines_are_faults(tmp_path):
    path = sheet(tmp_path, "a,b", header="number,number")
    expected = [f"F:1:1: {name}: the column is missing" for name in COLUMNS if name != "number"]
    assert faults(path) == [*expected, "F:1:1: number: the column occurs twice"]
    assert faults(sheet(tmp_path, "0,a")) == ["F:2:1: [0]: the line has 2 fields, the header 10"]


def test_files_that_are_no_csv_are_faults(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"")
    assert faults(path) == ["F:1:1: csv: the file is empty"]
    path.write_bytes(b"a\n\xff\n")
    assert faults(path) == ["F:2:1: csv: is not text in UTF-8"]
    path.write_bytes(b'a,b\n1,"2\n')
    assert faults(path) == ["F:2:1: csv: unexpected end of data"]
    assert faults(tmp_path / "none.csv") == ["F:0:0: TIMELINE: cannot be read: No such file or directory"]


def test_fewer_workers_than_named_are_a_fault(five, tmp_path):
    path = sheet(tmp_path, *"".join(write_csv(five)).splitlines()[1:])
    assert faults(path, 1) == [
        "--workers:0:0: workers: 1 is too few: the file names 2 workers; write at least that number"
    ]


def test_a_trace_without_spans_is_read(tmp_path):
    assert len(read_csv(sheet(tmp_path))) == 0


# --- trace ---


def test_trace_has_a_process_a_device_and_a_thread_a_lane(five):
    events = json.loads("".join(write_trace(five)))["traceEvents"]
    named = [event["args"]["name"] for event in events if event["name"] in ("process_name", "thread_name")]
    assert named == ["host", "w0", "w1", "w0", "host>w0", "w1", "host>w1"]
    spans = {event["name"]: event for event in events if event["ph"] == "X"}
    part = spans["part0"]
    assert (part["cat"], part["ts"], part["dur"]) == ("compute", 300000.0, 3000000.0)
    assert part["args"] == {"number": 0, "ready_s": 0.0, "nominal_s": 3.0, "waited_for": "host>part0"}
    assert spans["host>part0"]["pid"] == part["pid"] != spans["part1"]["pid"]
    assert spans["host>part0"]["tid"] != part["tid"]


def test_slots_are_threads_of_one_process_and_steps_are_the_hosts():
    rows = [
        (0, "a", "compute", "w0.0", "compute", 0.0, 0.0, 1.0, 1.0, ""),
        (1, "b", "compute", "w0.1", "compute", 0.0, 0.0, 1.0, 1.0, ""),
        (2, "merge", "merge", "", "host", 1.0, 1.0, 2.0, 1.0, "a"),
    ]
    slots = {"w0.0": "w0", "w0.1": "w0"}
    events = json.loads("".join(write_trace(from_rows(rows, list(slots)), slots)))["traceEvents"]
    spans = {event["name"]: event for event in events if event["ph"] == "X"}
    assert spans["a"]["pid"] == spans["b"]["pid"]
    assert spans["a"]["tid"] != spans["b"]["tid"]
    assert spans["merge"]["pid"] == 0


def test_devices_whose_names_look_like_slots_are_processes_of_their_own():
    rows = [(i, f"t{i}", "compute", f"gpu.{i}", "compute", 0.0, 0.0, 1.0, 1.0, "") for i in (0, 1)]
    events = json.loads("".join(write_trace(from_rows(rows, ["gpu.0", "gpu.1"]))))["traceEvents"]
    assert [e["args"]["name"] for e in events if e["name"] == "process_name"] == ["host", "gpu.0", "gpu.1"]
    assert len({event["pid"] for event in events if event["ph"] == "X"}) == 2


@pytest.mark.parametrize(
    ("wanted", "processes"),
    [("[{name: gpu.0}, {name: gpu.1}]", ["host", "gpu.0", "gpu.1"]), ("[{name: gpu, slots: 2}]", ["host", "gpu"])],
)
def test_a_saved_run_has_a_process_a_device(wanted, processes, tmp_path):
    work = {"kind": "items", "data": [1, 2], "kernel": "double", "merge": "sum"}
    scenario = {
        "cluster": {"devices": yaml.safe_load(wanted)},
        "workload": work,
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    parsim.simulate(scenario).save(tmp_path)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["args"]["name"] for e in events if e["name"] == "process_name"] == processes


def test_events_of_one_thread_never_overlap():
    draw = np.random.default_rng(0)
    starts = draw.integers(0, 50, 300) / 10
    rows = [
        (i, f"t{i}", "transfer", f"w{i % 2}", "way", 0.0, s, s + draw.integers(0, 20) / 10, 1.0, "")
        for i, s in enumerate(starts.tolist())
    ]
    ends = {}
    for event in json.loads("".join(write_trace(from_rows(rows, ["w0", "w1"]))))["traceEvents"]:
        if event["ph"] == "X":
            assert event["ts"] >= ends.get(event["tid"], 0.0) - 1e-3
            ends[event["tid"]] = event["ts"] + event["dur"]
    assert len(ends) > 2


def test_layers_are_as_few_as_travel_at_once():
    start, end = np.array([0.0, 0.0, 1.0, 2.0]), np.array([2.0, 1.0, 3.0, 4.0])
    assert layers(start, end).tolist() == [0, 1, 1, 0]


# --- text ---


def test_gantt_draws_what_filled_most_of_each_cell(five):
    # 33 cells of 0.1 s.
    assert gantt(five, 40).splitlines() == [
        "w0   |---000000000000000000000000000000|",
        "w1   |--11111111111111111111...........|",
        "      +---------+---------+---------+--",
        "   s  0         1         2         3",
        "0-9 a-z A-Z task by number   - transfer",
        ". idle",
    ]


def test_gantt_draws_the_host_and_pipelines_by_microbatch():
    rows = [
        (0, "0F0", "forward", "w0", "compute", 0.0, 0.0, 1.0, 1.0, ""),
        (1, "0F12", "forward", "w0", "compute", 0.0, 1.0, 2.0, 1.0, ""),
        (2, "0B0", "backward", "w0", "compute", 0.0, 2.0, 4.0, 2.0, ""),
        (3, "merge", "merge", "", "host", 4.0, 4.0, 5.0, 1.0, ""),
    ]
    lines = gantt(from_rows(rows, ["w0"]), 27).splitlines()
    assert lines[:2] == ["host |                mmmm|", "w0   |00002222aaaaaaaa....|"]
    assert "m merge" in "\n".join(lines)


@pytest.mark.parametrize(
    ("workers", "heads"),
    [
        (16, [f"w{i}" for i in range(16)]),
        (17, [f"w{i}" for i in range(17)]),  # a line that hides one worker would save none
        (18, [*(f"w{i}" for i in range(8)), "...", *(f"w{i}" for i in range(10, 18))]),
        (64, [*(f"w{i}" for i in range(8)), "...", *(f"w{i}" for i in range(56, 64))]),
    ],
)
def test_of_many_workers_the_first_and_the_last_are_drawn(workers, heads):
    lines = gantt(from_rows(FIVE, [f"w{i}" for i in range(workers)])).splitlines()
    assert [line.split()[0] for line in lines[: len(heads)]] == heads
    if "..." in heads:
        assert lines[8] == f"... {workers - 16} more"
    assert "not shown" not in "\n".join(lines)


def test_tasks_too_short_for_a_cell_are_drawn_where_they_start():
    # 100 cells of 10 us: w0 computes 2 us in cell 30; w1 three tasks of 2 us in cell 50, at most one cell off.
    starts = [("w0", 302), ("w1", 501), ("w1", 504), ("w1", 507)]
    rows = [
        (i, f"t{i}", "compute", worker, "compute", 0.0, at * 1e-6, (at + 2) * 1e-6, 2e-6, "")
        for i, (worker, at) in enumerate(starts)
    ]
    rows.append((9, "in>out", "transfer", "w2", "way", 0.0, 0.0, 1e-3, 1e-3, ""))
    lines = gantt(from_rows(rows, ["w0", "w1", "w2"]), 107).splitlines()
    assert lines[0] == f"w0   |{'.' * 30}0{'.' * 69}|"
    assert lines[1] == f"w1   |{'.' * 49}123{'.' * 48}|"


def test_a_short_task_takes_a_cell_that_a_long_one_can_spare():
    # 20 cells of 1 s: t1 takes 0.2 s inside of cell 10, between t0 and t2.
    rows = [
        (0, "t0", "compute", "w0", "compute", 0.0, 0.0, 10.3, 10.3, ""),
        (1, "t1", "compute", "w0", "compute", 0.0, 10.3, 10.45, 0.15, "t0"),
        (2, "t2", "compute", "w0", "compute", 0.0, 10.45, 20.0, 9.55, "t1"),
    ]
    assert gantt(from_rows(rows, ["w0"]), 27).splitlines()[0] == "w0   |00000000001222222222|"


def test_short_tasks_of_a_crowd_are_drawn_in_the_cells_where_they_start():
    # 50 cells of 1 s; 60 forwards of 1 ms in cell 5, an optimizer of 1 ms in cell 40.
    rows = [
        (i, f"0F{i}", "forward", "w0", "compute", 0.0, t, t + 1e-3, 1e-3, "")
        for i, t in enumerate(5 + np.arange(60) / 100)
    ]
    rows += [
        (60, "0O0", "optimizer", "w0", "compute", 0.0, 40.5, 40.501, 1e-3, ""),
        (61, "end", "merge", "", "host", 50.0, 50.0, 50.0, 0.0, ""),
    ]
    lines = gantt(from_rows(rows, ["w0"]), 57).splitlines()
    assert lines[1] == f"w0   |{'.' * 5}f{'.' * 34}o{'.' * 9}|"


def test_the_legend_lists_only_what_is_drawn():
    # 50 cells of 20 ms: the transfer of 1 us fills none, the split is overdrawn by the create that follows it.
    rows = [
        (0, "split", "split", "", "host", 0.0, 0.0, 1e-6, 1e-6, ""),
        (1, "create", "create", "", "host", 0.0, 1e-6, 2e-6, 1e-6, "split"),
        (2, "in>t", "transfer", "w0", "way", 0.0, 2e-6, 3e-6, 1e-6, "create"),
        (2, "t", "compute", "w0", "compute", 0.0, 3e-6, 1.0, 1.0, "in>t"),
    ]
    lines = gantt(from_rows(rows, ["w0"]), 57).splitlines()
    assert lines[-1] == "0-9 a-z A-Z task by number   c create"


@pytest.mark.parametrize("width", [12, 14, 20])
def test_long_names_stay_apart_when_cut(width):
    names = [f"cluster-node-number-{i:04}" for i in range(1, 4)]
    cut = [short(name, width) for name in names]
    assert len(set(cut)) == 3
    assert {len(name) for name in cut} == {width}
    assert all(name.startswith("clus") and ".." in name for name in cut)


@pytest.mark.parametrize("workers", [1, 3, 16, 70])
@pytest.mark.parametrize("scale", [1e-9, 3e-5, 1.0, 777.0, 1e6])
def test_nothing_is_wider_than_asked(workers, scale):
    names = [f"a_worker_with_a_long_name_{i}" for i in range(workers)]
    rows = [
        (i, f"t{i}", ("forward", "weight_grad", "compute")[i % 3], names[i % workers], "compute", 0.0, 0.0, t, t, "")
        for i, t in enumerate((np.arange(1, 200) * scale).tolist())
    ]
    made = from_rows(rows, names)
    for width in (60, 100):
        assert max(map(len, gantt(made, width).splitlines())) <= width


def test_crowded_lanes_are_drawn_by_kind():
    kinds = ("forward", "backward")
    rows = [(i, f"0F{i}", kinds[i >= 500], "w0", "compute", 0.0, i * 1.0, i + 1.0, 1.0, "") for i in range(1000)]
    line = gantt(from_rows(rows, ["w0"]), 57).splitlines()[0]
    assert line == "w0   |" + "f" * 25 + "b" * 25 + "|"


def test_nothing_happened_is_said():
    assert gantt(from_rows([], ["w0"])) == "(no time passed)"


def test_golden_is_exact_and_aligned(five):
    assert golden(five).splitlines() == [
        "number  task        kind      worker  lane     ready_s  start_s  end_s  nominal_s  waited_for",
        "0       host>part0  transfer  w0      host>w0  0.0      0.0      0.3    0.3        start",
        "1       host>part1  transfer  w1      host>w1  0.0      0.0      0.2    0.2        start",
        "1       part1       compute   w1      compute  0.0      0.2      2.2    2.0        host>part1",
        "0       part0       compute   w0      compute  0.0      0.3      3.3    3.0        host>part0",
        "",
        "idle  start_s  end_s  cause",
        "w1    2.2      3.3    drain",
    ]


def test_golden_does_not_depend_on_the_order_of_idle_intervals():
    made = from_rows(FIVE, ["w0", "w1", "w2"])
    turned = replace(made, idle=Idle(*(column[::-1] for column in made.idle)))
    assert golden(turned) == golden(made)


@pytest.mark.parametrize(
    ("span", "most", "places"),
    [
        (3.3, 4, [0, 1, 2, 3]),
        (10.0, 5, [0, 2, 4, 6, 8, 10]),
        (0.05, 5, [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        (1.0, 1, [0, 1]),
    ],
)
def test_ticks_are_round(span, most, places):
    assert ticks(span, most).tolist() == pytest.approx(places)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.3, "3.3 s"),
        (0.25, "250 ms"),
        (5e-6, "5 us"),
        (2e-9, "2 ns"),
        (0, "0 s"),
        (300, "300 s"),
        (5400, "90 min"),
        (7200, "2 h"),
    ],
)
def test_seconds_are_written_as_people_read_them(value, text):
    assert seconds(value) == text
    assert unit_of(value).name == text.split()[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(13e6, "13 MB"), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (2.5e9, "2.5 GB"), (3e18, "3000 PB")],
)
def test_bytes_are_written_as_people_read_them(value, text):
    assert size(value) == text


# --- report ---


def facts(devices=2, result=30):
    idle = dict.fromkeys(CAUSES, 0.0) | {"drain": 0.55}
    device = {
        "stands_for": 1,
        "compute_s": 3.0,
        "transfer_s": 0.3,
        "idle_s": 0.0,
        "utilisation": 0.909,
        "peak_memory_bytes": 13e6,
    }
    return {
        "scenario": "01_five_tasks_data", "clock": "simulated", "seed": 0, "makespan_s": 3.3, "workers": 2, "tasks": 2,
        "theory": {"n": 5, "p": 2, "t_s": 1.0, "t_c": 0.1, "t_total_s": 2.75},
        "ledger": {"t_total_s": 2.75, "deviation_s": 0.0, "idle_s": 0.55, "contention_s": 0.0, "hidden_s": 0.0,
                   "idle": idle},
        "result": result, "devices": [{"name": f"w{i}", **device} for i in range(devices)], "training": None,
    }  # fmt: skip


def test_report_says_what_happened_in_the_order_of_reading(five):
    text = report(facts(), five, ["1 split: 0 s", "2 " + "long " * 40])
    titles = [line for line in text.splitlines() if line and not line.startswith((" ", "="))]
    assert titles == [
        "01_five_tasks_data: 3.3 s simulated",
        "2 workers, 2 tasks, theory T_total 2.75 s, seed 0",
        "Timeline",
        "Steps",
        "Where the time went, mean of the workers",
        "Devices",
        "Result",
    ]
    assert "  T_total     2.75 s  N/P (T_s + T_c) = 5/2 x (1 s + 100 ms)" in text
    assert "      drain   0.55    after its last task" in text
    assert "w0      3 s    300 ms   0 s        13 MB  ##################..  90.9 %" in text
    assert max(map(len, text.splitlines())) <= 100


def test_report_stays_narrow_with_many_devices_and_a_large_result(five):
    text = report(facts(100, list(range(10000))), five, [])
    assert max(map(len, text.splitlines())) <= 100
    assert [line.split()[0] for line in devices(facts(100)["devices"])[8:11]] == ["w7", "...", "w92"]
    assert devices(facts(100)["devices"])[9] == "... 84 more"
    assert "..." in text
    assert "Steps" not in text


def test_the_ledger_is_aligned_whatever_the_causes():
    made = facts()
    made["ledger"]["idle"] |= {"dependency": 1.5, "overhead": 0.25}
    lines = ledger(made)
    points = {line.index(".") for line in lines}  # "T_s" and the like come behind the numbers
    assert len(points) == 1
    words = {line.index(word) for line, word in zip(lines, ("N/P", "work", "+ idle"), strict=False)} - {0}
    assert {line.index("waiting") for line in lines if "waiting" in line} | {lines[3].index("hand-over")} == words


def test_dust_of_rounding_is_no_time():
    one, two = facts(), facts()
    one["ledger"]["contention_s"] = -1.11022e-16
    two["ledger"]["hidden_s"] = 3e-9  # less than 1e-9 of 3.3 s
    two["ledger"]["deviation_s"] = 4e-9
    lines = {line.split()[0]: line.split()[1:] for line in side_by_side(one, two)}
    assert lines["contention"] == ["0", "s", "0", "s"]
    assert lines["hidden"] == ["0", "s", "0", "s"]
    assert lines["deviation"] == ["0", "s", "4", "ns"]
    one["devices"][0]["idle_s"] = 1e-16
    assert devices(one["devices"])[1].split()[5:7] == ["0", "s"]


def test_a_prediction_that_is_off_names_what_it_missed():
    one, two = facts(), facts()
    two["makespan_s"] = one["makespan_s"] + 0.5
    two["ledger"]["idle_s"] += 0.1
    two["ledger"]["idle"]["overhead"] = 0.1
    two["ledger"]["deviation_s"] += 0.4
    first, second, *rest = verdict(one, two, profiled=True)
    off = 0.5 / two["makespan_s"]
    assert first.startswith(
        f"The makespan was predicted {off:.1%} too short; the largest error is in one term: 400 ms more deviation"
    )
    assert overhead(two) == pytest.approx(0.1 * two["workers"] / two["tasks"])
    assert (second.split("; ")[1], rest) == ("predicted: 0 s.", [])
    stated, _, none, *measure = verdict(one, two, profiled=False)
    assert stated == f"The makespan was predicted {off:.1%} too short; {STATED}."
    assert (none.startswith("Without a profile"), tuple(measure)) == (True, MEASURE)


def test_a_hand_over_that_was_foreseen_is_no_part_of_t_s_and_no_surprise():
    one, two = facts(), facts()
    handed, tasks, workers = 0.05, one["tasks"], one["workers"]
    one["devices"][0]["compute_s"] += handed * tasks  # the prediction holds it as computing, the replay as idleness
    two["ledger"]["idle"]["overhead"] = handed * tasks / workers
    two["ledger"]["deviation_s"] -= handed * tasks / workers
    two["makespan_s"] = one["makespan_s"] + 1.0
    two["ledger"]["contention_s"] += 1.0
    row = next(line for line in side_by_side(one, two, handed) if line.startswith("T_s"))
    assert row.endswith("+0.0%")
    first, second, third = verdict(one, two, profiled=True, handed=handed)
    assert third.startswith("T_s above excludes it")
    assert "1 s more contention than predicted" in first
    assert second.endswith("predicted: 50 ms.")


def test_times_of_few_figures_have_no_exponent():
    assert seconds(0.00119995, 4) == "1.2 ms"
    assert seconds(3.6e8, 4) == "100000 h"
    assert seconds(3.6e8 + 1, 4) == "100000 h"


def test_report_of_training_and_of_folded_devices(five):
    made = facts(result=None)
    made["devices"][0]["stands_for"] = 64
    made["training"] = {
        "iteration_s": 3.3,
        "mfu": 0.4,
        "hfu": 0.5,
        "samples_per_s": 12.0,
        "bubble_of_ideal": 0.1,
        "bubble_of_whole": 0.09,
    }
    text = report(made, five, [])
    assert "stands for" in text
    assert "one iteration               3.3 s" in text
    assert "samples per second          12" in text
    assert "none: no kernel ran" in text


# --- files ---


def test_files_are_written_and_replaced_whole(tmp_path):
    folder = files.prepare(tmp_path / "a" / "b")
    (folder / "other").write_text("stays")
    files.write(folder, files.ready({"x.json": "{}", "y.png": b"\x89"}))
    files.write(folder, files.ready({"x.json": "[ü]"}))
    assert (folder / "x.json").read_bytes() == "[ü]".encode()
    assert sorted(os.listdir(folder)) == ["other", "x.json", "y.png"]


def test_a_folder_that_cannot_be_is_a_fault_before_the_clock_starts(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ScenarioError) as caught:
        files.prepare(tmp_path / "file")
    (fault,) = caught.value.faults
    assert fault[:4] == ("--out", 0, 0, "out")
    assert str(tmp_path / "file") in fault.message
    with pytest.raises(ScenarioError):
        files.prepare(tmp_path / "file" / "below")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("old")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(RunError, match="No space left"):
        files.write(tmp_path, {"x": lambda: "new"})
    assert (tmp_path / "x").read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_the_letters_of_training_are_its_microbatches_in_every_iteration():
    raw = {
        "cluster": {"devices": 1, "topology": {"kind": "full", "bandwidth": "1 TB/s"}},
        "workload": {"kind": "mlp", "widths": [4, 3], "batch": 6, "iterations": 2},
        "plan": {"split": "layers", "microbatches": 3},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    lane = next(line for line in parsim.simulate(raw).report().splitlines() if line.startswith("  w0 "))
    cells = [letter for letter, _ in itertools.groupby(lane.partition("|")[2].rstrip("|"))]
    assert "".join(cells) == 2 * "0a1b2c#"  # 1F1B on one rank: F0 B0 F1 B1 F2 B2, then the update


@pytest.mark.parametrize(
    ("schedule", "letters"),
    [
        ("1f1b", {"forward": "0123", "backward": "abcd"}),
        ("zb-v", {"forward": "0123", "input_grad": "abcd", "weight_grad": "ABCD"}),
        (
            "dualpipev",
            {"forward": "0123", "backward": "klmn", "input_grad": "abcd", "weight_grad": "ABCD", "overlap": "KLMN"},
        ),
    ],
)
def test_letters_tell_backward_from_its_halves_and_from_overlaps(schedule, letters):
    """Four microbatches of digits 0 to 3; an overlap has the digit of its forward."""
    run = parsim.simulate(
        {
            "cluster": {"devices": 2},
            "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"},
            "plan": {"schedule": schedule, "microbatches": 4},
        }
    )
    assert set(run.timeline.kind.tolist()) == letters.keys()
    drawn = gantt(run.timeline)
    rows = "".join(line.partition("|")[2] for line in drawn.splitlines()[:2])
    assert set(rows) - set(".| ") <= set("".join(letters.values()))
    assert all(set(alphabet) & set(rows) for alphabet in letters.values())
    for kind, alphabet in letters.items():
        said = "forward and backward at once" if kind == "overlap" else kind
        assert re.search(rf"\b{alphabet}\w{{6}} {said}", drawn)
    assert ("of both the forward" in drawn) == ("overlap" in letters)
