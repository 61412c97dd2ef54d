"""Plays a collective send by send, and as one where it is in step and nobody else is on its links.

member 0   |posted|-- phase 0 --|-- phase 1 --|
member 1            |posted|-- phase 0 --|-- phase 1 --|      late, so member 2 waits for what it sends
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from parsim.sim.in_step import Going, InStep
from parsim.sim.outside import Outside
from parsim.sim.placed import Placed

UNPOSTED = -1  # in place of a phase


class BySends:
    """One collective, with any phases.

    Parameters
    ----------
    placed : its phases on their links.
    tasks : the task of each member.
    outside : what carries its sends, and hears of members that are through.
    """

    def __init__(self, placed: Placed, tasks: Sequence[int], outside: Outside) -> None:
        self.tasks = tasks
        self._placed, self._outside, self._length = placed, outside, len(placed)
        self._phase = [UNPOSTED] * placed.members
        self._arrived: Counter[tuple[int, int]] = Counter()  # (member, phase) -> sends from and to it that have arrived
        self._fresh: list[tuple[int, int]] = []  # phase and row of sends that begin in this pass
        self._posted = self._under_way = self._through = 0
        self._step: InStep | None = None

    def post(self, member: int, now: int) -> None:
        """Note that *member* begins."""
        if not self._posted:
            self._outside.network.enter(self, self._placed.links, now)
        self._posted += 1
        self._phase[member] = 0
        self._go_on([*self._entered(member), member], now)

    def arrived(self, sent: Going, now: int) -> None:
        """Note that a send has arrived."""
        self._under_way -= 1
        self._outside.log.send(self.tasks, self._placed.phase(sent.phase), sent.row, sent.start, now)
        self._go_on(self._note(sent.phase, sent.row), now)

    def due(self, now: int) -> None:
        """Note which members are through, if the collective is in step."""
        if self._step:
            for member in np.flatnonzero(self._step.through <= now).tolist():
                if self._phase[member] < self._length:
                    self._finish(member, now)

    def begin(self, now: int) -> None:
        """Begin the sends whose members have entered their phase in this pass."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        if self._all_begin(fresh):
            prefix = self._placed.prefix()
            if prefix is not None and all(map(self._outside.network.clear, self._placed.links)):
                self._step = InStep(self._placed, prefix, fresh[0][0], now)
                for end in np.unique(self._step.through).tolist():
                    self._outside.at(self, end)
                return
        for phase, row in fresh:
            sends = self._placed.phase(phase)
            self._send(Going(phase, row, now, now + int(sends.wait[row]), float(sends.share[row])), now)

    def disturbed(self, link: int, now: int) -> None:
        """Let the sends under way join the network, if they have not yet."""
        step = self._step
        if step is None:
            return
        self.due(now)
        phase, self._step = step.phase_at(now), None
        self._outside.log.in_step(self.tasks, self._placed, step.begins, step.first, min(phase, self._length))
        waiting = [member for member, entered in enumerate(self._phase) if entered < self._length]
        if waiting:
            for member in waiting:
                self._phase[member] = phase
            for going in step.under_way(phase, now):
                self._send(going, now)
            self._go_on(waiting, now)

    def _all_begin(self, fresh: list[tuple[int, int]]) -> bool:
        """Return whether *fresh* are all sends of one phase, and nothing else is under way or missing."""
        phase = fresh[0][0]
        alone = not self._under_way and self._posted == self._placed.members
        return alone and len(fresh) == self._placed.phase(phase).travels.sum() and {phase} == {at for at, _ in fresh}

    def _send(self, going: Going, now: int) -> None:
        self._under_way += 1
        self._outside.send(self, going, self._placed.phase(going.phase).ways[going.row], now)

    def _note(self, phase: int, row: int) -> list[int]:
        """Note that a send has arrived; return the members that may go on."""
        sends = self._placed.phase(phase)
        ends = [int(sends.source[row]), int(sends.target[row])]
        for member in ends:
            self._arrived[member, phase] += 1
        return ends

    def _go_on(self, members: list[int], now: int) -> None:
        """Let *members* enter the phases after those of which all has arrived."""
        while members:
            member = members.pop()
            phase = self._phase[member]
            if not 0 <= phase < self._length or self._arrived[member, phase] < self._placed.phase(phase).due[member]:
                continue
            del self._arrived[member, phase]
            if phase + 1 == self._length:
                self._finish(member, now)
            else:
                self._phase[member] += 1
                members += [*self._entered(member), member]

    def _entered(self, member: int) -> list[int]:
        """Note what *member* sends in its phase; return the members that may go on, as some need not travel."""
        phase, soon = self._phase[member], []
        if phase < self._length:
            sends = self._placed.phase(phase)
            for row in sends.of[member]:
                if sends.travels[row]:
                    self._fresh.append((phase, row))
                else:
                    soon += self._note(phase, row)
        return soon

    def _finish(self, member: int, now: int) -> None:
        """Note that *member* is through."""
        self._phase[member] = self._length
        self._through += 1
        self._outside.through(self, member, now)
        if self._through == self._placed.members:
            self._outside.network.quit(self, self._placed.links)
            if self._step:
                self._outside.log.in_step(self.tasks, self._placed, self._step.begins, self._step.first, self._length)
