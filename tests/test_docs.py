"""Documents say what is so: every example in README, README.zh, CONTRIBUTING and the contract is run."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from contextlib import chdir
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from matplotlib.image import imread
from test_causes import PLANTED
from test_explain import MODEL
from test_house import FLOORS, SHELVES

import parsim
from parsim.cli.pictures import KINDS as PLOT_KINDS
from parsim.conformance import check_file
from parsim.core.timeline import CAUSES, COLUMNS, STEPS
from parsim.core.units import DIMENSIONS
from parsim.entries.registry import shelf
from parsim.export.csv import write_csv
from parsim.export.text import golden
from parsim.hardware import FACTS, KEYS, KnownForm, kinds
from parsim.policies import policies
from parsim.predict import Replay
from parsim.scenario import document as yaml_document
from parsim.scenario.schema import check as read
from parsim.scenario_schema import scenario_schema
from parsim.study.space import space_of
from parsim.validate import validate

ROOT = Path(__file__).parents[1]
README, CHINESE, CONTRIBUTING, CONTRACT = (
    ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "docs/contract.md")
)
EDITORS = ROOT / "docs" / "editors.md"
DOCUMENTS = (README, CHINESE, CONTRIBUTING, CONTRACT)


def blocks(document, language):
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def answer_of(command):
    """Run a command of the documents in *folder*, by default that of the project; return its standard output.

    What computes for real does so on fewer rows and less often: it takes as many steps, and less time. A search has
    fewer choices.
    """

    def run(line, folder=ROOT):
        arguments = shlex.split(line.removeprefix(".venv/bin/"), comments=True)
        assert arguments.pop(0) == "parsim"
        if "clock=live" in arguments or (
            arguments[0] in ("calibrate", "replay") and "scenarios/15_mlp_data.yaml" in arguments
        ):
            arguments += ["--set", "workload.batch=16"]
            arguments += ["--repeat", "2"] if "--repeat" in arguments else []
        if "scenarios/50_gpt3_13b_64_a100.yaml" in arguments:  # fewer of its choices
            arguments += ["--set", "plan.tensor=1", "--set", "plan.pipeline=1", "--set", "plan.recompute=none"]
        with chdir(folder):
            code, out, err = command(*arguments)
        assert code == 0, err
        return out

    return run


# -- README


def test_ci_installs_and_tests_as_the_readme_says():
    first, second = blocks(README, "sh")[0].splitlines()
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/parsim run scenarios/01_")
    install, test = second.split(" && ")
    assert (install, test) == (".venv/bin/pip install -e '.[test]'", ".venv/bin/pytest")
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert [line.count('-e "$wanted"') for line in lines if "wanted" in line] == [0, 1, 1]  # what it is, uv, pip
    assert 'wanted="$checkout[test,docs]"' in lines  # without the documentation's, its tests are skipped
    tests = [line for line in lines if "/pytest" in line]
    assert tests == ['"$bin/pytest" < /dev/null']  # no options: what the README's reader gets


@pytest.fixture
def clone(tmp_path):
    """A folder with what somebody who reads has, as far as commands ask for it, and room for what they write."""
    made = tmp_path / "clone"
    (made / ".venv" / "bin").mkdir(parents=True)
    (made / ".venv" / "bin" / "activate").touch()
    (made / "scenarios").symlink_to(ROOT / "scenarios")
    return made


@pytest.mark.dear
@pytest.mark.parametrize("block", [1, 2, 3])
def test_the_commands_of_the_readme_work_one_after_the_other(answer_of, clone, block):
    for line in blocks(README, "sh")[block].splitlines():
        assert answer_of(line, clone)


def test_commands_that_are_shown_are_all_tried():
    tried = [len(blocks(document, "sh")) for document in (README, CHINESE, CONTRIBUTING)]
    assert tried == [6, 7, 3]  # the first of each installs; the last two of README and CONTRIBUTING are the walk


@pytest.mark.parametrize("document", [README, CONTRACT], ids=lambda path: path.name)
def test_consoles_show_what_the_commands_print(answer_of, document):
    for block in blocks(document, "console"):
        prompt, _, shown = block.partition("\n")
        assert shown == answer_of(prompt.removeprefix("$ "))


@pytest.mark.dear
@pytest.mark.parametrize("document", [README, CONTRACT], ids=lambda path: path.name)
def test_python_of_the_documents_runs(document, monkeypatch, tmp_path):
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    for block in blocks(document, "python"):
        if block != FILES["widest.py"]:  # that is a file, and tried as one
            exec(compile(block, document.name, "exec"), {})
    if document == CONTRACT:
        assert set(os.listdir("out")) == {
            "result.json", "scenario.json", "timeline.csv", "idle.csv", "trace.json", "timeline.png", "timeline.svg"
        }  # fmt: skip
        told = table("These four play", document.read_text(encoding="utf-8"), 3)
        assert sorted(os.listdir("studies")) == sorted(file for row in told for file in row)


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "docs" / "trust.md", EDITORS], ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert target.startswith("https://") or (document.parent / target).exists(), target
    titles = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"(?m)^#+ (.*)$", text)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= titles


def test_one_command_makes_the_documentation_a_site():
    """tests/browser/test_site.py gives it."""
    for document in (README, CHINESE):
        line = "`.venv/bin/pip install -e '.[docs]' && .venv/bin/sphinx-build docs site`"
        assert line in document.read_text(encoding="utf-8")


def test_the_files_that_documents_name_exist():
    for document in DOCUMENTS:
        for name in re.findall(
            r"`((?:tests|docs|scenarios|benchmarks|notebooks)/[\w./]*)`", document.read_text(encoding="utf-8")
        ):
            assert (ROOT / name).exists(), f"{document.name} names {name}"


@pytest.mark.parametrize(
    ("picture", "line"),
    [
        ("first_timeline.png", "parsim run scenarios/06_pipeline_1f1b.yaml --quiet --out OUT"),
        (
            "comparison.png",
            f"{blocks(README, 'console')[1].partition(chr(10))[0].removeprefix('$ ')} --quiet --out OUT",
        ),
    ],
)
def test_a_picture_shows_what_is_drawn_today(answer_of, picture, line, tmp_path):
    """Letters may differ in a few pixels where another version of matplotlib draws them."""
    assert f"](docs/{picture})" in README.read_text(encoding="utf-8")
    answer_of(line.replace("OUT", str(tmp_path)))
    shown, drawn = imread(ROOT / "docs" / picture), imread(tmp_path / picture.replace("first_", ""))
    assert shown.shape == drawn.shape
    assert np.abs(shown - drawn).mean() < 0.005


def test_the_map_has_every_room_on_its_floor():
    text = re.search(r"^9  .*?(?=^```$)", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]
    shown, floor = {}, 0
    for digit, words in re.findall(r"^([0-9 ])  (.+)$", text, re.MULTILINE):
        floor = int(digit) if digit.strip() else floor
        shown |= dict.fromkeys(re.findall(r"\b(\w+)(?:/|\.py)", words), floor)
    assert shown == {room: FLOORS[room] for room in FLOORS if room not in (*SHELVES, "__main__")}


def test_the_lessons_named_are_the_notebooks_there():
    named = re.findall(r"`(\d\d_\w+)`", README.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_space_of_the_readme_is_as_large_as_it_says():
    space = space_of(ROOT / "scenarios" / "50_gpt3_13b_64_a100.yaml")
    told = f"{space.size:,} combinations, of which its conditions leave {len(space.early().rows):,}"
    assert told in README.read_text(encoding="utf-8")


# -- README in Chinese


def commands_of(document):
    """Return the blocks of commands, without their comments."""
    return [[re.sub(r"\s+# .*", "", line) for line in block.splitlines()] for block in blocks(document, "sh")]


def test_the_chinese_readme_gives_commands_that_work(answer_of, clone):
    """Those of README, in the same order, and some more."""
    chinese, english = commands_of(CHINESE), commands_of(README)
    (further,) = (block for block in chinese if block not in english)
    assert [block for block in chinese if block != further] == english
    for line in further:
        assert answer_of(line, clone)


def test_the_chinese_readme_is_as_whole_as_the_english_one():
    """It shows the same consoles, the same Python but for comments, the same pictures, links, lessons and shelves."""
    assert blocks(CHINESE, "console") == blocks(README, "console")
    chinese, english = ([ast.dump(ast.parse(code)) for code in blocks(one, "python")] for one in (CHINESE, README))
    assert chinese == english
    chinese, english = (document.read_text(encoding="utf-8") for document in (CHINESE, README))
    for pattern in (
        r"\]\((?!README)([^)]+)\)",  # links and pictures
        r"`(\d\d_\w+)`",
        r"(?m)^\| (`\w+/` \|).*\| ([^|]+) \|$",  # shelves and their entries
        r"(?m)^[0-8 ] {2}([\w/]+(?:\.py)?)(?=  )",  # the map
        r"`(--?[a-z]+)[^`]*`",
        r"Python (3\.\d+)|(3\.\d+)(?=[.。])|(\d+ MB)",
    ):
        assert set(re.findall(pattern, chinese)) >= set(re.findall(pattern, english)), pattern
    titles = [document.count("\n## ") for document in (chinese, english)]
    assert titles[0] == titles[1] + 2  # the two algorithms, and the words


def test_the_chinese_readme_has_the_formulas_and_the_words_of_the_english_one():
    chinese, english = (document.read_text(encoding="utf-8") for document in (CHINESE, README))
    prose = re.sub(r"(?ms)^```.*?^```$", "", chinese)
    theory, ledger = re.findall(r"^    (.+)$", prose, re.MULTILINE)
    assert f"`{theory}`" in english
    assert ledger == re.search(r"^    (makespan = .+)$", english, re.MULTILINE)[1]
    steps = [row.split("|")[2].strip() for row in chinese.splitlines() if re.match(r"\| [1-6] ", row)]
    assert [step for step in steps if step != "execute"] == list(STEPS)
    words = [
        row.split("|")[2].strip() for row in chinese[chinese.index("| English |") :].splitlines()[2:] if row[:1] == "|"
    ]
    contract = CONTRACT.read_text(encoding="utf-8").lower()
    assert [word for word in words if word not in contract] == []


# -- CONTRIBUTING


NAMES = (
    "widest",
    "newest",
    "median",
    "scale",
    "silu",
    "one_by_one",
    "binomial",
    "keep",
    "launch",
    "wavefront",
    "guided",
    "bus",
)
FILES = {f"{name}.py": text for name, text in zip(NAMES, blocks(CONTRIBUTING, "python"), strict=True)}


@pytest.fixture
def desk(clone, monkeypatch):
    """The folder of one's own that the walk makes, with the files of CONTRIBUTING; the shelves are then as before."""
    [preamble] = blocks(README, "sh")[4].splitlines()
    done = subprocess.run(["bash", "-ec", f"{preamble} && ls"], cwd=clone, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("05_heft_ten_tasks.yaml\n", "")
    made = clone.parent / "mine"
    for name, source in FILES.items():
        (made / name).write_text(source, encoding="utf-8")
    monkeypatch.chdir(made)
    stocks = {name: shelf(name).stock() for name in SHELVES}
    yield made
    for name, stock in stocks.items():
        shelf(name).restock(stock)


@pytest.fixture
def said(desk, command):
    """Run a command in the folder of one's own; return exit code, standard output and standard error."""

    def run(line):
        program, *arguments = shlex.split(line)
        assert program == "parsim"
        return command(*arguments)

    return run


def test_the_policy_in_12_lines_has_12_lines():
    assert len(FILES["widest.py"].splitlines()) == 12


def test_readme_and_contributing_walk_the_same_way():
    *_, begin, commands = blocks(README, "sh")
    assert FILES["widest.py"] in blocks(README, "python")
    assert blocks(CONTRIBUTING, "sh")[1] == begin
    checked, _, _ = blocks(CONTRIBUTING, "console")[0].partition("\n")
    assert f"{checked.removeprefix('$ ')}\n{blocks(CONTRIBUTING, 'sh')[2]}" == commands


def test_a_policy_of_ones_own_walks_as_shown(desk, said, shows):
    right, wrong, *_ = blocks(CONTRIBUTING, "console")
    shows(right, 0)
    for line in blocks(CONTRIBUTING, "sh")[2].splitlines():
        assert said(line)[0] == 0, line
    compared = {
        policy: parsim.simulate("05_heft_ten_tasks.yaml", set={"policy": policy}).timeline.makespan_s
        for policy in ("fifo", "heft", *(entry for _, entry in parsim.use("widest.py")))
    }
    needs = re.search(
        r"It takes (\d+) s. `fifo` takes (\d+) s, and `heft`, .* takes (\d+) s\.", CONTRIBUTING.read_text()
    )
    assert compared == dict(zip(("widest", "fifo", "heft"), map(float, needs.groups()), strict=True))
    (desk / "newest.py").write_text(FILES["newest.py"].replace(" and fits(task)", ""), encoding="utf-8")
    shows(wrong, 1)


@pytest.fixture
def shows(said):
    """See that a command says all lines that are shown, in their order; `...` stands for any others."""

    def see(console, code):
        prompt, *lines = console.splitlines()
        left, out, err = said(prompt.removeprefix("$ "))
        assert left == code, err
        parts = "\n".join(lines).split("...")
        assert re.fullmatch(".*".join(map(re.escape, parts)), out.rstrip("\n"), re.DOTALL), out

    return see


def test_every_shelf_has_a_file_that_is_shown():
    added = [re.findall(r"^@(\w+)\.add\(", text, re.MULTILINE) for text in FILES.values()]
    assert {name for names in added for name in names} == set(SHELVES)
    told = table("Every file below is complete", CONTRIBUTING.read_text(encoding="utf-8"))
    assert sorted(name for [name] in told) == sorted((*SHELVES, "devices"))


@pytest.mark.parametrize("block", [one for one in blocks(CONTRIBUTING, "console") if one.startswith("$ parsim run ")])
def test_a_run_with_a_file_of_ones_own_says_what_is_shown(said, shows, block):
    assert said("parsim examples .")[0] == 0
    shows(block, 0)


def test_a_collective_of_ones_own_is_proved_as_told(desk, shows):
    right = "source + have, np"
    assert FILES["binomial.py"].count(right) == 1
    (desk / "binomial.py").write_text(FILES["binomial.py"].replace(right, "source + 1, np"), encoding="utf-8")
    (block,) = [one for one in blocks(CONTRIBUTING, "console") if one.startswith("$ parsim check binomial.py")]
    shows(block, 1)


@pytest.mark.parametrize("name", FILES)
def test_the_files_shown_keep_the_rules_of_their_shelves(desk, name):
    assert check_file(name).good


def test_the_worked_examples_work_as_they_stand(desk):
    """Two files of CONTRIBUTING on their shelves: five tasks, the newest first, over a shared link."""
    for name in ("newest.py", "bus.py"):
        parsim.use(name)
    run = parsim.simulate(
        {
            "cluster": {"devices": 2, "topology": {"kind": "bus", "bandwidth": "10 MB/s"}},
            "workload": {"kind": "items", "data": [1, 2, 3, 4, 5], "kernel": "double", "merge": "sum", "item": "1 MB"},
            "plan": {"split": "data", "subsets": 5},
            "cost": {"compute": "1 s", "kind": "constant"},
            "policy": "newest",
        }
    )
    # Two inputs at once share the bus, 0.2 s each; the last one goes alone, 0.1 s: 1.2 + 1.2 + 1.1 s.
    assert run.timeline.makespan_s == pytest.approx(3.5)
    order = run.timeline.task[run.timeline.computes].tolist()
    assert [set(order[:2]), set(order[2:4]), order[4]] == [{"part4", "part3"}, {"part2", "part1"}, "part0"]
    assert run.to_dict()["result"] == 30


def test_a_kernel_of_ones_own_works_as_told(desk, said, shows):
    assert said("parsim examples .")[0] == 0
    (line,) = re.findall(r"`(parsim run .*--with silu\.py .*?)`", CONTRIBUTING.read_text(encoding="utf-8"))
    _, out, err = said(f"{line} --json")
    silus = [x / (1 + np.exp(-x)) for x in (1, 2, 3, 4, 5)]
    assert json.loads(out)["result"] == pytest.approx(sum(silus)), err
    right, wrong = "(1.0 + x * (1.0 - s))", "(1.0 + x * (1.0 + s))"
    assert FILES["silu.py"].count(right) == 1
    (desk / "silu.py").write_text(FILES["silu.py"].replace(right, wrong), encoding="utf-8")
    (block,) = [one for one in blocks(CONTRIBUTING, "console") if one.startswith("$ parsim check silu.py")]
    shows(block, 1)


def test_a_schedule_of_ones_own_works_as_told(desk, said, shows):
    """From an empty file to a comparison; what a wrong order is told."""
    (desk / "one_by_one.py").write_text("", encoding="utf-8")
    code, _, err = said("parsim check one_by_one.py")
    assert (code, "one_by_one.py:1:1: with: adds nothing to a shelf" in err) == (2, True)
    (desk / "one_by_one.py").write_text(FILES["one_by_one.py"], encoding="utf-8")
    assert said("parsim check one_by_one.py")[0] == 0
    assert said("parsim examples .")[0] == 0
    text = CONTRIBUTING.read_text(encoding="utf-8")
    for line in re.findall(r"`(parsim (?:compare|schedule) [^`]*one_by_one\.py[^`]*)`", text):
        code, out, err = said(line.replace("\n", " "))
        assert (code, "one_by_one" in out or "0F0 0B0" in out) == (0, True), err
    assert FILES["one_by_one.py"].count('"FB"') == 1
    (desk / "one_by_one.py").write_text(FILES["one_by_one.py"].replace('"FB"', '"BF"'), encoding="utf-8")
    (block,) = [one for one in blocks(CONTRIBUTING, "console") if one.startswith("$ parsim check one_by_one.py")]
    shows(block, 1)


def test_a_device_of_ones_own_can_be_read():
    """It is written as those that are there: each number beside its source."""
    (shown,) = blocks(CONTRIBUTING, "yaml")
    files = sorted((ROOT / "parsim" / "devices").glob("*.yaml"))
    for text in (shown, *(file.read_text(encoding="utf-8") for file in files)):
        rows = yaml_document.read(text.encode(), "device").values
        assert set(rows) <= {*KEYS, *FACTS}
        assert read(KnownForm, bare(rows))
    told = CONTRACT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", told.partition("| device | `peak`")[2], re.MULTILINE)
    assert rows[: len(files)] == [(file.stem, " | ".join(cells(yaml.safe_load(file.read_text())))) for file in files]


def bare(row):
    """Return the numbers of a device's file without their sources."""
    if "value" in row:
        assert set(row) == {"value", "source"}
        return row["value"]
    return {key: bare(one) for key, one in row.items()}


def cells(device):
    """Yield the cells of a device in the contract's table; rates by format in TFLOP/s."""
    for key in ("peak", "ceiling", "memory", "bandwidth", *FACTS, "price", "power"):
        number = bare(device[key]) if key in device else ""
        by = isinstance(number, dict)
        yield ", ".join(f"{name} {one.removesuffix(' TFLOP/s')}" for name, one in number.items()) if by else str(number)


def test_a_device_of_ones_own_computes(tmp_path, monkeypatch):
    (shown,) = blocks(CONTRIBUTING, "yaml")
    (tmp_path / "p100.yaml").write_text(shown, encoding="utf-8")
    files = {**kinds(), "p100": tmp_path / "p100.yaml"}
    monkeypatch.setattr("parsim.hardware.kinds", lambda: files)
    numbers = {key: number for key, number in bare(yaml.safe_load(shown)).items() if key in KEYS}
    played = [
        parsim.simulate(ROOT / "scenarios" / "17_transformer_data.yaml", set={"cluster.device": device})
        for device in ("p100", numbers)
    ]
    assert played[0].timeline.rows() == played[1].timeline.rows()


# -- editors


def test_the_commands_of_the_page_on_editors_work(desk, said):
    """npm's is tried by tests/language_server.py."""
    (desk / "mine.py").write_text(FILES["widest.py"], encoding="utf-8")
    lines = [line for block in blocks(EDITORS, "sh") for line in block.splitlines()]
    assert [line for line in lines if not line.startswith("parsim ")] == ["npm install -g yaml-language-server"]
    for line in lines:
        if line.startswith("parsim "):
            command, _, file = line.partition(" > ")
            (desk / file).write_text(said(command)[1], encoding="utf-8")
            assert '"fifo"' in (desk / file).read_text(encoding="utf-8")
    assert '"widest"' in (desk / "parsim.schema.json").read_text(encoding="utf-8")
    (modeline,) = blocks(EDITORS, "yaml")
    assert (
        modeline == (ROOT / "scenarios" / "01_five_tasks_data.yaml").read_text(encoding="utf-8").splitlines()[0] + "\n"
    )


# -- the contract


SCENARIOS = blocks(CONTRACT, "yaml")


def title(text):
    values = yaml.safe_load(text)
    return f"{values['workload']['kind']}{len(text)}"


@pytest.mark.parametrize("text", SCENARIOS, ids=title)
def test_a_scenario_of_the_contract_is_played(text, tmp_path, monkeypatch):
    shutil.copy(ROOT / "scenarios" / "robot.stg", tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    run = parsim.simulate(path)
    assert abs(run.ledger.difference_s()) <= 1e-9 * max(run.timeline.makespan_s, run.ledger.t_total_s)
    assert golden(parsim.simulate(yaml.safe_load(text)).timeline) == golden(run.timeline)  # the same as a mapping
    validator().validate(yaml.safe_load(text))


@cache
def validator():
    return jsonschema.Draft202012Validator(scenario_schema())


def scenario(words):
    return yaml.safe_load(next(text for text in SCENARIOS if words in text))


def test_figures_of_the_contracts_scenarios():
    chain = parsim.simulate(scenario("chain of two layers"), set={"cost": {"kind": "constant", "compute": "1 s"}})
    assert chain.to_dict()["result"] == 60
    assert chain.timeline.makespan_s == pytest.approx(0.01 + 5.5 + 0.5)  # create, scenario 03, merge
    assert parsim.simulate(scenario("chain of two layers")).timeline.makespan_s != chain.timeline.makespan_s
    pipeline = parsim.simulate(scenario("kind: stages"))
    assert pipeline.timeline.makespan_s == pytest.approx(0.033)  # (m + p - 1)(F + B)
    few = parsim.simulate(scenario("kind: stages"), set={"plan.microbatches": 2})
    assert few.timeline.makespan_s == pytest.approx((2 + 4 - 1) * 0.003)
    flows = parsim.simulate(scenario("kind: transfers"))
    # f1 is held to 250 MB/s and f0 has 750: 1 ms + 1 GB / 750 MB/s, 1 ms + 2 GB / 250 MB/s.
    assert flows.timeline.end_s.tolist() == pytest.approx([0.001 + 4 / 3, 8.001])


def test_the_object_of_a_run_is_the_one_shown():
    shown = json.loads(blocks(CONTRACT, "json")[0])
    given = parsim.simulate(ROOT / "scenarios" / "01_five_tasks_data.yaml").to_dict()
    assert re.fullmatch("[0-9a-f]{64}", given.pop("scenario_sha256"))
    assert shown.pop("scenario_sha256") == "..."
    assert list(given) == list(shown), "the keys stand in this order"
    for key in ("theory", "ledger"):
        idle, expected = given[key].pop("idle", {}), shown[key].pop("idle", {})
        assert idle == pytest.approx(expected)
        assert given.pop(key) == pytest.approx(shown.pop(key))
    for device, expected in zip(given.pop("devices"), shown.pop("devices"), strict=True):
        assert list(device) == list(expected)
        assert device == {key: pytest.approx(value) if key != "name" else value for key, value in expected.items()}
    assert given == shown


def test_the_object_of_a_validation_is_the_one_described():
    found = validate(ROOT / "scenarios" / "04_quantisation.yaml").to_dict()
    text = CONTRACT.read_text(encoding="utf-8")
    assert list(found) == [key for [key, *_] in table("hold this object", text)]
    form = re.search(r"`closed_forms` \| a list of `\{(.*?)\}`", text)[1]
    assert [list(each) for each in found["closed_forms"]] == [re.findall(r'"(\w+)"', form)]


def test_the_objects_of_a_profile_and_of_repeated_replays_are_those_described(monkeypatch):
    monkeypatch.chdir(ROOT)
    first, text = "scenarios/01_five_tasks_data.yaml", CONTRACT.read_text(encoding="utf-8")
    shown, given = json.loads(blocks(CONTRACT, "json")[1]), parsim.calibrate(first, repeat=1).to_dict()
    assert list(shown) == list(given)
    for key in ("machine", "made", "transfers"):
        assert list(shown[key]) == list(given[key])
    assert list(shown["kernels"][0]) == list(given["kernels"][0])
    assert list(shown["kernels"][0]["busy"]) == list(given["kernels"][0]["busy"])
    found = parsim.repeat(first, 2).to_dict()
    assert list(found) == [key for row in table("`--repeat N` replays N times", text) for key in row]
    assert list(found["absolute_error"]) == re.findall(r'"(\w+)"', re.search(r"`absolute_error` \| `(.*?)`", text)[1])


FIFTH = "scenarios/05_heft_ten_tasks.yaml"
# the objects of section 10: where each is described, and what is asked for it
STUDIED = {
    "The object of a comparison": lambda: parsim.compare(FIFTH, set={"policy": ["fifo", "heft"]}, seeds=2),
    "The object of an explanation": lambda: parsim.explain(FIFTH),
    "The object of a scaling": lambda: parsim.scaling(FIFTH, workers=[1, 2]),
    "The object of two splits": lambda: parsim.splits("scenarios/14_two_splits.yaml", over=["workload.item"]),
    "The object of the splits of a training": lambda: parsim.splits(CROWDED),
    "The object of a search for plans": lambda: parsim.plan(UNPRICED),
}


@pytest.mark.parametrize("title", STUDIED)
def test_an_object_of_section_10_is_the_one_described(title, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = STUDIED[title]().to_dict()
    text = CONTRACT.read_text(encoding="utf-8")
    assert list(found) == [key for row in table(title, text) for key in row]
    if "variants" in found:
        assert list(found["variants"][0]) == [key for [key] in table("| of a variant |", text)]
    if "plans" in found:
        assert set(found["plans"][0]) == {key for row in table("| of a plan |", text) for key in row}
    section = text[text.index(title) :].partition("\n### ")[0]
    described = [re.findall(r'"(\w+)"', form) for form in re.findall(r'\{("[^}]*)\}', section)]
    held = [list(one) for one in inside(found)]
    assert [keys for keys in described if keys not in held and keys not in UNSEEN] == []


UNSEEN = [
    ["seed", "reason"],
    ["p", "why"],
    ["refused"],
    ["amount", "size"],
    ["label", "best", "change", "what", "words", "makespan_s", "best_makespan_s"],
]  # told of what fails, or where work differs


def inside(found):
    """Yield each object in *found*, itself included, but not what is told of a run."""
    if isinstance(found, dict):
        yield found
    for key, one in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(one, dict | list) and key != "run":
            yield from inside(one)


UNPRICED = {  # a space, on devices without a price
    "cluster": {"devices": 2, "device": "h200", "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
    "workload": {"kind": "mlp", "widths": [8, 8, 8], "batch": 16, "precision": "fp32"},
    "plan": {"data": {"in": [1, 2]}, "tensor": {"in": [1, 2]}},
    "require": ["data * tensor == devices"],
}
CROWDED = {  # a training that does not fit, with room for another plan in every respect
    "cluster": {
        "devices": 4,
        "device": {"memory": "1 kB", "peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
        "topology": {"kind": "full", "bandwidth": "1 GB/s"},
    },
    "workload": {"kind": "mlp", "widths": [8, 8, 8, 8, 8], "batch": 16, "precision": "fp32"},
    "plan": {
        "split": "layers",
        "pipeline": 2,
        "schedule": "gpipe",
        "microbatches": 4,
        "recompute": "selective",
        "stages": "framework",
    },
    "cost": "roofline",
}


def test_the_changes_that_an_explanation_tries_are_those_described(monkeypatch):
    monkeypatch.chdir(ROOT)
    told = {change for [change] in table("| change | what is played", CONTRACT.read_text(encoding="utf-8"))}
    tried, signed = set(), [raw for name, (raw, *_) in PLANTED.items() if "microbatches" not in name]
    plan = {"split": "layers", "pipeline": 2, "microbatches": 2, "stages": "count", "recompute": "full"}
    degrees = CROWDED | {"plan": {"data": 4, "microbatch_size": 2}}
    for scenario in (FIFTH, "scenarios/06_pipeline_1f1b.yaml", CROWDED, degrees, MODEL | {"plan": plan}, *signed):
        found = parsim.explain(scenario).to_dict()
        tried |= {one["change"] for one in (*found["changes"], *found["not_applicable"])}
    assert tried == told


def test_the_object_of_a_check_is_the_one_described(said):
    text = CONTRACT.read_text(encoding="utf-8")
    keys, of_finding = (
        re.findall(r'"(\w+)"', form) for form in re.findall(r"\{([^}]*)\}", text[text.index("`parsim check") :])[:2]
    )
    found = json.loads(said("parsim check widest.py --json")[1])
    assert (list(found), list(found["findings"][0])) == (keys, of_finding)


def test_what_is_wrong_with_a_file_of_ones_own_ends_as_the_tables_say(desk, said):
    (desk / "broken.py").write_text("import parsim\n\n)\n", encoding="utf-8")
    for line in ("parsim check broken.py", "parsim run 05_heft_ten_tasks.yaml --with broken.py"):
        code, out, err = said(line)
        assert (code, out) == (2, "")
        assert err.startswith("broken.py:3:1: with: ")
    before, after = FILES["newest.py"].split("        task = next(mine, None)\n")
    (desk / "newest.py").write_text(f"{before}        1 / 0\n{after}", encoding="utf-8")
    code, out, err = said("parsim run 05_heft_ten_tasks.yaml --with newest.py --set policy=newest")
    assert (code, out) == (1, "")
    line = before.count("\n") + 1
    assert err.startswith(f"parsim: policy newest (newest.py:{line}) raised ZeroDivisionError in take")


def test_a_run_and_a_replay_print_as_one_line():
    run = parsim.simulate(ROOT / "scenarios" / "04_quantisation.yaml", set={"cluster.devices": 3})
    assert f"print(run)  # {run!r}\n" in README.read_text(encoding="utf-8")
    assert str(Replay(run, run, True)) == "Replay(04_quantisation, predicted 4 s, measured 4 s)"


def test_the_csv_is_the_one_shown():
    run = parsim.simulate(ROOT / "scenarios" / "01_five_tasks_data.yaml")
    assert blocks(CONTRACT, "csv") == ["".join(write_csv(run.timeline))]


def table(section, text, column=1):
    """Return the code in a column of the first table after *section*."""
    rows = re.search(r"(?:^\|.*\n)+", text[text.index(section) :], re.MULTILINE)[0].splitlines()[2:]
    return [re.findall(r"`([^`]+)`", row.split("|")[column]) for row in rows]


def test_the_tables_name_what_there_is():
    text = CONTRACT.read_text(encoding="utf-8")
    assert tuple(cause for [cause] in table("Each piece of idleness", text)) == CAUSES
    shown = {column for [column] in table("`timeline.csv` has a line per span", text)}
    assert shown <= set(COLUMNS)
    assert tuple(kind for [kind] in table("for a scenario `--out` must be given", text)) == PLOT_KINDS
    named = [name for row in table("policies see expected seconds only", text) for name in row]
    assert sorted(named) == list(policies.entries())


def test_the_units_named_are_the_units_read():
    found = {dimension.base: set(dimension.units) for dimension in DIMENSIONS}
    assert list(found) == ["s", "B", "B/s", "FLOP", "FLOP/s", "USD/h", "W", "J", "USD"]
    text = CONTRACT.read_text(encoding="utf-8")
    time, thousands, flop = re.search(
        r"`(ns [^`]+)`; .* after `([^`]+)` or .* after `([^`]+)`", text, re.DOTALL
    ).groups()
    powers = re.search(r" or `(Ki [^`]+)`", text)[1]
    assert found["s"] == set(time.split())
    assert found["B"] == {f"{p}{unit}" for unit in ("B", "bit") for p in ("", *thousands.split(), *powers.split())}
    assert found["FLOP"] == {f"{p}FLOP" for p in ("", *flop.split())}
    assert found["B/s"] == {f"{unit}/s" for unit in found["B"]}
    assert found["FLOP/s"] == {f"{unit}/s" for unit in found["FLOP"]}
    others = re.search(r"per `/s`; `([^`]+)`; `([^`]+)`; in expressions `([^`]+)` and `([^`]+)`", text).groups()
    assert [found[unit] for unit in ("USD/h", "W", "J", "USD")] == [set(units.split()) for units in others]


def test_where_things_happen_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where things happen")[2]
    rows = [line for line in text.partition("## Style")[0].splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 10
    for row in rows:
        folder = None
        for name in re.findall("`([^`]+)`", row.split("|")[2]):
            if name.endswith(".py"):
                folder = (ROOT / name).parent if "/" in name else folder
                file = folder / Path(name).name
                assert file.is_file(), name
            else:
                assert re.search(rf"^(?:def|class) {name}\b", file.read_text(encoding="utf-8"), re.MULTILINE), name
