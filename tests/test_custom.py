"""The schedule `custom`, and the CSV that `parsim schedule` writes."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_pipeline import play

import parsim
from parsim.core.op import action, ops_of
from parsim.core.orders import orders_of
from parsim.core.schema import Ask
from parsim.core.wrong_orders import wrong
from parsim.schedules import schedules

ROOT = Path(__file__).parents[1]
FILES = ROOT / "tests" / "data" / "pytorch_pipelining"
TIMES = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}


def scenario(orders, ranks=2, microbatches=2, **plan):
    plan = {"schedule": {"kind": "custom", "orders": orders}, "microbatches": microbatches, **plan}
    return {"cluster": {"devices": ranks}, "workload": TIMES, "plan": plan}


@pytest.mark.parametrize(
    ("name", "ranks", "makespan"),
    [
        ("zb1p_2rank_2stagep_compute", 2, 49),
        ("zb1p_2rank_2stagep_comms", 2, 49),
        ("gen_interleaved1f1b_4rank_2stagep_8mb_compute", 4, 57),
    ],
)
def test_pytorchs_own_files_take_the_unit_times_that_others_counted(name, ranks, makespan):
    found = parsim.simulate(scenario(str(FILES / f"{name}.csv"), ranks, 8))
    assert found.timeline.makespan_s == makespan


def test_a_file_lies_beside_the_scenario(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text("0F0,,0B0\n,1F0,1B0\n")
    lines = ["cluster: {devices: 2}", "workload: {kind: stages, forward: 1 s, input_grad: 1 s, weight_grad: 1 s}"]
    lines += ["plan: {schedule: {kind: custom, orders: orders.csv}, microbatches: 1}"]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path.parent)
    found = parsim.simulate(tmp_path / "a.yaml")
    assert found.timeline.makespan_s == 6
    assert parsim.simulate(found.job.values).timeline.makespan_s == 6  # its path is absolute there


def test_overlaps_and_stages_on_two_ranks():
    orders = [" ".join(map(str, row)) for row in schedules["dualpipe"](2, 4)]
    found = parsim.simulate(scenario(orders, microbatches=4)).timeline
    same = parsim.simulate(scenario(orders, microbatches=4), set={"plan.schedule": "dualpipe"}).timeline
    assert found.makespan_s == same.makespan_s == 12


WRONG = [
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1B0 1F1 1B1"], 1, "rank 1 runs 1B0 twice"),
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1F1"], 1, "rank 1 never runs 1B1, nor its halves 1I1 and 1W1"),
    (["0F0 0F1 0B0 0B1", "1F0 1I0 1F1 1B1"], 1, "rank 1 never runs 1W0"),
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1B1 1F1"], 1, "deadlock: rank 1 stops before 1B1, which needs 1F1"),
    (["0F0 0B0 0F1 0B1", "1F0 1F1 1B0 1B1"], 0, "deadlock: rank 0 stops before 0B0, which needs 1B0"),
    (["0F0 0F1 0B0 0B1", "1F0 1F1 1W0 1I0 1B1"], 1, "deadlock: rank 1 stops before 1W0, which needs 1I0"),
    (["0F0 (0F1;0B1)OVERLAP_F_B 0B0", "1F0 1F1 1B0 1B1"], 0, "deadlock: rank 0 stops before (0F1;0B1)OVERLAP_F_B"),
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1W0 1F1 1B1"], 1, "rank 1 runs 1W0 beside 1B0; B is I and W in one"),
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1F1 1B1 0F0"], 1, "rank 1 runs 0F0, which rank 0 runs, too"),
    (["0F0 0F1 0B0 0B1", "1F0 1B0 1F2 1B2"], 1, "rank 1 runs 1F2; there are 2 stages and 2 microbatches"),
    (["0F0 0F1 0B0 0B1", "2F0 2B0 2F1 2B1"], 0, "no rank runs stage 1: nobody runs 1F0"),
    (["0F0 0F1 0B0 0B1", "1F0 1X0"], 1, "rank 1: '1X0' is not an action such as 2F0"),
    (["0F0 0F1 0B0 0B1", "1SEND_F0"], 1, "rank 1 has no action"),
]


@pytest.mark.parametrize(("orders", "rank", "why"), WRONG)
def test_wrong_orders_name_rank_and_action(orders, rank, why, tmp_path):
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario(orders))
    first = refused.value.faults[0]
    assert (first.path, why in first.message) == (f"plan.schedule.orders[{rank}]", True), first
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(order.replace(" ", ",") for order in orders))
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario(str(file)))
    first = refused.value.faults[0]
    assert (first.file, first.line, why in first.message) == (str(file), rank + 1, True), first
    named = re.search(r"(?:runs|before) (\S+)( twice|;|,| beside)", first.message)
    if named:  # the column is that of the action, where it is there
        line = file.read_text().split("\n")[rank]
        assert line[first.column - 1 :].startswith(named[1].rstrip(";,")) or "never" in why or "no rank" in why


@pytest.mark.parametrize(
    ("orders", "set", "path", "why"),
    [
        (["0F0 0B0"], {}, "plan.schedule.orders", "the orders are those of 1 ranks, and the pipeline has 2"),
        (["0F0 0B0", "1F0 1B0"], {}, "plan.microbatches", "those of 1 microbatches; use microbatches: 1"),
        ("nowhere.csv", {}, "plan.schedule.orders", "no such file"),
        (["0F0 0B0", "1F0 1B0"], {"plan.chunks": 2, "plan.microbatches": 1}, "plan.schedule.orders[0]", "stage 2"),
        ([], {}, "plan.schedule.orders", "the orders are those of 0 ranks"),
        (["999999999F0 0B0", "1F0"], {}, "plan.microbatches", "those of 1 microbatches"),
        (["999999999F1 0B0", "1F0"], {}, "plan.schedule.orders[0]", "rank 0 never runs 0F0"),
        (["0F0 0B999999999", "1F0"], {}, "plan.schedule.orders[0]", "rank 0 runs 0B999999999"),
    ],
)
def test_orders_of_another_shape_are_refused(orders, set, path, why):
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario(orders), set=set)
    assert (refused.value.faults[0].path, why in refused.value.faults[0].message) == (path, True)


@settings(derandomize=True, max_examples=60)
@given(st.data())
def test_what_is_found_wrong_is_what_another_player_cannot_play(data):
    """Orders with an action dropped, doubled, or moved: the first two are named, the last is a deadlock or plays."""
    name = data.draw(st.sampled_from(["gpipe", "1f1b", "interleaved-1f1b", "zb-v", "dualpipev", "dualpipe", "zb-h1"]))
    asked = Ask(name, schedules[name])
    ranks, microbatches = data.draw(st.sampled_from([(2, 4), (4, 8), (2, 6)]))
    orders = [[*row] for row in orders_of(asked, ranks, microbatches)]
    stages = 1 + max(op.stage for row in orders for op in ops_of(row))
    assert wrong(orders, stages, microbatches) == []
    row = orders[data.draw(st.integers(0, ranks - 1))]
    at = data.draw(st.integers(0, len(row) - 1))
    changed = row.pop(at)
    fate = data.draw(st.sampled_from(["dropped", "doubled", "moved"]))
    if fate != "dropped":
        row.insert(data.draw(st.integers(0, len(row))), changed)
    if fate == "doubled":
        row.insert(at, changed)
    found = wrong(orders, stages, microbatches)
    if fate != "moved":
        assert {one.action for one in found} & {str(op) for op in ops_of([changed])}
        return
    try:
        play(orders)
    except AssertionError:
        assert found
        assert all(one.message.startswith("deadlock: rank ") for one in found)
    else:
        assert found == []


SHAPES = {
    "1f1b": (4, 8, 1),
    "interleaved-1f1b": (2, 4, 3),
    "zb-v": (4, 5, 2),
    "dualpipev": (2, 5, 2),
    "gpipe": (1, 1, 1),
}


@pytest.mark.parametrize("name", SHAPES)
def test_csv_is_read_as_pytorch_reads_it_and_by_custom(name, command, tmp_path):
    """PyTorch's `_load_csv` takes each cell of `csv.reader`; 2.14.1 loads these files and adds its sends."""
    ranks, microbatches, chunks = SHAPES[name]
    shape = "--ranks", str(ranks), "--microbatches", str(microbatches), "--chunks", str(chunks)
    code, out, _ = command("schedule", name, *shape, "--csv")
    file = tmp_path / "orders.csv"
    file.write_text(out)
    with open(file, newline="") as lines:
        cells = [[action(cell) for cell in row] for row in csv.reader(lines)]
    asked = Ask(name, schedules[name])
    assert (code, cells) == (0, orders_of(asked, ranks, microbatches, chunks))
    custom = f"{{kind: custom, orders: {file}}}"
    assert command("schedule", custom, *shape) == command("schedule", name, *shape)


OTHERS = ROOT.parent / "shared" / "interchange"
SEND = re.compile(r"\d+(SEND|RECV)_[FB]\d+")


@pytest.mark.skipif(not OTHERS.exists(), reason="the files of others are not here")
@pytest.mark.parametrize("kind", ["compute", "comms"])
@pytest.mark.parametrize(
    "name", ["gen_interleaved1f1b_4rank_2stagep_8mb", "gen_loopedbfs_4rank_2stagep_8mb", "zb1p_2rank_2stagep"]
)
def test_files_of_pytorch_there_and_back(name, kind, command, tmp_path):
    """Read, written, and read again: the actions, the stages of each rank, and the unit times that others counted."""
    path = f"pytorch_pipelining/{name}_{kind}.csv"
    facts = json.loads((OTHERS / "expect.json").read_text(encoding="utf-8"))["facts"][path]["facts"]
    ranks, microbatches = facts["ranks"], facts["microbatches"]
    shape = "--ranks", str(ranks), "--microbatches", str(microbatches)
    code, out, _ = command("schedule", f"{{kind: custom, orders: {OTHERS / path}}}", *shape, "--csv")
    assert code == 0
    with open(OTHERS / path, newline="") as lines:
        given = [[cell for cell in row if cell and not SEND.fullmatch(cell)] for row in csv.reader(lines)]
    written = list(csv.reader(out.splitlines()))
    assert written == given
    letters = Counter(re.sub(r"\d", "", cell) for row in written for cell in row)
    assert letters == {kind: count for kind, count in facts["actions"].items() if "_" not in kind}
    assert [sorted({action(cell).stage for cell in row}) for row in written] == facts["stage_of_rank"]
    (tmp_path / "again.csv").write_text(out)
    assert command("schedule", f"{{kind: custom, orders: {tmp_path / 'again.csv'}}}", *shape, "--csv") == (0, out, "")
    played = parsim.simulate(scenario(str(tmp_path / "again.csv"), ranks, microbatches)).timeline
    assert played.makespan_s == facts["unit_time_makespan"]
    ends = {worker: end for end, worker in sorted(zip(played.end_s, played.worker, strict=True))}
    assert [ends[f"w{rank}"] for rank in range(ranks)] == facts["finish_per_rank"]


def test_pytorch_has_each_stage_on_one_rank(command):
    code, out, err = command("schedule", "dualpipe", "--ranks", "2", "--microbatches", "4", "--csv")
    assert (code, out) == (2, "")
    assert "--csv:0:0: csv: PyTorch has each stage on one rank, and dualpipe runs stage 0 on ranks 0 and 1" in err
