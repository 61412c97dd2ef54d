"""What studies change in a run is the same whether devices that do the same are played once or each by itself."""

import pytest
from commands import ROOT

import parsim
from parsim.build import build
from parsim.page.answer import answer
from parsim.page.request import Request, Slow
from parsim.page.warm import SCHEMA
from parsim.reading import load
from parsim.sim.play import play
from parsim.study import counterfactual
from parsim.study.change import NoDifference

MIXED = {
    "cluster": {"topology": {"kind": "islands", "node": "dgx-a100"}},
    "workload": {"kind": "transformer", "preset": "gpt2-124m"},
    "plan": {
        **{"data": 64, "tensor": 2, "pipeline": 2, "schedule": "1f1b"},
        **{"microbatches": 2, "microbatch_size": 1, "sharding": "zero1"},
    },
}
CHANGES = {
    "faster transfers": counterfactual.faster_transfers,
    "no transfers": counterfactual.without_transfers,
    "less memory": lambda job: counterfactual.more_memory(["w0"], 0.5, job),
}


@pytest.fixture(scope="module")
def jobs():
    return [build(load(MIXED), fold) for fold in ("auto", "off")]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_all_takes_as_long_folded_or_not(jobs, change):
    folded, whole = (change(job) for job in jobs)
    assert (len(folded.cluster.devices), len(whole.cluster.devices)) == (4, 256)
    assert play(folded).makespan_s == pytest.approx(play(whole).makespan_s, rel=1e-12)
    assert (play(whole).makespan_s < play(jobs[1]).makespan_s) == (change is not CHANGES["less memory"])


def test_no_link_that_stands_for_several_is_changed_alone(jobs):
    folded, whole = jobs
    with pytest.raises(NoDifference, match="stands for"):
        counterfactual.without_links(["n0.nic0.out"], folded)
    left = counterfactual.without_links(["n0.nic0.out"], whole).cluster.wiring.route(0, 8)
    assert [link.name for link in left] == ["n1.nic0.in"]


def test_a_slow_device_of_a_large_fold_is_refused_where_it_is_played_at_once():
    file = ROOT / "scenarios" / "39_llama3_405b.yaml"
    found = answer(Request("a", file.read_text(encoding="utf-8"), {}, Slow(0, 0.5)), str(file), SCHEMA)
    assert found["failed"].startswith("one slow device of 16,384 makes most of them differ")


def test_studies_of_a_part_change_the_whole_plan():
    """A part of the data ranks tells of all 64; changes are of the plan with 64."""
    topology = {"kind": "islands", "per_node": 2, "bandwidth": "300 GB/s", "nic": "25 GB/s", "nic_latency": "4 us"}
    work = {
        "kind": "transformer",
        "blocks": 4,
        "width": 128,
        "heads": 4,
        "sequence": 32,
        "vocabulary": 100,
        "batch": 128,
    }
    plan = {"data": 64, "tensor": 2, "microbatches": 2, "algorithm": "ring"}
    scenario = {"cluster": {"device": "a100-80g", "topology": topology}, "workload": work, "plan": plan}
    assert parsim.simulate(scenario).job.cluster.p == 128
    assert parsim.simulate(scenario).job.graph.fold.whole.times > 1
    told = parsim.explain(scenario).report()
    assert "data 32" in told or "data 128" in told
    assert [point.p for point in parsim.scaling(scenario).points] == [2**power for power in range(1, 9)]
