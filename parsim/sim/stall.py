"""Describes a run that is stuck: which lane waits for which task, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parsim.core.errors import Stalled
from parsim.core.escape import printable
from parsim.core.quantities import size, unlike
from parsim.sim.reservations import Reservations
from parsim.sim.state import NOBODY, State

SHOWN = 8  # workers and lanes told of, at most


class Stall(NamedTuple):
    """A run that is stuck.

    Parameters
    ----------
    state : where tasks stand.
    room : the room on devices; None: none has a limit.
    left : the tasks that have not ended.
    waiting : what communication lanes wait for, a sentence each.
    stopped : links that carry nothing, and what has not arrived, a sentence each.
    """

    state: State
    room: Reservations | None
    left: list[int]
    waiting: list[str]
    stopped: Sequence[str] = ()

    def told(self, now_s: float) -> Stalled:
        """Say which lane waits for which task, and why."""
        state = self.state
        lines = [self._lane(worker) for worker in range(len(state.queue))]
        told = [line for line in (*self.stopped, *lines, *self.waiting) if line]
        more = [f"  and {len(told) - SHOWN} more lanes"] if len(told) > SHOWN else []
        tasks = f"{len(self.left)} of {len(state.graph)} tasks cannot end"
        head = f"stalled at {now_s:g} s: {tasks if self.left else 'some transfers cannot arrive'}"
        return Stalled("\n".join(map(printable, [head, *(f"  {line}" for line in told[:SHOWN]), *more])))

    def _lane(self, worker: int) -> str:
        state = self.state
        name, names = state.job.cluster.workers[worker].name, state.graph.names
        if state.queue[worker]:
            return f"{name} waits for {names[state.queue[worker][0]]}, whose inputs have not arrived"
        ahead = self._next_in_order(worker)
        if ahead is not None and state.missing[ahead]:
            return f"{name} waits for {names[ahead]}, the next task of its order: {self._why(ahead, worker)}"
        runs = [task for task in self.left if state.worker[task] == NOBODY and self._may_run(task, worker)]
        if not runs:
            return ""
        ready = [task for task in runs if not state.missing[task]] or runs
        task = next((task for task in ready if self._lacks_room(task, worker)), ready[0])
        return f"{name} waits for {names[task]}: {self._why(task, worker)}"

    def _may_run(self, task: int, worker: int) -> bool:
        state = self.state
        if len(state.graph.lane) and state.graph.lane[task]:
            return False
        return state.homes[task] == worker if state.named else worker in state.graph.places[state.graph.place[task]]

    def _next_in_order(self, worker: int) -> int | None:
        """Return the first task of a pipeline's order that the worker has not taken."""
        orders = self.state.graph.orders if self.state.job.policy_name == "in_order" else ()
        order = orders[worker] if worker < len(orders) else ()
        return next((task for task in order if self.state.worker[task] == NOBODY), None)

    def _lacks_room(self, task: int, worker: int) -> bool:
        device = self.state.device[worker]
        room, missing = self.room, self.state.missing[task]
        return room is not None and not missing and not room.rooms.has(room.need(task, device), device)

    def _why(self, task: int, worker: int) -> str:
        state = self.state
        if state.missing[task]:
            waits = state.graph.edges.parent[state.graph.parents.of(task)].tolist()
            left = set(self.left)
            missing = [state.graph.names[parent] for parent in waits if parent in left]
            return f"{missing[0]} has not ended" if missing else "its inputs have not arrived"
        if self.room and self._lacks_room(task, worker):
            return self._room_story(self.room, task, state.device[worker])
        return f"it is ready, but the policy {state.job.policy_name} gives it to no worker"

    def _room_story(self, room: Reservations, task: int, device: int) -> str:
        """Tell what room *task* needs on *device*, and what is free there."""
        name, capacity = self.state.job.cluster.devices[device].name, self.state.job.cluster.devices[device].memory
        need, free = unlike(room.need(task, device), max(capacity - room.rooms.held[device], 0.0))
        return f"it needs {need} more on {name}, where only {free} of {size(capacity)} are free"
