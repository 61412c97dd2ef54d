"""Speed-up and efficiency over the number of workers, beside what T_total foresees and what would be ideal.

speed-up      ideal .   . T_total      speed-up(P)   = makespan(1) / makespan(P)
              .  . ___o                efficiency(P) = speed-up(P) / P
          . ._--o                      T_total's: as if nobody ever waited
efficiency o--o____o
           1  2    4  workers P
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from parsim.plot import style
from parsim.plot.paper import Margins, headline, page

WIDE, TALL = 6.0, 5.2  # inches of both panels
SHARE, GAP = 0.56, 0.09  # of the height: the upper panel, and what is between the two
FAR = 8  # times the fewest workers, from where on the axes are logarithmic
TICKS = 9


class Point(Protocol):
    """What was found for one number of workers."""

    @property
    def p(self) -> int:
        """Return the number of workers."""

    @property
    def makespan_s(self) -> float:
        """Return the run's makespan."""

    @property
    def t_total_s(self) -> float:
        """Return what theory foresees."""

    @property
    def speed_up(self) -> float:
        """Return the makespan of one worker, in this run's makespans."""

    @property
    def efficiency(self) -> float:
        """Return the speed-up of each worker."""


def sheet(title: str) -> Axes:
    """Return empty axes for both panels."""
    margins = Margins(left=0.8, right=0.4, top=0.6)
    axes = page(WIDE, TALL, margins)
    headline(axes.figure, 0.3, title)
    return axes


def scaling(points: Sequence[Point], axes: Axes) -> Axes:
    """Draw *points* on *axes*, which keep the speed-up; their lower part becomes axes for the efficiency.

    Returns the axes of the speed-up; those of the efficiency are the figure's last.
    """
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position((left, bottom + height * (1 - SHARE), width, height * SHARE))
    lower = axes.figure.add_axes((left, bottom, width, height * (1 - SHARE - GAP)), sharex=axes)
    p = [point.p for point in points]
    # What one worker takes follows from any point; theory's speed-up is that over its own T_total.
    foreseen = [_over(point.speed_up * point.makespan_s, point.t_total_s) for point in points]
    _lines(axes, p, (p, foreseen, [point.speed_up for point in points]))
    each = [value / count for value, count in zip(foreseen, p, strict=True)]
    _lines(lower, p, ([1.0] * len(p), each, [point.efficiency for point in points]))
    _axes(axes, lower, p)
    axes.legend(loc="upper left", frameon=False)
    return axes


def _over(one_s: float, t_total_s: float) -> float:
    return one_s / t_total_s if t_total_s else float("nan")


def _lines(axes: Axes, p: Sequence[int], values: tuple[Sequence[float], Sequence[float], Sequence[float]]) -> None:
    ideal, foreseen, measured = values
    axes.plot(p, ideal, color=style.IDEAL, linewidth=4.0, label="ideal: P")
    axes.plot(p, foreseen, color=style.THEORY, linestyle="--", linewidth=1.2, label="T_total: nobody waits")
    axes.plot(p, measured, color=style.BLUE, marker="o", markersize=4.5, linewidth=1.6, label="run")


def _axes(axes: Axes, lower: Axes, p: Sequence[int]) -> None:
    if p and max(p) >= FAR * min(p):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.6g}")
    else:
        axes.set_ylim(bottom=0.0)
    top = lower.get_ylim()[1]
    lower.set_ylim(0.0, max(top, 1.05))
    marks = sorted(set(p))
    marks = marks[:: max(-(-len(marks) // TICKS), 1)]
    lower.xaxis.set_major_locator(FixedLocator(marks))
    lower.xaxis.set_minor_locator(NullLocator())
    lower.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.tick_params(axis="x", labelbottom=False)
    axes.set_ylabel("speed-up (times one worker)")
    lower.set_ylabel("efficiency (speed-up / P)")
    lower.set_xlabel("workers P")
    for panel in (axes, lower):
        panel.spines["left"].set_visible(True)
        panel.grid(color=style.PALE, linewidth=0.8)
        panel.set_axisbelow(True)
