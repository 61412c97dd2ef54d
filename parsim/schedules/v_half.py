"""V-half: a V of two stages a rank that holds half the activations of 1F1B.

    rank 0 |F0 F1 F2 F3 F4 .. .. f0 i0 w0 f1 i1 ..      p = 4: F, I, W of stage r, f, i, w of stage 2p - 1 - r;
    rank 1 |.. F0 F1 F2 F3 .. f0 .. f1 i0 w0 .. ..      a stage is half as long as one of 1F1B
    rank 2 |.. .. F0 F1 F2 f0 .. f1 .. f2 i0 w0 ..
    rank 3 |.. .. .. F0 f0 F1 f1 F2 f2 .. .. i0 ..

Building block: F of the first and I of the second chunk take two slots from rank to rank, the ways back one; a pause
keeps the ops of a rank apart. With an even number of ranks the last step is longer, which saves 3 slots.

Memory    a rank holds at most (p + 2)//2 microbatches, of two stages each
Bubble    with F = I = W, p >= 3 and m >= p: 3p - 4 slots if p is odd, 3p - 7 if p is even; of the span (from the first
          start of a rank to its last end) and of the makespan alike
          as a share of the ideal time: divided by 6m; of the whole: by 6m and the bubble
          it is the authors' 3p - 1 - 3P + max(3p, p - 1 + 2(1 + (P + 1)//2)), where a rank holds P stages at most
          no form is known for m < p or other times; the order does not depend on times

Qi et al., Pipeline Parallelism with Controllable Memory, NeurIPS 2024. The block is not the authors': theirs takes
longer with m near p or with sends, and up to a slot less where W is long.
"""

from __future__ import annotations

from parsim.core.op import Op
from parsim.core.orders import Idle, refuse_other_chunks
from parsim.core.v_layout import half, idle_seconds, lay_out
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank if F = I = W and sends are free, for p >= 3 and m >= p.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='V-half', formula='(3p-1 - 3P + max(3p, p-1 + 2(1 + (P+1)//2)))F, P = 6', seconds=5.0)
    """
    full = ranks >= 3 and microbatches >= ranks
    if not full or send or not forward == input_grad == weight_grad:
        return None
    return idle_seconds("V-half", ranks, _limit(ranks), forward)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [6, 6, 6, 6]
    """
    return [min(_limit(ranks), 2 * microbatches)] * ranks


@schedules.add("v-half", idle=idle, live=live)
def v_half(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Op]]:
    """Order each rank: forwards until half the memory of 1F1B is full, then both stages in turn.

    >>> for order in v_half(2, 3): print(*order)
    0F0 0F1 0F2 3F0 3I0 3W0 3F1 3I1 0I0 3W1 0W0 3F2 3I2 0I1 3W2 0I2 0W1 0W2
    1F0 2F0 1F1 2F1 2I0 1I0 2W0 1F2 1W0 2F2 2I1 1I1 2I2 1I2 2W1 1W1 2W2 1W2
    """
    refuse_other_chunks("v-half", chunks, 2)
    return lay_out(half(ranks), microbatches, _limit(ranks))


def _limit(ranks: int) -> int:
    return 2 * ((ranks + 2) // 2)
