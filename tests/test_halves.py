"""Training under schedules with the halves of backward: the same numbers, W in its place, sizes by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training import ADAM, MLP, TRANSFORMER, assert_same, layers, plainly, scenario
from whole_training import whole

import parsim
from parsim.build import build
from parsim.entries.registry import shelf
from parsim.metrics.checker import check
from parsim.real import processes
from parsim.scenario.scenario import load
from parsim.sim.play import valued

FILE = Path(__file__).parent / "halves.py"
WORK = {"mlp": MLP | {"optimizer": ADAM}, "transformer": TRANSFORMER}


@pytest.fixture(autouse=True, scope="module")
def halves():
    parsim.use(FILE)
    yield
    for name in ("delayed", "drawn", "torn"):
        shelf("schedules").remove(name)


def drawn(number):
    return {"kind": "drawn", "draw": number}


def job(work, ranks, microbatches, schedule, **more):
    return build(load(scenario(WORK[work], layers(ranks, microbatches, schedule), devices=ranks, **more)))


@pytest.mark.parametrize("schedule", ["delayed", *map(drawn, range(4))], ids=str)
@pytest.mark.parametrize(("ranks", "microbatches"), [(1, 3), (2, 4), (3, 5)])
@pytest.mark.parametrize("work", WORK)
def test_the_live_clock_trains_as_plain_numpy_does(work, ranks, microbatches, schedule):
    made = whole(job(work, ranks, microbatches, schedule, clock="live"))
    timeline, value = valued(made)
    assert_same(value, plainly(made))
    assert check(made, timeline) == []


@pytest.mark.parametrize(("work", "ranks", "schedule"), [("mlp", 3, drawn(5)), ("transformer", 2, "delayed")])
def test_processes_train_as_plain_numpy_does(work, ranks, schedule):
    made = whole(job(work, ranks, 4, schedule))
    assert_same(processes.play(made)[1], plainly(made))


@given(draw=st.integers(0, 10**6), ranks=st.integers(1, 4), microbatches=st.integers(1, 5))
@settings(max_examples=settings.default.max_examples // 4)
def test_any_order_is_played_as_it_stands(draw, ranks, microbatches):
    """On the simulated clock each rank computes its order, each iteration anew; halves take what the whole takes."""
    work = MLP | {"widths": [6, 8, 5, 7, 4], "iterations": 2}
    raw = scenario(work, layers(ranks, microbatches, drawn(draw)), devices=ranks) | {"cost": "roofline"}
    raw["cluster"]["device"] = {"peak": "1 GFLOP/s", "bandwidth": "1 GB/s"}
    run = parsim.simulate(raw)
    line = run.timeline
    orders = shelf("schedules")["drawn"](ranks=ranks, microbatches=microbatches, draw=draw)
    for rank, order in enumerate(orders):
        mine = line.computes & (line.worker == f"w{rank}")
        ops = [f"{op}@{iteration}" for iteration in range(2) for op in [*order, f"{rank}U"]]
        assert line.task[mine].tolist() == ops
    took = dict(zip(line.task.tolist(), (line.end_s - line.start_s).tolist(), strict=True))
    plain = parsim.simulate(raw | {"plan": layers(ranks, microbatches, "gpipe")}).timeline
    whole_s = dict(zip(plain.task.tolist(), (plain.end_s - plain.start_s).tolist(), strict=True))
    total = sum(seconds for name, seconds in took.items() if ">" not in name)
    assert total == pytest.approx(sum(seconds for name, seconds in whole_s.items() if ">" not in name))


def test_sizes_and_kernels_of_the_halves():
    made = job("mlp", 2, 3, "delayed").graph  # of ten rows in microbatches of 4 3 3
    output = dict(zip(made.names, made.output.tolist(), strict=True))
    row = 8 * 4  # B of a number for each of four rows
    # Stage 0 has the layers 6 x 8 and 8 x 5. Forward leaves x, h, y, and the second layer's h, and holds its output.
    assert output["0F0@0"] == row * (6 + 8 + 8 + 5) + row * 5
    # Of them the matrices' gradients need x and y, and the gradients of both h; nobody needs that of x.
    assert output["0I0@0"] == row * (6 + 8 + 8 + 5)
    assert output["0W0@0"] == 8 * (6 * 8 + 8 * 5)
    # Stage 1 has the layer 5 x 4 and the loss: forward leaves x, the logits and the labels.
    assert output["1F0@0"] == row * (5 + 4 + 1)
    assert output["1I0@0"] == row * (5 + 4) + row * 5  # and the gradient for stage 0
    assert output["1W0@0"] == 8 * 5 * 4
    recipes = {name: made.recipes[made.recipe[task]] for task, name in enumerate(made.names)}
    parts = {name: [(call.kernel, call.part) for call in recipe] for name, recipe in recipes.items()}
    assert parts["1I0@0"] == [("cross_entropy", "input_grad"), ("matmul", "input_grad")]
    assert parts["0I0@0"] == [("relu", "input_grad"), ("matmul", "input_grad"), ("relu", "input_grad")]
    assert parts["0W0@0"] == [("matmul", "weight_grad")] * 2
    assert parts["0W1@0"] == [("matmul", "weight_grad")] * 2 + [("accumulate", "forward")] * 2  # to what 0W0 has left


def test_a_delayed_half_frees_its_forward():
    """What forward leaves goes when I has ended; until W has, there is only what W needs of it."""
    made = job("transformer", 2, 4, "delayed").graph
    edges = {(made.names[a], made.names[b]) for a, b in zip(made.edges.parent, made.edges.child, strict=True)}
    assert {child for parent, child in edges if parent == "0F0@0"} == {"1F0@0", "0I0@0"}
    assert {child for parent, child in edges if parent == "0I1@0"} == {"0W1@0"}
    assert ("0W0@0", "0W1@0") in edges
    assert {parent for parent, child in edges if child == "0U@0"} == {"0W3@0"}


def test_halves_on_two_ranks_are_refused_with_their_place(tmp_path, command):
    file = tmp_path / "torn.json"
    file.write_text(json.dumps(scenario(MLP, layers(2, 2, "torn"))))
    column = file.read_text().index('"torn"') + 1
    code, out, err = command("run", file, "--with", FILE)
    assert (code, out) == (2, "")
    assert err == (
        f"{file}:1:{column}: plan.schedule: torn runs 1W0 on rank 0 and 1F0 on rank 1; "
        "training needs forward and backward of a microbatch on the same rank\n"
    )


def test_a_replay_tells_the_halves_apart():
    told = parsim.replay(scenario(MLP, layers(2, 3, "delayed"))).to_dict()
    assert told["result_matches_serial"] is True
    run = parsim.simulate(scenario(MLP, layers(2, 3, "delayed"), clock="live"))
    kinds = np.unique(run.timeline.kind[run.timeline.computes]).tolist()
    assert kinds == ["forward", "input_grad", "optimizer", "weight_grad"]
