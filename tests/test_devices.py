"""Devices: known ones and their sources, peaks by number format, and what wrong numbers are told."""

import json
import math
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import parsim
from parsim import hardware
from parsim.build import build
from parsim.core.precision import PRESETS
from parsim.core.rates import Rates
from parsim.scenario.scenario import load
from parsim.scenario_schema import scenario_schema

DEVICES = sorted(Path(hardware.__file__).with_name("devices").glob("*.yaml"))
ROOFLINE = {"kind": "roofline"}
# As published, in TFLOP/s, GB, and GB/s each way: the peak of bf16 (of fp16 on V100), memory, its bandwidth, all links
# (of xGMI, ICI and PCI Express one), the network cards' share of a device, devices of a node, measured matrix products.
PUBLISHED = {
    "v100-16g": (125, 16, 900, 150, 6.25, 8, None),
    "v100-32g": (125, 32, 900, 150, 6.25, 16, None),
    "a100-40g": (312, 40, 1555, 300, 25, 8, 271.2),
    "a100-80g": (312, 80, 2039, 300, 25, 8, 271.2),
    "h100-80g": (989, 80, 3350, 450, 50, 8, 794.5),
    "h100-pcie": (756, 80, 2000, 63, None, None, None),
    "h200": (989, 141, 4800, 450, 50, 8, 794.5),
    "gh200": (989, 96, 4000, 450, 25, 4, 828.6),
    "b200": (2250, 180, 8000, 900, 50, 8, 1745),
    "l40s": (362, 48, 864, 31, None, None, None),
    "mi250x": (383, 128, 3280, 50, 25, 4, None),
    "mi300x": (1307, 192, 5300, 64, 50, 8, 668.4),
    "tpu-v4": (275, 32, 1200, 45, None, 4, None),
    "tpu-v5e": (197, 16, 820, 45, None, 8, None),
    "tpu-v5p": (459, 95, 2760, 90, None, 4, None),
}


def scenario(device, devices=1, workload=None):
    return {
        "cluster": {"devices": devices, "device": device, "topology": {"kind": "full", "bandwidth": "1 GB/s"}},
        "workload": workload or {"kind": "mlp", "widths": [512, 256], "batch": 1024},
        "plan": {"split": "data"},
        "cost": ROOFLINE,
    }


def cluster(device, devices=1):
    """Return the devices of a scenario whose tasks are bound by their memory."""
    items = scenario(device, devices, {"kind": "items", "count": 1}) | {"cost": {"kind": "constant", "compute": "1 s"}}
    return build(load(items)).cluster.devices


def faults(device, **more):
    with pytest.raises(parsim.ScenarioError) as refused:
        build(load(scenario(device, **more)))
    return refused.value.faults


def forward_s(device):
    timeline = parsim.simulate(scenario(device)).timeline
    (row,) = (timeline.task == "0F0").nonzero()[0]
    return timeline.end_s[row] - timeline.start_s[row]


def sourced(row):
    """Yield each number of a key of a device's file, with its source."""
    if "value" in row:
        yield row
    else:
        for one in row.values():
            yield from sourced(one)


# --- known devices ---


@pytest.mark.parametrize("file", DEVICES, ids=lambda file: file.stem)
def test_every_number_of_a_device_has_its_source(file):
    known = yaml.safe_load(file.read_text())
    assert {"peak", "bandwidth"} <= known.keys() <= {*hardware.KEYS, *hardware.FACTS}
    for row in known.values():
        for number in sourced(row):
            assert number.keys() == {"value", "source"}
            assert re.search(r"\b20\d\d\b", number["source"]), "a source has a year"
    assert 0 < forward_s(file.stem) < 0.1


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_devices(name):
    peak, memory, bandwidth, link, nic, per_node, ceiling = PUBLISHED[name]
    (found,) = cluster(name)
    assert found.peak.of("fp16" if name.startswith("v100") else "bf16") == peak * 1e12
    assert (found.memory, found.bandwidth) == (memory * 1e9, bandwidth * 1e9)
    assert found.ceiling.of("bf16") == pytest.approx(math.nan if ceiling is None else ceiling * 1e12, nan_ok=True)
    known = hardware.kind(name)
    assert (known.link, known.nic, known.per_node) == (link * 1e9, nic and nic * 1e9, per_node)


def test_every_device_is_held_against_what_is_published():
    assert PUBLISHED.keys() | {"calibrated-core"} == hardware.kinds().keys()


def test_peaks_and_ceilings_are_plausible():
    """More bytes are never faster, but for fp32 without tensor cores; no product is faster than the peak."""
    for name in PUBLISHED:
        (found,) = cluster(name)
        rates = [found.peak.of(format) for format in ("fp64", "fp32", "tf32", "bf16", "fp8")]
        rates = [rate for rate in rates if not math.isnan(rate)]
        assert rates == sorted(rates)
        assert all(rate < found.peak.of(format) for format, rate in found.ceiling.by)


def test_numbers_are_listed_with_their_sources(command):
    code, out, err = command("list", "devices", "--json")
    assert (code, err) == (0, "")
    entries = {entry["name"]: entry["numbers"] for entry in json.loads(out)["devices"]["entries"]}
    assert entries.keys() == hardware.kinds().keys()
    a100, core = entries["a100-80g"], entries["calibrated-core"]
    source = "NVIDIA A100 Tensor Core GPU data sheet, 2021"
    assert a100["peak"]["bf16"] == {"value": 312e12, "source": source}
    assert a100["memory"] == {"value": 80e9, "source": source}
    assert a100["per_node"]["value"] == 8
    assert core["peak"]["value"] == 42e9
    assert "numbers" not in command("list", "devices")[1]


# --- numbers of a scenario ---

BF16, BOTH = Rates(by=(("bf16", 1e12),)), Rates(by=(("fp32", 2e12), ("bf16", 1e12)))


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ({"peak": "1 TFLOP/s"}, Rates(1e12)),
        ({"peak": {"bf16": "1 TFLOP/s"}}, BF16),
        ({"peak": {"bf16": "1 TFLOP/s", "fp32": "2 TFLOP/s"}}, BOTH),
        ({"kind": "a100-80g", "peak": {"bf16": "1 TFLOP/s"}}, BF16),
        ({"kind": "a100-80g", "peak": "1 TFLOP/s"}, Rates(1e12)),
    ],
)
def test_a_stated_peak_replaces_that_of_the_kind_with_its_ceiling(device, peak):
    (found,) = cluster({"bandwidth": "1 TB/s"} | device)
    assert (found.peak, found.ceiling) == (peak, Rates())
    assert hash(found) == hash(found._replace())


def test_the_numbers_of_a_listed_device_go_before_the_default():
    rows = [
        "a",
        {"name": "b", "device": "calibrated-core"},
        {"name": "c", "device": {"ceiling": {"bf16": "200 TFLOP/s"}}},
        {"name": "d", "device": "h100-80g", "memory": "1 GB"},
    ]
    a, b, c, d = cluster("a100-80g", rows)
    assert (a.peak.of("bf16"), a.ceiling.of("bf16"), a.memory) == (312e12, 271.2e12, 80e9)
    assert (b.peak, b.ceiling, b.memory) == (Rates(42e9), Rates(), 80e9)
    assert (c.peak, c.ceiling) == (a.peak, Rates(by=(("bf16", 200e12),)))
    assert (d.peak.of("fp8"), d.memory) == (1979e12, 1e9)


@pytest.mark.parametrize(
    ("device", "path", "message"),
    [
        ("a100-80", "cluster.device", "Did you mean 'a100-80g'?"),
        ({"kind": "a100-81g", "memory": "1 GB"}, "cluster.device.kind", "Did you mean 'a100-80g'?"),
        ({"peak": {"bf61": "1 TFLOP/s"}}, "cluster.device.peak.bf61", "unknown key 'bf61'. Did you mean 'bf16'?"),
        ({"peak": {}}, "cluster.device.peak", "is empty; write for example '{bf16: 312 TFLOP/s}'"),
        ({"peak": {"bf16": "0 TFLOP/s"}}, "cluster.device.peak.bf16", "'0 TFLOP/s' is zero"),
        ({"peak": "0 TFLOP/s"}, "cluster.device.peak", "'0 TFLOP/s' is zero"),
        ({"peak": {"bf16": "-1 TFLOP/s"}}, "cluster.device.peak.bf16", "'-1 TFLOP/s' is negative"),
        ({"peak": {"bf16": 312}}, "cluster.device.peak.bf16", "'312' has no unit"),
        ({"peak": {"bf16": "312 GB/s"}}, "cluster.device.peak.bf16", "is a bandwidth"),
        ({"peak": 312}, "cluster.device.peak", "'312' has no unit"),
        ({"peak": ["312 TFLOP/s"]}, "cluster.device.peak", "wants a rate of FLOP such as '312 TFLOP/s', or a mapping"),
        ({"ceiling": {}}, "cluster.device.ceiling", "is empty"),
        ({"ceiling": {"fp32": "0 FLOP/s"}}, "cluster.device.ceiling.fp32", "is zero"),
        ({"link": "1 GB/s"}, "cluster.device.link", "unknown key 'link'"),
    ],
)
def test_a_wrong_device(device, path, message):
    first = faults(device)[0]
    assert first.path == path
    assert message in first.message


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("# x\npeak: 125 TFLOP/s\n", "2:7: peak", "wants {value: 312 TFLOP/s"),
        ("# x\npeak: {value: 1 FLOP/s}\n", "2:7: peak", "wants {value: 312 TFLOP/s"),
        ("# x\npeak: {}\n", "2:7: peak", "wants {value: 312 TFLOP/s"),
        ("# x\npeak: {bf16: 125 TFLOP/s}\n", "2:14: peak.bf16", "wants {value: 312 TFLOP/s"),
        ("# x\npeak:\n  bf16: {value: 1 FLOP/s}\n", "3:9: peak.bf16", "wants {value: 312 TFLOP/s"),
        ("# x\npeak:\n  bf61: {value: 1 FLOP/s, source: a}\n", "3:3: peak.bf61", "Did you mean 'bf16'?"),
        ("# x\npeak:\n  bf16: {value: 0 FLOP/s, source: a}\n", "3:9: peak.bf16", "is zero"),
        ("# x\nmemory: {bf16: {value: 1 GB, source: a}}\n", "2:9: memory", "wants {value: 312 TFLOP/s"),
        ("# x\npek: {value: 1 FLOP/s, source: a}\n", "2:1: pek", "Did you mean 'peak'?"),
        ("# x\npeak: {value: 1 GB, source: a}\n", "2:7: peak", "1 GB"),
        ("# x\nper_node: {value: 0, source: a}\n", "2:11: per_node", "0 is too small"),
        ("# x\nnic: {value: 0 B/s, source: a}\n", "2:6: nic", "is zero"),
    ],
)
def test_a_device_file_that_is_wrong_is_told_with_its_place(text, place, message, tmp_path, monkeypatch):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    hardware.kind.cache_clear()
    monkeypatch.setattr(hardware, "kinds", lambda: {"odd": file})
    (line,) = map(str, faults("odd"))
    assert line.startswith(f"{file}:{place}: ")
    assert message in line


def test_editors_complete_the_formats_of_a_peak():
    schema = scenario_schema()
    peak = schema["$defs"]["DeviceForm"]["properties"]["peak"]
    assert "of every number format" in peak["description"]
    formats = schema["$defs"]["ByFormat"]["properties"]
    assert list(formats) == ["fp64", "fp32", "tf32", "bf16", "fp16", "fp8"]
    assert all(one["description"].startswith("FLOP a second in") for one in formats.values())
    valid = Draft202012Validator(schema).is_valid
    for wanted, peak in (
        (True, "1 TFLOP/s"),
        (True, {"bf16": "1 TFLOP/s"}),
        (False, {"bf61": "1 TFLOP/s"}),
        (False, {"bf16": "1 GB/s"}),
    ):
        assert valid(scenario({"peak": peak})) is wanted


# --- the peak of a price ---

FLOP = 2 * 1024 * 512 * 256 + 1024 * (7 * 256 - 1 + 3)  # of the matmul, and about those of the loss


@pytest.mark.parametrize(
    ("peak", "priced"),
    [
        ("100 GFLOP/s", 100e9),
        ({"bf16": "100 GFLOP/s", "fp32": "1 TFLOP/s"}, 100e9),
        ({"fp16": "100 GFLOP/s", "fp32": "1 TFLOP/s", "fp8": "2 TFLOP/s"}, 100e9),
        ({"fp32": "100 GFLOP/s", "tf32": "1 TFLOP/s"}, 100e9),
        ({"fp64": "100 GFLOP/s", "fp8": "1 TFLOP/s"}, 100e9),
    ],
)
def test_a_model_is_priced_by_the_peak_of_its_format(peak, priced):
    """Without a limit by memory the forward takes its FLOP over the peak."""
    assert forward_s({"peak": peak, "bandwidth": "1 PB/s"}) == pytest.approx(FLOP / priced, rel=0.01)


def test_utilisation_is_a_share_of_the_peak_of_the_format():
    whole = scenario({"peak": {"bf16": "100 GFLOP/s", "fp8": "1 PFLOP/s", "fp32": "1 GFLOP/s"}, "bandwidth": "1 PB/s"})
    fast = {"cluster.topology.bandwidth": "1000 PB/s"}
    training = parsim.simulate(whole, fast).to_dict()["training"]
    same = parsim.simulate(scenario({"peak": "100 GFLOP/s", "bandwidth": "1 PB/s"}), fast).to_dict()["training"]
    assert training["mfu"] == pytest.approx(same["mfu"], rel=1e-3)
    assert 0.5 < training["mfu"] == training["hfu"] < 1  # nothing is computed again


def test_a_peak_of_another_format_is_never_used():
    (fault,) = faults({"peak": {"fp8": "1 TFLOP/s", "tf32": "1 TFLOP/s"}, "bandwidth": "1 TB/s"})
    assert fault.path == "cost.kind"
    assert fault.message == ("device w0 has no peak for fp64, the format of the kernels; it has peaks for tf32, fp8")


def test_the_precision_of_a_cluster_suits_all_its_devices():
    rows = [{"name": "v", "device": "v100-16g"}, {"name": "a", "device": "a100-80g"}]
    assert build(load(scenario("a100-80g", rows))).graph.precision == PRESETS["fp16-mixed"]
