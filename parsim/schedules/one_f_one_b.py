"""1F1B: after a warm-up, each rank alternates one backward and one forward.

    rank 0 |F0 F1 F2 .. .. .. B0 B0 F3 B1 B1 .. B2 B2 .. B3 B3      warm-up of p - r forwards on rank r,
    rank 1 |.. F0 F1 .. B0 B0 F2 B1 B1 F3 B2 B2 .. B3 B3            then B and F in turn,
    rank 2 |.. .. F0 B0 B0 F1 B1 B1 F2 B2 B2 F3 B3 B3               then the remaining backwards

With equal stages the bubble is (p - 1) / (m + p - 1) of the whole, as in GPipe, but rank r holds the activations of
only min(p - r, m) microbatches. If m < p, the warm-up of the first ranks is all m forwards. Narayanan et al.,
PipeDream, SOSP 2019 (with a flush: PipeDream-Flush, ICML 2021).
"""

from __future__ import annotations

from itertools import chain

from parsim.core.op import Op, each
from parsim.core.orders import Idle
from parsim.schedules import schedules


def idle(
    ranks: int, microbatches: int, forward: float, input_grad: float, weight_grad: float, send: float
) -> Idle | None:
    """Claim the idle seconds of each rank with equal stages; with sends of c seconds only if p divides m.

    Sends: Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, whose Table 5 it meets.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='1F1B', formula='(p-1)(F + B)', seconds=9.0)
    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.5)
    Idle(name='1F1B', formula='(p-1)(F + B) + (2m(p-1)/p + 2(p-2))c', seconds=17.0)
    """
    fill = (ranks - 1) * (forward + input_grad + weight_grad)
    if not send or ranks == 1:
        return Idle("1F1B", "(p-1)(F + B)", fill)
    if microbatches % ranks:
        return None
    sends = 2 * microbatches * (ranks - 1) // ranks + 2 * (ranks - 2)
    return Idle("1F1B", "(p-1)(F + B) + (2m(p-1)/p + 2(p-2))c", fill + sends * send)


def live(ranks: int, microbatches: int) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once.

    >>> live(4, 12)
    [4, 3, 2, 1]
    """
    return [min(ranks - rank, microbatches) for rank in range(ranks)]


@schedules.add("1f1b", idle=idle, live=live)
def one_f_one_b(ranks: int, microbatches: int) -> list[list[Op]]:
    """Order each rank: warm-up, then B and F in turn, then the remaining B.

    >>> for order in one_f_one_b(2, 3): print(*order)
    0F0 0F1 0B0 0F2 0B1 0B2
    1F0 1B0 1F1 1B1 1F2 1B2
    """
    return [_rank(stage, min(ranks - stage, microbatches), microbatches) for stage in range(ranks)]


def _rank(stage: int, warmup: int, microbatches: int) -> list[Op]:
    forwards, backwards = (each(stage, kind, range(microbatches)) for kind in "FB")
    turns = zip(backwards, forwards[warmup:], strict=False)
    return [*forwards[:warmup], *chain.from_iterable(turns), *backwards[microbatches - warmup :]]
