"""The figures of a run, each against what the contract's object of the same run says of it."""

import math

import pytest

import parsim
from parsim.build import build
from parsim.metrics.figures import FIGURES, KINDS, figures_of, surroundings, values_of
from parsim.scenario.expression import condition
from parsim.scenario.scenario import load

TRAINING = {
    "cluster": {"devices": 2, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "100 GB/s"}},
    "workload": {"kind": "mlp", "widths": [64, 32], "batch": 8},
    "plan": {"split": "data"},
}
ITEMS = {
    "cluster": {"devices": [{"name": "a"}, {"name": "b", "memory": "4 GB"}]},
    "workload": {"kind": "tasks", "tasks": [{"name": "t", "compute": "3 s"}]},
}


def test_a_training_has_the_figures_of_its_report():
    run = parsim.simulate(TRAINING)
    found, told = figures_of(run), run.to_dict()
    trained = told["training"]
    for key in ("iteration_s", "samples_per_s", "tokens_per_s", "mfu", "hfu", "energy_j"):
        assert found[key] == trained[key]
    assert found["cost"] == trained["cost_usd"]
    assert found["makespan_s"] == told["makespan_s"]
    assert found["utilisation"] == pytest.approx(sum(one["utilisation"] for one in told["devices"]) / 2, rel=1e-12)
    assert found["peak_memory_bytes"] == max(one["peak_memory_bytes"] for one in told["devices"])
    assert found["exposed_by_s"] == {name: one["exposed_s"] for name, one in told["communication"].items()}
    assert found["exposed_s"] == math.fsum(found["exposed_by_s"].values()) > 0
    assert list(found) == [*(figure.name for figure in FIGURES), "exposed_by_s"]


def test_what_does_not_train_has_no_figures_of_training():
    found = figures_of(parsim.simulate(ITEMS))
    assert {name for name, value in found.items() if value is None} == {
        *("iteration_s", "samples_per_s", "tokens_per_s", "mfu", "hfu", "cost", "energy_j")
    }
    assert (found["makespan_s"], found["utilisation"]) == (3.0, 0.5)


@pytest.mark.parametrize("source", [ITEMS, TRAINING], ids=["waits for memory", "played all the same"])
def test_the_least_memory_counts(source):
    rows = [{"name": "a", "device": {"memory": "80 GB"}}, {"name": "b", "device": {"memory": "4 GB"}}]
    device = {"kind": "a100-80g"} if source is TRAINING else {}
    rows = [row | {"device": device | row["device"]} for row in rows]
    assert surroundings(build(load(source, {"cluster.devices": rows}))) == {"devices": 2, "memory": 4e9}
    assert surroundings(build(load(ITEMS, {"cluster.devices": 3}))) == {"devices": 3, "memory": None}


def test_folded_devices_count():
    folded = build(load(TRAINING, {"cluster.devices": 8, "plan": {"data": 8}}), "on")
    assert len(folded.cluster.devices) == 1
    assert surroundings(folded) == {"devices": 8, "memory": 80e9}


def test_every_name_of_expressions_has_a_value():
    run = parsim.simulate(TRAINING)
    values = values_of(figures_of(run), surroundings(run.job))
    assert values.keys() == KINDS.keys()
    assert values["iteration"] == values["iteration_s"] > 0
    assert condition("peak_memory == peak_memory_bytes and energy == energy_j and exposed == exposed_s", KINDS).value(
        values
    )
    assert condition("peak_memory < 0.95 * memory and devices == 2 and cost < 1 USD", KINDS).value(values)
