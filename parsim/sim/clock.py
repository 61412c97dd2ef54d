"""The simulated clock: SimPy's environment, asked in absolute times."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from simpy import Environment, Event
from simpy.events import NORMAL

Callbacks = tuple[Callable[[Event], None], ...]


class Instants(Event):
    """One event for every instant of a run: unlike others it may be on the heap many times, and never wears out."""

    def __init__(self, clock: Clock) -> None:
        self.env = clock
        self._callbacks: Callbacks = ()
        self._ok, self._value = True, None

    def call(self, callback: Callable[[Event], None]) -> Instants:
        """Let *callback* be called at every instant."""
        self._callbacks = (callback,)
        return self

    @property  # type: ignore[override]
    def callbacks(self) -> Callbacks:
        """Whom SimPy calls; it takes the list away from an event that has happened, which does not end this one."""
        return self._callbacks

    @callbacks.setter
    def callbacks(self, taken: Any) -> None:
        pass


class Clock(Environment):
    """SimPy's environment with one more verb.

    SimPy schedules by delay, so that `now` becomes `now + (t - now)`, which may miss `t` by a rounding. The contract
    calls two instants the same when their floats are equal; therefore an event is pushed with its absolute time.
    """

    def scheduling(self, instants: Instants) -> Callable[[float], None]:
        """Return what lets *instants* happen when the clock shows exactly a given time."""
        queue, number = self._queue, self._eid

        def at(time: float) -> None:
            heappush(queue, (time, NORMAL, next(number), instants))

        return at
