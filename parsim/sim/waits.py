"""What each span waited for: the transfer or task whose end let it start, or a cause.

compute    memory, if it was ready and its worker waited for room until then; else an input that arrived then; else the
           task of highest number that ended then, on its worker or among its parents; else what its worker sent, where
           sends are blocking and it arrived then; else steps, nothing, the policy
lane task  as compute, on its lane in place of its worker; the transfer of its lane that arrived then
transfer   its parent, if it started at the parent's end; else the last parent of its task, if that ended then; else
           memory, the task whose end freed its worker, or the policy
collective what a member receives waits for what its sender waited for, and in later phases for what the sender received
           or sent that arrived then
"""

from __future__ import annotations

import numpy as np

from parsim.core.columns import Floats, Ints, distinct
from parsim.core.job import Job
from parsim.core.timeline import STEPS
from parsim.sim.record import Record, SpanNames, Transfers
from parsim.sim.state import NOBODY

UNKNOWN = -1
CHUNK = 1 << 20  # tasks looked at together, so that a large run needs little memory


def compute_waits(job: Job, record: Record, names: SpanNames) -> Ints:
    """Return the code of what each task waited for, (tasks,)."""
    graph, start = job.graph, record.start_s
    lanes = _lanes(job, record)
    waits = ended_on(record._replace(worker=lanes), lanes, start)
    edges = graph.edges
    last = record.end_s[edges.parent] == start[edges.child]
    np.maximum.at(waits, edges.child[last], edges.parent[last])
    _inputs(job, record, names, waits)
    if graph.lanes:
        _sent_before(job, record, names, waits)
    if graph.sends == "blocking":
        _held_up(job, record, names, waits)
    waits[_starved(record, record.worker, start) & (record.ready_s < start) & graph.computes] = names.word("memory")
    waits[(waits == UNKNOWN) & (start == record.begun_s)] = _beginning(job, names)
    waits[waits == UNKNOWN] = names.word("policy")
    return waits


def transfer_waits(job: Job, record: Record, names: SpanNames, of_tasks: Ints) -> Ints:
    """Return the code of what each transfer waited for, (transfers,), given those *of_tasks*."""
    moved, table = record.transfers, job.graph.transfers
    transfer = moved.transfer
    sent, flow = table.parent[transfer] >= 0, table.flows[transfer]
    giver, ready = np.full(len(transfer), _beginning(job, names)), np.full(len(transfer), record.begun_s)
    giver[sent] = table.parent[transfer[sent]]
    ready[sent] = record.end_s[giver[sent]]
    giver[flow] = names.word("")
    late = np.flatnonzero((ready != moved.start_s) & ~flow)
    giver[late] = _late_waits(job, record, names, of_tasks, late)
    return giver


def received_waits(record: Record, names: SpanNames, waits: Ints) -> Ints:
    """Return the code of what each span that a member receives waited for, (rows,), given the *waits* of the tasks."""
    sender, receiver, start, end = record.received[:4]
    found = waits[sender]
    late = np.flatnonzero(start > record.start_s[sender])
    instants = distinct(end)
    arrived = np.concatenate([sender, receiver]) * len(instants) + np.tile(np.searchsorted(instants, end), 2)
    order = np.argsort(arrived, kind="stable")
    wanted = sender[late] * len(instants) + np.searchsorted(instants, start[late])
    row = order[np.searchsorted(arrived[order], wanted, side="right") - 1]
    there = (arrived[row] == wanted) & (np.tile(end, 2)[row] == start[late])
    found[late[there]] = names.received[row[there] % len(sender)]
    return found


def _late_waits(job: Job, record: Record, names: SpanNames, of_tasks: Ints, rows: Ints) -> Ints:
    """Return the code of what those transfers waited for that did not leave at once, (rows,)."""
    moved, table = record.transfers.at(rows), job.graph.transfers
    waits = ended_on(record._replace(worker=_lanes(job, record)), moved.worker, moved.start_s)
    waits[waits == UNKNOWN] = names.word("policy")
    _beside_starts(job, record, names, moved, of_tasks, waits)
    waits[_starved(record, moved.worker, moved.start_s)] = names.word("memory")
    lane = table.lane[moved.transfer]
    waits[lane > 0] = names.word("memory")  # they leave as their task ends, or when there is room
    inward = np.flatnonzero(table.edges[moved.transfer] & (lane == 0))
    child = table.child[moved.transfer[inward]]
    released = record.ready_s[child] == moved.start_s[inward]
    if released.any():
        waits[inward[released]] = _last_parents(job, record)[child[released]]
    return waits


def _lanes(job: Job, record: Record) -> Ints:
    """Number the lane of each task: its worker, or for communication lanes a number beyond the workers, (tasks,)."""
    lane = job.graph.lane
    return record.worker + len(job.cluster.workers) * lane if len(lane) else record.worker


def _sent_before(job: Job, record: Record, names: SpanNames, waits: Ints) -> None:
    """Set the code of the transfer whose arrival freed the lane, for tasks of lanes that waited for it."""
    table, moved, lanes = job.graph.transfers, record.transfers, _lanes(job, record)
    rows = np.flatnonzero(table.lane[moved.transfer] > 0)
    sender = lanes[table.parent[moved.transfer[rows]]]
    arrived = dict(zip(_pairs(sender, moved.end_s[rows]), moved.transfer[rows].tolist(), strict=True))
    late = np.flatnonzero((job.graph.lane > 0) & (record.ready_s < record.start_s))
    for task, when in zip(late.tolist(), _pairs(lanes[late], record.start_s[late]), strict=True):
        if when in arrived:
            waits[task] = names.transfer(np.array(arrived[when]))


def _held_up(job: Job, record: Record, names: SpanNames, waits: Ints) -> None:
    """Set the code of the transfer that a worker sent and that arrived then, for tasks that waited for nothing else."""
    moved, parent = record.transfers, job.graph.transfers.parent[record.transfers.transfer]
    sent = parent >= 0
    sender = _pairs(record.worker[parent[sent]], moved.end_s[sent])
    arrived = dict(zip(sender, moved.transfer[sent].tolist(), strict=True))
    late = np.flatnonzero(waits == UNKNOWN)
    for task, when in zip(late.tolist(), _pairs(record.worker[late], record.start_s[late]), strict=True):
        if when in arrived:
            waits[task] = names.transfer(np.array(arrived[when]))


def _pairs(lane: Ints, moment: Floats) -> list[tuple[int, float]]:
    return list(zip(lane.tolist(), moment.tolist(), strict=True))


def _beside_starts(job: Job, record: Record, names: SpanNames, moved: Transfers, of_tasks: Ints, waits: Ints) -> None:
    """Set what inputs from the host waited for that left as another task started: what that task waited for."""
    rows = np.flatnonzero(job.graph.transfers.given[moved.transfer] & (waits == names.word("policy")))
    if not len(rows):
        return
    tasks = _on(moved.worker[rows], record.worker)
    starts = dict(zip(_pairs(record.worker[tasks], record.start_s[tasks]), tasks.tolist(), strict=True))
    for row, start in zip(rows.tolist(), _pairs(moved.worker[rows], moved.start_s[rows]), strict=True):
        waits[row] = of_tasks[starts[start]] if start in starts else waits[row]


def _on(some: Ints, worker: Ints) -> Ints:
    """Return the tasks on *some* workers, given the *worker* of every task."""
    asked = np.zeros(2 + max(int(some.max(initial=NOBODY)), int(worker.max(initial=NOBODY))), dtype=bool)
    asked[some + 1] = True  # from NOBODY on
    return np.flatnonzero(asked[worker + 1])


def _last_parents(job: Job, record: Record) -> Ints:
    """Return for each task the parent of highest number among those that ended last, or UNKNOWN, (tasks,)."""
    last, edges = np.full(len(job.graph), UNKNOWN), job.graph.edges
    releasing = record.end_s[edges.parent] == record.ready_s[edges.child]
    np.maximum.at(last, edges.child[releasing], edges.parent[releasing])
    return last


def _beginning(job: Job, names: SpanNames) -> int:
    """Return the last step that delays the first task, or nothing."""
    last = [step for step in STEPS[:3] if job.steps[STEPS.index(step)] > 0]
    return names.word(last[-1] if last else "")


def _inputs(job: Job, record: Record, names: SpanNames, waits: Ints) -> None:
    """Set the code of the input that arrived when the task started."""
    moved = record.transfers
    child = job.graph.transfers.child[moved.transfer]
    inward = child >= 0
    transfer, child = moved.transfer[inward], child[inward]
    last = moved.end_s[inward] == record.start_s[child]
    waits[child[last]] = UNKNOWN
    np.maximum.at(waits, child[last], names.transfer(transfer[last]))


def ended_on(record: Record, worker: Ints, moment: Floats) -> Ints:
    """Return the task of highest number that ended on each *worker* at each *moment* before itself, or UNKNOWN."""
    found = np.full(len(moment), UNKNOWN)
    asked = _on(worker, record.worker)
    rows = np.bincount(record.worker[asked] + 1, minlength=int(worker.max(initial=NOBODY)) + 2)
    chunk = np.cumsum(rows) // CHUNK  # of each worker, from NOBODY on
    for number in distinct(chunk[rows > 0]).tolist():
        here = np.flatnonzero(chunk == number) + NOBODY
        low, high = int(here[0]), int(here[-1])
        tasks = asked[(low <= record.worker[asked]) & (record.worker[asked] <= high)]
        mine = np.flatnonzero((low <= worker) & (worker <= high))
        found[mine] = _ended_on(record, tasks, worker[mine], moment[mine])
    return found


def _ended_on(record: Record, tasks: Ints, worker: Ints, moment: Floats) -> Ints:
    """Return `ended_on` for some of the *tasks*."""
    count = len(tasks)
    who, when = np.concatenate([record.worker[tasks], worker]), np.concatenate([record.end_s[tasks], moment])
    order = np.lexsort((when, who))  # stable: equal times keep tasks by number, then the queries
    latest = np.maximum.accumulate(np.where(order < count, np.arange(len(order)), 0))
    before = np.empty(len(order), np.int64)
    before[order] = order[latest]  # the last task in this order
    row = before[count:]
    ended = np.flatnonzero(row < count)  # the first in the order may be a query
    ended = ended[who[row[ended]] == worker[ended]]
    task = tasks[row[ended]]
    there = (record.end_s[task] == moment[ended]) & (record.start_s[task] < moment[ended])
    found = np.full(len(moment), UNKNOWN)
    found[ended[there]] = task[there]
    return found


def _starved(record: Record, worker: Ints, moment: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether the worker stopped waiting for room at each moment."""
    ended = {(who, end) for who, _, end in record.starved.tolist()}
    if not ended:
        return np.zeros(len(moment), dtype=bool)
    return np.array([pair in ended for pair in zip(worker.tolist(), moment.tolist(), strict=True)], dtype=bool)
