"""Many plans built one after the other: each as if it were the only one, and gone when it is dropped."""

import gc
import weakref

import pytest

from parsim.build import build
from parsim.export.files import json_text
from parsim.run import run
from parsim.scenario.scenario import changed, load

BASE = {
    "cluster": {"topology": {"kind": "islands", "nodes": 2, "node": "dgx-a100"}},
    "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 16},
}
PLANS = {
    "mixed": {"data": 4, "tensor": 2, "pipeline": 2, "microbatch_size": 1, "sharding": "zero1"},
    "other recompute": {"data": 4, "tensor": 2, "pipeline": 2, "microbatch_size": 1, "recompute": "full"},
    "other degrees": {"data": 2, "tensor": 4, "pipeline": 2, "microbatch_size": 2, "sharding": "zero3"},
    "no pipeline": {"data": 16, "microbatch_size": 1, "sharding": "zero2"},
    "layer by layer": {"data": 8, "tensor": 2, "microbatch_size": 1, "detail": "layers"},
}


def built(name, **more):
    return build(changed(load(BASE | {"plan": PLANS[name]}), more), "on")


def text(name, **more):
    return json_text(run(built(name, **more)).to_dict())


def test_a_run_does_not_depend_on_what_was_built_before():
    alone = {}
    for name in PLANS:
        alone[name] = text(name)
    for name in reversed(PLANS):
        assert text(name) == alone[name]


@pytest.mark.parametrize("change", [{"cluster.topology.nic": "20 GB/s"}, {"cluster.device": "h100-80g"}])
def test_what_is_remembered_of_one_cluster_is_not_told_of_another(change):
    before = text("mixed")
    assert text("mixed", **change) != before
    assert text("mixed") == before


@pytest.mark.parametrize("name", PLANS)
def test_a_job_that_is_dropped_is_gone_at_once(name):
    """Without a search for cyclic garbage, which takes longer than to build a plan."""
    gc.collect()
    gc.disable()
    try:
        job = built(name)
        graph, program = weakref.ref(job.graph), weakref.ref(job.graph.program)
        del job
        assert (graph(), program()) == (None, None)
    finally:
        gc.enable()
