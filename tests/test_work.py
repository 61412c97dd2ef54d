"""The same work or not: what each setting does to it, and comparisons for a unit of it, by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

import parsim
from parsim.study.compare import compare
from parsim.study.work import digest

ROOT = Path(__file__).parents[1]
STAR = {"kind": "star", "bandwidth": "100 MB/s"}
ITEMS = {
    "cluster": {"devices": 2, "topology": STAR},
    "workload": {"kind": "items", "count": 4, "item": "1 MB", "weights": "10 MB"},
    "plan": {"split": "data"},
    "cost": {"kind": "constant", "compute": "1 s"},
}
VALUES = ITEMS | {"workload": {"kind": "items", "data": [1, 2, 3, 4], "kernel": "double", "merge": "sum"}}
ROWS = [{"name": "a", "compute": "1 s"}, {"name": "b", "compute": "2 s", "after": {"a": "1 MB"}, "memory": "1 MB"}]
TASKS = {"cluster": {"devices": 2, "topology": STAR}, "workload": {"kind": "tasks", "tasks": ROWS}}
UNLIKE = [{"name": "a", "compute": {"w0": "1 s", "w1": "3 s"}}, {"name": "b", "compute": "2 s"}]
STAGES = {
    "cluster": {"devices": 4},
    "workload": {"kind": "stages", "forward": "1 ms", "input_grad": "1 ms", "weight_grad": "1 ms"},
    "plan": {"schedule": "1f1b", "microbatches": 8},
}
LAYERED = {
    "cluster": {"devices": 2},
    "workload": {"kind": "layered", "tasks": 20, "compute": "1 s", "beta": 1, "ccr": 0.5},
}
FLOWS = {
    "cluster": {"devices": 3, "topology": STAR},
    "workload": {
        "kind": "transfers",
        "flows": [
            {"name": "f", "from": "w0", "to": "w1", "size": "1 MB"},
            {"name": "g", "from": "w0", "to": "w2", "size": "2 MB"},
        ],
    },
}
DATA = {
    "cluster": {"devices": 2, "device": "calibrated-core", "topology": STAR},
    "workload": {"kind": "mlp", "widths": [8, 16, 4], "batch": 8},
    "plan": {"split": "data"},
    "cost": "roofline",
}
LAYERS = DATA | {"plan": {"split": "layers", "microbatches": 2}}
BLOCKS = {"kind": "transformer", "vocabulary": 8, "width": 4, "sequence": 3, "batch": 8}

SAME = [
    (ITEMS, {"plan": [{"split": "data"}, {"split": "layers"}, {"split": "chain"}]}),
    (ITEMS, {"plan.subsets": [2, 4]}),
    (ITEMS, {"workload.weights_at": ["devices", "host"]}),
    (ITEMS, {"cluster.devices": [1, 2, 3], "policy": ["fifo", "lpt"]}),
    (ITEMS, {"cluster.device": [{"speed": 1}, {"speed": 2}]}),
    (ITEMS, {"cost": [{"kind": "constant", "compute": "1 s"}, {"kind": "noisy", "compute": "1000 ms", "spread": 0.5}]}),
    (VALUES, {"workload.data": [[1, 2, 3, 4], [5, 6, 7, 8]]}),
    (VALUES, {"clock": ["simulated", "live"]}),
    (TASKS, {"workload.tasks[0].name": ["a", "a"], "plan.prefetch": [0, 1]}),
    (TASKS, {"workload.tasks": [ROWS, [ROWS[0], {**ROWS[1], "compute": "2000 ms", "after": {"a": "1000 kB"}}]]}),
    (TASKS, {"workload.tasks": [ROWS, [{**ROWS[0], "compute": "2 s"}, {**ROWS[1], "compute": "1 s"}]]}),
    (TASKS | {"workload": {"kind": "tasks", "tasks": UNLIKE}}, {"policy": ["fifo", "heft"]}),
    (LAYERED, {"cluster.devices": [2, 3, 5]}),
    (STAGES, {"plan.schedule": ["1f1b", "gpipe"]}),
    (STAGES, {"workload.send": ["0 s", "1 ms"], "cluster.device": [{"speed": 1}, {"speed": 4}]}),
    (STAGES, {"workload.forward": [["1 ms", "2 ms", "1 ms", "1 ms"], ["2 ms", "1 ms", "1 ms", "1 ms"]]}),
    (FLOWS, {"workload.flows[0].limit": ["1 MB/s", "2 MB/s"], "cluster.topology.bandwidth": ["1 MB/s", "2 MB/s"]}),
    (DATA, {"plan": [{"split": "data"}, {"split": "data", "subsets": 4}, {"split": "layers", "microbatches": 4}]}),
    (DATA, {"workload.optimizer": ["sgd", "adam"], "seed": 3}),
    (DATA, {"cost": ["roofline", {"kind": "constant", "compute": "1 ms"}, {"kind": "constant", "compute": "2 ms"}]}),
    (LAYERS, {"plan.microbatches": [1, 2, 8], "plan.schedule": ["1f1b", "gpipe"]}),
]


@pytest.mark.parametrize(("scenario", "chosen"), SAME)
def test_how_it_is_done_is_no_work(scenario, chosen):
    found = compare(scenario, set=chosen)
    told = found.to_dict()
    assert (told["same_work"], told["unit"], told["work_differs_in"]) == (True, None, [])
    assert "Not the same work" not in found.report()
    assert {one["per_unit_s"] for one in told["variants"]} == {None}
    assert all(one["work"] for one in told["variants"])


def model_flop(rows, wide):
    """Products of 8 x wide and wide x 4, and again for each half of backward."""
    first, second = 2 * rows * 8 * wide, 2 * rows * wide * 4
    return 3 * (first + second) - first  # nobody needs the gradient of the data


UNLIKE_WORK = [  # what is varied, the amount that tells, and how many times as much of it the second variant has
    (ITEMS, {"workload.count": [4, 6]}, "items", 1.5),
    (ITEMS, {"workload.count": [4, 6], "workload.item": ["2 MB"]}, "items", 1.5),
    (ITEMS, {"cost.compute": ["1 s", "3 s"]}, "compute_s", 3),
    (ITEMS, {"plan": [{"split": "data"}, {"split": "chain", "depth": 2}]}, "compute_s", 2),
    (ITEMS, {"workload.item": ["1 MB", "2 MB"]}, "bytes", 18 / 14),
    (ITEMS, {"workload.weights": ["10 MB", "20 MB"]}, "bytes", 24 / 14),
    (VALUES, {"workload.data": [[1, 2], [1, 2, 3]]}, "items", 1.5),
    (VALUES, {"workload.kernel": ["double", "relu"]}, None, None),
    (VALUES | {"cost": "roofline", "cluster": DATA["cluster"], "workload": VALUES["workload"] | {"kernel": "relu"}},
     {"plan": [{"split": "chain"}, {"split": "chain", "depth": 3}]}, "kernel_runs", 3),
    (TASKS, {"workload.tasks[0].compute": ["1 s", "4 s"]}, "compute_s", 2),
    (TASKS, {"workload.tasks": [ROWS, [*ROWS, {"name": "c", "compute": "3 s"}]]}, "tasks", 1.5),
    (TASKS, {"workload.tasks": [ROWS, [{**ROWS[0], "compute": "1.5 s"}, {**ROWS[1], "compute": "1.5 s"}]]}, None, None),
    (TASKS, {"workload.tasks[1].after": [{"a": "1 MB"}, {"a": "3 MB"}]}, "bytes", 3),
    (TASKS, {"workload.tasks[1].memory": ["1 MB", "3 MB"]}, None, None),
    (TASKS, {"workload.tasks[1].after": [{"a": "1 s"}, {"a": "3 s"}]}, "delay_s", 3),
    (TASKS | {"workload": {"kind": "tasks", "tasks": UNLIKE}},
     {"workload.tasks[0].compute.w1": ["3 s", "7 s"]}, "compute_s", 1.5),
    (LAYERED, {"workload.tasks": [20, 30]}, "tasks", 1.5),
    (LAYERED, {"workload.seed": [1, 2]}, "tasks", None),
    (STAGES, {"plan.microbatches": [8, 16]}, "compute_s", 2),
    (STAGES, {"cluster.devices": [2, 4]}, "compute_s", 2),
    (STAGES, {"workload.weight_grad": ["1 ms", "4 ms"]}, "compute_s", 2),
    (FLOWS, {"workload.flows[1].size": ["2 MB", "5 MB"]}, "bytes", 2),
    (FLOWS, {"workload.flows": [FLOWS["workload"]["flows"], FLOWS["workload"]["flows"][:1]]}, "flows", 0.5),
    (FLOWS, {"workload.flows[1].start": ["0 s", "1 s"]}, None, None),
    (DATA, {"workload.batch": [8, 16]}, "samples", 2),
    (DATA, {"workload.iterations": [1, 5]}, "samples", 5),
    (LAYERS, {"workload.batch": [8, 16], "workload.iterations": [2]}, "samples", 2),
    (DATA, {"workload.widths": [[8, 16, 4], [8, 32, 4]]}, "model_flop", model_flop(8, 32) / model_flop(8, 16)),
    (DATA | {"workload": BLOCKS}, {"workload.blocks": [1, 2]}, "model_flop", None),
    (DATA | {"workload": BLOCKS}, {"workload.sequence": [3, 6]}, "model_flop", None),
    (DATA, {"workload": [DATA["workload"], BLOCKS]}, "model_flop", None),
    (ITEMS | {"cost": "constant"}, {"workload": [TASKS["workload"], LAYERED["workload"]], "plan": [{}]}, "tasks", 10),
]  # fmt: skip


def steady(variant):
    """Return the seconds of a variant's work: of a training, as many steady iterations as it has."""
    if not variant.get("iteration_s"):
        return variant["makespan_s"]
    training = variant["run"]["training"]
    return round((variant["makespan_s"] - training["start_s"]) / training["iteration_s"]) * training["iteration_s"]


@pytest.mark.parametrize(("scenario", "chosen", "amount", "times"), UNLIKE_WORK)
def test_other_work_is_told_first_and_compared_by_its_unit(scenario, chosen, amount, times):
    found = compare(scenario, set=chosen)
    told = found.to_dict()
    assert told["same_work"] is False
    assert told["work_differs_in"]
    assert told["decided"].startswith("Not the same work: ")
    assert found.report().splitlines()[3].startswith("Not the same work: ")
    one, other = told["variants"]
    if amount is None:
        assert told["unit"] is None
        return
    assert told["unit"]["amount"] == amount
    ratio = other["work"][amount] / one["work"][amount]
    assert times is None or ratio == pytest.approx(times)
    took = [steady(variant) for variant in (one, other)]
    for variant, seconds in zip((one, other), took, strict=True):
        units = variant["work"][amount] / told["unit"]["size"]
        assert variant["per_unit_s"] == pytest.approx(seconds / units)
    assert other["against_first"]["per_unit"] == pytest.approx(took[1] / took[0] / ratio)
    each = [variant.get("iteration_s") or variant["makespan_s"] for variant in (one, other)]
    assert other["against_first"]["ratio"] == pytest.approx(each[1] / each[0])
    least = min(variant["per_unit_s"] for variant in (one, other))
    assert told["best"] == [v["label"] for v in (one, other) if v["per_unit_s"] <= least * (1 + 1e-9)]
    json.dumps(told, allow_nan=False)


def test_twice_the_microbatches_are_faster_by_what_the_bubble_loses():
    """Four stages of 3 ms: 35 steps for 32 microbatches, 67 for 64, so 105 ms of 384 ms, and 201 ms of 768 ms."""
    found = compare(ROOT / "scenarios/06_pipeline_1f1b.yaml", set={"plan.microbatches": [32, 64]})
    assert found.decided == (
        "Not the same work: 384 ms of computing at speed 1 with microbatches=32, 768 ms with microbatches=64. "
        "Per second of computing: microbatches=64 is the fastest: 261.7 ms, 11.72 ms (4.29 %) less than "
        "microbatches=32; on average, a worker spends 3.906 ms less idling while the schedule gave it no ready task "
        "(policy) and 3.906 ms less idling after the last task (drain)."
    )
    rows = [line for line in found.report().splitlines() if line.startswith(("* micro", "  micro"))]
    assert rows[0].split()[1:10] == ["105", "384", "ms", "273.437", "ms", "first", "91.4", "%", "0"]
    assert rows[1].split()[2:11] == ["201", "768", "ms", "261.719", "ms", "-4.3", "%", "95.5", "%"]
    assert rows[1].startswith("*")
    page = found._repr_html_()
    assert page.index("Not the same work") < page.index("<table")
    assert "work: seconds of computing at speed 1; vs first: time per second of computing" in found.report()


def test_with_seeds_each_is_compared_by_its_own_work():
    work = {"kind": "layered", "tasks": 20, "compute": "1 s"}
    found = compare(LAYERED | {"workload": work}, set={"workload.compute": ["1 s", "2 s"]}, seeds=4)
    one, other = found.variants
    for seed in found.seeds:
        ratio = other.runs[seed].work.amounts["compute_s"] / one.runs[seed].work.amounts["compute_s"]
        assert ratio == pytest.approx(2)
    assert found.decided.startswith("Not the same work: ")
    assert found.decided.endswith("there is no difference.")


def test_a_digest_is_of_numbers_and_not_of_their_order_or_last_digits():
    def of(*numbers):
        return digest(np.array(numbers), np.ones(len(numbers)))

    assert of(1 / 3, 1e-300, 5e300) == of(5e300, np.nextafter(1 / 3, 1), 1e-300)
    assert of(1 / 3) != of(1 / 3 + 1e-9)
    assert of(1.0) == of(np.nextafter(1.0, 0))
    assert of(2.0, 1.0, 2.0) == digest(np.array([1.0, 2.0]), np.array([1.0, 2.0])) != of(1.0, 2.0)


def test_the_model_has_as_many_flop_however_it_is_split():
    """So the utilisation of two runs differs as their makespans do, and no more."""
    runs = [parsim.simulate(DATA, set={"plan": plan}) for plan in (DATA["plan"], {"split": "data", "subsets": 8})]
    runs += [parsim.simulate(LAYERS, set={"plan.microbatches": m}) for m in (1, 3, 8)]
    products = [run.metrics["training"]["mfu"] * run.metrics["training"]["iteration_s"] for run in runs]
    assert products == pytest.approx([products[0]] * len(products), rel=1e-12)
