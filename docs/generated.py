"""Directives that write the reference from the program itself, so that it cannot be out of date.

{entries} policies      every entry of a shelf: its docstrings, and its parameters from the JSON Schema
{record} ClusterForm    the keys of one mapping of a scenario
{hardware} devices      the known devices, or nodes, with every number
{commands}              the commands of `parsim`, with their arguments and options
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml
from described import blocks, value_of
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from parsim.cli import parsim as cli
from parsim.entries.registry import PACKAGE, shelf
from parsim.scenario.docstrings import purpose
from parsim.scenario_schema import scenario_schema


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenarios."""
    return scenario_schema()


class Entries(Directive):
    """Write every entry of a shelf as a section."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each entry, in the order of their names."""
        name = self.arguments[0]
        return [_entry(name, entry, function) for entry, function in shelf(name).entries().items()]


class Record(Directive):
    """Write the keys of one mapping of a scenario as a table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table of the definition that is named; `scenario` is the whole."""
        name = self.arguments[0]
        return [_keys(schema() if name == "scenario" else schema()["$defs"][name])]


class Hardware(Directive):
    """Write the known devices or nodes as sections."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each file, with a table of its numbers and their sources."""
        from parsim import hardware
        from parsim.scenario.sourced import about
        from parsim.topologies import nodes as servers

        known = hardware if self.arguments[0] == "devices" else servers
        return [
            _section(name, self.arguments[0], _text(about(file)), _numbers(file))
            for name, file in known.kinds().items()
        ]


class Commands(Directive):
    """Write the commands of `parsim` as sections."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each command, with its usage and a table of its options."""
        return list(_commands(cli, click.Context(cli, info_name="parsim")))


def _entry(of: str, name: str, function: Callable[..., Any]) -> nodes.Node:
    """Return the section of an entry: what its file says, its parameters, its examples, its place."""
    file = shelf(of).place(name)
    shared = [one for one in shelf(of).entries() if shelf(of).place(one) == file]
    own = _prose(purpose(function)) if len(shared) > 1 else []
    parts = [*own, *_prose(sys.modules[function.__module__].__doc__ or "")]
    form = _schema_of(of, name)
    if form and form["properties"].keys() - {"kind"}:
        parts.append(_keys(form))
    return _section(name, of, *parts, *_examples(function), _text(f"In `parsim{file.removeprefix(PACKAGE)}`."))


def _schema_of(of: str, name: str) -> dict[str, Any] | None:
    """Return the definition of an entry; a shelf's definition has its name, and what its entries are told."""
    found = [one for key, one in schema()["$defs"].items() if key == of or key.startswith(f"{of}-")]
    forms = [form for one in found for form in one["anyOf"] if form.get("title") == name]
    return forms[0] if forms else None


def _commands(group: click.Group, above: click.Context) -> Iterator[nodes.Node]:
    """Yield a section for each command of a group, and of the groups in it."""
    for name in group.list_commands(above):
        command = group.commands[name]
        context = click.Context(command, info_name=name, parent=above)
        if isinstance(command, click.Group):
            yield from _commands(command, context)
        else:
            yield _command(command, context)


def _command(command: click.Command, context: click.Context) -> nodes.Node:
    name = context.command_path.removeprefix("parsim ")
    usage = command.get_usage(context).removeprefix("Usage: ")
    records = [one.get_help_record(context) for one in command.get_params(context)]
    rows = [(f"`{flags}`", told) for flags, told in filter(None, records)]
    return _section(
        name, "command", _literal(usage, "text"), *_prose(command.help or ""), _table(("option", "meaning"), rows)
    )


def _keys(form: dict[str, Any]) -> nodes.Node:
    needed = form.get("required", ())
    rows = [
        (f"`{key}`", value_of(one), "required" if key in needed else _default(one), _meaning(one))
        for key, one in form["properties"].items()
        if key != "kind" or "const" not in one
    ]
    return _table(("key", "value", "default", "meaning"), rows) if rows else _text("It has no keys.")


def _default(one: dict[str, Any]) -> str:
    return f"`{one['default']}`" if "default" in one else ""


def _meaning(one: dict[str, Any]) -> str:
    """Return the description; the default has a column of its own."""
    return str(one.get("description", "")).partition(" Default: ")[0]


def _numbers(file: Path) -> nodes.Node:
    """Return the table of a file's numbers, as they are written there, each beside its source."""
    rows = [
        (f"`{key}`{by and f', {by}'}", str(one["value"]), str(one["source"]))
        for key, found in yaml.safe_load(file.read_text(encoding="utf-8")).items()
        for by, one in ({"": found} if "value" in found else found).items()
    ]
    return _table(("number", "value", "source"), rows)


def _section(name: str, family: str, *parts: nodes.Node) -> nodes.section:
    mark = nodes.make_id(f"{family}-{name}")
    return nodes.section("", nodes.title(name, name), *parts, ids=[mark], names=[mark])


def _prose(docstring: str) -> list[nodes.Node]:
    return [_text(text) if kind == "text" else _literal(text, "text") for kind, text in blocks(docstring)]


def _examples(function: Callable[..., Any]) -> list[nodes.Node]:
    return [_literal(text, "pycon") for kind, text in blocks(function.__doc__ or "") if kind == "example"]


def _text(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", *_inline(text))


def _inline(text: str) -> Iterator[nodes.Node]:
    """Yield text; what stands in backticks as code, and [[name]] as a link."""
    for piece in re.split(r"(`[^`]+`|\[\[\w+\]\])", text):
        if piece.startswith("`"):
            yield nodes.literal(piece, piece.strip("`"))
        elif piece.startswith("[["):
            yield _link(piece.strip("[]"))
        elif piece:
            yield nodes.Text(piece)


def _link(name: str) -> nodes.Node:
    """Return the link to the page of a shelf, or to the section of a mapping."""
    kind, target = ("doc", f"/reference/{name}") if name.islower() else ("ref", name.lower())
    return pending_xref(
        "", nodes.inline(name, name), refdomain="std", reftype=kind, reftarget=target, refexplicit=True, refwarn=True
    )


def _literal(text: str, language: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> nodes.table:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
    group += nodes.thead("", _row(heads))
    group += nodes.tbody("", *(_row(row) for row in rows))
    return nodes.table("", group)


def _row(cells: Iterable[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _text(cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    for name, directive in (("entries", Entries), ("record", Record), ("hardware", Hardware), ("commands", Commands)):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
