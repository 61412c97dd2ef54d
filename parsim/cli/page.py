"""The command `report`: a page of a run, or of two on one axis, as one file.

folder of --out, simulated     its scenario is played again, which must take as long as before
folder of --out, measured      from its files, without memory and load over time
scenario file                  a run of it
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from parsim.cli.options import collecting, option_fault, page_file, quiet, raise_all, use_files, with_files
from parsim.cli.progress import waiting
from parsim.cli.terminal import say
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import printable

MOST = 2  # runs on one page


@click.command()
@click.argument("results", metavar="RESULT [RESULT]", nargs=-1)
@click.option("--html", metavar="FILE", help="Write the page into this file, which opens in any browser.")
@click.option(
    "--set", "settings", metavar="PATH=VALUE", multiple=True, help="Set a value of the scenarios; repeatable."
)
@with_files
@quiet
def report(
    results: tuple[str, ...], html: str | None, settings: tuple[str, ...], files: tuple[str, ...], quiet: bool
) -> None:
    """Write a page of a result to explore: timeline, memory, links, ledger, devices, scenario.

    RESULT is a folder that --out wrote, or a scenario. Two of them share one axis.
    """
    from parsim.export.files import ready, write
    from parsim.scenario.scenario import settings as read

    faults: list[Fault] = []
    use_files(files, faults)
    file = _file(html, faults)
    values: dict[str, Any] = {}
    with collecting(faults):
        values = read(settings)
    if not 1 <= len(results) <= MOST:
        message = "no RESULT is named" if not results else f"{len(results)} are named, and a page shows one or two"
        faults.append(Fault("RESULT", 0, 0, "RESULT", f"{message}; write for example out --html out.html"))
    raise_all(faults)
    with waiting(" ".join(results), quiet):
        from parsim.page.file import html as page

        shown = [_data(result, values, faults) for result in results]
        raise_all(faults)
        write(file.parent, ready({file.name: page(*shown)}))
    if not quiet:
        say(printable(str(file)))


def _file(html: str | None, faults: list[Fault]) -> Path:
    """Return the file of the page, and check that it can be written."""
    if not html:
        faults += option_fault("--html", "is missing; write for example --html out.html").faults
        return Path()
    with collecting(faults):
        page_file("--html", html)
    return Path(html)


def _data(result: str, values: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """Return the data of a page of a folder or a scenario; its faults join *faults*."""
    from parsim.export.folder import folder_of_run
    from parsim.page.data import of
    from parsim.study.single import simulate

    with collecting(faults):
        folder = folder_of_run(result)
        if folder is not None:
            return _kept(folder, values)
        if not Path(result).exists():
            raise ScenarioError([Fault(result, 0, 0, "RESULT", "no such folder, result.json or scenario")])
        found = simulate(result, values)
        return of(found, None if values else Path(result).read_text(encoding="utf-8-sig"))
    return {}


def _kept(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a page of a folder."""
    from parsim.export.folder import read_folder, read_scenario
    from parsim.page.data import of, of_kept
    from parsim.study.again import again

    if values:
        message = f"{folder} is the folder of a run, whose values are fixed; name a scenario"
        raise ScenarioError([Fault("--set", 0, 0, next(iter(values)), message)])
    kept = read_folder(folder)
    return of(again(kept)) if kept.clock == "simulated" else of_kept(kept, read_scenario(folder))


COMMANDS: tuple[click.Command, ...] = (report,)
