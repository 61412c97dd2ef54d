"""Files of other programs become scenarios: values counted by hand, parameters as published, contradictions refused."""

import json
import os
import re
import resource
from functools import cache, partial
from pathlib import Path

import jsonschema
import pytest
import yaml
from commands import ROOT, process
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.cli.from_file import made_of, on_of
from parsim.formats import format_of
from parsim.formats.found import Found, Input, On, nested
from parsim.formats.written import Commands, written
from parsim.scenario import document
from parsim.scenario_schema import scenario_schema

FILES = Path(__file__).parent / "data" / "formats"
SCENARIOS = ROOT / "scenarios"
MODELS = json.loads((FILES / "hugging_face.json").read_text(encoding="utf-8"))
SHARED = ROOT.parent / "shared" / "interchange"
NODE = On("dgx-h100", 8)
MADE_ONCE = cache(scenario_schema)
COMMANDS = Commands(
    "parsim run mine.yaml", "parsim plan mine.yaml", "parsim init more.yaml ...", "parsim plan more.yaml"
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(MADE_ONCE())


@pytest.fixture(autouse=True)
def one_schema(monkeypatch):
    """Make the schema once, which each init writes."""
    monkeypatch.setattr("parsim.scenario_schema.scenario_schema", MADE_ONCE)


def text_of(name):
    return next(file for file in (FILES / name, SCENARIOS / name) if file.exists()).read_text(encoding="utf-8")


def found(text, file="file", on=NODE):
    source = Input(text, file)
    return format_of(source).read(source, on)


def built(text, on=None, write=written):
    return made_of(Input(text, "file"), on_of(on), "parsim.schema.json", COMMANDS, write)


def refused(text, on=None):
    with pytest.raises(parsim.ScenarioError) as error:
        built(text, on)
    return error.value.faults


# Counted by hand from the file, and from what Megatron-LM and torchtitan make of their flags.
GPT = {
    "kind": "transformer", "sequence": 2048, "positions": "learned", "context": 2048, "activation": "gelu",
    "norm": "layernorm", "biases": True, "tied": True, "dropout": 0.1, "attention": "flash", "optimizer": "adam",
}  # fmt: skip
LLAMA3 = {
    "kind": "transformer", "vocabulary": 128256, "key_value_heads": 8, "sequence": 8192, "positions": "rotary",
    "activation": "swiglu", "norm": "rmsnorm", "optimizer": "adam",
}  # fmt: skip
LLAMA3_8B = LLAMA3 | {"width": 4096, "blocks": 32, "heads": 32, "hidden": 14336}
EXPECTED = {
    "megatron_gpt3_175b.sh": {
        "cluster": {"devices": 1024, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **GPT, "vocabulary": 50 * 1024, "width": 12288, "blocks": 96, "heads": 96, "hidden": 49152,
            "precision": "fp16-mixed", "batch": 1536,
        },
        "plan": {
            "data": 8, "tensor": 8, "pipeline": 16, "sequence_parallel": False, "schedule": "1f1b", "stages": "count",
            "sends": "blocking", "microbatch_size": 1, "bucket": "1 TB",
        },
    },
    "llama3_8b.sh": {
        "cluster": {"devices": 8, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **LLAMA3_8B, "biases": False, "tied": False, "attention": "flash", "precision": "bf16-mixed", "batch": 128,
        },
        "plan": {
            "data": 4, "tensor": 2, "sequence_parallel": True, "microbatch_size": 1, "sharding": "zero1",
            "bucket": "80 MB",
        },
    },
    "slurm.sh": {
        "cluster": {"devices": 128, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **GPT, "vocabulary": 99 * 512, "width": 5120, "blocks": 40, "heads": 40, "hidden": 20480,
            "precision": {"preset": "bf16-mixed", "gradients": "fp32"}, "batch": 512,
        },
        "plan": {
            "data": 8, "tensor": 4, "pipeline": 4, "sequence_parallel": True, "schedule": "interleaved-1f1b",
            "chunks": 2, "stages": "count", "microbatch_size": 2, "sharding": "zero1", "bucket": "1 TB",
            "recompute": "selective",
        },
    },
    "mixtral.sh": {
        "cluster": {"devices": 32, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            "kind": "mixture", "vocabulary": 32000, "width": 4096, "blocks": 32, "heads": 32, "key_value_heads": 8,
            "hidden": 14336, "sequence": 4096, "experts": 8, "top": 2, "optimizer": "adam",
            "precision": {"preset": "bf16-mixed", "gradients": "fp32"}, "batch": 256,
        },
        "plan": {
            "data": 16, "pipeline": 2, "expert": 8, "schedule": "1f1b", "stages": "count", "sends": "blocking",
            "microbatch_size": 1, "sharding": "zero1", "bucket": "1 TB",
        },
    },
    "arguments.txt": {
        "cluster": {"devices": 1, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **GPT, "vocabulary": 393 * 128, "width": 2304, "blocks": 24, "heads": 24, "hidden": 9216,
            "precision": {"preset": "bf16-mixed", "gradients": "fp32"}, "batch": 512,
        },
        "plan": {"data": 1, "microbatch_size": 8},
    },
    "llama3_405b.toml": {
        "cluster": {"devices": 8, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **LLAMA3, "width": 16384, "blocks": 126, "heads": 128, "hidden": 53248, "batch": 2,
            "precision": {"preset": "fp8-mixed", "gradients": "fp32"},
        },
        "plan": {"data": 1, "tensor": 8, "microbatch_size": 2, "recompute": "full"},
    },
    "llama3_8b_dumped.json": {
        "cluster": {"devices": 16, "topology": {"kind": "islands", "node": "dgx-h100"}},
        "workload": {
            **LLAMA3_8B, "batch": 32, "precision": {"preset": "bf16-mixed", "gradients": "fp32"},
        },
        "plan": {
            "data": 2, "tensor": 2, "pipeline": 4, "schedule": "interleaved-1f1b", "stages": "framework",
            "microbatch_size": 1, "sharding": {"kind": "fsdp", "reshard": False},
            "recompute": ["none", *["none", "full"] * 16, "none"],
        },
    },
}  # fmt: skip
PARAMETERS = {
    "megatron_gpt3_175b.sh": 96 * (12 * 12288**2 + 13 * 12288)
    + (51200 + 2048 + 2) * 12288,  # Narayanan et al., SC 2021
    "llama3_8b.sh": 8_030_261_248,  # of the checkpoint
    "mixtral.sh": 46_702_792_704,
    "llama3_405b.toml": 405_853_388_800,
    "llama3_8b_dumped.json": 8_030_261_248,
}
UNREAD = {
    "llama3_8b.sh": ['42:1: if [ -n "$WANDB_KEY" ]; then: only running'],
    "slurm.sh": ["7:1: source $HOME/environment: only running"],
    "mixtral.sh": ["4:1: for size in small large; do MODEL_SIZE=$size; done: only"],
    "llama3_405b.toml": ["26:1: compile: not simulated"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_values_are_those_of_the_file(name):
    seen = found(text_of(name), name)
    assert nested(seen.values) == EXPECTED[name]
    assert [text[: len(start)] for text, start in zip(seen.unread, UNREAD.get(name, []), strict=True)] == UNREAD.get(
        name, []
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_what_init_writes_is_valid_and_runs_at_once(command, here, validator, name):
    (here / name).write_text(text_of(name), encoding="utf-8")
    code, out, err = command("init", "mine.yaml", "--from", name)
    assert code == 0
    assert all(line.startswith(f"parsim: not understood: {name}:") for line in err.splitlines())
    assert len(err.splitlines()) == len(UNREAD.get(name, []))
    text = (here / "mine.yaml").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120
    for line in err.splitlines():
        assert " ".join(line.split()[4:]) in " ".join(text.replace("#", " ").split())
    values = document.read(text.encode(), "mine.yaml").values
    assert values == yaml.safe_load(text) == EXPECTED[name]
    assert [error.message for error in validator.iter_errors(values)] == []
    assert re.search(r"Megatron-LM flags|torchtitan's configuration", text)
    for row in re.findall(r"^  \w+: [^#\n]*$", text, re.MULTILINE):  # each value says what it was made of
        assert row in ("  kind: transformer", "  data: 8") or re.search(
            rf"^  # .*\n{re.escape(row)}", text, re.MULTILINE
        ), row
    counted = PARAMETERS.get(name)
    assert counted is None or f" {counted:,} parameters on " in out
    code, out, err = command("run", "mine.yaml", "--json")
    assert code == 0
    run = json.loads(out)
    assert run["workers"] == EXPECTED[name]["cluster"]["devices"]
    assert run["training"]["iteration_s"] > 0
    assert counted is None or run["model"]["parameters"] == counted


# -- Hugging Face


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_as_published(name):
    """Of parsim's count and of all that is listed as counted otherwise."""
    text = json.dumps(MODELS[name]["config"])
    differences = sum(number for _, number in found(text).differences)
    made = built(text)
    assert made.parameters + differences == MODELS[name]["parameters"]
    told = f"The model has {differences:+,} weights compared with what parsim counts."
    assert (told in " ".join(made.text.replace("\n#", " ").split())) == bool(differences)
    assert not made.unread


@pytest.mark.parametrize("name", ["gpt2", "llama3.2-1b", "mixtral-8x7b", "t5-base", "bert-base", "falcon-7b"])
def test_a_model_runs_under_each_plan_that_is_proposed(here, name):
    seen = found(json.dumps(MODELS[name]["config"]))
    (here / "mine.yaml").write_text(built(json.dumps(MODELS[name]["config"])).text, encoding="utf-8")
    first = parsim.simulate("mine.yaml")
    assert first.metrics["model"]["precision"] == "bf16-mixed"
    for line in seen.tries:
        pairs = dict(one.split("=") for one in line.replace("--set ", "").split())
        set_ = {path: yaml.safe_load(value) for path, value in pairs.items()}
        run = parsim.simulate("mine.yaml", set=set_)
        assert run.metrics["training"]["iteration_s"] > 0
    assert any("plan.tensor" in line for line in seen.tries) == (name != "falcon-7b")  # which has 71 heads


LLAMA = MODELS["llama3-8b"]["config"]


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"model_type": "lama"}, "model_type", "unknown model_type 'lama'. Did you mean 'llama'?"),
        ({"model_type": 3}, "model_type", "wants text, not 3"),
        ({"hidden_size": None}, "hidden_size", "is missing; write for example 32"),
        ({"hidden_size": "4096"}, "hidden_size", "wants a whole number above 0, not the text '4096'"),
        ({"num_hidden_layers": 0}, "num_hidden_layers", "wants a whole number above 0"),
        ({"hidden_act": "tanh"}, "hidden_act", "'tanh' is not known; known are: silu"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings", "wants true or false"),
        ({"num_key_value_heads": 5}, "num_key_value_heads", "32 heads cannot share 5 heads"),
        ({"head_dim": 63}, "head_dim", "a head of 63 has an odd number"),
    ],
)
def test_wrong_configurations_are_refused_where_they_are_wrong(change, path, message):
    text = json.dumps({**LLAMA, **change}, indent=1)
    fault = next(fault for fault in refused(text) if fault.path == path)
    assert message in fault.message
    line = next((n for n, row in enumerate(text.splitlines(), 1) if f'"{path}"' in row), 1)
    assert fault.line == (1 if change[path] is None else line) or change.get("hidden_size", 0) is None


@pytest.mark.parametrize("key", ["num_layers", "num_decoder_layers"])
def test_a_wrong_number_of_blocks_is_told_once(key):
    (fault,) = refused(json.dumps(MODELS["t5-base"]["config"] | {"num_decoder_layers": 12} | {key: "12"}))
    assert (fault.path, fault.message) == (key, "wants a whole number above 0, not the text '12'")


def test_lines_say_what_a_model_lacks():
    seen = found(json.dumps({**LLAMA, "quantization_config": {"bits": 4}, "sliding_window": 100}, indent=1))
    assert seen.unread == ('20:25: quantization_config {"bits": 4}: not simulated',)
    assert seen.notes == ("sliding_window 100: a token attends to all tokens before it here.",)


# -- Megatron-LM

SMALL = "--num-layers 8 --hidden-size 512 --num-attention-heads 8 --seq-length 256 --max-position-embeddings 256"
START = f"torchrun --nproc_per_node 8 --nnodes 2 pretrain_gpt.py {SMALL} --micro-batch-size 2"


def plan(flags, start=START):
    return nested(found(f"{start} {flags}").values)["plan"]


def work(flags, start=START):
    return nested(found(f"{start} {flags}").values)["workload"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", {"data": 16}),
        ("--tensor-model-parallel-size 2 --context-parallel-size 2", {"data": 4, "tensor": 2, "context": 2}),
        ("--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 2", {"chunks": 2, "stages": "count"}),
        ("--pipeline-model-parallel-size 2 --num-layers-per-virtual-pipeline-stage 1", {"chunks": 4}),
        ("--pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2 --no-overlap-p2p-communication",
         {"sends": "blocking", "schedule": "interleaved-1f1b"}),
        ("--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 1 --decoder-last-pipeline-num-layers 3",
         {"stages": [1, 2, 2, 3]}),
        ("--pipeline-model-parallel-size 2 --decoder-first-pipeline-num-layers 2 "
         "--num-virtual-stages-per-pipeline-rank 2", {"stages": [1, 3, 1, 3]}),
        ("--pipeline-model-parallel-size 2 --account-for-embedding-in-pipeline-split "
         "--account-for-loss-in-pipeline-split", {"stages": [4, 4]}),
        ("--use-distributed-optimizer --overlap-grad-reduce --ddp-bucket-size 1000000 --bf16",
         {"sharding": "zero1", "bucket": "4 MB"}),
        ("--overlap-grad-reduce --fp16", {"bucket": "80 MB"}),
        ("--overlap-grad-reduce", {"bucket": "160 MB"}),
        ("--use-torch-fsdp2", {"sharding": "zero3"}),
        ("--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads", {"sharding": "zero2"}),
        ("--zero-stage 2", {"sharding": "zero2"}),
        ("--recompute-granularity full --recompute-method uniform --recompute-num-layers 1", {"recompute": "full"}),
        ("--checkpoint-activations", {"recompute": "full"}),
        ("--recompute-granularity selective", {"recompute": "selective"}),
        ("--pipeline-model-parallel-size 2 --recompute-granularity full --recompute-method block "
         "--recompute-num-layers 3", {"recompute": ["none", *["full"] * 3, "none", *["full"] * 3, "none", "none"]}),
        ("--tensor-model-parallel-size 4 --sequence-parallel", {"sequence_parallel": True}),
        ("--tensor_model_parallel_size=4", {"tensor": 4}),
        ("--tensor-model-parallel-size 4 --tensor-model-parallel-size 4", {"tensor": 4}),
    ],
)  # fmt: skip
def test_plans_are_what_megatron_makes_of_its_flags(flags, expected):
    made = plan(flags)
    assert {key: made[key] for key in expected} == expected
    assert built(f"{START} {flags}").devices == 16


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", {"vocabulary": 50304, "hidden": 2048, "batch": 32, "precision": "fp32"}),
        ("--global-batch-size 64", {"batch": 64}),
        ("--swiglu", {"activation": "swiglu", "hidden": 1344}),  # 64 x floor(8/3 x 512 / 64)
        ("--swiglu --ffn-hidden-size 1000", {"hidden": 1000}),
        ("--vocab-size 1000 --make-vocab-size-divisible-by 10 --tensor-model-parallel-size 4", {"vocabulary": 1000}),
        ("--vocab-size 1000 --tensor-model-parallel-size 4", {"vocabulary": 1024}),
        ("--vocab-size 1024 --tokenizer-type NullTokenizer", {"vocabulary": 1152}),
        ("--tokenizer-type Llama2Tokenizer", {"vocabulary": 32000}),
        ("--padded-vocab-size 777", {"vocabulary": 777}),
        ("--kv-channels 128", {"head_width": 128}),
        ("--kv-channels 64", {"heads": 8}),
        ("--bf16 --fp8-format hybrid", {"precision": {"preset": "fp8-mixed", "gradients": "fp32"}}),
        ("--bf16 --grad-reduce-in-bf16", {"precision": "bf16-mixed"}),
        ("--fp16 --accumulate-allreduce-grads-in-fp32",
         {"precision": {"preset": "fp16-mixed", "gradients": "fp32"}}),
        ("--attention-backend unfused", {"attention": "plain"}),
        ("--transformer-impl local", {"attention": "plain"}),
        ("--transformer-impl local --use-flash-attn", {"attention": "flash"}),
        ("--use-rotary-position-embeddings", {"positions": "rotary"}),
        ("--no-position-embedding", {"positions": "none"}),
        ("--hidden-dropout 0.2 --attention-dropout 0.2", {"dropout": 0.2}),
        ("--squared-relu", {"activation": "relu"}),
        ("--optimizer sgd", {"optimizer": "sgd"}),
    ],
)  # fmt: skip
def test_models_are_what_megatron_makes_of_its_flags(flags, expected):
    made = work(flags)
    assert {key: made.get(key) for key in expected} == expected
    assert built(f"{START} {flags}").devices == 16


def test_bert_is_read_too():
    made = work("--vocab-size 30522", START.replace("pretrain_gpt", "pretrain_bert"))
    assert (made["causal"], made["head"]) == (False, "bert")


LAUNCHES = [
    (f"torchrun --nproc-per-node=4 --nnodes=2 pretrain_gpt.py {SMALL}", 8),
    (f"torchrun --nproc_per_node 4 pretrain_gpt.py {SMALL}", 4),
    (f"python -m torch.distributed.launch --nproc_per_node 4 --nnodes 3 pretrain_gpt.py {SMALL}", 12),
    (f"srun -N 2 --ntasks-per-node 4 python pretrain_gpt.py {SMALL}", 8),
    (f"srun -n 6 python pretrain_gpt.py {SMALL}", 6),
    (f"#SBATCH -N 2 --gpus-per-node=4\nsrun python pretrain_gpt.py {SMALL}", 8),
    (f"#SBATCH --nodes=2 # two\n#SBATCH --gres=gpu:h100:4\nsrun python pretrain_gpt.py {SMALL}", 8),
    (f"#SBATCH --nodes=2\ntorchrun --nproc_per_node 4 --nnodes $SLURM_NNODES pretrain_gpt.py {SMALL}", 8),
    (f"deepspeed --num_nodes 2 --num_gpus 4 pretrain_gpt.py {SMALL}", 8),
    (f"#SBATCH -N 2 --ntasks-per-node=1 --gpus-per-node=4\nsrun torchrun --nproc_per_node $G p.py {SMALL}", 8),
    (f"#SBATCH -N 2 --ntasks=2\nsrun torchrun --nproc_per_node 4 --nnodes $N p.py {SMALL}", 8),
    (f"#SBATCH -N 2 --gpus-per-node=4\ntorchrun --nproc_per_node $SLURM_GPUS_PER_NODE --nnodes 2 p.py {SMALL}", 8),
    (f"mpirun -np 8 python pretrain_gpt.py {SMALL}", 8),
    (f"GPUS_PER_NODE=4\nNNODES=2\nlaunch pretrain_gpt.py {SMALL}", 8),
    (f"WORLD_SIZE=$((2*4))\nlaunch pretrain_gpt.py {SMALL}", 8),
    (f"torchrun --nproc_per_node 4 --nnodes $NODES pretrain_gpt.py {SMALL} --tensor-model-parallel-size 2", 2),
    (f"export CMD='{SMALL} --tensor-model-parallel-size 2'", 2),
]


@pytest.mark.parametrize(("text", "devices"), LAUNCHES)
def test_launchers_say_how_many_devices_there_are(text, devices):
    assert nested(found(text).values)["cluster"]["devices"] == devices
    assert built(text).devices == devices


def test_nodes_of_other_sizes():
    wired = nested(found(LAUNCHES[0][0], on=On("dgx-a100", 8, 0, True)).values)["cluster"]["topology"]
    assert wired == {"kind": "islands", "node": "dgx-a100", "per_node": 4, "nics": 4}


def test_the_cluster_of_the_command_line_goes_first():
    seen = found(f"{START} --tensor-model-parallel-size 8", on=On("dgx-a100", 8, 16, True))
    assert nested(seen.values)["cluster"]["devices"] == 128
    assert seen.values["cluster.devices"].source == "--on: 16 x 8; the file says 16"
    assert nested(seen.values)["plan"]["data"] == 16


CONTRADICTIONS = [  # the fault stands at §
    ("§--fp16 --bf16", "contradicts --bf16"),
    (
        "--tensor-model-parallel-size 2 §--tensor-model-parallel-size 4",
        "contradicts '--tensor-model-parallel-size 2' in 3:3",
    ),
    ("§--tensor-model-parallel-size 3", "tensor 3 = 3 devices a replica do not divide the 16 devices"),
    ("§--global-batch-size 33", "33 samples are not divisible by 2 of a microbatch x 16"),
    ("--pipeline-model-parallel-size 16", "8 layers do not make 16 equal stages"),
    (
        "--pipeline-model-parallel-size 2 §--num-layers-per-virtual-pipeline-stage 3",
        "8 layers are not divisible by 2 ranks x 3 layers",
    ),
    ("§--num-layers-per-virtual-pipeline-stage 1", "needs --pipeline-model-parallel-size above 1"),
    (
        "--pipeline-model-parallel-size 2 --num-layers-per-virtual-pipeline-stage 2 "
        "§--num-virtual-stages-per-pipeline-rank 2",
        "in another way; leave one",
    ),
    ("§--expert-model-parallel-size 2", "needs --num-experts"),
    ("--num-experts 6 §--expert-model-parallel-size 4", "4 does not divide 6 experts"),
    ("--num-experts 48 §--expert-model-parallel-size 3", "3 does not divide data x context = 16"),
    ("--group-query-attention §--num-query-groups 3", "3 groups do not divide 8 heads"),
    ("--context-parallel-size 16 §--seq-length 240", "contradicts '--seq-length 256'"),
    ("§--max-position-embeddings 16", "contradicts '--max-position-embeddings 256'"),
    ("§--recompute-activations --recompute-granularity full", "contradicts --recompute-granularity full"),
    ("§--overlap-param-gather --overlap-grad-reduce", "needs --use-distributed-optimizer"),
    ("--pipeline-model-parallel-size 2 §--decoder-first-pipeline-num-layers 9", "leaves -1 of 8 layers to 1 ranks"),
    ("§--tensor-model-parallel-size", "has no value; write one"),
    ("§--tensor-model-parallel-size two", "'two' is not a whole number above 0"),
    ("§--tensor-model-parallel-size 16", "tensor 16 does not divide 8 heads"),  # found when the scenario is built
    ("§--hidden-dropout much", "'much' is not a number"),
    ("§--recompute-granularity ful", "unknown value 'ful'. Did you mean 'full'?"),
    ("§--normalization RMS", "unknown value 'RMS'"),
]


@pytest.mark.parametrize(("flags", "message"), CONTRADICTIONS)
def test_contradictory_flags_are_refused_where_they_stand(flags, message):
    before, _, behind = flags.rpartition("§")
    faults = refused(f"#!/bin/bash\n{START} \\\n  {before}{behind}\n")
    fault = next(fault for fault in faults if message in fault.message)
    if "§" in flags:
        assert fault[1:4] == (3, 3 + len(before), behind.split()[0])


@pytest.mark.parametrize(
    "flags",
    [
        "--tensor-model-parallel-size 3 --global-batch-size 64 --sequence-parallel",
        "--tensor-model-parallel-size 3 --num-experts 8 --expert-model-parallel-size 2",
        "--tensor-model-parallel-size two --global-batch-size 8",
        "--pipeline-model-parallel-size two --num-layers-per-virtual-pipeline-stage 1",
        "--num-experts six --expert-model-parallel-size 2",
    ],
)
def test_faults_that_only_follow_from_another_are_not_told(flags):
    (fault,) = refused(f"{START} {flags}")
    assert fault.path == flags.split()[0]


def test_sequences_that_context_ranks_do_not_share():
    (fault,) = refused(f"{START.replace('256', '240')} --context-parallel-size 16")
    assert "a sequence of 240 tokens is not divisible by 2 x 16" in fault.message


def test_all_contradictions_are_told_at_once(command, here):
    (here / "run.sh").write_text(f"{START} --fp16 --bf16 \\\n --global-batch-size 33 --expert-model-parallel-size 2\n")
    code, out, err = command("init", "mine.yaml", "--from", "run.sh")
    assert (code, out, os.listdir(here)) == (2, "", ["run.sh"])
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        [f"run.sh:1:{len(START) + 2}", "--fp16"],
        ["run.sh:2:2", "--global-batch-size"],
        ["run.sh:2:25", "--expert-model-parallel-size"],
    ]


def test_what_is_needed_and_missing_is_told():
    text = "--num-layers $LAYERS --hidden-size 512 --micro-batch-size 1"
    faults = {fault.path: fault for fault in refused(text)}
    assert set(faults) == {"--num-layers", "--num-attention-heads", "--seq-length"}
    assert faults["--num-layers"].message.startswith("is needed, and its value is not in the file")


def test_a_value_that_only_running_tells_counts_as_left_out():
    seen = found(f"{START} --tensor-model-parallel-size ${{TP}} --unheard-of 1 2")
    assert [text.partition(": ")[2] for text in seen.unread] == [
        "--tensor-model-parallel-size ${TP}: ${TP} is known only when the script runs; counts as left out",
        "--unheard-of 1 2: not simulated",
    ]
    assert "tensor" not in nested(seen.values)["plan"]


def test_the_command_with_most_flags_is_read_and_others_are_told():
    seen = found(f"torchrun evaluate.py --seq-length 128\n{START}\n")
    assert nested(seen.values)["workload"]["sequence"] == 256
    assert seen.unread == (
        "1:1: torchrun evaluate.py --seq-length 128: is another command with such flags; it is not read",
    )


def test_defaults_of_the_script_are_told():
    seen = found("A=${TP:-2}; B=${HOST:-$(hostname)}; C=${3:-x}\n" + START + " --tensor-model-parallel-size $A")
    assert nested(seen.values)["plan"]["tensor"] == 2
    assert "The script's defaults are taken, in place of the environment: TP=2." in seen.notes


def test_other_models_of_megatron_are_refused():
    (fault,) = refused(START.replace("pretrain_gpt", "pretrain_t5"))
    assert "pretrain_t5.py trains a model that init does not read" in fault.message


@pytest.mark.skipif(not SHARED.exists(), reason="the files of others are not here")
def test_a_configuration_of_megatrons_own_tests():
    """GPT 7B on eight H100, four stages of eight chunks; a step of deterministic kernels was measured as 1.15 s."""
    text = (SHARED / "training_logs" / "megatron_gpt3_7b_tp1_pp4_model_config.yaml").read_text(encoding="utf-8")
    made = built(text, "1xdgx-h100")
    values = yaml.safe_load(made.text)
    assert values["plan"] == {
        "data": 2, "pipeline": 4, "schedule": "interleaved-1f1b", "chunks": 8, "stages": "count", "microbatch_size": 1,
        "sharding": "zero1", "bucket": "160 MB",
    }  # fmt: skip
    assert values["workload"]["vocabulary"] == 1025 * 128
    measured = json.loads((SHARED / "expect.json").read_text(encoding="utf-8"))["facts"]
    seconds = measured["training_logs/megatron_gpt3_7b_tp1_pp4_golden_h100.json"]["facts"]["median_s"]
    predicted = parsim.simulate(values).metrics["training"]["iteration_s"]
    assert 0.6 * seconds < predicted < seconds


# -- torchtitan

JOB = (FILES / "llama3_405b.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ('flavor = "405B"', 'flavor = "406B"', "model.flavor", "unknown flavor '406B'. Did you mean '405B'?"),
        ('name = "llama3"', 'name = "lama3"', "model.name", "unknown model 'lama3'. Did you mean 'llama3'?"),
        ("seq_len = 8192", "seq_len = -1", "training.seq_len", "wants a whole number above 0, not -1"),
        ('mode = "full"', 'mode = "ful"', "activation_checkpoint.mode", "Did you mean 'full'?"),
        (
            "shard_degree = -1",
            "shard_degree = 3",
            "parallelism.data_parallel_shard_degree",
            "the degrees make 24 devices",
        ),
        ("seq_len = 8192", "seq_len = 8191", "training.seq_len", "8191 tokens"),
        (
            "tensor_parallel_degree = 8",
            "tensor_parallel_degree = [8]",
            "parallelism.tensor_parallel_degree",
            "wants a whole",
        ),
        ("[compile]", "[compile", "toml", "Expected ']'"),
    ],
)
def test_wrong_jobs_are_refused_where_they_are_wrong(old, new, path, message):
    text = JOB.replace(old, new, 1)
    faults = refused(text, "4xdgx-h100")
    assert any(message in fault.message for fault in faults), faults
    line = text[: text.index(new)].count("\n") + 1
    assert line in [fault.line for fault in faults] or path == "training.seq_len"


@pytest.mark.parametrize(
    "wrong", ["local_batch_size = 'x'", "global_batch_size = 'x'", "data_parallel_shard_degree = 3"]
)
def test_faults_of_a_job_that_only_follow_from_another_are_not_told(wrong):
    key = wrong.partition(" ")[0]
    text = JOB.replace("[training]", "[training]\nglobal_batch_size = 32")
    (fault,) = refused(re.sub(rf"^{key} = .*$", wrong, text, flags=re.MULTILINE), "4xdgx-h100")
    assert fault.path.endswith(key)


def test_replicas_that_share_weights_among_some():
    text = JOB.replace("replicate_degree = 1", "replicate_degree = 2").replace("tensor_parallel_degree = 8", "")
    seen = found(text, on=On("dgx-h100", 8, 2, True))
    assert nested(seen.values)["plan"]["data"] == 16
    assert any("weights are shared and gathered by all 16 data ranks, not by 8" in note for note in seen.notes)


def test_a_schedule_of_the_job_in_csv():
    text = (FILES / "llama3_8b_dumped.json").read_text(encoding="utf-8")
    text = text.replace('"pipeline_parallel_schedule_csv": ""', '"pipeline_parallel_schedule_csv": "mine.csv"')
    assert nested(found(text).values)["plan"]["schedule"] == {"kind": "custom", "orders": "mine.csv"}


# -- recognising, and the command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        '{"train_micro_batch_size_per_gpu": 4}',
        "[tool]\nx = 1",
        "--num-layers 3",
        "cluster: {devices: 2}",
    ],
)
def test_an_unknown_format_is_told_with_those_that_are_known(text):
    (fault,) = refused(text)
    assert fault[:4] == ("file", 1, 1, "--from")
    assert fault.message.startswith("is of no format that init reads; these are: config.json of Hugging Face; ")
    assert "Megatron-LM flags" in fault.message


def test_the_name_of_a_file_does_not_count(command, here):
    (here / "config.yaml").write_text(json.dumps(MODELS["gpt2"]["config"]))
    code, out, _ = command("init", "mine.yaml", "--from", "config.yaml")
    assert code == 0
    assert "config.json of Hugging Face: 124,439,808 parameters on 8 devices" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "nowhere"], "--from:0:0: from: 'nowhere': no such file"),
        (["--from", "binary"], "--from:0:0: from: 'binary' is not text in UTF-8"),
        (["--from", "gpt2.json", "--on", "dgx-h10"], "--on:0:0: on: unknown name 'dgx-h10'. Did you mean 'dgx-h100'?"),
        (["--from", "gpt2.json", "--on", "16x"], "--on:0:0: on: unknown name '16x'"),
        (["--from", "gpt2.json", "--on", "0xdgx-h100"], "--on:0:0: on: unknown name '0xdgx-h100'"),
        (["--from", "gpt2.json", "--kind", "tasks"], "--kind:0:0: kind: does not apply to --from"),
        (["--on", "dgx-h100"], "--on:0:0: on: needs --from"),
        (["--space"], "--space:0:0: space: needs --from"),
    ],
)
def test_wrong_options_are_refused(command, here, arguments, message):
    (here / "binary").write_bytes(b"\xff\xfe\x00")
    (here / "gpt2.json").write_text(json.dumps(MODELS["gpt2"]["config"]))
    code, out, err = command("init", "mine.yaml", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert sorted(os.listdir(here)) == ["binary", "gpt2.json"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--on", "dgx-h100", "--space", "--kind", "task"], ["--on", "--space", "--kind"]),
        (["--from", "nowhere", "--on", "dgx-h10", "--kind", "tasks"], ["--kind", "--on", "--from"]),
    ],
)
def test_wrong_options_are_told_at_once(command, here, arguments, options):
    code, out, err = command("init", "mine.yaml", *arguments)
    assert (code, out) == (2, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == options


def test_the_plan_on_the_page_is_the_one_written():
    page = (ROOT / "docs" / "guides" / "formats.md").read_text(encoding="utf-8")
    script = re.search(r"^```bash\n(# run.sh\n.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    shown = re.search(r"^```{code-block} yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    assert f"\n{shown}\n# Is another plan faster?" in built(script, "dgx-a100").text


def test_a_file_that_is_there_stays(command, here):
    (here / "gpt2.json").write_text(json.dumps(MODELS["gpt2"]["config"]))
    (here / "mine.yaml").write_text("mine")
    code, _, err = command("init", "mine.yaml", "--from", "gpt2.json")
    assert (code, (here / "mine.yaml").read_text()) == (2, "mine")
    assert "it already exists" in err


def test_a_full_disk_leaves_no_half_of_a_file(here):
    (here / "gpt2.json").write_text(json.dumps(MODELS["gpt2"]["config"]))
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (300, 300))
    done = process("init", here / "mine.yaml", "--from", here / "gpt2.json", preexec_fn=full)
    assert (done.returncode, done.stdout) == (2, "")
    assert "File too large" in done.stderr
    assert os.listdir(here) == ["gpt2.json"]


def test_names_from_a_file_do_not_leave_their_comment():
    made = built(f"{START} --unheard-of $'a\\nworkload: {{}}' --also 'x\x1b[31m'")
    assert yaml.safe_load(made.text)["workload"]["width"] == 512
    assert "\x1b" not in made.text


PIECES = st.sampled_from([" ", "\n", "0", "-1", "null", '"', "{", "}", "[", "=", "--", "$", "'", "true", "x", ","])
TEXTS = [text_of(name) for name in EXPECTED]
TEXTS += [json.dumps(MODELS[name]["config"]) for name in ("gpt2", "mixtral-8x7b", "t5-base", "bert-base", "falcon-7b")]


@given(st.data())
def test_any_change_of_a_file_is_read_or_refused(data):
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(PIECES) + text[end:]
    outcome = read_or_refused(Input(text, "file"))
    if isinstance(outcome, Found):
        assert outcome.values["cluster.devices"].value > 0
    else:
        most = text.count("\n") + 2  # YAML may miss something behind the last line
        assert outcome
        assert all(0 < fault.line <= most and fault.column > 0 for fault in outcome)


def read_or_refused(source):
    try:
        return format_of(source).read(source, NODE)
    except parsim.ScenarioError as error:
        return error.faults
