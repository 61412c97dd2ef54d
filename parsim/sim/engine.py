"""The simulated clock: plays a job on SimPy and records what happened.

    at each instant   ends, by number  ->  released tasks, by number  ->  rounds: each free worker asks the policy
                      and all of it again until the instant brings nothing new

One heap event stands for each distinct instant, not for each task, so coinciding ends cost one event together. This file
holds what every run needs; `carrier` adds transfers and room for the jobs that have any.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable
from itertools import repeat

import numpy as np
from simpy import Event

from parsim.core.errors import RunError
from parsim.core.job import Job
from parsim.sim.clock import Clock
from parsim.sim.estimate import drawn, estimate, expected
from parsim.sim.record import Record, Transfers

NOBODY = -1


def always(task: int) -> bool:
    """Answer that there is room: no device has a limit."""
    return True


class Engine:
    """One run of tasks that need neither transfers nor room."""

    def __init__(self, job: Job) -> None:
        graph, tasks, count = job.graph, len(job.graph), len(job.cluster.workers)
        self.job, self.graph = job, graph
        self.clock = Clock()
        self.agenda: dict[float, list[int]] = {}  # instant -> tasks that end then
        self.ready_s, self.taken_s, self.start_s, self.end_s = (array("d", repeat(math.nan, tasks)) for _ in range(4))
        self.worker = array("q", repeat(NOBODY, tasks))

        children = graph.children
        self.first, self.child = children.first, graph.edges.child[children.order].tolist()
        self.missing = np.bincount(graph.edges.child, minlength=tasks).tolist()  # parents that have not ended
        self.place = graph.place.tolist()

        self.running = [NOBODY] * count
        self.queue: list[deque[int]] = [deque() for _ in range(count)]  # taken, not started
        self.holding = [0] * count
        self.stirred = set(range(count))  # workers whose next answer of the policy may differ from the last
        self.waiting = [0] * len(graph.places)  # ready tasks that nobody has taken, by place set
        self.unasked = 0  # their sum
        self.idle: list[tuple[int, float, float]] = []  # worker, from, to
        self.idle_from = [0.0] * count

        rows = expected(job)
        self.seconds = drawn(job, rows)
        self.able = graph.places
        self.policy = job.policy()
        self.policy.prepare(graph, self.able, estimate(job, rows))
        homes = [self.policy.home(task) for task in range(tasks)]
        self.homes = [home for home in homes if home is not None]
        self.named = tasks > 0 and len(self.homes) == tasks
        self.limit = 1 if self.named else 1 + job.prefetch
        self.fits: list[Callable[[int], bool]] = [always] * count

    def play(self) -> Record:
        """Play until nothing moves any more; tasks that never ended are NaN in the record."""
        begun = self.job.begun_s
        self.agenda[begun] = []
        self.clock.at(begun, self._begin)
        self.clock.run()
        return Record(
            worker=np.array(self.worker, dtype=np.int64),
            ready_s=np.array(self.ready_s),
            taken_s=np.array(self.taken_s),
            start_s=np.array(self.start_s),
            end_s=np.array(self.end_s),
            idle=self.idle,
            idle_from=self.idle_from,
            starved=[],
            overhead=[],
            transfers=Transfers.none(),
        )

    def at(self, time: float) -> None:
        """Make sure that an instant takes place at *time*."""
        if time not in self.agenda:
            self.agenda[time] = []
            self.clock.at(time, self._instant)

    # -- one instant

    def _begin(self, event: Event) -> None:
        roots = [(task, NOBODY) for task, missing in enumerate(self.missing) if not missing]
        self._release(roots, self.clock.now)
        self._instant(event)

    def _instant(self, event: Event) -> None:
        now = self.clock.now
        while True:
            released = self._end(self.agenda.pop(now, []), now)
            if released:
                if len(released) > 1:
                    released.sort()
                self._release(released, now)
            if self.unasked:
                self._ask(now)
            if now not in self.agenda and self._settled(now):
                return

    def _end(self, ended: list[int], now: float) -> list[tuple[int, int]]:
        """Free the workers of *ended*; return the tasks released, each with the worker that released it."""
        released = []
        first, child_of, missing = self.first, self.child, self.missing
        if len(ended) > 1:
            ended.sort()
        for task in ended:
            worker = self.worker[task]
            self.running[worker] = NOBODY
            self.holding[worker] -= 1
            self.stirred.add(worker)
            for row in range(first[task], first[task + 1]):
                child = child_of[row]
                missing[child] -= 1
                if not missing[child]:
                    released.append((child, worker))
            if self.queue[worker]:
                self._next(worker, now)
        return released

    def _release(self, released: list[tuple[int, int]], now: float) -> None:
        ready, ready_s, place, waiting = self.policy.ready, self.ready_s, self.place, self.waiting
        for task, by in released:
            ready_s[task] = now
            ready(task, None if by == NOBODY else by)
            waiting[place[task]] += 1
        self.unasked += len(released)
        if self.named:
            self.stirred.update([self.homes[task] for task, _ in released])
        else:
            for where in {place[task] for task, _ in released}:
                self.stirred.update(self.able[where])

    def _settled(self, now: float) -> bool:
        """Say whether the instant brings nothing new."""
        return True

    # -- asking the policy

    def _ask(self, now: float) -> None:
        """Let workers that hold too little ask, in rounds, until a round takes none.

        Only those are asked whose answer may have changed: freed workers, workers that may run what was released, and
        those who asked in vain. (A policy with homes answers a worker anew only when that worker's own tasks move.)
        """
        asking, self.stirred = sorted(self.stirred), set()
        take, fits, holding, limit = self.policy.take, self.fits, self.holding, self.limit
        while asking and self.unasked:
            further = []
            for worker in asking:
                if holding[worker] >= limit:
                    continue
                if not self.unasked:
                    break
                task = take(worker, fits[worker])
                if task is None:
                    self._in_vain(worker, now)
                else:
                    self._give(task, worker, now)
                    if holding[worker] < limit:
                        further.append(worker)
            asking = further

    def _in_vain(self, worker: int, now: float) -> None:
        if not self.named:
            self.stirred.add(worker)

    def _give(self, task: int, worker: int, now: float) -> None:
        if self.worker[task] != NOBODY or self.missing[task]:
            raise RunError(f"the policy gave task {self.graph.names[task]} a second time or before its inputs")
        self.worker[task] = worker
        self.waiting[self.place[task]] -= 1
        self.unasked -= 1
        self.holding[worker] += 1
        self._bind(task, worker, now)

    def _bind(self, task: int, worker: int, now: float) -> None:
        if self.running[worker] == NOBODY:
            self._start(task, worker, now)
        else:
            self.taken_s[task] = now
            self.queue[worker].append(task)

    def _next(self, worker: int, now: float) -> None:
        self._start(self.queue[worker].popleft(), worker, now)

    def _start(self, task: int, worker: int, at: float) -> None:
        """Start *task*, now or at a later time that is already known."""
        self.start_s[task] = at
        end = at + self.seconds[worker][task]
        self.end_s[task] = end
        if self.idle_from[worker] < at:
            self._close_idle(worker, at)
        if self.idle_from[worker] < end:
            self.idle_from[worker] = end
        self.running[worker] = task
        if end in self.agenda:
            self.agenda[end].append(task)
        else:
            self.agenda[end] = [task]
            self.clock.at(end, self._instant)

    def _close_idle(self, worker: int, at: float) -> None:
        self.idle.append((worker, self.idle_from[worker], at))
