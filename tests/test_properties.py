"""What holds of every run, on scenarios drawn at random."""

from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scenarios import items, pipelines, scenarios, seconds, task_graphs, traffic

import parsim
from parsim.export.csv import write_csv
from parsim.metrics.checker import check
from parsim.metrics.ledger import seconds as sums_of

often = settings(max_examples=150, derandomize=True, deadline=None)


def played(scenario):
    """Play; None where the scenario is refused or stalls, both in words."""
    try:
        return parsim.simulate(scenario)
    except parsim.ScenarioError as error:
        assert error.faults
        assert all(fault.message and "no device" not in fault.message for fault in error.faults)
    except parsim.Stalled as stall:
        assert "stalled at" in str(stall)
        assert " waits for " in str(stall)
    return None


def holds(run):
    """Assert all that has to hold of any run."""
    timeline, terms, workers = run.timeline, run.ledger, run.job.cluster.workers
    assert check(run.job, timeline) == []
    parts = (terms.t_total_s, terms.deviation_s, terms.idle_s, terms.contention_s, -terms.hidden_s)
    largest = max(terms.makespan_s, *map(abs, parts))
    assert abs(fsum(parts) - terms.makespan_s) <= 1e-9 * largest
    assert fsum(terms.idle.values()) == pytest.approx(terms.idle_s, rel=1e-9, abs=1e-12)
    assert min(terms.idle.values()) >= 0
    assert terms.hidden_s >= -1e-9 * largest
    assert terms.contention_s >= -1e-9 * largest
    sums = sums_of(timeline, len(workers))
    whole = sums.compute + sums.shown + sums.idle.sum(axis=0)
    assert whole == pytest.approx(np.full(len(workers), terms.makespan_s), rel=1e-9, abs=1e-12)


@often
@given(items())
def test_items_of_any_split(scenario):
    run = played(scenario)
    if run:
        holds(run)
        depth = scenario["plan"].get("depth", 1)
        data = scenario["workload"].get("data")
        assert run.value == (None if data is None else sum(data) * 2**depth)
        assert run.theory.n == (data and len(data) or scenario["workload"]["count"]) * depth


@often
@given(task_graphs())
def test_any_task_graph(scenario):
    run = played(scenario)
    if run:
        holds(run)


@often
@given(pipelines())
def test_any_pipeline(scenario):
    run = played(scenario)
    if run:
        holds(run)


@often
@given(traffic())
def test_any_traffic(scenario):
    run = played(scenario)
    assert run is not None
    holds(run)
    assert len(run.timeline) == len(scenario["workload"]["flows"])


@often
@given(scenarios())
def test_the_same_scenario_gives_the_same_bytes(scenario):
    first, second = played(scenario), played(scenario)
    assert (first is None) == (second is None)
    if first and second:
        assert write_csv(first.timeline) == write_csv(second.timeline)
        assert first.to_dict() == second.to_dict()


@often
@given(task_graphs(memory=False), st.sampled_from(["fifo", "heft"]))
def test_without_transfers_equal_workers_keep_to_grahams_bounds(scenario, policy):
    """Whoever never idles while a task is ready ends within work/P + (1 - 1/P) longest path; nobody beats either."""
    for row in scenario["workload"]["tasks"]:
        row["compute"] = row["compute"] if isinstance(row["compute"], str) else next(iter(row["compute"].values()))
        row["after"] = list(row.get("after", ()))
    devices = scenario["cluster"]["devices"]
    count = devices if isinstance(devices, int) else len(devices)
    plain = {"cluster": {"devices": count}, "workload": scenario["workload"], "policy": policy}
    run = parsim.simulate(plain)
    took = {row["name"]: float(row["compute"].split()[0]) for row in scenario["workload"]["tasks"]}
    parents = {row["name"]: row["after"] for row in scenario["workload"]["tasks"]}
    work, longest = sum(took.values()), max(longest_to(task, took, parents) for task in took)
    makespan, slack = run.timeline.makespan_s, 1e-9 * work
    assert max(longest, work / count) - slack <= makespan <= work + slack
    if policy == "fifo":
        assert makespan <= work / count + (1 - 1 / count) * longest + slack


def longest_to(task, took, parents):
    return took[task] + max((longest_to(parent, took, parents) for parent in parents[task]), default=0.0)


@often
@given(task_graphs(memory=False), seconds(1))
def test_luck_does_not_depend_on_policy_or_cluster(scenario, compute):
    """Task i meets the same factor under every policy and on every cluster."""
    scenario["cost"] = {"kind": "noisy", "spread": 0.5}
    for row in scenario["workload"]["tasks"]:
        row["compute"] = compute
    factors = []
    for policy in ("fifo", "heft"):
        run = parsim.simulate(scenario | {"policy": policy})
        rows = np.flatnonzero(run.timeline.computes)
        rows = rows[np.argsort(run.timeline.number[rows])]
        took = run.timeline.end_s[rows] - run.timeline.start_s[rows]
        factors.append(took / run.timeline.nominal_s[rows])
    assert factors[0] == pytest.approx(factors[1], rel=1e-9)
