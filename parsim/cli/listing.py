"""What there is on the shelves, and which devices and nodes are known; in every format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from parsim.export.summary import Summary, Table, column

if TYPE_CHECKING:
    from parsim.entries.registry import Shelf

HARDWARE = ("devices", "nodes")  # not shelves of Python files, but listed with them


@dataclass(frozen=True)
class Listing:
    """The entries of some shelves, and the question that each shelf answers."""

    questions: dict[str, str]
    rows: dict[str, list[dict[str, Any]]]  # of each shelf: name, file, does

    def to_dict(self) -> dict[str, Any]:
        """Return the entries as plain values, hardware with its numbers."""
        entries = {name: _with_numbers(name, rows) for name, rows in self.rows.items()}
        return {name: {"question": question, "entries": entries[name]} for name, question in self.questions.items()}

    def report(self) -> str:
        """Write a line for each entry."""
        from parsim.export.table import table

        rows = [(row["name"], row["file"], _does(name, row)) for name, row in self._each()]
        lines, told = iter(table(rows, words=range(3))), list[str]()
        for name, question in self.questions.items():
            told += [f"{name}: {question}", *(f"  {next(lines)}" for _ in self.rows[name])]
        return "\n".join(told)

    def summary(self) -> Summary:
        """Summarise the entries: a row for each."""
        each = self._each()
        columns = [column("shelf", [name for name, _ in each])]
        columns += [column(key, [row[key] for _, row in each]) for key in ("name", "file")]
        columns.append(column("does", [_does(name, row) for name, row in each]))
        words = [f"{name}: {question}" for name, question in self.questions.items()]
        return Summary("Shelves", [Table("Entries", columns)], words)

    def _each(self) -> list[tuple[str, dict[str, Any]]]:
        return [(name, row) for name, rows in self.rows.items() for row in rows]


def listing(names: Sequence[str]) -> Listing:
    """List the entries of the shelves of these names."""
    from parsim.entries.registry import shelf

    questions = {name: _files(name).QUESTION if name in HARDWARE else shelf(name).question for name in names}
    rows = {name: _file_rows(_files(name)) if name in HARDWARE else _rows(shelf(name)) for name in names}
    return Listing(questions, rows)


def _rows(shelf: Shelf) -> list[dict[str, Any]]:
    return [
        {"name": name, "file": _shown(shelf.place(name)), "does": _first_line(entry)}
        for name, entry in shelf.entries().items()
    ]


def _first_line(entry: Callable[..., Any]) -> str:
    """Return the first line of the docstring of an entry or of its module."""
    module = sys.modules.get(entry.__module__)
    return (entry.__doc__ or (module and module.__doc__) or "").strip().partition("\n")[0]


def _files(name: str) -> ModuleType:
    """Return the module that knows the files of the hardware of this name."""
    from parsim import hardware
    from parsim.topologies import nodes

    return hardware if name == "devices" else nodes


def _file_rows(known: ModuleType) -> list[dict[str, Any]]:
    from parsim.scenario.sourced import about

    return [{"name": name, "file": _shown(str(file)), "does": about(file)} for name, file in known.kinds().items()]


def _with_numbers(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if name not in HARDWARE:
        return rows
    return [row | {"numbers": _files(name).numbers(row["name"])} for row in rows]


def _does(shelf: str, row: dict[str, Any]) -> str:
    """Say what an entry does, and of a device what it costs an hour and draws."""
    return f"{row['does']}{_running(row['name'])}" if shelf == "devices" else str(row["does"])


def _running(device: str) -> str:
    from parsim.core.quantities import number
    from parsim.hardware import kind

    known = kind(device)
    figures = [(known.price, "USD/h"), (known.power, "W")]
    told = ", ".join(f"{number(value)} {unit}" for value, unit in figures if value is not None)
    return f" {told}." if told else ""


def _shown(file: str) -> str:
    """Write the path of a file relative to the package, or unchanged if it is outside."""
    from parsim.entries.registry import PACKAGE

    return Path(file).relative_to(Path(PACKAGE).parent).as_posix() if file.startswith(PACKAGE + os.sep) else file
