"""Worker processes of this machine, each with a queue of its own.

queue 0  -->  process 0        dies: its calls fail, and the next call starts another one in its place
queue 1  -->  process 1        goes on
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from parsim.study.process_pool import ProcessPool


class Processes(Executor):
    """Worker processes that are replaced when they die, and do not take others with them.

    Parameters
    ----------
    workers : how many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pools: list[ProcessPool | None] = [None] * workers
        self._waiting: list[set[Future[Any]]] = [set() for _ in range(workers)]

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call *function* in the process with the shortest queue."""
        waiting = self._waiting
        for queue in waiting:
            queue -= {future for future in queue if future.done()}
        place = min(range(self.workers), key=lambda place: len(waiting[place]))
        future = self._submitted(place, function, *args, **kwargs)
        waiting[place].add(future)
        return future

    def lost(self, error: BaseException) -> bool:
        """Return whether the process of a call has died."""
        return isinstance(error, BrokenExecutor)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes, busy ones too."""
        for pool in self._pools:
            if pool is not None:
                pool.shutdown(wait, cancel_futures=cancel_futures)

    def _submitted(self, place: int, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        pool = self._pools[place]
        if pool is not None:
            try:
                return pool.submit(function, *args, **kwargs)
            except BrokenExecutor:
                pool.shutdown()
        new = self._pools[place] = ProcessPool(1)
        return new.submit(function, *args, **kwargs)
