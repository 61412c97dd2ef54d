"""Mixtures of experts: parameters as published, FLOP of active experts and bytes of all counted by hand."""

import json

import numpy as np
import pytest
from test_models import built, scenario

import parsim
from parsim.kernels import kernels, products_of

MIXTRAL = {"kind": "mixture", "preset": "mixtral-8x7b", "sequence": 1024, "batch": 2}
W, HIDDEN, S, B, V, BLOCKS, KEYS = 4096, 14336, 1024, 2, 32000, 32, 1024
R = B * S  # tokens
ONE = {"split": "data", "subsets": 1}


@pytest.mark.parametrize(
    ("preset", "parameters"), [("mixtral-8x7b", 46_702_792_704), ("mixtral-8x22b", 140_620_634_112)]
)
def test_parameters_are_those_of_the_checkpoint(preset, parameters):
    assert built(MIXTRAL | {"preset": preset}).graph.program.model.parameters == parameters


def forward(active):
    """Return the FLOP of forward where a token computes in so many experts."""
    block = R * (2 * W * (2 * W + 2 * KEYS) + 2 * W * 8 + active * 3 * 2 * W * HIDDEN) + 4 * B * S * S * W
    return BLOCKS * block + 2 * R * W * V


@pytest.mark.parametrize(("capacity", "active"), [(None, 2), (1.0, 2), (1.5, 3)])
def test_flop_are_those_of_the_experts_that_compute(capacity, active):
    work = MIXTRAL | ({} if capacity is None else {"capacity": capacity})
    run = parsim.simulate(scenario(work, ONE))
    assert run.to_dict()["model"]["flop_per_iteration"] == 3 * forward(active)


def test_bytes_of_a_block_by_hand():
    """Norms, attention and experts keep what they read, rotary nothing; a token has two rows at experts."""
    kept = built(MIXTRAL, ONE).graph.program.stages.layer(1, (B, S, W)).kept
    x, keys, rows, hidden, logits = (2 * R * n for n in (W, KEYS, 2 * W, 2 * HIDDEN, 8))
    sums = 4 * R * 32  # of flash attention, for each head
    attention = x + x + x + 2 * keys + sums + x  # norm; q k v; attention; the product behind it
    experts = x + x + logits + rows + 3 * hidden + rows  # norm; router; first products; gated and last one; combine
    assert kept == attention + experts


def test_devices_hold_all_experts():
    run = parsim.simulate(scenario(MIXTRAL | {"precision": "fp32", "optimizer": "sgd"}, ONE))
    assert run.to_dict()["devices"][0]["peak_memory_bytes"] > 2 * 4 * 46_702_792_704  # weights and gradients


def test_unequal_numbers_of_rows_are_all_counted():
    """Seven tokens at two of three experts each are 5 + 5 + 4 rows."""
    one = kernels["grouped"](top=2)
    shapes = (1, 14, 4), (1, 7, 3), (3, 4, 5)
    for part in ("forward", "input_grad", "weight_grad"):
        assert sum(product.flop for product in one.products(part, *shapes)) == 2 * 14 * 4 * 5
    assert [(product.many, product.m) for product in one.products("forward", *shapes)] == [(2, 5), (1, 4)]


def test_the_products_of_a_block_are_three_for_each_expert():
    stages = built(MIXTRAL, ONE).graph.program.stages
    calls = [call for call in stages.layer(1, (B, S, W)).calls[0] if call.kernel == "grouped"]
    each = [[tuple(product[:4]) for product in products_of(call)] for call in calls]
    assert each == [[(8, R // 4, HIDDEN, W)], [(8, R // 4, HIDDEN, W)], [(8, R // 4, W, HIDDEN)]]


def test_a_capacity_rounds_up_and_is_not_computed():
    one = kernels["dispatch"](top=2, capacity=1.1)
    assert one.shape((1, 7, 4), (1, 7, 3)) == (1, 18, 4)  # 1.1 x 14 / 3 is 5.13
    with pytest.raises(NotImplementedError, match="limited capacity"):
        one.forward(np.zeros((1, 7, 4)), np.zeros((1, 7, 3)))
    small = {"kind": "mixture", "vocabulary": 8, "width": 4, "sequence": 4, "batch": 4, "capacity": 1.0}
    with pytest.raises(parsim.ScenarioError, match="a capacity of experts is counted and not computed"):
        parsim.simulate(scenario(small, clock="live"))


@pytest.mark.parametrize(
    ("work", "path", "message"),
    [
        ({"preset": "mixtral-8x7"}, "preset", "Did you mean 'mixtral-8x7b'?"),
        ({"top": 9}, "top", "a token cannot go to 9 of 8 experts; write at most 8"),
        (
            {"imbalance": 5},
            "imbalance",
            "5 is too many: a token goes to 2 of 8 experts, so none gets more than 4 times",
        ),
        ({"imbalance": 0.5}, "imbalance", "0.5 is too small; it must be at least 1"),
        ({"imbalance": 2, "capacity": 1.25}, "imbalance", "has no effect beside capacity"),
        ({"heads": 3}, "heads", "3 heads do not split a width of 4096"),
        ({"head_width": 63}, "head_width", "a head of 63 has an odd number of them"),
        ({"key_value_heads": 5}, "key_value_heads", "32 heads cannot share 5 heads"),
        ({"batch": None}, "batch", "is missing; write for example 'batch: 32'"),
        ({"preset": None, "width": 8}, "vocabulary", "is missing; write for example 'vocabulary: 32000', or name a"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(work, path, message, tmp_path, command):
    asked = {key: value for key, value in (MIXTRAL | work).items() if value is not None}
    file = tmp_path / "mixture.json"
    file.write_text(json.dumps(scenario(asked)))
    code, out, err = command("run", file)
    assert (code, out) == (2, "")
    assert any(f"workload.{path}: " in line and message in line for line in err.splitlines())


def test_an_imbalance_moves_rows_between_experts_and_is_not_computed():
    """Imbalance 2 of four experts: of 16 rows one has 8, and the others 3, 3 and 2; as many FLOP as before."""
    one = kernels["grouped"](top=2, imbalance=2.0)
    shapes = (1, 16, 4), (1, 8, 4), (4, 4, 5)
    assert [(product.many, product.m) for product in one.products("forward", *shapes)] == [(1, 8), (2, 3), (1, 2)]
    assert sum(product.flop for product in one.products("forward", *shapes)) == 2 * 16 * 4 * 5
    with pytest.raises(NotImplementedError, match="imbalance"):
        one.forward(*(np.zeros(shape) for shape in shapes))
    small = {"kind": "mixture", "vocabulary": 8, "width": 4, "sequence": 4, "batch": 4, "imbalance": 2}
    with pytest.raises(parsim.ScenarioError, match="an imbalance of experts is counted and not computed"):
        parsim.simulate(scenario(small, clock="live"))
