"""A collective: what its members send each other, phase by phase.

    ring all-reduce of three      phase 0    phase 1    phase 2    phase 3
    member 0                      -> 1       -> 1       -> 1       -> 1        a third of the bytes each time
    member 1                      -> 2       -> 2       -> 2       -> 2
    member 2                      -> 0       -> 0       -> 0       -> 0

A member is a task of a communication lane. Phase 0 begins when the task starts; each further phase begins when the
member's own bytes of the last phase have arrived, and those sent to it. The task ends with the last phase. Members do
not wait for each other otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.columns import NONE, Floats, Ints

NOWHERE = NONE  # in place of the member that receives


class Phase(NamedTuple):
    """What each member sends in one phase, and to whom."""

    to: Ints  # (members,) the member that receives, or NOWHERE
    size: Floats  # (members,) B

    def senders(self) -> list[int]:
        """Return the members that send bytes."""
        found: list[int] = np.flatnonzero((self.to != NOWHERE) & (self.size > 0)).tolist()
        return found


class Collective(NamedTuple):
    """Members that communicate in phases."""

    members: tuple[int, ...]  # tasks of communication lanes, one for each member
    phases: tuple[Phase, ...]

    def traffic(self) -> Iterator[tuple[int, int, float]]:
        """Yield the task that sends, the task that gets, and the bytes of all that has to travel."""
        for phase in self.phases:
            for member in phase.senders():
                yield self.members[member], self.members[int(phase.to[member])], float(phase.size[member])

    def sending(self, cluster: Cluster, devices: Ints) -> Floats:
        """Return the seconds of what each member sends, alone on its way, (phases, members)."""
        seconds = np.zeros((len(self.phases), len(self.members)))
        for number, phase in enumerate(self.phases):
            for member in phase.senders():
                path = cluster.path(int(devices[member]), int(devices[phase.to[member]]))
                seconds[number, member] = path.seconds(float(phase.size[member])) if path else 0.0
        return seconds

    def alone(self, cluster: Cluster, devices: Ints) -> Floats:
        """Return the seconds of each member where nobody is late and nothing shares its way, (members,).

        A phase takes as long as the slower of what a member sends and what it gets.
        """
        sending = self.sending(cluster, devices)
        longest = sending.copy()
        for phase, (to, _) in enumerate(self.phases):
            sends = to != NOWHERE
            np.maximum.at(longest[phase], to[sends], sending[phase, sends])
        found: Floats = longest.sum(axis=0)
        return found
