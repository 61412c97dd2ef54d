"""Write times and sizes for people, with the unit in which they read best, alone and in columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from parsim.core.tolerance import CLOSE

LONG = 1e15  # from here on a number has an exponent
UNITS = (
    ("ns", 1e-9, 1.0),
    ("us", 1e-6, 1.0),
    ("ms", 1e-3, 1.0),
    ("s", 1.0, 1.0),
    ("min", 60.0, 10.0),
    ("h", 3600.0, 2.0),
)


class Unit(NamedTuple):
    """A unit of time."""

    name: str
    seconds: float


def unit_of(seconds: float) -> Unit:
    """Choose the unit in which *seconds* reads best; minutes are used from ten minutes on, hours below 1e15 s.

    >>> unit_of(3.3).name, unit_of(0.25).name, unit_of(90).name, unit_of(900).name, unit_of(0).name
    ('s', 'ms', 's', 'min', 's')
    """
    if abs(seconds) >= LONG:
        return Unit("s", 1.0)
    fitting = [Unit(name, size) for name, size, least in UNITS if abs(seconds) >= size * least]
    return fitting[-1] if fitting else Unit("ns", 1e-9) if seconds else Unit("s", 1.0)


def number(value: float, digits: int = 6) -> str:
    """Write a number without exponent, unless it would be too long.

    >>> number(5.0), number(1234567.0), number(0.1 + 0.2), number(12345.6, 4), number(5e4, 4), number(2e15)
    ('5', '1234567', '0.3', '12346', '50000', '2e+15')
    """
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < LONG else text


def seconds(value: float, digits: int = 6) -> str:
    """Write a time for people.

    >>> seconds(3.3), seconds(0.25), seconds(0), seconds(5400), seconds(0.00119995, 4), seconds(0.00099999999)
    ('3.3 s', '250 ms', '0 s', '90 min', '1.2 ms', '1 ms')
    >>> seconds(1e99)
    '1e+99 s'
    """
    unit = unit_of(float(f"{value:.{digits}g}"))
    return f"{number(value / unit.seconds, digits)} {unit.name}"


def size(value: float) -> str:
    """Write bytes for people, in powers of 1000.

    >>> size(13_000_000), size(0), size(1536)
    ('13 MB', '0 B', '1.54 kB')
    """
    return scaled(value, "B")


def scaled(value: float, unit: str, digits: int = 3) -> str:
    """Write an amount in *unit*, with the prefix with which it reads best.

    >>> scaled(25_600, "J"), scaled(0.5, "J"), scaled(3.6e18, "J")
    ('25.6 kJ', '0.5 J', '3600 PJ')
    """
    name, least = prefixed(value, unit)
    return f"{number(value / least, digits)} {name}"


def prefixed(value: float, unit: str) -> tuple[str, float]:
    """Return *unit* with the prefix with which *value* reads best, and its size.

    >>> prefixed(13e9, "B"), prefixed(0.5, "J")
    (('GB', 1000000000), ('J', 1))
    """
    power = min(int(math.log10(value) // 3), 5) if value >= 1 else 0
    return f"{('', 'k', 'M', 'G', 'T', 'P')[power]}{unit}", 1000**power


def unlike(more: float, less: float) -> tuple[str, str]:
    """Write two sizes for people, and in full if they would look equal.

    >>> unlike(13e6, 9e6), unlike(9_000_001, 9e6)
    (('13 MB', '9 MB'), ('9000001 B', '9000000 B'))
    """
    texts = size(more), size(less)
    return texts if texts[0] != texts[1] else (f"{more:.17g} B", f"{less:.17g} B")


def clean(value: float, largest: float) -> str:
    """Write a time of a table; rounding errors of sums, relative to its *largest* time, are written as 0.

    >>> clean(-1e-16, 3.3), clean(1e-16, 1e-16)
    ('0 s', '1e-07 ns')
    """
    return seconds(value if abs(value) >= CLOSE * largest else 0.0)


def times(values: Sequence[float], figures: int = 6, largest: float = 0.0) -> list[str]:
    """Write a column of times in the unit in which the longest reads best.

    Rounding errors, relative to the *largest* time of this and other columns, are written as 0.

    >>> times([1.5, 0.25, 0.0])
    ['1.50 s', '0.25 s', '0 s']
    """
    swept = [value if abs(value) >= CLOSE * largest else 0.0 for value in values]
    unit = unit_of(max(map(abs, swept), default=0.0))
    numbers = aligned([value / unit.seconds for value in swept], figures)
    return [f"{number.strip() if value else 0} {unit.name}" for number, value in zip(numbers, swept, strict=True)]


def aligned(values: Sequence[float], figures: int = 6) -> list[str]:
    """Write a column of numbers with equal decimals: *figures* digits of the largest, without common trailing zeros.

    >>> aligned([2.75, 0.0, 10.5])
    [' 2.75', ' 0.00', '10.50']
    """
    largest = max(map(abs, values), default=0.0)
    decimals = min(max(figures - 1 - math.floor(math.log10(largest)), 0), 12) if largest else 0
    texts = [f"{round(value, decimals) + 0.0:.{decimals}f}" for value in values]
    while decimals and all(text.endswith("0") for text in texts):
        texts = [text[:-1] for text in texts]
        decimals -= 1
    texts = [text.rstrip(".") for text in texts] if not decimals else texts
    wide = max(map(len, texts), default=0)
    return [f"{text:>{wide}}" for text in texts]
