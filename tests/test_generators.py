"""Generated task graphs. Oracles: closed forms, counts by hand, the loops and the transform that a graph stands for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.annotations import MOST
from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Invalid
from parsim.core.plan import Plan
from parsim.core.units import Travel
from parsim.metrics.checker import check
from parsim.validate import validate
from parsim.workloads import workloads

TWO = Cluster((Device("w0"), Device("w1", speed=2.0)))


def made(kind, cluster=TWO, **keys):
    return workloads[kind](cluster, Plan(), **{"compute": 1.0, **keys})


def edges(graph):
    """Return {(parent's name, child's name)} of a small graph."""
    names = graph.names
    pairs = zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True)
    found = [(names[a], names[b]) for a, b in pairs]
    assert len(set(found)) == len(found)
    return set(found)


def levels(graph, weight=None):
    """Return the longest way to each task, it included; parents come before children."""
    weight = np.ones(len(graph)) if weight is None else weight
    longest = weight.tolist()
    for parent, child in sorted(zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True)):
        assert parent < child
        longest[child] = max(longest[child], longest[parent] + weight[child])
    return longest


# -- the shapes


def test_chains():
    graph = made("chains", count=3, length=4, compute=2.0, send=Travel(size=5.0))
    assert (len(graph), len(graph.edges), max(levels(graph, graph.stated))) == (12, 9, 8.0)
    assert {("chain1.0", "chain1.1"), ("chain2.2", "chain2.3")} < edges(graph)
    assert set(graph.edges.size.tolist()) == {5.0}
    assert not graph.edges.delay.any()


def test_fork_and_join():
    graph = made("fork_join", width=3, rounds=2, compute=4.0, fork=0.5, join=0.25, send=Travel(delay=2.0))
    assert list(graph.names) == [
        "fork", "branch0.0", "branch0.1", "branch0.2", "join0", "branch1.0", "branch1.1", "branch1.2", "join1",
    ]  # fmt: skip
    assert graph.stated.tolist() == [0.5, 4, 4, 4, 0.25, 4, 4, 4, 0.25]
    first = {(a, f"branch0.{i}") for a in ["fork"] for i in range(3)} | {(f"branch0.{i}", "join0") for i in range(3)}
    second = {("join0", f"branch1.{i}") for i in range(3)} | {(f"branch1.{i}", "join1") for i in range(3)}
    assert edges(graph) == first | second
    assert max(levels(graph, graph.stated)) == 0.5 + 2 * (4 + 0.25)


@pytest.mark.parametrize(("depth", "children"), [(1, 3), (4, 1), (4, 2), (3, 5)])
def test_trees(depth, children):
    out, into = (made(kind, levels=depth, children=children) for kind in ("out_tree", "in_tree"))
    tasks = sum(children**level for level in range(depth))
    grown = {
        (f"node{level}.{i // children}", f"node{level + 1}.{i}")
        for level in range(depth - 1)
        for i in range(children ** (level + 1))
    }
    assert edges(out) == grown
    assert edges(into) == {(b, a) for a, b in grown}
    assert len(out) == len(into) == len(set(into.names)) == tasks
    assert max(levels(out)) == max(levels(into)) == depth
    assert (out.names[0], into.names[tasks - 1]) == ("node0.0", "node0.0")
    by_level = [name.split(".") for name in into.names]
    assert by_level == sorted(by_level, key=lambda name: (-int(name[0][4:]), int(name[1])))


def by_the_loops(m):
    """Go through the program of an elimination; a task waits for whoever wrote last what it reads."""
    wrote, found = {}, set()
    for k in range(1, m):
        for j in range(k, m + 1):
            task = f"pivot{k}" if j == k else f"update{k}.{j}"
            found |= {(wrote[column], task) for column in {k, j} if column in wrote}
            wrote[j] = task
    return found


@pytest.mark.parametrize("m", [2, 3, 5, 12])
def test_gaussian_elimination(m):
    graph = made("gaussian", matrix=m, compute=2.0, send=Travel(size=8.0))
    assert len(graph) == (m * m + m - 2) // 2  # Topcuoglu, Hariri, Wu 2002
    assert edges(graph) == by_the_loops(m)
    assert graph.stated.sum() == 2.0 * (m - 1) * m * (m + 1) / 3
    assert max(levels(graph, graph.stated)) == 2.0 * m * (m - 1)
    steps = np.array([int(name.removeprefix("pivot").removeprefix("update").split(".")[0]) for name in graph.names])
    assert graph.stated.tolist() == (2.0 * (m - steps)).tolist()
    assert graph.edges.size.tolist() == (8.0 * (m - steps[graph.edges.parent])).tolist()


@pytest.mark.parametrize("m", [1, 2, 8, 32])
def test_a_fast_fourier_transform_transforms(m):
    """Let values flow along the edges: calls part even from odd, butterflies join two; NumPy knows what comes out."""
    graph = made("fft", points=m)
    rows = m.bit_length() - 1
    assert len(graph) == 2 * m - 1 + m * rows  # Topcuoglu, Hariri, Wu 2002
    assert set(np.array(levels(graph))[np.bincount(graph.edges.parent, minlength=len(graph)) == 0]) == {1 + 2 * rows}
    points = np.random.default_rng(m).normal(size=m)
    held, given = {0: points}, dict.fromkeys(range(len(graph)), 0)
    parents = {task: [] for task in range(len(graph))}
    for parent, child in zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True):
        parents[child].append(parent)
    for task in range(1, len(graph)):
        kind, place = graph.names[task].split(".")
        if kind.startswith("call"):
            (parent,) = parents[task]
            held[task] = held[parent][given[parent] :: 2]
            given[parent] += 1
        else:
            half = 2 ** int(kind.removeprefix("butterfly"))
            turn = int(place) % (2 * half)
            even, odd = sorted(parents[task])
            held[task] = held[even] + np.exp(-1j * np.pi * turn / half) * held[odd]
    found = [held[task] for task in range(len(graph) - m, len(graph))]
    assert np.ravel(found) == pytest.approx(np.fft.fft(points))


# -- random layers


def layers_of(graph):
    """Return the layer of each task, from its name."""
    return np.array([int(name.removeprefix("layer").split(".")[0]) for name in graph.names])


@pytest.mark.parametrize(
    ("tasks", "alpha", "degree", "layers"),
    [(100, 1.0, 2, 10), (100, 0.5, 3, 20), (100, 2.0, 20, 5), (90, 1.0, 4, 10), (7, 10.0, 7, 1), (50, 0.15, 1, 48)],
)
def test_layers_have_the_stated_shape(tasks, alpha, degree, layers):
    graph = made("layered", tasks=tasks, alpha=alpha, degree=degree, ccr=1.0, seed=3)
    layer = layers_of(graph)
    widths = np.bincount(layer)
    assert (len(graph), len(widths)) == (tasks, layers)  # sqrt(tasks) / alpha, rounded up
    assert layer.tolist() == sorted(layer.tolist())
    assert widths.min() >= degree
    assert set((layer[graph.edges.child] - layer[graph.edges.parent]).tolist()) <= {1}
    assert np.bincount(graph.edges.child, minlength=tasks).tolist() == np.where(layer > 0, degree, 0).tolist()
    assert len(edges(graph)) == degree * (tasks - widths[0])  # no parent twice
    assert max(levels(graph)) == layers


@pytest.mark.parametrize(
    ("tasks", "degree"),
    [(1, 1), (2, 1), (3, 1), (4, 2), (5, 1), (6, 2), (7, 2), (10, 2), (100, 2)],  # two where tasks / layers allow it
)
def test_a_degree_left_out_is_two_or_what_the_layers_allow(tasks, degree):
    adapted, stated = (made("layered", tasks=tasks, ccr=1.0, **said) for said in ({}, {"degree": degree}))
    assert columns(adapted) == columns(stated)
    scenario = {"cluster": {"devices": 2}, "workload": {"kind": "layered", "tasks": tasks, "compute": "1 s"}}
    assert parsim.simulate(scenario).to_dict()["tasks"] == tasks


def test_means_of_layers_are_exactly_as_stated():
    graph = made("layered", tasks=400, compute=3.0, ccr=0.25, seed=1)
    assert graph.stated.mean() == pytest.approx(3.0, rel=1e-12)
    assert graph.edges.delay.mean() / graph.stated.mean() == pytest.approx(0.25, rel=1e-12)
    assert 0 < graph.stated.min() < 0.3 < 5.7 < graph.stated.max() < 6.6  # even in (0, 6], give or take the mean's luck
    sent = made("layered", tasks=400, compute=3.0, send=Travel(size=1e6), seed=1)
    assert sent.edges.size.mean() == pytest.approx(1e6, rel=1e-12)
    assert sent.edges.size / 1e6 == pytest.approx(graph.edges.delay / 0.75, rel=1e-12)


def test_layers_are_spread_evenly():
    """Means over many draws, each within five standard errors of what is even."""
    graph = made("layered", tasks=40_000, alpha=100.0, degree=2, seed=5)
    first = np.bincount(layers_of(graph))[0]  # two layers
    parents = graph.edges.parent.reshape(-1, 2)
    assert (parents[:, 0] < parents[:, 1]).all()
    rows = len(parents)
    assert abs(parents.mean() - (first - 1) / 2) < 5 * first / math.sqrt(12 * 2 * rows)
    gap = (parents[:, 1] - parents[:, 0]).mean()  # of two distinct numbers below n: (n + 1) / 3
    assert abs(gap - (first + 1) / 3) < 5 * first / math.sqrt(18 * rows)
    assert abs(np.mean(graph.stated < 1.0) - 0.5) < 5 * 0.5 / math.sqrt(40_000)


def test_beta_makes_devices_differ():
    graph = made("layered", tasks=300, beta=0.5, seed=2)
    same = made("layered", tasks=300, seed=2)
    factor = graph.stated * [1.0, 2.0] / same.stated[:, None]  # the second device has speed 2
    assert graph.stated.shape == (300, 2)
    assert 0.75 < factor.min() < 0.76 < 1.24 < factor.max() <= 1.25
    assert (factor[:, 0] != factor[:, 1]).all()
    assert edges(graph) == edges(same)


def columns(graph):
    return [column.tobytes() for column in (graph.stated, *vars(graph.edges).values())]


def test_the_seed_decides_and_nothing_else():
    keys = {"tasks": 50, "ccr": 1.0}
    assert columns(made("layered", seed=4, **keys)) == columns(made("layered", seed=4, **keys))
    assert columns(made("layered", seed=4, **keys)) != columns(made("layered", seed=5, **keys))
    assert columns(made("layered", **keys)) == columns(made("layered", seed=0, **keys))
    more = Cluster(tuple(Device(f"w{i}") for i in range(7)))
    assert columns(made("layered", cluster=more, seed=4, **keys)) == columns(made("layered", seed=4, **keys))


def test_a_seed_left_out_is_the_scenarios():
    scenario = {
        "cluster": {"devices": 2},
        "workload": {"kind": "layered", "tasks": 30, "compute": "1 s", "ccr": 1},
        "seed": 8,
    }
    default, own = parsim.simulate(scenario), parsim.simulate(scenario, set={"workload.seed": 8, "seed": 9})
    other = parsim.simulate(scenario, set={"seed": 9, "policy": "heft"})
    assert columns(default.job.graph) == columns(own.job.graph) == columns(made("layered", tasks=30, ccr=1.0, seed=8))
    assert columns(default.job.graph) != columns(other.job.graph)
    assert columns(other.job.graph) == columns(parsim.simulate(scenario, set={"seed": 9}).job.graph)


# -- played


def played(workload, devices=2, **more):
    return parsim.simulate({"cluster": {"devices": devices}, "workload": {"compute": "1 s", **workload}, **more})


@pytest.mark.parametrize(
    ("workload", "devices", "makespan", "t_total"),
    [
        # by hand: each worker takes two whole chains, link by link
        ({"kind": "chains", "count": 4, "length": 3}, 2, 6.0, 6.0),
        # by hand: 0.5 s, then twice ceil(5/2) s and a join; T_total (0.5 + 2 x (5 + 0.25)) / 2
        ({"kind": "fork_join", "width": 5, "rounds": 2, "fork": "500 ms", "join": "250 ms"}, 2, 7.0, 5.5),
        # by hand: levels of 1, 2, 4, 8 tasks in 1 + 1 + 2 + 4 s
        ({"kind": "out_tree", "levels": 4}, 2, 8.0, 7.5),
        ({"kind": "in_tree", "levels": 4}, 2, 8.0, 7.5),
        # as many workers as anybody could use: the critical path; T_total is the work / P
        ({"kind": "gaussian", "matrix": 6}, 5, 30.0, 70 / 5),
        ({"kind": "fft", "points": 8}, 8, 7.0, 39 / 8),
        # alone: all the work
        ({"kind": "fft", "points": 8}, 1, 39.0, 39.0),
    ],
)
def test_makespans_and_theory(workload, devices, makespan, t_total):
    run = played(workload, devices)
    assert run.timeline.makespan_s == pytest.approx(makespan, rel=1e-12)
    assert run.theory.t_total_s == pytest.approx(t_total, rel=1e-12)


def test_theory_counts_what_travels():
    run = played({"kind": "gaussian", "matrix": 5, "send": "1 s"})
    # out of step k go (m - k) edges to updates and, but for the last step, (m - k) to the next; each m - k s
    assert run.theory.t_c * 14 == pytest.approx(4 * 8 + 3 * 6 + 2 * 4 + 1 * 1)


def test_chains_of_a_generator_are_known_to_validate():
    workload = {"kind": "chains", "count": 6, "length": 5, "compute": "2 s"}
    found = validate({"cluster": {"devices": 2}, "workload": workload}).to_dict()
    assert [form["makespan_s"] for form in found["closed_forms"] if form["name"] == "chains"] == [6 / 2 * 5 * 2.0]
    assert found["agrees"]


def small(draw, whole):
    """Draw the keys of any generator, a few tasks each."""
    kind = draw(st.sampled_from(["chains", "fork_join", "out_tree", "in_tree", "gaussian", "fft", "layered"]))
    if kind == "chains":
        return {"kind": kind, "count": draw(whole), "length": draw(whole)}
    if kind == "fork_join":
        return {"kind": kind, "width": draw(whole), "rounds": draw(whole), "fork": "1 s"}
    if kind.endswith("tree"):
        return {"kind": kind, "levels": draw(st.integers(1, 4)), "children": draw(st.integers(1, 3))}
    if kind == "gaussian":
        return {"kind": kind, "matrix": draw(st.integers(2, 6))}
    if kind == "fft":
        return {"kind": kind, "points": draw(st.sampled_from([1, 2, 4, 8]))}
    return {"kind": kind, "tasks": draw(st.integers(9, 30)), "degree": draw(st.integers(1, 2)), "seed": draw(whole)}


@given(st.data())
def test_whatever_is_generated_is_played_soundly(data):
    workload = small(data.draw, st.integers(1, 5))
    devices = data.draw(st.integers(1, 4))
    send = data.draw(st.sampled_from([{}, {"send": "1 s"}]))
    run = played(workload | send, devices, policy=data.draw(st.sampled_from(["fifo", "heft"])))
    graph, makespan = run.job.graph, run.timeline.makespan_s
    assert check(run.job, run.timeline) == []
    assert len(set(graph.names)) == len(graph)
    span, work = max(levels(graph, graph.stated)), graph.stated.sum()
    slack = 1e-9 * work
    assert max(span, work / devices) - slack <= makespan
    if not send:
        assert makespan <= work + slack
    if devices == 1:
        assert makespan == pytest.approx(work)


def test_bytes_travel_over_the_network():
    cluster = {"devices": 2, "topology": {"kind": "full", "bandwidth": "1 MB/s"}}
    workload = {"kind": "fork_join", "width": 2, "compute": "3 s", "send": "1 MB"}
    run = parsim.simulate({"cluster": cluster, "workload": workload})
    # By hand: w0 has fork, branch and join; the other branch waits 1 s for its input, and the join for its output.
    assert run.timeline.makespan_s == pytest.approx(5.0)
    with pytest.raises(parsim.ScenarioError, match=r"0:0: workload\.send: bytes may travel from w0 to w1"):
        parsim.simulate({"cluster": {"devices": 2}, "workload": workload})


# -- impossible shapes


@pytest.mark.parametrize(
    ("kind", "keys", "key", "message"),
    [
        ("chains", {"count": 4000, "length": 2501}, "length", "makes more than 10000000 tasks, which is the limit"),
        ("chains", {"count": MOST, "length": MOST}, "length", "makes more than 10000000 tasks, which is the limit"),
        ("fork_join", {"width": MOST}, "width", "makes more than 10000000 tasks, which is the limit"),
        ("fork_join", {"width": 6_000_000}, "width", "makes more than 10000000 edges, which is the limit"),
        ("fork_join", {"width": 10, "rounds": MOST}, "rounds", "makes more than 10000000 tasks, which is the limit"),
        ("out_tree", {"levels": 24}, "levels", "makes more than 10000000 tasks, which is the limit"),
        ("in_tree", {"levels": 24}, "levels", "makes more than 10000000 tasks, which is the limit"),
        ("out_tree", {"levels": MOST}, "levels", "makes more than 10000000 tasks, which is the limit"),
        ("in_tree", {"levels": MOST, "children": MOST}, "levels", "makes more than 10000000 tasks, which is the limit"),
        ("gaussian", {"matrix": 1}, "matrix", "has nothing to eliminate; write at least 2"),
        ("gaussian", {"matrix": 5000}, "matrix", "makes more than 10000000 tasks, which is the limit"),
        ("gaussian", {"matrix": 4000}, "matrix", "makes more than 10000000 edges, which is the limit"),
        ("fft", {"points": 12}, "points", "12 is not a power of two; write 8 or 16"),
        ("fft", {"points": 2**19}, "points", "makes more than 10000000 tasks, which is the limit"),
        ("layered", {"tasks": 100, "degree": 11}, "degree", "and 100 tasks make 10 layers; write at most 10"),
        ("layered", {"tasks": 1, "degree": 2}, "degree", "tasks, and 1 task makes 1 layer; write at most 1, or more"),
        ("layered", {"tasks": 10, "alpha": 0.31}, "alpha", "makes more layers than tasks (10); write"),
        ("layered", {"tasks": 100, "alpha": 0.01}, "alpha", "makes more layers than tasks (100); write"),
        ("layered", {"tasks": 100, "alpha": 5e-324}, "alpha", "makes more layers than tasks (100); write"),
        ("layered", {"tasks": 10, "ccr": 1e308}, "ccr", "makes delays that add up to more than 1e+300 s; write"),
        ("layered", {"tasks": 9_000_000, "degree": 2}, "degree", "makes more than 10000000 edges, which is the limit"),
        ("layered", {"tasks": 9, "beta": 2.0}, "beta", "2 must be at least 0 and below 2"),
        ("layered", {"tasks": 9, "beta": -0.5}, "beta", "-0.5 must be at least 0 and below 2"),
        ("layered", {"tasks": 6_000_000, "beta": 1.0, "degree": 1}, "beta", "is more than 10000000 times"),
        ("layered", {"tasks": 9, "ccr": 1.0, "send": Travel()}, "ccr", "leave one of the two out"),
    ],
)  # fmt: skip
def test_an_impossible_shape_is_blamed_on_its_key(kind, keys, key, message):
    with pytest.raises(Invalid) as caught:
        made(kind, **keys)
    (found,) = caught.value.complaints
    assert (found.path, found.at) == ((key,), "value")
    assert message in found.message


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(Invalid) as caught:
        made("layered", tasks=100, degree=50, beta=3.0, ccr=1.0, send=Travel())
    assert [found.path for found in caught.value.complaints] == [("degree",), ("beta",), ("ccr",)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ccr", [1e299, 1e308])
def test_a_ratio_beyond_all_measure_is_blamed_without_a_warning(ccr):
    workload = {"kind": "layered", "tasks": 10, "compute": "1000 s", "ccr": ccr}
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate({"cluster": {"devices": 2}, "workload": workload})
    assert [fault.path for fault in caught.value.faults] == ["workload.ccr"]


@pytest.mark.parametrize("alpha", [0, "wide", -1.5, True])
def test_an_alpha_that_cannot_be_read_makes_no_degree_wrong(alpha):
    workload = {"kind": "layered", "tasks": 10, "compute": "1 s", "degree": 4, "alpha": alpha}
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate({"cluster": {"devices": 2}, "workload": workload})
    assert [fault.path for fault in caught.value.faults] == ["workload.alpha"]
    with pytest.raises(parsim.ScenarioError) as caught:  # no alpha makes room for eleven parents
        parsim.simulate({"cluster": {"devices": 2}, "workload": {**workload, "degree": 11}})
    assert [fault.path for fault in caught.value.faults] == ["workload.alpha", "workload.degree"]


def test_a_shape_is_blamed_where_it_stands(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("cluster: {devices: 2}\nworkload: {kind: fft, compute: 1 s,\n  points: 100}\npolicy: fif\n")
    with pytest.raises(parsim.ScenarioError) as caught:
        parsim.simulate(path)
    assert [(fault.line, fault.column, fault.path) for fault in caught.value.faults] == [
        (3, 11, "workload.points"),
        (4, 9, "policy"),
    ]
    assert caught.value.faults[0].message == "100 is not a power of two; write 64 or 128"


def test_a_million_tasks_are_a_few_columns():
    """Made without a name or an object per task, or this would take a minute."""
    for kind, keys in {
        "chains": {"count": 1000, "length": 1000},
        "fork_join": {"width": 999, "rounds": 1000},
        "in_tree": {"levels": 20},
        "gaussian": {"matrix": 1414},
        "fft": {"points": 2**16},
        "layered": {"tasks": 1_000_000},
    }.items():
        graph = made(kind, **keys)
        assert len(graph) >= 1_000_000
        assert (graph.edges.parent < graph.edges.child).all()
        assert [graph.names[0], graph.names[-1]] == [next(iter(graph.names)), graph.names[len(graph) - 1]]
