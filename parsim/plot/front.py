"""The Pareto front: rows than which no other is better in one figure and as good in all others.

memory |  x   x                 o  on the front
       | o    x   x             x  dominated: some o has less time and less memory
       |    o       x
       |         o     o
       +--------------- time
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import Floats, Ints


def front(figures: Floats) -> Ints:
    """Return the rows of *figures* (rows, figures) on the front, by the first figure; of equal rows the first.

    Figures that differ in the eighth digit alone are equal.

    >>> front(np.array([[1.0, 9.0], [2.0, 5.0], [3.0, 6.0], [2.0, 5.0], [4.0, 1.0]])).tolist()
    [0, 1, 4]
    """
    rounded = figures.astype(np.float32)
    kept = np.empty((0, figures.shape[1]), np.float32)
    found = []
    for row in np.lexsort(rounded.T[::-1]).tolist():  # a row comes after those that dominate it
        if not (kept <= rounded[row]).all(axis=1).any():
            kept = np.vstack((kept, rounded[row]))
            found.append(row)
    return np.array(found, np.int64)


def equal(figures: Floats, row: int) -> int:
    """Return how many other rows have the figures of *row*.

    >>> equal(np.array([[1.0, 9.0], [2.0, 5.0], [2.0, 5.0]]), 1)
    1
    """
    rounded = figures.astype(np.float32)
    return int((rounded == rounded[row]).all(axis=1).sum()) - 1


def some(figures: Floats, most: int) -> list[int]:
    """Return at most so many rows of a front: the best in each figure, and evenly spaced others.

    >>> some(np.array([[1.0, 9.0], [2.0, 8.0], [3.0, 7.0], [4.0, 6.0], [5.0, 5.0]]), 3)
    [0, 2, 4]
    """
    chosen = dict.fromkeys(figures.argmin(axis=0).tolist())
    places = np.linspace(0, len(figures) - 1, min(most, len(figures))).round().astype(int)
    for row in places.tolist():
        if len(chosen) < most:
            chosen.setdefault(row)
    return sorted(chosen)
