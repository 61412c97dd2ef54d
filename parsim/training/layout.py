"""The tasks of training as columns: those of an iteration rank by rank, and of each rank its ops, updates and receipts.

rank 0 |0F0 0F1 0B0 0B1 0U|      an update stands on the first rank that runs the stage
rank 1 |0F2 0B2 .. .. .. 0R1|    another rank receives the weights; after the last iteration, and where several
forwards wait for them, in a task of its own
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from parsim.core.columns import NONE, Column, Ints, Numbered, packed
from parsim.core.op import LETTERS, NAMES, Ops, needs

KINDS = (*NAMES, "optimizer", "receive")  # of tasks, those of ops first
FORWARD, BACKWARD, INPUT_GRAD, WEIGHT_GRAD, OPTIMIZER, RECEIVE = range(len(KINDS))


class Rows(NamedTuple):
    """The tasks of an iteration, a row each, and where to find them."""

    kind: Ints  # (tasks,) index into KINDS
    stage: Ints  # (tasks,)
    microbatch: Ints  # (tasks,) NONE: the whole batch
    rank: Ints  # (tasks,)
    op: Ints  # (ops,) the task of each op
    update: Ints  # (stages,) the task of each update
    receipt: Ints  # (places,) the task of each receipt; NONE: the forward itself receives


class Places(NamedTuple):
    """The pairs of a stage and a rank that runs it, by stage and rank."""

    stage: Ints  # (places,)
    rank: Ints  # (places,)
    forwards: Ints  # (places,) how many forwards the rank runs
    of_op: Ints  # (ops,) the place of each op


class Layout:
    """The tasks of *iterations* of the orders of a plan."""

    def __init__(self, ops: Ops, iterations: int) -> None:
        self.ops = ops
        self.ranks, self.stages, self.iterations = len(ops.first) - 1, int(ops.stage.max()) + 1, iterations
        self.rank = np.repeat(np.arange(self.ranks), np.diff(self.ops.first))  # (ops,)
        self.needs = needs(self.ops)

    @cached_property
    def places(self) -> Places:
        """Where stages run."""
        key = self.ops.stage * self.ranks + self.rank
        found, of_op = np.unique(key, return_inverse=True)
        forwards = np.bincount(of_op[self.ops.kind == FORWARD], minlength=len(found))
        return Places(found // self.ranks, found % self.ranks, forwards, of_op)

    @cached_property
    def home(self) -> Ints:
        """The first rank that runs each stage, which updates it, (stages,)."""
        home = np.full(self.stages, self.ranks)
        np.minimum.at(home, self.places.stage, self.places.rank)
        return home

    @cached_property
    def away(self) -> Ints:
        """The places that receive weights from an update on another rank."""
        return np.flatnonzero((self.home[self.places.stage] != self.places.rank) & (self.places.forwards > 0))

    @cached_property
    def summing(self) -> Ints:
        """The ops that make gradients of weights, by place and in the order of the place, (some,)."""
        found = np.flatnonzero((self.ops.kind == BACKWARD) | (self.ops.kind == WEIGHT_GRAD))
        return found[np.argsort(self.places.of_op[found], kind="stable")]

    @cached_property
    def line(self) -> Ints:
        """Pairs of ops of one place of which the second adds its gradients to those of the first, (pairs, 2)."""
        place = self.places.of_op[self.summing]
        same = np.flatnonzero(place[1:] == place[:-1])
        return np.stack([self.summing[same], self.summing[same + 1]], axis=1)

    @cached_property
    def line_ends(self) -> Ints:
        """The places that make gradients, and the op of each that makes their sum, (places, 2)."""
        place = self.places.of_op[self.summing]
        last = np.flatnonzero(np.diff(place, append=-1) != 0)
        return np.stack([place[last], self.summing[last]], axis=1)

    @cached_property
    def of_next(self) -> Ints:
        """Which of a backward's parents is the next stage's, in the order of their numbers; else NONE, (tasks,)."""
        ops, (parent, child, crosses) = self.ops, self.needs
        other = np.full((2, len(ops.stage)), len(ops.stage))  # the forward, and the op whose gradients it adds to
        within = crosses == 0
        other[0, child[within]] = parent[within]
        other[1, self.line[:, 1]] = self.line[:, 0]
        back = (crosses > 0) & (ops.kind[child] != FORWARD)
        found = np.full(len(ops.stage), NONE)
        found[child[back]] = (other[:, child[back]] < parent[back]).sum(axis=0)
        return self.spread(found, NONE)

    def spread(self, values: Column, else_: int) -> Column:
        """Give each op's task, of every iteration, the op's value, and all other tasks *else_*, (tasks,)."""
        parts = []
        for rows, count in ((self.inner, self.iterations - 1), (self.final, 1)):
            part = np.full(len(rows.kind), else_, values.dtype)
            part[rows.op] = values
            parts.append(np.tile(part, count))
        return np.concatenate(parts)

    def rows(self, last: bool) -> Rows:
        """Return the tasks of an iteration; after the *last* one, all that run a stage receive its weights."""
        places, ops = self.places, self.ops
        receive = self.away if last else self.away[places.forwards[self.away] > 1]
        updates = np.arange(self.stages)
        rank = np.concatenate([self.rank, self.home, places.rank[receive]])
        sort = np.repeat([0, 1, 2], [len(ops.stage), self.stages, len(receive)])
        order = np.lexsort((sort, rank))  # stable: each sort keeps its own order
        task = np.empty(len(order), np.int64)
        task[order] = np.arange(len(order))
        receipt = np.full(len(places.stage), NONE)
        receipt[receive] = task[len(ops.stage) + self.stages :]
        kind = np.concatenate([ops.kind, np.full(self.stages, OPTIMIZER), np.full(len(receive), RECEIVE)])
        whole = np.full(self.stages + len(receive), NONE)
        return Rows(
            kind[order],
            np.concatenate([ops.stage, updates, places.stage[receive]])[order],
            np.concatenate([ops.microbatch, whole])[order],
            rank[order],
            op=task[: len(ops.stage)],
            update=task[len(ops.stage) :][: self.stages],
            receipt=receipt,
        )

    @cached_property
    def inner(self) -> Rows:
        """The tasks of every iteration but the last."""
        return self.rows(last=False)

    @cached_property
    def final(self) -> Rows:
        """The tasks of the last iteration."""
        return self.rows(last=True)

    def of(self, iteration: int) -> Rows:
        """Return the tasks of *iteration*, numbered from 0."""
        return self.final if iteration + 1 == self.iterations else self.inner

    def first(self, iteration: int) -> int:
        """Return the number of the first task of *iteration*."""
        return iteration * len(self.inner.kind)

    def column(self, name: str) -> Ints:
        """Return a column of `Rows` for all tasks, (tasks,)."""
        inner, final = getattr(self.inner, name), getattr(self.final, name)
        return np.concatenate([np.tile(inner, self.iterations - 1), final])

    @cached_property
    def iteration(self) -> Ints:
        """The iteration of each task, (tasks,)."""
        counts = [len(self.of(iteration).kind) for iteration in range(self.iterations)]
        return np.repeat(np.arange(self.iterations), counts)

    @cached_property
    def names(self) -> Numbered:
        """The names of tasks: those of the ops of a pipeline, followed by the iteration if there are several."""
        stage, kind, microbatch, rank = (packed(self.column(name)) for name in ("stage", "kind", "microbatch", "rank"))
        write = partial(_name, stage, kind, microbatch, rank)
        if self.iterations > 1:
            write = partial(_late, write, packed(self.iteration))
        return Numbered(write, len(self.iteration))


def _name(stage: Sequence[int], kind: Sequence[int], microbatch: Sequence[int], rank: Sequence[int], task: int) -> str:
    if kind[task] == RECEIVE:
        return f"{stage[task]}R{rank[task]}"
    return f"{stage[task]}U" if kind[task] == OPTIMIZER else f"{stage[task]}{LETTERS[kind[task]]}{microbatch[task]}"


def _late(write: partial[str], iteration: Sequence[int], task: int) -> str:
    return f"{write(task)}@{iteration[task]}"
