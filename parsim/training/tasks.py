"""The tasks of one replica, as lists that grow: columns, edges, exchanges to be played, and what devices hold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Bools, Floats, Ints
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
        self.rows: list[tuple[int, int, int, int, int]] = []  # kind, stage, microbatch, rank, lane
        self.duties: list[Duty] = []
        self.begins: list[int] = []  # tasks that compute, and do not go on with an action
        self.priced: dict[int, tuple[Exchanged, ...]] = {}  # exchanges of which a task takes the seconds
        self.parent, self.child = list[int](), list[int]()  # of each edge
        self.size: list[float] = []  # B, of each edge
        self.members: list[Member] = []
        self.holds: list[Hold] = []
        self.recipes: dict[tuple[Call, ...], int] = {(): 0}
        self.recipe: dict[int, int] = {}  # of the tasks that compute
        self._same: dict[int, tuple[int, tuple[Call, ...]]] = {}  # recipes by identity, which is found sooner

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the names alone; the tasks of a replica are made anew."""
        return {"names": self.names}

    def add(self, rank: int, kind: int, duty: Duty, lane: int = COMPUTE) -> int:
        """Add a task; return its number."""
        _, stage, microbatch = duty.action
        self.duties.append(duty)
        self.rows.append((kind, stage, microbatch, rank, lane))
        return len(self.rows) - 1

    def after(self, parents: Sequence[int], child: int) -> int:
        """Let *child* wait for *parents*; return it."""
        self.parent += parents
        self.child += [child] * len(parents)
        self.size += [0.0] * len(parents)
        return child

    def sends(self, parents: Sequence[int], child: int, size: float) -> None:
        """Let *child* wait for so many bytes of each of *parents*."""
        self.after(parents, child)
        self.size[-len(parents) :] = [size] * len(parents)

    def number_of(self, calls: tuple[Call, ...]) -> int:
        """Return the number of a recipe, that of an equal one where there is any."""
        number, _ = self._same.get(id(calls), (-1, ()))
        if number < 0:
            number = self.recipes.setdefault(calls, len(self.recipes))
            self._same[id(calls)] = number, calls
        return number

    # -- when all have been added

    @cached_property
    def columns(self) -> dict[str, Ints]:
        """The columns of numbers, (tasks,) each."""
        names = ("kind", "stage", "microbatch", "rank", "lane")
        found = dict(zip(names, np.array(self.rows, np.int64).reshape(-1, len(names)).T.copy(), strict=True))
        recipe = np.zeros(len(self.rows), np.int64)
        recipe[list(self.recipe)] = list(self.recipe.values())
        return found | {"recipe": recipe}

    @cached_property
    def ends(self) -> tuple[Ints, Ints, Floats]:
        """The parent, the child and the bytes of each edge, (edges,) each."""
        return np.array(self.parent, np.int64), np.array(self.child, np.int64), np.array(self.size)

    @cached_property
    def continues(self) -> Bools:
        """Whether each task goes on with an action, (tasks,)."""
        found: Bools = self.columns["lane"] == COMPUTE
        found[self.begins] = False
        return found

    @cached_property
    def names(self) -> list[str]:
        """The name of each task: its action, the lane, and a number where there are several of it."""
        found, times = [], dict[str, int]()
        for duty, (*_, lane) in zip(self.duties, self.rows, strict=True):
            name = f"{duty.action} {LANES[lane - 1]}" if lane else str(duty.action)
            further = times[name] = times.get(name, -1) + 1
            found.append(f"{name}.{further}" if further else name)
        return found
