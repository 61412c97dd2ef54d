"""Closed forms: each applies somewhere and agrees with the simulation there; none applies where it would be wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from played import played
from random_scenarios import pipelines, plain_items, scenarios

import parsim
from parsim.metrics.closed_forms import FORMS, forms, lower_bound
from parsim.validate import validation

SCENARIOS = Path(__file__).parent.parent / "scenarios"
often = settings(derandomize=True)


def items(devices, count, subsets, topology=None, result="0 B", **more):
    topology = topology or {"kind": "star", "bandwidth": "1 MB/s"}
    return {
        "cluster": {"devices": devices, "topology": topology},
        "workload": {"kind": "items", "count": count, "item": "1 MB", "result": result},
        "plan": {"split": "data", "subsets": subsets, **more},
        "cost": {"kind": "constant", "compute": "2 s"},
    }


def stages(devices, schedule, microbatches, **more):
    workload = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "500 ms", **more}
    plan = {"schedule": schedule, "microbatches": microbatches}
    return {"cluster": {"devices": devices}, "workload": workload, "plan": plan}


def wire(sizes, latency="0 s"):
    links = [{"name": "wire", "bandwidth": "1 MB/s", "latency": latency}]
    topology = {"kind": "custom", "links": links, "routes": [{"from": "a", "to": "b", "over": ["wire"]}]}
    flows = [{"name": f"f{i}", "from": "a", "to": "b", "size": size, "start": "1 s"} for i, size in enumerate(sizes)]
    return {"cluster": {"devices": ["a", "b"], "topology": topology}, "workload": {"kind": "transfers", "flows": flows}}


# Which form, on which scenario, with which makespan counted by hand.
APPLY = {
    "T_total": (items(3, 6, 6), 2 * (1 + 2)),
    "quantised": (items(4, 6, 6), 2 * (1 + 2)),
    "chains": (
        {
            "cluster": {"devices": 2},
            "workload": {"kind": "items", "count": 4},
            "plan": {"split": "chain", "depth": 3},
            "cost": {"kind": "constant", "compute": "2 s"},
        },
        4 / 2 * 3 * 2,
    ),
    "one round": (items(4, 7, 3, result="1 MB"), 3 + 6 + 3),
    "alpha-beta": (
        {
            "cluster": {"devices": 4, "topology": {"kind": "star", "bandwidth": "1 MB/s", "latency": "500 ms"}},
            "workload": {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "4 MB"},
        },
        2 * 3 * (2 * 0.5 + 1),
    ),
    "one worker": (items(1, 5, 2), (3 + 6) + (2 + 4)),
    "GPipe": (stages(3, "gpipe", 4, send="1 s", forward=["1 s", "3 s", "2 s"]), (6 + 3 * 3) + (4.5 + 3 * 1.5) + 4),
    "1F1B": (stages(4, "1f1b", 8), (8 + 4 - 1) * 2.5),
    "forward pipeline": (
        stages(3, {"kind": "custom", "orders": ["0F0 0F1", "1F0 1F1", "2F0 2F1"]}, 2, forward=["1 s", "3 s", "2 s"]),
        6 + 3,
    ),
    "one link": (wire(["2 MB", "1 MB", "0 B"], "250 ms"), 1 + 0.25 + 3),
}


@pytest.mark.parametrize("name", APPLY)
def test_each_form_applies_and_agrees(name):
    scenario, makespan = APPLY[name]
    verdict = validation(parsim.simulate(scenario))
    found = {form.name: form.makespan_s for form in verdict.forms}
    assert found[name] == pytest.approx(makespan)
    assert verdict.result.timeline.makespan_s == pytest.approx(makespan)
    assert verdict.good
    assert verdict.verdict == "the simulation agrees with theory"


def test_every_form_is_shown_to_apply():
    applied = {ask for scenario, _ in APPLY.values() for ask in FORMS if ask(parsim.simulate(scenario).job)}
    assert applied == set(FORMS)


def test_t_total_is_the_makespan_where_the_form_says_so():
    run = parsim.simulate(APPLY["T_total"][0])
    assert run.theory.t_total_s == run.timeline.makespan_s == 6


NONE = {
    "a result may hide under the next task": items(2, 6, 6, result="1 MB"),
    "prefetch hides inputs": items(2, 6, 6, prefetch=1),
    "one device is faster": items([{"name": "p", "speed": 2}, "q"], 6, 6),
    "workers of one device share its link": items([{"name": "p", "slots": 2}], 6, 6),
    "a limit of memory": items([{"name": "p", "memory": "9 MB"}, {"name": "q", "memory": "9 MB"}], 6, 6),
    "luck": items(2, 6, 6) | {"cost": {"kind": "noisy", "compute": "2 s", "spread": 0.5}},
    "tasks of different size": items(2, 7, 3),
    "1F1B with sends, where p does not divide m": stages(4, "1f1b", 9, send="1 s"),
    "1F1B with a slow stage": stages(4, "1f1b", 8, forward=["1 s", "1 s", "2 s", "1 s"]),
    "GPipe in another order": stages(3, "gpipe", 4) | {"policy": "heft"},
    "flows that start apart": wire(["1 MB", "2 MB"]),
}
NONE["flows that start apart"]["workload"]["flows"][1]["start"] = "9 s"


@pytest.mark.parametrize("why", NONE)
def test_no_form_applies_where_its_conditions_fail(why):
    verdict = validation(parsim.simulate(NONE[why]))
    assert verdict.forms == []
    assert verdict.good
    assert verdict.verdict == "no closed form is known; the lower bound and the checker hold"


def test_results_on_one_device_s_link_that_are_inputs_on_another_s_are_no_one_round():
    # w1's result leaves by the link on which w0's input still arrives: 10 s, where apart it would be 8.
    links = [{"name": name, "bandwidth": "1 MB/s"} for name in "ABC"]
    over = {("host", "w0"): "A", ("host", "w1"): "B", ("w0", "host"): "C", ("w1", "host"): "A"}
    routes = [{"from": a, "to": b, "over": [link]} for (a, b), link in over.items()]
    scenario = items(2, 3, 2, {"kind": "custom", "links": links, "routes": routes}, result="2 MB")
    scenario["workload"]["item"] = "2 MB"
    scenario["cost"]["compute"] = "0 s"
    run = parsim.simulate(scenario)
    assert run.timeline.makespan_s == 10
    assert forms(run.job) == []


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("0*.yaml")), ids=lambda path: path.stem)
def test_the_scenarios_agree(path):
    assert validation(played(path.stem)).good


def test_the_lower_bound_is_the_critical_path_or_the_work():
    def bound(devices, tasks, **more):
        scenario = {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": tasks}, **more}
        return lower_bound(parsim.simulate(scenario).job)

    chain = [{"name": "a", "compute": "3 s"}, {"name": "b", "compute": "4 s", "after": ["a"]}]
    assert bound(9, chain) == 7
    wide = [{"name": str(i), "compute": "1 s"} for i in range(9)]
    assert bound(2, wide) == 4.5
    assert bound(2, wide, plan={"steps": {"split": "1 s", "merge": "2 s"}}) == 7.5
    assert bound([{"name": "p", "speed": 3}, "q"], chain) == pytest.approx(7 / 3)
    own = [{"name": "a", "compute": {"p": "3 s", "q": "1 s"}}, {"name": "b", "compute": {"p": "4 s"}, "after": ["a"]}]
    assert bound(["p", "q"], own) == 5


def agrees(scenario):
    try:
        run = parsim.simulate(scenario)
    except (parsim.ScenarioError, parsim.Stalled):
        return
    verdict = validation(run)
    assert verdict.good, verdict.report()


@often
@given(scenarios())
def test_nothing_contradicts_any_run(scenario):
    agrees(scenario)


@often
@given(plain_items())
def test_no_form_is_wrong_on_plain_items(scenario):
    agrees(scenario)


@often
@given(pipelines())
def test_no_form_is_wrong_on_pipelines(scenario):
    agrees(scenario)


def chain(devices, count, depth, **more):
    plan = {"split": "chain", "depth": depth, **more}
    workload = {"kind": "items", "count": count}
    cost = {"kind": "constant", "compute": "2 s"}
    return {"cluster": {"devices": devices}, "workload": workload, "plan": plan, "cost": cost}


def test_chains_are_t_total_where_the_workers_divide_them():
    for devices, count, depth in ((1, 3, 2), (2, 6, 3), (3, 3, 4), (4, 8, 5)):
        run = parsim.simulate(chain(devices, count, depth))
        assert [form.makespan_s for form in forms(run.job) if form.name == "chains"] == [count * depth / devices * 2]
        assert run.timeline.makespan_s == run.theory.t_total_s == count * depth / devices * 2


def test_chains_of_another_sort_have_no_form():
    tasks = [{"name": name, "compute": "1 s"} for name in "abcd"]
    for edges in ({"b": ["a"], "c": ["a"]}, {"c": ["a", "b"]}, {"b": ["a"], "c": ["b"]}):  # a fork, a join, 3 + 1
        listed = [task | {"after": edges.get(task["name"], [])} for task in tasks]
        run = parsim.simulate({"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": listed}})
        assert forms(run.job) == []
    for scenario in (chain(2, 5, 2), chain(4, 2, 2), chain(2, 4, 2, prefetch=1)):
        assert forms(parsim.simulate(scenario).job) == []


def test_the_lower_bound_of_flows():
    # Three flows share 1 MB/s: 0.25 s alone each + sizes; the link needs 6 s for all 6 MB, the longest 1 + 0.25 + 3.
    assert lower_bound(parsim.simulate(wire(["1 MB", "2 MB", "3 MB"], "250 ms")).job) == 6
    # One flow alone, its start included: 1 + 0.25 + 3 s.
    assert lower_bound(parsim.simulate(wire(["3 MB"], "250 ms")).job) == 4.25
    # Held to 500 kB/s: 1 + 0.25 + 6 s.
    limited = wire(["3 MB"], "250 ms")
    limited["workload"]["flows"][0]["limit"] = "500 kB/s"
    assert lower_bound(parsim.simulate(limited).job) == 7.25


def test_a_report_shows_numbers_and_what_the_bound_is():
    told = validation(parsim.simulate(wire(["2 MB", "1 MB"]))).report()
    assert "  max(longest flow alone, bytes / bandwidth of a link) = 3 s\n" in told
    told = validation(parsim.simulate(items(4, 7, 3, result="1 MB", steps={"merge": "500 ms"}))).report()
    assert "one round: longest of 3: input 3 s + compute 6 s + result 3 s + steps 0.5 s\n    12.5 s = simulated" in told
    assert "max(critical path, work / P)" in told
    told = validation(parsim.simulate(APPLY["GPipe"][0])).report()
    assert "= 6 s + 3 x 3 s + 4.5 s + 3 x 1.5 s + 4 x 1 s\n    28 s = simulated 28 s" in told
    assert "all 2: input 5 s + compute 10 s" in validation(parsim.simulate(items(1, 5, 2))).report()


def test_makespans_are_shown_with_twelve_digits():
    third = validation(parsim.simulate(stages(4, "1f1b", 8, forward="1 ms", input_grad="1 ms", weight_grad="1 ms")))
    assert "    0.033 s = simulated 0.033 s\n" in third.report()


@pytest.mark.usefixtures("sketches")
def test_saving_writes_the_validation_beside_the_run(tmp_path):
    verdict = validation(parsim.simulate(APPLY["1F1B"][0]))
    verdict.save(tmp_path)
    assert json.loads((tmp_path / "validation.json").read_text()) == json.loads(json.dumps(verdict.to_dict()))
    assert (tmp_path / "result.json").exists()
