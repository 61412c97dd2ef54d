"""The command `report`: a page of a run, or of two on one axis, as one file.

folder of --out, simulated     its scenario is played again, which must take as long as before
folder of --out, measured      from its files, without memory and load over time
scenario file                  a run of it
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from parsim.cli.options import collecting, option_fault, page_file, quiet, raise_all, use_files, with_files
from parsim.cli.progress import waiting
from parsim.cli.terminal import say
from parsim.core.errors import Fault, ScenarioError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.core.job import Job
    from parsim.scenario.scenario import Scenario
    from parsim.study.work import Work

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

        shown = [one for result in results if (one := _shown(result, values, faults)) is not None]
        raise_all(faults)
        first, *second = shown
        content = page(first.data, second[0].data if second else None, _unlike(shown))
        write(file.parent, ready({file.name: content}))
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


class Shown(NamedTuple):
    """The data of a page, and the scenario and the job that it is of."""

    data: dict[str, Any]
    scenario: Scenario
    job: Job | None  # None: the run is read from its files


class Labelled(NamedTuple):
    """What the run with a letter does."""

    label: str
    work: Work


def _unlike(shown: list[Shown]) -> str:
    """Return in words how the work of two runs differs; of one run, or where it does not, nothing."""
    from parsim.study.measure import measure

    if len(shown) < MOST:
        return ""
    works = [Labelled(letter, _work(one)) for letter, one in zip("AB", shown, strict=True)]
    found = measure(works)
    return found.sentence(works) if found.differ else ""


def _work(shown: Shown) -> Work:
    """Return the work of a run; that of a folder whose scenario can no longer be built is not known."""
    from parsim.build import build
    from parsim.study.work import NOTHING, work_done

    try:
        return work_done(shown.scenario, shown.job or build(shown.scenario))
    except ScenarioError:
        return NOTHING


def _shown(result: str, values: dict[str, Any], faults: list[Fault]) -> Shown | None:
    """Return what a page shows of a folder or a scenario; its faults join *faults*, and there is nothing."""
    from parsim.export.folder import folder_of_run
    from parsim.page.data import of
    from parsim.scenario.scenario import load
    from parsim.study.single import simulate

    with collecting(faults):
        folder = folder_of_run(result)
        if folder is not None:
            return _kept(folder, values)
        if not Path(result).exists():
            raise ScenarioError([Fault(result, 0, 0, "RESULT", "no such folder, result.json or scenario")])
        found = simulate(result, values)
        text = None if values else Path(result).read_text(encoding="utf-8-sig")
        return Shown(of(found, text), load(result, values), found.job)
    return None


def _kept(folder: Path, values: dict[str, Any]) -> Shown:
    """Return what a page shows of a folder."""
    from parsim.export.folder import read_folder, read_scenario
    from parsim.page.data import of, of_kept
    from parsim.study.again import again, scenario_of

    if values:
        message = f"{folder} is the folder of a run, whose values are fixed; name a scenario"
        raise ScenarioError([Fault("--set", 0, 0, next(iter(values)), message)])
    kept = read_folder(folder)
    scenario = scenario_of(kept)
    if kept.clock != "simulated":
        return Shown(of_kept(kept, read_scenario(folder)), scenario, None)
    found = again(kept)
    return Shown(of(found), scenario, found.job)


COMMANDS: tuple[click.Command, ...] = (report,)
