"""How classes of devices send to each other, and finer classes where two of them do it in several ways.

a ring of 16 over two nodes     w0 -> w1 inside a node, w7 -> w8 between nodes: all alike, and A -> A goes two ways
finer                           w0 and w8 form a class, w1 and w9 the next, ...: each pair goes one way
"""

from __future__ import annotations

from collections.abc import Iterator

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
    classes: Classes | None = refined(network)
    while classes is not None:
        sends = ClassSends(network, classes, travels)
        if sends.unique:
            return sends
        classes = _finer(network, sends)
    return None


def _finer(network: Network, sends: ClassSends) -> Classes | None:
    """Return finer classes, of which fewer send to each other in several ways; None: there are none.

    For each way, the devices that it connects to the first one are split off. The way that makes the fewest classes is
    chosen.
    """
    found, worker = [], sends.classes.worker
    for connected in sends.connected():
        others = worker == worker[np.argmax(connected)]
        if not connected[others].all():
            found.append(refined(network._replace(worker=numbered(2 * worker + connected))))
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

    def connected(self) -> Iterator[Bools]:
        """Yield for each way of the first pair with several ways which devices it connects, (devices,)."""
        mine = np.flatnonzero(self._pair == self._pair[np.argmax(self._apart)])
        source, target = (ends[mine] for ends in self._ends)
        for way in dict.fromkeys(self._way[mine].tolist()):
            along = self._way[mine] == way
            yield _connected(source[along], target[along], len(self.classes.worker))

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


def _connected(source: Ints, target: Ints, devices: int) -> Bools:
    """Return whether each device is connected to the first one that sends, (devices,)."""
    found = np.zeros(devices, dtype=bool)
    found[source[0]] = True
    count = 0
    while count < (count := int(found.sum())):
        found[target[found[source]]] = True
        found[source[found[target]]] = True
    return found
