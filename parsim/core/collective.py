"""A collective: what its members send each other, phase by phase.

    ring all-reduce of three      phase 0    phase 1    phase 2    phase 3
    member 0                      -> 1       -> 1       -> 1       -> 1        a third of the bytes each time
    member 1                      -> 2       -> 2       -> 2       -> 2
    member 2                      -> 0       -> 0       -> 0       -> 0

A member is a task of a communication lane. Phase 0 begins when the task starts; each further phase begins when all has
arrived that the member sends and receives in the last phase. The task ends with its last phase. Members do not wait for
each other otherwise; a member that does nothing in a phase goes on to the next one at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.columns import Floats, Ints


class Phase(NamedTuple):
    """What members send each other in one phase, a row for each send.

    A send of k flows is one entry of weight k in the network: k equal flows side by side, each of `size` / k bytes.
    """

    source: Ints  # (sends,) the member that sends, by its place among the members
    target: Ints  # (sends,) the member that receives
    size: Floats  # (sends,) B, of all flows of the send together
    flows: Ints  # (sends,) equal flows that travel side by side


class Phases(tuple[Phase, ...]):
    """Phases in order, of which equal ones are one object; many are looked through once."""

    @cached_property
    def different(self) -> list[tuple[Phase, int]]:
        """The different phases in order of appearance, and how often each takes place."""
        times = Counter(map(id, self))
        first = {id(each): each for each in self}
        return [(each, times[key]) for key, each in first.items()]


def phase(source: Sequence[int] | Ints, target: Sequence[int] | Ints, size: float | Floats, flows: int = 1) -> Phase:
    """Return a phase whose sends have equal numbers of flows.

    >>> phase([0, 1], [1, 0], size=5.0, flows=2)
    Phase(source=array([0, 1]), target=array([1, 0]), size=array([5., 5.]), flows=array([2, 2]))
    """
    sends = len(source)
    return Phase(
        np.array(source, dtype=np.int64),
        np.array(target, dtype=np.int64),
        np.broadcast_to(np.asarray(size, dtype=np.float64), sends).copy(),
        np.full(sends, flows, dtype=np.int64),
    )


class About(NamedTuple):
    """What a collective does, for reports; empty words and numbers where nobody says it."""

    operation: str = ""
    algorithm: str = ""
    size: float = 0.0  # B, the whole buffer of a rank
    formula: str = ""  # of its price
    price_s: float = math.nan  # alone on an idle network, by the formula; NaN: none is known


class Unfolded(NamedTuple):
    """The collective of devices that a collective of classes of them stands for."""

    phases: Sequence[Phase]
    cluster: Cluster
    devices: tuple[int, ...]
    member: Ints  # (devices,) the member of the other collective that is played for each

    def __reduce__(self) -> tuple[type[Unfolded], tuple[Any, ...]]:
        """Pickle the devices without the network's functions."""
        return Unfolded, (self.phases, Cluster(self.cluster.devices), self.devices, self.member)


class Collective(NamedTuple):
    """Members that communicate in phases. Equal phases are one object, so that they are looked at once."""

    members: tuple[int, ...]  # tasks of communication lanes, one for each member
    phases: Sequence[Phase]
    communicator: str = ""  # for the ledger: data, tensor, pipeline, context, expert; empty: none of these
    about: About = About()
    unfolded: Unfolded | None = None  # None: its members are devices

    def different(self) -> list[tuple[Phase, int]]:
        """Return the different phases in order of appearance, and how often each takes place."""
        return (self.phases if isinstance(self.phases, Phases) else Phases(self.phases)).different

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the task that sends and the task that receives, once each, where bytes have to travel."""
        found: dict[tuple[int, int], None] = {}
        for each, _ in self.different():
            there = each.size > 0
            found.update(dict.fromkeys(zip(each.source[there].tolist(), each.target[there].tolist(), strict=True)))
        return ((self.members[source], self.members[target]) for source, target in found)

    def alone(self, cluster: Cluster, devices: Ints) -> Floats:
        """Return the seconds of what each member sends, if links carry at once the most they ever do, (members,).

        No run is faster: a member enters a phase when all has arrived that it sends in the one before. What it receives
        may have arrived while the member was behind.
        """
        found = np.zeros(len(self.members))
        for (source, target, size, _), count in self.different():
            longest = np.zeros(len(self.members))
            for one, other, bytes_ in zip(source.tolist(), target.tolist(), size.tolist(), strict=True):
                path = cluster.path(int(devices[one]), int(devices[other])) if bytes_ else None
                longest[one] = max(longest[one], cluster.quickest(path, bytes_) if path else 0.0)
            found += count * longest
        return found
