"""The simulated clock: plays a job on SimPy and records what happened.

One heap event stands for each distinct instant, not for each task, so coinciding ends cost one event together. What can
be read off the record later (ready times, ends, causes) is not written down here. This file holds the state of every
run, `order` the order of events within an instant; `carrier` adds transfers and room for the jobs that have any.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Protocol

import numpy as np
from simpy import Event

from parsim.core.graph import Floats, packed
from parsim.core.job import Job
from parsim.sim.clock import Clock, Instants
from parsim.sim.estimate import drawn, estimate, expected
from parsim.sim.order import NOBODY, Bind, Hooks, order_of_events, starting
from parsim.sim.record import Record, Transfers, intervals, ready_times


class Taking(Protocol):
    """The seconds that tasks take on a worker."""

    def __getitem__(self, task: int, /) -> float:
        """Return the seconds of *task*, which starts now or has started."""


def always(task: int) -> bool:
    """Answer that there is room: no device has a limit."""
    return True


def ignore(event: Event) -> None:
    """Do nothing at an instant: the run is over."""


class Engine:
    """One run of tasks that need neither transfers nor room."""

    def __init__(self, job: Job) -> None:
        graph, tasks, count = job.graph, len(job.graph), len(job.cluster.workers)
        self.job, self.graph = job, graph
        self.clock = Clock()
        self.instants = Instants(self.clock)
        self.at = self.clock.scheduling(self.instants)
        self.agenda: dict[float, list[int]] = {}  # instant -> tasks that end then
        self.worker = [NOBODY] * tasks
        self.start_s = array("d", repeat(math.nan, tasks))
        self.taken_s = array("d", repeat(math.nan, tasks))  # NaN: taken when started

        children = graph.children
        self.first, self.child = children.first, packed(graph.edges.child[children.order])
        self.missing = np.bincount(graph.edges.child, minlength=tasks).tolist()  # parents that have not ended

        self.holding = [0] * count  # tasks taken and not ended
        self.queue: list[deque[int]] = [deque() for _ in range(count)]  # of these, not started
        self.stirred = list(range(count))  # workers whose next answer of the policy may differ from the last
        self.idle = array("d")  # worker, from, to: three numbers an interval
        self.idle_from = [0.0] * count

        rows = expected(job)
        self.seconds: Sequence[Taking] = drawn(job, rows)
        self.policy = job.policy()
        self.policy.prepare(graph, graph.places, estimate(job, rows))
        homes = list(map(self.policy.home, range(tasks)))
        self.named = tasks > 0 and None not in homes
        self.homes: list[int] = homes if self.named else []  # type: ignore[assignment]
        self.limit = 1 if self.named else 1 + job.prefetch
        self.fits: list[Callable[[int], bool]] = [always] * count

    def play(self) -> Record:
        """Play until nothing moves any more; tasks that never started are NaN in the record."""
        self.agenda[self.job.begun_s] = []
        self.start = starting(self)
        order = order_of_events(self, self.binding(), self.hooks())
        self.instants.call(order.instant)
        self.clock.scheduling(Instants(self.clock).call(order.begin))(self.job.begun_s)
        self.clock.run()
        self.instants.call(ignore)  # what it called refers to the engine, which would outlive its use
        del self.start, self.fits
        start_s = np.array(self.start_s)
        end_s = start_s + self._took()
        return Record(
            worker=np.array(self.worker, dtype=np.int64),
            ready_s=ready_times(self.graph, end_s, self.job.begun_s),
            taken_s=np.where(np.isnan(self.taken_s), start_s, self.taken_s),
            start_s=start_s,
            end_s=end_s,
            transfers=Transfers.none(),
            idle=intervals(self.idle),
            idle_from=self.idle_from,
            starved=intervals([]),
            overhead=intervals([]),
        )

    def _took(self) -> Floats:
        """Return how long each task took on its worker, (tasks,)."""
        same = self.seconds[0]
        if isinstance(same, list) and all(row is same for row in self.seconds):
            return np.array(same)
        return np.array([self.seconds[worker][task] for task, worker in enumerate(self.worker)])

    def binding(self) -> Bind:
        """Return what becomes of a task that a worker has taken."""
        return self.start if self.limit == 1 else self._queue

    def hooks(self) -> Hooks:
        """Return what this run does besides the order of events."""
        return Hooks() if self.limit == 1 else Hooks(ended=self._go_on)

    def _queue(self, task: int, worker: int, now: float) -> None:
        """Bind *task* to a worker that may hold others."""
        self.taken_s[task] = now
        if self.holding[worker] == 1:
            self.start(task, worker, now)
        else:
            self.queue[worker].append(task)

    def _go_on(self, ended: list[int], now: float) -> None:
        """Let workers whose task has ended start the next that they hold."""
        for task in ended:
            worker = self.worker[task]
            if self.queue[worker]:
                self.start(self.queue[worker].popleft(), worker, now)

    def close_idle(self, worker: int, time: float) -> None:
        """Note that *worker*, idle since `idle_from`, gets something."""
        self.idle.extend((worker, self.idle_from[worker], time))
