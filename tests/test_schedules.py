"""Orders of pipeline schedules: what PyTorch runs, and what every schedule on the shelf must keep."""

import functools
import json
from collections import Counter
from pathlib import Path

import pytest

import parsim
from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op, action, columns, needs
from parsim.core.orders import StageTimes, claim_of, orders_of
from parsim.core.schema import Ask, Count
from parsim.entries.registry import Misplaced, shelf
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
        claimed = schedules.claims(name)["bubble"](ranks, microbatches)
        assert 1 - work / makespan == pytest.approx(claimed, abs=1e-12)

    def test_live_activations_as_claimed(self, name, ranks, microbatches):
        schedule = schedules[name]
        claimed = schedules.claims(name)["live"](ranks, microbatches)
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


@pytest.mark.parametrize("text", ["0F0", "12B345", "3I1", "7W10", "(12F3;4B567)OVERLAP_F_B"])
def test_actions_print_and_parse(text):
    assert str(action(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "F0",
        "0F",
        "0X0",
        "0F0 ",
        "-1F0",
        "0F0B",
        "(0F0;1F0)OVERLAP_F_B",
        "(0F0)OVERLAP_F_B",
        "(0F0;1B0)",
        "0SEND_F0",
    ],
)
def test_other_text_is_no_action(text):
    with pytest.raises(ValueError, match="no action"):
        action(text)


def test_an_overlap_waits_for_what_both_its_ops_need():
    # Stage 1 runs F of microbatch 1 and B of microbatch 0 as one task: by hand.
    orders = [[action(text) for text in row.split()] for row in ("0F0 0F1 0B0 0B1", "1F0 (1F1;1B0)OVERLAP_F_B 1B1")]
    names = [str(one) for row in orders for one in row]
    found = needs(columns(orders))
    pairs = sorted(f"{names[a]} > {names[b]}" for a, b in zip(found.parent, found.child, strict=True))
    both = "(1F1;1B0)OVERLAP_F_B"
    assert pairs == sorted(
        [
            *("0F0 > 1F0", f"0F1 > {both}", f"{both} > 0B0", "1B1 > 0B1"),
            *("0F0 > 0B0", "0F1 > 0B1", f"1F0 > {both}", f"{both} > 1B1"),
        ]
    )
    assert columns(orders).task.tolist() == [0, 1, 2, 3, 4, 5, 5, 6]


class TestAsked:
    """What a schedule is called with, by its signature."""

    def ask(self, schedule, **arguments):
        seen = {}

        @functools.wraps(schedule)
        def recording(**given):
            seen.update(given)
            return schedule(**given)

        return Ask("mine", recording, arguments), seen

    @pytest.mark.parametrize(("default", "chunks", "called"), [(2, None, 2), (2, 3, 3), (1, None, 1), (1, 4, 4)])
    def test_chunks_are_the_schedules_own_where_none_are_given(self, default, chunks, called):
        asked, seen = self.ask(lambda ranks, microbatches, chunks=default: [])
        orders_of(asked, 2, 3, chunks)
        assert seen == {"ranks": 2, "microbatches": 3, "chunks": called}

    def test_chunks_without_a_default_are_one(self):
        asked, seen = self.ask(lambda ranks, microbatches, chunks: [])
        orders_of(asked, 2, 3)
        assert seen["chunks"] == 1

    def test_times_are_those_of_ranks_x_chunks_stages_and_1_unless_given(self):
        asked, seen = self.ask(lambda ranks, microbatches, times, chunks=2: [])
        orders_of(asked, 3, 4)
        assert seen["times"] == ((1.0,) * 6, (1.0,) * 6, (1.0,) * 6, 0.0)

    def test_stages_hand_over_their_times_and_the_schedules_own_parameters(self):
        seen = {}

        @schedules.add("seeing", live=lambda ranks, limit: [limit] * ranks)
        def seeing(ranks: int, microbatches: int, times: StageTimes, limit: Count = 7) -> list[list[Op]]:
            seen.update(times=times, limit=limit)
            return schedules["gpipe"](ranks, microbatches)

        try:
            times = {"forward": ["1 s", "2 s"], "input_grad": "3 s", "weight_grad": ["4 s", "5 s"], "send": "6 s"}
            plan = {"schedule": {"kind": "seeing", "limit": 3}, "microbatches": 2}
            parsim.simulate({"cluster": {"devices": 2}, "workload": {"kind": "stages", **times}, "plan": plan})
            assert seen == {"times": ((1.0, 2.0), (3.0, 3.0), (4.0, 5.0), 6.0), "limit": 3}
            claim = schedules.claims("seeing")["live"]
            assert claim_of(claim, Ask("seeing", seeing, {"limit": 3}), 2, 2, 1) == [3, 3]
        finally:
            schedules.remove("seeing")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"bubbel": len}, "'mine' claims 'bubbel'; unknown name 'bubbel'. Did you mean 'bubble'"),
        ({"live": 3}, "a function is wanted"),
    ],
)
def test_a_claim_is_a_function_of_a_known_name(claims, why):
    with pytest.raises(Misplaced, match=why):
        schedules.add("mine", **claims)


def test_other_shelves_claim_nothing():
    with pytest.raises(Misplaced, match="'mine' claims 'live'; its entries claim nothing"):
        shelf("policies").add("mine", live=len)


def test_split_backward_has_its_needs():
    # Two stages on one rank, backward in halves: by hand.
    orders = [[Op.parse(text) for text in ("0F0", "1F0", "1I0", "0I0", "1W0", "0W0")]]
    found = needs(columns(orders))
    ops = written([[op] for op in orders[0]])
    pairs = {f"{ops[a]}>{ops[b]}" for a, b in zip(found.parent, found.child, strict=True)}
    assert pairs == {"0F0>1F0", "1I0>0I0", "0F0>0I0", "1F0>1I0", "0I0>0W0", "1I0>1W0"}
