"""Print the orders of a schedule, for people or as the CSV file that PyTorch's pipeline runtime loads."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from parsim.cli.options import (
    collecting,
    count_of,
    form,
    format_in,
    option_fault,
    raise_all,
    say_as,
    use_files,
    with_files,
)
from parsim.cli.terminal import say
from parsim.core.errors import Fault, Invalid, ScenarioError

if TYPE_CHECKING:
    from parsim.core.op import Action
    from parsim.core.schema import Ask
    from parsim.export.summary import Summary


@click.command()
@click.argument("name")
@click.option("--ranks", metavar="P", required=True, help="Number of ranks of the pipeline.")
@click.option("--microbatches", metavar="M", required=True, help="Number of microbatches.")
@click.option(
    "--chunks",
    metavar="V",
    help="Number of chunks of the model on each rank; default: 2 if interleaved or V-shaped, else 1.",
)
@click.option("--csv", "for_pytorch", is_flag=True, help="Write the CSV that PyTorch's runtime loads, without a head.")
@form
@with_files
def schedule(
    name: str,
    ranks: str,
    microbatches: str,
    chunks: str | None,
    for_pytorch: bool,
    form: str | None,
    files: tuple[str, ...],
) -> None:
    """Print the order of schedule NAME, a line per rank.

    NAME may also be a mapping with the schedule's parameters, such as '{kind: custom, orders: mine.csv}'.
    """
    from parsim.core.annotations import MOST
    from parsim.core.orders import chunks_of, orders_of

    counts: dict[str, int] = {}
    faults: list[Fault] = []
    asks: list[Ask] = []
    use_files(files, faults)
    used = not faults  # the schedule may come from one of these files
    options = {"--ranks": ranks, "--microbatches": microbatches, "--chunks": chunks}
    for option, text in options.items():
        if text is not None:
            with collecting(faults):
                counts[option.lstrip("-")] = count_of(option, text, MOST)
    if used:
        with collecting(faults):
            asks.append(_ask(name))
    chosen = format_in(form, False, faults)
    if for_pytorch and form is not None:
        faults += option_fault("--csv", "is a format by itself; leave --format out").faults
    raise_all(faults)
    (ask,) = asks
    if prod(counts.values()) * (1 if "chunks" in counts else chunks_of(ask, None) or 1) > MOST:
        raise option_fault(
            "--microbatches", f"ranks x microbatches x chunks is more than {MOST}; write smaller numbers"
        )
    try:
        orders = orders_of(ask, counts["ranks"], counts["microbatches"], counts.get("chunks"))
    except Invalid as invalid:
        raise _located(invalid) from None
    if for_pytorch:
        _refuse_copies(ask.name, orders)
        say("\n".join(",".join(map(str, order)) for order in orders))
    else:
        say_as(chosen, Orders(ask.name, [[str(action) for action in order] for order in orders]))


class Orders(NamedTuple):
    """The order of each rank, in every format."""

    name: str
    orders: list[list[str]]

    def to_dict(self) -> dict[str, Any]:
        """Return the actions of each rank."""
        return {"schedule": self.name, "orders": self.orders}

    def report(self) -> str:
        """Write a line for each rank."""
        return "\n".join(map(" ".join, self.orders))

    def summary(self) -> Summary:
        """Summarise the orders: a row for each rank."""
        from parsim.export.summary import Summary, Table, column

        ranks, orders = [*range(len(self.orders))], [*map(" ".join, self.orders)]
        return Summary(f"Schedule {self.name}", [Table("Orders", [column("rank", ranks), column("order", orders)])])


def _ask(name: str) -> Ask:
    """Read the name of a schedule, or a mapping with its parameters."""
    from parsim.core.orders import GIVEN
    from parsim.scenario.document import parse_value
    from parsim.scenario.schema import OneOf
    from parsim.schedules import schedules

    try:
        return OneOf(schedules, given=GIVEN).read(parse_value(name) if name.startswith("{") else name)
    except Invalid as invalid:
        raise _located(invalid) from None


def _refuse_copies(name: str, orders: list[list[Action]]) -> None:
    """Refuse a stage on two ranks, which PyTorch's runtime does not load."""
    from parsim.core.op import columns, placement

    for stage, ranks in enumerate(placement(columns(orders))):
        if len(ranks) > 1:
            why = (
                f"PyTorch has each stage on one rank, and {name} runs stage {stage} on ranks {ranks[0]} and {ranks[1]}"
            )
            raise option_fault("--csv", why)


def _located(invalid: Invalid) -> ScenarioError:
    """Turn complaints into faults of the options, or of NAME."""
    own = ("ranks", "microbatches", "chunks")
    found = [(f"--{c.path[0]}" if c.path[:1] and c.path[0] in own else "NAME", c.message) for c in invalid.complaints]
    return ScenarioError(fault for place in found for fault in option_fault(*place).faults)
