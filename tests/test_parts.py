"""Parts of a cluster whose wiring repeats: one tells of all, so its run is that of the fold of the whole cluster."""

import pytest

from parsim import simulate
from parsim.conformance.topologies import repeats
from parsim.core.wiring import Link, Wiring
from parsim.metrics.link_loads import links
from parsim.topologies import topologies
from parsim.training.degrees import Degrees

STAR = {"kind": "star", "bandwidth": "25 GB/s", "latency": "3 us"}
NODES = {"per_node": 2, "bandwidth": "300 GB/s", "nic": "25 GB/s", "nic_latency": "4 us"}
RAIL = {"kind": "rail", "spines": 2, "nodes_per_leaf": 2, "oversubscription": 2, **NODES}
ORDER = ["tensor", "context", "expert", "pipeline", "data"]
MODEL = {"kind": "transformer", "blocks": 4, "width": 128, "heads": 4, "sequence": 32, "vocabulary": 100}


def scenario(topology, plan):
    cluster = {"device": "a100-80g", "topology": topology}
    return {"cluster": cluster, "workload": {**MODEL, "batch": 2 * plan["data"]}, "plan": plan}


def lanes(run):
    """Return when the tasks of each worker start and end, by its name."""
    line, found = run.timeline, {}
    for row in (line.sender < 0).nonzero()[0].tolist():
        times = found.setdefault(line.workers.table[line.workers.code[row]], [])
        times += [line.start_s[row], line.end_s[row]]
    return {name: sorted(times) for name, times in found.items()}


def flat(ledger):
    return {**ledger["idle"], **{name: value for name, value in ledger.items() if name != "idle"}}


@pytest.mark.parametrize(
    ("topology", "plan", "times"),
    [
        (STAR, {"data": 16, "algorithm": "ring"}, 4),
        ({**STAR, "kind": "full"}, {"data": 12, "tensor": 2, "algorithm": "ring", "sharding": "zero3"}, 3),
        ({"kind": "islands", **NODES}, {"data": 16, "pipeline": 2, "microbatches": 2, "algorithm": "ring"}, 2),
        (RAIL, {"data": 16, "tensor": 2, "pipeline": 2, "microbatches": 2, "algorithm": "ring"}, 2),
        (STAR, {"data": 16, "algorithm": "halving-doubling"}, 1),  # sends go farther than to the next part
        ({"kind": "ring", "bandwidth": "25 GB/s"}, {"data": 16, "algorithm": "ring"}, 1),  # states no period
    ],
)
def test_a_part_tells_of_all(topology, plan, times):
    folded, whole = (simulate(scenario(topology, plan), fold=fold) for fold in ("on", "off"))
    assert folded.job.graph.fold.whole.times == times
    spans = lanes(whole)
    for name, own in lanes(folded).items():
        assert own == pytest.approx(spans[name], rel=1e-12)
    assert flat(folded.ledger.to_dict()) == pytest.approx(flat(whole.ledger.to_dict()), rel=1e-12, abs=1e-15)
    assert folded.theory.to_dict() == pytest.approx(whole.theory.to_dict(), rel=1e-12)
    assert folded.metrics["training"] == pytest.approx(whole.metrics["training"], rel=1e-9, abs=1e-15)
    assert folded.to_dict()["fold"]["devices"] == len(whole.devices) == folded.theory.p
    assert sum(device["stands_for"] for device in folded.devices) == folded.theory.p
    held = {device["name"]: device["peak_memory_bytes"] for device in whole.devices}
    assert all(held[device["name"]] == device["peak_memory_bytes"] for device in folded.devices)


def test_devices_of_a_part_have_their_own_names():
    degrees = Degrees(data=16, tensor=2, pipeline=2)
    assert degrees.numbers_of_part(4).tolist() == [*range(8), *range(32, 40)]


@pytest.mark.parametrize(
    ("degrees", "period", "times"),
    [
        (Degrees(data=1024, tensor=8, pipeline=16), 8, 256),
        (Degrees(data=8, tensor=8), 8, 2),
        (Degrees(data=4, tensor=8), 8, 1),  # fewer than four repetitions
        (Degrees(data=64), 8, 2),  # eight ranks in a node
        (Degrees(data=20), 8, 1),  # no whole number of nodes
        (Degrees(data=18), 1, 3),  # the most parts of at least four: six ranks each
        (Degrees(data=64, expert=8), 1, 2),  # whole groups of experts
        (Degrees(data=64, context=2, order=("data", "context", "tensor", "expert", "pipeline")), 1, 1),
    ],
)
def test_into_how_many_parts_the_data_ranks_are_cut(degrees, period, times):
    assert degrees.parts(period) == times


def test_a_small_part_of_a_large_cluster_is_folded_without_being_asked():
    run = simulate(scenario(STAR, {"data": 128, "algorithm": "ring"}))
    assert (len(run.devices), run.devices[0]["stands_for"], run.theory.p) == (1, 128, 128)


@pytest.mark.parametrize(
    ("name", "period", "told"),
    [
        ("leaf_spine", 1, "the route from w4 to w5 of 10 has another number of links than in 5"),
        ("rail", 2, "of 20 devices is not like"),  # nodes go by two spines in turn
        ("fabric", 1, "some links of 5 devices do not stand for two of 10, as a link that all share"),
    ],
)
def test_a_period_that_is_not_one_is_noticed(monkeypatch, name, period, told):
    stock = topologies.stock()
    try:
        if name == "fabric":
            topologies.add(name)(lambda places: Wiring(lambda source, target: (Link("fabric", 1e9),)))
        monkeypatch.setitem(topologies._claims, name, {"period": lambda: period})
        assert any(told in broken for broken in repeats(name).broken)
    finally:
        topologies.restock(stock)


@pytest.mark.parametrize("name", [name for name in topologies.entries() if "period" in topologies.claims(name)])
def test_every_claimed_period_is_one(name):
    assert repeats(name).broken == ()


@pytest.mark.parametrize("topology", [STAR, {"kind": "islands", **NODES}, RAIL])
def test_links_of_a_part_have_the_names_that_they_have_in_the_whole(topology):
    plan = {"data": 16, "tensor": 2, "pipeline": 2, "microbatches": 2, "algorithm": "ring", "order": ORDER}
    folded, whole = (simulate(scenario(topology, plan), fold=fold) for fold in ("on", "off"))
    assert folded.job.graph.fold.whole.times > 1
    busy = {link["name"]: link for link in links(whole.job, whole.timeline)}
    assert folded.links
    for link in folded.links:
        assert link["load"] == pytest.approx(busy[link["name"]]["load"], rel=1e-9)
