"""A sweep in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parsim.core.escape import printable
from parsim.core.quantities import scaled, size, times
from parsim.export.summary import Summary, Table, text_table
from parsim.export.table import short, table, wrapped
from parsim.export.values import endings, spread, written
from parsim.study.merit import seconds_of
from parsim.study.refusals import MEANINGS
from parsim.study.space import Space
from parsim.study.sweep.store import Record
from parsim.study.sweep.tally import best_of, codes_of, conditions_of, failure_of, none_of

BEST = 10  # rows in the table
WORDS = 110  # cells of a line
CELL = 24  # cells of a value
HEADS = ("row", "iteration", "tokens/s", "MFU", "peak memory", "exposed", "cost", "energy")


def report(
    space: Space, refused: Mapping[str, int], records: Sequence[Record], store: str, notes: Sequence[str]
) -> str:
    """Write the answer for people."""
    title = _title(space, records)
    best = best_of(space, records)[:BEST]
    parts = [
        [title, "=" * len(title)],
        _counted(records),
        _refused(space, records, refused),
        ["The best", *table(_figures(best))] if best else [none_of(codes_of(records, refused), records)],
        ["Their values", *table(_values(best), words=range(1, 99))] if best and space.choices else [],
        [f"All rows are in {printable(store)}."] if store else [],
        [f"note: {printable(note)}" for note in notes],
    ]
    return "\n\n".join(text for lines in parts if (text := "\n".join(lines))) + "\n"


def _title(space: Space, records: Sequence[Record]) -> str:
    return f"{space.scenario.name}: {space.rows} of the space, {len(records):,} after its conditions"


def summary(
    space: Space, refused: Mapping[str, int], records: Sequence[Record], store: str, notes: Sequence[str]
) -> Summary:
    """Summarise the answer for people: the best rows, their values, and why others are refused."""
    best = best_of(space, records)[:BEST]
    tables = [text_table("The best", _figures(best)) if best else Table("The best", ())]
    if best and space.choices:
        tables.append(text_table("Their values", _values(best), left=range(1, 99)))
    refusals = [
        (one.rows, one.code, one.meaning, "; ".join([*one.conditions, *one.first]))
        for one in _refusals(space, records, refused)
    ]
    if refusals:
        tables.append(text_table("Refused", [("rows", "code", "", "why"), *refusals], left=(1, 2, 3)))
    told = [*notes, *([f"All rows are in {store}."] if store else [])]
    return Summary(_title(space, records), tables, [" ".join(_counted(records))], told)


class _Refusal(NamedTuple):
    """How many rows are refused for a code, and why: by conditions, and the first of those that were played."""

    rows: str
    code: str
    meaning: str
    conditions: list[str]
    first: list[str]  # one at most


def _refusals(space: Space, records: Sequence[Record], early: Mapping[str, int]) -> Iterator[_Refusal]:
    """Yield the codes for which rows are refused, the most frequent one first."""
    examples = {record.code: record for record in reversed(records) if record.status == "refused"}
    for code, count in sorted(codes_of(records, early).items(), key=lambda item: -item[1]):
        conditions = conditions_of(space, records, early) if code == "require" else {}
        told = [f"{many:,}: {text}" for text, many in conditions.items()]
        first = [f"first: row {examples[code].row}, {examples[code].message}"] if code in examples else []
        yield _Refusal(f"{count:,}", code, MEANINGS[code], told, first)  # type: ignore[index]


def _counted(records: Sequence[Record]) -> Iterator[str]:
    counts = Counter(record.status for record in records)
    yield f"{counts['done']:,} done, {counts['refused']:,} refused, {counts['failed']:,} failed"
    yield from wrapped(failure_of(records), WORDS) if counts["failed"] else ()


def _refused(space: Space, records: Sequence[Record], early: Mapping[str, int]) -> Iterator[str]:
    """Say how many rows are refused, and why, with an example of each code."""
    found = list(_refusals(space, records, early))
    if found:
        yield "Refused"
    for one in found:
        yield f"  {one.rows:>9}  {one.code:<13}  {one.meaning}"
        yield from (f"{'':28}{printable(text)}" for text in one.conditions)
        for text in one.first:
            yield from wrapped(printable(text), WORDS, " " * 28, " " * 30)


def _figures(best: Sequence[Record]) -> list[list[str]]:
    """Return a head and rows of figures; of what nothing trains, only the makespan and the memory are known."""
    figures = [record.figures or {} for record in best]
    took = times([seconds_of(one) for one in figures])
    rows = [[str(record.row), time, *_cells(one)] for record, time, one in zip(best, took, figures, strict=True)]
    head = HEADS if figures[0]["iteration_s"] is not None else (HEADS[0], "makespan", *HEADS[2:])
    shown = [place for place in range(len(head)) if any(row[place] != "-" for row in rows)]
    return [[line[place] for place in shown] for line in (head, *rows)]


def _cells(one: Mapping[str, Any]) -> list[str]:
    def cell(name: str, write: Any) -> str:
        return "-" if one[name] is None else str(write(one[name]))

    return [
        cell("tokens_per_s", lambda held: f"{held:,.0f}"),
        cell("mfu", lambda held: f"{100 * held:.1f} %"),
        cell("peak_memory_bytes", size) if one["peak_memory_bytes"] else "-",
        cell("exposed_s", lambda held: times([held])[0]) if one["exposed_s"] else "-",
        cell("cost", lambda held: f"{held:.4g} USD"),
        cell("energy_j", lambda held: scaled(held, "J")),
    ]


def _values(best: Sequence[Record]) -> list[list[str]]:
    """Return a head with the ends of paths, and the values of each row."""
    sets = spread([record.changes for record in best])
    rows = [
        [str(record.row), *(short(written(value), CELL) for value in one.values())]
        for record, one in zip(best, sets, strict=True)
    ]
    return [["row", *endings(list(sets[0])).values()], *rows]
