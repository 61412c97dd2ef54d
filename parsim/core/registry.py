"""Shelves: folders of files that each add one named function or class."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

SHOWN = 20  # names, in a message
MANY = 500  # names; to compare with each of more takes too long where every task of a large graph is wrong
Entry = TypeVar("Entry", bound=Callable[..., Any])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say that *name* is unknown, with the nearest known name or all of them.

    >>> did_you_mean("fifi", ["fifo", "heft"])
    "unknown name 'fifi'. Did you mean 'fifo'?"
    >>> did_you_mean("x", ["fifo", "heft"])
    "unknown name 'x'; known are: fifo, heft"
    """
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=1) if len(known) <= MANY else []
    if near:
        return f"unknown name '{name}'. Did you mean '{near[0]}'?"
    more = f", ... ({len(known)} names)" if len(known) > SHOWN else ""
    return f"unknown name '{name}'; known are: {', '.join(known[:SHOWN])}{more}"


class Shelf:
    """A folder whose files register themselves.

    Parameters
    ----------
    package : name of the package whose files stand on the shelf; they are imported when the shelf is first asked.
    question : the question that each entry answers, for `parsim list`.
    """

    def __init__(self, package: str, question: str) -> None:
        self.package = package
        self.name = package.rpartition(".")[2]
        self.question = question
        self._entries: dict[str, Callable[..., Any]] = {}
        self._discovered = False

    def add(self, name: str) -> Callable[[Entry], Entry]:
        """Register the decorated function or class under *name*; a name taken is a programmer's mistake."""

        def register(entry: Entry) -> Entry:
            if name in self._entries:
                raise ValueError(f"{self.name}: {name!r} stands on the shelf already")
            self._entries[name] = entry
            return entry

        return register

    def entries(self) -> dict[str, Callable[..., Any]]:
        """Return every entry by name, sorted."""
        if not self._discovered:
            self._discovered = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
        return dict(sorted(self._entries.items()))

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """Return the entry; an unknown name raises `KeyError` with a suggestion."""
        entries = self.entries()
        if name not in entries:
            raise KeyError(did_you_mean(name, entries))
        return entries[name]


def shelf(name: str) -> Shelf:
    """Return the shelf of that name; for plans that name an entry of a shelf other than their own."""
    found = getattr(importlib.import_module(f"parsim.{name}"), name)
    assert isinstance(found, Shelf)
    return found
