"""The task graph: tasks, edges and flows as columns, and the program that computes real values."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from parsim.core.collective import Collective
from parsim.core.columns import Bools as Bools
from parsim.core.columns import Floats as Floats
from parsim.core.columns import Ints as Ints
from parsim.core.columns import Numbered as Numbered
from parsim.core.columns import distinct, packed, share
from parsim.core.columns import no_bools as no_bools
from parsim.core.columns import no_floats as no_floats
from parsim.core.columns import no_ints as no_ints
from parsim.core.errors import Path
from parsim.core.fold import Fold
from parsim.core.kernel import Call, Tell
from parsim.core.precision import FP64, Precision
from parsim.core.transfers import Edges as Edges
from parsim.core.transfers import Flows as Flows
from parsim.core.transfers import Transfers, transfers

Sends = Literal["overlapped", "blocking"]


class Neighbours(NamedTuple):
    """The edges of each task, in plain arrays that Python reads one by one."""

    first: array[int]  # (tasks + 1,)
    order: array[int]  # (edges,) edge numbers

    def of(self, task: int) -> array[int]:
        """Return the numbers of the edges of *task*."""
        return self.order[self.first[task] : self.first[task + 1]]


class Kept(NamedTuple):
    """What a device keeps from the start of one task to the end of another, a row each."""

    first: Ints = no_ints()  # (rows,) task numbers
    last: Ints = no_ints()  # (rows,)
    size: Floats = no_floats()  # (rows,) B


class Program(Protocol):
    """Computes the real values: inputs from the host, outputs of tasks, and the result of the merge.

    A value is a number, an array, or whatever else kernels make.
    """

    @property
    def light(self) -> bool:
        """Return whether the kernels are cheap enough to run on the simulated clock, too."""

    @property
    def given(self) -> Mapping[int, Sequence[Any]]:
        """Return what the host sends, by task."""

    def prepare(self, tasks: Sequence[int]) -> None:
        """Get ready to compute *tasks* in this process, before any clock starts."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Run the kernels of *task*; *received* are the host's values, if it gives any, then those of each parent."""

    def watched(self, tell: Tell) -> Program:
        """Return a copy that calls *tell* before every kernel call."""

    def hands(self, edge: int) -> slice:
        """Return which of its outputs the parent hands on along *edge*."""

    def gathers(self, task: int, last: bool) -> slice:
        """Return which of its outputs *task*, the *last* where no other waits for it, leaves to the merge."""

    def merge(self, values: list[Any]) -> Any:
        """Make the result of what was left to the merge, in the order of tasks."""

    def serial(self) -> Any:
        """Return what one worker alone, without any split, makes of the data."""


def nowhere(what: str, index: int) -> Path:
    """Point at the workload as a whole."""
    return ()


@dataclass(frozen=True)
class TaskGraph:
    """Tasks as columns; a task is a row number.

    `units` counts the units of work N that a task stands for (items of a subset; else 1), `stated` holds its
    seconds where the scenario states them: one time for all devices (divided by a device's speed), or a column per
    device, NaN where the task may not run. `places` are the sets of workers that may run a task, `place` says
    which of them is a task's. A task of weight group g needs `group_size[g]` bytes once per device.

    A task of a communication lane takes no compute slot and counts no units. It runs on its one worker when its parents
    have ended and the lane is free. Its edges leave when it ends, and occupy the lane until all have arrived.
    """

    names: Sequence[str]  # (tasks,)
    kinds: tuple[str, ...]
    kind: Ints  # (tasks,) index into kinds
    units: Floats  # (tasks,)
    places: tuple[tuple[int, ...], ...]
    place: Ints  # (tasks,) index into places
    stated: Floats = field(default_factory=no_floats)  # (tasks,), (tasks, devices), or empty: the cost says
    edges: Edges = field(default_factory=Edges)
    given: Floats = field(default_factory=no_floats)  # (tasks,) B from the host, or empty
    result: Floats = field(default_factory=no_floats)  # (tasks,) B to the host, or empty
    memory: Floats = field(default_factory=no_floats)  # (tasks,) B, or empty
    output: Floats = field(default_factory=no_floats)  # (tasks,) B, or empty
    group: Ints = field(default_factory=no_ints)  # (tasks,) weight group, or empty
    group_size: Floats = field(default_factory=no_floats)  # (groups,) B
    recipes: tuple[tuple[Call, ...], ...] = ()  # what kernels do for a unit of work; empty: not known
    recipe: Ints = field(default_factory=no_ints)  # (tasks,) index into recipes, or empty
    precision: Precision = FP64  # of what kernels compute
    orders: tuple[Sequence[int], ...] = ()  # a pipeline's order of tasks on each rank
    sends: Sends = "overlapped"  # blocking: a rank starts its next task when what it sends has arrived
    activations: Kept = field(default_factory=Kept)  # of a pipeline whose tasks take no other memory
    lanes: tuple[str, ...] = ()  # the communication lanes that every worker has
    lane: Ints = field(default_factory=no_ints)  # (tasks,) 0: compute, k: lanes[k - 1]; or empty: all compute
    continues: Bools = field(default_factory=no_bools)  # (tasks,) whether it only goes on with a unit; or empty
    priced: Floats = field(default_factory=no_floats)  # (tasks,) s beside what the cost says; or empty
    collectives: tuple[Collective, ...] = ()  # what tasks of communication lanes do together
    flows: Flows = field(default_factory=Flows)
    fold: Fold | None = None  # where devices are played for others
    program: Program | None = None  # only where the workload carries kernels
    where: Callable[[str, int], Path] = (
        nowhere  # (task, edge, given, result or flow; its number) -> path in the workload
    )

    def __post_init__(self) -> None:
        """Keep one value of each column whose values are all equal."""
        share(self, "kind", "units", "place", "stated", "given", "result", "memory", "output", "group", "recipe")
        share(self, "lane", "priced")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def transfers(self) -> Transfers:
        """All that travels, as one table."""
        return transfers(self.edges, self.given, self.result, self.flows, self.lane)

    @cached_property
    def ways(self) -> Ints:
        """The pairs of place sets between which edges carry bytes, sorted, a row each, (pairs, 2)."""
        pairs = distinct(self._way(np.flatnonzero(self.edges.size > 0)))
        return np.column_stack(np.divmod(pairs, max(len(self.places), 1)))

    def ways_of(self, edges: Ints) -> Ints:
        """Return which row of `ways` each of some *edges* is that carry bytes, (edges,)."""
        parent, child = self.ways.T
        return np.searchsorted(parent * len(self.places) + child, self._way(edges))

    def _way(self, edges: Ints) -> Ints:
        """Return a number for the pair of place sets of each of the *edges*, (edges,)."""
        parent, child = (self.place[column[edges]].astype(np.int64) for column in (self.edges.parent, self.edges.child))
        return parent * len(self.places) + child

    @property
    def counted(self) -> Floats:
        """The units of work N that each task counts, (tasks,)."""
        return np.where(self.continues, 0.0, self.units) if len(self.continues) else self.units

    @property
    def computes(self) -> Bools:
        """Whether each task takes a compute slot, (tasks,)."""
        return self.lane == 0 if len(self.lane) else np.ones(len(self), dtype=bool)

    @property
    def only_activations(self) -> bool:
        """Whether this is a pipeline whose tasks take no memory but `activations`."""
        others = self.memory, self.output, self.group_size, self.given, self.edges.size
        return bool(self.orders) and not any(column.any() for column in others)

    @cached_property
    def children(self) -> Neighbours:
        """The edges that leave each task, by child."""
        return _grouped(self.edges.parent, self.edges.child, len(self))

    @cached_property
    def parents(self) -> Neighbours:
        """The edges that enter each task, by parent."""
        return _grouped(self.edges.child, self.edges.parent, len(self))


def _grouped(owner: Ints, other: Ints, tasks: int) -> Neighbours:
    order = np.lexsort((other, owner))
    first = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=tasks))))
    return Neighbours(packed(first), packed(order))
