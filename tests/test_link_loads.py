"""What links carry over time: against counts by hand, and the laws of bytes and capacities on random traffic."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from played import played
from test_plot_kinds import assert_clear

import parsim
from parsim.export.counters import counters_of
from parsim.metrics.link_loads import links, loads
from parsim.plot import load
from parsim.plot.load_rows import STEPS, rows_of
from parsim.plot.tiers import tiers

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def custom(flows, *table, routes):
    """Play flows of (source, target, bytes, start) over links of (name, B/s, latency, further keys)."""
    found = [
        {
            "name": name,
            "bandwidth": f"{rate} B/s",
            "latency": f"{latency} s",
            **more,
        }
        for name, rate, latency, more in table
    ]
    return parsim.simulate(
        {
            "cluster": {
                "devices": ["a", "b", "c"],
                "topology": {
                    "kind": "custom",
                    "links": found,
                    "routes": [{"from": one, "to": other, "over": over} for (one, other), over in routes.items()],
                },
            },
            "workload": {
                "kind": "transfers",
                "flows": [
                    {"name": f"f{number}", "from": one, "to": other, "size": f"{size} B", "start": f"{start} s"}
                    for number, (one, other, size, start) in enumerate(flows)
                ],
            },
        }
    )


def steps(run):
    return {one.link.name: list(zip(one.moments.tolist(), one.rates.tolist(), strict=True)) for one in of(run)}


def of(run):
    return loads(run.job, run.timeline)


def figures(run):
    return {one["name"]: one for one in links(run.job, run.timeline)}


def test_flows_that_share_links_carry_what_is_fair():
    # L1 carries 1 B/s and L2 2 B/s. Flow 0 takes both, flow 1 L1, flow 2 L2: 1/2, 1/2 and 3/2 B/s. Flow 0 has 4 B and
    # flow 2 12 B: both end at 8 s. Flow 1 has 5 B, of which 1 B is left, which takes L1 alone for a second.
    run = custom(
        [("a", "c", 4, 0), ("a", "b", 5, 0), ("b", "c", 12, 0)],
        ("L1", 1, 0, {}),
        ("L2", 2, 0, {}),
        routes={("a", "c"): ["L1", "L2"], ("a", "b"): ["L1"], ("b", "c"): ["L2"]},
    )
    assert steps(run) == {"L1": [(0, 1), (8, 1), (9, 0)], "L2": [(0, 2), (8, 0)]}
    # Over the run of 9 s: L1 is full, L2 carries 16 of 18 B.
    assert figures(run) == {
        "L1": {"name": "L1", "stands_for": 1, "bytes": 9, "busy_s": 9, "load": 1},
        "L2": {"name": "L2", "stands_for": 1, "bytes": 16, "busy_s": 8, "load": 16 / 18},
    }


def test_a_flow_carries_less_while_another_shares_its_link():
    # A carries 4 B/s, B 1 B/s. Flow 0 has 12 B on A; from 1 s to 3 s flow 1 takes B, and with it 1 B/s of A: flow 0
    # has 4 + 2 x 3 B by 3 s, and 2 B left for half a second. B carries 2 B in 2 s.
    run = custom(
        [("a", "b", 12, 0), ("a", "c", 2, 1)],
        ("A", 4, 0, {}),
        ("B", 1, 0, {}),
        routes={("a", "b"): ["A"], ("a", "c"): ["A", "B"]},
    )
    assert steps(run) == {"A": [(0, 4), (1, 4), (3, 4), (3.5, 0)], "B": [(1, 1), (3, 0)]}


def test_a_link_that_pauses_carries_nothing():
    # 2 B/s, nothing from 1 s on, 4 B/s from 2 s on, after a latency of 1/2 s: 1 B by 1 s, 4 B in the third second.
    down = [{"at": "1 s", "bandwidth": "0 B/s"}, {"at": "2 s", "bandwidth": "4 B/s"}]
    run = custom([("a", "b", 5, 0)], ("L", 2, 0.5, {"profile": down}), routes={("a", "b"): ["L"]})
    assert steps(run) == {"L": [(0.5, 2), (1, 0), (2, 4), (3, 0)]}
    assert figures(run) == {"L": {"name": "L", "stands_for": 1, "bytes": 5, "busy_s": 3, "load": 5 / 6}}
    (load,) = of(run)
    assert load.shares(np.array([0, 1, 2, 3])).tolist() == [0.5, 0, 1]


def test_each_link_of_a_ring_all_reduce_carries_almost_twice_the_buffer():
    # 2 (p - 1) / p of the buffer: 1.75 GB of 1 GB for 8 ranks.
    found = figures(played("27_ring_all_reduce"))
    assert {name: one["bytes"] for name, one in found.items()} == pytest.approx(
        {f"w{rank}>w{(rank + 1) % 8}": 1.75e9 for rank in range(8)}, rel=1e-9
    )


def test_each_boundary_of_a_pipeline_carries_the_outputs_of_all_microbatches():
    # 2 B x 2048 tokens x 4096, of 6 microbatches forth and back; in the middle of the pipeline both leave one device.
    run = parsim.simulate(
        {
            "cluster": {"device": "a100-80g", "topology": {"kind": "full", "bandwidth": "10 GB/s"}},
            "workload": {"kind": "transformer", "preset": "gpt3-6.7b", "batch": 6},
            "plan": {"pipeline": 3, "schedule": "1f1b", "microbatch_size": 1},
        }
    )
    ways = ("w0>w1", "w1>w2", "w2>w1", "w1>w0")
    assert {name: one["bytes"] for name, one in figures(run).items()} == dict.fromkeys(ways, 6 * 2 * 2048 * 4096)


def test_one_card_carries_the_gradients_of_a_stage_and_the_outputs_of_two_devices():
    # The stages of GPT-3 6.7B: 16 layers of 12 h^2 + 13 h parameters each, h = 4096; the first has tables of 50257
    # words and 2048 positions, the last the head and a norm. Rings of 4 pass 3/2 of the gradients (2 B each) over a
    # card each way; outputs are 2 x 2048 x 4096 B, of 4 microbatches on each of 2 devices.
    h, outputs = 4096, 4 * 2 * 2 * 2048 * 4096
    layers = 16 * (12 * h**2 + 13 * h)
    first, last = 3 * (layers + (50257 + 2048) * h), 3 * (layers + 50257 * h + 2 * h)
    found = figures(played("36_one_card"))
    hand = {f"n{node}.nic0.{way}": first + outputs for node in (0, 1) for way in ("out", "in")}
    hand |= {f"n{node}.nic0.{way}": last + outputs for node in (2, 3) for way in ("out", "in")}
    assert {name: found[name]["bytes"] for name in hand} == pytest.approx(hand, rel=1e-9)


@pytest.mark.parametrize("name", ["07_four_transfers_one_link", "28_hierarchical_all_reduce", "36_one_card"])
def test_the_integral_of_a_load_is_its_bytes_and_no_load_exceeds_the_capacity(name):
    lawful(played(name))


def lawful(run):
    found = figures(run)
    for one in of(run):
        carried = one.bytes_until(np.array([run.timeline.makespan_s])).item()
        assert carried == pytest.approx(found[one.link.name]["bytes"], rel=1e-9)
        room = np.array([rate_at(one.link, moment) for moment in one.moments])
        assert (one.rates >= 0).all()
        assert (one.rates <= room * (1 + 1e-9)).all()
    assert {one.link.name for one in of(run)} == found.keys()


def rate_at(link, moment):
    return [link.bandwidth, *(rate for at, rate in link.profile if at <= moment)][-1]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(1, 20), st.integers(0, 5)),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 0.25])), min_size=3, max_size=3),
    st.sampled_from([None, [{"at": "2 s", "bandwidth": "0 B/s"}, {"at": "4 s", "bandwidth": "3 B/s"}]]),
)
def test_random_flows_add_up(flows, amounts, profile):
    flows = [flow for flow in flows if flow[0] != flow[1]] or [("a", "b", 1, 0)]
    routes = {(one, other): [f"L{k}" for k in range(3) if (ord(one) * 3 + ord(other) + k) % 3] for one, other in PAIRS}
    table = [(f"L{k}", *amount, {"profile": profile} if profile and k == 0 else {}) for k, amount in enumerate(amounts)]
    run = custom(flows, *table, routes=routes)
    lawful(run)
    hand = dict.fromkeys(("L0", "L1", "L2"), 0)
    for one, other, size, _ in flows:
        for name in routes[one, other]:
            hand[name] += size
    assert {name: one["bytes"] for name, one in figures(run).items()} == {
        name: size for name, size in hand.items() if size
    }


PAIRS = [(one, other) for one in "abc" for other in "abc" if one != other]


def test_json_has_the_busiest_links():
    found = played("28_hierarchical_all_reduce").to_dict()["links"]
    assert len(found) == 32  # of 64
    assert [one["load"] for one in found] == sorted((one["load"] for one in found), reverse=True)


def test_a_trace_counts_the_links_that_collectives_keep_busy():
    run = played("27_ring_all_reduce")
    (busy,) = (one for one in counters_of(run.job, run.timeline) if one.name == "busy")
    assert busy.value.max() == 8


# --- pictures ---


def rows(run):
    return rows_of(of(run), tiers(run.job.cluster), run.timeline.makespan_s)


def test_few_links_have_a_lane_each_and_many_one_for_each_tier():
    assert [(row.name, row.words) for row in rows(played("07_four_transfers_one_link"))] == [
        ("wire", ("mean 100 %", "1 GB/s"))
    ]
    # Of the 24 links of 36_one_card, those of the cards carry 10.4 GB of the 39.8 GB that fit into 1.59 s.
    within, cards = rows(played("36_one_card"))
    assert (within.name, within.words[0]) == ("within nodes", "16 x 300 GB/s: mean 1.1 %")
    assert (cards.name, cards.words) == ("cards", ("8 x 25 GB/s: mean 26 %", "busiest 26 %: n0.nic0.out"))
    # While both stages sum their gradients, all cards are full; before, those of one stage alone.
    at = [round(second / 1.59 * STEPS) for second in (1.0, 1.2)]
    assert cards.mean[at] == pytest.approx([0.5, 1.0], abs=0.01)
    assert cards.most[at] == pytest.approx([1.0, 1.0], abs=0.01)


def test_links_stand_in_the_order_in_which_people_count():
    ring = [f"w{i}>w{(i + 1) % 8}" for i in range(8)]
    assert [row.name for row in rows(played("27_ring_all_reduce"))] == ring


@pytest.mark.parametrize("kind", ["load", "hotspots"])
def test_64_devices_and_256_links_are_legible(kind):
    run = played("33_gpt3_13b_mixed")
    axes = run.plot(kind)
    assert_clear(axes.figure)
    assert "Exchanges on lane tensor load no link: they are priced, not played." in [
        text.get_text() for text in axes.texts
    ]


@pytest.mark.parametrize("name", ["28_hierarchical_all_reduce", "33_gpt3_13b_mixed"])
def test_a_load_has_the_same_colour_in_the_hotspots_of_all_runs(name):
    (bar,) = played(name).plot("hotspots").child_axes  # the fullest link carries 54 % and 9 %
    assert bar.get_ylim() == (0, 1)
    assert {"0 %", "100 %"} < {label.get_text() for label in bar.get_yticklabels()}


def test_a_run_without_traffic_says_so():
    run = parsim.simulate(SCENARIOS / "06_pipeline_1f1b.yaml")
    assert load.NOTHING in [text.get_text() for text in run.plot("load").texts]


def test_a_gantt_chart_has_a_part_for_each_communicator_also_from_files(tmp_path, command):
    run = played("36_one_card")
    talks = run.timeline.talks
    moves = run.timeline.transfers & (run.timeline.end_s > run.timeline.start_s)
    # Four microbatches of two stages: each of eight workers receives four outputs or four gradients.
    count = dict(zip(*np.unique(talks.at(moves).decode(), return_counts=True), strict=True))
    assert count == {"data": (run.timeline.sender >= 0).sum(), "pipeline": 16, "pipeline back": 16}
    axes = run.plot("gantt")
    assert_clear(axes.figure)
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words[-3:] == ["data, below", "pipeline, below", "no transfer below"]
    assert [label.get_text() for label in axes.get_yticklabels(minor=True)] == ["data", "pipeline"] * 8
    run.save(tmp_path / "out")
    code, _, _ = command("plot", tmp_path / "out", "--kind", "gantt")
    assert code == 0
    assert (tmp_path / "out" / "gantt.png").read_bytes() == run.pictures("gantt")["gantt.png"]
