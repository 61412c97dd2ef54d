"""The command line: list, init, check, schema, schedule, and the ledger of any trace."""

import json
import os
import re
import resource
import tomllib
from functools import cache, partial

import jsonschema
import pytest
from commands import EVERY, FIRST, ROOT, assert_same, process

import parsim
from parsim.entries.registry import SHELVES, shelf
from parsim.scenario import document
from parsim.scenario_schema import space_schema
from parsim.schedules import schedules

MADE_ONCE = cache(space_schema)


@pytest.fixture(autouse=True)
def one_schema(monkeypatch):
    """Make the schema once: no test of this file asks for that of another shelf."""
    monkeypatch.setattr("parsim.scenario_schema.space_schema", MADE_ONCE)


# --- schedule ---


def test_schedule_prints_a_line_per_rank(command):
    # Drawn by hand from the definition of 1F1B: rank r warms up with p - r forwards.
    code, out, err = command("schedule", "1f1b", "--ranks", "3", "--microbatches", "4")
    assert (code, err) == (0, "")
    assert out == (
        "0F0 0F1 0F2 0B0 0F3 0B1 0B2 0B3\n"
        "1F0 1F1 1B0 1F2 1B1 1F3 1B2 1B3\n"
        "2F0 2B0 2F1 2B1 2F2 2B2 2F3 2B3\n"
    )  # fmt: skip
    code, out, _ = command("schedule", "gpipe", "--ranks", "2", "--microbatches", "3", "--chunks", "1")
    assert (code, out) == (0, "0F0 0F1 0F2 0B0 0B1 0B2\n1F0 1F1 1F2 1B0 1B1 1B2\n")


@pytest.mark.parametrize("name", ["gpipe", "1f1b"])
@pytest.mark.parametrize("ranks", [1, 4])
@pytest.mark.parametrize("microbatches", [1, 2, 8])
def test_a_schedule_has_every_action_once(command, name, ranks, microbatches):
    code, out, _ = command("schedule", name, "--ranks", ranks, "--microbatches", microbatches)
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == ranks
    for rank, line in enumerate(lines):
        assert sorted(line.split()) == sorted(f"{rank}{op}{i}" for op in "FB" for i in range(microbatches))


# --- ledger ---


def test_the_ledger_of_a_run_is_measured_again_from_its_timeline(command, tmp_path):
    run = json.loads(command("run", FIRST, "--json", "--out", tmp_path)[1])
    code, out, err = command("ledger", tmp_path / "timeline.csv")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    found = json.loads(out)
    assert found["makespan_s"] == 3.3
    assert found["busy_nominal_s"] == pytest.approx(run["ledger"]["t_total_s"] + run["ledger"]["deviation_s"])
    for term in ("idle_s", "contention_s", "hidden_s"):
        assert found[term] == pytest.approx(run["ledger"][term])
    assert list(found["idle"]) == ["fill", "drain", "dependency"]
    assert found["checker"] == []
    assert "t_total_s" not in found
    assert "deviation_s" not in found


def test_the_ledger_of_rows_measured_elsewhere(command, tmp_path):
    # By hand, two workers, makespan 10. a: transfer 1-3 (nominal 1), compute 2-6; b: compute 4-10.
    # Means: compute (4 + 6) / 2, nominal transfers 1 / 2, contention 1 / 2, hidden 1 / 2 (2-3 is under compute),
    # idle: a 0-1 fill, 6-10 drain; b 0-4 fill.
    (tmp_path / "t.csv").write_text(
        "worker,lane,number,task,kind,ready_s,start_s,end_s,nominal_s,waited_for,colour\n"
        "b,compute,1,y,forward,0,4,10,6,,red\n"
        "a,compute,0,x,compute,0,2,6,4,,\n"
        "a,net,0,host>x,transfer,0,1,3,1,,\n"
    )
    found = json.loads(command("ledger", tmp_path / "t.csv")[1])
    assert_same(found, {
        "makespan_s": 10.0, "workers": 2, "busy_nominal_s": 5.5, "idle_s": 4.5, "contention_s": 0.5, "hidden_s": 0.5,
        "idle": {"fill": 2.5, "drain": 2.0, "dependency": 0.0}, "checker": [],
    })  # fmt: skip
    # With two more that never had a span: idle all the time, which is drain.
    found = json.loads(command("ledger", tmp_path / "t.csv", "--workers", "4")[1])
    assert found["workers"] == 4
    assert found["busy_nominal_s"] == pytest.approx(2.75)
    assert found["idle"]["drain"] == pytest.approx((2 * 2 + 2 * 10) / 4)
    total = found["busy_nominal_s"] + found["idle_s"] + found["contention_s"] - found["hidden_s"]
    assert total == pytest.approx(10)


TRACE = "number,task,kind,worker,lane,ready_s,start_s,end_s,nominal_s,waited_for\n"


def test_the_host_of_a_trace_is_no_worker(command, tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text(TRACE + "0,a,compute,x,compute,0,0,2,2,\n1,merge,merge,host,host,2,2,3,1,\n")
    code, out, err = command("ledger", str(trace))
    assert (code, err) == (0, "")
    assert {key: json.loads(out)[key] for key in ("workers", "makespan_s", "idle_s")} == {
        "workers": 1, "makespan_s": 3.0, "idle_s": 1.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (b"0,a,compute,x,compute,0,2,1,2,\n", "2:27: [0].end_s: 1.0 is before its start, 2.0"),
        (b"0,\xff,compute,x,compute,0,0,1,1,\n", "2:1: csv: is not text in UTF-8"),
        (b"0,a,compute,x\n", "2:1: [0]: the line has 4 fields, the header 10"),
    ],
)
def test_a_trace_that_is_none_is_told_in_a_line(command, tmp_path, rows, fault):
    trace = tmp_path / "trace.csv"
    trace.write_bytes(TRACE.encode() + rows)
    assert command("ledger", str(trace)) == (2, "", f"{trace}:{fault}\n")


# --- list ---


def test_list_shows_each_shelf_and_entry(command):
    code, out, err = command("list")
    assert (code, err) == (0, "")
    heads = [line.split(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert heads == [*SHELVES, "devices", "nodes"]
    for entry in ("items", "stages", "tasks", "transfers", "gpipe", "1f1b", "fifo", "heft", "in_order", "constant",
                  "noisy", "star", "full", "custom", "double", "sum", "data", "layers", "chain"):  # fmt: skip
        assert re.search(rf"^  {entry} +\S.*\.$", out, re.MULTILINE), entry


def test_list_shows_the_file_that_each_entry_stands_in(command):
    rows = re.findall(r"^  (\S+) +(\S+) +(\S.*)$", command("list")[1], re.MULTILINE)
    files = {name: file for name, file, _ in rows}
    assert files["fifo"] == "parsim/policies/fifo.py"
    assert files["1f1b"] == "parsim/schedules/one_f_one_b.py"
    for name, file in files.items():
        if file.endswith(".yaml"):
            assert file in (f"parsim/devices/{name}.yaml", f"parsim/nodes/{name}.yaml")
            continue
        assert re.search(rf'\.add\("{name}"[,)]', (ROOT / file).read_text()), f"{name} does not stand in {file}"


def test_list_is_aligned(command):
    lines = [line for line in command("list")[1].splitlines() if line.startswith(" ")]
    for column in (r"  \S+ +", r"  \S+ +\S+ +"):
        assert len({re.match(column, line).end() for line in lines}) == 1


def test_list_shows_one_shelf(command):
    code, out, _ = command("list", "schedules")
    assert code == 0
    assert out.startswith("schedules: in which order")
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(schedules.entries())


def test_list_says_of_each_entry_what_no_other_of_its_shelf_does(command):
    for found in json.loads(command("list", "--json")[1]).values():
        does = [entry["does"] for entry in found["entries"]]
        assert len(set(does)) == len(does)


def test_list_as_json(command):
    code, out, err = command("list", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == [*SHELVES, "devices", "nodes"]
    assert found["merges"] == {
        "question": "what is made of all outputs?",
        "entries": [{"name": "sum", "file": "parsim/merges/sum.py", "does": "Add up *values*."}],
    }
    does = "Double an element; integers stay integers."
    assert {"name": "double", "file": "parsim/kernels/double.py", "does": does} in found["kernels"]["entries"]
    assert list(json.loads(command("list", "merges", "--json")[1])) == ["merges"]


def test_an_unknown_shelf(command):
    assert command("list", "policy") == (2, "", "SHELF:0:0: SHELF: unknown name 'policy'. Did you mean 'policies'?\n")


# --- init ---

KINDS = ("items", "tasks", "stages", "mlp", "transformer", "transfers")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_writes_a_scenario_that_runs_at_once(command, here):
    code, out, err = command("init")
    assert (code, err) == (0, "")
    assert sorted(os.listdir(here)) == ["parsim.schema.json", "scenario.yaml"]
    for line in out.splitlines()[1:]:
        assert line.startswith("  parsim run scenario.yaml")
        assert command(*line.split()[1:])[::2] == (0, "")
    # By hand: (2 x (1 + ... + 8)).
    assert json.loads(command("run", "scenario.yaml", "--json")[1])["result"] == 72


@pytest.mark.parametrize("kind", KINDS)
def test_init_has_a_scenario_of_each_kind(command, here, validator, kind):
    assert command("init", "mine.yaml", "--kind", kind)[0] == 0
    text = (here / "mine.yaml").read_text(encoding="utf-8")
    assert "parsim run mine.yaml" in text
    values = document.read(text.encode(), "mine.yaml").values
    assert values["workload"]["kind"] == kind
    assert [error.message for error in validator.iter_errors(values)] == []
    assert command("validate", "mine.yaml")[0] == 0
    assert max(map(len, text.splitlines())) <= 120


LEFT_OUT = (
    r"(seed: 0|policy: (in_order|fifo)|clock: s|  (weights_at: devices|chunks: 1|pipeline|activ|sched)).*left out"
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_comments_of_init_say_what_is_left_out(command, here, kind):
    """What may be left out, and says what it then is, may be left out: the run stays the same."""
    assert command("init", "mine.yaml", "--kind", kind)[0] == 0
    before = parsim.simulate("mine.yaml").timeline.rows()
    kept = [line for line in (here / "mine.yaml").read_text().splitlines() if not re.match(LEFT_OUT, line)]
    (here / "less.yaml").write_text("\n".join(kept))
    assert len(kept) < len((here / "mine.yaml").read_text().splitlines()) or kind == "transfers"
    assert parsim.simulate("less.yaml").timeline.rows() == before


def test_what_init_writes_can_be_split_both_ways(command, here):
    assert command("init")[0] == 0
    assert command("splits", "scenario.yaml", "--over", "item")[::2] == (0, "")


def test_the_kinds_of_init_are_those_of_its_help(command):
    templates = {path.stem for path in (ROOT / "parsim" / "cli" / "templates").iterdir()}
    assert templates == set(KINDS)
    help_text = " ".join(command("init", "--help")[1].split())
    assert all(kind in help_text for kind in KINDS)


def test_init_overwrites_nothing(command, here):
    (here / "scenario.yaml").write_text("mine")
    (here / "link.yaml").symlink_to("nowhere")
    (here / "folder.yaml").mkdir()
    for name in ("scenario.yaml", "link.yaml", "folder.yaml"):
        code, out, err = command("init", name)
        assert (code, out) == (2, "")
        assert re.fullmatch(rf"FILE:0:0: FILE: '{name}' cannot be written: it already exists.*name another file\n", err)
    assert (here / "scenario.yaml").read_text() == "mine"
    assert not (here / "nowhere").exists()


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("nowhere/a.yaml", "there is no folder 'nowhere'"),
        ("file/a.yaml", "there is no folder 'file'"),
        ("a\0b", "null"),
        ("", "it already exists"),  # the folder itself
        ("x" * 300, "too long"),
    ],
)
def test_init_where_no_file_can_be(command, here, name, piece):
    (here / "file").write_text("")
    code, out, err = command("init", name)
    assert (code, out) == (2, "")
    assert err.startswith("FILE:0:0: FILE: ")
    assert piece in err
    assert os.listdir(here) == ["file"]


def test_init_on_a_full_disk_leaves_no_half_of_a_file(here):
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100, 100))
    done = process("init", here / "mine.yaml", preexec_fn=full)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"FILE:0:0: FILE: '{here}/mine.yaml' cannot be written: File too large; name another file\n"
    assert os.listdir(here) == []


def test_init_where_the_disk_has_room_for_the_scenario_alone_leaves_nothing(here):
    """The scenario has some 3 kB, the schema 80."""
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20_000, 20_000))
    done = process("init", here / "mine.yaml", preexec_fn=full)
    assert (done.returncode, done.stdout) == (2, "")
    schema = here / "parsim.schema.json"
    assert done.stderr == f"FILE:0:0: FILE: '{schema}' cannot be written: File too large; name another file\n"
    assert os.listdir(here) == []


@pytest.mark.parametrize("name", ["mine.yaml", "sub/mine.yaml", "su b/mine.yaml"])
def test_the_first_line_names_the_schema_beside_it(command, here, name):
    """In whatever folder: editors look for it from the folder of the file."""
    (here / name).parent.mkdir(exist_ok=True)
    assert command("init", name)[0] == 0
    first = (here / name).read_text(encoding="utf-8").splitlines()[0]
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
    assert (here / name).with_name(schema).read_text(encoding="utf-8") == command("schema")[1]


def test_a_schema_that_is_there_stays(command, here):
    """What parsim schema prints is left without a word, also as Windows writes it; anything else, with one."""
    printed, beside = command("schema")[1], here / "parsim.schema.json"
    for number, content in enumerate((printed.encode(), printed.replace("\n", "\r\n").encode("utf-16"))):
        beside.write_bytes(content)
        assert command("init", f"same{number}.yaml")[::2] == (0, "")
        assert beside.read_bytes() == content
    for number, content in enumerate((b"", b"mine", b"{}", b"\xff", b"[" * 100_000)):
        beside.write_bytes(content)
        assert command("init", f"other{number}.yaml")[::2] == (0, stays("parsim.schema.json"))
        assert beside.read_bytes() == content


def stays(schema):
    return f"parsim: {schema} differs from this version's schema and is kept; to update it: parsim schema > {schema}\n"


def test_what_stands_in_the_place_of_the_schema_stays(command, here):
    (here / "parsim.schema.json").symlink_to("nowhere")
    assert command("init", "mine.yaml")[::2] == (0, stays("parsim.schema.json"))
    assert not (here / "nowhere").exists()
    (here / "parsim.schema.json").unlink()
    os.mkfifo(here / "parsim.schema.json")
    assert command("init", "pipe.yaml")[::2] == (0, stays("parsim.schema.json"))
    (here / "a b" / "parsim.schema.json").mkdir(parents=True)
    assert command("init", "a b/mine.yaml")[::2] == (0, stays("'a b/parsim.schema.json'"))


def test_a_scenario_cannot_have_the_name_of_the_schema(command, here):
    code, out, err = command("init", "parsim.schema.json")
    assert (code, out, os.listdir(here)) == (2, "", [])
    assert err.startswith("FILE:0:0: FILE: 'parsim.schema.json' cannot be written: init writes the schema")


def test_all_that_is_wrong_with_init_is_told_at_once(command, here):
    assert command("init", "nowhere/a.yaml", "--kind", "task") == (
        2,
        "",
        "--kind:0:0: kind: unknown name 'task'. Did you mean 'tasks'?\n"
        "FILE:0:0: FILE: 'nowhere/a.yaml' cannot be written: there is no folder 'nowhere'; name another file\n",
    )


def test_names_that_need_quotes_are_quoted(command, here):
    code, out, _ = command("init", "my first.yaml")
    assert code == 0
    assert "parsim run 'my first.yaml'\n" in out
    assert "parsim run 'my first.yaml'\n" in (here / "my first.yaml").read_text()


def test_the_wheel_holds_what_init_writes():
    """Whatever lies below a package folder goes into the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["parsim"]
    assert "yaml" not in (ROOT / ".gitignore").read_text()


# --- check ---

MERGE = '''\
from parsim.merges import merges


@merges.add("first_of_mine")
def first(values: list[float]) -> float:
    """Return the first of *values*."""
    return values[0]
'''


@pytest.fixture
def shelves():
    """Leave the shelves as they were."""
    stocks = [(shelf(name), shelf(name).stock()) for name in SHELVES]
    yield
    for one, stock in stocks:
        one.restock(stock)


@pytest.mark.usefixtures("shelves")
def test_check_proves_a_file(command, here):
    (here / "mine.py").write_text(MERGE)
    code, out, err = command("check", "mine.py")
    assert (code, err) == (0, "")
    assert "merges: first_of_mine" in out
    code, out, _ = command("check", "mine.py", "--json")
    assert code == 0
    assert json.loads(out)["good"] is True
    assert out.count("\n") == 1
    assert command("check", "mine.py", "--quiet") == (0, "", "")


@pytest.mark.usefixtures("shelves")
def test_check_says_what_is_broken(command, here):
    (here / "mine.py").write_text(MERGE.replace("values[0]", 'values["first"]'))
    code, out, err = command("check", "mine.py")
    assert code == 1
    assert "TypeError" in out
    assert re.fullmatch(r"parsim: mine\.py: \d+ of \d+ cases are broken\n", err)
    code, out, _ = command("check", "mine.py", "--json")
    assert (code, json.loads(out)["good"]) == (1, False)
    assert command("check", "mine.py", "--quiet")[:2] == (1, "")


@pytest.mark.parametrize(
    ("text", "place"), [("x = (\n", "1:5"), ("\n1 / 0\n", "2:1"), ("x = 1\n", "1:1"), (None, "0:0")]
)
def test_a_file_that_cannot_be_checked(command, here, text, place):
    if text is not None:
        (here / "mine.py").write_text(text)
    code, out, err = command("check", "mine.py")
    assert (code, out) == (2, "")
    assert err.startswith(f"mine.py:{place}: with: ")
    assert err.count("\n") == 1


# --- schema ---


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json.dumps(MADE_ONCE()))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def examples():
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/contract.md").read_text(), re.MULTILINE | re.DOTALL)
    return [pytest.param(block, id=f"contract{index}") for index, block in enumerate(blocks) if "workload:" in block]


def test_the_schema_beside_the_scenarios_is_the_one_printed():
    """After a change of a shelf: parsim schema > scenarios/parsim.schema.json."""
    kept = json.loads((ROOT / "scenarios" / "parsim.schema.json").read_text(encoding="utf-8"))
    done = process("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert kept == json.loads(done.stdout)


def test_templates_name_the_schema_beside_the_scenarios():
    """So whoever changes a template has it completed, too."""
    for template in (ROOT / "parsim" / "cli" / "templates").iterdir():
        first = template.read_text(encoding="utf-8").splitlines()[0]
        schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
        assert (template.parent / schema).resolve() == ROOT / "scenarios" / "parsim.schema.json"


@pytest.mark.parametrize("text", [*(pytest.param(file.read_text(), id=file.stem) for file in EVERY), *examples()])
def test_the_schema_accepts_every_scenario(validator, text):
    values = document.read(text.encode(), "a.yaml").values
    assert [error.message for error in validator.iter_errors(values)] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"cluster.devices": 0},
        {"cluster.devices": "2"},
        {"cluster.devices": [5]},
        {"cluster.devces": 2},
        {"cluster.topology.bandwidth": "10"},
        {"cluster.topology.bandwidth": 10},
        {"cluster.topology.bandwidth": "0 B/s"},
        {"cluster.topology.bandwidth": "1 Gb/s"},
        {"cluster.topology.kind": "str"},
        {"cluster.topology.x": 1},
        {"workload.kind": "itms"},
        {"workload.data": 5},
        {"workload.item": "-1 MB"},
        {"workload.item": "1 s"},
        {"workload.kernel": "triple"},
        {"plan": {}},
        {"plan": None},
        {"plan.pipeline": 2},
        {"plan.split": "dat"},
        {"plan.subsets": 0},
        {"plan.steps.spilt": "1 s"},
        {"cost": {"kind": "noisy"}},
        {"cost.compute": "1"},
        {"policy": "fifi"},
        {"policy": 5},
        {"seed": -1},
        {"seed": 1.5},
        {"clock": "simulatd"},
        {"other": 1},
    ],
    ids=str,
)
def test_the_schema_rejects_what_parsim_rejects(validator, settings):
    from parsim.scenario.scenario import load

    values = load(FIRST, settings).values
    assert list(validator.iter_errors(values))
    with pytest.raises(parsim.ScenarioError):
        parsim.simulate(FIRST, settings)


@pytest.mark.parametrize("section", ["cluster", "workload", "plan"])
def test_the_schema_wants_the_sections_that_must_be(validator, section):
    values = document.read(FIRST.read_bytes(), "a.yaml").values
    del values[section]
    assert list(validator.iter_errors(values))
