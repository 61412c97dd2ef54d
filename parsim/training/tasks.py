"""The tasks of one replica, as lists that grow: columns, edges, exchanges to be played, and what devices hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from parsim.core.columns import Ints
from parsim.core.kernel import Call
from parsim.core.op import NAMES
from parsim.core.rounds import EQUAL, Shares
from parsim.training.actions import Action
from parsim.training.exchange import Exchanged
from parsim.training.layout import OPTIMIZER

LANES = ("tensor", "context", "expert", "data", "pipeline", "pipeline back")
COMPUTE = 0  # in place of the number of a lane
EXCHANGE = OPTIMIZER + 1  # the kind of a task of a lane
KINDS = (*NAMES, "optimizer", "exchange")


def lane_of(name: str) -> int:
    """Return the number of a lane.

    >>> lane_of("tensor")
    1
    """
    return LANES.index(name) + 1


class Member(NamedTuple):
    """A task that is a member of a collective with those of other devices; its sends are played."""

    task: int
    communicator: str  # a key of `Degrees.groups`
    operation: str
    size: float  # B of the whole buffer
    shares: Shares = EQUAL


class Duty(NamedTuple):
    """What a task really does, where the training is computed."""

    verb: str  # compute, exchange, gather, reduce, update, send
    action: Action
    layers: range = range(0)  # of a piece; those whose weights are gathered, or gradients added up


class Hold(NamedTuple):
    """What a device holds from the start of a task, or its end, until another one ends."""

    kind: str  # of memory
    first: int
    last: int
    size: float  # B
    from_end: bool = False


class Tasks:
    """Tasks and edges of a replica in one iteration."""

    def __init__(self) -> None:
        self.kind, self.stage, self.microbatch, self.rank = (list[int]() for _ in range(4))
        self.lane, self.recipe = list[int](), list[int]()
        self.names: list[str] = []
        self.duties: list[Duty] = []
        self.continues: list[bool] = []  # whether it goes on with an action
        self.priced: list[tuple[Exchanged, ...]] = []  # exchanges of which a task takes the seconds
        self.edges: list[tuple[int, int, float]] = []  # parent, child, B
        self.members: list[Member] = []
        self.holds: list[Hold] = []
        self.recipes: dict[tuple[Call, ...], int] = {(): 0}
        self._named: dict[str, int] = {}
        self._same: dict[int, tuple[int, tuple[Call, ...]]] = {}  # recipes by identity, which is found sooner

    def add(self, rank: int, kind: int, duty: Duty, lane: int = COMPUTE) -> int:
        """Add a task; return its number."""
        of = duty.action
        self.duties.append(duty)
        columns = (self.kind, self.rank, self.stage, self.microbatch, self.lane, self.recipe)
        for column, value in zip(columns, (kind, rank, of.stage, of.microbatch, lane, 0), strict=True):
            column.append(value)
        self.continues.append(lane == COMPUTE)
        self.priced.append(())
        name = f"{of} {LANES[lane - 1]}" if lane else str(of)
        further = self._named[name] = self._named.get(name, -1) + 1
        self.names.append(f"{name}.{further}" if further else name)
        return len(self.kind) - 1

    def after(self, parents: Sequence[int], child: int) -> int:
        """Let *child* wait for *parents*; return it."""
        self.edges += [(parent, child, 0.0) for parent in parents]
        return child

    def computes(self, task: int, calls: tuple[Call, ...]) -> None:
        """Let a task run kernel calls."""
        number, _ = self._same.get(id(calls), (-1, ()))
        if number < 0:
            number = self.recipes.setdefault(calls, len(self.recipes))
            self._same[id(calls)] = number, calls
        self.recipe[task] = number

    def columns(self) -> dict[str, Ints]:
        """Return the columns of numbers, (tasks,) each."""
        names = ("kind", "stage", "microbatch", "rank", "lane", "recipe")
        return {name: np.array(getattr(self, name), np.int64) for name in names}
