"""DualPipeV: DualPipe cut in half; forwards of one stage of a rank run together with backwards of the other.

    stage   0   1   2   3        p = 2: rank r has the stages r and 2p - 1 - r, as in ZB-V
    rank    0   1   1   0

    rank 0 |F0 F1 F2 f0 i0 w0 f1 F3+b1--- .. f2+B0--- b2 b2 .. f3+B1--- ...     F, B, I, W stage r, f, b, i, w
    rank 1 |.. F0 f0 F1 f1 F2 b0 b0 f2+B0--- F3+b1--- f3+B1--- b2 b2 B2 ...     stage 3 - r; F3+b1: one task of 3 s

From m = 2p on; fewer microbatches are refused, as in PyTorch's ScheduleDualPipeV, whose orders these are. DeepSeek-AI,
DeepSeek-V3 Technical Report, 2024, and its repository DualPipe, whose bubble (p - 1)(F&B + B - 3W), F&B being the
seconds of a pair and B = I + W, is the largest idle time of a rank: 2(p - 1) of 6m + 2(p - 1) in unit times.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Action, Op, Overlap
from parsim.core.orders import Idle, refuse_other_chunks
from parsim.schedules import schedules


def idle(ranks: int, forward: float, input_grad: float, weight_grad: float, send: float) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages if F = I >= W, sends are free, and F&B = F + B.

    >>> idle(4, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='DualPipeV', formula='(p-1)(F&B + B - 3W)', seconds=6.0)
    """
    if send or not forward == input_grad >= weight_grad:
        return None
    backward = input_grad + weight_grad
    return Idle("DualPipeV", "(p-1)(F&B + B - 3W)", (ranks - 1) * (forward + 2 * backward - 3 * weight_grad))


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 8)
    [9, 9, 9, 9]
    """
    return [2 * ranks + 1] * ranks


@schedules.add("dualpipev", idle=idle, live=live)
def dualpipev(ranks: int, microbatches: int, chunks: int = 2) -> list[list[Action]]:
    """Order each rank: warm-up, overlaps of both stages in turn, then backwards whose later W are put off.

    >>> print(*dualpipev(2, 4)[0])
    0F0 0F1 0F2 3F0 3I0 3W0 3F1 (0F3;3B1)OVERLAP_F_B (3F2;0B0)OVERLAP_F_B 3B2 (3F3;0B1)OVERLAP_F_B 3B3 0I2 0W2 0I3 0W3
    """
    refuse_other_chunks("dualpipev", chunks, 2)
    if microbatches < 2 * ranks:
        why = f"dualpipev needs two microbatches for each rank, {2 * ranks} or more; there are {microbatches}"
        raise Invalid([Complaint(("microbatches",), why)])
    return [v_order(rank, ranks, microbatches) for rank in range(ranks)]


def v_order(rank: int, ranks: int, microbatches: int, starts: tuple[int, int] = (0, 0)) -> list[Action]:
    """Order a rank of p, whose near stage (rank) and far stage (2p - 1 - rank) begin with the microbatches *starts*.

    Letters as in the picture; P stands for F+b, p for f+B, and W for the oldest W that is put off.
    """
    after, count = ranks - rank - 1, rank + 1
    drain = ("bB" * count)[:count] + ("iI" * count)[count:]
    turns = "Pp" * (microbatches - 2 * ranks + rank)
    first = "Pp" if after else "Fbp"  # the last rank does not pair its first two actions, which shortens the bubble
    script = "FF" * after + "Ff" * count + "iWf" * after + first + turns + "bp" * after + drain
    take = _actions((rank, 2 * ranks - 1 - rank), microbatches, starts)
    order: list[Action] = []
    take["W"] = (op._replace(kind="W") for op in order if isinstance(op, Op) and op.kind == "I")
    for letter in script + "WI" * after + "W" * count:
        order.append(next(take[letter]))
    return order


def _actions(stages: tuple[int, int], microbatches: int, starts: tuple[int, int]) -> dict[str, Iterator[Action]]:
    """Return the next actions by letter. B and I of a stage go through the same microbatches."""
    take: dict[str, Iterator[Action]] = {}
    for stage, start, letters in zip(stages, starts, ("FBI", "fbi"), strict=True):
        forwards, backwards = (iter(range(start, start + microbatches)) for _ in range(2))
        for letter in letters:
            ways = forwards if letter in "Ff" else backwards
            take[letter] = map(Op._make, zip(repeat(stage), repeat(letter.upper()), ways, strict=False))
    pairs = {"P": zip(take["F"], take["b"], strict=False), "p": zip(take["f"], take["B"], strict=False)}
    return take | {letter: map(Overlap._make, pair) for letter, pair in pairs.items()}
