"""Arrays in shared memory: each process writes into its own arena and reads all arenas.

    w0  put(array) -> Ref(owner 0, offset, shape, dtype)  --pipe-->  w1  get(ref) -> array, a copy of its own

An arena is anonymous memory (or a file that is deleted at once), so nothing is left over however a process ends. Its
memory is reserved before use: if none is left, `put` raises `OSError` and the process survives. Only references travel
through pipes, never arrays.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from bisect import insort
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import reduction
from typing import Any, NamedTuple

import numpy as np

from parsim.core.kernel import Array
from parsim.real.transport import Store

LINE = 64  # B; arrays begin at multiples of it
GROWTH = 1 << 20  # B, by which an arena grows at least


class Ref(NamedTuple):
    """Where an array lies."""

    owner: int  # whose arena
    offset: int  # B
    shape: tuple[int, ...]
    dtype: str


class Heap:
    """Which bytes of a memory are taken; *reserve* is called with the end of what is needed beyond all before."""

    def __init__(self, reserve: Callable[[int], None]) -> None:
        self._reserve = reserve
        self._free: list[tuple[int, int]] = []  # (offset, B), by offset
        self._end = 0  # B used or free
        self._taken: dict[int, int] = {}  # offset -> B

    def take(self, size: int) -> int:
        """Find room for *size* bytes: the first gap that is large enough, or more memory; return where."""
        size = -(-max(size, 1) // LINE) * LINE
        for index, (offset, length) in enumerate(self._free):
            if length >= size:
                rest = [(offset + size, length - size)] if length > size else []
                self._free[index : index + 1] = rest
                break
        else:
            offset = self._end
            self._reserve(offset + size)
            self._end = offset + size
        self._taken[offset] = size
        return offset

    def free(self, offset: int) -> None:
        """Free what was taken at *offset*."""
        size = self._taken.pop(offset)
        insort(self._free, (offset, size))
        merged: list[tuple[int, int]] = []
        for start, length in self._free:
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((start, length))
        self._free = merged


class Arena:
    """Shared memory that one process writes and all read; it can be handed to a process that is being started."""

    def __init__(self, owner: int, file: int) -> None:
        self.owner, self.file = owner, file
        self._size = 0  # B mapped here
        self._map: mmap.mmap | None = None
        self._heap = Heap(self._reserve)

    @classmethod
    def new(cls, owner: int) -> Arena:
        """Make an empty arena."""
        if hasattr(os, "memfd_create"):
            return cls(owner, os.memfd_create("parsim"))
        with tempfile.TemporaryFile() as file:
            return cls(owner, os.dup(file.fileno()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand the open file to a process that is being started."""
        return _arrived, (self.owner, reduction.DupFd(self.file))

    def expect(self, size: float) -> None:
        """Reserve up to *size* bytes, as far as memory is left."""
        with suppress(OSError):
            self.reserve(int(size))

    def reserve(self, size: int) -> None:
        """Reserve *size* bytes; raises `OSError` where no memory is left."""
        self._reserve(size)

    def open(self) -> None:
        """Map all reserved memory into this process, before the clock starts."""
        self._size = os.fstat(self.file).st_size
        if self._size:
            self._map = mmap.mmap(self.file, self._size, flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))

    def put(self, array: Array) -> Ref:
        """Write a copy; raises `OSError` where no memory is left."""
        source = np.ascontiguousarray(array)
        offset = self._heap.take(source.nbytes)
        ref = Ref(self.owner, offset, array.shape, source.dtype.str)
        np.copyto(self._view(ref), source)
        return ref

    def get(self, ref: Ref) -> Array:
        """Return a copy of the array at *ref*, which lies in this arena."""
        return self._view(ref).copy()

    def numbers(self, offset: int, count: int) -> Array:
        """Return so many numbers as they lie from *offset* B on; what is written into them, all see."""
        if self._map is None:
            self.open()
        assert self._map is not None
        return np.frombuffer(self._map, np.float64, count, offset)

    def free(self, ref: Ref) -> None:
        """Free the memory of an array for further arrays."""
        self._heap.free(ref.offset)

    def close(self) -> None:
        """Release the memory."""
        with suppress(BufferError):  # an array still refers to it; it is freed with the process
            if self._map is not None:
                self._map.close()
        os.close(self.file)

    def _reserve(self, end: int) -> None:
        have = os.fstat(self.file).st_size
        if end <= have:
            return
        try:
            wanted = max(end, have + max(GROWTH, have // 2))
            _allocate(self.file, have, wanted - have)
        except OSError:  # not as much to spare
            _allocate(self.file, have, end - have)

    def _view(self, ref: Ref) -> Array:
        dtype = np.dtype(ref.dtype)
        count = int(np.prod(ref.shape, dtype=np.int64))
        if self._map is None or ref.offset + count * dtype.itemsize > self._size:
            self.open()  # the old map is freed when nothing refers to it
        assert self._map is not None
        return np.frombuffer(self._map, dtype, count, ref.offset).reshape(ref.shape)


def _allocate(file: int, start: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, size)
    else:
        os.ftruncate(file, start + size)


def _arrived(owner: int, handed: Any) -> Arena:
    return Arena(owner, handed.detach())


def put(arena: Store, values: Sequence[Any]) -> list[Any]:
    """Put arrays into *arena*; return other values unchanged."""
    return [arena.put(value) if type(value) is np.ndarray and _plain(value) else value for value in values]


def _plain(array: Array) -> bool:
    return array.size > 0 and array.dtype.kind in "biufc"


def get(arenas: Sequence[Store], values: Sequence[Any]) -> list[Any]:
    """Fetch arrays by their references; return other values unchanged."""
    return [arenas[value.owner].get(value) if isinstance(value, Ref) else value for value in values]
