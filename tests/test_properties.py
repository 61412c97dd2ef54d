"""What holds of every run, on scenarios drawn at random."""

from collections import Counter
from fractions import Fraction
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scenarios import POLICIES, items, pipelines, scenarios, seconds, task_graphs, traffic

import parsim
from parsim.core.timeline import CAUSES
from parsim.export.csv import write_csv
from parsim.metrics.checker import check
from parsim.metrics.ledger import outside_compute
from parsim.metrics.ledger import seconds as sums_of

NAMING = (
    "round_robin",
    "heft",
    "cpop",
    "peft",
)  # homes: a worker may idle beside a ready task
EXAMPLES = 3 * settings.default.max_examples
often = settings(derandomize=True)


def played(scenario):
    """Play; None where the scenario is refused or stalls: nothing else may be raised."""
    try:
        return parsim.simulate(scenario)
    except (parsim.ScenarioError, parsim.Stalled) as error:
        sound(error)
    return None


def sound(error):
    """Assert that an error says what its kind promises."""
    if isinstance(error, parsim.Stalled):
        assert "stalled at" in str(error)
        assert " waits for " in str(error)
        assert "gives it to no worker" not in str(error)
        assert "its inputs" not in str(error)
    else:
        assert all(fault.path and fault.message for fault in error.faults)


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
    whole = sums.compute + outside_compute(timeline, len(workers)) + sums.idle.sum(axis=0)
    assert whole == pytest.approx(np.full(len(workers), terms.makespan_s), rel=1e-9, abs=1e-12)


def of_items(run, scenario):
    depth = scenario["plan"].get("depth", 1)
    data = scenario["workload"].get("data")
    assert run.value == (None if data is None else sum(data) * 2**depth)
    assert run.theory.n == scenario["workload"].get("count", len(data or ())) * depth


def of_traffic(run, scenario):
    assert len(run.timeline) == len(scenario["workload"]["flows"])


def of_tasks(run, scenario):
    assert run.timeline.computes.sum() == run.job.n


@pytest.mark.parametrize(
    ("strategy", "also_holds", "happenings", "most_refused"),
    [
        (
            task_graphs(),
            of_tasks,
            {"memory", "policy", "fill", "drain", "dependency", "steps", "contention", "hidden"},
            1 / 3,
        ),
        (items(), of_items, {"memory", "policy", "drain", "steps", "contention", "hidden"}, 1 / 3),
        (pipelines(), of_tasks, {"policy", "fill", "drain", "dependency", "steps", "hidden"}, 1 / 3),
        (traffic(), of_traffic, {"fill", "drain", "dependency", "contention", "hidden"}, 0),
    ],
    ids=["task graphs", "items", "pipelines", "traffic"],
)
def test_any_scenario(strategy, also_holds, happenings, most_refused):
    """Every run holds. Few scenarios are refused or stall, and in some of them each thing happens that can."""
    seen = Counter()

    @settings(often, max_examples=EXAMPLES)
    @given(strategy)
    def play(scenario):
        run = played(scenario)
        seen["refused or stalled"] += run is None
        if run:
            holds(run)
            also_holds(run, scenario)
            terms = run.ledger
            seconds = {**terms.idle, "contention": terms.contention_s, "hidden": terms.hidden_s}
            seen.update(what for what, value in seconds.items() if value > 1e-6)

    play()
    assert happenings <= set(seen), seen
    assert seen["refused or stalled"] <= most_refused * EXAMPLES, seen


@often
@given(scenarios())
def test_the_same_scenario_gives_the_same_bytes(scenario):
    first, second = played(scenario), played(scenario)
    assert (first is None) == (second is None)
    if first and second:
        assert "".join(write_csv(first.timeline)) == "".join(write_csv(second.timeline))
        assert first.to_dict() == second.to_dict()


@often
@given(task_graphs(memory=False), POLICIES)
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
    if policy not in NAMING:
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


@often
@given(task_graphs(memory=False))
def test_fifo_is_what_a_few_lines_say(scenario):
    """Play delays and computes by the contract's order of events, in the plainest way there is."""
    for row in scenario["workload"]["tasks"]:
        if isinstance(row.get("after"), dict):
            row["after"] = {parent: travel.replace("MB", "s") for parent, travel in row["after"].items()}
    scenario |= {"policy": "fifo", "plan": {}, "cost": {"kind": "constant"}}
    run = parsim.simulate(scenario)
    found = {
        name: (worker, start)
        for _, name, kind, worker, _, _, start, _, _, _ in run.timeline.rows()
        if kind == "compute"
    }
    wanted = plainest(scenario["workload"]["tasks"], run.job)
    assert {name: worker for name, (worker, _) in found.items()} == {
        name: worker for name, (worker, _) in wanted.items()
    }
    starts = {name: float(start) for name, (_, start) in wanted.items()}
    assert {name: start for name, (_, start) in found.items()} == pytest.approx(starts, rel=1e-14, abs=0)


def plainest(rows, job):
    """Return worker and start of each task."""
    workers, devices = job.cluster.workers, job.cluster.devices
    number = {row["name"]: task for task, row in enumerate(rows)}
    after = [
        dict(row.get("after") or {})
        if isinstance(row.get("after"), dict)
        else dict.fromkeys(row.get("after", ()), "0 s")
        for row in rows
    ]
    where, start, end, queue, told, now = {}, {}, {}, [], set(), Fraction(0)
    while len(told) < len(rows) or queue or any(end[task] >= now for task in end):
        over = {name for name in end if end[name] <= now}
        fresh = [
            row["name"]
            for row, parents in zip(rows, after, strict=True)
            if row["name"] not in told and over >= set(parents)
        ]
        queue += sorted(fresh, key=number.get)
        told |= set(fresh)
        before = len(queue)
        for worker in workers:
            if any(where[name] == worker.name and name not in over for name in where):
                continue
            device = devices[worker.device]
            for name in queue:
                compute = rows[number[name]]["compute"]
                if isinstance(compute, str) or device.name in compute:
                    own = isinstance(compute, dict)
                    stated = Fraction((compute[device.name] if own else compute).split()[0])
                    took = stated if own else stated / Fraction(repr(device.speed))
                    there = [
                        end[parent] + Fraction(delay.split()[0]) * (where[parent] != worker.name)
                        for parent, delay in after[number[name]].items()
                    ]
                    where[name], start[name] = worker.name, max([now, *there])
                    end[name] = start[name] + took
                    queue.remove(name)
                    break
        if len(queue) == before and not any(end[name] == now and name not in over for name in end):
            later = [moment for moment in end.values() if moment > now]
            if not later:
                break
            now = min(later)
    return {name: (where[name], start[name]) for name in where}


@often
@given(st.one_of(task_graphs(memory=False), items(memory=False)))
def test_the_causes_of_idleness_are_what_the_rows_say(scenario):
    """Ask at the middle of each piece; under fifo, without prefetch, a task is taken when its first span starts."""
    scenario["policy"], scenario["plan"]["prefetch"] = "fifo", 0
    run = parsim.simulate(scenario)
    rows, graph, pieces = run.timeline.rows(), run.job.graph, run.timeline.idle
    workers = [worker.name for worker in run.job.cluster.workers]
    results = {f"{name}>host" for name in graph.names}
    taken, ready = {}, {}
    for number, name, kind, worker, _, ready_s, start, _, _, _ in rows:
        if worker and name not in results:
            taken[number] = min(start, taken.get(number, start))
            if kind != "transfer":
                ready[number] = ready_s
    for who, start, end, cause in zip(*(column.tolist() for column in pieces), strict=True):
        moment = (start + end) / 2
        if not start < moment < end:  # a piece of one rounding has no middle
            continue
        own = [(row[6], row[7]) for row in rows if row[3] == workers[who]]
        if any(row[6] <= moment < row[7] for row in rows if not row[3]):
            expected = "steps"
        elif any(ready[t] <= moment < taken[t] and who in graph.places[graph.place[t]] for t in ready):
            expected = "policy"
        elif own and moment < min(row[0] for row in own):
            expected = "fill"
        elif moment > max((row[1] for row in own), default=0):
            expected = "drain"
        else:
            expected = "dependency"
        assert CAUSES[cause] == expected
