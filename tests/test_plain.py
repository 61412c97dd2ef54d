"""What a run's result may hold: what JSON holds, on every clock; all else fails in a line that names who made it."""

import collections
import decimal
import enum
import fractions
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.json_values import DEEPEST, MOST, Unwritable, plain
from parsim.entries.registry import SHELVES, shelf


class Whole(enum.IntEnum):
    FOUR = 4


class Letter(enum.Enum):
    A = "a"


class Shouting(str):
    __slots__ = ()

    def __str__(self):
        return self.upper()


class Wrong(float):
    def __repr__(self):
        return "wrong"


class Silent:
    def __repr__(self):
        raise ValueError("no repr")


class Classless:
    @property
    def __class__(self):
        raise ValueError("no class")


class Closed(dict):
    def items(self):
        raise RuntimeError("two\nlines")


def nested(levels):
    found = []
    for _ in range(levels - 1):
        found = [found]
    return found


def doubled(times):
    """Return a list that holds 2^times lists, few of which are its own."""
    found = [1]
    for _ in range(times):
        found = [found, found]
    return found


def endless(kind):
    found = kind()
    if isinstance(found, dict):
        found["a"] = [found]
    else:
        found.append({"b": found})
    return found


def endless_array():
    found = np.empty(1, object)
    found[0] = found
    return found


HELD = [
    (None, None), (True, True), (3, 3), (0.1, 0.1), ("é中\x1b", "é中\x1b"), ((1, (2.0,)), [1, [2.0]]),
    ({"a": {"b": ()}}, {"a": {"b": []}}),
    (np.int64(3), 3), (np.uint8(200), 200), (np.bool_(True), True), (np.float32(0.5), 0.5), (np.float16(1.5), 1.5),
    (np.longdouble(2), 2.0), (np.str_("a"), "a"), (np.array(3), 3), (np.zeros((2, 0)), [[], []]),
    (np.arange(4.0).reshape(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
    (np.array([1, None, "a", (2,)], object), [1, None, "a", [2]]), (np.array(["a", "bc"]), ["a", "bc"]),
    (Whole.FOUR, 4), (Shouting("a"), "a"), (Wrong(2.5), 2.5), ({np.str_("a"): 1}, {"a": 1}),
    (collections.namedtuple("Pair", "one other")(1, 2), [1, 2]), (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (10**4000, 10**4000), ([1e308, -1e308], [1e308, -1e308]), ([True, 1], [True, 1]),
]  # fmt: skip
REFUSED = [
    (1j, "1j of type complex"), ({2}, "{2} of type set"), (frozenset(), "frozenset() of type frozenset"),
    (b"x", "b'x' of type bytes"), (bytearray(b"x"), "of type bytearray"), (range(3), "range(0, 3) of type range"),
    ((one for one in ()), "of type generator"), (object(), "of type object"), (len, "of type builtin_function"),
    (Letter.A, "of type Letter"), (decimal.Decimal(1), "Decimal('1') of type Decimal"),
    (fractions.Fraction(1, 3), "of type Fraction"), (collections.UserDict(), "of type UserDict"),
    (Silent(), "of type Silent"),
    (Closed(a=1), r"a value, which cannot be read: RuntimeError: two\nlines"),
    (math.inf, "inf, which is not a finite number"),
    (-math.inf, "-inf, which is not a finite number"), (math.nan, "nan, which is not a finite number"),
    (np.float64("nan"), "nan, which is not a finite number"),
    (np.longdouble("1e400"), "inf, which is not a finite number"),
    (np.array("2001", "M8[D]"), "of type ndarray"), (np.timedelta64(3, "s"), "of type timedelta64"),
    (np.complex64(1), "of type complex64"), (np.zeros(1, [("a", int)]), "of type ndarray"),
    (np.array([b"a"]), "of type ndarray"), (np.ma.masked, "of type MaskedConstant"),
    (np.ma.array([1, 2], mask=[0, 1]), "of type MaskedArray"),
    ("a\ud800", r"text with '\ud800', half of a surrogate pair"), (np.str_("\udfff"), r"text with '\udfff'"),
    (10**5000, "a whole number of 16610 bits, too long to write"),
    ({1: 2}, "a mapping with the key 1 of type int"), ({None: 2}, "the key None of type NoneType"),
    (np.zeros(MOST + 1, np.int8), "more than 10,000,000 values"),
]  # fmt: skip
INSIDE = [
    (endless(list), "itself at [0]['b'], which is endless"), (endless(dict), "itself at ['a'][0], which is endless"),
    (endless_array(), "itself at [0], which is endless"),
    (nested(DEEPEST + 1), "lists or mappings nested deeper than 100 levels at [0][0][0][0]..."),
    (nested(50_000), "nested deeper than 100 levels"), (doubled(60), "more than 10,000,000 values at "),
    ([0.0, [math.nan]], "nan at [1][0], which is not a finite number"),
    ((1, {"a": math.inf}), "inf at [1]['a'], which is no"),
    (np.array([[1.0, math.inf]]), "inf at [0][1], which is not a finite number"),
    ({"\ud800": 1}, r"text with '\ud800' at"),
    ([1, np.array([2, {3}], object)], "{3} of type set at [1][1], which JSON cannot represent"),
    ({"x": [10**5000]}, "a whole number of 16610 bits at ['x'][0], too long to write"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), HELD, ids=[f"{value!r:.40}" for _, value in HELD])
def test_what_json_holds(value, expected):
    found = plain(value)
    assert found == expected
    assert json.dumps(found, allow_nan=False) == json.dumps(expected, allow_nan=False)
    assert kinds(found) <= {type(None), bool, int, float, str, list, dict}


WRONG = [*(("is", *row) for row in REFUSED), *(("holds", *row) for row in INSIDE)]


@pytest.mark.parametrize(("verb", "value", "told"), WRONG, ids=[told for *_, told in WRONG])
def test_what_json_cannot_hold(verb, value, told):
    with pytest.raises(Unwritable) as refused:
        plain(value)
    assert str(refused.value).startswith(f"the result {verb} ")
    assert told in str(refused.value)


def test_an_object_that_fails_as_it_is_looked_at():
    with pytest.raises(Unwritable, match=r"^the result is a value, which cannot be read: ValueError: no class$"):
        plain(Classless())


def test_what_is_shared_is_no_cycle():
    shared = [1, 2]
    assert plain({"a": shared, "b": [shared, shared]}) == {"a": [1, 2], "b": [[1, 2], [1, 2]]}
    assert len(plain(nested(DEEPEST))) == 1
    assert plain(doubled(10)) == doubled(10)


def kinds(value):
    """Return the types that a value is made of."""
    inside = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return {type(value)}.union(*map(kinds, inside))


TEXT = st.text(max_size=5)  # hypothesis makes no surrogates
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
STEPS = st.lists(TEXT | st.integers(0, 3), max_size=8)


def as_numpy(value):
    """Return the same value in tuples and NumPy's types."""
    if isinstance(value, list):
        return tuple(map(as_numpy, value))
    if isinstance(value, dict):
        return {np.str_(key): as_numpy(one) for key, one in value.items()}
    return np.asarray(value, object)[()] if isinstance(value, str | int) else np.asarray(value)[()]


@given(JSON)
def test_json_is_held_as_it_is_and_comes_back(value):
    assert plain(value) == value
    assert plain(as_numpy(value)) == value
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == value


@given(JSON, STEPS, st.sampled_from([one for one, _ in REFUSED[:-1]]))
def test_one_wrong_value_anywhere_is_refused_with_its_place(beside, steps, wrong):
    value = wrong
    for step in reversed(steps):
        value = {"beside": beside, step: value} if isinstance(step, str) else [beside] * step + [value, beside]
    with pytest.raises(Unwritable) as refused:
        plain(value)
    assert list(refused.value.steps[: len(steps)]) == steps


# -- on every clock

BAD = '''
"""Merges and kernels whose answers JSON cannot hold, or that go to another folder."""

import os

import numpy as np

from parsim.kernels import kernels
from parsim.merges import merges

ANSWERS = {"cplx": 1j, "sets": {1: {2, 3}}, "octets": b"x", "surr": "\\ud800", "day": np.array(["2001"], "M8[D]"),
           "endless": [1.0, [float("inf")]], "npint": np.int64(3), "cyc": []}
ANSWERS["cyc"].append(ANSWERS["cyc"])


def both(answer):
    def merge(values):
        return answer

    def kernel(value):
        return answer

    return merge, kernel


for name, answer in ANSWERS.items():
    merge, kernel = both(answer)
    merges.add(name)(merge)
    kernels.add(name)(kernel)


@merges.add("wanders")
def wanders(values):
    os.chdir("/")
    return sum(values)


@kernels.add("roams")
def roams(value):
    os.chdir("/")
    return 2 * value
'''
CLOCKS = {"simulated": ["run"], "live": ["run", "--set", "clock=live"], "replayed": ["replay"]}


def answers(*names):
    """Yield each clock with each answer; processes, which take long to start, with the first and the last."""
    for clock in CLOCKS:
        yield from ((clock, name) for name in (names[:: len(names) - 1] if clock == "replayed" else names))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text(BAD)
    scenario = {
        "cluster": {"devices": 2},
        "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum"},
        "plan": {"split": "data"},
        "cost": {"kind": "constant", "compute": "1 s"},
    }
    (tmp_path / "items.yaml").write_text(json.dumps(scenario))
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


@pytest.mark.parametrize(("clock", "name"), [*answers("cplx", "sets", "octets", "surr", "day", "endless", "cyc")])
def test_a_merge_whose_answer_json_cannot_hold(here, command, clock, name):
    asked = ["items.yaml", "--with", "bad.py", "--set", f"workload.merge={name}"]
    code, out, err = command(*CLOCKS[clock], *asked, "--out", "out", "--json")
    assert (code, out) == (1, "")
    assert err.startswith("parsim: merge on host: the result ")
    assert err.endswith(f" (merge {name} (bad.py:28), kernel double)\n")
    assert err.count("\n") == 1
    assert not (here / "out").exists()


@pytest.mark.parametrize(("clock", "name"), [*answers("cplx", "sets", "octets", "surr", "day", "endless")])
def test_a_kernel_whose_outputs_make_no_result(here, command, clock, name):
    asked = ["items.yaml", "--with", "bad.py", "--set", f"workload.kernel={name}"]
    code, out, err = command(*CLOCKS[clock], *asked, "--out", "out", "--json")
    assert (code, out) == (1, "")
    assert err.startswith("parsim: merge on host: ")
    assert err.endswith(f" (merge sum, kernel {name} (bad.py:29))\n")
    assert err.count("\n") == 1
    assert not (here / "out").exists()


@pytest.mark.parametrize("clock", CLOCKS)
def test_numbers_of_numpy_are_numbers(here, command, clock):
    code, out, _ = command(*CLOCKS[clock], "items.yaml", "--with", "bad.py", "--set", "workload.merge=npint", "--json")
    run = json.loads(out)
    assert (code, run.get("measured", run)["result"]) == (0, 3)


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(
    "asked",
    [CLOCKS["simulated"], CLOCKS["live"], ["validate"], ["explain"], ["scaling"], ["replay", "--repeat", "2"]],
)
def test_code_that_goes_to_another_folder_moves_nothing(here, command, asked):
    """Neither what is written, nor what is read later, nor the caller."""
    further = ["--set", "workload.kernel=roams", "--set", "workload.merge=wanders", "--out", "out", "--quiet"]
    code, _, err = command(*asked, "items.yaml", "--with", "bad.py", *further)
    assert (code, err) == (0, "")
    assert list((here / "out").rglob("*.json"))
    assert command("run", "items.yaml", "--quiet") == (0, "", "")


def test_a_file_that_goes_to_another_folder_as_it_is_loaded(here, command):
    (here / "goes.py").write_text(
        "import os\nos.chdir('/')\n" + BAD.replace('"cplx"', '"other"').replace("wanders", "w")
    )
    code, _, err = command("run", "items.yaml", "--with", "goes.py", "--out", "out", "--quiet")
    assert (code, err) == (0, "")
    assert (here / "out" / "result.json").exists()


def test_a_merge_that_answers_nothing_has_run(here):
    """`null` is a result; only where nothing runs does the report say so."""
    (here / "none.py").write_text(BAD.replace('"npint": np.int64(3)', '"nothing": None'))
    parsim.use("none.py")
    run = parsim.simulate("items.yaml", set={"workload.merge": "nothing"})
    assert run.to_dict()["result"] is None
    assert "does not run these kernels" not in run.report()
