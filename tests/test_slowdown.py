"""Computing slowed by communication: by hand, against a plain second computation, and by the checker's own rule."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_slowdown import Run

import parsim
from parsim.core.cluster import Cluster
from parsim.metrics.checker import check
from parsim.validate import validate

FACTORS = ["1", "1.13", "1.5", "2", "7.25"]


def scenario(tasks, slowdowns, **more):
    devices = [{"name": f"w{i}", "device": {"overlap_slowdown": float(one)}} for i, one in enumerate(slowdowns)]
    cluster = {"devices": devices, "topology": {"kind": "full", "bandwidth": "1 MB/s"}}
    return {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, **more}


def task(name, worker, ms, after=(), **more):
    return {"name": name, "compute": {f"w{worker}": f"{ms} ms"}, "after": after, **more}


def spans(run):
    timeline = run.timeline
    rows = zip(timeline.task, timeline.start_s, timeline.end_s, strict=True)
    return {name: (start, end) for name, start, end in rows if ">" not in name}


def proved(run):
    """The checker measures what each computation lost on the spans; the terms of the ledger add up."""
    assert check(run.job, run.timeline) == []
    assert run.ledger.difference_s() == pytest.approx(0, abs=1e-9 * run.timeline.makespan_s)
    return run


# --- by hand ---


SENDS = [
    task("b2", 0, 2000),
    task("b1", 0, 2000, ["b2"]),
    task("send", 0, 0, ["b2"], lane="dp"),
    task("own", 1, 5000),
    task("update", 1, 1000, {"send": "1 MB"}),
]


@pytest.mark.parametrize(
    ("slowdowns", "b1", "own"),
    [
        (["1", "1"], 4, 5),
        (["2", "1"], 4.5, 5),  # b1 computes from 2 s on; from 2 s to 3 s its lane sends, and half of that is lost
        (["1", "2"], 4, 5.5),  # w1 receives
        (["2", "2"], 4.5, 5.5),
        (["1.25", "1"], 4.2, 5),
    ],
)
def test_a_send_slows_down_whom_it_leaves_and_whom_it_reaches(slowdowns, b1, own):
    run = proved(parsim.simulate(scenario(SENDS, slowdowns)))
    found = spans(run)
    assert (found["b1"][1], found["own"][1]) == (pytest.approx(b1, rel=1e-12), pytest.approx(own, rel=1e-12))
    assert run.to_dict()["slowed_s"] == pytest.approx(((b1 - 4) + (own - 5)) / 2, abs=1e-12)


def test_two_transfers_at_once_slow_down_no_more_than_one():
    tasks = [
        task("long", 0, 4000),
        *(task(f"s{i}", i, 0, lane="dp") for i in (1, 2)),
        task("get", 0, 1, {"s1": "1 MB", "s2": "2 MB"}),
    ]
    found = spans(proved(parsim.simulate(scenario(tasks, ["2", "1", "1"]))))
    assert found["long"] == (0, 5)  # slower from 0 s to 2 s, in which it does 1 s of its 4 s


@pytest.mark.parametrize("sends", ["overlapped", "blocking"])
def test_a_pipeline_of_two_ranks(sends):
    """Rank 1 receives microbatch 1 from 2 s to 3 s, while it computes microbatch 0 from 2 s on: that ends at 3.5 s.

    Rank 0 receives nothing. Where its sends are blocking, it goes on at 2 s, and so does all that follows.
    """
    raw = {
        "cluster": {"devices": 2, "device": {"overlap_slowdown": 2}},
        "workload": {"kind": "stages", "forward": "1 s", "input_grad": "0 s", "weight_grad": "0 s", "send": "1 s"},
        "plan": {"pipeline": 2, "schedule": "gpipe", "microbatches": 2, "sends": sends},
    }
    found = spans(proved(parsim.simulate(raw)))
    assert found["0F1"] == ((1, 2) if sends == "overlapped" else (2, 3))
    assert found["1F0"] == ((2, 3.5) if sends == "overlapped" else (2, 3))
    assert found["1F1"][0] == pytest.approx(3.5 if sends == "overlapped" else 4)


# --- a second computation ---


def drawn(seed):
    """Return tasks of the second computation, and the same as a scenario; no two times are equal by chance."""
    draw = random.Random(seed)
    workers = draw.randint(1, 4)
    plain, stated = [], []
    for number in range(draw.randint(1, 14)):
        worker, lane = draw.randrange(workers), draw.choice(["", "", "dp"])
        ms = draw.randint(1, 10**6) if not lane or draw.random() < 0.5 else 0
        before = [one for one in plain if not one["lane"]]
        after = [one["name"] for one in draw.sample(before, min(len(before), draw.randint(0, 2)))]
        row = {"name": f"t{number}", "worker": worker, "lane": lane, "seconds": Fraction(ms, 1000)}
        sources = {}
        for one in draw.sample(plain, min(len(plain), 2)):
            reached = {plain[int(child[1:])]["worker"] for child in one["to"]}
            if one["lane"] and worker not in {one["worker"], *reached} and not lane:
                sources[one["name"]] = one["to"][f"t{number}"] = Fraction(draw.randint(1, 10**6), 1000)
        plain.append({**row, "after": after, "to": {}})
        travels = (
            [f"{one} s" for one in map(float, sources.values())]
            if seed % 2
            else [f"{int(one * 1000)} kB" for one in sources.values()]
        )
        edges = dict.fromkeys(after, "0 s") | dict(zip(sources, travels, strict=True))
        stated.append(task(f"t{number}", worker, ms, edges, **({"lane": lane} if lane else {})))
    plain.append({"name": "last", "worker": 0, "lane": "", "seconds": Fraction(1), "after": [], "to": {}})
    return plain, [*stated, task("last", 0, 1000)], workers


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(FACTORS), min_size=4, max_size=4))
def test_computations_advance_as_in_a_plain_second_computation(seed, factors):
    """Half of the runs have delays, half bytes on links of their own: no two sends of a lane take one way at once."""
    plain, stated, workers = drawn(seed)
    run = proved(parsim.simulate(scenario(stated, factors[:workers])))
    wanted = Run(plain, [Fraction(one) for one in factors]).play()
    found = spans(run)
    for name, (start, end) in wanted.items():
        assert found[name] == (pytest.approx(float(start), rel=1e-9), pytest.approx(float(end), rel=1e-9)), name
    took = {one["name"]: one["seconds"] for one in plain if not one["lane"]}
    slowed = sum(end - start - took[name] for name, (start, end) in wanted.items() if name in took)
    told = run.to_dict()["slowed_s"]
    assert told == pytest.approx(float(slowed) / workers, rel=1e-9, abs=1e-9 * run.timeline.makespan_s)


@pytest.mark.parametrize(
    ("plan", "policy", "overlaps"),
    [
        ({"split": "data"}, "fifo", False),
        ({"split": "data"}, "heft", True),  # which names workers beforehand, so that inputs travel early
        ({"split": "layers", "microbatches": 4, "schedule": "zb-h1"}, "in_order", True),
    ],
)
def test_training_is_slower_where_it_overlaps(plan, policy, overlaps):
    raw = {
        "cluster": {"devices": 3, "device": "a100-80g", "topology": {"kind": "star", "bandwidth": "10 GB/s"}},
        "workload": {"kind": "transformer", "vocabulary": 64, "width": 64, "sequence": 32, "batch": 8, "blocks": 4},
        "plan": plan,
        "policy": policy,
    }
    slower = proved(parsim.simulate(raw, set={"cluster.device": {"kind": "a100-80g", "overlap_slowdown": 3}}))
    assert (slower.to_dict()["slowed_s"] > 0) == overlaps
    assert parsim.simulate(raw).to_dict()["slowed_s"] == 0


@pytest.mark.parametrize(
    "plan", [{"data": 4, "bucket": "500 kB"}, {"data": 2, "pipeline": 2, "schedule": "1f1b", "microbatches": 4}]
)
def test_collectives_beside_backward_slow_it_down(plan):
    """While a member of a collective has not ended, its worker computes 1.5 times as long: a third of that is lost."""
    raw = {
        "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "star", "bandwidth": "10 GB/s"}},
        "workload": {"kind": "transformer", "vocabulary": 512, "width": 256, "sequence": 64, "batch": 16, "blocks": 4},
        "plan": plan,
    }
    slower = proved(parsim.simulate(raw, set={"cluster.device": {"kind": "a100-80g", "overlap_slowdown": 1.5}}))
    plain, told = parsim.simulate(raw), slower.to_dict()["slowed_s"]
    assert told > 0
    compute = sum(one["compute_s"] for one in slower.devices) - sum(one["compute_s"] for one in plain.devices)
    assert told == pytest.approx(compute / 4, rel=1e-9)


# --- rules ---


def test_a_slowdown_of_one_changes_no_byte():
    for engine in ("simpy", "auto"):
        plain, one = (parsim.simulate(scenario(SENDS, some), engine=engine) for some in (["1", "1"], ["1.0", "1"]))
        assert plain.timeline.rows() == one.timeline.rows()
    without = scenario(SENDS, ["1", "1"])
    for device in without["cluster"]["devices"]:
        del device["device"]
    assert parsim.simulate(without).timeline.rows() == plain.timeline.rows()


def test_the_longest_path_leaves_it_to_simpy():
    raw = {
        "cluster": {"devices": 2, "device": {"overlap_slowdown": 1.13}},
        "workload": {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s", "send": "1 s"},
        "plan": {"pipeline": 2, "schedule": "1f1b", "microbatches": 800},
    }
    with pytest.raises(parsim.ScenarioError, match="computes slower while it communicates"):
        parsim.simulate(raw, engine="path")
    assert parsim.simulate(raw).timeline.engine == "simpy"


def test_closed_forms_know_no_slowdown():
    raw = {
        "cluster": {"devices": 4, "device": {"overlap_slowdown": 2}},
        "workload": {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s", "send": "100 ms"},
        "plan": {"pipeline": 4, "schedule": "1f1b", "microbatches": 8},
    }
    slowed, plain = validate(raw), validate(raw, set={"cluster.device.overlap_slowdown": 1})
    assert slowed.good
    assert plain.good
    assert (bool(slowed.forms), bool(plain.forms)) == (False, True)
    assert validate(raw, set={"workload.send": "0 s"}).forms, "nothing travels, so nothing is slowed"


def test_the_checker_sees_a_computation_that_was_not_slowed_down():
    run = parsim.simulate(scenario(SENDS, ["1", "1"]))
    devices = tuple(device._replace(overlap_slowdown=2.0) for device in run.job.cluster.devices)
    other = replace(run.job, cluster=Cluster(devices, run.job.cluster.wiring))
    assert sorted(check(other, run.timeline)) == [
        "task b1 took 2 s, but its cost is 2.5 s",
        "task own took 5 s, but its cost is 5.5 s",
    ]


def test_the_live_clock_slows_down_what_it_has_measured():
    raw = {
        "cluster": {
            "devices": 2,
            "device": {"overlap_slowdown": 4},
            "topology": {"kind": "star", "bandwidth": "1 GB/s"},
        },
        "workload": {"kind": "items", "data": list(range(40)), "kernel": "double", "merge": "sum", "item": "1 MB"},
        "plan": {"split": "chain", "depth": 1, "prefetch": 2},
        "cost": {"kind": "constant", "compute": "1 ms"},
        "clock": "live",
    }
    run = parsim.simulate(raw)
    assert run.value == sum(2 * one for one in range(40))
    assert run.ledger.difference_s() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.5, "0.5 is too small; it must be at least 1"),
        (0, "0 is too small; it must be at least 1"),
        (-1, "-1 is too small; it must be at least 1"),
        (5000, "5000 is too large; it must be at most 1000"),
        (float("nan"), "nan is not a finite number"),
        ("1.13", "wants a number, not the text '1.13'"),
        (True, "wants a number, not true"),
    ],
)
def test_a_wrong_slowdown_is_located(value, message):
    raw = scenario(SENDS, ["1", "1"])
    raw["cluster"]["devices"][1]["device"]["overlap_slowdown"] = value
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(raw)
    first = refused.value.faults[0]
    assert (first.path, first.message) == ("cluster.devices[1].device.overlap_slowdown", message)


def test_the_report_names_it():
    text = parsim.simulate(scenario(SENDS, ["2", "2"])).report()
    assert "of it, computing slowed by communication" in text
    assert "slowed by" not in parsim.simulate(scenario(SENDS, ["1", "1"])).report()
