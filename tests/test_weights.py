"""Devices that stand for several, and transfers that weigh on links: one for all is as the whole.

The whole is every replica played by itself (`replicas`). What is played of the fold has to be equal in every start and
end, and in every figure.
"""

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replicas import SHARED, Flow, Replicas, Task

import parsim
from parsim.build import build
from parsim.core.cluster import Cluster, Device, Link, Wiring
from parsim.core.graph import Edges, TaskGraph
from parsim.export.files import write
from parsim.export.folder import read_folder
from parsim.metrics.checker import check
from parsim.metrics.closed_forms import forms, lower_bound
from parsim.metrics.training import training
from parsim.run import run
from parsim.scenario.scenario import load
from parsim.sim.theory import theory
from parsim.study.causes import trials
from parsim.study.counterfactual import without_links
from parsim.study.slow_devices import slowness
from parsim.study.splits.runs import measured
from parsim.study.traffic import busy, moved
from parsim.study.work import work_done

NEAR = 1e-12

# Eight workers behind one link to the host: 1 MB to each at 1 MB/s for all, so 8 s, and 1 s for one alone.
STAR = Replicas(
    ((8, 1.0),),
    devices=1,
    tasks=(
        Task(0, 3.0, given=1e6, result=5e5, memory=2e6),
        Task(0, 1.0, given=2e6, output=1e6),
        Task(0, 2.0, result=25e4),
    ),
    latency=0.25,
)
PARTS = [((8, 1.0),), ((4, 1.0), (4, 1.0)), ((5, 1.0), (2, 1.0), (1, 1.0))]

# Two stages, the second after the first over a link of all; six replicas are fast, and two are slow.
PAIR = Replicas(
    ((6, 2.0), (2, 1.0)),
    devices=2,
    tasks=(
        Task(0, 1.0, given=1e6, output=3e6),
        Task(0, 2.0, given=1e6),
        Task(1, 1.5, result=1e6, after=((0, 3e6, 0.0),)),
        Task(1, 0.5, after=((1, 1e6, 0.0), (0, 0.0, 4.0))),
    ),
    slots=2,
)
FLOWS = Replicas(
    ((5, 1.0), (3, 1.0)),
    devices=2,
    flows=(Flow(0, -1, 1e6), Flow(1, -1, 3e6, start=2.0), Flow(0, 1, 2e6, limit=5e4), Flow(1, 0, 1e6, start=0.5)),
    latency=0.125,
)
CASES = {
    **{f"star, {len(parts)} played": replace(STAR, groups=parts) for parts in PARTS},
    "star, slots": replace(STAR, slots=3),
    "stages": PAIR,
    "flows": FLOWS,
    "one flow": Replicas(((8, 1.0),), 1, flows=(Flow(0, -1, 1e6),)),
    "one task": Replicas(((7, 1.0),), 1, tasks=(Task(0, 3.0, given=1e6),)),
}


def spans(result, replica):
    """Return (name, kind, start, end, nominal, ready) of the spans of a replica; names are without its number."""
    line = result.timeline
    columns = (line.task, line.kind, line.start_s, line.end_s, line.nominal_s, line.ready_s)
    mine = [row for row in zip(*columns, strict=True) if replica in {word[2:] for word in row[0].split(">")}]
    return sorted((row[0].replace(replica, ""), *row[1:]) for row in mine)


def figures(result):
    """Return the theory, the ledger and the rest that belongs to no device, as numbers by name."""
    facts = result.to_dict()
    flat = {f"theory {name}": value for name, value in facts["theory"].items()}
    terms = dict(facts["ledger"])
    flat |= {f"idle {cause}": value for cause, value in terms.pop("idle").items()}
    return flat | terms | {name: facts[name] for name in ("makespan_s", "workers")}


def of_device(result, index):
    row = copy.deepcopy(result.devices[index])
    row.pop("name"), row.pop("stands_for")
    memory = row.pop("memory") or {"by_kind": {}}
    return row | memory.pop("by_kind") | {key: value for key, value in memory.items() if value is not None}


def assert_one_for_all(case, whole, fold):
    near = {"rel": NEAR, "abs": NEAR * whole.timeline.makespan_s}
    assert figures(fold) == pytest.approx(figures(whole), **near)
    for number, origin in enumerate(case.origin()):
        mine, theirs = spans(whole, f"r{number}"), spans(fold, f"r{origin}")
        assert [row[:2] for row in mine] == [row[:2] for row in theirs]
        assert np.array([row[2:] for row in mine]) == pytest.approx(np.array([row[2:] for row in theirs]), **near)
        for device in range(case.devices):
            here, there = number * case.devices + device, origin * case.devices + device
            assert of_device(whole, here) == pytest.approx(of_device(fold, there), **near)
            assert fold.devices[there]["stands_for"] == case.groups[origin][0]


@pytest.mark.parametrize("policy", ["fifo", "round_robin"])
@pytest.mark.parametrize("name", CASES)
def test_one_for_all_is_as_the_whole(name, policy):
    case = CASES[name]
    whole, fold = run(case.whole(policy)), run(case.folded(policy))
    assert_one_for_all(case, whole, fold)
    assert check(whole.job, whole.timeline) == check(fold.job, fold.timeline) == []
    assert len(fold.timeline) < len(whole.timeline)
    assert lower_bound(fold.job) == pytest.approx(lower_bound(whole.job), rel=NEAR)
    assert all(form.makespan_s == pytest.approx(fold.timeline.makespan_s) for form in forms(fold.job))


TIMES = st.sampled_from([0.25, 0.5, 1.0, 1.7, 3.0])
SIZES = st.sampled_from([0.0, 1e5, 7e5, 1e6, 3e6])


@st.composite
def tasks(draw, devices):
    made = []
    for number in range(draw(st.integers(1, 5))):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        after = tuple(
            (parent, *draw(st.sampled_from([(1e6, 0.0), (2e5, 0.0), (0.0, 2.5), (0.0, 0.0)]))) for parent in parents
        )
        sizes = [draw(SIZES) for _ in range(4)]
        made.append(Task(draw(st.integers(0, devices - 1)), draw(TIMES), *sizes, after))
    return tuple(made)


@st.composite
def cases(draw):
    devices = draw(st.integers(1, 3))
    groups = draw(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1.0, 2.0, 0.7])), min_size=1, max_size=3))
    links = {"shared": draw(st.sampled_from([4e5, 1e6, 3e6])), "own": draw(st.sampled_from([3e5, 1e6, 5e6]))}
    return Replicas(
        tuple(groups), devices, draw(tasks(devices)), slots=draw(st.integers(1, 2)), latency=draw(TIMES) - 0.25, **links
    )


@given(cases(), st.sampled_from(["fifo", "round_robin", "lpt"]), st.integers(0, 1))
def test_one_for_all_is_as_the_whole_whatever_it_does(case, policy, prefetch):
    whole, fold = run(case.whole(policy, prefetch=prefetch)), run(case.folded(policy, prefetch=prefetch))
    assert_one_for_all(case, whole, fold)
    assert check(fold.job, fold.timeline) == []
    assert lower_bound(fold.job) == pytest.approx(lower_bound(whole.job), rel=NEAR)
    assert all(form.makespan_s == pytest.approx(fold.timeline.makespan_s) for form in forms(fold.job))


def test_the_star_by_hand():
    # Latency is 0.25 s at the hub and at the way out of a device: inputs take 1.25 s and 2.25 s alone, results 1 s and
    # 0.75 s, of three tasks of 2 s in the mean. The first inputs of all: 8 MB at 1 MB/s.
    fold = run(STAR.folded())
    assert fold.theory.to_dict() == {"n": 24, "p": 8, "t_s": 2.0, "t_c": 5.25 / 3, "t_total_s": 3 * (2.0 + 5.25 / 3)}
    (row,) = np.flatnonzero(fold.timeline.task == "host>t0r0")
    assert (fold.timeline.end_s[row], fold.timeline.nominal_s[row]) == (8.25, 1.25)
    facts = fold.to_dict()
    assert (facts["workers"], facts["tasks"], facts["devices"][0]["stands_for"]) == (8, 3, 8)


@pytest.mark.parametrize("name", ["one flow", "one task"])
def test_the_longest_path_gives_a_transfer_its_part_of_a_link(name):
    record, same = (run(CASES[name].folded("heft", engine=engine)) for engine in ("simpy", "path"))
    assert (record.timeline.engine, same.timeline.engine) == ("simpy", "path")
    assert record.timeline.end_s.tolist() == same.timeline.end_s.tolist()
    assert record.timeline.nominal_s.tolist() == same.timeline.nominal_s.tolist()


def test_one_may_stand_for_a_million():
    fold = run(Replicas(((10**6, 1.0),), 1, tasks=(Task(0, 1.0, given=1e6),)).folded())
    assert (fold.timeline.makespan_s, fold.theory.n, fold.theory.p) == (1e6 + 1, 10**6, 10**6)
    assert fold.ledger.to_dict()["contention_s"] == 1e6 - 1


def weighing(job, times):
    """Let each transfer of *job* weigh so many *times* as much on links of several."""
    wiring = job.cluster.wiring

    def weight(source, target, link):
        found = wiring.weight(source, target, link)
        return times * found if found > 1 else found

    return replace(job, cluster=Cluster(job.cluster.devices, wiring._replace(weight=weight)))


def alone(job):
    """Let the devices of *job* stand for themselves alone."""
    devices = tuple(device._replace(stands_for=1) for device in job.cluster.devices)
    return replace(job, cluster=Cluster(devices, job.cluster.wiring))


@pytest.mark.parametrize("name", CASES)
def test_without_the_weights_it_is_not_as_the_whole(name):
    case = CASES[name]
    whole, light = run(case.whole()), run(case.folded(on_links=False))
    assert light.ledger.contention_s < 0.5 * whole.ledger.contention_s


def test_where_devices_stand_for_themselves_alone_the_means_are_others():
    whole, single = run(PAIR.whole()), run(alone(PAIR.folded()))
    assert single.timeline.makespan_s == pytest.approx(whole.timeline.makespan_s, rel=NEAR)
    assert (single.theory.n, single.theory.p) == (whole.theory.n / 4, whole.theory.p / 4)
    assert single.ledger.busy_nominal_s != pytest.approx(whole.ledger.busy_nominal_s, rel=0.01)


@pytest.mark.parametrize("name", CASES)
def test_the_checker_refuses_a_wrong_weight(name):
    job = CASES[name].folded()
    timeline = run(job).timeline
    (told, *_) = check(weighing(job, 1.25), timeline)
    assert re.match("link .* carried more than its capacity from", told)
    (told, *_) = check(weighing(job, 0.75), timeline)
    assert re.match("transfer .* took .* s longer than its share of the links allows", told)


def test_a_path_tells_weights_and_nominal_seconds_without_them():
    cluster = STAR.cluster(on_links=True)
    path = cluster.path(1, 0)
    assert [(cluster.links[number].name, weight) for number, weight in path.ways] == [("hub.in", 8), ("d0r0.in", 1)]
    assert path.seconds(1e6) == 1.25
    (hub,) = without_links(["d0r0.in"], STAR.folded()).cluster.path(1, 0).ways
    assert hub[1] == 8


def test_devices_that_stand_for_different_numbers_share_their_seconds():
    job = replace(STAR, groups=PARTS[-1]).folded()
    assert len({id(column) for column in job.expected_s}) == 1


# Where workers of different weights may run a task, it stands for the mean of them, as if each were as likely.

MIXED = Cluster((Device("a", stands_for=8), Device("b", speed=0.5, stands_for=2), Device("c", speed=0.25)))


def mixed(places, edges=(), wiring=MIXED.wiring):
    """Return a job of tasks of 1 s, each of which may run on some of the workers of `MIXED`."""
    job = STAR.folded()
    made = [f"t{task}" for task in range(len(places))]
    parent, child, size = np.array(edges, dtype=np.float64).reshape(-1, 3).T
    graph = TaskGraph(
        made,
        ("compute",),
        np.zeros(len(made), int),
        np.ones(len(made)),
        tuple(places),
        np.arange(len(made)),
        stated=np.ones(len(made)),
        edges=Edges(parent.astype(int), child.astype(int), size, np.zeros(len(size))),
    )
    return replace(job, graph=graph, cluster=Cluster(MIXED.devices, wiring))


def test_a_task_that_several_may_run_stands_for_their_mean():
    found = theory(mixed([(0,), (0, 1), (0, 1, 2), (2,)]))
    counts = [8, 5, 11 / 3, 1]
    means = [1, (8 * 1 + 2 * 2) / 10, (8 * 1 + 2 * 2 + 1 * 4) / 11, 4]
    seconds = sum(count * mean for count, mean in zip(counts, means, strict=True))
    assert found.to_dict() == pytest.approx(
        {"n": sum(counts), "p": 11, "t_s": seconds / sum(counts), "t_c": 0, "t_total_s": seconds / 11}
    )


def test_mean_routes_count_pairs_of_all_devices():
    # a to b: 8 x 2 pairs of 1 s; a to c: 8 x 1 of 3 s; b to c 2 x 1 of 3 s. Each edge counts as often as its child.
    def route(source, target):
        return (Link(f"to {target}", 1e6, 2.0 if target == 2 else 0.0),)

    found = theory(mixed([(0, 1), (1, 2), (2,)], [(0, 1, 1e6), (0, 2, 1e6)], Wiring(route)))
    to_one = (16 * 1 + 8 * 3 + 2 * 3) / 26
    assert (found.n, found.t_c) == pytest.approx((5 + 1.5 + 1, (1.5 * to_one + 3) / 7.5))


# What else means over workers, or counts for all of them.


@pytest.mark.parametrize("name", CASES)
def test_studies_count_for_all(name):
    case = CASES[name]
    whole, fold = run(case.whole()), run(case.folded())
    (mine, theirs) = (busy(one.job, moved(one.job, one.timeline, one.timeline.transfers)) for one in (whole, fold))
    assert theirs == pytest.approx({link: mine[link] for link in theirs}, rel=NEAR)
    assert {*SHARED} & {*theirs}
    one, other = (measured(result.job)._asdict() for result in (whole, fold))
    assert other["tasks"] == len(case.tasks) * len(case.groups)
    kept = one.keys() - {"tasks", "ledger"}
    assert {key: other[key] for key in kept} == pytest.approx({key: one[key] for key in kept}, rel=NEAR)
    kind = "transfers" if case.flows else "tasks"
    scenario = load({"cluster": {"devices": 1}, "workload": {"kind": kind, kind.replace("transfers", "flows"): []}})
    one, other = (work_done(scenario, result.job) for result in (whole, fold))
    assert not one.differs(other)
    assert one.differs(work_done(scenario, alone(fold.job)))


def test_the_device_in_the_middle_is_the_middle_of_all():
    job = mixed([(0, 1, 2)])
    assert slowness(job)[0] == 1.0
    devices = (MIXED.devices[0]._replace(stands_for=1), *MIXED.devices[1:])
    assert slowness(replace(job, cluster=Cluster(devices)))[1] == 1.0


def test_training_counts_all_workers():
    workload = {"kind": "mlp", "widths": [8, 16, 4], "batch": 6}
    cluster = {"devices": 2, "device": "calibrated-core", "topology": {"kind": "full", "bandwidth": "5 GB/s"}}
    job = build(load({"cluster": cluster, "workload": workload, "plan": {"split": "data"}, "cost": "roofline"}))
    played = run(job)
    used = [device["utilisation"] for device in played.devices]
    told = {}
    for counts in ((1, 1), (3, 1), (1, 3)):
        pairs = zip(job.cluster.devices, counts, strict=True)
        devices = tuple(device._replace(stands_for=count) for device, count in pairs)
        told[counts] = training(replace(job, cluster=Cluster(devices, job.cluster.wiring)), played.timeline)
        mean = sum(count * share for count, share in zip(counts, used, strict=True)) / sum(counts)
        assert told[counts]["bubble_of_whole"] == pytest.approx(1 - mean)
    # The model's FLOP are the whole's, of a peak of four workers in place of two; what kernels do is done three times.
    assert told[3, 1]["mfu"] == told[1, 3]["mfu"] == pytest.approx(told[1, 1]["mfu"] / 2)
    assert told[3, 1]["hfu"] + told[1, 3]["hfu"] == pytest.approx(2 * told[1, 1]["hfu"])


def test_a_slow_stage_is_held_against_the_mean_of_all():
    stages = {"kind": "stages", "forward": ["1 s", "2 s"], "input_grad": "0 s", "weight_grad": "0 s"}
    scenario = load({"cluster": {"devices": 2}, "workload": stages, "plan": {"schedule": "gpipe", "microbatches": 2}})
    job = build(scenario)
    first, second = job.cluster.devices
    job = replace(job, cluster=Cluster((first._replace(stands_for=9), second)))
    words = [trial.words for trial in trials(scenario, job, run(job).timeline) if trial.change == "slowest_stage"]
    assert words == ["equal stages (that of w1 takes 1.82 times the mean)"]  # 2 s / ((9 x 1 s + 2 s) / 10)


def test_reports_tell_for_how_many_a_device_stands(tmp_path):
    fold = run(PAIR.folded())
    text = fold.report()
    assert "32 workers, 8 tasks" in text
    assert "32 units of work into 8 tasks" in text
    assert "d0r0.0 (stands for 6)" in text
    assert "and 8 more workers" in text
    assert "8 results return to the host" in text
    assert "d0r0 (stands for 6)" in fold._repr_html_()
    spent = sum(row["stands_for"] * row["compute_s"] for row in fold.devices)
    assert f"{spent:g} s of computing" in text
    assert re.search("device +stands for|stands for +compute", text)
    write(str(tmp_path), {name: made for name, made in fold.files().items() if name.endswith((".csv", "result.json"))})
    assert read_folder(tmp_path).ledger == fold.ledger
    result = tmp_path / "result.json"
    result.write_text(result.read_text().replace('"stands_for": 6', '"stands_for": 5'))
    with pytest.raises(parsim.ScenarioError, match=r"adds up to .*the folder holds files of two runs"):
        read_folder(tmp_path)
