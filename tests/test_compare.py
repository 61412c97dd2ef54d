"""Comparisons: the same luck for all, intervals, labels, refusals with their places, and the sentence.

Makespans by hand: fifo gives 1 s, 1 s, 2 s to two workers as 1+2 | 1, so 3 s; the longest first makes 2 | 1+1, so 2 s.
"""

import dataclasses
import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

import parsim
from parsim.core.timeline import CAUSES
from parsim.export.text import short
from parsim.study import played as playing
from parsim.study.compare import compare
from parsim.study.noise import sample, student
from parsim.study.played import TERMS, Figures, Played, ended, fastest, pair
from parsim.study.table import LABEL, table
from parsim.study.variants import alternatives
from parsim.study.verdict import decided, savings

ROOT = Path(__file__).parents[1]
NOISY = {"kind": "noisy", "spread": 0.5}


def independent(*times, **more):
    tasks = [{"name": f"t{number}", "compute": f"{time} s"} for number, time in enumerate(times)]
    return {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}, **more}


def means(comparison):
    return {one.label: one.makespan.mean for one in comparison.variants}


@pytest.mark.parametrize("source", [5, None, [5], object()])
def test_what_is_no_scenario_is_refused(source):
    assert "wants a path or a mapping" in faults(source)[0]


def faults(*arguments, **more):
    with pytest.raises(parsim.ScenarioError) as wrong:
        compare(*arguments, **more)
    return [str(fault) for fault in wrong.value.faults]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write scenarios as YAML; `write(name, text)` returns the name."""
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return name

    return write


ITEMS = """\
cluster: {{devices: {devices}}}
workload: {{kind: items, count: {count}}}
plan: {{split: data}}
cost: {{kind: constant, compute: 1 s}}
"""


# --- what is played, and how it is called ---


def test_alternatives_are_played_side_by_side():
    comparison = compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]})
    assert means(comparison) == {"policy=fifo": 3.0, "policy=lpt": 2.0}
    assert comparison.seeds == (0,)
    assert comparison.failed == ""


def test_every_combination_is_played_and_what_is_fixed_is_not_said():
    found = means(
        compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"], "cluster.devices": (2, 3), "plan.prefetch": 0})
    )
    assert found == {
        "policy=fifo, devices=2": 3.0,
        "policy=fifo, devices=3": 2.0,
        "policy=lpt, devices=2": 2.0,
        "policy=lpt, devices=3": 2.0,
    }


def test_a_label_says_the_file_where_there_are_several(files):
    two, four = (
        files("two.yaml", ITEMS.format(devices=2, count=4)),
        files("four.yaml", ITEMS.format(devices=4, count=4)),
    )
    assert means(compare([two, four])) == {"two": 2.0, "four": 1.0}
    both = means(compare([two, four], set={"cost.compute": ["1 s", "3 s"]}))
    assert list(both) == ["two, compute=1 s", "two, compute=3 s", "four, compute=1 s", "four, compute=3 s"]


def test_labels_that_would_be_alike_are_told_apart(files):
    text = ITEMS.format(devices=2, count=4)
    before, after = files("before/a.yaml", text), files("after/a.yaml", text)
    assert list(means(compare([before, after]))) == ["before/a", "after/a"]
    assert list(means(compare([before, before]))) == ["before/a", "before/a #2"]
    assert list(means(compare([independent(1), independent(1)]))) == ["scenario", "scenario #2"]


def test_a_long_value_is_cut_and_a_path_by_what_it_shares():
    wired = independent(1)
    wired["cluster"]["topology"] = {"kind": "star", "bandwidth": "1 MB/s", "latency": "0 s"}
    costs = [{"kind": "noisy", "spread": 0.12345678901234567}, "constant"]
    found = compare(wired, set={"cluster.topology.latency": ["1 s", "2 s"], "cost": costs}).variants
    assert [one.label for one in found] == [
        "latency=1 s, cost=noisy(spread=0.12345678901 ...",
        "latency=1 s, cost=constant",
        "latency=2 s, cost=noisy(spread=0.12345678901 ...",
        "latency=2 s, cost=constant",
    ]


def test_a_value_as_text_is_no_list_of_letters():
    comparison = compare([independent(1, 1, 2), independent(1, 1, 2)], set={"policy": "lpt"})
    assert set(means(comparison).values()) == {2.0}


def test_the_command_line_separates_at_commas_outside_brackets_and_quotes():
    assert alternatives(["policy=fifo,lpt", "cluster.devices=2,4", "seed=7"]) == {
        "policy": ["fifo", "lpt"],
        "cluster.devices": [2, 4],
        "seed": [7],
    }
    assert alternatives(["workload.data=[1, 2],[3, [4, 5]]"]) == {"workload.data": [[1, 2], [3, [4, 5]]]}
    assert alternatives(["policy={kind: a, b: 1}, fifo"]) == {"policy": [{"kind": "a", "b": 1}, "fifo"]}
    assert alternatives(["x='a, b','it''s, c',it's,\"d\\\", e\""]) == {"x": ["a, b", "it's, c", "it's", 'd", e']}
    assert alternatives(["x="]) == {"x": [None]}


@pytest.mark.parametrize("pair", ["policy=fifo,", "policy=,fifo", "policy=fifo,,lpt"])
def test_a_comma_with_nothing_beside_it_is_refused(pair):
    with pytest.raises(parsim.ScenarioError) as wrong:
        alternatives([pair, "seed"])
    first, second = wrong.value.faults
    assert first[:4] == ("--set", 0, 0, "policy")
    assert "a comma without a value" in first.message
    assert "not PATH=VALUE" in second.message  # all at once


def test_a_label_means_one_thing_in_the_scenario():
    # compute stands in every task, alpha in none: the one needs its task, the other nothing.
    found = compare(independent(1, 1, 2), set={"workload.tasks[1].compute": ["2 s", "1 s"], "plan.prefetch": [0, 1]})
    assert found.variants[0].label == "tasks[1].compute=2 s, prefetch=0"
    devices = {"cluster": {"devices": [{"name": "a", "speed": 1}, {"name": "b", "speed": 2}]}}
    speeds = compare(independent(1, 1) | devices, set={"cluster.devices[1].speed": [1, 4]})
    assert [one.label for one in speeds.variants] == ["devices[1].speed=1", "devices[1].speed=4"]


ROOMY = {
    "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "100 MB/s"}},
    "workload": {"kind": "items", "count": 4, "item": "10 MB", "weights": "10 MB"},
    "plan": {"split": "data", "subsets": 4},
    "cost": {"kind": "constant", "compute": "1 s"},
}


def test_a_variant_that_no_device_can_hold_fails_beside_the_others():
    # A subset of one item and the weights want 20 MB; 15 MB are too few, 30 MB are enough.
    found = compare(ROOMY, set={"cluster.device.memory": ["15 MB", "30 MB"]}, seeds=2)
    small, large = found.variants
    why = (
        "cannot be played: task part0 needs 20 MB on its device, but the largest has 15 MB, and 3 more "
        "tasks are too large"
    )
    assert small.failures == dict.fromkeys([0, 1], why)
    assert large.makespans == [pytest.approx(2.2)] * 2  # two rounds of 100 ms and 1 s
    assert found.decided == "Only memory=30 MB ended, so nothing is compared."
    assert f"Failed\n  memory=15 MB, with every seed: {why}" in found.report()
    assert found.failed.startswith("memory=15 MB: cannot be played: task part0 needs 20 MB")


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        (["15 MB", "12 MB"], ["the largest has 15 MB", "the largest has 12 MB"]),
        (["15 MB", "30 Mb"], ["30 Mb", "the largest has 15 MB"]),
    ],
)
def test_where_no_variant_fits_or_one_is_wrong_besides_all_is_told_and_nothing_played(memory, told):
    with pytest.raises(parsim.ScenarioError) as wrong:
        compare(ROOMY, set={"cluster.device.memory": memory})
    assert len(wrong.value.faults) == 2
    for fault, words in zip(wrong.value.faults, told, strict=True):
        assert words in fault.message


def test_settings_may_change_the_work_and_the_report_says_so():
    report = compare(ROOMY, set={"workload.count": [4, 6], "policy": ["fifo"]}).report()
    assert "Not the same work: 4 items with count=4, 6 with count=6." in report
    assert "Not the same work" not in compare(ROOMY, set={"policy": ["fifo", "lpt"], "workload.count": [5]}).report()


# --- luck ---


def test_with_one_seed_every_variant_meets_the_same_luck():
    comparison = compare(independent(*range(1, 20), cost=NOISY), set={"policy": ["fifo", "lpt", "heft"]}, seeds=[11])
    factors = []
    for one in comparison.variants:
        line = one.result.timeline
        order = np.argsort(line.number)
        factors.append(((line.end_s - line.start_s) / line.nominal_s)[order])
    assert np.ptp(factors[0]) > 0.1  # there is luck
    np.testing.assert_allclose(factors[1], factors[0], rtol=1e-12)
    np.testing.assert_allclose(factors[2], factors[0], rtol=1e-12)


def test_all_play_with_the_seeds_of_the_first_and_each_as_alone(files):
    text = ITEMS.format(devices=2, count=4).replace("kind: constant", "kind: noisy, spread: 0.5")
    one, other = files("one.yaml", text + "seed: 7\n"), files("other.yaml", text + "seed: 100\n")
    comparison = compare([one, other], seeds=3)
    assert comparison.seeds == (7, 8, 9)
    alone = [parsim.simulate(one, set={"seed": seed}).timeline.makespan_s for seed in (7, 8, 9)]
    assert [found.makespans for found in comparison.variants] == [alone, alone]
    assert len(set(alone)) == 3
    assert compare([one, other]).seeds == (7,)
    assert compare([one, other], set={"seed": 5}, seeds=2).seeds == (5, 6)


def test_seeds_draw_random_graphs_too_the_same_for_all():
    work = {"kind": "layered", "tasks": 30, "compute": "1 s"}
    scenario = {"cluster": {"devices": 3}, "workload": work, "seed": 4}
    comparison = compare([scenario, {**scenario, "seed": 9}], set={"policy": ["lpt"]}, seeds=3)
    alone = [
        parsim.simulate(scenario, set={"policy": "lpt", "seed": seed}).timeline.makespan_s for seed in comparison.seeds
    ]
    assert comparison.seeds == (4, 5, 6)
    assert [one.makespans for one in comparison.variants] == [alone, alone]
    assert len(set(alone)) == 3


def test_t_is_that_of_the_tables():
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, two-sided 95 %
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 19: 2.093, 30: 2.042, 100: 1.984}
    assert {freedom: round(student(freedom), 3) for freedom in table} == table


def test_an_interval_is_the_one_counted_by_hand():
    comparison = compare(independent(1, 1, 2, 3, cost=NOISY), set={"policy": ["fifo", "lpt"]}, seeds=10)
    fifo, lpt = comparison.variants
    half = 2.2622 * statistics.stdev(lpt.makespans) / math.sqrt(10)  # t of 9 degrees of freedom
    assert lpt.makespan.mean == pytest.approx(statistics.mean(lpt.makespans))
    assert lpt.makespan.interval == pytest.approx([lpt.makespan.mean - half, lpt.makespan.mean + half], rel=1e-4)
    differences = [mine - theirs for mine, theirs in zip(lpt.makespans, fifo.makespans, strict=True)]
    held, half = pair(lpt, fifo), 2.2622 * statistics.stdev(differences) / math.sqrt(10)
    assert held.difference.mean == pytest.approx(statistics.mean(differences))
    assert held.difference.half == pytest.approx(half, rel=1e-4)
    assert (held.shorter, held.longer) == (sum(d < 0 for d in differences), sum(d > 0 for d in differences))
    assert held.shorter + held.equal + held.longer == 10


def test_one_value_says_nothing_of_its_spread_and_equal_ones_have_none():
    assert sample([3.0]).interval is None
    assert not sample([3.0]).excludes_zero
    assert sample([3.0, 3.0]).interval == [3.0, 3.0]


def test_whoever_listens_hears_of_each_run():
    heard = []
    compare(
        independent(1, 1, 2),
        set={"policy": ["fifo", "lpt"]},
        seeds=3,
        heard=lambda done, total: heard.append((done, total)),
    )
    assert heard == [(done, 6) for done in range(1, 7)]


# --- what does not belong together ---


def test_files_that_do_different_work_are_refused_at_the_workload_of_the_later(files):
    four, six = (
        files("four.yaml", ITEMS.format(devices=2, count=4)),
        files("six.yaml", "# six\n" + ITEMS.format(devices=2, count=6)),
    )
    (fault,) = faults([four, six])
    assert fault.startswith("six.yaml:3:11: workload: differs from the work of four.yaml: count is 6 here and 4 there;")
    assert "--set" in fault
    assert len(faults([four, six, six, four])) == 1  # each place once


def test_defaults_are_considered_and_a_setting_can_make_the_work_the_same(files):
    four = files("four.yaml", ITEMS.format(devices=2, count=4))
    said = files("said.yaml", ITEMS.format(devices=4, count="4, weights: 0 B"))
    assert means(compare([four, said])) == {"four": 2.0, "said": 1.0}
    six = files("six.yaml", ITEMS.format(devices=2, count=6))
    assert means(compare([four, six], set={"workload.count": 8})) == {"four": 4.0, "six": 4.0}
    # whoever sets alternatives of the work has asked for them
    assert means(compare(four, set={"workload.count": [4, 6]})) == {"count=4": 2.0, "count=6": 3.0}


def test_another_kind_of_work_and_several_differences_are_named(files):
    items = files("items.yaml", ITEMS.format(devices=2, count=4))
    tasks = files("tasks.yaml", "cluster: {devices: 2}\nworkload: {kind: tasks, tasks: [{name: a, compute: 1 s}]}\n")
    (fault,) = faults([items, tasks])
    assert fault.startswith(
        "tasks.yaml:2:11: workload: differs from the work of items.yaml: kind is tasks here and items there"
    )
    more = files(
        "more.yaml",
        ITEMS.format(devices=2, count="5, item: 1 B, result: 1 B").replace(
            "2}", "2, topology: {kind: star, bandwidth: 1 B/s}}"
        ),
    )
    (fault,) = faults([items, more])
    assert "count is 5 here and 4 there, and item, result differ too;" in fault


def test_long_lists_and_files_of_one_name_are_told_apart_too(files):
    many = independent(*range(1, 20))
    (fault,) = faults([many, independent(*range(1, 19), 5)])
    assert fault.startswith("scenario:0:0: workload: differs from the work of scenario: tasks differs;")
    stg = "2\n0 0 0\n1 {seconds} 1 0\n2 3 1 1\n3 0 1 2\n"
    for folder, seconds in (("one", 4), ("two", 5)):
        files(f"{folder}/a.stg", stg.format(seconds=seconds))
        files(f"{folder}/a.yaml", "cluster: {devices: 2}\nworkload: {kind: stg, file: a.stg}\n")
    (fault,) = faults(["one/a.yaml", "two/a.yaml"])
    assert "file is two/a.stg here and one/a.stg there;" in fault
    assert means(compare(["one/a.yaml", "two/a.yaml"], set={"workload.file": "one/a.stg"})) == {"one/a": 7, "two/a": 7}


@pytest.mark.parametrize("sources", [[], [independent(1)], independent(1)])
def test_one_variant_alone_is_refused(sources):
    (fault,) = faults(sources, set={"policy": ["fifo"]})
    assert fault.startswith("SCENARIO:0:0: SCENARIO: one variant cannot be compared; name two scenarios, or give --set")


def test_all_faults_of_all_variants_come_at_once_and_each_once(files):
    good = files("good.yaml", ITEMS.format(devices=2, count=4))
    bad = files("bad.yaml", ITEMS.format(devices=0, count=4))
    found = faults([good, bad, "missing.yaml"], set={"policy": ["fifo", "lptt", "hefft"]})
    assert [fault.split(": ")[0:2] for fault in found] == [
        ["missing.yaml:0:0", "SCENARIO"],
        ["--set:0:0", "policy"],
        ["--set:0:0", "policy"],
        ["bad.yaml:1:20", "cluster.devices"],
    ]
    assert "'lptt'" in found[1]
    assert "'hefft'" in found[2]


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ({"set": {"seed": [1, 2]}}, "--set:0:0: seed", "--seeds 20"),
        ({"set": {"policy": []}}, "--set:0:0: policy", "empty"),
        ({"set": {"seed": list(range(10)), "cluster.devices": list(range(1, 200))}}, "--set:0:0: set", "1990 variants"),
        ({"set": {3: [1, 2]}}, "--set:0:0: 3", "text"),
        ({"set": {"policy": {"fifo", "lpt"}}}, "--set:0:0: policy", "YAML cannot express a set"),
        ({"set": 3}, "--set:0:0: set", "mapping"),
        ({"seeds": 0}, "--seeds:0:0: seeds", "0 is not a count"),
        ({"seeds": True}, "--seeds:0:0: seeds", "not a count"),
        ({"seeds": []}, "--seeds:0:0: seeds", "write for example 20"),
        ({"seeds": "20"}, "--seeds:0:0: seeds", "whole number"),
        ({"seeds": [1, 1]}, "--seeds:0:0: seeds", "twice"),
        ({"seeds": [-1, 1]}, "--seeds:0:0: seeds", "whole number"),
        ({"seeds": 2, "set": {"seed": 2**63 - 1}}, "--seeds:0:0: seeds", "exceed 2^63 - 1"),
    ],
)
def test_what_is_wrong_with_settings_and_seeds_is_told(more, place, words):
    found = faults([independent(1), independent(1)], **more)
    assert any(fault.startswith(place) and words in fault for fault in found), found


# --- runs that fail ---


def stalling():
    # By hand: heft plans d before c on q, so a's output keeps b from p for good, and d waits for b. Under fifo and lpt
    # c is first: a 0-10, c 10-12, b 10-11, d 12-17.
    tasks = [
        {"name": "a", "compute": {"p": "10 s"}, "output": "6 MB"},
        {"name": "b", "compute": {"p": "1 s"}, "output": "6 MB"},
        {"name": "c", "compute": {"q": "2 s"}, "after": ["a"]},
        {"name": "d", "compute": {"q": "5 s"}, "after": ["b"]},
    ]
    return {
        "cluster": {"devices": [{"name": "p", "memory": "10 MB"}, "q"]},
        "workload": {"kind": "tasks", "tasks": tasks},
    }


def test_a_variant_that_fails_stays_with_its_reason_and_the_others_are_compared(tmp_path):
    comparison = compare(stalling(), set={"policy": ["heft", "fifo", "lpt"]})
    assert comparison.failed == "policy=heft: stalled at 10 s: 3 of 4 tasks cannot end"
    report = comparison.report()
    assert "Failed\n  policy=heft, seed 0: stalled at 10 s" in report
    assert comparison.decided.startswith("Both take 17 s")
    found = comparison.to_dict()
    assert found["first"] == "policy=fifo"
    assert found["variants"][0]["failures"][0]["seed"] == 0
    assert [found["variants"][0][key] for key in ("makespan_s", "ledger", "run")] == [None] * 3
    assert found["variants"][0]["makespans_s"] == [None]
    comparison.save(tmp_path)
    assert (tmp_path / "comparison.png").stat().st_size > 0


def test_makespans_stand_in_the_order_of_the_seeds_also_where_one_failed():
    ended = compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]}, seeds=[7, 8, 9])
    runs = {seed: run for seed, run in ended.variants[0].runs.items() if seed != 8}
    unlucky = dataclasses.replace(ended.variants[0], runs=runs, failures={8: "stalled"})
    found = dataclasses.replace(ended, variants=(unlucky, ended.variants[1])).to_dict()
    assert found["variants"][0]["makespans_s"] == [3.0, None, 3.0]


def test_where_all_fail_nothing_is_decided(tmp_path):
    comparison = compare([stalling(), stalling()], set={"policy": "heft"})
    assert comparison.decided == "No variant ended."
    assert comparison.failed.endswith("and 1 more")
    comparison.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.json"]
    assert "No variant ended." in comparison._repr_html_()


@pytest.mark.parametrize(
    ("after", "seeds", "failures"),
    [(5, (0, 1), [0, 0]), (4, (0, 1), [0, 0]), (1, (0,), [0, 1])],
)
def test_an_interruption_keeps_what_had_ended(monkeypatch, after, seeds, failures):
    left = [after]

    def run(job):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return played(job)

    played = playing.run
    monkeypatch.setattr(playing, "run", run)
    comparison = compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]}, seeds=20)
    assert (comparison.seeds, comparison.interrupted) == (seeds, True)
    assert [len(one.failures) for one in comparison.variants] == failures
    assert "interrupted" in comparison.failed
    assert "Interrupted" in comparison.report()


def test_an_interruption_before_anything_ended_is_one(monkeypatch):
    def run(job):
        raise KeyboardInterrupt

    monkeypatch.setattr(playing, "run", run)
    with pytest.raises(KeyboardInterrupt):
        compare(independent(1), set={"policy": ["fifo", "lpt"]})


# --- what is said ---


def made(label, *makespans, **terms):
    """A variant by hand: what its terms leave of the makespan is T_total, all of it computing."""
    runs = {}
    for seed, makespan in enumerate(makespans):
        rest = sum(terms.values()) - 2 * terms.get("hidden", 0)
        known = dict.fromkeys(TERMS, 0.0) | {"t_total": makespan - rest} | terms
        runs[seed] = Figures(makespan, known, makespan - rest, 1.0, 0.0)
    return Played(label, "by hand", {}, runs, {}, None, False)


def test_the_sentence_names_the_term_that_made_the_difference():
    assert decided(compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]}).variants) == (
        "policy=lpt is the fastest: 2 s, 1 s (33.3 %) less than policy=fifo; "
        "on average, a worker spends 1 s less idling after the last task (drain)."
    )


def test_the_two_splits_differ_by_what_they_move():
    # 5 MB against 25 MB at 10 MB/s for two workers: 0.25 s against 1.25 s; the last worker idles 1.1 s, or 1.5 s
    found = compare([ROOT / "scenarios/01_five_tasks_data.yaml", ROOT / "scenarios/02_five_tasks_layers.yaml"])
    one, other = found.variants
    assert (one.makespan.mean, other.makespan.mean) == pytest.approx((3.3, 4.5))
    saved = savings(one, other)
    assert saved["transfers"] == pytest.approx(1.0)
    assert saved["drain"] == pytest.approx(0.2)
    assert found.decided.startswith("01_five_tasks_data is the fastest: 3.3 s, 1.2 s (26.7 %) less than 02")
    assert found.decided.endswith("spends 1 s less waiting for transfers (1 s less to move).")


@pytest.mark.parametrize("policy", ["fifo", "lpt", "heft", "work_stealing", "cpop", "peft", "round_robin"])
def test_what_was_saved_adds_up_to_the_gap(policy):
    found = compare(
        ROOT / "scenarios/05_heft_ten_tasks.yaml", set={"policy": ["list_order", policy], "cost": [NOISY]}, seeds=3
    ).variants
    gap = found[0].makespan.mean - found[1].makespan.mean
    assert math.fsum(savings(found[1], found[0]).values()) == pytest.approx(gap, abs=1e-9)


def test_ties_are_told():
    # LPT's order of 3, 3, 2, 2, 2 is the file's own: 3+2+2 | 3+2
    assert compare(independent(3, 3, 2, 2, 2), set={"policy": ["fifo", "lpt"]}).decided == (
        "Both take 7 s: there is no difference."
    )
    assert decided([made("a", 7.0), made("b", 7.0), made("c", 7.0)]).startswith("All 3 take 7 s")
    ahead = decided([made("a", 7.0), made("b", 7.0), made("c", 8.0, drain=1.0)])
    assert ahead.startswith("a and b are equally fast: 7 s, 1 s (12.5 %) less than c; on average, a worker spends")
    many = decided([made("a", 7.0), made("b", 7.0), made("c", 7.0), made("d", 8.0, drain=1.0)])
    assert many.startswith("a and 2 others are equally fast")


def test_the_next_best_and_the_first_are_both_named():
    said = decided([made("slow", 10.0, fill=2.0), made("best", 5.0), made("next", 8.0, fill=3.0)])
    assert said == (
        "best is the fastest: 5 s, 3 s (37.5 %) less than next and 5 s (50 %) less than the first, slow; "
        "on average, a worker spends 3 s less idling before the first task (fill)."
    )


def test_what_stands_against_it_is_told():
    # best computes 4 s less (7 against 11), and waits 3 s more at the end
    said = decided([made("other", 11.0), made("best", 10.0, drain=3.0)])
    assert said.endswith("spends 4 s less computing (T_total), against 3 s more idling after the last task (drain).")


def test_hidden_transfers_decide():
    # both move 4 s per worker; one hides them all
    said = decided([made("open", 9.0, deviation=4.0), made("hiding", 5.0, deviation=4.0, hidden=4.0)])
    assert said.endswith("spends 4 s less waiting for transfers (4 s more hidden).")


def test_luck_is_told_from_more_than_luck():
    slow = made("slow", 10.0, 10.0, 10.0)
    # differences 1, 2, 3: mean 2, s = 1, t = 4.3027 for 2 degrees of freedom: 2 +- 2.484
    assert decided([slow, made("a", 9.0, 8.0, 7.0)]) == (
        "No difference beyond luck was found between a and slow: in the mean a takes 8 s, 2 s (20 %) less than slow; "
        "it was ahead with 3, behind with 0, equal with 0 of 3 seeds, by -484.1 ms to 4.484 s (95 %)."
    )
    said = decided([slow, made("a", 9.0, 10.0, 10.5)])
    assert "; it was ahead with 1, behind with 1, equal with 1 of 3 seeds, by " in said
    # 1.9, 2.0, 2.1: s = 0.1, 2 +- 0.2484
    assert decided([slow, made("b", 8.1, 8.0, 7.9)]).endswith("by 1.752 s to 2.248 s (95 %): this is more than luck.")
    assert decided([slow, made("c", 8.0, 8.0, 8.0)]).endswith("; the same with each of 3 seeds.")


def test_where_luck_may_be_all_nobody_wins_and_no_cause_is_named():
    # By hand: 7, 9, 5 against 8, 8, 8: ahead with 2 of 3 seeds, by 1 +- 4.97 s; the third is 12 s longer with each.
    level, third = [made("a", 8.0, 8.0, 8.0), made("b", 7.0, 9.0, 5.0)], made("c", 19.0, 21.0, 17.0)
    said = decided([*level, third])
    assert said.startswith("No difference beyond luck was found between b and a: in the mean b takes 7 s, 1 s (12.5 %)")
    assert "ahead with 2, behind with 1, equal with 0 of 3 seeds, by -3.968 s to 5.968 s (95 %)" in said
    assert "fastest" not in said
    assert "decided" not in said
    lines = table([*level, third])
    assert not any(line.startswith("*") for line in lines)
    assert lines[-1] == "no *: the shortest may be the shortest only by luck"
    assert [line[0] for line in table([level[1], third])[1:3]] == ["*", " "]


def test_a_variant_that_failed_with_some_seeds_cannot_win():
    best = made("best", 5.0, 5.0)
    holed = dataclasses.replace(best, label="holed", failures={2: "stalled"})
    assert ended([holed, best]) == [best]
    assert decided([holed, best]) == "Only best ended, so nothing is compared."
    assert fastest([]) == []


# --- what does not fit into memory ---


HALVES = {"input_grad": "1 s", "weight_grad": "1 s"}


def pipelines(*devices):
    """A pipeline on two devices, by hand: (8 microbatches + 2 ranks - 1) (1 s + 2 s) / speed; gpipe holds 8 of 1 GB."""
    base = {
        "cluster": {"devices": 2},
        "workload": {"kind": "stages", "forward": "1 s", **HALVES, "activation": "1 GB"},
        "plan": {"schedule": "gpipe", "pipeline": 2, "microbatches": 8},
    }
    return compare(base, set={"cluster.device": list(devices)})


FAST, FASTER = ({"speed": speed, "memory": "6 GB"} for speed in (3, 6))
SLOW, SLOWER = ({"speed": speed, "memory": "8 GB"} for speed in (2, 1))


def test_a_run_that_does_not_fit_is_never_the_fastest_while_another_fits():
    found = pipelines(FAST, SLOWER, SLOW)
    fast, slower, slow = found.to_dict()["variants"]
    assert [one["makespan_s"] for one in (fast, slower, slow)] == pytest.approx([9.0, 27.0, 13.5])
    assert [one["lacks"] for one in (fast, slower, slow)] == ["w0 holds 8 GB of 6 GB", "", ""]
    assert found.to_dict()["best"] == [slow["label"]]
    assert f"{slow['label']} is the fastest: 13.5 s, 13.5 s (50 %) less than {slower['label']};" in found.decided
    assert found.decided.endswith(f"{fast['label']} takes 9 s and does not fit: w0 holds 8 GB of 6 GB.")
    lines = table(found.variants)
    assert [line[0] for line in lines[1:4]] == [" ", " ", "*"]
    assert sum("does not fit: w0 holds 8 GB of 6 GB  " in line for line in lines) == 1
    assert any(line.startswith("* the shortest that fits") for line in lines)
    titles = [axes.get_title("left") for axes in found.plot().axes]
    assert ["\N{BLACK STAR}" in title for title in titles] == [False, False, True]
    assert titles[0].endswith("does not fit into memory")


def test_the_only_one_that_fits_is_named_and_where_none_fits_none_is_marked():
    one, none = pipelines(FAST, SLOW), pipelines(FAST, FASTER)
    slow, faster = one.variants[1], none.variants[1]
    assert one.decided.startswith(f"Only {slow.label} fits into memory, and takes 13.5 s. ")
    assert none.decided.startswith(f"No variant fits into memory. By time alone: {faster.label} is the fastest: 4.5 s")
    assert none.to_dict()["best"] == [faster.label]
    assert not any(row.startswith("*") for row in none.report().splitlines())
    assert "no *: none fits into memory" in none.report()
    assert decided(none.variants[:1]) == (
        f"Only {none.variants[0].label} ended, so nothing is compared. "
        f"{none.variants[0].label} takes 9 s and does not fit: w0 holds 8 GB of 6 GB."
    )


# --- tables, JSON, pictures ---


def test_the_table_shows_every_variant_in_a_row_and_marks_the_best():
    report = compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]}).report()
    head, first, best = (
        next(line for line in report.splitlines() if words in line)
        for words in ("makespan  vs", "  policy=fifo  ", "* policy=lpt")
    )
    assert " ".join(head.split()) == (
        "makespan vs first utilisation peak memory T_total +deviation +idle drain +contention -hidden"
    )
    assert " ".join(first.split()) == "policy=fifo 3 first 66.7 % 0 B 2 0 1 1 0 0"
    assert " ".join(best.split()) == "* policy=lpt 2 -33.3 % 100.0 % 0 B 2 0 0 0 0 0"


def test_eight_variants_with_long_names_and_seeds_fit_on_a_page():
    found = compare(
        ROOT / "scenarios/05_heft_ten_tasks.yaml",
        set={"policy": ["fifo", "heft", "critical_path", "work_stealing"], "plan.prefetch": [0, 1], "cost": [NOISY]},
        seeds=4,
    )
    report = found.report()
    assert max(map(len, report.splitlines())) <= 120
    shown = [line[2:].partition("  ")[0] for line in report.splitlines() if "policy=" in line[2:10]]
    assert set(shown) == {short(one.label, LABEL) for one in found.variants}
    assert "won" in report
    assert "4 seeds, 0 to 3" in report


def test_a_single_seed_with_drawn_times_says_so():
    assert "--seeds 20" in compare(independent(1, 1, 2, cost=NOISY), set={"policy": ["fifo", "lpt"]}).report()
    assert "--seeds 20" not in compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]}).report()


def test_a_single_seed_with_a_drawn_graph_says_so():
    drawn = {"cluster": {"devices": 2}, "workload": {"kind": "layered", "tasks": 9, "compute": "1 s"}}
    policies = {"policy": ["fifo", "lpt"]}
    assert "Graphs are random, and only one seed was played" in compare(drawn, set=policies).report()
    assert "--seeds 20" not in compare(drawn, set=policies, seeds=2).report()
    assert "--seeds 20" not in compare(drawn, set={**policies, "workload.seed": [7]}).report()  # a seed of its own


def test_the_picture_names_its_scenario_and_its_seed():
    one = ROOT / "scenarios/05_heft_ten_tasks.yaml"
    said = {"policy": ["fifo", "lpt"]}
    titles = [compare(one, set=said, seeds=seeds).plot().texts[0].get_text() for seeds in (1, 20)]
    assert titles == ["05_heft_ten_tasks, seed 0", "05_heft_ten_tasks, seed 0 of 20 seeds"]
    both = compare(
        [one, ROOT / "scenarios/11_peft_ten_tasks.yaml"],
        set={"workload": [{"kind": "chains", "count": 2, "length": 1, "compute": "1 s"}]},
    ).plot()
    assert both.texts[0].get_text() == "05_heft_ten_tasks and 1 more, seed 0"


def test_json_holds_the_figures_and_the_whole_run_of_the_first_seed():
    comparison = compare(independent(1, 1, 2, cost=NOISY), set={"policy": ["fifo", "lpt"]}, seeds=[3, 4])
    found = comparison.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert (found["schema"], found["seeds"], found["first"], found["interrupted"]) == (1, [3, 4], "policy=fifo", False)
    fifo, lpt = found["variants"]
    assert lpt["run"] == parsim.simulate(independent(1, 1, 2, cost=NOISY), set={"policy": "lpt", "seed": 3}).to_dict()
    assert lpt["set"] == {"policy": "lpt"}
    assert lpt["makespan_s"] == pytest.approx(statistics.mean(lpt["makespans_s"]))
    assert lpt["against_first"]["ratio"] == pytest.approx(lpt["makespan_s"] / fifo["makespan_s"])
    assert lpt["against_first"]["difference_s"] == pytest.approx(lpt["makespan_s"] - fifo["makespan_s"])
    terms = lpt["ledger"]
    assert terms["idle_s"] == pytest.approx(sum(terms["idle"][cause] for cause in CAUSES))
    assert terms["t_total_s"] + terms["deviation_s"] + terms["idle_s"] + terms["contention_s"] - terms[
        "hidden_s"
    ] == pytest.approx(lpt["makespan_s"])
    assert found["decided"] == comparison.decided


def test_saving_and_showing(tmp_path):
    comparison = compare(independent(1, 1, 2), set={"policy": ["fifo", "lpt"]})
    comparison.save(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.json",
        "comparison.png",
        "comparison.svg",
    ]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == comparison.to_dict()
    shown = comparison._repr_html_()
    assert 'src="data:image/png;base64,' in shown
    assert "policy=lpt is the fastest" in shown
    assert "max-width:100%" in shown  # as every picture in a notebook
    assert repr(comparison).startswith("Comparison(2 variants: policy=lpt is the fastest")


def test_of_many_variants_the_picture_shows_the_first_and_the_fastest():
    comparison = compare(independent(*[1] * 30), set={"cluster.devices": list(range(1, 31))})
    assert len(comparison.plot().axes) == 24
    assert [one.label for one in comparison._drawn()][:2] == ["devices=1", "devices=8"]
    assert "shows 24 of them" in comparison.report()
