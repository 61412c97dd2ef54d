"""Speed-up and efficiency over the number of workers, with the prediction of T_total and the ideal.

speed-up      ideal .   . T_total      speed-up(P)   = makespan(1) / makespan(P)
              .  . ___o                efficiency(P) = speed-up(P) / P
          . ._--o                      T_total's: without waiting
efficiency o--o____o
           1  2   (4) workers P          a ring marks the scenario's own P
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from parsim.core.quantities import number
from parsim.plot import style
from parsim.plot.paper import Margins, headline, page

WIDE, TALL = 6.0, 5.2  # inches of both panels
SHARE, GAP = 0.56, 0.09  # of the height: the upper panel, and the gap between the panels
FAR = 8  # times the fewest workers: beyond it, axes are logarithmic
TICKS = 9
# The run may be faster: one worker has all outputs of parents, and several may hide transfers.
THEORY = "T_total: no waiting; every transfer counts,\nalso at P = 1, and none is hidden"


class Point(Protocol):
    """The figures of one number of workers."""

    @property
    def p(self) -> int:
        """Return the number of workers."""

    @property
    def makespan_s(self) -> float:
        """Return the run's makespan."""

    @property
    def t_total_s(self) -> float:
        """Return T_total."""

    @property
    def speed_up(self) -> float:
        """Return the makespan of one worker over this one."""

    @property
    def efficiency(self) -> float:
        """Return the speed-up per worker."""


def sheet(title: str) -> Axes:
    """Return empty axes for both panels."""
    margins = Margins(left=0.8, right=0.4, top=0.6)
    axes = page(WIDE, TALL, margins)
    headline(axes.figure, 0.3, title)
    return axes


def scaling(points: Sequence[Point], axes: Axes, own: int = 0) -> Axes:
    """Draw the speed-up of *points* on *axes*, and the efficiency on new axes in their lower part.

    The point with the scenario's *own* number of workers is marked.

    Returns the axes of the speed-up. The figure's last axes are those of the efficiency.
    """
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position((left, bottom + height * (1 - SHARE), width, height * SHARE))
    lower = axes.figure.add_axes((left, bottom, width, height * (1 - SHARE - GAP)), sharex=axes)
    p = [point.p for point in points]
    least = p[0]  # workers, of which the speed-up is 1
    # The makespan of one worker follows from any point; T_total's speed-up is that makespan over T_total.
    foreseen = [_over(point.speed_up * point.makespan_s, point.t_total_s) for point in points]
    _lines(axes, p, ([count / least for count in p], foreseen, [point.speed_up for point in points]))
    each = [value * least / count for value, count in zip(foreseen, p, strict=True)]
    _lines(lower, p, ([1.0] * len(p), each, [point.efficiency for point in points]))
    for point in points:
        if point.p == own:
            _ring(axes, own, point.speed_up)
            _ring(lower, own, point.efficiency)
    _axes(axes, lower, p, own)
    axes.legend(loc="upper left", frameon=False)
    return axes


def _over(one_s: float, t_total_s: float) -> float:
    return one_s / t_total_s if t_total_s else float("nan")


def _lines(axes: Axes, p: Sequence[int], values: tuple[Sequence[float], Sequence[float], Sequence[float]]) -> None:
    ideal, foreseen, measured = values
    axes.plot(p, ideal, color=style.IDEAL, linewidth=4.0, label="ideal: P" if p[0] == 1 else f"ideal: P / {p[0]}")
    axes.plot(p, foreseen, color=style.THEORY, linestyle="--", linewidth=1.2, label=THEORY)
    axes.plot(p, measured, color=style.BLUE, marker="o", markersize=4.5, linewidth=1.6, label="run")


def _ring(axes: Axes, own: int, value: float) -> None:
    look: dict[str, Any] = {
        "marker": "o",
        "markersize": 10.0,
        "markerfacecolor": "none",
        "markeredgecolor": style.MAKESPAN,
    }
    axes.plot([own], [value], linestyle="", label=f"P of the scenario: {own}", **look)


def ticks(p: Sequence[int], own: int) -> dict[int, Literal["center", "left", "right"]]:
    """Return the numbers of workers to label: always the first, the *own* and the last, others if there is room.

    Each has the side of its mark on which the label stands; close labels stand on opposite sides.

    >>> list(ticks([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128], 64))
    [1, 2, 4, 8, 16, 32, 64, 128]
    """
    known = sorted(set(p))
    at = {count: math.log2(count) if _is_far(p) else float(count) for count in known}
    always = {*known[:1], *known[-1:], *({own} & {*known})}
    least = (at[known[-1]] - at[known[0]]) / TICKS if known else 0.0
    chosen = sorted(always)
    for count in known:
        if all(abs(at[count] - at[other]) >= least for other in chosen if other != count):
            chosen = sorted({*chosen, count})
    side: dict[int, Literal["center", "left", "right"]] = dict.fromkeys(chosen, "center")
    for one, other in pairwise(chosen):
        if at[other] - at[one] < least:
            side |= {one: "right", other: "left"}
    return side


def _is_far(p: Sequence[int]) -> bool:
    return bool(p) and max(p) >= FAR * min(p)


def _axes(axes: Axes, lower: Axes, p: Sequence[int], own: int) -> None:
    if _is_far(p):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
    else:
        axes.set_ylim(bottom=0.0)
    top = lower.get_ylim()[1]
    lower.set_ylim(0.0, max(top, 1.05))
    marks = ticks(p, own)
    lower.set_xticks(list(marks), list(map(str, marks)))
    lower.xaxis.set_minor_locator(NullLocator())
    for label, side in zip(lower.get_xticklabels(), marks.values(), strict=True):
        label.set_horizontalalignment(side)
    axes.tick_params(axis="x", labelbottom=False)
    first = "one worker" if p[0] == 1 else f"{p[0]} workers"
    axes.set_ylabel(f"speed-up (times {first})")
    lower.set_ylabel(f"efficiency (speed-up / {'P' if p[0] == 1 else f'(P / {p[0]})'})")
    lower.set_xlabel("workers P")
    for panel in (axes, lower):
        panel.spines["left"].set_visible(True)
        panel.grid(color=style.PALE, linewidth=0.8)
        panel.set_axisbelow(True)
