"""Ties: which priorities and times count as equal, and the order that follows.

Sums of the same seconds in another order differ in their last digits; compared at 12 significant digits they tie, and
then the lower number comes first. Of whole runs, sums of thousands, what differs by less than `CLOSE` is equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.graph import Floats, Ints

CLOSE = 1e-9  # relative: less than that between two measures is rounding


def rounded(seconds: float) -> float:
    """Round to 12 significant digits, so that sums in another order still tie.

    >>> rounded(0.1 + 0.2) == rounded(0.3)
    True
    """
    return float(f"{seconds:.12g}")


def ranking(values: Sequence[float] | Floats | Ints) -> Ints:
    """Return the indices of *values* by increasing value, equals by their index, (values,).

    >>> ranking([2.0, 0.1 + 0.2, 0.3, -1.0])
    array([3, 1, 2, 0])
    """
    column = np.asarray(values, dtype=np.float64)
    order = np.argsort(column, kind="stable")
    found = column[order]
    with np.errstate(invalid="ignore"):  # infinite ranks
        apart = np.diff(found)
    near = (apart > 0) & (apart <= 1e-11 * np.abs(found[1:]))  # only these may tie once they are rounded
    if near.any():
        doubtful = np.append(near, False) | np.append(False, near)
        found[doubtful] = [rounded(value) for value in found[doubtful].tolist()]
        order = order[np.lexsort((order, found))]
    return order
