"""Parts of a shell script: letters with their places, words, expansions, arrays and signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Letters(NamedTuple):
    """A text, and where each of its letters stands in the file."""

    text: str
    at: Sequence[int]

    def part(self, start: int, end: int) -> Letters:
        """Return the letters from *start* to *end*."""
        return Letters(self.text[start:end], self.at[start:end])


class Text(NamedTuple):
    """Letters that stand for themselves."""

    letters: Letters
    quoted: bool


class Variable(NamedTuple):
    """An expansion such as `$A`, `${A[@]}` or `${A:-8}`."""

    name: str
    place: str  # in an array: @, * or a number; empty: none
    operator: str  # such as :-, or the rest if it is another
    word: tuple[Part, ...]  # behind the operator
    letters: Letters
    quoted: bool


class Sum(NamedTuple):
    """An arithmetic expansion `$(( ... ))`."""

    expression: Letters
    letters: Letters


class Output(NamedTuple):
    """The output of a command, `$(...)` or in backticks, which nobody knows without running it."""

    letters: Letters


Part = Text | Variable | Sum | Output


class Word(NamedTuple):
    """A word of a command."""

    parts: tuple[Part, ...]
    at: int

    @property
    def plain(self) -> str:
        """The text of a word without quotes and expansions; else empty."""
        if all(isinstance(part, Text) and not part.quoted for part in self.parts):
            return "".join(part.letters.text for part in self.parts)
        return ""


class Array(NamedTuple):
    """An assignment `NAME=(...)`, or `NAME+=(...)`."""

    name: str
    more: bool
    items: tuple[Word, ...]
    at: int


class Sign(NamedTuple):
    """What separates commands: ; & && || | ( ) and the end of a line."""

    text: str
    at: int


class Document(NamedTuple):
    """The text of a here-document."""

    letters: Letters


Token = Word | Array | Sign | Document
