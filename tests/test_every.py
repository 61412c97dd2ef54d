"""`all` in place of a list of schedules or policies, and variants that refuse their shape beside others that do not."""

import json

import pytest

import parsim
from parsim.policies import policies
from parsim.schedules import schedules

NAMES = {name for name in schedules.entries() if name != "custom"}
BACKWARD = {"input_grad": "1 ms", "weight_grad": "1 ms"}


def pipeline(ranks=4, microbatches=8, forward="1 ms", **plan):
    return {
        "cluster": {"devices": ranks},
        "workload": {"kind": "stages", "forward": forward, **BACKWARD, "activation": "1 GB"},
        "plan": {"schedule": "1f1b", "microbatches": microbatches, **plan},
    }


MODEL = {
    "cluster": {
        "devices": 2,
        "device": {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
        "topology": {"kind": "full", "bandwidth": "10 GB/s"},
    },
    "workload": {"kind": "transformer", "vocabulary": 64, "width": 16, "sequence": 8, "blocks": 6, "batch": 8},
    "plan": {"split": "layers", "schedule": "zb-h1", "microbatches": 4, "chunks": 1},
}


def every(scenario, **set):
    found = parsim.compare(scenario, {"plan.schedule": "all", **set})
    return {one.settings["plan.schedule"]: one for one in found.variants}, found


@pytest.mark.parametrize("scenario", [pipeline(), pipeline(chunks=1), MODEL], ids=["stages", "one chunk", "training"])
def test_every_schedule_plays_the_same_work_with_the_chunks_that_it_needs(scenario):
    known, found = every(scenario)
    assert known.keys() == NAMES
    assert found.failed == ""
    assert not found.measure.differ
    assert found.variants[0].settings["plan.schedule"] == scenario["plan"]["schedule"]
    two = {name for name, one in known.items() if one.settings["plan.chunks"] == 2}
    assert two == {name for name in NAMES if name.startswith(("interleaved", "looped", "v-")) or name[-1] == "v"}


# Rows by hand, p = 4, m = 8, F = I = W = 1 ms: 24 ms of work a rank and the published bubbles, in ms and in activations
# of a whole rank: GPipe and 1F1B 3 (p - 1), over two chunks half of it; ZB-H1 p - 1; ZB-V half of it.
RIGHT = {"gpipe": (33, 8), "1f1b": (33, 4), "interleaved-1f1b": (28.5, 5.5), "zb-h1": (27, 4), "zb-v": (25.5, 4)}


def test_stages_are_cut_finer_for_two_chunks():
    known, _ = every(pipeline())
    told = {name: (known[name].makespan.mean * 1e3, known[name].peak_memory_bytes / 1e9) for name in RIGHT}
    assert told == {name: pytest.approx(right, rel=1e-9) for name, right in RIGHT.items()}
    lists, _ = every(pipeline(forward=["1 ms"] * 4))
    assert {name: one.makespan.mean for name, one in lists.items()} == {
        name: pytest.approx(one.makespan.mean, rel=1e-9) for name, one in known.items()
    }


def test_stages_of_two_chunks_are_put_together_for_one():
    halves = {"workload.forward": "500 us", "workload.input_grad": "500 us", "workload.weight_grad": "500 us"}
    known, found = every(pipeline(chunks=2, schedule="zb-v"), **halves)
    assert found.failed == ""
    assert found.variants[0].label == "schedule=zb-v, chunks=2"
    told = {name: known[name].makespan.mean * 1e3 for name in RIGHT}
    assert told == {name: pytest.approx(right, rel=1e-9) for name, (right, _) in RIGHT.items()}


def test_chunks_that_are_stated_for_all_hold_for_all():
    known, _ = every(pipeline(), **{"plan.chunks": 1})
    refused = {name: [*one.failures.values()] for name, one in known.items() if one.failures}
    assert refused == {
        name: [f"cannot be played: {name} gives each rank 2 stages; use chunks: 2"]
        for name in ("dualpipev", "v-half", "v-min", "zb-v")
    }


@pytest.mark.parametrize(
    ("shape", "who"),
    [
        ((3, 8), {"dualpipe"}),  # an odd number of ranks
        ((4, 3), {"zb-h2", "dualpipe", "dualpipev"}),  # two microbatches for each rank
        ((3, 7), {"dualpipe", "interleaved-1f1b", "interleaved-zb"}),  # rounds of unequal size
    ],
)
def test_a_schedule_that_refuses_the_shape_fails_beside_the_others(shape, who):
    known, found = every(pipeline(*shape))
    refused = {name for name, one in known.items() if one.failures}
    assert refused == who
    for name in who:
        (reason,) = known[name].failures.values()
        assert reason.startswith(f"cannot be played: {name} ")
        assert f"schedule={name}, chunks=" in found.report().split("Failed")[1]
    for name in NAMES - who:
        assert known[name].makespan.mean > 0


def test_exit_codes(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipe.json").write_text(json.dumps(pipeline(chunks=1)))
    code, out, err = command("compare", "pipe.json", "--set", "plan.schedule=zb-v,1f1b,interleaved-1f1b", "--json")
    assert code == 1
    assert err == ("parsim: schedule=zb-v: cannot be played: zb-v gives each rank 2 stages; use chunks: 2\n")
    assert [one["makespan_s"] is None for one in json.loads(out)["variants"]] == [True, False, False]
    code, out, err = command("compare", "pipe.json", "--set", "plan.schedule=zb-v,v-min")
    assert (code, out, err.count("plan.chunks: ")) == (2, "", 2)
    code, out, err = command("compare", "pipe.json", "--set", "plan.schedule=1f1b,gpip,zb-v")
    assert (code, out) == (2, "")
    assert "Did you mean 'gpipe'?" in err
    code, out, _ = command("compare", "pipe.json", "--set", "plan.schedule=all")
    assert (code, "Failed" in out) == (0, False)


def test_a_variant_whose_values_do_not_go_together_fails_whatever_the_section():
    # Two devices are too few for four ranks; in_order is for pipelines alone.
    found = parsim.compare(pipeline(pipeline=4), {"cluster.devices": [2, 4]})
    assert [bool(one.failures) for one in found.variants] == [True, False]
    tasks = {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s"}]}
    found = parsim.compare({"cluster": {"devices": 2}, "workload": tasks}, {"policy": ["in_order", "fifo", "heft"]})
    assert [bool(one.failures) for one in found.variants] == [True, False, False]


def test_every_policy():
    tasks = [{"name": name, "compute": took} for name, took in (("a", "1 s"), ("b", "1 s"), ("c", "2 s"))]
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}, "policy": "lpt"}
    found = parsim.compare(scenario, {"policy": "all"})
    labels = [one.label for one in found.variants]
    assert labels[0] == "policy=lpt"
    assert set(labels) == {f"policy={name}" for name in policies.entries() if name != "in_order"}


TWO = {name for name in NAMES if name.startswith(("interleaved", "looped", "v-")) or name[-1] == "v"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_schedule_that_interleaves_has_two_chunks_where_none_are_stated(name):
    run = parsim.simulate(pipeline(schedule=name))
    stages = {str(task).partition("F")[0] for task in run.job.graph.names if "F" in str(task) and ";" not in str(task)}
    assert len(stages) == (8 if name in TWO else 4)


def test_the_schedules_of_a_list_do_the_same_work_where_no_chunks_are_stated():
    found = parsim.compare(pipeline(), {"plan.schedule": ["1f1b", "interleaved-1f1b", "zb-v"]})
    assert not found.measure.differ
    told = {one.settings["plan.schedule"]: one.makespan.mean * 1e3 for one in found.variants}
    assert told == {name: pytest.approx(RIGHT[name][0], rel=1e-9) for name in told}
    assert [one.label for one in found.variants] == ["schedule=1f1b", "schedule=interleaved-1f1b", "schedule=zb-v"]


@pytest.mark.parametrize("iterations", [1, 3])
def test_trainings_are_compared_by_their_steady_iteration(iterations):
    found = parsim.compare(MODEL, {"plan.schedule": ["1f1b", "zb-h1", "gpipe"], "workload.iterations": iterations})
    plain, steady = found.to_dict(), {}
    for one in plain["variants"]:
        once, twice = (parsim.simulate(MODEL, {**one["set"], "workload.iterations": count}) for count in (1, 2))
        steady[one["label"]] = twice.timeline.makespan_s - once.timeline.makespan_s
        assert one["iteration_s"] == pytest.approx(steady[one["label"]], rel=1e-6)
    least = min(steady.values())
    assert plain["best"] == [label for label, took in steady.items() if took <= least * (1 + 1e-6)]
    assert found.decided.startswith("Per iteration: ")


def test_schedules_of_equal_makespan_are_told_apart_by_their_iteration():
    found = parsim.compare("scenarios/21_zero_bubble.yaml", {"plan.schedule": ["zb-h2", "zb-auto"]})
    two, auto = found.variants
    assert two.makespan.mean == pytest.approx(auto.makespan.mean, rel=1e-9)
    assert auto.compared.mean < 0.97 * two.compared.mean
    assert "schedule=zb-auto is the fastest: 1.276 s" in found.decided
