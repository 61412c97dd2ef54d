"""Wirings against hand counts, and what a custom one refuses."""

import math

import pytest

from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Invalid
from parsim.topologies import topologies
from parsim.topologies.custom import LinkRow, RouteRow, custom
from parsim.topologies.full import full
from parsim.topologies.star import star

PLACES = ("w0", "w1", "w2", "host")
HOST = 3


def named(wiring, source, target):
    return [wiring.links[link].name for link in wiring.route(source, target)]


def cluster_of(wiring):
    return Cluster(tuple(map(Device, PLACES[:HOST])), wiring)


def complaints(links, routes):
    with pytest.raises(Invalid) as caught:
        custom(PLACES, links, routes)
    return [(complaint.path, complaint.message) for complaint in caught.value.complaints]


def test_the_shelf_holds_them():
    assert {"star", "full", "custom"} <= set(topologies.entries())


@pytest.mark.parametrize("make", [star, full], ids=["star", "full"])
def test_a_way_leads_from_every_place_to_every_other(make):
    wiring = make(PLACES, 1e9, 1e-6)
    used = [wiring.route(a, b) for a in range(4) for b in range(4) if a != b]
    assert {link for route in used for link in route} == set(range(len(wiring.links)))  # no link for nothing
    assert len({link.name for link in wiring.links}) == len(wiring.links)


def test_star_device_to_device_takes_both_links_and_pays_both_latencies():
    wiring = star(PLACES, 10e6, 0.5)
    assert len(wiring.links) == 6
    assert named(wiring, 0, 2) == ["w0.up", "w2.down"]
    assert cluster_of(wiring).path(0, 2).seconds(20e6) == 0.5 + 0.5 + 2.0


def test_star_host_has_no_link_of_its_own():
    wiring = star(PLACES, 10e6, 0.5)
    assert named(wiring, HOST, 1) == ["w1.down"]
    assert named(wiring, 1, HOST) == ["w1.up"]
    assert cluster_of(wiring).path(HOST, 1).seconds(20e6) == 0.5 + 2.0


def test_full_has_a_link_for_each_ordered_pair():
    wiring = full(PLACES, 10e6, 0.5)
    assert len(wiring.links) == 4 * 3
    for source, one in enumerate(PLACES):
        for target, other in enumerate(PLACES):
            if source != target:
                assert named(wiring, source, target) == [f"{one}>{other}"]
    assert cluster_of(wiring).path(0, 2).seconds(20e6) == 0.5 + 2.0


def test_custom_routes_are_directed_and_their_latencies_add_up():
    links = [LinkRow("L1", 1e9, 1e-3), LinkRow("L2", 2e9, 4e-3)]
    wiring = custom(PLACES, links, [RouteRow("w0", "w1", ["L1"]), RouteRow("w0", "host", ["L2", "L1"])])
    assert named(wiring, 0, 1) == ["L1"]
    assert named(wiring, 0, HOST) == ["L2", "L1"]
    assert wiring.route(1, 0) is None
    assert cluster_of(wiring).path(1, 0) is None
    assert cluster_of(wiring).path(0, HOST).seconds(1e9) == pytest.approx(1.005, rel=1e-15)
    assert cluster_of(wiring).path(0, HOST).seconds(1e9, limit=1e8) == pytest.approx(10.005, rel=1e-15)


def test_custom_latency_is_zero_unless_stated():
    assert custom(PLACES, [LinkRow("L", 1e9)], []).links[0] == ("L", 1e9, 0.0)


def test_custom_names_every_fault_at_once():
    links = [LinkRow("L1", 1e9), LinkRow("L2", 1e9), LinkRow("L1", 2e9)]
    routes = [
        RouteRow("w0", "w1", ["L1"]),
        RouteRow("w0", "w9", ["L1", "L3"]),
        RouteRow("w0", "w1", ["L2"]),
        RouteRow("w2", "w2", ["L2"]),
        RouteRow("hots", "w2", []),
        RouteRow("w2", "w0", ["L2", "L1", "L2"]),
    ]
    assert [path for path, _ in complaints(links, routes)] == [
        ("links", 2, "name"),
        ("routes", 1, "to"),
        ("routes", 1, "over", 1),
        ("routes", 2),
        ("routes", 3, "to"),
        ("routes", 4, "from"),
        ("routes", 4, "over"),
        ("routes", 5, "over", 2),
    ]


L1 = LinkRow("L1", 1e9)


@pytest.mark.parametrize(
    ("links", "route", "message"),
    [
        ([L1, L1], RouteRow("w0", "w1", ["L1"]), "'L1' is the name of links[0] already; choose another"),
        ([L1], RouteRow("w0", "w1", ["l1"]), "unknown name 'l1'; known are: L1"),
        ([L1], RouteRow("w0", "hots", ["L1"]), "unknown name 'hots'. Did you mean 'host'?"),
        ([L1], RouteRow("w0", "w0", ["L1"]), "the route from 'w0' leads back to 'w0'; name two different places"),
        ([L1], RouteRow("w0", "w1", []), "[] names no link; name at least one"),
        ([L1], RouteRow("w0", "w1", ["L1", "L1"]), "'L1' is on this route already; name each link once"),
    ],
)
def test_custom_says_what_is_wrong_and_what_to_do(links, route, message):
    assert [text for _, text in complaints(links, [route])] == [message]


def test_custom_refuses_a_second_route_between_the_same_places():
    routes = [RouteRow("w0", "w1", ["L1"]), RouteRow("w1", "w0", ["L1"]), RouteRow("w0", "w1", ["L1"])]
    assert complaints([L1], routes) == [
        (("routes", 2), "routes[0] leads from 'w0' to 'w1' already; keep one of the two")
    ]


def test_custom_lets_directions_and_routes_share_a_link():
    wiring = custom(PLACES, [L1], [RouteRow("w0", "w1", ["L1"]), RouteRow("w1", "w0", ["L1"])])
    assert wiring.route(0, 1) == wiring.route(1, 0) == (0,)
    assert cluster_of(wiring).path(0, 1).seconds(1e9, math.inf) == 1.0
