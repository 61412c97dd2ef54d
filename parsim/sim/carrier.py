"""The engine for jobs whose tasks receive transfers or need room on their devices.

A transfer starts when its task is taken; where the policy named the worker beforehand, it may start earlier (see
`early_transfers`). A task starts when its worker is free and its inputs are there.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from functools import partial

import numpy as np

from parsim.core.cluster import Path
from parsim.core.transfers import NONE
from parsim.sim.early_transfers import Turns, spares
from parsim.sim.engine import Engine
from parsim.sim.memory import Rooms, column
from parsim.sim.memory_waits import Starving
from parsim.sim.order import NOBODY, Bind, Hooks, Released
from parsim.sim.prepared import Prepared
from parsim.sim.record import Record
from parsim.sim.ticks import NEVER
from parsim.sim.transfers import Wires


class Carrier(Engine):
    """An engine that also moves inputs and results, and keeps room for them."""

    def __init__(self, ready: Prepared) -> None:
        super().__init__(ready)
        job = ready.job
        graph, cluster, tasks = job.graph, job.cluster, len(job.graph)
        table = graph.transfers
        self.cluster = cluster
        self.device = cluster.device_of_worker
        self.taken = self.ticks.blank(tasks)
        self.children, self.parents = graph.children, graph.parents
        self.sender, self.receiver = table.parent.tolist(), table.child.tolist()
        self.size, self.delay = table.size.tolist(), self.ticks.column(table.delay).tolist()
        self.row_given = {self.receiver[row]: row for row in np.flatnonzero(table.given).tolist()}
        self.row_sent = {self.sender[row]: row for row in np.flatnonzero(table.results).tolist()}
        self.result = column(graph.result, tasks)
        self.output = column(graph.output, tasks)
        self.gives, self.returns = bool(np.any(graph.given)), bool(np.any(graph.result))
        self.first_flow = table.first_flow
        self.wires = Wires(cluster.capacities, self.ticks)
        self.rooms = Rooms(graph, cluster)
        self.begun = bytearray(len(table))  # 1: in flight, delivered or not needed
        # 1: no transfer carries it to another device, and somebody may wait for the room of the output
        self.received_at_start = bytearray((graph.edges.size == 0) & (np.array(self.output)[graph.edges.parent] > 0))
        self.pending = [0] * tasks  # inputs under way: transfers and delays
        self.open = [0] * len(cluster.workers)  # transfers of each worker under way over the network
        self.over: dict[int, list[int]] = {}  # instant -> edges whose delay is over
        self.freed: list[int] = []  # edges whose output was received as its consumer started, in this pass
        self.departing: dict[int, list[int]] = {}  # instant -> flows that start
        self.starving = Starving(graph, len(cluster.workers), self.stirred, self.named)
        self.running = [NOBODY] * len(cluster.workers)
        self.limited = any(device.memory < math.inf for device in cluster.devices)
        if self.limited:
            self.fits = [partial(self.has_room, device) for device in self.device]
        orders = ready.orders
        self.by_plan = bool(orders)
        self.turns = Turns(tasks, orders or [[] for _ in cluster.workers])
        self.spare = spares(job, self.homes, orders) if self.named else {}

    def play(self) -> Record:
        """Play until nothing moves any more."""
        for flow, start in enumerate(self.ticks.column(self.graph.flows.start).tolist()):
            self.departing.setdefault(start, []).append(flow)
            self._at(start)
        record = super().play()
        return record._replace(starved=self.stretches(self.starving.waited), transfers=self.wires.transfers())

    # -- one instant

    def binding(self) -> Bind:
        """Return what becomes of a task that a worker has taken."""
        return self._bind

    def hooks(self) -> Hooks:
        """Return what this run does besides the order of events."""
        hooks = Hooks(began=self._began, ended=self._ended, released=self._released, more=self._more)
        if not self.limited:
            return hooks
        starving = self.starving
        return hooks._replace(asking=starving.asking, in_vain=starving.in_vain, asked=starving.asked)

    def _began(self, now: int) -> None:
        if self.by_plan and self.gives:
            for order in self.turns.orders:
                for task in order[: 1 + self.job.prefetch]:
                    self._give_ahead(task, now)

    def _ended(self, ended: list[int], now: int) -> None:
        freed, self.freed = self.freed, []
        for task in ended:
            self.running[self.worker[task]] = NOBODY
            self._next(self.worker[task], now)
        if self.limited or self.returns:
            for task in ended:
                self._unload(task, self.worker[task], now)
        for edge in freed:
            self._consumed(self.sender[edge])
        for edge in self.over.pop(now, ()):
            self._delay_over(edge, now)
        for thing, worker in self.wires.arrived(now):
            self._arrive(thing, worker, now)
        if self.named:
            for task in ended:
                self._send_ahead(task, now)
        for flow in self.departing.pop(now, ()):
            self._depart(flow, now)

    def _released(self, released: Released, now: int) -> None:
        if self.named and self.gives and not self.by_plan:
            for task, _ in released:
                for moved in self.turns.join(task, self.homes[task], now):
                    if self.turns.due(moved, self.job.prefetch, self.starts):
                        self._give_ahead(moved, now)
        if self.limited:
            self.starving.released([task for task, _ in released])

    def _more(self, now: int) -> bool:
        upcoming = self.wires.settle(now)
        if now < upcoming:
            self._at(upcoming)
        return NEVER < upcoming <= now or now in self.agenda

    def _at(self, time: int) -> None:
        """Make sure that an instant takes place at *time*."""
        if time not in self.agenda:
            self.agenda[time] = []
            self.instants.at(time)

    # -- asking the policy

    def has_room(self, device: int, task: int) -> bool:
        """Say whether *device* has room for all that *task* still needs there."""
        fits = self.rooms.has(self.need(task, device), device)
        if not fits:
            self.starving.refuse(task)
        return fits

    def need(self, task: int, device: int) -> float:
        """Return the bytes that *task* still needs on *device*."""
        return self.rooms.need(task, device, self._inputs(task, device))

    def _bind(self, task: int, worker: int, now: int) -> None:
        self.taken[task] = now
        device = self.device[worker]
        if self.limited:
            self.starving.taken(task)
            self.rooms.take(task, device, self._inputs(task, device), self._consumers(task))
        if device in self.spare:
            self.spare[device].take(task)
        for edge in self._edges_into(task):
            if not self.begun[edge]:
                self._move(edge, worker, now)
        if self.gives and self._to_give(task):
            self._give_input(task, worker, now)
        self.queue[worker].append(task)
        self._next(worker, now)

    def _next(self, worker: int, now: int) -> None:
        if self.running[worker] == NOBODY and self.queue[worker] and not self.pending[self.queue[worker][0]]:
            task = self.queue[worker].popleft()
            self.running[worker] = task
            self.start(task, worker, now)
            if self.limited or self.gives:
                self._started(task, worker, now)

    def _started(self, task: int, worker: int, now: int) -> None:
        """Let go of outputs that *task* receives as it starts, and let the host's input of a later task leave."""
        for edge in self._edges_into(task) if self.limited else ():
            if self.received_at_start[edge] and self._device_of(self.sender[edge]) != self.device[worker]:
                self.freed.append(edge)
                self._at(now)
        if self.named and self.gives:
            later = self.turns.after(task, self.job.prefetch)
            if later != NEVER:
                self._give_ahead(later, now)

    def close_idle(self, worker: int, now: int) -> None:
        """Note that *worker* gets something, if it was idle: its transfers are not idleness."""
        if not self.open[worker]:
            super().close_idle(worker, now)

    # -- transfers

    def _edges_into(self, task: int) -> array[int]:
        return self.parents.order[self.parents.first[task] : self.parents.first[task + 1]]

    def _edges_out_of(self, task: int) -> array[int]:
        return self.children.order[self.children.first[task] : self.children.first[task + 1]]

    def _consumers(self, task: int) -> int:
        return len(self._edges_out_of(task)) + (self.result[task] > 0)

    def _inputs(self, task: int, device: int) -> float:
        """Return the bytes that must yet come to *device* for *task*."""
        travelling: float = sum(
            self.size[edge]
            for edge in self._edges_into(task)
            if self.size[edge] and not self.begun[edge] and self._device_of(self.sender[edge]) != device
        )
        return travelling + self._to_give(task)

    def _to_give(self, task: int) -> float:
        """Return the bytes that the host must yet send to *task*."""
        row = self.row_given.get(task, NONE)
        return 0.0 if row == NONE or self.begun[row] else self.size[row]

    def _device_of(self, task: int) -> int:
        return self.device[self.worker[task]]

    def _move(self, edge: int, worker: int, now: int) -> None:
        """Start what travels along *edge* to *worker*, if anything does."""
        self.begun[edge] = 1
        parent, child = self.sender[edge], self.receiver[edge]
        source, target = self._device_of(parent), self.device[worker]
        if self.delay[edge] and self.worker[parent] != worker:
            self._delay(edge, parent, child, worker, now)
        elif self.size[edge] and source != target:
            self.pending[child] += 1
            self._send(edge, worker, self._path(source, target), self.size[edge], now)

    def _delay(self, edge: int, parent: int, child: int, worker: int, now: int) -> None:
        end = self.starts[parent] + self.lasts[self.worker[parent]][parent] + self.delay[edge]
        if end <= now:
            return
        self.received_at_start[edge] = 0
        self._close_idle_before(worker, now)
        self.wires.delay(edge, worker, now, end)
        self.idle_from[worker] = max(self.idle_from[worker], end)
        self.pending[child] += 1
        self.over.setdefault(end, []).append(edge)
        self._at(end)

    def _delay_over(self, edge: int, now: int) -> None:
        parent, child = self.sender[edge], self.receiver[edge]
        worker = self.homes[child] if self.named else self.worker[child]
        if self.limited and self._device_of(parent) != self.device[worker]:
            self._consumed(parent)
        self._received(child, worker, now)

    def _give_input(self, task: int, worker: int, now: int) -> None:
        thing = self.row_given[task]
        self.begun[thing] = 1
        self.pending[task] += 1
        self._send(thing, worker, self._path(self.cluster.host, self.device[worker]), self.size[thing], now)

    def _send(self, thing: int, worker: int, path: Path, size: float, now: int, limit: float = float("inf")) -> None:
        self._close_idle_before(worker, now)
        self.open[worker] += 1
        join = self.wires.send(thing, worker, path, size, limit, now)
        if join > now:
            self._at(join)

    def _close_idle_before(self, worker: int, now: int) -> None:
        if self.idle_from[worker] < now:
            self.close_idle(worker, now)

    def _path(self, source: int, target: int) -> Path:
        path = self.cluster.path(source, target)
        if path is None:
            raise LookupError(f"no way from place {source} to {target}, though the scenario was checked")
        return path

    def _arrive(self, thing: int, worker: int, now: int) -> None:
        """Hear that a transfer has ended."""
        self.open[worker] -= 1
        self.idle_from[worker] = max(self.idle_from[worker], now)
        parent, child = self.sender[thing], self.receiver[thing]
        if parent != NONE:
            self._consumed(parent)
        if child != NONE:
            self._received(child, worker, now)

    def _received(self, task: int, worker: int, now: int) -> None:
        self.pending[task] -= 1
        self._next(worker, now)

    def _consumed(self, parent: int) -> None:
        """Hear that somebody elsewhere, or the host, has received the output of *parent*."""
        if not self.limited:
            return
        device = self._device_of(parent)
        if device in self.spare:
            self.spare[device].received(parent)
        self._let_go(parent)

    def _let_go(self, parent: int) -> None:
        """Hear that one consumer of the output of *parent* needs it no more."""
        device = self._device_of(parent)
        gone = self.rooms.consume(parent, device)
        if gone and device in self.spare:
            self.spare[device].free(parent)

    def _unload(self, task: int, worker: int, now: int) -> None:
        """Free the room of an ended task, and send its result."""
        device = self.device[worker]
        if self.limited:
            self._leave_room(task, device)
        if self.result[task]:
            path = self._path(device, self.cluster.host)
            self._send(self.row_sent[task], worker, path, self.result[task], now)

    def _leave_room(self, task: int, device: int) -> None:
        """Free the room of an ended task, and let go of outputs that it was the last to read."""
        self.rooms.end(task, device)
        if not self._consumers(task) and device in self.spare:
            self.spare[device].free(task)
        for edge in self._edges_into(task):
            if self._device_of(self.sender[edge]) == device:
                self._let_go(self.sender[edge])

    # -- transfers that need not wait until their task is taken

    def _send_ahead(self, task: int, now: int) -> None:
        """Start what *task*, just ended, has for workers named beforehand, where there is spare room."""
        source, limited = self._device_of(task), self.limited
        for edge in self._edges_out_of(task):
            child = self.receiver[edge]
            worker = self.homes[child]
            device = self.device[worker]
            size = self.size[edge] if limited and device != source else 0.0
            if not size or self._spared(child, device, size):
                self._move(edge, worker, now)

    def _give_ahead(self, task: int, now: int) -> None:
        size, worker = self._to_give(task), self.homes[task]
        if size and (not self.limited or self._spared(task, self.device[worker], size)):
            self._give_input(task, worker, now)

    def _spared(self, task: int, device: int, size: float) -> bool:
        """Reserve room for an early input of *task*, unless there is none or an earlier task may need it."""
        if not self.rooms.has(size, device) or (device in self.spare and not self.spare[device].grant(task, size)):
            return False
        self.rooms.receive(task, device, size)
        return True

    def _depart(self, flow: int, now: int) -> None:
        flows = self.graph.flows
        source, target = int(flows.source[flow]), int(flows.target[flow])
        worker = bisect_left(self.device, source if target == self.cluster.host else target)
        path, size = self._path(source, target), float(flows.size[flow])
        self._send(self.first_flow + flow, worker, path, size, now, float(flows.limit[flow]))
