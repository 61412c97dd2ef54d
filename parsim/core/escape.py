r"""Escape names for output: characters that control a terminal or break a line become Python escapes.

    name          printable(name)     escaped(name)
    a ESC [31m    a\x1b[31m           a\x1b[31m        printable: for terminals and pictures
    C:\new        C:\new              C:\\new          escaped: for files; `unescaped` is the inverse

Letters, signs and spaces of every script stay unchanged. Escaped are control characters, marks that change the
direction of writing (Unicode TR 36), line separators, lone surrogates, and unassigned code points.
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # joiners in emoji, and in Persian and Indic words
_ESCAPE = re.compile(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_SHORT = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


def printable(text: str) -> str:
    r"""Escape characters that are not letters, signs or spaces, so that *text* stays on one line and is harmless.

    >>> print(printable("a" + chr(10) + chr(27) + "[31m" + chr(0x202E)))
    a\n\x1b[31m\u202e
    """
    if text.isprintable():
        return text
    around = zip(text, ("", *text), (*text[1:], ""), strict=False)
    return "".join(
        letter if _is_plain(letter) or _joins(before, letter, after) else repr(letter)[1:-1]
        for letter, before, after in around
    )


def escaped(text: str) -> str:
    r"""Escape the same characters, and double each backslash, so that `unescaped` restores *text*.

    >>> print(escaped("C:" + chr(92) + "new"))
    C:\\new
    """
    return printable(text.replace("\\", "\\\\"))


def unescaped(text: str) -> str:
    r"""Return the original of an `escaped` text; other backslashes stay.

    >>> name = "a" + chr(10) + chr(92) + "n"
    >>> unescaped(escaped(name)) == name
    True
    """
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _is_plain(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _joins(before: str, letter: str, after: str) -> bool:
    """Return whether *letter* is a joiner between two non-ASCII characters."""
    return letter in _JOINERS and all(other.isprintable() and not other.isascii() for other in (before, after))


def _letter(match: re.Match[str]) -> str:
    written = match[1]
    return _SHORT[written] if written in _SHORT else chr(int(written[1:], 16))
