r"""Choose a font for each letter, and a replacement for letters that no installed font has.

    name     a font has the letters     no font has them
    load     load                       load
    加载     加载                       \u52a0\u8f7d, or #3, the task's number; and a warning that names them

The first font comes with matplotlib, so Latin names give the same bytes on every machine. Other fonts are used only
for letters that it lacks.
"""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from parsim.core.escape import printable
from parsim.export.table import short
from parsim.plot import style

WIDE = 1.6  # times the width of a Latin letter
BLANK = ("Last Resort", ".LastResort", "Adobe Blank")  # fonts that show a box or nothing for every letter
SHOWN = 20  # letters shown in a warning

_missing: dict[str, None] = {}  # letters that no font has, in order of use (a dict keeps the order)
_told: set[str] = set()


class MissingLetters(UserWarning):
    """Warns that no installed font has some `letters`."""

    def __init__(self, letters: tuple[str, ...]) -> None:
        self.letters = letters
        super().__init__(letters)

    def __str__(self) -> str:
        more = f" and {len(self.letters) - SHOWN} more" if len(self.letters) > SHOWN else ""
        return (
            f"no installed font has {' '.join(self.letters[:SHOWN])}{more}, so pictures show escapes or task numbers; "
            "install a font that has them, for Chinese, Japanese and Korean for example Noto Sans CJK"
        )


def warn() -> None:
    """Warn once of each letter that no font has."""
    letters = tuple(letter for letter in _missing if letter not in _told)
    _told.update(letters)
    _missing.clear()
    if letters:
        warnings.warn(MissingLetters(letters), stacklevel=2)


def legible(name: str, number: int) -> str:
    r"""Return the *name* of a task, or its number if no font has its letters.

    >>> legible("load", 3), legible("a" + chr(7), 3)
    ('load', 'a\\x07')
    """
    name = printable(name)
    return name if written(name) == name else f"#{number}"


def written(words: str, weight: str | int = "normal") -> str:
    """Make *words* printable, with an escape for each letter that no font has."""
    words = printable(words)
    if words.isascii():
        return words
    held = [(letter, letter.isascii() or _holder(letter, weight)) for letter in words]
    _missing.update((letter, None) for letter, family in held if not family)
    return "".join(letter if family else ascii(letter)[1:-1] for letter, family in held)


def families(words: str, weight: str | int = "normal") -> list[str]:
    """Return the fonts for *words*, the default font first."""
    holders = (_holder(letter, weight) for letter in words if not letter.isascii())
    return list(dict.fromkeys([style.FONT, *filter(None, holders)]))


def make_writable(text: Text) -> None:
    """Prepare *text* for drawing: with `written`, in fonts that have its letters, and with dollar signs as text."""
    weight = text.get_fontweight()
    words = "\n".join(written(line, weight) for line in text.get_text().split("\n"))
    text.set_parse_math(False)
    text.set_text(words)
    if not words.isascii():
        text.set_fontfamily(families(words, weight))


def wide(words: str) -> float:
    """Return the width of *words* in Latin letters."""
    if words.isascii():
        return len(words)
    return sum(WIDE if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in words)


@cache
def width(words: str, letters: float, weight: str | int = "normal") -> float:
    """Return how many points *words* in *letters* of so many points are wide."""
    fonts = FontProperties(family=families(words, weight), size=letters, weight=weight)
    found: float = text_to_path.get_text_width_height_descent(words, fonts, False)[0]
    return found


def fitted(words: str, room: float, letters: float, weight: str = "normal") -> str:
    """Make *words* printable and so short that *letters* of so many points have *room*, in points.

    >>> fitted("interleaved-1f1b", 60.0, 8.0), fitted("1f1b", 60.0, 8.0)
    ('interle..d-1f1b', '1f1b')
    """
    words = written(words, weight)
    most = len(words)
    while most and width(found := short(words, most), letters, weight) > room:
        most -= 1
    return found if most else ""


@cache
def _holder(letter: str, weight: str | int) -> str:
    """Return the first font that has *letter*; empty if none has it."""
    for _ in range(2):
        for family in _installed():
            if _has(family, weight, letter):
                return family
        if not _found_new_fonts():
            break
    return ""


def _installed() -> Iterator[str]:
    """Yield the default font, the preferred further fonts, then all others."""
    there = sorted({entry.name for entry in fontManager.ttflist if not entry.name.startswith(BLANK)})
    yield from dict.fromkeys([style.FONT, *(family for family in style.FURTHER if family in there), *there])


@cache
def _found_new_fonts() -> bool:
    """Add fonts that are missing from matplotlib's cached list; return whether there are any."""
    known = {entry.fname for entry in fontManager.ttflist}
    new = [file for file in sorted(findSystemFonts()) if file not in known]
    for file in new:
        with suppress(Exception):  # matplotlib cannot read it as a font
            fontManager.addfont(file)
    return bool(new)


@cache
def _font(family: str, weight: str | int) -> Any:
    """Return the font of a family if it is scalable."""
    _accept_any_weight()
    try:
        font = get_font(findfont(FontProperties(family=[family], weight=weight), fallback_to_default=False))
    except (ValueError, OSError, RuntimeError):  # removed, or in a format that matplotlib cannot read
        return None
    return font if font.scalable else None


@cache
def _accept_any_weight() -> None:
    """Silence matplotlib's message about fonts without bold letters; it uses the regular ones."""
    logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "font weight" not in record.getMessage())


def _has(family: str, weight: str | int, letter: str) -> bool:
    font = _font(family, weight)
    return font is not None and bool(font.get_char_index(ord(letter)))
