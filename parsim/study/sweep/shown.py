"""The progress of a sweep: how many rows are done, how many a second, and the best so far.

sweep.yaml: 1,204 of 3,432 rows, 102 rows/s, best 1.01 s, about 22 s left
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic

from parsim.core.progress import under_way
from parsim.core.quantities import number, seconds
from parsim.study.merit import seconds_of
from parsim.study.sweep.store import Played

SOON_S = 1.0  # before which no speed is told


class Shown:
    """The progress of a sweep.

    Parameters
    ----------
    total : its rows.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._played, self._best, self._began = 0, inf, monotonic()

    def take(self, one: Played) -> None:
        """Count a row that was played."""
        self.done, self._played = self.done + 1, self._played + 1
        if one.outcome.status == "done" and one.outcome.figures:
            self._best = min(self._best, seconds_of(one.outcome.figures))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Show it while the block runs."""
        self._began = monotonic()
        with under_way("rows", self.total, lambda: self.done, more=self._more):
            yield

    def _more(self) -> str:
        spent = monotonic() - self._began
        speed = [f"{number(self._played / spent)} rows/s"] if self._played and spent > SOON_S else []
        best = [f"best {seconds(self._best)}"] if self._best < inf else []
        return ", ".join([*speed, *best])
