"""Write a scenario from a file of another program, and build it before it is written.

run.sh  --formats-->  Found  --written-->  text  --build-->  faults at the flags, or the text
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from parsim.cli.options import option_fault
from parsim.core.errors import Fault, ScenarioError
from parsim.core.read_file import content
from parsim.core.suggestions import did_you_mean
from parsim.formats import format_of
from parsim.formats.found import UNPLACED, Found, Input, On
from parsim.formats.written import Commands, Origin, written

DEFAULT = "dgx-h100"
Write = Callable[[Found, Origin, Commands], str]
_ON = re.compile(r"(?:([1-9]\d{0,6})x)?(\D.*)")


class Made(NamedTuple):
    """The text of a scenario, the format of the file, what was not understood; the model's parameters, and devices."""

    text: str
    kind: str
    unread: tuple[str, ...]
    parameters: int
    devices: int


def on_of(text: str | None) -> On:
    """Read the cluster of --on: a known node, or so many of them.

    >>> on_of("16xdgx-h100")
    On(node='dgx-h100', per_node=8, nodes=16, stated=True)
    """
    from parsim.topologies.nodes import kind, kinds

    found = _ON.fullmatch(text or DEFAULT)
    if found is None or found[2] not in kinds():
        name = found[2] if found else str(text)
        raise option_fault("--on", f"{did_you_mean(name, kinds())}; write for example 16xdgx-h100")
    return On(found[2], kind(found[2]).per_node, int(found[1] or 0), text is not None)


def source_of(file: str) -> Input:
    """Read the text of a file of another program."""
    try:
        return Input(content(file).decode("utf-8-sig").replace("\r\n", "\n"), file)
    except UnicodeDecodeError:
        raise option_fault("--from", f"'{file}' is not text in UTF-8") from None
    except ValueError as error:
        raise option_fault("--from", f"'{file}': {error}") from None


def made_of(source: Input, on: On, schema: str, commands: Commands, write: Write = written) -> Made:
    """Return what a file describes, as *write* writes it; what cannot be built is refused where the file says it."""
    one = format_of(source)
    found, origin = one.read(source, on), Origin(source.file, one.kind, schema)
    counted = _built(written(found, origin, commands), source, found)
    return Made(write(found, origin, commands), one.kind, found.unread, *counted)


def _built(text: str, source: Input, found: Found) -> tuple[int, int]:
    """Build the scenario; return the parameters of its model, and its devices."""
    from parsim.build import build
    from parsim.metrics.training import model
    from parsim.reading import read_text

    try:
        job = build(read_text(text, source.file))
    except ScenarioError as wrong:
        raise ScenarioError(_placed(fault, source, found) for fault in wrong.faults) from None
    counted = model(job)
    return counted["parameters"] if counted else 0, int(job.cluster.stands_for.sum())


def _placed(fault: Fault, source: Input, found: Found) -> Fault:
    """Move a fault of the scenario to the place in the file that says the value."""
    said = found.values.get(fault.path)
    if said is None or said.at == UNPLACED:
        return source.fault(UNPLACED, fault.path, fault.message)
    name = re.split(r"[\s=:]", said.source)[0] or fault.path
    return source.fault(said.at, name, f"{fault.message} ({fault.path})")
