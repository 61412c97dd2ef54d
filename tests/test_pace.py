"""The pace of training: makespan = start_s + k iteration_s for k iterations, with the same iteration_s for every k."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training import ADAM, MLP, SGD, TRANSFORMER, layers, scenario

import parsim
from parsim.sim.play import makespan

LIMITS = {"rel": 1e-9, "abs": 0}
NOISY = {"kind": "noisy", "spread": 0.5, "compute": "1 ms"}


def pace(raw, iterations, **more):
    """Return makespan, start and iteration of so many iterations; see that they fit."""
    run = parsim.simulate(raw, set={"workload.iterations": iterations, **more})
    found, makespan = run.metrics["training"], run.timeline.makespan_s
    assert found["start_s"] + iterations * found["iteration_s"] == pytest.approx(makespan, **LIMITS)
    assert found["start_s"] >= 0
    return makespan, found["start_s"], found["iteration_s"]


@st.composite
def trained(draw):
    """Draw a model, how it is split, and what it runs on: devices and networks from fast to slow."""
    ranks = draw(st.integers(1, 4))
    count = draw(st.integers(ranks, ranks + 2))
    mlp = {"kind": "mlp", "widths": [draw(st.sampled_from([4, 16, 128])) for _ in range(count + 1)]}
    work = draw(st.sampled_from([mlp, TRANSFORMER | {"blocks": max(1, ranks - 1)}]))
    data = [{"split": "data"}, {"split": "data", "subsets": draw(st.integers(1, 8))}]
    schedule = draw(st.sampled_from(["gpipe", "1f1b"]))
    plan = draw(st.sampled_from([*data, layers(ranks, draw(st.integers(1, 4)), schedule)]))
    topology = {
        "kind": draw(st.sampled_from(["full", "star"])),
        "bandwidth": draw(st.sampled_from(["1 MB/s", "100 MB/s", "5 GB/s"])),
        "latency": draw(st.sampled_from(["0 s", "30 us", "2 ms"])),
    }
    speeds = [draw(st.sampled_from([1, 0.5, 0.1])) for _ in range(ranks)]
    plan = plan | {"prefetch": draw(st.sampled_from([0, 0, 0, 1, 2, 5]))}
    policies = ["fifo", "spt", "heft", "round_robin"] if plan["split"] == "data" else ["in_order"]
    return {
        "policy": draw(st.sampled_from(policies)),
        "cluster": {
            "device": "calibrated-core",
            "devices": [{"name": f"d{number}", "speed": speed} for number, speed in enumerate(speeds)],
            "topology": topology,
        },
        "workload": work | {"batch": draw(st.integers(8, 20)), "optimizer": draw(st.sampled_from([SGD, ADAM]))},
        "plan": plan,
        "cost": "roofline",
    }


@given(raw=trained())
@settings(max_examples=settings.default.max_examples // 4)
def test_an_iteration_takes_as_long_however_many_there_are(raw):
    makespan, start, each = pace(raw, 1)
    for iterations in (2, 3, 5):
        lasted, also, the_same = pace(raw, iterations)
        assert the_same == pytest.approx(each, **LIMITS)
        if not raw["plan"]["prefetch"]:  # no input of a later iteration travels early
            assert also == pytest.approx(start, rel=1e-9, abs=1e-9 * makespan)
            assert lasted == pytest.approx(start + iterations * each, **LIMITS)


def test_a_pace_by_hand():
    """Two workers, tasks of 1 ms: w1's input, forward, backward, gradients' way, update, weights' way; once more."""
    raw = scenario(MLP)
    raw["cluster"]["topology"] = {"kind": "full", "bandwidth": "1 MB/s"}
    given_s, way = 8 * 5 * (6 + 1) / 1e6, 8 * (6 * 8 + 8 * 5 + 5 * 4) / 1e6
    for iterations in (1, 2, 5):
        makespan, start, each = pace(raw, iterations)
        assert each == pytest.approx(3e-3 + 2 * way)
        assert start == pytest.approx(given_s)
        assert makespan == pytest.approx(given_s + iterations * (3e-3 + 2 * way))


def test_steps_of_the_host_are_paid_once():
    raw = scenario(MLP)
    raw["plan"]["steps"] = {"split": "3 ms", "merge": "2 ms"}
    plain = pace(scenario(MLP), 2)
    for iterations in (1, 4):
        _, start, each = pace(raw, iterations)
        assert start == pytest.approx(plain[1] + 5e-3)
        assert each == pytest.approx(plain[2])


def test_luck_is_shared_among_the_iterations():
    raw, quiet = scenario(MLP, cost=NOISY), pace(scenario(MLP), 3)
    found = [pace(raw, 3, seed=seed) for seed in range(8)]
    assert len({each for _, _, each in found}) == len(found)
    assert [start for _, start, _ in found] == pytest.approx([quiet[1]] * len(found))


@pytest.mark.parametrize(
    ("plan", "iterations"), [({"split": "data"}, 1), (layers(2, 2, "gpipe"), 3)], ids=["data", "layers"]
)
def test_real_clocks_have_a_pace_too(plan, iterations):
    pace(scenario(MLP, plan), iterations, clock="live")
    run = parsim.replay(scenario(MLP, plan), set={"workload.iterations": iterations}).measured
    found = run.metrics["training"]
    assert found["start_s"] >= 0
    whole = found["start_s"] + iterations * found["iteration_s"]
    assert whole == pytest.approx(run.timeline.makespan_s, **LIMITS)


def test_the_last_weights_really_travel_in_a_replay():
    run = parsim.replay(scenario(MLP, {"split": "data", "subsets": 4})).measured
    line = run.timeline
    (row,) = [row for row, name in enumerate(line.task.tolist()) if name == "0U@2>0R1@2"]
    assert (line.kind[row], line.worker[row], line.lane[row]) == ("transfer", "w1", "w0>w1")
    assert line.end_s[row] > line.start_s[row]
    assert line.task.tolist().count("0U@0>0R1@0") == 1  # once, for two subsets
    assert not any(name.startswith("0U@") and ">0F1@" in name for name in line.task.tolist())


DEGREES = {
    "cluster": {
        "device": "a100-80g",
        "topology": {"kind": "islands", "per_node": 2, "bandwidth": "100 GB/s", "nic": "5 GB/s"},
    },
    "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 8},
    "plan": {"data": 2, "pipeline": 2, "schedule": "1f1b", "microbatch_size": 1, "sharding": "zero1"},
}


@pytest.mark.parametrize("plan", [{}, {"plan.sharding": "zero3"}, {"plan.schedule": "zb-h1"}, {"plan.tensor": 2}])
def test_a_step_after_which_nothing_is_left_is_not_played_again(plan, monkeypatch):
    """The pace from the first iteration alone is that of two iterations."""
    quick = parsim.simulate(DEGREES, plan).metrics["training"]
    monkeypatch.setattr("parsim.sim.pace._each_waits_for_all", lambda *_: False)
    played = parsim.simulate(DEGREES, plan).metrics["training"]
    assert quick["iteration_s"] == pytest.approx(played["iteration_s"], rel=1e-12)


@pytest.mark.parametrize(("sends", "plays"), [("overlapped", 0), ("blocking", 1)])
def test_a_step_into_which_the_next_one_reaches(sends, plays, monkeypatch):
    """The first stage has its weights before the last one has, so that a step takes less than the run of one."""
    late = {"pipeline": 4, "schedule": "zb-v", "chunks": 2, "microbatches": 8, "sends": sends}
    played = []
    monkeypatch.setattr("parsim.sim.pace.makespan_of", lambda job: played.append(job) or makespan(job))
    run = parsim.simulate(DEGREES, {"plan": late, "workload.vocabulary": 128})
    assert not played
    quick = run.metrics["training"]
    assert quick["iteration_s"] < run.timeline.makespan_s
    assert len(played) == plays
    monkeypatch.setattr("parsim.sim.pace.second_end_s", lambda *_: None)
    again = parsim.simulate(DEGREES, {"plan": late, "workload.vocabulary": 128}).metrics["training"]
    assert again["iteration_s"] == pytest.approx(quick["iteration_s"], rel=1e-12)


def test_a_step_beside_links_that_change_is_played_again():
    """A card that is slow in the first iteration alone."""
    slow = {"link": "n0.nic0.out", "bandwidth": "1 GB/s"}
    first = parsim.simulate(DEGREES, {"cluster.topology.changes": [slow]}).timeline.makespan_s
    slow["profile"] = [{"at": f"{first} s", "bandwidth": "5 GB/s"}]
    run = parsim.simulate(DEGREES, {"cluster.topology.changes": [slow]})
    assert run.timeline.makespan_s == first
    assert run.metrics["training"]["iteration_s"] < 0.95 * first
