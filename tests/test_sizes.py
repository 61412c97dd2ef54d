"""The best plan on several numbers of devices, and what a whole training takes there."""

import pytest
from click.testing import CliRunner

import parsim
from parsim.cli import parsim as command
from parsim.core.errors import ScenarioError
from parsim.study.plan.sizes import DAY, Run, sizes

MODEL = {"kind": "transformer", "blocks": 2, "width": 256, "heads": 4, "sequence": 128, "vocabulary": 1000}
SPACE = {
    "cluster": {
        "device": {"kind": "a100-80g", "price": "3.6 USD/h"},
        "topology": {"kind": "islands", "nodes": 2, "per_node": 2, "bandwidth": "300 GB/s", "nic": "25 GB/s"},
    },
    "workload": MODEL | {"batch": 16},
    "plan": {"data": {"from": 1, "to": 16, "factor": 2}, "tensor": {"in": [1, 2]}, "microbatch_size": 1},
    "require": ["data * tensor == devices"],
}  # fmt: skip


def test_each_size_has_its_own_best_plan():
    found = sizes(SPACE, devices=[2, 4, 8])
    assert [one.devices for one in found.sizes] == [2, 4, 8]
    for one in found.sizes:
        plans = [{"data": data, "tensor": tensor} for data, tensor in ((one.devices, 1), (one.devices // 2, 2))]
        own = {key: SPACE[key] for key in ("cluster", "workload")}
        nodes = {"cluster.topology.nodes": one.devices // 2}
        runs = [parsim.simulate({**own, "plan": {**some, "microbatch_size": 1}}, set=nodes) for some in plans]
        played = [run.metrics["training"]["iteration_s"] for run in runs]
        assert one.plan.took_s == pytest.approx(min(played), rel=1e-12)
    first, *_, last = found.sizes
    assert last.speed_up == pytest.approx(first.plan.took_s / last.plan.took_s)
    assert last.efficiency == pytest.approx(last.speed_up / 4)


def test_weak_scaling_keeps_the_batch_of_each_device():
    found = sizes(SPACE, devices=[2, 4], weak=True)
    small, large = found.sizes
    rate = [one.plan.figures["samples_per_s"] * one.plan.took_s for one in (small, large)]
    assert rate == pytest.approx([8, 16])
    assert large.speed_up == pytest.approx(2 * small.plan.took_s / large.plan.took_s)


def test_a_whole_training_takes_tokens_over_tokens_a_second():
    found = sizes(SPACE, devices=[2, 4], run=Run(1e12, days=5))
    for one in found.sizes:
        assert one.days == pytest.approx(1e12 / one.plan.figures["tokens_per_s"] / DAY)
        assert one.price == pytest.approx(one.devices * 3.6 * 24 * one.days)
    small, large = found.sizes
    assert found.to_dict()["enough"] == (2 if small.days <= 5 else 4 if large.days <= 5 else None)
    between = sizes(SPACE, devices=[2, 4], run=Run(1e12, days=(small.days + large.days) / 2))
    assert between.enough.devices == 4
    assert "4 devices are enough" in between.verdict
    never = sizes(SPACE, devices=[2, 4], run=Run(1e12, days=large.days / 2))
    assert never.enough is None
    assert "None of these sizes is enough" in never.verdict


def test_a_price_that_is_not_known_is_not_invented():
    given = SPACE | {"cluster": SPACE["cluster"] | {"device": "v100-16g"}}
    found = sizes(given, devices=[4], run=Run(1e12, days=1000))
    known = found.sizes[0].plan.figures["cost"] is not None
    assert (found.sizes[0].price is not None) == known
    assert known or "UNKNOWN" in found.report()


def test_sizes_without_a_plan_are_told():
    found = sizes(SPACE, devices=[3, 4])
    assert list(found.failed) == [3]
    assert "no whole number" in found.failed[3]
    with pytest.raises(ScenarioError, match="no size has a plan"):
        sizes(SPACE, devices=[3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--days", "30"], "--tokens:0:0: tokens: is missing"),
        (["--tokens", "many"], "'many' is not a number of tokens"),
        (["--tokens", "300G", "--days", "0"], "'0' is not a count"),
        (["--over", "plan.data"], "--over:0:0: over: is for one plan"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    import yaml

    file = tmp_path / "space.yaml"
    file.write_text(yaml.safe_dump(SPACE))
    found = CliRunner().invoke(command, ["scaling", str(file), *options], standalone_mode=False)
    assert isinstance(found.exception, ScenarioError)
    assert message in str(found.exception)
