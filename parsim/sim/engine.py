"""The simulated clock: plays a job on SimPy and records what happened.

One heap event stands for each distinct instant, not for each task, so coinciding ends cost one event together. What can
be read off the record later (ready times, ends, causes) is not written down here. This file holds the state of every
run, `order` the order of events within an instant; `carrier` adds transfers and room for the jobs that have any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from simpy import Event

from parsim.core.columns import Floats, Ints, packed
from parsim.core.job import BEFORE
from parsim.sim.clock import Instants
from parsim.sim.order import NOBODY, Bind, Hooks, order_of_events, starting
from parsim.sim.prepared import Prepared
from parsim.sim.record import Record, Transfers, intervals, ready_times
from parsim.sim.ticks import NEVER


def always(task: int) -> bool:
    """Answer that there is room: no device has a limit."""
    return True


def ignore(event: Event) -> None:
    """Do nothing at an instant: the run is over."""


class Engine:
    """One run of tasks that need neither transfers nor room."""

    def __init__(self, ready: Prepared) -> None:
        job, graph = ready.job, ready.job.graph
        tasks, count = len(graph), len(job.cluster.workers)
        self.ready, self.job, self.graph = ready, job, graph
        self.clock, self.ticks, self.lasts, self.policy = ready.clock, ready.ticks, ready.lasts, ready.policy
        self.instants = Instants(self.clock)
        self.agenda: dict[float, list[int]] = {}  # instant -> tasks that end then
        self.worker = [NOBODY] * tasks

        children = graph.children
        self.first, self.child = children.first, packed(graph.edges.child[children.order])
        self.missing = np.bincount(graph.edges.child, minlength=tasks).tolist()  # parents that have not ended

        self.holding = [0] * count  # tasks taken and not ended
        self.queue: list[deque[int]] = [deque() for _ in range(count)]  # of these, not started
        self.stirred = list(range(count))  # workers whose next answer of the policy may differ from the last
        self.idle_from: list[float] = [0] * count

        self.starts = self.ticks.blank(tasks)
        self.idle = self.ticks.blank(0)  # worker, from, to: three numbers an interval
        self.homes = ready.homes
        self.named = bool(self.homes)
        self.limit = 1 if self.named else 1 + job.prefetch
        self.taken = self.ticks.blank(tasks if self.limit > 1 else 0)  # NEVER or empty: taken when started
        self.fits: list[Callable[[int], bool]] = [always] * count

    def play(self) -> Record:
        """Play until nothing moves any more; tasks that never started are NaN in the record."""
        begun = sum(map(self.ticks.of, self.job.steps[:BEFORE]))
        self.agenda[begun] = []
        self.start = starting(self)
        order = order_of_events(self, self.binding(), self.hooks())
        self.instants.call(order.instant)
        Instants(self.clock).call(order.begin).at(begun)
        self.clock.run()
        self.instants.call(ignore)  # what it called refers to the engine, which would outlive its use
        del self.start, self.fits
        return self._record(float(self.ticks.times([begun])[0]))

    def _record(self, begun_s: float) -> Record:
        times = self.ticks.times
        starts = self.ticks.whole(self.starts)
        start_s, end_s = times(starts), times(np.where(starts < 0, NEVER, starts + self._took()))
        return Record(
            engine="simpy",
            begun_s=begun_s,
            worker=np.array(self.worker, dtype=np.int64),
            ready_s=ready_times(self.graph, end_s, begun_s),
            taken_s=self.when_taken(start_s),
            start_s=start_s,
            end_s=end_s,
            transfers=Transfers.none(),
            idle=self.stretches(self.idle),
            idle_from=times([int(since) for since in self.idle_from]).tolist(),
            starved=intervals([]),
            overhead=intervals([]),
        )

    def stretches(self, rows: Sequence[int]) -> Floats:
        """Return rows of (worker, from, to), one number after the other, as a table in seconds, (intervals, 3)."""
        worker, start, end = self.ticks.whole(rows).reshape(-1, 3).T
        return np.column_stack([worker.astype(np.float64), self.ticks.times(start), self.ticks.times(end)])

    def when_taken(self, start_s: Floats) -> Floats:
        """Return when each task was taken, given when it started, (tasks,)."""
        if not len(self.taken):
            return start_s
        taken_s = self.ticks.times(self.taken)
        return np.where(np.isnan(taken_s), start_s, taken_s)

    def unstarted(self) -> list[int]:
        """Return the tasks that have not started."""
        return [task for task, start in enumerate(self.starts) if start == NEVER]

    def now_s(self) -> float:
        """Return what the clock shows, in seconds."""
        return self.ticks.seconds(int(self.clock.now))

    def _took(self) -> Ints:
        """Return the ticks that each task took on its worker, (tasks,)."""
        same = self.lasts[0]
        if isinstance(same, Sequence) and all(row is same for row in self.lasts):
            return self.ticks.whole(same)
        rows = zip(self.worker, self.starts, strict=True)
        took = [0 if start < 0 else self.lasts[worker][task] for task, (worker, start) in enumerate(rows)]
        return self.ticks.whole(took)

    def binding(self) -> Bind:
        """Return what becomes of a task that a worker has taken."""
        return self.start if self.limit == 1 else self._queue

    def hooks(self) -> Hooks:
        """Return what this run does besides the order of events."""
        return Hooks() if self.limit == 1 else Hooks(ended=self._go_on)

    def _queue(self, task: int, worker: int, now: int) -> None:
        """Bind *task* to a worker that may hold others."""
        self.taken[task] = now
        if self.holding[worker] == 1:
            self.start(task, worker, now)
        else:
            self.queue[worker].append(task)

    def _go_on(self, ended: list[int], now: int) -> None:
        """Let workers whose task has ended start the next that they hold."""
        for task in ended:
            worker = self.worker[task]
            if self.queue[worker]:
                self.start(self.queue[worker].popleft(), worker, now)

    def close_idle(self, worker: int, now: int) -> None:
        """Note that *worker*, idle since `idle_from`, gets something."""
        self.idle.extend((worker, int(self.idle_from[worker]), now))
