"""Results as HTML for notebooks: small tables and a picture, without colours.

name, clock: makespan                the notebook sets the colours of text and background, light or dark;
[ the Gantt chart ]                  only the picture has a white background
term | seconds | meaning
device | compute | ... | utilisation
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from parsim.core.escape import printable
from parsim.core.quantities import clean, seconds, size
from parsim.export import assertions
from parsim.export.memory import kind_rows
from parsim.export.prediction import beside
from parsim.export.report import pipeline_terms, spent, terms
from parsim.export.text import ends

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


def report(text: str) -> str:
    """Write the lines of a report unchanged.

    >>> report("1 < 2")
    '<pre>1 &lt; 2</pre>'
    """
    return f"<pre>{escape(text)}</pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Write a table of plain text. The columns *left* are aligned to the left, all others to the right.

    >>> table(["term", "time"], [["idle", "1 s"]]).count("<td")
    2
    """

    def row(tag: str, cells: Sequence[str]) -> str:
        sides = ("left" if column in left else "right" for column in range(len(cells)))
        written = (
            f'<{tag} style="{CELL};text-align:{side}">{_escaped(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return (
        '<table style="border-collapse:collapse;margin:0.5em 0">'
        f"<thead>{row('th', head)}</thead><tbody>{body}</tbody></table>"
    )


def picture(png: bytes, meaning: str) -> str:
    """Show a PNG at two thirds of its pixels, at most as wide as the page; *meaning* is its alternative text."""
    data = base64.b64encode(png).decode()
    width = round(int.from_bytes(png[16:20], "big") * 2 / 3)
    style = f"width:{width}px;max-width:100%;height:auto"
    return f'<img style="{style}" alt="{_escaped(meaning)}" src="data:image/png;base64,{data}">'


def run(facts: Mapping[str, Any], png: bytes) -> str:
    """Show a run: *facts* is the contract's JSON object, *png* is its Gantt chart."""
    makespan = seconds(facts["makespan_s"])
    workers, tasks = facts["workers"], facts["tasks"]
    return page(
        f"{facts['scenario']}: {makespan} {facts['clock']}",
        words(
            f"{workers} worker{'s' * (workers != 1)}, {tasks} task{'s' * (tasks != 1)}, "
            f"theory T_total {seconds(facts['theory']['t_total_s'])}, seed {facts['seed']}"
        ),
        picture(png, f"Gantt chart of {facts['scenario']}, makespan {makespan}"),
        ledger(facts),
        *(
            [table(["term", "of the pipeline", "", ""], pipeline_terms(facts), left=(0, 3))]
            if facts["pipeline"]
            else []
        ),
        devices(facts["devices"]),
        memory(facts["devices"]),
        *([words(facts["fit_first"])] if facts["fit_first"] else []),
        *map(words, assertions.lines(facts.get("assert", ()))),
        *([] if facts["result"] is None else [words(f"Result: {_cut(str(facts['result']))}")]),
    )


def ledger(facts: Mapping[str, Any]) -> str:
    """Write the makespan as the sum of its terms, with idleness by cause."""
    rows = terms(facts)
    largest = max(abs(value) for _, value, _ in rows)
    cells = [[head.strip(), clean(value, largest), meaning] for head, value, meaning in rows]
    for row, (head, _, _) in zip(cells, rows, strict=True):
        if head.startswith("   "):
            row[0] = f"\N{EM SPACE}\N{EM SPACE}{row[0]}"
    return table(["term", "mean of the workers", ""], cells, left=(0, 2))


def devices(figures: Sequence[Mapping[str, Any]]) -> str:
    """Write a row for each device; of many devices, the first and the last ones."""
    rows = [
        [
            figure["name"] + (f" (stands for {figure['stands_for']})" if figure["stands_for"] > 1 else ""),
            *parts,
            size(figure["peak_memory_bytes"]),
            f"{100 * figure['utilisation']:.1f} %",
        ]
        for figure, parts in zip(ends(figures), spent(figures), strict=True)
    ]
    head = ["device", "compute", "transfer", "idle", "peak memory", "utilisation"]
    return table(head, _folded(rows, len(figures)))


def memory(figures: Sequence[Mapping[str, Any]]) -> str:
    """Write a row for each device with the bytes of each kind at its peak; empty where they are not told by kind."""
    rows = kind_rows(figures)
    if not rows:
        return ""
    told = sum(1 for figure in figures if figure["memory"])
    return table(["memory at the peak", *rows[0][1:]], _folded(rows[1:], told))


def _folded(rows: list[list[str]], count: int) -> list[list[str]]:
    """Say in the middle of *rows* how many of *count* are left out."""
    hidden, middle = count - len(rows), len(rows) // 2
    more = [[f"... {hidden} more", *[""] * (len(rows[0]) - 1)]] if hidden else []
    return [*rows[:middle], *more, *rows[middle:]]


def prediction(predicted: Mapping[str, Any], measured: Mapping[str, Any], handed: float) -> str:
    """Write the terms of two runs side by side."""
    head, *rows = beside(predicted, measured, handed)
    return table(head, rows)


def _escaped(text: str) -> str:
    return escape(printable(text))


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:196]} ..."
