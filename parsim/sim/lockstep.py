"""A collective whose members all begin at once, alone on their links, and whose ends are known.

member 0   post |====|====|====|  through         in step: one instant is asked for, when the last phase ends
member 1   post |====|====|====|  through
                     ^ somebody comes to a link: from here on by rounds

Out of step, the ends are known if one of the same pattern has been foreseen before. All else is played by rounds from
the start.
"""

from __future__ import annotations

from collections.abc import Sequence

from parsim.sim.by_rounds import ByRounds
from parsim.sim.outside import Outside
from parsim.sim.placed import Foreseen, Placed


class Lockstep(ByRounds):
    """One collective whose sends cannot meet; parameters as for `ByRounds`, whose columns are made when needed."""

    def __init__(self, placed: Placed, tasks: Sequence[int], outside: Outside) -> None:
        self.tasks = tasks
        self._placed, self._outside = placed, outside
        self._members: list[int] = []  # those that have posted
        self._since = 0  # when they did
        self._leaves: dict[int, list[int]] = {}  # instant -> members that are through then, once all go in step
        self._gone: list[int] = []  # members that are through
        self._base = 0  # the phase of the first row
        self._known: Foreseen | None = None  # of one of the same pattern, which is played likewise
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
        if not self._by_rounds and len(self._members) == len(self.tasks):
            self._leaves = self._leaving(now)
        if not self._leaves:
            self._to_rounds()
            super().begin(now)
            return
        for end in self._leaves:
            self._outside.at(self, end)

    def _leaving(self, now: int) -> dict[int, list[int]]:
        """Return which members are through when, if all begin *now*; empty: it is not known yet."""
        leaving = self._placed.leaving()
        if not leaving:
            known = self._placed.first.foreseen
            if known is None or known.version != self._outside.network.version:
                return {}
            self._known, leaving = known, known.leaving
        return {now + tick: members for tick, members in leaving.items()}

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
            self._note()

    def _note(self) -> None:
        """Write down what has taken place."""
        log, known = self._outside.log, self._known
        if known:
            if not known.runs:
                known.runs.extend(self._runs(list(known.entry), known.ends))
            for run in known.runs:
                log.run(self.tasks, run, self._since)
            return
        prefix = self._placed.prefix()
        assert prefix is not None, "what changes it also disturbs"
        log.whole(self.tasks, self._placed, prefix, self._since)

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
