"""Published steps by degrees of parallelism are predicted within the bounds, with nothing fitted."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import mixtures  # noqa: E402

import parsim  # noqa: E402

SMALL = mixtures.Plan("vtrain", 4, 2, 4, 3072, 32, 50257, 2, "full", False)


def test_steps_of_one_node_are_within_the_bound():
    """Korthikanti's two rows of 22B, and one of vTrain's across two nodes, whose exchanges share the cards."""
    rows = [row for row in mixtures.published() if row["family"] == "korthikanti" or "m32_t16" in row["row"]]
    found = [mixtures.predicted(row) for row in rows]
    assert len(found) == 3
    for row in found:
        assert abs(row.error) <= mixtures.BOUNDS[row.family], row


@pytest.mark.parametrize("plan", [SMALL, SMALL._replace(family="bloom")])
def test_few_microbatches_and_replicas_stand_for_all(plan):
    """What is played of a long step on many nodes gives the whole of it."""
    whole = mixtures.terms(plan, 4, 9)["step"]
    assert mixtures._piped(plan, 4, 9)["step"] == pytest.approx(whole, rel=1e-9)


def test_the_cards_of_bloom_run_at_the_rate_that_was_measured():
    """BigScience, experiments/bandwidth, 2022: 4 GB on four nodes, bus bandwidth 40.5 Gbit/s."""
    work = {"kind": "collective", "operation": "all-reduce", "algorithm": "ring", "size": "4 GB"}
    nodes = {"kind": "islands", "nodes": 4, "node": "jean-zay-a100"}
    run = parsim.simulate({"cluster": {"topology": nodes}, "workload": work})
    assert run.value["bus_bandwidth_bytes_per_s"] * 8 == pytest.approx(40.5e9, rel=1e-3)


def test_every_row_uses_the_devices_that_it_names():
    for row in mixtures.published():
        of = {name: int(row[name]) for name in ("devices", "tensor", "pipeline", "data", "microbatch", "batch")}
        assert of["devices"] == of["tensor"] * of["pipeline"] * of["data"]
        assert of["batch"] % (of["data"] * of["microbatch"]) == 0


@pytest.mark.parametrize("line", ["| 41 | 9.9% |", "| 40 | 8.8% |", "| 4 | 7.2% |"])
def test_the_document_has_the_figures(line):
    assert line in (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
