"""A pool of worker processes: starts them, hands out orders, receives reports, and always ends them.

host  --orders-->   worker process       one pipe each; arrays lie in shared memory
      <--reports--

A worker may hold several orders and works on them in turn. Its reports count even if it has ended since.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from multiprocessing.connection import wait
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from parsim.core.errors import RunError, Silence, told
from parsim.core.escape import printable
from parsim.entries.patience import NOTICE_S
from parsim.real.arena import Arena
from parsim.real.channel import Channel
from parsim.real.start import start_context, starting
from parsim.real.worker import NONE, Computing, Failure, Order, Place, Report, serve, wire

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess, SpawnProcess

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

    Arena k belongs to worker k, the last one to the host. If no worker answers for *timeout_s*, the run fails.
    """

    def __init__(self, workers: Sequence[str], tasks: Sequence[str], timeout_s: float = inf) -> None:
        self._timeout_s = timeout_s
        self._names, self._task_names = [*map(printable, workers)], [*map(printable, tasks)]
        self._processes: list[ForkServerProcess | SpawnProcess] = []
        self._channels: list[Channel] = []
        self._holds: list[list[int]] = [[] for _ in workers]  # tasks handed over, not heard of
        self._said: dict[int, deque[bytes]] = {}  # worker -> messages received, not heard yet
        self._posted: set[int] = set()  # workers that orders were posted to, and not sent
        self._full: set[int] = set()  # workers whose pipes are full
        self._gone: list[int] = []  # workers that have ended
        self.zero = 0.0
        self._signs = selectors.DefaultSelector()
        self.arenas = [Arena.new(owner) for owner in range(len(workers) + 1)]

    def now(self) -> float:
        """Return the seconds since zero."""
        return monotonic() - self.zero

    def start(self, program: Computing, places: Sequence[Place]) -> None:
        """Start every process, wait until all are ready, start the clock."""
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
                self._channels.append(Channel(ours))
                self._processes.append(process)
                process.start()
                theirs.close()  # so that the pipe ends when the process does
        for worker, (channel, process) in enumerate(zip(self._channels, self._processes, strict=True)):
            told_ready = partial(wait, [channel.fileno()])
            self._await(told_ready, partial("worker {} is not ready yet".format, self._names[worker]), START)
            self._receive(worker)
            if self._gone:
                raise self._dead(worker)
            self._loaded(worker, self._said.pop(worker)[0])
            channel.never_block()
            self._signs.register(channel, selectors.EVENT_READ, (worker, True))
            self._signs.register(process.sentinel, selectors.EVENT_READ, (worker, False))
        self.zero = monotonic()

    def order(self, worker: int, order: Order) -> float:
        """Hand a task over; return when.

        A worker that has nothing else gets it at once, another before the host waits for anybody. Where the worker is
        gone, `hear` will tell.
        """
        handed = self.now()
        self._channels[worker].post(wire(order))
        self._posted.add(worker)
        if not self._holds[worker]:
            self._flush(worker)
        self._holds[worker].append(order.task)
        return handed

    def hear(self) -> list[Heard]:
        """Wait until some task has ended; return of each worker the first that has not been heard of."""
        while not self._said:
            if self._gone:
                raise self._dead(self._gone[0])
            self._listen()
        heard, wrong = [], []
        for worker in sorted(self._said):
            said = self._said[worker]
            try:
                heard.append(Heard(worker, Report(*self._loaded(worker, said[0]))))
            except RunError as error:  # what others have reported comes first
                wrong.append(error)
                continue
            self._holds[worker].remove(heard[-1].report.task)
            said.popleft()
            if not said:
                del self._said[worker]
        if not heard:
            raise wrong[0]
        return heard

    def _listen(self) -> None:
        """Wait for a sign of some worker; receive what there is."""
        for worker in tuple(self._posted):
            self._flush(worker)
        signs = self._await(self._signs.select, self.story)
        heard = {worker for key, _ in signs for worker, speaks in [key.data] if speaks}
        for key, what in signs:
            worker, _ = key.data
            if worker not in heard:
                self._gone.append(worker)  # and nothing is left in its pipe
                continue
            if what & selectors.EVENT_WRITE:
                self._flush(worker)
            if what & selectors.EVENT_READ:
                self._receive(worker)

    def _flush(self, worker: int) -> None:
        """Send the queued orders of a worker; the rest follows when its pipe has room."""
        channel = self._channels[worker]
        with suppress(OSError):  # its pipe is closed: it has ended
            full = not channel.flush()
            if full != (worker in self._full):
                self._full ^= {worker}
                listen = selectors.EVENT_READ | (selectors.EVENT_WRITE if full else 0)
                self._signs.modify(channel, listen, (worker, True))
        self._posted.discard(worker)

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

    def _receive(self, worker: int) -> None:
        """Receive the messages of a worker."""
        try:
            messages = self._channels[worker].receive()
        except (EOFError, OSError):
            self._gone.append(worker)
            return
        if messages:
            self._said.setdefault(worker, deque()).extend(messages)

    def _loaded(self, worker: int, message: bytes) -> Any:
        """Load a message; raises `RunError` if it reports a failure."""
        try:
            said = pickle.loads(message)
        except Exception as error:
            raise RunError(f"worker {self._names[worker]}: its message cannot be read: {told(error)}") from error
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
        """Let every worker end."""
        for channel in self._channels:
            with suppress(OSError):  # it has done its work, and died since
                channel.send(pickle.dumps(None))
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
        for channel in self._channels:
            channel.close()
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
    """Start a process per worker; none is left when the block ends, for whatever reason.

    *shared* are the bytes that each worker, and the host, is expected to put into shared memory. The run fails if no
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
