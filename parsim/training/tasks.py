"""The tasks of one replica, as lists that grow: columns, edges, exchanges to be played, and what devices hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from parsim.core.columns import Bools, Floats, Ints
from parsim.core.kernel import Call
from parsim.core.op import NAMES
from parsim.training.actions import Action
from parsim.training.exchange import Exchanged
from parsim.training.layout import OPTIMIZER

LANES = ("tensor", "context", "expert", "data", "pipeline", "pipeline back")
COMPUTE = 0  # in place of the number of a lane
NOTHING = 0  # the recipe without calls
NO_LAYERS = range(0)
EXCHANGE = OPTIMIZER + 1  # the kind of a task of a lane
KINDS = (*NAMES, "optimizer", "exchange")


def lane_of(name: str) -> int:
    """Return the number of a lane.

    >>> lane_of("tensor")
    1
    """
    return LANES.index(name) + 1


class Sort(NamedTuple):
    """What tasks of different actions have in common."""

    kind: int
    rank: int
    lane: int
    verb: str  # see Duty
    layers: range


class Duty(NamedTuple):
    """What a task really does, where the training is computed."""

    verb: str  # compute, exchange, gather, reduce, update, send
    action: Action
    layers: range  # of a piece; those whose weights are gathered, or gradients added up


class Hold(NamedTuple):
    """What a device holds from the start of a task, or its end, until another one ends."""

    kind: str  # of memory
    size: float  # B
    from_end: bool = False


class Tasks:
    """Tasks and edges of a replica in one iteration."""

    def __init__(self) -> None:
        self.sorts: list[Sort] = []  # of each task
        self.actions: list[Action] = []
        self.recipe: list[int] = []  # NOTHING: it does not compute
        self.priced: list[tuple[Exchanged, ...]] = []  # exchanges of which it takes the seconds
        self.begins: list[int] = []  # tasks that compute, and do not go on with an action
        self.parent, self.child = list[int](), list[int]()  # of each edge
        self.size: list[float] = []  # B, of each edge
        self.members: list[int] = []  # tasks that are members of a collective; its sends are played
        self.exchanges: list[Exchanged] = []  # what each of these exchanges
        self.holds: list[Hold] = []
        self.since: list[int] = []  # the first task of each hold
        self.until: list[int] = []  # and the last one
        self.recipes: dict[tuple[Call, ...], int] = {(): NOTHING}
        self.numbers = (self.begins, self.parent, self.child, self.members, self.since, self.until)
        self.shared = (self.sorts, self.recipe, self.priced, self.size, self.exchanges, self.holds)
        self._same: dict[int, tuple[int, tuple[Call, ...]]] = {}  # recipes by identity, which is found sooner

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the names alone; the tasks of a replica are made anew."""
        return {"names": self.names}

    def add(self, action: Action, sort: Sort, recipe: int = NOTHING, priced: tuple[Exchanged, ...] = ()) -> int:
        """Add a task; return its number."""
        self.actions.append(action)
        self.sorts.append(sort)
        self.recipe.append(recipe)
        self.priced.append(priced)
        return len(self.sorts) - 1

    def join(self, task: int, exchange: Exchanged) -> None:
        """Make a task a member of a collective."""
        self.members.append(task)
        self.exchanges.append(exchange)

    def hold(self, first: int, last: int, hold: Hold) -> None:
        """Note what a device holds from the task *first* until *last* ends."""
        self.since.append(first)
        self.until.append(last)
        self.holds.append(hold)

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
        rows: dict[str, Sequence[object]] = dict.fromkeys(("stage", "microbatch"), self.actions)
        rows |= dict.fromkeys(("kind", "rank", "lane"), self.sorts)
        found = {name: np.array([*map(attrgetter(name), of)], np.int64) for name, of in rows.items()}
        return found | {"recipe": np.array(self.recipe, np.int64)}

    @property
    def duties(self) -> Iterator[Duty]:
        """What each task really does."""
        pairs = zip(self.actions, self.sorts, strict=True)
        return (Duty(sort.verb, action, sort.layers) for action, sort in pairs)

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
        for action, sort in zip(self.actions, self.sorts, strict=True):
            name = f"{action} {LANES[sort.lane - 1]}" if sort.lane else str(action)
            further = times[name] = times.get(name, -1) + 1
            found.append(f"{name}.{further}" if further else name)
        return found
