"""What to fix first: every makespan counted by hand, or published."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_scenarios import scenarios

import parsim
from parsim.policies import policies
from parsim.schedules import schedules

FOLDER = Path(__file__).parents[1] / "scenarios"
CASES = json.loads((Path(__file__).parent / "data" / "scheduling_cases.json").read_text())["cases"]


def tasks(*rows, devices=2, **more):
    return {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": list(rows)}, **more}


def case(name, **more):
    """A case without transfers, as a scenario."""
    found = next(one for one in CASES if one["name"] == name)
    rows = [
        {"name": task["name"], "compute": f"{task['seconds']} s", "after": list(task["after"])}
        for task in found["tasks"]
    ]
    return tasks(*rows, devices=found["workers"], **more)


def makespans(explanation):
    return {change.change: change.makespan_s for change in explanation.changes}


def refused(explanation):
    return {one.change: one.why for one in explanation.refused}


def test_the_first_scenario():
    """Without transfers w0's three items take 3 s; three workers get 2, 2 and 1 items: 0.2 s + 2 s."""
    found = parsim.explain(FOLDER / "01_five_tasks_data.yaml")
    assert makespans(found) == {
        "one_more_worker": pytest.approx(2.2),
        "busiest_link": 3.0,
        "no_transfer_delay": 3.0,
        "faster_transfers": pytest.approx(3.15),
        "best_policy": pytest.approx(3.3),
    }
    gains = [change.gain_s for change in found.changes]
    assert gains == pytest.approx([1.1, 0.3, 0.3, 0.15, 0.0])
    assert [change.bound for change in found.changes] == [False, False, True, False, False]
    assert refused(found) == {"infinite_memory": "no device has a limit"}
    assert found.fix_first == "Fix first: one more worker. The run would end after 2.2 s, 1.1 s (33.3 %) sooner."
    assert found.sums == {
        "compute_s": pytest.approx(3.0),
        "transfer_s": pytest.approx(0.3),
        "steps_s": 0.0,
        "waiting_s": {},
    }
    assert [link.why for link in found.path] == ["at the start", "host>part0 had arrived"]


def test_one_more_worker_may_end_it_later():
    """Graham's anomaly, as published: 12 s on three processors, 15 s on four, by the same list."""
    found = parsim.explain(case("graham_anomaly_base", policy="list_order"))
    change = next(one for one in found.changes if one.change == "one_more_worker")
    assert (found.makespan_s, change.makespan_s, change.gain_s) == (12.0, 15.0, -3.0)
    assert "3 s (25.0 %) later" in found.report()
    assert found.fix_first == "None of these changes shortens the run."


def test_the_best_policy_is_named_and_all_are_told():
    """The published makespans of the same graph, on three processors."""
    found = parsim.explain(case("graham_anomaly_base", policy="spt"))
    expected = next(one for one in CASES if one["name"] == "graham_anomaly_base")["expect"]
    told = {name: found.others.makespan_s[name] for name in ("list_order", "critical_path", "fifo", "spt", "lpt")}
    assert told == {name: expected[name] for name in told}
    assert set(found.others.makespan_s) == set(policies.entries()) - {"in_order"}
    best = next(one for one in found.changes if one.change == "best_policy")
    assert (best.what, best.gain_s) == ("cpop", 15.0 - expected["optimal"])


MEMORY = {
    "cluster": {
        "devices": [{"name": "d", "slots": 2, "memory": "10 MB"}],
        "topology": {"kind": "star", "bandwidth": "6 MB/s"},
    },
    "workload": {"kind": "items", "count": 2, "item": "6 MB"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}


def test_where_memory_is_short():
    """One item of 6 MB fits at a time: (1 s + 1 s) twice. With room both travel at once, 2 s, and compute for 1 s.

    Where they travel at once without time, the room that each takes still keeps them apart: 1 s twice.
    """
    found = parsim.explain(MEMORY)
    assert found.makespan_s == 4.0
    assert {name: makespans(found)[name] for name in ("infinite_memory", "no_transfer_delay")} == {
        "infinite_memory": 3.0,
        "no_transfer_delay": 2.0,
    }


def test_room_on_the_path():
    """d.0 is free from 1 s on, and b has no room until a ends at 3 s."""
    rows = [
        {"name": "short", "compute": "1 s"},
        {"name": "a", "compute": "3 s", "memory": "6 MB"},
        {"name": "b", "compute": "2 s", "memory": "6 MB"},
    ]
    found = parsim.explain(tasks(*rows, devices=[{"name": "d", "slots": 2, "memory": "10 MB"}]))
    assert [link.why for link in found.path] == ["at the start", "room was free when a ended"]
    assert makespans(found)["infinite_memory"] == 3.0
    assert makespans(found)["one_more_worker"] == 3.0  # d2, a device of its own, has room for b


def test_seconds_of_a_device_go_with_its_copy():
    """b may run on d1 and its copy alone: with it, a and b run beside each other."""
    rows = [{"name": "a", "compute": {"d1": "2 s"}}, {"name": "b", "compute": {"d1": "2 s", "d0": "9 s"}}]
    found = parsim.explain(tasks(*rows, devices=["d0", "d1"], policy="heft"))
    assert (found.makespan_s, makespans(found)["one_more_worker"]) == (4.0, 2.0)


def test_stated_delays_are_transfers_too():
    rows = [
        {"name": "a", "compute": {"w0": "1 s"}},
        {"name": "b", "compute": {"w1": "1 s"}, "after": {"a": "5 s"}},
    ]
    found = parsim.explain(tasks(*rows))
    assert (found.makespan_s, makespans(found)["no_transfer_delay"]) == (7.0, 2.0)
    assert found.sums["transfer_s"] == 5.0


def test_no_route_leads_to_a_copy():
    """What cannot be played is told beside what can."""
    links = [{"name": "L", "bandwidth": "1 MB/s"}]
    routes = [{"from": a, "to": b, "over": ["L"]} for a, b in (("host", "x"), ("host", "y"))]
    scenario = {
        "cluster": {"devices": ["x", "y"], "topology": {"kind": "custom", "links": links, "routes": routes}},
        "workload": {"kind": "items", "count": 4, "item": "1 MB"},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    found = parsim.explain(scenario)
    assert (
        refused(found)["one_more_worker"]
        == "workload.item: bytes may travel from host to y2, but the topology has no route there"
    )
    assert makespans(found)["no_transfer_delay"] == 2.0


def test_flows_have_neither_workers_to_spare_nor_a_policy():
    found = parsim.explain(FOLDER / "07_four_transfers_one_link.yaml")
    assert makespans(found) == {"no_transfer_delay": 0.0, "busiest_link": 0.0, "faster_transfers": 5.0}
    assert set(refused(found)) == {"infinite_memory", "one_more_worker", "best_policy"}
    limited = {"workload.flows[0].limit": "1 kB/s", "workload.flows[1].start": "3 s"}
    changed = makespans(parsim.explain(FOLDER / "07_four_transfers_one_link.yaml", set=limited))
    assert changed["no_transfer_delay"] == 3.0  # its limit is gone, its start is not


def test_a_collective_has_no_policy_to_choose_and_no_memory_to_double():
    found = parsim.explain(FOLDER / "28_hierarchical_all_reduce.yaml")
    assert list(found.others.makespan_s) == ["fifo"]
    assert not found.others.failed
    assert "more_memory" not in makespans(found)
    assert refused(found)["best_policy"] == "there are no tasks to assign"
    assert "Every policy" not in found.report()


@pytest.mark.parametrize("degrees", [{"data": 2}, {"split": "layers", "pipeline": 1, "microbatches": 2}])
def test_without_a_pipeline_no_schedule_is_tried(degrees):
    raw = {"cluster": {"devices": 2, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "10 GB/s"}}}
    work = {"kind": "transformer", "vocabulary": 64, "width": 16, "heads": 2, "sequence": 8, "batch": 4, "blocks": 2}
    found = parsim.explain(raw | {"workload": work, "plan": degrees})
    assert list(found.others.makespan_s) == ["1f1b"]
    assert not found.others.failed
    assert refused(found)["best_schedule"] == "there is no pipeline: one rank has all stages"
    assert "Every schedule" not in found.report()


def test_of_a_pipeline_the_schedules_are_tried():
    """GPipe and 1F1B are equally long with equal stages: (m + p - 1)(F + B)."""
    found = parsim.explain(FOLDER / "06_pipeline_1f1b.yaml")
    assert found.others.sort == "schedule"
    assert set(found.others.makespan_s) | set(found.others.failed) == set(schedules.entries()) - {"custom"}
    assert [found.others.makespan_s[name] for name in ("gpipe", "1f1b")] == pytest.approx([0.033, 0.033])
    # A V shape has two stages on each rank, which would be twice the work.
    assert found.others.failed["zb-v"] == "plan.chunks: zb-v gives each rank 2 stages; use chunks: 2"
    assert "4 ranks" in refused(found)["one_more_worker"]
    # Half the bubble for weights twice: (p - 2) of 3m + p - 2 unit times, (p - 1) of m + p - 1 before.
    assert found.others.makespan_s["dualpipe"] == pytest.approx(0.026)
    assert found.others.makespan_s[found.others.best] == min(found.others.makespan_s.values())


NEEDS = {  # p = 4, m = 8: own schedule, other, what it needs more
    ("1f1b", "gpipe"): "holds 8 activations a rank instead of 4",
    ("1f1b", "zb-h1"): "runs the halves of backward apart",
    ("1f1b", "zb-h2"): "runs the halves of backward apart, holds 7 activations a rank instead of 4",
    ("1f1b", "dualpipe"): (
        "runs the halves of backward apart, holds each stage on 2 ranks instead of 1,"
        " holds 5 activations a rank instead of 4"
    ),
    ("gpipe", "1f1b"): None,
    ("zb-h1", "1f1b"): None,
    ("zb-h2", "zb-h1"): None,
    ("zb-h1", "zb-h2"): "holds 7 activations a rank instead of 4",
}


@pytest.mark.parametrize("own", sorted({own for own, _ in NEEDS}))
def test_what_a_schedule_needs_more_is_told(own):
    found = parsim.explain(FOLDER / "06_pipeline_1f1b.yaml", set={"plan.schedule": own})
    told = {pair: found.others.needs.get(pair[1]) for pair in NEEDS if pair[0] == own}
    assert told == {pair: words for pair, words in NEEDS.items() if pair in told}
    best = next(one for one in found.changes if one.change == "best_schedule")
    assert best.what not in found.others.needs
    alike = [took for name, took in found.others.makespan_s.items() if name not in found.others.needs]
    assert best.makespan_s == min(alike)
    better = min(found.others.makespan_s.values()) < min(one.makespan_s for one in found.changes)
    assert better == ("With the schedule " in found.report())


def test_training_that_names_no_schedule_has_its_default_one_tried_against_others():
    found = parsim.explain(
        {
            "cluster": {
                "devices": 2,
                "device": {"peak": "1 GFLOP/s", "bandwidth": "1 GB/s"},
                "topology": {"kind": "star", "bandwidth": "1 GB/s"},
            },
            "workload": {"kind": "mlp", "widths": [4, 8, 8, 8, 3], "batch": 8},
            "plan": {"split": "layers", "pipeline": 2, "microbatches": 4},
            "cost": "roofline",
        }
    )
    assert (found.others.sort, found.others.own) == ("schedule", "1f1b")
    assert {"1f1b", "gpipe", "zb-h1"} <= found.others.makespan_s.keys()


class Never:
    """Takes nothing."""

    def prepare(self, graph, workers, estimate):
        pass

    def home(self, task):
        return None

    def ready(self, task, by):
        pass

    def take(self, worker, fits):
        return None


class Needy(Never):
    """Cannot be made without a parameter."""

    def __init__(self, width: int) -> None:
        pass


def test_a_policy_that_fails_is_told_and_one_with_parameters_left_out(monkeypatch):
    monkeypatch.setattr(policies, "_entries", {**policies.entries(), "never": Never, "needy": Needy})
    found = parsim.explain(FOLDER / "04_quantisation.yaml")
    assert list(found.others.failed) == ["never"]
    assert "stalled" in found.others.failed["never"]
    assert "needy" not in found.others.makespan_s
    assert "never" in found.report()


def test_every_change_meets_the_same_luck():
    """On one worker the makespan is the sum of the draws, whatever the order; two devices share the same draws."""
    scenario = tasks(*({"name": f"t{i}", "compute": "1 s"} for i in range(6)), devices=1)
    found = parsim.explain(scenario | {"cost": {"kind": "noisy", "spread": 0.5}, "seed": 3})
    assert list(found.others.makespan_s.values()) == pytest.approx([found.makespan_s] * len(found.others.makespan_s))
    draws = sorted((link.number, link.seconds) for link in found.path)
    free, took = [0.0, 0.0], [seconds for _, seconds in draws]
    for seconds in took:  # fifo: the next task to whoever is free first
        free[free.index(min(free))] += seconds
    assert makespans(found)["one_more_worker"] == pytest.approx(max(free))


def test_equal_units_that_do_not_divide_are_told():
    def told(count):
        return "Quantisation" in parsim.explain(FOLDER / "04_quantisation.yaml", set=count).report()

    assert told({})  # ten on four workers
    assert not told({"workload.count": 12, "plan.subsets": 12})


def test_a_column_of_times_has_one_unit():
    # Tasks of 900 us behind transfers of 440 ms: whole columns are in milliseconds, whatever their cells.
    found = parsim.explain(FOLDER / "14_two_splits.yaml", set={"cost.compute": "450 us"})
    report = found.report()
    fixes = [line for line in report.splitlines() if "sooner" in line and "transfer delay" in line]
    assert re.search(r"no transfer delay +0\.9 ms +440 ms \(99\.8 %\) sooner", fixes[0])
    assert re.search(r"440\.0 ms +0\.9 ms +part3|440 ms +0\.9 ms +part3", report)


def test_the_parts_of_an_explanation(tmp_path):
    found = parsim.explain(FOLDER / "05_heft_ten_tasks.yaml")
    found.save(tmp_path)
    told = json.loads((tmp_path / "explanation.json").read_text())
    assert told == json.loads(json.dumps(found.to_dict()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["explanation.json", "path.png", "path.svg"]
    assert set(told) == {
        *("schema", "parsim", "run", "path", "sums", "by_worker", "changes", "not_applicable", "others", "fix_first"),
        "fit_first",
    }
    assert told["run"]["makespan_s"] == 80.0
    assert told["sums"] == {
        "compute_s": 45.0,
        "transfer_s": 35.0,
        "steps_s": 0.0,
        "waiting_s": {},
    }  # 9+8+16+5+7, 9+15+11
    assert [row["worker"] for row in told["by_worker"]] == ["p3", "p2", "p1"]
    # p3: t1 9 s; p2: t4 8 s, t6 16 s, t10 7 s, behind transfers of 9 s and 11 s; p1: t8 5 s behind 15 s
    assert [(row["compute_s"], row["transfer_s"]) for row in told["by_worker"]] == [(9, 0), (31, 20), (5, 15)]
    assert [change["gain_s"] for change in told["changes"]] == sorted(
        (change["gain_s"] for change in told["changes"]), reverse=True
    )
    assert all(change["gain"] == change["gain_s"] / 80 for change in told["changes"])
    assert "critical path" in found._repr_html_().lower()
    assert "t8>t10 had arrived" in found.report()
    assert repr(found) == "Explanation(05_heft_ten_tasks, makespan 80 s, 8 spans)"


def test_a_long_path_is_cut_in_the_middle():
    found = parsim.explain({
        "cluster": {"devices": 1},
        "workload": {"kind": "items", "count": 40},
        "plan": {"split": "data", "subsets": 40},
        "cost": {"kind": "constant", "compute": "1 s"},
    })  # fmt: skip
    assert len(found.path) == 40
    assert "... 24 more" in found.report()


def test_nothing_to_do_takes_no_time():
    found = parsim.explain(tasks({"name": "a", "compute": "0 s"}))
    assert (found.makespan_s, found.fix_first) == (0.0, "None of these changes shortens the run.")
    assert all(change["gain"] == 0 for change in found.to_dict()["changes"])


def test_what_is_wrong_or_fails_is_raised(monkeypatch):
    monkeypatch.setattr(policies, "_entries", {**policies.entries(), "never": Never})
    with pytest.raises(parsim.Stalled):
        parsim.explain(FOLDER / "04_quantisation.yaml", set={"policy": "never"})
    with pytest.raises(parsim.ScenarioError, match="Did you mean 'fifo'"):
        parsim.explain(FOLDER / "04_quantisation.yaml", set={"policy": "fifi"})


def test_a_scenario_file_is_changed_nowhere():
    before = tasks({"name": "a", "compute": {"w0": "1 s"}}, {"name": "b", "compute": "1 s", "after": ["a"]})
    kept = json.loads(json.dumps(before))
    parsim.explain(before)
    assert before == kept


SIGNED = {  # played where the run shows a sign of them
    *("busiest_link", "links_of_device", "flow_limit", "faster_transfers", "slow_device", "host_step", "slowest_stage"),
    *("more_microbatches", "longest_task", "more_memory"),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(scenarios())
def test_any_scenario_is_explained(scenario):
    try:
        found = parsim.explain(scenario)
    except parsim.ParsimError:  # it is wrong, or stalls
        assume(False)
    made = makespans(found)
    always = {"no_transfer_delay", "infinite_memory", "one_more_worker", f"best_{found.others.sort}"}
    assert always <= set(made) | set(refused(found)) <= always | SIGNED
    assert made.get(f"best_{found.others.sort}", found.makespan_s) <= found.makespan_s
    json.dumps(found.to_dict(), allow_nan=False)
    assert "Fix this first" in found.report()


MODEL = {  # 12 blocks, embedding and head: 14 layers
    "cluster": {"devices": 8, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "25 GB/s"}},
    "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 16},
    "plan": {"split": "layers", "pipeline": 4, "microbatches": 4},
}
PLANS = {  # what is set beside MODEL, and the changes of the plan that are tried
    "as it is": ({}, {"pipeline=2", "pipeline=8", "microbatches=2", "microbatches=8"}),
    "a stated cut": ({"stages": [2, 2, 2, 8]}, {"pipeline=2", "pipeline=8", "microbatches=2", "stages=cost"}),
    "recomputed": ({"recompute": "full"}, {"recompute=none", "recompute=selective", "pipeline=8"}),
}


@pytest.mark.parametrize(("plan", "asked"), PLANS.values(), ids=PLANS)
def test_of_a_model_other_plans_are_tried(plan, asked):
    """Each makespan is that of a run with what the change sets, with the same batch: it compares samples a second."""
    raw = MODEL | {"plan": MODEL["plan"] | plan}
    found = parsim.explain(raw)
    changes = {one.what.removeprefix("plan."): one for one in found.changes if one.what.startswith("plan.")}
    assert asked <= changes.keys()
    if "stages" in plan:  # the slowest is named, and what balance gains, as if it were perfect and by cost
        slowest = next(one for one in found.changes if one.change == "slowest_stage")
        assert slowest.what == "w3" == found.result.to_dict()["pipeline"]["busiest"][0]
        assert min(slowest.gain_s, changes["stages=cost"].gain_s) > 0.3 * found.makespan_s
    for what in sorted(asked)[:2]:
        key, _, value = what.partition("=")
        more = {"plan.stages": "cost"} if "stages" in plan and key == "pipeline" else {}
        run = parsim.simulate(raw, set={f"plan.{key}": int(value) if value.isdigit() else value, **more})
        assert changes[what].makespan_s == pytest.approx(run.timeline.makespan_s, rel=1e-9)
        rate = 16 / run.timeline.makespan_s, 16 / found.makespan_s
        assert (rate[0] > rate[1]) == (changes[what].gain_s > 0)


def test_changes_of_a_training_are_compared_by_the_iteration_as_by_compare():
    """ZB-H2 and ZB-auto end one iteration equally soon here; one of many takes longer with ZB-H2."""
    plan = {"schedule": "zb-h2", "microbatches": 8, "stages": "framework"}
    raw = MODEL | {"plan": MODEL["plan"] | plan}
    found = parsim.explain(raw)
    both, took, makespans = ["zb-h2", "zb-auto"], found.others.iteration_s, found.others.makespan_s
    compared = parsim.compare(raw, {"plan.schedule": both}).variants
    assert [one.compared.mean for one in compared] == pytest.approx([took[name] for name in both], rel=1e-9)
    assert makespans["zb-h2"] == pytest.approx(makespans["zb-auto"], rel=1e-9)
    assert took["zb-h2"] > 1.01 * took["zb-auto"]
    every = found.report().split("Every schedule")[1]
    assert every.index("zb-auto") < every.index("zb-h2 ")
    each = [one.iteration_s for one in found.changes]
    assert each == sorted(each)
    for one in found.changes:
        assert one.iteration_gain_s == pytest.approx(found.compared_s - one.iteration_s, abs=1e-9 * found.compared_s)
    best = next(one for one in found.changes if not one.bound)
    assert found.fix_first.startswith(f"Fix first: {best.words}. An iteration would take ")
    told = found.to_dict()
    assert [one["iteration_s"] for one in told["changes"]] == each
    assert told["others"]["iteration_s"] == took


@pytest.mark.parametrize("plan", [{"stages": [2, 2, 2, 8]}, {"recompute": "full", "sends": "blocking"}])
def test_each_change_of_a_training_has_the_iteration_of_a_run(plan):
    """The iteration of equal stages, and of all that is built anew, is as long as a run of two tells."""
    raw = MODEL | {"plan": MODEL["plan"] | plan}
    found = parsim.explain(raw)
    for one in found.changes:
        if one.what.startswith("plan."):
            key, _, value = one.what.removeprefix("plan.").partition("=")
            more = {"plan.stages": "cost"} if "stages" in plan and key == "pipeline" else {}
            run = parsim.simulate(raw, set={f"plan.{key}": int(value) if value.isdigit() else value, **more})
            assert one.iteration_s == run.metrics["training"]["iteration_s"]
    slowest = next(one for one in found.changes if one.change == "slowest_stage")
    assert 0 < slowest.iteration_gain_s < found.compared_s


def test_a_plan_that_the_devices_cannot_hold_is_no_change():
    """Without recomputation the same stages keep more than 1.5 GB; with it they fit."""
    plan = {**MODEL["plan"], "recompute": "full", "microbatches": 1}
    own = parsim.simulate(MODEL | {"plan": plan}).to_dict()["devices"]
    without = parsim.simulate(MODEL | {"plan": plan | {"recompute": "none"}}).to_dict()["devices"]
    middle = (max(one["peak_memory_bytes"] for one in own) + max(one["peak_memory_bytes"] for one in without)) / 2
    cluster = MODEL["cluster"] | {"devices": [{"name": f"w{rank}", "memory": f"{middle} B"} for rank in range(8)]}
    found = parsim.explain(MODEL | {"plan": plan, "cluster": cluster})
    why = {one.words: one.why for one in found.refused}
    assert why["recompute: none instead of full"].startswith("does not fit: w")
    assert "less_recompute" not in {one.change for one in found.changes if one.words.startswith("recompute: none")}
    assert all(why.startswith("does not fit: w") for why in found.others.failed.values() if "holds" in why)
