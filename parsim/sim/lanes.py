"""Communication lanes: tasks that take no compute slot, and hand on what they have as soon as they end.

    w0  compute    |##b3##|##b2##|##b1##|
    w0  dp                |==|--send b3's bucket--|==|--send b2's bucket--|
    w1  compute                                   |##update##|

A lane does one task at a time, in the order in which they became ready (of one instant, by number). It is free again
when all that its task handed on has arrived. Whoever waits for some of that is ready when its own has arrived.
"""

from __future__ import annotations

from heapq import heappop, heappush

from parsim.core.columns import NONE
from parsim.sim.collectives import Collectives
from parsim.sim.inputs import Inputs
from parsim.sim.order import Released
from parsim.sim.reservations import Reservations
from parsim.sim.spans import Spans
from parsim.sim.state import State
from parsim.sim.transfers import Transport


class Lanes:
    """The communication lanes of all workers.

    Parameters
    ----------
    state : where tasks stand.
    spans : the spans of tasks.
    transport : what carries bytes.
    inputs : what tasks receive and hand on.
    room : the room on devices; None: none has a limit.
    """

    def __init__(
        self, state: State, spans: Spans, transport: Transport, inputs: Inputs, room: Reservations | None
    ) -> None:
        graph = state.graph
        self._state, self._spans, self._transport, self._inputs, self._room = state, spans, transport, inputs, room
        self._lane, self._edge_lane = graph.lane.tolist(), graph.transfers.lane.tolist()
        self._only = [graph.places[place][0] for place in graph.place.tolist()]  # [task] its worker, where there is one
        lanes = len(graph.lanes)
        every = lanes * len(state.holding)
        lane_of = zip(self._only, self._lane, strict=True)
        # [task] the number of its lane among those of all workers, NONE: it computes
        self._at = [worker * lanes + lane - 1 if lane else NONE for worker, lane in lane_of]
        self._queue = [list[tuple[int, int]]() for _ in range(every)]  # heaps of (instant, task): ready
        self._busy = [NONE] * every  # the task that runs, or sends
        self._ends: dict[int, list[int]] = {}  # instant -> tasks that end then
        self._under_way: dict[int, int] = {}  # task -> what has not arrived of it
        self._leaving: list[int] = []  # edges whose task has ended, and that have not set out
        self._free: list[int] = []  # tasks that have handed on all that they had: their lanes are free
        self._read: list[int] = []  # outputs elsewhere that tasks of lanes have received as they started, in this pass
        self._released: Released = []
        self.collectives = Collectives(state, transport, self._only)
        self._members = self.collectives.members()

    def released(self, released: Released, now: int) -> Released:
        """Take the tasks of lanes out of those that are ready; return the others."""
        at, queue, busy, others = self._at, self._queue, self._busy, []
        free: dict[int, None] = {}
        for row in released:
            task = row[0]
            lane = at[task]
            if lane == NONE:
                others.append(row)
                continue
            heappush(queue[lane], (now, task))
            if busy[lane] == NONE:
                free[lane] = None
        for lane in free:
            self._next(lane, now)
        return others

    def ended(self, now: int) -> None:
        """Note that a pass begins: tasks of lanes end, and what was received in the pass before is freed."""
        if self._read:
            read, self._read = self._read, []
            for parent in read:
                self._received(parent)
        if now in self._ends:
            for task in sorted(self._ends.pop(now)):
                self._end(task, now)

    def hand_on(self, now: int) -> Released:
        """Note that all else has ended and arrived; let set out what finds room, and return the tasks released."""
        through = self.collectives.due(now)
        if through:
            self._through(through, now)
        if self._leaving:
            sender, receiver = self._inputs.sender, self._inputs.receiver
            leaving = sorted(self._leaving, key=lambda edge: (sender[edge], receiver[edge]))
            self._leaving = [edge for edge in leaving if not self._set_out(edge, now)]
        if self._free:
            free, self._free = self._free, []
            for task in free:
                lane = self._at[task]
                self._busy[lane] = NONE
                self._spans.communication_ends(self._only[task], now)
                if self._queue[lane]:
                    self._next(lane, now)
        released, self._released = self._released, []
        return released

    def arrived(self, row: int, now: int) -> bool:
        """Note that a transfer has arrived, or what a collective has posted; say whether a lane sent it."""
        if row < 0:
            self.collectives.arrived(~row, now)
            return True
        if not self._edge_lane[row]:
            return False
        self._there(row)
        self._handed_on(self._inputs.sender[row])
        return True

    def _there(self, edge: int) -> None:
        """Note that its receiver has what *edge* carries."""
        child, missing = self._inputs.receiver[edge], self._state.missing
        missing[child] -= 1
        if not missing[child]:
            self._released.append((child, self._only[child]))

    def _handed_on(self, task: int) -> None:
        """Note that *task* has ended, or that something has arrived that it handed on; the last frees its lane."""
        self._under_way[task] -= 1
        if self._under_way[task]:
            return
        self._free.append(task)
        if self._room:
            self._room.rooms.end(task, self._state.device[self._only[task]])
            for parent in self._parents(task, here=True):
                self._received(parent)

    def _through(self, members: list[int], now: int) -> None:
        """Note that *members* of collectives are through with all phases."""
        self._spans.ends.update(dict.fromkeys(members, now))
        self._ends.setdefault(now, []).extend(members)
        self._spans.at(now)

    def story(self) -> list[str]:
        """Tell what the lanes wait for that have something to do."""
        workers, graph = self._state.job.cluster.workers, self._state.graph
        return [
            f"lane {graph.lanes[self._lane[task] - 1]} of {workers[self._only[task]].name} waits to send the data of "
            f"{graph.names[task]} on"
            for task in self._busy
            if task != NONE
        ]

    def _next(self, lane: int, now: int) -> None:
        """Start the next task of a lane that is free and has one."""
        _, task = heappop(self._queue[lane])
        worker, spans = self._only[task], self._spans
        self._busy[lane] = task
        spans.communication_begins(worker, now)
        self._state.worker[task] = worker
        spans.starts[task] = now
        took = spans.lasts[worker][task]
        if self._room:
            self._read_elsewhere(task, now)
        if task in self._members:
            self.collectives.post(task, now)
            return
        spans.begin(worker, now)
        spans.open[worker] += 1
        self._ends.setdefault(now + took, []).append(task)
        spans.at(now + took)

    def _read_elsewhere(self, task: int, now: int) -> None:
        """Note that *task* starts: it has what parents elsewhere made, which the next pass frees."""
        read = self._parents(task, here=False)
        if read:
            self._read += read
            self._spans.at(now)

    def _end(self, task: int, now: int) -> None:
        """Note that *task* has ended: what need not travel is there."""
        worker, inputs = self._only[task], self._inputs
        if task not in self._members:  # what a member has to itself are the transfers that it receives
            self._spans.open[worker] -= 1
            self._spans.end(worker, now)
        self._under_way[task] = 1
        for edge in inputs.out_of(task):
            inputs.begun[edge] = 1
            if worker == self._only[inputs.receiver[edge]] or not (inputs.delay[edge] or inputs.size[edge]):
                self._there(edge)
            else:
                self._under_way[task] += 1
                self._leaving.append(edge)
        self._handed_on(task)

    def _set_out(self, edge: int, now: int) -> bool:
        """Let set out what *edge* carries, if there is room where it goes; say whether it does."""
        inputs, device, task = self._inputs, self._state.device, self._inputs.receiver[edge]
        worker, size = self._only[task], inputs.size[edge]
        ends = device[self._only[inputs.sender[edge]]], device[worker]
        if inputs.delay[edge]:
            self._transport.delay(edge, worker, now, now + inputs.delay[edge])
        elif self._room and not self._room.admit(task, ends[1], size):
            return False
        else:
            self._transport.send(edge, worker, ends, size, now)
        return True

    def _parents(self, task: int, here: bool) -> list[int]:
        """Return the parents of *task* that compute, those on its own device or those elsewhere."""
        state, device = self._state, self._state.device[self._only[task]]
        parents = [self._inputs.sender[edge] for edge in self._inputs.into(task)]
        return [one for one in parents if not self._lane[one] and (state.device_of(one) == device) == here]

    def _received(self, parent: int) -> None:
        if self._room:
            self._room.received(parent)
