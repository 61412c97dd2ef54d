"""Training by data and by layers: losses, gradients and weights against plain NumPy, figures against counts by hand."""

import json
import math
from dataclasses import replace
from functools import cache, partial

import numpy as np
import plain_training as plain
import pytest
from whole_training import whole

import parsim
from parsim.build import build
from parsim.core.evaluation import alike
from parsim.metrics.checker import check
from parsim.real import processes
from parsim.scenario.scenario import load
from parsim.sim.play import valued

ITERATIONS = 3
MLP = {"kind": "mlp", "widths": [6, 8, 5, 4], "batch": 10, "iterations": ITERATIONS}
TRANSFORMER = {"kind": "transformer", "vocabulary": 7, "width": 6, "sequence": 4, "batch": 5, "heads": 2, "blocks": 2,
               "iterations": ITERATIONS}  # fmt: skip
SGD, ADAM = {"kind": "sgd", "rate": 0.3}, {"kind": "adam", "rate": 0.02}


def layers(ranks, microbatches, schedule):
    return {"split": "layers", "pipeline": ranks, "microbatches": microbatches, "schedule": schedule}


PLANS = {
    "two subsets": {"split": "data"},
    "three subsets on two workers": {"split": "data", "subsets": 3},
    "five subsets on two workers": {"split": "data", "subsets": 5},
    "one subset": {"split": "data", "subsets": 1},
    "two subsets, two microbatches each": {"split": "data", "microbatches": 2},
    "one rank": layers(1, 2, "gpipe"),
    "two ranks, gpipe": layers(2, 3, "gpipe"),  # of 10 or 5 rows: 4 3 3, 2 2 1
    "two ranks, 1f1b": layers(2, 4, "1f1b"),
    "two ranks, one microbatch": layers(2, 1, "1f1b"),
}
WORK = {
    "mlp, relu": MLP,
    "mlp, gelu": MLP | {"activation": "gelu"},
    "mlp, adam": MLP | {"optimizer": ADAM},
    "transformer": TRANSFORMER,
    "transformer, adam": TRANSFORMER | {"optimizer": ADAM},
}


def scenario(workload=MLP, plan=None, devices=2, **more):
    full = {"kind": "full", "bandwidth": "1 GB/s", "latency": "1 us"}
    return {
        "cluster": {"devices": devices, "topology": full},
        "workload": {"optimizer": SGD, **workload},
        "plan": plan or {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 ms"},
        **more,
    }


def plainly(job):
    """Train a job's model in plain NumPy."""
    model, asked = job.graph.program.model, job.values["workload"]
    inputs, labels = model.data()
    start = model.weights(range(len(model.layers)))
    if asked["kind"] == "mlp":
        step = partial(plain.mlp, x=inputs, labels=labels, activation=asked.get("activation", "relu"))
    else:
        step = partial(plain.transformer, tokens=inputs, labels=labels, heads=asked["heads"])
    return plain.train(step, start, asked["iterations"], asked["optimizer"]["kind"], asked["optimizer"]["rate"])


def assert_same(found, expected):
    """Compare each iteration's loss, gradients of all weights, and weights, to rounding."""
    assert found["loss"] == pytest.approx([loss for loss, _, _ in expected], rel=1e-9, abs=0)
    for pairs, (_, grads, weights) in zip(found["gradient_norm"], expected, strict=True):
        assert len(pairs) == len(grads)
        for (grad, weight), own, after in zip(pairs, grads, weights, strict=True):
            np.testing.assert_allclose(grad, own, rtol=1e-9, atol=1e-12 * np.abs(own).max())
            np.testing.assert_allclose(weight, after, rtol=1e-9, atol=1e-11 * np.abs(after).max())


# -- the values


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("work", WORK)
def test_the_live_clock_trains_as_plain_numpy_does(work, plan):
    job = whole(build(load(scenario(WORK[work], PLANS[plan], clock="live"))))
    timeline, value = valued(job)
    assert_same(value, plainly(job))
    assert check(job, timeline) == []


@pytest.mark.parametrize(
    ("work", "plan", "devices"),
    [
        ("mlp, adam", "three subsets on two workers", 2),
        ("mlp, gelu", "two ranks, 1f1b", 2),
        ("mlp, relu", "three ranks", 3),
        ("transformer", "two subsets", 2),
        ("transformer, adam", "two ranks, gpipe", 2),
    ],
)
def test_processes_train_as_plain_numpy_does(work, plan, devices):
    plans = PLANS | {"three ranks": layers(3, 4, "1f1b")}
    job = whole(build(load(scenario(WORK[work], plans[plan], devices))))
    timeline, value = processes.play(job)
    assert_same(value, plainly(job))
    assert check(replace(job, clock="replayed"), timeline) == []


@pytest.mark.parametrize(
    ("plan", "prefetch"), [({"split": "data", "subsets": 5}, 3), (layers(3, 4, "gpipe"), 1)], ids=["data", "layers"]
)
def test_inputs_fetched_ahead_change_nothing(plan, prefetch):
    job = whole(build(load(scenario(MLP, plan | {"prefetch": prefetch}, devices=3))))
    assert_same(processes.play(job)[1], plainly(job))


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_three_ranks_on_the_live_clock(schedule):
    job = whole(build(load(scenario(WORK["transformer"], layers(3, 5, schedule), devices=3, clock="live"))))
    assert_same(valued(job)[1], plainly(job))


@pytest.mark.parametrize("work", WORK)
def test_one_worker_alone_trains_as_plain_numpy_does(work):
    job = build(load(scenario(WORK[work])))
    expected = plainly(job)
    told = job.graph.program.serial()
    assert told["loss"] == pytest.approx([loss for loss, _, _ in expected], rel=1e-9, abs=0)
    lengths = [[math.sqrt((grad**2).sum()) for grad in grads] for _, grads, _ in expected]
    assert all(map(alike, told["gradient_norm"], lengths))


@pytest.mark.parametrize(("work", "plan"), [("mlp, adam", "two subsets"), ("transformer", "two ranks, 1f1b")])
def test_a_replay_says_that_its_result_is_the_serial_one(work, plan):
    told = parsim.replay(scenario(WORK[work], PLANS[plan])).to_dict()
    live = parsim.simulate(scenario(WORK[work], PLANS[plan], clock="live")).to_dict()
    assert told["result_matches_serial"] is True
    assert told["predicted"]["result"] is None  # the simulated clock runs no kernels of training
    assert alike(told["measured"]["result"], live["result"])
    assert len(live["result"]["loss"]) == len(live["result"]["gradient_norm"]) == ITERATIONS
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize("work", ["mlp, gelu", "transformer"])
def test_gradients_are_the_slopes_of_the_loss(work):
    """Central differences of the whole model's loss, at some numbers of every weight."""
    program = build(load(scenario(WORK[work]))).graph.program
    model, every, draw = program.model, range(len(program.model.layers)), np.random.default_rng(3)
    inputs, labels = model.data()
    weights = model.weights(every)
    losses, kept = model.forward(every, inputs, labels, weights)
    _, grads = model.backward(every, model.grad_of_losses(losses), kept, weights)
    for number, grad in enumerate(grads):
        for place in map(tuple, draw.integers(0, grad.shape, (4, grad.ndim))):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [one.copy() for one in weights]
                moved[number][place] += step
                ends.append(model.forward(every, inputs, labels, moved)[0].mean())
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(grad[place], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("work", "iterations"), [("mlp, relu", 40), ("mlp, adam", 60), ("transformer, adam", 40)])
def test_the_loss_falls(work, iterations):
    workload = WORK[work] | {"iterations": iterations}
    loss = parsim.simulate(scenario(workload, PLANS["two subsets"], clock="live")).value["loss"]
    assert loss[-1] < loss[0] / 2


def test_seeds_draw_other_data_and_weights():
    def first(**more):
        return parsim.simulate(scenario(clock="live", **more)).value["loss"][0]

    assert first(seed=1) == first(seed=1) != first(seed=2)
    assert first(seed=1, workload=MLP | {"seed": 2}) == first(seed=2)


# -- what goes wrong while it trains


@pytest.mark.parametrize(("split", "task"), [("data", "0F0@1"), ("layers", "1F0@1")])
def test_a_loss_that_is_no_number_names_its_task(split, task, tmp_path, command, recwarn):
    file = tmp_path / "train.json"
    file.write_text(json.dumps(scenario(MLP | {"optimizer": {"kind": "sgd", "rate": 1e300}}, {"split": split})))
    code, out, err = command("run", file, "--set", "clock=live")
    assert (code, out) == (1, "")
    assert err == f"parsim: task {task}: FloatingPointError: the loss is nan; try a lower learning rate\n"
    code, out, err = command("replay", file)
    assert (code, out) == (1, "")
    # By data both workers come to the same end; whoever is heard first is named.
    names = {"data": ("0F0@1 on worker w0", "0F1@1 on worker w1"), "layers": ("1F0@1 on worker w1",)}[split]
    why = "FloatingPointError: the loss is nan; try a lower learning rate"
    assert err in [f"parsim: task {name}: {why}\n" for name in names]
    assert [str(one.message) for one in recwarn] == []  # no warning of NumPy beside it


def test_a_gradient_without_end_names_its_task():
    """The loss is finite, and its gradient's square is not: JSON writes no infinity."""
    workload = MLP | {"optimizer": SGD | {"rate": 1e90}}
    with pytest.raises(parsim.RunError, match=r"^task 0U@1: FloatingPointError: the gradient has the norm inf"):
        parsim.simulate(scenario(workload, clock="live"))


MINE = '''
"""An optimizer of one's own: a step by the sign of the gradient."""

import numpy as np

from parsim.kernels import kernels
from parsim.kernels.sgd import Sgd


@kernels.add("signs")
class Signs(Sgd):
    """Step by the sign."""

    def forward(self, *arrays):
        return super().forward(arrays[0], np.sign(arrays[1]))


@kernels.add("short")
class Short(Sgd):
    """Forget a row."""

    def forward(self, *arrays):
        return super().forward(*arrays)[:, 1:]
'''


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    parsim.use(file)
    yield
    file.write_text('from parsim.policies import policies\npolicies.add("none_of_these")(type("None_", (), {}))\n')
    parsim.use(file)
    from parsim.policies import policies

    policies.remove("none_of_these")


@pytest.mark.usefixtures("mine")
def test_an_optimizer_of_ones_own_trains_on_both_clocks():
    workload = MLP | {"optimizer": {"kind": "signs", "rate": 0.01}}
    run = parsim.replay(scenario(workload))
    program = run.measured.job.graph.program
    inputs, labels = program.model.data()
    weights, losses = program.model.weights(range(3)), []
    for _ in range(ITERATIONS):
        loss, grads = plain.mlp(weights, inputs, labels, "relu")
        weights = [one - 0.01 * np.sign(grad) for one, grad in zip(weights, grads, strict=True)]
        losses.append(loss)
    live = parsim.simulate(scenario(workload, clock="live"))
    assert run.measured.value["loss"] == pytest.approx(losses, rel=1e-9)
    assert live.value["loss"] == pytest.approx(losses, rel=1e-9)


@pytest.mark.usefixtures("mine")
def test_an_optimizer_that_makes_the_wrong_shape_is_named():
    workload = MLP | {"optimizer": "short"}
    why = r"the kernel short changed the shape of a state from \(1, 6, 8\) to \(1, 5, 8\)"
    with pytest.raises(parsim.RunError, match=f"^task 0U@0: ValueError: {why}"):
        parsim.simulate(scenario(workload, clock="live"))
    with pytest.raises(parsim.RunError, match=f"^task 0U@0 on worker w0: ValueError: {why}"):
        parsim.replay(scenario(workload))


# -- the graph


@cache
def graph(plan, workload="mlp, relu", devices=2):
    plans = PLANS | {"three ranks": layers(3, 4, "1f1b")}
    return build(load(scenario(WORK[workload], plans[plan], devices))).graph


def test_names_and_counts():
    data, pipe = graph("three subsets on two workers"), graph("two ranks, gpipe")
    first = ["0F0@0", "0B0@0", "0F2@0", "0B2@0", "0U@0", "0F1@0", "0B1@0"]  # rank 0 has two subsets
    assert list(data.names)[:7] == first
    assert len(data) == ITERATIONS * 7 + 1
    assert data.names[-1] == "0R1@2"  # the last weights travel to w1, too
    many = list(graph("five subsets on two workers").names)
    assert [name for name in many if "R" in name] == ["0R1@0", "0R1@1", "0R1@2"]  # once, for two forwards
    stage = [f"{stage}{kind}{m}@0" for stage in (0, 1) for kind in "FB" for m in range(3)]
    assert list(pipe.names)[:14] == [*stage[:6], "0U@0", *stage[6:], "1U@0"]
    assert [data.kinds[kind] for kind in data.kind[:5]] == ["forward", "backward"] * 2 + ["optimizer"]
    once = build(load(scenario(MLP | {"iterations": 1}))).graph
    assert list(once.names) == ["0F0", "0B0", "0U", "0F1", "0B1", "0R1"]


def sizes(found):
    return {
        (found.names[parent], found.names[child]): size
        for parent, child, size in zip(
            found.edges.parent.tolist(), found.edges.child.tolist(), found.edges.size.tolist(), strict=True
        )
    }


MATRICES = 8 * (6 * 8 + 8 * 5 + 5 * 4)  # B of the MLP's weights


def test_bytes_by_data():
    found = graph("two subsets")
    edges = sizes(found)
    assert edges["0F0@0", "0B0@0"] == edges["0B0@0", "0U@0"] == edges["0U@0", "0F0@1"] == 0  # they stay on w0
    assert edges["0B1@0", "0U@0"] == edges["0U@0", "0F1@1"] == MATRICES
    assert edges["0U@0", "0U@1"] == 0
    assert edges["0U@2", "0R1@2"] == MATRICES
    assert len(edges) == ITERATIONS * 4 + (ITERATIONS - 1) * 3 + 1
    many = sizes(graph("five subsets on two workers"))
    assert many["0U@0", "0R1@0"] == MATRICES  # two forwards on w1, and one way
    assert many["0R1@0", "0F1@1"] == many["0R1@0", "0F3@1"] == many["0U@0", "0F2@1"] == 0
    assert {pair for pair in many if pair[0] == "0U@0"} == {
        ("0U@0", child) for child in ("0R1@0", "0F0@1", "0F2@1", "0F4@1", "0U@1")
    }
    rows = dict(zip(found.names, found.given.tolist(), strict=True))
    assert rows["0F0@0"] == 8 * 5 * (6 + 1)  # five rows, and their labels
    assert rows["0B0@0"] == rows["0U@0"] == 0


def test_bytes_by_layers():
    found = graph("three ranks", devices=3)  # of one layer each; ten rows in microbatches of 3 3 2 2
    edges, given = sizes(found), dict(zip(found.names, found.given.tolist(), strict=True))
    assert edges["0F0@0", "1F0@0"] == edges["1B0@0", "0B0@0"] == 8 * 3 * 8
    assert edges["1F3@0", "2F3@0"] == edges["2B3@0", "1B3@0"] == 8 * 2 * 5
    assert {size for (parent, child), size in edges.items() if parent[0] == child[0]} == {0}
    assert (given["0F0@0"], given["1F0@0"], given["2F0@0"]) == (8 * 3 * 6, 0, 8 * 3)


def test_gpipe_holds_every_microbatch_and_1f1b_one_for_each_rank():
    def peak(schedule):
        run = parsim.simulate(scenario(MLP | {"batch": 400, "iterations": 1}, layers(2, 8, schedule)))
        return run.metrics["devices"][0]["peak_memory_bytes"]

    # Rank 0 has the layers 6 x 8 and 8 x 5. Of the 50 rows of a microbatch its forward leaves x, h, y and h again for
    # backward; its output goes to rank 1, and gradients of that output come back.
    weights, given, grad, largest = 8 * (6 * 8 + 8 * 5), 8 * 50 * 6, 8 * 50 * 5, 8 * 50 * 8
    left = 8 * 50 * (6 + 8 + 8 + 5)
    # During 0B0: all that eight forwards left; the weights, and their gradients; a gradient within; two that came.
    assert peak("gpipe") == 8 * left + 2 * weights + largest + 2 * grad
    # During 0B1: what 0F1 and 0F2 left; the weights, and their gradients; a gradient within, and that which 1B1 sent;
    # the output of 0F2 on its way, and the host's input of 0F3, which left as 0B1 started.
    assert peak("1f1b") == 2 * left + 2 * weights + largest + 2 * grad + given


def test_weights_with_the_state_of_their_optimizer_are_held_once():
    for optimizer, rows in ((SGD, 1), (ADAM, 4)):
        found = build(load(scenario(MLP | {"optimizer": optimizer}, PLANS["two ranks, gpipe"]))).graph
        assert found.group_size.tolist() == [8 * rows * (6 * 8 + 8 * 5), 8 * rows * 5 * 4]


def test_units_and_recipes():
    found = graph("three subsets on two workers")
    assert (
        found.units.sum() == len(found) - 1 == ITERATIONS * 7
    )  # a task is a unit, but for the receipt of the last weights
    task = list(found.names).index
    forward = [call.kernel for call in found.recipes[found.recipe[task("0F0@0")]]]
    assert forward == ["matmul", "relu", "matmul", "relu", "matmul", "cross_entropy"]
    backward = [(call.kernel, call.part) for call in found.recipes[found.recipe[task("0B0@0")]]]
    assert backward == [
        ("cross_entropy", "input_grad"), ("matmul", "input_grad"), ("matmul", "weight_grad"),
        ("relu", "input_grad"), ("matmul", "input_grad"), ("matmul", "weight_grad"),
        ("relu", "input_grad"), ("matmul", "weight_grad"),
    ]  # fmt: skip  # nobody needs the gradient of the data
    second = [call.kernel for call in found.recipes[found.recipe[task("0B2@0")]]]
    assert second[-3:] == ["accumulate"] * 3  # to what the first subset of its worker left
    update = [call.kernel for call in found.recipes[found.recipe[task("0U@0")]]]
    assert update == ["reduce"] * 3 + ["sgd"] * 3


# -- figures


def test_figures_by_hand():
    """Two workers, ten rows, tasks of 1 s on devices of 1 kFLOP/s; transfers take no time to speak of."""
    raw = scenario(MLP | {"iterations": 2})
    raw["cluster"]["device"] = {"peak": "1000 FLOP/s", "bandwidth": "1 GB/s"}
    raw["cluster"]["topology"] = {"kind": "full", "bandwidth": "1000 TB/s"}
    raw["cost"]["compute"] = "1 s"
    run = parsim.simulate(raw)
    found = run.metrics["training"]
    # w0: F B U F B U; w1: F B . F B .
    assert run.timeline.makespan_s == pytest.approx(6)
    matmul = 2 * 10 * (6 * 8 + 8 * 5 + 5 * 4)
    backward = 2 * matmul - 2 * 10 * 6 * 8  # without the gradient of the data
    assert found["iteration_s"] == pytest.approx(3)
    assert found["samples_per_s"] == pytest.approx(10 / 3)
    assert found["bubble_of_ideal"] == pytest.approx(6 / 5 - 1)
    assert found["bubble_of_whole"] == pytest.approx(1 / 6)
    assert found["mfu"] == pytest.approx((matmul + backward) / (3 * 2 * 1000))
    assert found["hfu"] == found["mfu"]  # nothing is computed again
    assert run.metrics["model"]["flop_per_iteration"] == matmul + backward


def test_figures_without_a_peak_and_without_training():
    found = parsim.simulate(scenario()).metrics["training"]
    assert found["mfu"] is found["hfu"] is None
    items = {"kind": "items", "count": 4}
    assert parsim.simulate(scenario() | {"workload": items}).metrics["training"] is None


def test_the_simulated_clock_says_that_it_runs_no_kernels():
    run = parsim.simulate(scenario())
    assert run.value is None
    assert run.to_dict()["result"] is None
    assert any("does not run these kernels" in note for note in run.notes)
    text = run.report()
    assert "only counts" not in text
    assert "none: no kernel ran" in text
    assert "unknown: a device has no peak" in text


# -- bad input


@pytest.mark.parametrize(
    ("where", "what", "path", "message"),
    [
        ("workload.widths", [5], "workload.widths", "needs at least two"),
        ("workload.widths", [5, 0], "workload.widths[1]", "0"),
        ("workload.batch", 0, "workload.batch", "0"),
        ("workload.activation", "tanh", "workload.activation", "'relu' or 'gelu'"),
        ("workload.optimizer", "relu", "workload.optimizer", "does not update weights; use sgd or adam"),
        ("workload.optimizer", "adan", "workload.optimizer", "Did you mean 'adam'?"),
        ("workload.optimizer", {"kind": "adam", "beta1": 2.0}, "workload.optimizer.beta1", "at least 0 and below 1"),
        ("workload.optimizer", {"kind": "sgd", "rat": 1.0}, "workload.optimizer.rat", "Did you mean 'rate'?"),
        ("plan.subsets", 11, "plan.subsets", "11 parts of 10 items"),
        ("plan.microbatches", 6, "plan.microbatches", "6 parts of 5 items"),
        ("plan.schedule", "gpipe", "plan.schedule", "does not apply to split: data"),
        ("plan.pipeline", 2, "plan.pipeline", "does not apply to split: data"),
        ("plan", {"split": "layers", "subsets": 2}, "plan.subsets", "does not apply to split: layers"),
        ("plan", {"split": "layers", "pipeline": 3}, "plan.pipeline", "needs 3 workers, the cluster has 2"),
        ("plan", {"split": "layers", "stages": [2, 2]}, "plan.stages", "covers 4 layers, and the model has 3"),
        ("plan", {"split": "layers", "stages": [3]}, "plan.stages", "has 1 stages, and the plan has 2"),
        ("plan", {"split": "layers", "recompute": ["none", "full"]}, "plan.recompute", "has 2 entries"),
        ("plan", {"split": "layers", "microbatches": 11}, "plan.microbatches", "11 parts of 10 items"),
        ("plan", {"split": "layers", "schedule": "gpip"}, "plan.schedule", "Did you mean 'gpipe'?"),
        ("plan", {"split": "chain"}, "plan.split", "'data' or 'layers'"),
        ("workload", TRANSFORMER | {"heads": 4}, "workload.heads", "4 heads cannot split a width of 6"),
    ],
)
def test_what_cannot_be_trained_is_refused_where_it_stands(where, what, path, message, tmp_path, command):
    file = tmp_path / "train.json"
    file.write_text(json.dumps(scenario()))
    code, out, err = command("run", file, "--set", f"{where}={json.dumps(what)}")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f": {path}: " in err
    assert message in err


@pytest.mark.parametrize(
    ("key", "what", "path", "message"),
    [
        ("widths", [20_000, 20_000], "workload", "makes a model of 400000000 weights"),
        ("iterations", 100_000, "workload.iterations", "makes 500001 tasks"),
    ],
)
def test_what_is_too_large_is_counted_and_not_computed(key, what, path, message):
    large = scenario(MLP | {key: what})
    assert len(build(load(large)).graph)
    with pytest.raises(parsim.ScenarioError, match=f": {path}: .*{message}"):
        build(load({**large, "clock": "live"}))


def test_a_pipeline_of_more_ranks_than_layers_is_refused():
    with pytest.raises(parsim.ScenarioError, match=r"plan.pipeline: 4 ranks make 4 stages, and the model has 3"):
        parsim.simulate(scenario(plan={"split": "layers", "pipeline": 4}, devices=8))
    short = scenario(plan={"split": "layers"}, devices=8)  # left out: as many as there are layers
    assert {*build(load(short)).graph.place.tolist()} == {0, 1, 2}
