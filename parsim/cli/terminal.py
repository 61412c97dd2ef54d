r"""Output of commands: the answer goes to standard output, everything else to standard error, line by line.

say("w0  3 s\n")          report, table              control characters are escaped, except line breaks
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

from parsim.core.errors import ManyPlayed, Silence
from parsim.core.escape import printable

DELETE = "\x7f"  # the only control character that `json` does not escape


def say(text: str) -> None:
    """Write lines to standard output."""
    click.echo(_lines(text.removesuffix("\n")))


def tell(text: str) -> None:
    """Write lines to standard error."""
    click.echo(_lines(text), err=True)


def say_json(value: Any, indent: int | None = None) -> None:
    """Write a JSON value to standard output."""
    click.echo(json.dumps(value, indent=indent).replace(DELETE, "\\u007f"))


def forgive_letters() -> None:
    """Write letters that the terminal's encoding lacks as escapes instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def warnings_told() -> Iterator[None]:
    """Write each of parsim's warnings on one line; other warnings stay as Python writes them.

    The warnings about letters that fonts lack are merged into one at the end.
    """
    found: list[Any] = []

    def show(message: Any, *rest: Any, **more: Any) -> None:
        if hasattr(message, "letters"):
            found.append(message)
        elif isinstance(message, Silence | ManyPlayed):
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
