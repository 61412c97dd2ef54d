"""torchtitan: the configuration of a job, in TOML or as the program writes it in JSON.

[parallelism]                               data ranks = devices / (tensor x pipeline x context)
data_parallel_shard_degree = -1       ->    plan: {data: 16, tensor: 8, sharding: fsdp, ...}
tensor_parallel_degree = 8

Where the file leaves the number of devices open (-1), they are whole nodes, as few as the other degrees need. Facts:
the configuration and the models of github pytorch/torchtitan, 2024 and 2025.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from parsim.core.errors import ScenarioError
from parsim.formats.config import Config, mapping_of
from parsim.formats.found import UNPLACED, Found, Input, On, by_section, lines
from parsim.formats.torchtitan_job import Job
from parsim.scenario.document import Position

KIND = "torchtitan's configuration"
SECTIONS = ("model", "training", "parallelism", "activation_checkpoint", "optimizer", "float8", "experimental")
QUIET = re.compile(
    r"(job|profiling|metrics|lr_scheduler|checkpoint|comm|memory_estimation|validation|debug|fault_tolerance|mx|"
    r"training\.(dataset.*|steps|max_norm|gc_.*|seed|deterministic|warmup_steps|data_parallel_type)|"
    r"model\.(tokenizer_path|hf_assets_path|print_after.*|norm_type)|"
    r"optimizer\.(lr|beta.|eps|weight_decay|implementation|fused|foreach)|"
    r"parallelism\.(disable_loss_parallel|enable_compiled_autograd|context_parallel_rotate_method)|"
    r"float8\..*|experimental\.(custom_.*|pipeline_parallel_split_points)|quantize|"
    r"activation_checkpoint\.(per_op.*|early_stop|debug|visualize.*|preserve.*|determinism.*))(\..*)?"
)


def recognised(text: str) -> bool:
    """Return whether a text is the configuration of a job."""
    if text.lstrip().startswith("{"):
        return all(f'"{name}"' in text for name in ("training", "model", "flavor"))
    section = re.search(r"^\s*\[(training|parallelism)\]", text, re.MULTILINE)
    return section is not None and re.search(r"^\s*flavor\s*=", text, re.MULTILINE) is not None


def read(source: Input, on: On) -> Found:
    """Read a job."""
    values, position = _mapping(source)
    sections = {name: _section(source, values, name, position) for name in SECTIONS}
    job = Job(sections, on)
    made = job.cluster() | job.work() | job.plan()
    faults = [fault for one in sections.values() for fault in one.faults]
    if faults:
        raise ScenarioError(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    left = [one.left(QUIET) for one in sections.values()]
    others = [name for name, held in values.items() if name not in SECTIONS and _is_set(held)]
    unread = [text for found, _ in left for text in found]
    for name in others:
        if not QUIET.fullmatch(name):
            line, column = position(name, "")
            unread.append(f"{line}:{column}: {name}: not simulated")
    quiet = [name for _, found in left for name in found] + [name for name in others if QUIET.fullmatch(name)]
    return Found(by_section(made), tuple(job.notes), lines(unread), lines(quiet))


def _is_set(held: Any) -> bool:
    """Return whether a section says anything, such as `enable = true`."""
    return any(held.values()) if isinstance(held, dict) else bool(held)


def _mapping(source: Input) -> tuple[Mapping[str, Any], Callable[[str, str], Position]]:
    """Read JSON or TOML; return the values, and a function from section and key to a place."""
    if source.text.lstrip().startswith("{"):
        document = mapping_of(source)
        return document.values, lambda section, key: document.position((section, key) if key else (section,), "key")
    try:
        return tomllib.loads(source.text), lambda section, key: _place_in_toml(source.text, section, key)
    except tomllib.TOMLDecodeError as wrong:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(wrong))
        at = (int(place[1]), int(place[2])) if place else UNPLACED
        raise ScenarioError([source.fault(at, "toml", str(wrong).partition(" (at ")[0])]) from None


def _section(source: Input, values: Mapping[str, Any], name: str, position: Callable[[str, str], Position]) -> Config:
    found = values.get(name)
    return Config(source, found if isinstance(found, dict) else {}, lambda key: position(name, key), name)


def _place_in_toml(text: str, section: str, key: str) -> Position:
    r"""Return the place of a key, or of its section without one, which tomllib does not tell.

    >>> _place_in_toml("[model]\nflavor = '8B'", "model", "flavor")
    (2, 1)
    """
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        here = header[1].strip() if header else here
        begins = header if not key else re.match(rf"\s*{re.escape(key)}\s*=", line)
        if begins and here == section:
            return number, len(line) - len(line.lstrip()) + 1
    return UNPLACED
