"""Computations that go slower while their worker communicates, as their device's `overlap_slowdown` says.

    w0  compute  |#1#|##2##|#3#|        slowdown 2: part 2 goes half as fast, so it takes twice as long
    w0  dp           |-----|

A worker communicates while one of its communication lanes is busy, or a transfer of its own is under way. Work is
counted in whole parts of a tick, of which a slowdown of 113/100 leaves 100 of 113, so nothing is lost to rounding.
"""

from __future__ import annotations

from fractions import Fraction

from parsim.core.columns import NEVER
from parsim.sim.clock import Instants
from parsim.sim.order import Bind
from parsim.sim.spans import Spans
from parsim.sim.state import NOBODY, State


class SlowedSpans(Spans):
    """The spans of a run in which some device computes slower while it communicates.

    Parameters
    ----------
    state : where tasks stand.
    instants : SimPy's event for every instant of the run.
    """

    def __init__(self, state: State, instants: Instants) -> None:
        devices, workers = state.job.cluster.devices, len(state.holding)
        factors = [Fraction(repr(devices[device].overlap_slowdown)) for device in state.device]
        self._alone = [factor.numerator for factor in factors]  # parts of work that a worker does in a tick
        self._beside = [factor.denominator for factor in factors]  # the same, while it communicates
        self._under_way = [0] * workers  # busy lanes and transfers of each worker
        self._task = [NOBODY] * workers  # the last that each worker has started
        self._left = [0] * workers  # parts of that task's work that were left at `_since`
        self._since = [0] * workers
        super().__init__(state, instants)

    def _starting(self) -> Bind:
        plain = super()._starting()

        def start(task: int, worker: int, now: int) -> None:
            plain(task, worker, now)
            if self._beside[worker] < self._alone[worker]:
                self.ends[task] = end = self.end_of(task)
                self._task[worker], self._since[worker] = task, now
                self._left[worker] = (end - now) * self._alone[worker]
                self._plan(worker, now)

        return start

    def communication_begins(self, worker: int, now: int) -> None:
        """Slow down what *worker* computes, if nothing did so yet."""
        self._turn(worker, now, 1)

    def communication_ends(self, worker: int, now: int) -> None:
        """Let *worker* compute at full speed, if nothing else slows it down."""
        self._turn(worker, now, -1)

    def _turn(self, worker: int, now: int, change: int) -> None:
        before = self._under_way[worker]
        self._under_way[worker] += change
        task = self._task[worker]
        if bool(before) != bool(before + change) and self.ends.get(task, NEVER) > now:
            pace = self._beside[worker] if before else self._alone[worker]
            self._left[worker] -= (now - self._since[worker]) * pace
            self._since[worker] = now
            self._plan(worker, now)

    def _plan(self, worker: int, now: int) -> None:
        """Let the task of *worker* end when its work is done at the pace that holds from now on."""
        pace = self._beside[worker] if self._under_way[worker] else self._alone[worker]
        self.replan(self._task[worker], now + -(-self._left[worker] // pace))
