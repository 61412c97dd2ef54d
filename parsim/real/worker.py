"""What runs in a worker process: receive inputs, compute, send outputs, stamp all of it.

    receiving thread   seen |==input==| there
    main thread                          start |##kernel##| end |==outputs==| sent

Two threads, so that inputs of the next task travel while the kernel computes, and so that the host never waits for a
worker that waits for the host. This module imports little: a pool of processes should start in no time.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from parsim.core.errors import ParsimError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Channel = Connection[Any, Any]

NONE = -1
NEVER = float("nan")
BEGINNING = 0.0  # a worker does not know when the clock starts; the host puts its own zero there


class Order(NamedTuple):
    """A task handed over; what it receives follows, unless its parent ran here."""

    task: int
    own: slice  # the part of what it receives that it computes on
    parent: int  # whose output, kept here, it receives; or NONE
    travels: bool  # what follows counts as a transfer
    returns: bool  # the way back of its outputs counts as one
    keep: bool  # a child may want its outputs


class Report(NamedTuple):
    """A task that has ended; times are those of the machine's monotonic clock."""

    task: int
    seen: float  # NEVER: its input was no transfer
    there: float
    start: float
    end: float
    sent: float  # NEVER: its result was no transfer
    idle: list[tuple[float, float]]  # this worker's idle intervals that have closed since the last report
    since: float  # when its last span so far ended


class Failure(NamedTuple):
    """What stands in the place of outputs."""

    task: int
    text: str


class Arrival(NamedTuple):
    """An order whose input is there."""

    order: Order
    values: Sequence[Any]
    seen: float
    there: float


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


def serve(pipe: Channel, kernel: bytes) -> None:
    """Compute what the host orders, until it says stop; killed when the host is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the host ends its workers itself
    os.dup2(2, 1)  # standard output belongs to the host's JSON
    try:
        function = pickle.loads(kernel)
    except Exception as error:
        pipe.send(Failure(NONE, f"cannot load the kernel: {told(error)}"))
        return
    pipe.send(None)
    meter, inbox = Meter(), SimpleQueue[Arrival | Failure | None]()
    threading.Thread(target=receive, args=(pipe, meter, inbox), daemon=True).start()
    kept: dict[int, list[Any]] = {}
    while (arrival := inbox.get()) is not None:
        if isinstance(arrival, Failure):
            pipe.send(arrival)
        else:
            work(arrival, function, kept, meter, pipe)


def receive(pipe: Channel, meter: Meter, inbox: SimpleQueue[Arrival | Failure | None]) -> None:
    """Put orders with their inputs into *inbox* as they come."""
    order = None
    try:
        while (order := pipe.recv()) is not None:
            seen = meter.open() if order.travels else NEVER
            values = pipe.recv() if order.parent == NONE else ()
            there = meter.close() if order.travels else NEVER
            inbox.put(Arrival(order, values, seen, there))
        inbox.put(None)
    except (EOFError, OSError):
        os._exit(1)  # the host is gone, and nobody will ask for what the kernel still computes
    except Exception as error:
        inbox.put(Failure(order.task if order else NONE, f"its input cannot be loaded: {told(error)}"))


def work(
    arrival: Arrival,
    kernel: Callable[[Any], Any],
    kept: dict[int, list[Any]],
    meter: Meter,
    pipe: Channel,
) -> None:
    """Compute one task, send its outputs, then its stamps."""
    order = arrival.order
    received = arrival.values if order.parent == NONE else kept[order.parent]
    start = meter.open()
    try:
        outputs = [kernel(value) for value in received[order.own]]
    except Exception as error:
        pipe.send(Failure(order.task, told(error)))
        return
    end = meter.turn() if order.returns else meter.close()
    if order.keep:
        kept[order.task] = outputs
    try:
        pipe.send(outputs)
    except OSError:
        os._exit(1)  # the host is gone
    except Exception as error:
        pipe.send(Failure(order.task, f"its output cannot be sent: {told(error)}"))
        return
    sent = meter.close() if order.returns else NEVER
    pipe.send(Report(order.task, arrival.seen, arrival.there, start, end, sent, *meter.read()))


def told(error: BaseException) -> str:
    """Write an exception in one line."""
    if isinstance(error, ParsimError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
