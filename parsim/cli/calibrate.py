"""Measure kernels and links on this machine, or the links of an MPI job."""

from __future__ import annotations

import os
from math import inf

import click

from parsim.cli import ranks
from parsim.cli.options import (
    MOST_ROUNDS,
    Values,
    as_json,
    collecting,
    count_of,
    form,
    format_in,
    option_fault,
    quiet,
    raise_all,
    say_as,
    seconds_of,
    timeout,
    use_files,
    with_files,
)
from parsim.cli.progress import waiting
from parsim.cli.terminal import say
from parsim.core.errors import Fault
from parsim.core.escape import printable


@click.command()
@click.argument("scenario", required=False, metavar="SCENARIO")
@click.option("--links", is_flag=True, help="Measure links instead: of this machine, or under mpiexec of its ranks.")
@click.option("--repeat", metavar="N", default="10", help="Rounds to measure, or hand-overs of each size; default: 10.")
@click.option("--out", metavar="FILE", help="File of the profile; default: that of the scenario's cost, or links.json.")
@click.option("--set", "settings", metavar="PATH=VALUE", multiple=True, help="Set a value of the scenario; repeatable.")
@timeout
@with_files
@quiet
@form
@as_json
def calibrate(
    scenario: str | None,
    links: bool,
    repeat: str,
    timeout: str | None,
    out: str | None,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    quiet: bool,
    form: str | None,
    as_json: bool,
) -> None:
    """Measure SCENARIO's kernels on this machine into a profile, or with --links what its links take."""
    launched = ranks.workers_by(ranks.here() if links else ranks.PROCESSES)
    from parsim.export.files import writable
    from parsim.measure import LINKS, calibrate_links, file_of
    from parsim.measure import calibrate as measure
    from parsim.scenario.scenario import settings as read

    faults: list[Fault] = []
    chosen: Values = {}
    count, timeout_s = 1, inf
    format_ = format_in(form, as_json, faults)
    _one_of(scenario, links, faults)
    use_files(files, faults)
    with collecting(faults):
        count = count_of("--repeat", repeat, MOST_ROUNDS)
    with collecting(faults):
        timeout_s = inf if timeout is None else seconds_of("--timeout", timeout)
    with collecting(faults):
        chosen = read(settings)
    if not faults:
        with collecting(faults):
            out = out or (file_of(scenario, chosen) if scenario else LINKS)
    if out is not None:
        with collecting(faults):
            writable(os.path.dirname(out) or ".", [os.path.basename(out)])
    raise_all(faults)
    with waiting(scenario or "links", quiet):
        if scenario:
            found = measure(scenario, chosen, count, timeout_s=timeout_s)
        else:
            with launched() as launch:
                found = calibrate_links(launch, count, timeout_s)
        found.save(out or found.file)
    if not quiet:
        place = printable(str(out or found.file))
        say(f"{found.report()}  written to {place}") if format_ == "text" else say_as(format_, found)


def _one_of(scenario: str | None, links: bool, faults: list[Fault]) -> None:
    """Check that there is either a scenario or --links."""
    if scenario is not None and links:
        faults += option_fault("--links", "measures no scenario; leave out SCENARIO, or --links").faults
    if scenario is None and not links:
        context = click.get_current_context()
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
