"""Blocking sends: a rank starts its next action when what it sent has arrived. Counted by hand and played again."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_pipeline import waits_for, way

import parsim
from parsim.core.op import action, ops_of
from parsim.export.csv import write_csv
from parsim.export.idle import write_idle
from parsim.metrics.checker import check
from parsim.validate import validation

KEYS = ("forward", "input_grad", "weight_grad")
FOLDER = Path(__file__).parents[1] / "scenarios"


def stages(schedule, microbatches, times, send, chunks=1, **plan):
    columns = {key: [f"{one} ms" for one in column] for key, column in zip(KEYS, times, strict=True)}
    plan = {"schedule": schedule, "microbatches": microbatches, "chunks": chunks, "sends": "blocking", **plan}
    ranks = len(times[0]) // chunks
    return {
        "cluster": {"devices": ranks},
        "workload": {"kind": "stages", **columns, "send": f"{send} ms"},
        "plan": plan,
    }


def forward(ranks, microbatches):
    return {"kind": "custom", "orders": [" ".join(f"{s}F{i}" for i in range(microbatches)) for s in range(ranks)]}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(1, 7), st.integers(0, 9))
def test_forward_pipelines_obey_their_formula(times, microbatches, send):
    """T = (M - 1) max s + sum s with s_i = t_i + d_i; the last stage sends nothing."""
    zero = [0] * len(times)
    raw = stages(forward(len(times), microbatches), microbatches, (times, zero, zero), send)
    found = validation(parsim.simulate(raw))
    busy = [time + send for time in times[:-1]] + times[-1:]
    assert found.result.timeline.makespan_s == pytest.approx(1e-3 * ((microbatches - 1) * max(busy) + sum(busy)))
    assert (found.forms[-1].name, found.good) == ("forward pipeline", True), found.report()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 20)] * 3), min_size=1, max_size=5), st.integers(1, 7), st.integers(0, 9))
def test_gpipe_obeys_it_both_ways(times, microbatches, send):
    forward, *back = map(list, zip(*times, strict=True))
    found = validation(parsim.simulate(stages("gpipe", microbatches, (forward, *back), send)))
    there = [time + send for time in forward[:-1]] + forward[-1:]
    back = [sum(pair) + send * (stage > 0) for stage, pair in enumerate(zip(*back, strict=True))]
    took = sum((microbatches - 1) * max(busy) + sum(busy) for busy in (there, back))
    assert found.result.timeline.makespan_s == pytest.approx(1e-3 * took)
    assert ("GPipe" in [form.name for form in found.forms], found.good) == (True, True), found.report()


def played(orders, times, send):
    """Return when each action starts, by name: a plain player of blocking sends."""
    seconds = dict(zip("FIW", times, strict=True)) | {"B": [i + w for i, w in zip(*times[1:], strict=True)]}
    rank_of = {way(op): rank for rank, order in enumerate(orders) for op in ops_of(order)}
    children = {}
    for op in (op for order in orders for op in ops_of(order)):
        for need in waits_for(op, len(times[0])):
            children.setdefault(need, []).append(way(op))
    ends, starts, at, free = {}, {}, [0] * len(orders), [0] * len(orders)
    while sum(at) < sum(map(len, orders)):
        for rank, order in enumerate(orders):
            while at[rank] < len(order):
                op = order[at[rank]]
                needed = waits_for(op, len(times[0]))
                if any(need not in ends for need in needed):
                    break
                arrived = [ends[need] + send * (rank_of[need] != rank) for need in needed]
                starts[str(op)] = max([free[rank], *arrived])
                ends[way(op)] = starts[str(op)] + seconds[op.kind][op.stage]
                sends = any(rank_of[child] != rank for child in children.get(way(op), []))
                free[rank] = ends[way(op)] + send * sends
                at[rank] += 1
    return starts


CASES = [("1f1b", 1), ("gpipe", 1), ("zb-h1", 1), ("zb-auto", 1), ("interleaved-1f1b", 2), ("zb-v", 2), ("v-min", 2)]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_schedule_is_played_as_a_plain_player_plays_it_by_both_engines(data):
    name, chunks = data.draw(st.sampled_from(CASES))
    ranks, microbatches, send = data.draw(st.integers(1, 4)), data.draw(st.integers(4, 8)), data.draw(st.integers(0, 5))
    microbatches -= microbatches % ranks
    column = st.lists(st.integers(1, 9), min_size=ranks * chunks, max_size=ranks * chunks)
    times = [data.draw(column) for _ in range(3)]
    raw = stages(name, microbatches, times, send, chunks)
    runs = [parsim.simulate(raw, engine=engine) for engine in ("simpy", "path")]
    assert [check(run.job, run.timeline) for run in runs] == [[], []]
    for written in (write_csv, write_idle):
        assert "".join(written(runs[0].timeline)) == "".join(written(runs[1].timeline))
    line, graph = runs[0].timeline, runs[0].job.graph
    names = [[str(graph.names[task]) for task in order] for order in graph.orders]
    expected = played([[action(name) for name in order] for order in names], times, send)
    rows = np.flatnonzero(line.of_tasks)
    found = dict(zip(line.task[rows].tolist(), line.start_s[rows].tolist(), strict=True))
    assert found == pytest.approx({name: 1e-3 * start for name, start in expected.items()}, abs=1e-9)


def test_the_critical_path_leads_through_what_a_rank_sent():
    """p = 2, m = 2: w0 sends 0F0 from 1 to 3 ms, computes 0F1 until 4 ms, and sends that until 6 ms."""
    found = parsim.explain(stages(forward(2, 2), 2, ([1, 1], [0, 0], [0, 0]), 2))
    assert [(link.task, link.start_s, link.why) for link in found.path] == [
        ("0F0", 0.0, "at the start"),
        ("0F0>1F0", 0.001, "0F0 had ended"),
        ("0F1", 0.003, "0F0>1F0 had arrived"),
        ("0F1>1F1", 0.004, "0F1 had ended"),
        ("1F1", 0.006, "0F1>1F1 had arrived"),
    ]
    assert found.sums["waiting_s"] == {}
    pipeline = found.result.to_dict()["pipeline"]  # of both ranks: w0 sends 4 ms, w1 waits for 2 + 2 of its 5 ms
    assert [rank["exposed_send_s"] for rank in pipeline["ranks"]] == pytest.approx([0.004, 0.004])


TRAINED = {"plan.microbatches": 4, "plan.sends": "blocking"}


@pytest.mark.parametrize("schedule", ["1f1b", "gpipe", "zb-h1"])
@pytest.mark.parametrize("iterations", [1, 2])
def test_training_by_layers_waits_for_its_transfers(schedule, iterations):
    """On a star the sends share links, so what they take is known when they arrive."""
    set = {"plan.schedule": schedule, "workload.iterations": iterations, "cluster.topology": STAR, **TRAINED}
    run = parsim.simulate(FOLDER / "18_transformer_layers.yaml", set=set)
    assert check(run.job, run.timeline) == []
    free = parsim.simulate(FOLDER / "18_transformer_layers.yaml", set=set | {"plan.sends": "overlapped"})
    assert run.timeline.makespan_s >= free.timeline.makespan_s
    assert check(run.job, free.timeline) != []  # the checker sees that those ranks did not wait
    line = run.timeline
    assert run.job.graph.sends == "blocking"
    for worker in {*line.worker.tolist()} - {""}:
        mine = [row for row in np.flatnonzero(line.computes) if line.worker[row] == worker]
        for before, after in pairwise(mine):
            name = str(line.task[before])
            sent = [line.end_s[row] for row in np.flatnonzero(line.transfers) if line.task[row].startswith(f"{name}>")]
            assert line.start_s[after] >= max(sent, default=0.0) - 1e-15


def test_gradients_of_a_bucket_do_not_wait_for_sends():
    """A rank computes nothing while it sends, but its communication lanes go on."""
    cluster = {"devices": 4, "device": "a100-80g", "topology": {"kind": "star", "bandwidth": "5 GB/s"}}
    work = {"kind": "mlp", "widths": [512] * 9, "batch": 1024}
    plan = {"data": 2, "pipeline": 2, "microbatches": 2, "sends": "blocking", "bucket": "1 MB"}
    plan |= {"schedule": "looped-bfs"}
    run = parsim.simulate({"cluster": cluster, "workload": work, "plan": plan})
    assert check(run.job, run.timeline) == []
    line = run.timeline
    sent = [row for row in np.flatnonzero(line.transfers) if line.sender[row] < 0]
    sums = np.flatnonzero(line.kind == "collective")
    assert any(
        ((line.start_s[row] < line.start_s[sums]) & (line.start_s[sums] < line.end_s[row])).any() for row in sent
    )


STAR = {"kind": "star", "bandwidth": "100 MB/s", "latency": "10 us"}
SIXTH = FOLDER / "06_pipeline_1f1b.yaml"
SEVENTEENTH = FOLDER / "17_transformer_data.yaml"
EIGHTEENTH = FOLDER / "18_transformer_layers.yaml"
WRONG = {
    "another policy": (SIXTH, {"plan.sends": "blocking", "policy": "fifo"}, "blocking sends need the order"),
    "an unknown word": (SIXTH, {"plan.sends": "blockin"}, "wants one of 'overlapped' or 'blocking'"),
    "a split by data": (SEVENTEENTH, {"plan.sends": "blocking"}, "does not apply to split"),
    "a live run": (EIGHTEENTH, {"plan.sends": "blocking", "clock": "live"}, "plan.sends: .*use clock: simulated"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "set", "why"), WRONG.values(), ids=WRONG)
def test_where_sends_cannot_block(file, set, why):
    with pytest.raises(parsim.ScenarioError, match=why):
        parsim.simulate(file, set=set)
