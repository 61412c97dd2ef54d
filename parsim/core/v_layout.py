"""Lay out the order of a V schedule from a building block: the slots of one microbatch, repeated every six slots.

    rank 0 |F  .. .. .. .. .. .. f  i  .. .. .. .. .. .. I       rank r runs stages r (F, I, W) and 2p - 1 - r (f, i, w)
    rank 1 |.. F  .. .. .. .. f  .. .. i  .. .. .. .. I  ..      p = 4, steps of 1 slot between ranks, no pause at the
    rank 2 |.. .. F  .. .. f  .. .. .. .. i  .. .. I  .. ..      turns of the V; w and W take the free slots
    rank 3 |.. .. .. F  f  .. .. .. .. .. .. i  I  .. .. ..

The longer an activation lives, from F to W, the more of them a rank holds, and the sooner may its forwards start. The
slots give the order only: ops run as early as they can, so warm-up and end are denser than the block. All of it is
played on slots of equal length. Qi et al., Pipeline Parallelism with Controllable Memory, NeurIPS 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, count
from typing import NamedTuple

from parsim.core.op import Op, each
from parsim.core.orders import Idle

PERIOD = 6  # slots: F, I and W of two chunks


class Slots(NamedTuple):
    """When a rank runs a microbatch: F and I of its first chunk, and of its second."""

    first_forward: int
    second_forward: int
    second_input: int
    first_input: int


class Block(NamedTuple):
    """The slots of each rank, and the pause on rank 0 between F and I."""

    slots: list[Slots]
    pause: int


def block(steps: Sequence[int], turns: tuple[int, int, int]) -> Block:
    """Return a building block.

    Parameters
    ----------
    steps : slots from each rank to the next, of F away from rank 0, and of I away from it; the ways back take 1 each.
    turns : pauses on the last rank before its second F, on rank 0 before I, and on the last rank before its second I.

    >>> block([1, 1], (0, 0, 0)).slots[0]
    Slots(first_forward=0, second_forward=5, second_input=6, first_input=11)
    """
    away = [0, *accumulate(steps)]
    ranks, length = len(away), away[-1] + 1
    middle = length + turns[0] + ranks + turns[1]
    home = middle + length + turns[2]
    slots = [
        Slots(slot, length + turns[0] + ranks - 1 - rank, middle + slot, home + ranks - 1 - rank)
        for rank, slot in enumerate(away)
    ]
    return Block(slots, turns[1])


def half(ranks: int) -> Block:
    """Return the block of V-half; its last step uses the memory that an even number of ranks leaves free."""
    if ranks % 2:
        return block([2] * (ranks - 1), (0, 0, 1))
    return block([*[2] * (ranks - 2), 5], (1, 0, 0))


def idle_seconds(name: str, ranks: int, limit: int, forward: float) -> Idle:
    """Return the idle seconds of each rank that the scheduler of Qi et al. expects with F = I = W, from its peak."""
    slots = 3 * ranks - 1 - 3 * limit + max(3 * ranks, ranks - 1 + 2 * (1 + (limit + 1) // 2))
    return Idle(name, f"(3p-1 - 3P + max(3p, p-1 + 2(1 + (P+1)//2)))F, P = {limit}", slots * forward)


def lay_out(block: Block, microbatches: int, limit: int) -> list[list[Op]]:
    """Return the order of each rank, which holds at most *limit* activations of a stage and microbatch, two or more.

    >>> for order in lay_out(block([1], (0, 0, 0)), 2, limit=4): print(*order)
    0F0 0F1 3F0 3I0 3W0 0I0 3F1 3I1 0W0 3W1 0I1 0W1
    1F0 2F0 1F1 2F1 2I0 1I0 2W0 1W0 2I1 1I1 2W1 1W1
    """
    few = min(microbatches, limit + 2)  # with more, the ops of the middle repeat
    ranks = [_Rank(rank, block, few, limit) for rank in range(len(block.slots))]
    # Ops that each stage has run. The last entry stands for the stages before the first and after the last.
    passed = {kind: [0] * (2 * len(ranks)) + [few] for kind in "FIW"}
    forwards, inputs, weights = passed.values()
    left = PERIOD * few * len(ranks)
    while left:
        ops = [op for rank in ranks if (op := rank.run(forwards, inputs, weights))]
        left -= len(ops)
        for stage, kind, _ in ops:
            passed[kind][stage] += 1
    return [_repeat(rank.order, rank.first, few, microbatches - few) for rank in ranks]


def _repeat(order: list[Op], stage: int, few: int, more: int) -> list[Op]:
    """Insert *more* periods before the last F but one of *stage*."""
    if not more:
        return order
    start, end = (order.index(Op(stage, "F", few - back)) for back in (3, 2))
    later = [Op(stage, kind, i + more) for stage, kind, i in order[end:]]
    found, period = order[:end] + order[start:end] * more + later, end - start
    for place, (stage, kind, i) in enumerate(order[start:end], end):
        found[place : end + period * more : period] = each(stage, kind, range(i + 1, i + 1 + more))
    return found


class _Rank:
    """A rank while it is laid out."""

    def __init__(self, rank: int, block: Block, microbatches: int, limit: int) -> None:
        self.ranks = len(block.slots)
        self.first, self.second = rank, 2 * self.ranks - 1 - rank  # stages of this rank
        self.microbatches, self.limit, self.pause = microbatches, limit, block.pause
        self.held = 0
        self.weights: list[Op] = []  # W that may run
        self.order: list[Op] = []
        second = min(rank + 1, limit // 2, microbatches)  # forwards before the first I, which fill the memory
        first = min(limit - second, microbatches)
        turns = [*self._warm_up(first, second), *self._steady(block.slots[rank], first, second)]
        self.turns = turns[::-1]

    def _warm_up(self, first: int, second: int) -> list[Op]:
        """Return *first* forwards of the first chunk and *second* of the second, in the order of the rank."""
        order: list[Op] = []
        for i in range(second):  # the second chunk's F arrive in every other slot
            before = min(first, 2 * (self.ranks - self.first) - 1 + i) - (len(order) - i)
            order += [Op(self.first, "F", len(order) - i + n) for n in range(before)]
            order.append(Op(self.second, "F", i))
        return order + [Op(self.first, "F", i) for i in range(len(order) - second, first)]

    def _steady(self, slots: Slots, first: int, second: int) -> list[Op]:
        """Return the other F and all I in the order of their slots, and W up to the last F but one: later W fill gaps.

        The forwards before *first* of the first chunk, and before *second* of the second, are done.
        """
        one, two, microbatches = self.first, self.second, self.microbatches
        at = {(one, "F"): slots[0], (two, "F"): slots[1], (two, "I"): slots[2], (one, "I"): slots[3]}
        for stage in (two, one):
            taken = {slot % PERIOD for slot in at.values()}
            at[stage, "W"] = next(slot for slot in count(at[stage, "I"] + 1) if slot % PERIOD not in taken)
        end = slots.first_forward + PERIOD * (microbatches - 2)
        done = {(one, "F"): first, (two, "F"): second}
        placed: list[Op | None] = [None] * (max(at.values()) + PERIOD * microbatches)
        for (stage, kind), slot in at.items():
            begun = done.get((stage, kind), 0)
            until = microbatches if kind != "W" else len(range(slot, end, PERIOD))
            placed[slot + PERIOD * begun : slot + PERIOD * until : PERIOD] = each(stage, kind, range(begun, until))
        return [op for op in placed if op]

    def run(self, forwards: list[int], inputs: list[int], weights: list[int]) -> Op | None:
        """Run the next op that is ready in this slot; the lists count what each stage ran in earlier slots."""
        op = self._in_turn(forwards, inputs, weights)
        if op is None:
            if self.pause and forwards[self.first] == self.microbatches:
                op = self._early(forwards, inputs)
            if op is None and self.weights:
                op = self.weights.pop(0)
                self.held -= 1
            if op is None:
                return None
        self.order.append(op)
        return op

    def _in_turn(self, forwards: list[int], inputs: list[int], weights: list[int]) -> Op | None:
        while self.turns:
            stage, kind, microbatch = op = self.turns[-1]
            if kind == "F":
                if self.held == self.limit or microbatch >= forwards[stage - 1]:
                    break
                self.held += 1
            elif kind == "I":
                if microbatch >= inputs[stage + 1]:
                    break
                self.weights.append(Op(stage, "W", microbatch))
            elif microbatch < weights[stage]:
                self.turns.pop()  # it filled a gap
                continue
            else:
                self.weights.remove(op)
                self.held -= 1
            return self.turns.pop()
        return None

    def _early(self, forwards: list[int], inputs: list[int]) -> Op | None:
        """Take I of the second chunk out of turn: without forwards to come, it needs no pause."""
        stage, microbatch = self.second, inputs[self.second]
        if microbatch >= min(forwards[stage], inputs[stage + 1]):
            return None
        op = Op(stage, "I", microbatch)
        self.turns.remove(op)
        self.weights.append(Op(stage, "W", microbatch))
        return op
