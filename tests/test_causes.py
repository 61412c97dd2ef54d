"""The cause that `explain` and `compare` name is the one that was planted; makespans are counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.core.quantities import seconds

FOLDER = Path(__file__).parents[1] / "scenarios"
FOUR = ["w0", "w1", "w2", "w3"]
FAST, SLOW = "100 MB/s", "1 MB/s"


def star(devices, slow=(), bandwidth=FAST, **more):
    """A switch, an `up` and a `down` link for each device, those named in *slow* at 1 MB/s."""
    names = [device["name"] if isinstance(device, dict) else device for device in devices]
    ways = [f"{name}.{way}" for name in names for way in ("up", "down")]
    links = [{"name": way, "bandwidth": SLOW if way in slow else bandwidth} for way in ways]
    pairs = [(a, b) for a in [*names, "host"] for b in [*names, "host"] if a != b]
    over = {pair: [f"{pair[0]}.up"] * (pair[0] != "host") + [f"{pair[1]}.down"] * (pair[1] != "host") for pair in pairs}
    routes = [{"from": a, "to": b, "over": way} for (a, b), way in over.items()]
    return {"devices": list(devices), "topology": {"kind": "custom", "links": links, "routes": routes}, **more}


def items(count=8, devices=4, compute="1 s", **more):
    """Items of 10 MB, an equal part for each of the devices w0, w1, ..."""
    raw = {
        "cluster": star([f"w{number}" for number in range(devices)]),
        "workload": {"kind": "items", "count": count, "item": "10 MB"},
        "plan": {"split": "data", "subsets": devices},
        "cost": {"kind": "constant", "compute": compute},
    }
    return raw | more


def stages(ranks, microbatches, **times):
    grads = {"input_grad": "1 ms", "weight_grad": "1 ms"}
    return {
        "cluster": {"devices": ranks},
        "workload": {"kind": "stages", "forward": "1 ms", **grads, **times},
        "plan": {"pipeline": ranks, "schedule": "1f1b", "microbatches": microbatches},
    }


def tasks(*seconds, devices=3):
    rows = [{"name": f"t{number}", "compute": f"{took} s"} for number, took in enumerate(seconds)]
    return {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": rows}}


def speeds(*factors):
    return [{"name": f"w{number}", "speed": factor} for number, factor in enumerate(factors)]


def steps(**lengths):
    return {"split": "data", "subsets": 4, "steps": lengths}


UNEVEN = ["1 ms", "1 ms", "3 ms", "1 ms"]
ROOM = {  # two of the four tasks fit into d
    "cluster": {"devices": [{"name": "d", "slots": 4, "memory": "10 MB"}, "e"]},
    "workload": {
        "kind": "tasks",
        "tasks": [{"name": f"t{number}", "compute": {"d": "1 s"}, "memory": "4 MB"} for number in range(4)],
    },
}
HANDS_ON = {
    "cluster": star(["w0", "w1", "w2"], ("w1.up", "w1.down")),
    "workload": {
        "kind": "tasks",
        "tasks": [
            {"name": "a", "compute": {"w0": "1 s"}},
            {"name": "b", "compute": {"w1": "1 s"}, "after": {"a": "8 MB"}},
            {"name": "c", "compute": {"w2": "1 s"}, "after": {"b": "8 MB"}},
        ],
    },
}

FLOWS = {  # 1 MB at 100 MB/s would take 10 ms
    "cluster": star(["a", "b"]),
    "workload": {
        "kind": "transfers", "flows": [{"name": "held", "from": "a", "to": "b", "size": "1 MB", "limit": "1 MB/s"}]
    },
}  # fmt: skip

# scenario, makespan, change, what, makespan with it
PLANTED = {
    "few microbatches": (stages(64, 64), 0.381, "more_microbatches", "plan.microbatches=128", 191 * 0.0015),
    "few microbatches, with delays": (
        stages(64, 64, send="200 us"), 0.431, "more_microbatches", "plan.microbatches=128", None,
    ),
    # 2 ms until w2 has the first, 32 x 9 ms, 4 ms back to w0; equal, (32 + 3) x 4.5 ms
    "a slow stage": (
        stages(4, 32, forward=UNEVEN, input_grad=UNEVEN, weight_grad=UNEVEN), 0.294, "slowest_stage", "w2", 0.1575,
    ),
    "a slow link": (
        items(cluster=star(FOUR, ["w2.down"])), 22, "busiest_link", "w2.down", 2.2,
    ),
    "a slow device": (items(cluster=star(speeds(1, 1, 0.1, 1))), 20.2, "slow_device", "w2", 2.2),
    "several slow devices": (
        items(12, 6, cluster=star(speeds(1, 0.2, 1, 0.1, 1, 1))), 20.2, "slow_device", "w3", 2.2,
    ),
    "slow links of a device": (HANDS_ON, 3 + 8 + 8, "links_of_device", "w1", 3.16),
    "a long task": (tasks(1, 1, 20, 1, 1, 1), 20, "longest_task", "t2", 10),
    "a long merge": (items(plan=steps(split="1 s", merge="30 s")), 33.2, "host_step", "merge", 3.2),
    "a long split": (items(plan=steps(split="9 s", merge="1 s")), 12.2, "host_step", "split", 3.2),
    "a slow network": (items(cluster=star(FOUR, bandwidth=SLOW)), 22, "faster_transfers", "", 12),
    "a limit": (FLOWS, 1, "flow_limit", "held", 0.01),
    "little room": (ROOM, 2, "more_memory", "d", 1),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "makespan", "change", "what", "then"), PLANTED.values(), ids=PLANTED)
def test_the_cause_that_was_planted_is_named(raw, makespan, change, what, then):
    found = parsim.explain(raw)
    best = next(one for one in found.changes if not one.bound)
    assert found.makespan_s == pytest.approx(makespan, rel=1e-9)
    assert (best.change, best.what) == (change, what)
    assert then is None or best.makespan_s == pytest.approx(then, rel=1e-9)
    assert found.fix_first.startswith(f"Fix first: {best.words}. The run would end ")
    assert ("at the earliest" in found.fix_first) == (change in ("busiest_link", "links_of_device", "host_step"))


def test_bounds_are_told_but_are_not_what_to_fix_first():
    """Four workers each wait for a link of their own: no single one of them holds the run up."""
    found = parsim.explain(FOLDER / "14_two_splits.yaml")
    gains = {one.change: one for one in found.changes}
    assert gains["no_transfer_delay"].gain_s > gains["faster_transfers"].gain_s > 0
    assert found.fix_first.startswith("Fix first: links and delays twice as fast.")
    assert "440 ms (68.8 %) sooner, a bound" in found.report()
    told = {one["change"]: one["bound"] for one in found.to_dict()["changes"]}
    assert [name for name, bound in told.items() if bound] == ["no_transfer_delay"]


def test_a_bound_is_told_where_nothing_else_helps():
    found = parsim.explain(ROOM)
    alone = replace(found, changes=tuple(one for one in found.changes if one.bound))
    assert alone.fix_first == "Fix first: infinite memory. The run would end after 1 s, 1 s (50.0 %) sooner."
    assert replace(found, changes=()).fix_first == "None of these changes shortens the run."


def test_only_what_the_run_shows_a_sign_of_is_played():
    found = parsim.explain(tasks(1, 1, 1, 1))
    assert {one.change for one in found.changes} == {"one_more_worker", "best_policy"}


def test_equal_stages_of_a_trained_model_are_counted_on_one_device():
    """A slow device is no large stage."""
    set = {"cluster.devices": [{"name": "w0"}, {"name": "w1", "speed": 0.25}], "plan.stages": "count"}
    found = parsim.explain(FOLDER / "16_mlp_layers.yaml", set=set)
    best = next(one for one in found.changes if not one.bound)
    assert (best.change, best.what) == ("slow_device", "w1")


@st.composite
def planted(draw):
    """A scenario with one cause that takes ten times as long as all the rest, and that cause."""
    size, kind = draw(st.integers(2, 6)), draw(st.sampled_from(["link", "device", "task", "step", "stage"]))
    names = [f"w{number}" for number in range(size)]
    place = draw(st.integers(0, size - 1))
    item, compute = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    raw = items(size * draw(st.integers(1, 3)), size, f"{compute} ms")
    raw["workload"]["item"] = f"{item} kB"
    raw["policy"] = draw(st.sampled_from(["fifo", "round_robin", "lpt"]))
    if kind == "link":
        bandwidth = draw(st.sampled_from(["1 GB/s", "100 MB/s"]))
        raw["cluster"] = star(names, [f"{names[place]}.down"], bandwidth=bandwidth)
        raw["workload"]["item"] = f"{item * 100} kB"
        return raw, "busiest_link", f"{names[place]}.down"
    if kind == "device":
        slow = draw(st.sampled_from([0.1, 0.05, 0.01]))
        raw["cluster"] = star(speeds(*(slow if number == place else 1 for number in range(size))))
        return raw | {"policy": "round_robin"}, "slow_device", names[place]
    if kind == "step":
        step = draw(st.sampled_from(["split", "create", "allocate", "gather", "merge"]))
        raw["plan"]["steps"] = {step: "10 s", draw(st.sampled_from(["split", "merge"])): "10 ms"} | {step: "10 s"}
        return raw, "host_step", step
    if kind == "stage":
        times = ["10 ms" if number == place else "1 ms" for number in range(size)]
        return stages(size, 8 * size, forward=times, input_grad=times), "slowest_stage", names[place]
    seconds = draw(st.lists(st.integers(1, 5), min_size=size, max_size=3 * size))
    where = draw(st.integers(0, len(seconds)))
    return tasks(*seconds[:where], 10 * sum(seconds), *seconds[where:], devices=size), "longest_task", f"t{where}"


@settings(max_examples=30, deadline=None)
@given(planted())
def test_whatever_cause_dominates_is_named(drawn):
    raw, change, what = drawn
    found = parsim.explain(raw)
    best = next(one for one in found.changes if not one.bound)
    assert (best.change, best.what) == (change, what)
    assert best.gain_s > 0.3 * found.makespan_s
    assert best.words in found.fix_first


WIRED = items(cluster=star(FOUR))
DEVICES = items(cluster=star(speeds(1, 1, 1, 1)))
LINK = "cluster.topology.links[5].bandwidth"  # w2.down

NARROW, WIDE = (star(["w0", "w1", "w2"], slow)["topology"]["links"] for slow in (["w1.up", "w1.down"], []))

COMPARED = {
    "a slow link": (WIRED, {LINK: [FAST, SLOW]}, "busiest_link", "w2.down", 2.2, 2.2),
    "a slow device": (DEVICES, {"cluster.devices[2].speed": [0.1, 1]}, "slow_device", "w2", 2.2, 2.2),
    "a slow link beside another that both have": (
        HANDS_ON, {LINK.replace("5", "2"): [SLOW, FAST], LINK.replace("5", "3"): [SLOW]},
        "busiest_link", "w1.up", 11.08, 11.08,
    ),
    "slow links of a device": (
        HANDS_ON, {"cluster.topology.links": [WIDE, NARROW]}, "links_of_device", "w1", 3.16, 3.16,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "set", "change", "what", "then", "best"), COMPARED.values(), ids=COMPARED)
def test_what_makes_the_slower_variant_slow_is_named(raw, set, change, what, then, best):
    found = parsim.compare(raw, set=set)
    cause = found.to_dict()["cause"]
    assert (cause["change"], cause["what"]) == (change, what)
    assert (cause["makespan_s"], cause["best_makespan_s"]) == pytest.approx((then, best))
    slow, fast = (one.label for one in sorted(found.variants, key=lambda one: -one.makespan.mean))
    assert (cause["label"], cause["best"]) == (slow, fast)
    assert " The cause is " in found.decided
    assert found.decided.endswith(f"{slow} would end after {seconds(then, 4)}, and {fast} after {seconds(best, 4)}.")


def test_nothing_is_blamed_where_both_variants_suffer_alike():
    """w2's input takes 20 s under both; the merge that only one of them has makes the difference."""
    raw = items(cluster=star(FOUR, ["w2.down"]))
    found = parsim.compare(raw, set={"plan.steps": [{}, {"merge": "1 s"}]})
    assert found.to_dict()["cause"] is None
    assert "(steps)." in found.decided


def test_nothing_is_blamed_where_the_policy_decides():
    """Tasks of 1, 1, 1 and 3 s on two equal workers, without any transfer: 4 s, and 3 s where the longest is first."""
    found = parsim.compare(tasks(1, 1, 1, 3, devices=2), set={"policy": ["fifo", "lpt"]})
    assert found.to_dict()["cause"] is None
    assert found.decided.endswith("less idling after the last task (drain).")


@settings(max_examples=25, deadline=None)
@given(planted().filter(lambda drawn: drawn[1] in ("busiest_link", "slow_device")))
def test_what_was_planted_in_one_variant_is_named(drawn):
    raw, change, what = drawn
    devices = len(raw["cluster"]["devices"])
    sound = star(
        [f"w{number}" for number in range(devices)], bandwidth=raw["cluster"]["topology"]["links"][0]["bandwidth"]
    )
    cause = parsim.compare([raw], set={"cluster": [raw["cluster"], sound]}).to_dict()["cause"]
    assert (cause["change"], cause["what"]) == (change, what)
