"""Memory on the devices of a run: whether a task fits, what taking it reserves, and when that is free again.

    take t        its memory, its output, and its inputs that must yet travel are reserved
    t ends        its memory and its inputs are free; its output once the last consumer has ended or received it

`memory` counts bytes, `memory_waits` finds the workers that wait for room, `early_transfers` grants early inputs.
"""

from __future__ import annotations

from functools import partial

from parsim.sim.early_transfers import spares
from parsim.sim.inputs import Inputs
from parsim.sim.memory import Rooms
from parsim.sim.memory_waits import Starving
from parsim.sim.order import Hooks, Released
from parsim.sim.state import State, Time


class Reservations:
    """Reservations on devices that have a limit of memory."""

    def __init__(self, state: State, inputs: Inputs) -> None:
        self._state, self._inputs = state, inputs
        self.rooms = Rooms(state.graph, state.job.cluster)
        self.starving = Starving(state.graph, len(state.holding), state.stirred, state.named)
        self._spare = spares(state.job, state.homes, state.ready.orders) if state.named else {}
        state.fits[:] = [partial(self.has_room, device) for device in state.device]

    def hooks(self, hooks: Hooks) -> Hooks:
        """Return *hooks* with the functions that record which workers wait for room."""
        starving = self.starving
        return hooks._replace(asking=starving.asking, in_vain=starving.in_vain, asked=starving.asked)

    def released(self, released: Released) -> None:
        """Note that tasks are ready."""
        self.starving.released([task for task, _ in released])

    def waited(self) -> list[Time]:
        """Return the stretches in which workers waited for room: worker, from, to, three numbers each."""
        return self.starving.waited

    def has_room(self, device: int, task: int) -> bool:
        """Say whether *device* has room for all that *task* still needs there."""
        fits = self.rooms.has(self.need(task, device), device)
        if not fits:
            self.starving.refuse(task)
        return fits

    def need(self, task: int, device: int) -> float:
        """Return the bytes that *task* still needs on *device*."""
        return self.rooms.need(task, device, self._inputs.to_come(task, device))

    def take(self, task: int, device: int) -> None:
        """Reserve all that *task*, now taken, still needs."""
        self.starving.taken(task)
        self.rooms.take(task, device, self._inputs.to_come(task, device), self._inputs.consumers(task))
        if device in self._spare:
            self._spare[device].take(task)

    def grant(self, task: int, device: int, size: float) -> bool:
        """Reserve room for an early input of *task*; return False if there is none or an earlier task may need it."""
        if not self.rooms.has(size, device) or (device in self._spare and not self._spare[device].grant(task, size)):
            return False
        self.rooms.receive(task, device, size)
        return True

    def admit(self, task: int, device: int, size: float) -> bool:
        """Reserve what a communication lane sends to *task*, if there is room."""
        if not self.rooms.has(size, device):
            return False
        self.rooms.receive(task, device, size)
        if device in self._spare:
            self._spare[device].come(task, size)
        return True

    def end(self, task: int, device: int) -> None:
        """Free the room of an ended task, and the outputs that it was the last to read."""
        self.rooms.end(task, device)
        if not self._inputs.consumers(task) and device in self._spare:
            self._spare[device].free(task)
        for edge in self._inputs.into(task):
            if self._state.device_of(self._inputs.sender[edge]) == device:
                self._let_go(self._inputs.sender[edge], device)

    def received(self, parent: int) -> None:
        """Note that somebody elsewhere, or the host, has received the output of *parent*."""
        device = self._state.device_of(parent)
        if device in self._spare:
            self._spare[device].received(parent)
        self._let_go(parent, device)

    def _let_go(self, parent: int, device: int) -> None:
        """Note that one consumer of the output of *parent* needs it no more."""
        gone = self.rooms.consume(parent, device)
        if gone and device in self._spare:
            self._spare[device].free(parent)
