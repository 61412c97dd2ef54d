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
from parsim.plot import style
from parsim.plot.area import EDGE, Area, on, own
from parsim.plot.columns import columns, height
from parsim.plot.front import equal, front, some
from parsim.plot.numbers import numbers
from parsim.plot.scales import scale
from parsim.plot.space import FIGURES, MANY, Rows, unit

PANEL = 4.4, 3.2  # inches
LEFT, GAP, RIGHT = 0.85, 0.95, 0.25  # inches beside and between panels
LEAST = 9.0  # inches of the whole width
LEGEND, BELOW, END = 0.4, 0.75, 0.15  # inches of the legend, below the panels, and below the table
MOST = 16  # rows with a number


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


def pareto(rows: Rows, title: str, axes: Axes | None = None) -> Axes:
    """Draw time against memory and against cost, as far as they are known, and list the rows on the front."""
    criteria = _criteria(rows)
    if len(criteria) < 2:
        raise RunError("a Pareto front needs memory or cost, and neither is known of a row that was played")
    time, *others = criteria
    figures = np.stack([each.values for each in criteria if not each.unknown], axis=1)
    best = front(figures)
    shown = best[some(figures[best], MOST)]
    table = _table(rows, criteria, shown, [equal(figures, row) for row in shown.tolist()])
    wide = max(LEFT + len(others) * PANEL[0] + (len(others) - 1) * GAP + RIGHT, LEAST)
    listed = height(len(shown) + 1)
    tall = LEGEND + PANEL[1] + BELOW + listed + END
    told = "; ".join([rows.counted, *_missing(criteria), *_unnumbered(len(best) - len(shown))])
    area = (
        own(wide, tall, f"{title}: Pareto front of {rows.time} and {' and '.join(each.name for each in others)}", told)
        if axes is None
        else on(axes, wide, tall)
    )
    panels = []
    for place, other in enumerate(others):
        made = area.axes(LEFT + place * (PANEL[0] + GAP), END + listed + BELOW, *PANEL)
        _panel(made, time, other, best, shown)
        panels.append(made)
    _legend(area)
    columns(area, EDGE, END + listed, table, range(len(criteria) + 1))
    return panels[0] if axes is None else axes


def _criteria(rows: Rows) -> list[Criterion]:
    """Return time, and the other figures of which something is known."""
    found = []
    for name, base, values in (
        (rows.time, "s", rows.time_s),
        *((*FIGURES[key], rows.figure(key)) for key in ("peak_memory_bytes", "cost")),
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


def _panel(axes: Axes, time: Criterion, other: Criterion, best: Ints, shown: Ints) -> None:
    x, y = time.values, other.values
    many = len(x) > MANY
    axes.plot(
        x, y, "o", color=style.LINE, markersize=2.2 if many else 3.6, markeredgewidth=0.0, alpha=0.6, rasterized=many
    )
    known = np.flatnonzero(np.isfinite(y))
    line = known[front(np.stack((x[known], y[known]), axis=1))]
    axes.step(x[line], y[line], where="post", color=style.BLUE, linewidth=1.0, alpha=0.7)
    axes.plot(x[best], y[best], "o", color=style.BLUE, markersize=5.0, markeredgecolor=style.WHITE, markeredgewidth=0.5)
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


def _table(rows: Rows, criteria: Sequence[Criterion], shown: Ints, equals: Sequence[int]) -> list[list[str]]:
    """Return the columns of the table: the numbers, the figures, and the choices in which its rows differ."""
    own = rows.played[shown]
    found = [["", *(f"{place + 1}" for place in range(len(shown)))]]
    found += [[each.label, *_said(each.values[shown])] for each in criteria]
    for choice in rows.choices:
        words = [choice.words[value] for value in choice.value[own]]
        if len(set(words)) > 1 or len(words) == 1:
            found.append([choice.name, *words])
    if any(equals):
        found.append(["", *(f"and {count} equal" if count else "" for count in equals)])
    return found


def _said(values: Floats) -> list[str]:
    words = [word.strip() for word in aligned(np.nan_to_num(values).tolist(), 4)]
    return [word if np.isfinite(value) else "not known" for word, value in zip(words, values, strict=True)]


def _legend(area: Area) -> None:
    dot: dict[str, Any] = {"marker": "o", "linestyle": ""}
    known = {
        "on the front: no other row is as good in every figure": Line2D(
            [], [], color=style.BLUE, markersize=5.0, **dot
        ),
        "the front of two figures": Line2D([], [], color=style.BLUE, linewidth=1.0, alpha=0.7),
        "dominated": Line2D([], [], color=style.LINE, markersize=3.6, **dot),
    }
    area.line(EDGE, area.tall - 0.14, list(known.values()), list(known))
