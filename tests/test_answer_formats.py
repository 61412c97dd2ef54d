"""Every command that reports does so as text, JSON, Markdown, CSV and HTML, and all of them say the same.

Oracles: the standard library's readers of CSV and HTML, GitHub's rules for tables, and the JSON of the same command.
"""

import csv
import io
import json
import math
import re

import click
import pytest
from commands import FIRST, ROOT
from test_html import read

import parsim
from parsim import cli
from parsim.cli.options import FORMATS
from parsim.conformance import Finding, Verdict
from parsim.core.kernel import Call
from parsim.core.profile import Profile, Row, Timing
from parsim.export.formats import WRITERS, markdown, table_csv
from parsim.export.html import document
from parsim.export.summary import Column, Summary, Table, column, for_programs, text_table
from parsim.measure import Calibration
from parsim.study.plan.planning import plan
from parsim.study.plan.sizes import sizes
from parsim.study.sweep.table import csv_text

FOURTH, FIFTH = ROOT / "scenarios/04_quantisation.yaml", ROOT / "scenarios/05_heft_ten_tasks.yaml"
SPACE = {  # of two plans
    "cluster": {"topology": {"kind": "islands", "nodes": 1, "node": "dgx-a100"}},
    "workload": {"kind": "transformer", "vocabulary": 64, "width": 32, "sequence": 16, "batch": 8, "blocks": 2},
    "plan": {"data": {"in": [4, 8]}, "pipeline": {"in": [1, 2]}, "microbatch_size": 1},
    "require": ["data * pipeline == devices"],
}
COMMANDS = {
    "run": ("run", FIRST),
    "validate": ("validate", FOURTH),
    "compare": ("compare", FIFTH, "--set", "policy=fifo,heft"),
    "explain": ("explain", FIRST),
    "scaling": ("scaling", FIRST, "--workers", "1,2"),
    "splits": ("splits", FIRST, "--over", "weights"),
    "list": ("list", "merges"),
    "devices": ("list", "devices"),
    "schedule": ("schedule", "1f1b", "--ranks", "2", "--microbatches", "3"),
    "exercises": ("exercise", "list"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("sketches")
def test_a_command_answers_in_every_format(command, name):
    said = {form: command(*COMMANDS[name], "--format", form) for form in FORMATS}
    assert {code for code, _, _ in said.values()} == {0}
    out = {form: text for form, (_, text, _) in said.items()}
    assert out["text"] == command(*COMMANDS[name])[1]
    assert json.loads(out["json"])
    assert_alike(out)


@pytest.mark.usefixtures("sketches")
def test_replays_are_written_in_every_format(command):
    found = parsim.repeat(FIRST, 2)
    for one in (found, found.runs[0]):
        assert_alike({form: write(one.summary()) for form, write in WRITERS.items()})
    code, out, _ = command("replay", FIRST, "--format", "csv")
    assert (code, out.splitlines()[0]) == (0, "figure,predicted_s,measured_s,error")


def assert_alike(out):
    """Markdown and HTML have the same cells; each format is what it should be."""
    assert_table(list(csv.reader(io.StringIO(out["csv"]))))
    assert out["markdown"].startswith("## ")
    tables, shown = tables_of(out["markdown"]), body(out["html"])
    assert tables
    cells = [cell.strip(" ") for row in shown.rows for cell in row]
    assert [cell for table in tables for row in table for cell in row] == cells
    assert out["html"].startswith('<!doctype html>\n<html lang="en">')
    assert not re.search(r"https?://|<script|<link", out["html"]), "a page of its own"


def body(page):
    """Read the body of an HTML page."""
    return read(page.rstrip().partition("<body>")[2].removesuffix("</body></html>"))


def assert_table(rows):
    head, *rows = rows
    assert len(set(head)) == len(head)
    assert all(re.fullmatch(r"[a-z_0-9.]+", name) for name in head)
    assert rows
    assert {len(row) for row in rows} == {len(head)}


CELL = re.compile(r"(?<!\\)\|")


def tables_of(text):
    """Read GitHub's tables: a row of heads, a row of dashes, rows of as many cells."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        head, rule, *rows = ([plain(cell.strip(" ")) for cell in CELL.split(line)[1:-1]] for line in block.splitlines())
        assert all(re.fullmatch(":---|---:", dashes) for dashes in rule)
        assert {len(rule)} == {len(row) for row in (head, *rows)}
        found.append([head, *rows])
    return found


def plain(cell):
    return re.sub(r"\\(.)", r"\1", cell).replace("&amp;", "&")


def test_the_csv_of_a_run_has_its_figures_with_units(command):
    [row] = csv.DictReader(io.StringIO(command("run", FIRST, "--format", "csv")[1]))
    facts = json.loads(command("run", FIRST, "--json")[1])
    assert float(row["makespan_s"]) == facts["makespan_s"]
    assert int(row["peak_memory_bytes"]) == max(device["peak_memory_bytes"] for device in facts["devices"])
    assert (row["scenario"], row["seed"], row["iteration_s"], row["cost_usd"]) == ("01_five_tasks_data", "0", "", "")


def test_the_csv_of_studies_is_their_json(command):
    scaled = json.loads(command(*COMMANDS["scaling"], "--json")[1])["points"]
    rows = list(csv.DictReader(io.StringIO(command(*COMMANDS["scaling"], "--format", "csv")[1])))
    assert rows == [{key: str(value) for key, value in point.items()} for point in scaled]
    variants = json.loads(command(*COMMANDS["compare"], "--json")[1])["variants"]
    rows = list(csv.DictReader(io.StringIO(command(*COMMANDS["compare"], "--format", "csv")[1])))
    assert [row["label"] for row in rows] == [one["label"] for one in variants]
    assert [float(row["makespan_s"]) for row in rows] == [one["makespan_s"] for one in variants]
    assert [float(row["idle_s"]) for row in rows] == [one["ledger"]["idle_s"] for one in variants]
    assert [row["fastest"] for row in rows] == ["false", "true"]
    changes = json.loads(command(*COMMANDS["explain"], "--json")[1])["changes"]
    rows = list(csv.DictReader(io.StringIO(command(*COMMANDS["explain"], "--format", "csv")[1])))
    assert [float(row["gain_s"]) for row in rows if row["gain_s"]] == [one["gain_s"] for one in changes]


@pytest.mark.usefixtures("sketches")
def test_plans_are_written_in_every_format():
    found, grown, swept = plan(SPACE), sizes(SPACE, devices=[4, 8]), parsim.sweep(SPACE)
    for one in (found, grown, swept):
        assert_alike({form: write(one.summary()) for form, write in WRITERS.items()})
    told = found.to_dict()["plans"]
    rows = list(csv.DictReader(io.StringIO(table_csv(found.summary()))))
    assert [int(row["row"]) for row in rows] == [one["row"] for one in told]
    for path in ("plan.data", "plan.pipeline"):
        assert [int(row[path]) for row in rows] == [one["set"][path] for one in told]
    for name, key in {"iteration_s": "iteration_s", "energy_j": "energy_j", "cost_usd": "cost"}.items():
        assert [float(row[name]) for row in rows] == [one[key] for one in told]
    points = grown.to_dict()["points"]
    rows = list(csv.DictReader(io.StringIO(table_csv(grown.summary()))))
    assert [float(row["speed_up"]) for row in rows] == [one["speed_up"] for one in points]
    assert table_csv(swept.summary()) == csv_text(swept.rows())


def test_json_has_a_short_name_and_no_second_format_beside_it(command):
    assert command("run", FIRST, "--format", "json") == command("run", FIRST, "--json")
    assert command("run", FIRST, "--format", "json", "--json")[0] == 0
    code, out, err = command("run", FIRST, "--json", "--format", "csv", "--seed", "x")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "--format:0:0: format: csv contradicts --json; leave one of the two out"
    assert len(err.splitlines()) == 2, "all faults at once"
    for name in ("list", "exercises"):
        assert command(*COMMANDS[name], "--json", "--format", "text")[0] == 2
    assert (
        command("run", FIRST, "--format", "cvs")[2] == "--format:0:0: format: unknown name 'cvs'. Did you mean 'csv'?\n"
    )
    assert command(*COMMANDS["schedule"], "--csv", "--format", "csv")[2].startswith(
        "--csv:0:0: csv: is a format by itself"
    )


def test_every_command_with_json_has_all_formats():
    def options(group):
        for one in group.commands.values():
            yield from options(one) if isinstance(one, click.Group) else [{name for p in one.params for name in p.opts}]

    with_json = [found for found in options(cli.parsim) if "--json" in found]
    assert len(with_json) >= 10
    assert sum("--format" not in found for found in with_json) == 1, "exercise check, which answers in a sentence"


def test_a_calibration_has_a_row_for_each_call(command):
    timing = {"alone": Timing(0.5, 0.1, 3, 0), "busy": Timing(1.5, 0.25, 3, 1)}
    calls = {Call("double", (), "forward", ((4,),)): Row(math.nan, 8.0, timing)}
    made = {"workers": 2, "runs": 3}
    found = Calibration(Profile({"processor": "mine"}, made, calls, 1e-6, 1e-9, 1e-5), "profile.json")
    assert table_csv(found.summary()) == (
        "kernel,flops,alone_s,busy_s,spread_s,outliers,runs\ndouble forward,,0.5,1.5,0.25,1,3\n"
    )
    assert_alike({form: write(found.summary()) for form, write in WRITERS.items()})
    code, out, err = command("calibrate", FIRST, "--format", "cvs")
    assert (code, out) == (2, "")
    assert "Did you mean 'csv'?" in err


def test_a_check_has_a_row_for_each_case():
    findings = [
        Finding("merges", "sum", "numbers", (), "as counted"),
        Finding("merges", "sum", "texts", ("raised TypeError: no",), ""),
    ]
    found = Verdict("mine.py", findings).summary()
    assert table_csv(found).splitlines() == [
        "shelf,entry,case,holds,remarks",
        "merges,sum,numbers,true,as counted",
        "merges,sum,texts,false,raised TypeError: no",
    ]
    assert_alike({form: write(found) for form, write in WRITERS.items()})


def test_a_ledger_and_grades(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsim.simulate(FIRST).save(tmp_path / "out")
    terms = json.loads(command("ledger", "out/timeline.csv")[1])
    assert json.loads(command("ledger", "out/timeline.csv", "--format", "json")[1]) == terms
    [row] = csv.DictReader(io.StringIO(command("ledger", "out/timeline.csv", "--format", "csv")[1]))
    assert (float(row["idle_s"]), float(row["drain_s"])) == (terms["idle_s"], terms["idle"]["drain"])
    assert command("ledger", "out/timeline.csv", "--format", "text")[1].splitlines()[0].split() == [
        "makespan",
        "3.3",
        "s",
    ]
    (tmp_path / "class" / "ada").mkdir(parents=True)
    assert command("exercise", "grade", "class", "--format", "csv")[1] == (tmp_path / "grades.csv").read_text()


def test_what_is_asserted_stands_in_every_format(command):
    asked = "run", FIRST, "--set", "assert=[makespan < 1 s, mfu > 0.4]", "--format"
    for form in ("markdown", "html"):
        code, out, err = command(*asked, form)
        assert (code, err.count("assertion")) == (3, 2)
        assert "makespan = 3.3 s" in out
        assert "mfu is not known" in out
    assert command(*asked, "csv")[0] == 3


NASTY = ["=1+1", "a|b", "<b>&", "_x_", 'say "hi", you', "`c` *d*", "@user", "-5", "\\n"]


def test_names_are_neither_formulas_nor_markup():
    summary = Summary("# " + NASTY[2], [Table("T", [column("name", NASTY), column("time_s", [1.5] * len(NASTY))])])
    rows = list(csv.reader(io.StringIO(table_csv(summary))))
    assert [row[0] for row in rows] == [
        "name", "\\x3d1+1", "a|b", "<b>&", "_x_", 'say "hi", you', "`c` *d*", "\\x40user", "\\x2d5", "\\\\n"
    ]  # fmt: skip
    [[_, *cells]] = tables_of(markdown(summary))
    assert [row[0] for row in cells] == NASTY
    text = markdown(summary)
    assert text.startswith("## # \\<b\\>&amp;\n")
    assert not re.search(r"(?<!\\)[<>`*]", text)
    shown = body(document(summary))
    assert [row[0] for row in shown.rows[1:]] == NASTY
    assert "<b>&" not in document(summary)


def test_user_names_of_a_run_are_no_formulas(command, tmp_path):
    (tmp_path / "=1+1.yaml").write_text(
        "cluster: {devices: 1}\nworkload: {kind: tasks, tasks: [{name: a, compute: 1 s}]}\n"
    )
    assert command("run", tmp_path / "=1+1.yaml", "--format", "csv")[1].splitlines()[1].startswith("\\x3d1+1,")


def test_plain_values_and_cells():
    values = [1, 2.5, True, None]
    table = Table(
        "T", [column("count", values), for_programs("only", ["a", "", "b,c", "d"]), Column("no name", ["x"] * 4)]
    )
    summary = Summary("S", [table, text_table("Second", [("a", "b"), ("1", "2")])])
    assert table_csv(summary) == 'count,only\n1,a\n2.5,\ntrue,"b,c"\n,d\n'
    assert tables_of(markdown(summary)) == [
        [["count", "no name"], ["1", "x"], ["2.5", "x"], ["yes", "x"], ["", "x"]],
        [["a", "b"], ["1", "2"]],
    ]


def test_a_row_alone_stands_upright_and_hidden_rows_are_counted():
    wide = Table("T", [column(name, [1]) for name in "abcde"])
    assert tables_of(markdown(Summary("S", [wide]))) == [[["figure", "value"], *([name, "1"] for name in "abcde")]]
    assert len(table_csv(Summary("S", [wide])).splitlines()) == 2
    cut = Table("T", [column("n", [1, 2, 8, 9]), column("m", [0] * 4)], hidden=5)
    assert [row[0] for row in tables_of(markdown(Summary("S", [cut])))[0]] == ["n", "1", "2", "... 5 more", "8", "9"]
    assert body(document(Summary("S", [cut]))).rows[3] == ["... 5 more", ""]


def test_every_format_has_a_writer():
    assert {*WRITERS, "text", "json"} == {*FORMATS}
