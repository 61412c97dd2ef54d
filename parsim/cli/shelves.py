"""Commands about what there is, and about files of one's own: list, init, check, schema, schedule, ledger."""

from __future__ import annotations

import os
import shlex
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parsim.cli.asked import (
    as_json,
    collecting,
    count_of,
    option_fault,
    quiet,
    raise_all,
    use_files,
    with_files,
)
from parsim.cli.examples import examples
from parsim.cli.progress import waiting
from parsim.cli.terminal import say, say_json
from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.core.registry import Shelf


DEVICES = "devices"  # no shelf of Python, but listed among them


@click.command()
@click.argument("name")
@click.option("--ranks", metavar="P", required=True, help="Pipeline ranks.")
@click.option("--microbatches", metavar="M", required=True, help="Microbatches.")
@click.option("--chunks", metavar="V", default="1", help="Chunks of the model on each rank.")
@with_files
def schedule(name: str, ranks: str, microbatches: str, chunks: str, files: tuple[str, ...]) -> None:
    """Print the order of schedule NAME, a line per rank."""
    from parsim.core.errors import Invalid
    from parsim.core.marks import MOST
    from parsim.core.orders import orders_of
    from parsim.core.registry import did_you_mean
    from parsim.core.schema import Ask
    from parsim.schedules import schedules

    counts: dict[str, int] = {}
    faults: list[Fault] = []
    use_files(files, faults)
    used = not faults  # else the name may be one of theirs
    for option, text in {"--ranks": ranks, "--microbatches": microbatches, "--chunks": chunks}.items():
        with collecting(faults):
            counts[option.lstrip("-")] = count_of(option, text, MOST)
    if used and name not in schedules.entries():
        faults += option_fault("NAME", did_you_mean(name, schedules.entries())).faults
    if not faults and prod(counts.values()) > MOST:
        faults += option_fault("--microbatches", f"ranks x microbatches x chunks make more than {MOST}").faults
    raise_all(faults)
    try:
        orders = orders_of(Ask(name, schedules[name]), **counts)
    except Invalid as invalid:
        found = [(f"--{c.path[0]}" if c.path else "NAME", c.message) for c in invalid.complaints]
        raise ScenarioError(fault for place in found for fault in option_fault(*place).faults) from None
    say("\n".join(" ".join(map(str, order)) for order in orders))


@click.command()
@click.argument("timeline")
@click.option("--workers", metavar="P", help="Workers, where the file does not name them all.")
@click.option("--origin", default="0", metavar="first|SECONDS", help="Count times from the first start, or from there.")
def ledger(timeline: str, workers: str | None, origin: str) -> None:
    """Print the ledger of a timeline as JSON.

    TIMELINE is a CSV file with the contract's columns, from parsim or from elsewhere.
    """
    from parsim.core.marks import MOST
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
    """List what stands on the shelves, and in which files."""
    from parsim.core.registry import SHELVES, did_you_mean
    from parsim.core.registry import shelf as find
    from parsim.export.table import table
    from parsim.hardware import QUESTION

    faults: list[Fault] = []
    use_files(files, faults)
    known = (*SHELVES, DEVICES)
    if shelf is not None and shelf not in known:
        faults += option_fault("SHELF", did_you_mean(shelf, known)).faults
    raise_all(faults)
    chosen = known if shelf is None else (shelf,)
    questions = {name: QUESTION if name == DEVICES else find(name).question for name in chosen}
    rows = {name: _device_rows() if name == DEVICES else _rows(find(name)) for name in chosen}
    if as_json:
        say_json({name: {"question": questions[name], "entries": rows[name]} for name in chosen})
        return
    lines = iter(table([list(row.values()) for some in rows.values() for row in some], words=range(3)))
    for name, some in rows.items():
        say("\n".join([f"{name}: {questions[name]}", *(f"  {next(lines)}" for _ in some)]))


def _rows(shelf: Shelf) -> list[dict[str, str]]:
    return [
        {"name": name, "file": _shown(shelf.place(name)), "does": (entry.__doc__ or "").strip().partition("\n")[0]}
        for name, entry in shelf.entries().items()
    ]


def _device_rows() -> list[dict[str, str]]:
    from parsim.hardware import about, kinds

    return [{"name": name, "file": _shown(str(file)), "does": about(name)} for name, file in kinds().items()]


def _shown(file: str) -> str:
    """Write a file of the package from the package on, and any other as it was named."""
    from parsim.core.registry import PACKAGE

    return Path(file).relative_to(Path(PACKAGE).parent).as_posix() if file.startswith(PACKAGE + os.sep) else file


KINDS = "items (if left out), tasks, stages, mlp, transformer or transfers."


@click.command()
@click.argument("file", default="scenario.yaml")
@click.option("--kind", default="items", metavar="KIND", help=KINDS)
def init(file: str, kind: str) -> None:
    """Write a scenario to begin with, each key explained.

    FILE is scenario.yaml if left out.
    """
    from parsim.core.registry import did_you_mean

    kinds = {path.stem: path for path in Path(__file__).with_name("templates").glob("*.yaml")}
    faults: list[Fault] = []
    if kind not in kinds:
        faults += option_fault("--kind", did_you_mean(kind, kinds)).faults
    with collecting(faults):
        _about_new(Path(file))
    raise_all(faults)
    name = shlex.quote(file)
    _write_new(file, kinds[kind].read_text(encoding="utf-8").replace("parsim run FILE", f"parsim run {name}"))
    say(f"{printable(file)} is written; its comments explain every key. Run it, change it, run it again:")
    say(f"  parsim run {printable(name)}\n  parsim run {printable(name)} --out out")


def _write_new(file: str, text: str) -> None:
    """Write a file that did not exist, whole or not at all."""
    try:
        with open(file, "x", encoding="utf-8", newline="\n") as new:
            try:
                new.write(text)
                new.flush()
            except OSError:  # the disk is full
                os.unlink(file)
                raise
    except (OSError, ValueError) as error:
        raise _not_written(file, str(getattr(error, "strerror", None) or error)) from None


def _about_new(file: Path) -> None:
    """Refuse a name under which no new file can be."""
    try:
        if file.exists() or file.is_symlink():
            raise _not_written(str(file), "it exists already, and may be dear to somebody")
        if not file.parent.is_dir():
            raise _not_written(str(file), f"there is no folder '{file.parent}'")
    except (OSError, ValueError) as error:
        raise _not_written(str(file), str(getattr(error, "strerror", None) or error)) from None


def _not_written(file: str, why: str) -> ScenarioError:
    return option_fault("FILE", f"'{file}' cannot be written: {why}; name another file")


@click.command()
@click.argument("file")
@as_json
@quiet
def check(file: str, as_json: bool, quiet: bool) -> None:
    """Try a file of your own against the rules of its shelves.

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
    from parsim.build import scenario_schema

    faults: list[Fault] = []
    use_files(files, faults)
    raise_all(faults)
    say_json(scenario_schema(), indent=1)


COMMANDS: tuple[click.Command, ...] = (list_, init, examples, check, schema, schedule, ledger)
