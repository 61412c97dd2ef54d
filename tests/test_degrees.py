"""Training by degrees of parallelism: closed forms by hand, published memory formulas, groups of devices."""

import tracemalloc

import numpy as np
import pytest

from parsim import ScenarioError
from parsim.core.errors import RunError, Stalled
from parsim.core.precision import Precision
from parsim.metrics.checker import check
from parsim.metrics.training_memory import uses
from parsim.study.single import simulate
from parsim.training.blocks import Dimensions, block
from parsim.training.degrees import Degrees
from parsim.training.model import Model
from parsim.training.shards import Shards
from parsim.training.stage import Stages

LATENCY, BANDWIDTH = 2e-6, 300e9
LINKS = {"kind": "full", "bandwidth": "300 GB/s", "latency": "2 us"}
LLAMA = {"kind": "transformer", "preset": "llama2-7b", "blocks": 4, "sequence": 512, "batch": 16}
MIXTRAL = {"kind": "mixture", "preset": "mixtral-8x7b", "blocks": 2, "sequence": 512, "batch": 16}
SMALL = {"kind": "transformer", "vocabulary": 64, "width": 16, "sequence": 8, "batch": 8, "blocks": 4, "heads": 4}
SMALL |= {"optimizer": "adam"}


def run(plan, workload=LLAMA, devices=8, **more):
    cluster = {"devices": devices, "device": "a100-80g", "topology": LINKS}
    found = simulate({"cluster": cluster, "workload": workload, "plan": plan, **more})
    assert check(found.job, found.timeline) == []
    return found


def spans(found, worker="w0"):
    return {row[1]: row for row in found.timeline.rows() if row[3] == worker}


# -- groups of devices


def test_neighbours_share_the_innermost_degree():
    """Narayanan et al., SC 2021, figure 2: tensor groups within a server, then data, then pipeline."""
    degrees = Degrees(data=2, tensor=2, pipeline=2)
    assert degrees.groups("tensor").tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert degrees.groups("data").tolist() == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert degrees.coordinate("pipeline").tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    other = degrees._replace(order=("pipeline", "data", "expert", "context", "tensor"))
    assert other.groups("tensor").tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]


@pytest.mark.parametrize("order", [("tensor", "context", "expert", "data", "pipeline"), ("data", "context", "expert")])
def test_groups_are_a_partition_and_experts_lie_within_data_and_context(order):
    rest = [name for name in ("tensor", "context", "expert", "data", "pipeline") if name not in order]
    degrees = Degrees(data=4, tensor=2, pipeline=3, context=2, expert=4, order=(*order, *rest))
    ranks = {"tensor": 2, "context": 2, "data": 8, "expert": 4, "expert data": 2}
    for name, count in ranks.items():
        groups = degrees.groups(name)
        assert groups.shape == (48 // count, count)
        assert sorted(groups.ravel().tolist()) == list(range(48))
    of = {device: set(group) for group in degrees.groups("data").tolist() for device in group}
    for group in [*degrees.groups("expert").tolist(), *degrees.groups("expert data").tolist()]:
        assert set(group) <= of[group[0]]
    for experts in degrees.groups("expert").tolist():
        for copies in degrees.groups("expert data").tolist():
            assert len(set(experts) & set(copies)) <= 1


# -- seconds by hand


def test_gradients_are_added_up_by_a_ring_after_the_last_backward():
    """One bucket: step = forwards and backwards + 2 (d - 1) (latency + bytes / d / bandwidth) + update."""
    found = run({"data": 8, "microbatch_size": 1, "bucket": "100 GB"})
    rows = spans(found)
    size = 2.0 * found.job.graph.program.model.parameters
    ring = 14 * (LATENCY + size / 8 / BANDWIDTH)
    meeting = next(row for name, row in rows.items() if row[4] == "data")
    assert meeting[7] - meeting[6] == pytest.approx(ring, rel=1e-12)
    assert meeting[6] == rows["0B1:d0"][7]
    assert rows["0U:d0"][6] == meeting[7]
    assert found.timeline.makespan_s == pytest.approx(rows["0B1:d0"][7] + ring + rows["0U:d0"][8], rel=1e-12)


def test_buckets_overlap_with_backward():
    """The more buckets, the more of the ring passes beside backward; what is left is at least the last bucket."""
    steps = [run({"data": 8, "microbatch_size": 1, "bucket": size}).timeline.makespan_s for size in ("100 GB", "1 MB")]
    alone = run({"data": 8, "microbatch_size": 1, "bucket": "100 GB"})
    ring = next(row for row in spans(alone).values() if row[4] == "data")
    assert steps[1] < steps[0]
    assert steps[0] - steps[1] < ring[8]


@pytest.mark.parametrize("sequence_parallel", [True, False])
def test_tensor_exchanges_of_a_block_by_hand(sequence_parallel):
    """Megatron: two all-reduces of 2 s b h bytes forward and two backward; in parts they are as many bytes.

    The embedding and the head add one forward (and the head, or with parts the embedding, too, one backward).
    """
    plan = {"tensor": 8, "microbatch_size": 2, "sequence_parallel": sequence_parallel}
    rows = spans(run(plan))
    half = 7 * (LATENCY + 2 * 512 * 2 * 4096 / 8 / BANDWIDTH)  # of a ring all-reduce
    # forward: 2 all-reduces a block, 1 of the embedding; in parts the head gathers its input, too
    counts = (2 * (2 * 4) + 2, 2 * (2 * 4 + 1)) if sequence_parallel else (2 * (2 * 4 + 1), 2 * (2 * 4 + 1))
    assert rows["0F0 tensor:t0"][8] == pytest.approx(counts[0] * half, rel=1e-12)
    assert rows["0B0 tensor:t0"][8] == pytest.approx(counts[1] * half, rel=1e-12)


@pytest.mark.parametrize(
    ("plan", "workload"),
    [
        ({"tensor": 8, "microbatch_size": 4}, LLAMA),
        ({"tensor": 8, "microbatch_size": 8, "sequence_parallel": False, "recompute": "full"}, LLAMA),
        ({"context": 4, "tensor": 2, "microbatch_size": 4, "bucket": "100 GB"}, LLAMA),
        ({"tensor": 2, "pipeline": 4, "microbatch_size": 4, "schedule": "zb-h1"}, LLAMA),
        ({"data": 4, "tensor": 2, "expert": 4, "microbatch_size": 2, "bucket": "100 GB"}, MIXTRAL),
    ],
)
def test_exchanges_of_layers_take_what_they_are_priced_at(plan, workload):
    """Nothing else is on the links, so one by one they take as long as all of an action at once."""
    priced, played = (run(plan | {"detail": detail}, workload) for detail in ("stages", "layers"))
    assert played.timeline.makespan_s == pytest.approx(priced.timeline.makespan_s, rel=1e-9)
    assert len(played.job.graph) > 2 * len(priced.job.graph)
    assert played.job.n == priced.job.n


CARD = {"kind": "islands", "per_node": 2, "bandwidth": "300 GB/s", "nics": 1, "nic": "25 GB/s", "nic_latency": "5 us"}


@pytest.mark.parametrize(("tensor", "rounds"), [(2, 2), (4, 6)])
def test_groups_that_share_a_network_card_share_it_in_the_price(tensor, rounds):
    """Two groups of 2 across two nodes send S/2 each through one card; the two rings of 4 do so with S/8 each."""
    order = ["data", "tensor", "context", "expert", "pipeline"] if tensor == 2 else None
    plan = {"tensor": tensor, "data": 4 // tensor, "microbatches": 1, "sequence_parallel": False, "bucket": "100 GB"}
    plan |= {"order": order} if order else {}
    cluster = {"devices": 4, "device": "a100-80g", "topology": CARD}
    steps = []
    for detail in ("stages", "layers"):
        found = simulate({"cluster": cluster, "workload": LLAMA, "plan": plan | {"detail": detail}})
        assert check(found.job, found.timeline) == []
        steps.append(found.timeline.makespan_s)
        if detail == "stages":
            size = 2 * LLAMA["batch"] // plan["data"] * 512 * 4096
            each = rounds * (10e-6 + size / tensor / 25e9 * (2 if tensor == 2 else 1))
            took = spans(found)["0F0 tensor:t0d0" if tensor == 2 else "0F0 tensor:t0"][8]
            assert took == pytest.approx((2 * 4 + 1) * each, rel=1e-9)
    assert steps[0] == pytest.approx(steps[1], rel=1e-9)


def test_a_pipeline_alone_is_that_of_a_split_by_layers():
    """Where sends never queue, the order of a rank and the links decide, as for split: layers without the host."""
    plan = {"pipeline": 4, "schedule": "1f1b", "microbatches": 8, "stages": "cost"}
    steady = [
        run(one, LLAMA | {"optimizer": "sgd"}, 4).to_dict()["training"]["iteration_s"]
        for one in (plan, plan | {"split": "layers"})
    ]
    assert steady[0] == pytest.approx(steady[1], rel=1e-3)  # the host's inputs travel in a split


@pytest.mark.parametrize("schedule", ["1f1b", "gpipe"])
def test_blocking_sends_are_those_of_a_split_by_layers(schedule):
    """A rank that sends waits, on links of 1 GB/s; so a tensor group does, whose exchange comes first."""
    plan = {"pipeline": 4, "schedule": schedule, "microbatches": 8, "stages": "count", "sends": "blocking"}
    cluster = {"device": "a100-80g", "topology": LINKS | {"bandwidth": "1 GB/s"}}
    steps = [
        simulate({"cluster": cluster | {"devices": 4}, "workload": LLAMA, "plan": one}).to_dict()["training"]
        for one in (plan, plan | {"split": "layers"}, plan | {"sends": "overlapped"})
    ]
    assert steps[0]["iteration_s"] == pytest.approx(steps[1]["iteration_s"], rel=1e-9)
    assert steps[0]["iteration_s"] > 1.01 * steps[2]["iteration_s"]
    wide = {"cluster": cluster | {"devices": 8}, "workload": LLAMA, "plan": plan | {"tensor": 2}}
    found = simulate(wide)
    assert check(found.job, found.timeline) == []
    rows = {row[1]: row for row in found.timeline.rows()}
    assert rows["0F1:t0"][6] >= rows["0F0.1:t0"][7] + 2 * 512 * 4096 / 1e9  # two samples of half the sequence each


def test_every_schedule_but_the_doubled_plays_under_data_and_sharding():
    for schedule, more in (
        ("gpipe", {}),
        ("zb-v", {"chunks": 2}),
        ("interleaved-1f1b", {"chunks": 2}),
        ("zb-auto", {}),
    ):
        plan = {"data": 2, "pipeline": 2, "microbatches": 4, "schedule": schedule, **more}
        makespans = [
            run(plan | {"sharding": sharding}, SMALL, 4).timeline.makespan_s
            for sharding in ("none", "zero1", "zero2", "zero3")
        ]
        assert all(0 < one < 1 for one in makespans)


# -- memory, by published formulas


def kept(shards, recompute="none"):
    """Return the bytes that a block of GPT keeps for s = 2048, b = 4, h = 6144, a = 64, in units of s b h."""
    s, b, h, a = 2048, 4, 6144, 64
    of = Dimensions(
        vocabulary=51200,
        width=h,
        heads=a,
        key_value_heads=a,
        head_width=h // a,
        hidden=4 * h,
        activation="gelu",
        norm="layernorm",
        norm_first=True,
        positions="learned",
        context=s,
        causal=True,
        biases="all",
        tied=True,
        dropout=0.1,
        attention="plain",
        shards=shards,
    )
    rows = s // shards.context // (shards.tensor if shards.sequence else 1)
    model = Model((block(of),) * 2, (b, rows, h), (b, s // shards.context), 1)
    stages = Stages(model, [range(1), range(1, 2)], Precision("fp16", "fp16", "fp16", "fp32", "fp32"), [recompute] * 2)
    return stages.price(1, b).kept / (s * b * h)


def test_a_block_keeps_what_korthikanti_et_al_count():
    """Reducing Activation Recomputation in Large Transformer Models, MLSys 2023, table 2; 5 a s / h is 106.67."""
    inside, t = 5 * 64 * 2048 / 6144, 8
    assert kept(Shards()) == pytest.approx(34 + inside, rel=1e-12)
    assert kept(Shards(tensor=t)) == pytest.approx(10 + 24 / t + inside / t, rel=1e-12)
    assert kept(Shards(tensor=t, sequence=True)) == pytest.approx((34 + inside) / t, rel=1e-12)
    assert kept(Shards(tensor=t, sequence=True), "selective") == pytest.approx(34 / t, rel=1e-12)
    assert kept(Shards(tensor=t, sequence=True), "full") == pytest.approx(2 / t, rel=1e-12)
    assert kept(Shards(context=2)) == pytest.approx((34 + inside) / 2, rel=1e-12)


def test_fsdp_plays_what_zero3_plays():
    given = {"prefetch": 2, "reshard": False}
    named, usual = (
        run({"data": 8, "microbatches": 1, "sharding": {"kind": name, **given}}, SMALL) for name in ("fsdp", "zero3")
    )
    assert named.timeline.rows() == usual.timeline.rows()
    assert named.timeline.rows() != run({"data": 8, "microbatches": 1, "sharding": "fsdp"}, SMALL).timeline.rows()


@pytest.mark.parametrize(
    ("sharding", "fixed", "shared"), [("none", 16, 0), ("zero1", 4, 12), ("zero2", 2, 14), ("zero3", 0, 16)]
)
def test_state_takes_what_rajbhandari_et_al_count(sharding, fixed, shared):
    """ZeRO, SC 2020, figure 1: bytes a parameter of mixed precision with Adam, of d data ranks, between its uses."""
    found = run({"data": 8, "microbatches": 2, "sharding": sharding}, SMALL | {"batch": 16})
    parameters = found.job.graph.program.model.parameters
    for use in uses(found.job, found.timeline):
        assert use.always.sum() == pytest.approx(parameters * (fixed + shared / 8), rel=1e-12)


def test_gathered_weights_are_held_while_their_layer_runs():
    found = run({"data": 8, "microbatches": 1, "sharding": {"kind": "zero3", "prefetch": 1}}, SMALL)
    model = found.job.graph.program.model
    sizes = [2 * sum(np.prod(shape) for shape in layer.weights.values()) for layer in model.layers]
    _, kinds = uses(found.job, found.timeline)[0].by_kind()
    most = kinds[0].max() - 2 * model.parameters / 8
    assert most <= max(sum(sizes[i : i + 3]) for i in range(len(sizes))) * 7 / 8 * (1 + 1e-12)
    assert most >= max(sizes) * 7 / 8 * (1 - 1e-12)


def test_tensor_ranks_hold_their_part_of_the_weights():
    found = run({"tensor": 8, "microbatch_size": 2})
    own = found.job.graph.program.own
    norms = (2 * 4 + 1) * 4096  # every rank has them
    assert own.parameters == (found.job.graph.program.model.parameters - norms) / 8 + norms


# -- what counts


def test_n_counts_actions_and_not_their_pieces():
    found = run({"data": 8, "microbatches": 2, "sharding": "zero3"}, SMALL | {"batch": 16})
    assert found.job.n == 8 * (2 * 2 + 1)
    assert len(found.job.graph) > found.job.n


@pytest.mark.parametrize(
    ("said", "rows"), [({"microbatches": 4}, 1), ({"microbatch_size": 2}, 2), ({}, 4), ({"microbatches": 2}, 2)]
)
def test_two_of_batch_microbatches_and_their_size_give_the_third(said, rows):
    parts = run({"data": 2, **said}, SMALL, 2).job.graph.program.cut.parts
    assert {part.stop - part.start for part in parts} == {rows}


def test_microbatches_and_their_size_give_the_batch():
    without = {key: value for key, value in SMALL.items() if key != "batch"}
    cnn = {"kind": "cnn", "preset": "resnet50"}
    for work in (without, cnn):
        model = run({"data": 2, "microbatches": 3, "microbatch_size": 4}, work, 2).job.graph.program.model
        assert model.rows == 24


def test_iterations_are_equally_long():
    for plan in ({"data": 2, "tensor": 2, "sharding": "zero1"}, {"data": 4, "sharding": "zero3"}):
        taken = [run(plan, SMALL | {"iterations": k}, 4) for k in (1, 2, 4)]
        steady = [one.to_dict()["training"]["iteration_s"] for one in taken]
        assert steady == pytest.approx([steady[0]] * 3, rel=1e-9)


# -- bad input


@pytest.mark.parametrize(
    ("plan", "path", "message"),
    [
        ({"data": 2}, "plan", "data 2 x tensor 1 x pipeline 1 x context 1 are 2 devices, and the cluster has 4"),
        ({"data": 4, "order": ["data", "tensor"]}, "plan.order", "must have each of"),
        ({"data": 4, "sharding": "zero3", "prefetch": 2}, "plan.prefetch", "sharding: {kind: zero3, prefetch: 2}"),
        ({"data": 4, "expert": 3}, "plan.expert", "3 does not divide data x context = 4"),
        ({"data": 4, "expert": 4}, "plan.expert", "applies to mixtures of experts"),
        ({"tensor": 4, "split": "layers"}, "plan.tensor", "does not apply to split: layers"),
        ({"tensor": 4, "subsets": 2}, "plan.subsets", "does not apply to degrees of parallelism"),
        ({"context": 2, "tensor": 2, "data": 1, "microbatches": 3}, "plan.microbatches", "not divisible by 3"),
        ({"data": 4, "microbatch_size": 3}, "plan.microbatch_size", "not divisible by microbatches of 3"),
        ({"data": 4, "microbatches": 2, "microbatch_size": 2}, "plan.microbatch_size", "are 16, and the batch has 8"),
        ({"pipeline": 4, "schedule": "dualpipe", "microbatches": 8}, "plan.schedule", "on two ranks"),
        ({"pipeline": 4, "chunks": 2, "schedule": "interleaved-1f1b", "microbatches": 4}, "plan.chunks", "8 stages"),
        ({"data": 4, "sharding": "zero4"}, "plan.sharding", "Did you mean 'zero3'?"),
        ({"dp": 4}, "plan.dp", "Did you mean 'data'?"),
        ({"tp": 4}, "plan.tp", "Did you mean 'tensor'?"),
        ({"pp": 4}, "plan.pp", "Did you mean 'pipeline'?"),
        ({"cp": 4}, "plan.cp", "Did you mean 'context'?"),
        ({"ep": 4}, "plan.ep", "Did you mean 'expert'?"),
        ({"data": 4, "mbs": 1}, "plan.mbs", "Did you mean 'microbatch_size'?"),
        ({"data": 4, "gas": 1}, "plan.gas", "Did you mean 'microbatches'?"),
        ({"data": 4, "algorithm": "tree"}, "plan.algorithm", "Did you mean 'double-binary-tree'?"),
        ({"data": 4, "sharding": "fsdq"}, "plan.sharding", "Did you mean 'fsdp'?"),
    ],
)
def test_wrong_plans_are_refused_where_they_stand(plan, path, message):
    with pytest.raises(ScenarioError) as error:
        run(plan, SMALL, 4)
    (fault,) = error.value.faults
    assert (fault.path, message in fault.message) == (path, True), fault


@pytest.mark.parametrize(
    ("work", "path", "message"),
    [
        ({"microbatches": 2}, "workload.microbatches", "belongs to plan; write it there: 'plan: {microbatches: ...}'"),
        ({"microbatch_size": 2}, "workload.microbatch_size", "belongs to plan"),
        ({"preset": "mixtral-8x7b"}, "workload.preset", "'mixtral-8x7b' is a preset of kind: mixture"),
        ({"preset": "resnet50"}, "workload.preset", "'resnet50' is a preset of kind: cnn"),
        ({"preset": "gpt3-13c"}, "workload.preset", "Did you mean 'gpt3-13b'?"),
        ({"kind": "mixture", "preset": "t5-small"}, "workload.preset", "is a preset of kind: encoder_decoder"),
    ],
)
def test_what_belongs_elsewhere_is_told_where(work, path, message):
    with pytest.raises(ScenarioError) as error:
        run({"data": 4}, LLAMA | work, 4)
    (fault,) = error.value.faults
    assert (fault.path, message in fault.message) == (path, True), fault


ISLANDS = {"topology": {"kind": "islands", "node": "dgx-h100"}}


def test_a_wrong_plan_alone_is_told_where_it_says_how_many_devices_there_are():
    with pytest.raises(ScenarioError) as error:
        simulate({"cluster": ISLANDS, "workload": LLAMA, "plan": {"data": 8, "sharding": "fsdq"}})
    assert [fault.path for fault in error.value.faults] == ["plan.sharding"]


@pytest.mark.parametrize(("device", "told"), [("a100-80g", 1), ({"kind": "a100-80g"}, 1), ("h100-80g", 0), ({}, 0)])
def test_a_device_that_is_not_that_of_the_node_goes_and_is_told(device, told):
    cluster = ISLANDS | {"device": device}
    found = simulate({"cluster": cluster, "workload": LLAMA, "plan": {"data": 8, "microbatches": 1}})
    assert found.report().count("devices are a100-80g, as cluster.device says") == told
    assert "Where the time of the ranks went" in found.report()


@pytest.mark.parametrize(
    ("workload", "plan", "message"),
    [
        ({"heads": 2}, {"tensor": 4}, "tensor 4 does not divide 2 heads"),
        ({"hidden": 30}, {"tensor": 4}, "tensor 4 does not divide a hidden width of 30"),
        ({"sequence": 6}, {"context": 4}, "context 4 does not divide a sequence of 6 tokens"),
        ({"sequence": 6}, {"tensor": 4}, "6 tokens of a sequence, which sequence_parallel divides"),
    ],
)
def test_layers_that_devices_cannot_share_equally_are_refused(workload, plan, message):
    with pytest.raises(ScenarioError, match=message):
        run(plan, SMALL | workload, 4)


# -- where the time went


@pytest.mark.parametrize("detail", ["stages", "layers"])
def test_exchanges_of_tensor_ranks_are_exposed_and_told_apart(detail):
    """All ranks are in step, so what is not compute is exchange: 18 halves of ring all-reduces each way."""
    found = run({"tensor": 8, "microbatch_size": 16, "detail": detail})
    pipeline = found.to_dict()["pipeline"]
    half = 7 * (LATENCY + 16 * 512 * 2 * 4096 / 8 / BANDWIDTH)
    assert pipeline["exposed_exchange_s"] == pytest.approx(36 * half, rel=1e-9)
    assert pipeline["wait_s"] == pytest.approx(0, abs=1e-12)
    assert pipeline["ideal_s"] + pipeline["exposed_exchange_s"] == pytest.approx(found.timeline.makespan_s, rel=1e-9)


@pytest.mark.parametrize(
    "plan",
    [
        {"data": 2, "pipeline": 2, "tensor": 2, "microbatches": 4, "bucket": "1 MB"},
        {"data": 4, "context": 2, "microbatches": 2, "sharding": "zero3"},
        {"data": 2, "pipeline": 4, "microbatches": 4, "schedule": "zb-h1", "sharding": "zero2", "recompute": "full"},
    ],
)
def test_the_terms_of_a_mixture_add_up(plan):
    pipeline = run(plan).to_dict()["pipeline"]
    terms = [value for name, value in pipeline.items() if name.endswith("_s")]
    assert all(term > -1e-12 for term in terms)
    assert sum(terms) == pytest.approx(run(plan).timeline.makespan_s, rel=1e-9)


# -- devices that are left out


LEFT_OUT = [  # the cluster, and how many devices it has with data 2 x tensor 4 x pipeline 2
    ({"device": "a100-80g", "topology": LINKS}, 16),
    ({"topology": {"kind": "islands", "node": "dgx-a100"}}, 16),  # 2 nodes of 8
    ({"topology": {"kind": "islands", "node": "dgx-a100", "nodes": 2}}, 16),
    ({"topology": {"kind": "torus", "sides": [4, 4], "bandwidth": "50 GB/s"}, "device": "a100-80g"}, 16),
]


@pytest.mark.parametrize(("cluster", "devices"), LEFT_OUT)
def test_devices_follow_from_the_topology_or_from_the_degrees(cluster, devices):
    plan = {"data": 2, "tensor": 4, "pipeline": 2, "microbatch_size": 1}
    found = simulate({"cluster": cluster, "workload": LLAMA, "plan": plan})
    same = simulate({"cluster": {**cluster, "devices": devices}, "workload": LLAMA, "plan": plan})
    assert [device.name for device in found.job.cluster.devices] == [f"w{number}" for number in range(devices)]
    assert set(found.job.memories) == {80e9}
    assert found.timeline.makespan_s == same.timeline.makespan_s


TWO_NODES = {"kind": "islands", "node": "dgx-a100", "nodes": 2}
MISFITS = [  # the cluster, the plan, and what is told
    (
        {"devices": 8},
        {"data": 4},
        "plan: data 4 x tensor 1 x pipeline 1 x context 1 are 4 devices, and the",
    ),
    ({"topology": TWO_NODES}, {"data": 4}, "context 1 are 4 devices, and the cluster has 16"),
    ({"device": {"slots": 2}}, {"data": 4}, "plan: degrees of parallelism need one slot a device, and w0 has 2"),
    ({}, {"split": "data"}, "cluster.devices: is missing; write for example 'devices: 4', or a topology that says"),
    ({"devices": []}, {"data": 4}, "cluster.devices: is empty; at least one device is needed"),
    ({}, {"data": "four"}, "plan.data: wants a whole number, not the text 'four'"),
    ({}, {"data": 2_000_000}, "cluster.devices: 2000000 devices are more than 1000000"),
]


@pytest.mark.parametrize(("cluster", "plan", "why"), MISFITS)
def test_a_plan_that_fits_neither_devices_nor_topology_is_told(cluster, plan, why):
    with pytest.raises(ScenarioError) as wrong:
        simulate({"cluster": cluster, "workload": {**LLAMA, "batch": 200_000}, "plan": plan})
    (fault,) = wrong.value.faults
    assert why in f"{fault.path}: {fault.message}"


@pytest.mark.parametrize("plan", [{"data": 2}, {"tensor": 2}, {"pipeline": 2}, {"context": 2}])
@pytest.mark.parametrize("detail", ["stages", "layers"])
def test_a_plan_across_places_without_a_route_is_refused(plan, detail):
    links = {"kind": "custom", "links": [{"name": "a", "bandwidth": "1 GB/s"}]}
    links["routes"] = [{"from": "w0", "to": "w1", "over": ["a"]}]
    cluster = {"devices": 2, "device": "a100-80g", "topology": links}
    with pytest.raises(ScenarioError, match="the topology has no route") as error:
        simulate({"cluster": cluster, "workload": SMALL, "plan": plan | {"detail": detail}})
    assert error.value.faults[0].path in ("workload", f"plan.{next(iter(plan))}")


@pytest.mark.parametrize(
    ("plan", "path", "message"),
    [
        ({"data": 8192}, "plan.data", "8192 ranks are more than 4096"),
        ({"tensor": 8192}, "plan.tensor", "8192 ranks are more than 4096"),
        ({"data": 64, "context": 128}, "plan.data", "data x context = 8192 ranks are more than 4096"),
        ({"pipeline": 8192}, "plan.pipeline", "8192 ranks make 8192 stages"),
        ({"data": 8, "microbatches": 10_000_000}, "plan.microbatches", "8 ranks x 1 chunks x 10000000 microbatches"),
        ({"pipeline": 4, "chunks": 9_000_000, "schedule": "looped-bfs"}, "plan.chunks", "9000000 chunks"),
        ({"data": 4096, "sharding": "zero3", "microbatches": 200}, "plan", "makes at least 24576000 tasks"),
        ({"data": 64, "tensor": 4, "detail": "layers", "microbatches": 300}, "plan", "larger buckets, or detail"),
    ],
)
def test_plans_of_too_many_tasks_are_refused_before_they_are_made(plan, path, message):
    """zero3: of each of 6 layers a gathering twice, forward, backward and a scatter, 200 times on 4,096 devices."""
    cluster = {"device": "a100-80g", "topology": LINKS}
    workload = {key: value for key, value in (SMALL | {"width": 128, "heads": 4}).items() if key != "batch"}
    tracemalloc.start()
    with pytest.raises(ScenarioError) as error:
        simulate({"cluster": cluster, "workload": workload, "plan": plan | {"microbatch_size": 1}}, fold="off")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (fault,) = error.value.faults
    assert (fault.path, message in fault.message, peak < 12e6) == (path, True, True), (fault, peak)


# -- experts of unequal loads

STAR = {"kind": "star", "bandwidth": "300 GB/s", "latency": "1 us"}
SHARED_EXPERTS = {"data": 8, "expert": 8, "microbatch_size": 2, "bucket": "100 GB"}


def imbalanced(imbalance, detail="stages", **plan):
    cluster = {"devices": 8, "device": {"peak": "100 TFLOP/s", "bandwidth": "1e12 GB/s"}, "topology": STAR}
    workload = MIXTRAL | {"imbalance": imbalance, "precision": "fp32"}
    plan = SHARED_EXPERTS | plan | {"detail": detail}
    found = simulate({"cluster": cluster, "workload": workload, "plan": plan, "cost": "roofline"})
    assert check(found.job, found.timeline) == []
    return found


@pytest.mark.parametrize(("experts", "busy", "others"), [(8, 2.0, 6 / 7), (4, 10 / 7, 6 / 7)])
def test_the_busiest_expert_computes_and_receives_more(experts, busy, others):
    """Imbalance 2 of eight experts: one gets twice the mean, the others 6/7; devices with two experts have the mean.

    A block has three products and SwiGLU: 5 FLOP a number forward, and 15 backward. A row is moved four times, and by
    the links down to or up from the device with most rows, which wait for the others.
    """
    rows, w, hidden = 2 * 512 * 2, 4096, 14336  # of a device, if all are equal
    even, uneven = (imbalanced(ratio, expert=experts, data=8).to_dict() for ratio in (1, 2))
    a_row = 3 * 3 * 2 * w * hidden + (5 + 15) * hidden
    more = [two["compute_s"] - one["compute_s"] for one, two in zip(even["devices"], uneven["devices"], strict=True)]
    wanted = [(load - 1) * rows * 2 * a_row / 100e12 for load in (busy, *[others] * (experts - 1))] * (8 // experts)
    np.testing.assert_allclose(more, wanted, rtol=2e-3)  # rows are whole
    exchange = 4 * 2 * (2e-6 + busy * (experts - 1) / experts * rows * w * 4 / 300e9)
    times = uneven["communication"]["expert"]
    assert times["exposed_s"] + times["hidden_s"] == pytest.approx(exchange, rel=1e-9)


def test_an_imbalance_of_experts_is_priced_as_it_is_played():
    """The device of the busiest expert is on the way of every exchange, so the others wait in both."""
    priced, played = (imbalanced(2, detail) for detail in ("stages", "layers"))
    assert played.timeline.makespan_s == pytest.approx(priced.timeline.makespan_s, rel=1e-9)


def test_an_imbalance_moves_rows_and_makes_none():
    """Bytes into the first device are twice the mean, of 7/8 of which come from others; in all they stay the same."""
    for ratio, first in ((1, 1.0), (2, 2.0)):
        graph = imbalanced(ratio, "layers").job.graph
        there = next(one for one in graph.collectives if one.communicator == "expert").phases[0]
        size = 2 * 512 * 2 * 4096 * 4
        assert there.size[there.target == 0].sum() == pytest.approx(first * 7 / 8 * size, rel=1e-12)
        others = [there.size[there.target == one].sum() for one in range(1, 8)]
        np.testing.assert_allclose(others, (8 - first) / 7 * 7 / 8 * size, rtol=1e-12)
    found = uses(imbalanced(2).job, imbalanced(2).timeline)
    assert found[0].peak()[1].sum() > found[1].peak()[1].sum() == pytest.approx(found[7].peak()[1].sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("preset", "schedule", "together"),
    [("gpt2-124m", {}, True), ("gpt2-124m", {"pipeline": 2, "schedule": "zb-v", "chunks": 2}, True),
     ("gpt2-124m", {"pipeline": 2, "schedule": "1f1b"}, False), ("bert-base", {}, True)],
)  # fmt: skip
def test_a_table_that_embedding_and_head_share_counts_once_on_a_device(preset, schedule, together):
    """A pipeline whose ends lie on two devices has the table on both."""
    plan = {"data": 2, "microbatches": 4, **schedule}
    work = {"kind": "transformer", "preset": preset, "batch": 8, "precision": "fp16-mixed"}
    topology = {"kind": "full", "bandwidth": "25 GB/s"}
    run = simulate({"cluster": {"device": "a100-80g", "topology": topology}, "workload": work, "plan": plan})
    held = sum(device["memory"]["by_kind"]["weights"] for device in run.metrics["devices"]) / 2 / 2  # fp16, replicas
    parameters = run.metrics["model"]["parameters"]
    table = 0 if together else 50257 * 768
    assert held == parameters + table


@pytest.mark.parametrize("plan", [{"data": 1}, {"tensor": 2}, {"pipeline": 2, "schedule": "1f1b", "microbatches": 4}])
def test_shares_among_one_are_the_whole(plan):
    """With one data rank, zero3 plays as no sharding does."""
    topology = {"kind": "full", "bandwidth": "25 GB/s"}
    work = {"kind": "transformer", "preset": "gpt2-124m", "batch": 4}
    cluster = {"device": "a100-80g", "topology": topology}
    runs = [
        simulate({"cluster": cluster, "workload": work, "plan": plan | {"sharding": sharding}})
        for sharding in ("none", "zero3")
    ]
    whole, shared = (run.metrics["training"]["iteration_s"] for run in runs)
    assert shared == pytest.approx(whole, rel=1e-12)


MEETING = [
    ({"kind": "leaf_spine", "per_leaf": 2, "spines": 2, "bandwidth": "25 GB/s", "routing": "ecmp-pair"},
     {"data": 4, "tensor": 4, "microbatches": 1, "microbatch_size": 1}),
    ({"kind": "ring", "bandwidth": "25 GB/s"},
     {"tensor": 4, "pipeline": 2, "context": 2, "sharding": "zero3", "schedule": "zb-h1", "microbatches": 2}),
    ({"kind": "torus", "sides": [4, 4], "bandwidth": "25 GB/s"},
     {"data": 4, "tensor": 2, "pipeline": 2, "sharding": "zero3", "schedule": "zb-h1", "microbatches": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("topology", "plan"), MEETING)
def test_collectives_that_disturb_each_other_while_they_begin(topology, plan):
    """Those that go in step leave it as others come, who may come to several of their links."""
    work = {"kind": "transformer", "preset": "gpt2-124m", "blocks": 6}
    size = {} if "microbatch_size" in plan else {"microbatch_size": 1}
    devices = {"devices": 16, "device": "h200"}
    run = simulate({"cluster": devices | {"topology": topology}, "workload": work, "plan": plan | size})
    assert not check(run.job, run.timeline)


def test_exchanges_over_links_that_change_are_played():
    """A link of no capacity stalls a plan that plays its exchanges; priced ones would not notice."""
    still = {"link": "w0>w1", "profile": [{"at": "0 s", "bandwidth": "0 B/s"}]}
    ring = {"kind": "ring", "bandwidth": "25 GB/s", "changes": [still]}
    work = {"kind": "transformer", "preset": "gpt2-124m", "batch": 1}
    base = {"cluster": {"device": "a100-80g", "topology": ring}, "workload": work, "plan": {"tensor": 4}}
    with pytest.raises(ScenarioError, match=r"plan: the bandwidth of link w0>w1 changes over time.*detail: layers"):
        simulate(base)
    with pytest.raises(Stalled, match="w0>w1 carries 0 B/s"):
        simulate(base, {"plan.detail": "layers"})


def test_more_rows_than_a_timeline_holds_end_the_run_in_words(monkeypatch):
    monkeypatch.setattr("parsim.sim.received.MOST", 100)
    islands = {"kind": "islands", "per_node": 2, "bandwidth": "300 GB/s", "nic": "25 GB/s"}
    work = {"kind": "transformer", "preset": "gpt2-124m", "batch": 8}
    base = {"cluster": {"device": "a100-80g", "topology": islands}, "workload": work, "plan": {"data": 8}}
    with pytest.raises(RunError, match="more than 100 rows in the timeline; use fewer devices, larger buckets"):
        simulate(base)
