"""What the links between workers and host take: arrays of several sizes are handed over, again and again.

    w0  |kernel|put| -report-> host -order-> w1 |fetch|      put and fetch, each by its own clock
                     |fetch|put| -order-> w0 |fetch|         the same to the host, and back

A message costs the same whatever it is about; it belongs to the overhead of a task.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import NONE
from parsim.core.kernel import Array
from parsim.core.progress import under_way
from parsim.real.arena import Ref, get
from parsim.real.transport import Crew, Launch, Place
from parsim.real.worker import Input, Order, part_of
from parsim.real.worker_pool import WorkerPool, started

ALL = part_of(slice(None))
SIZES = (64, 65536, 262144, 1048576, 4194304, 8388608)  # B
MOVES = 7  # of each size, for a profile of kernels
LEAST = 1e-6  # s of a transfer
HEAVY = 384  # rows and columns of the product that comes before: caches are as a kernel leaves them
Points = list[tuple[float, float]]  # (B, median s)


def array_of(task: int) -> Array:
    """Return the array that *task* makes, from 1 on, after a kernel."""
    square = np.ones((HEAVY, HEAVY))
    return np.full(SIZES[(task - 1) % len(SIZES)] // 8, (square @ square)[0, 0])


@dataclass(frozen=True)
class Arrays:
    """A program whose tasks make arrays, from 1 on."""

    def prepare(self, tasks: Sequence[int]) -> None:
        """Do nothing."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Make an array."""
        return [array_of(task)]


class Links(NamedTuple):
    """What the links of a machine, or of an MPI job, take."""

    workers: Points  # from the first worker to the last; with one worker, as with the host
    host: Points  # between the first worker and the host, the mean of both ways
    overhead_s: float  # of any task


def measure_links(launch: Launch, workers: int, times: int, timeout_s: float = inf) -> Links:
    """Hand over arrays of each size so many *times*, between the first and the last worker, and with the host."""
    names, room = [f"w{index}" for index in range(workers)], [2.0 * SIZES[-1]] * (workers + 1)
    places = [Place(own, (), 0, 0.0) for own in range(workers)]
    crew = Crew(names, ["", *names_of(times)], places, room)
    with started(launch, crew, Arrays(), timeout_s) as members:
        return links(members, workers - 1, times)


def names_of(times: int) -> list[str]:
    """Return the names of the tasks from 1 on that `links` orders."""
    return [f"hand-over {turn}" for turn in range(len(SIZES) * (times + 1))]


def links(members: WorkerPool, last: int, times: int) -> Links:
    """Measure links between worker 0, the *last*, and the host; the workers make arrays as `array_of` says."""
    took: dict[int, list[tuple[float, float, float]]] = defaultdict(list)
    tasks, done = len(SIZES) * (times + 1), 0
    with under_way("hand-overs", tasks, lambda: done):
        for task in range(1, tasks + 1):
            found = _copies(members, task, last)
            if task > len(SIZES):  # the first of each size do not count
                took[SIZES[(task - 1) % len(SIZES)]].append(found)
            done = task
    median = {size: np.median(rows, axis=0).tolist() for size, rows in took.items()}
    there, host = ([(float(size), max(row[which], LEAST)) for size, row in median.items()] for which in (0, 1))
    return Links(there, host, median[SIZES[0]][2])


def _copies(members: WorkerPool, task: int, last: int) -> tuple[float, float, float]:
    """Return what an array takes from the first worker to the last, and with the host; and the overhead of a task."""
    own = members.arenas[-1]
    handed = members.order(0, Order(task, (), (ALL,), False, True, (task - 1,)))
    (made,) = members.hear()
    report, heard = made.report, members.now()
    put, overhead = report.sent - report.end, heard - handed - (report.sent - report.start)
    begin = monotonic()
    (array,) = get(members.arenas, [report.shared[0]])
    ref = own.put(array)
    with_host = put + monotonic() - begin + _fetch(members, 0, ref)
    if isinstance(ref, Ref):
        own.free(ref)
    there = put + _fetch(members, last, report.shared[0]) if last else with_host / 2
    return there, with_host / 2, max(overhead, 0.0)


def _fetch(members: WorkerPool, worker: int, ref: Any) -> float:
    """Let a worker fetch an array; return the seconds."""
    members.order(worker, Order(1, (Input(0, NONE, ALL, [ref]),), (), False, False, ()))
    (taken,) = members.hear()
    _, seen, there = taken.report.moves[0]
    return there - seen


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Fit seconds = alpha + beta x size, each point by its relative error; neither is negative.

    >>> alpha, beta = line([(0.0, 1.0), (100.0, 3.0)])
    >>> round(alpha, 9), round(beta, 9)
    (1.0, 0.02)
    """
    size, seconds = np.array(points).T
    design = np.stack([np.ones_like(size), size], axis=1) / seconds[:, None]
    (alpha, beta), *_ = np.linalg.lstsq(design, np.ones(len(size)), rcond=None)
    return max(float(alpha), 0.0), max(float(beta), 0.0)
