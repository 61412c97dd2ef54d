"""Every scenario against a count made by hand or a closed form, and against its golden timeline.

The counts below were made before anything was played; the golden files were written after they agreed, and repeat them
in their first line. `pytest --force-regen` writes the golden files anew.
"""

import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import parsim
from parsim.core.scenario import settings
from parsim.export.text import golden

FOLDER = Path(__file__).parents[1] / "scenarios"
GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

CONFIRMED = {
    "01_five_tasks_data": "3.3 s by hand: the larger subset has three items, 3 x (1 MB / 10 MB/s + 1 s)",
    "02_five_tasks_layers": "4.5 s by hand: w0 runs three sub-tasks, 3 x (5 MB / 10 MB/s + 1 s)",
    "03_five_tasks_chain": "5.5 s by closed form: nobody waits, T_total = 10/2 x (1 s + 1 MB / 10 MB/s)",
    "04_quantisation": "3 s by closed form: ceil(10 / 4) x 1 s",
    "05_heft_ten_tasks": "80 s as published: Topcuoglu, Hariri, Wu, TPDS 13(3) 2002, figure 3(a)",
    "06_pipeline_1f1b": "33 ms by closed form: (m + p - 1)(F + B) = (8 + 4 - 1) x (1 ms + 2 ms)",
    "07_four_transfers_one_link": "10 s by closed form: all bytes through one link, (1 + 2 + 3 + 4) GB / (1 GB/s)",
}
MAKESPAN = {
    "01_five_tasks_data": 3.3,
    "02_five_tasks_layers": 4.5,
    "03_five_tasks_chain": 5.5,
    "04_quantisation": 3.0,
    "05_heft_ten_tasks": 80.0,
    "06_pipeline_1f1b": 0.033,
    "07_four_transfers_one_link": 10.0,
}
T_TOTAL = {
    "01_five_tasks_data": 5 / 2 * (1 + 0.1),
    "02_five_tasks_layers": 5 / 2 * (1 + 0.5),
    "03_five_tasks_chain": 10 / 2 * (1 + 0.1),
    "04_quantisation": 10 / 4 * 1,
    "05_heft_ten_tasks": 10 / 3 * (400 / 30 + 241 / 10),  # 30 times that add up to 400 s, 15 edges to 241 s
    "06_pipeline_1f1b": 64 / 4 * 0.0015,
    "07_four_transfers_one_link": 4 / 5 * (1 + 2 + 3 + 4) / 4,
}
RESULT = {"01_five_tasks_data": 30, "02_five_tasks_layers": 30, "03_five_tasks_chain": 60}


@cache
def played(name):
    return parsim.simulate(FOLDER / f"{name}.yaml")


def spans(name):
    """Return {task: (worker, start, end)}; a name stands for one span in each of these timelines."""
    line = played(name).timeline
    rows = zip(line.task.tolist(), line.worker.tolist(), line.start_s.tolist(), line.end_s.tolist(), strict=True)
    return {task: (worker, start, end) for task, worker, start, end in rows}


def same(found, expected):
    """Compare spans: workers to the letter, times to 1e-12."""
    assert found.keys() == expected.keys()
    for task, (worker, start, end) in expected.items():
        assert found[task][0] == worker, task
        assert found[task][1:] == pytest.approx((start, end), rel=1e-12, abs=1e-15), task


def idle_of(name):
    """Return {cause: mean seconds}, without the causes that took no time."""
    return {cause: spent for cause, spent in played(name).ledger.idle.items() if spent > 1e-12}


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, file_regression):
    text = f"{CONFIRMED[name]}\n\n{golden(played(name).timeline)}"
    file_regression.check(text, fullpath=GOLDEN / f"{name}.txt")


@pytest.mark.parametrize("name", NAMES)
def test_makespan_theory_and_result_are_those_counted_by_hand(name):
    facts = played(name).to_dict()
    assert facts["makespan_s"] == pytest.approx(MAKESPAN[name], rel=1e-12)
    assert facts["theory"]["t_total_s"] == pytest.approx(T_TOTAL[name], rel=1e-12)
    assert facts["result"] == RESULT.get(name)


@pytest.mark.parametrize("name", NAMES)
def test_ledger_adds_up(name):
    book = played(name).ledger
    assert abs(book.difference_s()) <= 1e-9 * max(book.makespan_s, book.t_total_s)


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_and_counts_cover_every_scenario(name):
    assert name in CONFIRMED
    assert name in MAKESPAN
    assert name in T_TOTAL
    assert (GOLDEN / f"{name}.txt").exists()


def test_no_golden_file_is_left_over():
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


def opening(name):
    """Return the comment that a scenario opens with."""
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return lines[: next(index for index, line in enumerate(lines) if not line.startswith("#"))]


@pytest.mark.parametrize("name", NAMES)
def test_opens_with_what_it_shows_and_what_to_try(name):
    lines = opening(name)
    assert 4 <= len([line for line in lines if line != "#"]) <= 6
    assert any(line.startswith("# Try: ") for line in lines)


def tries():
    """Find the `--set PATH=VALUE` groups of the openings: those without a word between them belong together."""
    option = r"--set (?:'[^']*'|[^\s'=]+='[^']*'|[^\s',]*[^\s',.])"
    for name in NAMES:
        text = " ".join(line.lstrip("# ") for line in opening(name))
        for group in re.findall(rf"{option}(?: {option})*", text):
            yield pytest.param(name, [word for word in shlex.split(group) if word != "--set"], id=f"{name} {group}")


@pytest.mark.parametrize(("name", "pairs"), list(tries()))
def test_what_an_opening_says_to_try_can_be_tried(name, pairs):
    changed = parsim.simulate(FOLDER / f"{name}.yaml", set=settings(pairs))
    assert changed.to_dict() != played(name).to_dict()
    assert abs(changed.ledger.difference_s()) <= 1e-9 * max(changed.timeline.makespan_s, changed.ledger.t_total_s)


def test_figures_that_the_openings_state():
    prefetched = parsim.simulate(FOLDER / "02_five_tasks_layers.yaml", set={"plan.prefetch": 1})
    # Two inputs share w0's link: both there at 1 s; computing 1-2 and 2-3; the third travels 2-2.5, computes 3-4.
    assert prefetched.timeline.makespan_s == pytest.approx(4.0)
    divided = parsim.simulate(FOLDER / "04_quantisation.yaml", set={"workload.count": 12, "plan.subsets": 12})
    assert divided.ledger.idle_s == 0.0


# -- the counts, span by span


def test_01_data():
    same(
        spans("01_five_tasks_data"),
        {
            "host>part0": ("w0", 0, 0.3),  # 3 items, 3 MB at 10 MB/s
            "part0": ("w0", 0.3, 3.3),
            "host>part1": ("w1", 0, 0.2),
            "part1": ("w1", 0.2, 2.2),
        },
    )
    assert idle_of("01_five_tasks_data") == pytest.approx({"drain": 0.55})  # (0 + 1.1) / 2


def test_02_layers():
    expected = {}
    for element in range(5):  # fifo deals them to w0, w1, w0, w1, w0 in rounds of 0.5 s + 1 s
        worker, start = f"w{element % 2}", 1.5 * (element // 2)
        expected[f"host>element{element}"] = (worker, start, start + 0.5)
        expected[f"element{element}"] = (worker, start + 0.5, start + 1.5)
    same(spans("02_five_tasks_layers"), expected)
    assert idle_of("02_five_tasks_layers") == pytest.approx({"drain": 0.75})  # (0 + 1.5) / 2


def test_02_is_another_graph_than_01():
    """5 items of 1 MB, 10 MB of weights: what each worker holds and what moves, from these sizes alone."""
    data, layers = played("01_five_tasks_data"), played("02_five_tasks_layers")
    assert [len(run.job.graph) for run in (data, layers)] == [2, 5]
    moved = [float(np.sum((line := run.timeline).end_s[line.transfers] - line.start_s[line.transfers])) * 1e7
             for run in (data, layers)]  # B, at 10 MB/s and never sharing  # fmt: skip
    assert moved == pytest.approx([5e6, 5 * 5e6])
    peaks = [[device["peak_memory_bytes"] for device in run.metrics["devices"]] for run in (data, layers)]
    inputs = [[3e6, 2e6], [5e6, 5e6]]  # a subset of the items; the whole input
    parameters = [[peak - held for peak, held in zip(*pair, strict=True)] for pair in zip(peaks, inputs, strict=True)]
    assert parameters == [[10e6, 10e6], [3 * 2e6, 2 * 2e6]]  # the whole model; a fifth per sub-task


def test_03_chain():
    """Rounds of 0.1 s + 1 s: fifo takes item2 and item3 before the second layer of item0, which was ready later."""
    rounds = [
        ("host>item0.0", "host>item1.0"),
        ("host>item2.0", "host>item3.0"),
        ("host>item4.0", "item0.0>item0.1"),
        ("item1.0>item1.1", "item2.0>item2.1"),
        ("item3.0>item3.1", "item4.0>item4.1"),
    ]
    expected = {}
    for turn, pair in enumerate(rounds):
        for worker, transfer in zip(("w0", "w1"), pair, strict=True):
            expected[transfer] = (worker, 1.1 * turn, 1.1 * turn + 0.1)
            expected[transfer.partition(">")[2]] = (worker, 1.1 * turn + 0.1, 1.1 * turn + 1.1)
    same(spans("03_five_tasks_chain"), expected)
    assert idle_of("03_five_tasks_chain") == {}


def test_04_quantisation():
    same(spans("04_quantisation"), {f"part{i}": (f"w{i % 4}", i // 4, i // 4 + 1) for i in range(10)})
    assert idle_of("04_quantisation") == pytest.approx({"drain": 0.5})  # (0 + 0 + 1 + 1) / 4


def test_05_heft():
    """The schedule as published, and as github.com/mackncheesiest/heft has it in its tests."""
    published = {
        "t1": ("p3", 0, 9),
        "t3": ("p3", 9, 28),
        "t4": ("p2", 18, 26),
        "t2": ("p1", 27, 40),
        "t5": ("p3", 28, 38),
        "t6": ("p2", 26, 42),
        "t9": ("p2", 56, 68),
        "t7": ("p3", 38, 49),
        "t8": ("p1", 57, 62),
        "t10": ("p2", 73, 80),
    }
    same({task: span for task, span in spans("05_heft_ten_tasks").items() if ">" not in task}, published)


def test_06_pipeline():
    found = spans("06_pipeline_1f1b")
    for rank in range(4):
        # The first F comes down the pipeline in steps of F, the last B goes up in steps of B.
        assert found[f"{rank}F0"] == (f"w{rank}", pytest.approx(rank * 1e-3), pytest.approx((rank + 1) * 1e-3))
        assert found[f"{rank}B7"][1:] == pytest.approx((0.031 - 0.002 * rank, 0.033 - 0.002 * rank))
    for i in range(8):  # the last rank goes forward and backward in turn, without a gap
        assert found[f"3F{i}"][1:] == pytest.approx((0.003 + 0.003 * i, 0.004 + 0.003 * i))
        assert found[f"3B{i}"][1:] == pytest.approx((0.004 + 0.003 * i, 0.006 + 0.003 * i))
    idle = idle_of("06_pipeline_1f1b")
    assert sum(idle.values()) == pytest.approx(0.009)  # (p - 1)(F + B)
    assert idle["fill"] == pytest.approx((0 + 1 + 2 + 3) / 4 * 1e-3)
    assert idle["drain"] == pytest.approx((0 + 2 + 4 + 6) / 4 * 1e-3)


def test_07_transfers():
    """A quarter each until 4 s; then 1, 2, 3 GB are left at a third each, 1 and 2 GB at a half, 1 GB alone."""
    expected = {"to_a": ("a", 0, 4), "to_b": ("b", 0, 7), "to_c": ("c", 0, 9), "to_d": ("d", 0, 10)}
    same(spans("07_four_transfers_one_link"), expected)
    book = played("07_four_transfers_one_link").ledger
    assert book.contention_s == pytest.approx((3 + 5 + 6 + 6) / 5)  # actual - nominal of each, over five workers
    assert idle_of("07_four_transfers_one_link") == pytest.approx({"drain": (10 + 6 + 3 + 1 + 0) / 5})
