"""A pool of workers: hands out orders, hears reports, and always ends them.

A worker may hold several orders and works on them in turn. Its reports count even if it has ended since.
"""

from __future__ import annotations

import pickle
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any, NamedTuple

from parsim.core.columns import NONE
from parsim.core.errors import RunError, Silence, told
from parsim.core.escape import printable
from parsim.entries.patience import NOTICE_S
from parsim.real.transport import Crew, Launch, Place, Said, Store, Transport
from parsim.real.worker import Computing, Failure, Order, Report, wire

BEGIN = pickle.dumps("begin")
START = 60.0  # s that a worker may take to get ready, however short the timeout


class Heard(NamedTuple):
    """A task that has ended on a worker."""

    worker: int
    report: Report


class WorkerPool:
    """Workers; times are those of the host's monotonic clock, `zero` when `start` has seen them all ready.

    If no worker answers for *timeout_s*, the run fails.
    """

    def __init__(self, crew: Crew, transport: Transport, timeout_s: float = inf) -> None:
        self._timeout_s, self._transport = timeout_s, transport
        self._names, self._task_names = [*map(printable, crew.workers)], [*map(printable, crew.tasks)]
        self._holds: list[list[int]] = [[] for _ in crew.workers]  # tasks handed over, not heard of
        self._said: dict[int, deque[bytes]] = {}  # worker -> messages received, not heard yet
        self._posted: set[int] = set()  # workers that orders were posted to, and not sent
        self._gone: list[int] = []  # workers that have ended
        self.zero = 0.0

    @property
    def arenas(self) -> Sequence[Store]:
        """The stores of all workers, then that of the host."""
        return self._transport.arenas

    @property
    def engine(self) -> str:
        """What the results call the way to the workers."""
        return self._transport.engine

    def now(self) -> float:
        """Return the seconds since zero."""
        return monotonic() - self.zero

    def seconds(self, worker: int, stamp: float) -> float:
        """Convert a worker's stamp to seconds since zero."""
        return self._transport.seconds(worker, stamp) - self.zero

    def start(self, program: Computing, places: Sequence[Place]) -> None:
        """Start every worker, wait until all are ready, start the clock."""
        self._transport.start(_reference(program), places)
        waiting = dict(enumerate(self._names))
        while waiting:
            self._take(self._await(lambda: f"worker {min(waiting.items())[1]} is not ready yet", START))
            for worker in sorted(self._said):
                self._loaded(worker, self._said.pop(worker)[0])
                del waiting[worker]
            for worker in self._gone:
                raise self._dead(worker)
        self.zero = monotonic()

    def order(self, worker: int, order: Order) -> float:
        """Hand a task over; return when.

        A worker that has nothing else gets it at once, another before the host waits for anybody. Where the worker is
        gone, `hear` will tell.
        """
        handed = self.now()
        self._transport.post(worker, wire(order))
        self._posted.add(worker)
        if not self._holds[worker]:
            self._flush(worker)
        self._holds[worker].append(order.task)
        return handed

    def begin(self, worker: int, tasks: Sequence[int]) -> None:
        """Let a worker do all its tasks, in an order that it knows."""
        self._transport.post(worker, BEGIN)
        self._flush(worker)
        self._holds[worker] = list(tasks)

    def messages(self) -> list[Any]:
        """Wait until some worker that does its tasks by itself tells what has ended; return all that was told."""
        self._listen()
        said, self._said = self._said, {}
        return [self._loaded(worker, one) for worker in sorted(said) for one in said[worker]]

    def ended(self, worker: int, task: int) -> None:
        """Note that a worker has done a task."""
        self._holds[worker].remove(task)

    def hear(self) -> list[Heard]:
        """Wait until some task has ended; return of each worker the first that has not been heard of."""
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
        """Wait until something has been said."""
        while not self._said:
            if self._gone:
                raise self._dead(self._gone[0])
            for worker in tuple(self._posted):
                self._flush(worker)
            self._take(self._await(self.story))

    def _flush(self, worker: int) -> None:
        self._transport.flush(worker)
        self._posted.discard(worker)

    def _take(self, signs: Sequence[Said]) -> None:
        """Note what was heard."""
        for worker, messages, gone in signs:
            if messages:
                self._said.setdefault(worker, deque()).extend(messages)
            if gone:
                self._gone.append(worker)

    def _await(self, story: Callable[[], str], least: float = 0.0) -> list[Said]:
        """Wait for a sign until the timeout, and *least* seconds anyway; *story* tells what is waited for."""
        listen = self._transport.listen
        timeout = max(self._timeout_s, least)
        notice = min(NOTICE_S, timeout)
        signs = listen(notice)
        if not signs and notice < timeout:
            warnings.warn(Silence(f"no worker has answered for {notice:g} s: {story()}"), stacklevel=1)
            signs = listen(timeout - notice if timeout < inf else None)
        if not signs:
            raise RunError(f"no worker has answered for {timeout:g} s, the timeout: {story()}")
        return signs

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
        holds = self._holds[worker]
        what = f"while it had task {self._task_names[holds[0]]}" if holds else "while it had no task"
        return RunError(f"worker {self._names[worker]} {self._transport.fate(worker)} {what}")


@contextmanager
def started(launch: Launch, crew: Crew, program: Computing, timeout_s: float = inf) -> Iterator[WorkerPool]:
    """Start the workers; none is left when the block ends, for whatever reason.

    The run fails if no worker answers for *timeout_s*.
    """
    transport = launch(crew)
    try:
        members = WorkerPool(crew, transport, timeout_s)
        members.start(program, crew.places_with(transport))
        yield members
        transport.dismiss()
    finally:
        transport.end()


def _reference(program: Computing) -> bytes:
    try:
        return pickle.dumps(program)
    except Exception as error:
        raise RunError(
            f"the kernel cannot be sent to a worker process; define it in a module: {told(error)}"
        ) from error
