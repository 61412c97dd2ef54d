"""Room on devices (contract, section 3): peaks, waiting for room, stalls; every figure is counted by hand."""

import math
from functools import reduce
from operator import add

import pytest

import parsim
from parsim.metrics.checker import check
from parsim.metrics.memory import usage

MB = 1e6


def simulate(devices, tasks, policy="fifo", **plan):
    cluster = {"devices": devices, "topology": {"kind": "full", "bandwidth": "1 MB/s"}}
    return parsim.simulate(
        {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, "policy": policy, "plan": plan}
    )


def task(name, compute, after=(), memory=0, output=0):
    compute = {place: f"{s} s" for place, s in compute.items()} if isinstance(compute, dict) else f"{compute} s"
    return {"name": name, "compute": compute, "after": after, "memory": f"{memory} MB", "output": f"{output} MB"}


def items(devices, split, **more):
    workload = {"kind": "items", "count": 2, "item": "1 MB", "weights": "10 MB"}
    cluster = {"devices": devices, "topology": {"kind": "star", "bandwidth": "1 MB/s"}}
    cost = {"kind": "constant", "compute": "1 s"}
    return parsim.simulate({"cluster": cluster, "workload": workload, "plan": {"split": split, **more}, "cost": cost})


def computes(run):
    rows = run.timeline.rows()
    return {name: (worker, start, end) for _, name, kind, worker, _, _, start, end, _, _ in rows if kind != "transfer"}


def held(run, device=0):
    """Bytes in MB on a device, from each moment of change on."""
    moments, used = usage(run.job, run.timeline)[device]
    found, last = {}, 0.0
    for moment, now in zip(moments.tolist(), (used / MB).tolist(), strict=True):
        if moment < math.inf and now != last:
            found[moment] = last = now
    return found


def peaks(run):
    return [row["peak_memory_bytes"] / MB for row in run.metrics["devices"]]


# What counts, from when to when.


def test_memory_until_the_end_output_until_the_last_consumer_has_ended():
    # a holds 4 + 2; then 2 while nobody computes on it; b 1 + 3 more, then all is gone: nobody consumes b.
    run = simulate(1, [task("a", 1, memory=4, output=2), task("b", 2, ["a"], memory=1, output=3)])
    assert held(run) == {0: 6, 3: 0}
    run = simulate(1, [task("a", 1, memory=4, output=2), task("x", 1), task("b", 2, ["a", "x"], memory=1)])
    assert held(run) == {0: 6, 1: 2, 2: 3, 4: 0}
    assert peaks(run) == [6]


def test_output_until_the_last_consumer_has_received_it_and_inputs_at_the_receiver():
    tasks = [task("a", {"p": 1}, output=5), task("b", {"q": 2}, {"a": "3 MB"}), task("c", {"q": 1}, {"a": "1 MB"})]
    # a>b 1 to 4, b 4 to 6; a>c 6 to 7, c 7 to 8: p keeps 5 MB until 7, q holds 3 MB from 1 to 6, 1 MB from 6 to 8.
    run = simulate(["p", "q"], tasks)
    assert held(run, 0) == {0: 5, 7: 0}
    assert held(run, 1) == {1: 3, 6: 1, 8: 0}
    assert peaks(run) == [5, 3]


def test_output_and_delays():
    # b has received it when its delay is over, at 4.
    tasks = [task("a", {"p": 1}, output=5), task("b", {"q": 2}, {"a": "3 s"}), task("d", {"q": 1}, {"a": "1 s"})]
    assert held(simulate(["p", "q"], tasks[:2])) == {0: 5, 4: 0}
    # d's delay passed at 2, with q busy: there is no span, and d has received it when it starts, at 6.
    assert held(simulate(["p", "q"], tasks)) == {0: 5, 6: 0}
    # On one worker there is nothing to receive: until d has ended.
    assert held(simulate(1, [task("a", 1, output=5), task("d", 2, {"a": "1 s"})])) == {0: 5, 3: 0}


def test_weights_once_per_device_from_the_first_task_that_uses_them_to_the_end():
    run = items(1, "data", subsets=2)  # in 0 to 1, compute 1 to 2, in 2 to 3, compute 3 to 4
    assert held(run) == {0: 1, 1: 11, 4: 10}
    run = items(1, "layers")  # in 2 MB 0 to 2, compute 2 to 3, in 3 to 5, compute 5 to 6; two halves of the model
    assert held(run) == {0: 2, 2: 7, 5: 12, 6: 10}
    assert peaks(run) == [12]


def test_peaks_count_what_is_used_not_what_is_reserved():
    # With prefetch both are taken at 0 and 20 MB reserved; a uses 10 MB until 1, b 10 MB from then on.
    run = simulate([{"name": "p", "memory": "20 MB"}], [task("a", 1, memory=10), task("b", 1, memory=10)], prefetch=1)
    assert peaks(run) == [10]


def test_workers_of_one_device_share_its_room():
    run = simulate([{"name": "p", "slots": 2}], [task("a", 2, memory=6), task("b", 1, memory=3)])
    assert held(run) == {0: 9, 1: 6, 2: 0}
    assert peaks(run) == [9]


# Waiting for room.

SHARED = [{"name": "p", "slots": 2, "memory": "10 MB"}]


def test_a_task_without_room_waits_and_its_worker_idles_for_memory():
    run = simulate(SHARED, [task("a", 2, memory=6), task("b", 1, memory=6)])
    assert computes(run) == {"a": ("p.0", 0, 2), "b": ("p.0", 2, 3)}
    # p.1 waits for room from 0 to 2; then p.0 takes b, and p.1 has nothing more to do.
    assert run.ledger.idle == {
        "steps": 0,
        "memory": 1.0,
        "overhead": 0,
        "policy": 0,
        "fill": 0,
        "drain": 0.5,
        "dependency": 0,
    }
    assert run.timeline.waited_for.tolist() == ["", "a"]
    assert check(run.job, run.timeline) == []


def test_a_span_that_waited_for_room_says_so():
    # At 2 a leaves room for c and d; y was not there before. p.0 takes c as it ends a, p.1 takes d: it had waited for
    # room since 1. p.2 takes y, which a released: not the room, though p.2 had waited for some, too.
    devices = [{"name": "p", "slots": 3, "memory": "10 MB"}]
    tasks = [
        task("a", 2, memory=8),
        task("x", 1, memory=1),
        task("w", 1, memory=1),
        task("c", 1, memory=3),
        task("d", 1, memory=3),
        task("y", 3, ["a"]),
    ]
    run = simulate(devices, tasks)
    assert computes(run) == {
        "a": ("p.0", 0, 2),
        "x": ("p.1", 0, 1),
        "w": ("p.2", 0, 1),
        "c": ("p.0", 2, 3),
        "d": ("p.1", 2, 3),
        "y": ("p.2", 2, 5),
    }
    waits = dict(zip(run.timeline.task.tolist(), run.timeline.waited_for.tolist(), strict=True))
    assert waits == {"a": "", "x": "", "w": "", "c": "a", "d": "memory", "y": "a"}
    # p.1 and p.2 wait for room from 1 to 2; p.0 and p.1 have nothing more to do from 3 to 5.
    assert (run.ledger.idle["memory"], run.ledger.idle["drain"]) == pytest.approx((2 / 3, 4 / 3))


def test_fifo_takes_the_first_that_fits():
    run = simulate(SHARED, [task("a", 2, memory=6), task("b", 1, memory=6), task("c", 1, memory=3)])
    assert computes(run) == {"a": ("p.0", 0, 2), "c": ("p.1", 0, 1), "b": ("p.0", 2, 3)}
    assert run.ledger.idle["memory"] == 0.5  # p.1 from 1 to 2: b is all that is ready


def test_a_worker_waits_for_room_only_if_all_that_it_may_run_does():
    # b never fits p, which waits for room until q takes b at 2; from then on nothing is left for p.
    devices = [{"name": "p", "memory": "5 MB"}, "q"]
    run = simulate(devices, [task("a", {"q": 2}), task("b", 1, memory=6)])
    assert computes(run) == {"a": ("q", 0, 2), "b": ("q", 2, 3)}
    assert (run.ledger.idle["memory"], run.ledger.idle["drain"]) == (1.0, 0.5)
    # HEFT gives b to q beforehand: p may run it and does not get it.
    run = simulate(devices, [task("a", {"q": 6}), task("b", {"p": 9, "q": 1})], "heft")
    assert (run.ledger.idle["policy"], run.ledger.idle["memory"]) == (3.0, 0)


def test_taking_reserves_inputs_and_outputs():
    # b's 3 MB of input would fit beside x's 4 at once, but with its output of 4 not: 11 MB in 10. So it waits for x.
    devices = [{"name": "p", "memory": "10 MB", "slots": 2}, "q"]
    tasks = [task("a", {"q": 1}), task("x", {"p": 3}, memory=4), task("b", {"p": 1}, {"a": "3 MB"}, output=4)]
    assert computes(simulate(devices, tasks))["b"] == ("p.0", 6, 7)
    tasks[2]["output"] = "3 MB"
    assert computes(simulate(devices, tasks))["b"] == ("p.1", 4, 5)


def test_an_output_is_freed_for_others_when_it_has_travelled():
    # a's 6 MB leave p when c has received them, at 3; then d's 5 MB fit.
    devices = [{"name": "p", "memory": "10 MB"}, "q"]
    tasks = [task("a", {"p": 1}, output=6), task("c", {"q": 1}, {"a": "2 MB"}), task("d", {"p": 1}, memory=5)]
    run = simulate(devices, tasks)
    assert computes(run) == {"a": ("p", 0, 1), "c": ("q", 3, 4), "d": ("p", 3, 4)}
    assert run.ledger.idle["memory"] == 1.0  # p from 1 to 3


def test_an_output_whose_delay_had_passed_is_received_when_its_consumer_starts():
    # c is taken at 5 with a's delay over, and starts at 9, when b's bytes are there: until then p keeps a's 6 MB.
    devices = [{"name": "p", "memory": "10 MB"}, "q", "r"]
    tasks = [
        task("a", {"p": 1}, output=6),
        task("b", {"r": 5}),
        task("c", {"q": 1}, {"a": "1 s", "b": "4 MB"}),
        task("d", {"p": 3}, ["b"], memory=6),
    ]
    run = simulate(devices, tasks)
    assert computes(run)["c"] == ("q", 9, 10)
    assert computes(run)["d"] == ("p", 9, 12)
    assert held(run) == {0: 6, 12: 0}
    assert check(run.job, run.timeline) == []


# Early transfers, under a policy that names homes.


def test_an_early_transfer_without_room_starts_when_its_task_is_taken():
    devices = ["p", {"name": "q", "memory": "10 MB"}]
    tasks = [task("a", {"p": 1}), task("b", {"q": 5}, memory=8), task("c", {"q": 1}, {"a": "6 MB"})]
    run = simulate(devices, tasks, "heft")
    assert computes(run) == {"a": ("p", 0, 1), "b": ("q", 0, 5), "c": ("q", 11, 12)}
    moved = [row[1:8] for row in run.timeline.rows() if row[2] == "transfer"]
    assert moved == [("a>c", "transfer", "q", "p>q", 1, 5, 11)]
    unlimited = simulate(["p", "q"], tasks, "heft")
    assert computes(unlimited)["c"] == ("q", 7, 8)


def test_an_early_input_leaves_the_room_that_an_earlier_task_needs():
    # q is to run b, then c. The 6 MB for c, there at 1, would leave b, ready at 4, with 4 of the 8 MB that it needs.
    devices = ["p", {"name": "q", "memory": "10 MB"}]
    tasks = [
        task("a", {"p": 1}),
        task("z", {"p": 3}, ["a"]),
        task("b", {"q": 5}, ["z"], memory=8),
        task("c", {"q": 1}, {"a": "6 MB"}),
    ]
    planned = simulate(devices, tasks, "heft")
    assert computes(planned) == {"a": ("p", 0, 1), "z": ("p", 1, 4), "b": ("q", 4, 9), "c": ("q", 15, 16)}
    # fifo takes c when it is ready, moves its bytes then, and has room for b when c has ended.
    assert computes(simulate(devices, tasks, "fifo")) == {
        "a": ("p", 0, 1),
        "z": ("p", 1, 4),
        "c": ("q", 7, 8),
        "b": ("q", 8, 13),
    }


def test_an_early_input_leaves_room_for_an_output_that_stays():
    # What e leaves on q, 5 MB, stays until f, which waits for b, has received it: the 3 MB for c would leave b no room.
    devices = ["p", {"name": "q", "memory": "10 MB"}]
    tasks = [
        task("a", {"p": 1}),
        task("e", {"q": 2}, output=5),
        task("z", {"p": 3}, ["a"]),
        task("b", {"q": 5}, ["z"], memory=5),
        task("c", {"q": 1}, {"a": "3 MB"}),
        task("f", {"p": 1}, ["e", "b"]),
    ]
    found = computes(simulate(devices, tasks, "heft"))
    assert found["b"] == ("q", 4, 9)
    assert found["c"] == ("q", 12, 13)
    roomy = computes(simulate(["p", {"name": "q", "memory": "13 MB"}], tasks, "heft"))
    assert roomy["c"] == ("q", 9, 10)


# Stalls and refusals.


@pytest.mark.parametrize("policy", ["heft", "cpop", "peft", "round_robin"])
def test_host_inputs_leave_room_for_the_weights(policy):
    # Each device is given four of eight subsets; three of their items, 10 MB each, would fill its 30 MB.
    scenario = {
        "cluster": {"devices": 2, "device": {"memory": "30 MB"}, "topology": {"kind": "star", "bandwidth": "100 MB/s"}},
        "workload": {"kind": "items", "count": 8, "item": "10 MB", "weights": "10 MB"},
        "plan": {"split": "data", "subsets": 8},
        "cost": {"kind": "constant", "compute": "1 s"},
        "policy": policy,
    }
    # One input comes while the task before computes: the first arrives after 100 ms, computing hides the others.
    assert parsim.simulate(scenario).timeline.makespan_s == pytest.approx(4.1, rel=1e-12)


def test_a_stall_names_lane_task_and_why():
    devices = [{"name": "p", "memory": "10 MB"}, {"name": "q", "memory": "10 MB"}]
    tasks = [
        task("a", {"p": 1}, output=6),
        task("b", {"p": 1}, output=6),
        task("c", {"q": 1}, ["a", "b"]),
    ]
    with pytest.raises(parsim.Stalled) as stall:
        simulate(devices, tasks)
    assert isinstance(stall.value, parsim.RunError)
    assert str(stall.value).splitlines() == [
        "stalled at 1 s: 2 of 3 tasks cannot end",
        "  p waits for b: it needs 6 MB more on p, where only 4 MB of 10 MB are free",
        "  q waits for c: b has not ended",
    ]


def faults(error):
    return [(fault.path, fault.message) for fault in error.value.faults]


def test_a_task_that_fits_nowhere_is_refused_before_the_clock():
    devices = [{"name": "p", "memory": "10 MB"}, {"name": "q", "memory": "20 MB"}]
    assert computes(simulate(devices, [task("a", 1, memory=11)])) == {"a": ("q", 0, 1)}
    for wrong in (task("a", 1, memory=21), task("a", {"p": 1}, memory=11)):
        with pytest.raises(parsim.ScenarioError) as error:
            simulate(devices, [wrong])
        ((path, message),) = faults(error)
        assert path == "workload.tasks[0].memory"
        assert "needs" in message
    with pytest.raises(parsim.ScenarioError) as error:
        simulate(devices, [task("a", 1, memory=9, output=12)])  # each would fit, both do not
    assert faults(error)[0][0] == "workload.tasks[0].output"


def test_inputs_that_must_travel_count_towards_what_fits_nowhere():
    devices = [{"name": "p", "memory": "10 MB"}, "q"]
    with pytest.raises(parsim.ScenarioError):
        simulate(devices, [task("a", {"q": 1}), task("b", {"p": 1}, {"a": "6 MB"}, memory=5)])
    # On p itself a's output need not travel.
    run = simulate(devices, [task("a", {"p": 1}), task("b", {"p": 1}, {"a": "6 MB"}, memory=5)])
    assert peaks(run) == [5, 0]


def test_a_model_that_fits_nowhere_is_refused_whole_and_runs_cut():
    devices = [{"name": "p", "memory": "8 MB"}, {"name": "q", "memory": "8 MB"}]
    with pytest.raises(parsim.ScenarioError) as error:
        items(devices, "data")
    assert faults(error)[0][0] == "workload.weights"
    assert peaks(items(devices, "layers")) == [7, 7]  # half the model and two items, on each


def test_what_fills_a_device_to_the_last_byte_fits():
    run = simulate(
        [{"name": "p", "memory": "10 MB"}], [task("a", 1, memory=4, output=6), task("b", 1, ["a"], memory=4)]
    )
    assert peaks(run) == [10]


def test_equal_parts_of_the_weights_fit_where_the_whole_does():
    # Seven sevenths of 5 MB, added up one by one, are a rounding more than 5 MB.
    parts = [5 * MB / 7] * 7
    assert reduce(add, parts) > 5 * MB  # `sum` rounds once since Python 3.12
    device = {"name": "w0", "memory": "5 MB"}
    workload = {"kind": "items", "count": 7, "weights": "5 MB"}
    scenario = {
        "cluster": {"devices": [device | {"slots": 7}], "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
        "workload": workload,
        "plan": {"split": "layers"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    run = parsim.simulate(scenario)
    assert run.timeline.makespan_s == 1
    assert peaks(run) == pytest.approx([5])
