"""Megatron-LM: the flags of a training script, or of a plain list of arguments.

torchrun --nnodes 16 --nproc_per_node 8 pretrain_gpt.py --tensor-model-parallel-size 8 ...

data ranks = devices / (tensor x pipeline x context); a step has global batch / (micro batch x data ranks) microbatches.
Facts: megatron/training/arguments.py and its defaults of 2023 to 2025, github NVIDIA/Megatron-LM; also flags of
Megatron-DeepSpeed for ZeRO and checkpointing.
"""

from __future__ import annotations

import re

from parsim.core.errors import ScenarioError
from parsim.formats.flags import Flag, Flags, flags_of
from parsim.formats.found import UNPLACED, Found, Input, On, by_section, lines
from parsim.formats.launch import Devices, batch_options, devices, options, variables
from parsim.formats.megatron_model import model
from parsim.formats.megatron_plan import plan
from parsim.formats.shell.parts import Letters
from parsim.formats.shell.script import Script
from parsim.formats.shell.variables import Field
from parsim.formats.shell.words import Unclosed
from parsim.scenario import document

KIND = "Megatron-LM flags"
MARKS = {  # flags by which a file is recognised
    *("--num-layers", "--hidden-size", "--num-attention-heads", "--seq-length", "--micro-batch-size"),
    *("--global-batch-size", "--tensor-model-parallel-size", "--pipeline-model-parallel-size"),
}
SHOWN = 60  # letters of a line
_MAPPING = re.compile(r"^MODEL_ARGS:", re.MULTILINE)
QUIET = re.compile(
    r"--(lr|min-lr|weight-decay|adam-|sgd-|clip-grad|init-method|seed|train-(iters|samples|data)|"
    r"save|load|no-(save|load)-|finetune|ckpt-|dist-ckpt|use-dist-ckpt|async-save|exit-|eval-|log-|timing-|tensorboard|"
    r"wandb|profile|use-pytorch-profiler|no-one-logger|enable-one-logger|one-logger|data-|mock-data|train-data|"
    r"valid-data|test-data|split|tokenizer-|vocab-file|merge-file|tiktoken|num-workers|dataloader|no-mmap|"
    r"no-create-attention-mask|reset-|eod-|distributed-(backend|timeout)|local[_-]rank|manual-gc|empty-unused|"
    r"rotary-(base|percent|interleaved|seq)|use-rope-scaling|rope-scal|norm-epsilon|layernorm-epsilon|override-|"
    r"use-checkpoint|exit-on|loss-scale|initial-loss-scale|min-loss-scale|loss-scale-window|hysteresis|"
    r"start-weight|end-weight|check-for-nan|no-check-for-nan|check-weight|rerun-|use-mcore-models|use-persistent|"
    r"moe-(grouped-gemm|permute-fusion|aux-loss|z-loss|router-load|router-dtype|router-score|router-pre|input-jitter)|decoupled-|bias-.*-fusion|"
    r"fp8-(amax|margin|interval|recipe)|cross-entropy-loss-fusion|deterministic-mode|no-gradient-acc|rank|master-|node-rank|rdzv-|ddp-average|optimizer-cpu-seed|data-parallel-random|fp16-lm|spec|deepspeed_config|"
    r"deepspeed$|no-pipeline-parallel|apply-layernorm-1p|calculate-per-token-loss|hybrid-|retro-|inference-).*"
)


def recognised(text: str) -> bool:
    """Return whether a text has flags of Megatron-LM."""
    return len(MARKS & set(re.findall(r"--[a-z][\w-]*", text.replace("_", "-")))) > 1


def read(source: Input, on: On) -> Found:
    """Read a shell script, a list of arguments, or the mapping of flags of one of Megatron's own tests."""
    if _MAPPING.search(source.text):
        return found_in(Flags(source, _mapped(source)), None, on, "")
    try:
        return _read_script(source, on)
    except Unclosed as wrong:
        at, why = source.position(wrong.at), f"'{wrong.what}' is not closed; close it"
    except RecursionError:
        at, why = UNPLACED, "is nested too deeply"
    raise ScenarioError([source.fault(at, "shell", why)])


def _mapped(source: Input) -> list[Flag]:
    """Return the flags below MODEL_ARGS of a file in YAML."""
    read = document.read_text(source.text, source.file)
    held = read.values.get("MODEL_ARGS") if isinstance(read.values, dict) else None
    begins = [0, *(found.end() for found in re.finditer("\n", source.text))]
    found = []
    for name, value in held.items() if isinstance(held, dict) else ():
        line, column = read.position(("MODEL_ARGS", name), "key")
        at = begins[line - 1] + column - 1
        text = str(value).lower() if isinstance(value, bool) else str(value)
        word = Field(text, at, text if "$" in text else "", Letters(text, (at,) * len(text)))
        found.append(Flag(name, () if value is True else (word,), at))
    return found


def _read_script(source: Input, on: On) -> Found:
    batch = batch_options(source.text)
    script = Script(variables(batch))
    script.read(Letters(source.text, range(len(source.text))))
    launcher, words, others = _command(script)
    flags = Flags(source, flags_of(words))
    starts = devices(options(launcher), batch, lambda name: next(iter(script.variables.words(name)), None))
    found = found_in(flags, starts, on, " ".join(field.text for field in launcher))
    unread = [*(_told(source, at) for at in script.skipped), *others, *found.unread]
    taken = [f"{name}={value}" for name, value in script.variables.defaults.items() if name.isidentifier()]
    notes = [f"The script's defaults are taken, in place of the environment: {', '.join(taken)}."] if taken else []
    return Found(found.values, (*found.notes, *notes), lines(unread), found.quiet)


def found_in(flags: Flags, starts: Devices | None, on: On, launcher: str) -> Found:
    """Return what flags say of a training on devices that a launcher *starts*; faults raise `ScenarioError`."""
    work, notes = model(flags, launcher)
    cut, more = plan(flags, starts, on, work)
    unread, quiet = flags.left(QUIET)
    if flags.faults:
        raise ScenarioError(sorted(flags.faults, key=lambda fault: (fault.line, fault.column)))
    return Found(by_section(work | cut), (*notes, *more), unread, quiet)


def _told(source: Input, at: int) -> str:
    (line, column), text = source.position(at), source.line(at)
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return f"{line}:{column}: {text}: only running the script tells what this does; it is not read"


def _command(script: Script) -> tuple[list[Field], list[Field], list[str]]:
    """Return the words of the launcher, those of Megatron, and what is said of further commands with such flags."""
    found = [words for words in script.started if MARKS & {field.text.partition("=")[0] for field in words}]
    if not found:
        return [], _of_variables(script), []
    if all(words[0].text.startswith("--") for words in found):  # a list of arguments, over several lines
        return [], [field for words in script.started for field in words], []
    first = max(found, key=lambda words: len(MARKS & {field.text.partition("=")[0] for field in words}))
    start = next((place for place, field in enumerate(first) if _is_program(field.text)), -1)
    if start < 0:
        start = next(place for place, field in enumerate(first) if field.text.partition("=")[0] in MARKS) - 1
    return first[: start + 1], first[start + 1 :], []


def _is_program(word: str) -> bool:
    return word.endswith(".py") or ".py " in word


def _of_variables(script: Script) -> list[Field]:
    """Return the words of all variables that hold flags, each place of the file once."""
    found: dict[int, Field] = {}
    for name in script.variables.held:
        words = script.variables.words(name)
        if any(field.text.startswith("--") for field in words):
            found |= {field.at: field for field in words if field.at not in found}
    return list(found.values())
