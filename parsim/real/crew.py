"""A crew of worker processes: started together, heard together, and never left behind.

host  --order, input-->   worker process       one pipe each
      <--outputs, stamps--
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from parsim.core.errors import RunError
from parsim.real.worker import BEGINNING, NONE, Failure, Order, Report, serve

if TYPE_CHECKING:
    from parsim.real.worker import Channel

PATIENCE = 5.0  # s that a worker told to stop may take


class Heard(NamedTuple):
    """A task that has ended on a worker, and what it made."""

    worker: int
    report: Report
    outputs: list[Any]


class Crew:
    """Worker processes; all times are seconds since `start` has seen them all ready."""

    def __init__(self, workers: Sequence[str], tasks: Sequence[str]) -> None:
        self._names, self._task_names = workers, tasks
        self._processes: list[SpawnProcess] = []
        self._pipes: list[Channel] = []
        self._holds: list[list[int]] = [[] for _ in workers]  # tasks handed over, not reported
        self._zero = 0.0

    def now(self) -> float:
        """Read the clock."""
        return monotonic() - self._zero

    def start(self, kernel: Callable[[Any], Any]) -> None:
        """Start every process, wait until all have loaded the kernel, then start the clock."""
        context = multiprocessing.get_context("spawn")
        reference = _reference(kernel)
        with _alone(kernel.__module__ == "__main__"):
            for name in self._names:
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, reference), name=f"parsim {name}", daemon=True)
                self._pipes.append(ours)
                self._processes.append(process)
                process.start()
                theirs.close()  # so that the pipe ends when the process does
        for worker in range(len(self._names)):
            self._receive(worker)
        self._zero = monotonic()

    def order(self, worker: int, order: Order, values: Sequence[Any]) -> float:
        """Hand a task over, with its values unless its parent ran there; return when."""
        self._holds[worker].append(order.task)
        handed = self.now()
        try:
            self._pipes[worker].send(order)
            if order.parent == NONE:
                self._pipes[worker].send(values)
        except OSError:
            raise self._dead(worker) from None
        return handed

    def hear(self) -> list[Heard]:
        """Wait until some task has ended; return all that have."""
        ready = wait([*self._pipes, *(process.sentinel for process in self._processes)])
        heard = [self._hear(worker) for worker, pipe in enumerate(self._pipes) if pipe in ready]
        if not heard:
            dead = [worker for worker, process in enumerate(self._processes) if process.sentinel in ready]
            raise self._dead(dead[0])
        return heard

    def _hear(self, worker: int) -> Heard:
        outputs, report = self._receive(worker), self._receive(worker)
        self._holds[worker].remove(report.task)
        return Heard(worker, self._since_zero(report), outputs)

    def _since_zero(self, report: Report) -> Report:
        zero = self._zero
        return report._replace(
            seen=report.seen - zero,
            there=report.there - zero,
            start=report.start - zero,
            end=report.end - zero,
            sent=report.sent - zero,
            idle=[(max(start - zero, BEGINNING), end - zero) for start, end in report.idle],
            since=report.since - zero,
        )

    def _receive(self, worker: int) -> Any:
        try:
            message = self._pipes[worker].recv()
        except (EOFError, OSError):
            raise self._dead(worker) from None
        except Exception as error:
            raise RunError(f"worker {self._names[worker]}: what it sent cannot be loaded: {error}") from error
        if isinstance(message, Failure):
            what = f"task {self._task_names[message.task]} on " if message.task != NONE else ""
            raise RunError(f"{what}worker {self._names[worker]}: {message.text}")
        return message

    def _dead(self, worker: int) -> RunError:
        process, holds = self._processes[worker], self._holds[worker]
        process.join(PATIENCE)
        signals = {-one: f"was killed by {one.name}" for one in signal.Signals}
        how = signals.get(process.exitcode or 0, f"ended with exit code {process.exitcode}")
        what = f"while it had task {self._task_names[holds[0]]}" if holds else "while it had no task"
        return RunError(f"worker {self._names[worker]} {how} {what}")

    def dismiss(self) -> None:
        """Let every worker come to its end."""
        for pipe in self._pipes:
            with suppress(OSError):  # it has done its work, and died since
                pipe.send(None)
        end = monotonic() + PATIENCE
        for process in self._processes:
            process.join(max(end - monotonic(), 0.0))

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        started = [process for process in self._processes if process.pid is not None]
        for process in started:
            process.kill()
        for process in started:
            process.join()
            process.close()
        for pipe in self._pipes:
            pipe.close()


@contextmanager
def crew(workers: Sequence[str], tasks: Sequence[str], kernel: Callable[[Any], Any]) -> Iterator[Crew]:
    """Start a process per worker; at the end, however it comes, none is left."""
    members = Crew(workers, tasks)
    try:
        members.start(kernel)
        yield members
        members.dismiss()
    finally:
        members.end()


def _reference(kernel: Callable[[Any], Any]) -> bytes:
    try:
        return pickle.dumps(kernel)
    except Exception as error:
        raise RunError(f"the kernel cannot be sent to worker processes; define it in a module: {error}") from error


@contextmanager
def _alone(needed: bool) -> Iterator[None]:
    """Keep new processes from running the caller's script again, unless the kernel itself is *needed* from there.

    Spawned processes import the main module anew; a script without `if __name__ == "__main__"` would replay for ever.
    """
    main = sys.modules["__main__"]
    if not needed:
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
