"""The unit of the simulated clock: every time is a whole number of ticks, so sums on paper are sums of the run.

    100 ms + 200 ms = 300 ms        ticks of 1/10 s:     1 + 2 = 3
    1 s / speed 3, three times      ticks of 1/3 s:      1 + 1 + 1 = 3

    ticks per second = unit x 10^digits         unit: 1, or a multiple of the numerators of speeds and bandwidths

Times of up to 15 significant digits are read as those decimals. `digits` is the least number for which the tick divides
every time of the run. Where no such tick is left, as for noisy times, it is the largest for which a run of all times
one after the other stays below 2^62 ticks; longer decimals are then rounded once, and their sums are exact. Where that
would be more than 1e-8 of the shortest time, the clock counts in whole numbers of any length.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, MutableSequence, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NEVER, Floats, Ints, packed

MOST = 2**62  # ticks of a run, in 64 bits
COARSEST = 1e-8  # of the shortest time
EXACT = 2.0**49  # ticks below which a product of two floats rounds to the right whole number
POWERS = 22  # powers of ten up to this are floats
SURE = 2.0**53  # whole numbers below this are floats
ULPS = 5e-16  # relative: decimals of 15 digits are this near to products of their floats
HALF = 0.0625  # by which a product of 15 digits before the point may be off
DIGITS = 15  # significant, of a decimal that a float holds for sure
COMPUTED = 14  # significant, of a sum of shares of bandwidth
SHARED = 63  # of a network: shares of up to ten flows end at whole ticks
LARGEST_UNIT = 10**6
SAMPLE = 1000  # times, most often enough to see that a tick does not divide them


class Ticks(NamedTuple):
    """Converts seconds to whole ticks and back.

    >>> tenths = Ticks(unit=1, digits=1)
    >>> tenths.of(0.1) + tenths.of(0.2), tenths.seconds(3)
    (3, 0.3)
    >>> Ticks(unit=3, digits=0).of(1 / 3)
    1
    """

    unit: int
    digits: int
    dtype: type = np.int64  # of columns of ticks; object: numbers of any length

    def near(self, seconds: float) -> int:
        """Return the ticks of a computed time, which may be a few ulps off."""
        return self.of(seconds) if self.dtype is object else round(seconds * self.unit * 10.0**self.digits)

    @lru_cache(maxsize=1 << 12)  # noqa: B019 - ticks are small, and latencies and sizes recur
    def of(self, seconds: float) -> int:
        """Return the ticks of a time."""
        scaled = seconds * self.unit
        ticks: float = scaled * 10.0**self.digits if self.dtype is not object else math.inf
        if ticks < EXACT:
            return round(ticks)
        for value, unit, near in ((seconds, self.unit, 0.0), (scaled, 1, ULPS)):
            decimal = f"{value:.{DIGITS}g}"
            if abs(float(decimal) - value) <= near * value:
                exact = Decimal(decimal).scaleb(self.digits) * unit
                if exact == exact.to_integral_value():
                    return int(exact)
        return round(ticks if ticks < math.inf else Fraction(scaled) * Fraction(10) ** self.digits)

    def column(self, seconds: Floats) -> Ints:
        """Return the ticks of many times, 0 where they are NaN."""
        if self.dtype is object:
            return np.array([self.of(value) for value in np.nan_to_num(seconds).tolist()], dtype=object)
        scaled = np.nan_to_num(seconds * self.unit)
        ticks = scaled * 10.0**self.digits
        large = ticks >= EXACT
        whole: Ints = np.rint(np.where(large, 0.0, ticks)).astype(np.int64)
        if large.any():
            whole[large] = self._large(seconds[large], scaled[large], ticks[large])
        return whole

    def _large(self, seconds: Floats, scaled: Floats, ticks: Floats) -> Ints:
        """Return the ticks of times where those are too many for a product of floats, as `of` does.

        Where the product may be rounded to the other side of a half, `of` itself is asked.
        """
        found = np.rint(ticks).astype(np.int64)
        doubtful = np.zeros(len(seconds), dtype=bool)
        for values, unit, near in ((scaled, 1, ULPS), (seconds, self.unit, 0.0)):
            magnitude = np.floor(np.log10(values)).astype(np.int64)
            magnitude -= values < 10.0**magnitude  # the logarithm of 999999999999998 is rounded to 15
            places = DIGITS - 1 - magnitude
            places = np.minimum(np.minimum(places, self.digits), POWERS)
            digits = values * 10.0**places
            doubtful |= np.abs(digits % 1 - 0.5) <= HALF
            decimal = np.rint(digits)
            is_decimal = np.abs(decimal / 10.0**places - values) <= near * values
            exact = decimal.astype(np.int64) * np.int64(unit) * np.int64(10) ** (self.digits - places)
            found = np.where(is_decimal, exact, found)
        found[doubtful] = [self.of(value) for value in seconds[doubtful].tolist()]
        return found

    def seconds(self, ticks: int) -> float:
        """Return a number of ticks in seconds, rounded once."""
        if self.digits < 0:
            return float(ticks * 10**-self.digits / self.unit)
        return float(ticks / (self.unit * 10**self.digits))

    def whole(self, ticks: Sequence[int]) -> Ints:
        """Return numbers of ticks as a column."""
        return np.asarray(ticks, dtype=self.dtype)

    def blank(self, length: int) -> MutableSequence[int]:
        """Return a column of NEVER for plain Python to read and write."""
        return [NEVER] * length if self.dtype is object else array("q", [NEVER]) * length

    def row(self, seconds: Floats) -> Sequence[int]:
        """Return the ticks of many times for plain Python to read."""
        column = self.column(seconds)
        return column.tolist() if self.dtype is object else packed(column)

    def times(self, ticks: Sequence[int] | Ints) -> Floats:
        """Return many numbers of ticks in seconds, NaN where they are below 0."""
        if self.dtype is object:
            return np.array([self.seconds(int(value)) if value >= 0 else np.nan for value in ticks])
        ticks = np.asarray(ticks, dtype=np.int64)
        whole, digits = ticks, np.full(1, self.digits)
        if len(ticks) and ticks.max() >= SURE:
            whole, digits = _without_zeros(ticks, self.digits)
        seconds: Floats = whole / (self.unit * 10.0**digits)
        seconds[ticks < 0] = np.nan
        return seconds

    def rounded(self, ticks: int) -> int:
        """Round a computed number of ticks to 14 significant digits, which leaves room for the errors of its sums.

        >>> Ticks(unit=1, digits=16).rounded(33333333333333333)
        33333333333333000
        """
        surplus = len(str(ticks)) - COMPUTED
        step: int = 10**surplus if surplus > 0 else 1
        return (ticks + step // 2) // step * step


def fitting(times: Sequence[Floats], total: float, unit: int = 1) -> Ticks:
    """Return the coarsest ticks that divide all *times*, or the finest for *total* seconds.

    >>> fitting([np.array([0.25, 3.0])], total=4.0)[:2]
    (1, 2)
    """
    shortest = min((float(column[column > 0].min(initial=math.inf)) for column in times), default=math.inf)
    ticks = finest(total, shortest, unit)
    for digits in range(min(0, ticks.digits), ticks.digits):
        rate = unit * 10.0**digits
        if all(_divides(rate, column[:SAMPLE]) and _divides(rate, column) for column in times):
            return ticks._replace(digits=digits)
    return ticks


def finest(total: float, shortest: float, unit: int = 1) -> Ticks:
    """Return ticks of which *total* seconds are below 2^62, unless that is too coarse for the *shortest* time.

    >>> finest(total=100.0, shortest=1.0)[:2], finest(total=1e12, shortest=1.0)[:2]
    ((1, 16), (1, 8))
    """
    digits = math.floor(math.log10(MOST / unit) - math.log10(total)) if total else 0
    needed = math.ceil(-math.log10(COARSEST * shortest * unit)) if total and shortest < math.inf else digits
    return Ticks(unit, digits) if needed <= digits else Ticks(unit, needed, object)


def _without_zeros(ticks: Ints, digits: int) -> tuple[Ints, Ints]:
    """Drop decimal zeros at the end, at most *digits*; return what is left and how many digits those have."""
    left = np.full(len(ticks), digits)
    for zeros in (8, 8, 4, 2, 1):
        drop = (left >= zeros) & (ticks % 10**zeros == 0)
        ticks = np.where(drop, ticks // 10**zeros, ticks)
        left -= zeros * drop
    return ticks, left


def _divides(rate: float, times: Floats) -> bool:
    ticks = times * rate
    return bool(np.all(np.abs(ticks - np.rint(ticks)) <= ULPS * ticks))


def unit_of(rates: Iterable[float], least: int = 1) -> int:
    """Return a unit that the numerators of speeds and bandwidths divide, but for 2 and 5, which decimals have.

    >>> unit_of([3.0, 0.5, 1.1e6], least=63)
    693
    """
    unit = least
    for rate in set(rates):
        numerator = Fraction(repr(float(rate))).numerator
        for prime in (2, 5):
            while numerator % prime == 0:
                numerator //= prime
        wider = math.lcm(unit, numerator)
        unit = wider if wider <= LARGEST_UNIT else unit
    return unit
