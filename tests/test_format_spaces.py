"""A file of another program becomes a space of plans, whose first row is the plan of the file."""

import json
import re
import shlex

import pytest
import yaml
from commands import ROOT
from test_formats import EXPECTED, MODELS, built, text_of

from parsim.formats import FORMATS
from parsim.formats.written import written, written_space
from parsim.study.space import space_of

ROWS = {  # by hand: ways to share out the devices x sizes of a microbatch x recompute
    "slurm.sh": 4 * (1 + 4 * 2) * 4 * 2,  # 128 devices: 4 tensor; one stage, or 4 depths in 2 schedules; data follows
    "llama3_8b_dumped.json": (4 + 10 * 2) * 4 * 3,  # 16 = 2^4 in three factors, without 16 tensor ranks; 4: one stage
    "arguments.txt": 4 * 2,
}
SMALL = """
torchrun --nproc_per_node 4 pretrain_gpt.py --num-layers 4 --hidden-size 256 --num-attention-heads 4 --seq-length 128
    --max-position-embeddings 128 --micro-batch-size 1 --global-batch-size 8 --bf16 --pipeline-model-parallel-size 2
    --num-layers-per-virtual-pipeline-stage 1 --use-distributed-optimizer --recompute-activations
""".replace("\n    ", " ")
UNEVEN = (
    "torchrun --nproc_per_node 24 pretrain_gpt.py --num-layers 10 --hidden-size 768 --num-attention-heads 12 "
    "--seq-length 128 --max-position-embeddings 128 --micro-batch-size 12 --global-batch-size 24 --bf16 "
    "--tensor-model-parallel-size 12 --pipeline-model-parallel-size 2 --decoder-first-pipeline-num-layers 4"
)
FILES = [*EXPECTED, *MODELS]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def given(name):
    return json.dumps(MODELS[name]["config"]) if name in MODELS else text_of(name)


def by_hand(text):
    """Put the space at the end of a file in place of its plan, as the comment above the space says."""
    head, space = text.split("\n# plan:\n")
    head = re.sub(r"^plan:\n(?:[ ]+.*\n)+", "", head, flags=re.MULTILINE)
    rows = f"# plan:\n{space}".splitlines()
    assert all(row == "" or row.startswith("# ") for row in rows)
    return "\n".join([head, *(row.removeprefix("# ") for row in rows), ""])


def same(plan):
    """Return a plan with what is left out."""
    return {"data": 1, "tensor": 1, "pipeline": 1, "microbatch_size": 1, "recompute": "none"} | plan


def rows_of(text):
    space = space_of(yaml.safe_load(text))
    return space, space.early().rows


@pytest.mark.parametrize("name", FILES)
def test_the_first_row_is_the_plan_of_the_file(name):
    fixed = yaml.safe_load(built(given(name)).text)
    space, rows = rows_of(built(given(name), write=written_space).text)
    first = dict(space.scenario_of(0).values)
    assert same(first.pop("plan")) == same(fixed.pop("plan"))
    assert first == fixed
    assert rows[0] == 0
    assert len(rows) == ROWS.get(name, len(rows)) > 1


@pytest.mark.parametrize("name", FILES)
def test_the_comment_is_the_space(name):
    fixed, space = (built(given(name), write=write).text for write in (written, written_space))
    assert yaml.safe_load(by_hand(fixed)) == yaml.safe_load(space)
    assert max(map(len, f"{fixed}{space}".splitlines())) <= 120


@pytest.mark.parametrize("name", FILES)
def test_plans_need_all_devices_and_fit_into_memory(name):
    product, memory = yaml.safe_load(built(given(name), write=written_space).text)["require"][:2]
    assert re.fullmatch(r"data \* tensor \* pipeline( \* context)? == devices", product)
    assert memory == "peak_memory < 0.95 * memory"


def test_values_that_no_space_would_propose_are_in_it():
    """12 samples and 12 tensor ranks are above what is usual, and 4 and 6 layers fit two stages alone."""
    space, rows = rows_of(built(UNEVEN, write=written_space).text)
    first = space.scenario_of(rows[0]).values["plan"]
    assert [first[key] for key in ("data", "tensor", "microbatch_size", "stages")] == [1, 12, 12, [4, 6]]
    deep = [row for row in rows if space.set_of(row)["plan.pipeline"] == 4]
    assert {str(space.set_of(row)["plan.stages"]) for row in deep} == {"[4, 6]", "count"}


def test_each_command_that_init_says_works(command, here):
    """The best plan of the space by hand is that of the file which --space writes, and no slower than the script's."""
    (here / "run.sh").write_text(SMALL)
    code, out, err = command("init", "my gpt.yaml", "--from", "run.sh", "--on", "dgx-a100")
    assert (code, err) == (0, "")
    said = [shlex.split(line) for line in out.splitlines() if line.startswith("  parsim ")]
    assert [one[1] for one in said] == ["run", "run", "init", "plan"]
    for _, *words in said[1:3]:
        assert command(*words)[::2] == (0, "")
    own = json.loads(command(*said[0][1:], "--json")[1])["training"]["iteration_s"]
    best = json.loads(command(*said[3][1:], "--json")[1])
    mine = here / "my gpt.yaml"
    text = mine.read_text()
    assert [shlex.split(line[1:]) for line in text.splitlines() if line.startswith("#   parsim ")][:2] == said[2:]
    mine.write_text(by_hand(text))
    changed = json.loads(command("plan", mine, "--json")[1])
    assert changed["plans"] == best["plans"]
    assert best["plans"][0]["iteration_s"] <= own


def test_a_space_says_how_it_is_searched_and_not_that_it_runs(command, here):
    (here / "run.sh").write_text(SMALL)
    code, out, _ = command("init", "more.yaml", "--from", "run.sh", "--space")
    assert (code, out.splitlines()[1:]) == (0, ["  parsim plan more.yaml"])
    assert "parsim run" not in (here / "more.yaml").read_text()


def test_the_help_names_each_format(command):
    told = " ".join(command("init", "--help")[1].split())
    assert all(one.kind in told for one in FORMATS)
    assert all(one.kind not in (ROOT / "parsim" / "cli" / "init.py").read_text() for one in FORMATS)


def test_the_space_on_the_page_is_the_one_written():
    page = (ROOT / "docs" / "guides" / "formats.md").read_text(encoding="utf-8")
    script = re.search(r"^```bash\n(# run.sh\n.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    shown = re.search(r"^```{code-block} yaml\n(plan:\n  data: {in.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    assert built(script, "dgx-a100", written_space).text.endswith(f"\n{shown}")
