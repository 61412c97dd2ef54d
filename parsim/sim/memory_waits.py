"""When workers wait for room, so that their idle time gets the cause `memory`.

w0 asks    t1? no room    t2? no room    nothing fits: it waits for room from now on, until it gets a task
"""

from __future__ import annotations

from collections.abc import Sequence

from parsim.core.graph import TaskGraph
from parsim.sim.state import Time


class Starving:
    """The workers that get no task because none that they may run has room.

    Parameters
    ----------
    stirred : workers that are to be asked again at the next pass.
    named : the policy names each task's worker beforehand.
    waited : worker, from, to: three numbers a time, written here.
    """

    def __init__(self, graph: TaskGraph, workers: int, stirred: list[int], named: bool) -> None:
        self.waited: list[Time] = []
        self._stirred, self._named = stirred, named
        self._since: dict[int, Time] = {}  # worker -> since when
        self._refused: set[int] = set()  # tasks without room, of the worker that is asking
        self._still: set[int] = set()
        self._place = graph.place.tolist()
        self._ready = [0] * len(graph.places)  # ready tasks that nobody has taken, by place set
        self._runs: list[list[int]] = [[] for _ in range(workers)]
        for index, allowed in enumerate(graph.places):
            for worker in allowed:
                self._runs[worker].append(index)

    def released(self, tasks: Sequence[int]) -> None:
        """Note that *tasks* are ready."""
        for task in tasks:
            self._ready[self._place[task]] += 1

    def asking(self) -> None:
        """Note that the workers are about to ask."""
        self._still.clear()
        self._refused.clear()

    def refuse(self, task: int) -> None:
        """Note that *task* has no room where it was asked for."""
        self._refused.add(task)

    def taken(self, task: int) -> None:
        """Note that somebody has taken *task*."""
        self._refused.clear()
        self._ready[self._place[task]] -= 1

    def in_vain(self, worker: int, now: Time) -> None:
        """Note that *worker* got nothing."""
        ready = sum(self._ready[index] for index in self._runs[worker])
        if self._refused and (self._named or len(self._refused) == ready):
            self._stirred.append(worker)
            self._still.add(worker)
            self._since.setdefault(worker, now)
        self._refused.clear()

    def asked(self, now: Time) -> None:
        """End the waits of workers that got a task, or whose ready tasks others have taken in this round of asking."""
        hungry = {w for w in self._still if self._named or any(self._ready[index] for index in self._runs[w])}
        for worker in self._since.keys() - hungry:
            since = self._since.pop(worker)
            if since < now:
                self.waited += (worker, since, now)
