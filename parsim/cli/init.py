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
from typing import TYPE_CHECKING, NamedTuple

import click

from parsim.cli.options import collecting, option_fault, raise_all
from parsim.cli.terminal import say, tell
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import printable
from parsim.core.read_file import content

if TYPE_CHECKING:
    from parsim.formats.written import Commands

SCHEMA = "parsim.schema.json"
FIRST = "items"
KINDS = "Kind of workload: items (the default), tasks, stages, mlp, transformer or transfers."
FROM = "File of another program to begin with: {}."
ON = "With --from, the cluster: a known node and how many, such as 16xdgx-h100 (parsim list nodes)."
SPACE = "With --from: write other plans to choose from, too, in place of the one plan; parsim plan searches them."


class From(click.Option):
    """An option whose help names the formats. They are imported for the help alone."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        from parsim.formats import FORMATS

        self.help = FROM.format(", ".join(one.kind for one in FORMATS))
        return super().get_help_record(ctx)


@click.command()
@click.argument("file", default="scenario.yaml")
@click.option("--kind", metavar="KIND", help=KINDS)
@click.option("--from", "source", metavar="SOURCE", cls=From)
@click.option("--on", metavar="[COUNTx]NODE", help=ON)
@click.option("--space", is_flag=True, help=SPACE)
def init(file: str, kind: str | None, source: str | None, on: str | None, space: bool) -> None:
    """Write a first scenario with an explanation of each key, or one from a file of another program.

    The default of FILE is scenario.yaml. Editors complete keys from parsim.schema.json in the same folder.
    """
    faults: list[Fault] = []
    made: list[Begun] = []
    with collecting(faults):
        made.append(_template(file, kind, on, space) if source is None else _from(file, source, kind, on, space))
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
    say(f"{printable(file)} is written{begun.told}. " + "\n".join(map(str, begun.steps)))


class Step(NamedTuple):
    """What to do next, and the commands for it."""

    words: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.words, *(f"  {printable(command)}" for command in self.commands)])


class Begun(NamedTuple):
    """A scenario to begin with, what the answer says of it, what to do next, and what was not understood of a file."""

    text: str
    told: str
    steps: tuple[Step, ...]
    unread: tuple[str, ...] = ()


def _running(run: str) -> Step:
    return Step("Run it, then change it and run it again:", (run, f"{run} --out out"))


def _template(file: str, kind: str | None, on: str | None, space: bool) -> Begun:
    """Return the template of a kind of workload."""
    from parsim.core.suggestions import did_you_mean

    kinds = {path.stem: path for path in Path(__file__).with_name("templates").glob("*.yaml")}
    faults: list[Fault] = []
    for option in ["--on"] * (on is not None) + ["--space"] * space:
        why = f"needs --from; name a file of another program, or leave {option} out"
        faults += option_fault(option, why).faults
    if kind is not None and kind not in kinds:
        faults += option_fault("--kind", did_you_mean(kind, kinds)).faults
    raise_all(faults)
    explained = f": its comments explain every key, and {SCHEMA} beside it lets editors complete them"
    run = f"parsim run {shlex.quote(file)}"
    return Begun(_text(kinds[kind or FIRST]).replace("parsim run FILE", run), explained, (_running(run),))


def _from(file: str, source: str, kind: str | None, on: str | None, space: bool) -> Begun:
    """Return the scenario that a file of another program describes."""
    from parsim.cli.from_file import made_of, on_of, source_of
    from parsim.formats.written import written, written_space

    faults: list[Fault] = []
    if kind is not None:
        why = "does not apply to --from, whose file says the work; leave one of them out"
        faults += option_fault("--kind", why).faults
    with collecting(faults):
        cluster = on_of(on)
    with collecting(faults):
        given = source_of(source)
    raise_all(faults)
    commands = _commands(file, source, on)
    made = made_of(given, cluster, SCHEMA, commands, written_space if space else written)
    of = f"{made.parameters:,} parameters on {made.devices:,} device{'s' * (made.devices > 1)}"
    told = f" from {printable(source)}, {made.kind}: {of}; its comments say where each value comes from"
    searching = Step("It holds many plans, that of the file first. Find the fastest:", (commands.plan,))
    planning = Step(
        "Is another plan faster? Write plans to choose from, and search them:", (commands.space, commands.search)
    )
    return Begun(made.text, told, (searching,) if space else (_running(commands.run), planning), made.unread)


def _commands(file: str, source: str, on: str | None) -> Commands:
    """Return the commands for a scenario, and for its space in a file beside it."""
    from parsim.formats.written import Commands

    name, other = shlex.quote(file), shlex.quote(f"{file.removesuffix('.yaml')}_space.yaml")
    options = ["--from", source, *(["--on", on] if on else []), "--space"]
    space = f"parsim init {other} {shlex.join(options)}"
    return Commands(f"parsim run {name}", f"parsim plan {name}", space, f"parsim plan {other}")


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
