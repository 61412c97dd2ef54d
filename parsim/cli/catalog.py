"""Commands about the shelves and about users' own files: list, check, schema, schedule, ledger."""

from __future__ import annotations

import click

from parsim.cli.examples import examples
from parsim.cli.init import init
from parsim.cli.options import (
    as_json,
    collecting,
    count_of,
    form,
    format_in,
    option_fault,
    quiet,
    raise_all,
    say_as,
    use_files,
    with_files,
)
from parsim.cli.progress import waiting
from parsim.cli.schedule import schedule
from parsim.cli.terminal import say_json
from parsim.core.errors import Fault, RunError


@click.command()
@click.argument("timeline")
@click.option("--workers", metavar="P", help="Number of workers, if some have no line in the file.")
@click.option(
    "--format", "form", metavar="NAME", default="json", help="json (the default), text, markdown, csv, or html."
)
@click.option(
    "--origin", default="0", metavar="first|SECONDS", help="Time that counts as 0: the first start, or this one."
)
def ledger(timeline: str, workers: str | None, form: str, origin: str) -> None:
    """Print the ledger of a timeline, as JSON if not asked otherwise.

    TIMELINE is a CSV file with the contract's columns, from parsim or from elsewhere.
    """
    from parsim.core.annotations import MOST
    from parsim.export.csv import read_csv
    from parsim.export.origin import FIRST, stamp
    from parsim.export.trace_ledger import TraceLedger
    from parsim.metrics.ledger import ledger_of_trace

    count, faults = 0, list[Fault]()
    if workers is not None:
        with collecting(faults):
            count = count_of("--workers", workers, MOST)
    try:
        stamp("0" if origin == FIRST else origin)
    except ValueError as wrong:
        faults += option_fault("--origin", str(wrong)).faults
    chosen = format_in(form, False, faults)
    raise_all(faults)
    terms = ledger_of_trace(read_csv(timeline, count, origin))
    say_as(chosen, TraceLedger(timeline, terms))
    if terms["checker"]:
        raise RunError(f"{timeline}: {terms['checker'][0]}")


@click.command("list")
@click.argument("shelf", required=False)
@with_files
@form
@as_json
def list_(shelf: str | None, files: tuple[str, ...], form: str | None, as_json: bool) -> None:
    """List the entries of the shelves and their files."""
    from parsim.cli.listing import HARDWARE, listing
    from parsim.core.suggestions import did_you_mean
    from parsim.entries.registry import SHELVES

    faults: list[Fault] = []
    use_files(files, faults)
    chosen = format_in(form, as_json, faults)
    known = (*SHELVES, *HARDWARE)
    if shelf is not None and shelf not in known:
        faults += option_fault("SHELF", did_you_mean(shelf, known)).faults
    raise_all(faults)
    say_as(chosen, listing(known if shelf is None else (shelf,)))


@click.command()
@click.argument("file")
@form
@as_json
@quiet
def check(file: str, form: str | None, as_json: bool, quiet: bool) -> None:
    """Check a file of your own against the rules of its shelves.

    FILE is Python that adds policies, kernels or other entries.
    """
    from parsim.conformance import check_file

    faults: list[Fault] = []
    chosen = format_in(form, as_json, faults)
    raise_all(faults)
    with waiting(file, quiet):
        verdict = check_file(file)
    if not quiet:
        say_as(chosen, verdict)
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
