"""What members of collectives receive: a row for each run of rounds that one member sends to another without a pause.

member 1 receives from 0    |round 0|round 1|round 2|        |round 3|        two rows: 3 rounds, and 1
"""

from __future__ import annotations

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
        self._blocks: list[tuple[Any, ...]] = []  # of columns
        self._runs: list[tuple[Ints, Sends, int, int, int]] = []  # all sends of equal phases: from, to, how many
        self._sends: list[tuple[Any, ...]] = []  # of single rows
        self._rows = 0  # in blocks

    def send(self, tasks: Ints, sends: Sends, row: int, start: int, end: int) -> None:
        """Note that a single send has arrived; *tasks* are those of the members."""
        ends = int(tasks[sends.source[row]]), int(tasks[sends.target[row]])
        self._sends.append((*ends, start, end, 1, float(sends.size[row]), float(sends.nominal[row])))

    def in_step(self, tasks: Ints, placed: Placed, begins: Ints, first: int, until: int) -> None:
        """Note that all sends of the phases from *first* on, below *until*, took place in step: phase after phase."""
        for one, other in pairwise([first, *(phase for phase in placed.turns if first < phase < until), until]):
            if one < other:
                self._runs.append((tasks, placed.phase(one), int(begins[one]), int(begins[other]), other - one))

    def run(self, tasks: Ints, run: Run, since: int) -> None:
        """Note runs of rounds that count from *since*."""
        self._block(tasks, run.sends, run.row, run.start + since, run.end + since, run.rounds)

    def columns(self) -> Received:
        """Return the rows; runs of equal members that follow each other without a pause are one."""
        self._write_runs()
        parts = [*self._blocks, tuple(map(np.array, zip(*self._sends, strict=True)))] if self._sends else self._blocks
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

    def _write_runs(self) -> None:
        """Turn what took place in step into columns."""
        runs, self._runs = self._runs, []
        for tasks, sends, start, end, times in runs:
            rows = np.flatnonzero(sends.travels)
            begins, ends = (self._ticks.whole([tick] * len(rows)) for tick in (start, end))
            self._block(tasks, sends, rows, begins, ends, times)

    def _block(self, tasks: Ints, sends: Sends, rows: Ints, start: Ints, end: Ints, rounds: Ints | int) -> None:
        self._rows += len(rows)
        if self._rows > MOST:
            told = f"ranks that wait for each other between rounds make more than {MOST} rows in the timeline"
            raise RunError(f"{told}; use fewer devices, larger buckets, or algorithm: hierarchical")
        times = np.broadcast_to(np.asarray(rounds, dtype=np.int64), len(rows))
        ends = tasks[sends.source[rows]], tasks[sends.target[rows]]
        self._blocks.append((*ends, start, end, times, times * sends.size[rows], times * sends.nominal[rows]))


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
