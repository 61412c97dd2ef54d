"""What is asked: tasks and edges as columns, flows, and the values that travel along them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from parsim.core.errors import Path
from parsim.core.kernel import Call, Tell

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column = TypeVar("Column", Floats, Ints)

What = Literal["edge", "given", "result", "flow"]  # sorts of transfers, in the order of their numbers
WHATS: tuple[What, ...] = ("edge", "given", "result", "flow")


class Table(Sequence[str]):
    """Words that are made when asked for."""

    def many(self, codes: Sequence[int]) -> list[str]:
        """Return the words of *codes*, which ascend, in less time than one by one."""
        return [self[code] for code in codes]


def look_up(table: Sequence[str], codes: Sequence[int]) -> list[str]:
    """Return the words of *codes*, which ascend."""
    return table.many(codes) if isinstance(table, Table) else [table[code] for code in codes]


class Numbered(Table):
    """Names made when asked, so that a million tasks cost no million strings.

    >>> list(Numbered("part{}".format, 2))
    ['part0', 'part1']
    """

    def __init__(self, write: Callable[[int], str], count: int) -> None:
        self._write, self._count = write, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._write(i) for i in range(*index.indices(self._count))]
        return self._write(range(self._count)[index])

    def __iter__(self) -> Iterator[str]:
        return map(self._write, range(self._count))

    def many(self, codes: Sequence[int]) -> list[str]:
        """Return the words of *codes*."""
        return [*map(self._write, codes)]


def no_floats() -> Floats:
    """Return an empty column of quantities."""
    return np.empty(0)


def distinct(column: Ints) -> Ints:
    """Return each value, or each row, once and in order; asked for no more than that, np.unique imports numpy.ma."""
    return np.unique(column, axis=0 if column.ndim > 1 else None, return_counts=True)[0]


def no_ints() -> Ints:
    """Return an empty column of indices."""
    return np.empty(0, np.int64)


class Successors(NamedTuple):
    """The edges of each task: task i owns edges order[first[i]:first[i + 1]]. Plain arrays, read one by one."""

    first: array[int]  # (tasks + 1,)
    order: array[int]  # (edges,) edge numbers


@dataclass(frozen=True)
class Edges:
    """Dependencies, a row each. An edge carries bytes, or seconds of delay, or neither."""

    parent: Ints = field(default_factory=no_ints)  # (edges,) task numbers
    child: Ints = field(default_factory=no_ints)  # (edges,)
    size: Floats = field(default_factory=no_floats)  # (edges,) B
    delay: Floats = field(default_factory=no_floats)  # (edges,) s

    def __post_init__(self) -> None:
        """Keep one value of each column whose values are all equal."""
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


class Program(Protocol):
    """The real values: what the host gives, what a task computes, what it hands on, what the merge makes of it all.

    A value is a number, an array, or whatever else kernels make.
    """

    @property
    def light(self) -> bool:
        """Say whether the kernels take no time to speak of, so that the simulated clock runs them too."""

    @property
    def given(self) -> Mapping[int, Sequence[Any]]:
        """Return what the host sends, by task."""

    def prepare(self, tasks: Sequence[int]) -> None:
        """Get ready to compute *tasks* in this process, before any clock starts."""

    def compute(self, task: int, received: Sequence[Sequence[Any]]) -> list[Any]:
        """Run the kernels of *task*; *received* are the host's values, if it gives any, then those of each parent."""

    def watched(self, tell: Tell) -> Program:
        """Return the same program, which tells of every kernel call before it is made."""

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
class Things:
    """How the transfers of a graph are numbered: edges, then what the host gives, then results, then flows.

    >>> things = Things(edges=3, tasks=2, flows=1)
    >>> things.given(1), things.split(4), things.part("result"), things.count
    (4, ('given', 1), slice(5, 7, None), 8)
    >>> things.pick(np.array([6, 0, -1, 5]), "result")
    (array([0, 3]), array([1, 0]))
    >>> things.column(edge=np.array([7, 8, 9]), given=1, result=np.array([2, 3]), flow=-1).tolist()
    [7, 8, 9, 1, 1, 2, 3, -1]
    """

    edges: int
    tasks: int
    flows: int

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        return (self.edges, self.tasks, self.tasks, self.flows)

    @cached_property
    def _first(self) -> tuple[int, ...]:
        """The number of the first transfer of each sort."""
        return tuple(accumulate(self._counts[:-1], initial=0))

    @property
    def count(self) -> int:
        """Return how many transfers there may be."""
        return sum(self._counts)

    def given(self, task: int) -> int:
        """Number what the host gives to *task*."""
        return self._first[1] + task

    def result(self, task: int) -> int:
        """Number what *task* sends to the host."""
        return self._first[2] + task

    def flow(self, flow: int) -> int:
        """Number a flow."""
        return self._first[3] + flow

    def split(self, thing: int) -> tuple[What, int]:
        """Say which sort of transfer *thing* is, and which edge, task or flow it belongs to."""
        sort = bisect_right(self._first, thing) - 1
        return WHATS[sort], thing - self._first[sort]

    def part(self, what: What) -> slice:
        """Return where one sort of transfer stands in a column by thing."""
        sort = WHATS.index(what)
        return slice(self._first[sort], self._first[sort] + self._counts[sort])

    def pick(self, thing: Ints, what: What) -> tuple[Ints, Ints]:
        """Find one sort of transfer in a column of numbers: its rows, and each one's edge, task or flow."""
        mine = self.part(what)
        rows = np.flatnonzero((thing >= mine.start) & (thing < mine.stop))
        return rows, thing[rows] - mine.start

    def column(self, *, edge: Any, given: Any, result: Any, flow: Any) -> npt.NDArray[Any]:
        """Put a column by thing together, (things,); each part is a column or one value for all."""
        parts = zip((edge, given, result, flow), self._counts, strict=True)
        return np.concatenate([np.broadcast_to(part, (count,)) for part, count in parts])


@dataclass(frozen=True)
class TaskGraph:
    """Tasks as columns; a task is a row number.

    `units` counts the units of work N that a task stands for (items of a subset; else 1), `stated` holds its
    seconds where the scenario states them: one time for all devices (divided by a device's speed), or a column per
    device, NaN where the task may not run. `places` are the sets of workers that may run a task, `place` says
    which of them is a task's. A task of weight group g needs `group_size[g]` bytes once per device.
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
    orders: tuple[tuple[int, ...], ...] = ()  # a pipeline's order of tasks on each rank
    flows: Flows = field(default_factory=Flows)
    program: Program | None = None  # only where the workload carries kernels
    where: Callable[[str, int], Path] = (
        nowhere  # (task, edge, given, result or flow; its number) -> path in the workload
    )

    def __post_init__(self) -> None:
        """Keep one value of each column whose values are all equal."""
        share(self, "kind", "units", "place", "stated", "given", "result", "memory", "output", "group", "recipe")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n(self) -> float:
        """N of the theory: units of work, flows counted as one each."""
        return float(self.units.sum()) + len(self.flows)

    @cached_property
    def things(self) -> Things:
        """The numbering of this graph's transfers."""
        return Things(len(self.edges), len(self), len(self.flows))

    @property
    def receivers(self) -> Ints:
        """The task that each transfer is an input of, by thing; -1: none."""
        return self.things.column(edge=self.edges.child, given=np.arange(len(self)), result=-1, flow=-1)

    @property
    def sizes(self) -> Floats:
        """The bytes of each transfer, by thing."""
        given, result = (part if len(part) else 0.0 for part in (self.given, self.result))
        return self.things.column(edge=self.edges.size, given=given, result=result, flow=self.flows.size)

    @cached_property
    def children(self) -> Successors:
        """The edges that leave each task, by child."""
        return _grouped(self.edges.parent, self.edges.child, len(self))

    @cached_property
    def parents(self) -> Successors:
        """The edges that enter each task, by parent."""
        return _grouped(self.edges.child, self.edges.parent, len(self))


def _grouped(owner: Ints, other: Ints, tasks: int) -> Successors:
    order = np.lexsort((other, owner))
    first = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=tasks))))
    return Successors(packed(first), packed(order))


def shared(column: Column) -> Column:
    """Return a column whose rows share their memory where all values are equal.

    >>> shared(np.ones(1000)).strides, shared(np.arange(3)).strides
    ((0,), (8,))
    """
    if column.ndim != 1 or len(column) < 2 or not (column == column[0]).all():
        return column
    return np.broadcast_to(column[:1].copy(), column.shape)


def share(table: Edges | TaskGraph, *names: str) -> None:
    """Share the memory of equal rows in columns of a new table; what is no array is refused elsewhere."""
    for name in names:
        column = getattr(table, name)
        if isinstance(column, np.ndarray):
            object.__setattr__(table, name, shared(column))


def packed(column: Ints) -> array[int]:
    """Return a column as an array that plain Python reads fast, at 8 bytes an entry."""
    return array("q", column.astype(np.int64).tobytes())
