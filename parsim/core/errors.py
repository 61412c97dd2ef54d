"""Errors of parsim.

    ParsimError
      ScenarioError     the input is wrong: a list of faults, found before the clock starts   (exit code 2)
      RunError          the run failed: a kernel's exception, a dead worker                   (exit code 1)
        Stalled         nothing can proceed: lists who waits for what                         (exit code 1)
        Unfinished      a failed replay or an interrupted run: holds the finished part        (exit code 1)

A shelf file does not know the place of a value in the scenario. It raises `Invalid` with complaints about paths, and
the scenario turns each complaint into a fault with its place.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

from parsim.core.escape import printable

Path = tuple[str | int, ...]
Code = Literal["invalid", "memory", "not_divisible", "schedule", "unreachable"]  # explained in `study.refusals`
LONGEST = 120  # characters of a value in a message
ANYTHING = BaseException  # exceptions of a user's file; only KeyboardInterrupt passes


def dotted(path: Path) -> str:
    """Write *path* with dots and brackets.

    >>> dotted(("links", 0, "bandwidth"))
    'links[0].bandwidth'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def says(error: BaseException) -> str:
    """Return the message of an exception on one line; empty if it has none, or if its `__str__` fails.

    >>> says(KeyError("a")), says(ValueError())
    ("'a'", '')
    """
    try:
        return printable(str(error))
    except Exception:  # its class may define __str__
        return ""


def told(error: BaseException) -> str:
    """Write an exception on one line.

    >>> told(ValueError("no")), told(ValueError())
    ('ValueError: no', 'ValueError')
    """
    text = says(error)
    if isinstance(error, ParsimError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shown(value: object) -> str:
    """Write any *value* in a few words."""
    try:
        text = reprlib.repr(value)
    except KeyboardInterrupt:
        raise
    except ANYTHING:
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


class Fault(NamedTuple):
    """One fault of the input, with its place.

    >>> print(Fault("a.yaml", 12, 7, "links[0].bandwidth", "'400' has no unit"))
    a.yaml:12:7: links[0].bandwidth: '400' has no unit
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return printable(f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message}")


class Complaint(NamedTuple):
    """A fault without a place; *path* starts at the part that was checked."""

    path: Path
    message: str
    at: Literal["value", "key"] = "value"
    code: Code = "invalid"

    def below(self, *path: str | int) -> Complaint:
        """Return the complaint with *path* in front, which leads to the part that was checked.

        >>> Complaint(("size",), "is missing").below("workload", "edges").path
        ('workload', 'edges', 'size')
        """
        return self._replace(path=(*path, *self.path))

    def of(self, code: Code) -> Complaint:
        """Return the complaint with another *code*, unless it has one that says more than invalid."""
        return self if self.code != "invalid" else self._replace(code=code)


def about_doubles(table: str, names: Sequence[str]) -> list[Complaint]:
    """Return a complaint about each row of *table* whose name an earlier row has.

    >>> [told] = about_doubles("links", ["up", "down", "up"])
    >>> told.path, told.message
    (('links', 2, 'name'), "'up' is the name of links[0] already; choose another")
    """
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    return [
        Complaint((table, index, "name"), f"'{name}' is the name of {table}[{first[name]}] already; choose another")
        for index, name in enumerate(names)
        if first[name] != index
    ]


class Invalid(Exception):
    """A part of a scenario is wrong; carries all complaints about it."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__(self.complaints)

    def __str__(self) -> str:
        return "; ".join(f"{dotted(c.path)}: {c.message}" for c in self.complaints)


@contextmanager
def checked_below(*path: str | int) -> Iterator[None]:
    """Prefix the complaints of an `Invalid` raised in the block with *path*."""
    try:
        yield
    except Invalid as invalid:
        raise Invalid(complaint.below(*path) for complaint in invalid.complaints) from None


class ParsimError(Exception):
    """The base class of parsim's errors."""


class ScenarioError(ParsimError):
    """The input is wrong; `faults` lists all faults, `code` is the kind of the first one, or invalid if any is."""

    def __init__(self, faults: Iterable[Fault], code: Code = "invalid") -> None:
        self.faults, self.code = tuple(faults), code
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Fault, ...], Code]]:
        """Pickle the error with its faults."""
        return type(self), (self.faults, self.code)


class RunError(ParsimError):
    """The run failed; every line of its message is printable."""

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(printable, message.split("\n"))))


class Stalled(RunError):
    """Nothing can proceed."""


class Silence(UserWarning):
    """A warning that a call has not returned for a long time; parsim continues to wait."""


class ManyPlayed(UserWarning):
    """Warns that a fold leaves many devices to be played."""


class Unfinished(RunError):
    """A replay, or a run on the live clock, ended early; `timeline` holds the spans that had ended."""

    def __init__(self, message: str, timeline: object) -> None:
        self.timeline = timeline
        super().__init__(message)
