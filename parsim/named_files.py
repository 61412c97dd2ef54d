"""The files that entries of a scenario name: found from its folder, and by absolute paths where it is kept."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from parsim.core.annotations import FILE, Either, mark_of
from parsim.core.errors import Path
from parsim.core.schema import Ask
from parsim.scenario.scenario import Scenario
from parsim.scenario.schema import parameters


def with_files(scenario: Scenario, section: Path, ask: Ask) -> Ask:
    """Return an entry of a section whose files are found from the scenario's folder."""
    files = {name: scenario.near((*section, name), ask.arguments[name]) for name in _files(ask)}
    return ask._replace(arguments={**ask.arguments, **files})


def _files(ask: Ask) -> list[str]:
    """Return the given parameters of an entry that name a file."""
    known = parameters(ask.entry)
    return [name for name, value in ask.arguments.items() if name in known and _names_file(known[name][0], value)]


def _names_file(annotation: Any, value: Any) -> bool:
    mark = mark_of(annotation)
    marks = map(mark_of, mark.members) if isinstance(mark, Either) else (mark,)
    return isinstance(value, str) and any(one is FILE for one in marks)


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


def files_of(scenario: Scenario, said: dict[str, Any]) -> Iterator[str]:
    """Yield the files that valid sections of a scenario name, as they are found from its folder."""
    for section, ask in _asks(said).items():
        for name in _files(ask):
            yield scenario.near((*section, name), ask.arguments[name])


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
