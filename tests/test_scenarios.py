"""Every scenario against a count made by hand or a closed form, and against its golden timeline.

The counts below were made before anything was played; the golden files were written after they agreed, and repeat them
in their first line. `pytest --force-regen` writes the golden files anew.
"""

import hashlib
import pickle
import re
import shlex
from pathlib import Path

import cluster_counts
import degree_counts
import model_counts
import numpy as np
import pytest
import training_counts
from commands import SCENARIOS
from commands import SPACES as SPACES_OF
from played import played

import parsim
from parsim.build import build
from parsim.export.text import golden
from parsim.reading import load
from parsim.scenario.scenario import settings
from parsim.study.space import space_of

FOLDER = Path(__file__).parents[1] / "scenarios"
MODELINE = "# yaml-language-server: $schema=parsim.schema.json"
GOLDEN = Path(__file__).parent / "golden"
LONG = 400  # lines
NAMES = [path.stem for path in SCENARIOS]
SPACES = [path.stem for path in SPACES_OF]

CONFIRMED = {
    "01_five_tasks_data": "3.3 s by hand: the larger subset has three items, 3 x (1 MB / 10 MB/s + 1 s)",
    "02_five_tasks_layers": "4.5 s by hand: w0 runs three sub-tasks, 3 x (5 MB / 10 MB/s + 1 s)",
    "03_five_tasks_chain": "5.5 s by closed form: nobody waits, T_total = 10/2 x (1 s + 1 MB / 10 MB/s)",
    "04_quantisation": "3 s by closed form: ceil(10 / 4) x 1 s",
    "05_heft_ten_tasks": "80 s as published: Topcuoglu, Hariri, Wu, TPDS 13(3) 2002, figure 3(a)",
    "06_pipeline_1f1b": "33 ms by closed form: (m + p - 1)(F + B) = (8 + 4 - 1) x (1 ms + 2 ms)",
    "07_four_transfers_one_link": "10 s by closed form: all bytes through one link, (1 + 2 + 3 + 4) GB / (1 GB/s)",
    "08_graham_anomaly": "12 s by hand: T1, T9: 3 + 9 s; Graham, SIAM J. Appl. Math. 17(2) 1969, less T4 before T5",
    "09_longest_first": "11 s as published: Graham 1969, theorem 3, (4/3 - 1/9) x 9 s, and by hand: 5 + 3 + 3 s",
    "10_work_stealing": "5 s by closed form: 1 s + ceil(12 / 4) x 1 s + 1 s",
    "11_peft_ten_tasks": "122 s as published: Arabnejad, Barbosa, IEEE TPDS 25(3) 2014, and by hand: 97 + 9 + 16 s",
    "12_standard_task_graph": "573 s as in tests/data/scheduling_cases.json, stg_robot_p8: a list scheduler not ours",
    "13_fft": "11 s by closed form: ceil(1/4) + ceil(2/4) + ceil(4/4) + 4 x ceil(8/4) rounds of 1 s",
    "14_two_splits": "640 ms by closed form: each has 20 ms + (400 MB + 2 x 10 MB) / (1 GB/s) + 2 x 100 ms",
    "15_mlp_data": "287 ms by hand: w1's input and 3 x (84.7 forward, backward + 1.9 way + 7.1 update + 1.9 back)",
    "16_mlp_layers": "346 ms by hand: w0's 3 x (4 x 23.4 + 3.0 adding + 3.0 update), and 46.6 ms for w1 and an input",
    "17_transformer_data": "522 ms by hand: as 15, 3 x (164 forward, backward + 1.8 way + 6.5 update + 1.8 ms back)",
    "18_transformer_layers": "668 ms by hand: w1's 3 x (4 x 44.9 + 2.4 adding) and, before and after, w0's 3 x 40.9 ms",
    "19_bucket_sends": "45 ms by hand: three backwards of 10 ms, the last bucket 100 MB / (10 GB/s), and 5 ms",
    "20_gpt3_13b_64_a100": "2.34 s by hand: kernels of each layer, and the recurrence of 1F1B (tests/model_counts.py)",
    "21_zero_bubble": "1.40 s by hand: kernels of each layer, and the recurrence of the order (tests/model_counts.py)",
    "22_resnet50": "95.5 ms by hand: kernels of each layer, gradients to w0, weights back (tests/model_counts.py)",
    "23_translation": "71.6 ms by hand: kernels of each layer, and the recurrence of ZB-H1 (tests/model_counts.py)",
    "24_mixtral": "2.97 s by hand: kernels of each layer, and the recurrence of 1F1B (tests/model_counts.py)",
    "25_llama3_405b": "34.5 s by hand: kernels of each layer, sixteen sends that share a link (tests/model_counts.py)",
    "26_recompute": "6.00 s by hand: kernels of each layer, attention's twice (tests/model_counts.py)",
    "27_ring_all_reduce": "70.014 ms by closed form: 2 (8 - 1) x (1 us + 1 GB / 8 / (25 GB/s)), Patarasuk, Yuan 2009",
    "28_hierarchical_all_reduce": "10.8453 ms by hand: 14 x (0.47 us + 125 MB / (300 GB/s)) + 2 x (2.7 us + 2.5 ms)",
    "30_resnet50_data": "14.2 ms by hand: kernels of each layer, and the ring of the last bucket (degree_counts.py)",
    "31_gpt3_13b_data": "1.01 s by hand: kernels of each layer, rings of 64 over eight cards (degree_counts.py)",
    "32_gpt3_13b_layers": "1.82 s by hand: the recurrence of 1F1B, a send beside a ring, and rings (degree_counts.py)",
    "33_gpt3_13b_mixed": "1.24 s by hand: kernels, exchanges of each layer, rings over two cards (degree_counts.py)",
    "34_fsdp": "807 ms by hand: kernels of each layer, and the rings at both ends (tests/degree_counts.py)",
    "35_mixtral_experts": "0.65 s by hand: kernels, rows that go to experts, rings of one bucket (degree_counts.py)",
    "36_one_card": "1.59 s by hand: the recurrence of 1F1B, sends and rings that share a card (degree_counts.py)",
    "37_long_context": "2.28 s by hand: kernels of each layer, and rings of weights (tests/degree_counts.py)",
    "38_gpt3_175b_1024_a100": "24.3 s by hand: the recurrence of 1F1B, a send beside rings (tests/cluster_counts.py)",
    "39_llama3_405b": "11.3 s by hand: the recurrence of 1F1B, a send beside rings (tests/cluster_counts.py)",
    "40_straggler": "1.12 s by hand: w0's kernels, and two rings of 72 over eight cards (tests/cluster_counts.py)",
    "41_data_parallel_for_real": "274 ms by hand: 3 x (84.7 forward, backward + 1.1 ring + 5.3 update)",
    "54_llama3_70b_128_h100": "15.6 s by hand: the recurrence of 1F1B, a send beside rings (tests/cluster_counts.py)",
}
TRAINED = {
    "15_mlp_data": training_counts.mlp_data(),
    "16_mlp_layers": training_counts.mlp_layers(),
    "17_transformer_data": training_counts.transformer_data(),
    "18_transformer_layers": training_counts.transformer_layers(),
    "41_data_parallel_for_real": training_counts.mlp_replicas(),
}
COUNTED = {
    "20_gpt3_13b_64_a100": model_counts.gpt3_13b,
    "21_zero_bubble": model_counts.zero_bubble,
    "22_resnet50": model_counts.resnet50,
    "23_translation": model_counts.transformer_big,
    "24_mixtral": model_counts.mixtral,
    "25_llama3_405b": model_counts.llama_405b,
    "26_recompute": model_counts.recompute,
    "30_resnet50_data": degree_counts.resnet50_data,
    "31_gpt3_13b_data": degree_counts.gpt3_data,
    "32_gpt3_13b_layers": degree_counts.gpt3_layers,
    "33_gpt3_13b_mixed": degree_counts.gpt3_mixed,
    "34_fsdp": degree_counts.llama_fsdp,
    "35_mixtral_experts": degree_counts.mixtral_experts,
    "36_one_card": degree_counts.one_card,
    "37_long_context": degree_counts.llama_context,
    "38_gpt3_175b_1024_a100": cluster_counts.gpt3_175b,
    "39_llama3_405b": cluster_counts.llama3_405b,
    "40_straggler": cluster_counts.straggler,
    "54_llama3_70b_128_h100": cluster_counts.llama3_70b,
}
MAKESPAN = {
    "01_five_tasks_data": 3.3,
    "02_five_tasks_layers": 4.5,
    "03_five_tasks_chain": 5.5,
    "04_quantisation": 3.0,
    "05_heft_ten_tasks": 80.0,
    "06_pipeline_1f1b": 0.033,
    "07_four_transfers_one_link": 10.0,
    "08_graham_anomaly": 12.0,
    "09_longest_first": 11.0,
    "10_work_stealing": 5.0,
    "11_peft_ten_tasks": 122.0,
    "12_standard_task_graph": 573.0,
    "13_fft": 11.0,
    "14_two_splits": 0.64,
    "15_mlp_data": TRAINED["15_mlp_data"].makespan(),
    "16_mlp_layers": TRAINED["16_mlp_layers"].makespan_where_low_is_slower(),
    "17_transformer_data": TRAINED["17_transformer_data"].makespan(),
    "18_transformer_layers": TRAINED["18_transformer_layers"].makespan_where_high_is_slower(),
    "19_bucket_sends": 0.045,
    "27_ring_all_reduce": 14 * (1e-6 + 0.125 / 25),
    "28_hierarchical_all_reduce": 14 * (0.47e-6 + 0.125 / 300) + 2 * (2.7e-6 + 0.0625 / 25),
    "41_data_parallel_for_real": TRAINED["41_data_parallel_for_real"].makespan(),
}
T_TOTAL = {
    "01_five_tasks_data": 5 / 2 * (1 + 0.1),
    "02_five_tasks_layers": 5 / 2 * (1 + 0.5),
    "03_five_tasks_chain": 10 / 2 * (1 + 0.1),
    "04_quantisation": 10 / 4 * 1,
    "05_heft_ten_tasks": 10 / 3 * (400 / 30 + 241 / 10),  # 30 times that add up to 400 s, 15 edges to 241 s
    "06_pipeline_1f1b": 64 / 4 * 0.0015,
    "07_four_transfers_one_link": 4 / 5 * (1 + 2 + 3 + 4) / 4,
    "08_graham_anomaly": 9 / 3 * (3 + 3 * 2 + 4 * 4 + 9) / 9,
    "09_longest_first": 7 / 3 * (2 * 5 + 2 * 4 + 3 * 3) / 7,
    "10_work_stealing": 14 / 4 * 1,
    "11_peft_ten_tasks": 10 / 3 * (681 / 30 + 284 / 10),  # 30 times that add up to 681 s, 15 edges to 284 s
    "12_standard_task_graph": 88 / 8 * 2483 / 88,  # what the second column of robot.stg adds up to
    "13_fft": 39 / 4 * 1,
    "14_two_splits": 8 / 4 * (0.1 + 4 * (0.02 + (400 + 20) / 1000) / 8),  # four transfers serve eight items
    "19_bucket_sends": 8 / 2 * (6 * 0.01 + 2 * 0.005 + 6 * 0.01) / 8,  # six backwards, two updates, six buckets
    "27_ring_all_reduce": 8 / 8 * 14 * (1e-6 + 0.125 / 25),  # each rank alone takes as long as all together
    "28_hierarchical_all_reduce": 16 / 16 * (14 * (0.47e-6 + 0.125 / 300) + 2 * (2.7e-6 + 0.0625 / 25)),
} | {name: counted.t_total() for name, counted in TRAINED.items()}
RESULT = {"01_five_tasks_data": 30, "02_five_tasks_layers": 30, "03_five_tasks_chain": 60}
for name, factor in (("27_ring_all_reduce", 2 * 7 / 8), ("28_hierarchical_all_reduce", 2 * 15 / 16)):
    seconds = MAKESPAN[name]
    each = {"algorithm_bandwidth_bytes_per_s": 1e9 / seconds, "bus_bandwidth_bytes_per_s": factor * 1e9 / seconds}
    RESULT[name] = pytest.approx(each, rel=1e-12)


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


def orders(name):
    """Return (stage, kind, microbatch) of the actions of each rank."""
    rows = played(name).job.graph.program.cut.orders
    return [[(op.stage, op.kind, op.microbatch) for op in row] for row in rows]


def shortened(text):
    """Keep the first and the last lines of a long text, and a digest of all of them."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= LONG:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "".join([*lines[:20], f"... {len(lines)} lines, SHA-256 {digest}\n", *lines[-20:]])


def idle_of(name):
    """Return {cause: mean seconds}, without the causes that took no time."""
    return {cause: spent for cause, spent in played(name).ledger.idle.items() if spent > 1e-12}


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, file_regression):
    text = f"{CONFIRMED[name]}\n\n{shortened(golden(played(name).timeline))}"
    file_regression.check(text, fullpath=GOLDEN / f"{name}.txt")


@pytest.mark.parametrize("name", NAMES)
def test_makespan_theory_and_result_are_those_counted_by_hand(name):
    facts = played(name).to_dict()
    if name in COUNTED:
        makespan, total = COUNTED[name](orders(name))
    else:
        makespan, total = MAKESPAN[name], T_TOTAL[name]
    assert facts["makespan_s"] == pytest.approx(makespan, rel=1e-12)
    assert facts["theory"]["t_total_s"] == pytest.approx(total, rel=1e-12)
    assert facts["result"] == RESULT.get(name)


@pytest.mark.parametrize("name", NAMES)
def test_ledger_adds_up(name):
    book = played(name).ledger
    assert abs(book.difference_s()) <= 1e-9 * max(book.makespan_s, book.t_total_s)


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_and_counts_cover_every_scenario(name):
    assert name in CONFIRMED
    assert name in COUNTED or {name} <= MAKESPAN.keys() & T_TOTAL.keys()
    assert (GOLDEN / f"{name}.txt").exists()


def test_no_golden_file_is_left_over():
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


def opening(name):
    """Return the comment that a scenario opens with, below the line for editors."""
    modeline, *lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert modeline == MODELINE
    return lines[: next(index for index, line in enumerate(lines) if not line.startswith("#"))]


@pytest.mark.parametrize("name", [*NAMES, *SPACES])
def test_opens_with_what_it_shows_and_what_to_try(name):
    lines = opening(name)
    assert 4 <= len([line for line in lines if line != "#"]) <= 6
    assert any(line.startswith("# Try: ") for line in lines)


def tries(names):
    """Find the `--set PATH=VALUE` groups of the openings: those without a word between them belong together."""
    option = r"--set (?:'[^']*'|[^\s'=]+='[^']*'|[^\s',]*[^\s',.])"
    for name in names:
        text = " ".join(line.lstrip("# ") for line in opening(name))
        for group in re.findall(rf"{option}(?: {option})*", text):
            yield pytest.param(name, [word for word in shlex.split(group) if word != "--set"], id=f"{name} {group}")


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_can_be_sent_to_another_process(name):
    graph = build(load(FOLDER / f"{name}.yaml")).graph
    sent = pickle.loads(pickle.dumps(graph))
    assert list(sent.names) == list(graph.names)
    columns = {"edge": graph.edges, "given": graph.given, "result": graph.result, "flow": graph.flows}
    asked = [(what, index) for what, column in columns.items() for index in range(len(column))]
    assert [sent.where(*one) for one in asked] == [graph.where(*one) for one in asked]


TRIED = list(tries(NAMES))
SEARCHES = [one for one in TRIED if any("={in: " in pair for pair in one.values[1])]  # choices in place of values


@pytest.mark.parametrize(("name", "pairs"), [one for one in TRIED if one not in SEARCHES])
def test_what_an_opening_says_to_try_can_be_tried(name, pairs):
    fewer = {"workload.batch": 8} if "clock=live" in pairs else {}  # it computes for real
    changed = parsim.simulate(FOLDER / f"{name}.yaml", set=fewer | settings(pairs))
    assert changed.to_dict() != played(name).to_dict()
    assert abs(changed.ledger.difference_s()) <= 1e-9 * max(changed.timeline.makespan_s, changed.ledger.t_total_s)


@pytest.mark.parametrize(("name", "pairs"), SEARCHES)
def test_what_an_opening_says_to_search_is_a_space(name, pairs):
    assert len(space_of(FOLDER / f"{name}.yaml", settings(pairs)).early().rows) > 1


@pytest.mark.parametrize(("name", "pairs"), list(tries(SPACES)))
def test_what_the_opening_of_a_space_says_to_try_makes_another_space(name, pairs):
    whole, changed = (space_of(FOLDER / f"{name}.yaml", set) for set in ({}, settings(pairs)))
    assert 0 < len(changed.early().rows) < len(whole.early().rows)


def test_the_plans_of_a_space_are_counted():
    """Of 4 x 5 sizes of tensor and pipeline groups one is too large; 4 have one stage, so one order, the others five.

    Each has 4 x 3 microbatch sizes and recomputations, and four shardings, but one where a single replica is left.
    """
    name = SPACES[0]
    space = space_of(FOLDER / f"{name}.yaml")
    alone = 2 * 5  # 4 x 16 and 8 x 8 devices make a replica
    left = (4 * 1 + 15 * 5 - alone) * 12 * 4 + alone * 12
    assert (space.size, len(space.early().rows)) == (4 * 5 * 7 * 4 * 3 * 4 * 3 * 4, left)
    opened = " ".join(opening(name))
    assert f"{space.size:,}" in opened
    assert f"{left:,}" in opened


def test_figures_that_the_openings_state():
    prefetched = parsim.simulate(FOLDER / "02_five_tasks_layers.yaml", set={"plan.prefetch": 1})
    # Two inputs share w0's link: both there at 1 s; computing 1-2 and 2-3; the third travels 2-2.5, computes 3-4.
    assert prefetched.timeline.makespan_s == pytest.approx(4.0)
    divided = parsim.simulate(FOLDER / "04_quantisation.yaml", set={"workload.count": 12, "plan.subsets": 12})
    assert divided.ledger.idle_s == 0.0


def test_mixtures_take_less_memory_for_more_seconds():
    """GPT-3 13B by data, and in two stages whose layers four devices share."""
    whole, mixed = played("31_gpt3_13b_data"), played("33_gpt3_13b_mixed")
    assert whole.timeline.makespan_s < mixed.timeline.makespan_s
    peaks = [max(device["peak_memory_bytes"] for device in run.metrics["devices"]) for run in (whole, mixed)]
    assert peaks[1] < peaks[0] / 5


def test_rows_of_experts_travel_within_a_node():
    """Two all-to-alls of a block forward and two backward, one after the other, of 2 x 4096 rows of 4096 numbers."""
    found = played("35_mixtral_experts").to_dict()["communication"]["expert"]
    assert found["exposed_s"] == pytest.approx(32 * 4 * (0.47e-6 + 7 / 8 * 2 * 2 * 4096 * 4096 / 450e9), rel=1e-9)


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


def test_08_graham():
    """T9 is the longest and starts as soon as it can; T4 is taken at 2 s before T5, by w1 before w2."""
    expected = {"T1": ("w0", 0, 3), "T2": ("w1", 0, 2), "T3": ("w2", 0, 2), "T4": ("w1", 2, 4), "T9": ("w0", 3, 12)}
    expected |= {"T5": ("w2", 2, 6), "T6": ("w1", 4, 8), "T7": ("w2", 6, 10), "T8": ("w1", 8, 12)}
    same(spans("08_graham_anomaly"), expected)
    assert idle_of("08_graham_anomaly") == pytest.approx({"drain": 2 / 3})  # w2 from 10 to 12 s


@pytest.mark.parametrize(
    ("changed", "makespan_s"),
    [
        ({"workload.tasks[1].compute": "1 s"}, 16),  # T4, T5 from 1 and 2 s, T6, T7 from 3 s, T8 from 6 s; T9 from 7 s
        ({"cluster.devices": 4}, 15),  # T4 from 0 s, T5 to T7 from 2 s, T8 on w0 from 3 s; T9 from 6 s
        ({"workload.tasks[5].after": []}, 16),  # T4, T5 from 2 s, T6 from 3 s, T7 from 4 s, T8 from 6 s; T9 from 7 s
    ],
)
def test_08_each_relief_makes_it_later(changed, makespan_s):
    """One task shorter, one worker more, one constraint fewer: each change alone."""
    assert parsim.simulate(FOLDER / "08_graham_anomaly.yaml", set=changed).timeline.makespan_s == makespan_s


@pytest.mark.parametrize(
    ("changed", "makespan_s"),
    [
        ({}, 12),
        ({"workload.tasks[1].compute": "1 s"}, 16),  # T4 from 1 s, T5 to T7 from 3 s on all three; T8 and T9 from 7 s
        ({"cluster.devices": 4}, 15),  # T5 to T8 from 2 s on the other three and w0; T9 from 6 s
        ({"workload.tasks[4].after": []}, 12),  # of these four constraints, any one alone changes nothing
        ({"workload.tasks[5].after": []}, 12),
        ({"workload.tasks[6].after": []}, 12),
        ({"workload.tasks[7].after": []}, 12),
        ({"workload.tasks[4].after": [], "workload.tasks[5].after": []}, 16),  # T5, T6 from 2 s, T4, T7; T9 from 7 s
    ],
)
def test_08_with_the_constraint_that_the_paper_has_in_addition(changed, makespan_s):
    published = {"workload.tasks[4].after": ["T4"], **changed}
    assert parsim.simulate(FOLDER / "08_graham_anomaly.yaml", set=published).timeline.makespan_s == makespan_s


def test_09_longest_first():
    expected = {"J1": ("w0", 0, 5), "J2": ("w1", 0, 5), "J3": ("w2", 0, 4), "J4": ("w2", 4, 8)}
    expected |= {"J5": ("w0", 5, 8), "J6": ("w1", 5, 8), "J7": ("w0", 8, 11)}
    same(spans("09_longest_first"), expected)
    assert idle_of("09_longest_first") == pytest.approx({"drain": (0 + 3 + 3) / 3})


def test_10_work_stealing():
    """Thieves and victim share the branches out, three each; only the order is the policy's."""
    found = spans("10_work_stealing")
    assert found["fork"][1:] == (0, 1)
    assert found["join0"][1:] == (4, 5)
    branches = sorted((worker, start) for task, (worker, start, _) in found.items() if task.startswith("branch"))
    assert branches == [(f"w{worker}", start) for worker in range(4) for start in (1, 2, 3)]


def test_11_peft():
    """Five tasks in a row on p1, the way to p2, and the last task: the chain that makes the published 122 s."""
    chain = {"t1": 22, "t4": 7, "t2": 22, "t3": 32, "t7": 14}
    ends = dict(zip(chain, np.cumsum(list(chain.values())).tolist(), strict=True))
    found = spans("11_peft_ten_tasks")
    same({task: found[task] for task in chain}, {task: ("p1", ends[task] - chain[task], ends[task]) for task in chain})
    same({"t10": found["t10"]}, {"t10": ("p2", 97 + 9, 97 + 9 + 16)})
    steps = parsim.explain(FOLDER / "11_peft_ten_tasks.yaml").to_dict()["path"]
    assert [step["task"] for step in steps] == ["t1", "t4", "t2", "t3", "t7", "t7>t10", "t10"]


def test_12_standard_task_graph():
    """No schedule beats the longest path of 569 s; its file, read by itself, has 2483 s of work."""
    assert sum(end - start for _, start, end in spans("12_standard_task_graph").values()) == 2483
    heft = parsim.simulate(FOLDER / "12_standard_task_graph.yaml", set={"policy": "heft"})
    assert heft.timeline.makespan_s == 569  # the proven optimum of tests/data/scheduling_cases.json


def test_13_fft():
    """How many tasks run in each second: a tree of calls, then rows of eight, four at a time."""
    found = spans("13_fft")
    running = np.bincount([int(start) for _, start, _ in found.values()])
    assert running.tolist() == [1, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4]
    wide = parsim.simulate(FOLDER / "13_fft.yaml", set={"cluster.devices": 8})
    assert wide.timeline.makespan_s == 7  # 1 + 2 log2(8) rounds


def test_14_two_splits():
    """Each subset is the whole model and two items; no link is shared, so all four go through at once."""
    expected = {}
    for part in range(4):
        expected[f"host>part{part}"] = (f"w{part}", 0, 0.44)
        expected[f"part{part}"] = (f"w{part}", 0.44, 0.64)
    same(spans("14_two_splits"), expected)
    assert idle_of("14_two_splits") == {}
    layers = parsim.simulate(FOLDER / "14_two_splits.yaml", set={"plan.split": "layers"})
    assert layers.timeline.makespan_s == pytest.approx(2 * (0.02 + (50 + 80) / 1000 + 0.1))  # two rounds of 130 MB
    peaks = [run.metrics["devices"][0]["peak_memory_bytes"] for run in (played("14_two_splits"), layers)]
    assert peaks == [420e6, 130e6]  # what a task received, and nothing of the model beside it


@pytest.mark.parametrize("name", ["15_mlp_data", "17_transformer_data"])
def test_15_and_17_training_by_data(name):
    """Both halves take the same time, and w0 has its weights at once; all is counted in training_counts.py."""
    counted, found = TRAINED[name], spans(name)
    forward, backward = counted.half
    there = counted.given + forward
    for worker in (0, 1):
        assert found[f"0F{worker}@0"] == (f"w{worker}", pytest.approx(counted.given), pytest.approx(there))
        assert found[f"0B{worker}@0"] == (f"w{worker}", pytest.approx(there), pytest.approx(there + backward))
    begin = there + backward + counted.weights
    assert found["0U@0"] == ("w0", pytest.approx(begin), pytest.approx(begin + counted.update))
    assert found["0F1@1"][1] - found["0U@0"][2] == pytest.approx(counted.weights)
    assert found["0F0@1"][1] - found["0U@0"][2] == pytest.approx(counted.given)
    end = counted.makespan()
    assert found["0U@2>0R1@2"] == ("w1", pytest.approx(end - counted.weights), pytest.approx(end))
    assert found["0R1@2"] == ("w1", pytest.approx(end), pytest.approx(end))
    assert idle_of(name) == pytest.approx(counted.idle())


@pytest.mark.parametrize("iterations", [1, 2, 5])
@pytest.mark.parametrize("name", ["15_mlp_data", "17_transformer_data"])
def test_15_and_17_take_as_long_an_iteration_however_many_there_are(name, iterations):
    run = parsim.simulate(FOLDER / f"{name}.yaml", set={"workload.iterations": iterations})
    counted, found = TRAINED[name], run.metrics["training"]
    assert found["iteration_s"] == pytest.approx(counted.iteration(), rel=1e-9)
    assert found["start_s"] == pytest.approx(counted.given, rel=1e-9)
    whole = counted.given + iterations * counted.iteration()
    assert run.timeline.makespan_s == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", ["16_mlp_layers", "18_transformer_layers"])
def test_16_and_18_training_by_layers(name):
    """A microbatch goes up through both stages and comes back; a later backward adds its gradients, too."""
    counted, found = TRAINED[name], spans(name)
    (a, d), (b, c) = counted.low, counted.high
    way = counted.passed
    times = {"0F0@0": a, "0F0@0>1F0@0": way, "1F0@0": b, "1B0@0": c, "1B0@0>0B0@0": way, "0B0@0": d}
    ends = dict(zip(times, (counted.given + np.cumsum(list(times.values()))).tolist(), strict=True))
    for task, end in ends.items():
        assert found[task][1:] == pytest.approx((end - times[task], end)), task
    more = {"0B3@2": d + counted.adding[0], "1B3@2": c + counted.adding[1]}
    more |= {"0U@2": counted.updates[0], "1U@2": counted.updates[1]}
    assert {task: end - start for task in more for _, start, end in [found[task]]} == pytest.approx(more)


def test_tasks_of_training_are_long_enough_to_be_replayed():
    for name in TRAINED:
        line = played(name).timeline
        took = (line.end_s - line.start_s)[line.computes & (line.kind != "receive")]
        assert min(took) >= 0.002, name
        assert line.makespan_s < 1


def test_16_learns_what_15_does():
    """On the live clock: the split changes neither loss nor gradients, and the loss falls; so do those of 17 and 18."""
    live = {"clock": "live", "workload.batch": 8}
    mlps = ("15_mlp_data", "16_mlp_layers"), ("15_mlp_data", "41_data_parallel_for_real")
    for pair in (*mlps, ("17_transformer_data", "18_transformer_layers")):
        one, other = (parsim.simulate(FOLDER / f"{name}.yaml", set=live).value for name in pair)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-9)
        assert np.allclose(one["gradient_norm"], other["gradient_norm"], rtol=1e-9)
        assert one["loss"][0] > one["loss"][1] > one["loss"][2]


def test_23_hands_on_what_the_encoder_made():
    """96 pairs of 32 tokens, of 1024 numbers of 2 B, at 25 GB/s: once, then twice."""
    found, way = spans("23_translation"), 2 * 96 * 32 * 1024 / 25e9
    for stage, times in enumerate((1, 2, 2)):
        for task in (f"{stage}F0>{stage + 1}F0", f"{stage + 1}I0>{stage}I0"):
            _, start, end = found[task]
            assert end - start == pytest.approx(5e-6 + times * way, rel=1e-12), task


def test_24_holds_all_experts():
    """Four blocks and the embedding on w0, whose weights are 2 + 2 + 12 B; eight microbatches of 4096 tokens wait."""
    tokens, h, keys, hidden, experts = 4096, 4096, 1024, 14336, 8
    block = 2 * h * (h + keys) + experts * (h + 3 * h * hidden) + 2 * h
    weights = 4 * block + 32000 * h
    kept = 2 * tokens * (6 * h + 2 * keys + experts + 2 * (2 * h + 3 * hidden)) + 4 * tokens * 32  # as in test_mixture
    memory = played("24_mixtral").to_dict()["devices"][0]["memory"]
    expected = {"weights": 2 * weights, "gradients": 2 * weights, "optimizer": 12 * weights}
    expected["activations"] = 8 * (4 * kept + 8 * tokens)
    assert expected.items() <= memory["by_kind"].items()
    assert memory["fits"]
