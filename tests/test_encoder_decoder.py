"""Models of translation: parameters as published, FLOP and bytes counted by hand, what the decoder's stages hand on."""

import json

import pytest
from test_models import built, scenario

import parsim
from parsim.kernels import products_of

PARAMETERS = {  # of T5's checkpoints; of Vaswani et al. with biases in the MLP, none in attention, one table of 37,000
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-large": 737_668_096,
    "t5-3b": 2_851_598_336,
    "t5-11b": 11_307_321_344,
    "transformer-base": 63_045_632,
    "transformer-big": 214_171_648,
}
T5 = {"kind": "encoder_decoder", "preset": "t5-small"}
B, S, T, W, INNER, HIDDEN, HEADS, V, BLOCKS = 2, 512, 114, 512, 512, 2048, 8, 32128, 6


def program(workload, plan=None, devices=1):
    one = {"split": "data", "subsets": 1}
    return built({"batch": B, **workload}, plan or one, devices).graph.program


@pytest.mark.parametrize("preset", PARAMETERS)
def test_parameters(preset):
    assert program(T5 | {"preset": preset}).model.parameters == PARAMETERS[preset]


def test_flop_by_hand():
    """An encoder block, a decoder block with its products of m, and the head; backward is twice forward."""
    project, mlp = 2 * W * INNER, 2 * 2 * W * HIDDEN  # FLOP a token
    encoder = B * (S * (4 * project + mlp) + 4 * S * S * INNER)
    self_ = T * 4 * project + 4 * T * T * INNER
    cross = T * 2 * project + S * 2 * project + 4 * T * S * INNER
    forward = BLOCKS * (encoder + B * (self_ + cross + T * mlp)) + 2 * B * T * W * V
    run = parsim.simulate(scenario(T5 | {"batch": B}, {"split": "data", "subsets": 1}))
    assert run.to_dict()["model"]["flop_per_iteration"] == 3 * forward
    calls = program(T5).stages.price(0, B).calls[0]
    assert sum(product.flop for call in calls for product in products_of(call)) == forward


def test_bytes_of_a_decoder_block_by_hand_and_what_a_stage_keeps_once():
    stages = program(T5).stages
    y, inner, wide = (2 * B * T * n for n in (W, INNER, HIDDEN))
    m, keys, mask, score = 2 * B * S * W, 2 * B * S * INNER, B * T * W, 5 * B * HEADS * T  # 2 + 1 + 2 bytes a score
    self_ = y + y + 3 * inner + score * T + inner + mask
    cross = y + y + inner + 2 * keys + score * S + inner + mask
    block = self_ + cross + m + y + y + 2 * wide + mask
    first = BLOCKS + 2
    assert stages.layer(first, (B, S + T, W)).kept == block
    both = program(T5, {"split": "layers", "stages": [first, 2, BLOCKS - 1]}, devices=3).stages.price(1, B)
    assert both.kept == 2 * block - m
    again = {"split": "layers", "stages": [first, 2, BLOCKS - 1], "recompute": "full"}
    assert program(T5, again, devices=3).stages.price(1, B).kept == m + 2 * y


@pytest.mark.parametrize(
    ("stages", "lengths"), [("count", [4, 3, 4, 4]), ("framework", [4, 4, 4, 3]), ([3, 3, 3, 3], [4, 3, 4, 4])]
)
def test_embeddings_and_head_go_with_the_blocks(stages, lengths):
    """Layers: embedding, six blocks, embedding, six blocks, head."""
    cut = program(T5, {"split": "layers", "stages": stages}, devices=4).cut.stages
    assert [len(layers) for layers in cut] == lengths


def test_stages_of_the_decoder_hand_on_what_the_encoder_made():
    cut = [1 + BLOCKS, 3, 2, BLOCKS - 4, 1]  # the third has blocks alone, and so has the fourth, with the last one
    stages = program(T5, {"split": "layers", "stages": cut}, devices=5).stages
    sent, came = zip(*((one.sent, one.came) for one in (stages.price(number, B) for number in range(5))), strict=True)
    m, y = 2 * B * S * W, 2 * B * T * W
    assert sent == (m, m + y, m + y, y, 0)
    assert came == (8 * B * S, m, m + y, m + y, y)


def test_the_host_gives_the_target_to_the_stage_that_looks_it_up_and_to_the_last_one():
    cut = [1 + BLOCKS, 3, BLOCKS - 1]
    graph = built(T5 | {"batch": B}, {"split": "layers", "stages": cut}, 3).graph
    given = dict(zip(graph.names, graph.given.tolist(), strict=True))
    assert [given[name] for name in ("0F0", "1F0", "2F0")] == [8 * B * S, 8 * B * T, 8 * B * T]


@pytest.mark.parametrize(
    ("work", "path", "message"),
    [
        ({"preset": "t5-smal"}, "preset", "Did you mean 't5-small'?"),
        ({"heads": 5, "preset": "transformer-base"}, "heads", "5 heads cannot split a width of 512 equally"),
        ({"dropout": 1.0}, "dropout", "must be at least 0 and below 1"),
        ({"preset": None}, "width", "is missing; write for example 'width: 512', or name a preset"),
        ({"batch": None}, "batch", "is missing; write for example 'batch: 32'"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(work, path, message, tmp_path, command):
    asked = {key: value for key, value in (T5 | {"batch": B} | work).items() if value is not None}
    file = tmp_path / "t5.json"
    file.write_text(json.dumps(scenario(asked)))
    code, out, err = command("run", file)
    assert (code, out) == (2, "")
    assert any(f"workload.{path}: " in line and message in line for line in err.splitlines())


def test_what_is_only_counted_is_not_computed():
    with pytest.raises(parsim.ScenarioError) as error:
        parsim.simulate(scenario(T5 | {"batch": B}, clock="live"))
    told = str(error.value)
    assert all(what in told for what in ("tied: false", "dropout: 0", "relative positions"))


def test_only_self_attention_has_relative_positions():
    calls = program(T5).stages.price(0, B).calls[0]
    relative = [("positions", "relative") in call.arguments for call in calls if call.kernel == "attention"]
    assert relative == [True] * BLOCKS + [True, False] * BLOCKS
