"""Plays collectives: each member goes from phase to phase at its own pace, over links that are really shared.

    member 0   |posted|-- phase 0 --|-- phase 1 --|
    member 1            |posted|-- phase 0 --|-- phase 1 --|      late, so member 2 waits for what it sends

A member posts when its task starts. It completes a phase when all has arrived that it sends and receives in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.collective import Collective
from parsim.sim.state import State
from parsim.sim.transfers import Transport

BEFORE_FIRST = -1  # in place of a phase

Sent = tuple[int, int, int]  # task that sends, task that receives, phase


class Collectives:
    """The collectives of one run.

    Parameters
    ----------
    state : where tasks stand.
    transport : what carries bytes.
    workers : the worker of each task.
    """

    def __init__(self, state: State, transport: Transport, workers: Sequence[int]) -> None:
        self._device, self._transport, self._workers = state.device, transport, workers
        self._of: dict[int, tuple[Collective, int]] = {}  # task -> its collective, and its place among the members
        self._phase: dict[int, int] = {}  # task -> the phase that it is in
        self._open: dict[tuple[int, int], int] = {}  # (task, phase) -> what it sends or gets, and has not arrived
        self._sent: list[Sent] = []  # the number of a send is its place here
        for each in state.graph.collectives:
            for place, task in enumerate(each.members):
                self._of[task] = each, place
            for number, (source, target, _, _) in enumerate(each.phases):
                sends = np.bincount([*source, *target], minlength=len(each.members))
                self._open.update({(task, number): int(sends[place]) for place, task in enumerate(each.members)})

    def __contains__(self, task: int) -> bool:
        return task in self._of

    def post(self, task: int, now: int) -> list[int]:
        """Start the member *task*, whose inputs are there; return the members that have completed all phases."""
        self._phase[task] = BEFORE_FIRST
        return self._go_on([task], now)

    def arrived(self, number: int, now: int) -> list[int]:
        """Note that send *number* has arrived; return the members that have completed all phases."""
        return self._go_on(self._note(*self._sent[number]), now)

    def _note(self, sender: int, receiver: int, phase: int) -> list[int]:
        """Note that a send has arrived; return the members that may go on."""
        for task in (sender, receiver):
            self._open[task, phase] -= 1
        return [task for task in (sender, receiver) if task in self._phase]

    def _go_on(self, tasks: list[int], now: int) -> list[int]:
        """Let *tasks* enter their next phase if they have completed the last; return those that have completed all."""
        through = []
        while tasks:
            task = tasks.pop(0)
            if task not in self._phase or self._open.get((task, self._phase[task]), 0):
                continue
            self._phase[task] += 1
            if self._phase[task] == len(self._of[task][0].phases):
                del self._phase[task]
                through.append(task)
            else:
                tasks += [*self._enter(task, now), task]
        return through

    def _enter(self, task: int, now: int) -> list[int]:
        """Send what *task* sends in its phase; return the members that may go on at once, if nothing has to travel."""
        (each, place), number, soon = self._of[task], self._phase[task], []
        source, target, size, flows = each.phases[number]
        for row in np.flatnonzero(source == place).tolist():
            receiver = each.members[int(target[row])]
            ends = self._device[self._workers[task]], self._device[self._workers[receiver]]
            if not size[row] or ends[0] == ends[1]:
                soon += self._note(task, receiver, number)
            else:
                self._transport.post(len(self._sent), ends, float(size[row]), int(flows[row]), now)
                self._sent.append((task, receiver, number))
        return soon
