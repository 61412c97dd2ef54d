"""Wirings against hand counts, and what a custom one refuses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.cluster import Cluster, Device, Link
from parsim.core.errors import Invalid
from parsim.core.wiring import Routes, Tier, Wiring
from parsim.topologies import topologies
from parsim.topologies.custom import LinkRow, RouteRow, custom
from parsim.topologies.full import full
from parsim.topologies.profiles import Change
from parsim.topologies.star import star

PLACES = ("w0", "w1", "w2", "host")
HOST = 3


def named(wiring, source, target):
    return [link.name for link in wiring.route(source, target)]


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
    cluster = cluster_of(wiring)
    assert all(cluster.path(a, b) is not None for a in range(4) for b in range(4) if a != b)
    assert len({link.name for link in cluster.links}) == len(cluster.links) == (6 if make is star else 12)


def test_star_device_to_device_takes_both_links_and_pays_both_latencies():
    wiring = star(PLACES, 10e6, 0.5)
    assert named(wiring, 0, 2) == ["w0.up", "w2.down"]
    assert cluster_of(wiring).path(0, 2).seconds(20e6) == 0.5 + 0.5 + 2.0


def test_star_host_has_no_link_of_its_own():
    wiring = star(PLACES, 10e6, 0.5)
    assert named(wiring, HOST, 1) == ["w1.down"]
    assert named(wiring, 1, HOST) == ["w1.up"]
    assert cluster_of(wiring).path(HOST, 1).seconds(20e6) == 0.5 + 2.0


def test_full_has_a_link_for_each_ordered_pair():
    wiring = full(PLACES, 10e6, 0.5)
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
    assert custom(PLACES, [LinkRow("L", 1e9)], [RouteRow("w0", "w1", ["L"])]).route(0, 1) == (Link("L", 1e9, 0.0),)


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
        ([L1], RouteRow("w0", "w1", []), "an empty list names no link; name at least one"),
        ([L1], RouteRow("w0", "w1", ["L1", "L1"]), "'L1' is on this route already; name each link once"),
    ],
)
def test_custom_says_what_is_wrong_and_what_to_do(links, route, message):
    assert [text for _, text in complaints(links, [route])] == [message]


def test_custom_refuses_a_second_route_between_the_same_places():
    routes = [RouteRow("w0", "w1", ["L1"]), RouteRow("w1", "w0", ["L1"]), RouteRow("w0", "w1", ["L1"])]
    assert complaints([L1], routes) == [
        (("routes", 2), "routes[0] already leads from 'w0' to 'w1'; keep one of the two")
    ]


def test_custom_lets_directions_and_routes_share_a_link():
    wiring = custom(PLACES, [L1], [RouteRow("w0", "w1", ["L1"]), RouteRow("w1", "w0", ["L1"])])
    assert wiring.route(0, 1) == wiring.route(1, 0) == (Link("L1", 1e9),)
    assert cluster_of(wiring).path(0, 1).links == cluster_of(wiring).path(1, 0).links == (0,)
    assert cluster_of(wiring).path(0, 1).seconds(1e9, math.inf) == 1.0


def test_custom_gives_links_the_profiles_that_are_stated():
    rows = [Change(1.0, 0.0), Change(2.0, 5e8)]
    (link,) = custom(PLACES, [LinkRow("L", 1e9, 0.0, rows)], [RouteRow("w0", "w1", ["L"])]).route(0, 1)
    assert link.profile == ((1.0, 0.0), (2.0, 5e8))
    assert link.times(2.0, 0.5).profile == ((1.0, 0.0), (2.0, 1e9))


def test_paths_of_many_pairs_are_those_of_each():
    wiring = Wiring(
        Routes(
            lambda sources, targets: np.stack([2 * sources, np.where(targets == 3, -1, 2 * targets + 1)], axis=1),
            lambda number: Link(str(number), 1e9 + number, 1e-6 * number),
            count=8,
        ),
        tiers=(Tier("node", 2), Tier("pod", 4)),
    )
    one, many = cluster_of(wiring), cluster_of(wiring)
    sources, targets = np.array([0, 1, 0, 2, 0]), np.array([1, 2, 3, 0, 1])
    assert many.paths(sources, targets) == [one.path(*pair) for pair in zip(sources, targets, strict=True)]
    assert many.links == one.links
    assert [link.name for link in wiring.route(0, 3)] == ["0"]
    assert wiring.group(np.arange(6)).tolist() == [0, 0, 1, 1, 2, 2]
    assert wiring.group(5, tier=1) == 1


SIDES = st.one_of(
    st.sets(st.integers(0, 5), min_size=1).map(lambda some: tuple(sorted(some))),
    st.just((6,)),  # the host
)


@given(st.sampled_from([star, full]), SIDES, SIDES)
def test_the_alike_stand_for_every_pair(make, sources, targets):
    names = [f"w{index}" for index in range(6)]
    cluster = Cluster(tuple(map(Device, names)), make((*names, "host"), 3e6, 0.5))
    every = [cluster.path(a, b) for a in sources for b in targets if a != b]
    told = list(cluster.wiring.alike(sources, targets))
    assert sum(pairs for *_, pairs in told) == len(every)
    told = [path for a, b, pairs in told for path in [cluster.path(a, b)] * pairs]
    assert sorted((p.latency, p.bandwidth) for p in told) == sorted((p.latency, p.bandwidth) for p in every)


CHAINS = {"kind": "chains", "count": 1000, "length": 3, "compute": "1 s", "send": "1 B"}


def wired(devices, kind, **said):
    return {"devices": devices, "topology": {"kind": kind, **said}}


@pytest.mark.parametrize(("kind", "devices"), [("full", 30_000), ("star", 20_000)])
def test_very_many_devices_play(kind, devices):
    """Links are made when a route takes them: D devices would have D (D + 1) of them in full."""
    run = parsim.simulate({"cluster": wired(devices, kind, bandwidth="1 GB/s"), "workload": CHAINS})
    assert run.timeline.makespan_s == 3.0
    assert len(run.job.cluster.links) < 5  # each chain stays on its worker; a mean asks for a few ways
    # Two of three tasks wait for 1 B from elsewhere, at 1 GB/s: 2/3 ns for each of the 3000.
    assert run.theory.t_c == pytest.approx(2e-9 / 3, rel=1e-12)
    assert run.theory.t_total_s == pytest.approx(3000 / devices * (1 + 2e-9 / 3), rel=1e-12)
    few = parsim.simulate({"cluster": wired(7, kind, bandwidth="1 GB/s"), "workload": CHAINS})
    assert few.theory.t_c == run.theory.t_c


def test_custom_with_many_routes_tells_which_way_is_missing():
    ring = [{"from": f"w{i}", "to": f"w{(i + 1) % 5_000}", "over": ["L"]} for i in range(5_000)]
    said = wired(5_000, "custom", links=[{"name": "L", "bandwidth": "1 GB/s"}], routes=ring)
    with pytest.raises(parsim.ScenarioError, match="travel from w0 to w2, but the topology has no route there"):
        parsim.simulate({"cluster": said, "workload": CHAINS})
    pairs = [{"name": str(i), "from": f"w{i}", "to": f"w{i + 1}", "size": "1 MB"} for i in range(1000)]
    run = parsim.simulate({"cluster": said, "workload": {"kind": "transfers", "flows": pairs}})
    assert run.timeline.makespan_s == pytest.approx(1.0, rel=1e-12)  # 1 GB over the one link


def test_a_topology_that_does_not_say_which_ways_are_alike_is_refused_for_many_devices(tmp_path):
    (tmp_path / "bus.py").write_text(
        "from parsim.core.cluster import Link, Wiring\nfrom parsim.topologies import topologies\n"
        "@topologies.add('bus')\ndef bus(places):\n    return Wiring(lambda source, target: (Link('bus', 1e9),))\n"
    )
    parsim.use(tmp_path / "bus.py")
    try:
        run = parsim.simulate({"cluster": wired(30, "bus"), "workload": CHAINS})
        assert run.theory.t_c == pytest.approx(2e-9 / 3, rel=1e-12)
        with pytest.raises(parsim.ScenarioError, match="topology: bytes may travel between 10000000000 pairs of"):
            parsim.simulate({"cluster": wired(100_000, "bus"), "workload": CHAINS})
    finally:
        topologies.remove("bus")


def test_links_and_routes_that_are_missing_are_told_with_an_example():
    cluster = {"devices": 2, "topology": {"kind": "custom"}}
    work = {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s"}]}
    with pytest.raises(parsim.ScenarioError) as error:
        parsim.simulate({"cluster": cluster, "workload": work})
    assert {fault.path: fault.message for fault in error.value.faults} == {
        "cluster.topology.links": "is missing; write for example 'links: [{name: L1, bandwidth: 400 Gbit/s}]'",
        "cluster.topology.routes": "is missing; write for example 'routes: [{from: w0, to: w1, over: [L1]}]'",
    }


ONE_WAY = {"kind": "custom", "routes": [{"from": "w0", "to": "w1", "over": ["l"]}]}


@pytest.mark.parametrize(
    ("topology", "half", "took_s"),
    [
        ({"kind": "star", "bandwidth": "2 GB/s"}, {"bandwidth": "1 GB/s"}, 3.0),
        (
            {"kind": "islands", "per_node": 2, "bandwidth": "8 GB/s", "nics": 1, "nic": "2 GB/s"},
            {"bandwidth": "4 GB/s", "nic": "1 GB/s"},
            0.75,
        ),
        (
            ONE_WAY | {"links": [{"name": "l", "bandwidth": "4 GB/s"}]},
            {"links": [{"name": "l", "bandwidth": "2 GB/s"}]},
            1.5,
        ),
    ],
)
def test_half_the_link_speed_is_half_of_every_bandwidth(topology, half, took_s):
    flows = [{"name": f"f{size}", "from": "w0", "to": "w1", "size": f"{size} GB"} for size in (1, 2)]
    given = {"cluster": {"devices": 4, "topology": topology}, "workload": {"kind": "transfers", "flows": flows}}
    slower = parsim.simulate(given, set={"cluster.link_speed": 0.5})
    stated = parsim.simulate(given | {"cluster": {"devices": 4, "topology": topology | half}})
    assert slower.timeline.makespan_s == stated.timeline.makespan_s == took_s
    with pytest.raises(parsim.ScenarioError, match="link_speed"):
        parsim.simulate(given, set={"cluster.link_speed": 0})
