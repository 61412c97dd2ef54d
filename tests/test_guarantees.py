"""What every policy of the shelf keeps to, and what some promise, in whole runs; figures by hand, proof or force."""

import math
import random
from itertools import product

import pytest

import parsim
from parsim.build import build
from parsim.metrics.checker import check
from parsim.policies import policies
from parsim.scenario.scenario import load
from parsim.sim.estimate import estimate, expected

SHELF = [name for name in policies.entries() if name != "in_order"]
NAMING = ("round_robin", "heft", "cpop", "peft")
GREEDY = [name for name in SHELF if name not in NAMING]


def simulate(devices, tasks, policy, topology=None, **plan):
    cluster = {"devices": devices, **({"topology": topology} if topology else {})}
    return parsim.simulate(
        {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, "policy": policy, "plan": plan}
    )


def task(name, compute, after=(), **room):
    compute = {place: f"{s} s" for place, s in compute.items()} if isinstance(compute, dict) else f"{compute} s"
    return {"name": name, "compute": compute, "after": after, **{key: f"{size} MB" for key, size in room.items()}}


def independent(seconds, count, policy):
    return simulate(count, [task(f"t{i}", s) for i, s in enumerate(seconds)], policy).timeline.makespan_s


def played(run):
    """Assert that every task ran once and nothing broke a rule; return {task: worker}."""
    rows = [row for row in run.timeline.rows() if row[2] == "compute"]
    assert sorted(row[1] for row in rows) == sorted(run.job.graph.names)
    assert check(run.job, run.timeline) == []
    return {row[1]: row[3] for row in rows}


# Conformance, over the whole shelf.


@pytest.mark.parametrize("policy", SHELF)
@pytest.mark.parametrize("seed", range(6))
def test_equal_workers_without_transfers(policy, seed):
    """Makespan within [max(critical path, work/P), work]; of whoever never idles within Graham's bound."""
    draw = random.Random(seed)
    count, tasks = draw.randint(1, 5), draw.randint(1, 40)
    seconds = [draw.choice((0, 1, 2, 3, 5, 0.25)) for _ in range(tasks)]
    parents = [draw.sample(range(i), min(i, draw.randint(0, 3))) for i in range(tasks)]
    run = simulate(
        count,
        [task(f"t{i}", s, [f"t{p}" for p in some]) for i, (s, some) in enumerate(zip(seconds, parents, strict=True))],
        policy,
        prefetch=seed % 2,
    )
    played(run)
    path = []
    for own, some in zip(seconds, parents, strict=True):
        path.append(own + max((path[parent] for parent in some), default=0))
    work, makespan = sum(seconds), run.timeline.makespan_s
    assert max(*path, work / count) - 1e-9 <= makespan <= work + 1e-9
    if policy in GREEDY and not seed % 2:
        assert makespan <= work / count + (1 - 1 / count) * max(path) + 1e-9


@pytest.mark.parametrize("policy", SHELF)
@pytest.mark.parametrize("seed", range(4))
def test_different_devices_transfers_delays_and_slots(policy, seed):
    draw = random.Random(seed)
    devices = [
        {"name": f"d{i}", "speed": draw.choice((0.5, 1, 3)), "slots": draw.randint(1, 2)}
        for i in range(draw.randint(2, 4))
    ]
    tasks = []
    for i in range(30):
        able = draw.sample(devices, draw.randint(1, len(devices)))
        compute = draw.choice((0, 1, 2.5, {device["name"]: draw.randint(0, 4) for device in able}))
        some = draw.sample(range(i), min(i, draw.randint(0, 3)))
        after = {f"t{parent}": draw.choice(("0 s", "1 s", "0 B", "1 MB", "3 MB")) for parent in some}
        tasks.append(task(f"t{i}", compute, after))
    star = {"kind": "star", "bandwidth": "2 MB/s", "latency": "100 ms"}
    run = simulate(devices, tasks, policy, star, prefetch=seed % 3)
    where = played(run)
    for row in tasks:
        if isinstance(row["compute"], dict):
            assert where[row["name"]].split(".")[0] in row["compute"]


@pytest.mark.parametrize("policy", SHELF)
@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("split", ["data", "layers", "chain"])
def test_items_from_the_host(policy, prefetch, split):
    run = parsim.simulate(
        {
            "cluster": {"devices": 3, "topology": {"kind": "star", "bandwidth": "10 MB/s"}},
            "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum", "item": "1 MB"},
            "plan": {"split": split, "prefetch": prefetch, **({"depth": 2} if split == "chain" else {})},
            "cost": {"kind": "constant", "compute": "1 s"},
            "policy": policy,
        }
    )
    assert run.value == {"data": 30, "layers": 30, "chain": 60}[split]
    assert check(run.job, run.timeline) == []


@pytest.mark.parametrize("policy", SHELF)
def test_nothing_to_give(policy):
    run = parsim.simulate(
        {
            "cluster": {"devices": 2, "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
            "workload": {"kind": "transfers", "flows": [{"name": "f", "from": "w0", "to": "w1", "size": "1 MB"}]},
            "policy": policy,
        }
    )
    assert run.timeline.makespan_s == 1


@pytest.mark.parametrize("policy", SHELF)
@pytest.mark.parametrize("prefetch", [0, 1])
def test_a_small_device_never_gets_a_large_task(policy, prefetch):
    devices = [{"name": "small", "memory": "4 MB", "speed": 100, "slots": 2}, {"name": "large", "memory": "20 MB"}]
    tasks = [task(f"t{i}", 1, memory=6 if i % 2 else 1) for i in range(12)]
    where = played(simulate(devices, tasks, policy, prefetch=prefetch))
    assert all(worker == "large" for name, worker in where.items() if int(name[1:]) % 2)


@pytest.mark.parametrize("policy", GREEDY)
def test_whoever_names_no_home_passes_over_what_does_not_fit(policy):
    # By hand: big runs alone on the two slots' 10 MB, or small beside small; either way 3 s are enough for 1 + 2 x 1.
    devices = [{"name": "p", "memory": "10 MB", "slots": 2}]
    run = simulate(devices, [task("big", 1, memory=9), task("s1", 1, memory=4), task("s2", 1, memory=4)], policy)
    played(run)
    assert run.timeline.makespan_s == 2


# Planning with room.


@pytest.mark.parametrize("policy", NAMING)
def test_homes_are_where_the_task_fits(policy):
    devices = [{"name": "fast", "memory": "4 MB", "speed": 10}, "slow"]
    tasks = [task("a", 1, memory=5), task("b", 1, ["a"], memory=1), task("c", 1, ["b"], output=5)]
    where = played(simulate(devices, tasks, policy))
    assert (where["a"], where["c"]) == ("slow", "slow")
    # b lasts 0.1 s on fast; but CPOP puts the critical path, which is all of them, where most of it fits, and round
    # robin deals task 1 to the second of the two that hold it.
    assert where["b"] == ("fast" if policy in ("heft", "peft") else "slow")


@pytest.mark.parametrize("policy", ["heft", "cpop", "peft"])
def test_a_plan_counts_the_inputs_from_where_it_put_the_parents(policy):
    # Alone, b fits p: its parent may run there. But a runs on q, 1 s instead of 50: then b's input must travel.
    devices = [{"name": "p", "memory": "10 MB"}, "q"]
    tasks = [task("a", {"p": 50, "q": 1}), task("b", {"p": 1, "q": 30}, {"a": "6 MB"}, memory=5)]
    run = simulate(devices, tasks, policy, {"kind": "star", "bandwidth": "1 GB/s"})
    assert len(set(played(run).values())) == 1


@pytest.mark.parametrize("policy", ["heft", "cpop", "peft"])
def test_a_plan_adds_up_the_weights_on_a_device(policy):
    # 5 sub-tasks of 2 MB of weights each; the fast device has room for two, 5 MB.
    run = parsim.simulate(
        {
            "cluster": {
                "devices": [{"name": "fast", "speed": 10, "memory": "5 MB"}, "slow"],
                "topology": {"kind": "star", "bandwidth": "1 GB/s"},
            },
            "workload": {"kind": "items", "count": 5, "weights": "10 MB"},
            "plan": {"split": "layers"},
            "cost": {"kind": "constant", "compute": "1 s"},
            "policy": policy,
        }
    )
    assert sorted(run.timeline.worker.tolist()) == ["fast", "fast", "slow", "slow", "slow"]


def test_dealing_out_may_stall_where_planning_does_not():
    # Beside its input from elsewhere b, of 5 MB, fits neither device. Who plans leaves both tasks on one; round robin
    # deals them out before it knows, and stalls.
    devices = [{"name": "p", "memory": "10 MB"}, {"name": "q", "memory": "10 MB"}]
    tasks = [task("a", 1, output=1), task("b", 1, {"a": "6 MB"}, memory=5)]
    star = {"kind": "star", "bandwidth": "1 MB/s"}
    for policy in ("heft", "cpop", "peft"):
        assert simulate(devices, tasks, policy, star).timeline.makespan_s == 2
    with pytest.raises(parsim.Stalled, match="b: it needs"):
        simulate(devices, tasks, "round_robin", star)


@pytest.mark.parametrize("seed", range(3))
def test_a_device_holds_what_it_would_not_be_refused_for(seed):
    """Policies plan by the rule that refuses input: a task that may run on p alone is wrong where p cannot hold it."""
    draw = random.Random(seed)
    devices = [{"name": "p", "memory": "8 MB"}, {"name": "q", "slots": 2}]
    tasks = []
    for i in range(12):
        after = {
            f"t{parent}": f"{draw.randint(0, 4)} MB" for parent in draw.sample(range(i), min(i, draw.randint(0, 2)))
        }
        compute = draw.choice((1, {"p": 1, "q": 2}, {"q": 1}))
        tasks.append(task(f"t{i}", compute, after, memory=draw.randint(0, 6), output=draw.randint(0, 3)))
    star = {"kind": "star", "bandwidth": "1 MB/s"}
    cluster = {"devices": devices, "topology": star}
    job = build(load({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}}))
    known = estimate(job, expected(job))
    found = set()
    for i, row in enumerate(tasks):
        if "q" in row["compute"] and "p" not in row["compute"]:
            continue
        try:
            alone = [one | {"compute": {"p": "1 s"}} if one is row else one for one in tasks]
            build(load({"cluster": cluster, "workload": {"kind": "tasks", "tasks": alone}}))
            accepted = True
        except parsim.ScenarioError:
            accepted = False
        assert known.holds(i, 0) == known.room().holds(i, 0) == accepted
        assert known.holds(i, 1)
        assert known.holds(i, 2)
        found.add(accepted)
    assert found == {True, False}


# Guarantees.


def best(seconds, count):
    """Find the least makespan of independent tasks by trying all ways to deal them out."""
    least = math.inf
    for homes in product(range(count), repeat=len(seconds) - 1):
        loads = [0] * count
        loads[0] = seconds[0]
        for own, home in zip(seconds[1:], homes, strict=True):
            loads[home] += own
        least = min(least, max(loads))
    return least


@pytest.mark.parametrize("seed", range(25))
def test_guarantees_for_independent_tasks(seed):
    draw = random.Random(seed)
    count = draw.randint(2, 3)
    seconds = [draw.randint(1, 12) for _ in range(draw.randint(count, 8))]
    optimum = best(seconds, count)
    found = {policy: independent(seconds, count, policy) for policy in SHELF}
    assert min(found.values()) >= optimum
    assert found["lpt"] <= (4 / 3 - 1 / (3 * count)) * optimum + 1e-9
    for policy in GREEDY:
        assert found[policy] <= (2 - 1 / count) * optimum + 1e-9


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_list_scheduling_reaches_its_bound(count):
    # By hand: P (P - 1) ones keep all busy for P - 1 s, then comes the task of P s; beside it, the ones take P s too.
    seconds = [1] * (count * (count - 1)) + [count]
    for policy in ("list_order", "fifo", "spt"):
        assert independent(seconds, count, policy) == 2 * count - 1 == (2 - 1 / count) * count
    assert independent(seconds, count, "lpt") == count


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_lpt_reaches_its_bound(count):
    # Graham 1969: 2P-1, 2P-1, ..., P+1, P+1, P, P, P. The optimum is 3P, of pairs and the three of P; LPT has 4P - 1.
    seconds = [s for s in range(2 * count - 1, count, -1) for _ in range(2)] + [count] * 3
    assert sum(seconds) == count * 3 * count
    assert independent(seconds, count, "lpt") == 4 * count - 1
    assert (4 / 3 - 1 / (3 * count)) * 3 * count == pytest.approx(4 * count - 1)


@pytest.mark.parametrize("count", [2, 4])
def test_round_robin_may_be_p_times_the_optimum(count):
    # By hand: every P-th task lasts 1 s, the others nothing; the optimum spreads those of 1 s.
    seconds = [0 if i % count else 1 for i in range(count * count)]
    assert independent(seconds, count, "round_robin") == count
    assert independent(seconds, count, "lpt") == 1


@pytest.mark.parametrize("levels", [2, 4])
def test_critical_path_is_optimal_on_trees_of_equal_tasks(levels):
    # Hu 1961: the optimum of an in-tree is the greatest over h of h + ceil(tasks farther than h from the root / P).
    nodes = [(depth, i) for depth in reversed(range(levels)) for i in range(3**depth)]
    tasks = [
        task(f"n{d}.{i}", 1, [f"n{d + 1}.{3 * i + k}" for k in range(3)] if d + 1 < levels else []) for d, i in nodes
    ]
    for count in (2, 3, 5):
        beyond = {h: sum(3**depth for depth in range(h, levels)) for h in range(levels)}
        optimum = max(h + math.ceil(beyond[h] / count) for h in beyond)
        assert simulate(count, tasks, "critical_path").timeline.makespan_s == optimum


def test_spt_has_the_least_sum_of_ends():
    seconds = [5, 3, 8, 1, 2, 9, 4]

    def total(policy):
        run = simulate(2, [task(f"t{i}", s) for i, s in enumerate(seconds)], policy)
        return float(run.timeline.end_s.sum())

    # By hand: w0 1 3 5 9 ends at 1 4 9 18, w1 2 4 8 at 2 6 14: 54.
    assert total("spt") == 54
    assert all(total(policy) >= 54 for policy in SHELF)
