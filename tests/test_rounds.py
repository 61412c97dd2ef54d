"""Collectives in rounds: what is proved of them, their published prices, and how they play on networks."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import parsim
from parsim.collectives import algorithm_of, collective, collectives, price_of
from parsim.core.algorithm import Question, operations_of, rounds_of
from parsim.core.errors import Invalid
from parsim.core.promises import broken
from parsim.core.rounds import OPERATIONS, Group, Round, Way
from parsim.core.schema import Ask

ALPHA, BETA, SIZE = 2e-6, 1e-9, 12e6  # of the star below: two latencies, and its bandwidth


def ask(name):
    return Ask(name, collectives[name])


def question(operation, ranks, chunks=1, each=0, size=SIZE):
    return Question(operation, size, chunks, Group(tuple(rank // (each or ranks) for rank in range(ranks)), *2 * [WAY]))


WAY = Way(ALPHA, BETA)


def scenario(operation, algorithm, ranks, chunks=1, kind="star"):
    network = {"kind": kind, "bandwidth": "1 GB/s", "latency": "1 us" if kind == "star" else "2 us"}
    work = {"kind": "collective", "operation": operation, "algorithm": algorithm, "size": "12 MB", "chunks": chunks}
    return {"cluster": {"devices": ranks, "topology": network}, "workload": work}


def lg(ranks):
    return math.ceil(math.log2(ranks))


PUBLISHED = {  # seconds of p ranks, S bytes, k chunks; a: alpha, b: beta
    # Patarasuk, Yuan, J. Parallel Distrib. Comput. 69(2), 2009, section 4; Thakur et al., IJHPCA 19(1), 2005, section 4
    ("ring", "all-reduce"): lambda p, S, k, a, b: 2 * (p - 1) * a + 2 * (p - 1) / p * S * b,
    ("ring", "all-gather"): lambda p, S, k, a, b: (p - 1) * a + (p - 1) / p * S * b,
    ("ring", "reduce-scatter"): lambda p, S, k, a, b: (p - 1) * a + (p - 1) / p * S * b,
    # a chain that k packets follow each other through: Sanders et al., Parallel Computing 35(12), 2009, section 1
    ("ring", "broadcast"): lambda p, S, k, a, b: (p - 2 + k) * (a + S / k * b),
    ("pairwise", "all-to-all"): lambda p, S, k, a, b: (p - 1) * a + (p - 1) / p * S * b,
    ("pairwise", "reduce-scatter"): lambda p, S, k, a, b: (p - 1) * a + (p - 1) / p * S * b,
    # lower bounds of both terms: Chan et al., Concurrency Computat. 19, 2007, section 3, with sends to all at once
    ("direct", "all-reduce"): lambda p, S, k, a, b: 2 * a + 2 * (p - 1) / p * S * b,
    ("direct", "all-gather"): lambda p, S, k, a, b: a + (p - 1) / p * S * b,
    ("direct", "all-to-all"): lambda p, S, k, a, b: a + (p - 1) / p * S * b,
    ("direct", "broadcast"): lambda p, S, k, a, b: a + (p - 1) * S * b,
    ("direct", "send"): lambda p, S, k, a, b: a + S * b,
}
POWERS = {  # of ranks that are a power of two: Thakur et al., sections 4.1, 4.2, 4.5; Sanders et al., section 2
    ("halving-doubling", "all-reduce"): lambda p, S, k, a, b: 2 * lg(p) * a + 2 * (p - 1) / p * S * b,
    ("halving-doubling", "all-gather"): lambda p, S, k, a, b: lg(p) * a + (p - 1) / p * S * b,
    ("halving-doubling", "reduce-scatter"): lambda p, S, k, a, b: lg(p) * a + (p - 1) / p * S * b,
    ("double-binary-tree", "broadcast"): lambda p, S, k, a, b: 2 * (lg(p) + k - 1) * (a + S / (2 * k) * b),
}


@pytest.mark.parametrize("ranks", [2, 3, 8])
@pytest.mark.parametrize(("name", "operation"), [*PUBLISHED, *POWERS])
def test_price_and_run_are_the_published_form(name, operation, ranks):
    """On a star each rank has one way out and one in, as in the model of the papers."""
    if (name, operation) in POWERS and ranks & (ranks - 1):
        return
    form = (PUBLISHED | POWERS)[name, operation]
    for chunks in (1, 3):
        seconds = form(ranks, SIZE, chunks, ALPHA, BETA)
        asked = question(operation, ranks, chunks)
        assert price_of(ask(name), asked).seconds(SIZE, asked.group) == pytest.approx(seconds, rel=1e-12)
        run = parsim.simulate(scenario(operation, name, ranks, chunks))
        assert run.timeline.makespan_s == pytest.approx(seconds, rel=1e-9), chunks


@pytest.mark.parametrize("ranks", [3, 5, 6, 12, 13])
def test_ranks_that_are_no_power_of_two_are_folded(ranks):
    """Thakur et al. 2005, section 4.5: two more steps, each of the whole buffer."""
    core = 2 ** (lg(ranks) - 1)
    seconds = 2 * (lg(ranks) - 1) * ALPHA + 2 * (core - 1) / core * SIZE * BETA + 2 * (ALPHA + SIZE * BETA)
    run = parsim.simulate(scenario("all-reduce", "halving-doubling", ranks))
    assert run.timeline.makespan_s == pytest.approx(seconds, rel=1e-9)


@pytest.mark.parametrize("ranks", [2, 3, 5, 8, 14, 16, 33, 64])
def test_two_trees_meet_the_bound_of_their_paper(ranks):
    """Sanders et al. 2009, theorem 1: as many steps as a pipelined binary tree, of half the bytes each."""
    for chunks in (1, 4, 9):
        for operation, ways in (("broadcast", 1), ("all-reduce", 2)):
            price = price_of(ask("double-binary-tree"), question(operation, ranks, chunks)).inside
            steps = ways * 2 * (lg(ranks) + chunks - 1)
            assert steps - ways <= price.rounds <= steps
            assert price.share == pytest.approx(price.rounds / (2 * chunks))


@pytest.mark.parametrize("ranks", [3, 7, 14])
def test_trees_take_their_price_although_ranks_idle_in_some_rounds(ranks):
    """A rank that ran ahead would share the way into the receiver: 1.2 to 1.4 times as long on the way up."""
    for operation, chunks in (("broadcast", 3), ("all-reduce", 3), ("all-reduce", 1)):
        asked = question(operation, ranks, chunks)
        seconds = price_of(ask("double-binary-tree"), asked).seconds(SIZE, asked.group)
        for kind in ("star", "full"):
            run = parsim.simulate(scenario(operation, "double-binary-tree", ranks, chunks, kind))
            assert run.timeline.makespan_s == pytest.approx(seconds, rel=1e-9), (operation, chunks, kind)


def test_nobody_sends_or_receives_twice_in_a_round_of_two_trees():
    for ranks in (2, 3, 6, 9, 32, 45):
        for one in rounds_of(ask("double-binary-tree"), question("all-reduce", ranks, 3)):
            assert max(np.bincount(one.source).max(), np.bincount(one.target).max()) == 1


def test_where_every_pair_has_a_link_direct_sends_do_not_share():
    run = parsim.simulate(scenario("all-reduce", "direct", 4, kind="full"))
    assert run.timeline.makespan_s == pytest.approx(2 * (ALPHA + SIZE / 4 * BETA), rel=1e-9)


def test_chunks_of_a_ring_travel_side_by_side_and_change_nothing_alone():
    spans = [parsim.simulate(scenario("all-reduce", "ring", 4, chunks)).timeline.makespan_s for chunks in (1, 4, 7)]
    assert spans == pytest.approx([spans[0]] * 3, rel=1e-12)
    found = collective(ask("ring"), question("all-reduce", 256, 4), range(256))
    assert sum(int(phase.flows.sum()) for phase in found.phases) == 522_240
    assert len({id(phase) for phase in found.phases}) == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_result_and_figures(operation):
    ranks = 4
    facts = parsim.simulate(scenario(operation, "auto", ranks)).to_dict()
    share = {"all-reduce": 1.5, "broadcast": 1, "send": 1}.get(operation, 0.75)  # nccl-tests, doc/PERFORMANCE.md
    result, about = facts["result"], facts["collective"]
    assert result["algorithm_bandwidth_bytes_per_s"] == pytest.approx(SIZE / facts["makespan_s"], rel=1e-12)
    assert result["bus_bandwidth_bytes_per_s"] == pytest.approx(share * SIZE / facts["makespan_s"], rel=1e-12)
    assert (about["operation"], about["ranks"], about["size_bytes"]) == (operation, ranks, SIZE)
    assert about["algorithm"] in ("ring", "direct")
    assert about["price_s"] == pytest.approx(facts["makespan_s"], rel=1e-9)


class TestHierarchical:
    """Cho et al., BlueConnect, MLSys 2019: a ring of g within nodes, a ring of m between them."""

    def test_price(self):
        g, m, inside, across = 8, 4, Way(2e-6, 1 / 300e9), Way(5e-6, 1 / 25e9)
        asked = question("all-reduce", g * m, each=g)._replace(
            group=Group(tuple(r // g for r in range(g * m)), inside, across)
        )
        seconds = 2 * (g - 1) * (2e-6 + SIZE / g / 300e9) + 2 * (m - 1) * (5e-6 + SIZE / (g * m) / 25e9)
        assert price_of(ask("hierarchical"), asked).seconds(SIZE, asked.group) == pytest.approx(seconds, rel=1e-12)

    def test_on_one_network_both_parts_add_up(self):
        """Without tiers all ranks are one node, so only the inner ring is left."""
        spans = [
            parsim.simulate(scenario("all-reduce", name, 6)).timeline.makespan_s for name in ("hierarchical", "ring")
        ]
        assert spans[0] == pytest.approx(spans[1], rel=1e-12)

    def test_nodes_of_unequal_size_are_refused(self):
        asked = question("all-reduce", 3)._replace(group=Group((0, 0, 1)))
        with pytest.raises(Invalid, match="equally many ranks on each node, not 1 here and 2 there"):
            rounds_of(ask("hierarchical"), asked)

    @pytest.mark.parametrize("inside", ["ring", "direct", "halving-doubling"])
    @pytest.mark.parametrize("across", ["ring", "direct", "halving-doubling", "double-binary-tree"])
    def test_every_pair_of_stages_is_proved(self, inside, across):
        for node in ((0, 0, 0, 0, 1, 1, 1, 1), (0, 1, 2, 3, 0, 1, 2, 3), (0, 0, 1, 1, 2, 2)):
            asked = Question("all-reduce", SIZE, 3, Group(node))
            chosen = Ask("hierarchical", collectives["hierarchical"], {"inside": inside, "across": across})
            assert broken("all-reduce", len(node), rounds_of(chosen, asked)) == []

    def test_trees_between_nodes_do_all_reduces_alone(self):
        chosen = Ask("hierarchical", collectives["hierarchical"], {"across": "double-binary-tree"})
        with pytest.raises(Invalid, match="double-binary-tree has no all-gather"):
            rounds_of(chosen, question("all-gather", 4, each=2))

    def test_nodes_need_not_be_in_order(self):
        for operation in operations_of(collectives["hierarchical"]):
            asked = question(operation, 6)._replace(group=Group((0, 1, 0, 2, 1, 2)))
            assert broken(operation, 6, rounds_of(ask("hierarchical"), asked)) == []


class TestRings:
    @pytest.mark.parametrize("operation", operations_of(collectives["ring"]))
    @pytest.mark.parametrize(("ranks", "each", "rings"), [(8, 4, 4), (12, 4, 3), (6, 2, 2), (5, 5, 3)])
    def test_several_rings_are_proved_and_leave_nodes_by_different_ranks(self, operation, ranks, each, rings):
        asked = question(operation, ranks, 2, each)
        rounds = rounds_of(Ask("ring", collectives["ring"], {"rings": rings}), asked)
        assert broken(operation, ranks, rounds) == []
        source, target = (np.concatenate([one[end] for one in rounds]) for end in (0, 1))
        leaving = source // each != target // each
        assert (
            len(set(source[leaving].tolist()))
            == len(set(target[leaving].tolist()))
            == (rings * ranks // each) * (each < ranks)
            or operation == "broadcast"
        )

    def test_more_rings_than_ranks_of_a_node_are_refused(self):
        with pytest.raises(Invalid, match="3 rings need as many ranks on each node to leave it from, not 2"):
            rounds_of(Ask("ring", collectives["ring"], {"rings": 3}), question("all-reduce", 4, each=2))


class TestAuto:
    def test_small_all_reduces_between_nodes_take_trees_and_large_ones_rings(self):
        nodes = Group(tuple(rank // 8 for rank in range(64)), Way(2e-6, 1 / 300e9), Way(5e-6, 1 / 25e9))
        chosen = [
            algorithm_of(ask("auto"), Question("all-reduce", size, 1, nodes)).name
            for size in (1e3, 1e5, 1e7, 1e9, 1e10)
        ]
        assert chosen == sorted(chosen)
        assert (chosen[0], chosen[-1]) == ("hierarchical", "ring")
        one = Group(tuple(range(64)), across=nodes.across)
        assert algorithm_of(ask("auto"), Question("all-reduce", 1e3, 1, one)).name == "double-binary-tree"
        assert algorithm_of(ask("auto"), Question("all-reduce", 1e9, 1, nodes)).arguments == {"rings": 8}

    @pytest.mark.parametrize(
        ("operation", "name"),
        [("all-gather", "ring"), ("reduce-scatter", "ring"), ("broadcast", "ring"), ("all-to-all", "direct")],
    )
    def test_nccl_has_one_algorithm_for_the_others(self, operation, name):
        assert algorithm_of(ask("auto"), question(operation, 8, each=4)).name == name


# -- the proof


def changed(rounds, draw):
    """Spoil one row of some rounds: drop it, repeat it, send it elsewhere, another piece, or not added (added)."""
    number = draw(st.sampled_from([index for index, one in enumerate(rounds) if len(one.source)]))
    one = rounds[number]
    row = draw(st.integers(0, len(one.source) - 1))
    add = np.broadcast_to(one.add, one.source.shape).copy()
    kept = np.arange(len(one.source)) != row
    spoilt = {
        "drop": Round(one.source[kept], one.target[kept], one.piece[kept], add[kept]),
        "repeat": Round(*(np.append(column, column[row]) for column in (*one[:3], add))),
        "flip": Round(*one[:3], np.where(kept, add, ~add)),
    }[draw(st.sampled_from(["drop", "repeat", "flip"]))]
    return [*rounds[:number], spoilt, *rounds[number + 1 :]]


NEEDED = [  # algorithms of which every row is needed
    (name, operation)
    for name in ("ring", "direct", "pairwise", "halving-doubling", "double-binary-tree", "hierarchical")
    for operation in operations_of(collectives[name])
]


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(NEEDED), st.sampled_from([2, 4, 8]))
def test_rounds_that_are_spoilt_are_not_proved(data, entry, ranks):
    name, operation = entry
    rounds = rounds_of(ask(name), question(operation, ranks, chunks=2, each=2))
    assert broken(operation, ranks, rounds) == []
    spoilt = changed(rounds, data.draw)
    pieces = [max(one.piece.max(initial=0) for one in some) for some in (rounds, spoilt)]
    assume(pieces[0] == pieces[1])  # without its last piece it may be a right one of fewer pieces
    found = broken(operation, ranks, spoilt)
    assert found
    assert all("rank" in one.message and "piece" in one.message for one in found)


def test_sums_of_many_ranks_are_told_apart():
    """A part of rank 70 of 100, lost on the way to rank 1 only: words of 64 bits do not confuse it with another."""
    rounds = rounds_of(ask("direct"), question("reduce-scatter", 100))
    (one,) = rounds
    kept = ~((one.source == 70) & (one.target == 1))
    (found,) = broken("reduce-scatter", 100, [Round(*(column[kept] for column in one[:3]), add=True)])
    assert found.message == "rank 1 ends with piece 1 without the part of rank 70"


# -- what is wrong input


def faults(**work):
    base = scenario("all-reduce", "ring", 4)
    with pytest.raises(parsim.ScenarioError) as error:
        parsim.simulate({**base, "workload": base["workload"] | work})
    return [(fault.path, fault.message) for fault in error.value.faults]


def test_one_rank_is_refused():
    base = scenario("all-reduce", "ring", 1)
    with pytest.raises(parsim.ScenarioError, match="all-reduce needs two ranks or more, and the cluster has one"):
        parsim.simulate(base)


def test_no_bytes_are_refused():
    ((path, message),) = faults(size="0 B")
    assert (path, "sends nothing" in message) == ("workload.size", True)


def test_an_algorithm_without_the_operation_names_those_that_have_it():
    assert faults(operation="all-to-all") == [
        ("workload.algorithm", "ring has no all-to-all; use auto, custom, direct, hierarchical or pairwise")
    ]


def test_halving_doubling_refuses_other_numbers_of_ranks():
    with pytest.raises(parsim.ScenarioError, match="of all-gather needs a power of two ranks, not 6; use ring"):
        parsim.simulate(scenario("all-gather", "halving-doubling", 6))


@pytest.mark.parametrize(
    ("operation", "rounds", "path", "message"),
    [
        ("broadcast", [[(0, 1)], [(1, 2)]], "", "rank 3 ends without piece 0"),
        (
            "broadcast",
            [[(0, 1), (1, 2)], [(1, 3)]],
            "[0][1]",
            "in round 0, rank 1 sends piece 0, which it does not have",
        ),
        ("broadcast", [[(0, 1), (0, 4)]], "[0][1]", "in round 0, there is no rank 4; ranks are 0 to 3"),
        ("broadcast", [[(0, 1)], [(1, 1)]], "[1][0]", "in round 1, rank 1 sends to itself"),
        (
            "all-reduce",
            [[(1, 0, 0, True)], [(1, 0, 0, True)]],
            "[1][0]",
            "in round 1, rank 0 adds piece 0 of rank 1, but its own already has the part of rank 1",
        ),
        ("all-gather", [[(0, 1, 0), (0, 2, 2)]], "", "all-gather of 4 ranks has 3 pieces; cut it into a multiple of 4"),
        ("broadcast", [], "", "rank 1 ends without piece 0"),
        ("broadcast", [[(0, 1, 2**62)]], "", "nobody sends piece 0"),
        ("broadcast", [[(0, 1, 0), (0, 2, 2)]], "", "rank 1 ends without piece 1"),
        (
            "broadcast",
            [[(0, 1, 0, True)]],
            "[0][0]",
            "in round 0, rank 1 adds piece 0 to its own, which it does not have",
        ),
        (
            "broadcast",
            [[(0, 1), (0, 1)]],
            "[0][0]",
            "in round 0, rank 1 receives piece 0 several times, and does not add all of them",
        ),
    ],
)
def test_custom_rounds_that_fail_are_located(operation, rounds, path, message):
    rows = [[dict(zip(("from", "to", "piece", "add"), one, strict=False)) for one in sends] for sends in rounds]
    found = faults(operation=operation, algorithm={"kind": "custom", "rounds": rows})
    assert found[0] == (f"workload.algorithm.rounds{path}", message)


def test_too_many_chunks_are_refused():
    ((path, message),) = faults(chunks=10_000_000)
    assert (path, "1000" in message) == ("workload.chunks", True)


def test_too_many_ranks_are_refused():
    with pytest.raises(parsim.ScenarioError, match="100000 ranks are more than 4096"):
        parsim.simulate(scenario("all-to-all", "direct", 100_000))


def test_workers_of_one_device_are_ranks_too():
    """Two slots each on two devices: the way between them is that of the price, not the one within a device."""
    base = scenario("all-reduce", "ring", 2)
    base["cluster"]["device"] = {"slots": 2}
    run = parsim.simulate(base)
    assert run.to_dict()["collective"]["price_s"] == pytest.approx(6 * (ALPHA + SIZE / 4 * BETA), rel=1e-12)


def test_custom_rounds_play():
    rows = [[{"from": 0, "to": 2}], [{"from": 0, "to": 1}, {"from": 2, "to": 3}]]
    run = parsim.simulate(scenario("broadcast", {"kind": "custom", "rounds": rows}, 4))
    assert run.timeline.makespan_s == pytest.approx(2 * (ALPHA + SIZE * BETA), rel=1e-12)
    about = run.to_dict()["collective"]
    assert about["formula"] is None
    assert about["price_s"] == pytest.approx(run.timeline.makespan_s, rel=1e-12)


@pytest.mark.parametrize(
    ("topology", "algorithm"),
    [({"kind": "switch", "fabric": "10 GB/s"}, "ring"), ({"kind": "ring"}, "halving-doubling"),
     ({"kind": "ring", "back": "5 GB/s"}, "halving-doubling"), ({"kind": "ring"}, "direct")],
)  # fmt: skip
def test_where_the_network_is_not_that_of_the_formula_the_price_is_that_of_the_rounds(topology, algorithm):
    base = scenario("all-reduce", algorithm, 6)
    base["cluster"]["topology"] = topology | {"bandwidth": "25 GB/s"}
    run = parsim.simulate(base)
    about = run.to_dict()["collective"]
    assert about["formula"] is None
    assert about["price_s"] == pytest.approx(run.timeline.makespan_s, rel=1e-9)
