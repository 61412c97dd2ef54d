"""Columns of numbers, and tables of words that are made on request."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column = TypeVar("Column", Floats, Ints)

# What is not there is -1 in columns and lists of whole numbers.
NEVER = -1  # in place of a time
NONE = -1  # in place of the number of a row
CHUNK = 1 << 20  # rows looked at together
SMALL = 2**31  # numbers below it take 4 bytes


class Table(Sequence[str]):
    """A table whose words are made on request."""

    def many(self, codes: Sequence[int]) -> list[str]:
        """Return the words of *codes*, which ascend, in less time than one by one."""
        return [self[code] for code in codes]


def look_up(table: Sequence[str], codes: Sequence[int]) -> list[str]:
    """Return the words of *codes*, which ascend."""
    return table.many(codes) if isinstance(table, Table) else [table[code] for code in codes]


class Numbered(Table):
    """Names made when asked, so that a million tasks cost no million strings.

    >>> list(Numbered("part{}".format, 2))
    ['part0', 'part1']
    """

    def __init__(self, write: Callable[[int], str], count: int) -> None:
        self._write, self._count = write, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._write(i) for i in range(*index.indices(self._count))]
        return self._write(range(self._count)[index])

    def __iter__(self) -> Iterator[str]:
        return map(self._write, range(self._count))

    def many(self, codes: Sequence[int]) -> list[str]:
        """Return the words of *codes*."""
        return [*map(self._write, codes)]


def no_floats() -> Floats:
    """Return an empty column of quantities."""
    return np.empty(0)


def filled(column: Floats, rows: int) -> Floats:
    """Return a column that may be left out: zeros where it is empty.

    >>> filled(no_floats(), 2).tolist()
    [0.0, 0.0]
    """
    return column if len(column) else np.zeros(rows)


def distinct(column: Column) -> Column:
    """Return the distinct values or rows, sorted. (np.unique without counts imports numpy.ma, which is slow.)"""
    return np.unique(column, axis=0 if column.ndim > 1 else None, return_counts=True)[0]


def in_chunks(owner: Ints) -> Iterator[Ints]:
    """Yield the rows of a table, all rows of an owner together and owners in order, so that much needs little memory.

    >>> [rows.tolist() for rows in in_chunks(np.array([1, 0, 1]))]
    [[0, 1, 2]]
    """
    chunk = np.cumsum(np.bincount(owner)) // CHUNK  # of each owner
    for number in range(int(chunk.max(initial=NONE)) + 1):
        first, last = np.searchsorted(chunk, (number, number + 1)).tolist()
        rows = np.flatnonzero((first <= owner) & (owner < last))
        if len(rows):
            yield rows


def no_bools() -> Bools:
    """Return an empty column of truth values."""
    return np.empty(0, np.bool_)


def no_ints() -> Ints:
    """Return an empty column of indices."""
    return np.empty(0, np.int64)


def shared(column: Column) -> Column:
    """Return a column whose rows share their memory where all values are equal.

    >>> shared(np.ones(1000)).strides, shared(np.arange(3)).strides
    ((0,), (8,))
    """
    if column.ndim != 1 or len(column) < 2 or not (column == column[0]).all():
        return column
    return np.broadcast_to(column[:1].copy(), column.shape)


def share(table: object, *names: str) -> None:
    """Share the memory of equal rows in columns of a new table; other values are checked elsewhere."""
    for name in names:
        column = getattr(table, name)
        if isinstance(column, np.ndarray):
            object.__setattr__(table, name, shared(column))


def narrow(table: object, *names: str) -> None:
    """Store columns of task numbers in a new table at 4 bytes each; other values are checked elsewhere."""
    for name in names:
        column = getattr(table, name)
        if isinstance(column, np.ndarray) and column.dtype == np.int64 and _small(column):
            object.__setattr__(table, name, column.astype(np.int32))


def halved(column: Ints) -> Ints:
    """Return numbers below 2^31 at 4 bytes each."""
    found: Ints = np.asarray(column, dtype=np.dtype("int32"))
    return found


def packed(column: Ints) -> array[int]:
    """Return a column as an array that plain Python reads fast, at 4 bytes an entry where its numbers are small."""
    kind, dtype = ("i", np.int32) if _small(column) else ("q", np.int64)
    return array(kind, column.astype(dtype).tobytes())


def _small(column: Ints) -> bool:
    return not len(column) or bool(column.min() >= -SMALL and column.max() < SMALL)
