"""The files that entries of a scenario name: found from its folder, and by absolute paths where it is kept."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

from parsim.core.annotations import FILE, Either, mark_of
from parsim.core.errors import Path
from parsim.core.schema import Ask
from parsim.entries.registry import all_entries
from parsim.scenario.choices import CONDITIONS, Choice, is_choice
from parsim.scenario.scenario import Scenario
from parsim.scenario.schema import key_of, parameters


def with_files(scenario: Scenario, section: Path, ask: Ask) -> Ask:
    """Return an entry of a section whose files are found from the scenario's folder."""
    files = {name: scenario.near((*section, name), ask.arguments[name]) for name in _files(ask)}
    return ask._replace(arguments={**ask.arguments, **files})


def _files(ask: Ask) -> list[str]:
    """Return the given parameters of an entry that name a file."""
    known = parameters(ask.entry)
    return [name for name, value in ask.arguments.items() if name in known and _names_file(known[name][0], value)]


def _names_file(annotation: Any, value: Any) -> bool:
    return isinstance(value, str) and _may_name_file(annotation)


def _may_name_file(annotation: Any) -> bool:
    mark = mark_of(annotation)
    marks = map(mark_of, mark.members) if isinstance(mark, Either) else (mark,)
    return any(one is FILE for one in marks)


def asks_of(plan: Any) -> dict[str, Ask]:
    """Return the entries that a plan asks for, by key."""
    known = fields(plan) if is_dataclass(plan) else ()
    return {field.name: ask for field in known if isinstance(ask := getattr(plan, field.name), Ask)}


def _asks(said: dict[str, Any]) -> dict[Path, Ask]:
    """Return the entries that valid sections of a scenario ask for, by path."""
    asks: dict[Path, Ask] = {(key,): ask for key, ask in said.items() if isinstance(ask, Ask)}
    topology = getattr(said.get("cluster"), "topology", None)
    if topology is not None:
        asks["cluster", "topology"] = topology
    return asks | {("plan", name): ask for name, ask in asks_of(said.get("plan")).items()}


def files_of(scenario: Scenario, choices: Sequence[Choice]) -> Iterator[tuple[str, str]]:
    """Yield each file that a row of a space may name: as the scenario writes it, and as it is found.

    A file counts if its key is that of a file in any entry, so that no row has to be looked at. The name starts with
    `./` where it is relative to the current folder, and not to the scenario's.
    """
    keys = {key for entry in all_entries() for key in _file_keys(entry)}
    plain = {key: held for key, held in scenario.values.items() if key not in CONDITIONS}
    for at, held in [((), plain), *((choice.at, value) for choice in choices for value in choice.values)]:
        for path, text in _texts(held, at):
            if path[-1] in keys:
                yield _name_of(scenario, path, text), scenario.near(path, text)


def _file_keys(entry: Callable[..., Any]) -> list[str]:
    """Return the keys of an entry that name a file; an entry that cannot be read is refused where it is named."""
    with suppress(Exception):
        return [key_of(name) for name, (annotation, _) in parameters(entry).items() if _may_name_file(annotation)]
    return []


def _texts(value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts in a value that stands at *at*, with their paths; choices in it are left out."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict) and not is_choice(value):
        for key, held in value.items():
            yield from _texts(held, (*at, key))
    elif isinstance(value, list):
        for index, held in enumerate(value):
            yield from _texts(held, (*at, index))


def _name_of(scenario: Scenario, path: Path, file: str) -> str:
    name, beside = os.path.normpath(file), os.path.join(os.path.dirname(scenario.file), file)
    is_beside = os.path.normpath(scenario.near(path, file)) == os.path.normpath(beside)
    return name if is_beside else os.path.join(os.curdir, name)


def anywhere(scenario: Scenario, said: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario's values with absolute paths of files, so that they are valid in every folder."""
    asks = _asks(said)
    values = copy.deepcopy(scenario.values) if any(map(_files, asks.values())) else scenario.values
    for section, ask in asks.items():
        for name in _files(ask):
            place: Any = values
            for key in section:
                place = place[key]
            place[name] = os.path.abspath(ask.arguments[name])
    return values
