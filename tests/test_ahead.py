"""Tasks handed over ahead: what may be, in which order, and what becomes of failures and interruptions."""

import multiprocessing
from collections import deque
from dataclasses import replace
from itertools import count, pairwise
from multiprocessing import Pipe
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_scenarios import items, task_graphs
from worker_kernels import fall, hang, interrupt, refuse, twice

import parsim
from parsim.build import build
from parsim.core.columns import NONE
from parsim.core.errors import Stalled
from parsim.core.timeline import CAUSES
from parsim.metrics.checker import check
from parsim.metrics.ledger import ledger
from parsim.real import processes
from parsim.real.ahead import AHEAD
from parsim.real.channel import Channel
from parsim.real.dispatcher import Dispatcher
from parsim.real.worker import NEVER, Order, Report, wire
from parsim.real.worker_pool import Heard
from parsim.scenario.scenario import load
from parsim.sim.prepared import prepared

NAMED = ["heft", "cpop", "peft", "round_robin"]


# -- what is handed over, to workers that are played


class Played:
    """Workers that report in any order, each its own tasks in turn; what is handed over is checked."""

    def __init__(self, job, draw):
        self.job, self.draw, self.clock = job, draw, count(1)
        self.parents = [set() for _ in job.graph.names]
        for parent, child in zip(job.graph.edges.parent.tolist(), job.graph.edges.child.tolist(), strict=True):
            self.parents[child].add(parent)
        self.handed = [[] for _ in job.cluster.workers]
        self.held = [deque() for _ in job.cluster.workers]
        self.ended, self.most = set(), 0

    engine = "processes"

    def seconds(self, worker, stamp):
        return stamp

    def now(self):
        return float(next(self.clock))

    def order(self, worker, order):
        assert isinstance(wire(order), bytes)
        here = self.parents[order.task] - self.ended
        assert here <= {*self.handed[worker]}  # the worker comes to them before
        kept = {source.parent for source in order.inputs} - {NONE}
        assert here <= kept <= {*self.handed[worker]}
        room = self.dispatcher.room
        if room:
            most = [device.memory * (1 + 1e-9) for device in self.job.cluster.devices]
            assert all(map(float.__le__, room.rooms.held, most))
        self.handed[worker].append(order.task)
        self.held[worker].append(order.task)
        self.most = max(self.most, len(self.held[worker]))
        return self.now()

    def hear(self):
        busy = [worker for worker, held in enumerate(self.held) if held]
        some = self.draw(st.lists(st.sampled_from(busy), min_size=1, max_size=3, unique=True))
        heard = []
        for worker in sorted(some):
            task = self.held[worker].popleft()
            self.ended.add(task)
            heard.append(Heard(worker, Report(task, 1, {0: task}, [], self.now(), self.now(), NEVER, [], 0.0)))
        return heard


def dispatched(job, draw):
    """Let played workers run *job*; return them and the dispatcher."""
    program = SimpleNamespace(hands=lambda edge: slice(None), gathers=lambda task, last: slice(None if last else 0))
    job = replace(job, graph=replace(job.graph, program=program))
    pool = Played(job, draw)
    orders = [Order(task, (), (), True, False, ()) for task in range(len(job.graph))]
    pool.dispatcher = Dispatcher(job, pool, orders, {})
    pool.dispatcher.execute(0.0)
    return pool, pool.dispatcher


@given(raw=st.one_of(task_graphs(), items()), policy=st.sampled_from(NAMED), data=st.data())
def test_what_is_handed_over_is_there_and_has_room_and_its_turn(raw, policy, data):
    try:
        job = build(load(raw | {"policy": policy}))
        pool, dispatcher = dispatched(job, data.draw)
    except (parsim.ScenarioError, Stalled):
        return  # a task that no device holds, or room that nobody frees
    assert pool.ended == {*range(len(job.graph))}
    assert pool.most <= 1 + AHEAD
    orders = prepared(job).orders
    record, instants = dispatcher.record()
    assert (record.ready_s <= record.start_s).all()
    assert (instants.start_s <= instants.end_s).all()
    if orders:
        assert pool.handed == [list(order) for order in orders]
    else:
        for handed in pool.handed:
            assert all((record.ready_s[a], a) <= (record.ready_s[b], b) for a, b in pairwise(handed))


def graph(edges, workers, policy, **device):
    """Tasks t0, t1, ..., each for one device, and edges between them; 1 MB of memory and of output each."""
    tasks = [
        {"name": f"t{task}", "compute": {f"d{worker}": "1 s"}, "memory": "1 MB", "output": "1 MB",
         "after": [f"t{a}" for a, b in edges if b == task]}
        for task, worker in enumerate(workers)
    ]  # fmt: skip
    devices = [{"name": f"d{worker}", **device} for worker in range(1 + max(workers))]
    workload = {"kind": "tasks", "tasks": tasks}
    return build(load({"cluster": {"devices": devices}, "workload": workload, "policy": policy}))


class First(Played):
    """Workers that report nothing."""

    def hear(self):
        raise KeyboardInterrupt


def handed_first(job):
    """Return what each worker is handed before anybody reports."""
    program = SimpleNamespace(hands=lambda edge: slice(None), gathers=lambda task, last: slice(0))
    job = replace(job, graph=replace(job.graph, program=program))
    pool = First(job, None)
    pool.dispatcher = Dispatcher(
        job, pool, [Order(task, (), (), True, False, ()) for task in range(len(job.graph))], {}
    )
    with pytest.raises(KeyboardInterrupt):
        pool.dispatcher.execute(0.0)
    return pool.handed


CHAIN = [(task, task + 1) for task in range(19)]


@pytest.mark.parametrize(
    ("edges", "workers", "policy", "device", "wanted"),
    [
        ([], [0] * 20, "heft", {}, [1 + AHEAD]),  # so many at most
        (CHAIN, [0] * 20, "heft", {}, [1 + AHEAD]),  # each needs what the one before makes
        (CHAIN, [0] * 20, "round_robin", {}, [1]),  # none is ready before its parent has ended
        ([], [0] * 20, "round_robin", {}, [1 + AHEAD]),
        ([], [0] * 20, "fifo", {}, [1]),  # whoever is free takes
        ([(0, 3), (1, 4)], [0, 0, 1, 1, 1], "heft", {}, [2, 1]),  # t3 waits for another worker
        ([], [0] * 20, "heft", {"memory": "7 MB"}, [3]),  # 1 MB to compute in and 1 MB of output each
        ([], [0] * 20, "heft", {"memory": "7 MB", "slots": 2}, [1, 1]),  # its slots compete for the room
        ([], [0] * 20, "heft", {"slots": 2}, [1 + AHEAD, 1 + AHEAD]),
    ],
)
def test_so_many_are_handed_over_before_anybody_reports(edges, workers, policy, device, wanted):
    assert [len(handed) for handed in handed_first(graph(edges, workers, policy, **device))] == wanted


# -- real processes


def chain(kernel, policy="heft", data=(1, 2, 3, 4, 5, 6), devices=1, depth=2):
    raw = {
        "cluster": {"devices": devices},
        "workload": {"kind": "items", "data": list(data), "kernel": "double", "merge": "sum"},
        "plan": {"split": "chain", "depth": depth},
        "cost": {"kind": "constant", "compute": "1 ms"},
        "policy": policy,
    }
    job = build(load(raw))
    return replace(job, graph=replace(job.graph, program=replace(job.graph.program, kernel=kernel)))


@pytest.fixture(autouse=True)
def _nobody_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("policy", ["heft", "round_robin"])
def test_the_result_and_the_record(policy):
    job = chain(twice, policy, devices=2, depth=3)
    timeline, value = processes.play(job)
    assert value == 8 * 21
    assert check(replace(job, clock="replayed"), timeline) == []
    terms = ledger(timeline, job.cluster.stands_for, 0.0)
    assert abs(terms.difference_s()) <= 1e-9 * timeline.makespan_s
    rows = timeline.computes
    assert (timeline.ready_s[rows] <= timeline.start_s[rows]).all()
    for worker, order in zip(job.cluster.workers, prepared(job).orders, strict=False):
        mine = np.flatnonzero(rows & (timeline.worker == worker.name))  # sorted by start
        assert timeline.number[mine].tolist() == list(order)
    by_name = dict(zip(timeline.task.tolist(), timeline.waited_for.tolist(), strict=True))
    if policy == "heft":  # nothing travels, and each worker is busy: a task waits for that before it, or for a parent
        for task in timeline.task[rows].tolist():
            assert by_name[task] in {*timeline.task[rows].tolist(), "allocate"}


def test_what_a_worker_does_between_tasks_that_it_has_is_overhead():
    timeline, _ = processes.play(chain(twice))
    rows = timeline.computes
    first, last = timeline.start_s[rows].min(), timeline.end_s[rows].max()
    between = (timeline.idle.start_s >= first) & (timeline.idle.end_s <= last)
    assert {*timeline.idle.cause[between].tolist()} == {CAUSES.index("overhead")}


def names(timeline):
    return timeline.task[timeline.computes].tolist()


@pytest.mark.parametrize(
    ("kernel", "timeout_s", "told"),
    [
        (refuse, 20, "task {} on worker w0: ValueError: four is too much"),
        (fall, 20, "worker w0 was killed by SIGKILL while it had task {}"),
        (hang, 1, "no worker has answered for 1 s, the timeout: w0 had task {}"),
    ],
)
def test_what_goes_wrong_in_a_task_that_was_handed_over_ahead(kernel, timeout_s, told):
    """The tasks behind it have been handed over, too, and one of them needs what it makes."""
    job = chain(kernel)
    order = [job.graph.names[task] for task in prepared(job).orders[0]]
    with pytest.raises(parsim.Unfinished) as failed:
        processes.play(job, timeout_s=timeout_s)
    assert str(failed.value) == told.format("item3.0")
    assert names(failed.value.timeline) == order[: order.index("item3.0")]


def test_an_interruption_while_a_worker_has_tasks_ahead():
    job = chain(interrupt)
    order = [job.graph.names[task] for task in prepared(job).orders[0]]
    with pytest.raises(parsim.Unfinished, match=r"^interrupted while w0 had task item3\.0$") as stopped:
        processes.play(job, timeout_s=20)
    assert names(stopped.value.timeline) == order[: order.index("item3.0")]


def test_long_messages_do_not_lock_host_and_worker():
    """Texts travel through the pipes: 300 kB in each order, while the worker reports 600 kB."""
    job = chain(twice)
    program = job.graph.program
    texts = {task: ["x" * 300_000] for task in program.given}
    program = replace(program, given=texts, merge=lambda found: sum(map(len, found)))
    _, value = processes.play(replace(job, graph=replace(job.graph, program=program)), timeout_s=20)
    assert value == 6 * 4 * 300_000


# -- channels


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 40))
def test_messages_arrive_whole_and_in_order(messages, chunk):
    ours, theirs = map(Channel, Pipe())
    for message in messages:
        ours.post(message)
    assert ours.flush()
    found = []
    with pytest.MonkeyPatch.context() as patch:  # for this example alone: other tests read more at once
        patch.setattr("parsim.real.channel.CHUNK", chunk)
        while len(found) < len(messages):
            found += theirs.receive()
    assert found == messages
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()
    theirs.close()


def test_a_full_pipe_is_not_waited_for():
    ours, theirs = map(Channel, Pipe())
    ours.never_block()
    long = b"x" * 3_000_000
    ours.post(long)
    assert not ours.flush()
    found = []
    while not found:
        found = theirs.receive()
        ours.flush()
    assert found == [long]
    assert ours.flush()
    ours.close()
    theirs.close()
