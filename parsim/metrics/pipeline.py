"""What the seconds of a pipeline went for, as seen from the ranks that compute longest.

    makespan = ideal + recompute + imbalance + fill + drain + wait + exposed send + exposed exchange + steps

rank 0   |F0|F1|........>|B0|.........>|B1|       busiest     F0 F1 B0 B1   ideal + recompute + imbalance
         |     |  wait  >|  |  wait   >|          its gaps    fill before its first task, drain after its last,
                                                              wait between, without the seconds of `>`: exposed send

Every rank is idle for makespan - compute; that of the busiest ranks no balance removes. Each term is added up from the
spans by itself, so that their sum is a check.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.job import BEFORE, Job
from parsim.core.timeline import STEPS, Timeline
from parsim.core.tolerance import CLOSE
from parsim.sim.estimate import where_run
from parsim.training.layout import BACKWARD, INPUT_GRAD
from parsim.training.program import Training


class Ranks(NamedTuple):
    """Seconds of every rank, (ranks,) each."""

    compute_s: Floats
    recompute_s: Floats  # of these, what backward computes again
    fill_s: Floats
    drain_s: Floats
    wait_s: Floats
    exposed_send_s: Floats
    exposed_exchange_s: Floats  # of communication lanes, beside sends

    @property
    def idle(self) -> dict[str, Floats]:
        """The seconds in which a rank does not compute, by cause."""
        return {name: column for name, column in self._asdict().items() if "compute" not in name}


class Within(NamedTuple):
    """Intervals, each with the gap that it may overlap, (intervals,) each."""

    gap: Ints
    start: Floats
    end: Floats


class Gap(NamedTuple):
    """The time before each computation and after the last one of a rank, (gaps,) each, by rank and time."""

    rank: Ints
    start: Floats
    end: Floats
    task: Ints  # the task that follows; -1: none


def pipeline(job: Job, timeline: Timeline) -> dict[str, Any] | None:
    """Return the terms of a pipeline's makespan, as in section 2 of the contract; None if there are no ranks."""
    orders = job.graph.orders
    if not orders:
        return None
    begun_s, done_s = _between_steps(timeline)
    ranks = by_rank(job, timeline, begun_s, done_s)
    weights = job.cluster.stands_for[: len(orders)]
    mean, again = (float(np.average(column, weights=weights)) for column in (ranks.compute_s, ranks.recompute_s))
    busiest = np.flatnonzero(ranks.compute_s >= ranks.compute_s.max() * (1 - CLOSE))
    workers, shares = job.cluster.workers, weights[busiest] / weights[busiest].sum()
    return {
        "ideal_s": mean - again,
        "recompute_s": again,
        "imbalance_s": float((ranks.compute_s[busiest] * shares).sum()) - mean,
        **{name: float((column[busiest] * shares).sum()) for name, column in ranks.idle.items()},
        "steps_s": begun_s + (timeline.makespan_s - done_s),
        "busiest": [workers[rank].name for rank in busiest.tolist()],
        "ranks": [
            {"worker": workers[rank].name, **dict(zip(Ranks._fields, row, strict=True))}
            for rank, row in enumerate(np.column_stack(ranks).tolist())
        ],
    }


def by_rank(job: Job, timeline: Timeline, begun_s: float, done_s: float) -> Ranks:
    """Add up the seconds of each rank from *begun_s* to *done_s*."""
    count = len(job.graph.orders)
    rows = np.flatnonzero(timeline.computes & (timeline.workers.code < count))
    rows = rows[np.lexsort((timeline.end_s[rows], timeline.start_s[rows], timeline.workers.code[rows]))]
    rank, task = (column[rows] for column in (timeline.workers.code, timeline.number))
    start, end = (column[rows] for column in (timeline.start_s, timeline.end_s))
    gaps = _gaps(rank, task, start, end, begun_s, done_s)
    sent = _sends(job, timeline, gaps)
    sends, travels = _covered(gaps, sent), _covered(gaps, sent, _exchanges(timeline, gaps))
    fills, drains = np.diff(gaps.rank, prepend=-1) > 0, gaps.task < 0
    took, idle = end - start, gaps.end - gaps.start - travels

    def sums(some: Ints, seconds: Floats) -> Floats:
        return np.bincount(some, seconds, count).astype(np.float64)

    return Ranks(
        compute_s=sums(rank, took),
        recompute_s=sums(rank, took * _again(job)[task]),
        fill_s=sums(gaps.rank, idle * fills),
        drain_s=sums(gaps.rank, idle * drains),
        wait_s=sums(gaps.rank, idle * ~(fills | drains)),
        exposed_send_s=sums(gaps.rank, sends),
        exposed_exchange_s=sums(gaps.rank, travels - sends),
    )


def _gaps(rank: Ints, task: Ints, start: Floats, end: Floats, begun_s: float, done_s: float) -> Gap:
    """Return the gaps around computations that are sorted by rank and time."""
    last = np.flatnonzero(np.diff(rank, append=-1))  # of each rank
    first = np.append(0, last[:-1] + 1)
    before, until = end.copy(), start
    before[1:], before[first] = end[:-1], begun_s
    return Gap(
        rank=np.insert(rank, last + 1, rank[last]),
        start=np.insert(before, last + 1, end[last]),
        end=np.insert(until, last + 1, done_s),
        task=np.insert(task, last + 1, -1),
    )


def _between_steps(timeline: Timeline) -> tuple[float, float]:
    """Return when the host's first steps were over, and when its last ones began."""
    kinds = np.array([STEPS.index(kind) if kind in STEPS else -1 for kind in timeline.kinds.table])
    step = kinds[timeline.kinds.code]
    before, after = timeline.end_s[(step >= 0) & (step < BEFORE)], timeline.start_s[step >= BEFORE]
    return float(before.max(initial=0.0)), float(after.min(initial=timeline.makespan_s))


def _sends(job: Job, timeline: Timeline, gaps: Gap) -> Within:
    """Return when something travels to the task that follows a gap.

    Where sends are blocking, so does what the task before it sent.
    """
    gap_of = np.full(len(job.graph), -1)
    follows = np.flatnonzero(gaps.task >= 0)
    gap_of[gaps.task[follows]] = follows
    rows = np.flatnonzero(timeline.transfers & (timeline.transfer >= 0))
    table, moved = job.graph.transfers, timeline.transfer[rows]
    ways = [(gap_of[table.child[moved]], table.child[moved])]
    if job.graph.sends == "blocking":
        ways.append((gap_of[table.parent[moved]] + 1, table.parent[moved]))
    gap, there = (np.concatenate(column) for column in zip(*ways, strict=True))
    rows, there = np.tile(rows, len(ways)), there >= 0
    return Within(gap[there], timeline.start_s[rows[there]], timeline.end_s[rows[there]])


def _exchanges(timeline: Timeline, gaps: Gap) -> Within:
    """Return when communication lanes of a rank send or receive, with every gap that this overlaps."""
    rows = np.flatnonzero(timeline.transfers & timeline.owned & (timeline.transfer < 0))
    rank = timeline.workers.code[rows]
    found = [Within(np.empty(0, np.int64), np.empty(0), np.empty(0))]
    for number in np.unique(rank).tolist():
        mine, own = np.flatnonzero(gaps.rank == number), rows[rank == number]
        start, end = timeline.start_s[own], timeline.end_s[own]
        first, last = np.searchsorted(gaps.end[mine], start, "right"), np.searchsorted(gaps.start[mine], end, "left")
        count = np.maximum(last - first, 0)
        row = np.repeat(np.arange(len(own)), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        found.append(Within(mine[first[row] + within], start[row], end[row]))
    return Within(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _covered(gaps: Gap, *some: Within) -> Floats:
    """Return how much of each gap some intervals cover; what overlaps counts once, (gaps,)."""
    gap, start, end = (np.concatenate(column) for column in zip(*some, strict=True))
    start, end = np.maximum(start, gaps.start[gap]), np.minimum(end, gaps.end[gap])
    inside = start < end
    gap, start, end = gap[inside], start[inside], end[inside]
    order = np.lexsort((start, gap))
    gap, start, end = gap[order], start[order], end[order]
    covered = np.zeros(len(gaps.rank))
    for rank in np.split(np.arange(len(gap)), np.flatnonzero(np.diff(gaps.rank[gap])) + 1):
        reach = np.maximum.accumulate(end[rank])
        since = np.maximum(start[rank], np.append(-np.inf, reach[:-1])[: len(rank)])
        np.add.at(covered, gap[rank], np.maximum(end[rank] - since, 0.0))
    return covered


def _again(job: Job) -> Floats:
    """Return which share of its seconds each task spends on what it computes again, (tasks,).

    It is what the price of the task falls by if backward runs no kernel's forward.
    """
    program, graph = job.graph.program, job.graph
    if not isinstance(program, Training) or set(program.cut.recompute) == {"none"}:
        return np.zeros(len(graph))
    backward = {*graph.recipe[np.isin(graph.kind, (BACKWARD, INPUT_GRAD))].tolist()}
    own = program.adding.name  # the kernel that adds gradients runs forward in any case
    recipes = tuple(
        tuple(call for call in calls if call.part != "forward" or call.kernel == own) if number in backward else calls
        for number, calls in enumerate(graph.recipes)
    )
    without = replace(job, graph=replace(graph, recipes=recipes))
    device = np.array(job.cluster.device_of_worker)[graph.place]
    with_s, without_s = (where_run(one.expected_s, device) for one in (job, without))
    return np.where(with_s > 0, 1 - without_s / np.where(with_s > 0, with_s, 1.0), 0.0)
