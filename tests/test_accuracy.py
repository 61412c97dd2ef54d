"""Published training steps are predicted within 8 %, and their peaks of memory within 6 %, with nothing fitted."""

import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import accuracy  # noqa: E402


@cache
def rows():
    """Predict the shortest step of every table, model, schedule, and number of ranks."""
    shortest = {}
    for row in sorted(accuracy.published(), key=lambda row: -int(row["microbatches"])):
        shortest[row["table"], row["model"], row["schedule"], row["ranks"], row["microbatch"]] = row
    return [accuracy.predicted(row) for row in shortest.values()]


def test_every_schedule_is_within_the_bounds():
    for name, _, _, error, memory in accuracy.summary(rows()):
        assert error <= 0.08, name
        assert memory != memory or memory <= 0.06, name


def test_no_step_is_far_off():
    assert max(abs(row.error) for row in rows()) <= 0.12


def test_the_faster_schedule_is_predicted_to_be_faster():
    """Of the schedules that a table compares for one model and one number of microbatches."""
    compared = {}
    for row in rows():
        compared.setdefault(row.name, []).append(row)
    for some in compared.values():
        by_paper = sorted(some, key=lambda row: row.published_s)
        for faster, slower in pairwise(by_paper):
            if slower.published_s > 1.1 * faster.published_s:
                assert slower.predicted_s > faster.predicted_s, (faster, slower)


@pytest.mark.parametrize("line", ["| all | 54 | 5.3% |", "| ZB-V | 5 | 7.8% |"])
def test_the_document_has_the_figures(line):
    assert line in (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
