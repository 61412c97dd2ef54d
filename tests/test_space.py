"""Spaces: choices and their values, the numbers of rows, conditions decided early, and rows that are played."""

import itertools
import math
import pickle
import re
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.build import build
from parsim.core.errors import Invalid
from parsim.reading import load
from parsim.scenario.choices import choices_of
from parsim.scenario.ranges import values_of
from parsim.scenario.scenario import settings as read_settings
from parsim.scenario_schema import space_schema
from parsim.study import early as deciding
from parsim.study.early import Condition, TooMany, early
from parsim.study.row import judged, played
from parsim.study.space import space_of

MODEL = {"kind": "transformer", "blocks": 6, "width": 64, "heads": 4, "sequence": 32, "vocabulary": 128, "batch": 8}
A100S = {"topology": {"kind": "islands", "nodes": 1, "node": "dgx-a100"}}


def training(plan, *require, **more):
    return {"cluster": A100S, "workload": MODEL, "plan": plan, "require": list(require), **more}


def faults(source, set=None):
    with pytest.raises(parsim.ScenarioError) as wrong:
        space_of(source, set)
    return [str(fault) for fault in wrong.value.faults]


# choices


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ({"from": 1, "to": 64, "factor": 2}, [1, 2, 4, 8, 16, 32, 64]),
        ({"from": 3, "to": 10, "factor": 2}, [3, 6]),
        ({"from": 0, "to": 1, "step": 0.25}, [0, 0.25, 0.5, 0.75, 1]),
        ({"from": 0.1, "to": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),  # as decimals, which floats are not
        ({"from": 4, "to": 4, "step": 1}, [4]),
        ({"from": "100 GB/s", "to": "400 GB/s", "factor": 2}, ["100 GB/s", "200 GB/s", "400 GB/s"]),
        ({"from": "1 us", "to": "0.01 ms", "step": "4500 ns"}, ["1 us", "5.5 us", "10 us"]),
        ({"from": "1 GiB", "to": "3GiB", "step": "1024 MiB"}, ["1 GiB", "2 GiB", "3 GiB"]),
    ],
)
def test_ranges_are_exact(raw, values):
    found = list(values_of(raw, (), 100))
    assert found == values
    assert [type(one) for one in found] == [type(values[0]) if raw["from"] else type(one) for one in found]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"from": 1, "to": 8, "factor": 1}, "factor: 1 is not above 1, so the values would not grow"),
        ({"from": 1, "to": 8, "factor": 0.5}, "factor: 0.5 is not above 1"),
        ({"from": 0, "to": 8, "factor": 2}, "from: 0 stays 0 by any factor"),
        ({"from": 1, "to": 8, "step": 0}, "step: 0 is no step"),
        ({"from": 9, "to": 8, "step": 1}, "from: 9 is more than to, 8; swap them"),
        ({"from": "2 GB", "to": "1000 MB", "step": "1 MB"}, "from: 2 GB is more than to, 1000 MB"),
        ({"from": "1 GB", "to": "8 s", "factor": 2}, "to: 8 s stands beside from: 1 GB, so it must be a size"),
        ({"from": 1, "to": "8 s", "factor": 2}, "to: 8 s stands beside from: 1, so it must be a plain number"),
        ({"from": "1 GB", "to": 8, "factor": 2}, "to: 8 stands beside from: 1 GB, so it must be a size"),
        ({"from": "1 GB", "to": "8 GB", "factor": "2 GB"}, "factor: 2 GB is a factor, so it must be a plain number"),
        ({"from": "1 GB", "to": "8 GB", "step": 2}, "step: 2 stands beside from: 1 GB, so it must be a size"),
        ({"from": "w0", "to": "w9", "step": 1}, "names stand in a list: {in: [a, b]}"),
        ({"from": [1], "to": 9, "step": 1}, "from: wants a number or a quantity such as '100 GB/s', not a list"),
        ({"from": -1, "to": 9, "step": 1}, "from: -1 is out of range; ranges have numbers from 0 to 1e+100"),
        ({"from": 1, "to": 1000, "step": 1}, "makes more than 100 values; write a larger step"),
    ],
)
def test_wrong_ranges_say_what_to_write(raw, message):
    with pytest.raises(Invalid) as wrong:
        list(values_of(raw, (), 100))
    assert message in str(wrong.value)


def test_choices_inside_an_option_are_multiplied_out():
    plan = {"in": [{"split": "data"}, {"pipeline": {"in": [1, 2]}, "schedule": {"in": ["gpipe", "1f1b"]}}]}
    [choice], complaints = choices_of({"plan": plan})
    assert not complaints
    assert (choice.path, list(choice.values)) == (
        "plan",
        [{"split": "data"}, *({"pipeline": p, "schedule": s} for p in (1, 2) for s in ("gpipe", "1f1b"))],
    )
    assert [place[-1] for place in choice.places] == [0, 1, 1, 1, 1]


def test_a_mapping_with_other_keys_is_no_choice():
    routes = [{"from": "w0", "to": "w1", "links": ["a"]}, {"from": 1, "to": 2}, {"in": [1], "more": 2}]
    assert choices_of({"cluster": {"routes": routes}}) == ([], [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"in": []}, "plan.tensor.in: is empty; write at least one value"),
        ({"in": 4}, "plan.tensor.in: wants a list of values such as [1, 2, 4], not 4"),
        ({"in": [1, 2, 1]}, "plan.tensor.in[2]: occurs twice in the choice"),
        ({"in": [1, "x"]}, "plan.tensor.in[1]: wants a whole number, not the text 'x'"),
        ({"in": ["x", 1]}, "plan.tensor.in[0]: wants a whole number, not the text 'x'"),
        ({"from": 0, "to": 4, "step": 1}, "plan.tensor: 0 is too small; it must be at least 1"),
        ({"in": [1, {"in": []}]}, "plan.tensor.in[1].in: is empty"),
    ],
)
def test_values_of_choices_are_checked(value, message):
    [found] = faults(training({"tensor": value}))
    assert message in found


def test_faults_of_choices_have_their_places_and_are_told_at_once(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(
        "cluster: {devices: {in: [8, none]}}\n"
        "workload: {kind: mlp, widths: [4, 4], batch: 8}\n"
        "plan:\n"
        "  data: {from: 8, to: 1, factor: 2}\n"
        "  tensor: {in: []}\n"
        "require: [data == devise, 'tensor < 2 GB']\n"
    )
    found = [one.removeprefix(f"{file}:") for one in faults(file)]
    assert [one.partition(" ")[0] for one in found] == ["4:16:", "5:16:", "6:11:", "6:27:"]
    assert "Did you mean 'devices'?" in found[2]
    file.write_text(file.read_text().replace("from: 8", "from: 1").replace("[]", "[1, a]"))
    assert [one.removeprefix(f"{file}:").partition(" ")[0] for one in faults(file)] == [
        "1:29:",
        "5:20:",
        "6:11:",
        "6:27:",
    ]


def test_what_is_wrong_beside_one_value_only_is_no_fault_of_the_space():
    work = {"in": [{"kind": "items", "count": 4}, {**MODEL, "batch": 4}]}
    plan = {"in": [{"split": "chain", "depth": 2}, {"split": "data"}]}
    space = space_of(
        {"cluster": {"devices": 2}, "workload": work, "plan": plan, "cost": {"kind": "constant", "compute": "1 s"}}
    )
    told = [played(space.scenario_of(row)) for row in range(space.size)]
    assert [(one.status, one.code) for one in told[:3]] == [("done", ""), ("done", ""), ("refused", "invalid")]
    assert "depth" in told[2].message


def test_set_fixes_a_choice_or_makes_one():
    whole = training({"tensor": {"in": [1, 2]}, "data": {"in": [4, 8]}})
    assert space_of(whole, {"plan.tensor": 4}).set_of(1) == {"plan.data": 8}
    assert space_of(whole, read_settings(["plan.tensor={in: [1, 2, 4]}", "seed={in: [1, 2]}"])).size == 12
    assert "plan.tensor is a choice; set plan.tensor as a whole" in faults(whole, {"plan.tensor.kind": 4})[0]


def test_one_run_of_a_space_says_what_plays_it_and_how_to_choose():
    whole = training({"tensor": {"in": [1, 2]}, "schedule": {"in": ["1f1b"]}, "wrong": 1})
    for play in (parsim.simulate, parsim.explain, parsim.scaling, parsim.replay):
        with pytest.raises(parsim.ScenarioError) as wrong:
            play(whole)
        told = dict(fault[3:] for fault in wrong.value.faults)
        assert told["plan.tensor"] == (
            "is a choice of 2 values; parsim sweep and parsim plan play it, "
            "or choose one, for example --set plan.tensor=1"
        )
        assert told["plan.schedule"].startswith("is a choice of 1 value; ")
        assert told["plan.wrong"].startswith("unknown key 'wrong'")
    whole = training({"tensor": {"in": [1, 2]}, "data": 2}, "tensor < 3")
    assert parsim.simulate(whole, set={"plan.tensor": 4}).theory.p == 8


@pytest.mark.parametrize("require", [{"in": ["tensor == 1"]}, [{"in": ["tensor == 1"]}]])
def test_a_choice_cannot_stand_in_a_condition(require):
    found = faults({**training({"tensor": {"in": [1, 2]}}), "require": require})
    assert "is a choice, which cannot stand in require; write a condition" in found[0]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("tensr == 1", "Did you mean 'tensor'?"),
        ("tensor", "not a condition"),
        ("peak_memory < 4", "'4' has no unit; write for example '4 MB'"),
        ("peak_memory < 4 s", "stands between a size and a time"),
        ("schedule < '1f1b'", "a text can only be compared"),
        ("stages_of == 1", "unknown name 'stages_of'"),
        (4, "wants text, not 4"),
    ],
)
def test_wrong_conditions_are_faults(condition, message):
    [found] = faults(training({"tensor": {"in": [1, 2]}}, condition))
    assert "require[0]" in found
    assert message in found


# rows


def test_the_last_choice_varies_fastest():
    space = space_of(training({"tensor": {"in": [1, 2]}, "data": {"in": [2, 4, 8]}}, seed={"in": [3, 4]}))
    rows = [tuple(space.set_of(row).values()) for row in range(space.size)]
    assert rows == list(itertools.product([1, 2], [2, 4, 8], [3, 4]))
    assert list(space.set_of(0)) == ["plan.tensor", "plan.data", "seed"]


def test_a_row_is_the_scenario_with_its_values():
    whole = training(
        {"tensor": {"in": [1, 2]}, "data": 4, "schedule": {"in": ["gpipe", {"kind": "1f1b"}]}}, "tensor > 0"
    )
    space = pickle.loads(pickle.dumps(space_of(whole)))
    for row in range(space.size):
        values = {**whole, "plan": {**whole["plan"], **{path[5:]: one for path, one in space.set_of(row).items()}}}
        del values["require"]
        assert space.scenario_of(row).values == values
    assert space.scenario.values == whole


def test_choices_within_lists_and_whole_sections():
    routes = {"kind": "star", "bandwidth": {"from": "1 GB/s", "to": "4 GB/s", "factor": 2}}
    cluster = {"in": [{"devices": 2, "topology": routes}, {"devices": ["a", {"name": "b", "speed": {"in": [1, 2]}}]}]}
    space = space_of({"cluster": cluster, "workload": {"kind": "items", "count": 2}, "plan": {"split": "data"}})
    assert (space.size, len(space.choices)) == (5, 1)
    assert [space.scenario_of(row).values["cluster"]["devices"] for row in (2, 4)] == [
        2,
        ["a", {"name": "b", "speed": 2}],
    ]
    one = space_of({**space.scenario.values, "cluster": {"devices": ["a", {"name": "b", "speed": {"in": [1, 2]}}]}})
    assert one.set_of(1) == {"cluster.devices[1].speed": 2}


# conditions that are decided early

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@st.composite
def spaces(draw):
    sizes = draw(SIZES)
    drawn = st.tuples(st.sets(st.sampled_from(range(len(sizes)))), st.integers(1, 4), st.integers(0, 3))
    return sizes, draw(st.lists(drawn, max_size=4))


@given(spaces())
def test_what_is_left_early_is_what_a_look_at_every_row_leaves(drawn):
    sizes, rules = drawn

    def holds(rule, picks):
        choices, modulus, residue = rule
        return sum(picks[choice] for choice in choices) % modulus <= residue

    conditions = [
        Condition(f"{number}", frozenset(rule[0]), lambda picks, rule=rule: holds(rule, picks))
        for number, rule in enumerate(rules)
    ]
    found = early(sizes, conditions)
    every = list(itertools.product(*map(range, sizes)))
    assert found.rows.tolist() == [row for row, picks in enumerate(every) if all(holds(rule, picks) for rule in rules)]
    assert len(found.rows) + sum(found.refused.values()) == math.prod(sizes)
    for number, rule in enumerate(rules):
        assert found.refused[f"{number}"] <= sum(not holds(rule, picks) for picks in every)


def test_a_product_of_millions_is_not_looked_at_row_by_row():
    looked = []

    def holds(picks):
        looked.append(picks)
        return picks[0] == picks[5]

    found = early([100, *[10] * 4, 100], [Condition("equal", frozenset({0, 5}), holds)])
    assert (len(found.rows), found.refused, len(looked)) == (100 * 10**4, {"equal": 99 * 100 * 10**4}, 100 * 100)


@pytest.mark.parametrize("sizes", [[1001, 1001], [10_000] * 20])
def test_too_many_rows_are_refused(sizes):
    with pytest.raises(TooMany):
        early(sizes, [])


def test_a_space_with_too_many_rows_says_what_to_do(monkeypatch):
    monkeypatch.setattr(deciding, "MOST", 3)
    space = space_of(training({"tensor": {"in": [1, 2]}, "data": {"in": [1, 2]}}))
    with pytest.raises(parsim.ScenarioError, match="leaves more than 3 rows of 4; add conditions, or use parsim plan"):
        space.early()


@pytest.mark.parametrize(
    ("plan", "condition", "left"),
    [
        ({"tensor": {"in": [1, 2, 4]}, "data": {"in": [2, 4]}}, "tensor * data == devices", [(2, 4), (4, 2)]),
        ({"tensor": {"in": [1, 2]}, "pipeline": 4}, "tensor * pipeline == devices", [(2,)]),
        ({"tensor": {"in": [1, 2, 16]}}, "tensor * data * pipeline <= devices", [(1,), (2,)]),
        ({"schedule": {"in": ["gpipe", {"kind": "1f1b"}]}}, "schedule == '1f1b'", [({"kind": "1f1b"},)]),
        ({"data": {"in": [1, 2]}}, "schedule == '1f1b' and sharding == 'none' and recompute == 'none'", [(1,), (2,)]),
        ({"bucket": {"from": "1 MB", "to": "1 GB", "factor": 10}}, "bucket > 50 MB", [("100 MB",), ("1000 MB",)]),
        ({"sequence_parallel": {"in": [True, False]}}, "not sequence_parallel", [(False,)]),
        ({"tensor": {"in": [1, 2]}}, "memory > 79 GB", [(1,), (2,)]),
        ({"tensor": {"in": [1, 2]}}, "memory > 80 GB", []),
        ({"chunks": {"in": [1, 2]}, "schedule": {"in": ["1f1b", "zb-v"]}}, "chunks == 2 or schedule != 'zb-v'",
         [(1, "1f1b"), (2, "1f1b"), (2, "zb-v")]),
        ({"tensor": {"in": [1, 2]}}, "chunks == 1 or tensor == 1", [(1,)]),  # chunks are not known
    ],
)  # fmt: skip
def test_conditions_on_the_plan_and_the_cluster(plan, condition, left):
    space = space_of(training(plan, condition))
    found = space.early()
    assert [tuple(space.set_of(row).values()) for row in found.rows] == left
    assert found.refused == {condition: space.size - len(left)}
    refused = [row for row in range(space.size) if space.refusal(row)]
    assert sorted([*refused, *found.rows]) == list(range(space.size))


def test_where_the_plan_makes_the_cluster_devices_are_those_of_its_degrees():
    cluster = {"device": {"in": ["a100-80g", "v100-32g"]}, "topology": {"kind": "full", "bandwidth": "1 GB/s"}}
    plan = {"tensor": {"in": [1, 2]}, "data": {"in": [1, 4]}}
    space = space_of({**training(plan, "devices == 8 and memory < 40 GB"), "cluster": cluster})
    assert [space.set_of(row) for row in space.early().rows] == [
        {"cluster.device": "v100-32g", "plan.tensor": 2, "plan.data": 4}
    ]


def test_devices_and_memory_are_those_of_the_cluster_that_is_chosen():
    topology = {"kind": "islands", "nodes": {"in": [1, 2]}, "node": {"in": ["dgx-a100", "dgx-1-v100"]}}
    space = space_of({**training({"data": 8}, "devices / 8 == 2 or memory > 1 GB"), "cluster": {"topology": topology}})
    assert len(space.early().rows) == 4
    devices, memory = (
        [space.names.value(name, space.picks(row)) for row in range(4)] for name in ("devices", "memory")
    )
    assert devices == [8, 8, 16, 16]
    assert memory[0] == 80e9 == memory[2]
    assert memory[1] == memory[3] < 80e9


# what becomes of a row


def outcome(plan, *require, **more):
    space = space_of(training({"tensor": 1, **plan}, *require, **more))
    return judged(space, 0, played(space.scenario_of(0)))


def test_figures_of_a_row_are_those_of_its_run():
    plan = {"data": 4, "tensor": 2}
    run = parsim.simulate(training(plan), fold="off")
    found = outcome(plan)
    assert found.status == "done"
    assert found.figures["iteration_s"] == pytest.approx(run.metrics["training"]["iteration_s"], rel=1e-12)
    assert found.figures["peak_memory_bytes"] == max(device["peak_memory_bytes"] for device in run.devices)


def test_what_cannot_be_folded_is_played_whole():
    job = build(load(training({"pipeline": 4, "data": 2}), {"cluster.topology.nodes": 1}))
    assert job.graph.fold is None or job.graph.fold.devices == 8
    items = {"kind": "items", "count": 4}
    whole = {"cluster": {"devices": 2}, "workload": items, "plan": {"split": "data"}}
    assert played(load({**whole, "cost": {"kind": "constant", "compute": "1 s"}})).figures["makespan_s"] == 2


@pytest.mark.parametrize(
    ("plan", "code", "message"),
    [
        ({"data": 3}, "not_divisible", "are 3 devices, and the cluster has 8"),
        ({"data": 8, "microbatch_size": 2}, "not_divisible", "not divisible by microbatches of 2"),
        ({"tensor": 8}, "not_divisible", "tensor 8 does not divide 4 heads"),
        (
            {"pipeline": 8, "schedule": "interleaved-1f1b"},
            "not_divisible",
            "make 16 stages, and the model has 8 layers",
        ),
        ({"pipeline": 4, "data": 2, "chunks": 2}, "schedule", "1f1b gives each rank one stage"),
        ({"pipeline": 4, "data": 2, "schedule": "dualpipe"}, "schedule", "dualpipe"),
        ({"split": "data", "tensor": 1}, "invalid", "does not apply to split: data"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_code(plan, code, message):
    found = outcome(plan)
    assert (found.status, found.code, found.figures) == ("refused", code, None)
    assert message in found.message


def test_microbatches_that_a_schedule_cannot_have_are_refused():
    plan = {"pipeline": 2, "data": 4, "schedule": "interleaved-1f1b", "microbatch_size": 1}
    found = outcome(plan, workload={**MODEL, "batch": 20})
    assert found.code == "schedule"
    assert "cannot cut 5 microbatches into 2 equal rounds" in found.message


def test_what_has_no_route_is_refused():
    found = outcome({"data": 8}, cluster={"devices": 8, "device": "a100-80g"})
    assert (found.status, found.code) == ("refused", "unreachable")


def test_what_does_not_fit_is_refused_with_what_it_lacks():
    big = {"kind": "transformer", "preset": "gpt3-13b", "batch": 8}
    found = outcome({"data": 8}, workload=big)
    assert (found.status, found.code, found.figures) == ("refused", "memory", None)
    lacks = next(note for note in parsim.simulate(training({"data": 8}, workload=big)).warnings if "more than" in note)
    assert found.message == lacks


def test_tasks_too_large_for_any_device_are_refused_for_memory():
    tasks = {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s", "memory": "2 GB"}]}
    found = played(load({"cluster": {"devices": 1, "device": {"memory": "1 GB"}}, "workload": tasks}))
    assert (found.status, found.code) == ("refused", "memory")


def test_a_run_that_fails_is_a_row_that_failed():
    tasks = [{"name": name, "compute": "1 s", "output": "10 B", "after": []} for name in "ab"]
    tasks.append({"name": "c", "compute": "1 s", "output": "1 B", "after": ["a", "b"]})
    whole = {"cluster": {"devices": 1, "device": {"memory": "15 B"}}, "workload": {"kind": "tasks", "tasks": tasks}}
    found = played(load(whole))
    assert (found.status, found.code) == ("failed", "")
    assert found.message


def test_conditions_on_figures_refuse_what_was_played():
    assert outcome({"data": 8}, "peak_memory < 0.95 * memory", "iteration < 1 h").status == "done"
    slow = outcome({"data": 8}, "iteration < 1 ns")
    assert (slow.status, slow.code, slow.message) == ("refused", "require", slow.message)
    assert re.fullmatch("'iteration < 1 ns' does not hold: iteration = [0-9.]+ ms", slow.message)
    assert slow.figures["iteration_s"] > 1e-9
    unknown = outcome({"data": 8}, "cost < 1 USD", cluster={**A100S, "device": {"price": "0 USD/h"}})
    assert unknown.status == "done"
    unknown = outcome(
        {"data": 8},
        "cost < 1 USD",
        cluster={
            "devices": 8,
            "device": {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
            "topology": {"kind": "full", "bandwidth": "1 GB/s"},
        },
    )
    assert unknown.message == "'cost < 1 USD' cannot be decided: cost is not known"


# anything at all

PIECES = st.recursive(
    st.sampled_from([None, True, 0, -1, 1, 2, 2.5, 1e300, float("inf"), "x", "5 s", "1 GB", "2 GB/s", "1f1b", "", []]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries({"in": st.one_of(inner, st.lists(inner, max_size=3))}),
        st.fixed_dictionaries({"from": inner, "to": inner, "factor": inner}),
        st.fixed_dictionaries({"from": inner, "to": inner, "step": inner}),
        st.dictionaries(st.sampled_from(["in", "from", "to", "kind", "data", "tensor", "x"]), inner, max_size=3),
    ),
    max_leaves=8,
)
TEXTS = [
    "tensor == 1",
    "devices < 9",
    "memory > 1 GB",
    "iteration < 1 s",
    "schedule == '1f1b'",
    "x",
    "1 <",
    "bucket > 1",
]


@given(
    st.sampled_from(
        ["plan", "plan.tensor", "plan.schedule", "cluster", "workload.batch", "seed", "clock", "require", "x"]
    ),
    PIECES,
    st.lists(st.sampled_from(TEXTS), max_size=2),
)
@settings(max_examples=150)
def test_whatever_is_written_is_a_space_or_has_faults(path, value, require):
    whole = {**training({"tensor": {"in": [1, 2]}}, *require), "policy": {"in": ["in_order"]}}
    section, _, key = path.partition(".")
    whole[section] = {**whole[section], key: value} if key else value
    for play in (space_of, parsim.simulate):
        try:
            found = play(whole)
        except parsim.ScenarioError:
            continue
        if play is space_of and found.size < 10_000:
            left = found.early()
            assert len(left.rows) + sum(left.refused.values()) == found.size
            for row in left.rows[:2].tolist():
                assert found.set_of(row).keys() == {choice.path for choice in found.choices}
                assert played(found.scenario_of(row)).status in ("done", "refused", "failed")


@pytest.mark.parametrize("scenario", [{"in": [1, 2]}, {"from": 1, "to": 2, "step": 1}])
def test_a_whole_scenario_is_no_choice(scenario):
    for play in (space_of, parsim.simulate):
        with pytest.raises(parsim.ScenarioError, match="unknown key"):
            play(scenario)


def test_choices_that_make_too_many_values_are_refused_soon():
    many = {"from": 1, "to": 9000, "step": 1}
    for value in ({"in": [{"a": many, "b": many}]}, {"from": 1, "to": 1e99, "factor": 1.000_000_1}):
        began = time.monotonic()
        [found] = faults({**training({}), "seed": value})
        assert "makes more than 10000 values; write" in found
        assert time.monotonic() - began < 30


# the schema for editors


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(space_schema())


GROWN = {"from": 1, "to": 8, "factor": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"plan": {"tensor": GROWN, "schedule": {"in": ["1f1b", {"kind": "zb-h1"}]}}},
        {"plan": {"in": [{"tensor": 2}, {"data": {"in": [2, 4]}}]}},
        {"plan": {"schedule": {"kind": {"in": ["1f1b", "zb-h1"]}}, "recompute": ["none", {"in": ["none", "full"]}]}},
        {"cluster": {"in": [A100S, {"devices": 8}]}},
        {"cluster": {"topology": {"in": ["switch", "ring"]}}},
        {"cluster": {"topology": {"kind": "star", "bandwidth": {"from": "1 GB/s", "to": "9 GB/s", "step": "1 GB/s"}}}},
        {"cluster": {"devices": ["a", {"name": "b", "memory": {"in": ["1 GB", "2 GB"]}}, {"in": ["c", "d"]}]}},
        {"workload": {**MODEL, "batch": GROWN, "optimizer": {"kind": "adam", "beta1": {"in": [0.9, 0.8]}}}},
        {"seed": {"in": [0, 1]}, "clock": {"in": ["simulated"]}, "policy": {"in": ["fifo", "heft"]}},
    ],
)
def test_editors_accept_a_choice_wherever_a_value_may_stand(validator, change):
    scenario = {**training({}), **change}
    assert [error.message for error in validator.iter_errors(scenario)] == []
    assert choices_of(scenario)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"plan": {"tensor": {"in": []}}},
        {"plan": {"tensor": {"in": 4}}},
        {"plan": {"tensor": {"from": 1, "to": 8}}},
        {"plan": {"tensor": {**GROWN, "step": 1}}},
        {"plan": {"tensr": GROWN}},
        {"require": {"in": ["tensor == 1"]}},
        {"require": [{"in": ["tensor == 1"]}]},
    ],
)
def test_editors_mark_what_is_no_choice(validator, change):
    scenario = {**training({}), **change}
    assert not validator.is_valid(scenario)
    assert faults(scenario)
