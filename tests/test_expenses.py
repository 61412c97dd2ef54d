"""Expenses: what an iteration of training costs in money and energy, added up by hand from the devices."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import parsim
from parsim.core.cluster import Device
from parsim.hardware import kind, kinds
from parsim.metrics.training import expenses

KEYS = ("cost_usd", "energy_j", "cost_usd_per_million_tokens", "energy_j_per_million_tokens")
TOKENS = {"kind": "transformer", "vocabulary": 64, "width": 32, "sequence": 16, "batch": 8, "blocks": 2}
IMAGES = {"kind": "mlp", "widths": [64, 32], "batch": 8}
OWN = {"kind": "a100-80g", "price": "7.2 USD/h", "power": "0.5 kW"}


def scenario(devices, device, workload=TOKENS):
    wired = {"kind": "full", "bandwidth": "100 GB/s"}
    cluster = {"devices": devices, "device": device, "topology": wired}
    return {"cluster": cluster, "workload": workload, "plan": {"split": "data"}}


def told(*args, **more):
    return parsim.simulate(scenario(*args, **more)).to_dict()["training"]


@pytest.mark.parametrize("count", [1, 3])
def test_an_iteration_costs_the_price_of_all_devices_for_its_time(count):
    """7.2 USD/h are 0.002 USD a second; 0.5 kW are 500 J a second. An iteration has 8 x 16 tokens."""
    found = told(count, OWN)
    took = found["iteration_s"]
    assert found["cost_usd"] == pytest.approx(count * 0.002 * took, rel=1e-12)
    assert found["energy_j"] == pytest.approx(count * 500 * took, rel=1e-12)
    assert found["cost_usd_per_million_tokens"] == pytest.approx(count * 0.002 * 1e6 / found["tokens_per_s"], rel=1e-12)
    assert found["energy_j_per_million_tokens"] == pytest.approx(found["energy_j"] / 128 * 1e6, rel=1e-12)


def test_different_devices_add_up_and_idle_ones_count():
    """Two subsets need two workers; the third device is paid for all the same. A free device costs nothing."""
    rows = ["a", {"name": "b", "device": {"price": "1 USD/h", "power": "1 kW"}}, {"name": "c", "device": "h100-80g"}]
    run = parsim.simulate(scenario(rows, OWN), set={"plan.subsets": 2})
    found = run.to_dict()["training"]
    assert found["cost_usd"] == pytest.approx((7.2 + 1 + 12.29) / 3600 * found["iteration_s"], rel=1e-12)
    assert found["energy_j"] == pytest.approx((500 + 1000 + 700) * found["iteration_s"], rel=1e-12)
    assert told(1, OWN | {"price": "0 USD/h"})["cost_usd"] == 0.0


@given(st.lists(st.tuples(st.floats(0, 99), st.floats(1, 2000), st.integers(1, 512)), min_size=1, max_size=6))
def test_a_device_counts_as_often_as_it_stands_for(rows):
    folded = [Device(f"w{i}", price=one, power=watt, stands_for=n) for i, (one, watt, n) in enumerate(rows)]
    flat = [device._replace(stands_for=1) for device in folded for _ in range(device.stands_for)]
    assert expenses(folded, 3.0, 5e5) == pytest.approx(expenses(flat, 3.0, 5e5), rel=1e-12)


def test_what_is_unknown_is_null():
    unknown = {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"}
    nothing, powered = told(1, unknown), told(1, unknown | {"power": "400 W"})
    assert [nothing[key] for key in KEYS] == [None] * 4
    assert [powered[key] is None for key in KEYS] == [True, False, True, False]
    partly = told(["a", {"name": "b", "device": {"price": "1 USD/h"}}], unknown)
    assert partly["cost_usd"] is None, "one device does not say"
    images = told(1, OWN, workload=IMAGES)
    assert [images[key] is None for key in KEYS] == [False, False, True, True]


def test_the_report_says_it_in_words():
    text = parsim.simulate(scenario(1, OWN)).report()
    for words in ("cost of an iteration", "energy of an iteration", "cost per million tokens"):
        assert words in text
    text = parsim.simulate(scenario(1, {"peak": "1 TFLOP/s", "bandwidth": "1 TB/s"}, workload=IMAGES)).report()
    assert "cost of an iteration        unknown: a device has no price" in text
    assert "energy of an iteration      unknown: a device has no power" in text
    assert "million tokens" not in text


def test_known_devices_say_what_they_cost_and_draw(command):
    """By hand: AWS lists p4d.24xlarge with 8 A100 at 32.7726 USD/h, p5.48xlarge with 8 H100 at 98.32."""
    assert kind("a100-40g").price == pytest.approx(32.7726 / 8, abs=1e-4)
    assert kind("h100-80g").price == 98.32 / 8
    assert kind("a100-80g").power == 400
    entries = json.loads(command("list", "devices", "--json")[1])["devices"]["entries"]
    shown = command("list", "devices")[1].splitlines()[1:]
    for entry, line in zip(entries, shown, strict=True):
        price, power = (entry["numbers"].get(key) for key in ("price", "power"))
        assert (price is None) == ("USD/h" not in line)
        assert (power is None) == (" W." not in line)
        assert price is None or "on demand" in price["source"]


def test_no_known_device_costs_or_draws_what_cannot_be():
    for name in kinds():
        known = kind(name)
        assert 0.5 < (known.price or 1) < 20
        assert 100 < (known.power or 200) <= 1000
        assert not math.isnan(known.power or 0)


@pytest.mark.parametrize(
    ("device", "path", "message"),
    [
        ({"price": "4.10"}, "cluster.device.price", "'4.10' has no unit; write for example '4.10 USD/h'"),
        ({"price": 4.1}, "cluster.device.price", "'4.1' has no unit; write for example '4.1 USD/h'"),
        ({"price": "-1 USD/h"}, "cluster.device.price", "'-1 USD/h' is negative"),
        ({"price": "4 EUR/h"}, "cluster.device.price", "unknown unit 'EUR/h'; known are: USD/h"),
        ({"power": "400"}, "cluster.device.power", "'400' has no unit; write for example '400 W'"),
        ({"power": "0 W"}, "cluster.device.power", "'0 W' is zero"),
        ({"power": "400 J"}, "cluster.device.power", "'400 J' is an energy; write a power, for example '400 W'"),
    ],
)
def test_a_wrong_price_or_power_is_located(device, path, message):
    with pytest.raises(parsim.ScenarioError) as refused:
        parsim.simulate(scenario(1, device))
    first = refused.value.faults[0]
    assert first.path == path
    assert message in first.message
