"""The search for the best plan: bounds that hold, an answer that is that of playing everything, and how sure it is."""

import json
import os
from collections import Counter
from types import SimpleNamespace

import hypothesis.strategies as st
import pytest
import random_folds
from hypothesis import example, given, settings

from parsim.build import build, outline
from parsim.core.errors import ParsimError, ScenarioError
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.study.plan import crossing as crossings
from parsim.study.plan import search
from parsim.study.plan.bound import bound
from parsim.study.plan.facts import Fact, seconds_under
from parsim.study.plan.planning import plan
from parsim.study.plan.sampled import sampled
from parsim.study.plan.sensitivity import unknown
from parsim.study.runner import Runner
from parsim.study.space import space_of

FEW = settings(max_examples=12, deadline=None)
ROUNDED = 1 + 1e-9


NODES = {"kind": "islands", "nodes": 2, "per_node": 4, "bandwidth": "300 GB/s", "latency": "1 us"}
CARDS = {"nics": 4, "nic": "25 GB/s", "nic_latency": "4 us"}
MODEL = {"kind": "transformer", "blocks": 4, "width": 1024, "heads": 8, "sequence": 512, "vocabulary": 4000}
DEGREE = {"from": 1, "to": 8, "factor": 2}
PLAN = {"data": DEGREE, "tensor": {"in": [1, 2]}, "pipeline": {"in": [1, 2]}, "microbatch_size": {"in": [1, 2]}}
PLAN |= {"sharding": {"in": ["none", "zero1", "zero3"]}}


def small(**changes):
    """Return a space of 8 devices."""
    return {
        "cluster": {"topology": NODES | CARDS, "device": "a100-80g"},
        "workload": MODEL | {"batch": 16},
        "plan": PLAN,
        "require": ["data * tensor * pipeline == devices"],
    } | changes


def figures(scenario):
    """Return the seconds of an iteration and the bytes of the fullest device, as played."""
    found = run(build(scenario))
    return found.metrics["training"]["iteration_s"], max(one["peak_memory_bytes"] for one in found.devices)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    """Let bounds decide often, though spaces are small."""
    monkeypatch.setattr(search, "AT_ONCE", 4)


@FEW
@given(st.integers(0, 10_000))
@example(7)  # experts that are not equally busy
@example(28)
def test_no_random_training_beats_its_bound(number):
    """On all topologies, schedules and shardings."""
    try:
        scenario = load(random_folds.case(7, number))
        found = bound(outline(scenario))
        iteration_s, peak = figures(scenario)
    except ParsimError:
        return
    assert found.iteration_s <= iteration_s
    assert sum(found.memory) <= peak * ROUNDED


def test_bounds_are_near():
    """Else the test above would prove nothing, and the search would play everything."""
    space = space_of(small())
    rows = space.early().rows.tolist()
    both = [(bound(outline(one)), figures(one)) for one in map(space.scenario_of, rows)]
    assert all(found.iteration_s > 0.6 * took for found, (took, _) in both)
    assert any(1.3 * found.iteration_s > took for found, (took, _) in both)
    assert all(sum(found.memory) > 0.65 * peak for found, (_, peak) in both)


def shown(found):
    return [(one.row, one.took_s, one.figures["peak_memory_bytes"]) for one in found.plans]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"require": ["data * tensor * pipeline == devices", "peak_memory < 600 MB"]},
        {"seed": {"in": [0, 1]}},
    ],
)
def test_the_answer_is_that_of_playing_everything(changes):
    space = space_of(small(**changes))
    pruned, every = search.searched(space, Runner(), 4), search.exhausted(space, Runner(), 4)
    assert shown(pruned) == shown(every)
    assert pruned.proven
    assert pruned.played < every.played


def test_a_bound_that_is_too_high_loses_the_best(monkeypatch):
    """So the test above can fail."""
    every, real = search.exhausted(space_of(small()), Runner(), 3), bound
    best = {json.dumps(one.set, sort_keys=True) for one in every.plans[:1]}

    def wrong(job):
        found = real(job)
        return found._replace(iteration_s=2 * found.iteration_s) if job_set(job) in best else found

    def job_set(job):
        own = {f"plan.{key}": job.values["plan"][key] for key in small()["plan"]}
        return json.dumps(own, sort_keys=True)

    monkeypatch.setattr(search, "bound", wrong)
    assert shown(search.searched(space_of(small()), Runner(), 3)) != shown(every)


def test_sampled_plans_are_told_apart_and_repeat():
    pytest.importorskip("optuna")
    space = space_of(small())
    found, again = (sampled(space, Runner(), 3, plays=12) for _ in range(2))
    assert shown(found) == shown(again)
    assert not found.proven
    assert 3 <= found.played <= 12
    best = {row: took for row, took, _ in shown(search.exhausted(space, Runner(), 24))}
    assert all(best[row] == took for row, took, _ in shown(found))
    two = small(plan={"data": 8, "microbatch_size": {"in": [1, 2]}})
    assert "not proven" in plan(two, best=1, search="tpe").report()


def test_a_huge_space_is_sampled():
    pytest.importorskip("optuna")
    space = space_of(
        small(plan=PLAN | {"bucket": {"from": "1 MB", "to": "9999 MB", "step": "1 MB"}, "data": 4, "tensor": 2})
    )
    found = sampled(space, Runner(), 3, plays=6)
    assert space.size > 100_000
    assert len(found.plans) == 3


def test_every_row_is_accounted_for():
    found = search.searched(space_of(small()), Runner(), 2)
    plans_played = found.played - sum(found.failed.values())
    later = sum(count for code, count in found.refused.items() if code == "require") - (found.space.size - found.left)
    looked = found.left - sum(found.cut.values()) - found.played
    assert found.space.size == 48 * 2
    assert looked == sum(count for code, count in found.refused.items() if code != "require")
    assert later == 0
    assert plans_played >= 2
    rows = list(found.rows())
    assert len({row["row"] for row in rows}) == len(rows) == found.left
    statuses = Counter(row["status"] for row in rows)
    assert (statuses["cut"], statuses["done"]) == (found.cut.total(), plans_played)
    assert statuses["refused"] == found.refused.total() - (found.space.size - found.left)
    first = next(row for row in rows if row["row"] == found.plans[0].row)
    assert (first["set"], first["iteration_s"]) == (found.plans[0].set, found.plans[0].took_s)


@pytest.mark.usefixtures("sketches")
def test_plans_are_drawn(tmp_path, command):
    found = plan(small(), best=2)
    assert found.plot().get_ylabel().startswith("iteration time (")
    assert found.plot("heat", over=("plan.data", "plan.tensor")).get_xlabel() == "data"
    found.save(tmp_path)
    kinds = ("choices", "comparison", "heat", "parallel", "pareto")
    pictures = [f"{kind}.{form}" for kind in kinds for form in ("png", "svg")]
    assert sorted(os.listdir(tmp_path)) == sorted([*pictures, "plan.json", "rows.json"])
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == list(found.rows())
    assert command("plot", tmp_path, "--kind", "heat,pareto", "--quiet") == (0, "", "")


def ranked(**figures):
    known = {"iteration_s": 1.0, "exposed_s": 0.1, "peak_memory_bytes": 5.0} | figures
    again = ("none", "selective", "full").index(known.pop("recompute", "none"))
    return search.merit(search.Plan(0, {"plan.data": known.pop("data", 1)}, known, 0.0, known.pop("free", 9.0), again))


def test_ties_are_broken_by_the_stated_rule():
    """Less exposed communication, more free memory, less recomputation, the plan's text."""
    order = [
        ranked(iteration_s=0.9, exposed_s=0.5),
        ranked(exposed_s=0.05, free=1.0),
        ranked(free=10.0, recompute="full"),
        ranked(iteration_s=1.0 + 1e-13),
        ranked(data=2),
        ranked(recompute="selective"),
        ranked(recompute="full"),
        ranked(exposed_s=0.2),
    ]
    assert sorted(order) == order


def test_work_that_is_not_trained_is_searched_too():
    items = {
        "cluster": {"devices": {"from": 1, "to": 4, "step": 1}},
        "workload": {"kind": "items", "count": 12},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    found = plan(items, best=2)
    assert [(one.set, one.took_s) for one in found.plans] == [
        ({"cluster.devices": 4}, 3.0),
        ({"cluster.devices": 3}, 4.0),
    ]


# -- how sure it is


def test_the_second_plan_is_as_fast_where_they_cross():
    given = small(plan=small()["plan"] | {"data": 8, "tensor": 1, "pipeline": 1, "sharding": {"in": ["none", "zero3"]}})
    found = plan(given, best=4)
    for one in found.crossings:
        if one.factor is not None:
            rows = [one_plan.row for one_plan in found.plans[:2]]
            first, second = (seconds_under(found.search.space, row, [Fact(one.name, one.factor)])[0] for row in rows)
            assert second == pytest.approx(first, rel=0.02)
            assert second <= first


def test_a_crossing_is_found_between_two_factors(monkeypatch):
    """The second plan needs 2 s beside what the links take; the first takes less, but twice as much on them."""

    def seconds(fact, row):
        return [1.0 + 4.0 / fact.factor, 3.5 + 2.0 / fact.factor][row]

    monkeypatch.setattr(crossings, "seconds_of", seconds)
    monkeypatch.setattr(crossings, "job_of", lambda row: row)
    rows = SimpleNamespace(scenario_of=lambda row: row)
    found = crossings.crossing(rows, 0, 1, "bandwidth")
    assert found.factor == pytest.approx(0.8, rel=0.01)
    assert crossings.crossing(rows, 1, 1, "bandwidth").factor is None


def test_a_price_that_is_not_known_is_said_with_its_break_even():
    given = small(plan={"data": 8, "microbatch_size": 1})
    given["cluster"] = given["cluster"] | {"device": {"in": ["a100-80g", "v100-16g"]}}
    found = plan(given, best=2)
    costs = [one.figures["cost"] for one in found.plans]
    gaps = unknown(found.search)
    for place, cost in enumerate(costs):
        said = [one for one in gaps if one.plan == place and one.fact == "price"]
        assert (cost is None) == bool(said)
        for one in said:
            known = min(other for other in costs if other is not None)
            assert one.break_even * 8 / 3600 * found.plans[place].took_s == pytest.approx(known)


def test_a_plan_without_choices_is_refused():
    with pytest.raises(ScenarioError, match="has no choices"):
        plan({**small(plan={"data": 8, "microbatch_size": 1}), "require": None} | {"require": []})


def test_fewer_plans_shown_are_judged_as_more():
    few, many = plan(small(), best=1), plan(small(), best=10)
    assert few.to_dict()["plans"] == many.to_dict()["plans"][:1]
    assert few.to_dict()["second_wins_at"] == many.to_dict()["second_wins_at"]


def test_the_recomputation_of_a_whole_section_counts():
    """Where the plan itself is the choice."""
    sections = [{"data": 8, "microbatch_size": 1, "recompute": one} for one in ("full", "none")]
    space = space_of(small(plan={"in": sections}))
    assert [search.plan_of(space, row, {"peak_memory_bytes": 1.0}).again for row in (0, 1)] == [2, 0]


def test_a_robust_plan_fits_into_less_memory():
    found = plan(small(), best=4)
    memory = 80e9
    for one, varied in zip(found.plans, found.varied, strict=True):
        assert varied.fits_less == (one.figures["peak_memory_bytes"] <= 0.8 * memory)
        assert varied.fits_less or not varied.robust
    slower = [
        seconds_under(found.search.space, found.plans[0].row, [Fact("efficiency", factor)])[0] for factor in (0.5, 1, 2)
    ]
    assert slower == sorted(slower, reverse=True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"require": ["data * tensor * pipeline == 3"]},
            "96 require, data . tensor . pipeline == 3: 96",
        ),
        ({"workload": MODEL | {"batch": 17}}, "not_divisible, .*17 samples"),
        ({"require": ["data == 8", "peak_memory < 1 MB"]}, "peak_memory < 1 MB: 6"),
    ],
)
def test_a_space_without_a_plan_says_what_refuses_how_many(changes, why):
    with pytest.raises(ScenarioError, match=why):
        plan(small(**changes))


def test_bounds_are_not_known_where_times_are_drawn():
    given = small(plan={"data": 8}, cost={"kind": "noisy", "compute": "1 s", "spread": 0.1})
    given.pop("require")
    found = bound(outline(load(given)))
    assert found.iteration_s == 0.0
    assert sum(found.memory) > 0


def test_bounds_are_known_for_the_order_of_the_schedule_alone():
    given = small(plan={"data": 4, "pipeline": 2, "microbatch_size": 1})
    given.pop("require")
    ordered, stated, other = (
        bound(outline(load(given | policy))) for policy in ({}, {"policy": "in_order"}, {"policy": "lpt"})
    )
    assert ordered == stated
    assert ordered.iteration_s > other.iteration_s == 0.0


def test_a_link_that_gets_faster_is_bounded_by_the_most_it_carries():
    given = small(plan={"data": 8, "microbatch_size": 1})
    given.pop("require")
    changes = [{"link": "n0.nic0.out", "profile": [{"at": "0 s", "bandwidth": "250 GB/s"}]}]
    given["cluster"] = given["cluster"] | {"topology": NODES | CARDS | {"changes": changes}}
    scenario = load(given)
    assert bound(outline(scenario)).iteration_s <= figures(scenario)[0]
