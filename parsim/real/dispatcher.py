"""The host of a replay: the engine of the simulated clock, which hears of ends instead of computing them.

    hear: t0, t3 ended  ->  ends, by number  ->  released tasks, by number  ->  rounds: each free worker asks the policy
                            and what it takes is handed over to its process at once

Values lie in shared memory, and the host hands on where. An edge's transfer is what its receiver sees of it: the copy
into memory of its own. What was made on the same worker stays there. Under policies that name homes, too, inputs travel
when their task is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from simpy import Environment, Event

from parsim.core.graph import Floats, Ints
from parsim.core.job import Job
from parsim.core.progress import under_way
from parsim.real.arena import get
from parsim.real.worker import BEGINNING, NONE, Input, Order, Part, Report, part_of
from parsim.real.worker_pool import Heard, WorkerPool
from parsim.sim.carrier import Carrier
from parsim.sim.order import Time, order_of_events
from parsim.sim.prepared import prepared
from parsim.sim.record import Interval, Record, Transfers, intervals, ready_times
from parsim.sim.stall import stalled

NOTHING: Part = (None, 0)


class Dispatcher(Carrier):
    """An engine whose tasks run in worker processes.

    Parameters
    ----------
    orders : what each task is told, as far as it is known before a worker takes it.
    given : task -> where the values lie that the host sends.
    """

    def __init__(self, job: Job, pool: WorkerPool, orders: list[Order], given: dict[int, Sequence[Any]]) -> None:
        super().__init__(prepared(job))
        assert job.graph.program is not None
        self.program = job.graph.program
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
        self.clock = self.ready.clock = Environment(begun)
        order = order_of_events(self, self.binding(), self.hooks())
        order.begin(Event(self.clock))
        with under_way("tasks", len(self.graph), lambda: len(self.reports)):
            self._listen(order.instant)

    def _listen(self, instant: Callable[[Event], None]) -> None:
        """Play each instant at which somebody reports, until all have."""
        while len(self.reports) < len(self.graph):
            if not any(self.holding):
                raise stalled(self)
            heard = self.pool.hear()
            now = self.pool.now()
            for one in heard:
                self._note(one, now)
            self.agenda[now] = [one.report.task for one in heard]
            self.clock = self.ready.clock = Environment(now)
            instant(Event(self.clock))

    def unstarted(self) -> list[int]:
        """Return the tasks that have not ended."""
        return [task for task in range(len(self.graph)) if task not in self.reports]

    def now_s(self) -> float:
        """Return what the clock shows."""
        return float(self.clock.now)

    def _note(self, heard: Heard, now: float) -> None:
        self.reports[heard.report.task] = heard.report
        self.heard_s[heard.report.task] = now

    def gathered(self) -> list[Any]:
        """Fetch what the tasks left to the merge, in their order."""
        found: list[Any] = []
        for task, report in sorted(self.reports.items()):
            part = part_of(self.program.gathers(task, last=not self.orders[task].keep))
            found += get(self.pool.arenas, shared(report, part))
        return found

    # -- where the engine would compute times

    def _bind(self, task: int, worker: int, now: Time) -> None:
        if self.limited:
            self.starving.taken(task)
            device = self.device[worker]
            self.rooms.take(task, device, self._inputs(task, device), self._consumers(task))
        dropped, self.dropped[worker] = tuple(self.dropped[worker]), []
        order = self.orders[task]._replace(inputs=tuple(self._sources(task, worker)), dropped=dropped)
        self.bound_s[task] = now
        self.taken_s[task] = self.pool.order(worker, order)

    def _sources(self, task: int, worker: int) -> list[Input]:
        """Say where each of a task's inputs is."""
        device, found = self.device[worker], []
        if task in self.values:
            thing = self.row_given.get(task, NONE)
            found.append(Input(thing, NONE, NOTHING, self.values[task]))
        for edge in self._edges_into(task):
            parent, part = self.sender[edge], self.parts[edge]
            if self.worker[parent] == worker:
                found.append(Input(NONE, parent, part, ()))
                continue
            travels = self.size[edge] and self._device_of(parent) != device
            found.append(Input(edge if travels else NONE, NONE, part, shared(self.reports[parent], part)))
        return found

    def _unload(self, task: int, worker: int, now: Time) -> None:
        for edge in self._edges_into(task):
            parent = self.sender[edge]
            self.left[parent] -= 1
            if not self.left[parent] and self.program.gathers(parent, last=False) == slice(0):
                self.dropped[self.worker[parent]].append(parent)
        if self.limited:
            self._leave_room(task, self.device[worker])

    def _leave_room(self, task: int, device: int) -> None:
        super()._leave_room(task, device)
        for edge in self._edges_into(task):
            if self._device_of(self.sender[edge]) != device:
                self._consumed(self.sender[edge])
        if self.result[task]:
            self._consumed(task)

    def _send_ahead(self, task: int, now: Time) -> None:
        """Leave inputs where they are until their task is taken."""

    def _began(self, now: Time) -> None:
        """Leave inputs where they are until their task is taken."""

    def _give_ahead(self, task: int, now: Time) -> None:
        """Leave inputs where they are until their task is taken."""

    # -- what happened

    def record(self) -> tuple[Record, Record]:
        """Return all stamps; and the same in the host's instants, where a span starts when what let it start ended."""
        self._stamp()
        thing, worker, start, end, instant = self._moves()
        record = Record(
            engine="processes",
            begun_s=self.begun_s,
            worker=np.array(self.worker, dtype=np.int64),
            ready_s=ready_times(self.graph, self.heard_s, self.begun_s),
            taken_s=self.taken_s,
            start_s=self.start_s,
            end_s=self.end_s,
            transfers=Transfers(thing, worker, start, end, self._nominal(thing, end - start)),
            idle=intervals(self.closed),
            idle_from=self.since,
            starved=intervals(self.starving.waited),
            overhead=intervals(self.overhead),
        )
        return record, record._replace(
            start_s=np.maximum(self.bound_s, self._freed(record)),
            end_s=self.heard_s,
            transfers=record.transfers._replace(start_s=instant, end_s=instant),
        )

    def _stamp(self) -> None:
        """Put the workers' stamps onto the clock of the run."""
        zero = self.pool.zero
        self.overhead: list[Interval] = []
        self.closed: list[Interval] = []  # idleness, as the workers stamped it
        self.since = [0.0] * len(self.job.cluster.workers)
        for task, report in self.reports.items():
            worker = self.worker[task]
            self.start_s[task], self.end_s[task] = report.start - zero, report.end - zero
            self.overhead += [(worker, self.taken_s[task], self.start_s[task])]
            self.overhead += [(worker, self.end_s[task], self.heard_s[task])]
            self.closed += [(worker, max(start - zero, BEGINNING), end - zero) for start, end in report.idle]
            self.since[worker] = max(self.since[worker], report.since - zero)

    def _nominal(self, thing: Ints, took: Floats) -> Floats:
        """Return the seconds that transfers are known to take here; without a profile, those that they took."""
        known = self.job.cost.travel(self.graph.transfers.size[thing])
        return np.where(np.isnan(known), took, known)

    def _moves(self) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Return thing, worker, start, end, and the host's instant of every transfer."""
        rows: list[tuple[float, ...]] = []
        zero = self.pool.zero
        for task, report in self.reports.items():
            worker = self.worker[task]
            rows += [
                (thing, worker, seen - zero, there - zero, self.bound_s[task]) for thing, seen, there in report.moves
            ]
            if self.result[task]:
                rows.append((self.row_sent[task], worker, report.end - zero, report.sent - zero, self.heard_s[task]))
        columns = np.array(rows, dtype=np.float64).reshape(len(rows), 5).T
        return columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2], columns[3], columns[4]

    def _freed(self, record: Record) -> Floats:
        """Return when the host heard of the end of the task before each on its worker; 0 for the first."""
        freed = np.zeros(len(self.graph))
        order = np.lexsort((record.taken_s, record.worker))
        same = record.worker[order[1:]] == record.worker[order[:-1]]
        freed[order[1:][same]] = self.heard_s[order[:-1][same]]
        return freed


def shared(report: Report, part: Part) -> list[Any]:
    """Return where the outputs of an ended task lie, as far as they are asked for."""
    return [report.shared[index] for index in range(*slice(*part).indices(report.made))]
