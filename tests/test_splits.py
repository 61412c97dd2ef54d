"""The study of the two splits against closed forms, brute force and counts by hand.

On a star whose host feeds every device at full speed, with N items on P devices, fifo, nothing prefetched:

    data     k = ceil(N/S) rounds of one task, S = min(P, N):  latency + (W + k item) / bandwidth + k c
    layers   k = ceil(N/P) rounds of tasks:                    k (latency + (W/N + N item) / bandwidth + c)
"""

import json
import math
import re
from itertools import pairwise

import pytest
from matplotlib.colors import to_hex

import parsim
from parsim.plot import style
from parsim.study.splits import splits
from parsim.study.splits.crossings import Stretch, lowest, stretches, whole, within
from parsim.study.splits.variables import VARIABLES
from parsim.study.splits.why import quantised

MB = 1e6
OWN = {"count": 8, "devices": 4, "item": 10 * MB, "weights": 400 * MB, "bandwidth": 1e9, "latency": 0.02}
COMPUTE = 0.1
PATHS = {path.rpartition(".")[2]: path for path in VARIABLES}


def scenario(weights_at="host", **change):
    at = OWN | change
    return {
        "cluster": {
            "devices": at["devices"],
            "topology": {"kind": "star", "bandwidth": f"{at['bandwidth']} B/s", "latency": f"{at['latency']} s"},
        },
        "workload": {
            "kind": "items",
            "count": at["count"],
            "item": f"{at['item']} B",
            "weights": f"{at['weights']} B",
            "weights_at": weights_at,
        },
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": f"{COMPUTE} s"},
    }


def makespans(**change):
    n, p, item, w, bandwidth, latency = (OWN | change).values()
    k, rounds = math.ceil(n / min(n, p)), math.ceil(n / p)
    return {
        "data": latency + (w + k * item) / bandwidth + k * COMPUTE,
        "layers": rounds * (latency + (w / n + n * item) / bandwidth + COMPUTE),
    }


def t_totals(**change):
    n, p, item, w, bandwidth, latency = (OWN | change).values()
    subsets = min(n, p)
    return {
        "data": n / p * (COMPUTE + (subsets * latency + (subsets * w + n * item) / bandwidth) / n),
        "layers": n / p * (COMPUTE + latency + (w / n + n * item) / bandwidth),
    }


def even(**change):
    """How much latency is more than where T_total is even: (N - P) latency - ((P - 1) W - N (N - 1) item)/bandwidth."""
    n, p, item, w, bandwidth, latency = (OWN | change).values()
    return (n - p) * latency - ((p - 1) * w - n * (n - 1) * item) / bandwidth


SOLVED = {  # the formula above, solved for each quantity by hand
    "item": (3 * 400 * MB - 4 * 0.02 * 1e9) / 56,  # ((P - 1) W - (N - P) latency bandwidth) / N (N - 1)
    "weights": (56 * 10 * MB + 4 * 0.02 * 1e9) / 3,
    "bandwidth": (3 * 400 * MB - 56 * 10 * MB) / (4 * 0.02),
    "latency": (3 * 400 * MB - 56 * 10 * MB) / (4 * 1e9),
}


def by_hand(f, values, key):
    """Walk the whole numbers: where the winner changes."""
    winners = [(value, lowest(f(**{key: value}))) for value in values]
    known = [(value, winner) for value, winner in winners if winner]
    return [known[0], *(now for before, now in pairwise(known) if now[1] != before[1])]


@pytest.fixture(scope="module")
def found():
    return splits(scenario())


def sweep(study, key):
    return next(one for one in study.sweeps if one.variable.path == PATHS[key])


def test_the_formula_solved_by_hand():
    for key, value in SOLVED.items():
        assert even(**{key: value}) == pytest.approx(0.0, abs=1e-12)
        totals = t_totals(**{key: value})
        assert totals["data"] == pytest.approx(totals["layers"])
    assert {key: value for key, value in SOLVED.items() if key != "weights"} == pytest.approx(
        {"item": 20 * MB, "bandwidth": 8e9, "latency": 0.16}
    )


@pytest.mark.parametrize("key", OWN)
@pytest.mark.parametrize("split", ["data", "layers"])
def test_every_run_and_every_t_total_is_that_of_its_closed_form(found, split, key):
    one = sweep(found, key)
    assert one.here == OWN[key]
    assert OWN[key] in one.values
    for value, figures, t_total_s in zip(one.values, one.figures[split], one.t_total_s[split], strict=True):
        assert figures.makespan_s == pytest.approx(makespans(**{key: value})[split], rel=1e-9), value
        assert t_total_s == figures.t_total_s == pytest.approx(t_totals(**{key: value})[split], rel=1e-9), value


@pytest.mark.parametrize("key", SOLVED)
def test_p_divides_n_so_quantities_cross_where_t_total_says(found, key):
    one = sweep(found, key)
    (_, before), (predicted, after) = one.predicted
    assert predicted == pytest.approx(SOLVED[key], rel=1e-7)
    assert one.found[1].start == pytest.approx(SOLVED[key], rel=1e-3)
    assert [stretch.winner for stretch in one.found] == [before, after]
    assert (before, after) == (("data", "layers") if key == "weights" else ("layers", "data"))
    assert one.agrees
    assert one.why == ""


@pytest.mark.parametrize(("key", "predicted", "seen"), [("count", 11, 9), ("devices", 3, 4)])
def test_whole_numbers_cross_elsewhere_for_tasks_are_whole(found, key, predicted, seen):
    one = sweep(found, key)
    assert one.values == tuple(range(1, 4 * OWN[key] + 1))
    assert list(one.predicted) == by_hand(t_totals, one.values, key)
    assert list(one.found) == by_hand(makespans, one.values, key)
    assert (one.predicted[1].start, one.found[1].start) == (predicted, seen)
    assert not one.agrees
    assert "quantisation" in one.why


def test_why_names_the_ledgers_term_at_the_first_value_where_both_disagree(found):
    # 9 items on 4 workers: by data 3, 2, 2, 2 items, so three wait for an item (10 ms + 100 ms) at the end; by layers
    # one works a third round of 20 ms + (400/9 + 90) ms + 100 ms, and three wait for it.
    drain = {"data": 3 / 4 * 0.11, "layers": 3 / 4 * (0.02 + 0.4 / 9 + 0.09 + 0.1)}
    at = sweep(found, "count").figures
    for split, seconds in drain.items():
        assert at[split][8].ledger.idle["drain"] == pytest.approx(seconds)
    totals = t_totals(count=9)
    why = sweep(found, "count").why
    assert why.startswith(
        f"at 9 T_total favours layers by {1e3 * (totals['data'] - totals['layers']):.3g} ms, but idle"
    )
    assert "idle (drain) is 82.5 ms for data and 191 ms for layers" in why
    assert "9 items on 4 devices make 3 rounds and not 2.25" in why


@pytest.mark.parametrize("key", SOLVED)
def test_ten_items_on_four_devices_cross_elsewhere(key):
    """Brute force: the closed forms on a fine grid, against the bisection by runs; k = 3 rounds, T_total has 2.5."""
    one = splits(scenario(count=10), over=[PATHS[key]]).sweeps[0]
    fine = [OWN[key] * 2 ** (step / 2000) for step in range(-10_000, 10_001)]
    before = lowest(makespans(count=10, **{key: fine[0]}))
    first = next(value for value in fine if lowest(makespans(count=10, **{key: value})) not in ("", before))
    assert one.found[1].start == pytest.approx(first, rel=2e-3)
    assert len(one.found) == len(one.predicted) == 2
    assert even(**{"count": 10, key: one.predicted[1].start}) == pytest.approx(0.0, abs=1e-7)
    assert not one.agrees
    assert "10 items on 4 devices make 3 rounds and not 2.5" in one.why


def test_what_each_split_costs_by_hand(found):
    data, layers = found.costs["data"], found.costs["layers"]
    assert (data.tasks, data.transfers, layers.tasks, layers.transfers) == (4, 4, 8, 8)
    assert data.moved_bytes == 4 * 400 * MB + 8 * 10 * MB  # the model P times, the items once
    assert layers.moved_bytes == pytest.approx(400 * MB + 8 * 80 * MB)  # the model once, the items N times
    assert data.peak_memory_bytes == (400 + 20) * MB
    assert layers.peak_memory_bytes == (50 + 80) * MB
    assert (data.transfer_s, data.idle_s) == pytest.approx((0.44, 0.0))
    assert (layers.transfer_s, layers.idle_s) == pytest.approx((2 * 0.15, 0.0))
    for cost in (data, layers):  # what is not waiting is computing: two units each
        assert cost.makespan_s - cost.waiting_s == pytest.approx(2 * COMPUTE)


def test_waiting_counts_idleness_and_not_what_is_hidden():
    costs = splits(scenario(count=10), {"plan.prefetch": 1}, over=["workload.item"]).costs
    for split, largest in (("data", 3), ("layers", 3)):
        assert costs[split].makespan_s - costs[split].waiting_s == pytest.approx(10 / 4 * COMPUTE)
        assert costs[split].idle_s == pytest.approx(costs[split].ledger.idle_s)
        assert costs[split].makespan_s >= largest * COMPUTE
    hidden = {split: cost.ledger.hidden_s for split, cost in costs.items()}
    assert hidden["data"] == 0.0
    assert hidden["layers"] > 0.0


def test_prefetching_moves_the_crossing_and_the_ledger_says_by_what():
    one = splits(scenario(), {"plan.prefetch": 1}, over=["workload.latency", "workload.weights"][1:]).sweeps[0]
    # By layers both inputs of a worker share its link from the start: 2 x 130 MB, then 2 x 100 ms of computing, and
    # as latency the 20 ms once. Even: 0.02 + (2 W/8 + 160 MB)/bw + 0.2 = 0.02 + (W + 20 MB)/bw + 0.2.
    assert one.found[1].start == pytest.approx(140 * MB / 0.75, rel=1e-3)
    assert one.predicted[1].start == pytest.approx(SOLVED["weights"], rel=1e-8)
    assert "hidden is 0 s for data" in one.why


def test_on_the_devices_the_weights_cost_room_alone():
    study = splits(scenario("devices"), over=["workload.weights", "workload.item"])
    data, layers = study.costs["data"], study.costs["layers"]
    assert (data.moved_bytes, layers.moved_bytes) == (80 * MB, 640 * MB)
    assert (data.peak_memory_bytes, layers.peak_memory_bytes) == (420 * MB, (2 * 50 + 80) * MB)
    for one in study.sweeps:
        assert one.predicted == one.found == (Stretch(one.values[0], "data"),)
        assert one.agrees
    assert "none" in study.report()
    assert "the model" not in study.sentence


def test_where_the_model_does_not_fit_the_other_split_wins():
    study = splits(scenario(), {"cluster.device.memory": "300 MB"}, over=["workload.weights"])
    assert study.costs["data"].why.startswith("task part0 needs 420 MB on its device, but the largest has 300 MB")
    assert study.sentence == "Only the split by layers can be played here."
    one = study.sweeps[0]
    # By data W + 20 MB fit as long as W is at most 280 MB; T_total, which knows no memory, changes at 213 MB already.
    assert one.found[1].start == pytest.approx(SOLVED["weights"], rel=1e-3)
    facts = study.to_dict()
    assert facts["costs"]["data"].keys() == {"refused"}
    tight = splits(scenario(), {"cluster.device.memory": "150 MB"}, over=["workload.weights"]).sweeps[0]
    assert tight.found[1].start == pytest.approx(130 * MB, rel=1e-3)
    assert "T_total ignores limits of memory" in tight.why
    assert "split by data cannot be played" in tight.why
    assert study.plot().axes


def test_where_neither_split_fits_the_study_says_so_and_names_no_winner(tmp_path):
    # Of 200 MB, data wants 400 MB + k items, and layers W/N + N item: 410 MB for 1, 220 for 2, 163 for 3 items, 193.5
    # for 17, 202.2 for 18. Items fit layers up to (200 - 50) / 8 = 18.75 MB, weights up to 8 (200 - 80) = 960 MB.
    room = {"cluster.device.memory": "200 MB"}
    study = parsim.splits(scenario(), room, over=[PATHS["count"], PATHS["item"], PATHS["weights"]])
    count, item, weights = study.sweeps
    assert count.found == (Stretch(1, "neither"), Stretch(3, "layers"), Stretch(18, "neither"))
    assert [stretch.winner for stretch in item.found] == ["layers", "neither"]
    assert item.found[1].start == pytest.approx(18.75 * MB, rel=2e-3)
    assert [stretch.winner for stretch in weights.found] == ["data", "layers", "neither"]
    assert weights.found[2].start == pytest.approx(960 * MB, rel=2e-3)
    assert not any(one.agrees for one in study.sweeps)
    neither = "at 18 neither split can be played: by data, task part0 needs 450 MB on its device, but the largest has"
    assert neither in count.why
    assert "by layers, task element0 needs 202 MB" in count.why
    assert "at 182 MB split by data cannot be played" in weights.why
    assert "at 970 MB neither split can be played: by data" in weights.why
    assert re.search(
        r"items N +1 \.\. 32 +8 +11 +3, 18 \(neither\) +neither, then layers, then neither", study.report()
    )
    figure = study.plot()
    blank = [box for box in figure.axes[0].patches if to_hex(box.get_facecolor()).upper() == style.WHITE]
    assert [(box.get_x(), box.get_x() + box.get_width()) for box in blank] == [(0.5, 2.5), (17.5, 32.5)]
    assert "neither" in [text.get_text() for text in figure.axes[0].texts]
    figure.canvas.draw()
    for panel in figure.axes[:3]:
        title, note = panel.texts[-2:]
        assert title.get_window_extent().x1 < note.get_window_extent().x0
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[2:6] == ["simulated", "T_total", "crossing by runs", "crossing by T_total"]
    study.save(tmp_path)
    kept = json.loads((tmp_path / "splits.json").read_text())["sweeps"][0]["found"]
    assert kept[-1] == {"start": 18, "winner": "neither"}


def test_data_is_counted():
    values = scenario(devices=2)
    del values["workload"]["count"]
    values["workload"] |= {"data": [1, 2, 3], "kernel": "double", "merge": "sum"}
    counted = scenario(count=3, devices=2)
    assert splits(values, over=["workload.count"]).sweeps == splits(counted, over=["workload.count"]).sweeps


def test_many_items_are_played_by_powers_of_two_and_searched_between():
    one = splits(scenario(count=64, item=0.1 * MB), over=["workload.count"]).sweeps[0]
    assert len(one.values) < 20
    assert one.values[-1] == 4 * 64
    assert 64 in one.values
    at = one.predicted[1].start
    change = {"item": 0.1 * MB}
    assert [lowest(t_totals(count=n, **change)) for n in (at - 1, at)] == ["layers", "data"]


def test_report_and_files_say_the_same(found, tmp_path):
    found.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["splits.json", "splits.png", "splits.svg"]
    facts = json.loads((tmp_path / "splits.json").read_text())
    assert facts == json.loads(json.dumps(found.to_dict()))
    assert facts["here"] == {PATHS[key]: value for key, value in OWN.items()}
    by_path = {one["variable"]: one for one in facts["sweeps"]}
    assert list(by_path) == list(VARIABLES)
    assert [stretch["winner"] for stretch in by_path["workload.item"]["found"]] == ["layers", "data"]
    assert by_path["workload.count"]["splits"]["data"][7]["makespan_s"] == pytest.approx(0.64)
    report = found.report()
    for words in (
        "640 ms   500 ms",
        "1.68 GB  1.04 GB",
        "20 MB    20 MB",
        "213 MB",
        "8 GB/s",
        "160 ms",
        "quantisation",
    ):
        assert words in report
    assert max(map(len, report.splitlines())) <= 100


def test_sentence_says_what_moves_how_often(found):
    assert found.sentence.startswith(
        "Layers ends 140 ms earlier: data moves the model 4 times and the items once, 1.68 GB; "
        "layers moves the model once and the items 8 times, 1.04 GB."
    )


def test_what_moves_one_time_moves_once():
    one = splits(scenario(count=1, weights_at="host"), over=["workload.item"])
    assert "data moves the model once and the items once, " in one.sentence
    assert "layers moves the model once and the items once, " in one.sentence


def test_picture_has_a_panel_for_each_variable_with_both_crossings(found):
    axes = found.plot().axes
    panels, bars = axes[:6], axes[6:]
    assert [panel.get_xlabel() for panel in panels] == [
        "items N", "devices P", "item size (MB)", "weights (MB)", "bandwidth (GB/s)", "latency (ms)",
    ]  # fmt: skip
    assert len(bars) == 4
    for panel, one in zip(panels, found.sweeps, strict=True):
        words = {text.get_text() for text in panel.texts}
        assert {"T_total", "run", "data", "layers"} <= words
        assert any(("as predicted" in word) == one.agrees and "predicted" in word for word in words)
    simulated = panels[2].lines[0].get_ydata()
    expected = [makespans(item=value)["data"] for value in sweep(found, "item").values]
    assert list(simulated) == pytest.approx(expected)


def test_a_notebook_shows_picture_and_report(found):
    shown = found._repr_html_()
    assert "data:image/png;base64," in shown
    assert "Where the faster split changes" in shown


def test_only_what_is_asked_is_varied():
    study = splits(scenario(), over=["workload.item", "cluster.devices"])
    assert [one.variable.path for one in study.sweeps] == ["cluster.devices", "workload.item"]
    assert study.plot().axes


# -- wrong input


def faults(source, **rest):
    with pytest.raises(parsim.ScenarioError) as wrong:
        splits(source, **rest)
    told: dict[str, str] = {}
    for fault in wrong.value.faults:
        told[fault.path] = f"{told.get(fault.path, '')} {fault.message}"
    return told


def test_only_items_have_two_splits():
    tasks = {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": [{"name": "a", "compute": "1 s"}]}}
    told = faults(tasks)
    assert list(told) == ["workload.kind"]
    assert "only items can be split" in told["workload.kind"]
    assert faults(tasks | {"policy": "fifi"}).keys() == {"workload.kind", "policy"}


def test_a_cluster_must_have_what_is_varied():
    values = scenario()
    values["cluster"]["topology"] = {
        "kind": "custom",
        "links": [{"name": "wire", "bandwidth": "1 GB/s"}],
        "routes": [{"from": "host", "to": f"w{i}", "over": ["wire"]} for i in range(4)],
    }
    told = faults(values)
    assert list(told) == ["cluster.topology"]
    assert "custom has no bandwidth of its own" in told["cluster.topology"]
    assert splits(values, over=["workload.item"]).sweeps[0].found
    del values["cluster"]["topology"]
    values["workload"] |= {"weights_at": "devices", "item": "0 B"}
    told = faults(values)
    assert list(told) == ["cluster"]
    assert "has no topology" in told["cluster"]
    named = scenario() | {"cluster": scenario()["cluster"] | {"devices": ["a", "b"]}}
    assert "a list" in faults(named)["cluster.devices"]
    assert splits(named, over=["workload.item"]).here.keys() == {*VARIABLES} - {"cluster.devices"}


def test_nothing_cannot_be_doubled():
    values = scenario(count=2, devices=2)
    del values["cluster"]["topology"]["latency"]
    study = splits(values)
    assert [one.variable.path for one in study.sweeps] == [path for path in VARIABLES if not path.endswith("latency")]
    assert "Not varied: latency" in study.report()
    told = faults(values, over=["workload.item", "cluster.topology.latency"])
    assert list(told) == ["cluster.topology.latency"]
    assert "is zero, so its multiples are zero" in told["cluster.topology.latency"]


def test_what_belongs_to_one_split_alone_is_left_out():
    told = faults(scenario(), set={"plan.subsets": 8})
    assert list(told) == ["plan.subsets"]


def test_places_and_all_faults_at_once(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "cluster: {devices: 4}\nworkload: {kind: items, count: 8, wheights: 3 MB}\nplan: {split: data, depth: 2}\n"
        "cost: {kind: constant, compute: 1 s}\n"
    )
    with pytest.raises(parsim.ScenarioError) as wrong:
        splits(file, over=["workload.item"])
    told = {(fault.path, fault.line, fault.column) for fault in wrong.value.faults}
    assert {("plan.depth", 3, 21), ("workload.wheights", 2, 35)} <= told


@pytest.mark.parametrize("over", [["workload.itm"], []])
def test_what_cannot_be_varied_is_told(over):
    told = faults(scenario(), over=over)
    assert "workload.item" in told["over"]


# -- the search for crossings


def test_lines_that_meet_and_part_again_do_not_cross():
    assert stretches([1.0, 2.0, 3.0], lambda x: lowest({"a": abs(x - 2.0), "b": 0.0}), whole) == [Stretch(1.0, "b")]


def test_every_change_is_found():
    saw = {"saw": lambda x: x % 4, "flat": lambda x: 1.5}
    who = lambda x: lowest({name: line(x) for name, line in saw.items()})  # noqa: E731
    assert stretches(range(1, 11), who, whole) == [
        Stretch(1, "saw"),
        Stretch(2, "flat"),
        Stretch(4, "saw"),
        Stretch(6, "flat"),
        Stretch(8, "saw"),
        Stretch(10, "flat"),
    ]


@pytest.mark.parametrize("place", [1.0001, 3.3, 7.99])
def test_bisection_comes_within_its_tolerance(place):
    assert within(1e-3)(1.0, 8.0, lambda x: x >= place) == pytest.approx(place, rel=1e-3)
    assert whole(1, 8, lambda x: x >= place) == math.ceil(place)


def test_quantisation_is_named_only_where_tasks_do_not_divide():
    assert quantised({"workload.count": 9, "cluster.devices": 3}) == ""
    assert "4 rounds and not 3.33" in quantised({"workload.count": 10, "cluster.devices": 3})
    assert quantised({"workload.count": 10}) == ""
