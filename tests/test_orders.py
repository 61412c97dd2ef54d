"""Orders of pipeline schedules against those that others execute: PyTorch's runtime, and DeepSeek's DualPipe."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from plain_pipeline import busy, most_live, play

from parsim.core.errors import Invalid
from parsim.core.orders import orders_of
from parsim.core.schema import Ask
from parsim.schedules import schedules

DATA = json.loads((Path(__file__).parent / "data/schedule_orders.json").read_text())
ORACLES = Path(__file__).parents[2] / "shared/oracles"
NAMES = {
    "ScheduleGPipe": "gpipe",
    "Schedule1F1B": "1f1b",
    "ScheduleInterleaved1F1B": "interleaved-1f1b",
    "ScheduleLoopedBFS": "looped-bfs",
    "ScheduleInterleavedZeroBubble": "interleaved-zb",
    "ScheduleZBVZeroBubble": "zb-v",
    "ScheduleDualPipeV": "dualpipev",
    "dualpipe": "dualpipe",
}


def written(name, ranks, microbatches, chunks):
    return [" ".join(map(str, order)) for order in orders_of(Ask(name, schedules[name]), ranks, microbatches, chunks)]


def digest(rows):
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def test_all_cases_are_there():
    assert Counter(name for name, *_ in DATA["digests"]) == {
        **{"gpipe": 42, "1f1b": 42, "interleaved-1f1b": 168, "looped-bfs": 168, "interleaved-zb": 168},
        **{"zb-v": 42, "dualpipev": 42, "dualpipe": 11},
    }
    assert DATA["whole"].keys() == set(NAMES.values())


@pytest.mark.parametrize("name", NAMES.values())
def test_orders_are_those_that_others_execute(name):
    for _, ranks, microbatches, chunks, right in [case for case in DATA["digests"] if case[0] == name]:
        shape = ranks, microbatches, chunks
        if right == "rejected" and name != "1f1b":
            with pytest.raises(Invalid, match="microbatches"):
                orders_of(Ask(name, schedules[name]), *shape)
        elif right == "rejected":
            # PyTorch refuses 1F1B with m < p microbatches, yet it is well-defined: on the last m ranks it is that of m
            # ranks, the ranks before them run all forwards first.
            orders, m = orders_of(Ask(name, schedules[name]), *shape), microbatches
            assert m < ranks
            assert orders[: ranks - m] == schedules["gpipe"](ranks, m)[: ranks - m]
            assert [[op[1:] for op in order] for order in orders[ranks - m :]] == [
                [op[1:] for op in order] for order in schedules["1f1b"](m, m)
            ]
        else:
            assert digest(written(name, *shape)) == right, shape


@pytest.mark.parametrize("name", NAMES.values())
def test_a_whole_order_is_that_of_others(name):
    case = DATA["whole"][name]
    assert written(name, *case["shape"]) == case["ranks"]


@pytest.mark.parametrize("case", DATA["dualpipe"], ids=lambda case: "x".join(map(str, case["shape"])))
def test_dualpipe_takes_the_seconds_that_another_player_found(case):
    """Peaks count an overlap's F before its B. Times of a pair are F + B, as the contract has it."""
    orders = schedules["dualpipe"](*case["shape"])
    assert [*map(most_live, orders)] == case["peak"]
    for one in case["plays"]:
        times = one["F"], one["I"], one["W"]
        makespan = max(play(orders, *times, send=one["comm"]))
        assert makespan == one["makespan"], times
        if "max_idle" in one:
            assert makespan - min(busy(order, *times) for order in orders) == one["max_idle"]


@pytest.mark.skipif(not ORACLES.exists(), reason="the whole oracles are not beside the checkout")
def test_whole_oracles():
    cases = json.loads((ORACLES / "torch_schedules.json").read_text())["cases"]
    cases += json.loads((ORACLES / "zb_schedules.json").read_text())["cases"]
    compared = 0
    for case in cases:
        if case["schedule"] in NAMES and "ranks" in case:
            name, chunks = NAMES[case["schedule"]], 1 if case["schedule"] == "dualpipe" else case["virtual"]
            assert written(name, case["pp"], case["microbatches"], chunks) == case["ranks"]
            compared += 1
    assert compared == 672 - 31 + 9
