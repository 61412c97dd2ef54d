"""Write an answer's summary as Markdown, CSV, or HTML.

markdown     ## title, sentences, and tables as GitHub shows them
csv          the main table: a line of names with units, then plain values
html         a page of its own, with the picture
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from parsim.core.escape import printable
from parsim.export import html
from parsim.export.csv import harmless
from parsim.export.summary import Column, Plain, Summary, Table

_ACTIVE = re.compile(r"[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)")  # what Markdown would take for more than a letter
_OPENS = re.compile(r"^(\s*\d*)([#+=.)-])")  # what begins a heading or a list


def markdown(summary: Summary) -> str:
    """Write a summary in GitHub's Markdown."""
    parts = [f"## {_marked(summary.title)}", *map(_paragraph, summary.words)]
    for table in summary.tables:
        if table.shown:
            parts += [f"### {_marked(table.title)}", "\n".join(_rows(table))]
    return "\n\n".join([*parts, *map(_paragraph, summary.notes)]) + "\n"


def table_csv(summary: Summary) -> str:
    """Write the main table of a summary as CSV."""
    return columns_csv([column for column in summary.tables[0].columns if column.name])


def columns_csv(columns: Sequence[Column]) -> str:
    """Write the names and values of columns as CSV, in which no text is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(column.name) for column in columns])
    writer.writerows(zip(*(map(_plain, column.values) for column in columns), strict=True))
    return text.getvalue()


WRITERS: Mapping[str, Callable[[Summary], str]] = {"markdown": markdown, "csv": table_csv, "html": html.document}


def _rows(table: Table) -> Iterator[str]:
    head, *rows = table.told
    yield _line(map(_marked, head))
    yield _line(":---" if left else "---:" for left in table.lefts)
    yield from (_line(map(_marked, row)) for row in rows)


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(text: str) -> str:
    r"""Escape what Markdown would not show as it stands.

    >>> print(_marked("a|b *c* d_e _f_"))
    a\|b \*c\* d_e \_f\_
    """
    return _ACTIVE.sub(r"\\\g<0>", printable(text).strip(" ").replace("&", "&amp;"))


def _paragraph(text: str) -> str:
    return _OPENS.sub(r"\1\\\2", _marked(text))


def _plain(value: Plain) -> str:
    if isinstance(value, str):
        return harmless(value)
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return float.__repr__(value) if isinstance(value, float) else str(value)
