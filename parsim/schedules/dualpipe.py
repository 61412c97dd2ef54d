"""DualPipe: the model is held twice, and microbatches enter at both ends of the pipeline.

    stage                             0   1   2   3        p = 4
    rank, microbatches below m / 2    0   1   2   3
    rank, the other microbatches      3   2   1   0

    rank 0 |F0 F1 F2 f4 i4 w4 f5 F3+b5--- .. f6+B0--- b6 b6 .. f7+B1--- ...     F, B, I, W stage r, microbatches 0-3;
    rank 1 |.. F0 f4 F1 f5 F2 b4 b4 f6+B0--- F3+b5--- f7+B1--- b6 b6 B2 ...     f, b, i, w stage p - 1 - r,
    rank 2 |.. f4 F0 f5 F1 f6 B0 B0 F2+b4--- f7+B1--- F3+b5--- B2 B2 b6 ...     microbatches 4-7
    rank 3 |f4 f5 f6 F0 I0 W0 F1 f7+B1--- .. F2+b4--- B2 B2 .. F3+b5--- ...

p and m are even, and m is 2p or more. Ranks r and p - 1 - r both run the order of rank r of DualPipeV with p/2 ranks
and m/2 microbatches, with the two directions in place of its two stages. DeepSeek-AI, DeepSeek-V3 Technical Report,
2024; orders of dualpipe.py in the repository DualPipe. Its bubble (p/2 - 1)(F&B + B - 3W), F&B being the seconds of a
pair and B = I + W, is the largest idle time of a rank, exactly if F = I >= W: p - 2 of 3m + p - 2 in unit times.
"""

from __future__ import annotations

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Action
from parsim.core.orders import Idle
from parsim.schedules import schedules
from parsim.schedules.dualpipev import v_order


def idle(ranks: int, forward: float, input_grad: float, weight_grad: float, send: float) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages if F = I >= W, sends are free, and F&B = F + B.

    >>> idle(4, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='DualPipe', formula='(p/2-1)(F&B + B - 3W)', seconds=2.0)
    """
    if send or not forward == input_grad >= weight_grad:
        return None
    backward = input_grad + weight_grad
    return Idle("DualPipe", "(p/2-1)(F&B + B - 3W)", (ranks // 2 - 1) * (forward + 2 * backward - 3 * weight_grad))


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [5, 5, 5, 5]
    """
    return [ranks + 1] * ranks


@schedules.add("dualpipe", idle=idle, live=live)
def dualpipe(ranks: int, microbatches: int) -> list[list[Action]]:
    """Order each rank: warm-up, overlaps of both directions in turn, then backwards whose later W are put off.

    >>> print(*dualpipe(2, 4)[0])
    0F0 1F2 0F1 1B2 (1F3;0B0)OVERLAP_F_B 1B3 0I1 0W1
    """
    complaints = [
        Complaint((name,), f"dualpipe runs in two directions, so it needs an even number of {name}; {number} is odd")
        for name, number in (("ranks", ranks), ("microbatches", microbatches))
        if number % 2
    ]
    if microbatches < 2 * ranks:
        why = f"dualpipe needs two microbatches for each rank, {2 * ranks} or more; there are {microbatches}"
        complaints.append(Complaint(("microbatches",), why))
    if complaints:
        raise Invalid(complaints)
    half = microbatches // 2
    return [
        v_order(min(rank, ranks - 1 - rank), ranks // 2, half, (0, half) if rank < ranks // 2 else (half, 0))
        for rank in range(ranks)
    ]
