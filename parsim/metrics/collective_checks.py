"""Check what members of collectives received: all bytes once, and every round after the one before.

    0 sends 3 rounds to 1 in one span    |------|------|------|      round i begins at most at the end - (3 - i) a,
                                                                     and ends at least at the start + (i + 1) a,
                                                                     a being the seconds of a round alone

So the spans prove the order of rounds that they do not show, as far as these bounds do. A span of one round shows when
it begins and ends. A member that stands for several may send to another several times in a phase: the bounds of the
two are then in order of time, since no round of a phase begins or ends before one of an earlier phase. Real workers
exchange at their own speed, whatever the links of the scenario: there a is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.collective import Collective, Phase
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import Timeline
from parsim.core.tolerance import CLOSE


class Ran(NamedTuple):
    """When the tasks ran, and where, (tasks,) each."""

    start: Floats
    end: Floats
    device: Ints
    names: Sequence[str]
    really: bool = False  # by real workers, not over the links of the cluster


def check_collective(
    one: Collective, timeline: Timeline, ran: Ran, cluster: Cluster, tolerance: float
) -> Iterator[str]:
    """Yield a sentence for each rule that the members of a collective break."""
    members = np.array(one.members)
    mine = np.flatnonzero(np.isin(timeline.sender, members))
    mine = mine[np.lexsort((timeline.start_s[mine], timeline.number[mine], timeline.sender[mine]))]
    pairs = _Pairs(one, cluster, ran.device[members])
    if ran.really:
        pairs.quickest[:] = 0.0
    place = np.full(len(ran.start), -1)
    place[members] = np.arange(len(members))
    pair = pairs.numbers(place[timeline.sender[mine]], place[timeline.number[mine]])
    wrong = list(_totals(one, pairs, timeline, mine, pair, ran))
    yield from wrong
    if not wrong:
        yield from _order(one, pairs, _Slots.of(pairs, timeline, mine, pair), ran, tolerance)


class _Pairs:
    """The pairs of members between which bytes travel."""

    def __init__(self, one: Collective, cluster: Cluster, device: Ints) -> None:
        self._members = len(one.members)
        different = one.different()
        self._there = {
            id(phase): (phase.size > 0) & cluster.travels(device[phase.source], device[phase.target])
            for phase, _ in different
        }
        keys = [self._key(phase) for phase, _ in different]
        self.key = np.unique(np.concatenate([np.empty(0, np.int64), *keys]))
        self.rounds, self.size = np.zeros(len(self.key), np.int64), np.zeros(len(self.key))
        self.quickest = np.full(len(self.key), np.inf)  # s of a round, at the most that the links ever carry
        for (phase, times), key in zip(different, keys, strict=True):
            number, there = np.searchsorted(self.key, key), self._there[id(phase)]
            np.add.at(self.rounds, number, times)
            np.add.at(self.size, number, times * phase.size[there])
            paths = cluster.paths(device[phase.source[there]], device[phase.target[there]])
            for row, size, path in zip(number.tolist(), phase.size[there].tolist(), paths, strict=True):
                if path is not None:
                    self.quickest[row] = min(self.quickest[row], cluster.quickest(path, size))

    def _key(self, phase: Phase) -> Ints:
        there = self._there[id(phase)]
        found: Ints = phase.source[there] * self._members + phase.target[there]
        return found

    def numbers(self, source: Ints, target: Ints) -> Ints:
        """Return the number of each pair, -1 where nothing travels between the two."""
        key = source * self._members + target
        place = np.searchsorted(self.key, key)
        known = (target >= 0) & (place < len(self.key))
        known[known] = self.key[place[known]] == key[known]
        return np.where(known, place, -1)

    def of(self, phase: Phase) -> tuple[Ints, Ints, Ints]:
        """Return the pair, the source and the target of each send of *phase* that travels."""
        there = self._there[id(phase)]
        return np.searchsorted(self.key, self._key(phase)), phase.source[there], phase.target[there]

    def name(self, number: int, one: Collective, ran: Ran) -> str:
        """Write SENDER>RECEIVER."""
        source, target = divmod(int(self.key[number]), self._members)
        return f"{ran.names[one.members[source]]}>{ran.names[one.members[target]]}"


def _totals(one: Collective, pairs: _Pairs, timeline: Timeline, mine: Ints, pair: Ints, ran: Ran) -> Iterator[str]:
    """Each pair has all its rounds and bytes."""
    for row in mine[pair < 0].tolist():
        yield f"transfer {timeline.task[row]} took place, though it was not needed"
    known = mine[pair >= 0]
    rounds = np.bincount(pair[pair >= 0], weights=timeline.rounds[known], minlength=len(pairs.key))
    size = np.bincount(pair[pair >= 0], weights=timeline.size[known], minlength=len(pairs.key))
    for number in np.flatnonzero(rounds != pairs.rounds).tolist():
        yield f"{pairs.name(number, one, ran)} has {rounds[number]:g} rounds, not {pairs.rounds[number]}"
    for number in np.flatnonzero(np.abs(size - pairs.size) > CLOSE * pairs.size).tolist():
        yield f"{pairs.name(number, one, ran)} carries {size[number]:g} B, not {pairs.size[number]:g} B"


class _Slots(NamedTuple):
    """The rounds of all pairs, one pair after the other: when each can begin at most, and can end at least."""

    first: Ints  # (pairs,) the slot of its first round
    latest: Floats  # (rounds,) s
    earliest: Floats  # (rounds,) s

    @classmethod
    def of(cls, pairs: _Pairs, timeline: Timeline, mine: Ints, pair: Ints) -> _Slots:
        """Return the slots of the spans in the rows *mine*, which are sorted by pair and start."""
        rounds = timeline.rounds[mine]
        row = np.repeat(np.arange(len(mine)), rounds)
        index = np.arange(len(row)) - np.repeat(np.cumsum(rounds) - rounds, rounds)
        alone = pairs.quickest[pair[row]]
        latest = timeline.end_s[mine][row] - (rounds[row] - index) * alone
        earliest = timeline.start_s[mine][row] + (index + 1) * alone
        lone = rounds[row] == 1
        latest[lone], earliest[lone] = timeline.start_s[mine][row][lone], timeline.end_s[mine][row][lone]
        latest, earliest = (bound[np.lexsort((bound, pair[row]))] for bound in (latest, earliest))
        return cls(np.cumsum(pairs.rounds) - pairs.rounds, latest, earliest)


def _order(one: Collective, pairs: _Pairs, slots: _Slots, ran: Ran, tolerance: float) -> Iterator[str]:
    """A member sends in a phase once all has arrived that it sends and receives in the one before."""
    members, done = np.array(one.members), np.zeros(len(pairs.key), np.int64)
    entered = ran.start[members]  # at least
    of = {id(phase): pairs.of(phase) for phase, _ in one.different()}
    for number, phase in enumerate(one.phases):
        pair, source, target = of[id(phase)]
        slot = slots.first[pair] + done[pair] + _nth(pair)
        np.add.at(done, pair, 1)
        early = slots.latest[slot] < entered[source] - tolerance
        for row in np.flatnonzero(early).tolist():
            yield f"{pairs.name(int(pair[row]), one, ran)} began round {number} before the sender was through the last"
        if early.any():
            return
        for ends in (source, target):
            np.maximum.at(entered, ends, slots.earliest[slot])
    for member in np.flatnonzero(ran.end[members] < entered - tolerance).tolist():
        yield f"task {ran.names[one.members[member]]} ended before its last round"


def _nth(values: Ints) -> Ints:
    """Return how many equal values come before each one.

    >>> _nth(np.array([7, 3, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values), np.int64)
    found[order] = np.arange(len(values)) - np.searchsorted(values[order], values[order])
    return found
