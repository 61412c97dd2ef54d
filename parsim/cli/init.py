"""Write a first scenario, and the schema with which editors complete and explain its keys.

mine.yaml            # yaml-language-server: $schema=parsim.schema.json
parsim.schema.json   the output of `parsim schema`
"""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click

from parsim.cli.options import collecting, option_fault, raise_all
from parsim.cli.terminal import say, tell
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import printable
from parsim.core.read_file import content

SCHEMA = "parsim.schema.json"
FIRST = "items"
KINDS = "Kind of workload: items (the default), tasks, stages, mlp, transformer or transfers."
FROM = "File of another program to begin with: Megatron-LM's script or flags, config.json, torchtitan's configuration."
ON = "With --from, the cluster: a known node and how many, such as 16xdgx-h100 (parsim list nodes)."


@click.command()
@click.argument("file", default="scenario.yaml")
@click.option("--kind", metavar="KIND", help=KINDS)
@click.option("--from", "source", metavar="SOURCE", help=FROM)
@click.option("--on", metavar="[COUNTx]NODE", help=ON)
def init(file: str, kind: str | None, source: str | None, on: str | None) -> None:
    """Write a first scenario with an explanation of each key, or one from a file of another program.

    The default of FILE is scenario.yaml. Editors complete keys from parsim.schema.json in the same folder.
    """
    faults: list[Fault] = []
    made: list[Begun] = []
    name = shlex.quote(file)
    run = f"parsim run {name}"
    with collecting(faults):
        made.append(_template(kind, on, run) if source is None else _from(source, kind, on, run))
    with collecting(faults):
        _about_new(Path(file))
    raise_all(faults)
    (begun,) = made
    _write_new(file, begun.text)
    try:
        _add_schema(Path(file).with_name(SCHEMA))
    except ScenarioError:
        os.unlink(file)
        raise
    for item in begun.unread:
        tell(f"parsim: not understood: {source}:{item}")
    say(f"{printable(file)} is written{begun.told}. Run it, then change it and run it again:")
    say(f"  {printable(run)}\n  {printable(run)} --out out")


class Begun(NamedTuple):
    """A scenario to begin with, what the answer says of it, and what was not understood of a file."""

    text: str
    told: str
    unread: tuple[str, ...] = ()


def _template(kind: str | None, on: str | None, run: str) -> Begun:
    """Return the template of a kind of workload."""
    from parsim.core.suggestions import did_you_mean

    kinds = {path.stem: path for path in Path(__file__).with_name("templates").glob("*.yaml")}
    if on is not None:
        raise option_fault("--on", "needs --from; name a file of another program, or leave --on out")
    if kind is not None and kind not in kinds:
        raise option_fault("--kind", did_you_mean(kind, kinds))
    explained = f": its comments explain every key, and {SCHEMA} beside it lets editors complete them"
    return Begun(_text(kinds[kind or FIRST]).replace("parsim run FILE", run), explained)


def _from(source: str, kind: str | None, on: str | None, run: str) -> Begun:
    """Return the scenario that a file of another program describes."""
    from parsim.cli.from_file import made_of, on_of, source_of

    if kind is not None:
        raise option_fault("--kind", "does not apply to --from, whose file says the work; leave one of them out")
    made = made_of(source_of(source), on_of(on), SCHEMA, run)
    of = f"{made.parameters:,} parameters on {made.devices:,} device{'s' * (made.devices > 1)}"
    told = f" from {printable(source)}, {made.kind}: {of}; its comments say where each value comes from"
    return Begun(made.text, told, made.unread)


def _text(template: Path) -> str:
    """Read a template, and let its first line name the schema next to the scenario."""
    return re.sub(r"\$schema=\S+", f"$schema={SCHEMA}", template.read_text(encoding="utf-8"), count=1)


def _add_schema(path: Path) -> None:
    """Write the schema of scenarios. An existing file stays, with a note if it differs."""
    from parsim.export.files import json_text
    from parsim.scenario_schema import space_schema

    text, shown = json_text(space_schema()), printable(shlex.quote(str(path)))
    if not os.path.lexists(path):
        _write_new(str(path), text)
    elif _read(path) != json.loads(text):
        tell(f"parsim: {shown} differs from this version's schema and is kept; to update it: parsim schema > {shown}")


def _read(path: Path) -> object:
    try:
        return json.loads(content(str(path)))
    except (ValueError, RecursionError):  # not a file, not JSON, or nested too deeply
        return None


def _write_new(file: str, text: str) -> None:
    """Write a new file completely or not at all."""
    try:
        with open(file, "x", encoding="utf-8", newline="\n") as new:
            try:
                new.write(text)
                new.flush()
            except OSError:  # for example, the disk is full
                os.unlink(file)
                raise
    except (OSError, ValueError) as error:
        raise _not_written(file, str(getattr(error, "strerror", None) or error)) from None


def _about_new(file: Path) -> None:
    """Yield the fault of a name that cannot be a new file."""
    try:
        if file.exists() or file.is_symlink():
            raise _not_written(str(file), "it already exists, and init does not overwrite files")
        if not file.parent.is_dir():
            raise _not_written(str(file), f"there is no folder '{file.parent}'")
        if file.name == SCHEMA:
            raise _not_written(str(file), "init writes the schema under this name")
    except (OSError, ValueError) as error:
        raise _not_written(str(file), str(getattr(error, "strerror", None) or error)) from None


def _not_written(file: str, why: str) -> ScenarioError:
    return option_fault("FILE", f"'{file}' cannot be written: {why}; name another file")
