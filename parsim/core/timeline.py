"""The timeline of a run: one row per span, and the idle intervals of every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from parsim.core.graph import Floats, Ints, no_floats, no_ints

Strings = npt.NDArray[np.object_]  # of str: np.str_ would lose trailing null characters

COLUMNS = ("number", "task", "kind", "worker", "lane", "ready_s", "start_s", "end_s", "nominal_s", "waited_for")
MORE = ("rounds", "bytes")  # columns of files of runs with collectives
COLLECTIVE = "collective"  # the kind of a member's span: what the member receives are transfers of their own
CAUSES = ("steps", "memory", "overhead", "policy", "fill", "drain", "dependency")
NO_TALK = ("compute", "host", "delay")  # lanes that are no communication lanes, beside ways from place to place
STEPS = ("split", "create", "allocate", "gather", "merge")


def shared_name(name: str, others: int) -> str:
    """Return the name of a lane that shows one and *others* that do the same.

    >>> shared_name("w0", 63), shared_name("w0", 0)
    ('w0 +63', 'w0')
    """
    return f"{name} +{others}" if others else name


class Words(NamedTuple):
    """A column of words as codes into a table, so that a million rows need no million strings."""

    code: Ints  # (rows,)
    table: Sequence[str]

    def at(self, rows: Any) -> Words:
        """Return the rows in a slice or with the given numbers."""
        return Words(self.code[rows], self.table)

    def decode(self) -> Strings:
        """Return the words as strings."""
        used, where = np.unique(self.code, return_inverse=True)
        words = np.array([self.table[int(code)] for code in used], dtype=object)
        return words[where] if len(used) else words


class Idle(NamedTuple):
    """Intervals in which a worker had no span, each with one cause."""

    worker: Ints  # (intervals,)
    start_s: Floats  # (intervals,)
    end_s: Floats  # (intervals,)
    cause: Ints  # (intervals,) index into CAUSES


@dataclass(frozen=True)
class Timeline:
    """Spans as columns, sorted by start, number, lane, task.

    The columns of words (task, kind, worker, lane, waited_for) are decoded on access.
    """

    number: Ints  # (spans,)
    tasks: Words
    kinds: Words
    workers: Words  # the table is the cluster's workers, then "" for no worker
    lanes: Words
    ready_s: Floats
    start_s: Floats
    end_s: Floats
    nominal_s: Floats
    waits: Words
    transfer: Ints  # which transfer of the graph (a row of its `transfers`); -1 where it is none, or no graph is known
    idle: Idle
    engine: str = ""  # what played it: simpy, path, or processes; empty: unknown
    rounds: Ints = field(default_factory=no_ints)  # of a collective, for what a member receives; else 1
    size: Floats = field(default_factory=no_floats)  # B that travel; 0: none, or unknown
    sender: Ints = field(default_factory=no_ints)  # the member of a collective (a task) that sends it; -1 elsewhere
    stands_for: Ints = field(default_factory=no_ints)  # (workers,) how many workers each stands for, itself included

    def __post_init__(self) -> None:
        """Fill in the columns that only collectives need, and those that only folded devices need."""
        if not len(self.stands_for):
            object.__setattr__(self, "stands_for", np.broadcast_to(1, len(self.workers.table)))
        for name, value in (("rounds", 1), ("size", 0.0), ("sender", -1)):
            if len(getattr(self, name)) < len(self):
                object.__setattr__(self, name, np.broadcast_to(value, len(self)))

    def __len__(self) -> int:
        return len(self.number)

    def lane_name(self, code: int) -> str:
        """Return the name of the lane that shows a worker, and those that it stands for: `w0 +63`; of none, empty."""
        return shared_name(self.workers.table[code], int(self.stands_for[code]) - 1)

    @cached_property
    def task(self) -> Strings:
        """The name of each span's task; a transfer has `PARENT>CHILD`."""
        return self.tasks.decode()

    @cached_property
    def kind(self) -> Strings:
        """compute, forward, transfer, split, ..."""
        return self.kinds.decode()

    @cached_property
    def worker(self) -> Strings:
        """The worker of each span; empty if it has none."""
        return self.workers.decode()

    @cached_property
    def lane(self) -> Strings:
        """`compute`, `host`, `delay`, or the way of a transfer, for each span."""
        return self.lanes.decode()

    @cached_property
    def waited_for(self) -> Strings:
        """The task or the cause that each span waited for last."""
        return self.waits.decode()

    @property
    def makespan_s(self) -> float:
        """The latest end of any span; 0 if there is none."""
        return float(self.end_s.max()) if len(self) else 0.0

    @cached_property
    def transfers(self) -> npt.NDArray[np.bool_]:
        """True for spans of communication: transfers, and tasks of communication lanes."""
        is_transfer = np.array([kind == "transfer" for kind in self.kinds.table], dtype=bool)
        return is_transfer[self.kinds.code]

    @cached_property
    def members(self) -> npt.NDArray[np.bool_]:
        """True for the spans of members of collectives, which count neither as computing nor as a transfer."""
        is_member = np.array([kind == COLLECTIVE for kind in self.kinds.table], dtype=bool)
        return is_member[self.kinds.code]

    @cached_property
    def owned(self) -> npt.NDArray[np.bool_]:
        """True for spans that belong to a worker."""
        is_worker = np.array([bool(name) for name in self.workers.table], dtype=bool)
        return is_worker[self.workers.code]

    @cached_property
    def of_tasks(self) -> npt.NDArray[np.bool_]:
        """True for the spans of tasks: computations, and tasks of communication lanes."""
        travels = np.array([lane == "delay" or ">" in lane for lane in self.lanes.table], dtype=bool)
        found: npt.NDArray[np.bool_] = self.owned & ~travels[self.lanes.code]
        return found

    @cached_property
    def computes(self) -> npt.NDArray[np.bool_]:
        """True for compute spans of any kind."""
        return self.owned & ~self.transfers & ~self.members

    @cached_property
    def talks(self) -> Words:
        """The communication lane that each transfer belongs to; "" for a transfer of none, and for other spans.

        What a member of a collective receives belongs to its lane, and what a task of a lane sends to that lane.
        """
        lane = np.array([bool(name) and name not in NO_TALK and ">" not in name for name in self.lanes.table], bool)
        code, table = np.full(len(self), len(self.lanes.table)), (*self.lanes.table, "")
        own = np.flatnonzero(lane[self.lanes.code]) if lane.any() else no_ints()
        if not len(own):
            return Words(code, table)
        code[own] = self.lanes.code[own]
        of_task = np.full(int(self.number.max()) + 1, len(self.lanes.table))
        of_task[self.number[own]] = self.lanes.code[own]
        travel = np.flatnonzero(self.transfers & ~lane[self.lanes.code])
        code[travel] = of_task[self.number[travel]]
        left = travel[code[travel] == len(self.lanes.table)]
        named = np.full(len(of_task), -1)
        tasks = np.flatnonzero(self.of_tasks)
        named[self.number[tasks]] = tasks
        of_name = dict(zip(self.task[own].tolist(), self.lanes.code[own].tolist(), strict=True))
        for row, child in zip(left.tolist(), named[self.number[left]].tolist(), strict=True):
            parent = self.task[row].removesuffix(f">{self.task[child]}") if child >= 0 else ""
            code[row] = of_name.get(parent, code[row])
        return Words(code, table)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the spans as plain tuples in the order of `COLUMNS`."""
        return list(zip(*(getattr(self, name).tolist() for name in COLUMNS), strict=True))
