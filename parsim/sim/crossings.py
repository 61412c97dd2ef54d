"""What crosses links during a run, and when; whether things meet there that should not.

link a   |--task 0--|      |--task 3--|
              |--task 1--|                    tasks 0 and 1 meet
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from parsim.core.cluster import Cluster
from parsim.core.collective import Collective
from parsim.core.columns import Floats, Ints, no_floats, no_ints
from parsim.core.job import Job
from parsim.core.timeline import Timeline


class Crossings(NamedTuple):
    """Stretches in which links are in use, a row each."""

    link: Ints
    task: Ints  # that sends, or a member of the collective
    start_s: Floats
    end_s: Floats

    def shifted(self, shift_s: Floats) -> Crossings:
        """Return the same so many seconds later, given those of each row."""
        return self._replace(start_s=self.start_s + shift_s, end_s=self.end_s + shift_s)

    def beside(self, other: Crossings) -> Crossings:
        """Return the rows of both."""
        return Crossings(
            np.concatenate([self.link, other.link]),
            np.concatenate([self.task, other.task]),
            np.concatenate([self.start_s, other.start_s]),
            np.concatenate([self.end_s, other.end_s]),
        )

    def only_alike_meet(self, label: Ints, near_s: float) -> bool:
        """Return whether all rows that meet on a link, for more than *near_s*, have one label.

        >>> both = Crossings(np.array([0, 0]), np.array([3, 7]), np.array([0.0, 2.0]), np.array([3.0, 4.0]))
        >>> both.only_alike_meet(np.array([1, 2]), near_s=0.1), both.only_alike_meet(np.array([1, 1]), near_s=0.1)
        (False, True)
        """
        order = np.lexsort((self.start_s, self.link))
        link, start, label = self.link[order], self.start_s[order], label[order]
        ends, rank = np.unique(self.end_s[order], return_inverse=True)
        latest = ends[np.maximum.accumulate(link * len(ends) + rank) % max(len(ends), 1)]  # so far on the link
        meets = (link[1:] == link[:-1]) & (start[1:] < latest[:-1] - near_s)
        return not (meets & (label[1:] != label[:-1])).any()


def crossings(job: Job, timeline: Timeline, start_s: Floats, end_s: Floats) -> Crossings:
    """Return what tasks send along edges, and what collectives send, given when tasks start and end.

    A collective is on all of its links from the first of its members to the last.
    """
    device = np.array(job.cluster.device_of_worker)[job.graph.place]
    rows = [*_sent(job, timeline, device), *_collected(job, device, start_s, end_s)]
    if not rows:
        return Crossings(no_ints(), no_ints(), no_floats(), no_floats())
    links, task, start, end = zip(*rows, strict=True)
    many = list(map(len, links))
    return Crossings(np.concatenate(links), *(np.repeat(column, many) for column in (task, start, end)))


Row = tuple[Ints, int, float, float]  # links, task, from, to


def _sent(job: Job, timeline: Timeline, device: Ints) -> Iterator[Row]:
    rows = np.flatnonzero(timeline.transfer >= 0)
    edges, edge = job.graph.edges, timeline.transfer[rows]
    parent = edges.parent[edge]
    ends = device[parent].tolist(), device[edges.child[edge]].tolist()
    times = timeline.start_s[rows].tolist(), timeline.end_s[rows].tolist()
    for source, target, task, start, end in zip(*ends, parent.tolist(), *times, strict=True):
        path = job.cluster.path(source, target) if source != target else None
        if path:  # else it is a delay
            yield np.array(path.links, np.int64), task, start, end


def _collected(job: Job, device: Ints, start_s: Floats, end_s: Floats) -> Iterator[Row]:
    some = job.graph.collectives
    members = [list(each.members) for each in some]
    flat, first = np.array([*chain.from_iterable(members)], np.int64), np.cumsum([0, *map(len, members)])[:-1]
    starts = np.minimum.reduceat(start_s[flat], first).tolist() if some else ()
    ends = np.maximum.reduceat(end_s[flat], first).tolist() if some else ()
    known: dict[tuple[int, tuple[int, ...]], Ints] = {}
    place = device.tolist()
    for each, tasks, start, end in zip(some, members, starts, ends, strict=True):
        key = id(each.phases), tuple(place[task] for task in tasks)
        if key not in known:
            known[key] = _links(each, job.cluster, device[tasks])
        yield known[key], tasks[0], start, end


def _links(collective: Collective, cluster: Cluster, device: Ints) -> Ints:
    """Return the links that a collective crosses, given the device of each member."""
    found: dict[int, None] = {}
    for phase, _ in collective.different():
        source, target = device[phase.source], device[phase.target]
        moves = (phase.size > 0) & cluster.travels(source, target)
        for path in cluster.paths(source[moves], target[moves]):
            found.update(dict.fromkeys(path.links if path else ()))
    return np.array(list(found), np.int64)
