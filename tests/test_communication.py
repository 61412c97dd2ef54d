"""Exposed and hidden seconds of communicators: counts by hand, and sums of random jobs."""

from dataclasses import replace
from math import fsum

import pytest
from hypothesis import given
from random_scenarios import scenarios
from test_collectives import BANDWIDTH, LATENCY, SIZE, meeting, ring

from parsim.build import build
from parsim.metrics.communication import ALWAYS, communication
from parsim.metrics.ledger import ledger
from parsim.scenario.scenario import load
from parsim.sim.play import play


def parts(made):
    timeline = play(made)
    found = communication(made, timeline)
    terms = ledger(timeline, made.cluster.stands_for, 0.0)
    rows = timeline.owned & timeline.transfers
    mean = fsum((timeline.end_s - timeline.start_s)[rows] * made.cluster.stands_for[timeline.workers.code[rows]])
    assert min(terms.hidden_s, *(seconds for part in found.values() for seconds in part.values())) >= 0
    assert fsum(part["hidden_s"] for part in found.values()) == pytest.approx(terms.hidden_s, abs=1e-9)
    both = fsum(part["hidden_s"] + part["exposed_s"] for part in found.values())
    assert both == pytest.approx(mean / made.cluster.p, abs=1e-9)
    return found


def test_nothing_hides_a_ring_after_all_computing():
    made = meeting(4, ring)
    one = made.graph.collectives[0]._replace(communicator="data")
    made = replace(made, graph=replace(made.graph, collectives=(one,)))
    found = parts(made)
    took = 6 * (LATENCY + SIZE / 4 / BANDWIDTH)
    assert found["data"] == pytest.approx({"exposed_s": took, "hidden_s": 0.0})
    assert [found[name] for name in ALWAYS[1:]] == [{"exposed_s": 0.0, "hidden_s": 0.0}] * 4


def test_who_began_first_is_exposed_and_computing_hides_all():
    """w1 receives 3 s from 1 s on and 3 s from 2 s on (two links), and computes from 3 s to 5 s."""
    tasks = [
        {"name": "a", "compute": {"w0": "1 s"}},
        {"name": "b", "compute": {"w2": "2 s"}},
        {"name": "c", "compute": {"w1": "3 s"}},
        {"name": "send a", "compute": {"w0": "0 s"}, "lane": "data", "after": ["a"]},
        {"name": "send b", "compute": {"w2": "0 s"}, "lane": "tensor", "after": ["b"]},
        {"name": "d", "compute": {"w1": "1 s"}, "after": {"send a": "400 MB", "send b": "300 MB"}},
    ]
    cluster = {"devices": 3, "topology": {"kind": "full", "bandwidth": "100 MB/s"}}
    made = build(load({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}}))
    found = parts(made)
    # a travels from 1 to 5, b from 2 to 5; w1 computes until 3: a is exposed from 3 to 5, b is hidden
    assert found["data"] == pytest.approx({"exposed_s": 2 / 3, "hidden_s": 2 / 3})
    assert found["tensor"] == pytest.approx({"exposed_s": 0.0, "hidden_s": 1.0})


@given(scenarios(memory=False))
def test_communicators_add_up_to_the_ledger(scenario):
    parts(build(load(scenario)))


def test_what_takes_no_time_hides_nothing():
    """It begins with a task that computes for a second beside a delay of a second, which is hidden by that."""
    tasks = [{"name": f"t{n}", "compute": {"w1" if n == 1 else "w0": "0 s"}} for n in range(4)]
    tasks += [{"name": "t4", "compute": {"w0": "1 s"}}]
    tasks += [{"name": "t5", "compute": {"w0": "1 s"}, "after": {"t1": "1 s", "t4": "0 s"}}]
    topology = {"kind": "star", "bandwidth": "1 MB/s"}
    found = parts(build(load({"policy": "heft", "cluster": {"devices": 2, "topology": topology},
                              "workload": {"kind": "tasks", "tasks": tasks}})))  # fmt: skip
    assert found["delay"] == pytest.approx({"exposed_s": 0.0, "hidden_s": 0.5})


@pytest.mark.parametrize(("compute", "size", "bandwidth"), [(0.7, "70 MB", "70 MB/s"), (0.7, "10 MB", "70 MB/s")])
def test_no_seconds_are_negative_by_rounding(compute, size, bandwidth):
    """A chain over three workers, whose seconds binary numbers cannot hold: nothing is hidden, by definition."""
    tasks = [{"name": "t0", "compute": {"w0": f"{compute} s"}}]
    tasks += [
        {"name": f"t{n}", "compute": {f"w{n % 3}": f"{compute + 1.1 * (n % 3)} s"}, "after": {f"t{n - 1}": size}}
        for n in range(1, 12)
    ]
    cluster = {"devices": 3, "topology": {"kind": "full", "bandwidth": bandwidth}}
    found = parts(build(load({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}})))
    assert found["transfers"]["hidden_s"] == pytest.approx(0.0, abs=1e-12)
