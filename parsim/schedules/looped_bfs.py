"""Looped BFS: all microbatches go through a chunk before the next chunk, forward and back.

    rank 0 |F0 F1 F2 F3 f0 f1 f2 f3 .. .. .. b3 b3 b2 b2 b1 b1 ...     p = 2, v = 2: F, B stage 0 or 1,
    rank 1 |.. F0 F1 F2 F3 f0 f1 f2 f3 b3 b3 b2 b2 b1 b1 b0 b0 ...     f, b stage 2 or 3; the last F is the first B

Stage s is on rank s mod p. Sends between chunks have m forwards of time, and weights are gathered once per chunk; but
each rank holds the activations of all microbatches. From m = p on, the bubble with equal stages is
(p - 1) / (v m + p - 1) of the whole, and (p - 1) / (v m) of the ideal time. Lamy-Poirier, Breadth-First Pipeline
Parallelism, MLSys 2023; orders as in PyTorch's ScheduleLoopedBFS.
"""

from __future__ import annotations

from itertools import chain

from parsim.core.op import Op, each
from parsim.core.orders import Idle
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, chunks: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages and free sends, from m = p on or with one chunk.

    F and B are those of a stage, a v-th of a rank's layers.

    >>> idle(4, 8, 2, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='looped BFS', formula='(p-1)(F + B)', seconds=9.0)
    """
    if send or (microbatches < ranks and chunks > 1):
        return None
    return Idle("looped BFS", "(p-1)(F + B)", (ranks - 1) * (forward + input_grad + weight_grad))


def live(ranks: int, microbatches: int, chunks: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once: all.

    >>> live(4, 8, 2)
    [16, 16, 16, 16]
    """
    return [chunks * microbatches] * ranks


@schedules.add("looped-bfs", idle=idle, live=live)
def looped_bfs(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: every F chunk by chunk, then every B in the opposite order.

    >>> for order in looped_bfs(2, 2, 2): print(*order)
    0F0 0F1 2F0 2F1 2B1 2B0 0B1 0B0
    1F0 1F1 3F0 3F1 3B1 3B0 1B1 1B0
    """
    return [_rank(range(rank, ranks * chunks, ranks), microbatches) for rank in range(ranks)]


def _rank(stages: range, microbatches: int) -> list[Op]:
    forwards = [each(stage, "F", range(microbatches)) for stage in stages]
    backwards = [each(stage, "B", reversed(range(microbatches))) for stage in reversed(stages)]
    return [*chain.from_iterable(forwards + backwards)]
