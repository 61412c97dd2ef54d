"""The command that finds the best plan: `parsim plan SCENARIO`."""

from __future__ import annotations

import click

from parsim.cli.options import Asked, Values, answers, collecting, count_of, one_of
from parsim.cli.progress import waiting
from parsim.core.errors import Fault

MOST = 1_000  # plans of an answer


@click.command()
@click.argument("scenario")
@click.option("--best", metavar="N", default="10", help="Number of plans to show; default: 10.")
@click.option(
    "--search",
    metavar="NAME",
    default="bounds",
    help="bounds (proven, plays few), all, or tpe (not proven, for huge spaces).",
)
@answers
def plan(asked: Asked, scenario: str, best: str, search: str) -> None:
    """Find the best plans of SCENARIO, which has choices.

    A choice stands for several values: tensor: {in: [1, 2, 4]}, or microbatch_size: {from: 1, to: 8, factor: 2}.
    """
    from parsim.scenario.scenario import settings
    from parsim.study.plan.planning import SEARCHES, SearchName
    from parsim.study.plan.planning import plan as play
    from parsim.study.space import space_of

    faults: list[Fault] = []
    count = 10
    chosen_search: SearchName = "bounds"
    with collecting(faults):
        count = count_of("--best", best, MOST)
    with collecting(faults):
        chosen_search = one_of("--search", search, tuple(SEARCHES))

    def see(values: Values) -> None:
        space_of(scenario, values)

    chosen = asked.values(faults, settings, see)
    with waiting(scenario, asked.quiet):
        found = play(scenario, chosen, count, chosen_search)
        asked.keep(found)
    asked.show(found)


COMMANDS = (plan,)
