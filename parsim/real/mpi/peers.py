"""The ways from worker to worker over MPI: what is sent travels as one message a round, with the instant it left.

    w0  Issend(stamp, pieces)  ---->  w1  adds w0's numbers to its own

A send is over when the other one has begun to receive, as between processes of one machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from time import monotonic

import numpy as np

from parsim.core.columns import Floats
from parsim.core.kernel import Array, Shape
from parsim.core.script import Script, Step, take_in
from parsim.real.mpi.library import MPI
from parsim.real.mpi.messages import wait_until
from parsim.real.transport import Move

LANES = 16  # the tag of the first lane


class RankPeers:
    """The ways of one rank.

    Parameters
    ----------
    own : the worker.
    numbers : the most in the buffer of each of its lanes.
    """

    def __init__(self, own: int, numbers: Mapping[int, int]) -> None:
        self._own, self._numbers = own, numbers

    def join(self, comm: MPI.Comm, offsets_s: Sequence[float]) -> None:
        """Use the way to all ranks, and the offsets of the host's clock to each worker's."""
        self._comm = comm
        self._earlier = [offset - offsets_s[self._own] for offset in offsets_s]

    def open(self) -> None:
        """Make the buffers."""
        self._buffers = {lane: np.zeros(most) for lane, most in self._numbers.items()}

    def buffer(self, lane: int, numbers: int) -> Floats:
        """Return the buffer of one's own lane."""
        return self._buffers[lane][:numbers]

    def step(self, lane: int, members: Sequence[int], script: Script, step: Step, buffer: Floats) -> list[Move]:
        """Play what one does in a round; *members* are the workers of the ranks."""
        now, moves = monotonic(), []

        def parts(pieces: Sequence[int]) -> list[Floats]:
            return [buffer[script.part(piece, len(buffer))] for piece in pieces]

        sends = [self._post(members[send.target], lane, now, parts(send.pieces)) for send in step.sends]
        for take in step.takes:
            into = parts(take.pieces)
            ends = np.cumsum([0, *map(len, into)]).tolist()
            since, came = self._take(members[take.source], lane, ends[-1])
            for own, add, (start, end) in zip(into, take.add, pairwise(ends), strict=True):
                take_in(own, came[start:end], add)
            moves.append(Move(max(now, since), monotonic()))
        for request, _ in sends:
            wait_until(request.Test)
        return moves

    def send(self, target: int, lane: int, array: Array) -> None:
        """Send an array, and wait until the target receives it."""
        request, _ = self._post(target, lane, monotonic(), [np.asarray(array, np.float64).ravel()])
        wait_until(request.Test)

    def receive(self, source: int, lane: int, shape: Shape) -> tuple[Array, Move]:
        """Wait for an array."""
        since, came = self._take(source, lane, int(np.prod(shape)))
        return came.reshape(shape), Move(since, monotonic())

    def _post(self, target: int, lane: int, now: float, parts: Sequence[Floats]) -> tuple[MPI.Request, Floats]:
        """Begin to send; return also what must stay until it is there."""
        message = np.concatenate([[now], *parts])
        return self._comm.Issend([message, MPI.DOUBLE], target + 1, LANES + lane), message

    def _take(self, source: int, lane: int, numbers: int) -> tuple[float, Floats]:
        """Wait for numbers; return when they left, by the own clock."""
        message = np.empty(1 + numbers)
        request = self._comm.Irecv([message, MPI.DOUBLE], source + 1, LANES + lane)
        wait_until(request.Test)
        return float(message[0]) + self._earlier[source], message[1:]
