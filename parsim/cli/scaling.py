"""The command `parsim scaling`: a scenario on more and more workers, or the best plan of a space on each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from parsim.cli.options import Asked, Values, answers, collecting, count_of, option_fault
from parsim.cli.play import answer, scenario
from parsim.core.errors import Fault

if TYPE_CHECKING:
    from parsim.study.plan.sizes import Run

PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
MOST_DAYS = 100_000


@click.command()
@scenario
@click.option("--workers", metavar="P,...", help="Numbers of workers; default: 1, 2, 3, 4, 6, 8, ...")
@click.option("--over", metavar="PATH", default="", help="The degree that grows; default: plan.data.")
@click.option("--weak", is_flag=True, help="Keep the batch of each replica, not that of all.")
@click.option("--tokens", metavar="N", help="Tell days and price of a training on so many tokens, for example 300 G.")
@click.option("--days", metavar="N", help="Tell how many devices end that training within so many days.")
@answers
def scaling(
    asked: Asked, scenario: str, workers: str | None, over: str, weak: bool, tokens: str | None, days: str | None
) -> None:
    """Show speed-up and efficiency on more and more workers.

    Of a training by degrees of parallelism one degree grows while the others stay. Of a scenario with choices the best
    plan is searched anew on each number of devices.
    """
    from parsim.hardware import MOST_WORKERS

    faults: list[Fault] = []
    counts: list[int] | None = None
    run: Run | None = None
    if workers is not None:
        with collecting(faults):
            counts = [count_of("--workers", word.strip(), MOST_WORKERS) for word in workers.split(",")]
    if tokens is not None or days is not None:
        with collecting(faults):
            run = _run(tokens, days)

    def play(source: str, values: Values) -> Any:
        from parsim.study.plan.sizes import has_choices, sizes
        from parsim.study.scaling import scaling as one_plan

        if not has_choices(source, values) and run is None:
            return one_plan(source, values, counts, over=over, weak=weak)
        if over:
            why = "is for one plan; with choices, or --tokens, the best plan is searched anew; leave it out"
            raise option_fault("--over", why)
        return sizes(source, values, counts, weak, run)

    answer(asked, scenario, play, faults)


def _run(tokens: str | None, days: str | None) -> Run:
    """Read a whole training."""
    from parsim.study.plan.sizes import Run

    if tokens is None:
        raise option_fault("--tokens", "is missing; write for example --tokens 300G beside --days")
    return Run(_tokens(tokens), None if days is None else count_of("--days", days, MOST_DAYS))


def _tokens(text: str) -> float:
    """Read a number of tokens.

    >>> _tokens("300G"), _tokens("1.4 T"), _tokens("2e9")
    (300000000000.0, 1400000000000.0, 2000000000.0)
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?) ?([kMGT]?)", text.strip())
    if match is None or not float(match[1]):
        raise option_fault("--tokens", f"'{text[:60]}' is not a number of tokens; write for example 300G or 3e11")
    return float(match[1]) * PREFIXES[match[2]]


COMMANDS = (scaling,)
