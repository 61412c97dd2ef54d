"""The command line: `parsim COMMAND ...`.

Standard output carries the answer and nothing else; faults go to standard error, a line each. Exit codes: 0 done, 1 the
run failed, 2 the input is wrong. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from math import prod
from typing import Any, Protocol, TypeVar

import click

from parsim.core.errors import Fault, RunError, ScenarioError

SHELVES = ("workloads", "parallel", "schedules", "policies", "costs", "topologies", "kernels", "merges")


def option_fault(option: str, message: str) -> ScenarioError:
    """Make the error for a fault on the command line."""
    return ScenarioError([Fault(option, 0, 0, option.lstrip("-"), message)])


class Answer(Protocol):
    """What a command that plays a scenario has to say."""

    def to_dict(self) -> dict[str, Any]:
        """Say it as plain values."""

    def report(self) -> str:
        """Say it for people."""

    def save(self, folder: str) -> None:
        """Write it into a folder."""


Given = TypeVar("Given", bound=Answer)


@dataclass(frozen=True)
class Asked:
    """The arguments of every command that plays a scenario."""

    scenario: str
    settings: tuple[str, ...]
    as_json: bool
    quiet: bool
    out: str | None
    seed: str | None

    def answer(self, ask: Callable[[str, dict[str, Any]], Given]) -> Given:
        """Let *ask* play the scenario, and give its answer as it was asked for."""
        chosen = _chosen(self.scenario, self.settings, self.seed, self.out)
        with _waiting(f"{self.scenario} ...", self.quiet):
            answer = ask(self.scenario, chosen)
            if self.out is not None:
                answer.save(self.out)
        if not self.quiet:
            click.echo(json.dumps(answer.to_dict()) if self.as_json else answer.report(), nl=self.as_json)
        return answer


def answers(command: Callable[[Asked], None]) -> Callable[..., None]:
    """Give *command* the options of every command that plays a scenario."""

    @wraps(command)
    def play(**options: Any) -> None:
        command(Asked(**options))

    for option in (
        click.option("--seed", metavar="N", help="Seed of the draws, in place of the scenario's."),
        click.option("--out", metavar="DIR", help="Write results and pictures into this folder."),
        click.option("--quiet", is_flag=True, help="Print nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--set", "settings", metavar="PATH=VALUE", multiple=True, help="Change a value; repeatable."),
        click.argument("scenario"),
    ):
        play = option(play)
    return play


@contextmanager
def _waiting(what: str, quiet: bool) -> Iterator[None]:
    """Show people at a terminal that something goes on."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parsim", message="%(version)s")
def parsim() -> None:
    """Simulate parallel training clusters, and check the simulation."""


@parsim.command()
@answers
def run(asked: Asked) -> None:
    """Play SCENARIO on the simulated clock."""
    from parsim.run import simulate

    asked.answer(simulate)


@parsim.command()
@answers
def replay(asked: Asked) -> None:
    """Run SCENARIO for real, in worker processes, beside its prediction."""
    from parsim.run import replay as play

    asked.answer(play)


@parsim.command()
@answers
def validate(asked: Asked) -> None:
    """Hold the simulated makespan against closed forms, and prove the timeline."""
    from parsim.validate import validate as play

    verdict = asked.answer(play)
    if not verdict.good:
        raise RunError(f"{verdict.result.job.name}: {verdict.verdict}")


@parsim.command()
@click.argument("name")
@click.option("--ranks", metavar="P", required=True, help="Pipeline ranks.")
@click.option("--microbatches", metavar="M", required=True, help="Microbatches.")
@click.option("--chunks", metavar="V", default="1", help="Chunks of the model on each rank.")
def schedule(name: str, ranks: str, microbatches: str, chunks: str) -> None:
    """Print the order of schedule NAME, a line per rank."""
    from parsim.core.errors import Invalid
    from parsim.core.marks import MOST
    from parsim.core.registry import did_you_mean
    from parsim.schedules import schedules

    counts: dict[str, int] = {}
    faults: list[Fault] = []
    for option, text in {"--ranks": ranks, "--microbatches": microbatches, "--chunks": chunks}.items():
        with _collecting(faults):
            counts[option.lstrip("-")] = _count(option, text)
    if name not in schedules.entries():
        faults.append(option_fault("NAME", did_you_mean(name, schedules.entries())).faults[0])
    if not faults and prod(counts.values()) > MOST:
        faults += option_fault("--microbatches", f"ranks x microbatches x chunks make more than {MOST}").faults
    if faults:
        raise ScenarioError(faults)
    try:
        orders = schedules[name](**counts)
    except Invalid as invalid:
        found = [Fault(f"--{c.path[0]}", 0, 0, str(c.path[0]), c.message) for c in invalid.complaints]
        raise ScenarioError(found) from None
    click.echo("\n".join(" ".join(map(str, order)) for order in orders))


@parsim.command()
@click.argument("timeline")
@click.option("--workers", metavar="P", help="Workers, where the file does not name them all.")
def ledger(timeline: str, workers: str | None) -> None:
    """Print the ledger of TIMELINE, a CSV file with the contract's columns, as JSON."""
    from parsim.export.csv import read_csv
    from parsim.metrics.ledger import ledger_of_trace

    terms, missing = ledger_of_trace(read_csv(timeline, 0 if workers is None else _count("--workers", workers)))
    if missing:
        click.echo(f"parsim: the terms miss the makespan by {missing:g} s: spans of one worker overlap", err=True)
    click.echo(json.dumps(terms))


@parsim.command("list")
@click.argument("shelf", required=False)
def list_(shelf: str | None) -> None:
    """List what stands on the shelves, with a line each."""
    from parsim.core.registry import did_you_mean
    from parsim.core.registry import shelf as find

    if shelf is not None and shelf not in SHELVES:
        raise option_fault("SHELF", did_you_mean(shelf, SHELVES))
    for name in SHELVES if shelf is None else (shelf,):
        entries = find(name).entries()
        click.echo(f"{name}: {find(name).question}")
        for entry, made in entries.items():
            click.echo(f"  {entry:<12} {(made.__doc__ or '').strip().splitlines()[0]}")


@parsim.command()
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors."""
    from parsim.build import scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=1))


def _chosen(scenario: str, settings: tuple[str, ...], seed: str | None, out: str | None) -> dict[str, Any]:
    """Return the values that the options set; every fault of the command line, or of scenario and folder, at once."""
    from parsim.core.scenario import settings as read

    chosen: dict[str, Any] = {}
    faults: list[Fault] = []
    with _collecting(faults):
        chosen |= read(settings)
    if seed is not None:
        with _collecting(faults):
            chosen["seed"] = _seed(seed)
    readable = not faults
    if out is not None:
        from parsim.export.files import writable

        with _collecting(faults):
            writable(out)
    if faults and readable:
        from parsim.build import build
        from parsim.core.scenario import load

        with _collecting(faults):
            build(load(scenario, chosen))
    if faults:
        raise ScenarioError(faults)
    return chosen


@contextmanager
def _collecting(faults: list[Fault]) -> Iterator[None]:
    """Collect what is wrong, and go on."""
    try:
        yield
    except ScenarioError as wrong:
        faults += wrong.faults


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) >= 2**63:
        raise option_fault("--seed", f"'{text[:60]}' is no whole number from 0 to 2^63 - 1; write for example 7")
    return int(text)


def _count(option: str, text: str) -> int:
    from parsim.core.marks import MOST

    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST)) or not 0 < int(text) <= MOST:
        raise option_fault(option, f"'{text[:60]}' is not a count from 1 to {MOST}; write for example 4")
    return int(text)


def main() -> None:
    """Run the command line and leave with the contract's exit code."""
    sys.exit(_main())


def _main() -> int:
    try:
        parsim(standalone_mode=False, prog_name="parsim")
    except ScenarioError as wrong:
        click.echo(str(wrong), err=True)
        return 2
    except RunError as failed:
        click.echo(f"parsim: {failed}", err=True)
        return 1
    except click.exceptions.NoArgsIsHelpError as nothing:
        click.echo(nothing.format_message(), err=True)
        return 2
    except click.UsageError as misuse:
        click.echo(str(_misuse(misuse)), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("parsim: interrupted", err=True)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # of standard output; files that cannot be read or written are told of elsewhere
        click.echo(f"parsim: {error.strerror or error}", err=True)
        return 1
    return 0


def _misuse(misuse: click.UsageError) -> Fault:
    """Turn click's complaint into a fault; the option is the file."""
    asked = getattr(misuse, "option_name", None) or getattr(getattr(misuse, "param", None), "opts", [None])[-1]
    name = str(asked or "parsim")
    name = name if name.startswith("-") or asked is None else name.upper()
    return Fault(name, 0, 0, name.lstrip("-"), " ".join(misuse.format_message().split()))


if __name__ == "__main__":
    main()
