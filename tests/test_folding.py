"""Folds: devices that play the same part are played once, and every figure is that of the run of all devices."""

import json
from copy import deepcopy

import numpy as np
import pytest
import random_folds
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from random_folds import compared

import parsim
from parsim.build import build
from parsim.collectives import collectives
from parsim.core import class_ways
from parsim.core.class_ways import ClassSends
from parsim.core.machine import machine
from parsim.core.profile import Profile
from parsim.scenario.scenario import load
from parsim.topologies import topologies
from parsim.training import fold as module
from parsim.training.degrees import ORDER

NUMBERS = st.integers(0, 10**9)
FEW = settings(max_examples=settings.default.max_examples // 3)

FAST = {"bandwidth": "25 GB/s", "latency": "3 us"}
NODES = {"per_node": 4, "bandwidth": "300 GB/s", "latency": "1 us", "nics": 2, "nic": "25 GB/s", "nic_latency": "4 us"}
PAIRS = [(f"w{a}", f"w{b}") for a in range(8) for b in range(8) if a != b]
TOPOLOGIES = {
    "star": FAST,
    "switch": FAST | {"fabric": "100 GB/s"},
    "full": FAST,
    "ring": FAST,
    "torus": FAST | {"sides": [4, 2]},
    "islands": NODES,
    "rail": NODES | {"per_node": 2, "spines": 2, "nodes_per_leaf": 2},
    "leaf_spine": FAST | {"per_leaf": 4, "spines": 2},
    "fat_tree": FAST | {"k": 4},
    "custom": {
        "links": [{"name": f"{a}>{b}", **FAST} for a, b in PAIRS],
        "routes": [{"from": a, "to": b, "over": [f"{a}>{b}"]} for a, b in PAIRS],
    },
}
MLP = {"kind": "mlp", "widths": [64] * 4, "batch": 16}
MODEL = {"kind": "transformer", "vocabulary": 64, "width": 64, "heads": 4, "sequence": 32, "blocks": 2, "batch": 16}
MIXTURE = MODEL | {"kind": "mixture", "experts": 4, "hidden": 32}
DEGREES = {
    "data": (MLP, {"data": 8}),
    "tensor": (MLP, {"tensor": 4, "data": 2}),
    "pipeline": (MLP, {"data": 4, "pipeline": 2, "microbatches": 2}),
    "context": (MODEL, {"context": 2, "data": 4}),
    "expert": (MIXTURE, {"expert": 4, "data": 8}),
}


def scenario(topology="star", workload=MLP, plan=None, devices=8, **more):
    """Return a scenario of eight devices, unless stated otherwise."""
    place = TOPOLOGIES[topology] if isinstance(topology, str) else topology
    cluster = {"devices": devices, "device": "a100-80g", "topology": {"kind": topology, **place}}
    return deepcopy({"cluster": cluster, "workload": workload, "plan": plan or {"data": devices}, **more})


def on(topology):
    return scenario(topology, devices=16 if topology == "fat_tree" else 8)


def classes(given):
    """Return how many devices are played; all, if the scenario cannot be folded."""
    try:
        return len(parsim.simulate(given, fold="on").devices)
    except parsim.ScenarioError as refused:
        if "this scenario cannot be folded: " not in str(refused):
            raise
        return len(parsim.simulate(given, fold="off").devices)


# -- the same as the whole


@FEW
@given(NUMBERS)
def test_a_fold_is_as_the_whole(number):
    """To 1e-12 of the makespan, though phases that are in step are played together."""
    assert compared(random_folds.case(0, number))[1] == []


@FEW
@given(NUMBERS)
def test_a_fold_is_as_the_whole_round_by_round(number):
    assert compared(random_folds.case(1, number), random_folds.singly, near=random_folds.NEAR)[1] == []


def test_random_trainings_mostly_fold():
    """Else the two tests above would compare nothing."""
    words = [compared(random_folds.case(0, number))[0] for number in range(12, 24)]
    assert words.count("folded") >= 6, words


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_fold_is_the_whole_to_the_bit(name):
    """Where both count the same ticks, and no rounds are played together."""
    given, mixed = on(name), {"data": 4, "pipeline": 2, "microbatches": 2, "sharding": "zero1", "bucket": "1 kB"}
    given["plan"] |= {"sharding": "zero3"} if name == "ring" else mixed
    given["plan"] |= {"tensor": 2} if name == "fat_tree" else {}
    assert compared(given, random_folds.singly, near=0.0) == ("folded", [])


# -- what must fail


def dropping(sends, links):
    """Return the ways of classes as if each class were one device."""
    found = REAL(sends, links)
    return found._replace(weights=[np.ones(len(each)) for each in found.weights])


REAL = ClassSends.ways


def test_without_weights_it_is_not_as_the_whole(monkeypatch):
    given = scenario("islands", plan={"tensor": 4, "data": 2})
    assert compared(given) == ("folded", [])
    monkeypatch.setattr(ClassSends, "ways", dropping)
    assert compared(given)[1]


def slowed(count, slow=(3,)):
    """Return devices, of which some are half as fast."""
    return [{"name": f"w{place}", "speed": 0.5} if place in slow else f"w{place}" for place in range(count)]


def test_one_round_of_refinement_is_noticed_and_not_as_the_whole(monkeypatch):
    given = scenario(devices=slowed(8), plan={"data": 8, "algorithm": "ring"})
    assert compared(given) == ("refused", [])
    monkeypatch.setattr("parsim.core.classes._count", lambda classes: 0)  # so that the first round is the last
    monkeypatch.setattr(class_ways, "REMEMBERED", 0)  # bytes of a network whose classes are remembered
    with pytest.raises(parsim.ScenarioError, match="the classes found do not agree in"):
        parsim.simulate(given, fold="on")
    monkeypatch.setattr(module, "broken", lambda network, classes: "")
    word, found = compared(given)
    assert (word, bool(found)) == ("folded", True)


def test_links_of_another_latency_are_of_another_class(monkeypatch):
    given = scenario("ring", plan={"data": 8, "algorithm": "ring"})
    given["cluster"]["topology"]["changes"] = [{"link": "w3>w4", "latency": "30 us"}]
    assert compared(given) == ("refused", [])
    numbered_rows = module.numbered_rows

    def blind(rows):
        return numbered_rows([row[::2] if isinstance(row[-1], tuple) and len(row) == 3 else row for row in rows])

    monkeypatch.setattr(module, "numbered_rows", blind)
    word, found = compared(given)
    assert (word, bool(found)) == ("folded", True)


# -- what differs is never merged


def slow_device(given):
    return given | {"cluster": given["cluster"] | {"devices": slowed(given["cluster"]["devices"])}}


def slow_link(given, hop=0):
    """Slow down one of the links from w3 to w4."""
    name = build(load(given)).cluster.wiring.route(3, 4)[hop].name
    topology = given["cluster"]["topology"]
    if topology["kind"] == "custom":
        links = [row | ({"bandwidth": "5 GB/s"} if row["name"] == name else {}) for row in topology["links"]]
        return given | {"cluster": given["cluster"] | {"topology": topology | {"links": links}}}
    slow = topology | {"changes": [{"link": name, "bandwidth": "5 GB/s"}]}
    return given | {"cluster": given["cluster"] | {"topology": slow}}


def ecmp_pair(given):
    topology = given["cluster"]["topology"] | {"routing": "ecmp-pair"}
    return given | {"cluster": given["cluster"] | {"topology": topology}}


def noisy(given):
    return given | {"cost": {"kind": "noisy", "spread": 0.1, "compute": "10 us"}}


PERTURBED = {"slow device": slow_device, "slow link": slow_link, "hash": ecmp_pair, "noisy": noisy}
HASHED = ("rail", "leaf_spine", "fat_tree")


def assert_split_or_refused(given, changed):
    base, now = classes(given), classes(changed)
    assert base < now
    assert compared(changed)[1] == []


CELLS = [
    (name, change)
    for name in TOPOLOGIES
    for change in PERTURBED
    if (name, change) != ("star", "slow link") and (change != "hash" or name in HASHED)  # they have no such parameter
]


@pytest.mark.parametrize(("name", "change"), CELLS)
def test_what_differs_on_a_topology_is_not_merged(name, change):
    given = on(name)
    if change == "hash":  # more ways that meet
        given = scenario(name, devices=16, plan={"data": 16, "algorithm": "halving-doubling"})
    assert_split_or_refused(given, PERTURBED[change](given))


@pytest.mark.parametrize("name", DEGREES)
@pytest.mark.parametrize("change", ["slow device", "slow link", "noisy"])
def test_what_differs_under_a_degree_is_not_merged(name, change):
    workload, plan = DEGREES[name]
    given = scenario("switch", workload, plan | {"detail": "layers"})
    assert_split_or_refused(given, PERTURBED[change](given))


ALL_DIFFER = ("double-binary-tree",)  # its members all have places of their own
TO_THE_FIRST = [{"from": rank, "to": 0, "add": True} for rank in range(1, 8)]
CUSTOM = {"kind": "custom", "rounds": [TO_THE_FIRST, [{"from": 0, "to": rank} for rank in range(1, 8)]]}


@pytest.mark.parametrize("name", collectives.entries())
@pytest.mark.parametrize("change", ["slow device", "slow link", "noisy"])
def test_what_differs_in_a_collective_is_not_merged(name, change):
    given = scenario("islands", plan={"data": 8, "algorithm": CUSTOM if name == "custom" else name})
    changed = slow_link(given, hop=-1) if change == "slow link" else PERTURBED[change](given)  # w0 sends over it, too
    if name in ALL_DIFFER:
        assert classes(given) == classes(changed) == 8
    else:
        assert_split_or_refused(given, changed)


def test_the_tables_are_whole(tmp_path):
    assert {*TOPOLOGIES, "shared_memory"} == {*topologies.entries()}
    assert {*DEGREES} == {*ORDER}
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(Profile(machine(), {}, {}, 2e-6, 2e-10, 0.0).to_dict()))
    given = scenario()
    given["cluster"]["topology"] = {"kind": "shared_memory", "profile": str(profile)}
    assert_split_or_refused(given, slow_device(given))


@pytest.mark.parametrize(("slow", "played"), [((), 2), ((3,), 10), (range(8), 2), (range(8, 16), 2)])
def test_a_slow_stage_of_all_replicas_still_folds(slow, played):
    """One slow device of 16 splits its ring of four, those of its tensor group, and all whom these send to."""
    plan = {"data": 4, "tensor": 2, "pipeline": 2, "microbatches": 2}
    given = scenario(plan=plan, devices=slowed(16, slow))
    assert compared(given) == ("folded", [])
    run = parsim.simulate(given, fold="on")
    assert len(run.devices) == played == run.to_dict()["fold"]["played"]
    hardly = any("hardly pay" in note for note in run.notes)
    assert hardly == (played > 8)


# -- asked for, and refused

REFUSED = {
    "a policy": (scenario(policy="fifo"), "the policy fifo chooses between equal workers"),
    "another policy": (scenario(policy="heft"), "the policy heft chooses between equal workers"),
    "a draw per task": (noisy(scenario()), "the cost draws the seconds of every task"),
    "all differ": (scenario(plan={"data": 8, "algorithm": "double-binary-tree"}), "no two devices play the same part"),
    "a straggler": (slow_device(scenario()), "no two devices play the same part"),
    "the clock": (scenario(clock="live"), "kernels really run, on every device"),
    "a split": (scenario(plan={"split": "data"}), "only training by degrees of parallelism"),
    "stages": (
        {
            "cluster": {"devices": 2},
            "workload": {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"},
            "plan": {"pipeline": 2, "schedule": "1f1b", "microbatches": 2},
        },
        "only training by degrees of parallelism",
    ),
}


@pytest.fixture
def file(tmp_path):
    def write(given):
        path = tmp_path / "case.yaml"
        path.write_text(yaml.safe_dump(given))
        return path

    return write


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_folded_is_refused_with_the_reason(name, file, command):
    given, reason = REFUSED[name]
    code, out, err = command("run", file(given), "--fold", "on")
    assert (code, out) == (2, "")
    assert err.startswith(f"--fold:0:0: fold: this scenario cannot be folded: {reason}")
    assert err.endswith("leave --fold out\n")
    with pytest.raises(parsim.ScenarioError, match="cannot be folded"):
        parsim.simulate(given, fold="on")


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in ("the clock", "a split", "stages")])
def test_what_cannot_be_folded_is_played_whole_with_a_note(name, file, command):
    """With auto, which folds more than 64 devices."""
    given, reason = REFUSED[name]
    given = deepcopy(given)
    devices = given["cluster"]["devices"]
    given["cluster"]["devices"] = 128 if devices == 8 else [*devices, *(f"w{place}" for place in range(8, 128))]
    given["plan"]["data"] = given["workload"]["batch"] = 128
    code, out, _ = command("run", file(given), "--json")
    assert code == 0
    found = json.loads(out)["fold"]
    assert (found["devices"], found["played"]) == (128, 128)
    assert found["why_not"].startswith(reason)
    (note,) = [note for note in parsim.simulate(given).notes if "every device is played" in note]
    assert reason in note


@pytest.mark.parametrize(
    ("word", "told"), [("maybe", "unknown name 'maybe'; known are: auto, off, on"), ("of", "Did you mean 'off'?")]
)
def test_another_word_is_refused(word, told, file, command):
    code, out, err = command("run", file(scenario()), "--fold", word)
    assert (code, out) == (2, "")
    assert err.startswith("--fold:0:0: fold: ")
    assert told in err
    with pytest.raises(ValueError, match="fold: unknown name"):
        parsim.simulate(scenario(), fold=word)


@pytest.mark.parametrize(("count", "played"), [(64, {"auto": 64, "on": 1, "off": 64}), (72, {"auto": 1, "off": 72})])
def test_auto_folds_more_than_64_devices(count, played):
    given = scenario(devices=count, workload=MLP | {"batch": count})
    for word, devices in played.items():
        run = parsim.simulate(given, fold=word)
        assert run.to_dict()["fold"] == {"devices": count, "played": devices, "why_not": None}
        told = f"stands for {count} that do the same at the same time; --fold off plays all"
        assert any(told in note for note in run.notes) == (devices == 1)
        assert [run.devices[0]["stands_for"], run.to_dict()["workers"]] == [count // devices, count]


def test_many_that_are_played_are_told_of_before_the_run(monkeypatch, command, tmp_path):
    monkeypatch.setattr("parsim.core.fold.MANY", 3)
    given = scenario("islands", devices=16, plan={"data": 16, "algorithm": "ring"})
    (tmp_path / "given.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    with pytest.warns(parsim.ManyPlayed, match="of 16 devices are played"):
        run = parsim.simulate(given, fold="on")
    code, _, err = command("run", tmp_path / "given.yaml", "--fold", "on", "--quiet")
    assert (code, err.startswith(f"parsim: {len(run.devices)} of 16 devices are played, since ")) == (0, True)


def test_tables_say_how_many_each_row_stands_for(tmp_path):
    given = scenario("islands", devices=16, plan={"data": 16, "algorithm": "ring"})
    parsim.simulate(given, fold="on").save(tmp_path / "on")
    parsim.simulate(given, fold="off").save(tmp_path / "off")
    for file in ("timeline.csv", "idle.csv"):
        header, *rows = (tmp_path / "on" / file).read_text().splitlines()
        assert header.endswith(",stands_for")
        assert {row.rpartition(",")[2] for row in rows} == {"4"}
        assert "stands_for" not in (tmp_path / "off" / file).read_text()
