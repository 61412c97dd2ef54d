"""An MPI job as workers: rank 0 is the host, rank 1 the first worker.

    mpiexec -n 3        rank 0: host        rank 1: w0        rank 2: w1

The ranks stay for all replays of a command. If one fails, the whole job ends (`supervisor`).
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any, NoReturn

from parsim.core.errors import Complaint
from parsim.real.mpi.clocks import METHOD, Clock, ask
from parsim.real.mpi.library import MPI
from parsim.real.mpi.messages import MESSAGE, received, wait_until
from parsim.real.mpi.peers import RankPeers
from parsim.real.mpi.rank import Begin, serve
from parsim.real.mpi.size import Seat, crowded, wrong_size
from parsim.real.mpi.supervisor import Note, end_with_parent, forget_files, pause_precisely
from parsim.real.mpi.window import Window
from parsim.real.transport import Crew, Place, Said, Way
from parsim.real.worker import STOP


def _join() -> MPI.Intracomm:
    """Become a rank; return the way to all others."""
    end_with_parent(signal.SIGKILL)
    if MPI.Init_thread(MPI.THREAD_MULTIPLE) < MPI.THREAD_MULTIPLE:
        raise RuntimeError("it allows no calls from several threads at once")
    comm = MPI.COMM_WORLD.Dup()
    comm.Barrier()  # all have opened the shared memory
    forget_files(os.getpid())
    comm.Barrier()
    end_with_parent(0)  # a note does
    pause_precisely()
    return comm


def work() -> NoReturn:
    """Be a worker until the host has no more work, and end this process."""
    note = Note()
    comm = _join()
    note.name = "a worker"
    note.write("no task")
    comm.gather(_seat())
    serve(comm, note)
    MPI.Finalize()
    sys.exit(0)


def host() -> MpiJob:
    """Be the host."""
    note = Note()
    comm = _join()
    note.name = "the host"
    note.write()
    return MpiJob(comm, comm.gather(_seat()) or [])


def _seat() -> Seat:
    able = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return Seat(MPI.Get_processor_name(), frozenset(able))


class MpiJob:
    """The ranks of the job, seen by the host."""

    def __init__(self, comm: MPI.Intracomm, seats: Sequence[Seat]) -> None:
        self.comm, self.seats = comm, seats
        self._aligned: dict[str, Any] | None = None

    @property
    def ready(self) -> int:
        """The number of workers."""
        return self.comm.size - 1

    def about(self) -> dict[str, Any]:
        """Return that they are ranks, and where these run."""
        return {"links": Ranks.engine, "machines": [seat.machine for seat in self.seats]}

    @contextmanager
    def launched(self) -> Iterator[MpiJob]:
        """Yield the job; let the workers end if the block succeeds, else the job ends with this process."""
        yield self
        for rank in range(1, self.comm.size):
            self.comm.Send([STOP, MPI.BYTE], rank, MESSAGE)
        MPI.Finalize()

    def complaints(self, workers: int) -> list[Complaint]:
        """Refuse a job of another size."""
        if self.comm.size != workers + 1:
            raise wrong_size(self.comm.size, workers)
        return []

    def notes(self, workers: int) -> list[str]:
        """Say where ranks take turns."""
        return crowded(self.seats)

    def clocks(self) -> dict[str, Any] | None:
        """Return how the clocks were aligned in the last replay."""
        return self._aligned

    def __call__(self, crew: Crew) -> Ranks:
        """Return the way to the ranks for one replay."""
        return Ranks(self, crew)

    def told(self, found: Sequence[tuple[str, Clock]]) -> None:
        """Note the clocks of workers, in the order of ranks."""
        ranks = [
            {"worker": name, "rank": rank, "machine": self.seats[rank].machine, **clock.to_dict()}
            for rank, (name, clock) in enumerate(found, 1)
        ]
        error = max((clock.error_s for _, clock in found), default=0.0)
        self._aligned = {"method": METHOD, "error_s": error, "ranks": ranks}


class Ranks:
    """The host's end of the ways to the ranks that work, for one replay."""

    engine = "mpi"

    def __init__(self, job: MpiJob, crew: Crew) -> None:
        self._job, self._comm, self._crew = job, job.comm, crew
        self._queued: list[list[bytes]] = [[] for _ in crew.workers]
        self._sent: list[tuple[MPI.Request, bytes]] = []  # on their way, with what must stay until they are there
        self._clocks: list[Clock] = []
        self._dismissed = False

    @property
    def arenas(self) -> Sequence[Any]:
        """The memory of the ranks, that of the host last."""
        return self._window.stores

    def ways(self, ways: Sequence[Way], numbers: Mapping[tuple[int, int], int]) -> Sequence[RankPeers]:
        """Return what each rank needs to reach others."""
        lanes: list[dict[int, int]] = [{} for _ in self._crew.workers]
        for (worker, lane), most in numbers.items():
            lanes[worker][lane] = most
        return [RankPeers(worker, mine) for worker, mine in enumerate(lanes)]

    def start(self, program: bytes, places: Sequence[Place]) -> None:
        """Tell every rank what it will compute, and align the clocks."""
        for worker, (name, place) in enumerate(zip(self._crew.workers, places, strict=True)):
            begin = Begin(name, tuple(self._crew.tasks), program, place)
            self.post(worker, pickle.dumps(tuple(begin)))
            self.flush(worker)
        shared = dict(enumerate(self._crew.shared))
        sizes = [shared.get(owner, 0.0) for owner in range(len(places) + 1)]
        self._window = Window(self._comm, self._comm.scatter([sizes[-1], *sizes[:-1]]))
        self._clocks = [Clock(ask(self._comm, rank)) for rank in range(1, self._comm.size)]
        self._comm.bcast([clock.seconds(0.0) for clock in self._clocks])

    def post(self, worker: int, message: bytes) -> None:
        """Queue a message."""
        self._queued[worker].append(message)

    def flush(self, worker: int) -> None:
        """Begin to send the queued messages of a worker."""
        queued, self._queued[worker] = self._queued[worker], []
        self._sent += [(self._comm.Isend([one, MPI.BYTE], worker + 1, MESSAGE), one) for one in queued]

    def listen(self, timeout_s: float | None) -> list[Said]:
        """Wait for messages of workers."""
        found: list[tuple[int, bytes]] = []

        def heard() -> bool:
            self._forget()
            found.extend(received(self._comm, MPI.ANY_SOURCE))
            return bool(found)

        wait_until(heard, inf if timeout_s is None else timeout_s)
        return [Said(rank - 1, [message], gone=False) for rank, message in found]

    def _forget(self) -> None:
        """Forget what has been sent."""
        self._sent = [(request, message) for request, message in self._sent if not request.Test()]

    def fate(self, worker: int) -> str:
        """Tell how a rank ended; its supervisor ends the job before anybody asks."""
        return "has ended"

    def seconds(self, worker: int, stamp: float) -> float:
        """Convert a worker's stamp to the host's clock."""
        return self._clocks[worker].seconds(stamp)

    def dismiss(self) -> None:
        """Let every rank end the replay, and read their clocks again."""
        for worker, clock in enumerate(self._clocks):
            self.post(worker, STOP)
            self.flush(worker)
            clock.last = ask(self._comm, worker + 1)
        for request, _ in self._sent:
            request.Wait()
        self._job.told(list(zip(self._crew.workers, self._clocks, strict=True)))
        self._dismissed = True

    def end(self) -> None:
        """Free the memory; where the replay has failed, the end of the job does."""
        if self._dismissed:
            self._window.close()
