"""Classes of workers, routes and links: colour refinement against plain tuples, and the check of what it finds."""

import random
from itertools import combinations, count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsim.core import class_ways
from parsim.core import classes as module
from parsim.core.class_ways import unambiguous
from parsim.core.classes import Classes, Network, broken, numbered, refined
from parsim.core.columns import NONE

NUMBERS = st.integers(0, 10**9)


def of_rows(workers, links, rows, worker=None, link=None):
    """Return a network of rows (purpose, source, target, links); all workers and links are alike if left out."""
    hops = max((len(row[3]) for row in rows), default=0)
    purpose, source, target = (np.array([row[column] for row in rows], np.int64) for column in range(3))
    padded = np.array([[*row[3], *[NONE] * (hops - len(row[3]))] for row in rows], np.int64).reshape(len(rows), hops)
    worker, link = ([0] * many if of is None else of for many, of in ((workers, worker), (links, link)))
    return Network(np.array(worker), purpose, source, target, padded, np.array(link))


def ring(n, distances=(1,), **colours):
    """Return a ring in which each worker sends over so many links, of which each leads to the next worker."""
    rows = [(d, a, (a + d) % n, [(a + hop) % n for hop in range(d)]) for d in distances for a in range(n)]
    return of_rows(n, n, rows, **colours)


def nodes(n, size):
    """Return a ring of workers in nodes: within a node over links of their own, between nodes over a shared one."""
    rows = []
    for a in range(n):
        b = (a + 1) % n
        far = a // size != b // size
        rows.append((0, a, b, [2 * n + a // size, 2 * n + n + b // size] if far else [2 * a, 2 * b + 1]))
    return of_rows(n, 4 * n, rows, link=[0] * (2 * n) + [1] * (2 * n))


NETWORKS = {
    "ring": ring(8),
    "ring, near and far": ring(6, (1, 2)),
    "ring with a straggler": ring(7, worker=[0, 0, 1, 0, 0, 0, 0]),
    "ring with a slow link": ring(8, (1, 2), link=[0, 0, 0, 0, 0, 1, 0, 0]),
    "nodes": nodes(12, 4),
    "nodes, the last one partly empty": nodes(10, 4),
    "chain": of_rows(5, 4, [(0, a, a + 1, [a]) for a in range(4)]),
    "nothing is sent": of_rows(3, 2, [], worker=[0, 1, 0]),
}


def wild(number):
    """Return a random network, often some copies of a smaller one, a member of which may differ."""
    draw = random.Random(number)
    workers, links, copies = draw.randrange(1, 6), draw.randrange(1, 5), draw.randrange(1, 4)
    rows = []
    for _ in range(draw.randrange(0, 8)):
        ends = draw.randrange(workers), draw.randrange(workers)
        rows.append((draw.randrange(2), *ends, draw.sample(range(links), draw.randrange(0, min(3, links) + 1))))
    shared = draw.random() < 0.3
    every = [
        (purpose, a + copy * workers, b + copy * workers, [hop if shared else hop + copy * links for hop in hops])
        for copy in range(copies)
        for purpose, a, b, hops in rows
    ]
    worker = [draw.randrange(2) for _ in range(workers)] * copies
    link = [draw.randrange(2) for _ in range(links)] * (1 if shared else copies)
    if draw.random() < 0.3:
        worker[draw.randrange(len(worker))] = 2
    return of_rows(len(worker), len(link), every, worker, link)


def plain(network):
    """Refine colours that are tuples, until a round tells apart nothing more."""
    worker, route, link = (column.tolist() for column in (network.worker, network.route, network.link))
    ends = list(zip(network.source.tolist(), network.target.tolist(), strict=True))
    hops = [[hop for hop in row if hop != NONE] for row in network.links.tolist()]
    while True:
        before = len({*worker}), len({*route}), len({*link})
        along = [tuple(link[hop] for hop in row) for row in hops]
        route = named((own, worker[a], worker[b], *way) for own, (a, b), way in zip(route, ends, along, strict=True))
        link = named((own, *gathered(route, hops, one)) for one, own in enumerate(link))
        sent, received = ([[pair[side]] for pair in ends] for side in (0, 1))
        worker = named(
            (own, gathered(route, sent, one), gathered(route, received, one)) for one, own in enumerate(worker)
        )
        if before == (len({*worker}), len({*route}), len({*link})):
            return Classes(*(numbered(np.array(column, np.int64)) for column in (worker, route, link)))


def gathered(classes, owners, owner):
    """Return the classes of the rows of an owner, in order; a row may have several owners."""
    return tuple(sorted(one for one, row in zip(classes, owners, strict=True) for each in row if each == owner))


def named(keys):
    """Number equal keys alike."""
    known, fresh = {}, count()
    return [known[key] if key in known else known.setdefault(key, next(fresh)) for key in keys]


def assert_coarsest(network):
    for mine, theirs in zip(refined(network), plain(network), strict=True):
        assert mine.tolist() == theirs.tolist()


def assert_each_merge_is_noticed(network):
    found = refined(network)
    assert broken(network, found) == ""
    for name, of in found._asdict().items():
        for one, other in combinations(range(int(of.max(initial=-1)) + 1), 2):
            merged = found._replace(**{name: numbered(np.where(of == other, one, of))})
            assert broken(network, merged), (name, one, other)


@pytest.mark.parametrize("name", NETWORKS)
def test_refinement_gives_the_coarsest_classes(name):
    assert_coarsest(NETWORKS[name])


@given(NUMBERS)
def test_refinement_of_random_networks_gives_the_coarsest_classes(number):
    assert_coarsest(wild(number))


@pytest.mark.parametrize("name", NETWORKS)
def test_any_two_merged_classes_are_noticed(name):
    assert_each_merge_is_noticed(NETWORKS[name])


@given(NUMBERS)
def test_any_two_merged_classes_of_random_networks_are_noticed(number):
    assert_each_merge_is_noticed(wild(number))


def test_classes_by_hand():
    """In nodes of four, the members of a class stand at one place of their nodes; in a ring, all are alike."""
    assert refined(ring(8)).worker.tolist() == [0] * 8
    assert refined(nodes(12, 4)).worker.tolist() == [0, 1, 2, 3] * 3
    assert refined(nodes(10, 4)).worker.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert refined(ring(7, worker=[0, 0, 1, 0, 0, 0, 0])).worker.tolist() == list(range(7))


def rings(n, size):
    """Return rings of so many in each of n nodes, and rings of the workers at one place of all nodes."""
    inside = [(0, a, a - a % size + (a + 1) % size, [a]) for a in range(n * size)]
    between = [(0, a, (a + size) % (n * size), [n * size + a]) for a in range(n * size)]
    return of_rows(n * size, 2 * n * size, inside + between, link=[0] * (n * size) + [1] * (n * size))


def ways_of(network, classes):
    """Return for each pair of classes the links of all their ways."""
    found = {}
    for a, b, links in zip(network.source.tolist(), network.target.tolist(), network.links.tolist(), strict=True):
        way = tuple(int(classes.link[hop]) for hop in links if hop != NONE)
        found.setdefault((int(classes.worker[a]), int(classes.worker[b])), set()).add(way)
    return found


@pytest.mark.parametrize(("n", "count"), [(2, 2), (4, 2), (6, 2), (3, 3), (9, 3), (5, 5)])
def test_classes_that_send_to_each_other_in_several_ways_are_cut_into_the_fewest(n, count):
    """All are alike, so nodes must take turns: as many as the least number that divides theirs."""
    network = rings(n, 7)
    assert set(refined(network).worker.tolist()) == {0}
    found = unambiguous(network, np.ones(len(network.source), dtype=bool)).classes
    assert found.worker.tolist() == [node % count for node in range(n) for _ in range(7)]
    assert broken(network, found) == ""
    assert max(map(len, ways_of(network, found).values())) == 1


@given(NUMBERS, NUMBERS)
def test_classes_are_those_of_the_network_whatever_was_asked_before(number, other):
    networks = [wild(number), wild(other), wild(number)._replace(link=np.arange(len(wild(number).link)))]
    travels = [np.ones(len(each.source), dtype=bool) for each in networks]
    class_ways._remembered.cache_clear()
    before = [class_ways._fine(*each) for each in zip(networks, travels, strict=True)]
    for each, bytes_, sends in 2 * [*zip(networks, travels, before, strict=True)]:
        found = unambiguous(each, bytes_)
        assert (found is None) == (sends is None)
        if sends is not None:
            assert [column.tolist() for column in found.classes] == [column.tolist() for column in sends.classes]


@given(NUMBERS)
def test_finer_classes_of_random_networks_send_in_one_way(number):
    network = wild(number)
    found = unambiguous(network, np.ones(len(network.source), dtype=bool))
    if found is not None:
        assert broken(network, found.classes) == ""
        assert max(map(len, ways_of(network, found.classes).values()), default=1) == 1


@pytest.mark.parametrize("name", ["ring with a straggler", "ring with a slow link", "chain"])
def test_one_round_does_not_tell_apart_enough(name, monkeypatch):
    network = NETWORKS[name]
    monkeypatch.setattr(module, "_count", lambda classes: 0)  # so that the first round is the last
    assert broken(network, refined(network))


@pytest.mark.parametrize("colour", ["worker", "route", "link"])
def test_hashes_that_collide_are_noticed(colour, monkeypatch):
    """Where all hashes are equal, everything that began alike stays one class."""
    network = NETWORKS["nodes, the last one partly empty"]
    monkeypatch.setattr(module, "_mixed", lambda classes: np.zeros(len(classes), np.uint64))
    assert broken(network, refined(network))
    assert len(np.unique(getattr(refined(network), colour))) < len(np.unique(getattr(plain(network), colour)))
