"""Letters: which of them the fonts here have, and what stands for those that none has.

    name     fonts with the letters      fonts without
    load     load                        load
    加载     加载                        #3, the task's number; elsewhere ??

The first font is the same everywhere, so plain names make the same bytes everywhere; the further ones are asked only
for letters that it lacks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from parsim.plot import style

UNKNOWN = "?"
WIDE = 1.6  # times the width of a Latin letter


@cache
def families(further: tuple[str, ...]) -> list[str]:
    """Return the fonts to write in: ours, and those of the *further* ones that are installed here."""
    installed = set(fontManager.get_font_names())
    return [style.FONT, *(name for name in further if name in installed)]


def legible(name: str, number: int) -> str:
    r"""Return the *name* of a task, or its number where no font here has its letters.

    >>> legible("load", 3), legible("\U0010fffd", 3)
    ('load', '#3')
    """
    if name.isascii() or writable(name, matplotlib.rcParams["font.family"]) == name:
        return name
    return f"#{number}"


def writable(words: str, fonts: Sequence[str], weight: str | int = "normal") -> str:
    """Return *words* with a question mark for each letter that none of the *fonts* has."""
    if words.isascii():
        return words
    known = [_letters(family, weight) for family in fonts]
    return "".join(
        letter if letter.isascii() or any(ord(letter) in some for some in known) else UNKNOWN for letter in words
    )


def make_writable(text: Text) -> None:
    """Let *text* hold only letters that its fonts have."""
    words = text.get_text()
    if not words.isascii():
        text.set_text(writable(words, text.get_fontfamily(), text.get_fontweight()))


def wide(words: str) -> float:
    """Return how many Latin letters are as wide as *words*."""
    if words.isascii():
        return len(words)
    return sum(WIDE if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in words)


@cache
def _letters(family: str, weight: str | int) -> frozenset[int]:
    """Return what a font can write, as code points."""
    try:
        file = findfont(FontProperties(family=[family], weight=weight), fallback_to_default=False)
    except ValueError:  # no such font
        return frozenset()
    return frozenset(get_font(file).get_charmap())
