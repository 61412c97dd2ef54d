"""Notes on the plan of a pipeline: its shape, devices without a task, and microbatches that waste time."""

import pytest

import parsim

WORK = {"kind": "transformer", "vocabulary": 64, "width": 16, "sequence": 8, "blocks": 6, "batch": 12}


def notes(devices, plan, **work):
    scenario = {
        "cluster": {
            "devices": devices,
            "device": {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
            "topology": {"kind": "full", "bandwidth": "10 GB/s"},
        },
        "workload": {**WORK, **work},
        "plan": plan,
    }
    run = parsim.simulate(scenario)
    busy = [one for one in run.devices if one["compute_s"] > 0]
    return run.notes, devices - len(busy)


@pytest.mark.parametrize("devices", [2, 3, 5])
@pytest.mark.parametrize(
    ("count", "says", "wastes"),
    [
        (1, "2 ranks of 1 stage, 1 microbatch of 12 samples of 8 tokens", "one microbatch: "),
        (4, "2 ranks of 1 stage, 4 microbatches of 3 samples of 8 tokens", ""),
        (12, "2 ranks of 1 stage, 12 microbatches of 1 sample of 8 tokens", ""),
        (5, "2 ranks of 1 stage, 5 microbatches of 2 or 3 samples of 8 tokens", "; 4 or 6 of them are equal"),
        (11, "2 ranks of 1 stage, 11 microbatches of 1 or 2 samples of 8 tokens", "; 6 or 12 of them are equal"),
    ],
)
def test_the_shape_of_a_pipeline_and_what_it_wastes_are_told(devices, count, says, wastes):
    told, idle = notes(devices, {"split": "layers", "pipeline": 2, "microbatches": count})
    assert [note.partition("; ")[0] for note in told if " ranks of " in note] == [says]
    assert any(wastes in note for note in told)
    assert any("unequal" in note or "one microbatch" in note for note in told) == bool(wastes)
    assert idle == devices - 2
    without = [note for note in told if " no task; " in note]
    assert [note.partition(" no task")[0] for note in without] == [
        f"{idle} of {devices} device{'s have' if idle > 1 else ' has'}" for _ in range(bool(idle))
    ]


@pytest.mark.parametrize("plan", [{"split": "data"}, {"split": "data", "microbatches": 3}, {"data": 4}])
def test_what_is_no_pipeline_has_no_such_notes(plan):
    told, _ = notes(4, plan)
    assert not any("ranks of" in note or " no task; " in note for note in told)


MODELS = [
    ({}, 2, 8, "6 blocks, embedding and head"),
    ({"kind": "mlp", "widths": [4, 8, 8, 4]}, 3, 3, "3 layers"),
    ({"kind": "encoder_decoder", "preset": "t5-small"}, 3, 15, "12 blocks, 2 embeddings and head"),
    ({"kind": "cnn", "preset": "resnet50"}, 2, 18, "16 blocks, stem and head"),
]


@pytest.mark.parametrize(("work", "ranks", "layers", "made_of"), MODELS)
def test_a_model_tells_what_its_layers_are(work, ranks, layers, made_of):
    """T5 small has 6 + 6 blocks, and embeds its source and its target; ResNet-50 has 3 + 4 + 6 + 3 blocks."""
    base = {"batch": 12} if work else WORK
    raw = {
        "cluster": {
            "devices": ranks,
            "device": {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"},
            "topology": {"kind": "full", "bandwidth": "10 GB/s"},
        },
        "workload": base | work,
        "plan": {"split": "layers", "pipeline": ranks},
    }
    run = parsim.simulate(raw)
    figures, report = run.to_dict()["model"], " ".join(run.report().split())
    assert (figures["layers"], figures["made_of"]) == (layers, made_of)
    assert f"layers {layers}{f': {made_of}' * ('block' in made_of)} FLOP" in report
    assert f"; {made_of} make {ranks} stages" in report
