"""Arrays in an MPI window: each rank writes into its own memory, and fetches from that of all.

    w0  put(array) -> Ref(owner 0, offset, shape, dtype)  --message-->  w1  get(ref): one-sided, w0 goes on computing

The size of a window is fixed before the clock starts. An array for which there is no room left travels within the
message instead.
"""

from __future__ import annotations

import errno
import shutil

import numpy as np

from parsim.core.kernel import Array
from parsim.real.arena import LINE, Heap, Ref
from parsim.real.mpi.library import MPI
from parsim.real.mpi.supervisor import SHARED_MEMORY

LEAST = 1 << 20  # B that each rank can share at least
SPARE = 2.0  # times the expected bytes
ROOM = 0.5  # share of a machine's free shared memory that windows may take


class Window:
    """The memory of all ranks; *expected* bytes are reserved here."""

    def __init__(self, comm: MPI.Intracomm, expected: float) -> None:
        self.comm = comm
        self.size = _fitting(comm, int(SPARE * expected) + LEAST)
        self.touched = min(int(expected), self.size)
        self.win = MPI.Win.Allocate(self.size, 1, comm=comm)
        self.memory: Array = np.asarray(self.win.tomemory(), np.uint8)  # (size,)
        self.win.Lock_all(MPI.MODE_NOCHECK)
        workers = comm.size - 1
        self.stores = [Segment(self, owner, (owner + 1) % comm.size) for owner in range(workers + 1)]

    def close(self) -> None:
        """Free the memory, on all ranks together."""
        self.win.Unlock_all()
        del self.memory
        self.win.Free()


def _fitting(comm: MPI.Intracomm, size: int) -> int:
    """Return *size*, or less where the machine has no shared memory for that much on all its ranks."""
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:  # its ranks share memory in another way
        free = 1 << 62
    ranks = comm.allgather((MPI.Get_processor_name(), size, free))
    here = MPI.Get_processor_name()
    total = sum(wanted for name, wanted, _ in ranks if name == here)
    least = min(left for name, _, left in ranks if name == here)
    return int(size * min(1.0, ROOM * least / total)) // LINE * LINE


class Segment:
    """The arrays of one rank; this process puts into its own only."""

    def __init__(self, window: Window, owner: int, rank: int) -> None:
        self._window, self._owner, self._rank = window, owner, rank
        self._heap = Heap(self._reserve)

    def _reserve(self, end: int) -> None:
        if end > self._window.size:
            raise OSError(errno.ENOSPC, "the window is full")

    def open(self) -> None:
        """Touch the memory that will be used, so that no kernel waits for it."""
        if self._rank == self._window.comm.rank:
            self._window.memory[: self._window.touched : 4096] = 0

    def put(self, array: Array) -> Ref | Array:
        """Write a copy, and return the reference; return the copy itself where there is no room."""
        source = np.ascontiguousarray(array)
        try:
            offset = self._heap.take(source.nbytes)
        except OSError:
            return array.copy()
        ref = Ref(self._owner, offset, array.shape, source.dtype.str)
        self._window.memory[offset : offset + source.nbytes] = source.reshape(-1).view(np.uint8)
        self._window.win.Sync()
        return ref

    def get(self, ref: Ref) -> Array:
        """Return a copy of the array at *ref*."""
        dtype = np.dtype(ref.dtype)
        size = int(np.prod(ref.shape, dtype=np.int64)) * dtype.itemsize
        window = self._window
        window.win.Sync()
        found: Array
        if self._rank == window.comm.rank:
            found = window.memory[ref.offset : ref.offset + size].copy()
        else:
            found = np.empty(size, np.uint8)
            window.win.Get([found, MPI.BYTE], self._rank, ref.offset)
            window.win.Flush(self._rank)
        made: Array = found.view(dtype).reshape(ref.shape)
        return made

    def free(self, ref: Ref) -> None:
        """Free the memory of an array for further arrays."""
        self._heap.free(ref.offset)
