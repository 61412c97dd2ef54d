"""YAML with places: values, positions counted by hand, and every trap closed. Oracle for values: PyYAML, json.""" ""

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from parsim.core.errors import Invalid, ScenarioError
from parsim.scenario import document


def read(text):
    return document.read(text.encode(), "a.yaml")


def lines(text):
    data = text if isinstance(text, bytes) else text.encode()
    try:
        found = document.read(data, "a.yaml").faults
    except ScenarioError as error:
        found = error.faults
    return [str(fault) for fault in found]


TEXT = """\
# a comment
cluster: {devices: 2, topology: star}
workload:
  tasks:
    - {name: t1, compute: 3 s}
    - name: t2
      after: [t1,
        t0]
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (2, 1), (2, 1)),
        (("cluster",), (2, 10), (2, 1)),
        (("cluster", "devices"), (2, 20), (2, 11)),
        (("cluster", "topology"), (2, 33), (2, 23)),
        (("workload",), (4, 3), (3, 1)),
        (("workload", "tasks"), (5, 5), (4, 3)),
        (("workload", "tasks", 0), (5, 7), (5, 7)),
        (("workload", "tasks", 0, "compute"), (5, 27), (5, 18)),
        (("workload", "tasks", 1), (6, 7), (6, 7)),
        (("workload", "tasks", 1, "after", 1), (8, 9), (8, 9)),
        (("cluster", "missing"), (2, 10), (2, 10)),
        (("cluster", "topology", "bandwidth"), (2, 33), (2, 33)),
        (("workload", "tasks", 7, "name"), (5, 5), (5, 5)),
        (("nothing", "at", "all"), (2, 1), (2, 1)),
    ],
)
def test_places(path, value, key):
    found = read(TEXT)
    assert found.position(path) == value
    assert found.position(path, "key") == key


def test_values_are_those_of_a_yaml_reader():
    assert read(TEXT).values["workload"] == yaml.load(TEXT, Loader=yaml.BaseLoader)["workload"]
    assert read(TEXT).values["cluster"] == {"devices": 2, "topology": "star"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e6", 5e6), ("5E-6", 5e-6), ("4", 4), ("-4", -4), ("+4", 4), ("0", 0), ("0.5", 0.5), (".5", 0.5), ("5.", 5.0),
        ("1e999", math.inf), (".inf", math.inf), ("-.inf", -math.inf), ("true", True), ("false", False), ("null", None),
        ("~", None), ("", None), ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("2024-01-01", "2024-01-01"), ("1_000", "1_000"), ("0x10", "0x10"), ("0o17", "0o17"), ("1:30", "1:30"),
        ("5 us", "5 us"), ("'4'", "4"), ('"true"', "true"), ("''", ""), ("1e", "1e"), (".", "."), ("-", None),
        ("=", "="), ("<<", "<<"), ("nan", "nan"), ("inf", "inf"),
    ],
)  # fmt: skip
def test_scalars(text, value):
    if text == "-":
        value = [None]
        assert read("a:\n  -").values == {"a": value}
        return
    found = read(f"a: {text}").values["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_float():
    assert math.isnan(read("a: .nan").values["a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["a.yaml:1:1: yaml: is empty"]),
        ("# nothing\n\n", ["a.yaml:1:1: yaml: is empty"]),
        ("a: 1\nb: 2\na: 3\n", ["a.yaml:3:1: a: the key 'a' is already in line 1; write it once"]),
        (
            "l:\n  - {x: {y: 1, y: 2}}\n",
            ["a.yaml:2:16: l[0].x.y: the key 'y' is already in line 2; write it once"],
        ),
        ("a: 010", ["a.yaml:1:4: a: 010 starts with a zero; leave the zero out, or write it in quotes if it is text"]),
        ("a: [-01.5]", [
            "a.yaml:1:5: a[0]: -01.5 starts with a zero; leave the zero out, or write it in quotes if it is text"]),
        ("a: '010'", []),
        ("a: 007 agents", []),
        ("1: x", ["a.yaml:1:1: 1: the key 1 is not text; write '1' in quotes"]),
        ("'1': x", []),
        ("true: x", ["a.yaml:1:1: true: the key true is not text; write 'true' in quotes"]),
        ("no: x", []),
        ("? [1, 2]\n: 3", ["a.yaml:1:3: ?: a key must be text"]),
        ("a: &x 1\nb: *x", ["a.yaml:1:4: a: '&x' is an anchor; leave it out",
                            "a.yaml:2:4: b: '*x' is an alias; write the value out"]),
        ("a: !!python/object:os.system x", [
            "a.yaml:1:4: a: 'tag:yaml.org,2002:python/object:os.system' is a tag; leave it out"]),
        ("a: !x {b: 1}", ["a.yaml:1:4: a: '!x' is a tag; leave it out"]),
        ("a: 1\n---\nb: 2", ["a.yaml:2:1: yaml: a second document starts here; a scenario is a single document"]),
        (b"a: \xff", ["a.yaml:1:4: yaml: is not UTF-8 text"]),
        (b"a: 1\nb: \x00\x01", [
            "a.yaml:2:4: yaml: holds the character '\\x00', which YAML does not allow; is it a text file?"]),
        (b"\x7fELF\x02\x01", [
            "a.yaml:1:1: yaml: holds the character '\\x7f', which YAML does not allow; is it a text file?"]),
        ("a: 1" + "0" * 400, ["a.yaml:1:4: a: 1" + "0" * 59 + "... has too many digits"]),
        ('"a\\nb": 010', [
            "a.yaml:1:9: a\\nb: 010 starts with a zero; leave the zero out, or write it in quotes if it is text"]),
    ],
)  # fmt: skip
def test_faults(text, expected):
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: [1, 2\n", "2:1"), ("a: b: c", "1:5"), ("a:\n\tb: 1", "2:1"), ("a: 010\nb: ]", "2:4"), ("a: 'x\n", "2:1")],
)
def test_a_fault_of_yaml_stands_alone(text, place):
    (line,) = lines(text)
    assert line.startswith(f"a.yaml:{place}: yaml: ")


def test_all_faults_are_found_at_once():
    assert len(lines("a: 010\na: 020\n1: &x 03\nb: {c: 1, c: *x}")) == 8


def test_a_byte_order_mark_is_no_fault():
    assert document.read(b"\xef\xbb\xbfa: 1", "a.yaml").values == {"a": 1}


def test_nesting_ends_at_forty():
    assert lines("[" * 40 + "]" * 40) == []
    (line,) = lines("[" * 1_000_000)
    assert line.startswith("a.yaml:1:41: [0][0]")
    assert line.endswith("is nested deeper than 40 levels")
    (line,) = lines("{a: " * 50 + "}" * 50)
    assert line.endswith("is nested deeper than 40 levels")


def test_a_bomb_does_not_go_off():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert len(lines(bomb)) == 9 + 8 * 9  # an anchor a line, nine aliases in all but the first


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4), ("5 us", "5 us"), ("[1, {a: b}]", [1, {"a": "b"}]), ("no", "no"), ("", None), ("  ", None),
        ("'4'", "4"), ("5e6", 5e6), ("true", True), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_values_of_the_command_line(text, value):
    assert document.parse_value(text) == value


@pytest.mark.parametrize("text", ["[1", "010", "{a: 1, a: 2}", "*x", "a\x00", "\udcff", "--- 1\n--- 2", "# comment"])
def test_no_values_of_the_command_line(text):
    with pytest.raises(Invalid):
        document.parse_value(text)


YAMLISH = st.text(alphabet="ab01. :-?[]{},&*!|>'\"%@`#~\n\t\\xue+<=", max_size=60)


def faults_of(data):
    try:
        return document.read(data, "a.yaml").faults
    except ScenarioError as error:
        return error.faults


@given(st.text() | YAMLISH)
def test_any_text_gives_values_or_faults(text):
    found = faults_of(text.encode("utf-8", "replace"))
    assert all(fault.line >= 1 and fault.column >= 1 and fault.path for fault in found)


@given(st.binary())
def test_any_bytes_give_values_or_faults(data):
    assert all(len(str(fault).splitlines()) == 1 for fault in faults_of(data))


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
TREES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=20)


@given(st.dictionaries(WORDS, TREES))
def test_what_another_writer_wrote_is_read(values):
    text = json.dumps(values, ensure_ascii=False)  # JSON is YAML; every text is in quotes
    assert document.read(text.encode(), "a.yaml").values == values


@given(st.dictionaries(WORDS, TREES, min_size=1))
def test_without_the_c_parser_it_is_the_same(values):
    text = yaml.safe_dump(values, default_flow_style=False, allow_unicode=True, default_style='"')
    quick = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    slow = yaml.parse(text, Loader=yaml.SafeLoader)
    assert document._Builder(quick, "f").document() == document._Builder(slow, "f").document()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\ta: 1\n", "1:1"),
        ("a:\n\tb: 2\n", "2:1"),
        ("a:\n  b: 2\n\tc: 1\n", "3:1"),
        ("a:\n  \tb: 2\n", "2:3"),
        ("a:\n  b: 1\n \t c: 2\n", "3:2"),
        ("é: 中\r\na:\r\n  - b\r\n\t- c\r\n", "4:1"),
        ("a:\n\t# a comment\n  b: 1\n", "2:1"),
        ("a: 1\n\t\nb: 2\n", "2:1"),
        ("a: b\n\tc\n", "2:1"),
        ("-\ta: 1\n", "1:2"),
        ("a: |\n  x\n\ty\n", "3:1"),
    ],
)
def test_a_tab_in_indentation_is_told_as_a_tab(text, place):
    assert lines(text) == [f"a.yaml:{place}: yaml: {document.TAB}"]


@given(st.integers(0, 20), st.integers(0, 3), st.integers(0, 3))
def test_a_tab_before_any_key_of_a_block_is_told_at_its_place(row, before, after):
    rows = ["workload:", *(f"  key{number}: {number}" for number in range(22))]
    rows[row + 1] = " " * before + "\t" + " " * after + rows[row + 1].lstrip()
    assert lines("\n".join(rows)) == [f"a.yaml:{row + 2}:{before + 1}: yaml: {document.TAB}"]


@pytest.mark.parametrize("text", ["a:\tb\n", "a: b\t# a comment\n", "a: {b: 1,\n\tc: 2}\n", "a: [1,\n\t2]\n"])
def test_a_tab_elsewhere_is_a_blank(text):
    assert lines(text) == []
