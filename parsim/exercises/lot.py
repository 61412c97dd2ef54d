"""Draw a student's numbers: the same on every machine and in every version of Python.

exercise, student  ->  SHA-256  ->  whole numbers, one after the other
"crossing", "ada"      of both       6, 3, 40, ...
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from itertools import count
from typing import TypeVar

Choice = TypeVar("Choice")


def plain(student: str) -> str:
    """Return a student's name as it is drawn from: case, spaces around it, and the form of accents do not matter.

    >>> plain(" Ada ") == plain("ada")
    True
    """
    return unicodedata.normalize("NFKC", student).strip().casefold()


class Lot:
    """Draws for one student in one exercise.

    >>> lot = Lot("crossing", "ada")
    >>> lot.whole(1, 6), lot.one_of("abc"), lot.shuffled([1, 2, 3, 4])
    (4, 'c', [2, 1, 3, 4])
    """

    def __init__(self, exercise: str, student: str) -> None:
        self._words = f"{exercise}\n{plain(student)}"
        self._turn = count()

    def whole(self, least: int, most: int) -> int:
        """Draw a whole number from *least* to *most*, both included."""
        drawn = hashlib.sha256(f"{self._words}\n{next(self._turn)}".encode()).digest()
        return least + int.from_bytes(drawn, "big") % (most - least + 1)

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of several."""
        return choices[self.whole(0, len(choices) - 1)]

    def shuffled(self, values: Sequence[Choice]) -> list[Choice]:
        """Draw an order of *values*."""
        left = list(values)
        return [left.pop(self.whole(0, len(left) - 1)) for _ in values]
