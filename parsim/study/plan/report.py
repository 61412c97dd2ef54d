"""The best plans in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parsim.core.escape import printable
from parsim.core.quantities import scaled, seconds, size, times
from parsim.export.figures import figure_columns
from parsim.export.summary import Column, Plain, Summary, Table, for_programs, text_table
from parsim.export.table import short, table, wrapped
from parsim.export.values import endings, spread, written
from parsim.study.comparison import Comparison
from parsim.study.finalists import FINALISTS
from parsim.study.merit import Plan
from parsim.study.plan.crossing import FACTORS, Crossing
from parsim.study.plan.facts import BY, VARIED
from parsim.study.plan.search import Search
from parsim.study.plan.sensitivity import WITHIN, Unknown, Varied
from parsim.study.refusals import MEANINGS
from parsim.study.table import legend, variants
from parsim.study.table import table as beside

WORDS = 110  # cells of a line
CELL = 24  # cells of a value
UNKNOWN = "UNKNOWN"
BOUNDS = {
    "compute": "a device computes for longer",
    "network": "data ranks exchange for longer",
    "path": "the longest path through its stages is longer",
}
WON_BY = {"bandwidth": "links", "efficiency": "devices that compute"}


def report(
    search: Search,
    varied: Sequence[Varied],
    unknown: Sequence[Unknown],
    crossings: Sequence[Crossing],
    finalists: Comparison,
) -> str:
    """Write the answer for people."""
    plans, title = search.plans, _title(search)
    parts = [
        [title, "=" * len(title)],
        _searched(search),
        _refused(search),
        ["The best, * robust", *table(_figures(plans, varied))],
        ["Their plans", *table(_choices(plans), words=range(1, 99))],
        ["Their seconds under other facts", *table(list(_varied(plans, varied)))],
        _notes(unknown),
        ["The first plans side by side", *_shared(plans), *beside(finalists.variants)],
        wrapped(finalists.decided, WORDS),
        _second(crossings),
    ]
    return "\n\n".join(text for lines in parts if (text := "\n".join(lines))) + "\n"


def summary(
    search: Search,
    varied: Sequence[Varied],
    unknown: Sequence[Unknown],
    crossings: Sequence[Crossing],
    finalists: Comparison,
) -> Summary:
    """Summarise the answer: a row for each of the best plans."""
    plans = search.plans
    tables = [
        _best(plans, varied),
        text_table("Their plans", _choices(plans), left=range(1, 99)),
        text_table("Their seconds under other facts", [*_varied(plans, varied)]),
        variants(finalists.variants)._replace(title="The first plans side by side"),
    ]
    failed = [f"{count:,} rows failed: {why}" for why, count in search.failed.most_common()]
    explained = [part for line in legend(finalists.variants) for part in line.split("   ")]
    notes = [*failed, *_notes(unknown), *explained, finalists.decided, *_second(crossings)]
    words = [line.strip() for line in _searched(search)]
    return Summary(_title(search), [*tables, *_refusals(search)], words, [note.strip() for note in notes])


def _refusals(search: Search) -> list[Table]:
    """Return a row for each code of refused rows."""
    conditions = "; ".join(f"{many:,}: {text} does not hold" for text, many in search.conditions.most_common())
    rows = [
        (f"{count:,}", code, MEANINGS[code], conditions if code == "require" else f"first: {search.reasons[code]}")
        for code, count in search.refused.most_common()
    ]
    return [text_table("Refused", [("rows", "code", "", "why"), *rows], left=(1, 2, 3))] if rows else []


def _title(search: Search) -> str:
    space = search.space
    left = f"{search.left:,} after the conditions that need no run"
    return f"{space.scenario.name}: {space.rows} of the space, {left}"


def _best(plans: Sequence[Plan], varied: Sequence[Varied]) -> Table:
    """Return a row for each plan: figures for people; for programs also its row and what it chooses."""
    shown = text_table("The best, * robust", _figures(plans, varied))
    own = [
        for_programs("place", range(1, len(plans) + 1)),
        for_programs("row", [plan.row for plan in plans]),
        for_programs("robust", [one.robust for one in varied]),
    ]
    figures = [for_programs(each.name, each.values) for each in figure_columns([plan.figures for plan in plans])]
    return shown._replace(columns=[*shown.columns, *own, *set_columns([plan.set for plan in plans]), *figures])


def set_columns(sets: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return a column for programs for each choice of plans."""
    return [for_programs(path, [_plain(one[path]) for one in sets]) for path in sets[0]]


def _plain(value: Any) -> Plain:
    return value if value is None or isinstance(value, str | int | float) else written(value)


def _searched(search: Search) -> Iterator[str]:
    """Say how the answer was found, and whether it is proven."""
    many = sum(search.cut.values())
    yield f"{search.played:,} {'plans were' if search.played != 1 else 'plan was'} played."
    if many:
        yield f"{many:,} were not: by their bounds, they cannot be among the best."
        yield from (f"  {count:>6,}  {BOUNDS[name]}" for name, count in search.cut.most_common())
    yield f"The answer is {'proven' if search.proven else 'not proven: the search looked at a part of the space'}."


def _refused(search: Search) -> Iterator[str]:
    """Say how many rows are refused, and why."""
    if search.refused:
        yield "Refused"
        for code, count in search.refused.most_common():
            yield f"  {count:>9,}  {code:<13}  {MEANINGS[code]}"
            if code == "require":
                yield from (
                    f"{'':28}{many:,}: {printable(text)} does not hold"
                    for text, many in search.conditions.most_common()
                )
            else:
                yield from wrapped(f"first: {search.reasons[code]}", WORDS, " " * 28, " " * 30)
    if search.failed:
        yield "Failed"
        yield from (f"  {count:>9,}  {printable(why)}" for why, count in search.failed.most_common())


HEADS = ("tokens/s", "MFU", "peak memory", "exposed", "by communicator", "cost", "energy")
ASKED = ("cost", "energy")  # told of a training also where they are not known


def _figures(plans: Sequence[Plan], varied: Sequence[Varied]) -> list[list[str]]:
    """Return a head, and a row for each plan; columns that no plan fills are left out."""
    trained = plans[0].figures["iteration_s"] is not None
    head, rows = ["", "iteration" if trained else "makespan", *HEADS], [*_rows(plans, varied)]
    filled = [any(row[place] not in ("", UNKNOWN) for row in rows) for place in range(len(head))]
    shown = [place for place, name in enumerate(head) if filled[place] or (trained and name in ASKED)]
    return [[line[place] for place in shown] for line in (head, *rows)]


def _rows(plans: Sequence[Plan], varied: Sequence[Varied]) -> Iterator[list[str]]:
    took = times([plan.took_s for plan in plans])
    for place, (plan, time) in enumerate(zip(plans, took, strict=True)):
        figures = plan.figures
        parts = {name: part for name, part in figures["exposed_by_s"].items() if part}
        yield [
            f"{place + 1}{'*' if varied[place].robust else ' '}",
            time,
            _or_unknown(figures["tokens_per_s"], lambda value: f"{value:,.0f}"),
            _or_unknown(figures["mfu"], lambda value: f"{100 * value:.1f} %"),
            size(figures["peak_memory_bytes"]),
            seconds(figures["exposed_s"], 3),
            ", ".join(f"{name} {seconds(part, 3)}" for name, part in parts.items()),
            _or_unknown(figures["cost"], lambda value: f"{value:.4g} USD"),
            _or_unknown(figures["energy_j"], lambda value: scaled(value, "J")),
        ]


def _or_unknown(value: float | None, write: Any) -> str:
    return UNKNOWN if value is None else str(write(value))


def _choices(plans: Sequence[Plan]) -> list[Sequence[str]]:
    """Return a column for each choice, under the last step of its path where that is enough."""
    sets = spread([plan.set for plan in plans])
    rows = [[str(place), *map(_cell, one.values())] for place, one in enumerate(sets, 1)]
    return [["", *endings(list(sets[0])).values()], *rows]


def _cell(value: Any) -> str:
    return short(written(value), CELL)


def _varied(plans: Sequence[Plan], varied: Sequence[Varied]) -> Iterator[Sequence[str]]:
    known = [place for place in range(len(VARIED)) if any(one.seconds[place] is not None for one in varied)]
    less = f"memory {-100 * BY:+.0f} %"
    yield ["", "as said", *(str(VARIED[place]) for place in known), less]
    for number, (plan, one) in enumerate(zip(plans, varied, strict=True), 1):
        took = [one.seconds[place] for place in known]
        cells = ["-" if some is None else seconds(some, 4) for some in took]
        fits = UNKNOWN if one.fits_less is None else "fits" if one.fits_less else "does not fit"
        yield [str(number), seconds(plan.took_s, 4), *cells, fits]


def _notes(unknown: Sequence[Unknown]) -> Iterator[str]:
    less, near = f"{100 * BY:.0f} % less memory", f"{100 * (WITHIN - 1):.0f} %"
    yield f"* robust: it fits into {less}, and is nowhere more than {near} slower than the best of these"
    yield "exposed: transfers that no computing hides, mean of the workers; cost and energy: of an iteration"
    for one in unknown:
        even = "no plan that was played has one to compare it with"
        if one.break_even is not None:
            even = f"at {one.break_even:.4g} {one.unit} each, {one.even}"
        yield f"{one.plan + 1}: the {one.fact} of its devices is {UNKNOWN}; {even}"


def _second(crossings: Sequence[Crossing]) -> Iterator[str]:
    """Say what it would take for the second plan to win."""
    found = [one for one in crossings if one.factor is not None]
    if found:
        ways = (f"{WON_BY[one.name]} {one.factor:.3g} times as fast" for one in found)
        yield f"The second would win with {' or with '.join(ways)}."
    for one in crossings:
        if one.factor is None:
            between = f"from {FACTORS[0]:g} to {FACTORS[-1]:g} times as fast"
            yield f"The second would not win with {WON_BY[one.name]} {between}."


def _shared(plans: Sequence[Plan]) -> Iterator[str]:
    """Say which values the first plans share, as their names leave these out."""
    first = spread([plan.set for plan in plans[:FINALISTS]])
    same = {path: value for path, value in first[0].items() if all(one[path] == value for one in first)}
    if same and len(first) > 1:
        told = ", ".join(f"{name}={written(same[path])}" for path, name in endings(list(same)).items())
        yield from wrapped(f"all of these: {told}", WORDS)
