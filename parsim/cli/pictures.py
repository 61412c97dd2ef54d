"""The command `plot`.

folder of --out   gantt, ledger, path            from its files, also for measured runs
                  all others                     from scenario.json, which is played again
scenario file     every kind of a run            from a run of it
rows              choices, heat, pareto, parallel    from the file, or the file in the folder, of a sweep
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parsim.cli.options import collecting, option_fault, quiet, raise_all, use_files, with_files
from parsim.cli.progress import waiting
from parsim.cli.terminal import say
from parsim.core.errors import Fault, ParsimError, RunError, ScenarioError
from parsim.core.escape import printable
from parsim.core.progress import counted

if TYPE_CHECKING:
    from parsim.core.cluster import Folding
    from parsim.export.folder import Kept
    from parsim.export.rows import Rows
    from parsim.run import Result
    from parsim.scenario.scenario import Scenario, Source

KINDS = ("gantt", "ledger", "path", "memory", "graph", "network", "load", "hotspots", "scaling")
OF_ROWS = ("choices", "heat", "pareto", "parallel")  # drawn from what a sweep or a search for plans wrote
LYING = ("gantt", "ledger", "path")  # drawn from a folder without playing again

Pictures = dict[str, bytes]
Draw = Callable[[str], Pictures]  # kind -> files


@click.command()
@click.argument("result")
@click.option(
    "--kind",
    "kinds",
    metavar="KIND,...",
    multiple=True,
    help=f"What to draw: {', '.join(KINDS)}; of rows {', '.join(OF_ROWS)}.",
)
@click.option(
    "--over", metavar="PATH,PATH", help="The two choices of a heat map; default: those that change time most."
)
@click.option("--out", metavar="DIR", help="Write into this folder instead of the result's.")
@with_files
@quiet
def plot(
    result: str, kinds: tuple[str, ...], over: str | None, out: str | None, files: tuple[str, ...], quiet: bool
) -> None:
    """Draw pictures of a result, by default the Gantt chart of a run, and time over each choice of rows.

    RESULT is a folder that --out wrote, a scenario, or a file with the rows of a sweep. If one kind cannot be drawn,
    the others still are.
    """
    from parsim.export.files import ready, write
    from parsim.export.folder import folder_of_run
    from parsim.export.rows import file_of_rows
    from parsim.study.change import first_line

    faults: list[Fault] = []
    use_files(files, faults)
    used = not faults
    rows = file_of_rows(result)
    choices = [] if over is None else [path.strip() for path in over.split(",")]
    asked = [kind.strip() for word in kinds for kind in word.split(",")] or ["heat"] * bool(choices)
    wanted = _kinds(asked, KINDS if rows is None else OF_ROWS, faults)
    if choices and "heat" not in asked:
        faults += option_fault("--over", "is of a heat map; add --kind heat, or leave it out").faults
    folder = _folder(result, folder_of_run(result) if rows is None else rows.parent, wanted, out, faults)
    source = partial(_source, result) if rows is None else partial(_of_rows, rows, choices)
    if faults and used:
        with collecting(faults):
            source()
    raise_all(faults)
    with waiting(result, quiet):
        pictures, failed = _drawn(source(), wanted)
        write(folder, ready(pictures))
    if not quiet:
        say("\n".join(printable(str(Path(folder) / name)) for name in pictures))
    if failed:
        raise RunError(
            "; ".join(
                f"{kind} is not drawn: {first_line(error).removeprefix('kind: ')}" for kind, error in failed.items()
            )
        )


def _drawn(draw: Draw, kinds: list[str]) -> tuple[Pictures, dict[str, ParsimError]]:
    """Draw each of *kinds*; return the pictures and the reasons for missing ones. If all are missing, raise."""
    pictures: Pictures = {}
    failed: dict[str, ParsimError] = {}
    for kind in counted("pictures", kinds):
        try:
            pictures |= draw(kind)
        except ParsimError as error:
            failed[kind] = error
    if failed and not pictures:
        faults = [fault for error in failed.values() if isinstance(error, ScenarioError) for fault in error.faults]
        raise ScenarioError(dict.fromkeys(faults)) if faults else next(iter(failed.values()))
    return pictures, failed


def _kinds(asked: list[str], own: tuple[str, ...], faults: list[Fault]) -> list[str]:
    """Return the kinds *asked* for, each once, by default the first of the result's *own*; other kinds are faults."""
    from parsim.core.suggestions import did_you_mean

    once = dict.fromkeys(asked or own[:1])
    for kind in once:
        if kind not in (*KINDS, *OF_ROWS):
            faults += option_fault("--kind", did_you_mean(kind, (*KINDS, *OF_ROWS))).faults
        elif kind not in own:
            what = "is of a run, and RESULT has rows" if own == OF_ROWS else "needs the rows of a sweep"
            faults += option_fault("--kind", f"{kind} {what}; use {', '.join(own)}").faults
    return [kind for kind in once if kind in own]


def _folder(result: str, own: Path | None, kinds: list[str], out: str | None, faults: list[Fault]) -> str:
    """Return the folder of the pictures, by default the result's *own*, and check that it is writable."""
    from parsim.export.files import writable

    folder = out if out is not None else own
    if folder is None:
        if Path(result).exists():  # otherwise the fault is that of the source
            message = "is missing, and RESULT is a scenario, not a folder; write for example --out out"
            faults += option_fault("--out", message).faults
        return ""
    with collecting(faults):
        writable(folder, [f"{kind}.{form}" for kind in kinds for form in ("png", "svg")])
    return str(folder)


def _source(result: str) -> Draw:
    """Check the folder or the scenario *result*, and return a function that draws a kind of picture of it."""
    from parsim.export.folder import folder_of_run, read_folder
    from parsim.reading import load

    folder = folder_of_run(result)
    if folder is None:
        if not Path(result).exists():
            raise ScenarioError([Fault(result, 0, 0, "RESULT", "no such folder, result.json or scenario")])
        return _player(load(result), result)
    kept = read_folder(folder)
    again = cache(lambda: _again(kept))

    def draw(kind: str) -> Pictures:
        if kind in LYING:
            return _lying(kept, kind)
        if kept.clock != "simulated":
            message = f"{kind} needs the plan of a simulated run, and this run is measured; use {', '.join(LYING)}"
            raise option_fault("--kind", message)
        return again()(kind)

    return draw


def _of_rows(file: Path, over: list[str]) -> Draw:
    """Read the rows in *file*, and return a function that draws a kind of picture of them."""
    from parsim.export.rows import STORE, read_rows
    from parsim.plot.space_kinds import pictures

    name, rows = _stored(file) if file.suffix == STORE else read_rows(file)

    def draw(kind: str) -> Pictures:
        try:
            return pictures(rows, name, kind, over)
        except ValueError as wrong:  # a heat map names choices that there are not
            raise option_fault("--over", str(wrong)) from None

    return draw


def _stored(file: Path) -> Rows:
    """Read the rows of the last sweep in a store."""
    from parsim.export.rows import STORE, Rows
    from parsim.study.sweep.store import last

    try:
        rows = [record.to_dict() for record in last(str(file))]
    except ScenarioError as wrong:
        raise ScenarioError(fault._replace(file=str(file), path="RESULT") for fault in wrong.faults) from None
    return Rows(file.name.removesuffix(STORE).removesuffix(".sweep"), rows)


def _again(kept: Kept) -> Draw:
    """Play the scenario in a folder again, under its old name."""
    from parsim.export.folder import read_scenario
    from parsim.study.again import folding, scenario_of

    return _player(scenario_of(kept), read_scenario(kept.folder), folding(kept), kept)


def _lying(kept: Kept, kind: str) -> Pictures:
    """Draw a picture of the files in a folder."""
    from parsim.metrics.critical_path import critical_path
    from parsim.plot import gantt, paper, waterfall
    from parsim.plot.kinds import title as title_of

    title = title_of(kind, kept.name, kept.clock)
    with paper.ours():
        if kind == "ledger":
            axes = waterfall.waterfall(kept.ledger, waterfall.sheet(kept.ledger, title, kept.pipeline), kept.pipeline)
        else:
            axes = gantt.gantt(kept.timeline, gantt.sheet(kept.timeline, title), kept.ledger.t_total_s)
        if kind == "path":
            gantt.mark_path(kept.timeline, [step.row for step in critical_path(kept.timeline)], axes)
        return paper.files(kind, axes.figure)


def _player(scenario: Scenario, source: Source, fold: Folding = "auto", kept: Kept | None = None) -> Draw:
    """Build *scenario* from *source* and return a function that draws its run, which must be that of *kept*."""
    from parsim.build import build
    from parsim.run import run
    from parsim.study.again import unchanged

    job = build(scenario, fold)

    @cache
    def outcome() -> Result | ParsimError:
        try:
            return run(job)
        except ParsimError as error:
            return error

    def played() -> Result:
        result = outcome()
        if isinstance(result, ParsimError):
            raise result
        if kept is not None:
            unchanged(kept, result)
        return result

    def draw(kind: str) -> Pictures:
        result = played()  # also for other numbers of workers: the known makespan is checked
        return _scaling(scenario, source) if kind == "scaling" else result.pictures(kind)

    return draw


def _scaling(scenario: Scenario, source: Source) -> Pictures:
    from parsim.study.again import read_from
    from parsim.study.scaling import scaling

    with read_from(scenario.file):
        found = scaling(source)
    return replace(found, scenario=scenario.name).pictures()


COMMANDS: tuple[click.Command, ...] = (plot,)
