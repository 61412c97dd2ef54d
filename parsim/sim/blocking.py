"""Workers that start their next task only when all that the last one sent has arrived (`plan.sends: blocking`).

w0   |## 0F0 ##|        |## 0F1 ##|
w1             |0F0>1F0||## 1F0 ##|
"""

from __future__ import annotations

import numpy as np

from parsim.sim.state import State


class Blocking:
    """Counts what has not arrived of each task; every worker must be named beforehand.

    Parameters
    ----------
    state : where tasks stand.
    """

    def __init__(self, state: State) -> None:
        edges, worker = state.graph.edges, np.array(state.homes, dtype=np.int64)
        device = np.array(state.device)[worker]
        away = (edges.size > 0) & (device[edges.parent] != device[edges.child])
        away |= (edges.delay > 0) & (worker[edges.parent] != worker[edges.child])
        self.missing = np.bincount(edges.parent[away], minlength=len(worker)).tolist()  # [task]

    def arrived(self, task: int) -> bool:
        """Note that something has arrived that *task* sent; say whether it was the last."""
        self.missing[task] -= 1
        return not self.missing[task]
