"""Communication lanes: tasks that take no compute slot, and hand on what they have as soon as they end.

    w0  compute    |##b3##|##b2##|##b1##|
    w0  dp                |==|--send b3's bucket--|==|--send b2's bucket--|
    w1  compute                                   |##update##|

A lane does one task at a time, in the order in which they became ready (of one instant, by number). It is free again
when all that its task handed on has arrived. Whoever waits for some of that is ready when its own has arrived.
"""

from __future__ import annotations

from heapq import heappop, heappush

from parsim.sim.collectives import Collectives
from parsim.sim.inputs import Inputs
from parsim.sim.order import Released
from parsim.sim.reservations import Reservations
from parsim.sim.spans import Spans
from parsim.sim.state import State
from parsim.sim.transfers import Wires

Key = tuple[int, int]  # worker, and number of the lane


class Lanes:
    """The communication lanes of all workers.

    Parameters
    ----------
    state : where tasks stand.
    spans : the spans of tasks.
    wires : what carries bytes.
    inputs : what tasks receive and hand on.
    room : the room on devices; None: none has a limit.
    """

    def __init__(self, state: State, spans: Spans, wires: Wires, inputs: Inputs, room: Reservations | None) -> None:
        graph = state.graph
        self._state, self._spans, self._wires, self._inputs, self._room = state, spans, wires, inputs, room
        self._lane, self._edge_lane = graph.lane.tolist(), graph.transfers.lane.tolist()
        self._only = [graph.places[place][0] for place in graph.place.tolist()]  # [task] its worker, where there is one
        self._queue: dict[Key, list[tuple[int, int]]] = {}  # a heap of (instant, task): those ready and not started
        self._busy: dict[Key, int] = {}  # the task that runs, or sends
        self._ends: dict[int, list[int]] = {}  # instant -> tasks that end then
        self._under_way: dict[int, int] = {}  # task -> what has not arrived of it
        self._sent: list[int] = []  # tasks whose last edge has arrived
        self._waiting: list[int] = []  # edges that find no room where they go
        self._released: Released = []
        self._collectives = Collectives(state, wires, self._only)

    def released(self, released: Released, now: int) -> Released:
        """Take the tasks of lanes out of those that are ready; return the others."""
        for task, _ in released:
            if self._lane[task]:
                heappush(self._queue.setdefault(self._key(task), []), (now, task))
        for key in {self._key(task): None for task, _ in released if self._lane[task]}:
            self._next(key, now)
        return [row for row in released if not self._lane[row[0]]]

    def ended(self, now: int) -> Released:
        """Hear that everything else of the instant has ended and arrived; return the tasks that lanes release."""
        for task in sorted(self._ends.pop(now, ())):
            self._end(task, now)
        waiting, self._waiting = self._waiting, []
        for edge in waiting:
            self._set_out(edge, now)
        sent, self._sent = self._sent, []
        for task in sent:
            self._free(task, now)
        released, self._released = self._released, []
        return released

    def arrived(self, row: int, now: int) -> bool:
        """Hear that a transfer has arrived, or what a collective has posted; say whether a lane sent it."""
        if row < 0:
            self._through(self._collectives.arrived(~row, now), now)
            return True
        if not self._edge_lane[row]:
            return False
        inputs, missing = self._inputs, self._state.missing
        child = inputs.receiver[row]
        missing[child] -= 1
        if not missing[child]:
            self._released.append((child, self._only[child]))
        self._arrived(inputs.sender[row])
        return True

    def _arrived(self, task: int) -> None:
        """Hear that something has arrived that *task* handed on, or that it has ended itself."""
        self._under_way[task] -= 1
        if not self._under_way[task]:
            self._sent.append(task)

    def _through(self, members: list[int], now: int) -> None:
        """Hear that *members* of collectives are through with all phases."""
        for task in members:
            self._spans.ends[task] = now
            self._ends.setdefault(now, []).append(task)
            self._spans.at(now)

    def story(self) -> list[str]:
        """Tell what the lanes wait for that have something to do."""
        workers, graph = self._state.job.cluster.workers, self._state.graph
        return [
            f"lane {graph.lanes[lane - 1]} of {workers[worker].name} waits to hand on what {graph.names[task]} has"
            for (worker, lane), task in self._busy.items()
        ]

    def _key(self, task: int) -> Key:
        return self._only[task], self._lane[task]

    def _next(self, key: Key, now: int) -> None:
        """Start the next task of a lane that is free."""
        if key in self._busy or not self._queue.get(key):
            return
        (_, task), (worker, _) = heappop(self._queue[key]), key
        self._busy[key] = task
        self._state.worker[task] = worker
        self._spans.starts[task] = now
        took = self._spans.lasts[worker][task]
        self._spans.begin(worker, now)
        self._spans.open[worker] += 1
        if self._room:
            self._read_elsewhere(task, self._room)
        if task in self._collectives:
            self._through(self._collectives.post(task, now), now)
        else:
            self._ends.setdefault(now + took, []).append(task)
            self._spans.at(now + took)

    def _end(self, task: int, now: int) -> None:
        """Let all set out that *task* hands on."""
        worker, edges = self._only[task], self._inputs.out_of(task)
        self._spans.open[worker] -= 1
        self._spans.end(worker, now)
        self._under_way[task] = 1 + len(edges)
        for edge in edges:
            self._set_out(edge, now)
        self._arrived(task)

    def _set_out(self, edge: int, now: int) -> None:
        inputs, device, room = self._inputs, self._state.device, self._room
        inputs.begun[edge] = 1
        sender, receiver = self._only[inputs.sender[edge]], self._only[inputs.receiver[edge]]
        source, target = device[sender], device[receiver]
        if inputs.delay[edge] and sender != receiver:
            self._wires.delay(edge, receiver, now, now + inputs.delay[edge])
        elif not inputs.size[edge] or source == target:
            self.arrived(edge, now)
        elif not room or room.grant(inputs.receiver[edge], target, inputs.size[edge]):
            self._wires.send(edge, receiver, (source, target), inputs.size[edge], now)
        else:
            self._waiting.append(edge)

    def _free(self, task: int, now: int) -> None:
        """Hear that all has arrived that *task* handed on: its lane is free."""
        del self._busy[self._key(task)]
        if self._room:
            self._room.read(task, self._state.device[self._only[task]])
        self._next(self._key(task), now)

    def _read_elsewhere(self, task: int, room: Reservations) -> None:
        """Hear that *task* starts: over edges that only order, it has what parents on other devices made."""
        state = self._state
        for edge in self._inputs.into(task):
            parent = self._inputs.sender[edge]
            if not self._lane[parent] and state.device_of(parent) != state.device[self._only[task]]:
                room.received(parent)
