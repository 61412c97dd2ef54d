"""A microbenchmark: computes the tasks of a scenario in worker processes and times each kernel call.

    worker   |matmul|relu|matmul|cross_entropy| ...     seconds of a call: until the next call begins

So caches are as warm or cold as in a run, and the time of Python between two calls counts. Calls are timed with worker
0 alone, and with all workers at once, which share caches and memory. Transfers take the way of a replay: one worker
puts, the host hands over, another fetches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from parsim.core.errors import RunError, told
from parsim.core.escape import printable
from parsim.core.graph import TaskGraph
from parsim.core.job import Job
from parsim.core.kernel import Call
from parsim.core.profile import Timing
from parsim.core.progress import under_way
from parsim.core.threads import threads
from parsim.real.links import ALL, MOVES, SIZES, array_of, links, names_of
from parsim.real.pipes import Processes
from parsim.real.transport import Crew, Place
from parsim.real.worker import Order
from parsim.real.worker_pool import WorkerPool, started

WARM_UP = 2  # rounds that do not count
OFTEN = 4  # how often a round computes each sort of task, where there are as many
FAR = 3.0  # interquartile ranges, beyond which a time is an outlier
Seconds = dict[Call, list[float]]
Heard = Callable[[int, int], None]  # (rounds done, rounds in all)


class Step(NamedTuple):
    """A task, and where its inputs come from."""

    task: int
    name: str
    parents: tuple[tuple[int, slice], ...]
    done: tuple[int, ...]  # tasks whose outputs are not needed after it


@dataclass(frozen=True)
class Microbenchmark:
    """A program for worker processes: task 0 plays a round of all the work, any other makes an array."""

    program: Any
    given: dict[int, Sequence[Any]] | None  # None: the program draws it
    steps: tuple[Step, ...]
    light = False

    def prepare(self, tasks: Sequence[int]) -> None:
        """Do nothing: the first rounds do not count."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Play a round, or make an array."""
        if not task:
            return [self.round(), threads()]
        return [array_of(task)]

    def round(self) -> Seconds:
        """Compute every task once; return the seconds of every call."""
        begun: list[tuple[Call | None, float]] = []
        program = self.program.watched(lambda call: begun.append((call, perf_counter())))
        program.prepare(())  # what is looked up once is no part of a call
        begun.clear()
        given = program.given if self.given is None else self.given
        made: dict[int, list[Any]] = {}
        for task, name, parents, done in self.steps:
            received = [given[task]] if task in given else []
            received += [made[parent][part] for parent, part in parents]
            begun.append((None, perf_counter()))
            try:
                made[task] = program.compute(task, received)
            except Exception as error:  # a kernel may raise anything
                raise RunError(printable(f"task {name}: {told(error)}")) from error
            begun.append((None, perf_counter()))
            for one in done:
                made.pop(one, None)
        return _spent(begun)


def _spent(begun: list[tuple[Call | None, float]]) -> Seconds:
    """Return the seconds of each call, until the next call begins; set-up counts towards the first call of a task."""
    spent: Seconds = defaultdict(list)
    before = 0.0
    for (call, start), (_, end) in pairwise(begun):
        if call is None:
            before = end - start
        else:
            spent[call].append(before + end - start)
            before = 0.0
    return dict(spent)


def microbenchmark(job: Job, order: Sequence[int]) -> Microbenchmark:
    """Return what measures a job: its tasks in an *order* in which parents come first, until each sort came often."""
    graph = job.graph
    assert graph.program is not None
    given = None if not graph.program.light else dict(graph.program.given)
    return Microbenchmark(graph.program, given, tuple(_steps(graph, _enough(graph, order))))


def _enough(graph: TaskGraph, order: Sequence[int]) -> list[int]:
    """Return the first part of *order* in which every recipe comes `OFTEN` times, or as often as it can."""
    recipe, left = graph.recipe.tolist(), Counter(graph.recipe.tolist())
    missing = {kind: min(OFTEN, count) for kind, count in left.items()}
    for place, task in enumerate(order):
        missing[recipe[task]] -= 1
        if all(count <= 0 for count in missing.values()):
            return list(order[: place + 1])
    return list(order)


def _steps(graph: TaskGraph, order: Sequence[int]) -> list[Step]:
    program, edge_parent = graph.program, graph.edges.parent.tolist()
    assert program is not None
    into = {task: graph.parents.of(task) for task in order}
    last = {task: task for task in order} | {edge_parent[edge]: task for task in order for edge in into[task]}
    done: dict[int, list[int]] = defaultdict(list)
    for task, user in last.items():
        done[user].append(task)
    return [
        Step(
            task,
            graph.names[task],
            tuple((edge_parent[edge], program.hands(edge)) for edge in into[task]),
            tuple(done[task]),
        )
        for task in order
    ]


class Found(NamedTuple):
    """What a microbenchmark has measured."""

    alone: dict[Call, Timing]
    busy: dict[Call, Timing]
    threads: int | None  # of the linear algebra in the workers; None: its library does not say
    moves: list[tuple[float, float]]  # (B, median s)
    overhead_s: float


def measure(work: Microbenchmark, workers: int, repeat: int, heard: Heard, timeout_s: float) -> Found:
    """Measure on so many *workers*, *repeat* rounds of each sort; *heard* is told how far it is.

    It fails where no round ends for *timeout_s*.
    """
    names, done = [f"w{index}" for index in range(max(workers, 2))], 0
    rounds = 2 * (WARM_UP + repeat)
    tasks = ["the microbenchmark", *names_of(MOVES)]
    places = [Place(own, (), 0, 0.0) for own in range(len(names))]
    crew = Crew(names, tasks, places, [2.0 * SIZES[-1]] * (len(names) + 1))
    with (
        started(Processes(), crew, work, timeout_s) as members,
        under_way("rounds", rounds, lambda: done),
    ):
        found = []
        for busy in (range(1), range(workers)):
            spent: Seconds = defaultdict(list)
            for turn in range(WARM_UP + repeat):
                took, pinned = _round(members, busy)
                for call, times in took:
                    spent[call] += times if turn >= WARM_UP else []
                done += 1
                heard(done, rounds)
            found.append({call: timing(times) for call, times in spent.items()})
        moved = links(members, 1, MOVES)
        return Found(found[0], found[1], pinned, moved.workers, moved.overhead_s)


def _round(members: WorkerPool, workers: range) -> tuple[list[tuple[Call, list[float]]], int | None]:
    """Let some workers play a round at once; return the seconds of calls and the number of threads."""
    for worker in workers:
        members.order(worker, Order(0, (), (ALL,), False, False, ()))
    spent: list[tuple[Call, list[float]]] = []
    pinned: list[int | None] = []
    while len(pinned) < len(workers):
        for one in members.hear():
            spent += one.report.shared[0].items()
            pinned.append(one.report.shared[1])
    return spent, max((some for some in pinned if some is not None), default=None)


def timing(times: Sequence[float]) -> Timing:
    """Summarise the seconds of a call.

    >>> timing([1.0, 2.0, 3.0, 2.0, 50.0])
    Timing(median_s=2.0, spread_s=1.0, runs=5, outliers=1)
    """
    low, median, high = np.percentile(times, (25, 50, 75)).tolist()
    far = FAR * (high - low)
    outliers = sum(not low - far <= one <= high + far for one in times)
    return Timing(median, high - low, len(times), outliers)
