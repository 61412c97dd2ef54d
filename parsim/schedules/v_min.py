"""V-min: a V of two stages a rank that holds a third of the activations of 1F1B.

    rank 0 |F0 F1 F2 .. .. .. .. f0 i0 w0 f1 i1 ..      p = 4: F, I, W of stage r, f, i, w of stage 2p - 1 - r;
    rank 1 |.. F0 F1 .. .. .. f0 .. f1 i0 w0 F2 ..      a stage is half as long as one of 1F1B
    rank 2 |.. .. F0 F1 .. f0 .. f1 .. .. i0 w0 ..
    rank 3 |.. .. .. F0 f0 F1 f1 .. .. .. .. i0 ..

In the building block every step from rank to rank takes one slot, and rank 0 pauses before I so that the ops of a rank
do not meet: for 0, 2 or 4 slots if p mod 3 is 1, 0 or 2. A rank holds (p + 4)//3 microbatches, of two stages each, at
most. With 1, 2, 3 or 5 ranks that is as much as V-half holds, and the order is that of V-half. With F = I = W, p >= 3
and m >= p the bubble of the span (from the first start of a rank to its last end) and of the makespan is 4p - 5, 4p - 7
or 4p - 9 of them if p mod 3 is 1, 0 or 2: over 6m as a share of the ideal time, over 6m and itself as a share of the
whole. It is the form of the authors' scheduler, 3p - 1 - 3P + max(3p, p - 1 + 2(1 + (P + 1)//2)) for a peak of P
stages. None is known for m < p or other times; the order does not depend on times. Qi et al., Pipeline Parallelism with
Controllable Memory, NeurIPS 2024. If p mod 3 is 2, the authors pause less and take up to 4 slots more.
"""

from __future__ import annotations

from parsim.core.op import Op
from parsim.core.orders import Idle, refuse_other_chunks
from parsim.core.v_layout import block, half, idle_seconds, lay_out
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank if F = I = W and sends are free, for p >= 3 and m >= p.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='V-min', formula='(3p-1 - 3P + max(3p, p-1 + 2(1 + (P+1)//2)))F, P = 4', seconds=11.0)
    """
    full = ranks >= 3 and microbatches >= ranks
    if not full or send or not forward == input_grad == weight_grad:
        return None
    return idle_seconds("V-min", ranks, _limit(ranks), forward)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [4, 4, 4, 4]
    """
    return [min(_limit(ranks), 2 * microbatches)] * ranks


@schedules.add("v-min", idle=idle, live=live)
def v_min(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: forwards until a third of the memory of 1F1B is full, then both stages in turn.

    >>> for order in v_min(4, 2): print(*order)
    0F0 0F1 7F0 7I0 7F1 7I1 7W0 7W1 0I0 0W0 0I1 0W1
    1F0 1F1 6F0 6F1 6I0 6W0 1I0 6I1 1W0 6W1 1I1 1W1
    2F0 2F1 5F0 5F1 5I0 5W0 2I0 2W0 5I1 5W1 2I1 2W1
    3F0 4F0 3F1 4F1 4I0 3I0 4W0 3W0 4I1 3I1 4W1 3W1
    """
    refuse_other_chunks("v-min", chunks, 2)
    thin = block([1] * (ranks - 1), (0, (2, 0, 4)[ranks % 3], 0))
    return lay_out(half(ranks) if ranks in (1, 2, 3, 5) else thin, microbatches, _limit(ranks))


def _limit(ranks: int) -> int:
    return 2 * ((ranks + 4) // 3)
