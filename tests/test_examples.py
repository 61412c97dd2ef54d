"""`parsim examples`, in a clone and from a wheel that is installed far from it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("scenarios", "notebooks")


def said(arguments, folder, path=""):
    """Run a Python module in *folder*; *path*: where modules are sought first."""
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip


def lying(folder):
    """Return the content of all files in *folder*, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of a plain install, from a wheel."""
    folder = tmp_path_factory.mktemp("plain")
    built = said(["hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    done = said(["pip", "install", "-q", "--no-deps", "--no-index", "--target", folder / "site", wheel], folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_after_a_plain_install_the_commands_of_the_readme_have_their_files(installed, tmp_path):
    copied = said(["parsim", "examples", "x"], tmp_path, installed)
    assert (copied.returncode, copied.stderr) == (0, "")
    x = tmp_path / "x"
    for folder in FOLDERS:
        there = {name: content for name, content in lying(ROOT / folder).items() if "checkpoint" not in name}
        assert lying(x / folder) == there
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bscenarios/\w+\.yaml", readme))
    assert len(named) > 5
    assert [name for name in named if not (x / name).is_file()] == []
    for name in ("01_five_tasks_data", "12_standard_task_graph"):
        run = said(["parsim", "run", f"scenarios/{name}.yaml", "--json"], x, installed)
        assert (run.returncode, run.stderr) == (0, "")
        assert json.loads(run.stdout)["scenario"] == name
    where = said(["parsim", "list", "policies", "--json"], x, installed)
    assert json.loads(where.stdout)["policies"]["entries"]
    asked = "import parsim, sys; sys.exit(parsim.__file__)"
    there = subprocess.run([sys.executable, "-c", asked], cwd=x, env={**os.environ, "PYTHONPATH": str(installed)},
                           capture_output=True, text=True)  # fmt: skip
    assert Path(there.stderr.strip()).is_relative_to(installed)


@pytest.fixture
def copied(command, tmp_path, monkeypatch):
    """Copy the examples of this clone into a folder below *tmp_path*; return exit code, output and faults."""
    monkeypatch.chdir(tmp_path)
    return lambda folder: command("examples", folder)


def test_what_notebooks_and_scenarios_name_is_copied_too(copied, tmp_path):
    assert copied("x")[0] == 0
    for notebook in (tmp_path / "x" / "notebooks").glob("*.ipynb"):
        for name in re.findall(r"\.\./[\w./]+\w", notebook.read_text(encoding="utf-8")):
            assert (notebook.parent / name).is_file(), f"{notebook.name} names {name}"


def test_a_second_copy_changes_nothing_and_says_so(copied, tmp_path):
    _, first, _ = copied("a b")
    count = len(lying(tmp_path / "a b"))
    assert first.splitlines() == [
        f"a b has {count} files, {count} of them new. Start with:",
        "  cd 'a b'",
        "  parsim run scenarios/01_five_tasks_data.yaml",
    ]
    assert copied("a b")[1].startswith(f"a b has {count} files, 0 of them new.")
    missing = tmp_path / "a b" / "notebooks" / "00_first_run.ipynb"
    missing.unlink()
    assert copied("a b")[1].startswith(f"a b has {count} files, 1 of them new.")
    assert missing.is_file()


def test_files_that_differ_stay_and_nothing_is_copied(copied, tmp_path):
    mine = tmp_path / "x" / "scenarios"
    mine.mkdir(parents=True)
    (mine / "01_five_tasks_data.yaml").write_text("mine")
    (mine / "02_five_tasks_layers.yaml").symlink_to("nowhere")
    (mine / "03_five_tasks_chain.yaml").mkdir()
    (tmp_path / "x" / "notebooks").write_text("a file")
    code, out, err = copied("x")
    assert (code, out) == (2, "")
    why = "it already exists and differs from the example; name another folder"
    assert err.splitlines() == [
        "DIR:0:0: DIR: 'x/notebooks' cannot be written: it is not a folder; name another folder",
        *(
            f"DIR:0:0: DIR: 'x/scenarios/{name}.yaml' cannot be written: {why}"
            for name in ("01_five_tasks_data", "02_five_tasks_layers", "03_five_tasks_chain")
        ),
    ]
    assert lying(tmp_path / "x") == {"scenarios/01_five_tasks_data.yaml": b"mine", "notebooks": b"a file"}


@pytest.mark.parametrize("name", ["", "file", "file/x", "x" * 300])
def test_where_no_folder_can_be(copied, tmp_path, name):
    (tmp_path / "file").write_text("")
    code, out, err = copied(name)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"(DIR:0:0: DIR: '.*' cannot be written: .*; name another folder\n)+", err)
    assert os.listdir(tmp_path) == ["file"]
