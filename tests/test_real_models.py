"""Parts of models for real: gradients are the slopes of the loss, and the same under every split and schedule."""

import numpy as np
import plain_training as plain
import pytest
from test_training import SGD, layers, scenario
from whole_training import whole

from parsim.build import build
from parsim.metrics.checker import check
from parsim.scenario.scenario import load
from parsim.sim.play import valued

SMALL = {"kind": "transformer", "vocabulary": 7, "width": 8, "sequence": 4, "batch": 4, "heads": 4, "blocks": 2,
         "iterations": 2}  # fmt: skip
LLAMA = {"key_value_heads": 2, "activation": "swiglu", "norm": "rmsnorm", "positions": "rotary", "hidden": 6}
TRANSLATION = {"kind": "encoder_decoder", "vocabulary": 7, "width": 8, "sequence": 4, "target_sequence": 3,
               "batch": 4, "heads": 2, "head_width": 3, "hidden": 5, "iterations": 2}  # fmt: skip
MIXTURE = {"kind": "mixture", "vocabulary": 7, "width": 8, "sequence": 4, "batch": 4, "heads": 2, "hidden": 3,
           "experts": 3, "blocks": 2, "iterations": 2}  # fmt: skip
WORK = {
    "shared keys and values": SMALL | {"key_value_heads": 2},
    "swiglu": SMALL | {"activation": "swiglu", "hidden": 6},
    "geglu": SMALL | {"activation": "geglu"},
    "relu": SMALL | {"activation": "relu"},
    "rmsnorm": SMALL | {"norm": "rmsnorm"},
    "rotary": SMALL | {"positions": "rotary"},
    "learned positions": SMALL | {"positions": "learned", "context": 6},
    "biases": SMALL | {"biases": True},
    "norms after": SMALL | {"norm_place": "after"},
    "encoder": SMALL | {"causal": False},
    "plain attention": SMALL | {"attention": "plain"},
    "like Llama": SMALL | LLAMA,
    "heads wider than the width": SMALL | LLAMA | {"heads": 3, "key_value_heads": 1, "head_width": 6},
    "experts": MIXTURE,
    "one expert a token": MIXTURE | {"top": 1, "key_value_heads": 1},
    "experts, and narrow heads": MIXTURE | {"head_width": 2},
    "translation": TRANSLATION | {"blocks": 2},
    "translation, like T5": TRANSLATION | {"norm": "rmsnorm"},
    "translation, as in 2017": TRANSLATION | {"norm_place": "after", "biases": "mlp"},
}
PLANS = {
    "data": {"split": "data"},
    "data, accumulated": {"split": "data", "microbatches": 2},
    "gpipe": layers(2, 2, "gpipe"),
    "1f1b": layers(2, 4, "1f1b"),
    "interleaved-1f1b": layers(2, 2, "interleaved-1f1b") | {"chunks": 2},
    "zb-h1": layers(2, 3, "zb-h1"),
    "zb-v": layers(2, 4, "zb-v") | {"chunks": 2},
}


ALL = ["experts", "like Llama", "translation"]  # under every plan; others under two each
PAIRS = [(work, plan) for work in ALL for plan in PLANS] + [
    (work, [*PLANS][(number + way) % len(PLANS)])
    for number, work in enumerate(WORK)
    for way in (0, 4)
    if work not in ALL
]


def loss_of(model, weights):
    """Return the loss alone."""
    inputs, labels = model.data()
    return model.forward(range(len(model.layers)), inputs, labels, weights)[0].mean()


def computed(model, weights):
    """Return the loss and the gradients of the whole model on the whole batch."""
    every, (inputs, labels) = range(len(model.layers)), model.data()
    losses, kept = model.forward(every, inputs, labels, weights)
    _, grads = model.backward(every, model.grad_of_losses(losses), kept, weights)
    return losses.mean(), grads


@pytest.mark.parametrize("work", WORK)
def test_gradients_are_the_slopes_of_the_loss(work):
    """Central differences along a drawn way through the numbers of each weight."""
    model, draw = build(load(scenario(WORK[work]))).graph.program.model, np.random.default_rng(3)
    weights = model.weights(range(len(model.layers)))
    _, grads = computed(model, weights)
    for number, grad in enumerate(grads):
        way = draw.standard_normal(grad.shape)
        ends = [
            loss_of(model, [*weights[:number], weights[number] + step * way, *weights[number + 1 :]])
            for step in (1e-6, -1e-6)
        ]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float((grad * way).sum()), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("work", "plan"), PAIRS)
def test_every_split_and_schedule_trains_alike(work, plan):
    job = whole(build(load(scenario(WORK[work], PLANS[plan], clock="live"))))
    model = job.graph.program.model
    start = model.weights(range(len(model.layers)))
    expected = plain.train(lambda weights: computed(model, weights), start, 2, "sgd", SGD["rate"])
    timeline, value = valued(job)
    assert value["loss"] == pytest.approx([loss for loss, _, _ in expected], rel=1e-9, abs=0)
    for pairs, (_, grads, weights) in zip(value["gradient_norm"], expected, strict=True):
        largest = max(np.abs(grad).max() for grad in grads)  # the gradient of a bias of keys is 0 but for rounding
        for (grad, weight), own, after in zip(pairs, grads, weights, strict=True):
            np.testing.assert_allclose(grad, own, rtol=1e-9, atol=1e-13 * largest)
            np.testing.assert_allclose(weight, after, rtol=1e-9, atol=1e-12 * largest)
    assert check(job, timeline) == []
