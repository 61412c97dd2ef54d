"""Which workers, routes and links of a network play the same part: colour refinement, and an exact check of it.

    w0 --F0--> w1      link a          class 0: w0, w2     one route class: F0, F2
    w2 --F2--> w3      link b          class 1: w1, w3     one link class:  a, b

Colours begin with what things are, and are refined until they tell apart nothing more:

    route <- its ends, and its links in travel order
    link <- how many routes of each class cross it
    worker <- how many routes of each class it receives, and sends

Members of a class then see the same around them, so they do the same at the same time, to the bit (balanced colourings,
Golubitsky and Stewart, Bull. AMS 43, 2006; max-min shares are unique, so those of classes are those of members).
Rounds compare hashes, which may collide; `broken` compares everything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, Ints


class Network(NamedTuple):
    """Workers, the routes between them, and the links that these cross.

    Attributes
    ----------
    worker : what each worker is, equal numbers for equal ones, (workers,).
    route : what each route is for, (routes,).
    source, target : the workers at its ends, (routes,).
    links : the links that it crosses, in travel order, (routes, hops); NONE: no link.
    link : what each link is, (links,).
    """

    worker: Ints
    route: Ints
    source: Ints
    target: Ints
    links: Ints
    link: Ints


class Classes(NamedTuple):
    """The class of each worker, route and link; classes are numbered in the order of their first members."""

    worker: Ints
    route: Ints
    link: Ints


def refined(network: Network) -> Classes:
    """Return the coarsest classes whose members see the same around them.

    >>> pair = np.array([0, 2]), np.array([1, 3])
    >>> star = Network(np.zeros(4, int), np.zeros(2, int), *pair, np.array([[0], [1]]), np.zeros(2, int))
    >>> refined(star).worker.tolist(), refined(star._replace(link=np.array([0, 1]))).worker.tolist()
    ([0, 1, 0, 1], [0, 1, 2, 3])
    """
    crossing = _Crossings(network.links, len(network.link))
    arriving, leaving = (_Gathered(ends, len(network.worker)) for ends in (network.target, network.source))
    now = Classes(*map(numbered, (network.worker, network.route, network.link)))
    while True:
        worker, route, link = map(_mixed, now)
        ends = _both(worker[network.source], worker[network.target])
        routes = numbered(_both(_both(route, ends), crossing.along(link)))
        route = _mixed(routes)
        links = numbered(_both(link, crossing.across(route)))
        workers = numbered(_both(worker, _both(arriving.sums(route), leaving.sums(route))))
        after = Classes(workers, routes, links)
        if [_count(one) for one in after] == [_count(one) for one in now]:
            return after
        now = after


def broken(network: Network, classes: Classes) -> str:
    """Return what two members of a class do not have in common; empty: their neighbourhoods are the same.

    >>> link = Network(np.zeros(2, int), np.zeros(1, int), *np.array([[0], [1]]), np.array([[0]]), np.zeros(1, int))
    >>> broken(link, refined(link)), broken(link, Classes(np.zeros(2, int), *refined(link)[1:]))
    ('', 'what workers receive')
    """
    worker, route, link = classes
    own = {"workers": (network.worker, worker), "routes": (network.route, route), "links": (network.link, link)}
    for name, (colour, of) in own.items():
        if not _equal(colour[:, None], of):
            return f"what {name} are"
    along = np.where(network.links == NONE, NONE, link[network.links])
    if not _equal(np.column_stack([worker[network.source], worker[network.target], along]), route):
        return "the ends and the links of routes"
    row, hop = np.nonzero(network.links != NONE)
    rows = {
        "the routes over links": (network.links[row, hop], route[row], link),
        "what workers receive": (network.target, route, worker),
        "what workers send": (network.source, route, worker),
    }
    return next((name for name, (owner, of, by) in rows.items() if not _alike(owner, of, by)), "")


def firsts(classes: Ints) -> Ints:
    """Return the first member of each class, (classes,)."""
    return np.unique(classes, return_index=True)[1]


def numbered(colours: Ints) -> Ints:
    """Number equal colours alike, in the order of their first members.

    >>> numbered(np.array([7, 3, 7, 9])).tolist()
    [0, 1, 0, 2]
    """
    _, first, place = np.unique(colours, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    found: Ints = rank[place]
    return found


class _Gathered:
    """Sums of a number of each row by its owner."""

    def __init__(self, owner: Ints, owners: int) -> None:
        self._order = np.argsort(owner, kind="stable")
        self._first = np.searchsorted(owner[self._order], np.arange(owners + 1))

    def sums(self, value: Ints) -> Ints:
        """Return the sum of the rows of each owner, modulo 2^64, (owners,)."""
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(value[self._order], dtype=np.uint64)])
        found: Ints = total[self._first[1:]] - total[self._first[:-1]]
        return found


class _Crossings:
    """Routes on links."""

    def __init__(self, links: Ints, count: int) -> None:
        self._links = links
        self._row, hop = np.nonzero(links != NONE)
        self._of_link = _Gathered(links[self._row, hop], count)

    def along(self, link: Ints) -> Ints:
        """Return a number for the links of each route in travel order, (routes,)."""
        found: Ints = np.zeros(len(self._links), np.uint64)
        known = np.append(link, np.uint64(0))  # NONE is the last one
        for hop in self._links.T:
            found = _both(found, known[hop])
        return found

    def across(self, route: Ints) -> Ints:
        """Return a number for the routes over each link, whatever their order, (links,)."""
        return self._of_link.sums(route[self._row])


def _mixed(classes: Ints) -> Ints:
    """Return a random number for each class (splitmix64: Steele et al., OOPSLA 2014)."""
    found = (classes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    mixed: Ints = found ^ (found >> np.uint64(31))
    return mixed


def _both(one: Ints, other: Ints) -> Ints:
    """Return a number for pairs, whose order counts."""
    return _mixed(one * np.uint64(3) + _mixed(other))


def _count(classes: Ints) -> int:
    return int(classes.max(initial=-1)) + 1


def _equal(rows: Ints, classes: Ints) -> bool:
    """Return whether members of a class have equal rows."""
    return bool((rows == rows[firsts(classes)][classes]).all())


def _alike(owner: Ints, of: Ints, classes: Ints) -> bool:
    """Return whether members of a class own as many rows of each class *of*."""
    order = np.lexsort((of, owner))
    owner, of = owner[order], of[order]
    first = np.searchsorted(owner, np.arange(len(classes) + 1))
    count, model = np.diff(first), firsts(classes)[classes]  # (owners,)
    if (count != count[model]).any():
        return False
    place = np.arange(len(of)) - first[owner] + first[model[owner]]
    return bool((of == of[place]).all())
