"""The command that plays all rows of a space: `parsim sweep SCENARIO`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import click

from parsim.cli.options import Asked, Values, answers, collecting
from parsim.cli.progress import waiting
from parsim.core.errors import Fault, RunError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.study.sweep.sweeping import Again, Way
    from parsim.study.sweep.swept import Sweep


class Options(NamedTuple):
    """The options of a sweep."""

    store: str | None
    resume: bool
    retry: tuple[str, ...]
    csv: str | None
    parquet: str | None

    def again(self, faults: list[Fault]) -> list[Again]:
        """Return the statuses of rows that are played again; collect faults."""
        from parsim.study.sweep.sweeping import AGAIN, again_of

        found: list[Again] = []
        for status in self.retry if self.resume else AGAIN:
            with collecting(faults):
                found.append(again_of(status))
        return found

    def about_tables(self, faults: list[Fault]) -> None:
        """Collect faults of the names of tables."""
        from parsim.study.sweep.table import checked

        for option, file in (("--csv", self.csv), ("--parquet", self.parquet)):
            if file is not None:
                with collecting(faults):
                    checked(option, file)

    def write_tables(self, found: Sweep) -> None:
        """Write the tables that are asked for."""
        if self.csv is not None:
            found.to_csv(self.csv)
        if self.parquet is not None:
            found.to_parquet(self.parquet)


@click.command()
@click.argument("scenario")
@click.option("--store", metavar="FILE", help="The SQLite file that keeps the rows; default: NAME.sweep.db.")
@click.option("--resume/--anew", default=True, help="Go on with the rows in the store (default), or play all again.")
@click.option("--retry", metavar="STATUS", multiple=True, help="Play again the rows that are failed, or refused.")
@click.option("--engine", metavar="NAME", default="auto", help="auto, processes, dask, tcp://HOST:PORT, or mpi.")
@click.option("--csv", metavar="FILE", help="Also write the rows as CSV.")
@click.option("--parquet", metavar="FILE", help="Also write the rows as Parquet.")
@answers
def sweep(asked: Asked, scenario: str, engine: str, **options: object) -> None:
    """Play all rows of SCENARIO, which has choices, and keep them in a store.

    A choice stands for several values: tensor: {in: [1, 2, 4]}, or microbatch_size: {from: 1, to: 8, factor: 2}. A
    sweep that was interrupted goes on where it was: nothing that is done is lost, or done again.
    """
    from parsim.study.engines.named import AUTO, checked
    from parsim.study.sweep.sweeping import way_of

    faults: list[Fault] = []
    with collecting(faults):
        checked(engine)
    with way_of(AUTO if faults else engine) as way:
        _sweep(asked, scenario, Options(**options), way, faults)  # type: ignore[arg-type]


def _sweep(asked: Asked, scenario: str, options: Options, way: Way, faults: list[Fault]) -> None:
    from parsim.scenario.scenario import settings
    from parsim.study.space import space_of
    from parsim.study.sweep.sweeping import swept

    def see(values: Values) -> None:
        space_of(scenario, values)

    again = options.again(faults)
    options.about_tables(faults)
    chosen = asked.values(faults, settings, see)
    file = options.store if options.store is not None else f"{PurePath(scenario).stem}.sweep.db"
    try:
        with waiting(scenario, asked.quiet):
            found = swept(space_of(scenario, chosen), file, way, again)
            options.write_tables(found)
            asked.keep(found)
    except KeyboardInterrupt:
        told = f"what is done is in {printable(file)}, and the same command goes on with it"
        raise RunError(f"interrupted; {told}") from None
    asked.show(found)
    if found.failed:
        raise RunError(found.failed)


COMMANDS = (sweep,)
