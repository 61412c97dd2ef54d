"""Tasks handed over ahead: where it is known what a worker takes next, the worker need not wait for the host.

    order of w0     a b c d
    handed over     a b c          while a computes; the parents of b and c have ended, or come before on w0
    not yet               d        its parent on w1 has not ended, as far as the host has heard

A task is taken before its worker is free. Where the order of each worker is fixed beforehand, what a task makes counts
as there for its own worker once the task is taken. Where workers take what became ready first, only tasks whose parents
have ended are ready. Either way the order of tasks on each worker stays what it is.
"""

from __future__ import annotations

import math
from array import array
from functools import partial

import numpy as np

from parsim.core.columns import Ints, packed
from parsim.core.job import Queued
from parsim.sim.order import Hooks, Released
from parsim.sim.reservations import Reservations
from parsim.sim.state import State

AHEAD = 8  # tasks that a worker holds at most beside the one that it computes


def allowed(state: State) -> bool:
    """Say whether tasks may be handed over ahead.

    Slots of a device with a limit compete for its room: what one reserves ahead, another may need before.
    """
    known = bool(state.ready.orders) or isinstance(state.policy, Queued)
    devices = state.job.cluster.devices
    return state.named and known and all(device.slots == 1 or device.memory == math.inf for device in devices)


class Ahead:
    """Lets workers take tasks ahead, where that is `allowed`."""

    def __init__(self, state: State, room: Reservations | None) -> None:
        self._state = state
        self._following: Released = []  # ready since a task before them on their worker was taken
        state.limit = 1 + max(AHEAD, state.job.prefetch)
        if room:
            state.fits[:] = [partial(self._fits, room, worker) for worker in range(len(state.fits))]
        graph, homes = state.graph, np.array(state.homes)
        edges, order = graph.edges, np.array(graph.children.order, dtype=np.int64)
        stays = (homes[edges.parent] == homes[edges.child])[order] & bool(state.ready.orders)
        self._stays = self._children(order[stays])
        state.first, state.child = self._children(order[~stays])  # ends release these alone

    def hooks(self, hooks: Hooks) -> Hooks:
        """Return *hooks*, and with them what releases children of taken tasks."""
        ended = hooks.ended
        assert ended is not None
        return hooks._replace(
            ended=lambda tasks, now: ended(tasks, now) + self._released(), more=lambda now: bool(self._following)
        )

    def take(self, task: int, worker: int) -> None:
        """Hear that *worker* has taken *task*: it will have its output."""
        first, child = self._stays
        for one in child[first[task] : first[task + 1]]:
            self._state.missing[one] -= 1
            if not self._state.missing[one]:
                self._following.append((one, worker))

    def _released(self) -> Released:
        released, self._following = self._following, []
        return released

    def _children(self, edges: Ints) -> tuple[array[int], array[int]]:
        """Return the children along some *edges*, which are sorted by parent: where each task's begin, and all."""
        graph = self._state.graph
        counts = np.bincount(graph.edges.parent[edges], minlength=len(graph))
        return packed(np.concatenate(([0], np.cumsum(counts)))), packed(graph.edges.child[edges])

    def _fits(self, room: Reservations, worker: int, task: int) -> bool:
        """Say whether there is room; a worker that computes does not wait for it."""
        device = self._state.device[worker]
        if self._state.holding[worker]:
            return room.rooms.has(room.need(task, device), device)
        return room.has_room(device, task)
