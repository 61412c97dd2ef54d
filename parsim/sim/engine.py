"""The simulated clock: plays a job on SimPy and records what happened.

    at each instant   ends, by number  ->  released tasks, by number  ->  rounds: each free worker asks the policy
                      and all of it again until the instant brings nothing new

One heap event stands for each distinct instant, not for each task, so coinciding ends cost one event together. What can
be read off the record later (ready times, ends, causes) is not written down here. This file holds what every run needs;
`carrier` adds transfers and room for the jobs that have any.
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
from parsim.core.graph import Floats, packed
from parsim.core.job import Job
from parsim.sim.clock import Clock, Instants
from parsim.sim.estimate import drawn, estimate, expected
from parsim.sim.record import Interval, Record, Transfers, ready_times

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
        self.instants = Instants(self.clock, self._instant)
        self.agenda: dict[float, list[int]] = {}  # instant -> tasks that end then
        self.worker = [NOBODY] * tasks
        self.start_s = array("d", repeat(math.nan, tasks))
        self.taken_s = array("d", repeat(math.nan, tasks))  # NaN: taken when started

        children = graph.children
        self.first, self.child = children.first, packed(graph.edges.child[children.order])
        self.missing = np.bincount(graph.edges.child, minlength=tasks).tolist()  # parents that have not ended
        self.place = graph.place.tolist()

        self.holding = [0] * count  # tasks taken and not ended
        self.queue: list[deque[int]] = [deque() for _ in range(count)]  # of these, not started
        self.stirred = list(range(count))  # workers whose next answer of the policy may differ from the last
        self.unasked = 0  # ready tasks that nobody has taken
        self.idle: list[Interval] = []
        self.idle_from = [0.0] * count

        rows = expected(job)
        self.seconds = drawn(job, rows)
        self.policy = job.policy()
        self.policy.prepare(graph, graph.places, estimate(job, rows))
        homes = [self.policy.home(task) for task in range(tasks)]
        self.named = tasks > 0 and None not in homes
        self.homes: list[int] = homes if self.named else []  # type: ignore[assignment]
        self.limit = 1 if self.named else 1 + job.prefetch
        self.fits: list[Callable[[int], bool]] = [always] * count
        self.bind = self._start if self.limit == 1 else self._queue

    def play(self) -> Record:
        """Play until nothing moves any more; tasks that never started are NaN in the record."""
        self.agenda[self.job.begun_s] = []
        self.clock.at(self.job.begun_s, Instants(self.clock, self._begin))
        self.clock.run()
        del self.instants, self.bind, self.fits  # they refer back to the engine, which would outlive its use
        start_s = np.array(self.start_s)
        end_s = start_s + self._took()
        return Record(
            worker=np.array(self.worker, dtype=np.int64),
            ready_s=ready_times(self.graph, end_s, self.job.begun_s),
            taken_s=np.where(np.isnan(self.taken_s), start_s, self.taken_s),
            start_s=start_s,
            end_s=end_s,
            transfers=Transfers.none(),
            idle=self.idle,
            idle_from=self.idle_from,
            starved=[],
            overhead=[],
        )

    def _took(self) -> Floats:
        """Return how long each task took on its worker, (tasks,)."""
        if len({id(row) for row in self.seconds}) == 1:
            return np.array(self.seconds[0])
        return np.array([self.seconds[worker][task] for task, worker in enumerate(self.worker)])

    # -- one instant

    def _begin(self, event: Event) -> None:
        roots = [task for task, missing in enumerate(self.missing) if not missing]
        self._release([(task, NOBODY) for task in roots], self.clock.now)
        self._instant(event)

    def _instant(self, event: Event) -> None:
        now, agenda = self.clock.now, self.agenda
        again = True
        while again:
            released = self._end(agenda.pop(now, []), now)
            if released:
                self._release(released, now)
            if self.unasked and self.stirred:
                self._ask(now)
            again = now in agenda or self._more(now)

    def _end(self, ended: list[int], now: float) -> list[tuple[int, int]]:
        """Free the workers of *ended*; return the tasks released, each with the worker that released it."""
        released = []
        first, child_at, missing, worker_of = self.first, self.child, self.missing, self.worker
        holding, queue, stirred = self.holding, self.queue, self.stirred
        if len(ended) > 1:
            ended.sort()
        for task in ended:
            worker = worker_of[task]
            holding[worker] -= 1
            stirred.append(worker)
            for child in child_at[first[task] : first[task + 1]]:
                missing[child] -= 1
                if not missing[child]:
                    released.append((child, worker))
            if queue[worker]:
                self._next(worker, now)
        return released

    def _release(self, released: list[tuple[int, int]], now: float) -> None:
        """Tell the policy of tasks whose parents have all ended, and stir those that may run them."""
        if len(released) > 1:
            released.sort()
        ready = self.policy.ready
        for task, by in released:
            ready(task, None if by == NOBODY else by)
        self.unasked += len(released)
        if self.named:
            homes = self.homes
            self.stirred += [homes[task] for task, _ in released]
        else:
            for place in {self.place[task] for task, _ in released}:
                self.stirred += self.graph.places[place]

    def _more(self, now: float) -> bool:
        """Say whether the instant brings anything else."""
        return False

    # -- asking the policy

    def _ask(self, now: float) -> None:
        """Let workers that hold too little ask, in rounds, until a round takes none.

        Only those are asked whose answer may have changed: freed workers, workers that may run what was released, and
        those who asked in vain. (A policy with homes answers a worker anew only when that worker's own tasks move.)
        """
        asking, self.stirred = self.stirred, []
        if len(asking) > 1:
            asking = sorted(set(asking))
        take, fits, bind, limit = self.policy.take, self.fits, self.bind, self.limit
        holding, missing, worker_of = self.holding, self.missing, self.worker
        while asking and self.unasked:
            further = []
            for worker in asking:
                if holding[worker] >= limit or not self.unasked:
                    continue
                task = take(worker, fits[worker])
                if task is None:
                    self._in_vain(worker, now)
                    continue
                if worker_of[task] != NOBODY or missing[task]:
                    raise RunError(f"the policy gave task {self.graph.names[task]} a second time or before its inputs")
                worker_of[task] = worker
                holding[worker] += 1
                self.unasked -= 1
                bind(task, worker, now)
                if limit > 1:
                    further.append(worker)
            asking = further

    def _in_vain(self, worker: int, now: float) -> None:
        if not self.named:
            self.stirred.append(worker)

    def _queue(self, task: int, worker: int, now: float) -> None:
        """Bind *task* to a worker that may hold others."""
        self.taken_s[task] = now
        self.queue[worker].append(task)
        if self.holding[worker] == 1:
            self._next(worker, now)

    def _next(self, worker: int, now: float) -> None:
        self._start(self.queue[worker].popleft(), worker, now)

    def _start(self, task: int, worker: int, at: float) -> None:
        """Start *task*, now or at a later time that is already known."""
        self.start_s[task] = at
        idle_from, agenda = self.idle_from, self.agenda
        if idle_from[worker] < at:
            self._close_idle(worker, at)
        end = at + self.seconds[worker][task]
        if idle_from[worker] < end:
            idle_from[worker] = end
        if end in agenda:
            agenda[end].append(task)
        else:
            agenda[end] = [task]
            self.clock.at(end, self.instants)

    def _close_idle(self, worker: int, at: float) -> None:
        self.idle.append((worker, self.idle_from[worker], at))
