"""Plays a collective round by round, for all members at once, where sends that meet on a link share it equally.

    entry[k + 1] = max(entry[k], ends of what the member sends and receives in phase k)
    end of a send in phase k = entry[k] of its sender + its seconds beside those of its phase     "free"

So the whole future is known, however late members are, as long as nobody else comes to the links. The sends of a member
to whose links somebody comes are played in the network ("bound"): their ends are unknown until they arrive, and so is
what depends on them. All others stay free. Mates, whose sends cross the same links, are bound together: when somebody
comes, and when they enter a phase at different instants.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from parsim.core.columns import NEVER, Ints
from parsim.sim.in_step import Going, InStep
from parsim.sim.outside import Outside
from parsim.sim.placed import Foreseen, Placed, Run, Sends
from parsim.sim.received import run_of


class ByRounds:
    """One collective whose ends can be foreseen.

    Parameters
    ----------
    placed : its phases on their links; `placed.mates` names the members that send over each link.
    tasks : the task of each member.
    outside : what carries its sends, and hears of members that are through.
    """

    def __init__(self, placed: Placed, tasks: Sequence[int], outside: Outside) -> None:
        self.tasks = tasks
        self._placed, self._outside, self._length = placed, outside, placed.length
        self._unknown = 2**62 if placed.ticks.dtype is np.int64 else 2**400  # later than any time
        self._nothing = np.zeros(1, np.int64)  # arrives where a member has fewer sends than others
        self._base = 0  # the phase of the first row
        self._entry: list[Ints] = [self._blank()]  # when members enter phases
        self._ends: list[Ints] = []  # when the sends of phases arrive
        self._through = self._blank()  # when members are through
        self._bound: dict[int, int] = {}  # member -> the phase from which on its sends are bound
        self._under_way = [0] * placed.members  # bound sends that have set out
        self._step: InStep | None = None  # from the phase of the last row on, if that is known
        self._changed = self._length + 1  # the first phase of which something new is known
        self._posted, self._entered = 0, False
        self._parting: dict[int, Ints] = {}  # phase -> those that mates keep from being foreseen
        self._lasts, self._meets = placed.lasts, bool(len(placed.mates.members))
        self._waiting = np.ones(placed.members, dtype=bool)  # members that are not through

    def post(self, member: int, now: int) -> None:
        """Note that *member* begins."""
        if not self._entered:
            self._entered = True
            self._outside.network.enter(self, self._placed.links, now)
            self._bind()
        self._begins(member, now)

    def arrived(self, sent: Going, now: int) -> None:
        """Note that a bound send has arrived."""
        member = int(self._placed.phase(sent.phase).source[sent.row])
        self._ends[sent.phase - self._base][sent.row] = now
        self._changed = min(self._changed, sent.phase)
        self._under_way[member] -= 1
        if not self._under_way[member]:
            self._go_on(member, self._length if self._clear(member) else sent.phase + 1)

    def due(self, now: int) -> None:
        """Note which members are through."""
        if not self._waiting.any():
            return
        through = self._step.through if self._step else self._through
        for member in np.flatnonzero((through <= now) & self._waiting).tolist():
            self._waiting[member] = False
            self._outside.through(self, member, now)
        if not self._waiting.any():
            self._outside.network.quit(self, self._placed.links)
            self._write_rows()
            if self._step:
                self._write_steps(self._step, self._length)
        elif not self._step:
            self._changed = min(self._changed, self._last)  # so that what begins now does

    def begin(self, now: int) -> None:
        """Foresee what follows from what is newly known; begin the bound sends whose members have entered a phase."""
        if self._changed > self._length:
            return
        if not self._meets and self._early() and self._all_free() and self._placed.first.each_needs_all:
            return
        while self._changed <= self._length:
            self._foresee(self._changed, now, 0)
            self._changed = self._length + 1
            self._part(now)
            for member in sorted(self._bound):
                if self._set_out(member, now):
                    self._changed = self._last
        self._ask(now)

    def disturbed(self, link: int, now: int) -> None:
        """Bind the members that send over *link*, and their mates: the network carries what is under way of theirs."""
        member = self._placed.mates.owners[link][0]
        if not self._free_mates(member):
            return
        self.due(now)
        if not self._free_mates(member):
            return
        if not self._step:
            self._foresee(min(self._changed, self._last), now, 0)
        self._leave_step(now)
        self._changed = self._last
        self._bind_mates(member, now)
        self.begin(now)

    # -- what will be

    @property
    def _last(self) -> int:
        """The phase of the last row."""
        return self._base + len(self._entry) - 1

    def _blank(self) -> Ints:
        return np.full(self._placed.members, self._unknown, dtype=self._placed.ticks.dtype)

    def _early(self) -> bool:
        """Return whether some member has not posted."""
        return self._posted < self._placed.members

    def _foresee(self, phase: int, now: int, least: int) -> None:
        """Compute when members enter the phases after *phase*, up to *least* at least, else as far as needed.

        What has happened by now stays.
        """
        fresh = self._fresh(phase)
        if fresh and self._recall():
            return
        keep = phase - self._base
        before = self._ends[keep:]
        del self._entry[keep + 1 :], self._ends[keep:]
        self._step = None
        self._parting = {at: apart for at, apart in self._parting.items() if at < phase}
        self._through[self._placed.last > phase] = self._unknown
        self._finish(phase)
        least = max(least, *self._bound.values(), 0)
        while phase < self._length and (phase < least or not self._enough(phase, now)):
            sends = self._placed.phase(phase)
            ends = self._arrivals(phase, sends)
            if before:
                happened = before.pop(0)
                ends = np.where(happened <= now, happened, ends)
            self._ends.append(ends)
            last = np.maximum.reduce(np.concatenate((ends, self._nothing))[sends.incident], initial=0)
            self._entry.append(np.maximum(self._entry[-1], last))
            phase += 1
            self._finish(phase)
        if fresh and phase == self._length and not self._step and self._entry[-1].max() < self._unknown:
            self._remember()

    def _fresh(self, phase: int) -> bool:
        """Return whether all members enter phase 0 together, nothing of it has happened, and nobody else is there."""
        first = self._entry[0]
        alone = not phase and not self._base and not self._ends and self._all_free()
        return alone and first[0] != self._unknown and bool((first == first[0]).all())

    def _recall(self) -> bool:
        """Take over what has been foreseen of the same sends from another start; return whether there is something."""
        known, since = self._placed.first.foreseen, int(self._entry[0][0])
        if known is None or known.version != self._placed.network.version:
            return False
        self._entry, self._ends = list(known.entry + since), [ends + since for ends in known.ends]
        self._through, self._step = known.through + since, None
        return True

    def _remember(self) -> None:
        """Keep what has been foreseen, counted from the start."""
        since = int(self._entry[0][0])
        entry, ends = np.stack(self._entry) - since, [one - since for one in self._ends]
        through = self._through - since
        leaving = {tick: np.flatnonzero(through == tick).tolist() for tick in sorted(set(through.tolist()))}
        self._placed.first.foreseen = Foreseen(self._placed.network.version, entry, ends, through, leaving, [])

    def _arrivals(self, phase: int, sends: Sends) -> Ints:
        """Return when the sends of *phase*, whose members enter it by the last row, arrive."""
        lasting = self._placed.lasting()[self._placed.kinds[phase]]
        found: Ints = np.minimum(self._entry[-1][sends.source] + lasting, self._unknown)
        found[lasting == NEVER] = self._unknown
        if self._bound or self._meets:
            bound = np.zeros(self._placed.members, dtype=bool)
            bound[[member for member, since in self._bound.items() if since <= phase]] = True
            apart = self._placed.mates.apart(self._entry[-1], bound)
            if len(apart):
                self._parting[phase] = apart
                bound[apart] = True
            found[sends.travels & bound[sends.source]] = self._unknown
        return found

    def _enough(self, phase: int, now: int) -> bool:
        """Return whether nothing after *phase* need be foreseen: it is in step, unknown, or later."""
        row = self._entry[-1]
        first, last = np.minimum.reduce(row), np.maximum.reduce(row)
        if first == self._unknown:
            return True
        if self._bound or last == self._unknown:
            return bool(first > now)
        prefix = self._placed.prefix() if now <= first == last else None
        if prefix is not None:
            self._step = InStep(self._placed, prefix, phase, int(first))
        return prefix is not None

    def _finish(self, phase: int) -> None:
        """Note when the members are through that have nothing to do from *phase* on, which the last row enters."""
        if phase in self._lasts:
            mine = self._placed.last == phase
            self._through[mine] = self._entry[-1][mine]

    def _ask(self, now: int) -> None:
        """Ask for the instants at which something happens."""
        if self._step:
            for tick in sorted(set(self._step.through[self._waiting].tolist())):
                self._outside.at(self, max(tick, now))
            return
        soon = self._through[self._waiting & (self._through < self._unknown)]
        entered = [
            self._entry[phase - self._base][member]
            for member, phase in self._bound.items()
            if phase <= self._last and not self._under_way[member]
        ]
        first = np.minimum.reduce(self._entry[-1])
        if self._last < self._length and first < self._unknown:
            quickest, through_next = self._placed.quickest(), min(last for last in self._lasts if last > self._last)
            ahead = 0 if self._meets else quickest[through_next] - quickest[self._last]
            entered.append(max(first + ahead, now + 1))
        for phase, apart in self._parting.items():
            entered += (tick for tick in self._entry[phase - self._base][apart].tolist() if tick > now)
        for tick in sorted({*soon.tolist(), *map(int, entered)} - {self._unknown}):
            self._outside.at(self, max(tick, now))

    # -- what is bound

    def _begins(self, member: int, now: int) -> None:
        self._posted += 1
        self._entry[0][member] = now
        self._changed = 0

    def _all_free(self) -> bool:
        """Return whether no member is bound."""
        return not self._bound

    def _bind(self) -> None:
        """Bind the members to whose links others have come before."""
        mates, clear = self._placed.mates, self._outside.network.clear
        met = (owners[0] for link, owners in mates.owners.items() if not clear(link))
        self._bound.update((mate, 0) for owner in met for mate in mates.of[owner])

    def _part(self, now: int) -> None:
        """Bind the members of which a mate enters a phase *now*, and not all."""
        for phase, apart in self._parting.items():
            for member in apart[self._entry[phase - self._base][apart] <= now].tolist():
                self._bind_mates(member, now)

    def _bind_mates(self, member: int, now: int) -> None:
        """Bind the free mates of *member* from their phases on; what is under way of their sends joins the network."""
        for mate in self._free_mates(member):
            phase = self._phase_of(mate, now)
            if self._base <= phase < self._length:
                self._join(mate, phase, now)
            self._go_on(mate, phase if self._under_way[mate] else phase + 1)
            if mate in self._bound:
                self._changed = min(self._changed, max(phase, self._base))

    def _free_mates(self, member: int) -> list[int]:
        """Return the mates of *member* that are neither bound nor through."""
        return [mate for mate in self._placed.mates.of[member] if self._waiting[mate] and mate not in self._bound]

    def _phase_of(self, member: int, now: int) -> int:
        """Return the last phase that *member* has entered; one before the first row if it has entered none."""
        return self._base + bisect_right(self._entry, now, key=lambda row: int(row[member])) - 1

    def _clear(self, member: int) -> bool:
        """Return whether nobody else is on the links of *member*."""
        return all(map(self._outside.network.clear, self._placed.owned[member]))

    def _set_out(self, member: int, now: int) -> bool:
        """Begin the sends of a bound *member* that has entered its phase; return whether it has."""
        phase = self._bound.get(member, self._length)
        if self._under_way[member] or phase > self._last or phase >= self._length:
            return False
        if self._entry[phase - self._base][member] > now:
            return False
        if len(self._ends) <= phase - self._base:
            self._foresee(phase, now, phase + 1)
        self._join(member, phase, now)
        if not self._under_way[member]:
            self._go_on(member, phase + 1)
        return True

    def _go_on(self, member: int, phase: int) -> None:
        """Note that the sends of *member* are bound from *phase* on; after the last phase there are none."""
        if phase < self._length:
            self._bound[member] = phase
        else:
            self._bound.pop(member, None)

    def _join(self, member: int, phase: int, now: int) -> None:
        """Let the network carry what has not arrived of what *member* sends in *phase*."""
        sends, ends = self._placed.phase(phase), self._ends[phase - self._base]
        start = int(self._entry[phase - self._base][member])
        for row in sends.of[member]:
            if sends.travels[row] and ends[row] > now:
                end = NEVER if ends[row] == self._unknown else int(ends[row])
                join = start + int(sends.wait[row])
                self._under_way[member] += 1
                sent = Going(phase, row, start, join, float(sends.share[row])).at(now, end)
                self._outside.send(self, sent, sends.ways[row], now)

    # -- what was

    def _leave_step(self, now: int) -> None:
        """If the collective is in step, go on by rows from the phase that takes place now."""
        step, self._step = self._step, None
        if step is None or step.begins[step.first] > now:
            return
        phase = step.phase_at(now)
        self._write_rows()
        self._write_steps(step, phase)
        self._base, self._ends, self._parting = phase, [], {}
        self._entry = [self._placed.ticks.whole([int(step.begins[phase])] * self._placed.members)]
        self._foresee(phase, now, phase + 1)

    def _write_steps(self, step: InStep, until: int) -> None:
        """Write down what has taken place in step."""
        self._outside.log.in_step(self.tasks, self._placed, step.begins, step.first, until)

    def _write_rows(self) -> None:
        """Write down what has taken place by rows."""
        for run in self._runs(self._entry, self._ends):
            self._outside.log.run(self.tasks, run, 0)

    def _runs(self, entry: Sequence[Ints], ends: list[Ints]) -> Iterator[Run]:
        """Yield the runs of rounds, given when members enter phases and when sends arrive."""
        last = self._base + len(ends)
        turns = (phase for phase in self._placed.turns if self._base < phase < last) if ends else ()
        for first, last in pairwise([0, *(phase - self._base for phase in turns), len(ends)]):
            if first < last:
                sends = self._placed.phase(self._base + first)
                start = np.stack([row[sends.source] for row in entry[first:last]])
                yield run_of(sends, start, np.stack(ends[first:last]))
