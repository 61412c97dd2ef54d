r"""Aligns the monotonic clocks of ranks: the offset at the least round trip of many exchanges (Cristian, 1989).

    host    t0 --\              /--> t1         offset = (t0 + t1) / 2 - t     of the host's clock to the worker's
    worker        \--> t  -----/                error <= (t1 - t0) / 2         however the trip is divided

It is measured before the clock starts and after the last task; in between it is interpolated, since clocks drift
apart steadily. Where both offsets are smaller than their errors, the ranks have one clock, and the offset is 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from struct import Struct
from time import monotonic
from typing import Any, NamedTuple

from parsim.real.mpi.library import MPI
from parsim.real.mpi.messages import wait_until

CLOCK = 2  # the tag
METHOD = "least round trip"
MOST = 200  # exchanges
LEAST = 20
LONGEST = 0.05  # s of further exchanges with a rank
TIME = Struct("!d")


class Reading(NamedTuple):
    """The offset of the host's clock to a worker's, at one instant."""

    at_s: float  # of the worker's clock
    offset_s: float
    round_trip_s: float
    exchanges: int

    @property
    def error_s(self) -> float:
        """How far the offset may be off."""
        return self.round_trip_s / 2


def read(trips: Sequence[tuple[float, float, float]]) -> Reading:
    """Return what exchanges (t0, t, t1) tell of the offset.

    >>> read([(0.0, 100.0, 4.0), (10.0, 110.0, 12.0)])
    Reading(at_s=110.0, offset_s=-99.0, round_trip_s=2.0, exchanges=2)
    """
    begin, at, end = min(trips, key=lambda trip: trip[2] - trip[0])
    return Reading(at, (begin + end) / 2 - at, end - begin, len(trips))


def ask(comm: MPI.Comm, rank: int) -> Reading:
    """Exchange times with a rank that answers."""
    trips: list[tuple[float, float, float]] = []
    came = bytearray(TIME.size)
    until = monotonic() + LONGEST
    while len(trips) < LEAST or (len(trips) < MOST and monotonic() < until):
        begin = monotonic()
        comm.Send([TIME.pack(begin), MPI.BYTE], rank, CLOCK)
        while not comm.Iprobe(rank, CLOCK):
            os.sched_yield()
        end = monotonic()
        comm.Recv([came, MPI.BYTE], rank, CLOCK)
        trips.append((begin, *TIME.unpack(came), end))
    comm.Send([b"", MPI.BYTE], rank, CLOCK)
    return read(trips[1:])  # the rank may have been asleep at the first


def answer(comm: MPI.Comm) -> None:
    """Answer the exchanges of the host until it has enough."""
    status, came = MPI.Status(), bytearray(TIME.size)
    wait_until(lambda: comm.Iprobe(0, CLOCK))
    while True:
        while not comm.Iprobe(0, CLOCK, status):
            os.sched_yield()
        at = monotonic()
        comm.Recv([came, MPI.BYTE], 0, CLOCK)
        if not status.Get_count(MPI.BYTE):
            return
        comm.Send([TIME.pack(at), MPI.BYTE], 0, CLOCK)


class Clock:
    """The clock of a worker, as its readings tell."""

    def __init__(self, first: Reading) -> None:
        self.first = self.last = first

    @property
    def same(self) -> bool:
        """Whether nothing speaks against its being the host's clock."""
        return all(abs(one.offset_s) <= one.error_s for one in (self.first, self.last))

    @property
    def drift(self) -> float:
        """By how many seconds the offset grows in a second."""
        passed = self.last.at_s - self.first.at_s
        return 0.0 if self.same or not passed else (self.last.offset_s - self.first.offset_s) / passed

    @property
    def error_s(self) -> float:
        """How far a converted stamp may be off."""
        return max(self.first.error_s, self.last.error_s)

    def seconds(self, stamp: float) -> float:
        """Convert a stamp to the host's clock.

        >>> clock = Clock(Reading(100.0, 5.0, 0.1, 1))
        >>> clock.last = Reading(200.0, 6.0, 0.1, 1)
        >>> clock.seconds(150.0)
        155.5
        """
        if self.same:
            return stamp
        return stamp + self.first.offset_s + self.drift * (stamp - self.first.at_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of the contract."""
        return {
            "offset_s": 0.0 if self.same else self.first.offset_s,
            "drift": self.drift,
            "error_s": self.error_s,
            "measured": [
                {"offset_s": one.offset_s, "round_trip_s": one.round_trip_s, "exchanges": one.exchanges}
                for one in (self.first, self.last)
            ],
        }
