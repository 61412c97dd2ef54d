"""Orders of pipeline schedules: what PyTorch runs, and what every schedule on the shelf must keep."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op, columns, needs
from parsim.schedules import schedules

TORCH = json.loads((Path(__file__).parent / "data/torch_schedules.json").read_text())["cases"]
OURS = {"ScheduleGPipe": "gpipe", "Schedule1F1B": "1f1b"}
SIZES = [(1, 1), (1, 5), (2, 1), (2, 4), (3, 7), (4, 2), (4, 4), (4, 8), (5, 3), (8, 16)]
SECONDS = {"F": 1, "B": 2, "I": 1, "W": 1}


def written(orders):
    return [" ".join(map(str, order)) for order in orders]


def waits_for(op, stages, done):
    """The ops that *op* needs, written down apart from the package: F, then backward from the last stage, W last."""
    if op.kind == "F":
        return [(op.stage - 1, "F", op.microbatch)] if op.stage else []
    if op.kind == "W":
        return [(op.stage, "I", op.microbatch)]
    later = [(op.stage + 1, kind, op.microbatch) for kind in "BI"] if op.stage + 1 < stages else []
    return [(op.stage, "F", op.microbatch), *(later[:1] if later and later[0] in done else later[1:])]


def play(orders):
    """Play *orders* with equal stages; return each op's end, or fail where nothing can move."""
    stages = 1 + max(op.stage for order in orders for op in order)
    ends, at, clock = {}, [0] * len(orders), [0] * len(orders)
    while sum(at) < sum(map(len, orders)):
        moved = False
        for rank, order in enumerate(orders):
            while at[rank] < len(order):
                op = order[at[rank]]
                parents = waits_for(op, stages, ends)
                if any(parent not in ends for parent in parents):
                    break
                clock[rank] = max([clock[rank], *(ends[parent] for parent in parents)]) + SECONDS[op.kind]
                ends[op] = clock[rank]
                at[rank] += 1
                moved = True
        assert moved, f"deadlock at {[str(o[i]) for o, i in zip(orders, at, strict=True) if i < len(o)]}"
    return ends


def most_live(order):
    """The most activations held at once: a forward adds one, its last backward half frees it."""
    split = any(op.kind == "W" for op in order)
    live = most = 0
    for op in order:
        live += {"F": 1, "B": -1, "I": 0, "W": -1 if split else 0}[op.kind]
        most = max(most, live)
    return most


@pytest.mark.parametrize("case", TORCH, ids=lambda c: f"{OURS[c['schedule']]}-{c['pp']}x{c['microbatches']}")
def test_order_is_what_pytorch_runs(case):
    orders = schedules[OURS[case["schedule"]]](case["pp"], case["microbatches"])
    if "rejected" in case:
        # PyTorch refuses 1F1B with m < p microbatches, yet it is well-defined: on the last m ranks it is that of m
        # ranks, the ranks before them run all forwards first.
        p, m = case["pp"], case["microbatches"]
        assert m < p
        assert orders[: p - m] == schedules["gpipe"](p, m)[: p - m]
        assert [[op[1:] for op in order] for order in orders[p - m :]] == [
            [op[1:] for op in order] for order in schedules["1f1b"](m, m)
        ]
    else:
        assert written(orders) == case["ranks"]


def test_pytorch_cases_are_all_there():
    assert Counter(case["schedule"] for case in TORCH) == {"ScheduleGPipe": 42, "Schedule1F1B": 42}
    assert sum("rejected" in case for case in TORCH) == 4


@pytest.mark.parametrize(("ranks", "microbatches"), SIZES)
@pytest.mark.parametrize("name", schedules.entries())
class TestConformance:
    def test_each_op_once(self, name, ranks, microbatches):
        orders = schedules[name](ranks, microbatches)
        assert len(orders) == ranks
        kinds = Counter(op for order in orders for op in order)
        assert set(kinds.values()) == {1}
        for stage in range(1 + max(op.stage for op in kinds)):
            for i in range(microbatches):
                here = "".join(kind for kind in "FBIW" if (stage, kind, i) in kinds)
                assert here in ("FB", "FIW"), f"stage {stage}, microbatch {i} has {here}"

    def test_no_deadlock_and_bubble_as_claimed(self, name, ranks, microbatches):
        schedule = schedules[name]
        makespan = max(play(schedule(ranks, microbatches)).values())
        work = 3 * microbatches  # a rank's own seconds: F 1, I 1, W 1
        claimed = sys.modules[schedule.__module__].bubble(ranks, microbatches)
        assert 1 - work / makespan == pytest.approx(claimed, abs=1e-12)

    def test_live_activations_as_claimed(self, name, ranks, microbatches):
        schedule = schedules[name]
        claimed = sys.modules[schedule.__module__].live(ranks, microbatches)
        assert list(map(most_live, schedule(ranks, microbatches))) == claimed

    def test_needs_are_the_hand_written_ones(self, name, ranks, microbatches):
        orders = schedules[name](ranks, microbatches)
        ops = [op for order in orders for op in order]
        stages, known = 1 + max(op.stage for op in ops), set(ops)
        found = needs(columns(orders))
        pairs = [(ops[a], ops[b]) for a, b in zip(found.parent, found.child, strict=True)]
        assert sorted(pairs) == sorted((parent, op) for op in ops for parent in waits_for(op, stages, known))
        assert [a.stage != b.stage for a, b in pairs] == found.crosses.astype(bool).tolist()


@pytest.mark.parametrize("name", ["gpipe", "1f1b"])
def test_chunks_are_refused_with_the_remedy(name):
    with pytest.raises(Invalid) as refused:
        schedules[name](4, 8, 2)
    why = f"{name} gives each rank one stage, so it has no use for more chunks; use chunks: 1"
    assert refused.value.complaints == (Complaint(("chunks",), why),)


def test_one_f_one_b_by_hand():
    # Rank 2 of 4 warms up with two forwards.
    assert written(schedules["1f1b"](4, 8))[2] == ("2F0 2F1 2B0 2F2 2B1 2F3 2B2 2F4 2B3 2F5 2B4 2F6 2B5 2F7 2B6 2B7")


@pytest.mark.parametrize("text", ["0F0", "12B345", "3I1", "7W10"])
def test_ops_print_and_parse(text):
    assert str(Op.parse(text)) == text


@pytest.mark.parametrize("text", ["", "F0", "0F", "0X0", "0F0 ", "-1F0", "0F0B"])
def test_other_text_is_no_op(text):
    with pytest.raises(ValueError, match="no action"):
        Op.parse(text)


def test_split_backward_has_its_needs():
    # Two stages on one rank, backward in halves: by hand.
    orders = [[Op.parse(text) for text in ("0F0", "1F0", "1I0", "0I0", "1W0", "0W0")]]
    found = needs(columns(orders))
    ops = written([[op] for op in orders[0]])
    pairs = {f"{ops[a]}>{ops[b]}" for a, b in zip(found.parent, found.child, strict=True)}
    assert pairs == {"0F0>1F0", "1I0>0I0", "0F0>0I0", "1F0>1I0", "0I0>0W0", "1I0>1W0"}
