"""Carries inputs and results: when each sets out, and when the task that waits for it may start.

    taken t2  -> its inputs set out -> they arrive -> t2 starts when its worker is free

Where the policy named the worker beforehand, an input may set out earlier (see `early_transfers`). What a task of a
communication lane hands on sets out when that task ends (see `lanes`). Where sends are blocking, a worker goes on when
what it sent has arrived.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

import numpy as np

from parsim.core.columns import NEVER, NONE, filled
from parsim.sim.blocking import Blocking
from parsim.sim.early_transfers import Turns
from parsim.sim.inputs import Inputs
from parsim.sim.lanes import Lanes
from parsim.sim.order import Hooks, Released
from parsim.sim.reservations import Reservations
from parsim.sim.spans import Spans
from parsim.sim.state import NOBODY, State
from parsim.sim.transfers import Transport


class Carrier:
    """The inputs, results and flows of a run.

    Parameters
    ----------
    state : where tasks stand.
    spans : the spans of tasks.
    transport : what carries bytes.
    inputs : what tasks receive and send.
    room : the room on devices; None: none has a limit.
    lanes : the communication lanes; None: there are none.
    """

    def __init__(
        self,
        state: State,
        spans: Spans,
        transport: Transport,
        inputs: Inputs,
        room: Reservations | None,
        lanes: Lanes | None,
    ) -> None:
        job, graph, tasks = state.job, state.graph, len(state.graph)
        self._state, self._spans, self.transport = state, spans, transport
        self.inputs, self.room, self.lanes = inputs, room, lanes
        self._blocking = Blocking(state) if graph.sends == "blocking" else None
        self._host, self._device, self._prefetch = job.cluster.host, state.device, job.prefetch
        self._gives, self._returns = bool(self.inputs.given), bool(self.inputs.sent)
        edges = graph.edges
        carries = (edges.size > 0) | (edges.delay > 0)
        self._hands_on = bool(np.any(carries & graph.computes[edges.parent]))  # tasks that compute, not lanes alone
        # 1: no transfer carries it to another device, and somebody may wait for the room of the output
        self._received_at_start = bytearray((edges.size == 0) & (filled(graph.output, tasks)[edges.parent] > 0))
        self._freed: list[int] = []  # edges whose output was received as its consumer started, in this pass
        self._pending = [0] * tasks  # inputs under way: transfers and delays
        self._departing: dict[int, list[int]] = {}  # instant -> flows that start
        self._running = [NOBODY] * len(state.holding)
        self.taken = state.ready.ticks.blank(tasks)
        orders = state.ready.orders
        self._by_plan = bool(orders)
        self.turns = Turns(tasks, orders or [[] for _ in state.holding])

    def depart(self) -> None:
        """Let the flows set out when their time has come."""
        flows = self._state.graph.transfers
        for row in range(flows.first_flow, len(flows)):
            start = self._state.ready.ticks.of(float(flows.start[row]))
            self._departing.setdefault(start, []).append(row)
            self._spans.at(start)

    # -- one instant

    def hooks(self) -> Hooks:
        """Return what is done beside the order of events."""
        hooks = Hooks(began=self._began, ended=self._ended, released=self._released, more=self._more)
        return self.room.hooks(hooks) if self.room else hooks

    def _began(self, now: int) -> None:
        if self._by_plan and self._gives:
            for order in self.turns.orders:
                for task in order[: 1 + self._prefetch]:
                    self._give_ahead(task, now)

    def _ended(self, ended: list[int], now: int) -> Released:
        state, lanes, transport = self._state, self.lanes, self.transport
        freed, self._freed = self._freed, []
        for task in ended:
            if not self._blocking or not self._blocking.missing[task]:
                worker = state.worker[task]
                self._running[worker] = NOBODY
                if state.queue[worker]:
                    self._next(worker, now)
        if lanes:
            lanes.ended(now)
        if ended and (self.room or self._returns):
            for task in ended:
                self._unload(task, state.worker[task], now)
        for edge in freed:
            self._received(self.inputs.sender[edge])
        if now in transport.delays:
            for edge in transport.over(now):
                self._delay_over(edge, now)
        for row, worker in transport.arrived(now):
            self._arrive(row, worker, now)
        if ended and state.named and self._hands_on:
            for task in ended:
                self._send_ahead(task, now)
        if now in self._departing:
            for row in self._departing.pop(now):
                self._depart(row, now)
        return lanes.hand_on(now) if lanes else []

    def _released(self, released: Released, now: int) -> Released:
        state = self._state
        if self.lanes:
            released = self.lanes.released(released, now)
        if state.named and self._gives and not self._by_plan:
            for task, _ in released:
                for moved in self.turns.join(task, state.homes[task], now):
                    if self.turns.due(moved, self._prefetch, self._spans.starts):
                        self._give_ahead(moved, now)
        if self.room:
            self.room.released(released)
        return released

    def _more(self, now: int) -> bool:
        if self.lanes and self.lanes.collectives.stirred:
            self.lanes.collectives.begin(now)
        upcoming = self.transport.settle(now)
        if now < upcoming:
            self._spans.at(upcoming)
        return NEVER < upcoming <= now or now in self._state.agenda

    # -- tasks

    def bind(self, task: int, worker: int, now: int) -> None:
        """Note that *worker* has taken *task*: what it still needs sets out."""
        self.taken[task] = now
        if self.room:
            self.room.take(task, self._device[worker])
        if self._hands_on:
            begun = self.inputs.begun
            for edge in self.inputs.into(task):
                if not begun[edge]:
                    self._move(edge, worker, now)
        if self._gives and self.inputs.to_give(task):
            self._give_input(task, worker, now)
        self._state.queue[worker].append(task)
        self._next(worker, now)

    def _go_on(self, worker: int, now: int) -> None:
        self._running[worker] = NOBODY
        self._next(worker, now)

    def _next(self, worker: int, now: int) -> None:
        queue = self._state.queue[worker]
        if self._running[worker] == NOBODY and queue and not self._pending[queue[0]]:
            task = queue.popleft()
            self._running[worker] = task
            self._spans.start(task, worker, now)
            if self.room or self._gives:
                self._started(task, worker, now)

    def _started(self, task: int, worker: int, now: int) -> None:
        """Let go of outputs that *task* receives as it starts, and let the host's input of a later task leave."""
        inputs, device_of = self.inputs, self._state.device_of
        for edge in inputs.into(task) if self.room else array("i"):
            if self._received_at_start[edge] and device_of(inputs.sender[edge]) != self._device[worker]:
                self._freed.append(edge)
                self._spans.at(now)
        if self._state.named and self._gives:
            later = self.turns.after(task, self._prefetch)
            if later != NONE:
                self._give_ahead(later, now)

    def _unload(self, task: int, worker: int, now: int) -> None:
        """Free the room of an ended task, and send its result."""
        device = self._device[worker]
        if self.room:
            self.room.end(task, device)
        if task in self.inputs.sent:
            row = self.inputs.sent[task]
            self.transport.send(row, worker, (device, self._host), self.inputs.size[row], now)

    # -- transfers

    def _move(self, edge: int, worker: int, now: int) -> None:
        """Start what travels along *edge* to *worker*, if anything does."""
        inputs, state = self.inputs, self._state
        inputs.begun[edge] = 1
        parent, child = inputs.sender[edge], inputs.receiver[edge]
        source, target = state.device_of(parent), self._device[worker]
        if inputs.delay[edge] and state.worker[parent] != worker:
            end = self._spans.end_of(parent) + inputs.delay[edge]
            if end > now:
                self._pending[child] += 1
                self._received_at_start[edge] = 0
                self.transport.delay(edge, worker, now, end)
        elif inputs.size[edge] and source != target:
            self._pending[child] += 1
            self.transport.send(edge, worker, (source, target), inputs.size[edge], now)

    def _delay_over(self, edge: int, now: int) -> None:
        state, parent, child = self._state, self.inputs.sender[edge], self.inputs.receiver[edge]
        if self.lanes and self.lanes.arrived(edge, now):
            return
        worker = state.homes[child] if state.named else state.worker[child]
        if self.room and state.device_of(parent) != self._device[worker]:
            self._received(parent)
        self._there(parent, child, worker, now)

    def _give_input(self, task: int, worker: int, now: int) -> None:
        row = self.inputs.given[task]
        self.inputs.begun[row] = 1
        self._pending[task] += 1
        self.transport.send(row, worker, (self._host, self._device[worker]), self.inputs.size[row], now)

    def _arrive(self, row: int, worker: int, now: int) -> None:
        """Note that a transfer has ended."""
        if self.lanes and self.lanes.arrived(row, now):
            return
        parent, child = self.inputs.sender[row], self.inputs.receiver[row]
        if parent != NONE:
            self._received(parent)
        if child != NONE:
            self._there(parent, child, worker, now)

    def _there(self, parent: int, child: int, worker: int, now: int) -> None:
        """Note that *worker* has an input of *child*, from *parent* or the host."""
        self._pending[child] -= 1
        self._next(worker, now)
        if self._blocking and parent != NONE and self._blocking.arrived(parent):
            self._go_on(self._state.worker[parent], now)

    def _received(self, parent: int) -> None:
        """Note that somebody elsewhere, or the host, has received the output of *parent*."""
        if self.room:
            self.room.received(parent)

    # -- transfers that need not wait until their task is taken

    def _send_ahead(self, task: int, now: int) -> None:
        """Start what *task*, just ended, has for workers named beforehand, where there is spare room."""
        inputs, homes, begun = self.inputs, self._state.homes, self.inputs.begun
        for edge in inputs.out_of(task):
            if begun[edge]:
                continue
            child = inputs.receiver[edge]
            worker = homes[child]
            size = inputs.size[edge] if self._device[worker] != self._state.device_of(task) else 0.0
            if not size or self._spared(child, self._device[worker], size):
                self._move(edge, worker, now)

    def _give_ahead(self, task: int, now: int) -> None:
        size, worker = self.inputs.to_give(task), self._state.homes[task]
        if size and self._spared(task, self._device[worker], size):
            self._give_input(task, worker, now)

    def _spared(self, task: int, device: int, size: float) -> bool:
        """Say whether an input of *task* may set out early; if so, it has its room."""
        return not self.room or self.room.grant(task, device, size)

    def _depart(self, row: int, now: int) -> None:
        table = self._state.graph.transfers
        source, target = int(table.source[row]), int(table.target[row])
        worker = bisect_left(self._device, source if target == self._host else target)
        self.transport.send(row, worker, (source, target), self.inputs.size[row], now, float(table.limit[row]))
