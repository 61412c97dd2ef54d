"""The ledger as a waterfall chart: from T_total to the makespan, up or down by each term.

T_total      ########################            2.75 s
deviation                            |               0 s
idle: drain                           ////////  +0.55 s
hidden                                         |     0 s
makespan     ################################     3.3 s
             +---------+---------+---------+--
"""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.axes import Axes

from parsim.core.quantities import number, seconds, unit_of
from parsim.core.tolerance import CLOSE
from parsim.metrics.ledger import Ledger
from parsim.plot import style
from parsim.plot.paper import Margins, headline, page, point, time_axis

CLEAR = 1e-3  # of the axis' unit: smaller values are written in their own unit
GAP = 4.0  # points between a bar and its value
TALL = 0.36  # inches of a row


class Row(NamedTuple):
    """A bar from *start_s* to *end_s*. A total starts at zero, a term at the end of the previous row."""

    name: str
    start_s: float
    end_s: float
    look: style.Look
    whole: bool


def sheet(ledger: Ledger, title: str) -> Axes:
    """Return empty axes of a fitting size for *ledger*."""
    margins = Margins(left=1.7, right=0.4, top=0.6)
    axes = page(7.0, TALL * len(rows(ledger)), margins)
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
    found, level = [Row("T_total", 0.0, ledger.t_total_s, style.Look(style.THEORY), True)], ledger.t_total_s
    for name, change, look in steps:
        found.append(Row(name, level, level + change, look, False))
        level += change
    return [*found, Row("makespan", 0.0, ledger.makespan_s, style.Look(style.MAKESPAN), True)]


def waterfall(ledger: Ledger, axes: Axes) -> Axes:
    """Draw *ledger* on *axes*: a row with a value for each term, where + makes the run longer and - shorter."""
    terms = rows(ledger)
    largest = max(max(abs(row.start_s), abs(row.end_s)) for row in terms)
    _axes(axes, terms, largest)
    gap = GAP * point(axes).x
    for height, row in enumerate(terms):
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
        if height + 1 < len(terms):  # the level at which the next row starts; a term of zero is only this line
            axes.plot([row.end_s] * 2, [height - 0.31 * nothing, height + 0.69], color=style.EDGE, linewidth=0.8)
        right = max(row.start_s, row.end_s) + gap
        axes.text(right, height, _value(row, nothing, largest), va="center_baseline", fontsize=8.5, parse_math=False)
    return axes


def _axes(axes: Axes, terms: list[Row], largest: float) -> None:
    axes.set_ylim(len(terms) - 0.4, -0.6)
    axes.set_yticks(range(len(terms)), [row.name for row in terms], parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel("term of the ledger")
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
