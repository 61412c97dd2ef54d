"""Communication lanes: a send takes no slot, leaves as soon as it can, and is played, measured and proved as such."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.core.lanes import about_lanes
from parsim.metrics.checker import check
from parsim.policies import policies

SCENARIOS = Path(__file__).parents[1] / "scenarios"
FULL = {"kind": "full", "bandwidth": "100 MB/s", "latency": "0 s"}
BACKWARDS = [
    {"name": "b3", "compute": {"w0": "2 s"}},
    {"name": "b2", "compute": {"w0": "2 s"}, "after": ["b3"]},
    {"name": "b1", "compute": {"w0": "2 s"}, "after": ["b2"]},
]


def scenario(tasks, devices=2, **more):
    return {"cluster": {"devices": devices, "topology": FULL}, "workload": {"kind": "tasks", "tasks": tasks}, **more}


def played(tasks, **more):
    run = parsim.simulate(scenario(tasks, **more))
    assert check(run.job, run.timeline) == []
    return run, {row[1]: row for row in run.timeline.rows()}


def times(rows, *names):
    return [rows[name][6:8] for name in names]


def test_a_bucket_is_sent_while_backwards_go_on_and_its_update_waits_for_nothing_else():
    send = {"name": "s3", "compute": {"w0": "0 s"}, "lane": "dp", "after": ["b3"]}
    update = {"name": "u3", "compute": {"w1": "1 s"}, "after": {"s3": "100 MB"}}
    run, rows = played([*BACKWARDS, send, update])
    assert times(rows, "b1", "s3", "s3>u3", "u3") == [(4, 6), (2, 2), (2, 3), (3, 4)]
    assert (rows["s3"][2], rows["s3"][4], rows["s3>u3"][4]) == ("transfer", "dp", "w0>w1")
    facts = run.to_dict()
    assert (facts["tasks"], facts["theory"]["n"], facts["theory"]["p"]) == (4, 4, 2)
    assert facts["theory"]["t_s"] == 7 / 4
    assert facts["theory"]["t_c"] == 1 / 4


def test_the_same_on_the_compute_lane_queues_behind_the_backwards():
    send = {"name": "s3", "compute": {"w0": "0 s"}, "after": ["b3"]}
    _, rows = played([*BACKWARDS, send, {"name": "u3", "compute": {"w1": "1 s"}, "after": {"s3": "100 MB"}}])
    assert times(rows, "s3", "u3") == [(4, 4), (5, 6)]  # behind b2, which has the lower number


def test_a_lane_does_one_thing_at_a_time_in_the_order_of_becoming_ready():
    sends = [
        {"name": "s2", "compute": {"w0": "500 ms"}, "lane": "dp", "after": ["b2"]},
        {"name": "s3", "compute": {"w0": "0 s"}, "lane": "dp", "after": ["b3"]},
        {"name": "p2", "compute": {"w0": "0 s"}, "lane": "pp", "after": ["b2"]},
    ]
    update = {"name": "u", "compute": {"w1": "1 s"}, "after": {"s2": "100 MB", "s3": "300 MB", "p2": "1 s"}}
    _, rows = played([*BACKWARDS, *sends, update])
    assert times(rows, "s3>u", "s2", "s2>u", "p2>u") == [(2, 5), (5, 5.5), (5.5, 6.5), (4, 5)]
    assert (rows["s2"][9], rows["u"][9], rows["s3"][9]) == ("s3>u", "s2>u", "b3")
    assert rows["u"][5:7] == (6.5, 6.5)


def test_explain_and_the_report_tell_of_sends():
    sends = [{"name": f"s{n}", "compute": {"w0": "0 s"}, "lane": "dp", "after": [f"b{n}"]} for n in (3, 2)]
    update = {"name": "u", "compute": {"w1": "1 s"}, "after": {"s3": "400 MB", "s2": "100 MB"}}
    asked = scenario([*BACKWARDS, *sends, update])
    whys = [(link.task, link.why) for link in parsim.explain(asked).path]
    assert whys[1:] == [
        ("s3", "b3 had ended"),
        ("s3>u", "s3 had ended"),
        ("s2", "its lane was busy with s3>u"),
        ("s2>u", "s2 had ended"),
        ("u", "s2>u had arrived"),
    ]
    assert "4 units of work into 4 tasks and 2 sends" in parsim.simulate(asked).report()


def test_lanes_hand_on_to_lanes_round_a_ring():
    """Three hops of 100 MB, each a second, round a ring of three, beside computing that takes three seconds."""
    hops = [
        {"name": "h0", "compute": {"w0": "0 s"}, "lane": "ring"},
        {"name": "h1", "compute": {"w1": "0 s"}, "lane": "ring", "after": {"h0": "100 MB"}},
        {"name": "h2", "compute": {"w2": "0 s"}, "lane": "ring", "after": {"h1": "100 MB"}},
        {"name": "end", "compute": {"w0": "1 s"}, "after": {"h2": "100 MB"}},
    ]
    busy = [{"name": f"c{worker}", "compute": {f"w{worker}": "3 s"}} for worker in range(3)]
    run, rows = played([*hops, *busy], devices=3)
    assert times(rows, "h0>h1", "h1>h2", "h2>end", "end") == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert run.ledger.hidden_s == 1.0


@pytest.mark.parametrize("policy", [name for name in policies.entries() if name != "in_order"])
def test_every_policy_leaves_the_lanes_alone(policy):
    send = {"name": "s3", "compute": {"w0": "1 s"}, "lane": "dp", "after": ["b3"]}
    update = {"name": "u3", "compute": {"w1": "1 s"}, "after": {"s3": "100 MB"}}
    _, rows = played([*BACKWARDS, send, update], policy=policy)
    assert times(rows, "b1", "s3", "s3>u3", "u3") == [(4, 6), (2, 3), (3, 4), (4, 5)]


def test_what_a_lane_sends_waits_for_room_and_its_source_is_kept_until_it_has_arrived():
    tasks = [
        {"name": "a", "compute": {"w0": "1 s"}, "output": "100 MB"},
        {"name": "s", "compute": {"w0": "0 s"}, "lane": "dp", "after": ["a"]},
        {"name": "big", "compute": {"w1": "5 s"}, "memory": "150 MB"},
        {"name": "b", "compute": {"w1": "1 s"}, "after": {"s": "100 MB"}},
    ]
    cluster = {"devices": 2, "device": {"memory": "200 MB"}, "topology": FULL}
    run = parsim.simulate({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}})
    assert check(run.job, run.timeline) == []
    rows = {row[1]: row for row in run.timeline.rows()}
    assert times(rows, "s", "s>b", "b") == [(1, 1), (5, 6), (6, 7)]
    assert rows["s>b"][9] == "memory"
    assert [device["peak_memory_bytes"] for device in run.metrics["devices"]] == [100e6, 150e6]


def test_a_lane_that_never_finds_room_is_named_in_the_stall():
    tasks = [
        {"name": "s", "compute": {"w0": "0 s"}, "lane": "dp"},
        {"name": "b", "compute": {"w1": "1 s"}, "after": {"s": "60 MB", "c": "0 s"}},
        {"name": "t", "compute": {"w0": "0 s"}, "lane": "dp"},
        {"name": "c", "compute": {"w1": "1 s"}, "after": {"t": "80 MB"}},
    ]
    cluster = {"devices": 2, "device": {"memory": "130 MB"}, "topology": FULL}
    with pytest.raises(parsim.Stalled, match=r"lane dp of w0 waits to send the data of t on"):
        parsim.simulate({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}})


@pytest.mark.parametrize(
    ("task", "path", "why"),
    [
        ({"compute": "0 s"}, "tasks[1].compute", "needs exactly one worker"),
        ({"lane": "host"}, "tasks[1].lane", "'host' is reserved for every timeline"),
        ({"lane": "w1"}, "tasks[1].lane", "'w1' is the name of a device"),
        ({"memory": "1 MB"}, "tasks[1].memory", "only sends its parents' outputs"),
        ({"after": {"b": "1 MB"}}, "tasks[1].after.b", "carries no bytes or delay"),
    ],
)
def test_what_a_lane_cannot_do_is_wrong_input(task, path, why):
    tasks = [{"name": "b", "compute": {"w0": "1 s"}}, {"name": "s", "compute": {"w0": "0 s"}, "lane": "dp"} | task]
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario(tasks))
    assert [(fault.path, why in fault.message) for fault in refused.value.faults] == [(f"workload.{path}", True)]


def test_who_gets_what_a_lane_sends_has_one_worker():
    tasks = [
        {"name": "s", "compute": {"w0": "0 s"}, "lane": "dp"},
        {"name": "u", "compute": "1 s", "after": {"s": "1 MB"}},
    ]
    with pytest.raises(
        parsim.ScenarioError,
        match=r"after\.s: s sends as soon as it can, so u needs "
        r"exactly one worker",
    ):
        parsim.simulate(scenario(tasks))


@st.composite
def graphs(draw):
    """Draw tasks on two or three workers, some of them sends, that wait for earlier ones."""
    workers, tasks = draw(st.integers(2, 3)), []
    for number in range(draw(st.integers(2, 12))):
        lane = draw(st.sampled_from([None, None, "dp", "pp"])) if number else None
        worker, seconds = draw(st.integers(0, workers - 1)), draw(st.integers(0, 3))
        row = {"name": f"t{number}", "compute": {f"w{worker}": f"{seconds} s"}}
        earlier = st.sampled_from(tasks) if tasks else st.nothing()
        parents = draw(st.lists(earlier, max_size=min(3, len(tasks)), unique_by=lambda task: task["name"]))
        amount = st.sampled_from(["0 s", "100 MB", "50 MB", "1 s"])
        row["after"] = {p["name"]: draw(amount) if p.get("lane") or not lane else "0 s" for p in parents}
        tasks.append(row | ({"lane": lane} if lane else {}))
    return scenario(tasks, devices=workers)


@given(graphs(), st.sampled_from(["fifo", "heft", "lpt", "round_robin"]))
@settings(deadline=None)
def test_any_graph_with_lanes_is_proved(asked, policy):
    run = parsim.simulate(asked | {"policy": policy})
    assert check(run.job, run.timeline) == []
    facts = run.to_dict()["ledger"]
    sums = facts["t_total_s"] + facts["deviation_s"] + facts["idle_s"] + facts["contention_s"] - facts["hidden_s"]
    assert np.isclose(sums, run.timeline.makespan_s, rtol=1e-9)


def test_a_graph_that_computes_real_values_has_no_lanes():
    graph = parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml").job.graph
    wrong = replace(graph, lanes=("dp",), lane=np.array([0, 1]), place=np.array([0, 0]), places=((0,),))
    wrong = replace(wrong, given=np.empty(0), result=np.empty(0))
    assert [why for _, _, why in about_lanes(wrong)] == ["a graph that computes values cannot have communication lanes"]


def test_a_send_too_large_for_its_receiver_is_told_at_what_it_receives():
    tasks = [*BACKWARDS, {"name": "s", "compute": {"w0": "0 s"}, "lane": "dp"}]
    tasks += [{"name": "u", "compute": {"w1": "1 s"}, "after": {"s": "100 MB"}}]
    small = {"devices": 2, "device": {"memory": "50 MB"}, "topology": FULL}
    with pytest.raises(parsim.ScenarioError, match=r"workload\.tasks\[4\]\.after: task u needs 100 MB"):
        parsim.simulate({"cluster": small, "workload": {"kind": "tasks", "tasks": tasks}})
