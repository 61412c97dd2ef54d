"""The table of a comparison: a row for each variant, with its makespan split into terms.

                 makespan  vs first  utilisation  peak memory  T_total  +deviation  +idle  drain  +contention  -hidden
    policy=fifo         3     first       66.7 %          0 B        2           0      1      1            0        0
  * policy=heft         2   -33.3 %      100.0 %          0 B        2           0      0      0            0        0

If this is wider than a page, the columns of pipelines and the ledger follow below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from parsim.core.escape import printable
from parsim.core.quantities import aligned, size, times, unit_of
from parsim.core.timeline import CAUSES
from parsim.core.tolerance import CLOSE, close
from parsim.export.summary import Column, Table, for_programs
from parsim.export.table import left, right, short, width
from parsim.study.measure import AMOUNTS, Measure, measure
from parsim.study.played import Played, alike, ended, fitting, pair, winners

LABEL = 36  # cells
PAGE = 120  # cells
APART = "  "
NO_BREAK = "\N{NO-BREAK SPACE}"


def table(played: Sequence[Played]) -> list[str]:
    """Write a row for each variant that ended, no wider than a page."""
    known = ended(played)
    if not known:
        return []
    labels = [f"{mark} {short(one.label, LABEL)}" for mark, one in zip(_marks(known), known, strict=True)]
    wide = max(map(width, labels))
    heads = [left(label, wide) for label in ["", *labels]]
    first, *further = _blocks(known)
    blocks = [first]
    for block in further:
        beside = [*blocks[-1], *block]
        blocks = [*blocks[:-1], beside] if width(_beside(heads, beside)[0]) <= PAGE else [*blocks, block]
    return [line for block in blocks for line in (*_beside(heads, block), "")] + legend(known)


def variants(played: Sequence[Played]) -> Table:
    """Return the same as a table: a row for each variant that ended."""
    known = ended(played)
    if not known:
        return Table("Variants", [for_programs("label", ())])
    labels, marks = [one.label for one in known], _marks(known)
    told = [f"{mark}{NO_BREAK}{label}" if mark == "*" else label for mark, label in zip(marks, labels, strict=True)]
    own = [
        Column("variant", told, "label", labels, left=True),
        for_programs("fastest", [mark == "*" for mark in marks]),
    ]
    return Table("Variants", [*own, *(column for block in _blocks(known) for column in block)])


def _marks(known: Sequence[Played]) -> list[str]:
    """Mark the fastest variants by a star."""
    best = [one.label for one in winners(measure(known).per_unit(known))]
    return ["*" if one.label in best else " " for one in known]


def _blocks(known: Sequence[Played]) -> list[list[Column]]:
    """Return the columns; those of a block stand together."""
    by = measure(known)
    whole = [*_makespans(known), *_units(known, by), *_against(by.per_unit(known)), *_rest(known)]
    return [whole, [*_memory(known)], [*_of_pipelines(known)], [*_terms(known)]]


def _beside(heads: list[str], columns: Sequence[Column]) -> list[str]:
    """Lay *columns* side by side behind *heads*."""
    return [APART.join(cells) for cells in zip(heads, *map(_lines, columns), strict=True)]


def _lines(column: Column) -> list[str]:
    """Write a column, aligned to the right."""
    wide = max(map(width, [column.head, *column.cells]))
    return [right(cell, wide) for cell in [column.head, *column.cells]]


def _makespans(known: Sequence[Played]) -> Iterator[Column]:
    samples = [one.makespan for one in known]
    several, unit = len(known[0].runs) > 1, _unit_s(known)
    numbers = aligned([part / unit for found in samples for part in (found.mean, found.half if several else 0.0)])
    yield Column("makespan", numbers[::2], "makespan_s", [found.mean for found in samples])
    if several and any(found.half > 0 for found in samples):
        halves = [number.strip() for number in numbers[1::2]]
        yield Column("+-", halves, "half_interval_s", [found.half for found in samples])
    if all(one.trains for one in known):
        means = [one.compared.mean for one in known]
        yield Column("iteration", aligned([mean / unit for mean in means]), "iteration_s", means)


def _units(known: Sequence[Played], by: Measure) -> Iterator[Column]:
    """Yield the work and the makespan per unit of work, where the work differs."""
    if by.amount:
        amounts = [one.work.amounts[by.amount] for one in known]
        yield Column("work", [by.told(amount) for amount in amounts], by.amount, amounts)
        means = [one.compared.mean for one in by.per_unit(known)]
        yield Column(f"per {by.unit}", times(means), "per_unit_s", means)


def _against(scaled: Sequence[Played]) -> Iterator[Column]:
    """Yield the columns that compare each variant with the first; *scaled* has seconds per unit of work."""
    first = scaled[0]
    means = [one.compared.mean for one in scaled]
    told = [
        f"{100 * (mean / means[0] - 1):+.1f} %" if means[0] and not close(mean, means[0]) else "=" for mean in means[1:]
    ]
    ratios = [mean / means[0] if means[0] else None for mean in means]
    yield Column("vs first", ["first", *told], "ratio_to_first", ratios)
    if len(first.runs) > 1:
        won = [pair(one, first).shorter for one in scaled[1:]]
        cells = [f"{count}/{len(one.runs)}" for count, one in zip(won, scaled[1:], strict=True)]
        yield Column("won", ["", *cells], "won", [None, *won])


def _terms(known: Sequence[Played]) -> Iterator[Column]:
    rows, unit = [one.terms() for one in known], _unit_s(known)
    largest = max(one.makespan.mean for one in known)
    columns = {"T_total": [row["t_total"] for row in rows], "+deviation": [row["deviation"] for row in rows]}
    columns["+idle"] = [math.fsum(row[cause] for cause in CAUSES) for row in rows]
    causes = {cause: [row[cause] for row in rows] for cause in CAUSES}
    columns |= {cause: values for cause, values in causes.items() if max(values) > CLOSE * largest}
    columns |= {f"{sign}{term}": [row[term] for row in rows] for sign, term in (("+", "contention"), ("-", "hidden"))}
    numbers = iter(aligned([value / unit for values in columns.values() for value in values]))
    for head, values in columns.items():
        name = f"{head.lstrip('+-').lower()}_s"
        yield Column(head, [next(numbers).strip() for _ in values], name, values)


def _rest(known: Sequence[Played]) -> Iterator[Column]:
    used = [one.mean(lambda run: run.utilisation) for one in known]
    yield Column("utilisation", [f"{100 * share:.1f} %" for share in used], "utilisation", used)
    peaks = [one.peak_memory_bytes for one in known]
    yield Column("peak memory", [size(peak) for peak in peaks], "peak_memory_bytes", peaks)


def _memory(known: Sequence[Played]) -> Iterator[Column]:
    """Yield whether each variant fits into the memory of its devices, where one does not."""
    if any(one.lacks for one in known):
        cells = [f"does not fit: {printable(one.lacks)}" if one.lacks else "fits" for one in known]
        yield Column("memory", cells, "lacks", [one.lacks for one in known])


def _of_pipelines(known: Sequence[Played]) -> Iterator[Column]:
    """Yield the bubble, as a share of the ideal time and of the whole, and the peak of activations."""
    if not any(one.live_activations for one in known):
        return
    shares = [one.bubbles for one in known]
    for whole, column in zip(("ideal", "whole"), zip(*shares, strict=True), strict=True):
        cells = [f"{100 * share:.1f} %" for share in column]
        yield Column(f"bubble/{whole}", cells, f"bubble_of_{whole}", column)
    live = [one.live_activations for one in known]
    yield Column("activations", [str(count) for count in live], "live_activations", live)
    used = [one.mfu for one in known]
    if any(share is not None for share in used):
        yield Column("MFU", ["-" if share is None else f"{100 * share:.1f} %" for share in used], "mfu", used)


def _unit_s(known: Sequence[Played]) -> float:
    return unit_of(max(one.makespan.mean for one in known)).seconds


def legend(played: Sequence[Played]) -> list[str]:
    """Explain the columns of the variants that ended, and the star."""
    known = ended(played)
    if not known:
        return []
    by = measure(known)
    unit, seeds = unit_of(max(one.makespan.mean for one in known)).name, len(known[0].runs)
    scaled = by.per_unit(known)
    fit = fitting(scaled)
    unmarked = not winners(scaled)
    fits = "" if len(fit) == len(known) else " that fits"
    lines = [f"times in {unit} and utilisation are means of the workers; peak memory: of the fullest device"]
    if any(one.live_activations for one in known):
        lines.append("bubble: idle time of the ranks; activations: most held by a rank, per stage and microbatch")
    if any(one.mfu is not None and one.live_activations for one in known):
        lines.append("MFU: model FLOP utilisation, of the steady iteration")
    if all(one.trains for one in known) and not by.amount:
        lines.append("iteration: in the steady state; variants are compared by it")
    if by.amount:
        marked = "" if unmarked else f"* the shortest per {by.unit}{fits}   "
        lines.append(f"{marked}work: {AMOUNTS[by.amount].noun}; vs first: time per {by.unit}")
    elif not unmarked:
        lines[0] = f"* the shortest{fits}   {lines[0]}"
    if seeds > 1:
        lines.append(
            f"means of {seeds} seeds; +-: 95 % interval of the mean; won: seeds with which it was faster than the first"
        )
    if not fit:
        lines.append("no *: none fits into memory")
    if alike(fit):
        lines.append("no *: the shortest may be the shortest only by luck")
    return lines
