"""A collective whose members all begin at once, alone on their links, and whose sends go in step.

member 0   post |====|====|====|  through         one instant is asked for: when the last phase ends
member 1   post |====|====|====|  through
                     ^ somebody comes to a link: from here on by rounds

All else is played by rounds from the start.
"""

from __future__ import annotations

from parsim.core.columns import Ints
from parsim.sim.by_rounds import ByRounds
from parsim.sim.outside import Outside
from parsim.sim.placed import Placed


class Lockstep(ByRounds):
    """One collective whose sends cannot meet; parameters as for `ByRounds`, whose columns are made when needed."""

    def __init__(self, placed: Placed, tasks: Ints, outside: Outside) -> None:
        self.tasks = tasks
        self._placed, self._outside = placed, outside
        self._members: list[int] = []  # those that have posted
        self._since = 0  # when they did
        self._leaves: dict[int, list[int]] = {}  # instant -> members that are through then, once all go in step
        self._gone: list[int] = []  # members that are through
        self._entered = self._by_rounds = False

    def post(self, member: int, now: int) -> None:
        """Note that *member* begins."""
        if not self._entered:
            self._entered, self._since = True, now
            alone = self._outside.network.enter(self, self._placed.links, now)
            if not alone or self._by_rounds:
                self._to_rounds()
                self._bind()
        if self._by_rounds:
            self._begins(member, now)
        else:
            self._members.append(member)

    def begin(self, now: int) -> None:
        """Ask for the instants at which members are through, if all have posted at this one."""
        if self._leaves:
            return
        prefix = self._placed.prefix() if len(self._members) == len(self.tasks) and not self._by_rounds else None
        if prefix is None:
            self._to_rounds()
            super().begin(now)
            return
        for last, members in self._placed.leaving.items():
            end = now + int(prefix[last])
            self._leaves[end] = [*self._leaves.get(end, ()), *members]
        for end in self._leaves:
            self._outside.at(self, end)

    def due(self, now: int) -> None:
        """Note which members are through."""
        if self._by_rounds:
            super().due(now)
            return
        gone = self._leaves.get(now, [])
        self._gone += gone
        for member in gone:
            self._outside.through(self, member, now)
        if gone and len(self._gone) == len(self.tasks):
            self._outside.network.quit(self, self._placed.links)
            prefix = self._placed.prefix()
            assert prefix is not None, "what changes it also disturbs"
            self._outside.log.in_step(self.tasks, self._placed, prefix + self._since, 0, self._placed.length)

    def disturbed(self, link: int, now: int) -> None:
        """Let the sends on *link* join the network."""
        self._to_rounds()
        super().disturbed(link, now)

    def _to_rounds(self) -> None:
        """Go on by rounds, of which some may have taken place."""
        if self._by_rounds:
            return
        self._by_rounds = True
        super().__init__(self._placed, self.tasks, self._outside)
        self._entered = True
        for member in self._members:
            self._begins(member, self._since)
        if self._leaves:
            self._leaves = {}
            super().begin(self._since)
            self._waiting[self._gone] = False
