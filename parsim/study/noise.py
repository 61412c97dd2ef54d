"""The mean of repeated values of a figure and its 95 % confidence interval.

    mean +- t s / sqrt(n)          s: standard deviation of the n values, t: Student's, for n - 1 degrees of freedom

      low      mean      high      95 of 100 such intervals contain the true mean
       |---------+---------|

Two variants that are played with the same seeds have the same luck, so their differences are one such sample. Luck that
affects both equally cancels, and far fewer seeds show which one is faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import fmean, stdev
from typing import NamedTuple

SURE = 0.95


class Sample(NamedTuple):
    """A mean and its interval. A single value has no interval."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def interval(self) -> list[float] | None:
        """The ends of the interval, as in JSON; None if there is no interval."""
        return [self.low, self.high] if math.isfinite(self.half) else None

    @property
    def excludes_zero(self) -> bool:
        """Return whether the mean differs significantly from 0."""
        return self.low > 0 or self.high < 0


def sample(values: Sequence[float]) -> Sample:
    """Return the mean of *values* and its 95 % interval.

    >>> [round(number, 4) for number in sample([1.0, 2.0, 3.0])]
    [2.0, -0.4841, 4.4841]
    """
    mean = fmean(values)
    if len(values) < 2:
        return Sample(mean, -math.inf, math.inf)
    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Sample(mean, mean - half, mean + half)


@cache
def student(freedom: int) -> float:
    """Return the t for which a variable of Student's distribution lies in [-t, t] with probability 0.95.

    >>> round(student(1), 3), round(student(19), 3)
    (12.706, 2.093)
    """
    low, high = 0.0, 64.0  # of one degree of freedom, the widest: 12.7
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _within(middle, freedom) < SURE else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """Return the probability of [-t, t], by its finite series (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    terms = []
    for step in range(1 + odd, freedom, 2):
        terms.append(term)
        term *= cosine * cosine * step / (step + 1)
    series = sine * math.fsum(terms)
    return 2 / math.pi * (angle + series) if odd else series
