"""The engine for jobs whose tasks receive transfers or need room on their devices.

A transfer starts when its task is taken; where the policy named the worker beforehand, at its parent's end, if there
is room. A task starts when its worker is free and its inputs are there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import partial

from parsim.core.cluster import Path
from parsim.core.job import Job
from parsim.sim.engine import Engine
from parsim.sim.order import NOBODY, Bind, Hooks, Released
from parsim.sim.record import Record, intervals
from parsim.sim.rooms import Rooms, column
from parsim.sim.wires import Wires


class Carrier(Engine):
    """An engine that also moves inputs and results, and keeps room for them."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        graph, cluster, tasks = job.graph, job.cluster, len(job.graph)
        self.cluster, self.things, self.split = cluster, graph.things, graph.things.split
        self.device = cluster.device_of_worker
        self.children, self.parents = graph.children, graph.parents
        self.edge_parent, self.edge_child = graph.edges.parent.tolist(), graph.edges.child.tolist()
        self.size, self.delay = graph.edges.size.tolist(), graph.edges.delay.tolist()
        self.given, self.result = column(graph.given, tasks), column(graph.result, tasks)
        self.wires = Wires(cluster.capacities)
        self.rooms = Rooms(graph, cluster)
        self.begun = bytearray(graph.things.count)  # 1: travels, has travelled, or need not
        self.pending = [0] * tasks  # inputs under way over the network
        self.there_s = [0.0] * tasks  # when the last stated delay is over
        self.open = [0] * len(cluster.workers)  # transfers of each worker under way over the network
        self.delivered: dict[float, list[int]] = {}  # instant -> edges whose delay is over
        self.passed: dict[int, list[int]] = {}  # task -> edges into it whose delay was over before it was taken
        self.departing: dict[float, list[int]] = {}  # instant -> flows that start
        self.starved: list[tuple[int, float, float]] = []  # worker, from, to: waited for room
        self.starving: dict[int, float] = {}  # worker -> since when
        self.refused: set[int] = set()  # tasks that found no room since the worker in question asked
        self.still_starving: set[int] = set()
        self.runs: list[list[int]] = [[] for _ in cluster.workers]
        for index, allowed in enumerate(graph.places):
            for worker in allowed:
                self.runs[worker].append(index)
        self.place = graph.place.tolist()
        self.waiting = [0] * len(graph.places)  # ready tasks that nobody has taken, by place set
        self.running = [NOBODY] * len(cluster.workers)
        self.fits = [partial(self.has_room, device) for device in self.device]

    def play(self) -> Record:
        """Play until nothing moves any more."""
        for flow, start in enumerate(self.graph.flows.start.tolist()):
            self.departing.setdefault(start, []).append(flow)
            self._at(start)
        record = super().play()
        return record._replace(starved=intervals(self.starved), transfers=self.wires.transfers())

    # -- one instant

    def binding(self) -> Bind:
        """Return what becomes of a task that a worker has taken."""
        return self._bind

    def hooks(self) -> Hooks:
        """Return what this run does besides the order of events."""
        return Hooks(
            ended=self._ended,
            released=self._released,
            asking=self._asking,
            in_vain=self._in_vain,
            asked=self._asked,
            more=self._more,
        )

    def _ended(self, ended: list[int], now: float) -> None:
        for task in ended:
            self.running[self.worker[task]] = NOBODY
            self._next(self.worker[task], now)
        for task in ended:
            self._unload(task, self.worker[task], now)
        for edge in self.delivered.pop(now, ()):
            self._consumed(edge)
        for thing, worker in self.wires.arrived(now):
            self._arrive(thing, worker, now)
        if self.named:
            for task in ended:
                self._send_ahead(task, now)
        for flow in self.departing.pop(now, ()):
            self._depart(flow, now)

    def _released(self, released: Released, now: float) -> None:
        if self.named and self.given:
            for task, by in released:
                if by == NOBODY:
                    self._give_ahead(task, now)
        for task, _ in released:
            self.waiting[self.place[task]] += 1

    def _more(self, now: float) -> bool:
        upcoming = self.wires.settle(now)
        if now < upcoming < float("inf"):
            self._at(upcoming)
        return upcoming <= now or now in self.agenda

    def _at(self, time: float) -> None:
        """Make sure that an instant takes place at *time*."""
        if time not in self.agenda:
            self.agenda[time] = []
            self.at(time)

    # -- asking the policy

    def has_room(self, device: int, task: int) -> bool:
        """Say whether *device* has room for all that *task* still needs there."""
        fits = self.rooms.has(self.need(task, device), device)
        if not fits:
            self.refused.add(task)
        return fits

    def need(self, task: int, device: int) -> float:
        """Return the bytes that *task* still needs on *device*."""
        return self.rooms.need(task, device, self._inputs(task, device))

    def _asking(self) -> None:
        self.still_starving.clear()
        self.refused.clear()

    def _asked(self, now: float) -> None:
        # Others may have taken what a worker had no room for, after it had asked.
        hungry = {w for w in self.still_starving if self.named or any(self.waiting[index] for index in self.runs[w])}
        for worker in self.starving.keys() - hungry:
            since = self.starving.pop(worker)
            if since < now:
                self.starved.append((worker, since, now))

    def _in_vain(self, worker: int, now: float) -> None:
        ready = sum(self.waiting[index] for index in self.runs[worker])
        if self.refused and (self.named or len(self.refused) == ready):
            self.stirred.append(worker)
            self.still_starving.add(worker)
            self.starving.setdefault(worker, now)
        self.refused.clear()

    def _bind(self, task: int, worker: int, now: float) -> None:
        self.refused.clear()
        self.waiting[self.place[task]] -= 1
        self.taken_s[task] = now
        device = self.device[worker]
        self.rooms.take(task, device, self._inputs(task, device), self._consumers(task))
        for edge in self._edges_into(task):
            if not self.begun[edge]:
                self._move(edge, worker, now)
        if self._to_give(task):
            self._give_input(task, worker, now)
        self.queue[worker].append(task)
        self._next(worker, now)

    def _next(self, worker: int, now: float) -> None:
        if self.running[worker] == NOBODY and self.queue[worker] and not self.pending[self.queue[worker][0]]:
            task = self.queue[worker].popleft()
            self.running[worker] = task
            start = max(now, self.there_s[task])
            self.start(task, worker, start)
            if task in self.passed:  # no span says when it received these: it has them when it starts
                self._deliver(self.passed.pop(task), start)

    def close_idle(self, worker: int, time: float) -> None:
        """Note that *worker* gets something, if it was idle: its transfers are not idleness."""
        if not self.open[worker]:
            super().close_idle(worker, time)

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
            if self.size[edge] and not self.begun[edge] and self._device_of(self.edge_parent[edge]) != device
        )
        return travelling + self._to_give(task)

    def _to_give(self, task: int) -> float:
        """Return the bytes that the host must yet send to *task*."""
        return 0.0 if self.begun[self.things.given(task)] else self.given[task]

    def _device_of(self, task: int) -> int:
        return self.device[self.worker[task]]

    def _move(self, edge: int, worker: int, now: float) -> None:
        """Start what travels along *edge* to *worker*, if anything does."""
        self.begun[edge] = 1
        parent, child = self.edge_parent[edge], self.edge_child[edge]
        source, target = self._device_of(parent), self.device[worker]
        if self.delay[edge] and self.worker[parent] != worker:
            self._delay(edge, parent, child, worker, now)
        elif self.size[edge] and source != target:
            self.pending[child] += 1
            self._send(edge, worker, self._path(source, target), self.size[edge], now)

    def _delay(self, edge: int, parent: int, child: int, worker: int, now: float) -> None:
        end = self.start_s[parent] + self.seconds[self.worker[parent]][parent] + self.delay[edge]
        if end <= now:
            self.passed.setdefault(child, []).append(edge)
            return
        self._close_idle_before(worker, now)
        self.wires.delay(edge, worker, now, end)
        self.idle_from[worker] = max(self.idle_from[worker], end)
        self.there_s[child] = max(self.there_s[child], end)
        self._deliver([edge], end)

    def _deliver(self, edges: list[int], at: float) -> None:
        self.delivered.setdefault(at, []).extend(edges)
        self._at(at)

    def _give_input(self, task: int, worker: int, now: float) -> None:
        thing = self.things.given(task)
        self.begun[thing] = 1
        self.pending[task] += 1
        self._send(thing, worker, self._path(self.cluster.host, self.device[worker]), self.given[task], now)

    def _send(self, thing: int, worker: int, path: Path, size: float, now: float, limit: float = float("inf")) -> None:
        self._close_idle_before(worker, now)
        self.open[worker] += 1
        join = self.wires.send(thing, worker, path, size, limit, now)
        if join > now:
            self._at(join)

    def _close_idle_before(self, worker: int, now: float) -> None:
        if self.idle_from[worker] < now:
            self.close_idle(worker, now)

    def _path(self, source: int, target: int) -> Path:
        path = self.cluster.path(source, target)
        if path is None:
            raise LookupError(f"no way from place {source} to {target}, though the scenario was checked")
        return path

    def _arrive(self, thing: int, worker: int, now: float) -> None:
        """Hear that a transfer has ended."""
        self.open[worker] -= 1
        self.idle_from[worker] = max(self.idle_from[worker], now)
        what, index = self.split(thing)
        if what == "edge":
            self._consumed(index)
            self._received(self.edge_child[index], worker, now)
        elif what == "given":
            self._received(index, worker, now)
        elif what == "result":
            self.rooms.consume(index, self.device[worker])

    def _received(self, task: int, worker: int, now: float) -> None:
        self.pending[task] -= 1
        self._next(worker, now)

    def _consumed(self, edge: int) -> None:
        parent = self.edge_parent[edge]
        self.rooms.consume(parent, self._device_of(parent))

    def _unload(self, task: int, worker: int, now: float) -> None:
        """Free the room of an ended task, send its result, and let go of outputs that it was the last to read."""
        device = self.device[worker]
        self.rooms.end(task, device)
        for edge in self._edges_into(task):
            parent = self.edge_parent[edge]
            delayed = self.delay[edge] and self.worker[parent] != worker
            if not delayed and not (self.size[edge] and self._device_of(parent) != device):
                self._consumed(edge)
        if self.result[task]:
            path = self._path(device, self.cluster.host)
            self._send(self.things.result(task), worker, path, self.result[task], now)

    # -- transfers that need not wait until their task is taken

    def _send_ahead(self, task: int, now: float) -> None:
        """Start what *task*, just ended, has for workers named beforehand, where there is room."""
        source = self._device_of(task)
        for edge in self._edges_out_of(task):
            child = self.edge_child[edge]
            worker = self.homes[child]
            device = self.device[worker]
            size = self.size[edge] if device != source else 0.0
            if self.rooms.has(size, device):
                self.rooms.receive(child, device, size)
                self._move(edge, worker, now)

    def _give_ahead(self, task: int, now: float) -> None:
        size, worker = self._to_give(task), self.homes[task]
        if size and self.rooms.has(size, self.device[worker]):
            self.rooms.receive(task, self.device[worker], size)
            self._give_input(task, worker, now)

    def _depart(self, flow: int, now: float) -> None:
        flows = self.graph.flows
        source, target = int(flows.source[flow]), int(flows.target[flow])
        worker = bisect_left(self.device, source if target == self.cluster.host else target)
        path, size = self._path(source, target), float(flows.size[flow])
        self._send(self.things.flow(flow), worker, path, size, now, float(flows.limit[flow]))
