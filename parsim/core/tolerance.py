"""Ties: which priorities and times count as equal, and the order of equal ones.

Sums of the same seconds in another order differ in their last digits. Neighbours in sorted order tie if they differ by
at most `TIED`, relative; then the lower number comes first. Multiplying all values by a factor does not change ties.
Measures of whole runs, which are sums of thousands, are equal if they differ by less than `CLOSE`, relative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parsim.core.graph import Floats, Ints

TIED = 1e-12  # relative: 12 significant digits
CLOSE = 1e-9  # relative: smaller differences of measures are rounding


def tie(a: float, b: float) -> bool:
    """Return whether two values count as equal.

    >>> tie(0.1 + 0.2, 0.3), tie(1.0, 1.00000000001)
    (True, False)
    """
    return a == b or abs(a - b) <= TIED * min(abs(a), abs(b))


def close(a: float, b: float) -> bool:
    """Return whether two measures of whole runs, such as makespans, are equal except for rounding.

    >>> close(1.0, 1.0000000001), close(1.0, 1.00000001), close(math.inf, math.inf)
    (True, False, True)
    """
    return a == b or abs(a - b) <= CLOSE * max(abs(a), abs(b)) < math.inf


def least(values: Sequence[float]) -> int:
    """Return the index of the first value that ties with the least one.

    >>> least([0.5, 0.1 + 0.2, 0.3])
    1
    """
    largest, *others = sorted(values)
    for value in others:
        if not tie(largest, value):
            break
        largest = value
    return next(index for index, value in enumerate(values) if value <= largest)


def classes(values: Sequence[float] | Floats | Ints) -> Ints:
    """Number the classes of tied values by increasing value, and return the class of each value, (values,).

    >>> classes([2.0, 0.1 + 0.2, 0.3, -1.0])
    array([2, 1, 1, 0])
    """
    return _sorted(values, TIED)[1]


def ranking(values: Sequence[float] | Floats | Ints, within: float = TIED) -> Ints:
    """Return the indices of *values* by increasing value, and tied ones by index, (values,).

    Neighbours tie if they differ by at most *within*, relative; `CLOSE` is for measures of whole runs.

    >>> ranking([2.0, 0.1 + 0.2, 0.3, -1.0])
    array([3, 1, 2, 0])
    >>> ranking([1.0000000001, 1.0], CLOSE)
    array([0, 1])
    """
    order, found, distinct = _sorted(values, within)
    return order if distinct else np.argsort(found, kind="stable")


def _sorted(values: Sequence[float] | Floats | Ints, within: float) -> tuple[Ints, Ints, bool]:
    """Return the indices sorted by value, the class of each value, and whether only equal values tie."""
    column = np.asarray(values, dtype=np.float64)
    order = np.argsort(column, kind="stable")
    found = column[order]
    with np.errstate(invalid="ignore"):  # infinite ranks
        apart = np.diff(found)
        further = apart > within * np.minimum(np.abs(found[1:]), np.abs(found[:-1]))
    further |= np.isinf(found[1:]) & (apart != 0) & ~np.isnan(apart)
    place = np.empty(len(column), dtype=np.int64)
    place[order] = np.concatenate(([0], np.cumsum(further)))[: len(column)]
    return order, place, not np.any(~further & (apart > 0))
