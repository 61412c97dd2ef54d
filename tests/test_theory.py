"""T_total = N/P (T_s + T_c), before the clock starts: every term counted by hand (contract, section 1)."""

from pathlib import Path

import pytest

import parsim

SCENARIOS = Path(__file__).parent.parent / "scenarios"


def theory(scenario, **change):
    return parsim.simulate(scenario, set=change or None).theory.to_dict()


def graph(devices, tasks, topology=None, **more):
    cluster = {"devices": devices, "topology": topology or {"kind": "full", "bandwidth": "1 MB/s"}}
    return {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, **more}


def items(devices, split, topology=None, **more):
    sizes = {"item": "1 MB", "result": "0 B"} | more.pop("sizes", {})
    return {
        "cluster": {"devices": devices, "topology": topology or {"kind": "star", "bandwidth": "10 MB/s"}},
        "workload": {"kind": "items", "count": 5, **sizes},
        "plan": {"split": split, **more},
        "cost": {"kind": "constant", "compute": "1 s"},
    }


def is_(n, p, t_s, t_c):
    return pytest.approx({"n": n, "p": p, "t_s": t_s, "t_c": t_c, "t_total_s": n / p * (t_s + t_c)})


# N, for each kind.


def test_n_counts_items_sub_tasks_and_items_times_depth():
    assert theory(items(2, "data")) == is_(5, 2, 1, 0.1)
    assert theory(items(2, "data", subsets=5)) == is_(5, 2, 1, 0.1)
    assert theory(items(2, "layers")) == is_(5, 2, 1, 0.5)  # the whole input: five items
    assert theory(items(2, "chain", depth=2)) == is_(10, 2, 1, 0.1)


def test_n_counts_actions_of_a_pipeline_and_send_at_every_stage_boundary():
    workload = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s", "send": "500 ms"}
    plan = {"schedule": "1f1b", "microbatches": 6}
    # 4 stages x 6 microbatches x (F, B); F 1 s, B 2 s; 3 boundaries x 6 x 2 ways of 0.5 s among 48 actions.
    found = theory({"cluster": {"devices": 4}, "workload": workload, "plan": plan})
    assert found == is_(48, 4, 1.5, 3 * 6 * 2 * 0.5 / 48)
    workload |= {"forward": ["1 s", "2 s", "3 s", "4 s"], "send": "0 s"}
    assert theory({"cluster": {"devices": 4}, "workload": workload, "plan": plan}) == is_(48, 4, (2.5 + 2) / 2, 0)


def test_n_counts_tasks_and_flows():
    assert theory(graph(3, [{"name": name, "compute": "2 s"} for name in "abcd"])) == is_(4, 3, 2, 0)
    # Flows: 1 to 4 GB at 1 GB/s; five devices.
    assert theory(SCENARIOS / "07_four_transfers_one_link.yaml") == is_(4, 5, 0, 2.5)


# T_s: the mean over the units of the mean over the workers that may run it.


def test_t_s_is_a_mean_over_workers_of_different_speed():
    devices = [{"name": "p"}, {"name": "q", "speed": 2}, {"name": "r", "speed": 4}]
    assert theory(items(devices, "data", subsets=5)) == is_(5, 3, (1 + 0.5 + 0.25) / 3, 0.1)


def test_t_s_counts_a_device_as_often_as_it_has_workers():
    devices = [{"name": "p", "slots": 3}, {"name": "q", "speed": 2}]
    assert theory(graph(devices, [{"name": "a", "compute": "4 s"}])) == is_(1, 4, (3 * 4 + 2) / 4, 0)


def test_t_s_counts_only_workers_that_may_run_the_task():
    tasks = [{"name": "a", "compute": {"p": "1 s", "q": "3 s"}}, {"name": "b", "compute": {"r": "7 s"}}]
    assert theory(graph(["p", "q", "r"], tasks)) == is_(2, 3, (2 + 7) / 2, 0)


def test_t_s_of_heft_s_own_example():
    # The table of Topcuoglu et al. 2002, figure 2: the sum of each row, and its edges; three workers.
    rows = [39, 50, 43, 38, 35, 38, 33, 30, 50, 44]
    edges = [18, 12, 9, 11, 14, 23, 19, 27, 15, 16, 23, 13, 17, 11, 13]
    assert theory(SCENARIOS / "05_heft_ten_tasks.yaml") == is_(10, 3, sum(rows) / 3 / 10, sum(edges) / 10)


def test_luck_is_not_foreseen():
    plain = items(2, "data")
    noisy = plain | {"cost": {"kind": "noisy", "compute": "1 s", "spread": 0.9}}
    assert theory(noisy) == theory(plain)


# T_c: nominal seconds of the inputs as if every parent were elsewhere, and the result's way to host.

CUSTOM = {
    "kind": "custom",
    "links": [
        {"name": "slow", "bandwidth": "1 MB/s", "latency": "1 s"},
        {"name": "fast", "bandwidth": "4 MB/s"},
        {"name": "far", "bandwidth": "2 MB/s", "latency": "3 s"},
    ],
    "routes": [
        {"from": "p", "to": "q", "over": ["slow"]},
        {"from": "q", "to": "p", "over": ["fast"]},
        {"from": "p", "to": "r", "over": ["slow", "far"]},
        {"from": "q", "to": "r", "over": ["fast", "far"]},
        {"from": "r", "to": "p", "over": ["far"]},
        {"from": "r", "to": "q", "over": ["far", "slow"]},
        {"from": "p", "to": "host", "over": ["fast"]},
        {"from": "host", "to": "p", "over": ["slow"]},
        {"from": "q", "to": "host", "over": ["slow"]},
        {"from": "host", "to": "q", "over": ["fast"]},
    ],
}
SECONDS = {  # of 4 MB alone: latencies + 4 MB / least bandwidth
    ("p", "q"): 1 + 4,
    ("q", "p"): 0 + 1,
    ("p", "r"): 4 + 4,
    ("q", "r"): 3 + 2,
    ("r", "p"): 3 + 2,
    ("r", "q"): 4 + 4,
}


def pair(parent, child):
    one = {"name": "a", "compute": parent if isinstance(parent, str) else dict.fromkeys(parent, "1 s")}
    two = {"name": "b", "compute": child if isinstance(child, str) else dict.fromkeys(child, "1 s")}
    return graph(["p", "q", "r"], [one, two | {"after": {"a": "4 MB"}}], CUSTOM)


@pytest.mark.parametrize(
    ("parent", "child", "ways"),
    [
        ("1 s", "1 s", "pq qp pr qr rp rq"),  # anywhere: all six routes
        (["p"], ["q"], "pq"),
        (["p"], ["q", "r"], "pq pr"),
        (["p", "q"], ["q", "r"], "pq pr qr"),  # q to q is no route
        (["r"], ["p", "q", "r"], "rp rq"),
        (["p"], ["p"], ""),  # they share their only device: nothing can travel
    ],
)
def test_t_c_is_a_mean_over_the_routes_between_distinct_devices(parent, child, ways):
    times = [SECONDS[tuple(way)] for way in ways.split()]
    mean = sum(times) / len(times) if times else 0
    assert theory(pair(parent, child))["t_c"] == pytest.approx(mean / 2)  # one edge among two tasks


def test_t_c_of_workers_of_one_device_is_nothing_and_of_a_delay_is_the_delay():
    devices = [{"name": "p", "slots": 2}]
    tasks = [{"name": "a", "compute": "1 s"}, {"name": "b", "compute": "1 s", "after": {"a": "4 MB"}}]
    assert theory(graph(devices, tasks)) == is_(2, 2, 1, 0)
    tasks[1]["after"] = {"a": "4 s"}
    assert theory(graph(devices, tasks)) == is_(2, 2, 1, 2)


def test_t_c_adds_up_every_input_and_the_latency_of_each():
    topology = {"kind": "star", "bandwidth": "1 MB/s", "latency": "250 ms"}
    tasks = [
        {"name": "a", "compute": "1 s"},
        {"name": "b", "compute": "1 s"},
        {"name": "c", "compute": "1 s", "after": {"a": "1 MB", "b": "2 MB"}},
        {"name": "d", "compute": "1 s", "after": {"a": "3 s", "b": "0 B"}},
    ]
    # From device to device two links: (0.5 + 1) + (0.5 + 2) + 3; the edge of no bytes is no transfer.
    assert theory(graph(2, tasks, topology)) == is_(4, 2, 1, (1.5 + 2.5 + 3) / 4)


def test_t_c_of_inputs_from_the_host_shared_by_the_items_of_a_subset():
    topology = {"kind": "star", "bandwidth": "10 MB/s", "latency": "50 ms"}
    # Two subsets of 3 and 2 items: (0.05 + 0.3) + (0.05 + 0.2) shared by five items.
    assert theory(items(2, "data", topology)) == is_(5, 2, 1, 0.6 / 5)
    assert theory(items(2, "data", topology, subsets=5)) == is_(5, 2, 1, 0.15)


def test_t_c_counts_the_result_s_way_to_host():
    assert theory(items(2, "data", sizes={"result": "3 MB"})) == is_(5, 2, 1, 0.1 + 0.3)
    assert theory(items(2, "layers", sizes={"result": "3 MB"})) == is_(5, 2, 1, 0.5 + 0.3)
    # In a chain of two, each item enters, is handed on, and leaves: 0.1 + 0.1 + 0.3 for two units.
    assert theory(items(2, "chain", depth=2, sizes={"result": "3 MB"})) == is_(10, 2, 1, 0.25)


def test_t_c_to_and_from_the_host_is_a_mean_over_the_devices():
    topology = {**CUSTOM, "routes": [*CUSTOM["routes"]]}
    scenario = items(["p", "q"], "data", topology, subsets=5, sizes={"item": "4 MB", "result": "4 MB"})
    scenario["cluster"]["topology"] = {
        **topology,
        "routes": [route for route in topology["routes"] if "r" not in (route["from"], route["to"])],
    }
    # In: slow 1 + 4, fast 1; out: fast 1, slow 1 + 4.
    assert theory(scenario) == is_(5, 2, 1, 3 + 3)


def test_t_c_of_flows_with_limits():
    flows = [
        {"name": "free", "from": "p", "to": "r", "size": "4 MB"},
        {"name": "held", "from": "p", "to": "r", "size": "4 MB", "limit": "500 kB/s", "start": "9 s"},
        {"name": "ping", "from": "q", "to": "r", "size": "0 B"},
    ]
    scenario = {
        "cluster": {"devices": ["p", "q", "r"], "topology": CUSTOM},
        "workload": {"kind": "transfers", "flows": flows},
    }
    assert theory(scenario) == is_(3, 3, 0, ((4 + 4) + (4 + 8) + 3) / 3)


def test_a_missing_route_that_bytes_may_need_is_a_fault_at_the_edge():
    scenario = pair(["p"], ["q"])
    scenario["cluster"]["topology"] = {**CUSTOM, "routes": CUSTOM["routes"][1:]}
    with pytest.raises(parsim.ScenarioError) as error:
        parsim.simulate(scenario)
    (fault,) = error.value.faults
    assert fault.path == "workload.tasks[1].after.a"
    assert "from p to q" in fault.message
    scenario["workload"]["tasks"][1]["compute"] = {"p": "1 s"}  # nothing can travel any more
    assert theory(scenario)["t_c"] == 0
