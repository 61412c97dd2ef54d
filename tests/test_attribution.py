"""The terms of a pipeline's makespan: counted by hand, counted again span by span, and added up."""

from itertools import pairwise
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsim
from parsim.core.errors import ParsimError

MS = 1e-3
IDLE = ("fill_s", "drain_s", "wait_s", "exposed_send_s", "exposed_exchange_s")
TERMS = ("ideal_s", "recompute_s", "imbalance_s", *IDLE, "steps_s")


def stages(ranks, microbatches, schedule="1f1b", forward="1 ms", send="0 s", chunks=1, **plan):
    times = {"forward": forward, "input_grad": forward, "weight_grad": forward}
    return {
        "cluster": {"devices": ranks},
        "workload": {"kind": "stages", **times, "send": send},
        "plan": {"pipeline": ranks, "schedule": schedule, "microbatches": microbatches, "chunks": chunks, **plan},
    }


def terms(raw):
    """Return the terms that are not zero, in ms, and the busiest ranks."""
    found = parsim.simulate(raw).to_dict()["pipeline"]
    return {name: round(found[name] / MS, 9) for name in TERMS if abs(found[name]) > 1e-12}, found["busiest"]


FOUR = ["w0", "w1", "w2", "w3"]
SLOW = ["1 ms", "1 ms", "3 ms", "1 ms"]

COUNTED = {
    # Rank r starts at r and ends 2r before the end; it waits for the other (p - 1 - r) x 3: of 9 ms, each a mean
    "equal stages": (stages(4, 8), {"ideal_s": 24, "fill_s": 1.5, "drain_s": 3, "wait_s": 4.5}, FOUR),
    # w2: F0 at 2, 8 x 9 ms without a gap, 2 + 2 ms back
    "a slow stage": (stages(4, 8, forward=SLOW), {"ideal_s": 36, "imbalance_s": 36, "fill_s": 2, "drain_s": 4}, ["w2"]),
    # w0 computes at 0 and 13 ms, w1 at 1.5 and 10.5, w2 at 3 and 8, w3 at 4.5; each rank waits for one send each way
    "one microbatch with sends": (
        stages(4, 1, send="500 us"),
        {
            "ideal_s": 3, "fill_s": (0 + 1 + 2.5 + 4) / 4, "drain_s": (0 + 2.5 + 5 + 7.5) / 4,
            "wait_s": (11.5 + 7.5 + 3.5 + 0) / 4, "exposed_send_s": (0.5 + 1 + 1 + 0.5) / 4,
        },
        FOUR,
    ),
    "one rank": (stages(1, 4), {"ideal_s": 12}, ["w0"]),
    "steps of the host": (
        stages(2, 1, steps={"split": "1 ms", "merge": "2 ms"}),
        {"ideal_s": 3, "fill_s": 0.5, "drain_s": 1, "wait_s": 1.5, "steps_s": 3}, ["w0", "w1"],
    ),
}  # fmt: skip


def test_the_report_and_the_notebook_show_them():
    run = parsim.simulate(COUNTED["a slow stage"][0])
    assert "  + imbalance      36 ms  46.2 %  by which the busiest ranks compute longer than the mean" in run.report()
    assert "Where the time of the ranks went, idleness of the busiest rank: w2\n" in run.report()
    assert "by which the busiest ranks" in run._repr_html_()


@pytest.mark.parametrize(("raw", "expected", "busiest"), COUNTED.values(), ids=COUNTED)
def test_terms_are_those_counted_by_hand(raw, expected, busiest):
    found, slowest = terms(raw)
    assert found == pytest.approx(expected)
    assert slowest == busiest


def test_only_pipelines_have_these_terms():
    raw = {"cluster": {"devices": 2}, "workload": {"kind": "items", "count": 4}, "plan": {"split": "data"}}
    found = parsim.simulate(raw | {"cost": {"kind": "constant", "compute": "1 s"}})
    assert found.to_dict()["pipeline"] is None
    assert "pipeline" not in found.report()


def counted_again(run):
    """Count a pipeline's terms span by span; the sends that a rank waits for on a grid of all instants."""
    line, job = run.timeline, run.job
    columns = (line.number.tolist(), line.kind, line.worker, line.start_s.tolist(), line.end_s.tolist())
    spans = list(zip(*columns, strict=True))
    steps = [end - start for _, kind, _, start, end in spans if kind in ("split", "create", "allocate")]
    late = [end - start for _, kind, _, start, end in spans if kind in ("gather", "merge")]
    begun, done = fsum(steps), line.makespan_s - fsum(late)
    ranks = []
    for rank in range(len(job.graph.orders)):
        name = job.cluster.workers[rank].name
        mine = sorted(
            (start, end, number)
            for number, kind, who, start, end in spans
            if who == name and kind not in ("transfer", "split", "create", "allocate", "gather", "merge")
        )
        sums = {"compute": fsum(end - start for start, end, _ in mine), "fill": 0, "drain": 0, "wait": 0, "send": 0}
        ends = [begun, *(end for _, end, _ in mine)]
        nexts = [*((start, number) for start, _, number in mine), (done, None)]
        for place, (since, (until, number)) in enumerate(zip(ends, nexts, strict=True)):
            moves = [(a, b) for task, kind, _, a, b in spans if kind == "transfer" and task == number is not None]
            cuts = sorted({since, until, *(min(max(t, since), until) for move in moves for t in move)})
            for low, high in pairwise(cuts):
                travels = any(a <= low and high <= b for a, b in moves)
                where = "fill" if not place else "drain" if number is None else "wait"
                sums["send" if travels else where] += high - low
        ranks.append(sums)
    most = max(rank["compute"] for rank in ranks)
    busiest = [rank for rank in ranks if rank["compute"] >= most * (1 - 1e-9)]
    mean = fsum(rank["compute"] for rank in ranks) / len(ranks)
    idle = {f"{key}_s": fsum(rank[key] for rank in busiest) / len(busiest) for key in ("fill", "drain", "wait", "send")}
    idle["exposed_send_s"] = idle.pop("send_s")
    return {"imbalance_s": most - mean, "compute": mean, "steps_s": begun + fsum(late), **idle}


@st.composite
def pipelines(draw):
    ranks, chunks = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2]))
    names = (
        ["1f1b", "gpipe", "zb-h1", "zb-auto"] if chunks == 1 else ["interleaved-1f1b", "looped-bfs", "zb-v", "v-half"]
    )
    times = st.integers(0, 9).map("{} ms".format)
    column = st.one_of(times, st.lists(times, min_size=ranks * chunks, max_size=ranks * chunks))
    raw = stages(ranks, ranks * draw(st.integers(1, 3)), draw(st.sampled_from(names)), chunks=chunks)
    raw["workload"] |= {key: draw(column) for key in ("forward", "input_grad", "weight_grad")}
    raw["workload"]["send"] = draw(st.sampled_from(["0 s", "500 us", "3 ms"]))
    raw["plan"]["steps"] = draw(st.sampled_from([{}, {"split": "2 ms"}, {"allocate": "1 ms", "gather": "3 ms"}]))
    if draw(st.booleans()):
        raw["cost"] = {"kind": "noisy", "spread": 0.2}
    return raw


@settings(max_examples=25, deadline=None)
@given(pipelines())
def test_terms_add_up_and_are_those_counted_span_by_span(raw):
    try:
        run = parsim.simulate(raw)
    except ParsimError:
        return  # few microbatches for this schedule
    found, again = run.to_dict()["pipeline"], counted_again(run)
    makespan = run.timeline.makespan_s
    assert fsum(found[name] for name in TERMS) == pytest.approx(makespan, rel=1e-9)
    assert min(found[name] for name in TERMS) >= -1e-9 * makespan
    assert found["ideal_s"] + found["recompute_s"] == pytest.approx(again.pop("compute"), rel=1e-9)
    assert {name: found[name] for name in again} == pytest.approx(again, rel=1e-9, abs=1e-9 * makespan)
    for rank in found["ranks"]:
        of_rank = fsum(rank[name] for name in rank if name not in ("worker", "recompute_s"))
        assert of_rank + found["steps_s"] == pytest.approx(makespan, rel=1e-9)


TRAINED = {
    "cluster": {"devices": 4, "device": "a100-80g", "topology": {"kind": "full", "bandwidth": "25 GB/s"}},
    "workload": {"kind": "transformer", "preset": "gpt2-124m", "batch": 8},
    "plan": {"split": "layers", "microbatches": 4, "stages": "count"},
}


@pytest.mark.parametrize("recompute", ["selective", "full", ["none"] * 4 + ["full"] * 6 + ["none"] * 4])
@pytest.mark.parametrize("schedule", ["1f1b", "zb-h1"])
def test_recompute_is_what_computing_shrinks_by_without_it(schedule, recompute):
    attention = {"workload.attention": "plain"}
    runs = [
        parsim.simulate(TRAINED, set={**attention, "plan.recompute": how, "plan.schedule": schedule})
        for how in (recompute, "none")
    ]
    found, without = (run.to_dict()["pipeline"] for run in runs)
    assert without["recompute_s"] == 0
    assert found["ideal_s"] == pytest.approx(without["ideal_s"], rel=1e-9)
    computing = [fsum(rank["compute_s"] for rank in one["ranks"]) / 4 for one in (found, without)]
    assert found["recompute_s"] == pytest.approx(computing[0] - computing[1], rel=1e-9)
    assert found["recompute_s"] > 0
    assert fsum(found[name] for name in TERMS) == pytest.approx(runs[0].timeline.makespan_s, rel=1e-9)
