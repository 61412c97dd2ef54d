"""Notebooks: each runs from the first cell to the last, begins with a question and ends with an exercise.

The right answers stand here, counted by hand, so that no notebook gives its own away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import run_kernel

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_CELLS = 15
SMALL_PICTURES = "%config InlineBackend.print_figure_kwargs = {'bbox_inches': None, 'dpi': 30}"  # nobody looks at them
NO_ANSWER = "answer = ...\n"
ANSWERS = {
    "00_first_run": '"3.6 s"',  # ceil(8/3) = 3 items, 0.2 s + 1 s each
    "01_t_total": "12",  # two subsets of 2 items on one link, 1.2 s + 2 x 0.4 s; then 6 items without a gap: 8 s
    "02_schedulers": '["J1", "J2", "J5", "J6", "J3", "J4", "J7"]',  # 5 + 4, 5 + 4, 3 + 3 + 3
    "03_two_splits": '"442.9 MB"',  # 20 ms + (W + 3 items) / 1 GB/s = 3 (20 ms + (W/10 + 10 items) / 1 GB/s)
    "04_predict_then_measure": '"4.394 ms"',  # 2 x 512 x 256 x 704 / 42e9; memory: 8 (131072 + 180224 + 360448) / 16e9
    "05_pipelines": '"65 ms"',  # 8 (2 + 3 + 2) + 3 (2 + 3 - 2)
    "06_memory_and_recompute": '"9.626 GB"',  # (4 - 1) microbatches x 9 blocks x 34 x 2048 x 2 x 2560 B
    "07_data_parallel": '"202.2 ms"',  # 2 x 3 (10 us + 13.48 GB / 4 / (100 GB/s)); the first scatter is hidden
    "08_collectives_and_networks": '"8.472 ms"',  # 6 (2 us + 40 MB / (100 GB/s)) + 6 (10 us + 10 MB / (10 GB/s))
    "09_mixtures": '"54.3 ms"',  # 4 x 2 (4 x 32 + 2) x 7 (0.47 us + 2 x 2048 x 4096 B / 8 / (300 GB/s))
    "10_whole_cluster": '{"tensor": 4, "pipeline": 16, "schedule": "zb-h1"}',  # no gradient passes a card
    # one node takes 6 W tokens / (8 x 312 TFLOP/s) = 1.06 s at least; zero1 holds (2 + 2 + 12/16) W = 32 GB, and
    # 18 GB of activations; without tensor ranks nobody waits
    "11_planning": '{"cluster.topology.nodes": 2, "plan.data": 16, "plan.tensor": 1, "plan.sharding": "fsdp"}',
}

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def read(path: Path) -> nbformat.NotebookNode:
    """Return the notebook of a file."""
    return nbformat.read(path, as_version=4)


class Shown(NamedTuple):
    """What a cell shows: its value as text, what it prints, and how many pictures."""

    value: str
    printed: str
    pictures: int


def executed(kernel: BlockingKernelClient, source: str) -> Shown:
    """Execute a cell."""
    messages: list[dict[str, Any]] = []
    reply = kernel.execute_interactive(source, output_hook=messages.append, timeout=120)["content"]
    assert reply["status"] == "ok", "\n".join(reply["traceback"])
    by_type = [(message["msg_type"], message["content"]) for message in messages]
    data = [content["data"] for _, content in by_type if "data" in content]
    return Shown(
        "".join(content["data"]["text/plain"] for kind, content in by_type if kind == "execute_result"),
        "".join(content["text"] for kind, content in by_type if kind == "stream"),
        sum("image/png" in each or "data:image/" in each.get("text/html", "") for each in data),
    )


def test_there_is_an_answer_for_each() -> None:
    assert sorted(ANSWERS) == [path.stem for path in NOTEBOOKS]


@by_name
def test_stored(path: Path) -> None:
    """It is valid, short, holds no output, asks first and leaves an exercise for the end."""
    notebook = read(path)
    nbformat.validate(notebook)
    cells = notebook.cells
    assert len(cells) <= MOST_CELLS
    assert all(not cell.outputs and cell.execution_count is None for cell in cells if cell.cell_type == "code")
    assert cells[0].cell_type == "markdown"
    assert "?**" in cells[0].source
    assert cells[-2].source.startswith("## Exercise")
    assert cells[-1].cell_type == "code"
    assert NO_ANSWER in cells[-1].source


@pytest.fixture
def smaller(tmp_path: Path) -> str:
    """Return a scenario like 15, which computes for seconds wherever it is played for real, on fewer rows."""
    text = (FOLDER.parent / "scenarios" / "15_mlp_data.yaml").read_text(encoding="utf-8")
    assert text.count("batch: 1024") == 1
    made = tmp_path / "15_mlp_data.yaml"
    made.write_text(text.replace("batch: 1024", "batch: 16"), encoding="utf-8")
    return str(made)


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    """Start a kernel, which takes seconds, once for all notebooks."""
    with run_kernel(cwd=FOLDER) as client:
        executed(client, SMALL_PICTURES)
        yield client


@pytest.mark.dear
@by_name
def test_runs(path: Path, smaller: str, kernel: BlockingKernelClient) -> None:
    """Every cell runs, with no name from elsewhere, and shows a picture, and a closed form beside what was found.

    The exercise as stored gives a hint, and takes the right answer.
    """
    executed(kernel, "%reset -f")
    sources = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    shown = [executed(kernel, re.sub(r"[./]+/scenarios/15_mlp_data\.yaml(?=\")", smaller, each)) for each in sources]
    assert shown[-1].value.startswith("Not yet.")
    assert any(re.search(r"(?s)by hand.*\b(simulated|predicted|run)\b", each.printed) for each in shown)
    assert any(each.pictures for each in shown)
    right = executed(kernel, sources[-1].replace(NO_ANSWER, f"answer = {ANSWERS[path.stem]}\n"))
    assert right.value.startswith("Right")
