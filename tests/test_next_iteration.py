"""The end of a second iteration, told from the run of one, is that of the run of two; else it is not told."""

import numpy as np
import pytest
from random_folds import case

import parsim
from parsim.build import build
from parsim.metrics.figures import figures_of
from parsim.run import brief, run
from parsim.scenario.scenario import load
from parsim.sim.crossings import crossings
from parsim.sim.next_iteration import _Following, second_end_s
from parsim.sim.pace import _lasting
from parsim.sim.play import makespan, play
from parsim.training.replicas import Replicas

SEED = 7
REACH_INTO_EACH_OTHER = (0, 9, 37, 83, 101, 119, 130, 159, 185)
MEET_ON_LINKS = (50, 70, 89)
OVERTAKE = (174,)
GPT3 = {
    "cluster": {"topology": {"kind": "islands", "nodes": 8, "node": "dgx-a100"}},
    "workload": {"kind": "transformer", "preset": "gpt3-13b", "batch": 64},
    "plan": {"recompute": "selective", "bucket": "2 GB"},
}
PLANS = {
    "gathers early on some ranks": {"data": 16, "pipeline": 4, "schedule": "zb-h1", "sharding": "zero3"},
    "two chunks": {"data": 4, "tensor": 8, "pipeline": 2, "schedule": "interleaved-1f1b", "sharding": "none"},
    "gathers late": {"data": 32, "pipeline": 2, "schedule": "interleaved-1f1b", "sharding": "zero1"},
}


def told(job, timeline):
    """Return when the second iteration ends, told from the first."""
    return second_end_s(job, timeline, *Replicas(job.graph.program).between)


def of(number):
    """Return the job of a random training of one iteration, and its run."""
    scenario = case(SEED, number)
    scenario["workload"]["iterations"] = 1
    job = build(load(scenario))
    return job, play(job)


def both_end_s(job):
    """Return when two iterations end that are played."""
    return makespan(_lasting(job, job.graph.program, 2))


@pytest.mark.parametrize("number", REACH_INTO_EACH_OTHER)
def test_random_trainings(number):
    job, timeline = of(number)
    found = told(job, timeline)
    assert found == pytest.approx(both_end_s(job), rel=1e-12)
    assert found <= 2 * timeline.makespan_s * (1 + 1e-12)


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS)
def test_plans_of_gpt3(changes):
    job = build(load(GPT3 | {"plan": GPT3["plan"] | changes | {"microbatch_size": 2}}), "on")
    assert told(job, play(job)) == pytest.approx(both_end_s(job), rel=1e-12)


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS)
def test_a_brief_run_has_the_same_figures(changes):
    scenario = load(GPT3 | {"plan": GPT3["plan"] | changes | {"microbatch_size": 2}})
    whole, found = run(build(scenario, "on")), brief(build(scenario, "on"))
    assert figures_of(found) == figures_of(whole)
    members = found.timeline.members
    assert np.isnan(found.timeline.nominal_s[members]).all()
    assert np.array_equal(found.timeline.nominal_s[~members], whole.timeline.nominal_s[~members])


@pytest.mark.parametrize(
    ("number", "check"),
    [*((number, "_apart") for number in MEET_ON_LINKS), *((number, "_in_turn") for number in OVERTAKE)],
)
def test_what_interacts_is_not_told(number, check, monkeypatch):
    """Without the check, the end is wrong."""
    job, timeline = of(number)
    assert told(job, timeline) is None
    monkeypatch.setattr(_Following, check, lambda *_: True)
    assert told(job, timeline) != pytest.approx(both_end_s(job), rel=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"plan.sends": "blocking"},
        {"cluster.device": {"kind": "a100-80g", "overlap_slowdown": 1.2}},
        {"cluster.topology.changes": [{"link": "n0.nic0.out", "profile": [{"at": "1 ms", "bandwidth": "1 GB/s"}]}]},
    ],
)
def test_other_rules_are_not_told(changes):
    plan = {"data": 16, "pipeline": 4, "schedule": "1f1b", "microbatch_size": 1}
    small = {
        "blocks": 4,
        "width": 256,
        "heads": 4,
        "kind": "transformer",
        "batch": 64,
        "vocabulary": 256,
        "sequence": 64,
    }
    played = parsim.simulate(GPT3 | {"plan": plan, "workload": small}, changes)
    assert told(played.job, played.timeline) is None


def test_a_run_that_follows_other_rules_is_not_told():
    """A task that starts later than it might."""
    job, timeline = of(REACH_INTO_EACH_OTHER[0])
    row = int(np.flatnonzero(timeline.of_tasks)[-1])
    timeline.start_s[row] += 1e-3 * timeline.makespan_s
    assert told(job, timeline) is None


def test_crossings_are_the_bytes_that_links_carry():
    """All that the timeline shows on links lies within a stretch of its link."""
    job, timeline = of(REACH_INTO_EACH_OTHER[0])
    start, end = np.empty((2, len(job.graph)))
    rows = np.flatnonzero(timeline.of_tasks)
    start[timeline.number[rows]], end[timeline.number[rows]] = timeline.start_s[rows], timeline.end_s[rows]
    found = crossings(job, timeline, start, end)
    places = {name: place for place, name in enumerate(job.cluster.places)}
    travel = [row for row, lane in enumerate(timeline.lane.tolist()) if ">" in lane]
    assert travel
    for row in travel:
        source, target = (places[name] for name in timeline.lane[row].split(">"))
        for link in job.cluster.path(source, target).links:
            around = (found.link == link) & (found.start_s <= timeline.start_s[row])
            assert (around & (timeline.end_s[row] <= found.end_s)).any()
