"""Which pairs of places are alike: their ways have links of the same bandwidths and latencies.

    nodes of 2:  |w0 w1|w2 w3|      w0 -> w1 stands for 4 pairs within a node, w0 -> w2 for 8 pairs of two nodes

So a mean over all pairs of 100,000 devices asks for a few routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from parsim.core.columns import NONE, Ints
from parsim.core.wiring import Pairs, Places, Routes

Alike = Callable[[Places, Places], Pairs]


def nested(host: int, sizes: tuple[int, ...] = (), unlike: int = 1) -> Alike:
    """Return the `alike` of groups within groups of neighbouring devices.

    Parameters
    ----------
    host : the place of the host, and so the number of devices.
    sizes : devices of a group, from the innermost groups outwards; each is a multiple of the one before.
    unlike : how many devices, one beside the other, are not equivalent; it divides the first size.

    >>> list(nested(4, sizes=(2,))((0, 1, 2, 3), (0, 1, 2, 3)))
    [(0, 1, 4), (0, 2, 8)]
    >>> list(nested(3)((0, 1, 2), (1, 2))), list(nested(3)((3,), (0, 1, 2)))
    ([(0, 1, 4)], [(3, 0, 3)])
    """

    def alike(sources: Places, targets: Places) -> Pairs:
        some, others = np.array(sources, np.int64), np.array(targets, np.int64)
        some, others = some[some != host], others[others != host]
        if len(some) and len(others):
            for source, target, pairs in _between(some, others, (*sizes, host), unlike):
                back = target >= host  # the last group has fewer devices
                yield (source + target - target % unlike, target % unlike, pairs) if back else (source, target, pairs)
        for place, pairs in _kinds(others, unlike) if host in sources else ():
            yield host, place, pairs
        for place, pairs in _kinds(some, unlike) if host in targets else ():
            yield place, host, pairs

    return alike


def grouped(routes: Routes) -> Alike:
    """Return the `alike` of any routes: it looks at each pair, all at once.

    >>> from parsim.core.wiring import Link
    >>> routes = Routes(lambda sources, targets: targets[:, None], lambda number: Link(f"to{number}", 1e9 + number), 3)
    >>> list(grouped(routes)((0, 1, 2), (1, 2)))
    [(0, 1, 2), (0, 2, 2)]
    """

    def alike(sources: Places, targets: Places) -> Pairs:
        one, other = np.repeat(sources, len(targets)), np.tile(targets, len(sources))
        one, other = one[one != other], other[one != other]
        numbers = routes.numbers(one, other)
        known = np.unique(numbers[numbers != NONE])
        links = [routes.link(number) for number in known.tolist()]
        latency = np.array([*(link.latency for link in links), 0.0])
        bandwidth = np.array([*(link.bandwidth for link in links), np.inf])
        at = np.where(numbers == NONE, len(links), np.searchsorted(known, numbers))
        ways = np.stack([latency[at].sum(axis=1), bandwidth[at].min(axis=1, initial=np.inf)])
        joined = np.flatnonzero(ways[1] < np.inf)
        _, first, counts = np.unique(ways[:, joined], axis=1, return_index=True, return_counts=True)
        chosen = joined[first]
        yield from zip(one[chosen].tolist(), other[chosen].tolist(), counts.tolist(), strict=True)

    return alike


def _between(sources: Ints, targets: Ints, sizes: tuple[int, ...], unlike: int) -> Pairs:
    """Yield pairs of devices, the smallest group that has both by group."""
    same = np.bincount(np.intersect1d(sources, targets) % unlike, minlength=unlike)
    nearer, first = np.diag(same), 0
    for size in sizes:
        groups = int(max(sources.max(), targets.max())) // size + 1
        pairs = _counts(sources, size, unlike, groups).T @ _counts(targets, size, unlike, groups)
        for source, target in np.argwhere(pairs > nearer).tolist():
            other = first + target if first or source != target else unlike + target
            yield source, other, int(pairs[source, target] - nearer[source, target])
        nearer, first = pairs, size


def _counts(places: Ints, size: int, unlike: int, groups: int) -> Ints:
    """Return how many devices of each kind each group has, (groups, kinds)."""
    counts = np.bincount(places // size * unlike + places % unlike, minlength=groups * unlike)
    return counts.reshape(groups, unlike)


def _kinds(places: Ints, unlike: int) -> Iterator[tuple[int, int]]:
    """Yield a device of each kind that is there, and their number."""
    counts = np.bincount(places % unlike, minlength=unlike)
    return ((kind, int(counts[kind])) for kind in np.flatnonzero(counts).tolist())
