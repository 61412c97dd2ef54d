"""The ledger: a case made by hand for each term and for each cause of idleness (contract, section 1)."""

from pathlib import Path

import pytest
from played import played

import parsim
from parsim.export.csv import from_rows
from parsim.metrics.ledger import ledger_of_trace

SCENARIOS = Path(__file__).parent.parent / "scenarios"
CAUSES = ("steps", "memory", "overhead", "policy", "fill", "drain", "dependency")


def simulate(devices, tasks, policy="fifo", **more):
    cluster = {"devices": devices, "topology": {"kind": "full", "bandwidth": "1 MB/s"}}
    return parsim.simulate(
        {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, "policy": policy, **more}
    )


def task(name, compute, after=(), **more):
    compute = {place: f"{s} s" for place, s in compute.items()} if isinstance(compute, dict) else f"{compute} s"
    return {"name": name, "compute": compute, "after": after, **more}


def terms(run):
    """T_total, deviation, idle, contention, hidden; and their sum is the makespan."""
    found = run.ledger
    values = (found.t_total_s, found.deviation_s, found.idle_s, found.contention_s, found.hidden_s)
    assert sum(values[:-1]) - values[-1] == pytest.approx(run.timeline.makespan_s, rel=1e-9, abs=1e-12)
    return pytest.approx(values, rel=1e-9, abs=1e-12)


def idle(run):
    """The causes that there are, in the mean over the workers."""
    found = run.ledger.idle
    assert tuple(found) == CAUSES
    assert sum(found.values()) == pytest.approx(run.ledger.idle_s, rel=1e-9, abs=1e-12)
    return {cause: pytest.approx(seconds, rel=1e-9, abs=1e-12) for cause, seconds in found.items() if seconds}


def test_the_example_of_the_contract():
    facts = parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml").to_dict()
    assert facts["schema"] == 1
    assert (facts["scenario"], facts["clock"], facts["seed"]) == ("01_five_tasks_data", "simulated", 0)
    assert (facts["workers"], facts["tasks"], facts["result"], facts["training"]) == (2, 2, 30, None)
    assert facts["makespan_s"] == pytest.approx(3.3)
    assert facts["theory"] == pytest.approx({"n": 5, "p": 2, "t_s": 1.0, "t_c": 0.1, "t_total_s": 2.75})
    causes = facts["ledger"].pop("idle")
    assert causes == pytest.approx({**dict.fromkeys(CAUSES, 0), "drain": 0.55})
    expected = {"t_total_s": 2.75, "deviation_s": 0.0, "idle_s": 0.55, "contention_s": 0.0, "hidden_s": 0.0}
    assert facts["ledger"] == pytest.approx(expected)
    w0, w1 = facts["devices"]
    assert (w0.pop("name"), w1.pop("name")) == ("w0", "w1")
    assert w0 == pytest.approx(
        {
            "stands_for": 1,
            "compute_s": 3.0,
            "transfer_s": 0.3,
            "idle_s": 0.0,
            "utilisation": 0.9090909090909091,
            "peak_memory_bytes": 13000000,
            "memory": None,
        }
    )
    assert w1["idle_s"] == pytest.approx(1.1)
    assert w1["peak_memory_bytes"] == 12000000


# Deviation: what the run's own work costs beyond T_total.


def test_deviation_other_workers_than_the_average():
    # T_s = (3 + 1) / 2 = 2 s, T_total = 1/2 x 2 = 1 s; p takes 3 s, half a worker's mean: 1.5 s. q idles 3 s.
    run = simulate(["p", {"name": "q", "speed": 3}], [task("a", 3)])
    assert terms(run) == (1.0, 0.5, 1.5, 0, 0)


def test_deviation_inputs_that_were_already_there():
    # T_s = 1, T_c = (0 + 2) / 2: T_total = 2/2 (1 + 1) = 2 s. Both run on w0 and nothing travels: busy 1 s in the mean.
    run = simulate(2, [task("a", 1), task("b", 1, {"a": "2 MB"})])
    assert terms(run) == (2.0, -1.0, 1.0, 0, 0)


def test_deviation_luck():
    # PCG64 of seed 0: the first draw is 0.6369616873214543 (the doctest of costs/noisy), the factor 1 + 0.5 (2u - 1).
    run = simulate(1, [task("a", 2)], cost={"kind": "noisy", "spread": 0.5})
    factor = 0.5 + 0.6369616873214543
    assert run.timeline.makespan_s == pytest.approx(2 * factor)
    assert terms(run) == (2.0, 2 * (factor - 1), 0, 0, 0)
    assert run.timeline.nominal_s.tolist() == [2.0]


def test_deviation_delays_that_had_passed():
    # T_total = 3/2 ((1 + 4 + 1)/3 + 6/3) = 6; of the 6 s of delay q pays 3, from 4 to 7. q: 4 + 3 + 1, p: 1 and 7 idle.
    tasks = [task("a", {"p": 1}), task("z", {"q": 4}), task("c", {"q": 1}, {"a": "6 s"})]
    run = simulate(["p", "q"], tasks)
    assert terms(run) == (6.0, 4.5 - 6.0, 3.5, 0, 0)


# Contention: actual less nominal seconds of transfers.


def test_contention_on_a_shared_link():
    # b>x and b>y leave p for q's two workers on one link: 2 s each, 1 s alone. P = 3 workers; p idles 1 to 4.
    tasks = [task("a", {"p": 1}), task("x", {"q": 1}, {"a": "1 MB"}), task("y", {"q": 1}, {"a": "1 MB"})]
    run = simulate(["p", {"name": "q", "slots": 2}], tasks)
    assert run.timeline.makespan_s == 4
    # T_total = 3/3 (1 + 2/3) = 5/3; busy nominal (3 + 2) / 3; idle p 3, q.0 1, q.1 1.
    assert terms(run) == (5 / 3, 0, 5 / 3, 2 / 3, 0)


def test_contention_of_flows():
    # Four flows of 1 to 4 GB on 1 GB/s end at 4, 7, 9, 10: 30 s, alone 10 s; five devices, so five workers.
    run = parsim.simulate(SCENARIOS / "07_four_transfers_one_link.yaml")
    assert run.timeline.end_s.tolist() == pytest.approx([4, 7, 9, 10])
    assert terms(run) == (2.0, 0, (10 + 6 + 3 + 1) / 5, 20 / 5, 0)
    assert idle(run) == {"drain": 4.0}


def test_a_delay_is_never_contended():
    tasks = [task("a", {"p": 1}), *(task(name, {"q": 1}, {"a": "2 s"}) for name in "xyz")]
    run = simulate(["p", {"name": "q", "slots": 3}], tasks)
    assert terms(run) == (4 / 4 * (1 + 6 / 4), 0, (3 + 3 * 1) / 4, 0, 0)


# Hidden: transfers under compute, or under each other.


def test_hidden_under_compute():
    # HEFT: a>c travels from 1 to 3 while q runs b until 3; nothing of it is seen.
    tasks = [task("a", {"p": 1}), task("b", {"q": 3}), task("c", {"q": 1}, {"a": "2 MB"})]
    run = simulate(["p", "q"], tasks, "heft")
    assert run.timeline.makespan_s == 4
    assert terms(run) == (3 / 2 * (5 / 3 + 2 / 3), 0, 1.5, 0, 1.0)


def test_hidden_under_each_other():
    # r takes c at 1; from p 3 s, from q 1 s at once: 4 s of transfers, 3 s to be seen.
    tasks = [task("a", {"p": 1}), task("b", {"q": 1}), task("c", {"r": 1}, {"a": "3 MB", "b": "1 MB"})]
    run = simulate(["p", "q", "r"], tasks)
    assert run.timeline.makespan_s == 5
    assert terms(run) == (3 / 3 * (1 + 4 / 3), 0, (4 + 4 + 1) / 3, 0, 1 / 3)


def test_a_result_belongs_to_its_sender_and_hides_under_its_next_task():
    # 0.1 in, 1 s, 1 s out: the first result (1.1 to 2.1) hides under 0.1 s of input and 0.9 s of compute.
    change = {"workload.result": "10 MB", "cluster.devices": 1, "workload.data": [1, 2], "plan.subsets": 2}
    run = parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml", set=change)
    assert run.timeline.makespan_s == pytest.approx(3.2)
    assert terms(run) == (2 * (1 + 1.1), 0, 0, 0, 1.0)


# Idleness, cause by cause; the first that applies.


def test_idle_steps():
    steps = {"split": "1 s", "create": "2 s", "allocate": "0 s", "gather": "3 s", "merge": "4 s"}
    run = simulate(2, [task("a", 5), task("b", 5)], plan={"steps": steps})
    assert run.timeline.makespan_s == 15
    assert idle(run) == {"steps": 10.0}


def test_idle_steps_come_before_drain_and_fill():
    run = simulate(2, [task("a", 5), task("b", 3)], plan={"steps": {"split": "1 s", "merge": "4 s"}})
    assert idle(run) == {"steps": 5.0, "drain": 1.0}


def test_idle_memory():
    devices = [{"name": "p", "slots": 2, "memory": "10 MB"}]
    run = simulate(devices, [task("a", 2, memory="6 MB"), task("b", 2, memory="6 MB"), task("c", 1, ["b"])])
    # p.1 has no room for b until 2, when p.0 takes it; c, released on p.0 at 4, runs there. p.1 never runs anything.
    assert idle(run) == {"memory": 1.0, "drain": 1.5}


def test_idle_memory_comes_before_policy():
    # Both reasons hold for p: b is ready and not given to p, because p has no room for it.
    devices = [{"name": "p", "memory": "5 MB"}, "q"]
    run = simulate(devices, [task("a", {"q": 2}), task("b", 1, memory="6 MB")])
    assert idle(run) == {"memory": 1.0, "drain": 0.5}


def test_idle_policy():
    # HEFT gives both to the fast worker; the slow one could have had the second from 0 to 1.
    run = simulate([{"name": "fast", "speed": 10}, "slow"], [task("a", 10), task("b", 10)], "heft")
    assert run.timeline.worker.tolist() == ["fast", "fast"]
    assert idle(run) == {"policy": 0.5, "drain": 0.5}


def test_idle_fill_and_drain_of_a_pipeline():
    # GPipe, F = 1, B = 2, p = 2, m = 1: w0 0F0 0-1, 0B0 4-6... w1 1F0 1-2, 1B0 2-4.
    workload = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}
    plan = {"schedule": "gpipe", "microbatches": 1}
    run = parsim.simulate({"cluster": {"devices": 2}, "workload": workload, "plan": plan})
    assert run.timeline.makespan_s == 6
    # w1 fills 1 s and drains 2 s; w0 waits 3 s for 1B0.
    assert idle(run) == {"fill": 0.5, "drain": 1.0, "dependency": 1.5}


def test_idle_before_a_transfer_is_fill_and_the_transfer_is_no_idleness():
    run = simulate(["p", "q"], [task("a", {"p": 1}), task("b", {"q": 1}, {"a": "2 MB"})])
    assert run.timeline.makespan_s == 4
    assert idle(run) == {"fill": 0.5, "drain": 1.5}


def test_idle_dependency():
    tasks = [task("a", {"p": 3}), task("x", {"q": 1}), task("b", {"q": 1}, ["a"])]
    run = simulate(["p", "q"], tasks)
    assert idle(run) == {"dependency": 1.0, "drain": 0.5}


def test_a_worker_without_any_span_drains():
    run = simulate(3, [task("a", 2)])
    assert idle(run) == {"drain": pytest.approx(4 / 3)}
    assert run.ledger.idle["drain"] == 4 / 3


def test_idleness_is_cut_where_the_cause_changes():
    # HEFT: p is to run long and end, the most urgent, then b, for which q is too slow: q could run b from 2 on.
    tasks = [
        task("a", {"p": 1}),
        task("x", {"q": 1}, ["a"]),
        task("long", {"p": 2}, ["a"]),
        task("end", {"p": 20}, ["long"]),
        task("b", {"p": 1, "q": 30}, ["x"]),
        task("y", {"q": 1}, ["b"]),
    ]
    run = simulate(["p", "q"], tasks, "heft")
    spans = {name: (worker, start, end) for _, name, _, worker, _, _, start, end, _, _ in run.timeline.rows()}
    assert spans == {
        "a": ("p", 0, 1),
        "x": ("q", 1, 2),
        "long": ("p", 1, 3),
        "end": ("p", 3, 23),
        "b": ("p", 23, 24),
        "y": ("q", 24, 25),
    }
    pieces = run.timeline.idle
    found = list(zip(pieces.worker, pieces.start_s, pieces.end_s, [CAUSES[c] for c in pieces.cause], strict=True))
    assert found == [(0, 24, 25, "drain"), (1, 0, 1, "fill"), (1, 2, 23, "policy"), (1, 23, 24, "dependency")]


# `parsim ledger`: any trace.


def test_the_ledger_of_a_trace():
    # w0  |--|t0>t1|t1    |----|   0-1 fill, transfer 1-3 (nominal 1), compute 2-5, drain 5-6
    # w1  |t2  |---|t3         |   compute 0-2, dependency 2-3, compute 3-6
    rows = [
        (1, "t0>t1", "transfer", "w0", "x>w0", 0.0, 1.0, 3.0, 1.0, ""),
        (1, "t1", "compute", "w0", "compute", 0.0, 2.0, 5.0, 3.0, ""),
        (2, "t2", "compute", "w1", "compute", 0.0, 0.0, 2.0, 2.0, ""),
        (3, "t3", "compute", "w1", "compute", 0.0, 3.0, 6.0, 3.0, ""),
        (4, "merge", "merge", "", "host", 6.0, 6.0, 6.0, 0.0, ""),
    ]
    found = ledger_of_trace(from_rows(rows, ["w0", "w1"]))
    assert found == {
        "makespan_s": 6.0,
        "workers": 2,
        "busy_nominal_s": 4.5,  # (3 + 1 + 2 + 3) / 2
        "idle_s": 1.5,  # (1 + 1 + 1) / 2
        "contention_s": 0.5,
        "hidden_s": 0.5,  # 2 to 3 under t1
        "idle": {"fill": 0.5, "drain": 0.5, "dependency": 0.5},
        "checker": [],
    }


def test_the_ledger_of_a_trace_with_workers_that_never_had_a_span():
    rows = [(0, "t", "compute", "w0", "compute", 0.0, 0.0, 2.0, 2.0, "")]
    found = ledger_of_trace(from_rows(rows, ["w0", "w1", "w2", "w3"]))
    assert (found["workers"], found["busy_nominal_s"], found["idle_s"], found["idle"]["drain"]) == (4, 0.5, 1.5, 1.5)


@pytest.mark.parametrize("name", [path.stem for path in sorted(SCENARIOS.glob("0*.yaml"))])
def test_a_runs_own_timeline_as_a_trace_gives_the_same_terms(name):
    run = played(name)
    found = ledger_of_trace(from_rows(run.timeline.rows(), [worker.name for worker in run.job.cluster.workers]))
    assert found["busy_nominal_s"] == pytest.approx(run.ledger.t_total_s + run.ledger.deviation_s)
    for term in ("makespan_s", "idle_s", "contention_s", "hidden_s"):
        assert found[term] == pytest.approx(getattr(run.ledger, term), abs=1e-12)
