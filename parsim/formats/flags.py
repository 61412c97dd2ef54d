"""Flags of a program, read from the words of its command line.

--num-layers 32 --fp8-format=hybrid --bf16    ->    {"--num-layers": Flag, "--fp8-format": Flag, "--bf16": Flag}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from parsim.core.errors import Fault
from parsim.core.suggestions import did_you_mean
from parsim.formats.found import Input, Said, lines
from parsim.formats.shell.variables import Field

_NAME = re.compile(r"--[A-Za-z][\w.-]*")
MOST = 10**9


class Flag(NamedTuple):
    """A flag, its values, and where it stands."""

    name: str
    values: tuple[Field, ...]
    at: int

    def __str__(self) -> str:
        """Return the flag as it is written, with what its variables hold."""
        return " ".join([self.name, *(value.text for value in self.values)])


def flags_of(words: Iterable[Field]) -> list[Flag]:
    """Return the flags among the words of a command."""
    found: list[Flag] = []
    for word in words:
        name, _, value = word.text.partition("=")
        if _NAME.fullmatch(name):
            found.append(Flag(name.replace("_", "-"), (_rest(word, len(name) + 1),) if value else (), word.at))
        elif found:
            found[-1] = found[-1]._replace(values=(*found[-1].values, word))
    return found


def _rest(word: Field, start: int) -> Field:
    letters = word.letters.part(start, len(word.text))
    return Field(letters.text, letters.at[0], word.unknown, letters)


class Flags:
    """The flags of a command, by name: their values, faults, and what was not understood.

    Parameters
    ----------
    source : the file.
    found : its flags.
    """

    def __init__(self, source: Input, found: Sequence[Flag]) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self._read: set[str] = set()
        self._unread: list[str] = []
        self._by_name: dict[str, Flag] = {}
        for flag in found:
            before = self._by_name.setdefault(flag.name, flag)
            if str(before) != str(flag):
                line, column = source.position(before.at)
                self.fault(flag, f"'{flag}' contradicts '{before}' in {line}:{column}; leave one of them out")

    def fault(self, flag: Flag, message: str) -> None:
        """Add a fault at a flag."""
        self.faults.append(self.source.fault(self.source.position(flag.at), flag.name, message))

    def refuse(self, name: str, message: str) -> None:
        """Add a fault at the flag of this name, or at the start of the file where it is missing."""
        flag = self._by_name.get(name)
        if flag is None:
            self.faults.append(self.source.fault((1, 1), name, message))
        else:
            self.fault(flag, message)

    def refused(self, *names: str) -> bool:
        """Return whether one of these flags has a fault."""
        return any(fault.path in names for fault in self.faults)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def on(self, name: str) -> bool:
        """Return whether a flag without a value is there."""
        self._read.add(name)
        flag = self._by_name.get(name)
        return flag is not None and not (flag.values and flag.values[0].text.lower() in ("false", "0", "no"))

    def said(self, name: str, value: object) -> Said:
        """Return a value that a flag gives."""
        self._read.add(name)
        flag = self._by_name[name]
        return Said(value, str(flag), self.source.position(flag.at))

    def text(self, name: str) -> str:
        """Return the value of a flag; empty: it is not there, or its value is not known."""
        self._read.add(name)
        flag = self._by_name.get(name)
        if flag is None:
            return ""
        if not flag.values:
            self.fault(flag, "has no value; write one, or leave the flag out")
            return ""
        if not flag.values[0].known:
            self._tell(flag, f"{flag.values[0].unknown} is known only when the script runs; counts as left out")
            return ""
        return flag.values[0].text

    def choice(self, name: str, known: Sequence[str]) -> str:
        """Return which of the *known* words a flag has; empty: it is not there, or not known."""
        text = self.text(name)
        if text and text not in known:
            self.refuse(name, did_you_mean(text, known, "value"))
            return ""
        return text

    def any(self, *names: str) -> str:
        """Return the first of some flags that is there; empty: none."""
        self._read |= {*names}
        return next((name for name in names if self.on(name)), "")

    def number(self, name: str) -> float | None:
        """Return the number of a flag; None: it is not there, or not known."""
        text = self.text(name)
        try:
            return float(text) if text else None
        except ValueError:
            self.refuse(name, f"'{text[:60]}' is not a number; write for example 0.1")
            return None

    def count(self, name: str) -> int:
        """Return the whole number of a flag; 0: it is not there, or not known."""
        text = self.text(name)
        if not text:
            return 0
        if not re.fullmatch(r"\d{1,10}", text) or not 0 < int(text) <= MOST:
            self.refuse(name, f"'{text[:60]}' is not a whole number above 0; write for example 8")
            return 0
        return int(text)

    def _tell(self, flag: Flag, why: str) -> None:
        line, column = self.source.position(flag.at)
        self._unread.append(f"{line}:{column}: {flag}: {why}")

    def left(self, quiet: re.Pattern[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what was not understood, and the names of flags that are *quiet*."""
        others = [flag for name, flag in self._by_name.items() if name not in self._read]
        for flag in others:
            if not quiet.fullmatch(flag.name):
                self._tell(flag, "not simulated")
        return lines(self._unread), lines(flag.name for flag in others if quiet.fullmatch(flag.name))
