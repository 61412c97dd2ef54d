"""Spans of the simulated clock: when each task starts and ends, and when each worker is idle.

agenda    12: [t0, t3]    15: [t1]        one event of SimPy stands for each instant, however much happens then
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.columns import NEVER, Floats, Ints
from parsim.sim.clock import Instants
from parsim.sim.order import Bind
from parsim.sim.state import State


class Spans:
    """The spans of tasks and the idle stretches of workers, in ticks.

    Parameters
    ----------
    state : where tasks stand.
    instants : SimPy's event for every instant of the run.
    """

    def __init__(self, state: State, instants: Instants) -> None:
        self.ticks, self.lasts = state.ready.ticks, state.ready.lasts
        workers = len(state.holding)
        self.starts = self.ticks.blank(len(state.worker))
        self.ends: dict[int, int] = {}  # task -> its end, if it was unknown when the task started
        self.idle = self.ticks.blank(0)  # worker, from, to: three numbers a stretch
        self.idle_from: list[int] = [0] * workers
        self._moved = [0] * workers  # when the last transfer of each worker has ended, or will
        self.open = [0] * workers  # transfers of each worker that are under way
        self._state, self._instants = state, instants
        self.start = self._starting()

    def _starting(self) -> Bind:
        """Return a function that starts a task."""
        agenda, starts, lasts, idle_from = self._state.agenda, self.starts, self.lasts, self.idle_from
        begin, at, state = self.begin, self._instants.at, self._state

        def start(task: int, worker: int, now: int) -> None:
            starts[task] = now
            if idle_from[worker] < now:
                begin(worker, now)
            end = now + lasts[worker][task]
            if idle_from[worker] < end:
                idle_from[worker] = end
            if end in agenda:
                agenda[end].append(task)
            else:
                agenda[end] = [task]
                if end != state.passing:
                    at(end)

        return start

    def withdraw(self, task: int, now: int) -> None:
        """Take back the end of *task*, which computes and stops now. It keeps its worker, to be started again."""
        worker, start = self._state.worker[task], self.starts[task]
        self._state.agenda[self.end_of(task)].remove(task)
        self.starts[task] = NEVER
        self.ends.pop(task, NEVER)
        self.idle_from[worker] = max(start, self._moved[worker])

    def replan(self, task: int, end: int) -> None:
        """Let *task*, which computes, end at another time."""
        worker, agenda = self._state.worker[task], self._state.agenda
        agenda[self.end_of(task)].remove(task)
        self.ends[task] = end
        self.idle_from[worker] = max(end, self._moved[worker])
        self.at(end)
        agenda[end].append(task)

    def end_of(self, task: int) -> int:
        """Return when *task*, which has started, ends, or has ended."""
        known = self.ends.get(task, NEVER)
        return known if known != NEVER else self.starts[task] + self.lasts[self._state.worker[task]][task]

    def communication_begins(self, worker: int, now: int) -> None:
        """Note that a lane of *worker* becomes busy, or that a transfer of its own sets out."""

    def communication_ends(self, worker: int, now: int) -> None:
        """Note that a lane of *worker* is free again, or that a transfer of its own is over."""

    def at(self, time: int) -> None:
        """Make sure that an instant takes place at *time*; if its passes do, that another one follows."""
        state = self._state
        if time not in state.agenda:
            state.agenda[time] = []
            if time != state.passing:
                self._instants.at(time)

    def begin(self, worker: int, now: int) -> None:
        """Record the idle stretch of *worker* that ends now, if there is one; its transfers are not idleness."""
        if self.idle_from[worker] < now and not self.open[worker]:
            self.idle.extend((worker, int(self.idle_from[worker]), now))

    def end(self, worker: int, end: int) -> None:
        """Note that *worker* has a transfer until *end*."""
        self._moved[worker] = max(self._moved[worker], end)
        if self.idle_from[worker] < end:
            self.idle_from[worker] = end

    def took(self) -> Ints:
        """Return the ticks that each task took on its worker, (tasks,)."""
        took = self._foreseen()
        if self.ends:
            took = took.copy()
            took[list(self.ends)] = [end - self.starts[task] for task, end in self.ends.items()]
        return took

    def _foreseen(self) -> Ints:
        """Return the ticks that each task was to take when it started, (tasks,)."""
        same = self.lasts[0]
        if isinstance(same, Sequence) and all(row is same for row in self.lasts):
            return self.ticks.whole(same)
        rows = zip(self._state.worker, self.starts, strict=True)
        took = [0 if start < 0 else self.lasts[worker][task] for task, (worker, start) in enumerate(rows)]
        return self.ticks.whole(took)

    def stretches(self, rows: Sequence[int]) -> Floats:
        """Return rows of (worker, from, to), one number after the other, as a table in seconds, (stretches, 3)."""
        worker, start, end = self.ticks.whole(rows).reshape(-1, 3).T
        return np.column_stack([worker.astype(np.float64), self.ticks.times(start), self.ticks.times(end)])
