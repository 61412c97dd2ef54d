"""The clock's unit: decimals of up to 15 digits and their quotients are whole ticks, so sums on paper are sums."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import parsim
from parsim.sim.ticks import COARSEST, MOST, Ticks, finest, fitting, unit_of

decimals = st.builds(
    lambda digits, places: float(f"{digits}e-{places}"), st.integers(1, 10**15 - 1), st.integers(0, 15)
)


def paper(seconds, ticks):
    """Return the exact ticks of a stated time."""
    return Fraction(f"{seconds:.15g}") * ticks.unit * Fraction(10) ** ticks.digits


@given(st.lists(decimals, min_size=1, max_size=20), st.sampled_from([1, 3, 63, 693]), st.sampled_from([1, 10, 10**4]))
@example(times=[999999999999998.0], unit=1, others=1)
@example(times=[9.99999999999998], unit=3, others=1)
def test_stated_times_that_a_tick_divides_are_exact(times, unit, others):
    column = np.array(times)
    ticks = finest(float(column.sum()) * others, min(times), unit)
    for seconds, whole in zip(times, ticks.column(column).tolist(), strict=True):
        exact = paper(seconds, ticks)
        assert whole == pytest.approx(exact, rel=2e-15, abs=0.5)
        if exact.denominator == 1:
            assert whole == exact == ticks.of(seconds)


COMPUTED = st.builds(lambda count, by, power: count / by * 10.0**power,
                     st.integers(1, 10**6), st.sampled_from([3, 7, 11, 13]), st.integers(-9, 0))  # fmt: skip


@given(st.one_of(decimals, COMPUTED, st.floats(1e-6, 1e3)), st.sampled_from([1, 3, 7, 63]), st.integers(9, 21))
@example(9.153846153846155e-05, 1, 21)
@example(0.0009833333333333335, 1, 19)
@example(0.13076923076923078, 7, 18)
@example(9.385714285714286e-05, 1, 19)
def test_one_time_has_the_same_ticks_alone_and_in_a_column(seconds, unit, digits):
    ticks = Ticks(unit, digits)
    assume(seconds * unit * 10.0**digits < MOST)
    assert ticks.column(np.array([seconds])).tolist() == [ticks.of(seconds)]


@given(st.integers(1, 10**9), st.sampled_from([3, 7, 9, 11, 21]))
def test_quotients_by_a_speed_are_exact(thousandths, speed):
    seconds = thousandths / 1000
    ticks = finest(seconds * 100, seconds / speed, unit_of([float(speed)], 63))
    assert ticks.of(seconds / speed) * speed == ticks.of(seconds)


def test_the_coarsest_tick_that_divides_all():
    assert fitting([np.array([0.1, 0.25]), np.array([3.0])], total=10.0)[:2] == (1, 2)
    assert fitting([np.array([1 / 3])], total=1.0, unit=3)[:2] == (3, 0)
    assert fitting([np.array([1e50])], total=1e50)[1] < 0


def test_a_tick_is_never_coarse_beside_the_shortest_time():
    for shortest in (1e-90, 1e-9, 1.0):
        ticks = finest(1e3, shortest)
        assert Fraction(1, ticks.unit) / Fraction(10) ** ticks.digits <= Fraction(COARSEST * shortest) * 2
        assert ticks.dtype is object or 1e3 * 10.0**ticks.digits <= MOST


@given(st.lists(st.integers(0, 2**61), min_size=1), st.integers(0, 17), st.sampled_from([1, 63]))
def test_seconds_are_rounded_once(whole, digits, unit):
    ticks = Ticks(unit, digits)
    exact = [float(Fraction(one, unit * 10**digits)) for one in whole]
    assert ticks.times(whole).tolist() == pytest.approx(exact, rel=2**-51, abs=0)
    small = [one % 2**53 for one in whole]
    if unit * 10**digits < 2**53:
        assert ticks.times(small).tolist() == [float(Fraction(one, unit * 10**digits)) for one in small]


# Right values of small scenarios: what is equal on paper is one instant, and who is ready at one goes by number.

TWO = {"devices": 2}
FULL = {"kind": "full", "bandwidth": "1 MB/s"}


def task(name, compute, after=None, **more):
    return {"name": name, "compute": compute} | ({"after": after} if after else {}) | more


def makespan(tasks, cluster=TWO, **more):
    scenario = {"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}, **more}
    return parsim.simulate(scenario).timeline.makespan_s


def tie(unit):
    """Three tasks of 1 *unit* end when one of 3 does; both workers are free, and x goes to the lower."""
    one, three, slow = f"{unit:.12g} s", f"{3 * unit:.12g} s", f"{1000 * unit:.12g} s"
    return [
        task("a1", {"w0": one}),
        task("b", {"w1": three}),
        task("a2", {"w0": one}, ["a1"]),
        task("a3", {"w0": one}, ["a2"]),
        task("x", {"w0": f"{10 * unit:.12g} s", "w1": slow}, ["a1"]),
    ]


@pytest.mark.parametrize("unit", [0.1, 1, 0.142857142857, 3, 1e-9, 7e-6, 1000, 1e50, 1e-50])
def test_the_unit_changes_nothing(unit):
    assert makespan(tie(unit), policy="list_order") == pytest.approx(13 * unit, rel=1e-12)


def test_thirds_by_speed_are_one_instant():
    cluster = {"devices": [{"name": "w0", "speed": 3}, "w1"]}
    tasks = [
        task("a1", {"w0": "1 s"}),  # as written
        task("b", "1 s"),
        *(task(f"c{i}", "1 s") for i in range(3)),
    ]
    rows = parsim.simulate({"cluster": cluster, "workload": {"kind": "tasks", "tasks": tasks}}).timeline.rows()
    ends = {row[1]: row[7] for row in rows}
    assert (ends["a1"], ends["b"], ends["c0"], ends["c1"], ends["c2"]) == (1, 1, 4 / 3, 2, 5 / 3)


def test_transfers_and_tasks_meet():
    # 700 kB at 1 MB/s arrive when seven tasks of 100 ms have ended: both workers are free, and x goes to w0.
    chain = [task(f"a{i}", {"w0": "100 ms"}, [f"a{i - 1}"] if i else ["z"]) for i in range(7)]
    tasks = [
        task("z", {"w0": "0 s"}),
        *chain,
        task("b", {"w1": "0 s"}, {"z": "700 kB"}),
        task("x", {"w0": "1 s", "w1": "50 s"}, ["z"]),
    ]
    assert makespan(tasks, {"devices": 2, "topology": FULL}, policy="list_order") == pytest.approx(1.7, rel=1e-12)


RIGHT = {
    "fifo within an instant, by number": (
        3,
        [task("z", "0 s"), task("a", "3 s", ["z"]), task("b", "1 s"), task("c", "1 s")],
        {"policy": "fifo"},
    ),
    "round_robin within an instant, by number": (
        6,
        [
            task("z", "0 s"),
            task("t1", "1 s"),
            task("t2", "1 s", ["z"]),
            task("t3", "5 s", ["t2"]),
            task("t4", "3 s"),
        ],
        {"policy": "round_robin"},
    ),
    "a task of 0 s ends in the pass after its start, also where an arrival started it": (
        4,
        [
            task("t0", "0 s"),
            task("t1", "500 ms"),
            task("t3", "2 s", {"t1": "500 ms"}),
            task("t5", "0 s", {"t0": "3 s", "t1": "500 ms"}),
            task("t6", "1 s", ["t5"]),
            task("t8", "1 s", {"t3": "500 ms"}),
        ],
        {"policy": "list_order"},
    ),
    "equal means go by number": (
        0.2,
        [
            task("t0", {"w0": "100 ms", "w1": "200 ms", "w2": "300 ms"}),
            task("t1", {"w0": "100 ms", "w1": "200 ms", "w2": "300 ms"}),
            task("t2", {"w0": "300 ms", "w1": "200 ms", "w2": "100 ms"}),
        ],
        {"policy": "spt", "cluster": {"devices": 3}},
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_small_scenarios(name):
    right, tasks, more = RIGHT[name]
    assert makespan(tasks, **more) == right


@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_tenths_are_exact(seed):
    """A chain of tenths and one task of their sum end together, after thousands of sums."""
    draw = random.Random(seed)
    tenths = [draw.randint(1, 9) for _ in range(3000)]
    tasks = [task(f"a{i}", {"w0": f"0.{n} s"}, [f"a{i - 1}"] if i else None) for i, n in enumerate(tenths)]
    total = f"{sum(tenths) / 10} s"
    tasks += [task("b", {"w1": total}), task("x", {"w0": "1 s", "w1": "50 s"}, ["a0"])]
    assert makespan(tasks, policy="list_order") == pytest.approx(sum(tenths) / 10 + 1, rel=1e-15)
