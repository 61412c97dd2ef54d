"""Closed forms of pipelines equal the played timeline, and the published bubble rates of 1F1B."""

import random
import re

import pytest

import parsim
from parsim.metrics.closed_forms import forms
from parsim.schedules import schedules
from parsim.validate import validation

# Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024: Table 9 (ms of F, B and W of a stage, and of a send) and the
# rates of 1F1B in Table 5, the bubble as a share of the whole: p, m, rate, F, I, W, send.
TABLE_5 = """
8 24 0.2431 18.522 18.086 9.337 0.601
8 32 0.1985 18.513 18.086 9.331 0.626
8 64 0.124 18.546 18.097 9.321 0.762
8 24 0.2347 29.718 29.444 19.927 0.527
8 32 0.1898 29.802 29.428 19.53 0.577
8 64 0.1091 29.935 29.621 19.388 0.535
16 48 0.2552 11.347 11.248 8.132 0.377
16 64 0.2082 11.307 11.254 8.101 0.379
16 128 0.1251 11.325 11.308 8.109 0.378
32 96 0.2646 10.419 10.207 7.715 0.408
32 128 0.2168 10.408 10.204 7.703 0.408
32 256 0.1352 10.402 10.248 7.698 0.46
"""


def stages(ranks, schedule, microbatches, forward, input_grad, weight_grad, send="0 s", **plan):
    times = {"forward": forward, "input_grad": input_grad, "weight_grad": weight_grad, "send": send}
    plan = {"schedule": schedule, "microbatches": microbatches, **plan}
    return {"cluster": {"devices": ranks}, "workload": {"kind": "stages", **times}, "plan": plan}


@pytest.mark.parametrize("row", TABLE_5.split("\n")[1:-1])
def test_1f1b_has_the_published_bubble_rates(row):
    p, m, rate, *times = row.split()
    found = validation(parsim.simulate(stages(int(p), "1f1b", int(m), *(f"{time} ms" for time in times))))
    work = int(m) * sum(map(float, times[:3])) / 1000
    assert 1 - work / found.result.timeline.makespan_s == pytest.approx(float(rate), abs=5.1e-5)
    assert ([form.name for form in found.forms], found.good) == (["1F1B"], True)


# Shapes (p, m, v) where each form is published, and the order of the times F, I and W that it asks for.
SHAPES = {
    "gpipe": ([(4, 8, 1), (3, 2, 1), (1, 3, 1)], "any"),
    "1f1b": ([(4, 8, 1), (3, 2, 1), (5, 7, 1)], "any"),
    "interleaved-1f1b": ([(4, 8, 2), (2, 6, 3), (4, 10, 2), (3, 2, 1)], "any"),
    "looped-bfs": ([(4, 8, 2), (3, 7, 3), (3, 2, 1)], "any"),
    "zb-v": ([(4, 8, 2), (2, 3, 2), (1, 1, 2)], "equal"),
    "v-half": ([(4, 8, 2), (3, 3, 2), (5, 9, 2)], "equal"),
    "v-min": ([(4, 8, 2), (3, 3, 2), (5, 9, 2)], "equal"),
    "zb-auto": ([(4, 8, 1), (3, 3, 1), (5, 9, 1)], "equal"),
    "zb-h1": ([(4, 8, 1), (3, 3, 1), (5, 7, 1)], "F = I >= W"),
    "zb-h2": ([(4, 8, 1), (3, 7, 1), (1, 2, 1)], "F = I >= W"),
    "dualpipe": ([(4, 8, 1), (2, 6, 1), (6, 14, 1)], "F = I >= W"),
    "dualpipev": ([(2, 4, 2), (3, 8, 2), (1, 2, 2)], "F = I >= W"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_schedule_claims_of_equal_stages_is_what_is_played(name):
    draw = random.Random(name)
    for ranks, microbatches, chunks in SHAPES[name][0]:
        forward, input_grad, weight_grad = (draw.randint(1, 99) for _ in range(3))
        if SHAPES[name][1] != "any":
            input_grad, weight_grad = forward, min(weight_grad, forward)
        if SHAPES[name][1] == "equal":
            weight_grad = forward
        times = [f"{time} ms" for time in (forward, input_grad, weight_grad)]
        found = validation(parsim.simulate(stages(ranks, name, microbatches, *times, chunks=chunks)))
        assert found.forms, (ranks, microbatches, chunks)
        assert found.good, found.report()


def test_schedules_with_a_published_form_are_all_tried():
    ours = {name for name in schedules.entries() if "idle" in schedules.claims(name)}
    assert SHAPES.keys() == ours


@pytest.mark.parametrize(
    ("name", "microbatches"), [("gpipe", 5), ("1f1b", 8), ("1f1b", 12), ("zb-h1", 5), ("zb-h1", 9)]
)
def test_forms_with_sends_are_what_is_played(name, microbatches):
    found = validation(parsim.simulate(stages(4, name, microbatches, "30 ms", "41 ms", "27 ms", "7 ms")))
    assert (len(found.forms), found.good) == (1, True), found.report()


def test_both_bubbles_are_named():
    # (p - 1) / (v m) of the ideal time and (p - 1) / (v m + p - 1) of the whole: 3/16 and 3/19.
    told = validation(parsim.simulate(stages(4, "interleaved-1f1b", 8, "1 s", "1 s", "1 s", chunks=2))).report()
    assert "interleaved 1F1B: mv(F + B) + (p-1)(F + B) = 48 s + 9 s" in told
    assert "bubble 18.75 % of the ideal time, 15.79 % of the whole" in told


NONE = {
    "sends between chunks": stages(4, "interleaved-1f1b", 8, "1 s", "1 s", "1 s", "1 ms", chunks=2),
    "one slow stage": stages(4, "zb-v", 8, ["1 s"] * 7 + ["2 s"], "1 s", "1 s"),
    "unequal F and I": stages(4, "dualpipe", 8, "1 s", "2 s", "1 s"),
    "W longer than F": stages(4, "dualpipe", 8, "1 s", "1 s", "2 s"),
    "a pipeline that is never full": stages(4, "zb-v", 6, "1 s", "1 s", "1 s"),
    "no form published": stages(4, "interleaved-zb", 8, "1 s", "1 s", "1 s"),
    "a slow device": stages([{"name": "p", "speed": 2}, "q"], "1f1b", 8, "1 s", "1 s", "1 s"),
}


@pytest.mark.parametrize("why", NONE)
def test_no_form_is_printed_where_none_is_published(why):
    assert forms(parsim.simulate(NONE[why]).job) == []


def test_forward_pipelines_of_unequal_stages():
    """T = (M - 1) t_max + sum t, and + sum d where each hop is a delay."""
    orders = [" ".join(f"{stage}F{i}" for i in range(6)) for stage in range(4)]
    custom = {"kind": "custom", "orders": orders}
    times = [3, 7, 2, 5]
    for send in (0, 4):
        scenario = stages(4, custom, 6, [f"{time} s" for time in times], "0 s", "0 s", f"{send} s")
        found = validation(parsim.simulate(scenario))
        assert found.result.timeline.makespan_s == (6 - 1) * max(times) + sum(times) + 3 * send
        assert ([form.name for form in found.forms], found.good) == (["forward pipeline"], True)


def test_a_comparison_of_schedules_tells_bubbles_and_activations():
    base = stages(4, "1f1b", 8, "1 ms", "1 ms", "1 ms")
    found = parsim.compare(base, set={"plan.schedule": ["1f1b", "gpipe", "dualpipe", "zb-v"]})
    told = {one["label"].removeprefix("schedule="): one["pipeline"] for one in found.to_dict()["variants"]}
    # By hand: (p - 1) / m and (p - 1) / (m + p - 1); DualPipe's p - 2 of 3m; ZB-V's p - 1 of 6m. Activations: p, m,
    # p + 1, and 2p of half a rank's layers.
    right = {"1f1b": (3 / 8, 3 / 11, 4), "gpipe": (3 / 8, 3 / 11, 8), "dualpipe": (2 / 24, 2 / 26, 5)}
    right["zb-v"] = (3 / 48, 3 / 51, 8)
    assert {one.pop("mfu") for one in told.values()} == {None}
    assert {name: tuple(one.values()) for name, one in told.items()} == {
        name: pytest.approx(values) for name, values in right.items()
    }
    assert re.search(r"^. schedule=gpipe .* 37\.5 % +27\.3 % +8$", found.report(), re.MULTILINE)


def test_a_comparison_of_schedules_of_a_model_tells_mfu():
    raw = {
        "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "25 GB/s"}},
        "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 8},
        "plan": {"split": "layers", "microbatches": 8},
    }
    found = parsim.compare(raw, set={"plan.schedule": ["gpipe", "1f1b", "zb-h1"]})
    for one in found.to_dict()["variants"]:
        mfu, took = one["pipeline"]["mfu"], one["run"]["training"]["iteration_s"]
        peak = 4 * 312e12  # bf16 of an A100
        assert mfu == pytest.approx(one["run"]["model"]["flop_per_iteration"] / (peak * took))
        assert re.search(rf"^. {one['label']} .* {100 * mfu:.1f} %$", found.report(), re.MULTILINE)


def test_other_work_has_no_columns_of_pipelines():
    tasks = [{"name": "a", "compute": "1 s"}, {"name": "b", "compute": "2 s"}]
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}}
    found = parsim.compare(scenario, set={"policy": ["fifo", "heft"]})
    assert [one["pipeline"] for one in found.to_dict()["variants"]] == [None, None]
    assert "bubble" not in found.report()


def test_workers_without_a_rank_are_no_bubble():
    # By hand: (p - 1) / m and (p - 1) / (m + p - 1) with p = 4 and m = 8, however many devices there are.
    base = stages(4, "1f1b", 8, "1 ms", "1 ms", "1 ms")
    base["plan"]["pipeline"] = 4
    found = parsim.compare(base, set={"cluster.devices": [4, 16]}).to_dict()["variants"]
    told = [(one["pipeline"]["bubble_of_ideal"], one["pipeline"]["bubble_of_whole"]) for one in found]
    assert told == [pytest.approx((3 / 8, 3 / 11))] * 2
    assert [one["utilisation"] for one in found] == pytest.approx([8 / 11, 2 / 11])  # of all workers


def test_the_bubble_of_a_training_is_that_of_its_ranks():
    raw = {
        "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "25 GB/s"}},
        "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 8},
        "plan": {"split": "layers", "pipeline": 4, "microbatches": 8},
    }
    keys = ("bubble_of_ideal", "bubble_of_whole")
    few, many = (parsim.simulate(raw, set={"cluster.devices": devices}).to_dict()["training"] for devices in (4, 16))
    assert [few[key] for key in keys] == [many[key] for key in keys]
