"""How the host and its workers reach each other: messages, and arrays that others fetch.

    host  WorkerPool - Transport --orders-->  Messages - Worker      one Messages for each worker
                                 <--reports--
          Store 0, 1, ..., n     a process puts arrays into its own, and fetches from all; n is the host's

`pipes` reaches processes of this machine, `mpi` the ranks of an MPI job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from parsim.core.columns import Floats
from parsim.core.errors import Complaint
from parsim.core.kernel import Array, Shape
from parsim.core.script import Script, Step


class Store(Protocol):
    """The arrays of one process."""

    def open(self) -> None:
        """Get ready, before the clock starts."""

    def put(self, array: Array) -> Any:
        """Keep a copy, and return the reference to it; raises `OSError` where no memory is left."""

    def get(self, ref: Any) -> Array:
        """Return a copy of the array at *ref*, from any process."""

    def free(self, ref: Any) -> None:
        """Free the memory of an array for further arrays."""


class Messages(Protocol):
    """A worker's end of the way to the host."""

    def send(self, message: bytes) -> None:
        """Send a message; raises `OSError` where the host is gone."""

    def receive(self) -> list[bytes]:
        """Wait for messages, and return all that are there; raises `EOFError` or `OSError` where the host is gone."""

    def doing(self, task: int) -> None:
        """Note which task is under way, in case this process dies; sends nothing."""


class Way(NamedTuple):
    """That a worker sends to another on a lane."""

    source: int
    target: int
    lane: int


class Move(NamedTuple):
    """What came from another worker, from when to when, by the stamps of the worker that got it."""

    start: float
    end: float


class Peers(Protocol):
    """A worker's ways to other workers."""

    def open(self) -> None:
        """Get ready, before the clock starts."""

    def buffer(self, lane: int, numbers: int) -> Floats:
        """Return the buffer of one's own lane."""

    def step(self, lane: int, members: Sequence[int], script: Script, step: Step, buffer: Floats) -> list[Move]:
        """Play a round with the *members*, the workers of the ranks: return what was taken, in order."""

    def send(self, target: int, lane: int, array: Array) -> None:
        """Send an array, and wait until the target has it."""

    def receive(self, source: int, lane: int, shape: Shape) -> tuple[Array, Move]:
        """Wait for an array."""


class Place(NamedTuple):
    """What a worker is told about itself."""

    own: int  # its number, and that of its store
    tasks: Sequence[int]  # that may run here
    ahead: int  # for how many tasks at most it fetches inputs ahead
    memory: float  # B that it may need
    ways: Peers | None = None  # to other workers, where its order is fixed; None: the host orders each task


class Said(NamedTuple):
    """What was heard of a worker; without messages, that it takes more."""

    worker: int
    messages: list[bytes]
    gone: bool  # it has ended, and nothing more will be heard


class Transport(Protocol):
    """The host's end of the ways to all workers."""

    @property
    def engine(self) -> str:
        """The name in the results."""

    @property
    def arenas(self) -> Sequence[Store]:
        """The stores of all workers, then that of the host."""

    def ways(self, ways: Sequence[Way], numbers: Mapping[tuple[int, int], int]) -> Sequence[Peers]:
        """Make ways between workers, with room for so many numbers by worker and lane; return each worker's."""

    def start(self, program: bytes, places: Sequence[Place]) -> None:
        """Start every worker; each says that it is ready, or why not."""

    def post(self, worker: int, message: bytes) -> None:
        """Queue a message."""

    def flush(self, worker: int) -> None:
        """Send what is queued, as far as that needs no waiting; `listen` sends the rest."""

    def listen(self, timeout_s: float | None) -> list[Said]:
        """Wait until something is heard, or until the timeout."""

    def fate(self, worker: int) -> str:
        """Tell how a worker that is gone has ended."""

    def seconds(self, worker: int, stamp: float) -> float:
        """Convert a worker's stamp to the host's monotonic clock."""

    def dismiss(self) -> None:
        """Let every worker end."""

    def end(self) -> None:
        """Leave no process and no shared memory behind, whatever happened."""


class Crew(NamedTuple):
    """Who works: the names of workers and tasks, and what each worker is told about itself."""

    workers: Sequence[str]
    tasks: Sequence[str]
    places: Sequence[Place]
    shared: Sequence[float] = ()  # B that each worker, and the host, is expected to share
    ways: Sequence[Way] = ()  # between workers
    numbers: Mapping[tuple[int, int], int] = {}  # that these carry at most, by worker and lane

    def places_with(self, transport: Transport) -> Sequence[Place]:
        """Return what each worker is told, with its ways to others where there are any."""
        if not self.ways:
            return self.places
        ways = transport.ways(self.ways, self.numbers)
        return [place._replace(ways=own) for place, own in zip(self.places, ways, strict=True)]


class Launch(Protocol):
    """Where workers come from."""

    @property
    def ready(self) -> int:
        """The number of workers to measure links with."""

    def about(self) -> dict[str, Any]:
        """Return whose links they are, as in a profile."""

    def complaints(self, workers: int) -> list[Complaint]:
        """Return why there cannot be so many *workers*; raises `ScenarioError` where the scenario is not to blame."""

    def notes(self, workers: int) -> list[str]:
        """Return what to note where so many *workers* run."""

    def __call__(self, crew: Crew) -> Transport:
        """Return the way to new workers, which `start` starts."""

    def clocks(self) -> dict[str, Any] | None:
        """Return how the clocks were aligned in the last replay, as in the contract; None: they are one clock."""
