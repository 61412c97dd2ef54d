"""Interleaved 1F1B: 1F1B over several chunks of the model on each rank; a smaller bubble for more sends.

    rank 0 |F0 F1 f0 f1 F2 .. b0 b0 F3 b1 b1 f2 B0 B0 f3 B1 B1 .. b2 b2 ...     p = 2, v = 2: F, B stage 0 or 1,
    rank 1 |.. F0 F1 f0 b0 b0 f1 b1 b1 F2 B0 B0 F3 B1 B1 f2 b2 b2 f3 b3 ...     f, b stage 2 or 3

Stage s is on rank s mod p. Rounds of m / max(1, m // p) microbatches go through all chunks one after the other. Rank r
warms up with (v - 1) rounds' forwards and 2 (p - 1 - r) more, then F and B run in turn. From m = p on, the bubble with
equal stages is (p - 1) / (v m + p - 1) of the whole, and (p - 1) / (v m) of the ideal time. Narayanan et al., Efficient
Large-Scale Language Model Training on GPU Clusters Using Megatron-LM, SC 2021, section 2.2. Unequal rounds are refused,
as in PyTorch's ScheduleInterleaved1F1B, whose orders these are.
"""

from __future__ import annotations

from itertools import chain

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op, each
from parsim.core.orders import Idle
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, chunks: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages and free sends, from m = p on or with one chunk.

    F and B are those of a stage, a v-th of a rank's layers.

    >>> idle(4, 8, 2, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='interleaved 1F1B', formula='(p-1)(F + B)', seconds=9.0)
    """
    if send or (microbatches < ranks and chunks > 1):
        return None
    return Idle("interleaved 1F1B", "(p-1)(F + B)", (ranks - 1) * (forward + input_grad + weight_grad))


def live(ranks: int, microbatches: int, chunks: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once: the warm-up, and one more.

    >>> live(4, 8, 2)
    [11, 9, 7, 5]
    """
    size = microbatches // max(1, microbatches // ranks)
    warmup = [(chunks - 1) * size + 2 * (ranks - 1 - rank) for rank in range(ranks)]
    return [min(forwards + 1, chunks * microbatches) for forwards in warmup]


@schedules.add("interleaved-1f1b", idle=idle, live=live)
def interleaved_1f1b(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: warm-up, then F and B in turn, then the remaining B, through several chunks of the model.

    >>> for order in interleaved_1f1b(2, 2, 2): print(*order)
    0F0 0F1 2F0 2F1 2B0 2B1 0B0 0B1
    1F0 1F1 3F0 3B0 3F1 3B1 1B0 1B1
    """
    size = round_size("interleaved-1f1b", ranks, microbatches)
    return [_rank(rank, ranks, microbatches, chunks, size) for rank in range(ranks)]


def _rank(rank: int, ranks: int, microbatches: int, chunks: int, size: int) -> list[Op]:
    stages = range(rank, ranks * chunks, ranks)
    forwards = in_rounds("F", stages, microbatches, size)
    backwards = in_rounds("B", stages[::-1], microbatches, size)
    warmup = min((chunks - 1) * size + 2 * (ranks - 1 - rank), len(forwards))
    turns = zip(forwards[warmup:], backwards, strict=False)
    return [*forwards[:warmup], *chain.from_iterable(turns), *backwards[len(forwards) - warmup :]]


def round_size(name: str, ranks: int, microbatches: int) -> int:
    """Return the microbatches of a round; refuse rounds of unequal size.

    >>> round_size("mine", 4, 8), round_size("mine", 4, 10), round_size("mine", 4, 3)
    (4, 5, 3)
    >>> round_size("mine", 2, 5)
    Traceback (most recent call last):
    parsim.core.errors.Invalid: microbatches: mine cannot cut 5 microbatches into 2 equal rounds; use 4 or 6
    """
    rounds, left = max(1, microbatches // ranks), microbatches % ranks
    if microbatches % rounds:
        near = f"use {microbatches - left} or {microbatches - left + ranks}"
        why = f"{name} cannot cut {microbatches} microbatches into {rounds} equal rounds; {near}"
        raise Invalid([Complaint(("microbatches",), why)])
    return microbatches // rounds


def in_rounds(kind: str, stages: range, microbatches: int, size: int) -> list[Op]:
    """Take *size* microbatches after the other through all *stages* of a rank, stage by stage.

    >>> print(*in_rounds("F", range(0, 4, 2), 4, 2))
    0F0 0F1 2F0 2F1 0F2 0F3 2F2 2F3
    """
    rounds = (range(start, start + size) for start in range(0, microbatches, size))
    return [op for one in rounds for stage in stages for op in each(stage, kind, one)]
