"""What would make a run fit into memory: searched by a run that does not fit, the same change that explain finds."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.build import build
from parsim.metrics.memory import peaks
from parsim.metrics.training_memory import least
from parsim.reading import load
from parsim.sim.play import play
from parsim.study import smallest
from parsim.study.change import Change
from parsim.study.fix_first import fix_first

TIMES = {"forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"}


def stages(memory="3 GB", schedule="1f1b", microbatches=8, activation="1 GB", **more):
    return {
        "cluster": {"devices": 4, "device": {"memory": memory}},
        "workload": {"kind": "stages", **TIMES, "activation": activation, **more},
        "plan": {"schedule": schedule, "microbatches": microbatches},
    }


def model(memory, **plan):
    work = {"kind": "transformer", "vocabulary": 64, "width": 64, "heads": 2, "sequence": 64, "blocks": 4, "batch": 16}
    return {
        "cluster": {
            "devices": 2,
            "device": {"memory": memory, "peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
            "topology": {"kind": "full", "bandwidth": "10 GB/s"},
        },
        "workload": {**work, "precision": "fp32", "attention": "plain"},
        "plan": {"split": "layers", "schedule": "gpipe", "microbatches": 4, **plan},
        "cost": {"kind": "roofline"},
    }


def most(scenario):
    return max(one["memory"]["peak_bytes"] for one in parsim.simulate(scenario).devices)


CASES = [
    *(stages(memory, schedule) for schedule, memory in (("1f1b", "3 GB"), ("zb-h1", "3.9 GB"))),
    stages("3.9 GB", "zb-auto", activation=["1 GB", "2 GB", "1 GB", "500 MB"]),
    stages("1 kB"),
    *(model(f"{share * 7e6:.0f} B") for share in (0.3, 0.7)),
    {**model("1 MB"), "plan": {"split": "data"}},
]


@pytest.mark.parametrize("scenario", CASES)
def test_a_run_names_the_change_that_explain_finds(scenario):
    run = parsim.simulate(scenario)
    assert not all(one["memory"]["fits"] for one in run.devices)
    assert run.fit_first == parsim.explain(scenario).fit_first
    assert run.fit_first.startswith("Does not fit: w")
    assert run.to_dict()["fit_first"] == run.fit_first
    assert run.fit_first in " ".join(run.report().split())
    assert run.fit_first in run._repr_html_()


# By hand, F = I = W = 1 ms, four ranks, eight microbatches: v-half holds (p + 2) // 2 = 3 of a whole rank.
# Four times as many microbatches hold 4 of a fourth of the size: 1 GB; eight times as many: (64 + 3) x 3/8 ms.
def test_stages_find_more_microbatches():
    found = parsim.simulate(stages()).fit_first
    assert found == (
        "Does not fit: w0 holds 4 GB of 3 GB. The smallest change that fits: 64 microbatches instead of 8, each "
        "smaller; the run would end after 25.125 ms, 7.875 ms (23.9 %) sooner."
    )
    changes = {one.words: one for one in parsim.explain(stages()).changes}
    assert changes["schedule v-half instead of 1f1b"].lacks == ""
    assert changes["16 microbatches instead of 8, each half as large"].makespan_s == pytest.approx(19 * 1.5e-3)
    assert "schedule zb-auto with limit: 3 instead of 1f1b" in changes


@pytest.mark.parametrize("scenario", [stages("4 GB"), stages(activation="0 B"), model("1 GB")])
def test_what_fits_needs_no_change(scenario):
    run = parsim.simulate(scenario)
    assert run.fit_first == ""
    assert "Does not fit" not in run.report()


def test_other_runs_are_not_searched():
    tasks = {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s", "memory": "2 GB"}]}
    assert parsim.simulate({"cluster": {"devices": 1}, "workload": tasks}).fit_first == ""
    found = parsim.compare(stages(), {"plan.schedule": ["1f1b", "gpipe"]})
    assert [one.run.facts["fit_first"] for one in found.variants] == ["", ""]


def test_a_large_run_is_not_searched_unasked(monkeypatch):
    monkeypatch.setattr(smallest, "MANY", 10)
    found = parsim.simulate(stages()).fit_first
    assert found == "Does not fit: w0 holds 4 GB of 3 GB. parsim explain finds the smallest change that fits."


def test_a_run_can_be_pickled_with_its_search():
    assert pickle.loads(pickle.dumps(parsim.simulate(stages()).search)) is not None


@settings(max_examples=25, deadline=None)
@given(
    schedule=st.sampled_from(["1f1b", "gpipe", "zb-h1", "zb-v", "interleaved-1f1b", "v-min", "dualpipe"]),
    microbatches=st.sampled_from([4, 8, 12]),
    training=st.booleans(),
    recompute=st.sampled_from(["none", "full"]),
)
def test_no_run_holds_less_than_its_order_says(schedule, microbatches, training, recompute):
    chunks = 2 if schedule in ("zb-v", "interleaved-1f1b", "v-min") else 1
    scenario = stages("1 GB", schedule, microbatches, activation="1 MB")
    if training:
        scenario = model("1 GB", schedule=schedule, microbatches=microbatches, chunks=chunks, recompute=recompute)
    scenario["plan"]["chunks"] = chunks
    try:
        job = build(load(scenario))
    except parsim.ScenarioError:
        return  # the schedule refuses the shape
    bound, played = least(job), peaks(job, play(job))
    assert (bound <= played * (1 + 1e-9)).all()
    if not training:  # nothing travels: the order decides alone
        np.testing.assert_allclose(bound, played)


def test_schedules_of_a_training_count_like_all_other_changes():
    found = parsim.explain(model("1 GB", schedule="1f1b", chunks=1))
    best = next(one for one in found.changes if one.change == "best_schedule")
    assert best.iteration_s == min(found.others.iteration_s.values())
    assert {"zb-v", "interleaved-1f1b", "v-half"} <= found.others.makespan_s.keys()
    assert found.others.needs["zb-v"].startswith("runs the halves of backward apart, has 2 stages a rank instead of 1")
    assert found.others.needs[best.what] in best.words
    assert found.others.lacks == {}


def test_what_is_to_be_fixed_first_fits_where_the_run_does_not():
    scenario = model("5.5 MB", schedule="1f1b")
    found = parsim.explain(scenario)
    assert found.fit_first
    first = next(one for one in found.changes if f"Fix first: {one.words}." in found.fix_first)
    assert not first.lacks
    for one in found.changes:
        assert f"{one.words} " in found.report()
    assert "; fits" in found.report()
    assert found.others.lacks["1f1b"]
    assert "does not fit: " in found.report().split("Every schedule")[1]


@pytest.mark.parametrize("scenario", [model("5.5 MB", schedule="1f1b"), stages("3 GB", "1f1b")])
def test_a_search_for_an_order_is_tried_within_the_memory(scenario):
    """ZB-auto holds all microbatches without a limit; the next larger limit than the one tried does not fit."""
    found, both = parsim.explain(scenario), ["1f1b", "zb-auto"]
    limit = found.others.limit["zb-auto"]
    assert found.others.limit == {"zb-auto": limit}
    assert "zb-auto" not in found.others.lacks
    assert f"limit: {limit}" in found.report().split("Every schedule")[1]

    def fits(more):
        run = parsim.simulate(scenario, set={"plan.schedule": {"kind": "zb-auto", "limit": limit + more}})
        assert more or run.timeline.makespan_s == pytest.approx(found.others.makespan_s["zb-auto"])
        return all(one["memory"]["fits"] for one in run.devices)

    assert fits(0)
    assert not fits(1)
    assert not parsim.explain(scenario, set={"plan.schedule": "zb-auto"}).others.limit  # its own is as it is stated
    labels = [one.label for one in parsim.compare(scenario, {"plan.schedule": "all"}).variants]
    assert labels.count(f"schedule=zb-auto(limit={limit}), chunks=1") == 1
    assert "zb-auto" in "".join(one.label for one in parsim.compare(scenario, {"plan.schedule": both}).variants)


DEEPER = Change("pipeline_depth", "4 ranks", 1.0, 2.0, lacks="w0 holds 9 GB of 8 GB")
LOWER = Change("lower_precision", "precision: fp8-mixed", 1.5, 1.5)
MORE = Change("more_recompute", "recompute: full", 4.0, -1.0)
FASTER = Change("best_schedule", "zb-h1", 2.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "lacks", "first", "says"),
    [
        (
            [DEEPER, LOWER, MORE],
            "w0 holds 10 GB of 8 GB",
            MORE,
            "It would fit into memory, and the run would end",
        ),
        ([DEEPER, LOWER], "w0 holds 10 GB of 8 GB", LOWER, "It would fit into memory"),
        ([DEEPER], "w0 holds 10 GB of 8 GB", DEEPER, "but it would not fit: w0 holds 9 GB of 8 GB."),
        ([LOWER, FASTER, MORE], "", FASTER, "The run would end after 2 s, 1 s (33.3 %) sooner."),
        ([LOWER, MORE], "", LOWER, "The run would end after 1.5 s"),
    ],
)
def test_a_change_that_does_not_fit_is_never_named_without_saying_so(changes, lacks, first, says):
    told = fix_first(changes, 3.0, lacks)
    assert told.startswith(f"Fix first: {first.words}. ")
    assert says in told


@pytest.mark.parametrize("memory", ["1 kB", "5.5 MB"])
def test_what_to_fix_first_fits_or_says_what_it_lacks(memory):
    found = parsim.explain(model(memory, schedule="1f1b"))
    first = next((one for one in found.changes if f"Fix first: {one.words}. " in found.fix_first), None)
    assert first is None or not first.lacks or first.lacks in found.fix_first
    if "The smallest change that fits: " in found.fit_first:
        assert f"The smallest change that fits: {first.words}; " in found.fit_first
