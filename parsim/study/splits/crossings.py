"""Where lines cross: the lowest line along a variable.

    one   9 7 5 3 1        two is lowest from the first value on, one from the fourth;
    two   4 4 4 4 4        the lines cross between the third and the fourth

A value where they are equal belongs to the previous winner. Where no line has a value, the winner is `NEITHER`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from parsim.core.tolerance import close

NEITHER = "neither"  # the winner where all lines are infinite

Who = Callable[[float], str]  # the lowest line at a value; `NEITHER`; or empty where they are equal
Between = Callable[[float, float, Callable[[float], bool]], float]  # (before, after, has it changed?) -> where


class Stretch(NamedTuple):
    """From *start* on, *winner* is the lowest line, or `NEITHER`. Lines cross where one stretch follows another."""

    start: float
    winner: str


def lowest(lines: Mapping[str, float]) -> str:
    """Return the lowest line; empty where two are equally low, `NEITHER` where all are infinite.

    >>> lowest({"one": 1.0, "two": math.inf}), lowest({"one": 1.0, "two": 1.0 + 1e-12})
    ('one', '')
    >>> lowest({"one": math.inf, "two": math.inf})
    'neither'
    """
    least = min(lines.values())
    if least == math.inf:
        return NEITHER
    near = [name for name, value in lines.items() if close(value, least)]
    return near[0] if len(near) == 1 else ""


def stretches(values: Sequence[float], who: Who, between: Between) -> list[Stretch]:
    """Cut increasing *values* where the winner changes; *between* finds the exact place between two values.

    >>> lines = lambda x: lowest({"square": x * x, "straight": 3.0 * x})
    >>> stretches([1.0, 2.0, 4.0, 8.0], lines, whole)
    [Stretch(start=1.0, winner='square'), Stretch(start=4, winner='straight')]
    """
    found: list[Stretch] = []
    before = 0.0
    for value in values:
        winner = who(value)
        if not winner:
            continue
        if not found:
            found.append(Stretch(value, winner))
        elif winner != found[-1].winner:
            found.append(Stretch(between(before, value, lambda x, new=winner: who(x) == new), winner))  # type: ignore[misc]
        before = value
    return found


def whole(before: float, after: float, changed: Callable[[float], bool]) -> float:
    """Return the first whole number after *before* at which the winner has changed, if it changes once."""
    low, high = int(before), int(after)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if changed(middle) else (middle, high)
    return high


def within(tolerance: float) -> Between:
    """Return a bisection, in ratios, that ends when both ends are within *tolerance* (relative) of each other.

    >>> round(within(1e-9)(1.0, 8.0, lambda x: x * x > 3.0 * x), 6)
    3.0
    """

    def search(before: float, after: float, changed: Callable[[float], bool]) -> float:
        low, high = before, after
        while high / low > 1 + tolerance:
            middle = math.sqrt(low) * math.sqrt(high)
            low, high = (low, middle) if changed(middle) else (middle, high)
        return math.sqrt(low) * math.sqrt(high)

    return search
