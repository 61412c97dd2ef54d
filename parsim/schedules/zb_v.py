"""ZB-V: the stages of a rank lie at both ends of a V, and weight halves fill the bubble.

    stage   0   1   2   3   4   5   6   7        p = 4: rank r has the stages r and 2p - 1 - r
    rank    0   1   2   3   3   2   1   0        the last stage is on rank 0, which starts the backwards at once

    rank 0 |F0 F1 F2 f0 i0 w0 f1 i1 w1 F3 I0 W0 f2 i2 w2 I1 W1 f3 ...     p = 2: F, I, W stage r, f, i, w stage 3 - r
    rank 1 |.. F0 f0 F1 f1 i0 w0 F2 I0 W0 f2 i1 w1 F3 I1 W1 f3 i2 ...

If F = I = W and m >= 2p - 1, each rank works without a pause from its first action to its last; it holds at most 2p
activations of a stage, as many bytes as 1F1B. The first and the last rank start p - 1 actions apart, so the bubble of
the makespan is (p - 1) / (6m + p - 1) of the whole. Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, section 6;
orders as in PyTorch's ScheduleZBVZeroBubble. If m < 2p - 1, the actions of absent microbatches are left out.
"""

from __future__ import annotations

from parsim.core.op import Op, each
from parsim.core.orders import Idle, refuse_other_chunks
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank if F = I = W, sends are free, and m >= 2p - 1.

    The paper's bubble is 0, since it lets ranks start and end at different times.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='ZB-V', formula='(p-1)F', seconds=3.0)
    """
    if send or not forward == input_grad == weight_grad or microbatches < 2 * ranks - 1:
        return None
    return Idle("ZB-V", "(p-1)F", (ranks - 1) * forward)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [8, 8, 8, 8]
    """
    return [2 * min(ranks, microbatches)] * ranks


@schedules.add("zb-v", idle=idle, live=live)
def zb_v(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: warm-up, F I W of both stages in turn, then the remaining I and W.

    >>> for order in zb_v(2, 2): print(*order)
    0F0 0F1 3F0 3I0 3W0 3F1 3I1 3W1 0I0 0W0 0I1 0W1
    1F0 2F0 1F1 2F1 2I0 2W0 1I0 1W0 2I1 2W1 1I1 1W1
    """
    refuse_other_chunks("zb-v", chunks, 2)
    return [_rank(rank, ranks, microbatches) for rank in range(ranks)]


def _rank(rank: int, ranks: int, microbatches: int) -> list[Op]:
    """Lay out the order for 2p - 1 microbatches or more, and leave out those that are not there."""
    laid = max(2 * ranks - 1, microbatches)
    near_f, near_i, near_w = (each(rank, kind, range(laid)) for kind in "FIW")
    far_f, far_i, far_w = (each(2 * ranks - 1 - rank, kind, range(laid)) for kind in "FIW")
    early, after = 2 * (ranks - rank) - 1, ranks - rank  # near forwards before the first far one; ranks from here on
    order = near_f[:early]
    for i in range(rank):
        order += (far_f[i], near_f[early + i])
    for i in range(after):
        order += (far_f[rank + i], far_i[i], far_w[i])
    for i in range(laid - ranks):  # turns of both stages; the last ones have no near forward
        order += near_f[early + rank + i : early + rank + i + 1]
        order += (near_i[i], near_w[i], far_f[ranks + i], far_i[after + i], far_w[after + i])
    for i in range(rank):
        order += (near_i[laid - ranks + i], far_i[laid - rank + i])
    for i in range(after):
        order += (near_i[laid - after + i], near_w[laid - ranks + i])
    order += far_w[laid - rank :] + near_w[laid - rank :]
    return order if microbatches == laid else [op for op in order if op.microbatch < microbatches]
