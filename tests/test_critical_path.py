"""The chain of spans that decides the makespan: against chains counted by hand, and what must hold of every chain."""

from dataclasses import replace
from math import fsum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from random_scenarios import scenarios

import parsim
from parsim.build import build
from parsim.core.timeline import Idle, Timeline, Words
from parsim.export.csv import read_csv, write_csv
from parsim.metrics.critical_path import critical_path, gaps
from parsim.run import run
from parsim.scenario.scenario import load

FOLDER = Path(__file__).parents[1] / "scenarios"
RANK_3 = " ".join(f"3F{i} 3B{i}" for i in range(8))
BY_HAND = {
    "01_five_tasks_data": "host>part0 part0",  # three items; part1 has two
    "02_five_tasks_layers": "host>element0 element0 host>element2 element2 host>element4 element4",  # all on w0
    # w1's rounds; item4.1 and item3.1 end together, and item4.1 has the higher number.
    "03_five_tasks_chain": "host>item1.0 item1.0 host>item3.0 item3.0 item0.0>item0.1 item0.1 "
    "item2.0>item2.1 item2.1 item4.0>item4.1 item4.1",
    "04_quantisation": "part1 part5 part9",  # of the two that end at 3 s, the higher
    # Backwards over the published schedule: t8's 11 s to t10; t6's 15 s to t8; t6 behind t4 on p2; t1's 9 s to t4.
    "05_heft_ten_tasks": "t1 t1>t4 t4 t6 t6>t8 t8 t8>t10 t10",
    "06_pipeline_1f1b": f"0F0 1F0 2F0 {RANK_3} 2B7 1B7 0B7",  # down, the last rank without a gap, up
    "07_four_transfers_one_link": "to_d",
}
SECONDS = {
    "workload.forward": "1 s",
    "workload.input_grad": "1 s",
    "workload.weight_grad": "1 s",
}  # sums without rounding


def played(name):
    return parsim.simulate(FOLDER / f"{name}.yaml", set=SECONDS if "pipeline" in name else {})


def names(timeline):
    return [str(timeline.task[step.row]) for step in critical_path(timeline)]


def tasks(*rows, devices=2, **more):
    return {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": list(rows)}, **more}


@pytest.mark.parametrize("name", BY_HAND)
def test_chains_counted_by_hand(name):
    timeline = played(name).timeline
    assert names(timeline) == BY_HAND[name].split()
    assert gaps(timeline, critical_path(timeline)) == [0.0] * len(BY_HAND[name].split())


@pytest.mark.parametrize("name", BY_HAND)
def test_a_timeline_read_from_its_file_has_the_same_chain(name, tmp_path):
    timeline = played(name).timeline
    file = tmp_path / "timeline.csv"
    file.write_text("".join(write_csv(timeline)))
    assert names(read_csv(file, 0)) == names(timeline)


def test_steps_stand_at_both_ends():
    """A second each: split, create, the input, the task, its result, gather, merge."""
    timeline = parsim.simulate(
        {
            "cluster": {"devices": 1, "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
            "workload": {"kind": "items", "count": 1, "item": "1 MB", "result": "1 MB"},
            "plan": {"split": "data", "steps": dict.fromkeys(("split", "create", "gather", "merge"), "1 s")},
            "cost": {"kind": "constant", "compute": "1 s"},
        }
    ).timeline
    found = critical_path(timeline)
    assert names(timeline) == ["split", "create", "host>part0", "part0", "part0>host", "gather", "merge"]
    assert timeline.end_s[[step.row for step in found]].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert [step.waited for step in found] == ["", "split", "create", "host>part0", "part0", "part0>host", "gather"]


def test_a_flow_starts_when_it_is_stated_and_that_time_is_a_gap():
    flows = [{"name": "f", "from": "w0", "to": "w1", "size": "1 MB", "start": "2 s"},
             {"name": "g", "from": "w1", "to": "w0", "size": "2 MB"}]  # fmt: skip
    topology = {"kind": "full", "bandwidth": "1 MB/s"}
    cluster = {"devices": 2, "topology": topology}
    timeline = parsim.simulate({"cluster": cluster, "workload": {"kind": "transfers", "flows": flows}}).timeline
    found = critical_path(timeline)
    # g ends at 2 s just as f starts, and has nothing to do with it.
    assert (names(timeline), gaps(timeline, found), found[0].waited) == (["f"], [2.0], "")


def test_a_collective_is_followed_through_all_its_phases():
    """Scatter within a node, sums with the twin of the other node, gather. rank5>rank6 is in the first and the last."""
    timeline = played("28_hierarchical_all_reduce").timeline
    found = critical_path(timeline)
    assert names(timeline) == ["rank5>rank6", "rank6>rank14", "rank14>rank15"]
    assert gaps(timeline, found) == [0.0, 0.0, 0.0]
    ends = timeline.end_s[[step.row for step in found]].tolist()
    assert ends == pytest.approx([2.91996e-3, 7.92536e-3, 10.8453e-3], 1e-5)
    assert [step.waited for step in found] == ["", "rank5>rank6", "rank6>rank14"]


def test_a_collective_at_the_end_is_followed_to_the_task_before_it():
    """The new weights are gathered in two phases after the update, which waits for the backward of all."""
    model = {
        "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "star", "bandwidth": "1 GB/s"}},
        "workload": {"kind": "transformer", "preset": "llama2-7b", "batch": 4},
        "plan": {"data": 4, "sharding": "zero1", "algorithm": "halving-doubling", "bucket": "100 GB"},
    }
    timeline = parsim.simulate(model).timeline
    found = critical_path(timeline)
    assert gaps(timeline, found) == [0.0] * len(found)
    assert (timeline.sender[[step.row for step in found[-3:]]] >= 0).tolist() == [False, True, True]


HOLDER = {"name": "d", "memory": "10 MB", "slots": 2}


def test_who_waits_for_room_goes_on_from_the_end_on_its_own_device():
    """d.0 is free from 1 s on, and has no room for b beside a; c ends with a, has a higher number, and is elsewhere."""
    timeline = parsim.simulate(
        tasks(
            {"name": "short", "compute": {"d": "1 s"}},
            {"name": "a", "compute": {"d": "3 s"}, "memory": "6 MB"},
            {"name": "b", "compute": {"d": "1 s"}, "memory": "6 MB"},
            {"name": "c", "compute": {"e": "3 s"}},
            devices=[HOLDER, "e"],
        )
    ).timeline
    found = critical_path(timeline)
    assert (names(timeline), gaps(timeline, found)) == (["a", "b"], [0.0, 0.0])
    assert [step.waited for step in found] == ["", "memory"]


def test_who_waits_for_room_goes_on_from_the_end_elsewhere_that_freed_it():
    """The output of p is held until q, on the other device, starts: when s has ended there."""
    timeline = parsim.simulate(
        tasks(
            {"name": "p", "compute": {"d": "1 s"}, "output": "6 MB"},
            {"name": "s", "compute": {"e": "3 s"}},
            {"name": "q", "compute": {"e": "1 s"}, "after": ["p"]},
            {"name": "r", "compute": {"d": "2 s"}, "memory": "6 MB"},
            devices=[HOLDER | {"slots": 1}, "e"],
        )
    ).timeline
    assert names(timeline) == ["s", "r"]
    assert critical_path(timeline)[-1].waited == "memory"


class Late:
    """Gives nothing to w0 until some task has been released by another."""

    def prepare(self, graph, workers, estimate):
        self.ready_tasks, self.able, self.place = [], workers, graph.place.tolist()
        self.open = False

    def home(self, task):
        return None

    def ready(self, task, by):
        self.ready_tasks.append(task)
        self.open |= by is not None

    def take(self, worker, fits):
        mine = [task for task in self.ready_tasks if worker in self.able[self.place[task]]]
        if not mine or (worker == 0 and not self.open):
            return None
        self.ready_tasks.remove(mine[0])
        return mine[0]


def test_what_the_policy_held_back_goes_on_from_whoever_ended_then():
    job = build(
        load(
            tasks(
                {"name": "a", "compute": {"w1": "2 s"}},
                {"name": "b", "compute": {"w0": "3 s"}},
                {"name": "c", "compute": {"w1": "1 s"}, "after": ["a"]},
            )
        )
    )
    timeline = run(replace(job, policy=Late)).timeline
    assert names(timeline) == ["a", "b"]
    assert critical_path(timeline)[-1].waited == "policy"


def test_tasks_of_no_length_make_no_circle():
    chain = [{"name": f"t{i}", "compute": "0 s", "after": [f"t{i - 1}"] if i else []} for i in range(50)]
    timeline = parsim.simulate(tasks(*chain, {"name": "long", "compute": "1 s", "after": ["t49"]})).timeline
    assert names(timeline) == [*(f"t{i}" for i in range(50)), "long"]
    assert timeline.makespan_s == 1.0


HEAD = "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for\n"


def read(tmp_path, rows):
    file = tmp_path / "trace.csv"
    file.write_text(HEAD + "\n".join(rows) + "\n")
    return read_csv(file, 0)


def test_between_the_stamps_of_a_wall_clock_time_is_left(tmp_path):
    timeline = read(
        tmp_path,
        [
            "0,a,compute,w0,compute,0,0.125,1,0.875,",
            "1,b,compute,w1,compute,1,1.25,2,0.75,a",
            "2,c,compute,w0,compute,0,2.5,4,1.5,policy",  # b ended last before
            "3,d,compute,w1,compute,0,2,3,1,b",
        ],
    )
    assert names(timeline) == ["a", "b", "c"]
    assert gaps(timeline, critical_path(timeline)) == [0.125, 0.25, 0.5]


def test_a_span_named_that_had_not_ended_by_then_is_not_believed(tmp_path):
    timeline = read(
        tmp_path,
        ["0,a,compute,w0,compute,0,0,1,1,", "1,b,compute,w1,compute,0,0,3,3,", "2,c,compute,w0,compute,0,1,4,3,b"],
    )
    assert names(timeline) == ["a", "c"]


def test_two_that_wait_for_each_other_come_to_an_end(tmp_path):
    rows = ["0,a,compute,w0,compute,0,1,1,0,b", "1,b,compute,w0,compute,0,1,1,0,a"]
    assert names(read(tmp_path, rows)) == ["a", "b"]


def test_names_are_found_among_many():
    """Two workers in step, each task waiting for the other worker's last one: the chain changes sides at every step."""
    steps = 40_000  # and twice as many names: a product beyond 2^31
    number = np.arange(2 * steps)  # w0 has the even ones
    names = [f"t{i}" for i in range(2 * steps)]
    waits = np.where(number < 2, len(names), (number - 2) ^ 1).astype(np.int32)
    start = (number // 2).astype(float)
    words = (*names, "")
    same = np.zeros(len(number), np.int32)
    timeline = Timeline(
        number, Words(number.astype(np.int32), words), Words(same, ["compute"]), Words(number % 2, ["w0", "w1", ""]),
        Words(same, ["compute"]), start, start, start + 1.0, start * 0.0 + 1.0, Words(waits, words),
        np.full(len(number), -1), Idle(*(np.empty(0, int), np.empty(0), np.empty(0), np.empty(0, int))),
    )  # fmt: skip
    rows = [step.row for step in critical_path(timeline)]
    assert rows == [2 * step + (steps - step) % 2 for step in range(steps)]


def test_nothing_has_no_path(tmp_path):
    assert critical_path(read(tmp_path, [])) == []


def test_a_real_replay_adds_up():
    timeline = parsim.replay(FOLDER / "02_five_tasks_layers.yaml").measured.timeline
    adds_up(timeline)


def adds_up(timeline):
    path = critical_path(timeline)
    rows, between = [step.row for step in path], gaps(timeline, path)
    spans = (timeline.end_s[rows] - timeline.start_s[rows]).tolist()
    assert fsum([*spans, *between]) == pytest.approx(timeline.makespan_s, rel=1e-9, abs=0)
    assert min(between) >= 0
    assert timeline.end_s[rows[-1]] == timeline.makespan_s
    return between


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(scenarios())
def test_every_chain_reaches_back_to_the_start_without_a_gap(scenario):
    try:
        timeline = parsim.simulate(scenario).timeline
    except parsim.ParsimError:
        assume(False)
    between = adds_up(timeline)
    if scenario["workload"]["kind"] != "transfers":  # flows have a start of their own
        assert between[0] == 0
    assert not any(between[1:])


def test_only_words_that_are_asked_for_are_made(monkeypatch):
    """A path follows the names that spans waited for; words are looked at only of spans that waited for none."""
    asked = []
    found = "parsim.metrics.critical_path.look_up"
    monkeypatch.setattr(found, lambda table, codes: asked.extend(codes) or [table[code] for code in codes])
    timeline = parsim.simulate(
        FOLDER / "06_pipeline_1f1b.yaml", set={"plan.microbatches": 24, "workload.send": "1 ms"}
    ).timeline
    path = critical_path(timeline)
    assert timeline.end_s[path[-1].row] == timeline.makespan_s
    assert len(asked) <= 4 < len(path)
