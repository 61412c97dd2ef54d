"""ZB-H1: 1F1B with backward in halves; the weight gradients fill what would be idle, in the memory of 1F1B.

    rank 0 |F0 F1 F2 .. .. I0 W0 F3 I1 W1 .. I2 W2 .. I3 W3      warm-up of p - r forwards on rank r, then I and F in
    rank 1 |.. F0 F1 .. I0 F2 I1 W0 F3 I2 W1 .. I3 W2 W3         turn; W runs r microbatches later than I on rank r,
    rank 2 |.. .. F0 I0 F1 I1 F2 I2 W0 F3 I3 W1 W2 W3            so that I is handed on at once

A rank holds min(p, m) activations. With equal stages, m >= p and W <= min(F, I) the bubble, makespan less work, is
(p - 1)(F + I - W); with F = I = W it is (p - 1) / 3m of the ideal time and (p - 1) / (3m + p - 1) of the whole. From
m = 2p on it is (p - 1) max(F + I - W, F, I) for any times. Short sends of c add 4(p - 1)c if m > p, which meets the
paper's Table 5. If m < p, all ranks but the last run their forwards first, and no form is known. Qi et al., Zero Bubble
Pipeline Parallelism, ICLR 2024, section 2.3.
"""

from __future__ import annotations

from parsim.core.op import Op
from parsim.core.orders import Idle
from parsim.core.split_backward import split_backward
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages if m >= p and W <= F, I; with sends if they are short.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='ZB-H1', formula='(p-1)(F + I - W)', seconds=3.0)
    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.25)
    Idle(name='ZB-H1', formula='(p-1)(F + I - W + 4c)', seconds=6.0)
    """
    short = microbatches > ranks and send <= 0.4 * min(forward, input_grad, weight_grad)
    if microbatches < ranks or weight_grad > min(forward, input_grad) or not (short or send == 0):
        return None
    sends = " + 4c" if send else ""
    seconds = (ranks - 1) * (forward + input_grad - weight_grad + 4 * send)
    return Idle("ZB-H1", f"(p-1)(F + I - W{sends})", seconds)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [4, 4, 4, 4]
    """
    return [min(ranks, microbatches)] * ranks


@schedules.add("zb-h1", idle=idle, live=live)
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
