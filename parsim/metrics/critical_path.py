"""The critical path: the chain of spans that decides the makespan.

    w0   |host>a|---- a ----|                      read backwards from the last end, by what each span waited for:
    w1                      |a>b|--- b ---|
    w2   |--- c ---|             :        |        b  <-  a>b  <-  a  <-  host>a  <-  the start
                                 :
    memory, policy: the chain continues at the span that ended last before, so that only the time between is lost

In a simulated run each span starts when its predecessor ends. On a wall clock there are gaps.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, distinct, look_up
from parsim.core.graph import Bools, Floats, Ints
from parsim.core.timeline import STEPS, Timeline


class Step(NamedTuple):
    """A span of the chain."""

    row: int  # of the timeline
    waited: str  # why it started then: the name of a span, a cause, or nothing


def critical_path(timeline: Timeline) -> list[Step]:
    """Return the chain that ends last, in order of time; of several that end last, the one of highest number.

    The lengths of its spans and the `gaps` before them add up to the makespan.
    """
    if not len(timeline):
        return []
    ends = _Ends(timeline)
    waited = waited_rows(timeline)
    named, alone = waited.tolist(), _alone(timeline, waited == NONE).tolist()
    last = np.flatnonzero(timeline.end_s == timeline.end_s.max())
    row = int(last[np.lexsort((last, timeline.number[last]))[-1]])
    rows: dict[int, None] = {}  # a dict keeps the order
    while row != NONE and row not in rows:  # in a foreign trace two spans may wait for each other
        rows[row] = None
        row = named[row] if named[row] != NONE or alone[row] else ends.before(row)
    chain = [*reversed(rows)]
    return [Step(row, _waited(timeline, row, before)) for before, row in zip([NONE, *chain], chain, strict=False)]


def gaps(timeline: Timeline, path: list[Step]) -> list[float]:
    """Return the gap before each span of the chain, in seconds."""
    rows = [step.row for step in path]
    ended = [0.0, *timeline.end_s[rows].tolist()]
    return [start - end for start, end in zip(timeline.start_s[rows].tolist(), ended, strict=False)]


def waited_rows(timeline: Timeline) -> Ints:
    """Return the row of the span that each span waited for, the last of that name that had ended by then; or NONE."""
    tasks, waits = timeline.tasks, timeline.waits
    named, wanted = tasks.code.astype(np.int64), waits.code.astype(np.int64)  # their products are beyond 32 bits
    if waits.table is not tasks.table:
        code = {word: place for place, word in enumerate(tasks.table) if word}
        wanted = np.array([code.get(word, NONE) for word in waits.table], dtype=np.int64)[wanted]
    ends = distinct(timeline.end_s)
    order = np.lexsort((timeline.end_s, named))
    ended = named * len(ends) + np.searchsorted(ends, timeline.end_s)
    last = wanted * len(ends) + np.searchsorted(ends, timeline.start_s, side="right") - 1
    found = np.searchsorted(ended[order], last, side="right") - 1
    row = np.where(found >= 0, order[found], NONE)
    good = (named[row] == wanted) & (timeline.end_s[row] <= timeline.start_s)
    return np.where(good, row, NONE)


def _alone(timeline: Timeline, among: Bools) -> Bools:
    """Return which spans *among* some waited for nothing: they started at once, and are not steps, (spans,)."""
    silent = np.unique(timeline.waits.code[among])  # a word for each span would take long
    silent = silent[[not word for word in look_up(timeline.waits.table, silent.tolist())]]
    kinds = np.array([kind in STEPS for kind in timeline.kinds.table], dtype=bool)
    at_once: Bools = among & np.isin(timeline.waits.code, silent) & (timeline.start_s <= timeline.ready_s)
    at_once &= ~kinds[timeline.kinds.code]
    return at_once


def _waited(timeline: Timeline, row: int, before: int) -> str:
    word = str(timeline.waits.table[int(timeline.waits.code[row])])
    return word or (str(timeline.tasks.table[int(timeline.tasks.code[before])]) if before != NONE else "")


class _Ends:
    """Finds the span that ended last before a moment. Spans of no length decide nothing and are ignored."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def before(self, row: int) -> int:
        """Return the span that ended last before *row* started: on its device if possible, highest number; or NONE."""
        moment = self._timeline.start_s[row]
        anywhere = self._last(self._by_end, moment)
        here = self._last(self._by_device[int(self._device[row])], moment)
        end = self._timeline.end_s
        return here if here != NONE and end[here] == end[anywhere] else anywhere

    def _last(self, rows: tuple[Ints, Floats], moment: float) -> int:
        order, ends = rows
        found = int(np.searchsorted(ends, moment, side="right")) - 1
        return int(order[found]) if found >= 0 else NONE

    @cached_property
    def _long(self) -> Ints:
        """The rows that take time, by end, then number."""
        rows = np.flatnonzero(self._timeline.start_s < self._timeline.end_s)
        return rows[np.lexsort((self._timeline.number[rows], self._timeline.end_s[rows]))]

    @cached_property
    def _by_end(self) -> tuple[Ints, Floats]:
        return self._long, self._timeline.end_s[self._long]

    @cached_property
    def _device(self) -> Ints:
        """The number of each span's device, read from its worker's name: `w0.1` is a slot of `w0`, (spans,)."""
        names = [name.rpartition(".")[0] or name for name in self._timeline.workers.table]
        number = {name: place for place, name in enumerate(dict.fromkeys(names))}
        device: Ints = np.array([number[name] for name in names])[self._timeline.workers.code]
        return device

    @cached_property
    def _by_device(self) -> list[tuple[Ints, Floats]]:
        rows = self._long[np.argsort(self._device[self._long], kind="stable")]
        parts = np.split(rows, np.searchsorted(self._device[rows], np.arange(1, self._device.max() + 1)))
        return [(part, self._timeline.end_s[part]) for part in parts]
