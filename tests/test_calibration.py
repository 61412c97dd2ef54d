"""Published measurements of collectives are predicted as docs/accuracy.md says, with nothing fitted."""

import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import nccl  # noqa: E402

SHOWN = {  # systems of few rows that the test predicts anew, and the bound of large buffers
    ("Bekman", "h200", "1", "Ring"): 0.03,
    ("Bekman", "b200", "1", "Ring"): 0.07,
    ("NVIDIA/nccl issue 812", "a100-80g", "2", ""): 0.05,
    ("NVIDIA/nccl-tests issue 119", "a100-80g", "3", ""): 0.2,
}


def of(row):
    return row["source"], row["device"], row["nodes"], row["algorithm"]


@cache
def rows():
    return [nccl.predicted(row) for row in nccl.published() if of(row) in SHOWN]


@pytest.mark.parametrize("line", nccl.summary(rows()), ids=lambda line: line[0])
def test_the_document_has_the_errors(line):
    system, count, bias, error, large = line
    text = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert f"| {system} | {count} | {error:.1%} | {large:.1%} | {bias:+.1%} |" in text


def test_large_buffers_are_within_the_bounds():
    for row in rows():
        assert row.size < 64 * nccl.MIB or abs(row.error) <= max(SHOWN.values()), row
        if row.algorithm == "Ring" and row.size >= 64 * nccl.MIB:
            assert abs(row.error) <= SHOWN[row.source, row.device, str(row.nodes), "Ring"], row


@pytest.mark.parametrize(("device", "ranks"), [("a100-80g", 2), ("a100-80g", 8), ("v100-16g", 4), ("v100-16g", 8)])
def test_a_gibibyte_on_one_node_is_within_a_fifth(device, ranks):
    (row,) = [
        row
        for row in nccl.published()
        if (row["source"], row["device"], int(row["ranks"]), int(row["size_bytes"])) == ("vTrain", device, ranks, 2**30)
    ]
    assert abs(nccl.predicted(row).error) <= 0.2


def test_links_of_the_cube_mesh_are_counted():
    """Of the first two GPUs of a DGX-1 each has one link to the other; of the first four the least is four."""
    assert [nccl.lanes(ranks) for ranks in (2, 3, 4, 8)] == [1, 2, 4, 6]
