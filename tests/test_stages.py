"""The graph of pipeline stages with given times; expected values counted by hand."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import parsim
from parsim.core.cluster import Cluster, Device
from parsim.core.errors import Complaint, Invalid
from parsim.core.op import Op
from parsim.core.schema import Ask
from parsim.schedules import schedules
from parsim.workloads.stages import StagesPlan, pipeline, stages

# Two ranks, two microbatches, GPipe.
ORDERS = [[Op.parse(f"{s}{k}{i}") for k in "FB" for i in range(2)] for s in range(2)]


def read(text):
    return [[Op.parse(word) for word in line.split()] for line in text]


def made(orders, forward, input_grad, weight_grad, send=0.0):
    return pipeline(orders, {"forward": forward, "input_grad": input_grad, "weight_grad": weight_grad}, send)


def planned(schedule, **more):
    return StagesPlan(schedule=Ask(schedule, schedules[schedule]), **more)


def edges(graph):
    names, e = graph.names, graph.edges
    return {(names[a], names[b]): d for a, b, d in zip(e.parent, e.child, e.delay.tolist(), strict=True)}


def test_tasks_are_numbered_rank_by_rank():
    graph = made(ORDERS, forward=1.0, input_grad=2.0, weight_grad=3.0)
    assert list(graph.names) == ["0F0", "0F1", "0B0", "0B1", "1F0", "1F1", "1B0", "1B1"]
    assert [list(order) for order in graph.orders] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [graph.places[k] for k in graph.place] == [(0,)] * 4 + [(1,)] * 4
    assert [graph.kinds[k] for k in graph.kind] == ["forward", "forward", "backward", "backward"] * 2
    assert graph.units.sum() == 8


def test_times_per_stage_in_model_order():
    graph = made(ORDERS, forward=[1.0, 2.0], input_grad=[10.0, 20.0], weight_grad=100.0)
    assert graph.stated.shape == (8,)
    assert graph.stated.tolist() == [1, 1, 110, 110, 2, 2, 120, 120]


def test_neighbours_pay_the_delay():
    graph = made(ORDERS, forward=1.0, input_grad=1.0, weight_grad=1.0, send=0.5)
    assert edges(graph) == {
        **{(f"0F{i}", f"1F{i}"): 0.5 for i in range(2)},
        **{(f"1B{i}", f"0B{i}"): 0.5 for i in range(2)},
        **{(f"{s}F{i}", f"{s}B{i}"): 0.0 for s in range(2) for i in range(2)},
    }
    assert not graph.edges.size.any()


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_in_order_ends_with_the_longest_path_through_graph_and_orders(schedule):
    times = {"forward": "3 s", "input_grad": "2 s", "weight_grad": "7 s", "send": "5 s"}
    plan = {"schedule": schedule, "pipeline": 3, "microbatches": 4}
    run = parsim.simulate({"cluster": {"devices": 3}, "workload": {"kind": "stages", **times}, "plan": plan})
    graph = run.job.graph
    delays = zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), graph.edges.delay.tolist(), strict=True)
    before = {task: [] for task in range(len(graph))}
    for parent, child, delay in [*delays, *((a, b, 0.0) for order in graph.orders for a, b in pairwise(order))]:
        before[child].append((parent, delay))

    @cache
    def end(task):
        return float(graph.stated[task]) + max((end(parent) + delay for parent, delay in before[task]), default=0.0)

    assert run.timeline.makespan_s == max(map(end, before))


def test_split_backward():
    graph = made(read(["0F0 0I0 0W0", "1F0 1I0 1W0"]), forward=1.0, input_grad=2.0, weight_grad=4.0, send=1.0)
    assert graph.stated.tolist() == [1, 2, 4] * 2
    assert [graph.kinds[k] for k in graph.kind] == ["forward", "input_grad", "weight_grad"] * 2
    assert edges(graph) == {
        ("0F0", "1F0"): 1.0,
        ("1I0", "0I0"): 1.0,
        ("0F0", "0I0"): 0.0,
        ("1F0", "1I0"): 0.0,
        ("0I0", "0W0"): 0.0,
        ("1I0", "1W0"): 0.0,
    }


def test_v_shape_has_more_stages_than_ranks():
    graph = made(read(["0F0 3F0 3B0 0B0", "1F0 2F0 2B0 1B0"]), [1.0, 2.0, 3.0, 4.0], 1.0, 0.0, send=1.0)
    assert graph.stated.tolist() == [1, 4, 1, 1, 2, 3, 1, 1]
    # Stated at every stage boundary, as the theory counts it; on one worker it is not paid.
    assert edges(graph)["1F0", "2F0"] == 1.0


def test_lists_of_the_wrong_length_are_all_named():
    with pytest.raises(Invalid) as wrong:
        made(ORDERS, forward=[1.0], input_grad=[1.0, 1.0], weight_grad=[1.0, 1.0, 1.0])
    assert [c.path for c in wrong.value.complaints] == [("forward",), ("weight_grad",)]
    assert wrong.value.complaints[0].message.startswith("1 times for 2 stages")


TIMES = {"forward": 1.0, "input_grad": 1.0, "weight_grad": 1.0}


def test_as_many_ranks_as_devices_if_nothing_is_said():
    graph = stages(Cluster((Device("w0"), Device("w1"))), planned("gpipe", microbatches=2), **TIMES)
    assert list(graph.names) == [str(op) for order in ORDERS for op in order]


def test_ranks_are_workers_of_devices_with_slots():
    graph = stages(Cluster((Device("w0", slots=4),)), planned("1f1b", pipeline=4, microbatches=2), **TIMES)
    assert graph.places == ((0,), (1,), (2,), (3,))


def test_more_ranks_than_workers():
    with pytest.raises(Invalid) as wrong:
        stages(Cluster((Device("w0"),)), planned("gpipe", pipeline=2, microbatches=1), **TIMES)
    why = "a pipeline of 2 ranks needs 2 workers, but the cluster has 1"
    assert wrong.value.complaints == (Complaint(("plan", "pipeline"), why),)


def test_what_the_schedule_refuses_stands_in_the_plan():
    with pytest.raises(Invalid) as wrong:
        stages(Cluster((Device("w0"),)), planned("gpipe", chunks=2, microbatches=1), **TIMES)
    assert [c.path for c in wrong.value.complaints] == [("plan", "chunks")]


def test_columns_have_their_types():
    graph = made(ORDERS, forward=1.0, input_grad=1.0, weight_grad=1.0)
    assert {graph.kind.dtype, graph.place.dtype} == {np.dtype(np.int64)}
    assert {graph.edges.parent.dtype, graph.edges.child.dtype} == {np.dtype(np.int32)}
    assert {graph.stated.dtype, graph.edges.delay.dtype, graph.units.dtype} == {np.dtype(np.float64)}
