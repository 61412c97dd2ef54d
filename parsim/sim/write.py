"""Turns a record into a timeline: names and sorts the rows, finds the causes of idle time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np

from parsim.core.columns import Bools, Floats, Ints, distinct, halved
from parsim.core.graph import TaskGraph
from parsim.core.job import BEFORE, Job
from parsim.core.timeline import CAUSES, COLLECTIVE, STEPS, Idle, Timeline, Words
from parsim.sim.alone import members_alone
from parsim.sim.estimate import where_run
from parsim.sim.idleness import Intervals, causes, gather
from parsim.sim.record import Record, SpanNames, intervals
from parsim.sim.waits import compute_waits, received_waits, transfer_waits

Alone = Callable[[Job], Floats]
Steps = list[tuple[int, float, float]]  # step (index into STEPS), from, to


def unpriced(job: Job) -> Floats:
    """Return NaN: nobody asks what members of collectives take alone, (tasks,)."""
    return np.full(len(job.graph), np.nan)


def write(job: Job, record: Record, alone: Alone = members_alone) -> Timeline:
    """Write the timeline of a simulated run that came to its end."""
    return compose(job, record, step_spans(job, record.begun_s, ended_s(record)), record, alone)


def ended_s(record: Record) -> float:
    """Return when the last task has ended and everything has arrived."""
    return float(max(record.end_s.max(initial=record.begun_s), record.transfers.end_s.max(initial=0.0)))


def makespan_s(job: Job, begun_s: float, done_s: float) -> float:
    """Return the makespan of a run whose tasks take from *begun_s* to *done_s*, as its timeline would show it."""
    return max([done_s, *(end for _, _, end in step_spans(job, begun_s, done_s))])


def compose(job: Job, record: Record, steps: Steps, instants: Record, alone: Alone = members_alone) -> Timeline:
    """Write a timeline from a record and the spans of the steps.

    What a span waited for is derived from *instants*, a record in which simultaneous events have equal times: the
    record itself, or on the wall clock the instants at which the host received reports. *alone* returns the nominal
    seconds of members of collectives.
    """
    names = SpanNames(job.graph, record.received)
    idle = _idle(job, record, steps)
    waits = compute_waits(job, instants, names)
    parts = [_ended(_tasks(job, record, waits, alone), record), _steps(job, steps, names)]
    if len(record.transfers.transfer):
        parts.append(_transfers(job, record, names, transfer_waits(job, instants, names, waits)))
    if len(record.received.sender):
        parts.append(_received(job, record, names, received_waits(record, names, waits)))
    number, task, kind, worker, ways, ready, start, end, nominal, wait, transfer, *more = zip(*parts, strict=True)

    def small(column: Sequence[Ints]) -> Ints:
        return np.concatenate(column, dtype=np.int32, casting="unsafe")  # a run has less than 2^31 spans

    lanes = _lanes(job, np.concatenate(ways))
    order = _order(np.concatenate(start), small(number), lanes, Words(small(task), names))

    def codes(column: Sequence[Ints]) -> Ints:
        return small(column)[order]

    def times(column: Sequence[Floats]) -> Floats:
        return np.concatenate(column)[order]

    return Timeline(
        engine=record.engine,
        number=codes(number),
        tasks=Words(codes(task), names),
        kinds=Words(codes(kind), (*job.graph.kinds, "transfer", *STEPS, COLLECTIVE)),
        workers=Words(codes(worker), (*(worker.name for worker in job.cluster.workers), "")),
        lanes=Words(codes([lanes.code]), lanes.table),
        ready_s=times(ready),
        start_s=times(start),
        end_s=times(end),
        nominal_s=times(nominal),
        waits=Words(codes(wait), names),
        transfer=codes(transfer),
        idle=idle,
        stands_for=np.append(job.cluster.stands_for, 1),
        **_of_collectives(more, order) if len(record.received.sender) else {},
    )


def _of_collectives(columns: Sequence[Any], order: Ints) -> dict[str, Any]:
    """Return the columns that a timeline without collectives need not have."""
    return {
        name: np.concatenate(parts)[order] for name, parts in zip(("rounds", "size", "sender"), columns, strict=True)
    }


Columns = tuple[Ints, Ints, Ints, Ints, Ints, Floats, Floats, Floats, Floats, Ints, Ints, Ints, Floats, Ints]


def step_spans(job: Job, begun_s: float, done_s: float) -> Steps:
    """Return the steps that take time: some before the first task, some after everything has ended and arrived."""
    before, after = job.steps[:BEFORE], job.steps[BEFORE:]
    sums = [*accumulate(before, initial=0.0)]
    bounds = [begun_s if bound == sums[-1] else bound for bound in sums]
    bounds_after = [*accumulate(after, initial=done_s)]
    spans = [*pairwise(bounds), *pairwise(bounds_after)]
    return [(step, start, end) for step, (start, end) in enumerate(spans) if job.steps[step] > 0]


def _ended(rows: Columns, record: Record) -> Columns:
    """Leave out tasks that had not ended when a replay was interrupted."""
    ended = np.isfinite(record.end_s)
    return rows if ended.all() else tuple(column[ended] for column in rows)  # type: ignore[return-value]


def _tasks(job: Job, record: Record, waits: Ints, alone: Alone) -> Columns:
    graph, tasks = job.graph, halved(np.arange(len(job.graph)))
    kind = np.where(graph.computes, graph.kind, len(graph.kinds))  # a task of a communication lane is a transfer
    kind[_members(graph)] = len(graph.kinds) + 1 + len(STEPS)
    return (
        tasks,
        tasks,
        kind,
        record.worker,
        np.where(graph.computes, COMPUTE, FIRST_LANE - graph.lane if graph.lanes else COMPUTE),
        record.ready_s,
        record.start_s,
        record.end_s,
        _nominal(job, record, alone),
        waits,
        np.broadcast_to(-1, len(tasks)),
        *_nothing(len(tasks)),
    )


def _nothing(count: int) -> tuple[Ints, Floats, Ints]:
    """Return rounds, bytes and sender of spans that are no transfers."""
    return np.broadcast_to(1, count), np.broadcast_to(0.0, count), np.broadcast_to(-1, count)


def _members(graph: TaskGraph) -> Bools:
    """Return which tasks are members of collectives, (tasks,)."""
    found = np.zeros(len(graph), dtype=bool)
    found[[*chain.from_iterable(each.members for each in graph.collectives)]] = True
    return found


def _nominal(job: Job, record: Record, alone: Alone) -> Floats:
    """Return the expected seconds of each task on the worker it ran on; of a collective, those that it takes alone."""
    nominal = nominal_compute(job, record)
    if not job.graph.collectives:
        return nominal
    return np.where(_members(job.graph), alone(job), nominal)


def nominal_compute(job: Job, record: Record) -> Floats:
    """Return the expected seconds of each task on the worker it ran on, before noise."""
    return where_run(job.expected_s, np.array(job.cluster.device_of_worker)[record.worker])


COMPUTE, HOST_LANE, DELAY, FIRST_LANE = -1, -2, -3, -3  # codes of lanes that are no way; lane k: FIRST_LANE - k
FIXED = {COMPUTE: "compute", HOST_LANE: "host", DELAY: "delay"}


def _transfers(job: Job, record: Record, names: SpanNames, waits: Ints) -> Columns:
    graph, moved, places = job.graph, record.transfers, len(job.cluster.places)
    table, transfer = graph.transfers, moved.transfer
    device = np.array(job.cluster.device_of_worker)[record.worker] if len(graph) else record.worker
    source, target = table.ends(device, job.cluster.host)
    way = np.where(table.delay > 0, DELAY, source * places + target)
    ready = np.full(len(transfer), record.begun_s)
    sent, flow = table.parent[transfer] >= 0, table.flows[transfer]
    ready[sent] = record.end_s[table.parent[transfer[sent]]]
    ready[flow] = moved.start_s[flow]
    return (
        table.number[transfer],
        names.transfer(transfer),
        np.broadcast_to(len(graph.kinds), len(transfer)),
        moved.worker,
        way[transfer],
        ready,
        moved.start_s,
        moved.end_s,
        moved.nominal_s,
        waits,
        transfer,
        np.broadcast_to(1, len(transfer)),
        table.size[transfer],
        np.broadcast_to(-1, len(transfer)),
    )


def _received(job: Job, record: Record, names: SpanNames, waits: Ints) -> Columns:
    """Return what members of collectives receive."""
    sender, receiver, start, end, rounds, size, nominal = record.received
    device, rows = np.array(job.cluster.device_of_worker), len(sender)
    return (
        receiver,
        names.received,
        np.full(rows, len(job.graph.kinds)),
        record.worker[receiver],
        device[record.worker[sender]] * len(job.cluster.places) + device[record.worker[receiver]],
        start,
        start,
        end,
        nominal,
        waits,
        np.full(rows, -1),
        rounds,
        size,
        sender,
    )


def _steps(job: Job, steps: Steps, names: SpanNames) -> Columns:
    count, first = len(steps), len(job.graph) + len(job.graph.flows)
    code = np.array([names.word(STEPS[step]) for step, _, _ in steps], dtype=np.int64)
    start, end = np.array([a for _, a, _ in steps]), np.array([b for _, _, b in steps])
    return (
        first + np.arange(count),
        code,
        len(job.graph.kinds) + 1 + np.array([step for step, _, _ in steps], dtype=np.int64),
        np.full(count, len(job.cluster.workers)),
        np.full(count, HOST_LANE),
        start,
        start,
        end,
        np.array([job.steps[step] for step, _, _ in steps]),
        np.full(count, names.word("")),
        np.full(count, -1),
        *_nothing(count),
    )


def _lanes(job: Job, ways: Ints) -> Words:
    """Return the names of lanes as codes into a sorted table, so that codes sort like names."""
    places = job.cluster.places
    fixed = FIXED | {FIRST_LANE - lane: name for lane, name in enumerate(job.graph.lanes, start=1)}
    found = {
        int(way): fixed[way] if way < 0 else f"{places[way // len(places)]}>{places[way % len(places)]}"
        for way in distinct(ways).tolist()
    }
    table = sorted(found.values())
    place = {lane: code for code, lane in enumerate(table)}
    codes = np.array(sorted(found), dtype=np.int64)
    rank = halved(np.array([place[found[way]] for way in codes.tolist()], dtype=np.int64))
    return Words(rank[np.searchsorted(codes, ways)] if len(rank) else ways, table)


def _order(start: Floats, number: Ints, lanes: Words, tasks: Words) -> Ints:
    """Sort by start, number, lane, task; names are written out only where the first three tie."""
    order = np.lexsort((lanes.code, number, start))
    later = np.arange(1, len(order))  # of the rows in this order, those that tie with the row before
    for column in (start, number, lanes.code):
        later = later[column[order[later]] == column[order[later - 1]]]
    if not len(later):
        return order
    tied = np.zeros(len(order), dtype=bool)
    tied[order[later]] = tied[order[later - 1]] = True
    rank = np.zeros(len(order), dtype=np.int64)
    rank[tied] = np.unique(Words(tasks.code[tied], tasks.table).decode(), return_inverse=True)[1]
    return np.lexsort((rank, lanes.code, number, start))


def _idle(job: Job, record: Record, steps: Steps) -> Idle:
    """Cut each worker's idle intervals by cause."""
    pieces = []
    held_back = _held_back(job, record)
    host = Intervals.union(np.array([a for _, a, _ in steps]), np.array([b for _, _, b in steps]))
    ended = np.isfinite(record.end_s)
    received, gets = record.received, record.worker[record.received.receiver]
    owner = np.concatenate([record.worker[ended], record.transfers.worker, gets])
    start = np.concatenate([record.start_s[ended], record.transfers.start_s, received.start_s])
    end = np.concatenate([record.end_s[ended], record.transfers.end_s, received.end_s])
    makespan = max(float(end.max(initial=0.0)), *(until for _, _, until in steps), 0.0)
    first, last = np.full(len(record.idle_from), np.inf), np.full(len(record.idle_from), -np.inf)
    np.minimum.at(first, owner, start)
    np.maximum.at(last, owner, end)
    rest = [(worker, since, makespan) for worker, since in enumerate(record.idle_from)]
    idle = by_worker(np.concatenate([record.idle, intervals(rest)]), len(first))
    if len(gets):
        busy = by_worker(np.column_stack([gets, received.start_s, received.end_s]), len(first))
        idle = [one.without(other) for one, other in zip(idle, busy, strict=True)]
    starved, overhead = by_worker(record.starved, len(first)), by_worker(record.overhead, len(first))
    places: list[tuple[int, ...]] = [()] * len(first)  # the place sets of each worker
    for place, workers in enumerate(job.graph.places):
        for worker in workers:
            places[worker] += (place,)
    made: dict[tuple[Any, ...], tuple[Floats, Floats, Ints]] = {}  # workers with equal intervals share their pieces
    for worker, mine in enumerate(places):
        own = (idle[worker], starved[worker], overhead[worker])
        key = (mine, first[worker], last[worker], *(bound.tobytes() for part in own for bound in part))
        if key not in made:
            policy = Intervals.both([held_back[place] for place in mine])
            found = {"steps": host, "memory": own[1], "overhead": own[2], "policy": policy}
            reasons = {CAUSES.index(cause): when for cause, when in found.items()}
            made[key] = causes(own[0], reasons, first[worker], last[worker])
        pieces.append(made[key])
    return gather(pieces)


def by_worker(rows: Floats, workers: int) -> list[Intervals]:
    """Sort rows of (worker, from, to) into each worker's intervals."""
    if not len(rows):
        return [Intervals.union(rows[:, 1], rows[:, 2])] * workers
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    first = np.searchsorted(rows[:, 0], np.arange(workers + 1)).tolist()
    return [Intervals.union(rows[a:b, 1], rows[a:b, 2]) for a, b in pairwise(first)]


def _held_back(job: Job, record: Record) -> list[Intervals]:
    """Return for each place set when some task of it was ready and given to nobody."""
    late = np.flatnonzero((record.ready_s < record.taken_s) & job.graph.computes)
    late = late[np.argsort(job.graph.place[late], kind="stable")]
    first = np.searchsorted(job.graph.place[late], np.arange(len(job.graph.places) + 1))
    return [Intervals.union(record.ready_s[late[a:b]], record.taken_s[late[a:b]]) for a, b in pairwise(first)]
