"""Megatron-LM: the flags of a training script, or of a plain list of arguments.

torchrun --nnodes 16 --nproc_per_node 8 pretrain_gpt.py --tensor-model-parallel-size 8 ...

data ranks = devices / (tensor x pipeline x context); a step has global batch / (micro batch x data ranks) microbatches.
Facts: megatron/training/arguments.py and its defaults of 2023 to 2025, github NVIDIA/Megatron-LM; also flags of
Megatron-DeepSpeed for ZeRO and checkpointing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from parsim.core.errors import ScenarioError
from parsim.formats.flags import Flag, Flags, flags_of
from parsim.formats.found import UNPLACED, Found, Input, On, by_section, lines
from parsim.formats.launch import Devices, batch_options, devices, options, variables
from parsim.formats.megatron_model import model
from parsim.formats.megatron_plan import plan
from parsim.formats.megatron_quiet import QUIET
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
UNDECIDED = "only running the script tells what this does; it is not read"
ANOTHER = "is another command with such flags; it is not read"
_MAPPING = re.compile(r"^MODEL_ARGS:", re.MULTILINE)


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
    unread = [*(_told(source, at, UNDECIDED) for at in script.skipped), *(_told(source, at, ANOTHER) for at in others)]
    notes = (*found.notes, *_defaults(script.variables.defaults))
    return Found(found.values, notes, lines((*unread, *found.unread)), found.quiet)


def _defaults(taken: Mapping[str, str]) -> list[str]:
    """Say which values of the environment are those that the script itself states."""
    known = {name: value for name, value in taken.items() if name.isidentifier() and not set(value) & {"$", "`"}}
    told = ", ".join(f"{name}={value}" for name, value in known.items())
    return [f"The script's defaults are taken, in place of the environment: {told}."] if told else []


def found_in(flags: Flags, starts: Devices | None, on: On, launcher: str) -> Found:
    """Return what flags say of a training on devices that a launcher *starts*; faults raise `ScenarioError`."""
    work, notes = model(flags, launcher)
    cut, more = plan(flags, starts, on, work)
    unread, quiet = flags.left(QUIET)
    if flags.faults:
        raise ScenarioError(sorted(set(flags.faults), key=lambda fault: (fault.line, fault.column, fault.path)))
    return Found(by_section(work | cut), (*notes, *more), unread, quiet)


def _told(source: Input, at: int, why: str) -> str:
    (line, column), text = source.position(at), source.line(at)
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return f"{line}:{column}: {text}: {why}"


def _command(script: Script) -> tuple[list[Field], list[Field], list[int]]:
    """Return the words of the launcher, those of Megatron, and where further commands with such flags begin."""
    found = [words for words in script.started if _marks(words)]
    if not found:
        return [], _of_variables(script), []
    if all(words[0].text.startswith("--") for words in found):  # a list of arguments, over several lines
        return [], [field for words in script.started for field in words], []
    chosen = max(found, key=_marks)
    program = next((place for place, field in enumerate(chosen) if _is_program(field.text)), -1)
    if program < 0:
        program = next(place for place, field in enumerate(chosen) if _marks([field])) - 1
    others = [words[0].at for words in found if words is not chosen]
    return chosen[: program + 1], chosen[program + 1 :], others


def _marks(words: list[Field]) -> int:
    """Return how many of the flags by which Megatron is recognised are among the words."""
    return len(MARKS & {field.text.partition("=")[0].replace("_", "-") for field in words})


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
