"""ZB-auto: an order for the stage times and the memory at hand, found by a greedy rule under eight settings.

    rank 0 |F0 F1 F2 F3 F4 F5 F6 I0 W0 F7 I1 W1 ..      1. warm-up: F until the first I arrives, as far as memory allows
    rank 1 |.. F0 F1 F2 F3 F4 I0 F5 I1 F6 I2 W0 ..      2. an F and an I in turn; W fills gaps, or frees memory for F
    rank 2 |.. .. F0 F1 F2 I0 F3 I1 F4 I2 F5 I3 ..      3. the remaining W
    rank 3 |.. .. .. F0 I0 F1 I1 F2 I2 F3 I3 F4 ..

Each rank stays one F ahead of the next. The settings: leave the gap before the first I, or fill it with an F that
delays I; let an F wait where it would delay I, or not; let W fill also those gaps which it delays, or only where the
rank would become the most idle of all. The first setting with the least span is taken: the span of a rank is the time
from its first start to its last end, as in the papers, whose optimizer step does not wait for other ranks; a rank that
starts late ends late. The makespan counts the late start of the last rank too.

With F = I = W, free sends and m >= p the bubble of the span is p - 1 times F under `limit: p`, and max(0, 2p - 1 - m)
under `limit: 2p`; the bubble of the makespan is p - 1 with both: (p - 1) / 3m of the ideal time, (p - 1) / (3m + p - 1)
of the whole. No form is published for other times or limits. Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024,
section 3.1 (without the integer program that may refine the result).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import count, product
from math import inf, lcm
from typing import NamedTuple

from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op
from parsim.core.orders import Idle, StageTimes
from parsim.core.schema import Count, Positive
from parsim.schedules import schedules

Setting = tuple[bool, ...]  # leave the first gap, let F wait, fill every gap


def idle(
    ranks: int,
    microbatches: int,
    forward: float,
    input_grad: float,
    weight_grad: float,
    send: float,
    limit: int | None = None,
) -> Idle | None:
    """Claim the idle seconds of each rank if F = I = W and sends are free, for m and limit of p or more.

    They are those from the first start of all ranks to the last end.

    >>> idle(4, 8, 1.0, 1.0, 1.0, send=0.0)
    Idle(name='ZB-auto', formula='(p-1)F', seconds=3.0)
    """
    few = min(microbatches, microbatches if limit is None else limit) < ranks
    if few or send or not forward == input_grad == weight_grad:
        return None
    return Idle("ZB-auto", "(p-1)F", (ranks - 1) * forward)


def live(ranks: int, microbatches: int, limit: int | None = None, kept: float = 1.0) -> list[int]:
    """Claim the most activations (of one stage and microbatch) that each rank holds at once, at any times.

    >>> live(4, 16, limit=6), live(4, 16)
    ([6, 6, 6, 6], [16, 16, 16, 16])
    """
    return [microbatches if limit is None or kept < 1 else min(limit, microbatches)] * ranks


@schedules.add("zb-auto", idle=idle, live=live)
def zb_auto(
    ranks: int, microbatches: int, times: StageTimes, limit: Count | None = None, kept: Positive = 1.0
) -> list[list[Op]]:
    """Order each rank by a search with the times of the stages and a limit of memory.

    Parameters
    ----------
    limit : activations of a stage and microbatch that a rank may hold at once. Left out: any number.
    kept : the share of an activation that W still needs when I is done, up to 1. The paper's Table 5 has
        32h / (34h + 5as) of a layer with hidden size h, a heads and sequence s.

    >>> from parsim.core.orders import unit_times
    >>> for order in zb_auto(2, 4, unit_times(2), limit=2): print(*order)
    0F0 0F1 0I0 0W0 0F2 0I1 0W1 0F3 0I2 0W2 0I3 0W3
    1F0 1I0 1F1 1I1 1W0 1F2 1I2 1W1 1F3 1I3 1W2 1W3
    """
    if kept > 1:
        raise Invalid([Complaint(("kept",), f"W needs {kept:g} of an activation, more than there is; give at most 1")])
    problem = _problem(microbatches, times, limit, kept)
    best: list[_Stage] = []
    least, known = inf, set[Setting]()
    for setting in product((True, False), repeat=3):
        if setting not in known:
            run = _Greedy(problem, setting, least)
            if run.play():
                best, least = run.stages, run.span()
            known |= run.alike()
    return [list(_ops(stage, done.order)) for stage, done in enumerate(best)]


def _ops(stage: int, kinds: list[str]) -> Iterator[Op]:
    numbers = {kind: count() for kind in "FIW"}
    return (Op(stage, kind, next(numbers[kind])) for kind in kinds)


class _Problem(NamedTuple):
    """What is asked for, in whole numbers, so that sums compare exactly."""

    microbatches: int
    stages: list[tuple[int, int, int]]  # time of F, I, W
    send: int
    memory: tuple[int, int, int]  # that F takes, I frees, W frees
    limit: float


def _problem(microbatches: int, times: StageTimes, limit: int | None, kept: float) -> _Problem:
    stages = len(times.forward)
    *seconds, send = _whole([*times.forward, *times.input_grad, *times.weight_grad, times.send])
    one, rest = _whole([1.0, kept])
    per_stage = zip(seconds[:stages], seconds[stages : 2 * stages], seconds[2 * stages :], strict=True)
    return _Problem(microbatches, list(per_stage), send, (one, one - rest, rest), inf if limit is None else limit * one)


def _whole(numbers: list[float]) -> list[int]:
    """Scale numbers to whole ones, as exactly as they are written.

    >>> _whole([0.1, 0.25, 3.0])
    [2, 5, 60]
    """
    exact = [Fraction(repr(float(number))) for number in numbers]
    scale = lcm(*(number.denominator for number in exact))
    return [int(number * scale) for number in exact]


class _Worse(Exception):
    """The run cannot beat the best one."""


class _Stage:
    """What a stage has run so far."""

    __slots__ = (
        *("forward", "input_grad", "weight_grad"),
        *("end", "forwards", "held", "idle", "inputs", "order", "weights"),
    )

    def __init__(self, forward: int, input_grad: int, weight_grad: int) -> None:
        self.forward, self.input_grad, self.weight_grad = forward, input_grad, weight_grad
        self.order: list[str] = []  # kinds
        self.forwards: list[int] = []  # ends of F
        self.inputs: list[int] = []  # ends of I
        self.weights = 0  # number of W
        self.held = 0  # memory
        self.end = 0
        self.idle = 0  # since its first F


class _Greedy:
    """One run of the rule; *least* is the span to beat."""

    def __init__(self, problem: _Problem, setting: Setting, least: float) -> None:
        self.problem, self.setting, self.least = problem, setting, least
        self.leave_first, self.let_wait, self.fill_all = setting
        self.stages = [_Stage(*times) for times in problem.stages]
        self.work = [problem.microbatches * sum(times) for times in problem.stages]
        self.most_idle = 0
        self.mattered = [False, False, False]  # did the setting decide anything?

    def span(self) -> int:
        """Return the longest time from the first start of a stage to its last end."""
        return max(stage.idle + work for stage, work in zip(self.stages, self.work, strict=True))

    def alike(self) -> set[Setting]:
        """Return the settings that give the same run."""
        choices = ((own,) if used else (True, False) for own, used in zip(self.setting, self.mattered, strict=True))
        return set(product(*choices))

    def play(self) -> bool:
        """Run all; return whether the span is less than the one to beat."""
        try:
            self._warm_up()
            for _ in range(1, self.problem.microbatches):
                self._turn()
        except _Worse:
            return False
        for stage in self.stages:
            while stage.weights < len(stage.inputs):
                self._weight(stage)
        return self.span() < self.least

    def _warm_up(self) -> None:
        """Run forwards until the first I arrives, and that I, from the last stage back."""
        last = len(self.stages) - 1
        for number in range(last + 1):
            self._forward(number)
        self._input(last)
        for number in range(last - 1, -1, -1):
            stage, arrival = self.stages[number], self._input_arrives(number)
            while self._fits(number) and stage.end + stage.forward <= arrival:
                self._forwards(number)
            if stage.end < arrival and self._fits(number):
                self.mattered[0] = True
                if not self.leave_first:
                    self._forwards(number)
            self._input(number)

    def _fits(self, last: int) -> bool:
        """Can the stages up to *last* run one more F each, with memory left to stay one F ahead of the next?"""
        microbatches, one, limit = self.problem.microbatches, self.problem.memory[0], self.problem.limit
        for number, stage in enumerate(self.stages[: last + 1]):
            left = microbatches - len(stage.forwards)
            if left and stage.held + one * (1 + min(number, left - 1)) > limit:
                return False
        return len(self.stages[last].forwards) < microbatches

    def _forwards(self, last: int) -> None:
        for number in range(last + 1):
            if len(self.stages[number].forwards) < self.problem.microbatches:
                self._forward(number)

    def _turn(self) -> None:
        """Run an F on each stage that needs one, then an I on each."""
        needs, limit, one = self._needs(), self.problem.limit, self.problem.memory[0]
        for number, stage in enumerate(self.stages):
            if needs[number]:
                while stage.held + one > limit:
                    self._weight(stage)
                if number:
                    self._fill(stage, self.stages[number - 1].forwards[len(stage.forwards)] + self.problem.send)
                self._forward(number)
        first = self.stages[0]
        while len(first.forwards) == self.problem.microbatches and first.weights < len(first.inputs):
            self._weight(first)  # nobody waits for its I
        for number in range(len(self.stages) - 1, -1, -1):
            self._fill(self.stages[number], self._input_arrives(number))
            self._input(number)

    def _needs(self) -> list[bool]:
        """Say which stages run an F in this turn: each stays one F or more ahead of the next."""
        microbatches = self.problem.microbatches
        needs = [len(stage.forwards) < microbatches for stage in self.stages]
        if self.let_wait:
            for number in range(len(self.stages) - 2, -1, -1):
                stage, after = self.stages[number], self.stages[number + 1]
                ahead = len(stage.forwards) - len(after.forwards) - needs[number + 1]
                if needs[number] and ahead > 0 and self._can_wait(stage, after, needs[number + 1]):
                    needs[number], self.mattered[1] = False, True
        return needs

    def _can_wait(self, stage: _Stage, after: _Stage, forward_first: bool) -> bool:
        """Would F delay the next I of *stage*, and its absence leave no stage more idle than the most idle one?"""
        arrival = after.end + forward_first * after.forward + after.input_grad + self.problem.send
        full = stage.held + self.problem.memory[0] > self.problem.limit
        delays = full or stage.end + stage.forward > arrival
        return delays and stage.idle + max(0, arrival - stage.end) <= self.most_idle

    def _input_arrives(self, number: int) -> int:
        if number == len(self.stages) - 1:
            return 0
        return self.stages[number + 1].inputs[len(self.stages[number].inputs)] + self.problem.send

    def _fill(self, stage: _Stage, until: int) -> None:
        """Run W in the gap that ends at *until*: those that fit, and by the setting one that does not."""
        while stage.end < until and stage.weights < len(stage.inputs):
            if stage.end + stage.weight_grad > until and stage.idle + until - stage.end <= self.most_idle:
                self.mattered[2] = True
                if not self.fill_all:
                    return
            self._weight(stage)

    def _forward(self, number: int) -> None:
        stage = self.stages[number]
        if number:
            arrival = self.stages[number - 1].forwards[len(stage.forwards)] + self.problem.send
            if stage.forwards:
                self._wait(number, arrival)
            else:
                stage.end = arrival
        stage.end += stage.forward
        stage.forwards.append(stage.end)
        stage.held += self.problem.memory[0]
        stage.order.append("F")

    def _input(self, number: int) -> None:
        stage = self.stages[number]
        self._wait(number, self._input_arrives(number))
        stage.end += stage.input_grad
        stage.inputs.append(stage.end)
        stage.held -= self.problem.memory[1]
        stage.order.append("I")

    def _weight(self, stage: _Stage) -> None:
        stage.end += stage.weight_grad
        stage.weights += 1
        stage.held -= self.problem.memory[2]
        stage.order.append("W")

    def _wait(self, number: int, until: int) -> None:
        stage = self.stages[number]
        if until > stage.end:
            stage.idle += until - stage.end
            stage.end = until
            self.most_idle = max(self.most_idle, stage.idle)
            if stage.idle + self.work[number] >= self.least:
                raise _Worse
