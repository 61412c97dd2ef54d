"""What members of collectives receive: a row for each run of rounds that one member sends to another without a pause.

member 1 receives from 0    |round 0|round 1|round 2|        |round 3|        two rows: 3 rounds, and 1
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Floats, Ints, no_floats, no_ints
from parsim.core.errors import RunError
from parsim.sim.placed import Placed, Run, Sends
from parsim.sim.ticks import Ticks

MOST = 12_000_000  # rows, some 200 B each


class Received(NamedTuple):
    """Runs of rounds, a row each; sorted by sender, receiver and start."""

    sender: Ints = no_ints()  # the task that sends
    receiver: Ints = no_ints()  # the task that receives
    start_s: Floats = no_floats()
    end_s: Floats = no_floats()
    rounds: Ints = no_ints()
    size: Floats = no_floats()  # B of all its rounds
    nominal_s: Floats = no_floats()


class Log:
    """Notes what members receive.

    Parameters
    ----------
    ticks : what a tick is.
    """

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._sends: list[tuple[Any, ...]] = []  # of single rows
        self._steps: dict[int, tuple[Sends, list[Step]]] = {}
        self._whole: dict[int, tuple[Placed, Ints, list[Since]]] = {}  # of each list of begins of phases
        self._runs: dict[int, tuple[Run, list[Since]]] = {}  # the tasks of its members, and since when
        self._rows = 0

    def send(self, tasks: Sequence[int], sends: Sends, row: int, start: int, end: int) -> None:
        """Note that a single send has arrived; *tasks* are those of the members."""
        ends = int(tasks[sends.source[row]]), int(tasks[sends.target[row]])
        self._sends.append((*ends, start, end, 1, float(sends.size[row]), float(sends.nominal[row])))

    def in_step(self, tasks: Sequence[int], placed: Placed, begins: Ints, first: int, until: int) -> None:
        """Note that all sends of the phases from *first* on, below *until*, took place in step: phase after phase."""
        for one, other in pairwise([first, *(phase for phase in placed.turns if first < phase < until), until]):
            if one < other:
                sends = placed.phase(one)
                row = tasks, int(begins[one]), int(begins[other]), other - one
                self._steps.setdefault(id(sends), (sends, []))[1].append(row)

    def whole(self, tasks: Sequence[int], placed: Placed, begins: Ints, since: int) -> None:
        """Note that all phases took place in step; their *begins* count from *since*."""
        self._whole.setdefault(id(begins), (placed, begins, []))[2].append((tasks, since))

    def run(self, tasks: Sequence[int], run: Run, since: int) -> None:
        """Note runs of rounds that count from *since*."""
        self._count(len(run.row))
        self._runs.setdefault(id(run), (run, []))[1].append((tasks, since))

    def columns(self) -> Received:
        """Return the rows; runs of equal members that follow each other without a pause are one."""
        parts: list[tuple[Any, ...]] = [*self._of_whole(), *self._of_steps(), *self._of_runs()]
        parts += [tuple(map(np.array, zip(*self._sends, strict=True)))] if self._sends else []
        if not parts:
            return Received()
        sender, receiver, start, end, rounds, size, nominal = map(np.concatenate, zip(*parts, strict=True))
        if not len(sender):
            return Received()
        pair = sender * (int(receiver.max()) + 1) + receiver
        order = np.lexsort((end, start, pair)) if start.dtype != np.int64 else _by_pair_and_start(pair, start, end)
        sender, receiver, start, end = sender[order], receiver[order], start[order], end[order]
        opens = np.ones(len(order), dtype=bool)
        opens[1:] = (sender[1:] != sender[:-1]) | (receiver[1:] != receiver[:-1]) | (start[1:] != end[:-1])
        first = np.flatnonzero(opens)
        last = np.append(first[1:], len(order)) - 1
        return Received(
            sender[first],
            receiver[first],
            self._ticks.times(start[first]),
            self._ticks.times(end[last]),
            *(np.add.reduceat(column[order], first) for column in (rounds, size, nominal)),
        )

    def _of_whole(self) -> Iterator[Block]:
        """Yield what took place in step from its first phase to its last."""
        for placed, begins, rows in self._whole.values():
            tasks, since = zip(*rows, strict=True)
            later, members = self._ticks.whole(since), np.stack(tasks)
            for one, other in pairwise([0, *(phase for phase in placed.turns if phase < placed.length), placed.length]):
                sends = placed.phase(one)
                there = np.flatnonzero(sends.travels)
                self._count(len(rows) * len(there))
                start, end = (np.repeat(later + begins[phase], len(there)) for phase in (one, other))
                yield _block(members, sends, there, start, end, np.full(len(start), other - one))

    def _of_steps(self) -> Iterator[Block]:
        """Yield what took place in step."""
        for sends, rows in self._steps.values():
            there = np.flatnonzero(sends.travels)
            self._count(len(rows) * len(there))
            tasks, *bounds, times = zip(*rows, strict=True)
            start, end = (np.repeat(self._ticks.whole(ticks), len(there)) for ticks in bounds)
            yield _block(np.stack(tasks), sends, there, start, end, np.repeat(np.array(times), len(there)))

    def _of_runs(self) -> Iterator[Block]:
        """Yield what was foreseen."""
        for run, rows in self._runs.values():
            tasks, since = zip(*rows, strict=True)
            later = self._ticks.whole(since)[:, None]
            start, end = ((later + ticks).ravel() for ticks in (run.start, run.end))
            yield _block(np.stack(tasks), run.sends, run.row, start, end, np.tile(run.rounds, len(rows)))

    def _count(self, rows: int) -> None:
        self._rows += rows
        if self._rows > MOST:
            told = f"ranks that wait for each other between rounds make more than {MOST} rows in the timeline"
            raise RunError(f"{told}; use fewer devices, larger buckets, or algorithm: hierarchical")


Step = tuple[Sequence[int], int, int, int]  # tasks of members, from, to, how many phases
Since = tuple[Sequence[int], int]  # tasks of members, and the ticks from which what they receive counts
Block = tuple[Ints, Ints, Ints, Ints, Ints, Floats, Floats]  # the columns of `Received`, with ticks in place of seconds


def _block(tasks: Ints, sends: Sends, rows: Ints, start: Ints, end: Ints, rounds: Ints) -> Block:
    """Return what the collectives whose members are *tasks* receive by *rows* of their sends, (collectives x rows,)."""
    ends = tasks[:, sends.source[rows]].ravel(), tasks[:, sends.target[rows]].ravel()
    size, nominal = (np.tile(column[rows], len(tasks)) for column in (sends.size, sends.nominal))
    return *ends, start, end, rounds, rounds * size, rounds * nominal


def run_of(sends: Sends, start: Ints, end: Ints) -> Run:
    """Return the runs of consecutive equal phases, given when their sends begin and arrive, (phases, sends)."""
    there = np.flatnonzero(sends.travels)
    start, end = start[:, there].T, end[:, there].T
    opens = np.ones(start.shape, dtype=bool)
    opens[:, 1:] = start[:, 1:] != end[:, :-1]
    closes = np.ones_like(opens)
    closes[:, :-1] = opens[:, 1:]
    place, first = np.nonzero(opens)
    last = np.nonzero(closes)[1]
    return Run(sends, there[place], start[opens], end[closes], last - first + 1)


def _by_pair_and_start(pair: Ints, start: Ints, end: Ints) -> Ints:
    """Return the order by pair, start and end; most rows differ in one of the first two, and come nearly sorted."""
    order = np.argsort(start, kind="stable")
    order = order[np.argsort(pair[order], kind="stable")]
    tied = np.flatnonzero((np.diff(pair[order]) == 0) & (np.diff(start[order]) == 0))
    return np.lexsort((end, start, pair)) if len(tied) else order
