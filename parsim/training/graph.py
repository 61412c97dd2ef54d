"""The tasks of training, their sizes and prices: iterations of a cut, each waiting for the update before it.

    0F0 --> 1F0        a stage's output travels on, its gradient back;
     |       |         what forward leaves stays on the worker until its backward has ended
    0B0 <-- 1B0
     |       |         gradients of the weights go to the update, which hands the weights to the next iteration
    0U      1U

What waits for what within an iteration is derived by `core.op.needs`, as for any pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from parsim.core.graph import Edges, TaskGraph
from parsim.core.kernel import ITEM, Call, Shape, size
from parsim.core.op import Op, columns, needs
from parsim.training.layer import INPUT, OUTPUT
from parsim.training.model import Model
from parsim.training.plan import Cut
from parsim.training.program import BACKWARD, FORWARD, GRADS, LEFT, OPTIMIZER, SENT, Training, Update, Work

KINDS = ("forward", "backward", "optimizer")  # in the order of FORWARD, BACKWARD, OPTIMIZER


class Row(NamedTuple):
    """A task: what it is, the op (None: an update), the rank that runs it."""

    work: Work
    op: Op | None
    rank: int


class Edge(NamedTuple):
    """A dependency: tasks, bytes, and which of the parent's outputs it hands on."""

    parent: int
    child: int
    size: float  # B
    hands: slice


class Priced(NamedTuple):
    """What a stage holds, moves and computes for so many rows."""

    came: float  # B, its input
    sent: float  # B, its output
    left: float  # B, kept for backward
    forward: tuple[Call, ...]
    backward: tuple[Call, ...]


class Tasks:
    """The tasks of one cut, in order: iteration by iteration, rank by rank, a rank's updates last."""

    def __init__(self, model: Model, cut: Cut, update: Update, adding: Update, iterations: int) -> None:
        self.model, self.cut, self.update, self.adding, self.iterations = model, cut, update, adding, iterations
        self.shapes = [[shape for n in layers for shape in model.layers[n].weights.values()] for layers in cut.stages]
        self.bytes = [ITEM * size(*shapes) for shapes in self.shapes]  # [stage] B of weights
        self.home = {op.stage: rank for rank, order in reversed([*enumerate(cut.orders)]) for op in order}
        self.rows = [row for iteration in range(iterations) for row in self._rows(iteration)]
        self.prices: dict[tuple[int, int], Priced] = {}

    def _rows(self, iteration: int) -> Iterator[Row]:
        for rank, order in enumerate(self.cut.orders):
            for op in order:
                kind = FORWARD if op.kind == "F" else BACKWARD
                yield Row(Work(kind, op.stage, self.cut.parts[op.microbatch], iteration), op, rank)
            for stage in sorted(stage for stage, home in self.home.items() if home == rank):
                yield Row(Work(OPTIMIZER, stage, slice(0, self.model.rows), iteration), None, rank)

    @cached_property
    def number(self) -> dict[tuple[int, Op | int], int]:
        """The task of an op, or of a stage's update, in an iteration."""
        found: dict[tuple[int, Op | int], int] = {}
        for task, (work, op, _) in enumerate(self.rows):
            found[work.iteration, work.stage if op is None else op] = task
        return found

    def names(self) -> list[str]:
        """Name tasks as the ops of a pipeline are; the iteration follows, where there are several."""
        late = [f"@{work.iteration}" if self.iterations > 1 else "" for work, _, _ in self.rows]
        return [f"{row.op or f'{row.work.stage}U'}{one}" for row, one in zip(self.rows, late, strict=True)]

    def price(self, work: Work) -> Priced:
        """Say what a stage holds, moves and computes for the rows of a task."""
        key = work.stage, work.rows.stop - work.rows.start
        if key not in self.prices:
            self.prices[key] = self._price(*key)
        return self.prices[key]

    def _price(self, stage: int, rows: int) -> Priced:
        layers, given = self.cut.stages[stage], (rows, *self.model.batch[1:])
        if stage:
            given = self.model.shapes(range(layers.start), {INPUT: given})[-1][OUTPUT]
        known: dict[int, dict[str, Shape]] = dict(zip(layers, self.model.shapes(layers, {INPUT: given}), strict=True))
        forward = (self.model.layers[n].calls(known[n], backward=False, first=False) for n in layers)
        backward = (self.model.layers[n].calls(known[n], backward=True, first=n == 0) for n in reversed(layers))
        return Priced(
            came=ITEM * size(given),
            sent=ITEM * size(known[layers[-1]][OUTPUT]),
            left=ITEM * size(*(shape for n in layers for shape in self.model.layers[n].kept(known[n]))),
            forward=tuple(chain.from_iterable(forward)),
            backward=tuple(chain.from_iterable(backward)),
        )

    # -- what waits for what

    @cached_property
    def lines(self) -> dict[tuple[int, int], list[Op]]:
        """The backwards of each stage on each rank, in order: their gradients of weights add up there."""
        found: dict[tuple[int, int], list[Op]] = {}
        for rank, order in enumerate(self.cut.orders):
            for op in order:
                if op.kind == "B":
                    found.setdefault((op.stage, rank), []).append(op)
        return found

    def edges(self) -> list[Edge]:
        """List all dependencies, by parent and child."""
        found = (edge for i in range(self.iterations) for edge in (*self._within(i), *self._between(i)))
        return sorted(found, key=lambda edge: edge[:2])

    def _within(self, iteration: int) -> Iterator[Edge]:
        ops = list(chain.from_iterable(self.cut.orders))
        task = [self.number[iteration, op] for op in ops]
        found = needs(columns(self.cut.orders))
        for parent, child, crosses in zip(found.parent.tolist(), found.child.tolist(), found.crosses, strict=True):
            price = self.price(self.rows[task[parent]].work)
            moved = (price.sent if ops[parent].kind == "F" else price.came) if crosses else 0.0
            yield Edge(task[parent], task[child], moved, SENT if crosses else LEFT)
        for (stage, rank), line in self.lines.items():
            for before, after in pairwise(line):
                yield Edge(self.number[iteration, before], self.number[iteration, after], 0.0, GRADS)
            last, update = self.number[iteration, line[-1]], self.number[iteration, stage]
            yield Edge(last, update, self._moved(stage, rank), GRADS)

    def _between(self, iteration: int) -> Iterator[Edge]:
        """List what an update hands to the next iteration."""
        if iteration + 1 == self.iterations:
            return
        for stage, shapes in enumerate(self.shapes):
            update, weights = self.number[iteration, stage], slice(0, len(shapes))
            yield Edge(update, self.number[iteration + 1, stage], 0.0, slice(len(shapes), len(shapes) + 1))
            for rank, order in enumerate(self.cut.orders):
                for op in order:
                    if (op.stage, op.kind) == (stage, "F"):
                        yield Edge(update, self.number[iteration + 1, op], self._moved(stage, rank), weights)

    def _moved(self, stage: int, rank: int) -> float:
        return 0.0 if self.home[stage] == rank else self.bytes[stage]

    # -- what a task does and holds

    def recipe(self, row: Row) -> tuple[Call, ...]:
        """List what the kernels of a task do."""
        work, op, rank = row
        shapes = self.shapes[work.stage]
        if op is None:
            lines = sum(stage == work.stage for stage, _ in self.lines)
            adds = [Call(*self.adding[:2], "forward", (shape,) * lines) for shape in shapes if lines > 1]
            state = [((self.update.kernel.rows, *shape), shape) for shape in shapes]
            return (*adds, *(Call(*self.update[:2], "forward", pair) for pair in state))
        price = self.price(work)
        if op.kind == "F":
            return price.forward
        first = op == self.lines[op.stage, rank][0]
        return (*price.backward, *(Call(*self.adding[:2], "forward", (shape, shape)) for shape in shapes if not first))

    def given(self, row: Row) -> float:
        """Return the bytes that the host sends."""
        work, last = row.work, len(self.cut.stages) - 1
        if work.kind != FORWARD:
            return 0.0
        rows = work.rows.stop - work.rows.start
        labels = ITEM * size((rows, *self.model.labels[1:]))
        return self.price(work).came * (work.stage == 0) + labels * (work.stage == last)

    def output(self, row: Row) -> float:
        """Return the bytes that wait for the task's children; an update's are the weights that the device holds."""
        work = row.work
        if work.kind == OPTIMIZER:
            return 0.0
        price = self.price(work)
        if work.kind == FORWARD:
            return price.left + (price.sent if work.stage < len(self.cut.stages) - 1 else 0.0)
        return self.bytes[work.stage] + (price.came if work.stage else 0.0)


def graph_of(model: Model, cut: Cut, update: Update, adding: Update, iterations: int) -> TaskGraph:
    """Make the task graph of *iterations* of training."""
    tasks = Tasks(model, cut, update, adding, iterations)
    rows, edges = tasks.rows, tasks.edges()
    ranks, works = np.array([row.rank for row in rows]), tuple(row.work for row in rows)
    recipes: dict[tuple[Call, ...], int] = {}
    recipe = [recipes.setdefault(tasks.recipe(row), len(recipes)) for row in rows]
    orders = [tuple(np.flatnonzero(ranks == rank).tolist()) for rank in range(len(cut.orders))]
    return TaskGraph(
        names=tasks.names(),
        kinds=KINDS,
        kind=np.array([work.kind for work in works]),
        units=np.ones(len(rows)),
        places=tuple((rank,) for rank in range(len(orders))),
        place=ranks,
        edges=_columns(edges),
        given=np.array([tasks.given(row) for row in rows]),
        output=np.array([tasks.output(row) for row in rows]),
        group=np.array([work.stage for work in works]),
        group_size=np.array(tasks.bytes) * update.kernel.rows,
        program=Training(model, cut.stages, works, tuple(edge.hands for edge in edges), update, adding, iterations),
        recipes=tuple(recipes),
        recipe=np.array(recipe),
        orders=tuple(orders) if cut.ordered else (),
    )


def _columns(edges: Sequence[Edge]) -> Edges:
    parent, child, moved = (np.array(column) for column in list(zip(*edges, strict=True))[:3])
    return Edges(parent, child, moved.astype(np.float64), np.zeros(len(edges)))
