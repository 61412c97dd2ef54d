"""The table of transfers of a graph: source, target, size, what each waits for and what waits for it.

    what                    parent   child   source      target
    between two tasks       p        c       of p        of c            the places of the workers that run p and c
    from the host           none     c       host        of c
    to the host             p        none    of p        host
    a flow                  none     none    stated      stated

A row that carries neither bytes nor seconds only orders two tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from parsim.core.cluster import HOST
from parsim.core.columns import NONE, Bools, Floats, Ints, narrow, no_floats, no_ints, share

OF_TASK, OF_HOST = -1, -2  # places that depend on who runs the task, and on the cluster


@dataclass(frozen=True)
class Edges:
    """Dependencies, a row each. An edge carries bytes, or seconds of delay, or neither.

    An edge from a task of a communication lane leaves when that task ends. Any other edge leaves when the child is
    taken, or earlier if the child's worker is known beforehand.
    """

    parent: Ints = field(default_factory=no_ints)  # (edges,) task numbers
    child: Ints = field(default_factory=no_ints)  # (edges,)
    size: Floats = field(default_factory=no_floats)  # (edges,) B
    delay: Floats = field(default_factory=no_floats)  # (edges,) s

    def __post_init__(self) -> None:
        """Keep 4 bytes a number of a task, and one value of each column whose values are all equal."""
        narrow(self, "parent", "child")
        share(self, "size", "delay")

    def __len__(self) -> int:
        return len(self.parent)


@dataclass(frozen=True)
class Flows:
    """Transfers that stand by themselves, a row each; places are device indices, the host the one after."""

    names: Sequence[str] = ()
    source: Ints = field(default_factory=no_ints)  # (flows,)
    target: Ints = field(default_factory=no_ints)  # (flows,)
    size: Floats = field(default_factory=no_floats)  # (flows,) B
    limit: Floats = field(default_factory=no_floats)  # (flows,) B/s, infinite: none
    start: Floats = field(default_factory=no_floats)  # (flows,) s

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Transfers:
    """All transfers of a graph, a row each: edges, then what the host gives, then results, then flows.

    >>> edges = Edges(np.array([0]), np.array([1]), np.array([8.0]), np.zeros(1))
    >>> table = transfers(edges, given=np.array([5.0, 0.0]), result=np.empty(0), flows=Flows(), lane=no_ints())
    >>> table.parent.tolist(), table.child.tolist(), table.size.tolist()
    ([0, -1], [1, 0], [8.0, 5.0])
    >>> table.name(0, "ab"), table.name(1, "ab")
    ('a>b', 'host>a')
    >>> [ends.tolist() for ends in table.ends(device=np.array([0, 1]), host=2)]
    [[0, 2], [1, 0]]
    """

    parent: Ints  # (transfers,) the task that sends, or NONE
    child: Ints  # (transfers,) the task that waits for it, or NONE
    source: Ints  # (transfers,) the place that it leaves, OF_TASK, or OF_HOST
    target: Ints  # (transfers,) the place that it goes to, OF_TASK, or OF_HOST
    size: Floats  # (transfers,) B
    delay: Floats  # (transfers,) s, in place of bytes
    limit: Floats  # (transfers,) B/s, infinite: none
    start: Floats  # (transfers,) s, no earlier
    lane: Ints  # (transfers,) the communication lane of its parent's worker that it takes; 0: none
    flow_names: Sequence[str]

    def __post_init__(self) -> None:
        """Keep one value of each column whose values are all equal."""
        share(self, "source", "target", "size", "delay", "limit", "start", "lane")

    def __len__(self) -> int:
        return len(self.parent)

    @cached_property
    def edges(self) -> Bools:
        """Whether each stands between two tasks."""
        return (self.parent >= 0) & (self.child >= 0)

    @cached_property
    def given(self) -> Bools:
        """Whether each is what the host gives to a task."""
        return (self.parent < 0) & (self.child >= 0)

    @cached_property
    def results(self) -> Bools:
        """Whether each is what a task sends to the host."""
        return (self.parent >= 0) & (self.child < 0)

    @cached_property
    def flows(self) -> Bools:
        """Whether each stands by itself."""
        return (self.parent < 0) & (self.child < 0)

    @property
    def first_flow(self) -> int:
        """The row of the first flow."""
        return len(self) - len(self.flow_names)

    @cached_property
    def number(self) -> Ints:
        """The `number` of each in a timeline: its child, else its parent, else its place among flows."""
        task = np.where(self.child >= 0, self.child, self.parent)
        task[self.first_flow :] = np.arange(len(self.flow_names))
        return task

    def ends(self, device: Ints, host: int) -> tuple[Ints, Ints]:
        """Return the places that each leaves and goes to, given the device of every task and the host's place."""
        return _place(self.source, self.parent, device, host), _place(self.target, self.child, device, host)

    def delayed(self, worker: Ints) -> Bools:
        """Return which are delays between different workers, given the worker of every task."""
        found: Bools = self.delay > 0
        if found.any():
            found[found] = worker[self.parent[found]] != worker[self.child[found]]
        return found

    def name(self, row: int, tasks: Sequence[str]) -> str:
        """Return the name of a transfer: of a flow its own, else PARENT>CHILD, *tasks* being the names of tasks."""
        if row >= self.first_flow:
            return self.flow_names[row - self.first_flow]
        parent, child = int(self.parent[row]), int(self.child[row])
        return f"{HOST if parent < 0 else tasks[parent]}>{HOST if child < 0 else tasks[child]}"


def transfers(edges: Edges, given: Floats, result: Floats, flows: Flows, lane: Ints) -> Transfers:
    """Put all that travels into one table; *given*, *result* and *lane* are by task, or empty."""
    gets, sends, many = np.flatnonzero(given), np.flatnonzero(result), len(flows)
    counts = len(edges), len(gets), len(sends), many

    def column(*parts: Any, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
        """Put a column together from its four parts, each an array or one value."""
        found = [
            np.broadcast_to(np.asarray(part, dtype), (count,))
            for part, count in zip(parts, counts, strict=True)
            if count
        ]
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0, dtype), *found])

    whole = np.int32
    sent_on, returned_on = (lane[edges.parent], lane[sends]) if len(lane) else (0, 0)
    return Transfers(
        parent=column(edges.parent, NONE, sends, NONE, dtype=whole),
        child=column(edges.child, gets, NONE, NONE, dtype=whole),
        source=column(OF_TASK, OF_HOST, OF_TASK, flows.source, dtype=whole),
        target=column(OF_TASK, OF_TASK, OF_HOST, flows.target, dtype=whole),
        size=column(edges.size, given[gets], result[sends], flows.size),
        delay=column(edges.delay, 0.0, 0.0, 0.0),
        limit=column(np.inf, np.inf, np.inf, flows.limit),
        start=column(0.0, 0.0, 0.0, flows.start),
        lane=column(sent_on, 0, returned_on, 0, dtype=whole),
        flow_names=flows.names,
    )


def _place(place: Ints, task: Ints, device: Ints, host: int) -> Ints:
    found = np.where(place == OF_HOST, host, place)
    mine = place == OF_TASK
    found[mine] = device[task[mine]]
    return found
