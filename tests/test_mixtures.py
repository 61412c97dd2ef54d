"""Studies of plans by degrees of parallelism: explanations, the smallest change that fits, comparisons of schedules."""

import json

import pytest

import parsim
from parsim.scenario.document import parse_value
from parsim.study.change import lacking

LINKS = {"kind": "full", "bandwidth": "10 GB/s", "latency": "5 us"}
WIDE = {"kind": "transformer", "vocabulary": 512, "width": 256, "sequence": 64, "batch": 16, "blocks": 2, "heads": 4}


def scenario(plan, links=LINKS, **workload):
    return {"cluster": {"device": "a100-80g", "topology": links}, "workload": WIDE | workload, "plan": plan}


def seconds(result, kind):
    """The seconds of the spans of a kind on w0."""
    return sum(row[7] - row[6] for row in result.timeline.rows() if row[3] == "w0" and row[2] == kind)


def by_name(explanation):
    return {change.change: change for change in explanation.changes}


def applied(raw, what):
    """Play a scenario with the settings that a change names."""
    pairs = (one.partition("=") for one in what.split(", "))
    return parsim.simulate(raw, set={path: parse_value(value) for path, _, value in pairs})


def test_an_exposed_sum_of_gradients_is_what_links_of_twice_the_speed_halve():
    """One bucket by a ring: compute + 2 (d - 1) (latency + bytes / d / bandwidth) + update."""
    raw = scenario({"data": 4, "microbatch_size": 4, "bucket": "1 GB", "algorithm": "ring"})
    found = parsim.explain(raw)
    compute = sum(seconds(found.result, kind) for kind in ("forward", "backward", "optimizer"))
    size = 2.0 * found.result.job.graph.program.model.parameters
    ring = 6 * (5e-6 + size / 4 / 10e9)
    changes = by_name(found)
    assert found.makespan_s == pytest.approx(compute + ring, rel=1e-9)
    assert changes["faster_transfers"].makespan_s == pytest.approx(compute + ring / 2, rel=1e-9)
    assert changes["no_transfer_delay"].makespan_s == pytest.approx(compute, rel=1e-9)
    assert found.sums["transfer_s"] == pytest.approx(ring, rel=1e-9)
    assert changes["busiest_link"].what in {"w0>w1", "w1>w2", "w2>w3", "w3>w0"}


def test_exchanges_within_layers_are_priced_on_the_faster_links():
    found = parsim.explain(scenario({"tensor": 2, "algorithm": "ring"}))
    compute = sum(seconds(found.result, kind) for kind in ("forward", "backward", "optimizer"))
    exposed = found.makespan_s - compute
    assert exposed > 0
    assert by_name(found)["faster_transfers"].makespan_s == pytest.approx(compute + exposed / 2, rel=1e-9)
    assert by_name(found)["no_transfer_delay"].makespan_s == pytest.approx(compute, rel=1e-9)


PLANS = [
    {"data": 2, "tensor": 2, "pipeline": 2, "microbatch_size": 2},
    {"data": 2, "context": 2, "microbatch_size": 4, "sharding": "zero3", "recompute": "full"},
]


@pytest.mark.parametrize("plan", PLANS)
def test_each_change_of_the_plan_is_what_a_run_with_it_takes(plan):
    raw = scenario(plan)
    found = parsim.explain(raw)
    named = [one for one in found.changes if one.what.startswith("plan.")]
    assert {"other_degrees", "microbatch_size"} <= {one.change for one in named}
    for change in named:
        assert applied(raw, change.what).timeline.makespan_s == pytest.approx(change.makespan_s, rel=1e-9), change
    gaining = [one for one in found.changes if not one.bound and one.gain_s > 0]
    assert found.fix_first.startswith(f"Fix first: {gaining[0].words}." if gaining else "None")
    assert found.others.best in found.others.makespan_s
    json.dumps(found.to_dict())


def test_what_fits_first_fits():
    """Two blocks of GPT-3 6.7B keep 18 B of each of 0.6e9 parameters on every replica: 11 GB of 10."""
    big = {"kind": "transformer", "preset": "gpt3-6.7b", "blocks": 2, "batch": 4}
    raw = {**scenario({"data": 4, "microbatch_size": 1, "recompute": "full"}), "workload": big}
    raw["cluster"]["device"] = {"kind": "a100-80g", "memory": "10 GB"}
    found = parsim.explain(raw)
    assert lacking(found.result.job, found.result.timeline)
    fits = [one for one in found.changes if one.change in ("other_degrees", "other_sharding") and not one.lacks]
    assert {"plan.sharding=zero3"} < {one.what for one in fits}
    assert "plan.sharding=fsdp" not in {one.what for one in found.changes}  # the same once more
    best = min(fits, key=lambda one: one.makespan_s)
    assert best.words in found.fit_first
    assert best.words in parsim.simulate(raw).fit_first
    again = applied(raw, best.what)
    assert not lacking(again.job, again.timeline)


def test_every_schedule_is_compared_under_degrees():
    raw = scenario({"data": 2, "pipeline": 2, "microbatch_size": 1})
    found = parsim.compare(raw, set={"plan.schedule": "all"})
    told = {one["label"]: one for one in found.to_dict()["variants"]}
    assert [label for label, one in told.items() if one["failures"]] == ["schedule=dualpipe, chunks=1"]
    own, zero = told["schedule=1f1b, chunks=1"], told["schedule=zb-h1, chunks=1"]
    assert zero["pipeline"]["bubble_of_whole"] < own["pipeline"]["bubble_of_whole"]
    assert found.report()


def test_a_plan_of_one_device_is_explained():
    raw = {"cluster": {"device": "a100-80g"}, "workload": {"kind": "mlp", "batch": 4, "widths": [4, 4]}}
    assert parsim.explain(raw).makespan_s > 0


FREE = {"kind": "full", "bandwidth": "1000000 TB/s", "latency": "0 s"}


def test_strong_scaling_over_free_links_by_hand():
    """m microbatches take m (F + B + A) - A + U: the first one adds to nothing. Here m is 16, 8 and 4 a replica."""
    found = parsim.scaling(scenario({"data": 2, "tensor": 2, "microbatch_size": 1}, links=FREE))
    one, two, four = found.points
    assert [point.p for point in found.points] == [2, 4, 8]
    assert (found.own, found.growth.over, one.speed_up, one.efficiency) == (4, "plan.data", 1.0, 1.0)
    assert one.makespan_s - two.makespan_s == pytest.approx(2 * (two.makespan_s - four.makespan_s), rel=1e-6)
    for point, times in ((two, 2), (four, 4)):
        assert point.speed_up == pytest.approx(one.makespan_s / point.makespan_s)
        assert point.efficiency == pytest.approx(point.speed_up / times)
    assert found.to_dict()["over"] == "plan.data"
    assert "the same work on 2 to 8 workers, as plan.data grows" in found.report()


def test_weak_scaling_over_free_links_is_perfect():
    raw = scenario({"data": 2, "microbatch_size": 1}, links=FREE)
    found = parsim.scaling(raw, weak=True)
    assert [point.efficiency for point in found.points] == pytest.approx([1.0] * 3, rel=1e-3)
    assert [point.speed_up for point in found.points] == pytest.approx([1.0, 2.0, 4.0], rel=1e-3)


def test_pipelines_scale_by_layers_and_by_degrees():
    """1F1B of equal stages: p workers take (m + p - 1) / (m p) of the time of one."""
    plan = {"split": "layers", "pipeline": 2, "microbatches": 4}
    raw = {**scenario(plan, links=FREE), "cluster": {"devices": 2, "device": "a100-80g", "topology": FREE}}
    by_layers = parsim.scaling(raw, workers=[2, 4])
    assert [point.p for point in by_layers.points] == [1, 2, 4]
    by_degrees = parsim.scaling(scenario({"data": 2, "pipeline": 2}, links=FREE), over="plan.pipeline", workers=[4, 5])
    assert [point.p for point in by_degrees.points] == [2, 4]
    assert by_degrees.failed == {5: "is no multiple of 2, the workers of plan.pipeline: 1"}


WRONG = [
    ({"over": "plan.steps"}, "--over", "unknown name 'plan.steps'"),
    ({"over": "plan.tensor", "weak": True}, "--weak", "plan.tensor adds none; use plan.data"),
]


@pytest.mark.parametrize(("asked", "where", "why"), WRONG)
def test_what_cannot_grow_is_told(asked, where, why):
    with pytest.raises(parsim.ScenarioError, match=why) as wrong:
        parsim.scaling(scenario({"data": 2}), **asked)
    assert wrong.value.faults[0].file == where


def test_the_splits_of_a_training_cost_storage_or_bubbles():
    """Four equal blocks, SGD in fp32 mixed: a replica holds all of them; 1F1B idles (p - 1) / (m + p - 1)."""
    raw = scenario({"data": 2, "microbatch_size": 2, "schedule": "gpipe"}, links=FREE)
    found = parsim.splits(raw)
    data, layers = found.costs["data"], found.costs["layers"]
    assert list(found.costs) == ["data", "layers"]
    assert data.makespan_s == parsim.simulate(raw).timeline.makespan_s
    pipelined = parsim.simulate(raw, set={"plan": {"pipeline": 2, "microbatch_size": 2, "schedule": "gpipe"}})
    assert layers.makespan_s == pipelined.timeline.makespan_s
    assert data.memory["weights"] == 2.0 * pipelined.job.graph.program.model.parameters > layers.memory["weights"]
    assert data.bubble_of_whole == pytest.approx(0.0, abs=1e-6)
    assert layers.bubble_of_whole > (2 - 1) / (8 + 2 - 1) - 1e-9
    assert found.sentence in " ".join(found.report().split())


def test_the_parameter_server_is_played_where_it_is_asked_for():
    raw = {**scenario({"split": "data"}), "cluster": {"devices": 8, "device": "a100-80g", "topology": LINKS}}
    found = parsim.splits(raw)
    assert list(found.costs) == ["data", "layers", "parameter server"]


def test_layers_too_few_for_a_pipeline_of_all_devices_are_split_over_replicas_of_the_deepest_one():
    """Two blocks, embedding and head are four layers, so that eight devices are 2 x 4; the plan itself is a third."""
    raw = scenario({"data": 4, "tensor": 2, "microbatch_size": 2})
    found = parsim.splits(raw)
    why = "plan.pipeline: 8 ranks make 8 stages, and the model has 4 layers, embedding and head included"
    assert found.to_dict()["layers"] == {"data": 2, "pipeline": 4, "why": why}
    assert list(found.costs) == ["data", "layers", "plan"]
    shapes = ({"data": 8}, {"data": 2, "pipeline": 4}, {"data": 4, "tensor": 2})
    played = [parsim.simulate({**raw, "plan": {**shape, "microbatch_size": 2}}) for shape in shapes]
    assert [one.makespan_s for one in found.costs.values()] == [one.timeline.makespan_s for one in played]
    told = " ".join(found.report().split())
    assert f"layers: 2 replicas of a pipeline of 4 ranks, the deepest that can be played; {why}." in told
    assert "8 devices; layers: 2 replicas of a pipeline of 4 ranks; plan: the scenario's own" in [
        words.get_text() for words in found.plot().texts
    ]


def test_links_are_not_tried_where_only_priced_exchanges_are_on_the_path():
    """The first of two ranks has eleven of twelve blocks, so what it sends to the other is never waited for."""
    plan = {"tensor": 2, "pipeline": 2, "microbatch_size": 2, "schedule": "1f1b", "stages": [11, 1]}
    found = parsim.explain(scenario(plan, LINKS, blocks=12))
    assert found.sums["transfer_s"] > 0
    tried = by_name(found)
    assert "faster_transfers" in tried
    assert not {"busiest_link", "links_of_device"} & set(tried)


def test_replicas_that_share_experts_grow_in_steps_that_experts_divide():
    work = {"kind": "mixture", "vocabulary": 64, "width": 16, "heads": 2, "sequence": 8, "batch": 16, "blocks": 2}
    raw = scenario({"data": 8, "expert": 4}) | {"workload": work}
    assert [point.p for point in parsim.scaling(raw).points] == [4, 8, 16]
