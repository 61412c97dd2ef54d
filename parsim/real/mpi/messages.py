"""Messages over MPI, and waiting for them without keeping a core busy.

    asks  |||||||| |  |   |     |         |                |        pauses grow with the time waited so far

MPI's own waiting keeps a core busy, which other ranks of the machine may need for their kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic, sleep

from parsim.core.columns import NONE
from parsim.real.mpi.library import MPI
from parsim.real.mpi.supervisor import Note

MESSAGE = 1  # the tag
BUSY = 50e-6  # s of asking without a pause
SHARE = 0.1  # of the time waited so far, that a pause takes
LONGEST = 1e-3  # s of a pause


def wait_until(happened: Callable[[], bool], timeout_s: float = inf) -> bool:
    """Ask again and again; return whether it has happened before the timeout."""
    began = monotonic()
    while not happened():
        waited = monotonic() - began
        if waited > timeout_s:
            return False
        if waited < BUSY:
            os.sched_yield()
        else:
            sleep(min(SHARE * waited, LONGEST))
    return True


def received(comm: MPI.Comm, source: int) -> list[tuple[int, bytes]]:
    """Return the messages that are there, each with its sender."""
    found, status = [], MPI.Status()
    while comm.Iprobe(source, MESSAGE, status):
        message = bytearray(status.Get_count(MPI.BYTE))
        comm.Recv([message, MPI.BYTE], status.source, MESSAGE)
        found.append((status.source, bytes(message)))
    return found


class HostLine:
    """A worker's end of the way to the host, which is rank 0.

    Parameters
    ----------
    comm : the way to all ranks.
    note : what to tell if this rank dies.
    """

    def __init__(self, comm: MPI.Comm, note: Note) -> None:
        self._comm, self._note = comm, note
        self.tasks: Sequence[str] = ()  # the names of all

    def send(self, message: bytes) -> None:
        """Send a message; the host always receives."""
        self._comm.Send([message, MPI.BYTE], 0, MESSAGE)

    def receive(self) -> list[bytes]:
        """Wait for messages."""
        wait_until(lambda: self._comm.Iprobe(0, MESSAGE))
        return [message for _, message in received(self._comm, 0)]

    def doing(self, task: int) -> None:
        """Note which task is under way."""
        self._note.write("no task" if task == NONE else f"task {self.tasks[task]}")
