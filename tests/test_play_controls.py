"""Sliders of the schema, values in the text, and figures to predict."""

import json
import math
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from commands import SCENARIOS

import parsim
from parsim.core.errors import Invalid
from parsim.metrics.closed_forms import forms
from parsim.page.controls import controls
from parsim.page.edit import edited, written
from parsim.page.figures import figures
from parsim.page.request import Slow
from parsim.page.slow import listed
from parsim.reading import read_text
from parsim.scenario.document import parse_value
from parsim.scenario.scenario import changed, load
from parsim.scenario_schema import scenario_schema

ROOT = Path(__file__).parents[1]
SIXTH = ROOT / "scenarios/06_pipeline_1f1b.yaml"


@cache
def schema():
    return json.loads(json.dumps(scenario_schema()))


def shown(path, **values):
    own = load(path)
    now = changed(own, values)
    return {control.path: control for control in controls(schema(), now.values, own.values)}


def test_a_pipeline_has_the_sliders_of_its_class():
    found = shown(SIXTH)
    first = [control.path for control in found.values() if control.first]
    assert first[:3] == ["plan.microbatches", "plan.schedule", "plan.pipeline"]
    assert {"workload.forward", "workload.send"} <= {*first}
    assert (found["plan.pipeline"].also, "cluster.devices" in found) == ("cluster.devices", False)
    assert "policy" not in found  # always in_order
    assert found["plan.microbatches"].stops == [*range(1, 33)]
    assert found["workload.forward"].stops[:2] == ["0.03125 ms", "0.04 ms"]
    assert found["workload.forward"].stops[-1] == "32 ms"
    assert found["workload.send"].stops[0] == "0 s"


def test_a_plan_by_degrees_has_all_of_them():
    found = shown(ROOT / "scenarios/33_gpt3_13b_mixed.yaml")
    degrees = [f"plan.{degree}" for degree in ("data", "tensor", "context", "expert", "pipeline")]
    assert all(found[degree].first for degree in degrees)
    assert found["plan.context"].value is None
    assert found["plan.context"].stops == [1, 2, 4, 8]
    split = shown(ROOT / "scenarios/20_gpt3_13b_64_a100.yaml")
    assert [degree for degree in degrees if degree in split] == ["plan.pipeline"]


@pytest.mark.parametrize("name", ["01", "06", "20", "27", "33"])
def test_the_ends_of_every_slider_are_right_by_the_schema(name):
    (path,) = (ROOT / "scenarios").glob(f"{name}_*.yaml")
    own = load(path)
    jsonschema.validate(own.values, schema())
    validator = jsonschema.Draft202012Validator(schema())
    for control in shown(path).values():
        for stop in (control.stops[0], control.stops[-1]):
            values = {control.path: stop} | ({control.also: stop} if control.also else {})
            assert validator.is_valid(changed(own, values).values), (control.path, stop)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem[:2])
def test_values_stand_in_the_text_as_set_puts_them(path):
    text, own = path.read_text(encoding="utf-8"), load(path)
    values = {
        "cluster.devices": ["w0", {"name": "w1", "speed": 0.5}],
        "plan.microbatches": 16,
        "policy": "fifo",
        "policy.kind": "heft",
        "cluster.topology.latency": "5 us",
        "cost.sigma": 0.1,
        "plan.schedule.limit": 4,
        "workload.odd key": {"list": [None, True, "no", "1e3", "a: b", "#"]},
    }
    for count in range(1, len(values) + 1):
        some = dict([*values.items()][:count])
        assert read_text(edited(text, some), str(path)).values == changed(own, some).values


def test_what_is_not_set_stays_to_the_letter():
    text = "# a\ncluster: {devices: 4}  # b\nplan:\n  schedule: gpipe # c\n\n  microbatches: 8\n"
    assert edited(text, {"plan.schedule": "1f1b"}) == text.replace("gpipe", "1f1b")
    assert edited(text, {"plan.chunks": 2}) == text.replace("  schedule", "  chunks: 2\n  schedule")
    assert edited(text, {"cluster.device": "h200"}) == text.replace("4}", "4, device: h200}")


def test_letters_of_several_bytes_do_not_move_places():
    text = "# 集群 \U0001f40d é\ncluster: {devices: [甲, 乙]} # 两台\nplan: {schedule: gpipe}\n"
    assert edited(text, {"cluster.devices[1]": "丙", "plan.schedule": "1f1b"}) == text.replace("乙", '"丙"').replace(
        "gpipe", "1f1b"
    )


@pytest.mark.parametrize("path", ["cluster.devices[3]", "cluster[0]", "plan.x[0]", "cluster.devices.x[1].y"])
def test_a_path_without_a_place_is_refused(path):
    with pytest.raises(Invalid, match="has no place"):
        edited("cluster: {devices: [a, b]}\nplan: {}\n", {path: 1})


@pytest.mark.parametrize(
    "value", ["no", "1e3", "25 GB/s", "a, b", "a #b", " a", "a ", "", "- a", "{", "'", 'é"\\', "0x1", "~", "1:2"]
)
def test_text_is_read_as_it_was_written(value):
    assert parse_value(f"[{written(value)}]") == [value]


def test_slow_devices_keep_what_else_is_said_of_them():
    cluster = {"devices": ["hub", {"name": "a", "memory": "1 GB", "speed": 2}]}
    assert listed(cluster, [], Slow(1, 0.5)) == ["hub", {"name": "a", "memory": "1 GB", "speed": 0.5}]
    with pytest.raises(Invalid, match="has 2 devices; none has number -1"):
        listed(cluster, [], Slow(-1, 0.5))


def told(path, **values):
    run = parsim.simulate(path, set=values)
    return {figure.key: figure for figure in figures(run.to_dict(), forms(run.job))}


def test_figures_of_a_pipeline_by_hand():
    """F + B = 3 ms: m (F + B) = 24 ms of work, (p - 1)(F + B) = 9 ms of bubble."""
    found = told(SIXTH)
    by_hand = {"makespan_s": 0.033, "t_total_s": 0.024, "idle_s": 0.009, "hidden_s": 0.0, "utilisation": 24 / 33}
    by_hand |= {"bubble_of_ideal": 3 / 8, "bubble_of_whole": 3 / 11}
    for key, value in by_hand.items():
        figure = found[key]
        assert figure.value == pytest.approx(value, abs=1e-15)
        assert figure.known.foreseen == pytest.approx(value, abs=1e-15)
        assert figure.tolerance == 0.01
    assert found["makespan_s"].known.limits == "schedule"
    assert found["idle_s"].known.formula.endswith("= 33 ms - 24 ms - 0 s - 0 s + 0 s")


def test_figures_of_a_collective_by_hand():
    """A ring of eight takes 14 rounds of 1 us + 125 MB / (25 GB/s) = 70.014 ms; a link carries 7/4 of the buffer."""
    found = told(ROOT / "scenarios/27_ring_all_reduce.yaml")
    assert found["makespan_s"].known.foreseen == pytest.approx(0.070014)
    assert found["makespan_s"].known.limits == "alpha_beta"
    assert found["bus_bandwidth_bytes_per_s"].value == pytest.approx(1e9 / 0.070014 * 7 / 4)
    assert found["bus_bandwidth_bytes_per_s"].known.formula == "size / makespan = 1 GB / 70.014 ms x 1.75"


def test_where_no_closed_form_holds_a_guess_may_be_rougher():
    found = told(SIXTH, **{"workload.forward": ["1 ms", "1 ms", "2 ms", "1 ms"]})
    assert found["makespan_s"].known.limits == "t_total"
    assert found["makespan_s"].tolerance == 0.1
    assert found["bubble_of_ideal"].known is None


@pytest.mark.parametrize("name", ["01", "07", "14", "20", "27", "34"])
def test_identities_hold_in_every_run(name):
    (path,) = (ROOT / "scenarios").glob(f"{name}_*.yaml")
    for figure in told(path).values():
        assert math.isfinite(figure.value)
        if figure.known and figure.known.limits in ("ledger", "memory"):
            assert figure.known.foreseen == pytest.approx(figure.value, rel=1e-9, abs=1e-12), figure
            assert figure.tolerance == 0.01, figure
