"""The host of a replay: the order of events of the simulated clock, on the wall clock.

    hear: t0, t3 ended  ->  ends, by number  ->  released tasks, by number  ->  rounds: each free worker asks the policy
                            and what it takes is handed over to its process at once

Each end that a worker reports is an instant of its own.

Values lie in shared memory; the host hands over references. The transfer of an edge is the copy that its receiver
makes. Outputs for tasks on the same worker stay there. Inputs are copied when their task is taken, or when its worker
comes to it, also under policies that name homes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from parsim.core.columns import NONE
from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.progress import under_way
from parsim.real.ahead import Ahead, allowed
from parsim.real.arena import get
from parsim.real.worker import BEGINNING, Input, Order, Part, Report, part_of
from parsim.real.worker_pool import WorkerPool
from parsim.sim.inputs import Inputs
from parsim.sim.order import Hooks, Released, order_of_events
from parsim.sim.prepared import prepared
from parsim.sim.record import Interval, Record, Transfers, intervals
from parsim.sim.reservations import Reservations
from parsim.sim.stall import Stall
from parsim.sim.state import State, Time

NOTHING: Part = (None, 0)


class Dispatcher:
    """Hands tasks to worker processes and receives their reports.

    Parameters
    ----------
    orders : what each task is told, as far as it is known before a worker takes it.
    given : task -> references to the values that the host sends.
    """

    def __init__(self, job: Job, pool: WorkerPool, orders: list[Order], given: dict[int, Sequence[Any]]) -> None:
        assert job.graph.program is not None
        self.job, self.graph, self.program = job, job.graph, job.graph.program
        self.state = State(prepared(job))
        self.inputs = Inputs(self.state)
        self.room = Reservations(self.state, self.inputs) if job.cluster.limited else None
        self.ahead = Ahead(self.state, self.room) if allowed(self.state) else None
        self.pool, self.orders, self.values = pool, orders, given
        self.parts = [part_of(self.program.hands(edge)) for edge in range(len(job.graph.edges))]
        self.reports: dict[int, Report] = {}
        self.left = np.bincount(job.graph.edges.parent, minlength=len(job.graph)).tolist()  # children to come
        self.dropped: list[list[int]] = [[] for _ in job.cluster.workers]  # to be told with the next order
        self.taken_s, self.start_s, self.end_s = np.full((3, len(job.graph)), math.nan)
        self.bound_s, self.heard_s = np.full((2, len(job.graph)), math.nan)  # the host's instants
        self.begun_s = job.begun_s

    def execute(self, begun: float) -> None:
        """Let the workers compute every task."""
        self.begun_s = begun
        hooks = Hooks(ended=self._ended, released=self._released)
        for part in (self.room, self.ahead):
            hooks = part.hooks(hooks) if part else hooks
        order = order_of_events(self.state, self._bind, hooks)
        order.begin(begun)
        with under_way("tasks", len(self.graph), lambda: len(self.reports)):
            self._listen(order.instant)

    def _listen(self, instant: Callable[[Time], None]) -> None:
        """Play an instant for each report, until all tasks have ended."""
        while len(self.reports) < len(self.graph):
            if not any(self.state.holding):
                left = [task for task in range(len(self.graph)) if task not in self.reports]
                raise Stall(self.state, self.room, left, []).told(float(self.state.ready.now))
            heard = self.pool.hear()
            now = self.pool.now()
            for one in heard:
                self.reports[one.report.task] = one.report
                self.heard_s[one.report.task] = now
            self.state.agenda[now] = [one.report.task for one in heard]
            instant(now)

    def gathered(self) -> list[Any]:
        """Fetch what the tasks left to the merge, in their order."""
        found: list[Any] = []
        for task, report in sorted(self.reports.items()):
            part = part_of(self.program.gathers(task, last=not self.orders[task].keep))
            found += get(self.pool.arenas, shared(report, part))
        return found

    # -- one instant

    def _released(self, released: Released, now: Time) -> Released:
        if self.room:
            self.room.released(released)
        return released

    def _bind(self, task: int, worker: int, now: Time) -> None:
        """Hand *task* to the process of *worker*."""
        if self.room:
            self.room.take(task, self.state.device[worker])
        if self.ahead:
            self.ahead.take(task, worker)
        dropped, self.dropped[worker] = tuple(self.dropped[worker]), []
        _, _, shared, keep, returns, _ = self.orders[task]
        order = Order(task, tuple(self._sources(task, worker)), shared, keep, returns, dropped)
        self.bound_s[task] = now
        self.taken_s[task] = self.pool.order(worker, order)

    def _sources(self, task: int, worker: int) -> list[Input]:
        """Say where each of a task's inputs is."""
        state, inputs, found = self.state, self.inputs, []
        if task in self.values:
            found.append(Input(inputs.given.get(task, NONE), NONE, NOTHING, self.values[task]))
        for edge in inputs.into(task):
            parent, part = inputs.sender[edge], self.parts[edge]
            if state.worker[parent] == worker:
                found.append(Input(NONE, parent, part, ()))
                continue
            travels = inputs.size[edge] and state.device_of(parent) != state.device[worker]
            found.append(Input(edge if travels else NONE, NONE, part, shared(self.reports[parent], part)))
        return found

    def _ended(self, ended: list[int], now: Time) -> Released:
        for task in ended:
            self._drop(task)
            if self.room:
                self._leave_room(self.room, task)
        return []

    def _drop(self, task: int) -> None:
        """Let workers drop what *task* was the last to receive."""
        for edge in self.inputs.into(task):
            parent = self.inputs.sender[edge]
            self.left[parent] -= 1
            if not self.left[parent] and self.program.gathers(parent, last=False) == slice(0):
                self.dropped[self.state.worker[parent]].append(parent)

    def _leave_room(self, room: Reservations, task: int) -> None:
        """Free what *task*, now ended, needed, and the outputs that it has received."""
        device = self.state.device_of(task)
        room.end(task, device)
        for edge in self.inputs.into(task):
            if self.state.device_of(self.inputs.sender[edge]) != device:
                room.received(self.inputs.sender[edge])
        if task in self.inputs.sent:
            room.received(task)

    # -- what happened

    def record(self) -> tuple[Record, Record]:
        """Return the record by the workers' stamps, and by the host's instants, where causes and effects coincide."""
        self._stamp()
        begun = np.maximum(self.bound_s, self._freed(1))
        travelling = np.maximum(self.bound_s, self._freed(1 + self.job.prefetch))
        transfer, worker, start, end, instant = self._moves(travelling)
        record = Record(
            engine=self.pool.engine,
            begun_s=self.begun_s,
            worker=np.array(self.state.worker, dtype=np.int64),
            ready_s=self._ready(),
            taken_s=self.taken_s,
            start_s=self.start_s,
            end_s=self.end_s,
            transfers=Transfers(transfer, worker, start, end, self._nominal(transfer, end - start)),
            idle=intervals(self.closed),
            idle_from=self.since,
            starved=intervals(self.room.waited() if self.room else []),
            overhead=intervals(self.overhead),
        )
        return record, record._replace(
            start_s=begun,
            end_s=self.heard_s,
            transfers=record.transfers._replace(start_s=instant, end_s=instant),
        )

    def _stamp(self) -> None:
        """Convert the workers' stamps to seconds of the run."""
        self.overhead: list[Interval] = []
        self.closed: list[Interval] = []  # idleness, as the workers stamped it
        self.since = [0.0] * len(self.job.cluster.workers)
        for task, report in self.reports.items():
            worker = self.state.worker[task]
            at = partial(self.pool.seconds, worker)
            self.start_s[task], self.end_s[task] = at(report.start), at(report.end)
            self.overhead += [(worker, self.taken_s[task], self.start_s[task])]
            self.overhead += [(worker, self.end_s[task], self.heard_s[task])]
            self.closed += [(worker, max(at(start), BEGINNING), at(end)) for start, end in report.idle]
            self.since[worker] = max(self.since[worker], at(report.since))

    def _nominal(self, transfer: Ints, took: Floats) -> Floats:
        """Return the nominal seconds of transfers from the profile; without one, the measured seconds."""
        known = self.job.cost.travel(self.graph.transfers.size[transfer])
        return np.where(np.isnan(known), took, known)

    def _ready(self) -> Floats:
        """Return when each task became ready, (tasks,): to the host, or to its worker where that had it before."""
        ready, edges = np.full(len(self.graph), self.begun_s), self.graph.edges
        ended, heard = self.end_s[edges.parent], self.heard_s[edges.parent]
        with np.errstate(invalid="ignore"):  # tasks that have not ended
            np.maximum.at(ready, edges.child, np.where(self.taken_s[edges.child] < heard, ended, heard))
        return ready

    def _moves(self, begun: Floats) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Return transfer, worker, start, end, and the host's instant of each; inputs travel from *begun* on."""
        rows: list[tuple[float, ...]] = []
        for task, report in self.reports.items():
            worker = self.state.worker[task]
            at = partial(self.pool.seconds, worker)
            rows += [(row, worker, at(seen), at(there), begun[task]) for row, seen, there in report.moves]
            if task in self.inputs.sent:
                rows.append((self.inputs.sent[task], worker, at(report.end), at(report.sent), self.heard_s[task]))
        columns = np.array(rows, dtype=np.float64).reshape(len(rows), 5).T
        return columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2], columns[3], columns[4]

    def _freed(self, before: int) -> Floats:
        """Return when the host heard of the end of the task *before* places earlier on the same worker; 0: none."""
        freed, worker = np.zeros(len(self.graph)), np.array(self.state.worker)
        order = np.lexsort((self.taken_s, worker))
        same = worker[order[before:]] == worker[order[:-before]]
        freed[order[before:][same]] = self.heard_s[order[:-before][same]]
        return freed


def shared(report: Report, part: Part) -> list[Any]:
    """Return the references to the outputs of an ended task that *part* selects."""
    return [report.shared[index] for index in range(*slice(*part).indices(report.made))]
