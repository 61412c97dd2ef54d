"""Convolutional networks: ResNet-50 as published, a small one for real against plain NumPy, under every split."""

import json

import numpy as np
import plain_training as plain
import pytest
from plain_cnn import cnn
from test_models import built
from test_models import scenario as on_accelerators
from test_training import ADAM, assert_same, layers, scenario
from whole_training import whole

import parsim
from parsim.build import build
from parsim.kernels import products_of
from parsim.metrics.checker import check
from parsim.real import processes
from parsim.scenario.scenario import load
from parsim.sim.play import valued

RESNET = {"kind": "cnn", "preset": "resnet50"}
SMALL = {"kind": "cnn", "image": 7, "colours": 2, "classes": 4, "channels": [3, 4], "blocks": [2, 1], "batch": 6,
         "iterations": 2}  # fmt: skip
UNPADDED = SMALL | {"image": 9, "kernel": 2, "padding": 0, "optimizer": ADAM}


def chunked(ranks, microbatches, schedule):
    return layers(ranks, microbatches, schedule) | {"chunks": 2}


PLANS = {
    "data": {"split": "data"},
    "data, accumulated": {"split": "data", "microbatches": 2},
    "gpipe": layers(2, 3, "gpipe"),
    "1f1b": layers(2, 4, "1f1b"),
    "interleaved-1f1b": chunked(2, 2, "interleaved-1f1b"),
    "zb-h1": layers(2, 3, "zb-h1"),
    "zb-v": chunked(2, 4, "zb-v"),
}


def plainly(job):
    """Train a job's network in plain NumPy."""
    model, asked = job.graph.program.model, job.values["workload"]
    inputs, labels = model.data()
    blocks, padding = asked.get("blocks", [1] * len(asked["channels"])), asked.get("padding", 1)

    def step(weights):
        return cnn(weights, inputs, labels, blocks, padding, asked.get("norm") == "batchnorm")

    start = model.weights(range(len(model.layers)))
    return plain.train(step, start, asked["iterations"], asked["optimizer"]["kind"], asked["optimizer"]["rate"])


@pytest.mark.parametrize(("work", "plan"), [*((SMALL, plan) for plan in PLANS), (UNPADDED, "data"), (UNPADDED, "zb-v")])
def test_a_small_one_trains_as_plain_numpy_does(work, plan):
    job = whole(build(load(scenario(work, PLANS[plan], clock="live"))))
    timeline, value = valued(job)
    assert_same(value, plainly(job))
    assert check(job, timeline) == []


def test_processes_train_it_too():
    job = whole(build(load(scenario(SMALL, PLANS["zb-h1"]))))
    assert_same(processes.play(job)[1], plainly(job))


@pytest.mark.parametrize("plan", [{"split": "data", "subsets": 1}, layers(2, 1, "1f1b")], ids=["data", "layers"])
def test_with_batchnorm_it_trains_in_one_part(plan):
    job = whole(build(load(scenario(SMALL | {"norm": "batchnorm"}, plan, clock="live"))))
    assert_same(valued(job)[1], plainly(job))


def test_small_bottlenecks_have_the_slopes_of_the_loss_as_gradients():
    work = {"kind": "cnn", "image": 16, "classes": 3, "channels": [2, 3], "blocks": [2, 1], "batch": 4}
    program = build(load(scenario(work | {"block": "bottleneck", "norm": "batchnorm"}))).graph.program
    model, every, draw = program.model, range(len(program.model.layers)), np.random.default_rng(3)
    inputs, labels = model.data()
    weights = model.weights(every)
    losses, kept = model.forward(every, inputs, labels, weights)
    _, grads = model.backward(every, model.grad_of_losses(losses), kept, weights)
    for number, grad in enumerate(grads):
        way = draw.standard_normal(grad.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = [*weights[:number], weights[number] + step * way, *weights[number + 1 :]]
            ends.append(model.forward(every, inputs, labels, moved)[0].mean())
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float((grad * way).sum()), rel=1e-3, abs=1e-6)


# -- counts


def test_resnet_50_is_as_published():
    """Parameters of torchvision's checkpoint; 4.09 G multiplications and additions an image, counted layer by layer."""
    program = built(RESNET | {"batch": 2}, {"split": "data", "subsets": 1}).graph.program
    assert program.model.parameters == 25_557_032
    assert len(program.model.layers) == 18
    forward = program.stages.price(0, 2).calls[0]
    flop = sum(product.flop for call in forward for product in products_of(call))
    stem, head = 112 * 112 * 64 * 3 * 49, 2048 * 1000
    blocks = 0
    for wide, count, side in ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7)):
        came = 64 if wide == 64 else 2 * wide
        before = side if wide == 64 else 2 * side  # the first conv of a stage sees the larger image
        blocks += before**2 * came * wide + side**2 * (9 * wide**2 + 4 * wide**2 + came * 4 * wide)
        blocks += (count - 1) * side**2 * (4 * wide**2 + 9 * wide**2 + 4 * wide**2)
    assert flop == 2 * 2 * (stem + blocks + head)
    assert stem + blocks + head == 4_089_184_256


def test_the_bytes_that_a_bottleneck_keeps():
    """Three convs and their norms keep what they read, relus nothing: the next kernel keeps what they made."""
    program = built(RESNET | {"batch": 2}, {"split": "data", "subsets": 1}).graph.program
    place = 56 * 56
    narrow, wide = 64, 256  # channels that conv, norm, conv, norm, conv, norm read: of x, and of what is made of it
    kept = wide + narrow + narrow + narrow + narrow + wide
    assert program.stages.layer(2, (2, 256, 56, 56)).kept == 2 * 2 * place * kept


def test_an_a100_trains_as_many_images_as_was_measured():
    """NVIDIA's DeepLearningExamples, ResNet-50 v1.5 for PyTorch: about 2,500 images/s in mixed precision, batch 256."""
    run = parsim.simulate(on_accelerators(RESNET | {"batch": 256}))
    assert 2300 < run.to_dict()["training"]["samples_per_s"] < 3000


# -- bad input


@pytest.mark.parametrize(
    ("work", "path", "message"),
    [
        ({"image": 3}, "channels[1]", "layer 2 gets 3 channels of 1 x 1: a window (2, 2) does not fit images"),
        ({"kernel": 9, "padding": 0}, "channels[0]", "layer 0 gets 2 channels of 7 x 7: a window (9, 9) does not fit"),
        ({"kernel": 4, "block": "bottleneck"}, "channels[0]", "arrays of different shapes cannot be added"),
        ({"blocks": [2]}, "blocks", "has 1 entries, and channels has 2"),
        ({"channels": []}, "channels", "has no stages"),
        ({"preset": "resnet5"}, "preset", "Did you mean 'resnet50'?"),
        ({"image": None}, "image", "is missing; write for example 'image: 32', or name a preset"),
        ({"batch": None}, "batch", "is missing; write for example 'batch: 64'"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(work, path, message, tmp_path, command):
    asked = {key: value for key, value in (SMALL | work).items() if value is not None}
    file = tmp_path / "cnn.json"
    file.write_text(json.dumps(scenario(asked)))
    code, out, err = command("run", file)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"workload.{path}: " in err
    assert message in err


def test_batchnorm_of_parts_of_a_batch_is_only_counted():
    cut = scenario(SMALL | {"norm": "batchnorm"}, PLANS["1f1b"])
    assert parsim.simulate(cut).timeline.makespan_s > 0
    with pytest.raises(parsim.ScenarioError, match="batchnorm depends on how the batch is cut"):
        parsim.simulate(cut | {"clock": "live"})
