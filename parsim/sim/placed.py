"""A collective on the links of a cluster: which links each send crosses, and how long phases take alone.

phase   member 0 -> 1   over up 0 and down 1     1 us of latency, then 25 MB at 25 GB/s
        member 1 -> 2   over up 1 and down 2     likewise: all sends of the phase take equally long
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster, Path, Ways
from parsim.core.collective import Collective, Phase
from parsim.core.columns import NEVER, Bools, Floats, Ints, no_ints
from parsim.sim.mates import Mates, mates_of
from parsim.sim.network import Network
from parsim.sim.ticks import Ticks

EQUAL = 1e-13  # relative: rates so near are one rate
HERE = Path((), 0.0, np.inf)  # the way from a device to itself, and that of nothing


class Sends(NamedTuple):
    """The sends of one phase on their links, (sends,) each unless stated otherwise."""

    source: Ints  # the member that sends
    target: Ints
    size: Floats  # B of all flows of the send
    share: Floats  # B of one of its flows
    ways: list[Ways]  # links, and the weight of one flow times the flows; empty: nothing travels
    latency: Floats  # s
    wait: Ints  # ticks of `latency`
    nominal: Floats  # s alone
    travels: Bools
    of: list[list[int]]  # (members,) the sends of each member
    due: list[int]  # (members,) how many sends there are from and to each member
    incident: Ints  # (most, members) the sends from and to each member; filled up with the number of sends
    link: Ints  # (crossings,)
    weight: Floats  # (crossings,)
    send: Ints  # (crossings,)

    def rates(self, network: Network) -> Floats:
        """Return the B/s of each flow if all sends take place at once and share each link equally, (sends,)."""
        links, place = np.unique(self.link, return_inverse=True)
        capacity = np.array([network.capacity(link) for link in links.tolist()])
        levels = capacity / np.bincount(place, weights=self.weight)
        rate = np.full(len(self.source), np.inf)
        np.minimum.at(rate, self.send, levels[place])
        return rate

    def fill(self, network: Network) -> Floats:
        """Return the B/s of each flow if all sends take place at once, 0 if these rates are not equal, (sends,)."""
        rate = self.rates(network)
        least, most = rate[self.travels].min(), rate[self.travels].max()
        return rate if most <= least * (1 + EQUAL) else np.where(self.travels, 0.0, rate)

    def share_alike(self, ticks: Ints) -> bool:
        """Return whether the sends on each link have as many bytes and take as long, given how long, (sends,)."""
        links, send = self.link.tolist(), self.send
        columns = (column[send].tolist() for column in (self.share, self.wait, ticks))
        return len(set(zip(links, *columns, strict=True))) == len(set(links))


class Run(NamedTuple):
    """Rounds that take place without a pause, in ticks from the start, (runs,) each but for `sends`."""

    sends: Sends
    row: Ints  # of the sends
    start: Ints
    end: Ints
    rounds: Ints


class Foreseen(NamedTuple):
    """When what happens if all members begin together and nobody else is there, in ticks from the start."""

    version: int  # of the capacities of links
    entry: Ints  # when members enter phases, (phases + 1, members)
    ends: list[Ints]  # when the sends of phases arrive
    through: Ints  # when members are through, (members,)
    leaving: dict[int, list[int]]  # instant -> the members that are through then
    runs: list[Run]  # what members receive, once somebody has asked for it


class Placed:
    """The phases of a collective on the links of a cluster.

    Parameters
    ----------
    collective : its members and phases.
    cluster : whose ways lead from device to device.
    devices : the device of each member.
    network : the links.
    ticks : what a tick is.
    """

    def __init__(
        self, collective: Collective, cluster: Cluster, devices: tuple[int, ...], network: Network, ticks: Ticks
    ) -> None:
        self.members, self.network, self.ticks = len(devices), network, ticks
        different = collective.different()
        number = {id(phase): place for place, (phase, _) in enumerate(different)}
        self.sends = [_placed(phase, cluster, devices, ticks) for phase, _ in different]
        self.kinds = [number[id(phase)] for phase in collective.phases]  # of each phase, its place in `sends`
        self._alone: tuple[int, list[Ints], Ints] = (-1, [], no_ints())  # at a version of the capacities
        self._prefix: tuple[int, Ints | None] = (-1, None)
        self._leaving: tuple[int, dict[int, list[int]]] = (-1, {})
        self.first = self  # of all that take as long: it keeps what is foreseen
        self.foreseen: Foreseen | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    def phase(self, number: int) -> Sends:
        """Return the sends of a phase."""
        return self.sends[self.kinds[number]]

    @cached_property
    def links(self) -> list[int]:
        """All links that the collective crosses."""
        found: list[int] = np.unique(np.concatenate([each.link for each in self.sends])).tolist() if self.sends else []
        return found

    @cached_property
    def pattern(self) -> bytes:
        """How the sends meet on links, and how fast these are: equal phases of one pattern take as long."""
        crossed = np.concatenate([each.link for each in self.sends] or [no_ints()])
        links, first, place = np.unique(crossed, return_index=True, return_inverse=True)
        turn = np.argsort(np.argsort(first))[place]  # links by the order in which they occur
        capacity = np.array([self.network.capacity(link) for link in links[np.argsort(first)].tolist()])
        sends = [column for each in self.sends for column in (each.weight, each.send, each.latency)]
        counts = np.array([len(turn), len(capacity), *map(len, sends)])
        return b"".join(column.tobytes() for column in (counts, turn, capacity, *sends))

    @cached_property
    def mates(self) -> Mates:
        """The members whose sends cross the same links."""
        pairs = (zip(each.link.tolist(), each.source[each.send].tolist(), strict=True) for each in self.sends)
        return mates_of(self.members, chain.from_iterable(pairs))

    @cached_property
    def foreseeable(self) -> bool:
        """Whether the ends of all sends are known as long as nobody else is there, even if members begin apart.

        Without mates, no two sends of a phase may cross one link. With mates, those that meet must share their links
        equally, and mates that begin together must enter all phases together. Where all sends of each phase take
        equally long, the collective is in step, and need not be foreseen.
        """
        if not len(self.mates.members):
            return bool(self.links) and all(len(each.link) == len(set(each.link.tolist())) for each in self.sends)
        alike = all(map(Sends.share_alike, self.sends, self.lasting()))
        return alike and self.prefix() is None and self._mates_together()

    def _mates_together(self) -> bool:
        """Return whether mates enter all phases together, if all members begin together."""
        entry, bound = self.ticks.whole([0] * self.members), np.zeros(self.members, dtype=bool)
        for sends, ticks in ((self.sends[kind], self.lasting()[kind]) for kind in self.kinds):
            if len(self.mates.apart(entry, bound)) or (ticks == NEVER).any():
                return False
            ends = np.append(entry[sends.source] + ticks, 0)
            entry = np.maximum(entry, ends[sends.incident].max(axis=0, initial=0))
        return True

    @cached_property
    def turns(self) -> list[int]:
        """The phases that differ from the one before."""
        found: list[int] = (np.flatnonzero(np.diff(self.kinds)) + 1).tolist()
        return found

    @cached_property
    def owned(self) -> list[list[int]]:
        """The links that the sends of each member cross, (members,)."""
        found: list[list[int]] = [[] for _ in range(self.members)]
        for link, members in self.mates.owners.items():
            for member in members:
                found[member].append(link)
        return found

    @cached_property
    def lasts(self) -> set[int]:
        """The values of `last`."""
        return set(self.last.tolist())

    @cached_property
    def length(self) -> int:
        """The number of phases after which all members are through."""
        return max(self.lasts, default=0)

    @cached_property
    def last(self) -> Ints:
        """The number of phases after which each member is through, (members,)."""
        through = np.zeros(self.members, dtype=np.int64)
        for number in sorted({kind: number for number, kind in enumerate(self.kinds)}.values()):
            sends = self.phase(number)
            through[sends.source] = through[sends.target] = number + 1
        return through

    @cached_property
    def each_needs_all(self) -> bool:
        """Whether no member can be through before all have posted."""
        words = -(-self.members // 8)
        known = np.zeros((self.members, words), dtype=np.uint8)
        own = np.arange(self.members)
        known[own, own // 8] = 1 << (own % 8)
        every = np.bitwise_or.reduce(known, axis=0)
        for kind in self.kinds:
            sends = self.sends[kind]
            order = np.argsort(sends.target, kind="stable")
            targets, first = np.unique(sends.target[order], return_index=True)
            if len(targets):
                known[targets] |= np.bitwise_or.reduceat(known[sends.source[order]], first, axis=0)
            if (known == every).all():
                return True
        return False

    def lasting(self) -> list[Ints]:
        """Return for each of `sends` the ticks that every send takes beside those of its phase; NEVER: no end."""
        return self._now()[0]

    def quickest(self) -> Ints:
        """Return the least ticks from the start of phase 0 to that of each phase, and to the end, (phases + 1,)."""
        return self._now()[1]

    def prefix(self) -> Ints | None:
        """Return when each phase begins if all begin together, and the end, (phases + 1,); None: sends differ."""
        if self._prefix[0] != self.network.version:
            self._prefix = self.network.version, self._together()
        return self._prefix[1]

    def leaving(self) -> dict[int, list[int]]:
        """Return which members are through after how many ticks if all begin together; empty: sends differ."""
        if self._leaving[0] != self.network.version:
            prefix, found = self.prefix(), dict[int, list[int]]()
            if prefix is not None:
                for last in sorted(self.lasts):
                    found.setdefault(int(prefix[last]), []).extend(np.flatnonzero(self.last == last).tolist())
            self._leaving = self.network.version, found
        return self._leaving[1]

    def _now(self) -> tuple[list[Ints], Ints]:
        """Return what `lasting` and `quickest` do, at the present capacities."""
        if self._alone[0] != self.network.version:
            lasting = [self._ticks(each, each.rates(self.network)) for each in self.sends]
            least = [max(0, int(ticks.min())) if len(ticks) else 0 for ticks in lasting]
            quickest = np.cumsum(self.ticks.whole([0, *(least[kind] for kind in self.kinds)]))
            self._alone = self.network.version, lasting, quickest
        return self._alone[1:]

    def _together(self) -> Ints | None:
        took = []
        for each in self.sends:
            ticks = self._ticks(each, each.fill(self.network)) if each.travels.any() else each.wait
            if not len(ticks) or (ticks != ticks[0]).any() or ticks[0] < 0:
                return None
            took.append(int(ticks[0]))
        begins = np.cumsum(self.ticks.whole([0, *(took[kind] for kind in self.kinds)]))
        return begins if self._each_busy or self._on_time(begins) else None

    @cached_property
    def _each_busy(self) -> bool:
        """Whether each member that sends in a phase sends or receives in the one before, so that it is not early."""
        for before, after in sorted(set(pairwise(self.kinds))):
            one, other = self.sends[before], self.sends[after]
            busy = np.zeros(self.members, dtype=bool)
            busy[one.source] = busy[one.target] = True
            if not busy[other.source].all():
                return False
        return True

    def _on_time(self, begins: Ints) -> bool:
        """Return whether each member that sends in a phase enters it as the phase begins."""
        entered = np.full(self.members, begins[0])
        for phase, kind in enumerate(self.kinds):
            sends = self.sends[kind]
            if (entered[sends.source] != begins[phase]).any():
                return False
            entered[sends.source] = entered[sends.target] = begins[phase + 1]
        return True

    def _ticks(self, sends: Sends, rate: Floats) -> Ints:
        """Return the ticks of each send at these B/s, -1 for those that never end, (sends,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            seconds = np.where(sends.travels, sends.share / rate, 0.0)
        ever = np.isfinite(seconds)
        found = self.ticks.column(np.where(ever, seconds, 0.0)) + sends.wait
        found[~ever] = NEVER
        return found


def _placed(phase: Phase, cluster: Cluster, devices: tuple[int, ...], ticks: Ticks) -> Sends:
    """Return the sends of a phase; what does not depend on *ticks* is found once for a cluster."""
    key = id(phase), devices
    if key not in cluster.sends:
        cluster.sends[key] = phase, _sends(phase, cluster, devices)  # kept, so that its id is its own
    sends: Sends = cluster.sends[key][1]
    return sends._replace(wait=ticks.column(sends.latency))


def _sends(phase: Phase, cluster: Cluster, devices: tuple[int, ...]) -> Sends:
    source, target, size, flows = phase
    members, sends = len(devices), len(source)
    there = [HERE] * sends
    device = np.array(devices)
    moves = np.flatnonzero((size > 0) & cluster.travels(device[source], device[target]))
    for send, path in zip(moves.tolist(), cluster.paths(device[source[moves]], device[target[moves]]), strict=True):
        if path is None:
            raise LookupError("two members have no way to each other, though the scenario was checked")
        there[send] = path
    ways = [
        tuple((link, flow * weight) for link, weight in path.ways)
        for path, flow in zip(there, flows.tolist(), strict=True)
    ]
    of: list[list[int]] = [[] for _ in range(members)]
    incident: list[list[int]] = [[] for _ in range(members)]
    for send, (one, other) in enumerate(zip(source.tolist(), target.tolist(), strict=True)):
        of[one].append(send)
        incident[one].append(send)
        incident[other].append(send)
    most = max(map(len, incident), default=0)
    crossings = [(link, weight, send) for send, way in enumerate(ways) for link, weight in way]
    link, weight, send_of = zip(*crossings, strict=True) if crossings else ((), (), ())
    return Sends(
        source,
        target,
        size,
        size / flows,
        ways,
        np.array([path.latency for path in there]),
        no_ints(),
        np.array([path.seconds(bytes_) for path, bytes_ in zip(there, size.tolist(), strict=True)]),
        np.array([bool(path is not HERE) for path in there], dtype=bool),
        of,
        list(map(len, incident)),
        np.array([row + [sends] * (most - len(row)) for row in incident], dtype=np.int64)
        .reshape(members, most)
        .T.copy(),
        np.array(link, dtype=np.int64),
        np.array(weight, dtype=np.float64),
        np.array(send_of, dtype=np.int64),
    )
