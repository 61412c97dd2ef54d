"""Bandwidth that changes over time: the rows of a link's profile.

B/s
|=====        ====      bandwidth: 1 GB/s
|     |      |          profile: [{at: 2 s, bandwidth: 0 B/s}, {at: 3 s, bandwidth: 1 GB/s}]
+-----+------+---> s
      2      3

Nominal seconds count with `bandwidth`, so what a lower one costs is contention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsim.core.errors import Complaint
from parsim.core.units import BandwidthOverTime, Seconds


@dataclass(frozen=True)
class Change:
    """Another bandwidth from some time on.

    Parameters
    ----------
    at : the time of the change, seconds of the run.
    bandwidth : bytes a second from then on; 0 B/s: nothing passes until the next change.
    """

    at: Seconds
    bandwidth: BandwidthOverTime


def profile_of(rows: Sequence[Change] | None) -> tuple[tuple[float, float], ...]:
    """Return the profile of a link.

    >>> profile_of([Change(2.0, 0.0), Change(3.0, 1e9)]), profile_of(None)
    (((2.0, 0.0), (3.0, 1000000000.0)), ())
    """
    return tuple((row.at, row.bandwidth) for row in rows or ())


def about_profile(rows: Sequence[Change] | None) -> Iterator[Complaint]:
    """Yield complaints about times that do not ascend."""
    for index, (earlier, later) in enumerate(pairwise(rows or ()), 1):
        if later.at <= earlier.at:
            yield Complaint((index, "at"), "is not after the change before it; write the changes in order of time")
