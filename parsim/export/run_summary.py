"""The summary of a run: its figures in a row, and the tables of its report.

figures | ledger | pipeline | communication | devices | memory by kind | assertions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parsim.core.quantities import clean, seconds, size
from parsim.export import assertions
from parsim.export.communication import communication_rows
from parsim.export.figures import figure_columns
from parsim.export.memory import kind_rows
from parsim.export.report import pipeline_terms, sentence, spent, terms
from parsim.export.summary import Summary, Table, column, text_table
from parsim.export.text import ends

LONGEST = 200  # characters of a result


def run_summary(
    facts: Mapping[str, Any], figures: Mapping[str, Any], notes: Sequence[str], picture: Callable[[], bytes]
) -> Summary:
    """Summarise a run: *facts* is the contract's JSON object, *picture* draws its Gantt chart."""
    makespan = seconds(facts["makespan_s"])
    tables = [_figures(facts, figures), ledger(facts), *_pipeline(facts), *_communication(facts)]
    tables += [devices(facts["devices"]), *_memory(facts["devices"]), *_assertions(facts["assert"])]
    result = [] if facts["result"] is None else [f"Result: {_cut(str(facts['result']))}"]
    return Summary(
        f"{facts['scenario']}: {makespan} {facts['clock']}",
        tables,
        words=[sentence(facts)],
        notes=[*result, *notes],
        picture=picture,
        meaning=f"Gantt chart of {facts['scenario']}, makespan {makespan}",
    )


def _figures(facts: Mapping[str, Any], figures: Mapping[str, Any]) -> Table:
    own = [column(key, [facts[key]]) for key in ("scenario", "clock", "seed", "workers", "tasks")]
    return Table("Figures", [*own, *figure_columns([figures])])


def ledger(facts: Mapping[str, Any]) -> Table:
    """Return the makespan as the sum of its terms, with idleness by cause."""
    rows = terms(facts)
    largest = max(abs(value) for _, value, _ in rows)
    cells = [(_indented(head), clean(value, largest), meaning) for head, value, meaning in rows]
    heads = ("term", "mean of the workers", "")
    return text_table("Where the time went", [heads, *cells], left=(0, 2))


def _indented(head: str) -> str:
    return 2 * "\N{EM SPACE}" * head.startswith("   ") + head.strip()


def _pipeline(facts: Mapping[str, Any]) -> list[Table]:
    if not facts["pipeline"]:
        return []
    rows = [(head.strip(), *rest) for head, *rest in pipeline_terms(facts)]
    return [text_table("Where the time of the ranks went", [("term", "", "share", ""), *rows], left=(0, 3))]


def _communication(facts: Mapping[str, Any]) -> list[Table]:
    rows = communication_rows(facts)
    return [text_table("Communication, mean of the workers", rows)] if rows else []


def devices(figures: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row for each device; of many devices, the first and the last ones."""
    rows = [
        (
            figure["name"] + (f" (stands for {figure['stands_for']})" if figure["stands_for"] > 1 else ""),
            *parts,
            size(figure["peak_memory_bytes"]),
            f"{100 * figure['utilisation']:.1f} %",
        )
        for figure, parts in zip(ends(figures), spent(figures), strict=True)
    ]
    heads = ("device", "compute", "transfer", "idle", "peak memory", "utilisation")
    return text_table("Devices", [heads, *rows], hidden=len(figures) - len(rows))


def _memory(figures: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return a row for each device with the bytes of each kind at its peak; nothing where they are not told by kind."""
    rows = kind_rows(figures)
    if not rows:
        return []
    heads = ("device", *rows[0][1:])
    hidden = sum(1 for figure in figures if figure["memory"]) + 1 - len(rows)
    return [text_table("Memory at the peak of each device", [heads, *rows[1:]], hidden=hidden)]


def _assertions(asserted: Sequence[Mapping[str, Any]]) -> list[Table]:
    rows = assertions.rows(asserted)
    return [text_table("Assertions", [("assertion", "", "values"), *rows], left=(0, 1, 2))] if rows else []


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
