"""The ways from worker to worker: a buffer for each lane in shared memory, and two pipes for each way.

    w0  fills its buffer  --ready-->  w1  adds w0's numbers to its own, from where they lie
                          <--taken--      w0 may change them again

So numbers travel once, from one buffer into the other, and the host has no part in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from struct import Struct
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Floats
from parsim.core.errors import RunError
from parsim.core.kernel import ITEM, Array, Shape
from parsim.core.script import Script, Step, apply
from parsim.real.arena import Arena
from parsim.real.transport import Move, Way

STAMP = Struct("d")
TAKEN = b"t"


class Lane(NamedTuple):
    """Where the buffer of a worker's lane lies."""

    offset: int  # B
    numbers: int


class Ways:
    """The ways of one worker.

    Parameters
    ----------
    own : the worker.
    arenas : of all workers, for the buffers of lanes.
    lanes : by worker and lane; twice as long as stated, so that what is sent can be kept apart.
    ends : by way: where this worker writes that numbers are ready or taken, and where it reads it.
    """

    def __init__(
        self, own: int, arenas: Sequence[Arena], lanes: Mapping[tuple[int, int], Lane], ends: Mapping[Way, Any]
    ) -> None:
        self.own, self._arenas, self._lanes, self._ends = own, arenas, lanes, ends

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand the open pipes to a process that is being started."""
        ends = {way: tuple(map(reduction.DupFd, files)) for way, files in self._ends.items()}
        return _arrived, (self.own, self._arenas, self._lanes, ends)

    def open(self) -> None:
        """Map the buffers, before the clock starts."""
        for arena in self._arenas:
            arena.open()

    def buffer(self, lane: int, numbers: int) -> Floats:
        """Return the buffer of one's own lane, which others may read during a step."""
        return self._of(self.own, lane, numbers)

    def _of(self, worker: int, lane: int, numbers: int, apart: bool = False) -> Floats:
        offset, most = self._lanes[worker, lane]
        return self._arenas[worker].numbers(offset + apart * most * ITEM, numbers)

    def step(self, lane: int, members: Sequence[int], script: Script, step: Step, buffer: Floats) -> list[Move]:
        """Play what one does in a round: send pieces of the *buffer*, take those of others, wait until one's are taken.

        *members* are the workers of the ranks.
        """
        now, moves, changes = monotonic(), [], step.changes
        if changes:
            self._keep_apart(lane, script, step, buffer)
        for send in step.sends:
            self._tell(members[send.target], lane, now, changes)
        for take in step.takes:
            source = members[take.source]
            since, apart = self._hear(source, lane)
            apply(script, take, buffer, self._of(source, lane, len(buffer), apart))
            moves.append(Move(max(now, since), monotonic()))
            self._confirm(source, lane)
        for send in step.sends:
            self._wait(members[send.target], lane)
        return moves

    def _keep_apart(self, lane: int, script: Script, step: Step, buffer: Floats) -> None:
        """Copy what is sent, since it changes before it is taken."""
        apart = self._of(self.own, lane, len(buffer), apart=True)
        for send in step.sends:
            for piece in send.pieces:
                part = script.part(piece, len(buffer))
                apart[part] = buffer[part]

    def send(self, target: int, lane: int, array: Array) -> None:
        """Send an array, and wait until the target has it."""
        now = monotonic()
        self.buffer(lane, array.size)[:] = array.ravel()
        self._tell(target, lane, now, False)
        self._wait(target, lane)

    def receive(self, source: int, lane: int, shape: Shape) -> tuple[Array, Move]:
        """Wait for an array, and return a copy."""
        since, _ = self._hear(source, lane)
        found = self._of(source, lane, int(np.prod(shape))).reshape(shape).copy()
        end = monotonic()
        self._confirm(source, lane)
        return found, Move(since, end)

    def _tell(self, target: int, lane: int, now: float, apart: bool) -> None:
        os.write(self._ends[Way(self.own, target, lane)][0], STAMP.pack(-now if apart else now))

    def _hear(self, source: int, lane: int) -> tuple[float, bool]:
        said = _read(self._ends[Way(source, self.own, lane)][0], STAMP.size)
        (since,) = STAMP.unpack(said)
        return abs(since), since < 0

    def _confirm(self, source: int, lane: int) -> None:
        os.write(self._ends[Way(source, self.own, lane)][1], TAKEN)

    def _wait(self, target: int, lane: int) -> None:
        _read(self._ends[Way(self.own, target, lane)][1], 1)


def _read(file: int, size: int) -> bytes:
    """Read a message; raises `EOFError` where the other worker is gone."""
    said = os.read(file, size)
    if not said:
        raise EOFError
    return said


def _arrived(own: int, arenas: Sequence[Arena], lanes: Mapping[tuple[int, int], Lane], ends: Mapping[Way, Any]) -> Ways:
    return Ways(own, arenas, lanes, {way: tuple(end.detach() for end in some) for way, some in ends.items()})


class Network:
    """The ways between all workers, as the host makes and ends them."""

    def __init__(self, workers: int, ways: Sequence[Way], numbers: Mapping[tuple[int, int], int]) -> None:
        self._arenas = [Arena.new(owner) for owner in range(workers)]
        self._files: list[int] = []
        try:
            lanes, ends = self._lanes(numbers), self._pipes(workers, ways)
        except OSError as error:
            self.end()
            needed = f"{4 * len(ways)} ends of pipes and {sum(numbers.values()) * 2 * ITEM} B of shared memory"
            why = error.strerror or str(error)
            raise RunError(f"workers that exchange with each other need {needed}, and there are fewer: {why}") from None
        self.of = [Ways(worker, self._arenas, lanes, mine) for worker, mine in enumerate(ends)]

    def _lanes(self, numbers: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], Lane]:
        """Reserve the buffers; raises `OSError` where no memory is left."""
        lanes, ends = dict[tuple[int, int], Lane](), [0] * len(self._arenas)
        for (worker, lane), most in numbers.items():
            lanes[worker, lane] = Lane(ends[worker], most)
            ends[worker] += 2 * most * ITEM
        for arena, size in zip(self._arenas, ends, strict=True):
            arena.reserve(size)
        return lanes

    def _pipes(self, workers: int, ways: Sequence[Way]) -> list[dict[Way, tuple[int, int]]]:
        """Open the pipes of every way; raises `OSError` where there are too many."""
        of: list[dict[Way, tuple[int, int]]] = [{} for _ in range(workers)]
        for way in ways:
            hears, tells = self._pipe()
            waits, confirms = self._pipe()
            of[way.source][way], of[way.target][way] = (tells, waits), (hears, confirms)
        return of

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._files += ends
        return ends

    def handed_over(self) -> None:
        """Close the host's copies of the pipes, so that a worker notices when another one ends."""
        for file in self._files:
            os.close(file)
        self._files = []

    def end(self) -> None:
        """Leave nothing behind."""
        self.handed_over()
        for arena in self._arenas:
            arena.close()
