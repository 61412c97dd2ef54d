"""What the benchmarks measure with: bare SimPy as the yardstick, and one form of table.

A second of one machine is not a second of another; a ratio of two rates taken in turn in one process nearly is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import NamedTuple

from simpy import Environment, Event

PENDING = 64  # timeouts at once, as many as the benchmarks have workers


class Row(NamedTuple):
    """One line of a table; all but the first two cells may be left empty."""

    what: str
    figure: str
    yardstick: str = ""
    ratio: str = ""
    goal: str = ""


def bare_simpy(seconds: Iterable[float], count: int) -> float:
    """Return the events/s of SimPy alone: PENDING timeouts, the callback of each making the next."""
    env, delays = Environment(), iter(seconds)

    def follow(event: Event) -> None:
        for delay in delays:
            env.timeout(delay).callbacks.append(follow)
            return

    started = perf_counter()
    for _ in range(PENDING):
        env.timeout(next(delays)).callbacks.append(follow)
    env.run()
    return count / (perf_counter() - started)


def rate(work: Callable[[], object], count: int) -> float:
    """Return how many of *count* things *work* does in a second."""
    started = perf_counter()
    work()
    return count / (perf_counter() - started)


def table(title: str, rows: Iterable[Row]) -> str:
    """Write rows one above the other under a title.

    >>> print(table("speed", [Row("ratio", "0.5", goal="0.45")]))
    speed  figure  yardstick  ratio  goal
    ratio  0.5                       0.45
    """
    lines = [Row(title, "figure", "yardstick", "ratio", "goal"), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(line: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
