"""What the tests of the command line share: scenarios, the files of `--out`, and a real process."""

import subprocess
import sys
from pathlib import Path

import pytest

from parsim.scenario import document
from parsim.scenario.choices import choices_of

ROOT = Path(__file__).parents[1]
EVERY = sorted((ROOT / "scenarios").glob("*.yaml"))
SPACES = [path for path in EVERY if choices_of(document.read(path.read_bytes(), str(path)).values)[0]]  # many in one
SCENARIOS = [path for path in EVERY if path not in SPACES]
FIRST, SIXTH = ROOT / "scenarios/01_five_tasks_data.yaml", ROOT / "scenarios/06_pipeline_1f1b.yaml"
FILES = ["idle.csv", "result.json", "scenario.json", "timeline.csv", "timeline.png", "timeline.svg", "trace.json"]


def process(*arguments, **options):
    """Start the command as people do."""
    return subprocess.run(
        [sys.executable, "-m", "parsim", *map(str, arguments)],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options,
    )  # fmt: skip


def assert_same(found, expected, path="$"):
    """Compare key by key, in order; floats to 1e-9."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), path
        for key in expected:
            assert_same(found[key], expected[key], f"{path}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), path
        for index, value in enumerate(expected):
            assert_same(found[index], value, f"{path}[{index}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), path
    else:
        assert found == expected, path
