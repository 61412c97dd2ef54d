"""The Pareto front of time, memory and cost, as two panels, with a table of its rows.

peak memory (GB)          cost (USD)
 | 1                       |          . .       1, 2, 3: no other row is better in one figure and as good in all others
 |  o  .  .                | 1      o 3
 |    2   .                |  o 2          .    the line: the front of the two figures of the panel
 |     o--o 3              |    o    .
 +------------ time (s)    +-------------- time (s)
     time   memory   cost   tensor   schedule
  1  0.9 s  40 GB    0.1        4    1f1b
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from parsim.core.columns import Floats, Ints
from parsim.core.errors import RunError
from parsim.core.quantities import aligned
from parsim.export.table import short
from parsim.plot import style
from parsim.plot.area import EDGE, Area, on, own
from parsim.plot.columns import columns, height
from parsim.plot.front import equal, front, some
from parsim.plot.numbers import numbers
from parsim.plot.scales import scale
from parsim.plot.space import BESIDES_TIME, MANY, Choice, Rows, unit

PANEL = 4.4, 3.2  # inches
LEFT, GAP, RIGHT = 0.85, 0.95, 0.25  # inches beside and between panels
LEAST = 9.5  # inches of the whole width
LEGEND, BELOW, END = 0.4, 0.75, 0.15  # inches of the legend, below the panels, and below the table
NAME = 20  # cells of a value that all have
MOST = 16  # rows with a number
ALIKE = 1e-6  # of a price: prices that differ less are one


class Criterion(NamedTuple):
    """A figure of which less is better, of the rows that were played."""

    name: str
    unit: str
    values: Floats  # (played,) in this unit, NaN where it is not known

    @property
    def label(self) -> str:
        """The name with the unit."""
        return f"{self.name} ({self.unit})"

    @property
    def known(self) -> Floats:
        """The values that are known."""
        return self.values[np.isfinite(self.values)]

    @property
    def unknown(self) -> int:
        """The number of others."""
        return int(np.isnan(self.values).sum())

    def is_time_at_one_price(self, time: Criterion) -> bool:
        """Return whether it grows as *time* does, so that one tells as much as the other."""
        known = np.isfinite(self.values) & (time.values > 0)
        price = self.values[known] / time.values[known]
        return len(np.unique(time.values[known])) > 1 and bool(np.ptp(price) <= ALIKE * price.max())


def pareto(rows: Rows, title: str, axes: Axes | None = None) -> Axes:
    """Draw time against memory and against cost, as far as they are known, and list the rows on the front."""
    criteria = _criteria(rows)
    if len(criteria) < 2:
        raise RunError("a Pareto front needs memory or cost, and neither is known of a row that was played")
    time, *others = criteria
    priced = [each for each in others if each.is_time_at_one_price(time)]
    panels = [each for each in others if each not in priced] or others
    figures = np.stack([each.values for each in criteria], axis=1)
    compared = np.flatnonzero(np.isfinite(figures).all(axis=1))
    if not len(compared):
        raise RunError(f"of no row all of {', '.join(each.name for each in criteria)} are known")
    best = compared[front(figures[compared])]
    shown = best[some(figures[best], MOST)]
    choices = _differing(rows, best)
    table = _table(rows, criteria, shown, choices, [equal(figures, row) for row in shown.tolist()])
    around = LEFT + (len(panels) - 1) * GAP + RIGHT
    wide = max(around + len(panels) * PANEL[0], LEAST)
    each_wide = (wide - around) / len(panels)
    listed = height(len(shown) + 1)
    tall = LEGEND + PANEL[1] + BELOW + listed + END
    told = [rows.counted, *_missing(criteria), *_unnumbered(len(best) - len(shown)), *_shared(rows, best, choices)]
    told += [f"{each.name} is {time.name} at one price, so it has no panel" for each in priced if each not in panels]
    what = f"{title}: Pareto front of {', '.join(each.name for each in criteria[:-1])} and {criteria[-1].name}"
    area = own(wide, tall, what, "; ".join(told)) if axes is None else on(axes, wide, tall)
    lefts = (LEFT + place * (each_wide + GAP) for place in range(len(panels)))
    made = [area.axes(left, END + listed + BELOW, each_wide, PANEL[1]) for left in lefts]
    apart = np.setdiff1d(np.arange(len(figures)), compared)
    for each, other in zip(made, panels, strict=True):
        _panel(each, time, other, best, shown, apart)
    _legend(area, [each.name for each in criteria if each.unknown])
    columns(area, EDGE, END + listed, table, range(len(criteria) + 1))
    return made[0] if axes is None else axes


def _criteria(rows: Rows) -> list[Criterion]:
    """Return time, and the other figures of which something is known."""
    found = []
    for name, base, values in (
        (rows.time, "s", rows.time_s),
        *((*BESIDES_TIME[key], rows.figure(key)) for key in ("peak_memory_bytes", "cost")),
    ):
        mine = values[rows.played]
        word, size = unit(mine[np.isfinite(mine)], base)
        if np.nan_to_num(mine).any():
            found.append(Criterion(name, word, mine / size))
    return found


def _missing(criteria: Sequence[Criterion]) -> list[str]:
    names = [each.name for each in criteria]
    unknown = [f"{name} is not known" for name in ("peak memory", "cost") if name not in names]
    return unknown + [f"{each.name} of {each.unknown:,} rows is not known" for each in criteria if each.unknown]


def _unnumbered(more: int) -> list[str]:
    return [f"{MOST} of {MOST + more:,} rows on the front have numbers"] if more else []


def _panel(axes: Axes, time: Criterion, other: Criterion, best: Ints, shown: Ints, apart: Ints) -> None:
    """Draw the rows; those *apart* lack a figure, and are on no front."""
    x, y = time.values, other.values
    many = len(x) > MANY
    look: dict[str, Any] = {"markersize": 2.2 if many else 3.6, "alpha": 0.6, "rasterized": many}
    others = np.setdiff1d(np.arange(len(x)), apart)
    axes.plot(x[others], y[others], "o", color=style.LINE, markeredgewidth=0.0, **look)
    known = others[np.isfinite(y[others])]
    line = known[front(np.stack((x[known], y[known]), axis=1))]
    axes.step(x[line], y[line], where="post", color=style.BLUE, linewidth=1.0, alpha=0.7)
    axes.plot(x[best], y[best], "o", color=style.BLUE, markersize=5.0, markeredgecolor=style.WHITE, markeredgewidth=0.5)
    axes.plot(x[apart], y[apart], **_APART)
    axes.margins(0.08)
    axes.grid(color=style.PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    scale(axes, "x", time.known)
    scale(axes, "y", other.known)
    axes.set(xlabel=time.label, ylabel=other.label)
    axes.autoscale_view()
    drawn = best[np.isfinite(y[best])].tolist()
    words = {drawn.index(row): str(place) for place, row in enumerate(shown.tolist(), 1) if row in drawn}
    numbers(axes, np.stack((x[drawn], y[drawn]), axis=1), words)


_APART: dict[str, Any] = {
    "marker": "D",
    "markersize": 3.6,
    "markerfacecolor": "none",
    "markeredgecolor": style.GREY,
    "linestyle": "",
}


def _differing(rows: Rows, best: Ints) -> list[Choice]:
    """Return the choices in which the rows on the front differ; of a single row all."""
    own = rows.played[best]
    return [choice for choice in rows.choices if len(own) == 1 or len(set(choice.value[own].tolist())) > 1]


def _shared(rows: Rows, best: Ints, differing: Sequence[Choice]) -> list[str]:
    """Say which values all rows on the front have, where others have others."""
    first = rows.played[best[0]]
    same = [choice for choice in rows.varied if choice not in differing]
    words = [f"{choice.name}={short(choice.words[choice.value[first]], NAME)}" for choice in same]
    return [f"all on the front have {', '.join(words)}"] if words else []


def _table(
    rows: Rows, criteria: Sequence[Criterion], shown: Ints, choices: Sequence[Choice], equals: Sequence[int]
) -> list[list[str]]:
    """Return the columns of the table: the numbers, the figures, and the choices."""
    own = rows.played[shown]
    found = [["", *(f"{place + 1}" for place in range(len(shown)))]]
    found += [[each.label, *_said(each.values[shown])] for each in criteria]
    found += [[choice.name, *(choice.words[value] for value in choice.value[own])] for choice in choices]
    if any(equals):
        found.append(["", *(f"and {count} equal" if count else "" for count in equals)])
    return found


def _said(values: Floats) -> list[str]:
    return [word.strip() for word in aligned(values.tolist(), 4)]


def _legend(area: Area, unknown: Sequence[str]) -> None:
    dot: dict[str, Any] = {"marker": "o", "linestyle": ""}
    known = {
        "on the front: no played row dominates it": Line2D([], [], color=style.BLUE, markersize=5.0, **dot),
        "the front of two figures": Line2D([], [], color=style.BLUE, linewidth=1.0, alpha=0.7),
        "dominated": Line2D([], [], color=style.LINE, markersize=3.6, **dot),
    }
    if unknown:
        known[f"{' or '.join(unknown)} is not known: not compared"] = Line2D([], [], **_APART)
    area.line(EDGE, area.tall - 0.14, list(known.values()), list(known))
