"""The ledger: the terms between T_total and the makespan. Each is measured separately, so that their sum is a check.

    makespan = t_total + deviation + idle + contention - hidden

Each second of a worker is compute, or a transfer of its own outside compute, or idle. A transfer lasts its nominal
seconds plus contention; the part that overlaps compute or other transfers is hidden. A worker that stands for several
counts as often.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import fsum
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import in_chunks
from parsim.core.graph import Floats, Ints
from parsim.core.timeline import CAUSES, Timeline
from parsim.core.tolerance import CLOSE

SHOWN = 20  # overlaps; every computation of a long trace may be one
ULPS = 4  # of the latest stamp: an end may be a rounded sum of start and length


class Ledger(NamedTuple):
    """Means over the workers, in seconds."""

    makespan_s: float
    t_total_s: float
    busy_nominal_s: float  # compute seconds + nominal seconds of transfers
    idle_s: float
    contention_s: float
    hidden_s: float
    idle: dict[str, float]  # by cause

    @property
    def deviation_s(self) -> float:
        """The cost of the run's own work beyond T_total."""
        return self.busy_nominal_s - self.t_total_s

    def difference_s(self) -> float:
        """Return the makespan minus the sum of the terms. If it is more than rounding, the timeline is wrong."""
        terms = self.busy_nominal_s, self.idle_s, self.contention_s, -self.hidden_s
        return fsum(terms) - self.makespan_s

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger as in the contract."""
        return {
            "t_total_s": self.t_total_s,
            "deviation_s": self.deviation_s,
            "idle_s": self.idle_s,
            "contention_s": self.contention_s,
            "hidden_s": self.hidden_s,
            "idle": self.idle,
        }


class Seconds(NamedTuple):
    """Sums per worker, (workers,) each. Spans without a worker do not count."""

    compute: Floats
    transfer: Floats  # actual
    nominal: Floats  # of transfers
    idle: Floats  # (causes, workers)


def seconds(timeline: Timeline, workers: int) -> Seconds:
    """Add up the seconds of each of the first *workers* workers of the timeline's table."""
    length = timeline.end_s - timeline.start_s
    worker, moves, computes = timeline.workers.code, timeline.owned & timeline.transfers, timeline.computes
    idle = timeline.idle
    idle_length = idle.end_s - idle.start_s
    return Seconds(
        compute=_sums(worker[computes], length[computes], workers),
        transfer=_sums(worker[moves], length[moves], workers),
        nominal=_sums(worker[moves], timeline.nominal_s[moves], workers),
        idle=np.array(
            [
                _sums(idle.worker[idle.cause == cause], idle_length[idle.cause == cause], workers)
                for cause in range(len(CAUSES))
            ]
        ),
    )


def _sums(worker: np.ndarray[Any, Any], values: Floats, workers: int) -> Floats:
    sums: Floats = np.bincount(worker, weights=values, minlength=workers)[:workers].astype(np.float64)
    return sums


def outside_compute(timeline: Timeline, workers: int) -> Floats:
    """Return for each worker the length of the union of its transfers outside its compute, (workers,)."""
    shown, owned = np.zeros(workers), np.flatnonzero(timeline.owned & ~timeline.members)
    if timeline.transfers[owned].any():
        for rows in in_chunks(timeline.workers.code[owned]):
            shown += _outside_compute_of(timeline, owned[rows], workers)
    return shown


def _outside_compute_of(timeline: Timeline, rows: Ints, workers: int) -> Floats:
    """Return `outside_compute` of the workers that have the *rows*, and 0 for the others."""
    moves = timeline.transfers[rows].astype(np.int64)
    worker = np.tile(timeline.workers.code[rows], 2)
    time = np.concatenate([timeline.start_s[rows], timeline.end_s[rows]])
    sign = np.repeat([1, -1], len(moves))
    order = np.lexsort((time, worker))
    worker, time = worker[order], time[order]
    under_way = np.cumsum((sign * np.tile(moves, 2))[order])
    computing = np.cumsum((sign * np.tile(1 - moves, 2))[order])
    shown = (under_way[:-1] > 0) & (computing[:-1] == 0)
    return _sums(worker[:-1][shown], np.diff(time)[shown], workers)


def ledger(timeline: Timeline, stands_for: Ints, t_total_s: float) -> Ledger:
    """Measure the ledger of a timeline, given how many workers each worker stands for, (workers,)."""
    workers = int(stands_for.sum())
    sums = Seconds(*(column * stands_for for column in seconds(timeline, len(stands_for))))
    shown = outside_compute(timeline, len(stands_for)) * stands_for
    causes = {name: fsum(row) / workers for name, row in zip(CAUSES, sums.idle.tolist(), strict=True)}
    return Ledger(
        makespan_s=timeline.makespan_s,
        t_total_s=t_total_s,
        busy_nominal_s=fsum([*sums.compute.tolist(), *sums.nominal.tolist()]) / workers,
        idle_s=fsum(sums.idle.ravel().tolist()) / workers,
        contention_s=fsum([*sums.transfer.tolist(), *(-sums.nominal).tolist()]) / workers,
        hidden_s=max(fsum([*sums.transfer.tolist(), *(-shown).tolist()]), 0.0) / workers,  # sums are rounded
        idle=causes,
    )


def ledger_of_trace(trace: Timeline) -> dict[str, Any]:
    """Return the ledger of a trace without a scenario. `checker` finds its contradictions.

    There is no T_total, so busy seconds replace it. The terms do not add up to the makespan if a worker computes two
    things at once.
    """
    workers = sum(map(bool, trace.workers.table))
    terms = ledger(trace, np.ones(max(workers, 1), np.int64), 0.0)
    broken = list(islice(_overlaps(trace), SHOWN))
    missing = terms.difference_s() if workers else 0.0
    if abs(missing) > CLOSE * max(terms.makespan_s, terms.busy_nominal_s):
        broken.append(f"the sum of the terms differs from the makespan by {missing:g} s")
    return {
        "makespan_s": terms.makespan_s,
        "workers": workers,
        "busy_nominal_s": terms.busy_nominal_s,
        "idle_s": terms.idle_s,
        "contention_s": terms.contention_s,
        "hidden_s": terms.hidden_s,
        "idle": {cause: terms.idle[cause] for cause in ("fill", "drain", "dependency")},
        "checker": broken,
    }


def _overlaps(trace: Timeline) -> Iterator[str]:
    """Yield the computations of one worker that overlap by more than rounding."""
    rows = np.flatnonzero(trace.computes & (trace.start_s < trace.end_s))
    if not len(rows):
        return
    rows = rows[np.lexsort((trace.start_s[rows], trace.workers.code[rows]))]
    start_s, end_s = trace.start_s[rows], trace.end_s[rows]
    rounding = CLOSE * float(end_s.max() - start_s.min()) + ULPS * float(np.spacing(end_s.max()))
    columns = (trace.workers.code[rows], trace.tasks.code[rows], start_s, end_s)
    owner, reach, last = -1, 0.0, 0  # a worker, the latest end of its computations so far, and the task that ends then
    for worker, task, start, end in zip(*(column.tolist() for column in columns), strict=True):
        if worker == owner and min(end, reach) - start > rounding:
            who, one, other = trace.workers.table[worker], trace.tasks.table[last], trace.tasks.table[task]
            yield f"{who} computes {one} and {other} at once, from {start:g} s to {min(end, reach):g} s"
        if worker != owner or end > reach:
            owner, reach, last = worker, end, task
