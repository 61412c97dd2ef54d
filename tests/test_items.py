"""The two algorithms on a data set, scenarios 01 to 03: what they hold and move differs by what the sizes say."""

from pathlib import Path

import pytest

import parsim
from parsim.core.schema import Count, Positive
from parsim.kernels import kernels
from parsim.merges import merges

SCENARIOS = Path(__file__).parent.parent / "scenarios"
MB = 1e6


def play(name, **change):
    return parsim.simulate(
        SCENARIOS / f"{name}.yaml", set={key.replace("__", "."): value for key, value in change.items()}
    )


DATA, LAYERS, CHAIN = "01_five_tasks_data", "02_five_tasks_layers", "03_five_tasks_chain"


def bytes_moved(run):
    """Add up seconds x 10 MB/s: nothing shares a link, and there is no latency."""
    timeline = run.timeline
    moves = timeline.transfers
    return float((timeline.end_s[moves] - timeline.start_s[moves]).sum()) * 10 * MB


def parameters_held(run):
    """Bytes of weights on each device: a group once, where any of its tasks ran."""
    graph, timeline = run.job.graph, run.timeline
    held = {device.name: set() for device in run.job.cluster.devices}
    for number, worker in zip(timeline.number[timeline.computes], timeline.worker[timeline.computes], strict=True):
        held[str(worker)].add(int(graph.group[number]))
    return {name: sum(graph.group_size[group] for group in groups) for name, groups in held.items()}


def peaks(run):
    return [row["peak_memory_bytes"] for row in run.metrics["devices"]]


def test_by_data_the_whole_model_is_on_every_device():
    run = play(DATA)
    assert run.value == 30
    assert run.to_dict()["tasks"] == 2
    assert parameters_held(run) == {"w0": 10 * MB, "w1": 10 * MB}
    assert bytes_moved(run) == pytest.approx(5 * MB)  # each item once
    assert peaks(run) == [13 * MB, 12 * MB]  # the model and three items, the model and two


def test_by_layers_each_sub_task_gets_the_whole_input_and_a_fifth_of_the_model():
    run = play(LAYERS)
    assert run.value == 30
    assert run.to_dict()["tasks"] == 5
    assert parameters_held(run) == {"w0": 6 * MB, "w1": 4 * MB}  # w0 ran 0, 2, 4; w1 ran 1, 3
    assert bytes_moved(run) == pytest.approx(25 * MB)  # five times five items
    assert peaks(run) == [11 * MB, 9 * MB]  # those weights and one input of 5 MB


def test_in_a_chain_items_travel_from_layer_to_layer():
    run = play(CHAIN)
    assert run.value == 60
    assert run.to_dict()["tasks"] == 10
    assert parameters_held(run) == {"w0": 10 * MB, "w1": 10 * MB}  # both ran both layers, 5 MB each
    assert bytes_moved(run) == pytest.approx(10 * MB)  # five items in, five on to the second layer, on another device
    assert peaks(run) == [11 * MB, 11 * MB]


def test_on_five_workers_layers_hold_a_fifth_of_what_data_holds():
    data, layers = play(DATA, cluster__devices=5), play(LAYERS, cluster__devices=5)
    assert set(parameters_held(data).values()) == {10 * MB}
    assert set(parameters_held(layers).values()) == {2 * MB}
    assert peaks(data) == [11 * MB] * 5
    assert peaks(layers) == [7 * MB] * 5
    assert (bytes_moved(data), bytes_moved(layers)) == pytest.approx((5 * MB, 25 * MB))


def test_results_travel_per_item_or_per_element():
    # 01: 1 MB for each of five items; 02: one element for each of five sub-tasks; 03: five items leave the last layer.
    for name, without in ((DATA, 5), (LAYERS, 25), (CHAIN, 10)):
        assert bytes_moved(play(name, workload__result="1 MB")) == pytest.approx((without + 5) * MB)


def test_subsets_are_contiguous_and_the_larger_come_first():
    run = play(DATA, plan__subsets=3)
    graph = run.job.graph
    assert graph.units.tolist() == [2, 2, 1]
    assert graph.program.given == {0: [1, 2], 1: [3, 4], 2: [5]}


def test_compute_is_per_item_or_per_sub_task():
    assert play(DATA, cluster__devices=1).ledger.busy_nominal_s == pytest.approx(5 + 0.5)  # five items
    assert play(LAYERS, cluster__devices=1).ledger.busy_nominal_s == pytest.approx(5 + 2.5)  # five sub-tasks
    assert play(CHAIN, cluster__devices=1).ledger.busy_nominal_s == pytest.approx(10 + 0.5)  # ten; no way between


def test_a_deeper_chain_doubles_more_often():
    assert [play(CHAIN, plan__depth=depth).value for depth in (1, 2, 3)] == [30, 60, 120]


@pytest.mark.parametrize("policy", ["fifo", "heft"])
@pytest.mark.parametrize("split", ["data", "layers"])
@pytest.mark.parametrize("devices", [1, 2, 3, 5, 8])
def test_the_result_is_the_same_however_it_is_split(split, devices, policy):
    assert play(DATA, plan__split=split, cluster__devices=devices, policy=policy).value == 30


def test_counted_items_have_no_result():
    scenario = {
        "cluster": {"devices": 3},
        "workload": {"kind": "items", "count": 1000},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 ms"},
    }
    run = parsim.simulate(scenario)
    assert run.value is None
    assert run.timeline.makespan_s == pytest.approx(0.334)  # 334, 333, 333 items


def scale(value, factor: Positive = 2.0):
    return factor * value


def power_sum(values, power: Count = 1):
    return sum(value**power for value in values)


@pytest.mark.parametrize("split", ["data", "layers", "chain"])
def test_kernels_and_merges_get_their_parameters(monkeypatch, split):
    monkeypatch.setitem(kernels._entries, "scale", scale)
    monkeypatch.setitem(merges._entries, "power_sum", power_sum)
    scenario = {
        "cluster": {"devices": 2},
        "workload": {"kind": "items", "data": [1, 2, 3], "kernel": "scale", "merge": "power_sum"},
        "plan": {"split": split},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    assert parsim.simulate(scenario).value == 2 + 4 + 6
    scenario["workload"] |= {"kernel": {"kind": "scale", "factor": 3}, "merge": {"kind": "power_sum", "power": 2}}
    assert parsim.simulate(scenario).value == 9 + 36 + 81
    assert parsim.replay(scenario).measured.value == 9 + 36 + 81


# -- the model at the host: it travels with the inputs

WAYS = {"bandwidth": 1e7, "latency": 0.05}


def at_host(split, count, devices, **plan):
    return {
        "cluster": {"devices": devices, "topology": {"kind": "star", "bandwidth": "10 MB/s", "latency": "50 ms"}},
        "workload": {"kind": "items", "count": count, "item": "1 MB", "weights": "12 MB", "weights_at": "host"},
        "plan": {"split": split, **plan},
        "cost": {"kind": "constant", "compute": "1 s"},
    }


def sent(run):
    """Bytes of each transfer, by its name, from its seconds: nothing shares a link here."""
    line = run.timeline
    rows = zip(line.task[line.transfers], line.start_s[line.transfers], line.end_s[line.transfers], strict=True)
    return {str(name): pytest.approx((end - start - WAYS["latency"]) * WAYS["bandwidth"]) for name, start, end in rows}


def test_by_data_every_subset_receives_the_whole_model_and_its_items():
    run = parsim.simulate(at_host("data", 6, 4))
    assert sent(run) == {"host>part0": 14e6, "host>part1": 14e6, "host>part2": 13e6, "host>part3": 13e6}
    assert parameters_held(run) == dict.fromkeys(["w0", "w1", "w2", "w3"], 0.0)  # none stays
    assert peaks(run) == [14 * MB, 14 * MB, 13 * MB, 13 * MB]
    assert run.timeline.makespan_s == pytest.approx(0.05 + 1.4 + 2)
    assert run.theory.t_total_s == pytest.approx(6 / 4 * (1 + (4 * 0.05 + (4 * 12 + 6) / 10) / 6))


def test_by_layers_every_sub_task_receives_its_part_of_the_model_and_the_whole_input():
    run = parsim.simulate(at_host("layers", 6, 4))
    assert sent(run) == {f"host>element{i}": 12e6 / 6 + 6e6 for i in range(6)}
    assert peaks(run) == [8 * MB] * 4  # what a sub-task received is dropped before the next one's
    assert run.timeline.makespan_s == pytest.approx(2 * (0.05 + 0.8 + 1))
    assert run.theory.t_total_s == pytest.approx(6 / 4 * (1 + 0.05 + 0.8))


def test_in_a_chain_every_sub_task_receives_its_layer_besides_its_input():
    run = parsim.simulate(at_host("chain", 1, 1, depth=3))
    # 4 MB a layer; the first with the item. One device: the item stays there, each layer comes from the host.
    assert sent(run) == {"host>item0.0": 5e6, "host>item0.1": 4e6, "host>item0.2": 4e6}
    assert run.timeline.makespan_s == pytest.approx(3 * (0.05 + 0.4 + 1) + 0.1)
    spread = parsim.simulate(at_host("chain", 2, 2, depth=2))
    assert sent(spread)["host>item1.1"] == 6e6
    n, per_unit = 4, (2 * (0.05 + 0.7) + 2 * (0.05 + 0.6) + 2 * (0.1 + 0.1)) / 4  # device to device: two latencies
    assert spread.theory.t_total_s == pytest.approx(n / 2 * (1 + per_unit))


def test_more_subsets_move_the_model_more_often():
    moved = {k: sum(value.expected for value in sent(parsim.simulate(at_host("data", 6, 2, subsets=k))).values())
             for k in (1, 2, 6)}  # fmt: skip
    assert moved == {k: pytest.approx(k * 12e6 + 6e6) for k in (1, 2, 6)}


def test_on_the_devices_the_model_takes_room_and_does_not_travel():
    scenario = at_host("data", 4, 2)
    scenario["workload"]["weights_at"] = "devices"
    there = parsim.simulate(scenario)
    del scenario["workload"]["weights_at"]
    assert there.timeline.makespan_s == parsim.simulate(scenario).timeline.makespan_s == pytest.approx(0.05 + 0.2 + 2)
    assert peaks(there) == [14 * MB] * 2


@pytest.mark.parametrize(
    ("split", "item", "key"),
    [("data", "1 MB", "weights"), ("data", "10 MB", "item"), ("layers", "1 MB", "item"), ("layers", "1 kB", "weights")],
)
def test_what_does_not_fit_is_told_of_the_larger_part(split, item, key):
    scenario = at_host(split, 6, 2)
    scenario["cluster"]["device"] = {"memory": "1 MB"}
    scenario["workload"]["item"] = item
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.simulate(scenario)
    assert [fault.path for fault in wrong.value.faults] == [f"workload.{key}"]


def test_a_model_at_the_host_needs_a_route():
    scenario = at_host("data", 2, 2)
    del scenario["cluster"]["topology"], scenario["workload"]["item"]
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.simulate(scenario)
    assert [fault.path for fault in wrong.value.faults] == ["workload.weights"]
    assert "from host to w0, but the topology has no route" in wrong.value.faults[0].message


@pytest.mark.parametrize("split", ["data", "layers", "chain"])
def test_where_the_weights_are_changes_no_result(split):
    changes = {"plan.split": split, "workload.weights_at": "host"}
    run = parsim.simulate(SCENARIOS / f"{DATA}.yaml", set=changes)
    assert run.value == 30
    assert abs(run.ledger.difference_s()) <= 1e-9 * run.timeline.makespan_s


def test_the_model_is_nowhere_else():
    with pytest.raises(parsim.ScenarioError, match=r"workload\.weights_at"):
        play(DATA, workload__weights_at="moon")


@pytest.fixture
def three(tmp_path):
    """Return a file that adds a kernel of arrays; the shelf is as it was afterwards."""
    file = tmp_path / "three.py"
    head = "import numpy as np\nfrom parsim.kernels import kernels\n"
    file.write_text(head + "@kernels.add('three')\ndef three(value):\n    return np.ones(3) * value\n")
    stock = kernels.stock()
    yield file
    kernels.restock(stock)


def test_what_an_array_of_outputs_is_in_json_and_that_it_ends(three):
    parsim.use(three)
    raw = {
        "cluster": {"devices": 2},
        "workload": {"kind": "items", "data": [1, 2], "kernel": "three", "merge": "sum"},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    run = parsim.simulate(raw)
    assert run.to_dict()["result"] == [3.0, 3.0, 3.0]
    assert "the result is [3.0, 3.0, 3.0]" in run.report()
    three.write_text(three.read_text().replace("* value", "* np.nan"))
    parsim.use(three)
    with pytest.raises(
        parsim.RunError,
        match=r"the result holds nan at \[0\], which is not a finite number \(merge sum, kernel three \(.*three.py:3",
    ):
        parsim.simulate(raw)
