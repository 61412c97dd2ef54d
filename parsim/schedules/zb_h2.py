"""ZB-H2: a warm-up twice as long as that of ZB-H1 leaves no rank idle between its first and its last action.

    rank 0 |F0 F1 F2 F3 F4 I0 W0 F5 I1 W1 I2 W2 I3 W3 ...      warm-up of 2(p - r) - 1 forwards on rank r, then I and F
    rank 1 |.. F0 F1 F2 I0 F3 I1 F4 I2 W0 F5 I3 W1 ...         in turn; W runs 2r microbatches later than I
    rank 2 |.. .. F0 I0 F1 I1 F2 I2 F3 I3 F4 I4 W0 F5 ...

Memory    a rank holds 2p - 1 activations
Span      of a rank: from its first start to its last end. The paper counts it, since the optimizer step of a rank does
          not wait for the others: a rank that starts late may end late
          its bubble, the longest span less work, with equal stages, W <= F, 2W <= F + I and sends of c:
          (p - 1)(F + I + 2c - 2W), 0 if F = I = W; with free sends and any times (p - 1) max(0, F + I - 2W, I - F)
Makespan  also counts the late start of the last rank, (p - 1)(F + c); its bubble is the larger of the two
          with F = I = W: (p - 1) / 3m of the ideal time, (p - 1) / (3m + p - 1) of the whole

Needs m >= 2p. Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, section 2.3.
"""

from __future__ import annotations

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op
from parsim.core.orders import Idle
from parsim.core.split_backward import split_backward
from parsim.schedules import schedules


def idle(ranks: int, forward: float, input_grad: float, weight_grad: float, send: float) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages, from the first start of all ranks to the last end.

    >>> idle(4, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='ZB-H2', formula='(p-1)(F + c)', seconds=3.0)
    >>> idle(4, 2.0, 3.0, 1.0, send=0.0)
    Idle(name='ZB-H2', formula='(p-1)(F + I + 2c - 2W)', seconds=9.0)
    """
    if weight_grad > min(forward, (forward + input_grad) / 2) or send > 0.4 * min(forward, input_grad, weight_grad):
        return None
    start, span = forward + send, forward + input_grad + 2 * send - 2 * weight_grad
    formula = "(p-1)(F + c)" if start >= span else "(p-1)(F + I + 2c - 2W)"
    return Idle("ZB-H2", formula, (ranks - 1) * max(start, span))


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [7, 7, 7, 7]
    """
    return [2 * ranks - 1] * ranks


@schedules.add("zb-h2", idle=idle, live=live)
def zb_h2(ranks: int, microbatches: int) -> list[list[Op]]:
    """Order each rank: warm-up, I and F in turn with a W that lags by twice the rank, then the remaining W.

    >>> for order in zb_h2(2, 4): print(*order)
    0F0 0F1 0F2 0I0 0W0 0F3 0I1 0W1 0I2 0W2 0I3 0W3
    1F0 1I0 1F1 1I1 1F2 1I2 1W0 1F3 1I3 1W1 1W2 1W3
    """
    if microbatches < 2 * ranks:
        why = f"zb-h2 needs two microbatches for each rank, {2 * ranks} or more; there are {microbatches}"
        raise Invalid([Complaint(("microbatches",), why)])
    return [split_backward(stage, microbatches, 2 * (ranks - stage) - 1, lag=2 * stage) for stage in range(ranks)]
