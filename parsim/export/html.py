"""Results as HTML for notebooks: small tables and a picture, without colours.

name, clock: makespan                the notebook sets the colours of text and background, light or dark;
[ the Gantt chart ]                  only the picture has a white background
term | seconds | meaning
device | compute | ... | utilisation
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from parsim.core.escape import printable
from parsim.export.summary import Summary

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:80em;margin:2em auto;padding:0 1em;color-scheme:light dark}"
    "table{display:block;overflow-x:auto;font-size:.9em}"
)
CAPTION = "text-align:left;white-space:nowrap;font-weight:bold;padding:0.6em 0 0.2em"
CELL = "padding:0.15em 0.8em 0.15em 0;border:0;background:none;vertical-align:top"


def page(title: str, *parts: str) -> str:
    """Put *parts*, which are HTML, under a title."""
    return f"<div><p><strong>{_escaped(title)}</strong></p>{''.join(parts)}</div>"


def words(text: str) -> str:
    """Write a paragraph.

    >>> words("1 < 2")
    '<p>1 &lt; 2</p>'
    """
    return f"<p>{_escaped(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,), title: str = "") -> str:
    """Write a table of plain text. The columns *left* are aligned to the left, all others to the right.

    >>> table(["term", "time"], [["idle", "1 s"]]).count("<td")
    2
    """

    def row(tag: str, cells: Sequence[str]) -> str:
        whole = ";white-space:nowrap" * (tag == "td")  # a head may take two lines, a number may not
        sides = ("text-align:left" if column in left else f"text-align:right{whole}" for column in range(len(cells)))
        written = (
            f'<{tag} style="{CELL};{side}">{_escaped(cell)}</{tag}>' for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(row("td", cells) for cells in rows)
    above = f'<caption style="{CAPTION}">{_escaped(title)}</caption>' if title else ""
    return (
        f'<table style="border-collapse:collapse;margin:0.5em 0">{above}'
        f"<thead>{row('th', head)}</thead><tbody>{body}</tbody></table>"
    )


def picture(png: bytes, meaning: str) -> str:
    """Show a PNG at two thirds of its pixels, at most as wide as the page; *meaning* is its alternative text."""
    data = base64.b64encode(png).decode()
    width = round(int.from_bytes(png[16:20], "big") * 2 / 3)
    style = f"width:{width}px;max-width:100%;height:auto"
    return f'<img style="{style}" alt="{_escaped(meaning)}" src="data:image/png;base64,{data}">'


def shown(summary: Summary) -> str:
    """Show a summary in a notebook."""
    return page(summary.title, *_parts(summary))


def document(summary: Summary) -> str:
    """Write a summary as a page of its own."""
    title = _escaped(summary.title)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = f"<h1>{title}</h1>{''.join(_parts(summary))}"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _parts(summary: Summary) -> Iterator[str]:
    yield from map(words, summary.words)
    if summary.picture:
        yield picture(summary.picture(), summary.meaning)
    for each in summary.tables:
        if each.shown:
            head, *rows = each.told
            left = [index for index, column in enumerate(each.lefts) if column]
            yield table(head, rows, left, each.title)
    yield from map(words, summary.notes)


def _escaped(text: str) -> str:
    return escape(printable(text))
