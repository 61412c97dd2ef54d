"""Where the tasks of a run stand: what each waits for, which worker has taken it, and whom to ask next.

    waits for parents  ->  ready  ->  taken by a worker  ->  runs until the instant that the agenda names  ->  ended

`order` updates it. It does not know how long a task takes or how inputs travel, so the simulated clock and the real
processes share it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from parsim.core.columns import NEVER, NONE, packed
from parsim.sim.prepared import Prepared

NOBODY = NONE  # in place of a worker

Time = Any  # whole ticks on the simulated clock, seconds on the wall clock
Fits = Callable[[int], bool]


def always(task: int) -> bool:
    """Answer that there is room: no device has a limit."""
    return True


class State:
    """The tasks and workers of one run.

    Parameters
    ----------
    ready : the job, and what its policy says beforehand.
    """

    def __init__(self, ready: Prepared) -> None:
        job, graph = ready.job, ready.job.graph
        tasks, workers = len(graph), len(job.cluster.workers)
        self.ready, self.job, self.graph, self.policy = ready, job, graph, ready.policy
        self.homes = ready.homes
        self.named = bool(self.homes)
        self.limit = 1 if self.named else 1 + job.prefetch  # tasks that a worker holds at most
        self.agenda: dict[Time, list[int]] = {}  # instant -> tasks that end then
        self.passing: Time = NEVER  # the instant whose passes take place, if one does
        self.worker = [NOBODY] * tasks
        self.holding = [0] * workers  # tasks taken and not ended
        self.queue: list[deque[int]] = [deque() for _ in range(workers)]  # of these, not started
        self.stirred = list(range(workers))  # workers whose next answer of the policy may differ from the last
        self.fits: list[Fits] = [always] * workers
        self.device = job.cluster.device_of_worker

        children, edges = graph.children, graph.edges
        self.first, self.child = children.first, packed(edges.child[children.order])
        self.missing = np.bincount(edges.child, minlength=tasks).tolist()  # parents that have not ended

    def device_of(self, task: int) -> int:
        """Return the device that runs or ran *task*."""
        return self.device[self.worker[task]]
