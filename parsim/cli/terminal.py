r"""What commands write: the answer to standard output, all else to standard error, a line each.

say("w0  3 s\n")          report, table              control characters are written out; lines stay lines
say_json({...})           one JSON object            as JSON writes them
tell("no such file")      fault, note, failure       as `say`
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from parsim.core.errors import Silence
from parsim.core.escape import printable

DELETE = "\x7f"  # the only control character that `json` leaves as it is


def say(text: str) -> None:
    """Write lines of an answer."""
    click.echo(_lines(text.removesuffix("\n")))


def tell(text: str) -> None:
    """Write lines beside an answer."""
    click.echo(_lines(text), err=True)


def say_json(value: Any, indent: int | None = None) -> None:
    """Write an answer as one JSON value."""
    click.echo(json.dumps(value, indent=indent).replace(DELETE, "\\u007f"))


def forgive_letters() -> None:
    """Let letters that the terminal's encoding lacks be written as escapes, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def warnings_told() -> Iterator[None]:
    """Tell of parsim's warnings in a line each; other ones stay as Python writes them.

    Of letters that pictures cannot show it is told once, at the end.
    """
    found: list[Any] = []

    def show(message: Any, *rest: Any, **more: Any) -> None:
        if hasattr(message, "letters"):
            found.append(message)
        elif isinstance(message, Silence):
            tell(f"parsim: {message}")
        else:
            usual(message, *rest, **more)

    with warnings.catch_warnings():
        usual, warnings.showwarning = warnings.showwarning, show
        yield
    if found:
        tell(f"parsim: {type(found[0])(tuple(letter for one in found for letter in one.letters))}")


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))
