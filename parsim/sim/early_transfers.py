"""Inputs that travel before their task is taken, to workers that the policy named beforehand: which, and when.

    order of w0      a    b    c         prefetch 0: the host's input of b leaves when a starts, that of c when b starts
    room of w0       |a......|b....|     an input of c leaves early only if a and b have room in any case

An early input never takes room that an earlier task may need, so early inputs cause no stall. On a device of one slot
with a known order, the tasks before another are earlier; elsewhere, all tasks that have not been taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parsim.core.columns import NONE, filled
from parsim.core.graph import Floats, Ints, TaskGraph
from parsim.core.job import Job
from parsim.sim.memory import limit
from parsim.sim.memory_bounds import weights_of
from parsim.sim.state import Time

Region = Sequence[slice]


class Turns:
    """Each worker's order of tasks: stated by the policy, or the order of becoming ready.

    >>> turns = Turns(tasks=3, orders=[[2, 0], [1]])
    >>> turns.due(0, prefetch=0, starts=[-1, -1, -1]), turns.due(0, prefetch=0, starts=[-1, -1, 7])
    (False, True)
    """

    def __init__(self, tasks: int, orders: Sequence[Sequence[int]]) -> None:
        self.orders = [list(order) for order in orders]
        self._worker, self._place, self._since = [NONE] * tasks, [NONE] * tasks, [0] * tasks
        for worker, order in enumerate(self.orders):
            for place, task in enumerate(order):
                self._worker[task], self._place[task] = worker, place

    def join(self, task: int, worker: int, now: Time) -> list[int]:
        """Give *task*, ready now, the place by (instant, number); return it and those that move back."""
        order, since = self.orders[worker], self._since
        place = len(order)
        while place and since[order[place - 1]] == now and order[place - 1] > task:
            place -= 1
        order.insert(place, task)
        self._worker[task], since[task] = worker, now
        moved = order[place:]
        for index, one in enumerate(moved, start=place):
            self._place[one] = index
        return moved

    def due(self, task: int, prefetch: int, starts: Sequence[int]) -> bool:
        """Return whether the host may send the input of *task*: once the task 1 + *prefetch* before it has started."""
        before = self._place[task] - 1 - prefetch
        return before < 0 or starts[self.orders[self._worker[task]][before]] >= 0

    def after(self, task: int, prefetch: int) -> int:
        """Return the task 1 + *prefetch* places behind *task*, or NONE."""
        order, place = self.orders[self._worker[task]], self._place[task] + 1 + prefetch
        return order[place] if place < len(order) else NONE


class Spare:
    """The room on one device that no earlier task can need.

    Parameters
    ----------
    tasks : the tasks of the device, in its order where that is known.
    ordered : whether only tasks before another are earlier.
    foreign : B of all inputs of each task that travel, (tasks of the graph,).
    """

    def __init__(self, graph: TaskGraph, tasks: Sequence[int], ordered: bool, foreign: Floats, room: float) -> None:
        mine = np.array(tasks, dtype=np.int64)
        self._ordered = ordered
        self._place = {task: place for place, task in enumerate(tasks)}
        self._output = filled(graph.output, len(graph))[mine]
        self._elsewhere, self._until = _waiting(graph, mine, self._place)
        self._early = np.zeros(len(mine))  # B that came early for tasks that were not taken
        own = foreign[mine] + filled(graph.memory, len(graph))[mine]
        weights = _weights(graph, mine)
        if ordered:
            self._left = room - (
                own + np.cumsum(weights) + _standing(self._output, np.where(self._elsewhere, len(mine), self._until))
            )
        else:
            self._left = room - (own + weights.sum() + self._output.sum())

    def grant(self, task: int, size: float) -> bool:
        """Say whether an input of *size* bytes may come early for *task*; if so, it has its room from now on."""
        if any(self._left[part].min(initial=math.inf) < size for part in self._earlier(self._place[task])):
            return False
        self.come(task, size)
        return True

    def come(self, task: int, size: float) -> None:
        """Note that an input of *size* bytes comes for *task*, not taken yet; lanes send whatever finds room."""
        if task not in self._place:
            return  # of a communication lane, for which no room is spared
        for part in self._earlier(self._place[task]):
            self._left[part] -= size
        self._early[self._place[task]] += size

    def take(self, task: int) -> None:
        """Note that *task* was taken: its room is reserved, and that of its early inputs will be free."""
        place = self._place[task]
        for part in self._earlier(place):
            self._left[part] += self._early[place]
        self._left[place] = math.inf

    def received(self, task: int) -> None:
        """Note that a consumer on another device has received the output of *task*."""
        place = self._place[task]
        self._elsewhere[place] -= 1
        if self._ordered and not self._elsewhere[place]:
            self._left[self._until[place] + 1 :] += self._output[place]

    def free(self, task: int) -> None:
        """Note that the output of *task* is freed; a known order has accounted for it beforehand."""
        if not self._ordered:
            self._left += self._output[self._place[task]]

    def _earlier(self, place: int) -> Region:
        return (slice(place),) if self._ordered else (slice(place), slice(place + 1, None))


def spares(job: Job, homes: Sequence[int], orders: Sequence[Sequence[int]]) -> dict[int, Spare]:
    """Return the spare room of every device that has a limit; *homes* are the workers of tasks."""
    graph, cluster = job.graph, job.cluster
    if not cluster.limited:
        return {}
    device = np.array(cluster.device_of_worker)[np.array(homes)]
    edges = graph.edges
    apart = device[edges.parent] != device[edges.child]
    foreign = np.bincount(edges.child[apart], weights=edges.size[apart], minlength=len(graph)).astype(np.float64)
    foreign += filled(graph.given, len(graph))
    first = {index: worker for worker, index in reversed(list(enumerate(cluster.device_of_worker)))}
    found = {}
    for index in cluster.limited:
        ordered = bool(orders) and cluster.devices[index].slots == 1
        tasks = orders[first[index]] if ordered else np.flatnonzero((device == index) & graph.computes).tolist()
        found[index] = Spare(graph, tasks, ordered, foreign, limit(cluster.devices[index]))
    return found


def _weights(graph: TaskGraph, tasks: Ints) -> Floats:
    """Return the bytes of weights that each of *tasks* is the first to need, (tasks,)."""
    found = np.zeros(len(tasks))
    if len(graph.group):
        first = np.unique(graph.group[tasks], return_index=True)[1]
        found[first] = weights_of(graph)[tasks[first]]
    return found


def _waiting(graph: TaskGraph, tasks: Ints, place: dict[int, int]) -> tuple[Ints, Ints]:
    """Return how many consumers each output has elsewhere, the host included, and the place of its last reader here."""
    child = graph.edges.child
    elsewhere, until = np.zeros(len(tasks), np.int64), np.arange(len(tasks))
    for index, task in enumerate(tasks.tolist()):
        places = [place.get(int(child[edge]), NONE) for edge in graph.children.of(task)]
        elsewhere[index] = places.count(NONE) + (len(graph.result) > 0 and graph.result[task] > 0)
        until[index] = max(index, *places) if places else index
    return elsewhere, until


def _standing(output: Floats, until: Ints) -> Floats:
    """Return the bytes of outputs that may be held at each place, its own output included."""
    change = np.zeros(len(output) + 2)
    np.add.at(change, np.arange(len(output)), output)
    np.add.at(change, np.minimum(until, len(output)) + 1, -output)
    return np.cumsum(change)[: len(output)]
