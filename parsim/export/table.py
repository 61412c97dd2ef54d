r"""Plain text in columns, measured in the cells of a terminal: a Chinese letter takes two, a combining accent none.

worker  computing  transfers        words to the left, figures to the right
w0            3 s     300 ms
甲            2 s     200 ms

All text is made printable: a name cannot break a line or control the terminal.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence

from parsim.core.escape import printable


def width(text: str) -> int:
    """Return how many cells of a terminal *text*, which is printable, takes.

    >>> width("w0"), width("甲"), width("e\u0301")
    (2, 2, 1)
    """
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return wcswidth(text)


def left(text: str, cells: int) -> str:
    """Align *text* to the left in a number of *cells*."""
    return text + " " * (cells - width(text))


def right(text: str, cells: int) -> str:
    """Align *text* to the right in a number of *cells*."""
    return " " * (cells - width(text)) + text


def short(text: str, most: int) -> str:
    """Make *text* printable, and shorten it in the middle to at most *most* cells, since names differ at their ends.

    A count such as " +127" is no part of the name before it, whose end stays, too.

    >>> short("cluster-node-0001", 12), short("w0", 12), short("北京的第一台机器", 12)
    ('clust..-0001', 'w0', '北京..机器')
    >>> short("n0.nic0.out +127", 12), short("n0.nic0.in +127", 12)
    ('n0...ut +127', 'n0...in +127')
    """
    text = printable(text)
    if width(text) <= most:
        return text
    count = len(text) - len(re.sub(r" \+[0-9]+$", "", text))
    tail = (most - 2 + min(count, most - 2)) // 2
    letters = _letters(text)
    head, back = (_fitting(part, cells) for part, cells in ((letters, most - 2 - tail), (letters[::-1], tail)))
    return f"{''.join(head)}..{''.join(back[::-1])}"


def wrapped(text: str, most: int, first: str = "", further: str = "") -> list[str]:
    """Make *text* printable and break it into lines of at most *most* cells, indented by *first* and *further*."""
    text = printable(text)
    wrap = textwrap.wrap
    if not text.isascii():
        from wcwidth import wrap
    return wrap(text, most, initial_indent=first, subsequent_indent=further, break_on_hyphens=False) or [""]


def table(rows: Sequence[Sequence[str]], words: Collection[int] = (0,)) -> list[str]:
    r"""Align columns: those with numbers in *words* to the left, others to the right. The first row is the head.

    >>> print("\n".join(table([("worker", "computing"), ("w0", "3 s")])))
    worker  computing
    w0            3 s
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    sides = [left if column in words else right for column in range(len(widths))]
    lines = (zip(sides, row, widths, strict=True) for row in cells)
    return ["  ".join(side(cell, most) for side, cell, most in line).rstrip() for line in lines]


def _letters(text: str) -> list[str]:
    """Return the letters as a reader sees them: with their accents, and an emoji as one."""
    if text.isascii():
        return list(text)
    from wcwidth import iter_graphemes

    return list(iter_graphemes(text))


def _fitting(letters: Sequence[str], most: int) -> list[str]:
    """Return as many of *letters* as fit into *most* cells."""
    count = min(len(letters), most)
    while width("".join(letters[:count])) > most:
        count -= 1
    return list(letters[:count])
