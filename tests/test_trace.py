"""trace.json, asked by Perfetto's own trace processor in SQL. Expected values are counted by hand or from the run."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from commands import SCENARIOS
from hypothesis import HealthCheck, given, settings
from played import played
from random_scenarios import scenarios
from trace_processor import TraceProcessor

import parsim
from parsim.core.timeline import CAUSES

ROOT = Path(__file__).parents[1]
# Each like another, in its kinds, lanes and causes, with many times the rows: 25, 34 and 36.
LARGE = {"20_gpt3_13b_64_a100", "31_gpt3_13b_data", "32_gpt3_13b_layers"}
NAMES = sorted({path.stem for path in SCENARIOS} - LARGE)
WRONG = "select name, value from stats where severity != 'info' and value > 0"
SLICES = """
    select slice.name, category, ts, dur, depth, process.name as process, thread.name as track
    from slice join thread_track on track_id = thread_track.id join thread using (utid) join process using (upid)
"""
ARROWS = """
    select extract_arg(flow.arg_set_id, 'cat') as kind, a.name as source, b.name as target
    from flow left join slice a on slice_out = a.id left join slice b on slice_in = b.id
"""
COUNTERS = """
    select process.name as process, track.name as counter, ts, value
    from counter join process_counter_track track on track_id = track.id join process using (upid) order by 1, 2, ts
"""


@pytest.fixture(scope="module")
def processor():
    made = TraceProcessor()
    yield made
    made.close()


def written(run):
    """Return what `--out` writes as trace.json."""
    return "".join(run.files()["trace.json"]())


def loaded(processor, run):
    """Load the trace of a run, and see that nothing in it is lost or overlaps."""
    processor.load(written(run))
    assert processor.query(WRONG) == []
    # Only slices without length, all at one instant, lie on each other; the viewer gives up at a depth of 512.
    assert processor.query("select count(*) from slice where depth and dur or dur < 0 or depth > 300") == [(0,)]
    return processor


def counter(processor, process, name):
    """Return the (ns, value) of a counter."""
    return [row[2:] for row in processor.query(COUNTERS) if row[:2] == (process, name)]


def test_five_tasks_by_hand(processor):
    run = parsim.simulate(ROOT / "scenarios" / "01_five_tasks_data.yaml")
    loaded(processor, run)
    assert sorted(processor.query(SLICES)) == [
        ("drain", "idle", 2_200_000_000, 1_100_000_000, 0, "w1", "w1"),
        ("host>part0", "transfer", 0, 300_000_000, 0, "w0", "host>w0"),
        ("host>part1", "transfer", 0, 200_000_000, 0, "w1", "host>w1"),
        ("part0", "compute", 300_000_000, 3_000_000_000, 0, "w0", "w0"),
        ("part1", "compute", 200_000_000, 2_000_000_000, 0, "w1", "w1"),
    ]
    assert sorted(processor.query(ARROWS)) == [
        ("transfer", "host>part0", "part0"), ("transfer", "host>part1", "part1")
    ]  # fmt: skip
    # A star has a link down to each device.
    assert counter(processor, "host", "busy links") == [(0, 2), (200_000_000, 1), (300_000_000, 0)]
    assert counter(processor, "host", "running tasks") == [
        (200_000_000, 1), (300_000_000, 2), (2_200_000_000, 1), (3_300_000_000, 0)
    ]  # fmt: skip
    # The input, from the start of its transfer to the task's end, and the weights, from the task's start on.
    assert counter(processor, "w0", "memory B") == [(0, 3e6), (300_000_000, 13e6), (3_300_000_000, 10e6)]
    assert counter(processor, "w1", "memory B") == [(0, 2e6), (200_000_000, 12e6), (2_200_000_000, 10e6)]
    args = "select extract_arg(arg_set_id, 'args.number'), extract_arg(arg_set_id, 'args.waited_for') from slice "
    assert processor.query(args + "where name = 'part1'") == [(1, "host>part1")]


def expected_arrows(run):
    """Return what the graph says: who waits for whom, past the transfer that there was."""
    graph, timeline = run.job.graph, run.timeline
    names, spans = graph.names, Counter(timeline.task[timeline.transfers].tolist())
    found = Counter()
    for parent, child in zip(graph.edges.parent.tolist(), graph.edges.child.tolist(), strict=True):
        a, b = names[parent], names[child]
        if spans[f"{a}>{b}"]:
            found.update([("transfer", a, f"{a}>{b}"), ("transfer", f"{a}>{b}", b)])
        else:
            found["dependency", a, b] += 1
    for name in names:
        found["transfer", f"host>{name}", name] += spans[f"host>{name}"]
        found["transfer", name, f"{name}>host"] += spans[f"{name}>host"]
    return +found


def holds(processor, run):
    """Hold a trace against its run: slices, arrows, counters, idleness."""
    loaded(processor, run)
    timeline, idle = run.timeline, run.timeline.idle

    def ticks(seconds):
        return np.rint(seconds * 1e9).astype(int)

    spans = zip(timeline.task.tolist(), timeline.kind.tolist(), ticks(timeline.start_s), ticks(timeline.end_s),
                timeline.worker.tolist(), strict=True)  # fmt: skip
    expected = Counter((name, kind, start, end - start) for name, kind, start, end, _ in spans)
    table = timeline.workers.table
    rest = zip(idle.cause, ticks(idle.start_s), ticks(idle.end_s), idle.worker, strict=True)
    causes = Counter((table[who], CAUSES[cause], start, end - start) for cause, start, end, who in rest if start < end)
    rows = processor.query(SLICES)
    assert Counter(row[:4] for row in rows if row[1] != "idle") == expected
    assert Counter((track, name, ts, dur) for name, kind, ts, dur, _, _, track in rows if kind == "idle") == causes
    assert Counter(processor.query(ARROWS)) == expected_arrows(run)
    counters = defaultdict(list)
    for process, name, *point in processor.query(COUNTERS):
        counters[process, name].append(point)
    running = counters["host", "running tasks"]
    seconds = sum(value * (then - now) for (now, value), (then, _) in pairwise(running)) / 1e9
    busy = float((timeline.end_s - timeline.start_s)[timeline.computes].sum())
    assert seconds == pytest.approx(busy, abs=1e-9 * (1 + 2 * len(timeline)))
    for device in run.to_dict()["devices"]:
        most = max((value for _, value in counters[device["name"], "memory B"]), default=0)
        assert most == pytest.approx(device["peak_memory_bytes"])
    assert {name for _, name in counters} <= {"running tasks", "busy links", "memory B"}


@pytest.mark.parametrize("name", NAMES)
def test_the_trace_of_a_scenario(processor, name):
    holds(processor, played(name))


@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=list(HealthCheck))
@given(scenario=scenarios())
def test_the_trace_of_any_run(processor, scenario):
    try:
        run = parsim.simulate(scenario)
    except parsim.ParsimError:
        return
    holds(processor, run)


def test_links_are_busy_while_something_is_on_them(processor):
    # f0 alone on L1 from 1 to 3 s, f1 on L1 and L2 from 3 to 4 s, f2 on L3 from 2 to 3 s.
    links = [{"name": f"L{i}", "bandwidth": "1 MB/s"} for i in (1, 2, 3)]
    routes = [
        {"from": "a", "to": "b", "over": ["L1"]},
        {"from": "a", "to": "c", "over": ["L1", "L2"]},
        {"from": "b", "to": "c", "over": ["L3"]},
    ]
    flows = [
        {"name": "f0", "from": "a", "to": "b", "size": "2 MB", "start": "1 s"},
        {"name": "f1", "from": "a", "to": "c", "size": "1 MB", "start": "3 s"},
        {"name": "f2", "from": "b", "to": "c", "size": "1 MB", "start": "2 s"},
    ]
    run = parsim.simulate(
        {
            "cluster": {"devices": ["a", "b", "c"], "topology": {"kind": "custom", "links": links, "routes": routes}},
            "workload": {"kind": "transfers", "flows": flows},
        }
    )
    loaded(processor, run)
    assert counter(processor, "host", "busy links") == [(1_000_000_000, 1), (2_000_000_000, 2), (4_000_000_000, 0)]
    assert processor.query(ARROWS) == []


def tasks(*rows):
    return {"cluster": {"devices": 2}, "workload": {"kind": "tasks", "tasks": list(rows)}}


def test_arrows_between_tasks_of_no_length(processor):
    # All at 1 s on any worker: a chain whose numbers fall, a fan, and tasks of some length behind and before them.
    zero = [{"name": f"z{i}", "compute": "0 s", "after": [f"z{i + 1}"]} for i in range(700)]
    fan = [{"name": f"f{i}", "compute": "0 s", "after": ["z0", "first"]} for i in range(5)]
    last = {"name": "last", "compute": "2 s", "after": [f"f{i}" for i in range(5)]}
    first = {"name": "first", "compute": "1 s"}
    run = parsim.simulate(tasks(*zero, {"name": "z700", "compute": "0 s", "after": ["first"]}, *fan, last, first))
    assert run.timeline.makespan_s == 3.0
    holds(processor, run)


def test_spans_shorter_than_the_viewers_ticks(processor):
    work = {"kind": "chains", "count": 3, "length": 40, "compute": "0.1 ns"}
    holds(processor, parsim.simulate({"cluster": {"devices": 2}, "workload": work}))


@pytest.mark.parametrize(
    ("scale", "shown"), [(1.0, 1), (3e5, 1), (3e7, 1), (1e12, 1e6)], ids=["seconds", "a month", "years", "too long"]
)
def test_long_runs(processor, scale, shown):
    rows = [{"name": f"t{i}", "compute": f"{scale * (1 + i / 7)!r} s"} for i in range(12)]
    run = parsim.simulate(tasks(*rows))
    loaded(processor, run)
    [(end,)] = processor.query("select max(ts + dur) from slice")
    assert end / 1e9 * shown == pytest.approx(run.timeline.makespan_s, rel=1e-9)
    told = json.loads(written(run)).get("otherData")
    assert told == ({"time": f"1 s in this trace is {shown:g} s of the run"} if shown > 1 else None)
    assert processor.query("select count(*) from slice where category = 'compute'") == [(12,)]


def test_names_of_any_letters(processor):
    names = ['a "b" / c', "任务", "é", "x{y}:[z],"]  # others are written out: test_names.py
    rows = [{"name": name, "compute": "1 s", "after": names[:i]} for i, name in enumerate(names)]
    run = parsim.simulate(tasks(*rows))
    holds(processor, run)


def test_a_worker_without_a_task_has_a_track_that_says_why(processor):
    loaded(processor, parsim.simulate(tasks({"name": "alone", "compute": "1 s"})))
    assert [row[0] for row in processor.query(SLICES) if row[-1] == "w1"] == ["drain"]


def test_the_trace_of_a_replay(processor):
    replay = parsim.replay(ROOT / "scenarios" / "03_five_tasks_chain.yaml")
    holds(processor, replay.measured)
