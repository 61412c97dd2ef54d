"""The simulated clock: SimPy's environment, asked in absolute times."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

from simpy import Environment, Event
from simpy.events import NORMAL


class Clock(Environment):
    """SimPy's environment with one more verb.

    SimPy schedules by delay, so that `now` becomes `now + (t - now)`, which may miss `t` by a rounding. The contract
    calls two instants the same when their floats are equal; therefore an event is pushed with its absolute time.
    """

    def at(self, time: float, callback: Callable[[Event], None]) -> None:
        """Call *callback* when the clock shows exactly *time*."""
        event = Event(self)
        event._ok = True
        event._value = None
        event.callbacks.append(callback)
        heappush(self._queue, (time, NORMAL, next(self._eid), event))
