"""What runs in a worker process: it fetches inputs, computes, shares outputs, and stamps each step.

    seen |==input==| there  start |##kernel##| end |==result==| sent        outputs for others: put after `end`

With `plan.prefetch`, a second thread fetches the inputs of the next tasks while the kernels compute. Messages are plain
tuples, which are the fastest to send.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from parsim.core.columns import NONE
from parsim.core.errors import told
from parsim.core.items import Elements
from parsim.real.arena import Arena, Ref, get, put
from parsim.real.channel import Channel
from parsim.real.transport import Messages, Place, Store

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

BLOCK = 1 << 20  # B
STOP = pickle.dumps(None)  # what the host sends when there is nothing more to do
READY = pickle.dumps(None)  # what a worker sends once it waits for orders
NEVER = float("nan")
BEGINNING = 0.0  # a worker does not know when the clock starts; the host puts its own zero there


class Computing(Protocol):
    """What a worker process needs of a program."""

    def prepare(self, tasks: Sequence[int]) -> None:
        """Get ready to compute *tasks* in this process, before any clock starts."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Compute *task* on what it has received."""


Part = tuple[int | None, int | None]  # of a task's outputs: from, to


def part_of(outputs: slice) -> Part:
    """Return a slice of outputs as a tuple.

    >>> part_of(slice(None)), part_of(slice(1, 2))
    ((None, None), (1, 2))
    """
    return outputs.start, outputs.stop


class Input(NamedTuple):
    """One of the sources of a task's inputs."""

    transfer: int  # which transfer of the graph, or NONE: it counts as none
    parent: int  # whose outputs, kept here, hold it; or NONE
    part: Part  # of these outputs
    values: Sequence[Any]  # references into shared memory, or small values, where there is no such parent


class Order(NamedTuple):
    """A task handed over."""

    task: int
    inputs: tuple[Input, ...]
    shared: tuple[Part, ...]  # which outputs others may want
    keep: bool  # a child may run here
    returns: bool  # the way back of what it shares counts as a transfer
    dropped: tuple[int, ...]  # tasks whose outputs are no longer needed


def wire(order: Order) -> bytes:
    """Write an order as it travels."""
    task, inputs, *rest = order
    return pickle.dumps((task, tuple(map(tuple, inputs)), *rest))


class Report(NamedTuple):
    """A task that has ended; times are those of the machine's monotonic clock."""

    task: int
    made: int  # how many outputs
    shared: dict[int, Any]  # output -> reference, or small value
    moves: list[tuple[int, float, float]]  # transfer, seen, there
    start: float
    end: float
    sent: float  # NEVER: its result was no transfer
    idle: list[tuple[float, float]]  # this worker's idle intervals that have closed since the last report
    since: float  # when its last span so far ended


class Failure(NamedTuple):
    """What stands in the place of a report."""

    task: int
    text: str


class Arrival(NamedTuple):
    """An order whose inputs are there."""

    order: Order
    received: list[Sequence[Any]]
    moves: list[tuple[int, float, float]]


class Meter:
    """Stamps spans, and opens and closes idleness as it does: each stamp is taken once, for both."""

    def __init__(self) -> None:
        self._idle: list[tuple[float, float]] = []
        self._since = BEGINNING
        self._open = 0  # spans under way, on either thread
        self._lock = threading.Lock()

    def open(self) -> float:
        """Begin a span."""
        with self._lock:
            now = monotonic()
            if not self._open:
                self._idle.append((self._since, now))
            self._open += 1
            return now

    def turn(self) -> float:
        """End a span and begin the next."""
        with self._lock:
            return monotonic()

    def close(self) -> float:
        """End a span."""
        with self._lock:
            self._since = now = monotonic()
            self._open -= 1
            return now

    def read(self) -> tuple[list[tuple[float, float]], float]:
        """Return the idle intervals since the last reading, and when the last span ended."""
        with self._lock:
            idle, self._idle = self._idle, []
            return idle, self._since


class Worker:
    """One worker process: the outputs that it keeps, and the steps of a task."""

    def __init__(self, channel: Messages, program: Computing, arenas: Sequence[Store], own: int) -> None:
        self.channel, self.program, self.arenas, self.own = channel, program, arenas, arenas[own]
        self.orders: deque[bytes] = deque()  # received, not begun
        self.meter = Meter()
        self.kept: dict[int, list[Any]] = {}
        self.put: dict[int, list[Any]] = {}  # task -> what it has put into the arena

    def arrivals(self) -> Iterator[Arrival | Failure]:
        """Fetch the inputs of one order after the other, until the host says stop."""
        while (order := self.hear()) is not None:
            yield self.arrival(order)

    def hear(self) -> Order | None:
        """Wait for an order; None: stop, also if the host is gone."""
        while not self.orders:
            try:
                self.orders += self.channel.receive()
            except (EOFError, OSError):
                os._exit(1)
        said = pickle.loads(self.orders.popleft())
        return None if said is None else Order(*said)

    def ahead(self, most: int) -> Iterator[Arrival | Failure]:
        """Fetch inputs on a thread of their own, for at most so many tasks that have not begun."""
        inbox, free = SimpleQueue[Arrival | Failure | None](), threading.Semaphore(most)

        def fill() -> None:
            while (order := self.hear()) is not None:
                free.acquire()
                inbox.put(self.arrival(order))
            inbox.put(None)

        threading.Thread(target=fill, daemon=True).start()
        while (arrival := inbox.get()) is not None:
            free.release()
            yield arrival

    def arrival(self, order: Order) -> Arrival | Failure:
        """Fetch the inputs of an order."""
        try:
            return self.fetched(order)
        except Exception as error:
            return Failure(order.task, f"its input cannot be fetched: {told(error)}")

    def fetched(self, order: Order) -> Arrival:
        """Fetch the inputs that are elsewhere; those kept here are looked up when the task starts."""
        received: list[Sequence[Any]] = []
        moves = []
        for transfer, parent, _, values in order.inputs:
            if parent != NONE:
                received.append(())
                continue
            seen = self.meter.open() if transfer != NONE else NEVER
            received.append(get(self.arenas, values))
            if transfer != NONE:
                moves.append((transfer, seen, self.meter.close()))
        return Arrival(order, received, moves)

    def work(self, arrival: Arrival) -> Report | Failure:
        """Compute a task, and share its outputs."""
        order, received, moves = arrival
        self.drop(order.dropped)
        for index, (_, parent, part, _) in enumerate(order.inputs):
            if parent != NONE:
                received[index] = self.kept[parent][slice(*part)]
        self.channel.doing(order.task)
        start = self.meter.open()
        try:
            outputs = self.program.compute(order.task, received)
        except BaseException as error:  # also what would end the process: the host is to hear why
            return Failure(order.task, told(error))
        end = self.meter.turn() if order.returns else self.meter.close()
        self.channel.doing(NONE)
        if order.keep:
            self.kept[order.task] = outputs
        wanted = sorted({index for part in order.shared for index in range(*slice(*part).indices(len(outputs)))})
        try:
            values = put(self.own, [outputs[index] for index in wanted])
        except OSError as error:
            why = error.strerror or str(error)
            return Failure(order.task, f"shared memory has no room for its output: {why}")
        self.put[order.task] = values
        sent = self.meter.close() if order.returns else NEVER
        shared = dict(zip(wanted, values, strict=True))
        return Report(order.task, len(outputs), shared, moves, start, end, sent, *self.meter.read())

    def drop(self, tasks: Sequence[int]) -> None:
        """Drop outputs."""
        for task in tasks:
            self.kept.pop(task, None)
            for value in self.put.pop(task, ()):
                if isinstance(value, Ref):
                    self.own.free(value)

    def say(self, report: Report | Failure) -> None:
        """Send the report of a task; end if the host is gone."""
        try:
            message = pickle.dumps(tuple(report))  # a report and a failure differ in length
        except Exception as error:
            names = f" ({self.program.made_by})" if isinstance(self.program, Elements) else ""
            message = pickle.dumps((report.task, f"its output cannot be sent: {told(error)}{names}"))
        try:
            self.channel.send(message)
        except OSError:
            os._exit(1)


def serve(
    pipe: Connection[Any, Any],
    program: bytes,
    arenas: Sequence[Arena],
    place: Place,
    environment: Mapping[str, str],
    work: Callable[[Messages, bytes, Sequence[Arena], Place], None],
) -> None:
    """Do the *work* of a worker; ends with the host.

    *environment* is the current one of the host; a forked process has inherited an older one.
    """
    os.environ.update(environment)
    settle()
    threading.Thread(target=outlive_nobody, daemon=True).start()
    work(Channel(pipe), program, arenas, place)


def settle() -> None:
    """Make this process one that works for a host on the same terminal."""
    for sign in (signal.SIGINT, signal.SIGHUP):  # they reach the whole group; the host ends its workers itself
        signal.signal(sign, signal.SIG_IGN)
    os.dup2(2, 1)  # standard output belongs to the host's JSON
    if hasattr(os, "SCHED_BATCH"):  # an order that wakes a worker does not take the host's core before it has let go
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def compute(channel: Messages, program: bytes, arenas: Sequence[Store], place: Place) -> None:
    """Compute the tasks that the host orders, until it says stop or a task fails."""
    try:
        worker = Worker(channel, pickle.loads(program), arenas, place.own)
        worker.program.prepare(place.tasks)
        warm(place.memory)
        for arena in arenas:
            arena.open()
    except Exception as error:
        channel.send(pickle.dumps((NONE, f"cannot load the kernel: {told(error)}")))
        return
    channel.send(READY)
    for arrival in worker.ahead(place.ahead) if place.ahead else worker.arrivals():
        said = arrival if isinstance(arrival, Failure) else worker.work(arrival)
        worker.say(said)
        if isinstance(said, Failure):
            return  # tasks handed over ahead may need the output of the failed one


def warm(size: float) -> None:
    """Allocate memory and free it: the process keeps it, so kernels need not wait for it while the clock runs."""
    blocks = [bytearray(BLOCK) for _ in range(int(size) // BLOCK)]
    for block in blocks:
        block[::4096] = bytes(len(range(0, BLOCK, 4096)))  # touches each page


def outlive_nobody() -> None:
    """End this process as soon as the host is gone, even during a kernel."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    host = parent_process()
    if host is not None:
        wait([host.sentinel])
        os._exit(1)
