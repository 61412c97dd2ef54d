"""Commands about the shelves and about users' own files: list, check, schema, schedule, ledger."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from parsim.cli.examples import examples
from parsim.cli.init import init
from parsim.cli.options import (
    as_json,
    collecting,
    count_of,
    option_fault,
    quiet,
    raise_all,
    use_files,
    with_files,
)
from parsim.cli.progress import waiting
from parsim.cli.schedule import schedule
from parsim.cli.terminal import say, say_json
from parsim.core.errors import Fault, RunError

if TYPE_CHECKING:
    from parsim.entries.registry import Shelf


HARDWARE = ("devices", "nodes")  # not shelves of Python files, but listed with them


@click.command()
@click.argument("timeline")
@click.option("--workers", metavar="P", help="Number of workers, if some have no line in the file.")
@click.option(
    "--origin", default="0", metavar="first|SECONDS", help="Time that counts as 0: the first start, or this one."
)
def ledger(timeline: str, workers: str | None, origin: str) -> None:
    """Print the ledger of a timeline as JSON.

    TIMELINE is a CSV file with the contract's columns, from parsim or from elsewhere.
    """
    from parsim.core.annotations import MOST
    from parsim.export.csv import read_csv
    from parsim.export.origin import FIRST, stamp
    from parsim.metrics.ledger import ledger_of_trace

    count, faults = 0, list[Fault]()
    if workers is not None:
        with collecting(faults):
            count = count_of("--workers", workers, MOST)
    try:
        stamp("0" if origin == FIRST else origin)
    except ValueError as wrong:
        faults += option_fault("--origin", str(wrong)).faults
    raise_all(faults)
    terms = ledger_of_trace(read_csv(timeline, count, origin))
    say_json(terms)
    if terms["checker"]:
        raise RunError(f"{timeline}: {terms['checker'][0]}")


@click.command("list")
@click.argument("shelf", required=False)
@with_files
@as_json
def list_(shelf: str | None, files: tuple[str, ...], as_json: bool) -> None:
    """List the entries of the shelves and their files."""
    from parsim.core.suggestions import did_you_mean
    from parsim.entries.registry import SHELVES
    from parsim.entries.registry import shelf as find
    from parsim.export.table import table

    faults: list[Fault] = []
    use_files(files, faults)
    known = (*SHELVES, *HARDWARE)
    if shelf is not None and shelf not in known:
        faults += option_fault("SHELF", did_you_mean(shelf, known)).faults
    raise_all(faults)
    chosen = known if shelf is None else (shelf,)
    questions = {name: _files(name).QUESTION if name in HARDWARE else find(name).question for name in chosen}
    rows = {name: _file_rows(_files(name)) if name in HARDWARE else _rows(find(name)) for name in chosen}
    if as_json:
        entries = {name: _with_numbers(_files(name), some) if name in HARDWARE else some for name, some in rows.items()}
        say_json({name: {"question": questions[name], "entries": entries[name]} for name in chosen})
        return
    if "devices" in rows:
        rows["devices"] = [row | {"does": f"{row['does']}{_running(row['name'])}"} for row in rows["devices"]]
    lines = iter(table([list(row.values()) for some in rows.values() for row in some], words=range(3)))
    for name, some in rows.items():
        say("\n".join([f"{name}: {questions[name]}", *(f"  {next(lines)}" for _ in some)]))


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


def _with_numbers(known: ModuleType, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"numbers": known.numbers(row["name"])} for row in rows]


def _running(device: str) -> str:
    """Write what a known device costs an hour and draws, as its file says."""
    from parsim.hardware import kind

    known = kind(device)
    figures = [(known.price, "USD/h"), (known.power, "W")]
    from parsim.core.quantities import number  # waits for NumPy

    told = ", ".join(f"{number(value)} {unit}" for value, unit in figures if value is not None)
    return f" {told}." if told else ""


def _shown(file: str) -> str:
    """Write the path of a file relative to the package, or unchanged if it is outside."""
    from parsim.entries.registry import PACKAGE

    return Path(file).relative_to(Path(PACKAGE).parent).as_posix() if file.startswith(PACKAGE + os.sep) else file


@click.command()
@click.argument("file")
@as_json
@quiet
def check(file: str, as_json: bool, quiet: bool) -> None:
    """Check a file of your own against the rules of its shelves.

    FILE is Python that adds policies, kernels or other entries.
    """
    from parsim.conformance import check_file

    with waiting(file, quiet):
        verdict = check_file(file)
    if not quiet:
        say_json(verdict.to_dict()) if as_json else say(verdict.report())
    if not verdict.good:
        raise RunError(f"{file}: {verdict.verdict}")


@click.command()
@with_files
def schema(files: tuple[str, ...]) -> None:
    """Print the JSON Schema of scenarios, for editors."""
    from parsim.scenario_schema import space_schema

    faults: list[Fault] = []
    use_files(files, faults)
    raise_all(faults)
    say_json(space_schema(), indent=1)


COMMANDS: tuple[click.Command, ...] = (list_, init, examples, check, schema, schedule, ledger)
