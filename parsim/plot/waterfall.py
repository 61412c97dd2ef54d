"""The ledger as a waterfall chart: from T_total to the makespan, up or down by each term; below it a pipeline's terms.

T_total      ########################            2.75 s
deviation                            |               0 s
idle: drain                           ////////  +0.55 s
hidden                                         |     0 s
makespan     ################################     3.3 s

ideal compute  ##################                 1.9 s
fill                             ///             +0.3 s
makespan     ################################     3.3 s
             +---------+---------+---------+--
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from parsim.core.quantities import number, seconds, unit_of
from parsim.core.tolerance import CLOSE
from parsim.export.report import shown_terms
from parsim.metrics.ledger import Ledger
from parsim.plot import style
from parsim.plot.paper import Margins, headline, page, point, time_axis

CLEAR = 1e-3  # of the axis' unit: smaller values are written in their own unit
GAP = 4.0  # points between a bar and its value
TALL = 0.36  # inches of a row


Step = tuple[str, float, style.Look]  # a term, its seconds, its look


class Row(NamedTuple):
    """A bar from *start_s* to *end_s*. A total starts at zero, a term at the end of the previous row."""

    name: str
    start_s: float
    end_s: float
    look: style.Look
    whole: bool


def sheet(ledger: Ledger, title: str, pipeline: Mapping[str, Any] | None = None) -> Axes:
    """Return empty axes of a fitting size for *ledger*, and for the terms of a *pipeline*."""
    margins = Margins(left=1.7, right=0.4, top=0.6)
    more = _of_pipeline(pipeline, ledger.makespan_s) if pipeline else []
    axes = page(7.0, TALL * (len(rows(ledger)) + len(more) + bool(more)), margins)
    headline(axes.figure, 0.3, title)
    return axes


def rows(ledger: Ledger) -> list[Row]:
    """Return a bar for each term, with idleness split by cause if there is any."""
    idle = [(f"idle: {cause}", spent, style.CAUSES[cause]) for cause, spent in ledger.idle.items() if spent]
    steps = [
        ("deviation", ledger.deviation_s, style.TERMS["deviation"]),
        *(idle or [("idle", 0.0, style.OTHER)]),
        ("contention", ledger.contention_s, style.TERMS["contention"]),
        ("hidden", -ledger.hidden_s, style.TERMS["hidden"]),
    ]
    return _falling(("T_total", ledger.t_total_s, style.Look(style.THEORY)), steps, ledger.makespan_s)


def _of_pipeline(pipeline: Mapping[str, Any], makespan_s: float) -> list[Row]:
    """Return a bar for each term of a pipeline's makespan."""
    (_, ideal_s), *more = shown_terms(pipeline)
    steps = [(key[: -len("_s")].replace("_", " "), spent, style.PIPELINE[key]) for key, spent in more]
    return _falling(("ideal compute", ideal_s, style.KINDS["compute"]), steps, makespan_s)


def _falling(first: Step, steps: Sequence[Step], makespan_s: float) -> list[Row]:
    """Return a bar for the *first* term, one for each further term where the previous one ends, and the makespan's."""
    name, level, look = first
    found = [Row(name, 0.0, level, look, True)]
    for name, change, look in steps:
        found.append(Row(name, level, level + change, look, False))
        level += change
    return [*found, Row("makespan", 0.0, makespan_s, style.Look(style.MAKESPAN), True)]


def waterfall(ledger: Ledger, axes: Axes, pipeline: Mapping[str, Any] | None = None) -> Axes:
    """Draw *ledger* on *axes*: a row with a value for each term, where + makes the run longer and - shorter.

    The terms of a *pipeline*, as in a run's JSON, come below it; they add up to the same makespan.
    """
    own, more = rows(ledger), _of_pipeline(pipeline, ledger.makespan_s) if pipeline else []
    largest = max(max(abs(row.start_s), abs(row.end_s)) for row in [*own, *more])
    _axes(axes, own, more, largest)
    _bars(axes, own, 0, largest)
    _bars(axes, more, len(own) + 1, largest)
    return axes


def _bars(axes: Axes, terms: Sequence[Row], first: int, largest: float) -> None:
    """Draw *terms* one below the other, the first at height *first*."""
    gap = GAP * point(axes).x
    for height, row in enumerate(terms, first):
        nothing = abs(row.end_s - row.start_s) <= CLOSE * largest
        border = style.LINE if row.look.face == style.PALE else style.WHITE
        axes.barh(
            height,
            0.0 if nothing else row.end_s - row.start_s,
            left=row.start_s,
            height=0.62,
            facecolor=row.look.face,
            edgecolor=border,
            hatch=row.look.hatch or None,
            linewidth=0.5,
            zorder=2,
        )
        if height + 1 < first + len(terms):  # the level at which the next row starts; a term of zero is only this line
            axes.plot([row.end_s] * 2, [height - 0.31 * nothing, height + 0.69], color=style.EDGE, linewidth=0.8)
        right = max(row.start_s, row.end_s) + gap
        axes.text(right, height, _value(row, nothing, largest), va="center_baseline", fontsize=8.5, parse_math=False)


def _axes(axes: Axes, own: Sequence[Row], more: Sequence[Row], largest: float) -> None:
    terms = [*own, *more]
    heights = [*range(len(own)), *range(len(own) + 1, len(own) + 1 + len(more))]
    axes.set_ylim(heights[-1] + 0.6, -0.6)
    axes.set_yticks(heights, [row.name for row in terms], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel(f"term of the ledger{'; below, of the pipeline' * bool(more)}")
    time_axis(axes, largest or 1.0)
    least = min(min(row.start_s, row.end_s) for row in terms)
    # The longest value, "+0.1234 ms", is as wide as seven times the height of its letters.
    axes.set_xlim(min(least, 0.0), (largest or 1.0) + 65.0 * point(axes).x)


def _value(row: Row, nothing: bool, largest: float) -> str:
    """Write a term in the axis' unit, or in its own unit if it is small."""
    value = 0.0 if nothing else row.end_s - row.start_s
    unit = unit_of(largest)
    small = 0.0 < abs(value) < CLEAR * unit.seconds
    words = seconds(abs(value), 4) if small else f"{number(abs(value) / unit.seconds, 4)} {unit.name}"
    sign = "" if row.whole or not value else "+" if value > 0 else "\N{MINUS SIGN}"
    return f"{sign}{words}"
