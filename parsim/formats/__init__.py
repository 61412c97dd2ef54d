"""Formats: what files of other programs say of a training, as a scenario with comments.

run.sh, config.json, job.toml    ->    scenario.yaml

A format is a file here, listed in `FORMATS`: it recognises a text, and reads it into what was `Found`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from parsim.core.errors import ScenarioError
from parsim.formats import hugging_face, megatron, torchtitan
from parsim.formats.found import UNPLACED, Found, Input, On


class Format(NamedTuple):
    """A format: what it is called, whether a text is of it, and its reader."""

    kind: str
    recognises: Callable[[str], bool]
    read: Callable[[Input, On], Found]


FORMATS = (
    Format(hugging_face.KIND, hugging_face.recognised, hugging_face.read),
    Format(torchtitan.KIND, torchtitan.recognised, torchtitan.read),
    Format(megatron.KIND, megatron.recognised, megatron.read),
)


def format_of(source: Input) -> Format:
    """Return the format of a file, recognised by its content; an unknown one raises `ScenarioError`."""
    for one in FORMATS:
        if one.recognises(source.text):
            return one
    known = "; ".join(one.kind for one in FORMATS)
    raise ScenarioError([source.fault(UNPLACED, "--from", f"is of no format that init reads; these are: {known}")])
