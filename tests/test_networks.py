"""Topologies of clusters: hop counts, symmetry, bisection, hashes, nodes, changed links, and what is refused."""

import itertools
import json
import math
import time
from functools import cache

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim import hardware
from parsim.build import build
from parsim.core.cluster import Cluster, Device
from parsim.core.columns import NONE, Numbered
from parsim.core.wiring import Link, Tier
from parsim.plot.network import network, sheet
from parsim.plot.paper import ours
from parsim.reading import load
from parsim.scenario.schema import check
from parsim.topologies import nodes, topologies
from parsim.topologies.inside import LANES

GB = "1 GB/s"
NODE = {"per_node": 4, "bandwidth": "8 GB/s", "latency": "1 us", "nics": 2, "nic": "1 GB/s", "nic_latency": "3 us"}
SHAPES = {  # name: kind, arguments, devices, hops between the farthest devices
    "ring": ("ring", {"bandwidth": GB}, 9, 4),
    "torus 4x3": ("torus", {"sides": [4, 3], "bandwidth": GB}, 12, 3),
    "torus 2x3x4": ("torus", {"sides": [2, 3, 4], "bandwidth": GB}, 24, 4),
    "switch": ("switch", {"bandwidth": GB, "up": "100 MB/s"}, 5, 2),
    "fabric": ("switch", {"bandwidth": GB, "fabric": "2 GB/s"}, 5, 3),
    "leaf-spine": ("leaf_spine", {"per_leaf": 4, "spines": 2, "bandwidth": GB, "oversubscription": 2}, 10, 4),
    "4-ary": ("fat_tree", {"k": 4, "bandwidth": GB, "oversubscription": [1, 2]}, 16, 6),
    "levels": (
        "fat_tree",
        {"levels": [{"down": 3, "up": 2}, {"down": 2, "up": 1}, {"down": 2}], "bandwidth": GB},
        12,
        6,
    ),
    "islands": ("islands", NODE, 14, 2),
    "cube mesh": ("islands", {"node": "dgx-1-v100"}, 20, 2),
    "full nodes": ("islands", {"node": "frontier"}, 8, 2),
    "rail": ("rail", {**NODE, "spines": 3, "nodes_per_leaf": 2}, 24, 6),
    "rail across spines": ("rail", {**NODE, "spines": 3, "nodes_per_leaf": 2, "across": "spine"}, 24, 4),
    "rails of cube meshes": ("rail", {"node": "dgx-1-v100", "spines": 2, "nodes_per_leaf": 1}, 16, 6),
}
EVERY = pytest.mark.parametrize("shape", SHAPES)


@cache
def wired(kind, devices, said=""):
    places = (*(f"w{index}" for index in range(devices)), "host")
    entry = topologies[kind]
    wiring = entry(places=places, **check(entry, json.loads(said or "{}"), ("places",)))
    return Cluster(tuple(map(Device, places[:-1])), wiring)


def cluster(shape):
    kind, said, devices, _ = SHAPES[shape]
    return wired(kind, devices, json.dumps(said))


def names(cluster, *pair):
    return [link.name for link in cluster.wiring.route(*pair)]


def faults(topology, **cluster):
    work = {"kind": "transfers", "flows": [{"name": "f", "from": "w0", "to": "w1", "size": "1 B"}]}
    with pytest.raises(parsim.ScenarioError) as refused:
        build(load({"cluster": {"topology": topology, **cluster}, "workload": work}))
    return [(fault.path, fault.message) for fault in refused.value.faults]


# --- routes ---


@EVERY
def test_all_pairs_are_connected_and_the_way_back_is_as_long(shape):
    made, farthest = cluster(shape), SHAPES[shape][3]
    hops = []
    for one, other in itertools.combinations(range(len(made.places)), 2):
        there, back = made.path(one, other), made.path(other, one)
        assert there is not None
        assert back is not None
        assert (len(there.ways), there.latency) == (len(back.ways), pytest.approx(back.latency, rel=1e-12))
        assert len(set(there.links)) == len(there.links)
        hops.append(len(there.ways) if other != made.host else 0)
    assert max(hops) == farthest


@EVERY
def test_links_have_names_of_their_own_and_places_share_numbers(shape):
    made = cluster(shape)
    ends = np.array(list(itertools.permutations(range(len(made.places)), 2))).T
    numbers = made.wiring.route.numbers(*ends)
    used = set(numbers.ravel().tolist()) - {NONE}
    assert max(used) < made.wiring.route.count
    assert len({made.wiring.route.link(number).name for number in used}) == len(used)
    assert made.paths(*ends) == [made.path(*pair) for pair in ends.T.tolist()]


@EVERY
@given(data=st.data())
def test_the_alike_stand_for_every_pair(shape, data):
    made = cluster(shape)
    some, others = (tuple(sorted(data.draw(st.sets(st.integers(0, made.host), min_size=1)))) for _ in "ab")

    def sorts(pairs):
        found = {}
        for one, other, count in pairs:
            path = made.path(one, other)
            key = (round(path.latency * 1e12), path.bandwidth)
            found[key] = found.get(key, 0) + count
        return found

    every = ((one, other, 1) for one in some for other in others if one != other)
    assert sorts(made.wiring.alike(some, others)) == sorts(every)


@pytest.mark.parametrize(("sides", "hops"), [([8, 8], 8), ([4, 4, 4], 6), ([5], 2), ([1, 7], 3), ([2, 2], 2)])
def test_a_torus_takes_the_short_way_round_along_each_side(sides, hops):
    made = wired("torus", math.prod(sides), json.dumps({"sides": sides, "bandwidth": GB}))
    shape = sides[::-1]
    for one, other in itertools.permutations(range(made.host), 2):
        apart = np.abs(np.array(np.unravel_index(one, shape)) - np.unravel_index(other, shape))
        route = names(made, one, other)
        assert len(route) == np.minimum(apart, shape - apart).sum() <= hops
        assert route[0].startswith(f"w{one}>")
        assert route[-1].endswith(f">w{other}")
        ends = [link.split(">") for link in route]
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ends))


def test_trees_lead_up_as_far_as_they_must_and_down_by_the_same_way():
    made = cluster("4-ary")
    assert names(made, 0, 1) == ["w0.up", "w1.down"]
    assert names(made, 0, 3) == ["w0.up", "edge0.up1", "edge1.down1", "w3.down"]
    assert names(made, 0, 14) == ["w0.up", "edge0.up0", "pod0.up2", "pod3.down2", "edge7.down0", "w14.down"]
    assert names(made, 16, 5) == ["pod1.down1", "edge2.down1", "w5.down"]
    assert [link.bandwidth / 1e9 for link in made.wiring.route(0, 14)] == [1, 1, 0.5, 0.5, 1, 1]
    levels = cluster("levels")
    assert names(levels, 0, 11) == [
        "w0.up",
        "level1.0.up1",
        "level2.0.up1",
        "level2.1.down1",
        "level1.3.down1",
        "w11.down",
    ]
    # 3 devices of 1 GB/s have two links up of 1.5 GB/s; two such switches have a link up of 3 GB/s each.
    assert [link.bandwidth / 1e9 for link in levels.wiring.route(0, 11)] == [1, 1.5, 3, 3, 1.5, 1]


# --- bisection: flows from one half to the other, all at once ---


def seconds_across(cluster, pairs, size=1e9):
    """Return when flows of *size* bytes between all *pairs* have ended, by the most loaded link of equal flows."""
    load = {}
    for pair in pairs:
        for link, _ in cluster.path(*pair).ways:
            load[link] = load.get(link, 0) + size
    return max(bytes_ / cluster.capacities[link] for link, bytes_ in load.items())


@pytest.mark.parametrize(("oversubscription", "slower"), [(1, 1), ([1, 2], 2), ([2, 2], 4), (3, 9)])
def test_the_bisection_of_a_fat_tree_is_full_divided_by_its_oversubscription(oversubscription, slower):
    """A k-ary tree passes k^3/8 flows of full speed between its halves (Al-Fares et al., 2008)."""
    said = {"k": 4, "bandwidth": GB, "oversubscription": oversubscription}
    made = wired("fat_tree", 16, json.dumps(said))
    assert seconds_across(made, [(one, one + 8) for one in range(8)]) == pytest.approx(slower, rel=1e-12)


@pytest.mark.parametrize("sides", [[4, 4], [8, 4], [4, 4, 4]])
def test_the_bisection_of_a_torus_is_two_links_for_each_row(sides):
    """Half of a torus reaches the other over 2 N / side links each way (Dally and Towles, 2004, chapter 5)."""
    made = wired("torus", math.prod(sides), json.dumps({"sides": sides, "bandwidth": GB}))
    half = made.host // 2
    cut = set()
    for one, other in itertools.product(range(half), range(half, made.host)):
        for number in made.wiring.route.numbers(np.array([one]), np.array([other])).ravel().tolist():
            if number != NONE:
                start, end = (int(word[1:]) for word in made.wiring.route.link(number).name.split(">"))
                cut |= {number} if start < half <= end else set()
    assert len(cut) == 2 * made.host // sides[-1]


def test_a_leaf_spine_serves_what_its_oversubscription_allows():
    said = {"per_leaf": 4, "spines": 2, "bandwidth": GB, "oversubscription": 2}
    made = wired("leaf_spine", 8, json.dumps(said))
    assert seconds_across(made, [(one, one + 4) for one in range(4)]) == 2.0


# --- ways among equals ---


def splitmix64(source, target):
    """SplitMix64 in whole numbers, as published (Steele, Lea, Flood, 2014)."""
    most = 2**64 - 1
    mixed = ((source << 32) + target + 0x9E3779B97F4A7C15) & most
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & most
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & most
    return mixed ^ (mixed >> 31)


@pytest.mark.parametrize(
    ("routing", "code"),
    [
        ("single", lambda source, target: 0),
        ("ecmp-target", lambda source, target: target),
        ("ecmp-pair", lambda source, target: splitmix64(source, target) // 2),
    ],
)
def test_the_way_is_the_stated_hash_modulo_the_ways(routing, code):
    said = {"per_leaf": 4, "spines": 3, "bandwidth": GB, "routing": routing}
    made = wired("leaf_spine", 16, json.dumps(said))
    rail = wired("rail", 32, json.dumps({**NODE, "spines": 3, "nodes_per_leaf": 2, "routing": routing}))
    for source, target in [(0, 5), (3, 14), (9, 2), (15, 4)]:
        assert names(made, source, target)[1].endswith(f".up{code(source, target) % 3}")
    for source, target in [(0, 9), (3, 30), (28, 6)]:
        stated = code(source, target // 4 if routing == "ecmp-target" else target) % 3
        assert next(name for name in names(rail, source, target) if "leaf" in name).endswith(f".up{stated}")


def test_rails_change_within_the_node_or_through_a_spine():
    near = cluster("rail")  # 4 devices and 2 cards a node, so that w0 and w1 share nic0
    assert names(near, 0, 4) == ["n0.nic0.out", "n1.nic0.in"]
    assert names(near, 0, 5) == ["n0.nic0.out", "n1.nic0.in"]
    assert names(near, 0, 6) == ["w0.up", "w2.down", "n0.nic1.out", "n1.nic1.in"]
    assert names(near, 0, 9) == ["n0.nic0.out", "leaf0.0.up2", "leaf1.0.down2", "n2.nic0.in"]
    far = cluster("rail across spines")
    assert names(far, 0, 6) == ["n0.nic0.out", "leaf0.0.up1", "leaf0.1.down1", "n1.nic1.in"]
    assert far.wiring.route(0, 6)[1].bandwidth == 2 * 1e9 / 3  # two cards of 1 GB/s over three links


# --- nodes ---


def test_a_node_says_how_many_devices_and_of_which_kind():
    run = build(load({"cluster": {"topology": {"kind": "islands", "nodes": 8, "node": "dgx-a100"}}, "workload": FLOW}))
    devices = run.cluster.devices
    assert len(devices) == run.cluster.p == 64
    assert (devices[0].name, devices[-1].name) == ("w0", "w63")
    assert devices[0].memory == hardware.known_device("a100-80g").memory
    assert run.cluster.wiring.tiers == (Tier("node", 8),)
    assert run.cluster.wiring.group(np.array([0, 7, 8, 63])).tolist() == [0, 0, 1, 7]
    said = {"device": {"memory": "40 GB"}, "topology": {"kind": "rail", "nodes": 2, "node": "dgx-a100", **RAIL}}
    some = build(load({"cluster": said, "workload": FLOW})).cluster.devices
    assert (len(some), some[0].memory, some[0].peak) == (16, 40e9, devices[0].peak)


FLOW = {"kind": "transfers", "flows": [{"name": "f", "from": "w0", "to": "w1", "size": "1 B"}]}
RAIL = {"spines": 2, "nodes_per_leaf": 2}


@pytest.mark.parametrize(
    ("topology", "devices"),
    [
        ({"kind": "torus", "sides": [4, 3], "bandwidth": GB}, 12),
        ({"kind": "fat_tree", "k": 4, "bandwidth": GB}, 16),
        ({"kind": "fat_tree", "levels": [{"down": 3}, {"down": 5}], "bandwidth": GB}, 15),
        ({"kind": "leaf_spine", "leaves": 3, "per_leaf": 4, "spines": 1, "bandwidth": GB}, 12),
        ({"kind": "islands", "nodes": 1, "per_node": 4, "bandwidth": "300 GB/s", "latency": "2 us"}, 4),
    ],
)
def test_other_topologies_say_how_many_devices_too(topology, devices):
    assert len(build(load({"cluster": {"topology": topology}, "workload": FLOW})).cluster.devices) == devices


@pytest.mark.parametrize("name", nodes.kinds())
def test_every_number_of_a_node_has_its_source_and_agrees_with_its_device(name):
    known = yaml.safe_load(nodes.kinds()[name].read_text())
    assert known.keys() == set(nodes.KEYS)
    assert all(row.keys() == {"value", "source"} and " 20" in row["source"] for row in known.values())
    node, device = nodes.kind(name), hardware.kind(known["device"]["value"])
    lanes = {"switch": 1, "full": 1, "cube-mesh": 6}[node.inside]
    both = {node.bandwidth * lanes, node.bandwidth * (node.per_node - 1)}  # of all links, and of each
    assert device.link in both | {node.bandwidth}
    assert node.per_node == device.per_node
    if name in ("dgx-1-v100", "dgx-2", "dgx-a100", "dgx-h100", "dgx-h200", "dgx-b200", "alps-gh200", "frontier"):
        assert node.nics * node.nic / node.per_node == device.nic


def test_the_cube_mesh_is_that_of_a_dgx_1():
    """Six NVLinks a device; two quads, each fully joined; an edge from each device to its twin."""
    assert (LANES == LANES.T).all()
    assert LANES.sum(axis=0).tolist() == [6] * 8
    assert (LANES[:4, :4] > 0).sum() == (LANES[4:, 4:] > 0).sum() == 12
    assert np.flatnonzero(LANES[:4, 4:]).tolist() == [0, 5, 10, 15]
    made = cluster("cube mesh")
    assert [(link.name, link.bandwidth) for link in made.wiring.route(0, 3)] == [("w0>w3", 50e9)]
    assert names(made, 8, 13) == ["w8>w9", "w9>w13"]
    assert names(made, 0, 13) == ["n0.nic0.out", "n1.nic2.in"]


@pytest.mark.parametrize("devices", [4, 5, 6, 8])
def test_links_of_a_partly_empty_node_may_change(devices):
    slow = [{"link": "w0>*", "bandwidth": "1 GB/s"}, {"link": f"w{devices - 1}>w4", "latency": "3 us"}]
    inside = {"kind": "islands", "per_node": 4, "bandwidth": "300 GB/s", "nics": 1, "nic": "25 GB/s", "inside": "full"}
    topology = inside | {"changes": slow[: 1 + (devices > 5)]}
    made = build(load({"cluster": {"devices": devices, "topology": topology}, "workload": FLOW})).cluster
    routes = made.wiring.route
    assert len({routes.link(number).name for number in range(routes.count)}) == routes.count
    assert [link.bandwidth for link in made.wiring.route(0, 3)] == [1e9]
    assert devices < 6 or made.wiring.route(devices - 1, 4) == (Link(f"w{devices - 1}>w4", 300e9, 3e-6),)


def test_devices_share_cards_and_share_out_cards():
    made = cluster("islands")
    assert [names(made, one, 4)[0] for one in range(4)] == ["n0.nic0.out", "n0.nic0.out", "n0.nic1.out", "n0.nic1.out"]
    many = wired("islands", 16, json.dumps({"node": "aws-p5"}))  # 32 cards for 8 devices
    assert many.wiring.route(3, 9) == (many.wiring.route(3, 8)[0], many.wiring.route(2, 9)[1])
    assert {link.bandwidth for link in many.wiring.route(3, 9)} == {50e9}


def test_what_is_stated_goes_before_what_the_node_says():
    made = wired("islands", 16, json.dumps({"node": "dgx-a100", "nics": 1, "nic": "200 GB/s"}))
    assert names(made, 3, 9) == ["n0.nic0.out", "n1.nic0.in"]
    assert made.path(3, 9).bandwidth == 200e9
    assert made.path(3, 5).bandwidth == 300e9


def test_known_nodes_are_listed_with_their_sources(command):
    code, out, err = command("list", "nodes", "--json")
    assert (code, err) == (0, "")
    entries = {entry["name"]: entry["numbers"] for entry in json.loads(out)["nodes"]["entries"]}
    assert entries.keys() == nodes.kinds().keys()
    assert entries["dgx-a100"]["nic"]["value"] == 25e9
    assert entries["dgx-a100"]["device"]["value"] == "a100-80g"


def test_studies_take_devices_that_the_topology_counts(command, tmp_path):
    work = {"kind": "items", "count": 32, "item": "1 MB", "result": "1 MB"}
    said = {"cluster": {"topology": {"kind": "islands", "nodes": 2, "node": "dgx-a100"}}, "workload": work}
    said |= {"plan": {"split": "data"}, "cost": {"kind": "constant", "compute": "1 ms"}}
    (tmp_path / "s.yaml").write_text(json.dumps(said))
    points = {point.p: point.makespan_s for point in parsim.scaling(said, workers=[8, 16, 32]).points}
    assert points[32] < points[16] < points[8]
    assert parsim.simulate(said).timeline.makespan_s == points[16]
    told = command("splits", tmp_path / "s.yaml", "--over", "bandwidth,devices")
    assert told[0] == 2
    assert "cluster.topology: states no bandwidth to vary; write for example 'bandwidth: 400 Gbit/s'" in told[2]
    assert "cluster: states no devices to vary; write for example 'devices: 4'" in told[2]
    assert command("splits", tmp_path / "s.yaml", "--quiet")[0] == 0


# --- changed links ---


def test_a_card_that_fails_for_a_while_delays_what_it_carries():
    rows = [{"at": "10 ms", "bandwidth": "0 B/s"}, {"at": "1 s", "bandwidth": "25 GB/s"}]
    said = {"kind": "islands", "nodes": 2, "node": "dgx-a100", "changes": [{"link": "n0.nic0.*", "profile": rows}]}
    flows = [{"name": f"f{card}", "from": f"w{card}", "to": f"w{card + 8}", "size": "1 GB"} for card in (0, 1)]
    run = {"cluster": {"topology": said}, "workload": {"kind": "transfers", "flows": flows}}
    ends = dict(zip(*(getattr(parsim.simulate(run).timeline, key) for key in ("task", "end_s")), strict=True))
    assert ends["f1"] == pytest.approx(0.04 + 2.7e-6, rel=1e-12)
    assert ends["f0"] == pytest.approx(1.03 + 2.7e-6, rel=1e-12)
    said["changes"][0]["profile"] = rows[:1]
    with pytest.raises(parsim.RunError, match=r"stalled[\s\S]*link n0.nic0.out carries 0 B/s"):
        parsim.simulate(run)


def test_changed_links_differ_from_the_others():
    said = {
        "node": "dgx-a100",
        "changes": [
            {"link": "n1.nic1.in", "bandwidth": "5 GB/s"},
            {"link": "w3.*", "profile": [{"at": "1 s", "bandwidth": "0 B/s"}, {"at": "2 s", "bandwidth": "1 GB/s"}]},
        ],
    }
    made = wired("islands", 16, json.dumps(said))
    assert made.path(0, 9).bandwidth == 5e9
    assert made.path(1, 8).bandwidth == 25e9
    assert {link.name for link in made.links if link.profile} == set()
    assert [link.profile for link in made.wiring.route(3, 0)] == [((1.0, 0.0), (2.0, 1e9)), ()]
    assert made.wiring.route(0, 3)[1].profile == ((1.0, 0.0), (2.0, 1e9))
    every = list(made.wiring.alike(tuple(range(16)), tuple(range(16))))
    told = {(made.path(one, other).bandwidth, count) for one, other, count in every}
    assert told == {(300e9, 2 * 8 * 7), (25e9, 2 * 8 * 8 - 8), (5e9, 8)}  # all of node 0 send to w9 over the slow card


# --- pictures ---


@EVERY
def test_a_drawing_has_each_device_and_each_link_once(shape):
    made = cluster(shape)
    sketch, route = made.wiring.sketch(), made.wiring.route
    assert [spot.name for spot in sketch.spots[: made.host]] == list(made.places[:-1])
    drawn = [number for wire in sketch.wires for number in wire.links]
    assert len(set(drawn)) == len(drawn)
    ends = np.array(list(itertools.permutations(range(made.host), 2))).T
    used = set(route.numbers(*ends).ravel().tolist()) - {NONE}
    assert {route.link(number).name for number in used - set(drawn)} <= {"switch"}
    assert all(one != other for _, one, other, *_ in sketch.wires)


@pytest.mark.parametrize("shape", ["islands", "4-ary", "torus 4x3"])
def test_a_picture_names_devices_and_tiers_or_shows_loads(shape):
    made = cluster(shape)
    with ours():
        axes = network(made, sheet(made, shape))
        loaded = network(made, sheet(made, shape), {made.wiring.route(0, 5)[0].name: 0.9})
    written = [text.get_text() for text in axes.texts]
    assert {"w0", "w1", f"w{made.host - 1}"} <= set(written)
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert all(word.endswith("/s") for word in told)
    colours = {tuple(colour) for lines in loaded.collections for colour in lines.get_edgecolors()}
    assert len(colours) in (2, 3)  # one loaded link, the others, and the lines from devices to cards
    assert loaded.get_legend() is None


def test_a_picture_of_listed_links_joins_them_to_their_ends(tmp_path, command):
    links = [{"name": "L1", "bandwidth": GB}, {"name": "L2", "bandwidth": GB}]
    routes = [{"from": "w0", "to": "w1", "over": ["L1", "L2"]}]
    said = {"devices": 2, "topology": {"kind": "custom", "links": links, "routes": routes}}
    (tmp_path / "s.yaml").write_text(json.dumps({"cluster": said, "workload": FLOW}))
    code, out, _ = command("plot", tmp_path / "s.yaml", "--kind", "network", "--out", tmp_path / "out")
    assert (code, len(out.splitlines())) == (0, 2)
    text = (tmp_path / "out" / "network.svg").read_text()
    assert all(f"<!-- {name} -->" in text for name in ("w0", "w1", "L1", "L2"))


# --- size ---


@pytest.mark.parametrize(
    ("kind", "said", "devices"),
    [
        ("rail", {"node": "dgx-h100", "spines": 32, "nodes_per_leaf": 32}, 100_000),
        (
            "fat_tree",
            {"levels": [{"down": 40, "up": 20}, {"down": 50, "up": 25}, {"down": 50}], "bandwidth": GB},
            100_000,
        ),
        ("torus", {"sides": [50, 50, 40], "bandwidth": GB}, 100_000),
        ("islands", {"node": "dgx-1-v100"}, 512),
        ("full", {"bandwidth": GB}, 100_000),
    ],
)
def test_many_routes_are_made_at_once_and_none_before(kind, said, devices):
    """131,072 routes as arrays take less than 0.1 CPU seconds; a cluster that nobody asks costs nothing."""
    places, entry = (*Numbered("w{}".format, devices), "host"), topologies[kind]
    arguments = check(entry, said, ("places",))
    started = time.process_time()
    wiring = entry(places=places, **arguments)
    assert time.process_time() - started < 0.01
    sources = np.arange(131_072) % devices
    targets = (sources + 8) % devices  # the same device of the next node, as in a ring of data
    spent = []
    for _ in range(3):
        started = time.process_time()
        numbers = wiring.route.numbers(sources, targets)
        spent.append(time.process_time() - started)
    assert len(numbers) == 131_072
    assert min(spent) < 0.1


def test_a_mean_over_all_pairs_of_100_000_devices_asks_for_few_routes():
    made = wired(
        "fat_tree", 98_304, json.dumps({"levels": [{"down": 64}, {"down": 48}, {"down": 32}], "bandwidth": GB})
    )
    every = tuple(range(98_304))
    pairs = list(made.wiring.alike(every, every))
    assert [pairs for _, _, pairs in pairs] == [98_304 * 63, 98_304 * 64 * 47, 98_304 * 64 * 48 * 31]
    torus = wired("torus", 64_000, json.dumps({"sides": [40, 40, 40], "bandwidth": GB}))
    every = tuple(range(64_000))
    assert sum(count for *_, count in torus.wiring.alike(every, every)) == 64_000 * 63_999


# --- what is refused ---


@pytest.mark.parametrize(
    ("topology", "path", "message"),
    [
        (
            {"kind": "islands", "nodes": 8, "node": "dgx-a10"},
            "node",
            "unknown name 'dgx-a10'. Did you mean 'dgx-a100'?",
        ),
        ({"kind": "islands", "nodes": 8, "node": 5}, "node", "wants the name of a node such as 'dgx-a100', not 5"),
        ({"kind": "islands", "nodes": 8}, "per_node", "is missing; write for example 'per_node: 8', or name a node"),
        ({"kind": "islands", "nodes": 2, "per_node": 2, "bandwidth": GB}, "nic", "'nic: 25 GB/s', or name a node"),
        (
            {"kind": "islands", "nodes": 2, "node": "dgx-a100", "nics": 12},
            "nics",
            "12 cards cannot be shared out evenly",
        ),
        (
            {"kind": "islands", "nodes": 2, "node": "dgx-a100", "inside": "cube-mesh", "per_node": 4},
            "inside",
            "joins 8",
        ),
        ({"kind": "fat_tree", "k": 5, "bandwidth": GB}, "k", "5 ports are odd"),
        (
            {"kind": "fat_tree", "k": 4, "bandwidth": GB, "oversubscription": [2]},
            "oversubscription",
            "has 1 numbers for 2",
        ),
        (
            {"kind": "fat_tree", "bandwidth": GB, "levels": [{"down": 8, "up": 4, "oversubscription": 2}]},
            "levels[0].oversubscription",
            "no level is above level 1; add the missing level, or leave oversubscription out",
        ),
        ({"kind": "fat_tree", "bandwidth": GB, "levels": [{"up": 4}, {"down": 8}]}, "levels[0].down", "is missing"),
        ({"kind": "switch", "bandwidth": "0 B/s"}, "bandwidth", "is zero"),
    ],
)
def test_wrong_topologies_are_told_with_their_place(topology, path, message):
    told = faults(topology)
    assert f"cluster.topology.{path}" in dict(told)
    assert message in dict(told)[f"cluster.topology.{path}"]
    assert "cluster.devices" not in dict(told) or topology["kind"] == "switch"


@pytest.mark.parametrize(
    ("topology", "path", "message"),
    [
        ({"kind": "torus", "sides": [4, 3], "bandwidth": GB}, "sides", "4 x 3 = 12 devices, but the cluster has 16"),
        (
            {"kind": "islands", "nodes": 3, "node": "dgx-a100"},
            "nodes",
            "3 nodes of 8 are 24 devices, but the cluster has",
        ),
        (
            {"kind": "fat_tree", "k": 6, "bandwidth": GB},
            "k",
            "a tree of 6-port switches has 54 devices, but the cluster",
        ),
        ({"kind": "fat_tree", "bandwidth": GB}, None, "wants k, or levels, for example k: 4"),
        ({"kind": "fat_tree", "bandwidth": GB, "levels": []}, "levels", "is empty"),
        (
            {"kind": "fat_tree", "bandwidth": GB, "levels": [{"down": 4, "up": 2, "oversubscription": 2}, {"down": 2}]},
            "levels",
            "join 4 x 2 = 8 devices, but the cluster has 16; add the missing level",
        ),
        ({"kind": "leaf_spine", "leaves": 3, "per_leaf": 4, "spines": 1, "bandwidth": GB}, "leaves", "are 12 devices"),
        ({"kind": "rail", "node": "dgx-2", **RAIL, "per_node": 6, "nics": 6}, None, "no whole number of nodes of 6"),
        (
            {"kind": "ring", "bandwidth": GB, "changes": [{"link": "w0>w2", "bandwidth": GB}]},
            "changes[0].link",
            "unknown name 'w0>w2'. Did you mean",
        ),
        (
            {
                "kind": "full",
                "bandwidth": GB,
                "changes": [{"link": "w0>w1", "profile": [{"at": "1 s", "bandwidth": GB}] * 2}],
            },
            "changes[0].profile[1].at",
            "is not after the change before it",
        ),
    ],
)
def test_topologies_that_do_not_suit_the_devices_are_refused(topology, path, message):
    told = dict(faults(topology, devices=16))
    path = "cluster.topology" if path is None else f"cluster.topology.{path}"
    assert message in told[path]


def test_devices_that_nobody_counts_are_missing():
    ((path, message),) = faults({"kind": "ring", "bandwidth": GB})
    assert path == "cluster.devices"
    assert message.startswith("is missing; write for example 'devices: 4', or a topology that says how many")
    ((path, message),) = faults({"kind": "torus", "sides": [10_000_000] * 4, "bandwidth": GB})
    assert path == "cluster.devices"
    assert message.endswith("devices are more than 1000000")
