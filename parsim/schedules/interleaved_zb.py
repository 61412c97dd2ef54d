"""Interleaved zero bubble: interleaved 1F1B whose backwards are split, so that the weight halves fill the bubble.

    rank 0 |F0 F1 f0 f1 .. i0 w0 F2 i1 w1 F3 I0 W0 f2 I1 W1 f3 i2 w2 ...     p = 2, v = 2: F, I, W stage 0 or 1,
    rank 1 |.. F0 F1 f0 i0 f1 i1 w0 F2 I0 w1 F3 I1 W0 f2 i2 W1 f3 i3 ...     f, i, w stage 2 or 3; W is r late

Rank r warms up with (v - 1) rounds' forwards, rounds as in interleaved 1F1B, and p - 1 - r more as in ZB-H1; then F, I
and W run in turn. Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024 (ZB-H1), over several chunks as in PyTorch's
ScheduleInterleavedZeroBubble, whose orders these are. No closed form of the bubble is published.
"""

from __future__ import annotations

from parsim.core.op import Op
from parsim.schedules import schedules
from parsim.schedules.interleaved_1f1b import in_rounds, round_size


def live(ranks: int, microbatches: int, chunks: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    That is the warm-up, one more, and those whose W is put off. (No bound is published; this one follows from the
    order.)

    >>> live(4, 8, 2)
    [8, 8, 8, 8]
    """
    size = microbatches // max(1, microbatches // ranks)
    return [min((chunks - 1) * size + ranks, chunks * microbatches)] * ranks


@schedules.add("interleaved-zb", live=live)
def interleaved_zb(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: warm-up, then F, I and a W that was put off in turn, then the remaining I and W.

    >>> for order in interleaved_zb(2, 2, 2): print(*order)
    0F0 0F1 2F0 2F1 2I0 2W0 2I1 2W1 0I0 0W0 0I1 0W1
    1F0 1F1 3F0 3I0 3F1 3I1 3W0 1I0 3W1 1I1 1W0 1W1
    """
    size = round_size("interleaved-zb", ranks, microbatches)
    return [_rank(rank, ranks, microbatches, chunks, size) for rank in range(ranks)]


def _rank(rank: int, ranks: int, microbatches: int, chunks: int, size: int) -> list[Op]:
    stages = range(rank, ranks * chunks, ranks)
    forwards = in_rounds("F", stages, microbatches, size)
    inputs = in_rounds("I", stages[::-1], microbatches, size)
    weights = in_rounds("W", stages[::-1], microbatches, size)
    warmup = min((chunks - 1) * size + ranks - 1 - rank, len(forwards))
    order = forwards[:warmup]
    for i, op in enumerate(inputs):
        order += forwards[warmup + i : warmup + i + 1]
        order.append(op)
        order += weights[i - rank : i - rank + 1] if i >= rank else ()
    return order + weights[max(len(weights) - rank, 0) :]
