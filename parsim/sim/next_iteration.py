"""When a second iteration of training ends, told from the run of one.

    first    |--a--|--b--|        |--c--|
    second                  |--a--|--b--|        |--c--|      each task as long as in the first, by its own shift later

A task of a worker or a lane starts as soon as its inputs are there and the task before it there is over. So shifts are
longest paths: a task is as late as what it waits for, less the time for which that was there already in the first
iteration. This holds if tasks take their turns in the same order, all that meets on a link is shifted together, and
nothing of one iteration meets the other. All three are checked; where one fails, the second iteration must be played.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from parsim.core.columns import NONE, Floats, Ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline
from parsim.sim.crossings import crossings

PASSES = 40  # over all tasks, after which shifts must be known; few tasks are shifted unlike the others
NEAR = 1e-12  # of the makespan: times so near are one
NOT_AT_ALL = -np.inf


def second_end_s(job: Job, timeline: Timeline, renewed: Ints, waiting: Ints) -> float | None:
    """Return when all of a second iteration has ended and arrived; None: it must be played.

    Parameters
    ----------
    job, timeline : the run of one iteration, at its expected seconds.
    renewed, waiting : a task, and one of the next iteration that waits for its end, (pairs,).
    """
    return _Following(job, timeline, renewed, waiting).end_s() if _plain(job) else None


def _plain(job: Job) -> bool:
    """Return whether tasks wait for their inputs and turns alone, and links carry as much at any time."""
    graph, cluster = job.graph, job.cluster
    edges_alone = len(graph.transfers) == len(graph.edges) and graph.sends != "blocking"
    return edges_alone and not (job.prefetch or cluster.limited or cluster.slows or cluster.profiles)


class _Following:
    """Two iterations, one after the other.

    Attributes
    ----------
    ready, start, end, over : of the tasks of the first iteration, (tasks,); a task of a lane is over when all that it
        sends on has arrived.
    arrival : when what an edge carries is there, (edges,).
    lane : the lane of each task, among those of all workers, and the compute slots, (tasks,).
    before : the task before each on its lane, (tasks,); NONE: it is the first there.
    """

    def __init__(self, job: Job, timeline: Timeline, renewed: Ints, waiting: Ints) -> None:
        self.job, self.timeline, self.near = job, timeline, NEAR * timeline.makespan_s
        graph, edges, tasks = job.graph, job.graph.edges, len(job.graph)
        self.start, self.end = np.empty((2, tasks))
        rows = np.flatnonzero(timeline.of_tasks)
        self.start[timeline.number[rows]] = timeline.start_s[rows]
        self.end[timeline.number[rows]] = timeline.end_s[rows]
        moved = np.flatnonzero(timeline.transfer >= 0)
        self.arrival = self.end[edges.parent]
        self.arrival[timeline.transfer[moved]] = timeline.end_s[moved]
        self.over = self.end.copy()
        np.maximum.at(self.over, edges.parent, np.where(graph.computes[edges.parent], 0.0, self.arrival))
        self.ready = np.full(tasks, job.begun_s)
        np.maximum.at(self.ready, edges.child, self.arrival)
        self.lane = graph.place * (1 + len(graph.lanes)) + graph.lane
        order = np.lexsort((np.arange(tasks), self.ready, self.start, self.lane))
        opens = np.append(True, np.diff(self.lane[order]) != 0)
        self.before = np.empty(tasks, np.int64)
        self.before[order] = np.where(opens, NONE, np.roll(order, 1))
        self._opening = order[opens]  # of the tasks of each lane, the first one
        self._closing = order[np.roll(opens, -1)]
        self.given = self._given(renewed, waiting)

    def _given(self, renewed: Ints, waiting: Ints) -> Floats:
        """Return when tasks of the second iteration have all that they need of the first, (tasks,)."""
        found = np.full(len(self.start), NOT_AT_ALL)
        found[np.bincount(self.job.graph.edges.child, minlength=len(found)) == 0] = self.job.begun_s
        np.maximum.at(found, waiting, self.end[renewed])
        return found

    def end_s(self) -> float | None:
        """Return when the second iteration is over; None: it is not known."""
        if not self._explained():
            return None
        shift = self._shifts()
        if shift is None or not self._in_turn(shift) or not self._apart(shift):
            return None
        return float(np.concatenate([self.over, self.over + shift]).max())

    def _explained(self) -> bool:
        """Return whether all tasks of the first iteration start when they are ready and their turn has come."""
        turn = np.where(self.before == NONE, self.ready, self.over[self.before])
        return bool((np.maximum(self.ready, turn) == self.start).all())

    # -- shifts

    @cached_property
    def _waits(self) -> tuple[Ints, Ints, Floats]:
        """Who waits for whom, by child, and for how long what it waits for has been there, (waits,) each."""
        edges, behind = self.job.graph.edges, np.flatnonzero(self.before != NONE)
        parent = np.concatenate([edges.parent, self.before[behind]])
        child = np.concatenate([edges.child, behind])
        there = np.concatenate([self.arrival, self.over[self.before[behind]]])
        order = np.argsort(child, kind="stable")
        return parent[order], child[order], (self.start[child] - there)[order]

    def _shifts(self) -> Floats | None:
        """Return by how much later tasks start than in the first iteration, (tasks,); None: it is not known."""
        parent, child, early = self._waits
        waiting, first = np.unique(child, return_index=True)
        least = self.given.copy()
        least[self._opening] = np.maximum(least[self._opening], self.over[self._closing])
        least -= self.start
        shift = np.full(len(least), least[self._origin()])
        for _ in range(PASSES):
            after = least.copy()
            if len(waiting):
                after[waiting] = np.maximum(after[waiting], np.maximum.reduceat(shift[parent] - early, first))
            if (np.abs(after - shift) <= self.near).all():
                return after
            shift = after
        return None

    def _origin(self) -> int:
        """Return the task with which the critical path of the first iteration begins."""
        parent, child, early = self._waits
        decisive = np.full(len(self.start), NONE)
        decisive[child[early == 0]] = parent[early == 0]
        task, before = int(np.argmax(self.over)), decisive.tolist()
        while before[task] != NONE:
            task = before[task]
        return task

    # -- what must hold

    def _in_turn(self, shift: Floats) -> bool:
        """Return whether tasks of lanes, which take their turns as they become ready, keep their order."""
        edges, of_lane = self.job.graph.edges, ~self.job.graph.computes
        ready = self.given.copy()
        np.maximum.at(ready, edges.child, self.arrival + shift[edges.parent])
        later = np.flatnonzero(of_lane & (self.before != NONE))
        sooner = self.before[later]
        apart, tied = ready[later] - ready[sooner], self.ready[later] == self.ready[sooner]
        follows = (apart > self.near) | (tied & (np.abs(apart) <= self.near))
        begins = of_lane[self._opening]
        new = ready[self._opening[begins]] > self.ready[self._closing[begins]] + self.near
        return bool(follows.all() and new.all())

    def _apart(self, shift: Floats) -> bool:
        """Return whether all that meets on a link is shifted together, and nothing of one iteration meets the other."""
        order = np.argsort(shift)
        group = np.empty(len(shift), np.int64)  # tasks of one group have one shift
        group[order] = np.cumsum(np.append(False, np.diff(shift[order]) > self.near))
        if any(len(set(group[list(each.members)].tolist())) > 1 for each in self.job.graph.collectives):
            return False
        first = crossings(self.job, self.timeline, self.start, self.end)
        both, own = first.beside(first.shifted(shift[first.task])), group[first.task]
        alike = first.only_alike_meet(own, self.near)
        return alike and both.only_alike_meet(np.concatenate([own, own + len(shift)]), self.near)
