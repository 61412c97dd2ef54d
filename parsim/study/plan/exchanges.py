"""What data ranks exchange at least, before any of it is played.

    chain     the sends of the quickest member, one after the other, each alone on its links
    load      the bytes that a group sends over a link, by the bandwidth of the link

A member begins an exchange only when all others have begun the one before. So what a group sends over a link, but for
one exchange, passes after any of its members has begun the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, Floats, Ints
from parsim.core.errors import Invalid
from parsim.core.job import Job
from parsim.core.precision import BYTES
from parsim.core.rounds import EQUAL
from parsim.training.actions import Actions
from parsim.training.communicators import NotRepeated
from parsim.training.sharded import WIDE, Numbers, ShardedTraining


class Exchange(NamedTuple):
    """An exchange of the data ranks of a rank of the pipeline, and how often it takes place."""

    communicator: str
    chain: float  # s, of the quickest member of the quickest group
    load: Floats  # (groups, links) s; further links carry nothing
    times: int = 1


def serial(some: Sequence[Exchange]) -> float:
    """Return the seconds in which exchanges take place one after the other."""
    chain = sum(one.chain * one.times for one in some)
    return max([chain, *(_drained([one for one in some if one.communicator == name]) for name in WIDE)])


def _drained(some: Sequence[Exchange]) -> float:
    """Return the seconds in which links carry all exchanges of a communicator but the largest."""
    if not some:
        return 0.0
    loads = np.zeros((len(some), len(some[0].load), max(one.load.shape[1] for one in some)))
    for place, one in enumerate(some):
        loads[place, :, : one.load.shape[1]] = one.load
    times = np.array([one.times for one in some])
    total: Floats = np.tensordot(times, loads, 1) - loads.max(axis=0)
    return float(total.max(axis=1, initial=0.0).min())


class _Ways(NamedTuple):
    """The ways of the sends of a phase, group by group."""

    member: tuple[Ints, Ints]  # (sends,) each: the group and the place in it of the member that sends
    latency: Floats  # (sends,) s
    rate: Floats  # (sends,) B/s
    crossing: Ints  # (crossings,) the send
    link: Ints  # (crossings,)
    each: Floats  # (crossings,) s for each byte of the send

    def chain(self, bytes_: Floats, shape: tuple[int, ...]) -> Floats:
        """Return the seconds of the longest send of each member, (groups, ranks)."""
        longest = np.zeros(shape)
        np.maximum.at(longest, self.member, self.latency + np.tile(bytes_, shape[0]) / self.rate)
        return longest

    def load(self, bytes_: Floats, groups: int) -> Floats:
        """Return the seconds in which each link carries the sends of each group, (groups, links)."""
        links = int(self.link.max(initial=-1)) + 1
        place = self.member[0][self.crossing] * links + self.link
        seconds = self.each * np.tile(bytes_, groups)[self.crossing]
        found: Floats = np.bincount(place, seconds, groups * links).reshape(groups, links).astype(np.float64)
        return found


class Exchanges:
    """The exchanges of a training between its data ranks, by stage."""

    def __init__(self, job: Job, program: ShardedTraining) -> None:
        self._job, self._program, self._own = job, program, program.parallelism
        self._sharding, self._rank_of = self._own.sharding, program.layout.home.tolist()
        self._links: dict[str, int] = {}
        self._alone = cache(self._exchange)
        self._groups, self._ways = cache(self._groups_of), cache(self._ways_of)
        self._held = cache(lambda number: program.held([number]))
        self.buckets = cache(self._buckets)
        self.sums = cache(self._sums)

    def all_of(self, stage: int) -> list[Exchange]:
        """Return all exchanges of a stage in an iteration."""
        parts = len(self._program.cut.parts)
        sums = [one._replace(times=parts if self._sharding.gradients else 1) for one in self.sums(stage)]
        gathers: Iterable[Exchange] = ()
        if self._sharding.weights:
            layers = (self._program.read(range(one, one + 1)) for one in self._program.cut.stages[stage])
            often = 1 if self._sharding.keeps else 2 * parts
            gathers = (one._replace(times=often) for one in self._of("all-gather", layers, self._weight, stage))
        return [*sums, *gathers, *self.renewing(stage)]

    def renewing(self, stage: int) -> list[Exchange]:
        """Return the exchanges that gather the new weights of a stage after its update."""
        if not self._sharding.optimizer or self._sharding.weights:
            return []
        return self._of("all-gather", self.buckets(stage), self._weight, stage)

    def _sums(self, stage: int) -> list[Exchange]:
        """Return the exchanges that add up the gradients of a stage, in order."""
        layers = self._program.cut.stages[stage]
        some = map(self._held, reversed(layers)) if self._sharding.weights else self.buckets(stage)
        return self._of(self._sharding.reduces, some, BYTES[self._program.precision.gradients], stage)

    def _buckets(self, stage: int) -> list[Numbers]:
        """Return the numbers of each bucket of a stage, in the order of backward."""
        some = self._actions.buckets(self._program.cut.stages[stage])
        return [Numbers(*map(sum, zip(*map(self._held, one), strict=True))) for one in some]

    @cached_property
    def _actions(self) -> Actions:
        return Actions(self._program)

    @property
    def _weight(self) -> float:
        return BYTES[self._program.precision.weights]

    def _of(self, operation: str, some: Iterable[Numbers], a_number: float, stage: int) -> list[Exchange]:
        """Return the exchanges of so many numbers of a stage, of so many bytes each."""
        rank = self._rank_of[stage]
        return [
            self._alone(operation, count * a_number, communicator, rank)
            for numbers in some
            for communicator, count, ranks in zip(WIDE, numbers, self._own.copies, strict=True)
            if count and ranks > 1
        ]

    def _exchange(self, operation: str, size: float, communicator: str, rank: int) -> Exchange:
        groups = self._groups(communicator)[rank]
        chain, load = np.zeros(groups.shape), np.zeros((len(groups), 0))
        try:
            one = self._own.collective(operation, size, communicator, groups[0], EQUAL)
        except (Invalid, NotRepeated):  # the whole job tells it, or has to look at the whole cluster
            return Exchange(communicator, 0.0, load)
        for (source, target, bytes_, _), times in one.different():
            some = np.flatnonzero(bytes_ > 0)
            if len(some):
                ways = self._ways(communicator, rank, source[some].tobytes(), target[some].tobytes())
                chain += times * ways.chain(bytes_[some], groups.shape)
                load = _sum(load, times * ways.load(bytes_[some], len(groups)))
        return Exchange(communicator, float(chain.min()), load)

    def _ways_of(self, communicator: str, rank: int, *ends: bytes) -> _Ways:
        """Return the ways of the sends of a phase, in all groups of a rank."""
        wiring, groups = self._job.cluster.wiring, self._groups(communicator)[rank]
        source, target = (np.frombuffer(column, np.int64) for column in ends)
        senders, receivers = groups[:, source].ravel(), groups[:, target].ravel()
        ways = wiring.crossed(senders, receivers)
        rates = np.append([link.most for link in ways.links], np.inf)
        row, hop = np.nonzero(ways.rows != NONE)
        link = ways.rows[row, hop]
        names = [one.name for one in ways.links]
        weight = wiring.weights(senders[row], receivers[row], [names[one] for one in link.tolist()])
        number = np.array([self._links.setdefault(name, len(self._links)) for name in names], np.int64)
        group = np.repeat(np.arange(len(groups)), len(source))
        return _Ways(
            member=(group, np.tile(source, len(groups))),
            latency=ways.latency,
            rate=rates[ways.rows].min(axis=1),
            crossing=row,
            link=number[link],
            each=weight / rates[link],
        )

    def _groups_of(self, communicator: str) -> list[Ints]:
        """Return the groups of a communicator by rank of the pipeline, each (groups, ranks)."""
        found, part = self._own.part.groups(communicator), self._own.part
        rank = part.coordinate("pipeline")[found[:, 0]]
        return [found[rank == one] for one in range(part.pipeline)]


def _sum(one: Floats, other: Floats) -> Floats:
    """Add loads, of which one may lack links."""
    found = np.zeros((len(one), max(one.shape[1], other.shape[1])))
    found[:, : one.shape[1]] += one
    found[:, : other.shape[1]] += other
    return found
