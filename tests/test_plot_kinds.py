"""The other pictures: what they show against counts by hand, and that no word covers another."""

import dataclasses
import io
import math
import random
import re
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import image
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

import parsim
from parsim.core.errors import RunError
from parsim.core.op import TASKS
from parsim.core.timeline import CAUSES, STEPS
from parsim.export import text
from parsim.export.csv import from_rows
from parsim.metrics.ledger import Ledger
from parsim.plot import dag, kinds, layout, memory, memory_by_kind, paper, scaling, stacked, style, waterfall
from parsim.study.scaling import Point
from parsim.training.layout import KINDS
from parsim.validate import validate

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "scenarios"
LONG = "a name as long as nobody gives one, with $dollars$ & <tags> "


def seen(figure):
    """Return the words that are drawn, each with its box in dots; those of ticks outside their axis are not."""
    figure.draw_without_rendering()
    ticks = {
        id(label)
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim())))
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for label in (tick.label1, tick.label2)
        if not axes.axison or not low <= tick.get_loc() <= high
    }
    texts = figure.findobj(lambda artist: isinstance(artist, Text))
    return [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text().strip() and id(text) not in ticks
    ]


def assert_clear(figure):
    """See that no two words meet, by more than a dot, and that none is cut off."""
    found = seen(figure)
    assert found
    corners = np.array([box.get_points() for _, box in found])
    shared = np.minimum(corners[:, None, 1], corners[:, 1]) - np.maximum(corners[:, None, 0], corners[:, 0])
    for one, other in np.argwhere(np.triu((shared > 1).all(axis=2), 1)).tolist():
        raise AssertionError(f"{found[one][0]!r} and {found[other][0]!r} cover each other")
    for word, box in found:
        assert min(box.x0, box.y0) >= 0, f"{word!r} is cut off"
        assert box.x1 <= figure.bbox.x1, f"{word!r} is cut off"
        assert box.y1 <= figure.bbox.y1, f"{word!r} is cut off"


def run_of(tasks=10, workers=3, seconds=1.0, after=lambda i: {}, name="t"):
    """Play tasks by list."""
    made = [{"name": f"{name}{i}", "compute": f"{seconds * (i % 7 + 1)!r} s", "after": after(i)} for i in range(tasks)]
    return parsim.simulate({"cluster": {"devices": workers}, "workload": {"kind": "tasks", "tasks": made}})


RUNS = {
    "two lanes": lambda: parsim.simulate(SCENARIOS / "01_five_tasks_data.yaml"),
    "heft": lambda: parsim.simulate(SCENARIOS / "05_heft_ten_tasks.yaml"),
    "pipeline": lambda: parsim.simulate(SCENARIOS / "06_pipeline_1f1b.yaml"),
    "transfers": lambda: parsim.simulate(SCENARIOS / "07_four_transfers_one_link.yaml"),
    "64 lanes": lambda: run_of(200, 64, after=lambda i: {f"t{i // 3}": "100 ms"} if i else {}),
    "128 and more": lambda: run_of(300, 200),
    "one task": lambda: run_of(1, 1),
    "long names": lambda: run_of(12, 4, after=lambda i: {f"{LONG}{i // 2}": "1 s"} if i else {}, name=LONG),
    "nanoseconds": lambda: run_of(5, 2, 1e-9),
    "years": lambda: run_of(5, 2, 1e8),
    "no time": lambda: run_of(5, 2, 0.0),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request):
    return RUNS[request.param]()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_words_never_cover_each_other(run, kind):
    assert_clear(run.plot(kind).figure)


def test_the_pictures_of_a_run():
    run = RUNS["heft"]()
    for kind in ("gantt", "ledger", "memory", "graph", "load", "network", "hotspots", "path"):
        first = run.pictures(kind)
        assert list(first) == [f"{kind}.png", f"{kind}.svg"]
        assert first[f"{kind}.png"].startswith(b"\x89PNG\r\n")
        with matplotlib.rc_context({"font.size": 30.0, "lines.linewidth": 9.0, "axes.facecolor": "red"}):
            assert run.pictures(kind) == first  # nobody's settings, and no draw, change a byte
    assert run.plot().get_xlabel() == "time (s)"


def test_titles_say_what_is_shown():
    run = RUNS["pipeline"]()
    titles = {kind: run.plot(kind).figure.texts[0].get_text() for kind in kinds.KINDS}
    assert titles == {
        "gantt": "06_pipeline_1f1b, simulated",
        "ledger": "06_pipeline_1f1b, simulated: from T_total to the makespan",
        "memory": "06_pipeline_1f1b: memory of devices over the run",
        "graph": "06_pipeline_1f1b: task graph with its critical path",
        "load": "06_pipeline_1f1b: load of links over the run",
        "network": "06_pipeline_1f1b: network, links by tier",
        "hotspots": "06_pipeline_1f1b: network, links by load",
        "path": "06_pipeline_1f1b, simulated: critical path",
    }


@pytest.mark.parametrize("name", ["27_ring_all_reduce", "28_hierarchical_all_reduce"])
@pytest.mark.parametrize("kind", ["network", "hotspots"])
def test_the_margin_beside_a_network_is_as_wide_as_its_words(name, kind):
    figure = parsim.simulate(SCENARIOS / f"{name}.yaml").plot(kind).figure
    assert_clear(figure)
    assert figure.bbox.x1 - max(box.x1 for _, box in seen(figure)) < figure.dpi
    assert not figure.texts[0].get_text().endswith("\N{HORIZONTAL ELLIPSIS}")


def test_a_picture_is_drawn_on_the_axes_given():
    for kind in kinds.KINDS:
        axes = Figure(figsize=(8, 5)).add_subplot()
        assert RUNS["heft"]().plot(kind, axes) is axes
        assert axes.has_data() or axes.collections or axes.patches or axes.texts


def test_an_unknown_kind_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"unknown name 'gant'\. Did you mean 'gantt'\?"):
        RUNS["one task"]().plot("gant")
    with pytest.raises(ValueError, match="known are: gantt, graph, hotspots, ledger, load, memory, network, path"):
        RUNS["one task"]().pictures("x")


def a_ledger(t_total, deviation, idle, contention, hidden):
    causes = dict.fromkeys(CAUSES, 0.0) | idle
    makespan = t_total + deviation + sum(idle.values()) + contention - hidden
    return Ledger(makespan, t_total, t_total + deviation, sum(idle.values()), contention, hidden, causes)


def fallen(ledger):
    axes = waterfall.waterfall(ledger, Figure(figsize=(8, 4)).add_subplot())
    bars = [(round(bar.get_x(), 9), round(bar.get_width(), 9)) for bar in axes.patches]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    return (
        axes,
        dict(zip(rows, bars, strict=True)),
        dict(zip(rows, [text.get_text() for text in axes.texts], strict=True)),
    )


def test_a_waterfall_falls_from_t_total_to_the_makespan():
    # By hand: 10 - 2 = 8, + 1 + 3 = 12, + 0.5 = 12.5, - 1.5 = 11.
    axes, bars, values = fallen(a_ledger(10.0, -2.0, {"memory": 1.0, "drain": 3.0}, 0.5, 1.5))
    assert bars == {
        "T_total": (0.0, 10.0),
        "deviation": (10.0, -2.0),
        "idle: memory": (8.0, 1.0),
        "idle: drain": (9.0, 3.0),
        "contention": (12.0, 0.5),
        "hidden": (12.5, -1.5),
        "makespan": (0.0, 11.0),
    }
    assert list(values.values()) == [
        "10 s",
        "\N{MINUS SIGN}2 s",
        "+1 s",
        "+3 s",
        "+0.5 s",
        "\N{MINUS SIGN}1.5 s",
        "11 s",
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "term of the ledger")
    assert axes.yaxis_inverted()


def test_a_waterfall_calls_rounding_nothing_and_small_things_by_their_unit():
    _, bars, values = fallen(a_ledger(2.0, 1e-16, {}, 2e-6, 0.0))
    assert (values["deviation"], values["idle"], values["contention"]) == ("0 s", "0 s", "+2 us")
    assert bars["deviation"] == (2.0, 0.0)


def test_a_waterfall_of_the_whole_idleness_is_clear():
    with paper.ours():
        ledger = a_ledger(0.00275, 0.0001, dict.fromkeys(CAUSES, 0.0001), 0.0001, 0.0002)
        assert_clear(waterfall.waterfall(ledger, waterfall.sheet(ledger, LONG * 3)).figure)


def test_the_terms_of_a_pipeline_fall_below_the_ledger():
    """Four ranks, 1F1B, eight microbatches of 1 ms forward and 2 ms backward: 24 ms of work, 9 ms of fill and drain."""
    run = parsim.simulate(
        {
            "cluster": {"devices": 4},
            "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"},
            "plan": {"schedule": "1f1b", "microbatches": 8},
        }
    )
    with paper.ours():
        axes = waterfall.waterfall(run.ledger, waterfall.sheet(run.ledger, "pipeline", run.pipeline), run.pipeline)
        assert_clear(axes.figure)
    names = [label.get_text() for label in axes.get_yticklabels()]
    start = names.index("ideal compute")
    assert names[start - 1] == names[-1] == "makespan"
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches][start:]
    assert bars[0] == pytest.approx((0.0, 24e-3))
    assert bars[-1] == pytest.approx((0.0, 33e-3))
    level = 24e-3
    for name, (x, width) in list(zip(names[start:], bars, strict=True))[1:-1]:
        assert x == pytest.approx(level)
        assert width == pytest.approx(run.pipeline[f"{name.replace(' ', '_')}_s"])
        level += width
    assert level == pytest.approx(33e-3)


def steps_of(moments, used):
    return np.array(moments, float), np.array(used, float)


def test_memory_is_drawn_as_steps_under_its_limit():
    # By hand: lanes at 0 and 1 with feet at 0.42 and 1.42, 0.84 high for the 20 B of the larger limit.
    usage = [steps_of([0.0, 1.0, 3.0], [5.0, 20.0, 10.0]), steps_of([2.0, 9.0], [10.0, 0.0])]
    axes = memory.memory(usage, ["a", "b"], [20.0, math.inf], 4.0, Figure(figsize=(8, 4)).add_subplot())
    first, second = [path.vertices[:-1].round(9).tolist() for path in axes.collections[0].get_paths()]
    levels = [0.42, 0.21, 0.21, -0.42, -0.42, 0.0, 0.0, 0.42]
    assert first == [list(corner) for corner in zip([0, 0, 1, 1, 3, 3, 4, 4], levels, strict=True)]
    assert second == [[2, 1.42], [2, 1.0], [4, 1.0], [4, 1.42], [4, 1.42], [4, 1.42]]  # what changes after the end
    limits = axes.collections[-1].get_segments()
    assert [segment[:, 1].round(9).tolist() for segment in limits] == [[-0.42, -0.42]]
    assert [text.get_text() for text in axes.texts] == [
        *("20 B / 20 B\nat 1 s", "0", "20 B"),
        *("10 B\nat 2 s", "0", "20 B", "peak / capacity"),
    ]
    peaks = axes.lines[0]
    assert np.stack(peaks.get_data(), axis=1).round(9).tolist() == [[1, -0.42], [2, 1.0]]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["bytes used", "capacity"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "device")


def test_memory_by_kind_stacks_areas_under_its_limit():
    # By hand: a lane with its foot at 0.42, 0.84 high for 20 B; 5 B of weights, 10 B of activations from 1 s to 2 s.
    held = np.zeros((6, 3))
    held[0], held[3] = 5.0, [0.0, 10.0, 0.0]
    device = memory_by_kind.Kinds("a", np.array([0.0, 1.0, 2.0]), held, 20.0)
    axes = memory_by_kind.stacks([device], Figure(figsize=(8, 4)).add_subplot(), 4.0, 4.0)
    weights, activations = (areas.get_paths()[0].vertices[:-1].round(9).tolist() for areas in axes.collections[:2])
    x, foot, top = [0, 1, 1, 2, 2, 4], 0.42, 0.21
    assert weights == [*([one, foot] for one in x), *([one, top] for one in reversed(x))]
    raised = [top, top, -0.21, -0.21, top, top]
    assert activations[6:12] == [list(corner) for corner in zip(reversed(x), reversed(raised), strict=True)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["weights", "activations", "capacity"]
    told = ["15 B / 20 B\nat 1 s: activations 10 B", "0", "20 B", "peak / capacity"]
    assert [text.get_text() for text in axes.texts] == told
    assert axes.get_xlabel() == "time (s)"


def test_devices_that_hold_the_same_share_a_lane():
    held = np.zeros((6, 1))
    held[0] = 5.0
    one = memory_by_kind.Kinds("w0", np.array([0.0]), held, 20.0)
    other = one._replace(bytes=2 * held)
    for devices, named in (
        ([one] * 2, ["w0 +1"]),
        ([one] * 64, ["w0 +63"]),
        ([one, other] * 5, ["w0 +4", "w0 +4"]),
        ([one._replace(limit=float(i)) for i in range(9)], ["w0"] * 9),
    ):
        axes = memory_by_kind.stacks(devices, Figure(figsize=(8, 9)).add_subplot(), 4.0, 4.0)
        assert [label.get_text() for label in axes.get_yticklabels()] == named
        assert axes.get_xlabel() == "time (s)"


@pytest.mark.parametrize(("stated", "charts"), [({"activation": "1 MB"}, 2), ({}, 1)])
def test_the_timeline_of_a_run_has_memory_by_kind_below_it_where_there_is_any(stated, charts, monkeypatch):
    stages = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"} | stated
    run = parsim.simulate(
        {"cluster": {"devices": 2}, "workload": stages, "plan": {"schedule": "1f1b", "microbatches": 4}}
    )
    sheets = []
    monkeypatch.setattr(kinds, "files", lambda name, sheet: sheets.append((name, sheet)) or {})
    kinds.timeline(run)
    ((name, sheet),) = sheets
    assert (name, len(sheet.axes)) == ("timeline", charts)


def test_memory_by_kind_of_nothing_says_what_to_state():
    stages = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s"}
    run = parsim.simulate(
        {"cluster": {"devices": 2}, "workload": stages, "plan": {"schedule": "1f1b", "microbatches": 4}}
    )
    axes = run.plot("memory")
    assert [text.get_text() for text in axes.texts] == [memory.NOTHING]
    assert not axes.get_yticklabels()
    assert_clear(axes.figure)


def test_memory_of_a_pipeline_is_drawn_under_its_gantt_chart_on_one_axis_of_time():
    stages = {"kind": "stages", "forward": "1 s", "input_grad": "1 s", "weight_grad": "1 s", "activation": "1 MB"}
    run = parsim.simulate(
        {
            "cluster": {"devices": 2, "device": {"memory": "3 MB"}},
            "workload": stages,
            "plan": {"schedule": "1f1b", "microbatches": 4},
        }
    )
    lower = run.plot("memory")
    upper, same = lower.figure.axes
    assert same is lower
    assert upper.get_xlim() == lower.get_xlim()
    assert (upper.get_position().x0, upper.get_position().x1) == (lower.get_position().x0, lower.get_position().x1)
    assert_clear(lower.figure)


def test_a_lane_of_many_steps_keeps_its_peak():
    moments = np.linspace(0.0, 1.0, 100_000)
    held = np.zeros((6, len(moments)))
    held[3, 77_777] = 1e9
    few, bytes_ = memory_by_kind.thinned(moments, held, 1.0)
    assert len(few) <= memory_by_kind.FINE + 1
    assert bytes_.max() == 1e9


def test_a_far_limit_is_told_and_not_drawn():
    axes = memory.memory([steps_of([0.0], [1e6])], ["a"], [80e9], 1.0, Figure(figsize=(8, 4)).add_subplot())
    assert [text.get_text() for text in axes.texts] == ["1 MB / 80 GB\nat 0 s", "0", "1 MB", "peak / capacity"]
    assert not axes.collections[-1].get_segments()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["bytes used"]


def test_memory_of_many_devices_and_of_none():
    used = [steps_of([], [])] * 129 + [steps_of([0.0], [5.0])]
    tall = Figure(figsize=(8, 30)).add_subplot()
    axes = memory.memory(used, [f"w{i}" for i in range(130)], [math.inf] * 130, 0.0, tall)
    assert axes.get_xlabel() == "time (s); 2 more devices are not shown, none of them fuller"
    assert "5 B" in [text.get_text() for text in axes.texts]  # of the last device, which is the fullest
    assert memory.memory([], [], [], 0.0, a_sheet()).get_legend().get_texts()[0].get_text() == "bytes used: none"


def test_memory_of_a_workload_that_takes_none_says_so():
    with paper.ours():
        axes = memory.memory([steps_of([], [])] * 2, ["a", "b"], [1e6, math.inf], 1.0, memory.sheet(2, "none"))
    assert memory.NOTHING in [text.get_text() for text in axes.texts]
    assert_clear(axes.figure)
    some = memory.memory([steps_of([0.0], [5.0])], ["a"], [math.inf], 1.0, a_sheet())
    assert memory.NOTHING not in [text.get_text() for text in some.texts]


def a_sheet():
    return Figure(figsize=(8, 5)).add_subplot()


def crossings(laid):
    """Count the pairs of straight edges between the same two layers that cross."""
    parts = [(way[i], way[i + 1]) for way in laid.ways for i in range(len(way) - 1)]
    lines = [(laid.x[one], laid.y[one], laid.x[other], laid.y[other]) for one, other in parts]
    return sum((a[1] - b[1]) * (a[3] - b[3]) < -1e-9 for a, b in combinations(lines, 2) if (a[0], a[2]) == (b[0], b[2]))


def test_a_tree_is_laid_out_without_a_crossing_whatever_its_numbers():
    tasks = list(range(63))
    random.Random(7).shuffle(tasks)
    edges = [(tasks[(i - 1) // 2], tasks[i]) for i in range(1, 63)]
    laid = layout.routed([one for one, _ in edges], [other for _, other in edges], 63)
    assert laid.width == 6  # levels of a full binary tree of 63
    assert crossings(laid) == 0
    assert len(set(zip(laid.x.tolist(), laid.y.round(6).tolist(), strict=True))) == 63


def test_edges_run_from_left_to_right_and_bends_keep_clear_of_tasks():
    rng = random.Random(3)
    edges = sorted({(i, j) for j in range(1, 40) for i in rng.choices(range(j), k=2)})
    laid = layout.routed([one for one, _ in edges], [other for _, other in edges], 40)
    for way in laid.ways:
        assert np.diff(laid.x[way]).tolist() == [1.0] * (len(way) - 1)
    for layer in set(laid.x.tolist()):
        heights = sorted(laid.y[laid.x == layer].tolist())
        assert all(below - above >= 1 - 1e-9 for above, below in pairwise(heights))


def test_a_tall_layer_stands_in_columns():
    laid = layout.straight([], [], 100)  # 48 above each other: 3 columns
    assert sorted(set(laid.x.round(6).tolist())) == [0.0, 0.35, 0.7]
    assert laid.height == pytest.approx(1 + 99 / 3)


def named(axes):
    """Return the texts and where they stand."""
    return {text.get_text(): (round(text.get_position()[0], 6), text.get_position()[1]) for text in axes.texts}


def test_the_graph_of_heft_with_its_critical_path():
    # Topcuoglu's graph: t1; t2 to t6; t7, t8, t9; t10. HEFT's 80 s end with t8 and t10: t8's result comes last.
    run = RUNS["heft"]()
    with paper.ours():
        axes = run.plot("graph")
    places = {word.partition("\n")[0]: place for word, place in named(axes).items()}
    assert {name: place[0] for name, place in places.items()} == {
        "t1": 0,
        **dict.fromkeys(["t2", "t3", "t4", "t5", "t6"], 1),
        **dict.fromkeys(["t7", "t8", "t9"], 2),
        "t10": 3,
    }
    assert {word.partition("\n")[2] for word in named(axes)} == {"p1", "p2", "p3"}
    edges = [collection for collection in axes.collections if hasattr(collection, "get_paths")]
    assert sum(len(shapes.get_paths()) for shapes in edges if shapes.get_zorder() in (1.0, 1.2)) == 15
    marked = {
        word.partition("\n")[0]
        for word, box in zip(named(axes), axes.patches, strict=True)
        if to_hex(box.get_edgecolor()).upper() == style.PATH
    }
    assert {"t8", "t10"} <= marked
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words[:4] == ["p1", "p2", "p3", "critical path"]


def test_the_graph_shows_the_workers_of_communication_lanes_and_leads_the_path_through_them():
    tasks = [
        {"name": "b", "compute": {"w0": "1 s"}},
        {"name": "s", "compute": {"w0": "1 s"}, "lane": "dp", "after": ["b"]},
        {"name": "r", "compute": {"w1": "1 s"}, "lane": "dp", "after": {"s": "1 s"}},
        {"name": "u", "compute": {"w1": "1 s"}, "after": ["r"]},
    ]
    run = parsim.simulate({"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": tasks}})
    axes = run.plot("graph", a_sheet())
    assert {tuple(word.split()) for word in named(axes)} == {("b", "w0"), ("s", "w0"), ("r", "w1"), ("u", "w1")}
    assert [to_hex(box.get_edgecolor()).upper() for box in axes.patches] == [style.PATH] * 4
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["w0", "w1", "critical path"]


def test_a_thick_edge_is_one_of_the_path_and_a_dashed_one_a_wait_for_a_worker():
    run = run_of(4, 1, after=lambda i: {"t0": "1 s"} if i == 2 else {})
    axes = dag.dag(run.job.graph, [0, 2, 1], a_sheet(), ["w0"] * 4, {})
    thick = [shapes for shapes in axes.collections if shapes.get_zorder() == 1.2]
    assert [len(shapes.get_paths()) for shapes in thick] == [1]
    (waits,) = [shapes for shapes in axes.collections if shapes.get_zorder() == 1.1]
    assert [len(shapes.get_paths()) for shapes in (waits,)] == [1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["w0", "critical path", "path: worker busy"]


def test_hundreds_of_tasks_are_marks_and_more_are_refused():
    run = run_of(300, 4, after=lambda i: {f"t{i // 2}": "0 s"} if i else {})
    axes = run.plot("graph")
    columns, waits = axes.texts[0].get_text().split("\n")
    assert columns == "one layer may take up to 3 columns"
    assert re.fullmatch(r"\d+ waits of the path for a worker are not drawn", waits)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["w0", "w1", "w2", "w3", "critical path"]  # waits that are not joined have no line
    others, path = ([one for one in axes.collections if one.get_zorder() == above] for above in (3, 4))
    assert sum(len(marks.get_offsets()) for marks in (*others, *path)) == 300
    # A task of the path has the shape of its worker's other tasks, with a dark border.
    shapes = [marks.get_paths()[0].vertices.tolist() for marks in others]
    assert [marks.get_paths()[0].vertices.tolist() for marks in path] == shapes
    assert {to_hex(marks.get_edgecolor()[0]).upper() for marks in path} == {style.PATH}
    with pytest.raises(RunError, match="a graph of 301 tasks has no room in a picture; the most are 300; draw path"):
        run_of(301, 4).plot("graph")


@pytest.mark.parametrize(("width", "height"), [(6, 4), (2, 1.5), (30, 40)])
def test_a_graph_of_few_tasks_with_bends_is_drawn_with_little_room_and_with_much(width, height):
    # Gaussian elimination of 13 x 13: 90 tasks, edges over several layers; boxes where they fit, dots where not.
    run = parsim.simulate({"cluster": {"devices": 4}, "workload": {"kind": "gaussian", "matrix": 13, "compute": "1 s"}})
    axes = run.plot("graph", Figure(figsize=(width, height)).add_subplot())
    dots = [collection for collection in axes.collections if collection.get_zorder() in (3, 4)]
    assert len(axes.patches) + sum(len(marks.get_offsets()) for marks in dots) == 90
    assert bool(axes.patches) == (width == 30)
    names = [text.get_text() for text in axes.texts if text.get_text()]
    assert len(names) == (90 if width == 30 else 0)


@pytest.mark.parametrize(
    ("workload", "tasks"),
    [
        ({"kind": "gaussian", "matrix": 10, "compute": "1 s"}, 54),
        ({"kind": "chains", "count": 1, "length": 54, "compute": "1 s"}, 54),
        ({"kind": "chains", "count": 54, "length": 1, "compute": "1 s"}, 54),
        ({"kind": "chains", "count": 4, "length": 25, "compute": "1 s"}, 100),
    ],
)
def test_a_graph_of_up_to_a_hundred_tasks_has_a_legible_name_in_every_box(workload, tasks):
    run = parsim.simulate({"cluster": {"devices": 4}, "workload": workload})
    with paper.ours():
        axes = run.plot("graph")
    names = {text.get_text().partition("\n")[0] for text in axes.texts}
    assert names >= {str(name) for name in run.job.graph.names}
    assert len(axes.patches) == tasks
    assert min(text.get_fontsize() for text in axes.texts) >= 6
    boxes = [(*box.get_xy(), box.get_width(), box.get_height()) for box in axes.patches]
    for (x, y, wide, tall), (other_x, other_y, *_) in combinations(boxes, 2):
        assert abs(x - other_x) >= wide or abs(y - other_y) >= tall  # no box covers another


def test_a_graph_is_laid_out_once_a_picture(monkeypatch):
    asked = []
    monkeypatch.setattr(dag, "routed", lambda *told: asked.append(1) or layout.routed(*told))
    monkeypatch.setattr(dag, "straight", lambda *told: asked.append(1) or layout.straight(*told))
    RUNS["heft"]().plot("graph")
    run_of(200, 3).plot("graph")
    parsim.simulate(SCENARIOS / "12_standard_task_graph.yaml").plot("graph")
    assert len(asked) == 3


def test_who_waited_for_whose_worker_is_led_around_other_tasks():
    # Layers 0 to 3 of a chain, and two tasks beside it: from the last of the chain to the first, and within a layer.
    laid = layout.routed([0, 1, 2], [1, 2, 3], 6, [(3, 4), (4, 5)])
    back, within = laid.ways[3:]
    assert (laid.x[back].tolist(), within) == ([3.0, 2.0, 1.0, 0.0], [4, 5])
    assert laid.x[:6].tolist() == [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]
    for bend in back[1:-1]:
        assert all(abs(laid.y[bend] - laid.y[task]) >= 1 for task in range(6) if laid.x[task] == laid.x[bend])


def test_a_graph_of_more_workers_than_colours_shows_kinds_as_the_gantt_chart_does():
    wanted = {"cluster.devices": 9, "plan.pipeline": 9}
    run = parsim.simulate(SCENARIOS / "06_pipeline_1f1b.yaml", set=wanted)
    axes, chart = run.plot("graph"), run.plot("gantt")
    assert [text.get_text() for text in axes.get_legend().get_texts()][:2] == ["forward", "backward"]
    marks = dict(zip(("forward", "backward"), axes.get_legend().legend_handles[:2], strict=True))
    words = [text.get_text() for text in chart.get_legend().get_texts()]
    bars = dict(zip(words, chart.get_legend().legend_handles, strict=True))
    for kind, mark in marks.items():
        assert to_hex(mark.get_color()) == to_hex(bars[kind].get_facecolor())


def points(*rows):
    return [Point(*row, "") for row in rows]


def test_scaling_shows_the_run_beside_theory_and_the_ideal():
    # By hand: one worker takes 12 s; two 6 s of T_total and 8 s of run; four 4 s and 6 s.
    made = points((1, 12.0, 12.0, 1.0, 1.0), (2, 8.0, 6.0, 1.5, 0.75), (4, 6.0, 4.0, 2.0, 0.5))
    figure = Figure(figsize=(6, 6))
    axes = scaling.scaling(made, figure.add_subplot())
    upper, lower = figure.axes
    assert axes is upper
    assert {line.get_label(): list(line.get_ydata()) for line in upper.lines} == {
        "ideal: P": [1, 2, 4],
        scaling.THEORY: [1.0, 2.0, 3.0],
        "run": [1.0, 1.5, 2.0],
    }
    assert [list(line.get_ydata()) for line in lower.lines] == [[1.0] * 3, [1.0, 1.0, 0.75], [1.0, 0.75, 0.5]]
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == (
        "speed-up (times one worker)",
        "efficiency (speed-up / P)",
        "workers P",
    )
    assert lower.get_position().y1 < upper.get_position().y0


@pytest.mark.parametrize("workers", [[1], [1, 2, 3, 4], [1, 2, 4, 8, 16, 32, 64], list(range(1, 41)), [3, 5, 64]])
def test_scaling_is_clear_for_few_workers_and_many(workers):
    """The scenario's own number is near the first, near the last, or between them."""
    with paper.ours():
        made = points(
            *((p, 10 / p + 0.2 * p, 10 / p, 10 / (10 / p + 0.2 * p), 1 / (1 + 0.02 * p * p)) for p in workers)
        )
        for own in sorted({*workers[:3], workers[len(workers) // 2], *workers[-4:]}):
            assert_clear(scaling.scaling(made, scaling.sheet("scaling"), own).figure)


DOUBLES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]


@pytest.mark.parametrize(
    ("p", "own", "labels"),
    [
        (DOUBLES, 64, {1: "", 2: "", 4: "", 8: "", 16: "", 32: "", 64: "", 128: ""}),
        (DOUBLES, 96, {1: "", 2: "", 4: "", 8: "", 16: "", 32: "", 96: "right", 128: "left"}),
        ([1, 2, 3, 4, 6], 5, {1: "", 2: "", 3: "", 4: "", 6: ""}),
        ([7], 7, {7: ""}),
        ([], 7, {}),
    ],
)
def test_the_first_the_own_and_the_last_number_of_workers_are_labelled(p, own, labels):
    assert scaling.ticks(p, own) == {count: side or "center" for count, side in labels.items()}


def test_the_scenario_s_own_number_of_workers_is_marked():
    made = points((1, 12.0, 12.0, 1.0, 1.0), (2, 8.0, 6.0, 1.5, 0.75), (4, 6.0, 4.0, 2.0, 0.5))
    figure = Figure(figsize=(6, 6))
    scaling.scaling(made, figure.add_subplot(), 2)
    for axes, value in zip(figure.axes, (1.5, 0.75), strict=True):
        (ring,) = [line for line in axes.lines if line.get_label() == "P of the scenario: 2"]
        assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([2], [value])


def lined(workers, tasks, seconds=1.0):
    rows = [
        (
            i,
            f"t{i}",
            "compute",
            f"w{i % workers}",
            "compute",
            0.0,
            seconds * (i // workers),
            seconds * (i // workers + 1),
            seconds,
            "",
        )
        for i in range(tasks)
    ]
    return from_rows(rows, [f"w{i}" for i in range(workers)])


def charts(*columns):
    return [stacked.Chart(*chart) for chart in zip(*columns, strict=True)]


def test_stacked_charts_share_one_axis_of_time_and_one_legend():
    # By hand: 6 tasks of 1 s on 2 and on 3 workers end at 3 s and at 2 s; theory says 3.5 s of one of them.
    figure = stacked.stacked(
        "title", charts(["two", "three"], [lined(2, 6), lined(3, 6)], [3.5, 2.0], ["", "\N{BLACK STAR} fastest"])
    )
    assert [axes.get_xlim() for axes in figure.axes] == [pytest.approx((0, 3.535))] * 2
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "time (s)"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["two", "three  \N{BLACK STAR} fastest"]
    assert [axes.get_title(loc="right") for axes in figure.axes] == [
        "makespan 3 s, T_total 3.5 s",
        "makespan 2 s, T_total 2 s",
    ]
    assert [sorted(line.get_xdata()[0] for line in axes.lines) for axes in figure.axes] == [[3.0, 3.5], [2.0, 2.0]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["compute", "makespan", "T_total"]
    assert len({(axes.get_position().x0, axes.get_position().x1) for axes in figure.axes}) == 1
    assert_clear(figure)


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (2, 2), (8, 2), (8, 64), (3, 200)])
def test_stacked_charts_are_clear(count, workers):
    labels = [f"{LONG * 2}{i}" for i in range(count)]
    made = [lined(workers, 500, 10.0**i) for i in range(-2, count - 2)]
    marks = ["fastest, mean of 20 seeds"] * count
    assert_clear(stacked.stacked("title", charts(labels, made, [1.0] * count, marks)))


def test_stacked_charts_are_the_same_bytes_and_none_are_no_fault():
    first = paper.files("c", stacked.stacked("title", charts(["a"], [lined(2, 6)], [3.0])))
    assert paper.files("c", stacked.stacked("title", charts(["a"], [lined(2, 6)], [3.0]))) == first
    assert paper.files("c", stacked.stacked("title", []))
    assert_clear(stacked.stacked("title", charts(["a", "b"], [from_rows([], ["w0"]), from_rows([], [])], [0.0, 0.0])))


def luminance(look):
    red, green, blue = (int(look.face[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601


def test_the_first_workers_of_a_graph_are_told_apart_in_grey_print_and_each_box_names_its_own():
    greys = sorted(luminance(look) for look, _ in style.GROUPS[:4])
    assert min(np.diff(greys)) > 25
    run = parsim.simulate({"cluster": {"devices": 2}, "workload": {"kind": "fork_join", "width": 9, "compute": "1 s"}})
    for height in (10, 3):  # room for two lines in a box, and for one
        axes = run.plot("graph", Figure(figsize=(9, height)).add_subplot())
        assert len(axes.patches) == 11
        assert all(re.search(r"\bw[01]$", text.get_text()) for text in axes.texts)


def test_a_path_goes_behind_the_bars_of_others_and_leaves_the_makespan_whole():
    axes = RUNS["heft"]().plot("path")
    (makespan,) = {line.get_zorder() for line in axes.lines if line.get_linestyle() == "-"}
    joins = [shape.get_zorder() for shape in axes.collections if isinstance(shape, LineCollection)]
    bars = min(shape.get_zorder() for shape in axes.collections if shape.get_zorder() >= 2)
    casing = [s.get_zorder() for s in axes.collections if to_hex(s.get_edgecolor()[0]).upper() == style.CASING]
    assert max(joins) < bars
    assert max(casing) < makespan


def test_every_kind_of_task_of_pipelines_and_training_has_a_look_and_letters():
    kinds = {*KINDS, *TASKS}
    assert kinds <= {*style.KINDS}
    assert kinds == {*text.ALPHABETS} == {*text.CROWDED}


def test_looks_are_told_apart_in_grey_print():
    steps = {kind: look for kind, look in style.KINDS.items() if kind in STEPS}  # on the host's lane alone
    work = {kind: look for kind, look in style.KINDS.items() if kind not in STEPS and kind != "forward"}
    faces = {look.face for look in style.KINDS.values()}
    assert not faces & {look.face for look in style.MEMORY.values()}  # drawn above and below one axis of time
    for one, other in pairwise(style.MEMORY.values()):
        assert abs(luminance(one) - luminance(other)) > 20
    for table in (steps, work | {"other": style.OTHER}, style.CAUSES, style.TERMS):
        for one, other in combinations(table.values(), 2):
            assert one.hatch != other.hatch or abs(luminance(one) - luminance(other)) > 20
    marks = [mark for _, mark in style.GROUPS]
    assert len(set(marks)) == len(marks)


SEEN = (  # by any eye; of no red, no green, no blue: Machado, Oliveira and Fernandes (2009), severity 1
    np.eye(3),
    np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    ),
    np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ),
    np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ),
)
CONES = np.array(  # from linear RGB, and from their cube roots to lightness and colour: Ottosson (2020), Oklab
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
)


def unlike(one, other):
    """Return how far apart two colours are, at least, in the eyes of all."""
    values = np.array([[int(face[i : i + 2], 16) / 255 for i in (1, 3, 5)] for face in (one, other)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    places = [np.cbrt(np.clip(linear @ eye.T, 0, 1) @ CONES.T) @ OKLAB.T for eye in SEEN]
    return min(np.linalg.norm(one - other) for one, other in places)


def test_communicators_are_as_unlike_as_the_colours_of_okabe_and_ito():
    theirs = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
    least = min(unlike(*pair) for pair in combinations(theirs, 2))
    exchanges = [look.face for look in style.EXCHANGES.values()]
    others = [style.KINDS[kind].face for kind in ("forward", "backward", "optimizer")]
    for one in exchanges:
        for other in [*others, style.THEORY, *exchanges]:
            assert one is other or unlike(one, other) >= least


def test_colours_are_the_style_s_alone():
    spoken = re.compile(
        r"""#[0-9a-fA-F]{3,8}\b|colors?"?[=:] ?["'](?!none)|"(?:red|blue|green|black|white|grey|gray)\""""
    )
    for path in [*(ROOT / "parsim" / "plot").glob("*.py"), ROOT / "parsim" / "export" / "html.py"]:
        if path.name != "style.py":
            assert not spoken.search(path.read_text(encoding="utf-8")), f"{path.name} has a colour of its own"


def test_64_lanes_hold_all_their_colours_in_the_picture():
    run = RUNS["64 lanes"]()
    picture = image.imread(io.BytesIO(paper.png(run.plot("path").figure)))[:, :, :3]
    for colour in (style.KINDS["compute"].face, style.KINDS["transfer"].face, style.PATH):
        wanted = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        assert (np.abs(picture - wanted).max(axis=2) < 0.02).sum() > 200


def validated(**changed):
    """Validate the first scenario; *changed* is what came of it instead."""
    return dataclasses.replace(validate(SCENARIOS / "01_five_tasks_data.yaml"), **changed)


def test_a_validation_shows_the_run_below_what_theory_foresees():
    # By hand: 3 items of 1 s after 0.3 s of transfer; no run is shorter than the 3 s of its longest task.
    figure = validated().plot()
    chart, rows = figure.axes
    assert figure.texts[0].get_text() == "01_five_tasks_data: the simulation agrees with theory"
    assert [label.get_text() for label in rows.get_yticklabels()] == ["simulated", "one round", "lower bound"]
    assert [bar.get_width() for bar in rows.patches] == [pytest.approx(3.3), pytest.approx(3.3), pytest.approx(3.0)]
    assert chart.get_xlim() == rows.get_xlim()
    assert rows.get_position().y0 > chart.get_position().y1
    words = [text.get_text() for text in rows.texts if text.get_text()]
    assert words == [
        "3.3 s",
        *("3.3 s, agrees", "longest of 2: input 0.3 s + compute 3 s + result 0 s"),
        *("3 s, holds", "max(critical path, work / P)"),
    ]
    assert figure.texts[1].get_text() == "Checker: every rule holds"
    assert_clear(figure)


def test_a_validation_shows_what_contradicts_the_run():
    form = validated().forms[0]
    verdict = validated(forms=[form._replace(makespan_s=9.9)], broken=[f"task {LONG}{i} ran 2 times" for i in range(6)])
    figure = verdict.plot()
    assert figure.texts[0].get_text() == "01_five_tasks_data: the timeline breaks 6 rules of the checker"
    assert "9.9 s, 6.6 s too long" in [text.get_text() for text in figure.axes[1].texts]
    assert [text.get_text()[:13] for text in figure.texts[1:]] == ["Checker: task"] * 4 + ["Checker: 2 mo"]
    assert_clear(figure)
    figure = validated(forms=[]).plot()
    assert figure.texts[1].get_text() == "No closed form is known for this scenario."
    assert_clear(figure)
    assert_clear(validated(lower_bound_s=4.0).plot())


@pytest.mark.parametrize("name", ["06_pipeline_1f1b", "07_four_transfers_one_link", "12_standard_task_graph"])
def test_a_validation_of_any_scenario_is_clear(name):
    assert_clear(validate(SCENARIOS / f"{name}.yaml").plot())
