"""A summary of an answer: its title, sentences, tables, and a picture. Markdown, CSV and HTML are written from it.

Summary("five: 3 s simulated", [Table("Devices", [column("name", ["w0"]), column("compute_s", [3.0])])])

Markdown, HTML     | name | compute |     what people read: heads and cells
                   | w0   | 3 s     |
CSV                name,compute_s         the first table alone: names with units, and plain values
                   w0,3.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parsim.core.quantities import number, seconds, size

WIDE = 4  # columns of a single row
FIGURE = ("figure", "value")
Plain = str | float | bool | None

_WRITERS: dict[str, Callable[[float], str]] = {"_s": seconds, "_bytes": size}  # by the suffix of a name


class Column(NamedTuple):
    """A column: a head and cells for people, a name and values for programs; either may be left out."""

    head: str
    cells: Sequence[str]
    name: str = ""  # with the unit, such as makespan_s
    values: Sequence[Plain] = ()
    left: bool = False  # aligned to the left, as words are


class Table(NamedTuple):
    """Columns of equal length under a title. Of many rows, the *hidden* ones in the middle may be left out."""

    title: str
    columns: Sequence[Column]
    hidden: int = 0

    @property
    def shown(self) -> list[Column]:
        """The columns for people: those with something in a cell."""
        return [column for column in self.columns if any(column.cells)]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The heads, then the cells of each row, as people read them."""
        shown = self.shown
        return [tuple(column.head for column in shown), *zip(*(column.cells for column in shown), strict=True)]

    @property
    def upright(self) -> list[tuple[str, ...]]:
        """The rows; a single row of many columns is turned into a row for each figure."""
        return [FIGURE, *zip(*self.rows, strict=True)] if self._turned else self.rows

    @property
    def told(self) -> list[tuple[str, ...]]:
        """The rows of `upright`, with a line in the middle that counts the hidden ones."""
        head, *rows = self.upright
        middle = len(rows) // 2
        more = [(f"... {self.hidden} more", *[""] * (len(head) - 1))] if self.hidden else []
        return [head, *rows[:middle], *more, *rows[middle:]]

    @property
    def lefts(self) -> list[bool]:
        """Whether each column of `upright` is aligned to the left."""
        return [True, False] if self._turned else [column.left for column in self.shown]

    @property
    def _turned(self) -> bool:
        return len(self.rows) == 2 and len(self.shown) > WIDE


class Summary(NamedTuple):
    """What an answer says: the main table is the first; *words* stand before the tables, *notes* after them."""

    title: str
    tables: Sequence[Table]
    words: Sequence[str] = ()
    notes: Sequence[str] = ()
    picture: Callable[[], bytes] | None = None  # draws a PNG
    meaning: str = ""  # of the picture


def column(name: str, values: Sequence[Plain], head: str = "") -> Column:
    """Return a column whose cells are its values; times and sizes have their units.

    >>> column("makespan_s", [0.5, None])
    Column(head='makespan', cells=['500 ms', ''], name='makespan_s', values=[0.5, None], left=False)
    """
    suffix = next((suffix for suffix in _WRITERS if name.endswith(suffix)), "")
    cells = [_cell(value, _WRITERS.get(suffix, number)) for value in values]
    words = any(isinstance(value, str) for value in values)
    return Column(head or name.removesuffix(suffix).replace("_", " "), cells, name, values, words)


def for_programs(name: str, values: Sequence[Plain]) -> Column:
    """Return a column that only programs see."""
    return Column("", (), name, values)


def text_table(title: str, rows: Sequence[Sequence[str]], left: Sequence[int] = (0,), hidden: int = 0) -> Table:
    """Return a table for people alone: *rows* begin with the heads; *left* are the columns of words."""
    columns = [Column(head, cells, left=place in left) for place, (head, *cells) in enumerate(zip(*rows, strict=True))]
    return Table(title, columns, hidden)


def _cell(value: Plain, write: Callable[[float], str]) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else write(value)
