"""Longest paths through a graph of tasks: the earliest start of each task.

    a --lag--> b       b starts no earlier than the end of a plus the lag
    c -------> b

A *wave* contains all tasks whose parents have been visited. Wide waves are processed as arrays, narrow ones task by
task (Kahn, Topological sorting of large networks, Communications of the ACM 5(11), 1962).
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from parsim.core.columns import NEVER, Floats, Ints, packed

NARROW = 12  # tasks per wave, below which arrays are slower than a loop
GRACE = 128  # waves before that is decided
Times = TypeVar("Times", Ints, Floats)


class _Edges(NamedTuple):
    """Edges sorted by parent: those of task i are in rows first[i]:first[i + 1]."""

    first: Ints
    child: Ints
    lag: npt.NDArray[Any]


def longest_paths(parent: Ints, child: Ints, lag: Times, own: Times, earliest: Times) -> Times:
    """Return the start of each task, (tasks,), in the unit of the arguments; NEVER where tasks wait for each other.

    A time is the sum of the times along one path, added in its order.

    Parameters
    ----------
    parent, child : task numbers of the edges, (edges,).
    lag : least time from the end of the parent to the start of the child, (edges,).
    own : duration of each task, (tasks,).
    earliest : start of each task if it has no parents, (tasks,).

    >>> a, b, c = 0, 1, 2
    >>> parent, child, lag = np.array([a, c, c]), np.array([b, b, c]), np.array([1, 0, 0])
    >>> longest_paths(parent[:2], child[:2], lag[:2], np.array([2, 9, 4]), np.zeros(3, int)).tolist()
    [0, 4, 0]
    >>> longest_paths(parent, child, lag, np.array([2, 9, 4]), np.zeros(3, int)).tolist()
    [0, -1, -1]
    """
    order = np.argsort(parent, kind="stable")
    child, lag = child[order], lag[order]
    degree = np.bincount(parent, minlength=len(own))
    first = np.concatenate(([0], np.cumsum(degree)))
    stop, numbers = first[1:], np.arange(len(parent), dtype=np.int32)
    missing = np.bincount(child, minlength=len(own))
    starts = earliest.copy()
    place = np.zeros(len(own), np.int32)  # index of a task among those that a wave releases
    wave, waves, passed = np.flatnonzero(missing == 0), 0, 0
    while len(wave) and (waves < GRACE or passed > NARROW * waves):
        waves, passed = waves + 1, passed + len(wave)
        end, count = starts[wave] + own[wave], degree[wave]
        sums = count.cumsum()
        edge = (stop[wave] - sums).repeat(count) + numbers[: sums[-1]]
        to = child[edge]
        np.maximum.at(starts, to, end.repeat(count) + lag[edge])
        np.subtract.at(missing, to, 1)
        free = to[missing[to] == 0]
        place[free] = numbers[: len(free)]
        wave = free[place[free] == numbers[: len(free)]]  # each task once
    if len(wave):
        _one_by_one(wave, _Edges(first, child, lag), own, starts, missing)
    starts[missing > 0] = NEVER
    return starts


def depths(parent: Ints, child: Ints, tasks: int) -> Ints:
    """Return the number of tasks before each on the longest chain, (tasks,); NEVER where tasks wait for each other.

    >>> depths(np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3]), 5).tolist()
    [0, 1, 1, 2, 0]
    """
    nothing = np.zeros(tasks, np.int64)
    return longest_paths(parent, child, np.ones(len(parent), np.int64), nothing, nothing)


def _one_by_one(wave: Ints, edges: _Edges, own: Times, starts: Times, missing: Ints) -> None:
    """Continue from *wave* task by task; update *starts*, and the numbers of *missing* parents."""
    free, start, left, took = wave.tolist(), starts.tolist(), missing.tolist(), own.tolist()
    begin, to, wait = packed(edges.first), packed(edges.child), edges.lag.tolist()
    while free:
        task = free.pop()
        end = start[task] + took[task]
        for edge in range(begin[task], begin[task + 1]):
            one = to[edge]
            there = end + wait[edge]
            if start[one] < there:
                start[one] = there
            left[one] -= 1
            if not left[one]:
                free.append(one)
    starts[:], missing[:] = start, left
