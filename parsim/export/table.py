r"""A table as plain text.

worker  computing  transfers        words to the left, figures to the right
w0            3 s     300 ms
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(rows: Sequence[Sequence[str]], words: Collection[int] = (0,)) -> list[str]:
    r"""Align the columns, those numbered in *words* to the left; the first row is the head.

    >>> print("\n".join(table([("worker", "computing"), ("w0", "3 s")])))
    worker  computing
    w0            3 s
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if column in words else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
