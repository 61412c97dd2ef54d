"""The order of events (contract, sections 3 and 4), a case for each sentence; every timeline is counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from simpy import Environment

import parsim
from parsim.build import build
from parsim.metrics.checker import check
from parsim.scenario.scenario import load
from parsim.sim.engine import assembled
from parsim.sim.network import Network
from parsim.sim.play import engine_of, play
from parsim.sim.prepared import prepared
from parsim.sim.write import write


def simulate(devices, tasks, policy="fifo", bandwidth="1 MB/s", latency="0 s", **plan):
    topology = {"kind": "full", "bandwidth": bandwidth, "latency": latency}
    cluster = {"devices": devices, "topology": topology}
    workload = {"kind": "tasks", "tasks": tasks}
    return parsim.simulate({"cluster": cluster, "workload": workload, "policy": policy, "plan": plan})


def task(name, compute, after=(), **more):
    compute = {place: f"{s} s" for place, s in compute.items()} if isinstance(compute, dict) else f"{compute} s"
    return {"name": name, "compute": compute, "after": after, **more}


def spans(run):
    """What happened, as `worker task start end` (a transfer: `worker PARENT>CHILD lane start end`)."""
    return {
        " ".join([worker, name] + ([lane] if kind == "transfer" else []) + [f"{start:.12g}", f"{end:.12g}"])
        for _, name, kind, worker, lane, _, start, end, _, _ in run.timeline.rows()
    }


def case(name):
    return Path(__file__).parent.parent / "scenarios" / f"{name}.yaml"


# At each instant: first all ends, by number; then the tasks that they release, by number; then workers ask in rounds.


def test_tasks_released_together_become_ready_by_number():
    # a and b end together; b releases c, a releases d. By number c comes first, so w0 takes it.
    run = simulate(2, [task("a", 1), task("b", 1), task("c", 1, ["b"]), task("d", 2, ["a"])])
    assert spans(run) == {"w0 a 0 1", "w1 b 0 1", "w0 c 1 2", "w1 d 1 3"}


def test_the_first_worker_in_order_takes_first():
    assert spans(simulate(3, [task("only", 1)])) == {"w0 only 0 1"}
    # w1 frees at 1, w0 at 2; at 2 both w0 and w1 are free, and w0 asks first.
    run = simulate(2, [task("a", 2), task("b", 1), task("c", 1, ["a"])])
    assert spans(run) == {"w0 a 0 2", "w1 b 0 1", "w0 c 2 3"}


def test_tasks_of_no_seconds_end_within_the_instant():
    # a, b and c end at 0 one after the other, each a new turn of the instant; x was taken in the first.
    run = simulate(2, [task("a", 0), task("x", 1), task("b", 0, ["a"]), task("c", 0, ["b"]), task("d", 1, ["c"])])
    assert spans(run) == {"w0 a 0 0", "w1 x 0 1", "w0 b 0 0", "w0 c 0 0", "w0 d 0 1"}
    assert run.timeline.makespan_s == 1


def test_ready_is_when_all_parents_have_ended_anywhere():
    run = simulate(3, [task("a", 1), task("b", 3), task("c", 1, ["a", "b"]), task("d", 1, ["a"])])
    assert spans(run) == {"w0 a 0 1", "w1 b 0 3", "w0 d 1 2", "w0 c 3 4"}
    ready = dict(zip(run.timeline.task.tolist(), run.timeline.ready_s.tolist(), strict=True))
    assert ready == {"a": 0, "b": 0, "c": 3, "d": 1}


def test_a_parent_may_stand_later_in_the_file():
    run = simulate(1, [task("last", 1, ["middle"]), task("middle", 1, ["first"]), task("first", 1)])
    assert spans(run) == {"w0 first 0 1", "w0 middle 1 2", "w0 last 2 3"}
    assert run.timeline.number.tolist() == [2, 1, 0]


def test_fifo_goes_by_becoming_ready_and_passes_over_what_may_not_run_here():
    # p may run a and c only; b waits for q, which is busy with z.
    tasks = [task("z", {"q": 3}), task("a", {"p": 1}), task("b", {"q": 1}), task("c", {"p": 1})]
    assert spans(simulate(["p", "q"], tasks)) == {"q z 0 3", "p a 0 1", "p c 1 2", "q b 3 4"}


# Prefetch: a worker holds up to 1 + prefetch tasks, taken in rounds.


def test_with_prefetch_tasks_are_bound_in_rounds():
    # Round 1: w0 a, w1 b. Round 2: w0 c, w1 d. c is bound to w0 and waits, though w1 is free at 2.
    tasks = [task("a", 5), task("b", 1), task("c", 1), task("d", 1)]
    assert spans(simulate(2, tasks, prefetch=1)) == {"w0 a 0 5", "w1 b 0 1", "w1 d 1 2", "w0 c 5 6"}
    assert spans(simulate(2, tasks)) == {"w0 a 0 5", "w1 b 0 1", "w1 c 1 2", "w1 d 2 3"}


def test_bound_tasks_start_in_the_order_in_which_they_were_taken():
    # r takes c1 and c2 at 1. The input of c2 is there at 2, that of c1 at 5, and c2 waits for c1.
    tasks = [
        task("x", {"p": 1}),
        task("y", {"q": 1}),
        task("c1", {"r": 1}, {"x": "4 MB"}),
        task("c2", {"r": 1}, {"y": "1 MB"}),
    ]
    moved = {"r x>c1 p>r 1 5", "r y>c2 q>r 1 2"}
    assert spans(simulate(["p", "q", "r"], tasks, prefetch=1)) == {"p x 0 1", "q y 0 1", *moved, "r c1 5 6", "r c2 6 7"}


def test_with_prefetch_the_next_input_travels_under_compute():
    # 5 MB each at 10 MB/s. At 0 each worker asks for two inputs, which share its link down: both are there at 1.
    run = parsim.simulate(case("02_five_tasks_layers"), set={"plan.prefetch": 1})
    assert spans(run) == {
        "w0 host>element0 host>w0 0 1",
        "w0 host>element2 host>w0 0 1",
        "w1 host>element1 host>w1 0 1",
        "w1 host>element3 host>w1 0 1",
        "w0 element0 1 2",
        "w1 element1 1 2",
        "w0 host>element4 host>w0 2 2.5",
        "w0 element2 2 3",
        "w1 element3 2 3",
        "w0 element4 3 4",
    }


def test_prefetch_does_nothing_where_the_policy_names_homes():
    tasks = [
        task("a", 2),
        task("b", 1, {"a": "1 MB"}),
        task("c", 3, {"a": "2 s"}),
        task("d", 1, {"b": "3 MB", "c": "1 s"}),
    ]
    plain, ahead = (simulate(2, tasks, policy="heft", prefetch=prefetch) for prefetch in (0, 2))
    assert plain.timeline.rows() == ahead.timeline.rows()


# When transfers start.

ACROSS = [task("a", {"p": 1}), task("b", {"q": 3}), task("c", {"q": 1}, {"a": "1 MB", "b": "0 B"})]


def test_without_a_home_an_input_travels_when_its_task_is_taken():
    assert spans(simulate(["p", "q"], ACROSS)) == {"p a 0 1", "q b 0 3", "q a>c p>q 3 4", "q c 4 5"}


def test_with_a_home_it_travels_from_the_end_of_the_parent():
    assert spans(simulate(["p", "q"], ACROSS, "heft")) == {"p a 0 1", "q b 0 3", "q a>c p>q 1 2", "q c 3 4"}


def test_siblings_share_nothing():
    tasks = [task("a", {"p": 1}), task("c1", {"q": 1}, {"a": "1 MB"}), task("c2", {"q": 1}, {"a": "1 MB"})]
    one_by_one = {"p a 0 1", "q a>c1 p>q 1 2", "q c1 2 3", "q a>c2 p>q 3 4", "q c2 4 5"}
    assert spans(simulate(["p", "q"], tasks)) == one_by_one
    # HEFT sends both ahead at 1: they halve the link.
    together = {"p a 0 1", "q a>c1 p>q 1 3", "q a>c2 p>q 1 3", "q c1 3 4", "q c2 4 5"}
    assert spans(simulate(["p", "q"], tasks, "heft")) == together


def test_latency_comes_first_and_uses_no_bandwidth():
    # x>c and y>d go over one custom link each way to r; c's latency passes while d's bytes flow at full speed.
    links = [{"name": "wire", "bandwidth": "1 MB/s"}, {"name": "far", "bandwidth": "9 MB/s", "latency": "2 s"}]
    routes = [{"from": "p", "to": "r", "over": ["far", "wire"]}, {"from": "q", "to": "r", "over": ["wire"]}]
    flows = [
        {"name": "c", "from": "p", "to": "r", "size": "1 MB"},
        {"name": "d", "from": "q", "to": "r", "size": "3 MB"},
    ]
    topology = {"kind": "custom", "links": links, "routes": routes}
    run = parsim.simulate(
        {
            "cluster": {"devices": ["p", "q", "r"], "topology": topology},
            "workload": {"kind": "transfers", "flows": flows},
        }
    )
    # d alone until 2 (2 MB); then both at 0.5 MB/s, d's last MB and c's only one: both end at 4.
    assert spans(run) == {"r c p>r 0 4", "r d q>r 0 4"}


def test_edges_of_nothing_leave_no_span_and_named_flows_of_nothing_do():
    tasks = [task("a", {"p": 1}), task("b", {"q": 1}, {"a": "0 B"}), task("c", {"q": 1}, {"b": "0 s"})]
    assert spans(simulate(["p", "q"], tasks, latency="5 s")) == {"p a 0 1", "q b 1 2", "q c 2 3"}
    flow = {"name": "ping", "from": "p", "to": "q", "size": "0 B", "start": "1 s"}
    topology = {"kind": "star", "bandwidth": "1 MB/s", "latency": "2 s"}
    run = parsim.simulate(
        {"cluster": {"devices": ["p", "q"], "topology": topology}, "workload": {"kind": "transfers", "flows": [flow]}}
    )
    assert spans(run) == {"q ping p>q 1 5"}  # up and down, 2 s each


def test_bytes_on_one_device_move_at_once_and_delays_are_paid_between_its_workers():
    tasks = [task("a", 1), task("b", 1, {"a": "5 MB"}), task("c", 1, {"a": "2 s"}), task("d", 1, {"c": "9 MB"})]
    # At 1 p.0 takes b; p.1 takes c and pays a's end + 2. d's 9 MB of c are on the device already, wherever it runs.
    run = simulate([{"name": "p", "slots": 2}], tasks)
    assert spans(run) == {"p.0 a 0 1", "p.0 b 1 2", "p.1 a>c delay 1 3", "p.1 c 3 4", "p.0 d 4 5"}


def test_a_delay_runs_from_taking_to_the_parents_end_and_delay():
    def chain(delay):
        return [task("a", {"p": 1}), task("z", {"q": 4}), task("c", {"q": 1}, {"a": delay})]

    base = {"p a 0 1", "q z 0 4"}
    # q takes c at 4. Where a's end + delay has passed by then, there is nothing; else only the rest is paid.
    assert spans(simulate(["p", "q"], chain("2 s"))) == base | {"q c 4 5"}
    assert spans(simulate(["p", "q"], chain("3 s"))) == base | {"q c 4 5"}
    assert spans(simulate(["p", "q"], chain("6 s"))) == base | {"q a>c delay 4 7", "q c 7 8"}
    # HEFT named q beforehand: the span begins at a's end.
    assert spans(simulate(["p", "q"], chain("6 s"), "heft")) == base | {"q a>c delay 1 7", "q c 7 8"}
    assert spans(simulate(["p", "q"], chain("2 s"), "heft")) == base | {"q a>c delay 1 3", "q c 4 5"}


def test_a_delay_is_paid_only_between_different_workers():
    tasks = [task("a", 1), task("c", 1, {"a": "9 s"})]
    assert spans(simulate(1, tasks)) == {"w0 a 0 1", "w0 c 1 2"}
    assert spans(simulate(2, tasks)) == {"w0 a 0 1", "w0 c 1 2"}


def test_the_longest_of_delays_and_bytes_counts():
    tasks = [
        task("a", {"p": 1}),
        task("b", {"q": 1}),
        task("c", {"r": 1}, {"a": "4 s", "b": "2 MB"}),
        task("d", {"r": 1}, {"a": "1 s", "c": "1 s"}),
    ]
    waits = {"r a>c delay 1 5", "r b>c q>r 1 3"}
    assert spans(simulate(["p", "q", "r"], tasks)) == {"p a 0 1", "q b 0 1", *waits, "r c 5 6", "r d 6 7"}


# What the host gives and gets; the steps.


def test_inputs_from_the_host_and_results_to_it():
    # 1 MB in, 1 s, 10 MB out at 10 MB/s: the first result travels while the second item arrives and is computed.
    sizes = {"workload.result": "10 MB", "cluster.devices": 1, "workload.data": [1, 2], "plan.subsets": 2}
    run = parsim.simulate(case("01_five_tasks_data"), set=sizes)
    assert spans(run) == {
        "w0 host>part0 host>w0 0 0.1",
        "w0 part0 0.1 1.1",
        "w0 part0>host w0>host 1.1 2.1",
        "w0 host>part1 host>w0 1.1 1.2",
        "w0 part1 1.2 2.2",
        "w0 part1>host w0>host 2.2 3.2",
    }


def test_split_by_data_of_the_contract():
    assert spans(parsim.simulate(case("01_five_tasks_data"))) == {
        "w0 host>part0 host>w0 0 0.3",
        "w0 part0 0.3 3.3",
        "w1 host>part1 host>w1 0 0.2",
        "w1 part1 0.2 2.2",
    }


def test_items_pass_the_chain_in_turn():
    # Ready at 0: item0.0 to item4.0 in this order; behind them item0.1, item1.1 (at 1.1), item2.1, item3.1 (at 2.2).
    # No task finds its input where it is: 0.1 s of transfer before every one.
    run = parsim.simulate(case("03_five_tasks_chain"))
    computes = {
        "w0 item0.0 0.1 1.1",
        "w1 item1.0 0.1 1.1",
        "w0 item2.0 1.2 2.2",
        "w1 item3.0 1.2 2.2",
        "w0 item4.0 2.3 3.3",
        "w1 item0.1 2.3 3.3",
        "w0 item1.1 3.4 4.4",
        "w1 item2.1 3.4 4.4",
        "w0 item3.1 4.5 5.5",
        "w1 item4.1 4.5 5.5",
    }
    moved = {
        "w0 host>item0.0 host>w0 0 0.1",
        "w1 host>item1.0 host>w1 0 0.1",
        "w0 host>item2.0 host>w0 1.1 1.2",
        "w1 host>item3.0 host>w1 1.1 1.2",
        "w0 host>item4.0 host>w0 2.2 2.3",
        "w1 item0.0>item0.1 w0>w1 2.2 2.3",
        "w0 item1.0>item1.1 w1>w0 3.3 3.4",
        "w1 item2.0>item2.1 w0>w1 3.3 3.4",
        "w0 item3.0>item3.1 w1>w0 4.4 4.5",
        "w1 item4.0>item4.1 w0>w1 4.4 4.5",
    }
    assert spans(run) == computes | moved


def test_steps_stand_around_the_run_and_are_numbered_after_the_last_task():
    steps = {"split": "1 s", "create": "0 s", "allocate": "2 s", "gather": "3 s", "merge": "500 ms"}
    run = simulate(1, [task("a", 1), task("b", 1)], steps=steps)
    table = [(n, t, k, w, lane, s, e) for n, t, k, w, lane, _, s, e, _, _ in run.timeline.rows()]
    assert table == [
        (2, "split", "split", "", "host", 0, 1),
        (3, "allocate", "allocate", "", "host", 1, 3),
        (0, "a", "compute", "w0", "compute", 3, 4),
        (1, "b", "compute", "w0", "compute", 4, 5),
        (4, "gather", "gather", "", "host", 5, 8),
        (5, "merge", "merge", "", "host", 8, 8.5),
    ]


def test_gather_waits_for_the_last_result():
    sizes = {"workload.result": "10 MB", "cluster.devices": 1, "workload.data": [1], "plan.steps.gather": "1 s"}
    run = parsim.simulate(case("01_five_tasks_data"), set=sizes)
    assert spans(run) >= {"w0 part0>host w0>host 1.1 2.1", " gather 2.1 3.1"}


# Columns of the timeline.


def test_rows_of_the_contract():
    run = simulate(["p", "q"], ACROSS)
    assert run.timeline.rows() == [
        (0, "a", "compute", "p", "compute", 0, 0, 1, 1, ""),
        (1, "b", "compute", "q", "compute", 0, 0, 3, 3, ""),
        (2, "a>c", "transfer", "q", "p>q", 1, 3, 4, 1, "b"),
        (2, "c", "compute", "q", "compute", 3, 4, 5, 1, "a>c"),
    ]


def test_rows_are_sorted_by_start_number_lane_task():
    tasks = [
        task("a", {"p": 1}),
        task("b", {"q": 1}),
        task("d", {"r": 0}, {"b": "1 MB", "a": "1 MB"}),
        task("c", {"s": 1}, {"a": "1 MB", "b": "1 s"}),
    ]
    run = simulate(["p", "q", "r", "s"], tasks)
    rows = [(start, number, lane, name) for number, name, _, _, lane, _, start, *_ in run.timeline.rows()]
    assert rows == sorted(rows)
    assert [row[3] for row in rows] == ["a", "b", "a>d", "b>d", "b>c", "a>c", "d", "c"]


# Devices.


def test_speed_divides_one_quantity_and_leaves_a_devices_own_alone():
    devices = [{"name": "p", "speed": 2}, "q"]
    tasks = [task("a", 4), task("b", 4), task("c", {"p": 4})]
    assert spans(simulate(devices, tasks)) == {"p a 0 2", "q b 0 4", "p c 2 6"}


def test_more_devices_than_tasks():
    run = simulate(5, [task("a", 1), task("b", 1)])
    assert spans(run) == {"w0 a 0 1", "w1 b 0 1"}
    assert [row["utilisation"] for row in run.metrics["devices"]] == [1, 1, 0, 0, 0]


def test_a_run_of_no_seconds():
    run = simulate(1, [task("a", 0)])
    assert run.timeline.makespan_s == 0
    assert run.metrics["devices"][0]["utilisation"] == 0
    assert run.ledger.difference_s() == 0


# Pipelines: in_order.


def test_a_pipeline_with_sends():
    workload = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s", "send": "500 ms"}
    plan = {"schedule": "gpipe", "microbatches": 2}
    run = parsim.simulate({"cluster": {"devices": 2}, "workload": workload, "plan": plan})
    assert spans(run) == {
        "w0 0F0 0 1",
        "w0 0F1 1 2",
        "w1 0F0>1F0 delay 1 1.5",
        "w1 1F0 1.5 2.5",
        "w1 0F1>1F1 delay 2 2.5",
        "w1 1F1 2.5 3.5",
        "w1 1B0 3.5 5.5",
        "w1 1B1 5.5 7.5",
        "w0 1B0>0B0 delay 5.5 6",
        "w0 0B0 6 8",
        "w0 1B1>0B1 delay 7.5 8",
        "w0 0B1 8 10",
    }


# Luck.


def test_the_draw_belongs_to_the_task_and_policies_see_what_is_expected():
    tasks = [task(f"t{i}", 1 + i) for i in range(6)]
    cluster, cost = {"devices": 2}, {"kind": "noisy", "spread": 0.5}
    scenario = {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, "cost": cost, "seed": 3}
    took = []
    for change in ({"policy": "fifo"}, {"policy": "heft"}, {"policy": "fifo", "cluster": {"devices": 5}}):
        rows = parsim.simulate(scenario | change).timeline.rows()
        took.append({name: end - start for _, name, _, _, _, _, start, end, _, _ in rows})
        assert {name: nominal for _, name, *_, nominal, _ in rows} == {f"t{i}": 1 + i for i in range(6)}
    assert took[0] == pytest.approx(took[1])
    assert took[0] == pytest.approx(took[2])
    assert any(abs(took[0][f"t{i}"] - (1 + i)) > 0.1 for i in range(6))
    other = parsim.simulate(scenario | {"seed": 4}).timeline.makespan_s
    assert other != parsim.simulate(scenario).timeline.makespan_s


# What a transfer waited for.


def waited_for(run):
    return dict(zip(run.timeline.task.tolist(), run.timeline.waited_for.tolist(), strict=True))


def test_a_transfer_that_starts_as_its_task_is_released_waited_for_the_last_parent():
    # a ends at 1, b at 2; only then c is ready and taken, so a>c starts at the end of b, not of a.
    tasks = [task("a", {"p": 1}), task("b", {"q": 2}), task("c", {"r": 1}, {"a": "1 MB", "b": "1 MB"})]
    run = simulate(["p", "q", "r"], tasks)
    assert spans(run) == {"p a 0 1", "q b 0 2", "r a>c p>r 2 3", "r b>c q>r 2 3", "r c 3 4"}
    assert waited_for(run) == {"a": "", "b": "", "a>c": "b", "b>c": "b", "c": "b>c"}


def test_a_transfer_whose_task_found_no_room_waited_for_memory():
    # p has two workers and 10 MB, all of which x takes until 3. Then p.0 goes on with z, ready since 0; p.1, which has
    # waited for room since 0, takes y.
    devices = [{"name": "p", "slots": 2, "memory": "10 MB"}, "q"]
    tasks = [
        task("a", {"q": 1}),
        task("x", {"p": 3}, memory="10 MB"),
        task("z", {"p": 1}, memory="1 MB"),
        task("y", {"p": 1}, {"a": "1 MB"}),
    ]
    run = simulate(devices, tasks)
    assert spans(run) == {"q a 0 1", "p.0 x 0 3", "p.0 z 3 4", "p.1 a>y q>p 3 4", "p.1 y 4 5"}
    assert waited_for(run) == {"a": "", "x": "", "z": "x", "a>y": "memory", "y": "a>y"}


# A policy with a will of its own.


class Patient:
    """Give even tasks to worker 0, odd ones to worker 1, and those only when worker 0 has asked for a second task."""

    def prepare(self, graph, workers, estimate):
        self.waiting, self.asked = [], 0

    def home(self, task):
        return None

    def ready(self, task, by):
        self.waiting.append(task)

    def take(self, worker, fits):
        self.asked += worker == 0
        mine = [task for task in self.waiting if task % 2 == worker and (worker == 0 or self.asked > 1)]
        for task in mine[:1]:
            self.waiting.remove(task)
            return task
        return None


@pytest.mark.parametrize("memory", [{}, {"memory": "1 GB"}])  # with and without room to keep
def test_a_worker_that_asked_in_vain_is_asked_again(memory):
    # w1 asks at 0 and gets nothing. a's end at 2 releases no task; w0 asks again, and only then may w1 have b.
    devices = [{"name": "w0", **memory}, {"name": "w1", **memory}]
    raw = {
        "cluster": {"devices": devices},
        "workload": {"kind": "tasks", "tasks": [task("a", 2), task("b", 1)]},
    }
    job = replace(build(load(raw)), policy=Patient)
    rows = [(worker, name, start, end) for _, name, _, worker, _, _, start, end, _, _ in play(job).rows()]
    assert rows == [("w0", "a", 0, 2), ("w1", "b", 2, 3)]


# Ends that are withdrawn.


def test_a_task_that_stops_is_started_again_and_others_go_on():
    """w0 fails at 1 s and is back at 4 s: its task runs anew, the one that waits for it starts later, w1 goes on."""
    tasks = [task("a", {"w0": 3}), task("b", {"w1": 2}), task("c", {"w1": 1}, ["a"])]
    job = build(load({"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}}))
    engine = engine_of(prepared(job))
    second = engine.ticks.of(1.0)
    fails, back = (engine.clock.timeout(seconds * second) for seconds in (1, 4))
    fails.callbacks.append(lambda event: engine.spans.withdraw(0, engine.clock.now))
    back.callbacks.append(lambda event: engine.spans.start(0, 0, engine.clock.now))
    engine.play()
    timeline = write(job, engine.record())
    assert [(row[1], *row[6:8]) for row in timeline.rows()] == [("b", 0, 2), ("a", 4, 7), ("c", 7, 8)]
    assert check(job, timeline) == []
    idle = zip(timeline.idle.worker.tolist(), timeline.idle.start_s, timeline.idle.end_s, strict=True)
    assert list(idle) == [(0, 0, 4), (0, 7, 8), (1, 2, 7)]


# Several runs on one clock.


def test_two_jobs_share_a_clock_and_a_network():
    """Job 0 sends 2 MB over a link of 1 MB/s from 0 s on, job 1 sends 1 MB from 1 s on: from then on each gets half."""
    jobs = [
        [task("a", {"w0": 0}), task("b", {"w1": 1}, {"a": "2 MB"}), task("c", {"w0": 7})],
        [task("a", {"w0": 1}), task("b", {"w1": 1}, {"a": "1 MB"}), task("c", {"w1": 7})],
    ]
    jobs = [simulate(2, tasks, "round_robin").job for tasks in jobs]
    ready = [prepared(replace(job, cluster=jobs[0].cluster)) for job in jobs]
    assert ready[0].ticks == ready[1].ticks
    clock, network = Environment(0), Network(jobs[0].cluster.capacities, ready[0].ticks)
    engines = [assembled(one, clock, network) for one in ready]
    for engine in engines:
        engine.begin()
    clock.run()
    ends = [{row[1]: row[7] for row in write(engine.job, engine.record()).rows()} for engine in engines]
    assert [(found["a>b"], found["b"], found["c"]) for found in ends] == [(3, 4, 7), (3, 8, 7)]
