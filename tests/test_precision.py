"""Precision: the formats of a training, read from YAML, and the default on devices."""

import inspect
from dataclasses import astuple

import pytest
from jsonschema import Draft202012Validator

from parsim.core.errors import Invalid, checked_below, dotted
from parsim.core.precision import (
    BYTES,
    FORMATS,
    PRESETS,
    Precision,
    PrecisionForm,
    Preset,
    default_of,
    lacking,
    precision_of,
)
from parsim.core.rates import ByFormat, Rates
from parsim.hardware import kinds, known_device
from parsim.scenario.json_schema import json_schema
from parsim.scenario.schema import check

# Micikevicius et al. 2018; Rajbhandari et al., ZeRO, 2020: 2 + 2 + 12 bytes of a parameter under mixed-precision Adam.
BYTES_OF = {  # weights, gradients, master, each of Adam's two states; what kernels with weights and others compute in
    "fp64": (8, 8, 0, 8, "fp64", "fp64"),
    "fp32": (4, 4, 0, 4, "fp32", "fp32"),
    "bf16-mixed": (2, 2, 4, 4, "bf16", "bf16"),
    "fp16-mixed": (2, 2, 4, 4, "fp16", "fp16"),
    "fp8-mixed": (1, 2, 4, 4, "fp8", "bf16"),
}
DEFAULTS = {
    "bf16-mixed": {
        *("a100-40g", "a100-80g", "h100-80g", "h100-pcie", "h200", "gh200", "b200", "l40s", "mi250x", "mi300x"),
        *("tpu-v4", "tpu-v5e", "tpu-v5p"),
    },
    "fp16-mixed": {"v100-16g", "v100-32g"},
    "fp64": {"calibrated-core"},
}


def train(precision: PrecisionForm | None = None) -> None:
    """Train.

    Parameters
    ----------
    precision : number formats; left out: the default of the devices.
    """


def read(raw):
    form = check(train, {"precision": raw})["precision"]
    with checked_below("precision"):
        return precision_of(form, [])


@pytest.mark.parametrize("name", BYTES_OF)
def test_the_bytes_of_a_parameter(name):
    found, (weights, gradients, master, state, with_weights, without) = PRESETS[name], BYTES_OF[name]
    assert [BYTES[one] for one in (found.weights, found.gradients, found.master, found.optimizer)] == [
        *(weights, gradients, master, state)
    ]
    assert (found.with_weights, found.without_weights) == (with_weights, without)
    assert read(name) == read({"preset": name}) == found
    assert str(found) == name


def test_every_preset_and_format_is_told():
    (mark,) = Preset.__metadata__
    assert list(mark.meanings) == list(PRESETS) == list(BYTES_OF)
    assert [*FORMATS, "none"] == list(BYTES)
    assert list(inspect.signature(ByFormat).parameters) == list(FORMATS)


@pytest.mark.parametrize(
    ("raw", "formats"),
    [
        ({"preset": "bf16-mixed", "gradients": "fp32"}, ("bf16", "bf16", "fp32", "fp32", "fp32")),
        ({"preset": "fp16-mixed", "master": "none", "optimizer": "fp16"}, ("fp16", "fp16", "fp16", "none", "fp16")),
        ({"preset": "fp32", "weights": "tf32", "activations": "tf32"}, ("tf32", "tf32", "fp32", "none", "fp32")),
        (
            {"weights": "fp8", "activations": "fp8", "gradients": "bf16", "master": "fp16", "optimizer": "bf16"},
            ("fp8", "fp8", "bf16", "fp16", "bf16"),
        ),
    ],
)
def test_formats_are_stated_key_by_key(raw, formats):
    found = read(raw)
    assert found == Precision(*formats)
    assert all(name in str(found) for name in astuple(found))


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ("bf16-mixd", "precision", "unknown name 'bf16-mixd'. Did you mean 'bf16-mixed'?"),
        ("bf16", "precision", "unknown name 'bf16'; known are: bf16-mixed, fp16-mixed, fp32, fp64, fp8-mixed"),
        (16, "precision", "wants a name such as 'fp64', or a mapping, not 16"),
        ({"preset": "fp61"}, "precision.preset", "Did you mean 'fp64'?"),
        ({"preset": "fp32", "weights": "fp23"}, "precision.weights", "Did you mean 'fp32'?"),
        ({"preset": "fp32", "weights": "none"}, "precision.weights", "unknown name 'none'"),
        ({"preset": "fp32", "weights": 4}, "precision.weights", "wants a name such as 'fp64', not 4"),
        ({"preset": "fp32", "gradient": "fp32"}, "precision.gradient", "Did you mean 'gradients'?"),
        ({"weights": "fp32", "gradients": "fp32"}, "precision", "missing: activations, master, optimizer"),
        ({}, "precision", "without a preset all five formats are needed"),
    ],
)
def test_a_wrong_precision(raw, path, message):
    with pytest.raises(Invalid) as refused:
        read(raw)
    (complaint,) = refused.value.complaints
    assert dotted(complaint.path) == path
    assert message in complaint.message


def test_editors_complete_a_precision():
    schema = json_schema(train)
    bare, _ = schema["properties"]["precision"]["anyOf"]
    assert bare["enum"] == list(PRESETS)
    assert all(bare["enumDescriptions"])
    keys = schema["$defs"]["PrecisionKeys"]["properties"]
    assert list(keys) == ["preset", "weights", "activations", "gradients", "master", "optimizer"]
    assert all(key["description"] for key in keys.values())
    assert keys["master"]["enum"] == [*FORMATS, "none"]
    valid = Draft202012Validator(schema).is_valid
    assert valid({"precision": {"preset": "fp32", "weights": "tf32"}})
    assert not valid({"precision": {"preset": "fp32", "weights": "none"}})


def test_the_default_of_every_known_device():
    assert set().union(*DEFAULTS.values()) == kinds().keys()
    for name, devices in DEFAULTS.items():
        assert {str(precision_of(None, [known_device(device).peak])) for device in devices} == {name}


def rates(*formats):
    return Rates(by=tuple((name, 1e12) for name in formats))


@pytest.mark.parametrize(
    ("peaks", "name"),
    [
        ([], "fp64"),
        ([Rates()], "fp64"),
        ([Rates(1e12), Rates(2e12)], "fp64"),
        ([rates("fp32")], "fp32"),
        ([rates("fp32", "fp64")], "fp32"),
        ([rates("fp64")], "fp64"),
        ([rates("fp8")], "fp64"),
        ([rates("bf16"), Rates(1e12)], "bf16-mixed"),
        ([rates("bf16"), Rates()], "bf16-mixed"),
        ([rates("bf16", "fp16"), rates("fp16")], "fp16-mixed"),
        ([rates("bf16", "fp32"), rates("fp16", "fp32")], "fp32"),
        ([rates("bf16"), rates("fp16")], "fp64"),
    ],
)
def test_the_default_suits_every_device(peaks, name):
    assert default_of(peaks) == PRESETS[name]


def test_lacking_names_each_format_once():
    assert lacking(PRESETS["fp8-mixed"], rates("fp32")) == ["fp8", "bf16"]
    assert lacking(PRESETS["bf16-mixed"], rates("fp32")) == ["bf16"]
    assert lacking(PRESETS["fp64"], Rates(1.0)) == []
