"""How classes of devices send to each other, and finer classes where two of them do it in several ways.

rings over four nodes     w0 -> w1 inside a node, w0 -> w8 between nodes: all alike, and A -> A goes two ways
finer                     every second node is of another class: A -> A inside a node, A -> B -> A between nodes
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from parsim.core.classes import Classes, Network, firsts, numbered, refined
from parsim.core.columns import NONE, Bools, Floats, Ints
from parsim.core.fold import Ways
from parsim.core.wiring import Link


def unambiguous(network: Network, travels: Bools) -> ClassSends | None:
    """Return what classes send of which each sends to each other one in one way; None: no such classes are found.

    They are not always the coarsest.

    Parameters
    ----------
    network : what each device sends to whom.
    travels : whether a route carries bytes, (routes,).
    """
    columns = tuple(np.ascontiguousarray(column, np.int64).tobytes() for column in (*network, travels))
    small = sum(map(len, columns)) <= REMEMBERED
    return _remembered(columns, network.links.shape[1]) if small else _fine(network, travels)


REMEMBERED = 100_000  # B of a network; many plans of one cluster send alike


@lru_cache(64)
def _remembered(columns: tuple[bytes, ...], hops: int) -> ClassSends | None:
    """Return what classes of a network send, given as bytes."""
    worker, route, source, target, links, link, travels = (np.frombuffer(column, np.int64) for column in columns)
    network = Network(worker, route, source, target, links.reshape(len(route), hops), link)
    found = _fine(network, travels.astype(bool))
    for column in found.classes if found else ():
        column.flags.writeable = False  # jobs share them
    return found


def _fine(network: Network, travels: Bools) -> ClassSends | None:
    classes: Classes | None = refined(network)
    while classes is not None:
        sends = ClassSends(network, classes, travels)
        if sends.unique:
            return sends
        classes = _finer(network, sends)
    return None


def _finer(network: Network, sends: ClassSends) -> Classes | None:
    """Return finer classes, of which fewer send to each other in several ways; None: there are none.

    Of all colours that split a class, those that make the fewest classes are chosen.
    """
    found, worker = [], sends.classes.worker
    for colour in (*sends.turns(), *sends.connected()):
        finer = numbered(worker * (int(colour.max()) + 1) + colour)
        if finer.max() > worker.max():
            found.append(refined(network._replace(worker=finer)))
    return min(found, key=lambda one: int(one.worker.max()), default=None)


class ClassSends:
    """What classes send each other.

    Parameters
    ----------
    network, classes : who sends to whom, and the class of each.
    travels : whether a route carries bytes, (routes,).
    """

    def __init__(self, network: Network, classes: Classes, travels: Bools) -> None:
        rows = np.flatnonzero(travels)
        links = network.links[rows]
        self.classes, self._ends = classes, (network.source[rows], network.target[rows])
        self._along = np.where(links == NONE, NONE, classes.link[links])
        source, target = (classes.worker[ends] for ends in self._ends)
        _, self._first, self._pair = np.unique(
            source * (int(classes.worker.max()) + 1) + target, return_index=True, return_inverse=True
        )
        self._way = _numbered(self._along)
        self._apart = self._way != self._way[self._first][self._pair]

    @property
    def unique(self) -> bool:
        """Whether each class sends to each other one in one way."""
        return not self._apart.any()

    def connected(self) -> Iterator[Ints]:
        """Yield for each way of the first pair with several ways whether it connects a device to the first one."""
        devices = len(self.classes.worker)
        for along, source, target in self._ways_of_first():
            group = joined(source[along], target[along], devices)
            yield (group == group[source[along][0]]).astype(np.int64)

    def turns(self) -> Iterator[Ints]:
        """Yield for each way of the first pair with several ways a colour that alternates along its other ways.

        The devices that the way joins have one colour: of a ring over nodes, those of each second node.
        """
        devices = len(self.classes.worker)
        for along, source, target in self._ways_of_first():
            group = joined(source[along], target[along], devices)
            turn, period = _turns(group[source[~along]], group[target[~along]], devices)
            if period > 1:
                yield turn[group] % period

    def _ways_of_first(self) -> Iterator[tuple[Bools, Ints, Ints]]:
        """Yield which sends of the first pair with several ways take each of these, and the ends of all its sends."""
        mine = np.flatnonzero(self._pair == self._pair[np.argmax(self._apart)])
        source, target = (ends[mine] for ends in self._ends)
        for way in dict.fromkeys(self._way[mine].tolist()):
            yield self._way[mine] == way, source, target

    def ways(self, links: list[Link]) -> Ways:
        """Return the way of each pair of classes, given all links."""
        models, of_link, of_worker = (
            firsts(self.classes.link),
            np.bincount(self.classes.link),
            np.bincount(self.classes.worker),
        )
        source, target = (self.classes.worker[ends[self._first]] for ends in self._ends)
        routes, weights = [], list[Floats]()
        for row, receivers in zip(self._first.tolist(), of_worker[target].tolist(), strict=True):
            hops = self._along[row][self._along[row] != NONE]
            routes.append(tuple(links[models[hop]] for hop in hops.tolist()))
            weights.append(np.bincount(hops, minlength=len(models))[hops] * receivers / of_link[hops])
        return Ways(source, target, routes, weights, links, self.classes.link)


def _numbered(rows: Ints) -> Ints:
    """Number equal rows alike."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def joined(source: Ints, target: Ints, devices: int) -> Ints:
    """Return for each device the least of those that sends join it to, (devices,).

    >>> joined(np.array([0, 3]), np.array([2, 2]), 5).tolist()
    [0, 1, 0, 0, 4]
    """
    found = np.arange(devices)
    while True:
        least = found.copy()
        for ends in (source, target):
            np.minimum.at(least, ends, np.minimum(found[source], found[target]))
        least = least[least]
        if (least == found).all():
            return found
        found = least


def _turns(source: Ints, target: Ints, places: int) -> tuple[Ints, int]:
    """Return how many sends after the first place each one comes, and after how many the sends may count anew.

    So that each send leads one further: a ring of 15 places counts anew after 3, a path after any number. 1: never.
    """
    turn, seen = np.zeros(places, np.int64), np.zeros(places, dtype=bool)
    seen[joined(source, target, places)] = True
    while True:
        on, back = seen[source] & ~seen[target], seen[target] & ~seen[source]
        if not (on | back).any():
            break
        turn[target[on]], turn[source[back]] = turn[source[on]] + 1, turn[target[back]] - 1
        seen[target[on]] = seen[source[back]] = True
    off = int(np.gcd.reduce(turn[source] + 1 - turn[target]))
    return turn, next((period for period in range(2, off + 1) if off % period == 0), 1 if off else 2)
