"""The six steps in words: numbers in full, one or many, and what is true of each workload; all counted by hand."""

import parsim
from parsim.export.six_steps import six_steps

STAR = {"kind": "star", "bandwidth": "1 MB/s"}


def lines(scenario):
    run = parsim.simulate(scenario)
    told = six_steps(run.job, run.timeline, run.value)
    return {line.split()[1]: line.split(maxsplit=2)[2] for line in told}


def items(devices, count, result="0 B", **plan):
    return {
        "cluster": {"devices": devices, "topology": STAR},
        "workload": {"kind": "items", "count": count, "result": result},
        "plan": {"split": "data", **plan},
        "cost": {"kind": "constant", "compute": "1 us"},
    }


def tasks(*listed, devices=1):
    return {"cluster": {"devices": devices}, "workload": {"kind": "tasks", "tasks": list(listed)}}


def test_whole_counts_are_printed_in_full():
    assert lines(items(2, 1_234_567))["split"] == "1234567 units of work into 2 tasks"
    assert lines(items(2, 1_000_000))["split"] == "1000000 units of work into 2 tasks"


def test_one_is_singular():
    a, b, c = {"name": "a", "compute": "1 s"}, {"name": "b", "compute": "1 s", "after": ["a"]}, {"name": "c"}
    told = lines(tasks(a))
    assert told["split"] == "1 unit of work into 1 task"
    assert told["create"] == "1 task: a"
    assert lines(tasks(a, b))["create"] == "2 tasks, 1 dependency: a, b"
    assert lines(tasks(a, b, c | {"compute": "1 s", "after": ["b"]}))["create"] == "3 tasks, 2 dependencies: a, b, c"
    assert lines(tasks(a, devices=5))["allocate"].endswith("; and 1 more worker")
    assert lines(tasks(a, devices=6))["allocate"].endswith("; and 2 more workers")


def test_what_comes_back_is_said_as_it_is():
    assert lines(items(1, 5, result="1 MB"))["gather"] == "1 result returns to the host"
    assert lines(items(2, 5, result="1 MB"))["gather"] == "2 results return to the host"
    assert lines(items(2, 5))["gather"] == "nothing returns to the host"
    values = {"kind": "items", "data": [1, 2], "kernel": "double", "merge": "sum"}
    cost = {"kind": "constant", "compute": "1 s"}
    computed = {"cluster": {"devices": 2}, "workload": values, "plan": {"split": "data"}, "cost": cost}
    assert lines(computed)["gather"] == "outputs have no size, so nothing is transferred"
    stages = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}
    pipeline = {"cluster": {"devices": 2}, "workload": stages, "plan": {"schedule": "gpipe", "microbatches": 2}}
    assert lines(pipeline)["gather"] == "nothing returns to the host"


def test_flows():
    flow = {"name": "f", "from": "w0", "to": "w1", "size": "2 MB"}
    told = lines({"cluster": {"devices": 2, "topology": STAR}, "workload": {"kind": "transfers", "flows": [flow]}})
    assert told["split"] == "1 flow, nothing to split"
    assert told["execute"] == "1 transfer in 2 s"
    assert told["gather"] == "flows end at their targets"


def test_the_time_of_execute_is_without_the_hosts_steps():
    # Steps of 1 + 0 + 2 s before and 3 + 4 s after; between them 4 tasks of 1 s on 2 workers.
    steps = {"split": "1 s", "allocate": "2 s", "gather": "3 s", "merge": "4 s"}
    scenario = items(2, 4, subsets=4, steps=steps) | {"cost": {"kind": "constant", "compute": "1 s"}}
    told = lines(scenario)
    assert told["execute"] == "4 s of computing in 2 s"
    assert [told[step].rpartition(" (")[2] for step in steps] == ["1 s)", "2 s)", "3 s)", "4 s)"]
    assert "(" not in told["create"]
