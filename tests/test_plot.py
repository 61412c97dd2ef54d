"""Pictures: their bytes, their lanes and what is written on them. What they look like was judged by eye."""

import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import parsim
from parsim.core.timeline import CAUSES, Idle
from parsim.export.csv import from_rows
from parsim.plot.gantt import gantt, mark_path, pictures
from parsim.plot.style import CAUSES as CAUSE_LOOKS
from parsim.plot.style import KINDS, WAITING, Look

SCENARIO = Path(__file__).parents[1] / "scenarios" / "06_pipeline_1f1b.yaml"


def pipeline(ranks, microbatches, forward=1.0, backward=2.0):
    """1F1B by hand: each rank warms up, then alternates; a message takes 0.2 s under the computing."""
    ends, rows, number = {}, [], 0
    orders = []
    for rank in range(ranks):
        warm = min(ranks - rank - 1, microbatches)
        order = [("F", i) for i in range(warm)]
        for i in range(microbatches - warm):
            order += [("F", warm + i), ("B", i)]
        orders.append(order + [("B", i) for i in range(microbatches - warm, microbatches)])
    free, at = [0.0] * ranks, [0] * ranks
    while any(at[rank] < len(orders[rank]) for rank in range(ranks)):
        for rank in range(ranks):
            while at[rank] < len(orders[rank]):
                op, micro = orders[rank][at[rank]]
                near = rank - 1 if op == "F" else rank + 1
                parent = (op, near, micro) if 0 <= near < ranks else ("F", rank, micro)
                if parent not in ends and not (op == "F" and rank == 0):
                    break
                came = ends.get(parent, 0.0)
                name = f"{rank}{op}{micro}"
                if 0 <= near < ranks:
                    way = f"w{near}>w{rank}"
                    message = f"{near}{op}{micro}>{name}"
                    rows.append((number, message, "transfer", f"w{rank}", way, came, came, came + 0.2, 0.2, "start"))
                    came += 0.2
                start = max(came, free[rank])
                end = start + (forward if op == "F" else backward)
                kind = "forward" if op == "F" else "backward"
                rows.append((number, name, kind, f"w{rank}", "compute", came, start, end, end - start, "start"))
                ends[op, rank, micro] = free[rank] = end
                at[rank] += 1
                number += 1
    return from_rows(rows, [f"w{rank}" for rank in range(ranks)])


def two_lanes():
    """Two parts with steps on the host, transfers that overlap, and every cause of idleness."""
    rows = [
        (2, "split", "split", "", "host", 0.0, 0.0, 0.4, 0.4, "start"),
        (0, "host>part0", "transfer", "w0", "host>w0", 0.4, 0.4, 0.8, 0.4, "split"),
        (0, "part0", "compute", "w0", "compute", 0.4, 0.8, 3.3, 2.5, "host>part0"),
        (3, "host>next", "transfer", "w0", "host>w0", 0.4, 2.5, 3.6, 0.8, "part0"),
        (4, "host>more", "transfer", "w0", "host>w0", 0.4, 2.8, 3.4, 0.3, "part0"),
        (1, "host>part1", "transfer", "w1", "host>w1", 0.4, 0.6, 1.0, 0.4, "split"),
        (1, "part1", "compute", "w1", "compute", 0.4, 1.0, 2.0, 1.0, "host>part1"),
        (5, "gather", "gather", "", "host", 3.6, 3.6, 3.8, 0.2, "next"),
        (6, "merge", "merge", "", "host", 3.8, 3.8, 4.2, 0.4, "gather"),
    ]
    made = from_rows(rows, ["w0", "w1"])
    starts = [0.0, 3.6, 0.0, 0.4, 2.0, 2.3, 2.6, 2.9, 3.2, 3.6]
    ends = [0.4, 4.2, 0.4, 0.6, 2.3, 2.6, 2.9, 3.2, 3.6, 4.2]
    causes = ["steps", "steps", "steps", "fill", "memory", "overhead", "policy", "dependency", "drain", "steps"]
    worker = np.array([0, 0] + [1] * 8)
    return replace(made, idle=Idle(worker, np.array(starts), np.array(ends), np.array(list(map(CAUSES.index, causes)))))


def drawn(timeline, theory_s=1.0, height=4):
    axes = Figure(figsize=(10, height)).add_subplot()
    return gantt(timeline, axes, theory_s)


def boxes(collection):
    """Return (left, right, top, bottom) of each bar of a shape; a path holds many, of five corners each."""
    bars = [path.vertices.reshape(-1, 5, 2) for path in collection.get_paths()]
    return [(*sorted(bar[[0, 2], 0]), *sorted(bar[[0, 2], 1])) for part in bars for bar in part]


def bars(axes, look):
    """Return the boxes of all bars of one colour and hatch."""
    return [
        box
        for collection in axes.collections
        if collection.get_hatch() == (look.hatch or None)
        and len(collection.get_facecolor())
        and to_hex(collection.get_facecolor()[0]).upper() == look.face
        for box in boxes(collection)
    ]


def test_pictures_are_a_png_and_an_svg_and_always_the_same():
    first = pictures(two_lanes(), 3.1, "two lanes")
    assert list(first) == ["timeline.png", "timeline.svg"]
    assert first["timeline.png"].startswith(b"\x89PNG\r\n")
    assert b"<svg" in first["timeline.svg"]
    assert not re.search(rb"<dc:date>|20\d\d-\d\d-\d\d", first["timeline.svg"])
    assert pictures(two_lanes(), 3.1, "two lanes") == first


def test_lanes_are_the_host_then_the_workers_from_the_top():
    axes = drawn(two_lanes())
    assert [label.get_text() for label in axes.get_yticklabels()] == ["host", "w0", "w1"]
    assert axes.yaxis_inverted()


def test_every_kind_and_cause_has_a_place_in_the_legend_outside_the_data():
    axes = drawn(two_lanes())
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    idle, kinds = [f"idle: {cause}" for cause in CAUSES], ["compute", "transfer, below", "split", "gather", "merge"]
    assert words == [*idle, "transfers alone", *kinds, "no transfer or step"]
    axes.figure.canvas.draw()
    assert axes.get_legend().get_window_extent().x0 >= axes.get_window_extent().x1


def test_the_marks_say_their_seconds():
    axes = drawn(two_lanes(), 3.1)
    words = {text.get_text() for text in axes.texts}
    assert {"T_total 3.1 s", "makespan 4.2 s", "part0", "part1"} <= words
    assert axes.get_xlabel() == "time (s)"


@pytest.mark.parametrize(("scale", "label"), [(1.0, "time (s)"), (1e-3, "time (ms)"), (1e-6, "time (us)")])
def test_the_axis_has_the_unit_that_reads_best(scale, label):
    row = (0, "t", "compute", "w0", "compute", 0.0, 0.0, 3 * scale, 3 * scale, "start")
    assert drawn(from_rows([row], ["w0"]), scale).get_xlabel() == label


def test_names_are_written_only_where_they_fit():
    rows = [
        (0, "a", "compute", "w0", "compute", 0.0, 0.0, 9.0, 9.0, "start"),
        (1, "much too long a name", "compute", "w0", "compute", 0.0, 9.0, 9.5, 0.5, "a"),
    ]
    words = {text.get_text() for text in drawn(from_rows(rows, ["w0"])).texts}
    assert "a" in words
    assert "much too long a name" not in words


def test_bars_stand_where_their_spans_are():
    # By hand: lanes host, w0, w1 at 0, 1, 2; x is seconds.
    axes = drawn(two_lanes())
    computing = bars(axes, KINDS["compute"])
    assert sorted((left, right, round((top + bottom) / 2)) for left, right, top, bottom in computing) == [
        (0.8, 3.3, 1),
        (1.0, 2.0, 2),
    ]
    moving = bars(axes, KINDS["transfer"])
    assert {(left, right) for left, right, _, _ in moving} == {(0.4, 0.8), (2.5, 3.6), (2.8, 3.4), (0.6, 1.0)}
    thickest = max(bottom - top for _, _, top, bottom in moving)
    assert thickest < min(bottom - top for _, _, top, bottom in computing)
    assert [(left, right) for left, right, _, _ in bars(axes, CAUSE_LOOKS["memory"])] == [(2.0, 2.3)]
    assert [(left, right) for left, right, top, _ in bars(axes, CAUSE_LOOKS["steps"]) if top < 1.5] == [
        (0.0, 0.4),
        (3.6, 4.2),
    ]


def test_time_in_which_a_worker_has_only_transfers_has_a_look_of_its_own():
    # By hand: w0 waits for its input, and at the end for inputs of tasks that never come; w1 waits for its input.
    waiting = bars(drawn(two_lanes()), WAITING)
    assert sorted((left, right, round((top + bottom) / 2)) for left, right, top, bottom in waiting) == [
        (0.4, 0.8, 1),
        (0.6, 1.0, 2),
        (3.3, 3.6, 1),
    ]


def test_every_moment_of_a_lane_is_in_the_legend():
    run = parsim.simulate(SCENARIO.with_name("05_heft_ten_tasks.yaml"))
    axes = run.plot("gantt")
    looks = [look for look in (*KINDS.values(), *CAUSE_LOOKS.values(), WAITING) if look != KINDS["transfer"]]
    for lane in range(len(run.timeline.workers.table) - 1):
        boxes = sorted({box for look in looks for box in bars(axes, look) if lane - 0.5 < box[2] < lane + 0.5})
        assert boxes[0][0] == 0
        for one, after in pairwise(boxes):
            assert after[0] == pytest.approx(one[1])  # computing, idle or waiting, without a gap
        assert boxes[-1][1] == run.timeline.makespan_s


def test_transfers_at_once_do_not_cover_each_other():
    moving = bars(drawn(two_lanes()), KINDS["transfer"])
    assert len(moving) == 4
    for i, (left, right, top, bottom) in enumerate(moving):
        for other_left, other_right, other_top, other_bottom in moving[i + 1 :]:
            meet_in_time = min(right, other_right) - max(left, other_left) > 1e-9
            meet_in_height = min(bottom, other_bottom) - max(top, other_top) > 1e-9
            assert not (meet_in_time and meet_in_height)


def test_the_axis_may_last_longer_than_its_own_spans():
    axes = Figure(figsize=(10, 4)).add_subplot()
    assert gantt(one_task(2.0), axes, 1.0, until_s=5.0).get_xlim() == pytest.approx((0, 5.05))
    axes = Figure(figsize=(10, 4)).add_subplot()
    assert gantt(one_task(2.0), axes, 1.0, until_s=0.5).get_xlim() == pytest.approx((0, 2.02))


def test_a_path_outlines_its_spans_and_joins_them():
    # host>part1, part1, then gather on the host: end of one to the start of the next, at the bars' middles.
    timeline = two_lanes()
    rows = [timeline.task.tolist().index(name) for name in ("host>part1", "part1", "gather")]
    axes = drawn(timeline)
    before = len(axes.collections)
    assert mark_path(timeline, rows, axes) is axes
    shapes, lines = axes.collections[-2], axes.collections[-1]
    assert len(axes.collections) == before + 4  # each of the two on a casing
    assert [(left, right) for left, right, _, _ in boxes(shapes)] == [(0.6, 1.0), (1.0, 2.0), (3.6, 3.8)]
    segments = [segment.tolist() for segment in lines.get_segments()]
    assert [(one[0], other[0]) for one, other in segments] == [(1.0, 1.0), (2.0, 3.6)]
    (_, low), (_, high) = segments[1]
    assert 1.5 < low < 2.2  # in the lane of w1
    assert high == 0.0  # in the host's
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words[-1] == "critical path"
    assert words[:-1] == [text.get_text() for text in drawn(timeline).get_legend().get_texts()]


def test_slim_bars_of_a_path_that_touch_share_an_outline():
    rows = [(i, f"t{i}", "compute", "w0", "compute", 0.0, i * 1.0, i + 1.0, 1.0, "") for i in range(400)]
    timeline = from_rows(rows, ["w0"])
    axes = drawn(timeline)
    mark_path(timeline, range(400), axes)
    assert [box[:2] for box in boxes(axes.collections[-2])] == [(0.0, 400.0)]


def test_a_path_of_nothing_and_one_on_the_last_of_many_workers_are_drawn():
    mark_path(from_rows([], ["w0"]), [], drawn(from_rows([], ["w0"])))
    row = (0, "t", "compute", "w199", "compute", 0.0, 0.0, 1.0, 1.0, "")
    far = from_rows([row], [f"w{i}" for i in range(200)])
    axes = drawn(far, height=40)
    mark_path(far, [0], axes)
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "w199"
    assert [box[:2] for box in boxes(axes.collections[-2])] == [(0.0, 1.0)]


def test_a_pipeline_of_64_ranks_has_64_lanes():
    timeline = pipeline(64, 128)
    assert len(drawn(timeline, height=16).get_yticks()) == 64
    assert drawn(timeline).get_yticks().tolist() == list(range(0, 64, 3))  # four inches have no room for 64 names
    # Closed form of 1F1B: (m + p - 1) (F + B), and 0.2 s for each of the 2 (p - 1) messages of the longest way.
    assert timeline.makespan_s >= (128 + 63) * 3 + 2 * 63 * 0.2


def test_more_workers_than_can_be_read_are_counted():
    rows = [(i, f"t{i}", "compute", f"w{i}", "compute", 0.0, 0.0, 1.0, 1.0, "") for i in range(200)]
    axes = drawn(from_rows(rows, [f"w{i}" for i in range(200)]))
    assert axes.get_ylim() == (127.6, -0.6)
    assert axes.get_xlabel() == "time (s); 72 more workers are not shown, none on the critical path"
    assert "1 more worker is not shown" in drawn(from_rows(rows[:129], [f"w{i}" for i in range(129)])).get_xlabel()


def test_of_many_workers_those_that_do_the_same_share_a_lane():
    """Two stages of 11 replicas: 22 workers; of 20 each has a lane, and so has one that does something else."""

    def timeline(replicas, last="1F0:d0"):
        rows = [
            (
                stage * replicas + i,
                f"{stage}F0:d{i}",
                "forward",
                f"w{stage * replicas + i}",
                "compute",
                0.0,
                stage,
                stage + 1.0,
                1.0,
                "",
            )
            for stage in range(2)
            for i in range(replicas)
        ]
        rows[-1] = (rows[-1][0], last, *rows[-1][2:])
        return from_rows(rows, [f"w{i}" for i in range(2 * replicas)])

    def lanes(timeline):
        return [label.get_text() for label in drawn(timeline).get_yticklabels()]

    assert lanes(timeline(11)) == ["w0 +10", "w11 +10"]
    assert lanes(timeline(11, "else")) == ["w0 +10", "w11 +9", "w21"]
    assert len(lanes(timeline(10))) == 20
    many = timeline(11)
    axes = drawn(many)
    assert sorted(bars(axes, KINDS["forward"])) == [
        pytest.approx((0.0, 1.0, -0.4, 0.4)),
        pytest.approx((1.0, 2.0, 0.6, 1.4)),
    ]
    assert "not shown" not in axes.get_xlabel()
    outlines = mark_path(many, [5, 16], axes).collections[-2]  # w5 and w16
    assert boxes(outlines) == [pytest.approx((0.0, 1.0, -0.4, 0.4)), pytest.approx((1.0, 2.0, 0.6, 1.4))]


@pytest.mark.parametrize(("busy", "idle", "lanes"), [(1, 3, 4), (1, 4, 1), (3, 200, 3), (0, 5, 5)])
def test_many_workers_without_a_task_have_no_lane_and_are_counted(busy, idle, lanes):
    rows = [(i, f"t{i}", "compute", f"w{i}", "compute", 0.0, 0.0, 1.0, 1.0, "") for i in range(busy)]
    axes = drawn(from_rows(rows, [f"w{i}" for i in range(busy + idle)]))
    assert axes.get_ylim() == (lanes - 0.4, -0.6)
    counted = f"; {idle} more workers have no task" if lanes == busy else ""
    assert axes.get_xlabel() == f"time (s){counted}"


def test_members_of_a_collective_take_the_band_of_communication():
    rows = [
        (0, "b", "backward", "w0", "compute", 0.0, 0.0, 4.0, 4.0, ""),
        (1, "sum", "collective", "w0", "data", 1.0, 1.0, 3.0, 2.0, ""),
        (1, "w0>w1", "transfer", "w0", "w0>w1", 1.0, 1.0, 2.0, 1.0, ""),
    ]
    timeline = from_rows(rows, ["w0"])
    axes = drawn(timeline)
    assert bars(axes, KINDS["backward"]) == [pytest.approx((0.0, 4.0, -0.42, 0.16))]
    outlines = mark_path(timeline, [1], axes).collections[-2]
    assert boxes(outlines) == [pytest.approx((1.0, 3.0, 0.18, 0.42))]
    assert bars(axes, KINDS["transfer"]) == [pytest.approx((1.0, 2.0, 0.18, 0.42))]


def test_of_many_workers_those_on_the_critical_path_are_shown():
    def timeline(workers):
        others = [i for i in range(200) if i not in workers]
        return from_rows(
            [(i, f"t{i}", "compute", f"w{i}", "compute", 0.0, 0.0, 0.01, 0.01, "") for i in others]
            + [
                (worker, f"t{worker}", "compute", f"w{worker}", "compute", 0.0, place, place + 1.0, 1.0, waited)
                for place, (worker, waited) in enumerate(
                    zip(workers, ["", *(f"t{one}" for one in workers)], strict=False)
                )
            ],
            [f"w{i}" for i in range(200)],
        )

    axes = drawn(timeline([150, 190, 3]), height=40)
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == [*(f"w{i}" for i in range(126)), "w150", "w190"]
    assert axes.get_xlabel() == "time (s); 72 more workers are not shown, none on the critical path"
    axes = drawn(timeline([*range(199, 69, -1)]), height=40)
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == [f"w{i}" for i in range(72, 200)]
    assert axes.get_xlabel() == "time (s); 72 more workers are not shown, 2 on the critical path"


def test_many_spans_are_pixels_in_the_svg():
    svg = pictures(pipeline(64, 200), 600.0, "many")["timeline.svg"]  # 64 x 200 x 2 tasks and their messages
    assert b"<image" in svg
    assert len(svg) < 3_000_000


def test_an_empty_timeline_is_drawn():
    assert drawn(from_rows([], ["w0"])).get_xlabel() == "time (s)"


def test_names_are_never_read_as_formulas():
    row = (0, "$x_{$", "compute", "w$\\frac$", "compute", 0.0, 0.0, 1.0, 1.0, "")
    assert pictures(from_rows([row], ["w$\\frac$"]), 1.0, "$\\nothing$")


def test_looks_differ_in_colour_or_hatch_and_ink_is_readable():
    assert len({look for kind, look in KINDS.items() if kind != "forward"}) == len(KINDS) - 1
    assert Look("#000000").ink == "#FFFFFF"
    assert Look("#F0E442").ink == "#000000"


def one_task(seconds):
    return from_rows([(0, "t", "compute", "w0", "compute", 0.0, 0.0, seconds, seconds, "")], ["w0"])


def test_the_axis_follows_the_spans_and_notes_a_far_theory_at_its_edge():
    axes = drawn(one_task(0.00119995), 2.75)
    assert axes.get_xlim() == pytest.approx((0, 0.00119995 * 1.01))
    assert axes.get_xlabel() == "time (ms)"
    assert {"T_total 2.75 s \N{RIGHTWARDS ARROW}", "makespan 1.2 ms"} <= {text.get_text() for text in axes.texts}
    assert len(axes.lines) == 1  # the makespan's
    near = drawn(one_task(1.0), 2.9)
    assert near.get_xlim() == pytest.approx((0, 2.9 * 1.01))
    assert len(near.lines) == 2


def test_a_run_that_takes_no_time_has_an_axis_of_some():
    axes = drawn(one_task(0.0), 0.0)
    assert axes.get_xlim() == pytest.approx((0, 1.01))
    assert {"T_total 0 s", "makespan 0 s"} <= {text.get_text() for text in axes.texts}
    assert drawn(one_task(0.0), 2.0).get_xlim() == pytest.approx((0, 2.02))


def test_names_lie_over_the_marks_and_the_axis_has_a_name():
    axes = drawn(one_task(4.0), 2.0)  # T_total runs through the middle of the bar
    (name,) = [text for text in axes.texts if text.get_text() == "t"]
    assert name.get_zorder() > max(line.get_zorder() for line in axes.lines)
    assert name.get_bbox_patch().get_alpha() is None
    assert axes.get_ylabel() == "worker"


def test_long_names_of_workers_are_told_apart():
    names = [f"cluster-node-{i:04}" for i in range(3)]
    assert len({label.get_text() for label in drawn(from_rows([], names)).get_yticklabels()}) == 3


def test_only_bars_of_some_width_have_a_border_and_lie_on_whole_pixels():
    # A bar of 1/3 and one of 1/1000 of the time: hundreds of points wide, and less than one.
    rows = [
        (0, "a", "compute", "w0", "compute", 0.0, 0.0, 1.0, 1.0, ""),
        (1, "b", "compute", "w0", "compute", 0.0, 1.0, 1.003, 0.003, ""),
        (2, "c", "transfer", "w0", "way", 0.0, 3.0, 3.0 + 1e-9, 1e-9, ""),
    ]
    found = [
        (boxes(bars)[0], bars.get_linewidth()[0], bars.get_snap())
        for bars in drawn(from_rows(rows, ["w0"])).collections
        if bars.get_zorder() == 2
    ]
    assert [(box[0], width, snap) for box, width, snap in found] == [
        (1.0, 0.0, False),
        (0.0, 0.5, None),
        (3.0, 0.0, False),
    ]
    assert found[2][0][1] - 3.0 > 1e-4  # of 3 s on 500 points: seen, though a pixel is 3 ms


@pytest.mark.parametrize(("ranks", "microbatches"), [(20, 24), (64, 256)])
def test_transfers_of_large_pipelines_are_seen(ranks, microbatches):
    wanted = {"cluster.devices": ranks, "plan.pipeline": ranks, "plan.microbatches": microbatches}
    run = parsim.simulate(SCENARIO, set=wanted | {"workload.send": "100 us"})
    picture = image.imread(io.BytesIO(pictures(run.timeline, run.theory.t_total_s, "p")["timeline.png"]))
    red, green, blue = (picture[:, :, part].astype(float) for part in range(3))
    # Orange on white: blue is lost first, then green; no other look is of that hue.
    orange = (red - blue > 0.15) & (red > 0.9) & (green - blue > 0.1)
    assert orange[:, 200:1390].sum() > 1000
