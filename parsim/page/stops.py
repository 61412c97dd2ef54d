"""The values that a slider can take: round ones around the value of the scenario, and that value itself.

400 Gbit/s     12.5  15  20 ... 300  400  500 ... 12800 Gbit/s
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor, inf, log10
from typing import Any

from parsim.core.quantities import number, scaled, seconds
from parsim.core.units import Dimension, parse

ROUND = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
REACH = 32  # times as much, and as little
EACH = 64  # up to here every whole number has a stop
USUAL = {"s": (1e-6, 1.0), "B": (1e3, 1e11), "B/s": (1e6, 1e12)}  # where nothing is stated, in base units
WIDE = (1.0, 1e15)  # of other dimensions


def counts(form: Mapping[str, Any], own: Any, degree: bool) -> list[int]:
    """Return whole numbers up to four times *own*, at least 8; a *degree* of parallelism takes powers of two.

    >>> counts({"minimum": 1}, 3, degree=False)
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    >>> counts({"minimum": 1}, 3, degree=True)
    [1, 2, 3, 4, 8]
    """
    least, around = int(form.get("minimum", 0)), int(own or 0)
    most = int(min(max(8, 4 * around), form.get("maximum", inf)))
    powers = [1 << power for power in range(most.bit_length()) if 1 << power <= most]
    if degree:
        return sorted({*powers, max(around, least)})
    if most <= EACH:
        return list(range(least, most + 1))
    whole = (int(one) for one in _rounds(1, most) if one == int(one))
    return sorted(one for one in {*range(9), *powers, *whole, around} if one >= least)


def numbers(form: Mapping[str, Any], own: Any) -> list[float]:
    """Return numbers around *own*; of a share, which is at most 1, twentieths.

    >>> numbers({"exclusiveMinimum": 0, "maximum": 1}, 0.8)[:3], numbers({"minimum": 0}, 1)[::16]
    ([0.05, 0.1, 0.15], [0.0, 1.0, 32.0])
    """
    least, most = form.get("minimum", form.get("exclusiveMinimum", -inf)), form.get("maximum", inf)
    if 1 in (most, form.get("exclusiveMaximum")):
        found = {count / 20 for count in range(21)} | ({float(own)} if own is not None else set())
    else:
        around = float(own or 1)
        found = {0.0, around, *_rounds(around / REACH, around * REACH)}
    open_ends = {form.get("exclusiveMinimum"), form.get("exclusiveMaximum")}
    return sorted(one for one in found if least <= one <= most and one not in open_ends)


def amounts(dimension: Dimension, own: Any) -> list[str]:
    """Return quantities in the unit of *own*; where that is nothing, or zero, usual ones of the dimension.

    >>> from parsim.core.units import SECONDS
    >>> amounts(SECONDS, "1 ms")[::15], amounts(SECONDS, "0 s")[::20]
    (['0.03125 ms', '1 ms', '30 ms'], ['0 s', '80 us', '8 ms', '800 ms'])
    """
    if own is None or parse(own, dimension) == 0:
        usual = (_written(one, dimension.base) for one in _rounds(*USUAL.get(dimension.base, WIDE)))
        return [*([own] if own is not None else []), *usual]
    unit = next(unit for unit in sorted(dimension.units, key=len, reverse=True) if own.endswith(unit))
    around = float(own.removesuffix(unit))
    found = sorted({around, *_rounds(around / REACH, around * REACH)})
    return [own if one == around else f"{number(one, 4)} {unit}" for one in found]


def _written(value: float, base: str) -> str:
    return seconds(value, 4) if base == "s" else scaled(value, base)


def _rounds(least: float, most: float) -> Iterator[float]:
    """Yield the round numbers between *least* and *most*, and these.

    >>> [*_rounds(2.2, 9)]
    [2.2, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 9]
    """
    yield least
    for power in range(floor(log10(least)), floor(log10(most)) + 1):
        for digits in ROUND:
            if least < (one := float(f"{digits * 10.0**power:.3g}")) < most:
                yield one
    yield most
