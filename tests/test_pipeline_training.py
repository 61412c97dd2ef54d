"""Pipelines trained for real under modern schedules: loss and gradients are those of one worker, on every clock."""

import pytest

import parsim
from parsim.core.evaluation import alike

MODELS = {
    "mlp": {"kind": "mlp", "widths": [6, 7, 8, 9, 8, 7, 6, 5, 4], "batch": 12, "iterations": 3},
    "transformer": {"kind": "transformer", "vocabulary": 7, "width": 6, "sequence": 4, "batch": 8, "heads": 2,
                    "blocks": 6, "iterations": 2},
}  # fmt: skip
OPTIMIZERS = {"mlp": {"kind": "adam", "rate": 0.02}, "transformer": {"kind": "sgd", "rate": 0.3}}
ONE_STAGE = ("gpipe", "1f1b", "zb-h1", "zb-h2", "zb-auto", "dualpipe")
TWO_STAGES = ("interleaved-1f1b", "looped-bfs", "interleaved-zb", "zb-v", "v-half", "v-min", "dualpipev")
REPLAYED = ("gpipe", "1f1b", "interleaved-1f1b", "zb-h1", "zb-v")


def scenario(model, schedule, **more):
    full = {"kind": "full", "bandwidth": "1 GB/s", "latency": "1 us"}
    device = {"peak": "20 GFLOP/s", "bandwidth": "10 GB/s"}
    chunks = {"chunks": 2} if schedule in TWO_STAGES else {}
    return {
        "cluster": {"devices": 2, "device": device, "topology": full},
        "workload": {**MODELS[model], "optimizer": OPTIMIZERS[model]},
        "plan": {"split": "layers", "pipeline": 2, "schedule": schedule, "microbatches": 4, **chunks},
        **more,
    }


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("schedule", [*ONE_STAGE, *TWO_STAGES])
def test_loss_and_gradients_are_those_of_one_worker(model, schedule):
    run = parsim.simulate(scenario(model, schedule, clock="live"))
    assert alike(run.value, run.job.graph.program.serial())
    assert len(run.value["loss"]) == MODELS[model]["iterations"]


@pytest.mark.parametrize("schedule", REPLAYED)
def test_real_processes_compute_the_same(schedule):
    found = parsim.replay(scenario("mlp", schedule))
    assert found.result_matches_serial
    kinds = {*found.measured.timeline.kind.tolist()}
    assert ("weight_grad" in kinds) == schedule.startswith("zb")  # weight gradients are really delayed
