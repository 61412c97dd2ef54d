"""GPipe: all forwards, then all backwards.

    rank 0 |F0 F1 F2 F3 .. .. .. .. .. .. B0 B0 B1 B1 ...     one stage per rank; a flush between the halves
    rank 1 |.. F0 F1 F2 F3 .. .. .. B0 B0 B1 B1 ...
    rank 2 |.. .. F0 F1 F2 F3 B0 B0 B1 B1 B2 B2 B3 B3

With equal stages the bubble is (p - 1) / (m + p - 1) of the whole; every rank holds the activations of all m
microbatches. Huang et al., GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism, NeurIPS
2019. The backwards run in the order of the forwards, as in PyTorch's ScheduleGPipe (the paper's figure reverses
them).
"""

from __future__ import annotations

from parsim.core.op import Op, each
from parsim.core.orders import Idle
from parsim.schedules import schedules


def idle(ranks: int, forward: float, input_grad: float, weight_grad: float, send: float) -> Idle:
    """Claim the idle seconds of each rank with equal stages, each F and B being sent c seconds.

    >>> idle(4, 1.0, 1.0, 1.0, send=0.5)
    Idle(name='GPipe', formula='(p-1)(F + B + 2c)', seconds=12.0)
    """
    seconds = (ranks - 1) * (forward + input_grad + weight_grad + 2 * send)
    return Idle("GPipe", "(p-1)(F + B + 2c)", seconds)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once."""
    return [microbatches] * ranks


@schedules.add("gpipe", idle=idle, live=live)
def gpipe(ranks: int, microbatches: int) -> list[list[Op]]:
    """Order each rank: every F, then every B.

    >>> for order in gpipe(2, 3): print(*order)
    0F0 0F1 0F2 0B0 0B1 0B2
    1F0 1F1 1F2 1B0 1B1 1B2
    """
    return [each(stage, "F", range(microbatches)) + each(stage, "B", range(microbatches)) for stage in range(ranks)]
