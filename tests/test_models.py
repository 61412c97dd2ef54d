"""Published models: parameters exact, FLOP and bytes of activations by published formulas."""

import pytest

import parsim
from parsim.build import build
from parsim.scenario.scenario import load
from parsim.training.presets import PRESETS

CHECKPOINTS = {  # parameters of public checkpoints
    "gpt2-124m": 124_439_808,
    "gpt2-355m": 354_823_168,
    "gpt2-774m": 774_030_080,
    "gpt2-1.5b": 1_557_611_200,
    "llama2-7b": 6_738_415_616,
    "llama2-13b": 13_015_864_320,
    "llama2-70b": 68_976_648_192,
    "llama3-8b": 8_030_261_248,
    "llama3-70b": 70_553_706_496,
    "llama3-405b": 405_853_388_800,
    "bert-base": 110_106_428,  # with pooler, classifier of sentence pairs, and the head of masked tokens
    "bert-large": 336_226_108,
}
GPT = {  # blocks, width, vocabulary, positions, of which no checkpoint is public: 12 L h^2 + 13 L h + (V + s) h + 2 h
    "gpt3-1.3b": (24, 2048, 50257, 2048),
    "gpt3-2.7b": (32, 2560, 50257, 2048),
    "gpt3-6.7b": (32, 4096, 50257, 2048),
    "gpt3-13b": (40, 5120, 50257, 2048),
    "gpt3-175b": (96, 12288, 50257, 2048),
    "megatron-1.7b": (24, 2304, 51200, 2048),
    "megatron-3.6b": (30, 3072, 51200, 2048),
    "megatron-7.5b": (36, 4096, 51200, 2048),
    "megatron-18.4b": (40, 6144, 51200, 2048),
    "megatron-39.1b": (48, 8192, 51200, 2048),
    "megatron-76.1b": (60, 10240, 51200, 2048),
    "megatron-145.6b": (80, 12288, 51200, 2048),
    "megatron-310.1b": (96, 16384, 51200, 2048),
    "megatron-529.6b": (105, 20480, 51200, 2048),
    "megatron-1t": (128, 25600, 51200, 2048),
}


def scenario(workload, plan=None, devices=1, device="a100-80g", **more):
    full = {"kind": "full", "bandwidth": "100 GB/s"}
    cluster = {"devices": devices, "device": device, "topology": full}
    work = {"kind": "transformer", **workload}
    return {"cluster": cluster, "workload": work, "plan": plan or {"split": "data"}, **more}


def built(*args, **kwargs):
    return build(load(scenario(*args, **kwargs)))


def model(**workload):
    return built({"batch": 1, **workload}).graph.program.model


@pytest.mark.parametrize("preset", CHECKPOINTS)
def test_parameters_are_those_of_the_checkpoint(preset):
    assert model(preset=preset).parameters == CHECKPOINTS[preset]


@pytest.mark.parametrize("preset", GPT)
def test_parameters_follow_from_the_published_dimensions(preset):
    blocks, width, vocabulary, positions = GPT[preset]
    assert (
        model(preset=preset).parameters == blocks * (12 * width**2 + 13 * width) + (vocabulary + positions + 2) * width
    )


def test_heads_may_be_wider_than_the_width():
    """Gemma 7B: 16 heads of 256 on a width of 3072; the parameters of its checkpoint."""
    heads = {"heads": 16, "head_width": 256, "width": 3072, "hidden": 24576, "blocks": 28, "vocabulary": 256000}
    parts = {"positions": "rotary", "norm": "rmsnorm", "activation": "geglu", "tied": True, "sequence": 8192}
    assert model(**heads, **parts).parameters == 8_537_680_896


@pytest.mark.parametrize("preset", ["gpt3-13b", "gpt3-175b", "megatron-18.4b", "megatron-1t"])
def test_flop_are_those_of_formula_3(preset):
    """Narayanan et al., SC 2021: 96 B s L h^2 (1 + s / 6h + V / 16 L h) with full recomputation of the blocks."""
    B = 4
    run = parsim.simulate(scenario({"preset": preset, "batch": B}, {"split": "data", "recompute": "full"}))
    of = PRESETS[preset].values
    s, L, h, V = of["sequence"], of["blocks"], of["width"], of["vocabulary"]
    model = 72 * B * s * L * h**2 * (1 + s / (6 * h) + V / (12 * L * h))
    hardware = 96 * B * s * L * h**2 * (1 + s / (6 * h) + V / (16 * L * h))
    facts = run.to_dict()
    assert facts["model"]["flop_per_iteration"] == pytest.approx(model, rel=1e-12)
    used = 312e12 * facts["training"]["iteration_s"]
    assert facts["training"]["mfu"] * used == pytest.approx(model, rel=1e-12)
    assert facts["training"]["hfu"] * used == pytest.approx(hardware, rel=1e-12)


@pytest.mark.parametrize(("recompute", "bytes_"), [("none", 34), ("selective", 34), ("full", 2)])
def test_activations_of_a_block_are_those_of_korthikanti(recompute, bytes_):
    """s b h (34 + 5 a s / h), without the scores where attention is computed again, 2 s b h where the block is."""
    s, b, h, a = 1024, 3, 2304, 24
    work = {"vocabulary": 100, "width": h, "heads": a, "blocks": 1, "sequence": s, "context": s, "batch": b}
    parts = {"positions": "learned", "biases": True, "dropout": 0.1, "attention": "plain"}
    program = built(work | parts, {"split": "data", "subsets": 1, "recompute": recompute}).graph.program
    kept = program.stages.layer(1, (b, s, h)).kept
    assert kept == s * b * h * bytes_ + (5 * a * s * s * b if recompute == "none" else 0)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"workload.preset": "gpt3-13"}, "workload.preset", "Did you mean 'gpt3-13b'"),
        ({"workload.precision": "fp8-mixed"}, "workload.precision", "device w0 has no peak for fp8; it has peaks for"),
        ({"workload.precision": {"weights": "bf16"}}, "workload.precision", "missing: activations, gradients"),
        ({"workload.heads": 7}, "workload.heads", "7 heads cannot split a width of 768"),
        ({"workload.head_width": 63, "workload.positions": "rotary"}, "workload.head_width", "a head of 63 has an odd"),
        ({"workload.key_value_heads": 5}, "workload.key_value_heads", "12 heads cannot share 5 heads"),
        ({"workload.sequence": 4096}, "workload.sequence", "longer than the 1024 positions"),
        ({"workload.dropout": 1.0}, "workload.dropout", "between 0 and 1"),
        ({"plan.pipeline": 15}, "plan.pipeline", "15 ranks make 15 stages, and the model has 14 layers, embedding and"),
        ({"plan.pipeline": 2, "plan.stages": [6, 5]}, "plan.stages", "covers 11 layers, and the model has 14 (12 with"),
        ({"plan.stages": "count", "plan.pipeline": 13}, "plan.stages", "13 stages need as many blocks"),
        ({"plan.recompute": ["none"]}, "plan.recompute", "has 1 entries, and the model has 14 layers"),
        ({"plan.schedule": "interleaved-1f1b", "plan.pipeline": 4, "plan.chunks": 4}, "plan.chunks", "16 stages"),
        ({"plan.schedule": "zb-h2", "plan.pipeline": 4}, "plan.microbatches", "two microbatches for each rank"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(changes, path, message):
    layers = {"split": "layers", "microbatches": 4}
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario({"preset": "gpt2-124m", "batch": 8}, layers, devices=16), changes)
    (fault,) = refused.value.faults
    assert fault.path == path
    assert message in fault.message


@pytest.mark.parametrize("missing", ["vocabulary", "width", "sequence", "batch"])
def test_a_key_without_a_preset_is_missing(missing):
    work = {"vocabulary": 11, "width": 8, "sequence": 4, "batch": 2}
    del work[missing]
    with pytest.raises(parsim.ScenarioError, match=f"workload.{missing}: is missing; write for example '{missing}: "):
        built(work)
