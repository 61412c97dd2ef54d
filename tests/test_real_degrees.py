"""Training by degrees of parallelism, really computed. The oracle is a step on one worker with the whole batch."""

import multiprocessing
import pickle
import resource
import sys
import threading
import time
from itertools import product

import numpy as np
import pytest

import parsim
from parsim.build import build
from parsim.collectives import algorithm_of, collectives
from parsim.core.algorithm import Question, operations_of, rounds_of
from parsim.core.evaluation import alike
from parsim.core.rounds import Group
from parsim.core.schema import Ask
from parsim.core.script import Script, perform
from parsim.metrics.checker import check
from parsim.metrics.ledger import ledger
from parsim.real.rank import Rank
from parsim.real.ranks import courses, numbers_of, ways_of
from parsim.real.transport import Way
from parsim.real.ways import Network
from parsim.real.worker import Failure
from parsim.scenario.scenario import load
from parsim.training.course import Course
from parsim.training.within import parts_of

STEPS = 20
ADAM = {"kind": "adam", "rate": 0.003}
MLP = {"kind": "mlp", "widths": [12, 16, 16, 20, 8], "batch": 24, "iterations": STEPS, "optimizer": ADAM}
BLOCKS = {"vocabulary": 24, "width": 16, "heads": 4, "blocks": 2, "sequence": 6, "batch": 8}
TRANSFORMER = {"kind": "transformer", **BLOCKS, "iterations": STEPS, "optimizer": ADAM}

MIXTURE = {"kind": "mixture", **BLOCKS, "experts": 4, "top": 2}
TRANSLATION = {"kind": "encoder_decoder", **BLOCKS}


def scenario(plan, workload=MLP, **more):
    """Return a scenario; the plan says how many devices there are."""
    cluster = {"topology": {"kind": "full", "bandwidth": "5 GB/s", "latency": "30 us"}}
    return {
        "cluster": cluster,
        "workload": workload,
        "plan": plan,
        "cost": {"kind": "constant", "compute": "1 ms"},
    } | more


def trained_alone(program):
    """Train on one worker with the whole batch; return the weights of each layer."""
    model, optimizer = program.model, program.update.kernel
    every = range(len(model.layers))
    inputs, labels = model.data()
    states = [optimizer.start(one) for one in model.weights(every)]
    for _ in range(program.iterations):
        weights = [state[0] for state in states]
        losses, kept = model.forward(every, inputs, labels, weights)
        _, grads = model.backward(every, np.full(losses.shape, 1 / losses.size), kept, weights)
        states = [optimizer.forward(state, grad) for state, grad in zip(states, grads, strict=True)]
    new = iter(state[0] for state in states)
    return [[next(new) for _ in layer.weights] for layer in model.layers]


def held(device, number):
    """Return the weights of a layer on a device, and of flat shares the device's part: (all?, arrays)."""
    alone = range(number, number + 1)
    return (False, device._shares[alone]) if alone in device._shares else (True, device.full[number])


def assert_trained(program, devices):
    """Every device has its part of the weights that one worker would have."""
    expected = trained_alone(program)
    for device in devices:
        places = program.layout.places
        for stage in places.stage[places.rank == device.pipeline].tolist():
            for number in program.cut.stages[stage]:
                shapes = program.own.layers[number].weights.values()
                own = [parts_of(one, shape, device.tensor) for one, shape in zip(expected[number], shapes, strict=True)]
                whole, found = held(device, number)
                if whole:
                    for one, other in zip(own, found, strict=True):
                        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)
                    continue
                flat = np.concatenate([one.ravel() for one in own])
                mine = flat[device.data * len(found) : (device.data + 1) * len(found)]
                np.testing.assert_allclose(found[: len(mine)], mine, rtol=1e-9, atol=1e-12)


BY_ONE = {"detail": "layers", "sequence_parallel": False}
PLANS = {
    "tensor": {"tensor": 4, **BY_ONE},
    "tensor and data": {"data": 2, "tensor": 2, "microbatches": 2, "sharding": "zero3", **BY_ONE},
    "tensor, data and pipeline": {"data": 2, "tensor": 2, "pipeline": 2, "microbatches": 2, **BY_ONE},
    "data": {"data": 2},
    "data in buckets, with microbatches": {"data": 4, "bucket": "1 kB", "microbatches": 2},
    "data by another algorithm": {"data": 4, "algorithm": "halving-doubling"},
    "zero1": {"data": 2, "sharding": "zero1", "bucket": "2 kB"},
    "zero2": {"data": 2, "sharding": "zero2", "bucket": "2 kB", "microbatches": 2},
    "zero3": {"data": 3, "sharding": "zero3"},
    "zero3 that keeps weights": {"data": 2, "sharding": {"kind": "zero3", "reshard": False}, "microbatches": 2},
    "pipeline": {"pipeline": 2, "microbatches": 4},
    "pipeline of several stages a rank": {"pipeline": 2, "microbatches": 4, "schedule": "interleaved-1f1b"},
    "pipeline and data": {"data": 2, "pipeline": 2, "microbatches": 2, "sharding": "zero1"},
    "halves of backward, fully sharded": {
        "data": 2,
        "pipeline": 2,
        "microbatches": 4,
        "schedule": "zb-h1",
        "sharding": "zero3",
    },
}


OTHER = {  # parts of blocks
    "gated, rotary": {"activation": "swiglu", "norm": "rmsnorm", "positions": "rotary"},
    "learned, norms after": {"positions": "learned", "norm_place": "after", "key_value_heads": 2, "attention": "plain"},
}
OFTEN = ("zero1", "tensor and data", "halves of backward, fully sharded")
CASES = {
    **{f"mlp: {name}": (plan, MLP) for name, plan in PLANS.items()},
    **{f"transformer: {name}": (PLANS[name], TRANSFORMER) for name in OFTEN},
    **{
        name: ({"tensor": 2, "pipeline": 2, "microbatches": 2, **BY_ONE}, TRANSFORMER | more)
        for name, more in OTHER.items()
    },
}


@pytest.mark.parametrize(("plan", "workload"), CASES.values(), ids=CASES)
def test_every_device_ends_with_the_weights_of_one_worker(plan, workload):
    run = parsim.simulate(scenario(plan, workload, clock="live"))
    program = run.job.graph.program
    assert_trained(program, program.devices)
    assert alike(run.value, program.serial())
    assert not check(run.job, run.timeline)


def test_a_wrong_sum_of_gradients_is_noticed(monkeypatch):
    """A control: with gradients that are not added up, devices end with other weights."""
    monkeypatch.setattr("parsim.training.computed.perform", lambda script, buffers: None)
    run = parsim.simulate(scenario({"data": 2}, clock="live"))
    with pytest.raises(AssertionError):
        assert_trained(run.job.graph.program, run.job.graph.program.devices)


REAL = {
    "data": ({"data": 2, "bucket": "1 kB", "microbatches": 2}, MLP),
    "zero3": ({"data": 2, "sharding": "zero3", "microbatches": 2}, TRANSFORMER),
    "pipeline and data": ({"data": 2, "pipeline": 2, "microbatches": 2, "sharding": "zero2"}, MLP),
    "tensor": ({"tensor": 2, "microbatches": 2, **BY_ONE}, TRANSFORMER),
}


@pytest.mark.parametrize(("plan", "workload"), REAL.values(), ids=REAL)
def test_processes_compute_what_one_worker_does(plan, workload):
    run = parsim.replay(scenario(plan, workload), timeout_s=60)
    assert run.result_matches_serial
    for one in (run.predicted, run.measured):
        assert not check(one.job, one.timeline)
        terms = ledger(one.timeline, one.job.cluster.stands_for, 0.0)
        assert abs(terms.difference_s()) <= 1e-9 * terms.makespan_s
    predicted, measured = (one.timeline for one in (run.predicted, run.measured))
    assert set(predicted.task) - set(measured.task) == set()
    received = [np.sort(one.size[one.sender >= 0]).sum() for one in (predicted, measured)]
    assert received[0] == pytest.approx(received[1])


class Silent:
    """A way to a host that nobody listens to."""

    def send(self, message):
        assert len(pickle.loads(message)) != len(Failure._fields), message


@pytest.mark.parametrize("name", ["zero1", "zero3", "tensor, data and pipeline", "halves of backward, fully sharded"])
def test_workers_that_exchange_end_with_the_weights_of_one(name):
    """Threads in place of processes, so that their weights can be looked at; their lanes are those of processes."""
    program = build(load(scenario(PLANS[name], clock="live"))).graph.program
    every, switch = courses(program), sys.getswitchinterval()
    network = Network(len(every), ways_of(every), numbers_of(every))
    ranks = [Rank(Silent(), program, number, network.of[number]) for number in range(len(every))]
    for rank in ranks:
        rank.prepare()
    threads = [threading.Thread(target=rank.run, daemon=True) for rank in ranks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sys.setswitchinterval(switch)
    network.end()
    assert_trained(program, [rank.device for rank in ranks])


def cases():
    for name, entry in collectives.entries().items():
        for operation in ("all-reduce", "all-gather", "reduce-scatter"):
            if name not in ("auto", "custom") and operation in operations_of(entry):
                yield name, operation


@pytest.mark.parametrize(("name", "operation"), list(cases()))
def test_a_script_adds_up_and_gathers(name, operation):
    draw = np.random.default_rng(3)
    for ranks, numbers in product((2, 4), (8, 20)):
        script = script_of(name, operation, ranks)
        buffers = [draw.standard_normal(numbers) for _ in range(ranks)]
        expected = result(operation, buffers)
        perform(script, buffers)
        for rank, buffer in enumerate(buffers):
            own = part(operation, rank, ranks, numbers)
            np.testing.assert_allclose(buffer[own], expected[own])


def script_of(name, operation, ranks):
    question = Question(operation, 1e6, 1, Group((0,) * ranks))
    return Script(operation, ranks, rounds_of(algorithm_of(Ask(name, collectives[name]), question), question))


def part(operation, rank, ranks, numbers):
    """Return which numbers of its buffer a rank ends with."""
    share = numbers // ranks
    return slice(rank * share, (rank + 1) * share) if operation == "reduce-scatter" else slice(None)


def result(operation, buffers):
    """Return the whole result of an operation."""
    if operation == "all-gather":
        shares = np.stack([np.split(one, len(buffers))[rank] for rank, one in enumerate(buffers)])
        return shares.ravel()
    return np.sum(buffers, axis=0)


@pytest.mark.parametrize("name", ["ring", "halving-doubling", "direct"])
def test_workers_play_a_script_with_each_other(name):
    """Threads in place of processes: the same pipes and buffers."""
    ranks, numbers = 4, 1000
    script = script_of(name, "all-reduce", ranks)
    pairs = [Way(a, b, 1) for a, b in product(range(ranks), repeat=2) if a != b]
    network = Network(ranks, pairs, {(rank, 1): numbers for rank in range(ranks)})
    draw = np.random.default_rng(5)
    given = [draw.standard_normal(numbers) for _ in range(ranks)]
    found = [np.empty(0)] * ranks

    def play(rank):
        own = network.of[rank]
        buffer = own.buffer(1, numbers)
        buffer[:] = given[rank]
        for step in script.steps[rank]:
            own.step(1, range(ranks), script, step, buffer)
        found[rank] = buffer.copy()

    threads = [threading.Thread(target=play, args=(rank,)) for rank in range(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for one in found:
        np.testing.assert_allclose(one, np.sum(given, axis=0))
    network.end()


SCHEDULES = ("gpipe", "1f1b", "interleaved-1f1b", "zb-h1", "zb-v", "dualpipev")
SHARDINGS = ("none", "zero1", "zero2", {"kind": "zero3", "prefetch": 2}, {"kind": "zero3", "reshard": False})


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_lane_waits_in_a_circle(schedule):
    """Threads as workers have them: each does its tasks in order, a collective when all its members have come to it."""
    deep = MLP | {"widths": [12] * 9, "batch": 32, "iterations": 2}
    for sharding, tensor in (*product(SHARDINGS, (1,)), ("zero1", 2), ("zero3", 2)):
        plan = {"data": 2, "tensor": tensor, "pipeline": 2, "microbatches": 4, "schedule": schedule, "bucket": "1 kB"}
        raw = scenario({**plan, "sharding": sharding, "detail": "layers"}, deep, clock="live")
        training = build(load(raw)).graph.program
        courses = [Course(training, number) for number in range(training.parallelism.degrees.devices)]
        parents = {task: mine for course in courses for task, mine in course.parents.items()}
        lines = [list(reversed(line)) for course in courses for line in (course.computes, *course.lanes.values())]
        done = set()
        while lines := [line for line in lines if line]:
            heads = {line[-1] for line in lines if done.issuperset(parents.get(line[-1], ()))}
            able = {one for one in heads if heads.issuperset(meeting(training, one))}
            assert able, (schedule, sharding, tensor)
            done |= able
            for line in lines:
                if line[-1] in able:
                    line.pop()


def meeting(training, task):
    """Return the tasks that have to begin with a task."""
    return training.meeting_of[task].members if task in training.meeting_of else (task,)


# -- what fails, and what is refused


def test_a_worker_that_dies_ends_the_run():
    def kill():
        while not (found := [one for one in multiprocessing.active_children() if one.name == "parsim w1"]):
            time.sleep(0.02)
        time.sleep(1.0)
        found[0].kill()

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(parsim.RunError, match="worker w1 was killed by SIGKILL"):
        parsim.replay(scenario({"data": 2}, MLP | {"iterations": 2_000}), timeout_s=60)
    assert multiprocessing.active_children() == []


def test_a_loss_that_is_not_a_number_names_its_task():
    wild = MLP | {"optimizer": {"kind": "sgd", "rate": 1e200}}
    with pytest.raises(
        parsim.RunError, match=r"task .* on worker w\d: FloatingPointError: .* try a lower learning rate"
    ):
        parsim.replay(scenario({"data": 2}, wild), timeout_s=60)


@pytest.mark.parametrize(
    ("plan", "workload", "message"),
    [
        ({"data": 6}, MLP | {"widths": [4096, 4096, 8]}, "model of 100859904 weights on 6 devices, but at most"),
        ({"data": 2, "recompute": "full"}, TRANSFORMER, "plan.recompute: recomputation is counted and not computed"),
        ({"context": 2}, TRANSFORMER, "plan.context: ranks of context are counted and not computed"),
        ({"data": 2, "pipeline": 2, "sends": "blocking"}, MLP, "plan.sends: worker processes compute while they send"),
        ({"data": 2}, TRANSFORMER | {"dropout": 0.1}, "workload: dropout is counted and not computed"),
        ({"tensor": 2, "sequence_parallel": False}, TRANSFORMER, "plan.detail: exchanges within layers are priced"),
        ({"tensor": 2, "detail": "layers"}, TRANSFORMER, "plan.sequence_parallel: ranks that divide rows are counted"),
        ({"tensor": 2, **BY_ONE}, TRANSFORMER | {"biases": True}, "workload.biases: added to products that tensor"),
        ({"tensor": 2, **BY_ONE}, TRANSFORMER | {"vocabulary": 25}, "plan.tensor: tensor 2 does not divide a weight"),
        ({"tensor": 2, **BY_ONE}, MIXTURE, "plan.tensor: experts would need further sums between tensor ranks"),
        ({"tensor": 2, **BY_ONE}, TRANSLATION, "plan.tensor: what a decoder reads of the encoder would need further"),
        ({"data": 2, "expert": 2}, MIXTURE, "plan.expert: ranks of expert are counted and not computed"),
        ({"tensor": 3, **BY_ONE}, MLP, "plan.tensor: tensor 3 does not divide a width of 16"),
    ],
)
def test_what_is_only_counted_is_refused(plan, workload, message):
    with pytest.raises(parsim.ScenarioError, match=message):
        parsim.replay(scenario(plan, workload))


def test_what_does_not_fit_this_machine_is_refused(monkeypatch):
    monkeypatch.setattr("parsim.real.processes.memory", lambda: 100e3)
    message = r"plan: its devices together hold \d+ kB, and this machine has 100 kB; write smaller sizes"
    with pytest.raises(parsim.ScenarioError, match=message):
        parsim.replay(scenario({"data": 4}, MLP | {"widths": [12, 160, 8]}))


def test_parts_that_depend_on_the_cut_are_refused():
    cnn = {"kind": "cnn", "image": 8, "classes": 4, "channels": [4], "batch": 8, "norm": "batchnorm"}
    with pytest.raises(parsim.ScenarioError, match="depends on how the batch is cut"):
        parsim.replay(scenario({"data": 2}, cnn))


def test_more_ways_than_may_be_open_are_refused():
    ways = [Way(a, b, lane) for lane in range(5) for a, b in product(range(60), repeat=2) if a != b]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        with pytest.raises(
            parsim.RunError, match=r"need 70800 ends of pipes and 0 B of shared memory, .* Too many open"
        ):
            Network(60, ways, {})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
