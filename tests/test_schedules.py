"""Schedules: what every one on the shelf must keep, and what it is asked with."""

import functools
import re
from collections import Counter
from contextlib import suppress

import pytest
from plain_pipeline import busy, most_live, play, waits_for, way

import parsim
from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op, action, columns, needs, ops_of, placement
from parsim.core.orders import StageTimes, bubble_of, chunks_of, claim_of, orders_of
from parsim.core.schema import Ask, Count
from parsim.entries.registry import Misplaced, shelf
from parsim.schedules import schedules

SIZES = [(1, 1), (1, 5), (2, 1), (2, 4), (3, 7), (4, 2), (4, 4), (4, 8), (5, 3), (8, 16), (6, 14)]


def written(orders):
    return [" ".join(map(str, order)) for order in orders]


def shapes(name):
    """The shapes that a schedule does not refuse, and its orders: with its own number of chunks, and with 3."""
    for ranks, microbatches in SIZES:
        for chunks in (None, 3):
            with suppress(Invalid):
                asked = Ask(name, schedules[name])
                shape = ranks, microbatches, chunks or chunks_of(asked, None)
                yield shape, orders_of(asked, *shape)


def claimed(name, claim, shape):
    return claim_of(schedules.claims(name)[claim], Ask(name, schedules[name]), *shape)


GENERATED = [name for name in schedules.entries() if name != "custom"]


@pytest.mark.parametrize("name", GENERATED)
class TestConformance:
    def test_each_op_once(self, name):
        for (ranks, microbatches, chunks), orders in shapes(name):
            assert len(orders) == ranks
            kinds = Counter(op for order in orders for op in ops_of(order))
            assert set(kinds.values()) == {1}
            assert {op.stage for op in kinds} == set(range(ranks * chunks))
            for stage in range(ranks * chunks):
                for i in range(microbatches):
                    here = "".join(kind for kind in "FBIW" if (stage, kind, i) in kinds)
                    assert here in ("FB", "FIW"), f"stage {stage}, microbatch {i} has {here}"

    def test_no_deadlock_and_bubble_as_claimed(self, name):
        for shape, orders in shapes(name):
            makespan = max(play(orders))
            idle = 1 - sum(map(busy, orders)) / (len(orders) * makespan)
            claim = bubble_of(schedules.claims(name), Ask(name, schedules[name]), *shape)
            assert claim is None or idle == pytest.approx(claim, abs=1e-12), shape

    def test_live_activations_as_claimed(self, name):
        for shape, orders in shapes(name):
            found, most = [*map(most_live, orders)], claimed(name, "live", shape)
            assert all(held <= claim for held, claim in zip(found, most, strict=True)), shape
            assert found == most or shape[1] < 2 * shape[0], "a claim is sharp where the pipeline is full"

    def test_needs_are_the_hand_written_ones(self, name):
        for _, orders in shapes(name):
            actions = [action for order in orders for action in order]
            task = {way(op): i for i, action in enumerate(actions) for op in ops_of([action])}
            stages, found = 1 + max(stage for stage, _, _ in task), needs(columns(orders))
            wanted = Counter(
                (task[need], i, int(need[0] != op.stage))
                for i, action in enumerate(actions)
                for op in ops_of([action])
                for need in waits_for(op, stages)
            )
            assert Counter(zip(*(column.tolist() for column in found), strict=True)) == wanted

    def test_placement_is_where_the_forwards_are(self, name):
        for _, orders in shapes(name):
            places = placement(columns(orders))
            for rank, order in enumerate(orders):
                assert {op.stage for op in ops_of(order)} == {s for s, ranks in enumerate(places) if rank in ranks}


@pytest.mark.parametrize(
    ("name", "shape", "path", "why"),
    [
        ("zb-v", (2, 4, 3), "chunks", "zb-v gives each rank 2 stages; use chunks: 2"),
        ("dualpipev", (2, 4, 1), "chunks", "dualpipev gives each rank 2 stages; use chunks: 2"),
        ("dualpipe", (2, 4, 2), "chunks", "dualpipe gives each rank one stage; use chunks: 1"),
        ("dualpipev", (4, 7, 2), "microbatches", "two microbatches for each rank, 8 or more; there are 7"),
        ("dualpipe", (4, 6, 1), "microbatches", "two microbatches for each rank, 8 or more; there are 6"),
        ("dualpipe", (3, 6, 1), "ranks", "needs an even number of ranks; 3 is odd"),
        ("dualpipe", (2, 5, 1), "microbatches", "needs an even number of microbatches; 5 is odd"),
        ("interleaved-1f1b", (4, 9, 2), "microbatches", "cannot cut 9 microbatches into 2 equal rounds; use 8 or 12"),
        ("interleaved-zb", (2, 5, 1), "microbatches", "cannot cut 5 microbatches into 2 equal rounds; use 4 or 6"),
    ],
)
def test_what_a_schedule_cannot_do_is_said_with_the_remedy(name, shape, path, why):
    with pytest.raises(Invalid, match=re.escape(why)) as refused:
        orders_of(Ask(name, schedules[name]), *shape)
    assert (path,) in [complaint.path for complaint in refused.value.complaints]


@pytest.mark.parametrize("name", ["gpipe", "1f1b"])
def test_chunks_are_refused_with_the_remedy(name):
    with pytest.raises(Invalid) as refused:
        orders_of(Ask(name, schedules[name]), 4, 8, 2)
    why = f"{name} gives each rank one stage; use chunks: 1"
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
    with pytest.raises(ValueError, match="not an action"):
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
        ({"live": 3}, "which is not a function"),
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
