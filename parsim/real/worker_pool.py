"""A pool of worker processes: started together, heard together, and never left behind.

host  --order-->   worker process       one pipe each; arrays lie in shared memory
      <--report--
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from parsim.core.errors import RunError, Silence, told
from parsim.core.escape import printable
from parsim.entries.patience import NOTICE_S
from parsim.real.arena import Arena
from parsim.real.start import start_context, starting
from parsim.real.worker import NONE, Computing, Failure, Order, Place, Report, serve, wire

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess, SpawnProcess

    from parsim.real.worker import Channel

PATIENCE = 5.0  # s that a worker told to stop may take
PRELOADED = [
    "numpy",
    "parsim.real.worker",
    "parsim.entries.function",
    "parsim.kernels",
]  # once, for all workers of all replays
START = 60.0  # s that a worker may take to get ready, however short the timeout
Sign = TypeVar("Sign")


class Heard(NamedTuple):
    """A task that has ended on a worker."""

    worker: int
    report: Report


class WorkerPool:
    """Worker processes; times are those of the machine's monotonic clock, `zero` when `start` has seen them all ready.

    Arena k is that of worker k; the last one is the host's. Where no worker answers for *timeout_s*, the run fails.
    """

    def __init__(self, workers: Sequence[str], tasks: Sequence[str], timeout_s: float = inf) -> None:
        self._timeout_s = timeout_s
        self._names, self._task_names = [*map(printable, workers)], [*map(printable, tasks)]
        self._processes: list[ForkServerProcess | SpawnProcess] = []
        self._pipes: list[Channel] = []
        self._holds: list[list[int]] = [[] for _ in workers]  # tasks handed over, not reported
        self.zero = 0.0
        self._signs = selectors.DefaultSelector()
        self.arenas = [Arena.new(owner) for owner in range(len(workers) + 1)]

    def now(self) -> float:
        """Return the seconds since zero."""
        return monotonic() - self.zero

    def start(self, program: Computing, places: Sequence[Place]) -> None:
        """Start every process, wait until all have got ready, start the clock."""
        context = start_context(PRELOADED)
        reference = _reference(program)
        with starting(b"__main__" in reference):
            for place, name in zip(places, self._names, strict=True):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=serve,
                    args=(theirs, reference, self.arenas, place, dict(os.environ)),
                    name=f"parsim {name}",
                    daemon=True,
                )
                self._pipes.append(ours)
                self._processes.append(process)
                process.start()
                theirs.close()  # so that the pipe ends when the process does
        for worker, (pipe, process) in enumerate(zip(self._pipes, self._processes, strict=True)):
            self._await(pipe.poll, partial("worker {} is not ready yet".format, self._names[worker]), START)
            self._receive(worker)
            self._signs.register(pipe, selectors.EVENT_READ, (worker, True))
            self._signs.register(process.sentinel, selectors.EVENT_READ, (worker, False))
        self.zero = monotonic()

    def order(self, worker: int, order: Order) -> float:
        """Hand a task over; return when."""
        self._holds[worker].append(order.task)
        handed = self.now()
        try:
            self._pipes[worker].send_bytes(wire(order))
        except OSError:
            raise self._dead(worker) from None
        return handed

    def hear(self) -> list[Heard]:
        """Wait until some task has ended; return all that have."""
        signs = self._await(self._signs.select, self.story)
        ready = sorted((key.data for key, _ in signs), key=lambda sign: (not sign[1], sign[0]))
        heard = [self._hear(worker) for worker, spoke in ready if spoke]
        if not heard:
            raise self._dead(ready[0][0])
        return heard

    def _await(self, listen: Callable[[float | None], Sign], story: Callable[[], str], least: float = 0.0) -> Sign:
        """Wait for a sign until the timeout, and *least* seconds anyway.

        *listen* waits for so many seconds; *story* tells what is waited for.
        """
        timeout = max(self._timeout_s, least)
        notice = min(NOTICE_S, timeout)
        sign = listen(notice)
        if not sign and notice < timeout:
            warnings.warn(Silence(f"no worker has answered for {notice:g} s: {story()}"), stacklevel=1)
            sign = listen(timeout - notice if timeout < inf else None)
        if not sign:
            raise RunError(f"no worker has answered for {timeout:g} s, the timeout: {story()}")
        return sign

    def _hear(self, worker: int) -> Heard:
        report = Report(*self._receive(worker))
        self._holds[worker].remove(report.task)
        return Heard(worker, report)

    def _receive(self, worker: int) -> Any:
        try:
            message = self._pipes[worker].recv_bytes()
        except (EOFError, OSError):
            raise self._dead(worker) from None
        try:
            said = pickle.loads(message)
        except Exception as error:
            raise RunError(f"worker {self._names[worker]}: what it sent cannot be loaded: {told(error)}") from error
        if said is not None and len(said) == len(Failure._fields):
            task, text = said
            what = f"task {self._task_names[task]} on " if task != NONE else ""
            raise RunError(f"{what}worker {self._names[worker]}: {printable(text)}")
        return said

    def story(self) -> str:
        """Tell which task each worker has."""
        held = zip(self._names, self._holds, strict=True)
        said = [f"{name} had task {self._task_names[holds[0]]}" for name, holds in held if holds]
        return ", ".join(said) or "no worker had a task"

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
                pipe.send_bytes(pickle.dumps(None))
        end = monotonic() + PATIENCE
        for process in self._processes:
            process.join(max(end - monotonic(), 0.0))

    def end(self) -> None:
        """Leave no process and no shared memory behind, whatever happened."""
        self._signs.close()
        started = [process for process in self._processes if process.pid is not None]
        for process in started:
            process.kill()
        for process in started:
            process.join()
            process.close()
        for pipe in self._pipes:
            pipe.close()
        for arena in self.arenas:
            arena.close()


@contextmanager
def started(
    workers: Sequence[str],
    tasks: Sequence[str],
    program: Computing,
    places: Sequence[Place],
    shared: Sequence[float] = (),
    timeout_s: float = inf,
) -> Iterator[WorkerPool]:
    """Start a process per worker; at the end, however it comes, none is left.

    *shared* are the bytes that each of them, and the host, may well put into shared memory. The run fails where no
    worker answers for *timeout_s*.
    """
    members = WorkerPool(workers, tasks, timeout_s)
    try:
        for arena, size in zip(members.arenas, shared, strict=False):
            arena.expect(size)
        members.start(program, places)
        yield members
        members.dismiss()
    finally:
        members.end()


def _reference(program: Computing) -> bytes:
    try:
        return pickle.dumps(program)
    except Exception as error:
        raise RunError(
            f"the kernel cannot be sent to a worker process; define it in a module: {told(error)}"
        ) from error
