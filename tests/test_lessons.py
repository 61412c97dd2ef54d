"""Lessons: no answer gives a hint, a wrong one says what it overlooks, a right one is taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from parsim import lessons

SCENARIOS = Path(__file__).parent.parent / "scenarios"
FIVE = str(SCENARIOS / "01_five_tasks_data.yaml")
LONGEST = str(SCENARIOS / "09_longest_first.yaml")
SPLITS = str(SCENARIOS / "14_two_splits.yaml")

TEN = {"workload.count": 10}  # by layers is faster from 442.857 MB on: 0.7 W = 310 MB
SIX: Mapping[str, Any] = {  # six items of 1 s for two workers, a byte each
    "cluster": {"devices": 2},
    "workload": {"kind": "items", "count": 6},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}
LAYER = ("matmul", [(512, 256), (256, 704)], "calibrated-core")  # 184.55 MFLOP, 5.374 MB: 4.394 ms, 335.9 us
ADDITION = ("relu", [(1000, 1000)], "calibrated-core")  # 1 MFLOP, 16 MB: 23.8 us, 1 ms


@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer_gives_a_hint(answer: object) -> None:
    for marked in (
        lessons.makespan(answer, FIVE),
        lessons.subsets(answer, SIX),
        lessons.order(answer, LONGEST),
        lessons.weights(answer, SPLITS, TEN),
        lessons.roofline(answer, *LAYER),
    ):
        assert not marked.right
        assert repr(marked).startswith("Not yet.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("2.75 s", "is T_total"),  # 5/2 (1 s + 0.1 s)
        ("3 s", "is the computing alone"),
        ("0.3 s", "is the transfer of the items alone"),
        ("5.5 s", "is the time of one worker alone"),
        ("3.2 s", "is too short"),
        ("9 s", "is too long"),
        ("3.3", "has no unit"),
        (3.3, "cannot be read"),
    ],
)
def test_a_wrong_makespan(answer: object, words: str) -> None:
    marked = lessons.makespan(answer, FIVE)
    assert not marked.right
    assert words in repr(marked)


@pytest.mark.parametrize("answer", ["3.3 s", "3300 ms"])
def test_the_right_makespan(answer: str) -> None:
    assert lessons.makespan(answer, FIVE).right


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (1, "cannot be shared equally among 2 workers"),
        (3, "cannot be shared equally among 2 workers"),
        (7, "a whole number from 1 to 6"),
        (0, "a whole number from 1 to 6"),
        ("2", "a whole number from 1 to 6"),
        (2.0, "a whole number from 1 to 6"),
    ],
)
def test_wrong_subsets(answer: object, words: str) -> None:
    marked = lessons.subsets(answer, SIX)
    assert not marked.right
    assert words in repr(marked)


@pytest.mark.parametrize("answer", [2, 4, 5, 6])
def test_right_subsets(answer: int) -> None:
    """Two of three items take 3 s; so do 2 + 1 and 2 + 1, 2 + 1 and 1 + 1 + 1, and six of one."""
    assert lessons.subsets(answer, SIX).right


def test_subsets_that_are_too_coarse_or_too_fine() -> None:
    """Two items hide the next transfer, 1.2 s + 0.4 s; six come late, one ends too soon: 8.4 s, not 8 s."""
    star = {"kind": "star", "bandwidth": "5 MB/s", "latency": "1.2 s"}
    question = {
        "cluster": {"devices": 4, "topology": star},
        "workload": {"kind": "items", "count": 24, "item": "1 MB"},
        "plan": {"split": "data", "prefetch": 1},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    assert "Use more subsets." in repr(lessons.subsets(4, question))
    assert "Use fewer subsets." in repr(lessons.subsets(24, question))
    assert lessons.subsets(12, question).right


def test_a_wrong_order_names_who_ends_last() -> None:
    """The longest first: 5, 5, 4 | 4 at 4 s, 3 at 5 s, 3 at 5 s | the last 3 at 8 s, so 11 s."""
    marked = lessons.order([f"J{number}" for number in range(1, 8)], LONGEST)
    assert not marked.right
    assert "11 s, 2 s more than T_total: J7 ends last and began at 8 s" in repr(marked)


@pytest.mark.parametrize("answer", [["J1"], "J1", 7, ["J1", "J1", "J2", "J3", "J4", "J5", "J6"]])
def test_an_order_that_is_none(answer: object) -> None:
    marked = lessons.order(answer, LONGEST)
    assert not marked.right
    assert "Write each of J1, J2, J3, J4, J5, J6, J7 once" in repr(marked)


def test_the_right_order() -> None:
    assert lessons.order(["J1", "J2", "J5", "J6", "J3", "J4", "J7"], LONGEST).right


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("340 MB", "is the prediction of T_total"),  # 3 W = 90 items + 6 x 20 ms x 1 GB/s = 1020 MB
        ("100 MB", "Look higher"),
        ("2 GB", "Look lower"),
        ("443", "has no unit"),
    ],
)
def test_wrong_weights(answer: object, words: str) -> None:
    marked = lessons.weights(answer, SPLITS, TEN)
    assert not marked.right
    assert words in repr(marked)


@pytest.mark.parametrize("answer", ["442.9 MB", "440 MB"])
def test_the_right_weights(answer: str) -> None:
    assert lessons.weights(answer, SPLITS, TEN).right


@pytest.mark.parametrize(
    ("answer", "call", "words"),
    [
        ("335.9 us", LAYER, "is the time of memory, but arithmetic takes longer"),
        ("23.8 us", ADDITION, "is the time of arithmetic, but memory takes longer"),
        ("4.73 ms", LAYER, "is the sum of both"),
        ("2.197 ms", LAYER, "as one FLOP"),
        ("0.125 ms", ADDITION, "counts numbers"),
        ("8.79 ms", LAYER, "is too long"),
        ("4.4", LAYER, "has no unit"),
    ],
)
def test_a_wrong_time_by_the_roofline(answer: str, call: tuple[Any, ...], words: str) -> None:
    marked = lessons.roofline(answer, *call)
    assert not marked.right
    assert words in repr(marked)


def test_the_right_time_by_the_roofline() -> None:
    assert lessons.roofline("4.394 ms", *LAYER).right
    assert lessons.roofline("4.4 ms", *LAYER).right
    assert lessons.roofline("1 ms", *ADDITION).right


PIPELINE = {
    "cluster": {"devices": 4},
    "workload": {"kind": "stages", "forward": "2 ms", "input_grad": "3 ms", "weight_grad": "2 ms"},
    "plan": {"schedule": "zb-h1", "microbatches": 8},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "Not yet. How long does a rank compute"),
        ("65", "Not yet."),
        ("56 ms", "is the computing alone, without the bubble"),
        ("77 ms", "is the time under 1f1b"),
        ("60 ms", "is too short"),
        ("70 ms", "is too long"),
    ],
)
def test_a_wrong_time_of_a_pipeline(answer: object, words: str) -> None:
    marked = lessons.pipeline(answer, PIPELINE)
    assert not marked.right
    assert words in marked.words


def test_the_right_time_of_a_pipeline() -> None:
    assert lessons.pipeline("65 ms", PIPELINE).right
    assert lessons.pipeline("77 ms", PIPELINE, {"plan.schedule": "1f1b"}).right


PEAK = {
    "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "25 GB/s"}},
    "workload": {"kind": "transformer", "preset": "gpt3-2.7b", "batch": 16},
    "plan": {"split": "layers", "stages": "framework", "microbatches": 8, "recompute": "selective"},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "Not yet. How many bytes does a block keep"),
        ("9.6", "has no unit"),
        ("25.67 GB", "is held with plan.schedule: gpipe"),  # eight microbatches in place of three
        ("566 MB", "is held with plan.recompute: full"),  # 2 in place of 34
        ("38.5 GB", "is too much"),
        ("3.2 GB", "is too little"),
    ],
)
def test_wrong_activations(answer: object, words: str) -> None:
    marked = lessons.activations(answer, 1, PEAK)
    assert not marked.right
    assert words in marked.words


def test_the_right_activations() -> None:
    """(4 - r) microbatches, b s h of 2 x 2048 x 2560: rank 1 has nine blocks, rank 2 eight."""
    assert lessons.activations("9.626 GB", 1, PEAK).right
    assert lessons.activations("5.704 GB", 2, PEAK).right


SCATTERED = {
    "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "star", "bandwidth": "100 GB/s"}},
    "workload": {"kind": "transformer", "preset": "llama2-7b", "batch": 8},
    "plan": {"data": 4, "sharding": "zero2", "microbatches": 2, "bucket": "100 GB"},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "Not yet. How often do bytes travel"),
        ("202", "has no unit"),
        ("303.2 ms", "is all that travels"),  # two scatters and a gathering of 3 x 13.477 GB / 4 / (100 GB/s)
        ("101.1 ms", "passes beside computing"),  # the first of them
        ("50 ms", "is too short"),
        ("1e99 s", "1e+99 s is too long"),
    ],
)
def test_a_wrong_exposed_time(answer: object, words: str) -> None:
    marked = lessons.exposed(answer, "data", SCATTERED)
    assert not marked.right
    assert words in marked.words


def test_the_right_exposed_time() -> None:
    right = lessons.exposed("202.2 ms", "data", SCATTERED)
    assert (right.right, "101.076 ms passes beside computing or another transfer" in right.words) == (True, True)
    all_at_the_end = {"plan.microbatches": 1, "plan.sharding": "none"}
    assert lessons.exposed("202.2 ms", "data", SCATTERED, all_at_the_end).right
    assert "half of it" in lessons.exposed("101.1 ms", "data", SCATTERED, all_at_the_end).words


def test_sums_that_are_rounded_hide_nothing() -> None:
    """Notebook 09: 4 microbatches x 2 (4 x 32 + 2) half rings of 7 (0.47 us + 2 MB / (300 GB/s))."""
    question = {
        "cluster": {"topology": {"kind": "islands", "nodes": 4, "node": "dgx-a100"}},
        "workload": {"kind": "transformer", "preset": "gpt3-6.7b", "batch": 16},
        "plan": {"data": 4, "tensor": 8, "microbatch_size": 1, "sharding": "zero1", "recompute": "selective"},
    }
    right = lessons.exposed("54.3 ms", "tensor", question, {"plan.bucket": "100 GB"})
    assert (right.right, right.words) == (True, "Right: 54.3125 ms show, and nothing is hidden.")


NODES = {
    "cluster": {
        "topology": {"kind": "islands", "nodes": 4, "per_node": 4, "bandwidth": "100 GB/s", "latency": "1 us"}
        | {"nics": 4, "nic": "10 GB/s", "nic_latency": "5 us"}
    },
    "workload": {"kind": "collective", "operation": "all-reduce", "algorithm": "hierarchical", "size": "160 MB"},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "Not yet. How many rounds"),
        ("8.472", "has no unit"),
        ("4.236 ms", "is the sum alone"),
        ("30.3 ms", "is the time of one ring"),  # 30 (10 us + 10 MB / (10 GB/s))
        ("6.06 ms", "is too short"),
        ("1 s", "is too long"),
    ],
)
def test_a_wrong_time_of_an_all_reduce(answer: object, words: str) -> None:
    marked = lessons.all_reduce(answer, NODES)
    assert not marked.right
    assert words in marked.words


def test_the_right_time_of_an_all_reduce() -> None:
    """6 (2 us + 40 MB / (100 GB/s)) + 6 (10 us + 10 MB / (10 GB/s)), or a ring's 30 (10 us + 10 MB / (10 GB/s))."""
    assert lessons.all_reduce("8.472 ms", NODES).right
    assert lessons.all_reduce("30.3 ms", NODES, {"workload.algorithm": "ring"}).right


CLUSTER: Mapping[str, Any] = {  # GPT-3 1.3B: 16 B for each weight are 21 GB, and activations
    "cluster": {"topology": {"kind": "islands", "nodes": 1, "node": "dgx-a100", "nic": "2 GB/s"}},
    "workload": {"kind": "transformer", "preset": "gpt3-1.3b", "batch": 8},
    "plan": {"microbatch_size": 1},
}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "which of them pass a network card"),
        ("data: 8", "Write a mapping"),
        ({"data": 3}, "This plan cannot be played: "),
        ({"pipeline": 8}, "at most 150 ms is wanted. Devices wait"),
    ],
)
def test_a_wrong_plan(answer: object, words: str) -> None:
    marked = lessons.plan(answer, "150 ms", CLUSTER)
    assert not marked.right
    assert words in repr(marked)


def test_a_plan_that_does_not_fit() -> None:
    star = {"kind": "star", "bandwidth": "300 GB/s"}
    small = {"devices": 8, "device": {"kind": "a100-80g", "memory": "20 GB"}, "topology": star}
    marked = lessons.plan({"data": 8}, "1 s", {**CLUSTER, "cluster": small})
    assert "more than it has. What divides weights, and what activations?" in repr(marked)


def test_the_right_plan() -> None:
    assert lessons.plan({"data": 8, "sharding": "fsdp"}, "150 ms", CLUSTER).right


SOLD: Mapping[str, Any] = {  # two equal devices for 1 or for 2 USD/h, and others whose price is not known
    "cluster": {
        "devices": 2,
        "device": {"in": [{"kind": "a100-80g", "price": "1 USD/h"}, {"kind": "a100-80g", "price": "2 USD/h"}, "h200"]},
        "topology": {"kind": "full", "bandwidth": "25 GB/s"},
    },
    "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 4},
    "plan": {"data": {"in": [1, 2, 4]}},
    "require": ["data <= devices"],
}
CHEAP, DEAR, OTHER = SOLD["cluster"]["device"]["in"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (..., "Not yet. Which rows cannot meet the conditions"),
        (2, "Write one of its values for each choice, as a mapping: cluster.device, plan.data."),
        ({"plan.data": 2}, "for each choice, as a mapping: cluster.device, plan.data."),
        ({"cluster.device": CHEAP, "plan.data": 3}, "for each choice, as a mapping"),
        ({"cluster.device": CHEAP, "plan.data": 4}, "is refused: 'data <= devices' does not hold."),
        ({"cluster.device": CHEAP, "plan.data": 1}, "is refused: plan: data 1 x"),
        ({"cluster.device": DEAR, "plan.data": 2}, "another row that meets them costs less"),
        ({"cluster.device": OTHER, "plan.data": 2}, "The price of its devices is not known"),
    ],
)
def test_a_row_that_is_not_the_cheapest(answer: object, words: str) -> None:
    marked = lessons.cheapest(answer, SOLD)
    assert not marked.right
    assert words in repr(marked)


def test_the_cheapest_row() -> None:
    answer = {"cluster.device": CHEAP, "plan.data": 2}
    marked = lessons.cheapest(answer, SOLD)
    assert marked.right
    assert repr(marked).startswith("Right: a step takes ")
    refused = lessons.cheapest(answer, SOLD, {"require": ["peak_memory < 1 MB"]})
    assert "is refused: 'peak_memory < 1 MB' does not hold: peak_memory = 4.77 GB; a step takes " in repr(refused)


def test_what_is_not_trained_costs_nothing_that_is_known() -> None:
    untrained = lessons.cheapest({"cluster.devices": 1}, {**SIX, "cluster": {"devices": {"in": [1, 2]}}})
    assert "The price of its devices is not known" in repr(untrained)
