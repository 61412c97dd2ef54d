"""The pictures of sweeps and plans: marks stand where the numbers are, no word covers another, bytes are the same."""

import itertools
import random

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from test_plot_kinds import assert_clear, seen

from parsim.core.errors import RunError
from parsim.plot import style, value_axis
from parsim.plot.columns import fitting
from parsim.plot.front import equal, front, some
from parsim.plot.heat import heat
from parsim.plot.letters import width
from parsim.plot.numbers import numbers
from parsim.plot.space import WHY, Rows
from parsim.plot.space_kinds import KINDS, drawn, pictures, pictures_of
from parsim.study.refusals import MEANINGS

TWO = {"plan.tensor": [1, 2], "plan.data": [1, 2]}
LONG = "a name as long as nobody gives one, with $dollars$ & <tags> "


def done(row, values, iteration_s, memory=8e9, cost=0.1):
    figures = {"iteration_s": iteration_s, "makespan_s": 2 * iteration_s, "peak_memory_bytes": memory, "cost": cost}
    more = {"exposed_s": iteration_s / 8, "mfu": min(0.5 / iteration_s, 1.0), "energy_j": None}
    return {"row": row, "set": values, "status": "done", "code": None, "message": None, **figures, **more}


def refused(row, values, code):
    return {"row": row, "set": values, "status": "refused", "code": code, "message": "", "iteration_s": None}


def grid(choices):
    """Return the rows of a space with random figures."""
    draw = random.Random(1).random
    sets = (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))
    return [done(number, values, 1 + draw(), 1e10 * (1 + draw()), 1 + draw()) for number, values in enumerate(sets)]


def few():
    """Two choices by hand: tensor 8 is refused with gpipe, and with 1f1b, too, for another reason."""
    times = {
        (1, "gpipe"): 4.0,
        (1, "1f1b"): 3.0,
        (2, "gpipe"): 2.5,
        (2, "1f1b"): 1.5,
        (4, "gpipe"): 2.0,
        (4, "1f1b"): 1.75,
    }
    sets = [{"plan.tensor": t, "plan.schedule": s} for t in (1, 2, 4, 8) for s in ("gpipe", "1f1b")]
    rows = []
    for number, values in enumerate(sets):
        time = times.get(tuple(values.values()))
        code = "memory" if values["plan.schedule"] == "gpipe" else "not_divisible"
        rows.append(done(number, values, time) if time else refused(number, values, code))
    return rows


def bounded():
    """Return rows of a bounded search: tensor 1 is proven, of 2 a row is cut, of 4 the fastest, 8 has none that counts.

    The cell (8, 1f1b) has no row.
    """
    times = {(1, "gpipe"): 3.0, (1, "1f1b"): 4.0, (2, "gpipe"): 2.0, (4, "1f1b"): 1.0}
    sets = [(t, s) for t in (1, 2, 4, 8) for s in ("gpipe", "1f1b")][:-1]
    rows = []
    for number, (tensor, schedule) in enumerate(sets):
        both = {"plan.tensor": tensor, "plan.schedule": schedule}
        cut = refused(number, both, None) | {"status": "cut"}
        time = times.get((tensor, schedule))
        rows.append(done(number, both, time) if time else cut)
    rows[-1] |= {"status": "refused", "code": "require", "makespan_s": 2.0}
    return rows


def thousands():
    draw = random.Random(3)
    choices = {
        "plan.tensor": [1, 2, 4, 8, 16],
        "plan.schedule": ["gpipe", "1f1b", {"kind": "zb-auto", "limit": 6}],
        "cluster.topology.bandwidth": ["25 GB/s", "400 Gbit/s", "100 GB/s"],
        **{f"plan.choice{number}": list(range(number + 2)) for number in range(5)},
    }
    rows = []
    for number in range(5_000):
        values = {path: draw.choice(known) for path, known in choices.items()}
        code = draw.choice(list(style.REFUSED)) if draw.random() < 0.2 else ""
        rows.append(
            refused(number, values, code) if code else done(number, values, 1 + 9 * draw.random(), 1e9 * draw.random())
        )
    return rows


CASES = {
    "few": few,
    "many values": lambda: grid({"plan.microbatch_size": [*range(1, 61)], "plan.bucket": ["1 MB", "2 MB", "1 GB"]}),
    "long names": lambda: grid({f"{LONG}{n}": [f"{LONG}{m}" for m in range(9)] for n in range(2)}),
    "sections": lambda: grid({"plan": [{"data": 8 // t, "tensor": t, "x": LONG} for t in (1, 2, 4)], "seed": [1, 2]}),
    "many choices": lambda: grid({f"plan.choice{n}": [0, 1] for n in range(8)}),
    "large numbers": lambda: grid({"workload.a": [10**14, 10**15, 10**16], "workload.b": ["1e15 B", "3e15 B"]}),
    "years": lambda: [row | {"iteration_s": 10.0 ** (4 * row["row"])} for row in grid(TWO)],
    "one choice": lambda: grid({"plan.tensor": [1, 2, 4, 8]}),
    "one row": lambda: grid({"plan.tensor": [4]}),
    "equal": lambda: [done(row["row"], row["set"], 1.0) for row in grid(TWO)],
    "all refused": lambda: [refused(row["row"], row["set"], "memory") for row in grid(TWO)],
    "no cost": lambda: [row | {"cost": None} for row in grid(TWO)],
    "one price, of some": lambda: [row | {"cost": row["iteration_s"] if row["row"] else None} for row in grid(TWO)],
    "much unknown": lambda: [
        row | {"cost": row["cost"] if row["row"] else None, "peak_memory_bytes": None if row["row"] == 1 else 8e9}
        for row in grid(TWO)
    ],
    "bounded": bounded,
    "other letters": lambda: grid({"workload.größe": ["ä", "ö"], "workload.甲乙": ["一号", "\u202eabc", "$a$_b^2"]}),
    "no choice": lambda: [done(0, {}, 1.0)],
    "untrained": lambda: [row | {"iteration_s": None, "peak_memory_bytes": 0} for row in few()],
}
NOTHING = {(name, kind) for name in ("no choice",) for kind in KINDS if kind != "pareto"}
NOTHING |= {("one choice", "heat"), ("one row", "heat"), ("all refused", "pareto"), ("all refused", "parallel")}


@pytest.mark.filterwarnings("ignore::parsim.plot.letters.MissingLetters")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_words_never_cover_each_other(name, kind):
    if (name, kind) in NOTHING:
        with pytest.raises(RunError):
            drawn(CASES[name](), name, kind)
    else:
        assert_clear(drawn(CASES[name](), name, kind).figure)


@pytest.mark.parametrize("kind", KINDS)
def test_five_thousand_rows_of_eight_choices_are_clear(kind):
    rows = thousands()
    figure = drawn(rows, LONG, kind).figure
    assert_clear(figure)
    words = " ".join(word for word, _ in seen(figure))
    count = sum(row["status"] == "done" for row in rows)
    assert f"{count:,} of 5,000 rows" in words


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_those_of_the_rows_in_any_order(kind):
    rows = few()
    first = pictures(rows, "x", kind)
    assert list(first) == [f"{kind}.png", f"{kind}.svg"]
    assert first[f"{kind}.png"].startswith(b"\x89PNG")
    assert pictures(rows[::-1], "x", kind) == first
    assert pictures([*rows[1:], rows[0] | {"iteration_s": 0.5, "status": "done"}], "x", kind) != first


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_drawn_on_the_axes_given(kind):
    figure = Figure(figsize=(12, 8))
    axes, other = figure.subplots(1, 2)
    assert drawn(few(), "x", kind, axes) is axes
    figure.draw_without_rendering()
    left, bottom, right, top = axes.get_position().extents
    own = [each.get_position() for each in figure.axes if each not in (axes, other)]
    assert own
    for box in own:
        assert left <= box.x0 + 1e-9
        assert box.x1 <= right + 1e-9
        assert bottom <= box.y0 + 1e-9
        assert box.y1 <= top + 1e-9


@pytest.mark.usefixtures("sketches")
def test_all_pictures_that_the_rows_suffice_for_are_files():
    names = [f"{kind}.{form}" for kind in KINDS for form in ("png", "svg")]
    assert list(pictures_of(few(), "x")) == names
    assert list(pictures_of(CASES["all refused"](), "x")) == names[:4]
    assert list(pictures_of(CASES["no choice"](), "x")) == ["pareto.png", "pareto.svg"]
    assert list(pictures_of(CASES["one choice"](), "x")) == [name for name in names if not name.startswith("heat")]


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(ValueError, match=r"unknown name 'choice'\. Did you mean 'choices'\?"):
        drawn(few(), "x", "choice")
    for kind in KINDS:
        with pytest.raises(RunError, match="there are no rows"):
            drawn([], "x", kind)
    with pytest.raises(RunError, match="needs two choices with several values, and there is 1"):
        drawn(CASES["one choice"](), "x", "heat")
    with pytest.raises(RunError, match="neither is known"):
        drawn(CASES["untrained"]()[1:2], "x", "pareto") if False else drawn([few()[-1]], "x", "pareto")


# --- rows as columns ---


@pytest.mark.parametrize(
    ("raw", "words", "place"),
    [
        ([4, 1, 2], ["1", "2", "4"], [0, 1, 2]),  # they double: log2
        ([3, 1, 2], ["1", "2", "3"], [1, 2, 3]),
        ([0, 1, 8], ["0", "1", "8"], [0, 1, 8]),  # 0 has no logarithm
        (["100 GB/s", "25 GB/s", "400 Gbit/s"], ["25 GB/s", "400 Gbit/s", "100 GB/s"], np.log2([25e9, 50e9, 100e9])),
        (["25 GB/s", "1 s"], ["25 GB/s", "1 s"], [0, 1]),  # of two dimensions: texts
        (["b", "a", 1], ["b", "a", "1"], [0, 1, 2]),
        ([True, False], ["true", "false"], [0, 1]),
        ([{"kind": "zb-auto", "limit": 6}, "1f1b"], ["zb-auto(limit=6)", "1f1b"], [0, 1]),
        ([1, "1"], ["1", "1 #2"], [0, 1]),
        (["50 GB/s", "400 Gbit/s", "1 GB/s"], ["50 GB/s", "400 Gbit/s", "1 GB/s"], [0, 1, 2]),  # two are equal
        ([10**400, 1], ["1" + 400 * "0", "1"], [0, 1]),  # no float
        ([None, [1, 2]], ["null", "[1, 2]"], [0, 1]),
    ],
)
def test_values_stand_on_an_axis_in_their_order(raw, words, place):
    (choice,) = Rows(done(number, {"plan.x": value}, 1.0) for number, value in enumerate(raw)).choices
    assert list(choice.words) == words
    assert choice.place.tolist() == pytest.approx(list(place))
    assert len(set(choice.value.tolist())) == len(raw)
    if not choice.grows:
        assert choice.value.tolist() == [*range(len(raw))]
    elif isinstance(raw[0], int):
        assert [choice.words[value] for value in choice.value] == [str(value) for value in raw]


def test_whole_sections_are_split_into_the_keys_in_which_they_differ():
    sections = [{"a": 4, "b": 2, "c": 1}, {"a": 8, "b": 2, "c": 1}, {"a": 8, "b": 2}]
    rows = Rows(done(number, {"plan": value}, 1.0) for number, value in enumerate(sections))
    assert {choice.path: list(choice.words) for choice in rows.choices} == {"plan.a": ["4", "8"], "plan.c": ["1", "-"]}
    (whole,) = rows.sections
    assert list(whole.words) == ["a=4, c=1", "a=8, c=1", "a=8"]


def test_values_that_are_equal_when_they_are_short_have_numbers():
    texts = [f"{'a' * 20}{middle}{'b' * 20}" for middle in "xyz"]
    (choice,) = Rows(done(number, {"plan.x": text}, 1.0) for number, text in enumerate(texts)).choices
    first, *others = value_axis.values(choice)
    assert others == [f"{first} #2", f"{first} #3"]


def test_every_reason_has_words_and_a_hatch():
    assert {*MEANINGS, "cut", "running", "no row"} == set(WHY)
    assert set(WHY) < set(style.REFUSED)


def test_rows_that_are_played_come_by_time_then_by_exposed_communication_and_memory():
    rows = [
        done(0, {"a": 0}, 2.0),
        done(1, {"a": 1}, 1.0 + 1e-12, memory=9e9),
        done(2, {"a": 2}, 1.0, memory=8e9),
        done(3, {"a": 3}, 1.0, memory=8e9) | {"exposed_s": 0.0},
        refused(4, {"a": 4}, "memory"),
        done(5, {"a": 5}, 0.1) | {"status": "running"},
    ]
    found = Rows(rows)
    assert found.played.tolist() == [3, 2, 1, 0]
    assert found.counted == "4 of 6 rows; the others do not count: too little memory (1), still played (1)"
    assert found.time == "iteration time"
    assert Rows([row | {"iteration_s": None} for row in rows[:2]]).time == "makespan"
    assert (
        "cut by bounds (1); rows that bounds cut are not among the fastest"
        in Rows([*rows, {"row": 6, "set": {"a": 6}, "status": "cut"}]).counted
    )
    assert Rows(rows[4:5]).time == "time"


# --- time over each choice ---


def lines(axes, colour):
    return [line for line in axes.lines if to_hex(line.get_color()).upper() == colour]


def test_time_over_choices_by_hand():
    figure = drawn(few(), "x", "choices").figure
    tensor, schedule = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["tensor", "schedule"]
    assert [axes.get_title(loc="right") for axes in figure.axes] == ["best with 2", "best with 1f1b"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["iteration time (s)", ""]
    assert [label.get_text() for label in tensor.get_xticklabels()] == ["1", "2", "4", "8"]
    (best,) = lines(tensor, style.BLUE)  # log2 of 1, 2, 4
    assert best.get_xydata().tolist() == [[0, 3.0], [1, 1.5], [2, 1.75]]
    dashes = [line.get_ydata().tolist() for line in lines(schedule, style.BLUE)]
    assert dashes == [[2.0, 2.0], [1.5, 1.5]]
    (points,) = lines(tensor, style.SKY)
    near = {(round(x), y) for x, y in points.get_xydata().tolist()}
    assert near == {(0, 4.0), (0, 3.0), (1, 2.5), (1, 1.5), (2, 2.0), (2, 1.75)}
    (cross,) = lines(tensor, style.VERMILLION)
    assert cross.get_xdata() == [3]
    rings = [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines if line.get_markersize() == 10]
    assert rings == [[[1, 1.5]], [[1, 1.5]]]
    assert tensor.get_ylim() == schedule.get_ylim()


def test_points_of_a_value_stay_beside_it():
    rows = thousands()
    for axes in drawn(rows, "x", "choices").figure.axes:
        places = list(axes.get_xticks())
        (points,) = lines(axes, style.SKY)
        apart = np.abs(points.get_xdata()[:, None] - places).min(axis=1)
        assert apart.max() <= min(np.diff(places), default=1.0) / 10
        assert len(points.get_xdata()) == sum(row["status"] == "done" for row in rows)


def test_the_best_of_a_value_is_open_where_bounds_cut_rows_that_may_be_faster():
    figure = drawn(bounded(), "x", "choices").figure
    tensor, schedule = figure.axes
    line, hollow = lines(tensor, style.BLUE)
    assert (line.get_linestyle(), line.get_xdata().tolist()) == (":", [0, 1, 2])
    assert hollow.get_xydata().tolist() == [[1, 2.0]]
    dashes = {line.get_ydata()[0]: line.get_linestyle() for line in lines(schedule, style.BLUE)}
    assert dashes == {1.0: "-", 2.0: ":"}
    words = [word for word, _ in seen(figure)]
    assert "the best that was played; bounds cut rows that may be faster" in words
    assert "all rows of the value: refused" in words
    assert_clear(figure)


# --- heat map ---


def test_a_cell_is_at_most_its_time_where_bounds_cut_rows_that_may_be_faster():
    rows = [
        row | {"row": 10 * turn + row["row"], "set": row["set"] | {"plan.x": turn}}
        for turn in (0, 1)
        for row in bounded()
    ]
    rows[9] = refused(12, rows[9]["set"], None) | {"status": "cut"}  # one of two rows of (2, gpipe)
    axes = heat(Rows(rows), "x", over=("tensor", "schedule"))
    assert {text.get_text() for text in axes.texts} == {"3", "4", "≤2", "1"}
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert legend == [
        "refused: a condition does not hold",
        "cut by bounds",
        "no row: left out, or not yet played",
        "the fastest row",
        "or ≤: bounds cut rows that may be faster",
    ]
    empty = [each for each in axes.collections if isinstance(each, PathCollection)][-1]
    assert empty.get_paths()[0].get_extents().extents.tolist() == [2.5, 0.5, 3.5, 1.5]
    assert_clear(axes.figure)


def test_a_cell_too_small_for_its_time_has_a_dot_where_it_is_not_proven():
    rows = grid({"plan.a": [*range(90)], "plan.b": [1, 2], "plan.c": [1, 2]})
    rows[4] = refused(4, rows[4]["set"], None) | {"status": "cut"}  # of a = 1, b = 1
    axes = heat(Rows(rows), "x", over=("a", "b"))
    assert not axes.texts
    (dots,) = axes.lines
    assert dots.get_xydata().tolist() == [[1, 0]]


def test_a_whole_section_is_a_choice_of_a_heat_map_by_its_path():
    rows = grid({"plan": [{"data": 8 // t, "tensor": t} for t in (1, 2)], "seed": [1, 2]})
    axes = heat(Rows(rows), "x", over=("plan", "seed"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["data=8, tensor=1", "data=4, tensor=2"]


def test_a_heat_map_by_hand():
    axes = drawn(few(), "x", "heat")
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    assert np.ma.filled(mesh.get_array(), 0).tolist() == [[4.0, 2.5, 2.0, 0.0], [3.0, 1.5, 1.75, 0.0]]
    texts = {(text.get_position(), text.get_text(), text.get_fontweight()) for text in axes.texts}
    assert ((1, 1), "1.5", "bold") in texts
    assert ((2, 1), "1.75", "normal") in texts
    assert len(texts) == 6
    hatched = [each for each in axes.collections if isinstance(each, PathCollection)]
    assert {each.get_hatch(): each.get_paths()[0].get_extents().extents.tolist() for each in hatched} == {
        style.REFUSED["memory"].hatch: [2.5, -0.5, 3.5, 0.5],
        style.REFUSED["not_divisible"].hatch: [2.5, 0.5, 3.5, 1.5],
    }
    assert {box.get_xy() for box in axes.patches} == {(0.5, 0.5)}
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert legend == ["refused: too little memory", "refused: degrees do not divide", "the fastest row"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("tensor", "schedule")


def test_a_cell_is_the_best_of_its_rows_or_their_most_frequent_reason():
    rows, best, why = thousands(), {}, {}
    for row in rows:
        cell = row["set"]["plan.choice0"], row["set"]["plan.choice3"]
        if row["status"] == "done" and cell != (1, 4):
            best[cell] = min(row["iteration_s"], best.get(cell, 99.0))
        elif row["status"] == "refused" and cell == (1, 4):
            why[row["code"]] = why.get(row["code"], 0) + 1
    rows = [row for row in rows if row["status"] == "refused" or tuple(row["set"].values())[3:7:3] != (1, 4)]
    axes = heat(Rows(rows), "x", over=("choice0", "choice3"))
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    assert mesh.get_array().shape == (5, 2)
    for (x, y), time in best.items():
        assert mesh.get_array()[y, x] == pytest.approx(time)
    assert mesh.get_array().mask.sum() == 1
    (hatched,) = (each for each in axes.collections if isinstance(each, PathCollection))
    assert hatched.get_hatch() == style.REFUSED[max(sorted(why), key=why.get)].hatch


def test_a_heat_map_is_over_the_choices_that_matter_most_or_those_asked_for():
    sets = (
        dict(zip(("plan.a", "plan.b", "plan.c", "plan.d"), each, strict=True))
        for each in itertools.product((0, 1), repeat=4)
    )
    rows = [
        done(number, own, 1 + own["plan.b"] + 10 * own["plan.d"] + own["plan.a"] / 9) for number, own in enumerate(sets)
    ]
    axes = drawn(rows, "x", "heat")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("b", "d")
    axes = heat(Rows(rows), "x", over=("plan.c", "a"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("c", "a")
    with pytest.raises(ValueError, match=r"Did you mean 'plan\.a'"):
        heat(Rows(rows), "x", over=("plan.aa", "b"))
    for over in (["a"], ["a", "plan.a"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match="over two choices"):
            heat(Rows(rows), "x", over=over)


# --- the Pareto front ---


def by_definition(figures):
    """Return the rows that no other dominates, of equal ones the first."""
    rows = figures.tolist()
    kept = []
    for one, mine in enumerate(rows):
        others = (
            all(o <= m for o, m in zip(other, mine, strict=True)) and (other != mine or place < one)
            for place, other in enumerate(rows)
            if place != one
        )
        if not any(others):
            kept.append(one)
    return sorted(kept, key=lambda row: (rows[row], row))


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_that_of_its_definition(seed):
    draw = np.random.default_rng(seed)
    figures = draw.integers(1, 9, (60, draw.integers(1, 4))).astype(float)
    assert front(figures).tolist() == by_definition(figures)


def test_equal_rows_and_some_of_many():
    figures = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0 + 1e-9], [3.0, 3.0]])
    assert (equal(figures, 0), equal(figures, 3)) == (1, 0)
    many = np.stack((np.arange(100.0), np.arange(100.0)[::-1], np.abs(np.arange(100.0) - 33)), axis=1)
    chosen = some(many, 16)
    assert len(chosen) == 16
    assert {0, 33, 99} <= set(chosen)
    assert some(many[:5], 16) == [0, 1, 2, 3, 4]


def test_a_front_by_hand():
    # Row 1 dominates row 3; row 2 is dominated in memory alone; row 4 equals row 0.
    figures = [(1.0, 80e9, 3.0), (2.0, 40e9, 2.0), (3.0, 60e9, 1.0), (4.0, 50e9, 2.0), (1.0, 80e9, 3.0)]
    rows = [done(number, {"plan.t": number}, *each) for number, each in enumerate(figures)]
    figure = drawn(rows, "x", "pareto").figure
    memory, cost = figure.axes
    assert (memory.get_xlabel(), memory.get_ylabel()) == ("iteration time (s)", "peak memory (GB)")
    assert (cost.get_xlabel(), cost.get_ylabel()) == ("iteration time (s)", "cost (USD)")
    numbered = [{text.get_text(): text.xy for text in axes.texts} for axes in figure.axes]
    assert numbered[0] == {"1": pytest.approx((1, 80)), "2": pytest.approx((2, 40)), "3": pytest.approx((3, 60))}
    assert numbered[1] == {"1": pytest.approx((1, 3)), "2": pytest.approx((2, 2)), "3": pytest.approx((3, 1))}
    steps = [axes.lines[1].get_xydata().tolist() for axes in figure.axes]
    assert steps == [[[1, 80], [2, 40]], [[1, 3], [2, 2], [3, 1]]]
    assert {axes.lines[1].get_drawstyle() for axes in figure.axes} == {"steps-post"}  # what is reached is to the right
    words = [word for word, _ in seen(figure)]
    assert "and 1 equal" in words
    lines = {round(text.get_position()[1], 6): [] for text in figure.texts}
    for text in figure.texts:
        lines[round(text.get_position()[1], 6)].append(text.get_text())
    assert ["3", "3", "60", "1", "2", ""] in lines.values()


def test_rows_of_unknown_cost_are_apart_and_the_front_counts_the_cost_of_the_others():
    # Row 3 has the least cost, row 2 is dominated; row 0 is the fastest, of unknown cost, and dominates nothing.
    figures = [(1.0, 40e9, None), (2.0, 40e9, 2.0), (3.0, 50e9, 3.0), (4.0, 50e9, 1.0)]
    rows = [done(number, {"plan.t": number}, *each) for number, each in enumerate(figures)]
    figure = drawn(rows, "x", "pareto").figure
    memory, cost = figure.axes
    assert {text.get_text(): text.xy[0] for text in cost.texts} == {"1": pytest.approx(2), "2": pytest.approx(4)}
    (apart,) = [line for line in memory.lines if line.get_marker() == "D"]
    assert apart.get_xydata().tolist() == [[1, 40]]
    assert memory.lines[0].get_xdata().tolist() == [2, 3, 4]
    assert memory.lines[1].get_xydata().tolist() == [[2, 40]]
    words = [word for word, _ in seen(figure)]
    assert "cost is not known: not compared" in words
    with pytest.raises(RunError, match="of no row all of"):
        drawn([rows[0], rows[1] | {"peak_memory_bytes": None}], "x", "pareto")


def test_cost_at_one_price_has_no_panel_and_values_that_all_have_are_named_once():
    sets = [{"plan.t": 1, "plan.s": "a"}, {"plan.t": 2, "plan.s": "a"}, {"plan.t": 2, "plan.s": "b"}]
    figures = [(1.0, 80e9), (2.0, 40e9), (3.0, 90e9)]
    rows = [done(n, one, *two, cost=0.3 * two[0]) for n, (one, two) in enumerate(zip(sets, figures, strict=True))]
    figure = drawn(rows, "x", "pareto").figure
    assert [axes.get_ylabel() for axes in figure.axes] == ["peak memory (GB)"]
    words = " ".join(word for word, _ in seen(figure))
    assert "all on the front have s=a; cost is iteration time at one price, so it has no panel" in words
    assert "cost (USD)" in words
    rows[2]["cost"] = 0.8
    assert len(drawn(rows, "x", "pareto").figure.axes) == 2


def test_what_is_not_known_has_no_panel_and_is_told():
    figure = drawn(CASES["no cost"](), "x", "pareto").figure
    assert [axes.get_ylabel() for axes in figure.axes] == ["peak memory (GB)"]
    assert any("cost is not known" in word for word, _ in seen(figure))
    rows = few()
    rows[0]["cost"] = None
    figure = drawn(rows, "x", "pareto").figure
    assert [axes.get_ylabel() for axes in figure.axes] == ["peak memory (GB)", "cost (USD)"]
    assert any("cost of 1 rows is not known" in word for word, _ in seen(figure))


def test_numbers_move_away_from_each_other_and_from_points():
    axes = Figure(figsize=(4, 4)).add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = np.full((12, 2), 0.5) + np.arange(12)[:, None] * 1e-4
    numbers(axes, points, {place: str(place) for place in range(12)})
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.padded(-1).overlaps(other.padded(-1)) for one, other in itertools.combinations(boxes, 2))
    at = axes.transData.transform((0.5, 0.5))
    assert not any(box.contains(*at) for box in boxes)
    assert [text.get_text() for text in axes.texts] == [str(place) for place in range(12)]


def test_columns_without_room_are_left_out():
    table = [["number", "1"], *([f"a long name of a column {n}", "x"] for n in range(9))]
    found = fitting(table, 4.0, [0])
    assert found[0] == ["number", "1"]
    assert 1 < len(found) < len(table)
    assert sum(max(width(word, 8.0) for word in column) for column in found) < 4.0 * 72
    assert len(fitting(table, 40.0)) == len(table)


# --- parallel coordinates ---


def test_parallel_coordinates_by_hand():
    axes = drawn(few(), "x", "parallel")
    (rows,) = (each for each in axes.collections if isinstance(each, LineCollection))
    y = np.array(rows.get_segments())[::-1, :, 1]  # the fastest first: (2, 1f1b) (4, 1f1b) (4, gpipe) (2, gpipe) ...
    values = [(1, 1), (2, 1), (2, 0), (1, 0), (0, 1), (0, 0)]  # the places of their values
    for line, (tensor, schedule) in zip(y, values, strict=True):
        assert abs(line[0] - (tensor + 0.5) / 4) < 0.25 / 4
        assert abs(line[1] - (schedule + 0.5) / 2) < 0.25 / 2
    # By hand: 1.5, 1.75, 2, 2.5, 3, 4 s from 0 to 1.
    assert y[:, 2].tolist() == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.6, 1.0])
    assert (np.diff(y[[0, 1, 4], 1]) > 0).all()  # of one value, the fastest lowest
    names = [text.get_text() for text in axes.texts]
    assert {"tensor", "schedule", "iteration time", "exposed", "MFU", "gpipe", "1f1b", "1", "8"} <= set(names)
    assert "peak memory" not in names  # it is the same of all


def test_the_ten_fastest_are_bold():
    axes = drawn(thousands(), "x", "parallel")
    bold = [line for line in axes.lines if line.get_linewidth() == 2.2]
    times = sorted(row["iteration_s"] for row in thousands() if row["status"] == "done")
    time = 8  # after eight choices
    low, high = times[0], times[-1]
    ends = sorted(line.get_ydata()[time] for line in bold)
    shares = (np.log(times[:10]) - np.log(low)) / (np.log(high) - np.log(low))  # over 8 times: by logarithms
    assert ends == pytest.approx(shares.tolist())
    (rows,) = (each for each in axes.collections if isinstance(each, LineCollection))
    assert len(rows.get_segments()) == 1_500


def test_few_rows_have_few_bold_lines_and_gaps_are_explained():
    rows = few()
    rows[0] |= {"cost": 0.2, "energy_j": 1.0}
    axes = drawn(rows, "x", "parallel")
    assert len([line for line in axes.lines if line.get_linewidth() == 2.2]) == 1
    words = [word for word, _ in seen(axes.figure)]
    assert "the fastest" in words
    assert any("a line has a gap where energy is not known" in word for word in words)
