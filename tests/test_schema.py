"""The signature is the schema. Oracles: hand-written complaints; jsonschema for what the JSON Schema accepts."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scenarios import scenarios

from parsim.build import build
from parsim.core.errors import Complaint, Invalid, ScenarioError
from parsim.core.schema import Ask, Count, Name, Positive, Whole
from parsim.core.units import Bytes, BytesPerSecond, Seconds, Travel
from parsim.entries.registry import Shelf
from parsim.reading import load
from parsim.scenario import schema
from parsim.scenario.json_schema import json_schema
from parsim.scenario.schema import OneOf, check, model_of


class Stand(Shelf):
    """A shelf whose entries are all here."""

    def __init__(self) -> None:
        super().__init__("stand", "which?")
        self._discovered = True


toys, boxes = Stand(), Stand()
boxes.name = "boxes"


@toys.add("ball")
def ball(places: tuple[str, ...], size: Bytes, bounce: Seconds = 0.0) -> tuple[Any, ...]:
    """Roll.

    Further lines are for people.
    """
    return places, size, bounce


@toys.add("kite")
class Kite:
    """Fly."""


@toys.add("cube")
class Cube:
    """Stand."""

    def __init__(self, *, side: Count = 1) -> None:
        self.side = side


@boxes.add("box")
def box(inside: Annotated[Ask, OneOf(toys, given=("places",))], lid: bool = False) -> str:
    """Hold a toy."""
    return inside.name


@dataclass(frozen=True)
class Task:
    """A task."""

    name: Name
    compute: Seconds | dict[str, Seconds] = 0.0
    after: list[Name] | dict[Name, Travel] = field(default_factory=list)
    memory: Bytes = 0.0


class Flow(NamedTuple):
    from_: Name
    to: Name
    limit: BytesPerSecond = float("inf")


def tasks(tasks: list[Task], flows: tuple[Flow, ...] = (), devices: Count | list[Name | Task] = 2) -> None:
    """Play tasks."""


def plain(
    count: Count = 1,
    whole: Whole = 0,
    positive: Positive = 1.0,
    name: Name = "a",
    number: float = 1.0,
    integer: int = 1,
    text: str = "",
    truth: bool = False,
    choice: Literal["x", "y"] = "x",
    rate: BytesPerSecond | None = None,
    copy: Sequence[int] = (),
    table: Mapping[str, float] | None = None,
) -> None:
    """Take one of each."""


def complaints(function, raw, given=()):
    with pytest.raises(Invalid) as caught:
        check(function, raw, given)
    return list(caught.value.complaints)


def test_defaults_are_filled_in():
    assert check(plain, {}) == {
        "count": 1, "whole": 0, "positive": 1.0, "name": "a", "number": 1.0, "integer": 1, "text": "", "truth": False,
        "choice": "x", "rate": None, "copy": (), "table": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("count", 10_000_000, 10_000_000), ("whole", 0, 0), ("positive", 2, 2.0), ("number", 3, 3.0),
        ("number", -1.5, -1.5),
        ("integer", -3, -3), ("text", "", ""), ("truth", True, True), ("choice", "y", "y"), ("rate", "8 bit/s", 1.0),
        ("copy", [1, 2], [1, 2]), ("table", {"a": 1}, {"a": 1.0}),
    ],
)  # fmt: skip
def test_right_values(key, raw, value):
    found = check(plain, {key: raw})[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "raw", "message"),
    [
        ("count", 0, "0 is too small; it must be at least 1"),
        ("count", 10_000_001, "10000001 is too large; it must be at most 10000000"),
        ("count", "3", "wants a whole number, not the text '3'"),
        ("count", True, "wants a whole number, not true"),
        ("count", 3.0, "wants a whole number, not 3.0"),
        ("count", None, "wants a whole number, not nothing"),
        ("count", 10**300, "a whole number of 997 bits is too large; it must be at most 10000000"),
        ("whole", -1, "-1 is too small; it must be at least 0"),
        ("whole", 2**63, "9223372036854775808 is too large; it must be at most 9223372036854775807"),
        ("positive", 0, "0 is too small; it must be more than 0"),
        ("positive", -0.5, "-0.5 is too small; it must be more than 0"),
        ("positive", float("nan"), "wants a finite number, not nan"),
        ("positive", float("inf"), "wants a finite number, not inf"),
        ("positive", "2", "wants a number, not the text '2'"),
        ("positive", True, "wants a number, not true"),
        ("name", "", "must not be empty"),
        ("name", 4, "wants text, not 4"),
        ("name", False, "wants text, not false"),
        ("number", True, "wants a number, not true"),
        ("number", "1", "wants a number, not the text '1'"),
        ("number", float("inf"), "wants a finite number, not inf"),
        ("number", [1], "wants a number, not a list"),
        ("integer", True, "wants a whole number, not true"),
        ("integer", 1.5, "wants a whole number, not 1.5"),
        ("text", 1, "wants text, not 1"),
        ("text", {}, "wants text, not a mapping"),
        ("truth", 1, "wants true or false, not 1"),
        ("truth", "yes", "wants true or false, not the text 'yes'"),
        ("choice", "z", "wants one of 'x' or 'y', not the text 'z'"),
        ("rate", "8 bits", "'8 bits' has the unknown unit 'bits'; known are: B/s"),
        ("rate", 8, "'8' has no unit; write for example '8 Gbit/s'"),
        ("rate", None, "wants a bandwidth such as '400 Gbit/s', not nothing"),
        ("rate", [], "wants a bandwidth such as '400 Gbit/s', not a list"),
        ("copy", "ab", "wants a list, not the text 'ab'"),
        ("table", [], "wants a mapping, not a list"),
    ],
)
def test_wrong_values(key, raw, message):
    (found,) = complaints(plain, {key: raw})
    assert found.path == (key,)
    assert found.at == "value"
    assert found.message.startswith(message)


def test_every_complaint_has_its_full_path():
    raw = {
        "tasks": [
            {"nam": "t0", "compute": 3},
            {"name": "t1", "compute": {"p1": "3 MB"}, "after": {"t0": "10", "": "1 s"}},
            {"name": "t2", "after": ["t1", 4], "memory": "-1 B"},
            7,
        ],
        "flows": [{"from": "a", "from_": "b"}, {"from": "a", "to": "b", "limit": "0 B/s"}],
        "devices": ["a", {"name": "b", "memory": "1 s"}, 3],
        "devcies": 3,
    }
    assert set(complaints(tasks, raw)) == {
        Complaint(("tasks", 0, "name"), "is missing"),
        Complaint(("tasks", 0, "nam"), "unknown key 'nam'. Did you mean 'name'?", "key"),
        Complaint(("tasks", 0, "compute"), "'3' has no unit; write for example '3 s'"),
        Complaint(("tasks", 1, "compute", "p1"), "'3 MB' is a size; write a time, for example '5 s'"),
        Complaint(("tasks", 1, "after", "t0"), "'10' has no unit; write for example '10 s'"),
        Complaint(("tasks", 1, "after", ""), "must not be empty", "key"),
        Complaint(("tasks", 2, "after", 1), "wants text, not 4"),
        Complaint(("tasks", 2, "memory"), "'-1 B' is negative; write for example '10 MB'"),
        Complaint(("tasks", 3), "wants a mapping, not 7"),
        Complaint(("flows", 0, "to"), "is missing"),
        Complaint(("flows", 0, "from_"), "unknown key 'from_'. Did you mean 'from'?", "key"),
        Complaint(("flows", 1, "limit"), "'0 B/s' is zero; a bandwidth must be above 0, for example '400 Gbit/s'"),
        Complaint(("devices", 1, "memory"), "'1 s' is a time; write a size, for example '10 MB'"),
        Complaint(("devices", 2), "wants text, or a mapping, not 3"),
        Complaint(("devcies",), "unknown key 'devcies'. Did you mean 'devices'?", "key"),
    }


def test_records_arrive_as_instances():
    raw = {
        "tasks": [{"name": "a", "compute": {"p": "2 s"}}, {"name": "b", "compute": "1 s", "after": {"a": "1 kB"}}],
        "flows": [{"from": "a", "to": "b"}],
        "devices": [{"name": "c"}, "d"],
    }
    assert check(tasks, raw) == {
        "tasks": [Task("a", {"p": 2.0}), Task("b", 1.0, {"a": Travel(size=1000.0)})],
        "flows": (Flow("a", "b"),),
        "devices": [Task("c"), "d"],
    }


def test_a_default_made_anew_is_not_shared():
    one, two = check(tasks, {"tasks": [{"name": "a"}, {"name": "b"}]})["tasks"]
    assert one.after == two.after == []
    assert one.after is not two.after


@pytest.mark.parametrize("raw", [[], None, 3, "tasks"])
def test_the_whole_must_be_a_mapping(raw):
    (found,) = complaints(tasks, raw)
    assert found.path == ()
    assert found.message.startswith("wants a mapping, not ")


def test_a_record_that_complains_keeps_its_path():
    (found,) = complaints(holder, {"items": [{"low": 1, "high": 2}, {"low": 2, "high": 1}]})
    assert found == Complaint(("items", 1, "high"), "is less than low")


@dataclass(frozen=True)
class Range:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise Invalid([Complaint(("high",), "is less than low")])


def holder(items: list[Range]) -> None:
    """Hold ranges."""


KITE = Ask("kite")


def play(toy: Annotated[Ask, OneOf(toys, given=("places",))], also: Annotated[Ask, OneOf(toys)] = KITE) -> None:
    """Play with a toy."""


def test_an_entry_is_found_and_made():
    found = check(play, {"toy": {"kind": "ball", "size": "1 kB"}})
    assert found["toy"] == Ask("ball", ball, {"size": 1000.0, "bounce": 0.0})
    assert found["toy"].make(places=("a",)) == (("a",), 1000.0, 0.0)
    assert found["also"] == Ask("kite", Kite, {})
    assert isinstance(found["also"].make(), Kite)


def test_a_bare_name_is_its_kind():
    assert check(play, {"toy": "cube"})["toy"] == check(play, {"toy": {"kind": "cube"}})["toy"]
    assert check(play, {"toy": {"kind": "cube", "side": 3}})["toy"].make().side == 3


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("bal", Complaint(("toy",), "unknown name 'bal'. Did you mean 'ball'?")),
        ({"kind": "bal"}, Complaint(("toy", "kind"), "unknown name 'bal'. Did you mean 'ball'?")),
        ({"kind": "zzz"}, Complaint(("toy", "kind"), "unknown name 'zzz'; known are: ball, cube, kite")),
        ({"kind": 3}, Complaint(("toy", "kind"), "wants a name such as 'ball', not 3")),
        ({"size": "1 B"}, Complaint(("toy", "kind"), "is missing; write for example 'kind: ball'")),
        (3, Complaint(("toy",), "wants a name such as 'ball', or a mapping with 'kind', not 3")),
        ("ball", Complaint(("toy", "size"), "is missing; write for example 'size: 10 MB'")),
        ({"kind": "ball"}, Complaint(("toy", "size"), "is missing; write for example 'size: 10 MB'")),
        ({"kind": "cube", "side": 0}, Complaint(("toy", "side"), "0 is too small; it must be at least 1")),
        ({"kind": "cube", "sied": 2}, Complaint(("toy", "sied"), "unknown key 'sied'. Did you mean 'side'?", "key")),
        ({"kind": "kite", "x": 2}, Complaint(("toy", "x"), "unknown key 'x'; no names are known here", "key")),
        (
            {"kind": "ball", "size": "1 B", "places": []},
            Complaint(("toy", "places"), "unknown key 'places'; known are: bounce, size", "key"),
        ),
    ],
)
def test_a_wrong_ask(raw, expected):
    assert complaints(play, {"toy": raw}) == [expected]


def test_shelves_within_shelves_keep_the_path():
    def store(boxes: list[Annotated[Ask, OneOf(boxes)]]) -> None: ...

    raw = {"boxes": ["box", {"kind": "box", "inside": {"kind": "ball", "size": 3}, "lid": 1}]}
    assert complaints(store, raw) == [
        Complaint(("boxes", 0, "inside"), "is missing; write for example 'inside: ball'"),
        Complaint(("boxes", 1, "inside", "size"), "'3' has no unit; write for example '3 MB'"),
        Complaint(("boxes", 1, "lid"), "wants true or false, not 1"),
    ]


def test_a_default_ask_that_was_not_checked_says_so():
    with pytest.raises(TypeError, match="is still unchecked"):
        Ask("fifo").make()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "kind", "ball"]), inner),
    max_leaves=10,
)


RAWS = st.dictionaries(st.sampled_from(["tasks", "flows", "devices", "toy", "count", "table", "rate", "copy"]), JSON)


@given(RAWS)
def test_anything_gives_arguments_or_complaints(raw):
    for function in (tasks, plain, play):
        assert all(isinstance(told, Complaint) and told.message for told in all_complaints(function, raw))


@settings(max_examples=30, deadline=None)
@given(scenario=scenarios())
def test_what_is_read_without_pydantic_is_what_pydantic_reads(scenario):
    plainly, read = schema._plainly, []

    def both(function, given, raw):
        found = plainly(function, given, raw)
        read.append(function)
        assert repr(found) == repr(schema._arguments(function, given, model_of(function, given).model_validate, raw))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_plainly", both)
        with suppress(ScenarioError):  # where a task has no room on any device: it is read before
            build(load(scenario))
    assert len(read) >= 5  # the scenario, its cluster, workload, plan and cost


@given(raw=RAWS)
def test_what_pydantic_refuses_is_in_doubt(raw):
    for function in (tasks, plain, play):
        try:
            found = schema._plainly(function, (), raw)
        except (Invalid, ValueError):
            continue
        assert repr(found) == repr(schema._arguments(function, (), model_of(function).model_validate, raw))


def all_complaints(function, raw):
    try:
        check(function, raw)
    except Invalid as invalid:
        return invalid.complaints
    return ()


GOOD = [
    (plain, {}),
    (plain, {"count": 3, "rate": "400 Gbit/s", "choice": "y", "copy": [1], "table": {"a": 1.5}}),
    (tasks, {"tasks": [{"name": "a", "compute": {"p": "2 s"}, "after": {"b": "1 GB"}}], "devices": ["a"]}),
    (tasks, {"tasks": [], "devices": 3, "flows": [{"from": "a", "to": "b", "limit": "1 B/s"}]}),
    (play, {"toy": "cube"}),
    (play, {"toy": {"kind": "ball", "size": "1 kB"}, "also": "kite"}),
]
BAD = [
    (plain, {"count": 0}),
    (plain, {"rate": "0 B/s"}),
    (plain, {"rate": "010 B/s"}),
    (plain, {"x": 1}),
    (tasks, {}),
    (tasks, {"tasks": [{"compute": "1 s"}]}),
    (tasks, {"tasks": [{"name": "a", "after": {"b": "1"}}]}),
    (play, {"toy": "ball"}),
    (play, {"toy": {"kind": "ball", "size": "1 kB", "places": []}}),
    (play, {"toy": {"kind": "bell"}}),
]


def valid(function, raw):
    schema = json_schema(function)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid(raw)


@pytest.mark.parametrize(("function", "raw"), GOOD)
def test_what_is_right_fits_the_json_schema(function, raw):
    check(function, raw)
    assert valid(function, raw)


@pytest.mark.parametrize(("function", "raw"), BAD)
def test_what_is_wrong_does_not_fit_the_json_schema(function, raw):
    complaints(function, raw)
    assert not valid(function, raw)


def test_the_json_schema_describes_and_gives_defaults():
    schema = json_schema(play)
    toy = schema["$defs"]["stand-places"]["anyOf"]
    assert toy[0] == {"enum": ["cube", "kite"], "enumDescriptions": ["Stand.", "Fly."]}
    assert toy[1]["description"] == "Roll."
    assert toy[1]["properties"]["kind"] == {"const": "ball", "description": "Roll."}
    assert toy[1]["properties"]["bounce"]["default"] == "0 s"
    assert toy[1]["required"] == ["kind", "size"]
    assert toy[1]["additionalProperties"] is False
    assert schema["properties"]["also"]["default"] == "kite"
    assert schema["description"] == "Play with a toy."
    assert "default" not in json_schema(tasks)["$defs"]["Flow"]["properties"]["limit"]


def test_models_are_made_once():
    assert model_of(tasks) is model_of(tasks)
    assert model_of(ball, ("places",)) is not model_of(ball)


def test_importing_the_schema_does_not_import_pydantic():
    load = "parsim.scenario.schema, parsim.scenario.scenario"
    code = f"import sys, {load}; print('pydantic' in sys.modules, 'yaml' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
