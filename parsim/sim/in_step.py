"""A collective in step: all sends of a phase begin together and arrive together, so that all its ends are known.

phase 0   |====|                   T seconds each
phase 1        |====|
phase 2             |====|         ends at the start + 3 T, unless somebody else comes to its links
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NEVER, Ints
from parsim.sim.placed import Placed


class Going(NamedTuple):
    """A send under way."""

    phase: int
    row: int  # of the phase
    start: int  # ticks
    join: int  # ticks, when its latency has passed
    left: float  # B of each flow

    def at(self, now: int, end: int) -> Going:
        """Return the send as it is *now*, if it goes at one rate until *end*; NEVER: at none.

        >>> Going(phase=0, row=0, start=0, join=2, left=8.0).at(6, end=10).left
        4.0
        """
        if now <= self.join or end == NEVER:
            return self
        return self._replace(left=self.left * ((end - now) / (end - self.join)))


class InStep:
    """The phases of a collective from *first* on, which begins at *since*.

    Parameters
    ----------
    placed : the phases on their links.
    prefix : when each phase begins, and when the last one ends, counted from the first of all, (phases + 1,).
    """

    def __init__(self, placed: Placed, prefix: Ints, first: int, since: int) -> None:
        self.first, self._placed = first, placed
        self.begins = prefix + (since - int(prefix[first]))
        self.through: Ints = self.begins[np.maximum(placed.last, first)]  # when each member is through, (members,)

    def phase_at(self, now: int) -> int:
        """Return the phase that takes place *now*."""
        return int(np.searchsorted(self.begins, now, side="right")) - 1

    def under_way(self, phase: int, now: int) -> Iterator[Going]:
        """Yield the sends of *phase*, which takes place *now*."""
        sends, start, end = self._placed.phase(phase), int(self.begins[phase]), int(self.begins[phase + 1])
        for row in np.flatnonzero(sends.travels).tolist():
            yield Going(phase, row, start, start + int(sends.wait[row]), float(sends.share[row])).at(now, end)
