"""The documentation: every command and snippet runs, and the reference leaves out nothing. tests/browser builds it."""

import doctest
import importlib.util
import json
import re
import shlex

import pytest
from commands import ROOT
from test_docs import blocks, commands_of

import parsim
from parsim.entries.registry import SHELVES, shelf

DOCS = ROOT / "docs"
TESTED_ELSEWHERE = {"accuracy", "contract", "contributing", "editors"}  # tests/test_docs.py; accuracy has no commands
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.stem not in TESTED_ELSEWHERE)
FENCE = re.compile(r"^```(\S+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w./]+\.\w+)\n")  # the first line of a block that is to be saved
FOR_REAL = (
    "15_mlp_data.yaml",
    "16_mlp_layers.yaml",
    "41_data_parallel_for_real.yaml",
)  # computed on fewer rows: as many steps in less time


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the scenarios, and room for what a page says to write; the shelves are then as before."""
    (tmp_path / "scenarios").mkdir()
    for file in (ROOT / "scenarios").iterdir():
        if file.name in FOR_REAL:
            text = file.read_text(encoding="utf-8")
            assert text.count("batch: 1024") == 1
            (tmp_path / "scenarios" / file.name).write_text(text.replace("batch: 1024", "batch: 16"), encoding="utf-8")
        else:
            (tmp_path / "scenarios" / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield tmp_path
    for name, stock in stocks.items():
        shelf(name).restock(stock)


def called(command, line):
    """Call a line of a shell; return exit code, and what it prints."""
    arguments = shlex.split(line.removeprefix(".venv/bin/"), comments=True)
    if arguments[0] == "mpiexec":  # other tests start jobs of MPI
        arguments = arguments[3:] + ["--help"] * ("mpi" in arguments)
    assert arguments.pop(0) == "parsim"
    if arguments[0] in ("calibrate", "replay"):
        arguments += ["--repeat", "2"]  # the last one counts
    if arguments[0] in ("play", "lesson") and "--html" not in arguments:
        arguments += ["--help"]  # they serve until they are ended, as other tests try
    code, out, err = command(*arguments)
    return code, out + err


def shows(found, expected):
    """Say whether an output is the one shown, in which a line of three dots stands for any lines."""
    pieces = map(re.escape, re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE))
    return re.fullmatch("(?:.*\n)*".join(pieces), found) is not None


@pytest.mark.parametrize(
    ("expected", "right"),
    [
        ("a\nb\nc\n", True),
        ("a\n...\nc\n", True),
        ("...\nb\n...\n", True),
        ("b\nc\n", False),
        ("a\nb\n", False),
        ("a\n...\nb\n", False),
        ("c\n...\na\n...\n", False),
    ],
)
def test_what_is_shown_is_compared_to_the_last_line(expected, right):
    assert shows("a\nb\nc\n", expected) is right


@pytest.mark.dear
@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_what_a_page_says_is_so(page, desk, command):
    """From top to bottom: files are saved, scenarios and Python are run, commands print what is shown."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if named := FILE.match(text):
            assert language in ("yaml", "python", "bash", "toml")
            (desk / named[1]).write_text(text, encoding="utf-8")
        elif language == "yaml":
            (desk / "shown.yaml").write_text(text, encoding="utf-8")
            assert parsim.simulate(desk / "shown.yaml").timeline.makespan_s > 0
        elif language == "python":
            exec(compile(text, page.name, "exec"), {})
        elif language == "sh":
            for line in text.splitlines():
                code, said = called(command, line)
                assert code == 0, said
        elif language == "console":
            prompt, _, expected = text.partition("\n")
            code, said = called(command, prompt.removeprefix("$ "))
            assert shows(said, expected), said
            wrong, asserted = re.match(r"\S+:\d+:\d+: ", expected), "the assertion fails" in expected
            assert code == (2 if wrong else 3 if asserted else 0)
        else:
            assert language.startswith("{") or text == commands_of(ROOT / "README.md")[0][0] + "\n"


def test_the_reference_has_a_page_for_each_shelf_and_a_table_for_each_mapping():
    pages = {page: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")}
    shelves = {page.stem: re.findall(r"^```\{entries\} (\w+)$", text, re.MULTILINE) for page, text in pages.items()}
    assert {stem: one for stem, one in shelves.items() if one} == {shelf: [shelf] for shelf in SHELVES}
    definitions = json.loads((ROOT / "scenarios" / "parsim.schema.json").read_text(encoding="utf-8"))["$defs"]
    mappings = {name for name, one in definitions.items() if one.get("properties")}  # a collective's plan has no keys
    tables = re.findall(r"^```\{record\} (\S+)$", pages[DOCS / "reference" / "scenario.md"], re.MULTILINE)
    assert sorted(tables) == sorted({"scenario", *mappings})


def test_the_examples_of_what_writes_the_reference_hold():
    """Doctests are looked for in `parsim/` alone."""
    found = importlib.util.spec_from_file_location("described", DOCS / "described.py")
    described = importlib.util.module_from_spec(found)
    found.loader.exec_module(described)
    failed, tried = doctest.testmod(described)
    assert (failed, tried > 2) == (0, True)


def test_pages_lead_to_pages():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_glossary_has_the_words_of_the_chinese_readme():
    table = (ROOT / "README.zh.md").read_text(encoding="utf-8").partition("| 中文 | English | 含义 |\n")[2]
    rows = [[cell.strip() for cell in row] for row in re.findall(r"^\|(.*?)\|(.*?)\|(.*?)\|$", table, re.MULTILINE)]
    (glossary,) = blocks(DOCS / "glossary.md", r"\{glossary\}")
    entry = re.compile("(.+)\n(.+)\n    .*[a-z].*\n\n    (.+)")
    words = [entry.fullmatch(one).groups() for one in glossary.rstrip().split("\n\n\n")]
    assert sorted(words) == sorted((english, chinese, meaning) for chinese, english, meaning in rows[1:])


def test_figures_of_measurements_are_those_of_the_tables():
    text = (DOCS / "background" / "fidelity.md").read_text(encoding="utf-8")
    table = (DOCS / "accuracy.md").read_text(encoding="utf-8").partition("| schedule | rows |")[2].partition("\n\n")[0]
    rows = [[cell.strip(" %") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    _, steps, error, _, _ = rows[-1]
    assert f"{steps} published steps of training are predicted within {error} % in the mean" in text
    assert f"off by more than {max(float(row[4]) for row in rows if row[4])} % in the mean" in text
