"""The same work on more workers: against ceil(N/P), and counts by hand."""

import json
from math import ceil
from pathlib import Path

import numpy as np
import pytest

import parsim
from parsim.build import build
from parsim.scenario.scenario import load
from parsim.study.workers import with_workers

FOLDER = Path(__file__).parents[1] / "scenarios"


def items(count, devices, **more):
    return {
        "cluster": {"devices": devices},
        "workload": {"kind": "items", "count": count},
        "plan": {"split": "data", "subsets": count},
        "cost": {"kind": "constant", "compute": "1 s"},
        **more,
    }


@pytest.mark.parametrize("count", [7, 12, 60])
def test_equal_tasks_take_ceil_n_over_p_rounds(count):
    workers = [1, 2, 3, 5, 7, 16]
    found = parsim.scaling(items(count, 2), workers=workers)
    assert [point.p for point in found.points] == workers
    for point in found.points:
        rounds = ceil(count / point.p)
        assert point.makespan_s == rounds
        assert point.t_total_s == pytest.approx(count / point.p)
        assert point.speed_up == pytest.approx(count / rounds)
        assert point.efficiency == pytest.approx(count / rounds / point.p)


@pytest.mark.parametrize(
    ("devices", "counts"),
    [
        (1, [1, 2, 3, 4, 6, 8]),
        (5, [1, 2, 3, 4, 5, 6, 8]),  # its own is among them; 12 is more than twice
        (8, [1, 2, 3, 4, 6, 8, 12, 16]),
    ],
)
def test_left_out_the_workers_go_up_to_twice_the_scenarios_own(devices, counts):
    found = parsim.scaling(items(4, devices))
    assert [point.p for point in found.points] == counts
    assert found.own == devices


def test_one_worker_is_always_played():
    assert [point.p for point in parsim.scaling(items(4, 2), workers=(4, 4, 2)).points] == [1, 2, 4]
    assert [point.p for point in parsim.scaling(items(4, 2), workers=np.array([3])).points] == [1, 3]


def collective(operation, algorithm):
    """A collective of 1 GB of four ranks, with a link of 1 GB/s without latency for each pair."""
    work = {"kind": "collective", "operation": operation, "algorithm": algorithm, "size": "1 GB"}
    return {"cluster": {"devices": 4, "topology": {"kind": "full", "bandwidth": "1 GB/s"}}, "workload": work}


def test_a_collective_begins_with_two_workers():
    """By hand: in an all-reduce by a ring each rank sends 2 (P - 1) / P of 1 GB."""
    found = parsim.scaling(collective("all-reduce", "ring"))
    assert [point.p for point in found.points] == [2, 3, 4, 6, 8]
    assert [point.makespan_s for point in found.points] == pytest.approx([1.0, 4 / 3, 1.5, 5 / 3, 1.75])
    assert (found.points[0].speed_up, found.points[0].efficiency, found.failed) == (1.0, 1.0, {})
    asked = parsim.scaling(collective("all-reduce", "ring"), workers=[1, 5])
    assert [point.p for point in asked.points] == [2, 5]
    assert "needs two ranks or more" in asked.failed[1]


def test_a_collective_begins_with_the_fewest_workers_that_its_algorithm_takes():
    sends = [[{"from": 0, "to": 1}], [{"from": 0, "to": 2}, {"from": 1, "to": 3}]]  # 1 s each
    found = parsim.scaling(collective("broadcast", {"kind": "custom", "rounds": sends}))
    assert [(point.p, point.makespan_s) for point in found.points] == [(4, 2.0)]
    assert [*found.failed] == [6, 8]


def test_where_the_efficiency_falls_below_a_half():
    """Three tasks: 3, 2, 1, 1 s; on six workers the speed-up is still 3, the efficiency 1/2; on eight 3/8."""
    found = parsim.scaling(items(3, 2))
    assert (found.pays, found.fastest.p) == (6, 3)
    assert found.verdict == (
        "Up to P = 6 the efficiency is 0.5 or above; at P = 8 it is 0.375. "
        "More workers than P = 3 do not shorten its 1 s."
    )
    assert parsim.scaling(items(64, 2)).verdict == "Up to P = 8 the efficiency is 0.5 or above."


def test_an_anomaly_shows():
    """Graham's graph by his list: 12 s on three processors, 15 s on four (published, and so with T5 free of T4)."""
    found = parsim.scaling(FOLDER / "08_graham_anomaly.yaml", workers=[3, 4])
    assert [point.makespan_s for point in found.points][1:] == [12.0, 15.0]


ROWS = ["a", {"name": "b", "slots": 2, "speed": 2}]


@pytest.mark.parametrize(
    ("devices", "count", "names"),
    [
        (2, 1, ["w0"]),
        (2, 4, ["w0", "w1", "w2", "w3"]),
        (ROWS, 1, ["a"]),
        (ROWS, 2, ["a", "b"]),  # one of b's slots
        (ROWS, 3, ["a", "b.0", "b.1"]),
        (ROWS, 4, ["a", "b.0", "b.1", "b2"]),
        (ROWS, 5, ["a", "b.0", "b.1", "b2.0", "b2.1"]),
        (["p2", "p1"], 4, ["p2", "p1", "p3", "p4"]),  # p2 is taken
        (["host1"], 2, ["host1", "host2"]),
    ],
)
def test_the_first_workers_then_copies_of_the_last(devices, count, names):
    scenario = load(items(4, devices))
    job = build(with_workers(scenario, build(scenario), count))
    assert [worker.name for worker in job.cluster.workers] == names
    speeds = {device.name: device.speed for device in job.cluster.devices}
    assert all(speed == 2 for name, speed in speeds.items() if name.startswith("b"))


def test_slots_of_the_default_device_are_cut_too():
    scenario = load(items(4, 2) | {"cluster": {"devices": 2, "device": {"slots": 2}}})
    job = build(with_workers(scenario, build(scenario), 3))
    assert [worker.name for worker in job.cluster.workers] == ["w0.0", "w0.1", "w1"]


def test_seconds_stated_for_a_device_go_with_it():
    """a: 4 s on p1, 2 s on p2; alone on p1 both tasks take 4 s + 1 s; with p2 and its copy each has its best place."""
    rows = [{"name": "a", "compute": {"p1": "4 s", "p2": "2 s"}}, {"name": "b", "compute": {"p2": "1 s", "p1": "1 s"}}]
    scenario = {"cluster": {"devices": ["p1", "p2"]}, "workload": {"kind": "tasks", "tasks": rows}, "policy": "heft"}
    found = parsim.scaling(scenario, workers=[1, 2, 3])
    assert [point.makespan_s for point in found.points] == [5.0, 2.0, 2.0]


def test_a_number_that_cannot_be_played_is_told():
    """No route leads to a third device; of the routes to a device left out nobody hears."""
    links = [{"name": "L", "bandwidth": "1 MB/s"}]
    routes = [{"from": "host", "to": place, "over": ["L"]} for place in ("x", "y")]
    scenario = items(2, ["x", "y"]) | {
        "cluster": {"devices": ["x", "y"], "topology": {"kind": "custom", "links": links, "routes": routes}}
    }
    scenario["workload"]["item"] = "1 MB"
    found = parsim.scaling(scenario, workers=[1, 2, 3])
    assert [point.makespan_s for point in found.points] == [4.0, 3.0]  # two inputs share the link for 2 s
    assert found.failed == {3: "workload.item: bytes may travel from host to y2, but the topology has no route there"}
    assert "3: workload.item: bytes may" in found.report()
    assert found.to_dict()["failed"] == [{"p": 3, "why": found.failed[3]}]


def test_what_runs_on_no_first_worker_is_wrong_input():
    rows = [{"name": "a", "compute": {"p2": "1 s"}}]
    with pytest.raises(parsim.ScenarioError, match="names no device"):
        parsim.scaling({"cluster": {"devices": ["p1", "p2"]}, "workload": {"kind": "tasks", "tasks": rows}})


@pytest.mark.parametrize("name", ["06_pipeline_1f1b", "07_four_transfers_one_link"])
def test_work_that_belongs_to_its_workers_is_refused(name):
    file = FOLDER / f"{name}.yaml"
    with pytest.raises(parsim.ScenarioError) as wrong:
        parsim.scaling(file)
    (fault,) = wrong.value.faults
    assert (fault.file, fault.path) == (str(file), "workload")
    assert fault.line > 1


@pytest.mark.parametrize("workers", [3, "3", 2.5, [], [0], [2, -1], [True], [1, True], ["2"], [1.5], [1_000_001]])
def test_a_number_of_workers_is_a_count(workers):
    with pytest.raises(parsim.ScenarioError, match="--workers"):
        parsim.scaling(items(2, 2), workers=workers)


def test_no_time_passes():
    scenario = items(2, 2) | {"cost": {"kind": "constant", "compute": "0 s"}}
    found = parsim.scaling(scenario, workers=[1, 2])
    assert [(point.speed_up, point.efficiency) for point in found.points] == [(0.0, 0.0)] * 2
    assert "No time passes" in found.report()


def test_the_parts_of_a_scaling(tmp_path):
    found = parsim.scaling(FOLDER / "04_quantisation.yaml")
    found.save(tmp_path)
    told = json.loads((tmp_path / "scaling.json").read_text())
    assert told == json.loads(json.dumps(found.to_dict()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scaling.json", "scaling.png", "scaling.svg"]
    assert [(point["p"], point["makespan_s"]) for point in told["points"]] == [
        (p, ceil(10 / p)) for p in (1, 2, 3, 4, 6, 8)
    ]
    assert (told["scenario"], told["workers"], told["pays"]) == ("04_quantisation", 4, 8)
    assert "4*" in found.report()
    assert "4*" in found._repr_html_()
    axes = found.plot()
    run = next(line for line in axes.get_lines() if line.get_label() == "run")
    assert list(run.get_ydata()) == [10 / ceil(10 / p) for p in (1, 2, 3, 4, 6, 8)]
    assert found.plot(axes) is axes


def test_it_says_where_t_total_charges_what_one_worker_does_not_pay():
    """Two tasks of 1 s and a delay of 2 s between workers: alone 2 s, T_total 4 s. Without the delay both take 2 s."""
    tasks = [{"name": "a", "compute": "1 s"}, {"name": "b", "compute": "1 s", "after": {"a": "2 s"}}]
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}}
    found = parsim.scaling(scenario)
    assert (found.points[0].makespan_s, found.points[0].t_total_s) == (2.0, 4.0)
    assert "At P = 1 T_total is 4 s and the run takes 2 s: T_total counts every transfer" in found.report()
    assert "also at P = 1" in found.plot().get_legend_handles_labels()[1][1]
    tasks[1]["after"] = ["a"]
    assert "At P = 1" not in parsim.scaling(scenario).report()
