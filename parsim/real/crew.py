"""A crew of worker processes: started together, heard together, and never left behind.

host  --order-->   worker process       one pipe each; arrays lie in shared memory
      <--report--
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import selectors
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from multiprocessing import resource_tracker
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from parsim.core.errors import RunError, Silence, told
from parsim.core.escape import printable
from parsim.core.patience import NOTICE_S
from parsim.core.threads import STEADY
from parsim.real.arena import Arena
from parsim.real.worker import NONE, Computing, Failure, Order, Place, Report, serve, wire

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess

    from parsim.real.worker import Channel

PATIENCE = 5.0  # s that a worker told to stop may take
PRELOADED = ["parsim.real.worker", "numpy"]  # once, for all workers of all replays
START = 60.0  # s that a worker may take to get ready, however short the timeout
Sign = TypeVar("Sign")


class Heard(NamedTuple):
    """A task that has ended on a worker."""

    worker: int
    report: Report


class Crew:
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
        context = _context()
        context.set_forkserver_preload(PRELOADED)
        reference = _reference(program)
        with _alone(b"__main__" in reference), _environment(STEADY), _deaf():
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
def crew(
    workers: Sequence[str],
    tasks: Sequence[str],
    program: Computing,
    places: Sequence[Place],
    shared: Sequence[float] = (),
    timeout_s: float = inf,
) -> Iterator[Crew]:
    """Start a process per worker; at the end, however it comes, none is left.

    *shared* are the bytes that each of them, and the host, may well put into shared memory. The run fails where no
    worker answers for *timeout_s*.
    """
    members = Crew(workers, tasks, timeout_s)
    try:
        for arena, size in zip(members.arenas, shared, strict=False):
            arena.expect(size)
        members.start(program, places)
        yield members
        members.dismiss()
    finally:
        members.end()


def _context() -> ForkServerContext | SpawnContext:
    if sys.platform == "linux":
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")  # the libraries of macOS do not outlive a fork


def _reference(program: Computing) -> bytes:
    try:
        return pickle.dumps(program)
    except Exception as error:
        raise RunError(
            f"the kernel cannot be sent to a worker process; define it in a module: {told(error)}"
        ) from error


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


@contextmanager
def _deaf() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment; this one acts on a signal once all have been started.

    They inherit the mask. Here a thread of the linear algebra may take the signal all the same.
    """
    main = threading.current_thread() is threading.main_thread()
    signs = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if main and callable(signal.getsignal(one))]
    heard: list[int] = []

    def note(number: int, frame: object) -> None:
        heard.append(number)

    before = {one: signal.signal(one, note) for one in signs}
    resource_tracker.ensure_running()  # to start it would take the mask off
    deaf = {signal.SIGINT, signal.SIGHUP}  # which a terminal sends to workers, too
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for one, handler in before.items():
            signal.signal(one, handler)
    for number in heard[:1]:
        signal.raise_signal(number)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Let processes started meanwhile find *values* in their environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
