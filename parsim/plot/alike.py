"""Workers that do the same at the same times, of which one lane is enough.

w0      [ 0F0 ][ 0F1 ]///       w0 and w1 work on replicas: the same kinds, names and moments
w1      [ 0F0 ][ 0F1 ]///
                                w0 +1  [ 0F0 ][ 0F1 ]///
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsim.core.graph import Floats, Ints
from parsim.core.op import brief
from parsim.core.timeline import Timeline

FINE = 1e6  # parts of the run: moments within one are equal


def firsts(timeline: Timeline, talk: Ints, workers: Sequence[int]) -> dict[int, int]:
    """Return for each of *workers* the first of them that does the same; *talk* is the communicator of each span."""
    idle, rows = timeline.idle, np.flatnonzero(timeline.end_s > timeline.start_s)
    owner = np.concatenate([timeline.workers.code[rows], idle.worker])
    what = np.concatenate([timeline.kinds.code[rows], -1 - idle.cause])
    none = np.full(len(idle.worker), -1)
    moments = (
        np.concatenate(pair) for pair in ((timeline.start_s[rows], idle.start_s), (timeline.end_s[rows], idle.end_s))
    )
    start, end = (_rounded(times, timeline.makespan_s) for times in moments)
    names, talks = np.concatenate([_names(timeline)[rows], none]), np.concatenate([talk[rows], none])
    table = np.stack((owner, start, end, what, talks, names), axis=1)
    table = table[np.lexsort(table.T[::-1])]
    bounds = np.searchsorted(table[:, 0], [[code, code + 1] for code in workers]).tolist()
    seen: dict[bytes, int] = {}
    return {
        code: seen.setdefault(table[first:last, 1:].tobytes(), code)
        for code, (first, last) in zip(workers, bounds, strict=True)
    }


def _rounded(times: Floats, makespan_s: float) -> Ints:
    return np.rint(times / (makespan_s or 1.0) * FINE).astype(np.int64)


def _names(timeline: Timeline) -> Ints:
    """Return a number for what each span is called in the chart; -1 where it has no name."""
    named = ~timeline.transfers & ~timeline.members
    codes, where = np.unique(timeline.tasks.code[named], return_inverse=True)
    numbers: dict[str, int] = {}
    called = [numbers.setdefault(brief(timeline.tasks.table[code]), len(numbers)) for code in codes.tolist()]
    found = np.full(len(timeline), -1)
    found[named] = np.array(called, np.int64)[where]
    return found
