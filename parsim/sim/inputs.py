"""What each task receives and sends: the table of transfers as lists, which plain Python reads fast.

t0 --edge 0--> t2        edges into t2: 0, 1; edges out of t0: 0
t1 --edge 1--> t2        `begun`: has left, or need not travel
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import NONE
from parsim.sim.state import State


class Inputs:
    """The rows of the table of transfers, and which of them have left.

    `given[task]` is the row of what the host gives to a task, `sent[task]` of what a task sends to the host.
    """

    def __init__(self, state: State) -> None:
        graph, table = state.graph, state.graph.transfers
        self.into, self.out_of = graph.parents.of, graph.children.of  # task -> its edges
        self._state = state
        self.sender, self.receiver = table.parent.tolist(), table.child.tolist()
        self.size, self.delay = table.size.tolist(), state.ready.ticks.column(table.delay).tolist()
        self.given = {self.receiver[row]: row for row in np.flatnonzero(table.given).tolist()}
        self.sent = {self.sender[row]: row for row in np.flatnonzero(table.results).tolist()}
        self.begun = bytearray((table.size == 0) & (table.delay == 0))  # 1: in flight, delivered or not needed

    def consumers(self, task: int) -> int:
        """Return how many consumers the output of *task* has, the host included."""
        return len(self.out_of(task)) + (task in self.sent)

    def to_come(self, task: int, device: int) -> float:
        """Return the bytes that must yet come to *device* for *task*."""
        device_of, size, begun, sender = self._state.device_of, self.size, self.begun, self.sender
        travelling: float = sum(
            size[edge]
            for edge in self.into(task)
            if size[edge] and not begun[edge] and device_of(sender[edge]) != device
        )
        return travelling + self.to_give(task)

    def to_give(self, task: int) -> float:
        """Return the bytes that the host must yet send to *task*."""
        row = self.given.get(task, NONE)
        return 0.0 if row == NONE or self.begun[row] else self.size[row]
