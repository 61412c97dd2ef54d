"""The door for collectives: members and phases, played over links that are really shared."""

from dataclasses import replace

import numpy as np
import pytest
import random_collectives
from hypothesis import given
from hypothesis import strategies as st

from parsim.build import build
from parsim.core.collective import Collective, phase
from parsim.core.errors import Stalled
from parsim.core.lanes import about_lanes
from parsim.lower import complaints_about
from parsim.metrics.checker import check
from parsim.scenario.scenario import load
from parsim.sim.play import play

BANDWIDTH, LATENCY, SIZE = 100e6, 1e-3, 120e6


def ring(members, size):
    """Return the phases of a ring all-reduce: 2 (n - 1) times, each member sends 1/n to the next."""
    n = len(members)
    around = phase(np.arange(n), np.roll(np.arange(n), -1), size / n)
    return Collective(tuple(members), (around,) * (2 * (n - 1)))


def broadcast(members, size):
    """Return the phases of a binomial broadcast: in phase k, members below 2^k send to those 2^k further."""
    n, phases = len(members), []
    for step in [1 << k for k in range((n - 1).bit_length())]:
        senders = np.arange(min(step, n - step))
        phases.append(phase(senders, senders + step, size))
    return Collective(tuple(members), tuple(phases))


def job(ranks, late=0):
    """Return a job in which every rank computes for a second, the last one *late* more, and then meets the others."""
    names = [f"w{rank}" for rank in range(ranks)]
    seconds = [1] * (ranks - 1) + [1 + late]
    tasks = [{"name": f"b{rank}", "compute": {name: f"{seconds[rank]} s"}} for rank, name in enumerate(names)]
    tasks += [
        {"name": f"r{rank}", "compute": {name: "0 s"}, "lane": "dp", "after": [f"b{rank}"]}
        for rank, name in enumerate(names)
    ]
    tasks += [{"name": f"u{rank}", "compute": {name: "1 s"}, "after": [f"r{rank}"]} for rank, name in enumerate(names)]
    topology = {"kind": "full", "bandwidth": "100 MB/s", "latency": "1 ms"}
    scenario = {"cluster": {"devices": ranks, "topology": topology}, "workload": {"kind": "tasks", "tasks": tasks}}
    return build(load(scenario))


def meeting(ranks, make, **more):
    made = job(ranks, **more)
    return replace(made, graph=replace(made.graph, collectives=(make(range(ranks, 2 * ranks), SIZE),)))


def spans(made):
    timeline = play(made)
    assert check(made, timeline) == []
    return {row[1]: row for row in timeline.rows()}


@pytest.mark.parametrize("ranks", [2, 3, 4, 8])
def test_a_ring_takes_as_long_as_its_closed_form(ranks):
    """2 (n - 1) (latency + size / (n bandwidth)): Patarasuk and Yuan, J. Parallel Distrib. Comput. 69(2), 2009."""
    took = 2 * (ranks - 1) * (LATENCY + SIZE / ranks / BANDWIDTH)
    rows = spans(meeting(ranks, ring))
    for rank in range(ranks):
        assert rows[f"r{rank}"][6:9] == pytest.approx((1, 1 + took, took), rel=1e-12)
        assert rows[f"u{rank}"][6] == pytest.approx(1 + took, rel=1e-12)


def test_what_a_member_receives_may_arrive_while_it_is_behind():
    """r1 sends for 3.6 s to r2, and meanwhile receives what r0 sends in the next phase."""

    def behind(members, size):
        return Collective(tuple(members), (phase([1], [2], 3 * size), phase([0], [1], size)))

    rows = spans(meeting(3, behind))
    assert rows["r1"][6:8] == pytest.approx((1, 1 + LATENCY + 3 * SIZE / BANDWIDTH), rel=1e-12)
    assert rows["r0"][6:8] == pytest.approx((1, 1 + LATENCY + SIZE / BANDWIDTH), rel=1e-12)


def test_a_member_may_be_faster_than_the_bandwidth_that_its_links_have_first():
    scenario = {
        "cluster": {
            "devices": 2,
            "topology": {
                "kind": "full",
                "bandwidth": "100 MB/s",
                "changes": [{"link": "*", "profile": [{"at": "2 s", "bandwidth": "1 GB/s"}]}],
            },
        },
        "workload": {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "600 MB"},
    }
    made = build(load(scenario))
    assert play(made).makespan_s == pytest.approx(2 + 0.4, rel=1e-12)  # 200 of 600 MB in 2 s, and 400 MB
    assert check(made, play(made)) == []


@pytest.mark.parametrize("ranks", [2, 3, 5, 8])
def test_a_broadcast_takes_a_phase_for_each_doubling(ranks):
    phases = (ranks - 1).bit_length()
    rows = spans(meeting(ranks, broadcast))
    assert rows[f"u{ranks - 1}"][6] == pytest.approx(1 + phases * (LATENCY + SIZE / BANDWIDTH), rel=1e-12)


def test_members_begin_when_their_own_inputs_are_there_and_only_those_wait_that_need_the_late_one():
    """Ring of three, the last a second late: w0 gets its first third from w2, so it waits; w2 never waits for w1."""
    step = LATENCY + SIZE / 3 / BANDWIDTH
    rows = spans(meeting(3, ring, late=1))
    assert [rows[f"r{rank}"][6] for rank in range(3)] == [1, 1, 2]
    assert rows["r0"][7] == pytest.approx(2 + 4 * step, rel=1e-12)
    assert rows["r2"][7] == pytest.approx(2 + 4 * step, rel=1e-12)
    assert rows["r1"][7] == pytest.approx(2 + 4 * step, rel=1e-12)


def test_a_foreign_flow_takes_its_share_of_a_link():
    """Beside a long transfer from w0 to w1, what w0 sends of the ring goes at half the rate."""
    ringing = meeting(2, ring)
    alone = spans(ringing)["r0"]
    sends = {"name": "s", "compute": {"w0": "0 s"}, "lane": "other", "after": ["b0"]}
    takes = {"name": "t", "compute": {"w1": "1 s"}, "after": {"s": "600 MB"}}
    tasks = [*ringing.values["workload"]["tasks"], sends, takes]
    both = build(load(ringing.values | {"workload": {"kind": "tasks", "tasks": tasks}}))
    both = replace(both, graph=replace(both.graph, collectives=ringing.graph.collectives))
    rows = spans(both)
    assert rows["r0"][7] == pytest.approx(alone[7] + 2 * (SIZE / 2 / BANDWIDTH), rel=1e-12)
    assert rows["r0"][8] == alone[8]  # what it takes alone does not change


def test_a_member_needs_a_lane_and_a_route():
    made = job(2)
    wrong = replace(made.graph, collectives=(ring([0, 3], SIZE),))
    assert [(what, number) for what, number, _ in about_lanes(wrong)] == [("lane", 0)]
    unwired = build(load(made.values | {"cluster": {"devices": 2}}))
    apart = replace(unwired, graph=replace(unwired.graph, collectives=(ring([2, 3], SIZE),)))
    assert {fault.message for fault in complaints_about(apart)} == {
        "the topology has no route from w0 to w1",
        "the topology has no route from w1 to w0",
    }


@pytest.mark.parametrize("ranks", [2, 4, 7])
def test_members_may_send_to_several_and_flows_travel_side_by_side(ranks):
    """Direct all-gather on a full network: each member sends its part to all others, on links of their own."""

    def direct(members, size):
        pairs = [(a, b) for a in range(ranks) for b in range(ranks) if a != b]
        return Collective(tuple(members), [phase(*zip(*pairs, strict=True), size / ranks, flows=3)])

    rows = spans(meeting(ranks, direct))
    for rank in range(ranks):
        assert rows[f"r{rank}"][7] == pytest.approx(1 + LATENCY + SIZE / ranks / BANDWIDTH, rel=1e-12)


def test_the_checker_notices_a_collective_that_is_too_fast():
    made = meeting(2, ring)
    slow = {"devices": 2, "topology": {"kind": "full", "bandwidth": "50 MB/s"}}
    slower = replace(made, cluster=build(load(made.values | {"cluster": slow})).cluster)
    broken = check(slower, play(made))
    assert {sentence for sentence in broken if "less time" in sentence} == {
        "task r0 took less time than its links allow",
        "task r1 took less time than its links allow",
        "transfer r0>r1 took less time than its route allows",
        "transfer r1>r0 took less time than its route allows",
    }


def altered(timeline, name, **change):
    """Return the timeline with other values in the span of a task or transfer."""
    row = timeline.task.tolist().index(name)
    columns = {key: getattr(timeline, key).copy() for key in change}
    for key, value in change.items():
        columns[key][row] = value
    return replace(timeline, **columns)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("r0>r1", {"rounds": 3}, "r0>r1 has 3 rounds, not 4"),
        ("r0>r1", {"size": 1e6}, "r0>r1 carries 1e+06 B, not 1.6e+08 B"),
        ("r0>r1", {"sender": 5}, "r0>r1 has 0 rounds, not 4"),
        ("r0>r1", {"start_s": 0.9, "end_s": 2.504}, "r0>r1 began round 0 before the sender was through the last"),
        ("r0", {"end_s": 2.0}, "task r0 ended before its last round"),
    ],
)
def test_the_checker_notices_a_member_that_breaks_a_rule(name, change, sentence):
    """A ring of three: each member sends four thirds of 120 MB, 1.604 s from 1 s on."""
    made = meeting(3, ring)
    broken = check(made, altered(play(made), name, **change))
    assert any(sentence in one for one in broken), broken


def test_the_checker_notices_a_round_that_begins_before_the_last_has_arrived():
    """Ring of three, the last member a second late, so that r0 waits: its second send cannot be where the first is."""
    made = meeting(3, ring, late=1)
    timeline = play(made)
    rows = [row for row, name in enumerate(timeline.task.tolist()) if name == "r0>r1"]
    start, end = timeline.start_s.copy(), timeline.end_s.copy()
    assert len(rows) == 2
    length = end[rows[1]] - start[rows[1]]
    start[rows[1]], end[rows[1]] = end[rows[0]], end[rows[0]] + length
    broken = check(made, replace(timeline, start_s=start, end_s=end))
    assert any("r0>r1 began round 1 before the sender was through the last" in one for one in broken), broken


def test_devices_that_share_a_card_are_foreseen_round_by_round(tmp_path, monkeypatch):
    """Eight rings of 16, two of them on each card: 30 rounds of 2.7 us + 1.28 GB / 8 / 16 at half of 100 Gbit/s."""
    monkeypatch.setattr("parsim.sim.player.BySends", None)
    path = tmp_path / "shared_cards.yaml"
    path.write_text(
        "cluster: {devices: 16, topology: {kind: islands, nodes: 2, node: aws-p4d}}\n"
        "workload: {kind: collective, operation: all-reduce, algorithm: {kind: ring, rings: 8}, size: 1.28 GB}\n"
    )
    found = play(build(load(path))).makespan_s
    assert found == pytest.approx(30 * (2.7e-6 + 1.28e9 / 8 / 16 / 6.25e9), rel=1e-12)


@given(st.integers(0, 10**9))
def test_random_collectives_end_as_member_by_member(number):
    """Late members, foreign flows, changes of capacity, collectives that share links: to 1e-12."""
    assert [*random_collectives.differences(2, number)] == []


@given(st.integers(0, 10**9))
def test_members_receive_all_bytes_once(number):
    _, _, _, collectives, devices, *_ = case = random_collectives.case(3, number)
    members, _, received = random_collectives.ours(*case)
    for place, (each, there) in enumerate(zip(collectives, devices, strict=True)):
        if np.isinf(members[place]).any():
            continue  # some link stopped for ever
        expected = {}
        for phase_ in each.phases:
            for one, other, size, _ in phase_:
                if size and there[one] != there[other]:
                    pair = 100 * place + one, 100 * place + other
                    rounds, total = expected.get(pair, (0, 0.0))
                    expected[pair] = rounds + 1, total + size
        mine = received.receiver // 100 == place
        pairs = list(zip(received.sender[mine].tolist(), received.receiver[mine].tolist(), strict=True))
        found = dict.fromkeys(pairs, (0, 0.0))
        for pair, rounds, size in zip(pairs, received.rounds[mine], received.size[mine], strict=True):
            found[pair] = found[pair][0] + rounds, found[pair][1] + size
        assert found == {pair: (rounds, pytest.approx(size)) for pair, (rounds, size) in expected.items()}


RINGING = {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "400 MB"}
PAIRS = [(0, 1), (1, 0)]


def over(profile):
    """Return a ring of two, one of whose two links has a profile."""
    links = [{"name": f"L{a}", "bandwidth": "100 MB/s"} for a, _ in PAIRS]
    links[0]["profile"] = profile
    routes = [{"from": f"w{a}", "to": f"w{b}", "over": [f"L{a}"]} for a, b in PAIRS]
    topology = {"kind": "custom", "links": links, "routes": routes}
    return build(load({"cluster": {"devices": 2, "topology": topology}, "workload": RINGING}))


@pytest.mark.parametrize(
    ("profile", "end"),
    [
        ([{"at": "1 s", "bandwidth": "0 B/s"}, {"at": "2 s", "bandwidth": "100 MB/s"}], 5),  # a second later
        ([{"at": "0 s", "bandwidth": "0 B/s"}, {"at": "3 s", "bandwidth": "100 MB/s"}], 7),
        ([{"at": "2 s", "bandwidth": "50 MB/s"}], 6),  # the second round takes 4 s
        ([{"at": "3 s", "bandwidth": "50 MB/s"}], 5),
        ([{"at": "1 s", "bandwidth": "200 MB/s"}], 4),  # the other link is no faster
        ([{"at": "9 s", "bandwidth": "0 B/s"}], 4),
    ],
)
def test_links_change_under_a_collective(profile, end):
    made = over(profile)
    timeline = play(made)
    assert check(made, timeline) == []
    assert timeline.makespan_s == pytest.approx(end, rel=1e-12)


def test_a_link_that_stops_for_ever_stalls_the_run():
    with pytest.raises(Stalled, match="link L0 carries 0 B/s"):
        play(over([{"at": "1 s", "bandwidth": "0 B/s"}]))
