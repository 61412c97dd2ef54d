"""What the ranks after the first do: they compute what the host orders, replay after replay."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import NamedTuple

from parsim.core.columns import NONE
from parsim.real.mpi import clocks
from parsim.real.mpi.library import MPI
from parsim.real.mpi.messages import HostLine
from parsim.real.mpi.peers import RankPeers
from parsim.real.mpi.supervisor import Note
from parsim.real.mpi.window import Window
from parsim.real.transport import Place
from parsim.real.work import work
from parsim.real.worker import settle


class Begin(NamedTuple):
    """What a rank is told before a replay."""

    name: str  # of the worker
    tasks: Sequence[str]  # the names of all
    program: bytes
    place: Place


def serve(comm: MPI.Intracomm, note: Note) -> None:
    """Work for the host until it says that this was all."""
    settle()
    line = HostLine(comm, note)
    while (begin := pickle.loads(line.receive()[0])) is not None:
        told = Begin(*begin)
        note.name, line.tasks = f"worker {told.name}", told.tasks
        line.doing(NONE)
        window = Window(comm, comm.scatter(None))
        clocks.answer(comm)
        offsets = comm.bcast(None)
        if isinstance(told.place.ways, RankPeers):
            told.place.ways.join(comm, offsets)
        work(line, told.program, window.stores, told.place)
        clocks.answer(comm)
        window.close()
