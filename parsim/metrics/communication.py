"""Transfers by communicator: how much of them computing, or other transfers, hide.

    w0 computes    |####|        |####|
    tensor               |=====|                 began first: 6 s exposed
    data                    |=======|            3 s hidden by tensor's transfer, 1 s exposed, 4 s hidden by computing

While a worker computes, all its transfers are hidden. Else the one that began first, then the one of lower number, is
exposed, and the others are hidden. What a task receives without a pause counts as one transfer, whoever sends it. So
the hidden seconds add up to the ledger's, and all to the mean transfer seconds.
"""

from __future__ import annotations

from itertools import chain
from math import fsum

import numpy as np

from parsim.core.columns import Floats, Ints, in_chunks
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.training.program import Training

ALWAYS = ("data", "tensor", "pipeline", "context", "expert")
OTHER = ("host", "delay", "transfers")  # keys that are there only where such transfers are
KEYS = (*ALWAYS, *OTHER)
HOST, DELAY, PLAIN = (KEYS.index(name) for name in OTHER)


def communication(job: Job, timeline: Timeline) -> dict[str, dict[str, float]]:
    """Return the exposed and hidden seconds of each communicator, means over the workers."""
    rows = np.flatnonzero(timeline.owned & timeline.transfers)
    codes, took = communicators(job, timeline)[rows], (timeline.end_s - timeline.start_s)[rows]
    shown, weights = np.zeros(len(rows)), job.cluster.stands_for
    everything = np.flatnonzero(timeline.owned & ~timeline.members)
    place = np.full(len(timeline), -1)
    place[rows] = np.arange(len(rows))
    for part in in_chunks(timeline.workers.code[everything]) if len(rows) else ():
        chosen = everything[part]
        moves = chosen[place[chosen] >= 0]
        shown[place[moves]] = exposed(timeline, moves, chosen[place[chosen] < 0])
    copies = weights[timeline.workers.code[rows]]
    found = {}
    for code, name in enumerate(KEYS):
        mine = codes == code
        if name in ALWAYS or mine.any():
            parts = {"exposed_s": shown[mine], "hidden_s": (took - shown)[mine]}
            found[name] = {key: fsum((copies[mine] * part).tolist()) / job.cluster.p for key, part in parts.items()}
    return found


def exposed(timeline: Timeline, moves: Ints, computes: Ints) -> Floats:
    """Return for the transfers in the rows *moves* how long each is exposed; *computes* are rows of computations."""
    worker = timeline.workers.code
    first, start, end = _without_pauses(timeline, moves)
    order = np.lexsort((timeline.number[moves[first]], start, worker[moves[first]]))
    first, start, end = first[order], start[order], end[order]
    owner = worker[moves[first]]
    begin = np.maximum(start, _reach(owner, end))
    found = np.zeros(len(moves))
    busy = _Busy(worker[computes], timeline.start_s[computes], timeline.end_s[computes])
    late = begin < end
    computing = np.maximum(busy.until(owner[late], end[late]) - busy.until(owner[late], begin[late]), 0.0)  # rounded
    found[first[late]] = np.maximum(end[late] - begin[late] - computing, 0.0)
    return found


def _without_pauses(timeline: Timeline, moves: Ints) -> tuple[Ints, Floats, Floats]:
    """Return the stretches in which tasks receive without a pause: the place of the first transfer, start and end."""
    # what is no part of a collective stands alone
    task = np.where(timeline.sender[moves] >= 0, timeline.number[moves], -1 - np.arange(len(moves)))
    order = np.lexsort((timeline.end_s[moves], timeline.start_s[moves], task))
    start, end, task = timeline.start_s[moves][order], timeline.end_s[moves][order], task[order]
    opens = np.append(True, task[1:] != task[:-1])[: len(order)]
    opens |= start > _reach(np.cumsum(opens), end)
    first = np.flatnonzero(opens)
    return order[first], start[first], np.maximum.reduceat(end, first) if len(first) else end


def _reach(group: Ints, end: Floats) -> Floats:
    """Return the latest end of the earlier rows of the same group, minus infinity for its first; groups ascend."""
    ends, rank = np.unique(end, return_inverse=True)
    latest = ends[np.maximum.accumulate(rank + group * len(ends)) - group * len(ends)]  # by each row, itself included
    first = np.append(True, group[1:] != group[:-1])[: len(end)]
    found: Floats = np.where(first, -np.inf, np.roll(latest, 1))
    return found


class _Busy:
    """How long each worker has computed by a moment; the computations of one worker do not overlap."""

    def __init__(self, worker: Ints, start: Floats, end: Floats) -> None:
        order = np.lexsort((end, start, worker))  # what takes no time comes before what begins then
        self._worker, self._start, self._end = worker[order], start[order], end[order]
        self._before = np.concatenate(([0.0], np.cumsum(self._end - self._start)))
        self._first = np.searchsorted(self._worker, np.arange(int(worker.max(initial=-1)) + 2))

    def until(self, worker: Ints, moment: Floats) -> Floats:
        """Return the seconds that each *worker* has computed by each *moment*, counted from any one start."""
        found = np.zeros(len(worker))
        for one in np.unique(worker).tolist():
            if one + 1 < len(self._first):
                mine, rows = worker == one, slice(self._first[one], self._first[one + 1])
                last = np.searchsorted(self._start[rows], moment[mine], side="right") + rows.start
                over = np.where(last > rows.start, self._end[last - 1] - moment[mine], 0.0)
                found[mine] = self._before[last] - self._before[rows.start] - np.maximum(over, 0.0)
        return found


def communicators(job: Job, timeline: Timeline) -> Ints:
    """Return the communicator of each span, as an index into KEYS; of use for transfers alone, (spans,)."""
    graph, table, lanes = job.graph, job.graph.transfers, timeline.lanes
    found: Ints = np.array([DELAY if name == "delay" else _named(name) for name in lanes.table], np.int64)[lanes.code]
    travelled = np.flatnonzero((timeline.transfer >= 0) & (found != DELAY))
    transfer = timeline.transfer[travelled]
    plain = _named("pipeline" if graph.orders else "data" if isinstance(graph.program, Training) else "")
    edges = np.array([plain, *map(_named, graph.lanes)], np.int64)[table.lane[transfer]]
    found[travelled] = np.where(table.flows[transfer], PLAIN, np.where(table.edges[transfer], edges, HOST))
    received = np.flatnonzero(timeline.sender >= 0)
    if len(received):
        of_task = np.full(len(graph), PLAIN)
        for name in dict.fromkeys(each.communicator for each in graph.collectives if each.communicator):
            members = (each.members for each in graph.collectives if each.communicator == name)
            of_task[[*chain.from_iterable(members)]] = ALWAYS.index(name)
        found[received] = of_task[timeline.sender[received]]
    return found


def communicator(lane: str) -> str:
    """Return the communicator that a lane belongs to, or the lane itself if it belongs to none.

    >>> communicator("pipeline back"), communicator("my lane")
    ('pipeline', 'my lane')
    """
    name = lane.partition(" ")[0]
    return name if name in ALWAYS else lane


def _named(lane: str) -> int:
    name = communicator(lane)
    return ALWAYS.index(name) if name in ALWAYS else PLAIN
