"""The options of commands, their faults, and the output of an answer.

--with FILE.py   --set PATH=VALUE   --seed N   --out DIR   and the command's own
    |                 |                |          |
    +-----------------+---- each is checked ------+--->  all faults at once, or the values to use
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args

import click

from parsim.cli.progress import waiting
from parsim.cli.streams import Closed
from parsim.cli.terminal import say, say_json, tell
from parsim.core.errors import Fault, RunError, ScenarioError
from parsim.core.escape import printable

if TYPE_CHECKING:
    from parsim.core.cluster import Folding
    from parsim.core.job import Engine
    from parsim.export.summary import Summary


class Told(Protocol):
    """An answer that can be written in every format."""

    def to_dict(self) -> Any:
        """Return the answer as plain values."""

    def report(self) -> str:
        """Return the answer as text."""

    def summary(self) -> Summary:
        """Return the answer as tables and sentences."""


class Answer(Told, Protocol):
    """The answer of a command that plays a scenario."""

    def save(self, folder: str) -> None:
        """Write the answer into a folder."""


Format = Literal["text", "json", "markdown", "csv", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
Values = dict[str, Any]
Read = Callable[[tuple[str, ...]], Values]  # the texts of --set -> values by dotted path
Given = TypeVar("Given", bound=Answer)
Word = TypeVar("Word", bound=str)
Command = TypeVar("Command", bound=Callable[..., Any])

with_files = click.option(
    "--with", "files", metavar="FILE.py", multiple=True, help="Load this Python file, which adds shelf entries."
)
MOST_ROUNDS = 10_000
timeout = click.option("--timeout", metavar="TIME", help="Fail if no worker answers for this long, for example 60 s.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the same as --format json.")
form = click.option("--format", "form", metavar="NAME", help="text (the default), json, markdown, csv, or html.")
quiet = click.option("--quiet", is_flag=True, help="Print nothing.")
_OPTIONS = (
    with_files,
    click.option("--seed", metavar="N", help="Seed of random numbers, instead of the scenario's."),
    click.option("--out", metavar="DIR", help="Write results and pictures into this folder."),
    quiet,
    form,
    as_json,
    click.option(
        "--set", "settings", metavar="PATH=VALUE", multiple=True, help="Set a value of the scenario; repeatable."
    ),
)


@dataclass(frozen=True)
class Asked:
    """The options of every command that plays."""

    settings: tuple[str, ...]
    as_json: bool
    form: str | None
    quiet: bool
    out: str | None
    seed: str | None
    files: tuple[str, ...]

    def values(self, faults: list[Fault], read: Read, see: Callable[[Values], Any]) -> Values:
        """Return the values that the options set, as *read* reads them.

        Their faults are raised together with *faults*, those of the command's own options, and with the faults of the
        scenario that *see* finds.
        """
        chosen: Values = {}
        use_files(self.files, faults)
        format_in(self.form, self.as_json, faults)
        with collecting(faults):
            chosen |= read(self.settings)
        if self.seed is not None:
            with collecting(faults):
                chosen["seed"] = seed_of(self.seed)
        readable = not faults
        if self.out is not None:
            from parsim.export.files import writable

            with collecting(faults):
                writable(self.out)
        if faults and readable:
            with collecting(faults):
                see(chosen)
        raise_all(faults)
        if isinstance(sys.stdout, Closed) and not self.quiet and self.out is None:
            raise RunError("standard output is closed, so the answer cannot be printed; use --out DIR or --quiet")
        return chosen

    def say(self, ask: Callable[[], Given], what: str) -> Given:
        """Call *ask*, which plays, then write its answer to the folder and the terminal."""
        with waiting(what, self.quiet):
            answer = ask()
            self.keep(answer)
        self.show(answer)
        return answer

    def keep(self, answer: Answer) -> None:
        """Write the answer into the folder, if one is named."""
        if self.out is not None:
            answer.save(self.out)

    def show(self, answer: Answer) -> None:
        """Print the answer in the format that is asked for, unless --quiet is given."""
        chosen = format_of(self.form, self.as_json)
        if not self.quiet:
            say_as(chosen, answer)
        if chosen in ("json", "csv"):  # which hold no sentences
            for note in getattr(answer, "warnings", ()):
                tell(f"parsim: {note}")


def answers(command: Command) -> Command:
    """Add the options of every command that plays to *command*, as an `Asked` argument before its own options."""

    @wraps(command)
    def play(**options: Any) -> Any:
        asked = Asked(**{name: options.pop(name) for name in Asked.__dataclass_fields__})
        return command(asked, **options)

    for option in _OPTIONS:
        play = option(play)
    return play  # type: ignore[return-value]


def say_as(form: Format, answer: Told) -> None:
    """Print an answer in a format."""
    if form == "text":
        say(answer.report())
    elif form == "json":
        say_json(answer.to_dict())
    else:
        from parsim.export.formats import WRITERS

        say(WRITERS[form](answer.summary()))


def format_of(form: str | None, as_json: bool) -> Format:
    """Read the name of the format; --json names it, too."""
    asked = one_of("--format", form, FORMATS) if form is not None else "json" if as_json else "text"
    if as_json and asked != "json":
        raise option_fault("--format", f"{asked} contradicts --json; leave one of the two out")
    return asked


def format_in(form: str | None, as_json: bool, faults: list[Fault]) -> Format:
    """Read the name of the format, and collect what is wrong with it."""
    with collecting(faults):
        return format_of(form, as_json)
    return "text"


def option_fault(option: str, message: str) -> ScenarioError:
    """Return the error for a fault on the command line."""
    return ScenarioError([Fault(option, 0, 0, option.lstrip("-"), message)])


@contextmanager
def collecting(faults: list[Fault]) -> Iterator[None]:
    """Collect the faults raised in the block, and continue."""
    try:
        yield
    except ScenarioError as wrong:
        faults += wrong.faults


def raise_all(faults: Sequence[Fault]) -> None:
    """Raise all *faults*, if there are any."""
    if faults:
        raise ScenarioError(faults)


def page_file(option: str, file: str) -> None:
    """Check the name of a page, and that it can be written."""
    from parsim.export.files import writable

    folder, name = os.path.split(file)
    if not name.lower().endswith((".html", ".htm")):
        raise option_fault(
            option, f"'{printable(file)[:60]}' does not end in .html; write for example {option} out.html"
        )
    try:
        writable(folder or ".", [name])
    except ScenarioError as wrong:
        raise ScenarioError([fault._replace(file=option, path=option.lstrip("-")) for fault in wrong.faults]) from None


def use_files(files: Iterable[str], faults: list[Fault]) -> None:
    """Add the entries of *files* from outside the package to the shelves."""
    for file in files:
        from parsim.entries.registry import use

        with collecting(faults):
            use(file)


def seed_of(text: str) -> int:
    """Read a seed."""
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) >= 2**63:
        raise option_fault("--seed", f"'{text[:60]}' is not a whole number from 0 to 2^63 - 1; write for example 7")
    return int(text)


def count_of(option: str, text: str, most: int) -> int:
    """Read a count of at most *most*."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or not 0 < int(text) <= most:
        raise option_fault(option, f"'{text[:60]}' is not a count from 1 to {most}; write for example 4")
    return int(text)


def engine_of(text: str) -> Engine:
    """Read the name of the engine."""
    from parsim.core.job import ENGINES

    return one_of("--engine", text, ENGINES)


def fold_of(text: str) -> Folding:
    """Read whether devices that do the same at the same time are played once."""
    from parsim.core.cluster import FOLDINGS

    return one_of("--fold", text, FOLDINGS)


def one_of(option: str, text: str, names: tuple[Word, ...]) -> Word:
    """Read one of some words."""
    from parsim.core.suggestions import did_you_mean

    for name in names:
        if name == text:
            return name
    raise option_fault(option, did_you_mean(text, names))


def seconds_of(option: str, text: str) -> float:
    """Read a time above 0, with or without a unit.

    >>> seconds_of("--timeout", "90"), seconds_of("--timeout", "2 min")
    (90.0, 120.0)
    """
    from parsim.core.units import SECONDS, parse

    try:
        time = parse(f"{text} s" if text.replace(".", "", 1).isdecimal() else text, SECONDS)
    except ValueError as wrong:
        raise option_fault(option, str(wrong)) from None
    if not time:
        raise option_fault(option, f"'{text[:60]}' is not a time above 0; write for example '60 s'")
    return time
