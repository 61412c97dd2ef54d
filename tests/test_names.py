"""Names of any text: every door (terminal, pictures, HTML, CSV, trace, errors) stays in form, and says the same.

What a door says of a scenario is what it says of the same scenario whose names are written out already. So a name can
break no line, move no column, and do nothing on a terminal.
"""

import ast
import csv
import io
import json
import os
import re
import unicodedata
import xml.parsers.expat
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from commands import process
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

import parsim
from parsim.core.errors import Fault, RunError
from parsim.core.escape import escaped, printable, unescaped
from parsim.export.csv import read_csv, write_csv
from parsim.export.files import ready, write
from parsim.export.folder import read_folder
from parsim.export.idle import write_idle
from parsim.export.table import short, table, width, wrapped
from parsim.export.trace import write_trace

pytestmark = pytest.mark.filterwarnings("ignore::parsim.plot.letters.MissingLetters")
ROOT = Path(__file__).parents[1]
NASTY = (
    *("<script>alert(1)</script>", "]]>", "&amp;<b onload='x' \"y\"", "new\nline", "\r\nX"),
    *("a\tb", "\0nul", "{{7*7}} %s %n", "=cmd|'/c calc'!A0", "=1+1", "+1", "-1", "@SUM(1)"),
    *("a;=1+1", "\uff1d1", "</svg><script>", "--><!--", 'a,b"c\nd', "\x1b[31mred\x1b[0m\x1b]0;title\a"),
    *("\x9b31m", "\x7f", "\u202eevil", "\u2066x", "\u2028ls", "\x85", "\ufeff", "\x0b", "\\u001b", "\\"),
    *("\\\\", "C:\\new", "$\\alpha$ $x_{", "$$", "_w0", "#1", "甲乙丙", "e\u0301", "\U0001f468\u200d\U0001f469"),
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.lists(TEXT | st.sampled_from(NASTY), min_size=5, max_size=5, unique_by=printable)
SLOW = {"suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
MANY = settings.default.max_examples


def scenario(names):
    """Three tasks on two devices; bytes travel, so that a name is in transfers and lanes, too."""
    first, second, a, b, c = names
    return {
        "cluster": {"devices": [first, second], "topology": {"kind": "star", "bandwidth": "1 MB/s"}},
        "workload": {
            "kind": "tasks",
            "tasks": [
                {"name": a, "compute": "1 s"},
                {"name": b, "compute": "1 s", "after": {a: "1 MB"}},
                {"name": c, "compute": "3 s", "after": [a]},
            ],
        },
    }


def play(names, ask):
    """Ask for the scenario with these names, and with the same written out."""
    try:
        return [ask(scenario(some)) for some in (names, list(map(printable, names)))]
    except parsim.ScenarioError:  # such as the name host
        reject()


def assert_tame(text):
    """See that nothing in *text* controls a terminal, turns the direction, or breaks a line but a line's end."""
    for line in text.split("\n"):
        assert printable(line) == line
        assert len(line.splitlines()) <= 1


@given(st.text(max_size=20))
@example("\ud800")
def test_what_is_printable_controls_nothing_and_what_is_escaped_comes_back(name):
    shown = printable(name)
    forbidden = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
    joiners = "\u200c\u200d"
    assert not forbidden & set(map(unicodedata.category, shown))
    assert all(unicodedata.category(letter) != "Cf" or letter in joiners for letter in shown)
    assert printable(shown) == shown
    assert unescaped(escaped(name)) == name
    assert printable(escaped(name)) == escaped(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31m", r"a\x1b[31m"),
        ("\x00\x07\x7f\x80\x9f", r"\x00\x07\x7f\x80\x9f"),
        ("\r\n\t", r"\r\n\t"),
        ("\u202a\u202e\u2066\u2069\u200e\u061c", r"\u202a\u202e\u2066\u2069\u200e\u061c"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\ud800", r"\ud800"),
        ("\ufffe\U000e0041", r"\ufffe\U000e0041"),
        ("a\u200db", r"a\u200db"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("甲 \u3000é\\n", "甲 \u3000é\\n"),
    ],
)
def test_what_a_name_is_shown_as(name, shown):
    assert printable(name) == shown


@settings(max_examples=MANY // 2, **SLOW)
@given(NAMES)
@example(list(NASTY[:5]))
def test_a_report_says_the_same_of_names_written_out(names):
    one, other = play(names, lambda scenario: parsim.simulate(scenario).report())
    assert one == other
    assert_tame(one)


def compare(scenario):
    return parsim.compare(scenario, {"policy": ["fifo", "heft"]})


@pytest.mark.parametrize("ask", [parsim.explain, parsim.scaling, compare])
@settings(max_examples=MANY // 5, **SLOW)
@given(NAMES)
@example(list(NASTY[18:23]))
def test_a_study_says_the_same_of_names_written_out(ask, names):
    one, other = play(names, lambda scenario: ask(scenario).report())
    assert one == other
    assert_tame(one)


def only(names):
    """Play the names as they are."""
    return play(names, parsim.simulate)[0]


@settings(max_examples=MANY // 10, **SLOW)
@given(NAMES, st.sampled_from(["gantt", "graph", "memory", "path"]))
@example(list(NASTY[:5]), "gantt")
@example(["0", "1", "2", "\x00", "<script>alert(1)</script>"], "gantt")
@example(list(NASTY[10:15]), "memory")
@example(list(NASTY[18:23]), "graph")
@example(list(NASTY[25:30]), "path")
def test_pictures_are_well_formed_and_show_names_written_out(names, kind):
    one, other = play(names, lambda scenario: parsim.simulate(scenario).pictures(kind))
    assert one == other
    svg = one[f"{kind}.svg"]
    xml.parsers.expat.ParserCreate().Parse(svg, True)
    assert_tame(svg.decode())


@settings(max_examples=MANY // 10, **SLOW)
@given(NAMES)
@example(["<script>alert(1)</script>", "<b onload='x' \"y\"", "a\x1b", "\u202eevil", "]]>&amp;"])
def test_html_holds_text_and_no_tags_of_names(names):
    one, other = play(names, lambda scenario: parsim.simulate(scenario)._repr_html_())
    assert one == other
    assert_tame(one)
    assert tags(one) == tags_of_plain_names()


@cache
def tags_of_plain_names():
    return tags(parsim.simulate(scenario(["u", "v", "a", "b", "c"]))._repr_html_())


def tags(text):
    """Return the tags of HTML in their order."""
    found = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: found.append((tag, [name for name, _ in attributes]))
    reader.feed(text)
    return found


@settings(max_examples=MANY, **SLOW)
@given(NAMES)
@example(list(NASTY[8:13]))
@example(list(NASTY[28:33]))
def test_csv_is_a_line_a_span_computes_nothing_and_reads_back(names):
    run = only(names)
    text, facts = "".join(write_csv(run.timeline)), json.dumps(run.to_dict())
    with TemporaryDirectory() as folder:
        write(
            folder, ready({"timeline.csv": text, "idle.csv": "".join(write_idle(run.timeline)), "result.json": facts})
        )
        again, kept = read_csv(Path(folder, "timeline.csv")), read_folder(Path(folder))
    assert_tame(text)
    assert len(text.splitlines()) == len(run.timeline) + 1
    for row in csv.reader(io.StringIO(text), strict=True):
        assert len(row) == 10
        for cell in row:
            assert not re.search("(^|;)[-=+@\uff1d\uff0b\uff0d\uff20]", cell)
    assert sorted(again.rows()) == sorted(run.timeline.rows())
    assert sorted(kept.timeline.rows()) == sorted(run.timeline.rows())
    assert [*kept.timeline.workers.table] == [*run.timeline.workers.table]


@settings(max_examples=MANY // 2, **SLOW)
@given(NAMES)
def test_a_trace_shows_names_written_out_and_json_holds_the_names_themselves(names):
    run = only(names)
    trace = "".join(write_trace(run.timeline))
    assert_tame(trace)
    assert set(map(printable, names[2:])) <= {event["name"] for event in json.loads(trace)["traceEvents"]}
    assert [device["name"] for device in json.loads(json.dumps(run.to_dict()))["devices"]] == names[:2]


@given(TEXT, TEXT)
def test_a_fault_and_a_failure_are_a_line(name, message):
    for told in (str(Fault(name, 1, 2, name, message)), str(parsim.ScenarioError([Fault(name, 1, 2, name, message)]))):
        assert len(told.splitlines()) == 1
        assert_tame(told)
    assert_tame(str(RunError(f"{name}: {message}")))


@settings(max_examples=MANY // 2, **SLOW)
@given(NAMES)
@example(list(NASTY[3:8]))
def test_a_stall_and_a_fault_are_told_in_as_many_lines_as_with_names_written_out(names):
    def stalled(scenario):
        tasks = scenario["workload"]["tasks"]
        devices = [{"name": name, "memory": "2 MB"} for name in scenario["cluster"]["devices"]]
        tasks[0]["output"] = "3 MB"
        told = []
        for after in ({tasks[1]["name"]: "1 MB"}, [tasks[0]["name"] + "?"]):
            tasks[2]["after"] = after
            with pytest.raises(parsim.ParsimError) as caught:
                parsim.simulate(scenario | {"cluster": scenario["cluster"] | {"devices": devices}})
            told.append(str(caught.value))
        return told

    one, other = play(names, stalled)
    for told, plain in zip(one, other, strict=True):
        assert_tame(told)
        assert len(told.splitlines()) == len(plain.splitlines())


CELLS = st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), min_size=1, max_size=6)


@given(CELLS)
@example([["甲乙丙", "x", ""], ["e\u0301", "\U0001f468\u200d\U0001f469", "1"], ["w0", "\x1b[31m", "22"]])
def test_columns_line_up_in_cells(rows):
    lines = table([[f"<{cell}>" for cell in row] for row in rows], words=(0, 1, 2))
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        assert_tame(line)
        first, _, third = (printable(f"<{cell}>") for cell in row)
        starts = [wcswidth(line[: line.rindex(third)]), wcswidth(line[: line.index(first) + len(first)])]
        wide = [max(wcswidth(printable(f"<{other[place]}>")) for other in rows) for place in range(2)]
        assert starts[0] == sum(wide) + 4
        assert starts[1] == wcswidth(first)


@given(st.text(max_size=30), st.integers(6, 20))
@example("北京的第一台机器", 12)
@example("e\u0301" * 20, 12)
def test_a_name_is_cut_to_its_cells(name, most):
    cut = short(name, most)
    assert_tame(cut)
    assert width(cut) <= most
    if width(printable(name)) <= most:
        assert cut == printable(name)
    else:
        assert ".." in cut
    assert all(width(line) <= most for line in wrapped(name, most))


def test_names_that_differ_at_their_ends_still_do_with_a_count():
    """A chart of a fold has a lane for what goes into a card and one for what leaves it."""
    way_in, way_out = (short(f"n0.nic0.{way} +1023", 12) for way in ("in", "out"))
    assert (way_in, way_out) == ("n0..in +1023", "n0..ut +1023")
    assert short("cluster-node-0001 +127", 12) == "clu..01 +127"


def test_a_very_long_name_is_cut_at_once():
    assert short("a\u0301" * 1_000_000, 12) == "a\u0301" * 5 + ".." + "a\u0301" * 5


def test_the_cases_of_the_command_line(command, tmp_path):
    (tmp_path / "s.yaml").write_text(
        'cluster: {devices: ["甲乙丙", "a\\e[31m"]}\n'
        'workload: {kind: tasks, tasks: [{name: "b\\nc", compute: 1 s}, {name: "\\u202Ed", compute: 1 s}]}\n',
        encoding="utf-8",
    )
    code, out, err = command("run", tmp_path / "s.yaml")
    assert (code, err) == (0, "")
    assert_tame(out)
    rows = [line for line in out.splitlines() if line.endswith("|")]
    assert rows[0].startswith("  甲乙丙    |0")
    assert rows[1].startswith("  a\\x1b[31m |1")
    assert len({wcswidth(row) for row in rows}) == 1
    for arguments in (["--kind", "\x1b[31m"], ["\x1b]0;title\x07.yaml"], ["--\x9b31m"], ["a\nb"]):
        code, out, err = command("plot", *arguments)
        assert (code, out) == (2, "")
        assert_tame(err)
    code, out, err = command("run", tmp_path / "s.yaml", "--json", "--set", 'cluster.devices=["\\x7f", b]')
    assert (code, "\x7f" in out) == (0, False)
    assert json.loads(out)["devices"][0]["name"] == "\x7f"


def test_letters_that_the_terminal_lacks_are_escapes(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "cluster: {devices: [甲]}\nworkload: {kind: chains, count: 1, length: 1, compute: 1 s}\n", encoding="utf-8"
    )
    done = process("run", tmp_path / "s.yaml", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u7532" in done.stdout


def test_commands_write_through_one_door():
    for path in (ROOT / "parsim").rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        assert path.name == "terminal.py" or not any(ast.unparse(call.func) == "click.echo" for call in calls), path
