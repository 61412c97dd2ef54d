"""ZB-H1: 1F1B with backward in halves; the weight gradients fill what would be idle, in the memory of 1F1B.

    rank 0 |F0 F1 F2 .. .. I0 W0 F3 I1 W1 .. I2 W2 .. I3 W3      warm-up of p - r forwards on rank r, then I and F in
    rank 1 |.. F0 F1 .. I0 F2 I1 W0 F3 I2 W1 .. I3 W2 W3         turn; W runs r microbatches later than I on rank r,
    rank 2 |.. .. F0 I0 F1 I1 F2 I2 W0 F3 I3 W1 W2 W3            so that I is handed on at once

A rank holds min(p, m) activations. With equal stages and free sends the bubble, makespan less work, is
(p - 1)(F + I - W) for m >= p if W <= min(F, I); that is (p - 1) / 3m of the ideal time and (p - 1) / (3m + p - 1) of
the whole if F = I = W. With any times it is (p - 1) max(F + I - W, F, I) from m = 2p on. A send of c adds 4(p - 1)c if
m > p, and (4p - 6)c if m = p. If m < p, all ranks but the last run their forwards first, and the bubble is larger; no
form of it is published. Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, section 2.3.
"""

from __future__ import annotations

from parsim.core.op import Op
from parsim.core.split_backward import split_backward
from parsim.schedules import schedules


def bubble(ranks: int, microbatches: int) -> float | None:
    """Claim the idle share of the whole with equal stages, from m = p on.

    >>> bubble(4, 8), bubble(4, 3)
    (0.1111111111111111, None)
    """
    return None if microbatches < ranks else (ranks - 1) / (3 * microbatches + ranks - 1)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [4, 4, 4, 4]
    """
    return [min(ranks, microbatches)] * ranks


@schedules.add("zb-h1", bubble=bubble, live=live)
def zb_h1(ranks: int, microbatches: int) -> list[list[Op]]:
    """Order each rank: warm-up, I and F in turn with a W that lags by the rank, then the remaining W.

    >>> for order in zb_h1(2, 3): print(*order)
    0F0 0F1 0I0 0W0 0F2 0I1 0W1 0I2 0W2
    1F0 1I0 1F1 1I1 1W0 1F2 1I2 1W1 1W2
    """
    if microbatches < ranks:
        forwards_first = [split_backward(stage, microbatches, microbatches, lag=0) for stage in range(ranks - 1)]
        return [*forwards_first, split_backward(ranks - 1, microbatches, 1, lag=microbatches)]
    return [split_backward(stage, microbatches, ranks - stage, lag=stage) for stage in range(ranks)]
