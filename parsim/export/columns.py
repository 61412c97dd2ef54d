"""Write columns as text, some rows at a time. A value that repeats among these rows is converted once.

codes    0  1  0  0      words     "0F0" "0F1" "0F0" "0F0"     each word is looked up and quoted once
seconds  .5 .5 .5 1.     numbers   "0.5" "0.5" "0.5" "1.0"

A file of a million lines is made of pieces of a few megabytes; only one piece is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from parsim.core.columns import Ints, look_up
from parsim.core.timeline import Words

Texts = npt.NDArray[np.object_]  # of str
Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]

ROWS = 8192  # at a time


def pieces(rows: int) -> Iterator[slice]:
    """Cut *rows* into slices that take little memory.

    >>> list(pieces(10_000))
    [slice(0, 8192, None), slice(8192, 10000, None)]
    """
    return (slice(first, min(first + ROWS, rows)) for first in range(0, rows, ROWS))


def texts(words: Sequence[str]) -> Texts:
    """Return *words* as a column."""
    column = np.empty(len(words), object)
    column[:] = words
    return column


def number_texts(write: Callable[[Any], str], *columns: Numbers) -> list[Texts]:
    """Write columns of numbers of one type.

    >>> [column.tolist() for column in number_texts(repr, np.array([0.5, -0.0]), np.array([0.5]))]
    [['0.5', '-0.0'], ['0.5']]
    """
    values = np.concatenate(columns)
    bits, where = np.unique(values.view(np.int64), return_inverse=True)  # compared as bits, since -0.0 == 0.0
    return _cut(texts([*map(write, bits.view(values.dtype).tolist())])[where], columns)


def integers(column: Ints) -> Texts:
    """Write whole numbers that seldom repeat."""
    return texts([*map(str, column.tolist())])


def word_texts(write: Callable[[str], str], *columns: Words) -> list[Texts]:
    """Write columns of words. Columns that share a table share the converted words.

    >>> [column.tolist() for column in word_texts(str.upper, Words(np.array([1, 0, 1]), ["a", "b"]))]
    [['B', 'A', 'B']]
    """
    made: dict[int, Texts] = {}  # by the column's index
    for table in {id(column.table): column.table for column in columns}.values():
        places = [place for place, column in enumerate(columns) if column.table is table]
        codes = [columns[place].code for place in places]
        used, where = np.unique(np.concatenate(codes), return_inverse=True)
        written = texts([*map(write, look_up(table, used.tolist()))])[where]
        made.update(zip(places, _cut(written, codes), strict=True))
    return [made[place] for place in range(len(columns))]


def _cut(column: Texts, parts: Sequence[npt.NDArray[Any]]) -> list[Texts]:
    return np.split(column, np.cumsum([len(part) for part in parts[:-1]]))


def lines(*parts: str | Texts) -> Texts:
    """Put columns side by side, (rows, parts). A text is repeated in every row.

    >>> "".join(lines("(", texts(["a", "b"]), ")").ravel())
    '(a)(b)'
    """
    made = np.empty((max(len(part) for part in parts if not isinstance(part, str)), len(parts)), object)
    for place, part in enumerate(parts):
        made[:, place] = part
    return made


def joined(tables: Sequence[Texts], order: Ints) -> str:
    """Join the lines of several *tables* in *order*. Lines are numbered table by table.

    >>> joined([lines("a", texts(["1", "2"])), lines(texts(["b"]))], np.array([0, 2, 1]))
    'a1ba2'
    """
    length = np.repeat([table.shape[1] for table in tables], [len(table) for table in tables])
    first = (np.cumsum(length) - length)[order]
    length = length[order]
    before = np.cumsum(length) - length
    place = np.repeat(first - before, length) + np.arange(length.sum())
    return "".join(np.concatenate([table.ravel() for table in tables])[place].tolist())
