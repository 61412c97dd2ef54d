"""Hands tasks over ahead: a worker whose next tasks are known need not wait for the host.

    order of w0     a b c d
    handed over     a b c          while a computes; the parents of b and c have ended, or come before on w0
    not yet               d        its parent on w1 has not ended, as far as the host has heard

A task is taken before its worker is free. If the policy fixes the order of each worker, a child on the same worker may
follow as soon as its parent is taken. Otherwise only tasks whose parents have ended are handed over. The order of tasks
on each worker does not change.
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
    """Return whether tasks may be handed over ahead.

    Not on a device with several slots and a limit of memory: one slot might reserve room that another needs first.
    """
    known = bool(state.ready.orders) or isinstance(state.policy, Queued)
    devices = state.job.cluster.devices
    return state.named and known and all(device.slots == 1 or device.memory == math.inf for device in devices)


class Ahead:
    """Lets workers take tasks ahead, where that is `allowed`."""

    def __init__(self, state: State, room: Reservations | None) -> None:
        self._state = state
        self._following: Released = []  # released when a parent on their worker was taken
        state.limit = 1 + max(AHEAD, state.job.prefetch)
        if room:
            state.fits[:] = [partial(self._fits, room, worker) for worker in range(len(state.fits))]
        graph, homes = state.graph, np.array(state.homes)
        edges, order = graph.edges, np.array(graph.children.order, dtype=np.int64)
        stays = (homes[edges.parent] == homes[edges.child])[order] & bool(state.ready.orders)
        self._stays = self._children(order[stays])
        state.first, state.child = self._children(order[~stays])  # ends release only these

    def hooks(self, hooks: Hooks) -> Hooks:
        """Return *hooks* with the functions that release the children of taken tasks."""
        ended = hooks.ended
        assert ended is not None
        return hooks._replace(
            ended=lambda tasks, now: ended(tasks, now) + self._released(), more=lambda now: bool(self._following)
        )

    def take(self, task: int, worker: int) -> None:
        """Note that *worker* has taken *task*, whose output it will keep."""
        first, child = self._stays
        for one in child[first[task] : first[task + 1]]:
            self._state.missing[one] -= 1
            if not self._state.missing[one]:
                self._following.append((one, worker))

    def _released(self) -> Released:
        released, self._following = self._following, []
        return released

    def _children(self, edges: Ints) -> tuple[array[int], array[int]]:
        """Return the children along *edges*, which are sorted by parent: the first position of each task, and all."""
        graph = self._state.graph
        counts = np.bincount(graph.edges.parent[edges], minlength=len(graph))
        return packed(np.concatenate(([0], np.cumsum(counts)))), packed(graph.edges.child[edges])

    def _fits(self, room: Reservations, worker: int, task: int) -> bool:
        """Return whether there is room; a worker that computes is not recorded as waiting for it."""
        device = self._state.device[worker]
        if self._state.holding[worker]:
            return room.rooms.has(room.need(task, device), device)
        return room.has_room(device, task)
