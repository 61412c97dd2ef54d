"""Whole scenarios against answers from elsewhere: publications, CP-SAT, simulators, SimGrid (tests/data/README.md)."""

import json
from pathlib import Path

import pytest

import parsim
from parsim.metrics.checker import check
from parsim.policies import policies

DATA = Path(__file__).parent / "data"
SCHEDULING = json.loads((DATA / "scheduling_cases.json").read_text())["cases"]
FLOWS = json.loads((DATA / "flow_cases.json").read_text())["cases"]
POLICIES = tuple(name for name in policies.entries() if name != "in_order")
CONSERVING = [
    ({**case, "name": f"{case['name']} {policy}"}, policy, case["expect"]["any_work_conserving"])
    for case in SCHEDULING
    if "any_work_conserving" in case["expect"]
    for policy in POLICIES
]
NAMED = [
    (case, policy, case["expect"][policy]) for case in SCHEDULING for policy in POLICIES if policy in case["expect"]
]


def play(case, policy):
    """Play a case of scheduling_cases.json."""
    workers = case["workers"]
    rows = []
    for task in case["tasks"]:
        seconds = task["seconds"]
        own = {worker: f"{s} s" for worker, s in seconds.items()} if isinstance(seconds, dict) else f"{seconds} s"
        after = {parent: f"{s} s" for parent, s in task.get("after", {}).items()}
        rows.append({"name": task["name"], "compute": own, "after": after})
    return parsim.simulate(
        {"cluster": {"devices": workers}, "workload": {"kind": "tasks", "tasks": rows}, "policy": policy}
    )


@pytest.mark.parametrize(
    ("case", "policy", "makespan"),
    NAMED + CONSERVING,
    ids=[f"{case['name']} {policy}" for case, policy, _ in NAMED] + [case["name"] for case, _, _ in CONSERVING],
)
def test_makespans_are_the_published_ones(case, policy, makespan):
    run = play(case, policy)
    assert run.timeline.makespan_s == pytest.approx(makespan, rel=1e-9)
    assert check(run.job, run.timeline) == []


def test_there_are_as_many_cases_as_the_data_has():
    assert (len(NAMED), len(CONSERVING), len(FLOWS)) == (116, len(POLICIES), 13)
    asked = {policy for case in SCHEDULING for policy in case["expect"]} - {"optimal", "any_work_conserving", "dls"}
    assert asked == {policy for _, policy, _ in NAMED}


@pytest.mark.parametrize("case", SCHEDULING, ids=[case["name"] for case in SCHEDULING])
def test_nobody_beats_the_optimum(case):
    if "optimal" not in case["expect"]:
        pytest.skip("no proof of an optimum is known")
    for policy in POLICIES:
        assert play(case, policy).timeline.makespan_s >= case["expect"]["optimal"] * (1 - 1e-9)


PLANNED = [case for case in SCHEDULING if "heft_schedule" in case]


@pytest.mark.parametrize("case", PLANNED, ids=[case["name"] for case in PLANNED])
def test_heft_puts_every_task_where_and_when_it_was_published(case):
    run = play(case, "heft")
    found = {
        name: [worker, start, end]
        for _, name, kind, worker, _, _, start, end, _, _ in run.timeline.rows()
        if kind == "compute"
    }
    assert found == {
        task: [worker, pytest.approx(a), pytest.approx(b)] for task, (worker, a, b) in case["heft_schedule"].items()
    }


@pytest.mark.parametrize("case", FLOWS, ids=[case["name"] for case in FLOWS])
def test_every_flow_ends_when_simgrid_says(case):
    flows = [
        {
            "name": flow["id"],
            "from": flow["src"],
            "to": flow["dst"],
            "size": f"{flow['size']} B",
            "start": f"{flow['start']} s",
            **({"limit": f"{flow['rate']} B/s"} if flow.get("rate") else {}),
        }
        for flow in case["flows"]
    ]
    links = [
        {"name": link["name"], "bandwidth": f"{link['bandwidth']} B/s", "latency": f"{link['latency']} s"}
        for link in case["links"]
    ]
    routes = [{"from": route["src"], "to": route["dst"], "over": route["links"]} for route in case["routes"]]
    run = parsim.simulate(
        {
            "cluster": {"devices": case["hosts"], "topology": {"kind": "custom", "links": links, "routes": routes}},
            "workload": {"kind": "transfers", "flows": flows},
        }
    )
    ends = dict(zip(run.timeline.task.tolist(), run.timeline.end_s.tolist(), strict=True))
    assert ends == pytest.approx(case["answers"], rel=1e-9, abs=0)
    assert check(run.job, run.timeline) == []
